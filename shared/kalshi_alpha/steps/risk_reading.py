"""Where the command that shows risk gets its books: the tables, or a run's folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from kalshi_alpha.cloud.artifacts import ArtifactStore
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.steps.fixing import PART, read_window
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.trading.risk import FixingBook, SymbolBook, together
from kalshi_alpha.trading.risk_book import WindowRisk


@dataclass(frozen=True, slots=True)
class FixingSeen:
    """A fixing's book: whose windows it is made of, and when each of them was last scanned."""

    windows: Mapping[str, datetime]
    book: FixingBook

    @property
    def name(self) -> str:
        """Return the fixing as window ids write it: day and New York time."""
        return next(iter(self.windows))[:13]


def fixings_of_day(runtime: Runtime, day: date) -> list[FixingSeen]:
    """Return the fixings of a New York day whose windows have been scanned, by the tables now.

    Raises:
        DataError: when what a scan left cannot be read.
        StoreError: when the tables do not answer.
    """
    found: list[tuple[str, datetime, Mapping[str, SymbolBook]]] = []
    for window in runtime.windows_on(day):
        doc = runtime.state.part(window.window_id, PART)
        if not doc or _settled(runtime, window):
            continue
        may_rest = runtime.clock.now() < window.fixing
        mine = read_window(runtime, window, with_orders=may_rest).mine
        if not may_rest and not any(one.held for one in mine.values()):
            continue
        found.append((window.window_id, WindowRisk.from_json(doc).at, mine))
    return _by_fixing(found, runtime.registry)


def fixings_of_run(store: ArtifactStore, registry: Registry) -> list[FixingSeen]:
    """Return the fixings of a run's artifacts, as the last scan of each window left them.

    Raises:
        DataError: when no scan left anything, or what it left cannot be read.
    """
    last: dict[str, str] = {}
    for key in sorted(store.keys("windows/")):
        parts = key.split("/")
        if len(parts) == 4 and parts[2] == "scan":
            last[parts[1]] = key
    found = []
    for window_id, key in sorted(last.items()):
        try:
            doc = json.loads(store.read(key)).get("risk")
        except (ValueError, AttributeError) as error:
            raise DataError(f"the scan {key} cannot be read: {str(error)[:100]}") from None
        if doc is not None:
            left = WindowRisk.from_json(doc)
            found.append((window_id, left.at, left.symbols))
    if not found:
        raise DataError("no scan of this run left its risk: rehearse again, or name another folder")
    return _by_fixing(found, registry)


def _by_fixing(
    windows: Iterable[tuple[str, datetime, Mapping[str, SymbolBook]]], registry: Registry
) -> list[FixingSeen]:
    groups: dict[str, list[tuple[str, datetime, Mapping[str, SymbolBook]]]] = {}
    for one in windows:
        groups.setdefault(one[0][:13], []).append(one)
    return [
        FixingSeen(
            {name: at for name, at, _ in group},
            FixingBook(together(book for _, _, book in group), registry.risk.correlations),
        )
        for _, group in sorted(groups.items())
    ]


def _settled(runtime: Runtime, window: Window) -> bool:
    """Say whether every market that the window filled in has paid."""
    paid = {str(row["ticker"]) for row in runtime.ledger.settlements(window.window_id)}
    filled = {fill.ticker for fill in runtime.ledger.fills(window.window_id)}
    return bool(paid) and filled <= paid
