"""The venue's own records of us, asked of the venue or read from saved answers.

A saved portfolio is a folder with ``fills.json``, ``settlements.json``, ``positions.json`` and
``balance.json``, each an answer of the endpoint of that name (several pages as one), and perhaps
``user_data_timestamp.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from kalshi_alpha.clock import iso
from kalshi_alpha.errors import ConfigurationError, DataError, VenueError
from kalshi_alpha.markets.units import cash_from_text, cash_text, size_from_text
from kalshi_alpha.steps.account import SHARD
from kalshi_alpha.trading.verification import Portfolio
from kalshi_alpha.venues.kalshi import wire
from kalshi_alpha.venues.kalshi.reader import KalshiReader, balance_from, objects

_LISTS = {"fills": "fills", "settlements": "settlements", "positions": "market_positions"}


@dataclass(frozen=True, slots=True)
class Answers:
    """The venue's answers as it gave them; ``as_of`` is its word on how fresh they are."""

    lists: Mapping[str, Sequence[Mapping[str, Any]]]
    balance: int | None
    as_of: datetime | None
    since: datetime | None = None

    def portfolio(self) -> Portfolio:
        """Return what they say; raise ``DataError`` when an item cannot be read."""
        positions = self.lists["positions"]
        return Portfolio(
            fills=tuple(wire.fill_from(item) for item in self.lists["fills"]),
            settlements=tuple(wire.settlement_from(item) for item in self.lists["settlements"]),
            positions={str(p.get("ticker")): _position(p) for p in positions},
            fees={
                str(p["ticker"]): cash_from_text(str(p["fees_paid_dollars"]))
                for p in positions
                if p.get("ticker") and p.get("fees_paid_dollars") is not None
            },
            balance=self.balance,
            as_of=self.as_of,
            since=self.since,
        )


def ask(reader: KalshiReader, since: datetime | None = None) -> Answers:
    """Ask the venue for everything; fills only since ``since``, when it is given.

    How fresh the lists are is asked first, so that they are at least that fresh.
    """
    try:
        as_of = reader.data_at()
    except (VenueError, DataError):
        as_of = None
    lists = {
        name: reader.portfolio(name, key, since if name == "fills" else None)
        for name, key in _LISTS.items()
    }
    return Answers(lists, reader.balance(SHARD), as_of, since)


def save(answers: Answers, folder: Path) -> None:
    """Write the answers into a folder, as ``load`` reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Any] = {
        name: {key: answers.lists[name], "cursor": ""} for name, key in _LISTS.items()
    }
    if answers.balance is not None:
        files["balance"] = {"balance_dollars": cash_text(answers.balance)}
    if answers.as_of is not None:
        files["user_data_timestamp"] = {"as_of_time": iso(answers.as_of)}
    for name, doc in files.items():
        text = json.dumps(doc, indent=1) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def load(folder: Path) -> Answers:
    """Read saved answers.

    Raises:
        ConfigurationError: when the folder or one of its lists is not there.
        DataError: when a file holds no answer of its endpoint.
    """
    lists = {name: objects(_read(folder, name), key) for name, key in _LISTS.items()}
    has_balance = (folder / "balance.json").is_file()
    has_time = (folder / "user_data_timestamp.json").is_file()
    return Answers(
        lists,
        balance_from(_read(folder, "balance"), SHARD) if has_balance else None,
        wire.data_at_from(_read(folder, "user_data_timestamp")) if has_time else None,
    )


def _read(folder: Path, name: str) -> dict[str, Any]:
    path = folder / f"{name}.json"
    try:
        doc = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path} is missing; a saved portfolio holds {', '.join(_LISTS)} and balance, each an "
            "answer of the venue's endpoint of that name"
        ) from None
    except ValueError as error:
        raise DataError(f"{path} is no JSON: {error}") from error
    if not isinstance(doc, dict):
        raise DataError(f"{path} holds a {type(doc).__name__} where the venue's object belongs")
    return doc


def _position(item: Mapping[str, Any]) -> int:
    held = item.get("position_fp")
    if held is None:
        raise DataError(f"the position in {item.get('ticker')!r} has no position_fp")
    return size_from_text(str(held))
