"""The rehearsal's summary: one row for each window and series, for machines and for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

from kalshi_alpha.clock import iso

PATH_NOTE = (
    "The index is recorded minute by minute. The path inside each minute is drawn by a seeded "
    "bridge through the minute's open, high, low and close: it is plausible, not recorded."
)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a rehearsal was made from, enough to make it again.

    Attributes:
        day: The New York day rehearsed.
        generated_at: When the rehearsal ended, on the real clock.
        code_version: Version of the package, with the commit when it is known.
        registry_hash: SHA-256 of the effective registry.
        parameters_checksum: Checksum of the parameters that priced it.
        seed: Seed of everything random.
        broker: Who took the orders: ``twin`` or ``paper``.
        data_labels: Name of each input to what it is, such as ``SPX minutes: recorded``.
        path_note: What is and is not real about what was played.
    """

    day: date
    generated_at: datetime
    code_version: str
    registry_hash: str
    parameters_checksum: str
    seed: int
    broker: str
    data_labels: Mapping[str, str] = field(default_factory=dict)
    path_note: str = PATH_NOTE

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready copy."""
        texts = {"day": self.day.isoformat(), "generated_at": iso(self.generated_at)}
        return _plain(self) | texts | {"data_labels": dict(self.data_labels)}


@dataclass(frozen=True, slots=True)
class SeriesSummary:
    """How one series of one window went.

    Attributes:
        window_id: The window, such as ``20251104-1200-index-hourly``.
        series: The series, such as ``KXINXU``.
        go: Whether preflight let it be quoted.
        reasons: Sentences of everything that spoke against it, at preflight or later.
        markets_listed: Markets of its event in the venue's listing.
        candidates: Market sides looked at, over all scans.
        quotes_placed: Orders created.
        amends: Orders moved.
        cancels: Orders taken away, the pull's included.
        fills: Fills of our orders.
        resting_after_pull: Orders still resting when the pull gave up or was sure; 0 is right.
        pull_started_s: When the pull sent its first cancel, in seconds relative to the fixing
            (negative is before); None when no pull ran.
        pull_confirmed_s: When a listing showed nothing resting; None when none did.
        settlement_value: The venue's ``expiration_value`` in index points; None while unsettled.
        basis: Settlement value less our feed's last value at or before the fixing, in points.
        pnl_dollars: Cash of fills and settlements, after fees.
        fees_dollars: Fees paid.
        ledger_matches_exchange: Whether our orders, fills and cash equal the exchange's own.
        states_visited: States of the state machine in the order entered.
    """

    window_id: str
    series: str
    go: bool
    reasons: tuple[str, ...]
    markets_listed: int
    candidates: int
    quotes_placed: int
    amends: int
    cancels: int
    fills: int
    resting_after_pull: int
    pull_started_s: float | None
    pull_confirmed_s: float | None
    settlement_value: float | None
    basis: float | None
    pnl_dollars: float
    fees_dollars: float
    ledger_matches_exchange: bool
    states_visited: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready copy with exactly these fields."""
        return _plain(self)


def write_summary(path: Path, provenance: Provenance, rows: Sequence[SeriesSummary]) -> None:
    """Write ``{"provenance": ..., "windows": [one object a window and series]}`` to ``path``.

    Folders are made as needed. Raise ``ValueError`` for a number that is not finite.
    """
    doc = {"provenance": provenance.to_json(), "windows": [row.to_json() for row in rows]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(doc, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _plain(record: Provenance | SeriesSummary) -> dict[str, Any]:
    values = {item.name: getattr(record, item.name) for item in fields(record)}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}
