"""A climate day that is settled: what its process keeps of it, and what its evidence is made of.

The ledger's table is the source; this is a copy of the day in plain values, beside the reasons and
the looks of its event, so that whoever judges the days reads artifacts alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from kalshi_alpha.clock import iso, require_aware
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.orders import Fill, worst_loss
from kalshi_alpha.markets.units import cash_text

SCHEMA = "kalshi-alpha/settled-climate-day/1"
LOOKS_BACK = 3  # days: a report that is disputed is decided later; an older day is left as it is


@dataclass(frozen=True, slots=True)
class Settled:
    """One fill and what became of it.

    Attributes:
        window_id: the stretch it was bought in.
        fill: as the ledger has it.
        result: cash it won, or below 0 lost, after its fee.

    Raises:
        DataError: when it lost more than was at risk, which no fill can do.
    """

    window_id: str
    fill: Fill
    result: int

    def __post_init__(self) -> None:
        most = worst_loss(self.fill.side, self.fill.price, self.fill.size) + self.fill.fee
        if self.result < -most:
            raise DataError(
                f"the fill {self.fill.fill_id} lost ${cash_text(-self.result)} of "
                f"${cash_text(most)} at risk: the record cannot be right"
            )


@dataclass(frozen=True, slots=True)
class SettledDay:
    """A day of one series.

    Attributes:
        event: its ticker.
        day: the climate day.
        source: whose fills: ``paper``, ``twin`` or ``live``.
        begins: trading's first instant of the day, aware.
        closes: when trading ended, aware.
        values: what one YES of each market paid, in price units.
        degrees: what the venue says it settled on; empty when it does not.
        fills: with what became of them, in time.
        verified: whether every order's end is known, as the venue tells it.
        differences: a sentence for each thing in the venue's lists that the ledger cannot explain.

    Raises:
        DataError: when trading ends before it begins, or a fill's market has no value.
    """

    event: str
    day: date
    source: str
    begins: datetime
    closes: datetime
    values: Mapping[str, int]
    degrees: str
    fills: tuple[Settled, ...]
    verified: bool = True
    differences: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        begins, closes = require_aware(self.begins), require_aware(self.closes)
        if not begins < closes:
            raise DataError(f"{self.event} ends at {iso(closes)}, not after it begins")
        for one in self.fills:
            if one.fill.ticker not in self.values:
                raise DataError(f"{self.event} has a fill of {one.fill.ticker} and no value of it")

    @property
    def result(self) -> int:
        """Return what the day won, in cash."""
        return sum(one.result for one in self.fills)

    def to_bytes(self) -> bytes:
        """Return it as JSON, ending in a line feed; the same day gives the same bytes."""
        doc = {"schema": SCHEMA, **msgspec.to_builtins(self)}
        return msgspec.json.format(msgspec.json.encode(doc), indent=1) + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> SettledDay:
        """Read what ``to_bytes`` wrote; raise ``DataError`` on anything else."""
        try:
            doc = msgspec.json.decode(data, type=dict[str, object])
            schema = doc.pop("schema", None)
            if schema != SCHEMA:
                raise DataError(f"a settled day is of schema {str(schema)[:60]!r}, not {SCHEMA}")
            return msgspec.convert(doc, cls)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise DataError(f"a settled day cannot be read: {str(error)[:200]}") from None


def settled_key(event: str) -> str:
    """Return where a settled day of an event is kept."""
    return f"momentum/{event}/settled.json"
