"""One fill as a row: what was claimed, what came after, what it paid. Rows are what is kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.units import CASH_UNIT, PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.research.backtest.fills import SimulatedFill
from kalshi_alpha.research.backtest.pricing import Pricer
from kalshi_alpha.research.backtest.tape import at_second

MARKOUTS_S = (1.0, 5.0, 30.0)


@dataclass(frozen=True, slots=True)
class FillRow:
    """One simulated fill, in plain values.

    Attributes:
        day: of the event, ISO.
        window_id: the window.
        ticker: the market.
        bin: its place from the money at the fill (``Pricer.bin_of``); 0 where unknown.
        side: ``bid`` or ``ask`` of YES.
        price: 1/10000 dollar.
        size: 1/100 contract.
        at: the second it filled in, ISO UTC.
        placed_s: seconds it had rested.
        seconds_to_fixing: from the fill.
        is_taker: whether it took.
        probability: of YES, what the quote was made on.
        ev_claimed: dollars a contract, after fees.
        fee: cash.
        evidence: what proves the fill.
        markout_1s: dollars a contract: the law's probability that much later less the price, by
            side; None where the law was not known then.
        markout_5s: likewise.
        markout_30s: likewise.
        settled: whether YES paid; None without a settlement.
        realised: dollars a contract after fees, at settlement; None without one.
    """

    day: str
    window_id: str
    ticker: str
    bin: int
    side: str
    price: int
    size: int
    at: str
    placed_s: float
    seconds_to_fixing: float
    is_taker: bool
    probability: float
    ev_claimed: float
    fee: int
    evidence: str
    markout_1s: float | None
    markout_5s: float | None
    markout_30s: float | None
    settled: bool | None
    realised: float | None

    @property
    def contracts(self) -> float:
        """Return the size in contracts."""
        return self.size / SIZE_UNIT

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, doc: dict[str, Any]) -> FillRow:
        """Read what ``as_json`` wrote; raise ``DataError`` on anything else."""
        names = {each.name for each in fields(cls)}
        if set(doc) != names:
            raise DataError(f"a fill holds {sorted(set(doc) ^ names)} too much or too little")
        return cls(**doc)


def fill_row(fill: SimulatedFill, pricer: Pricer, max_age_s: float) -> FillRow:
    """Return the row of a fill; markouts read the law after it, which no decision did."""
    tape, sign = pricer.tape, fill.side.sign
    paid = tape.paid[fill.market]
    fee = fill.fee / CASH_UNIT / (fill.size / SIZE_UNIT)
    realised = None if paid is None else sign * (float(paid) - fill.price / PRICE_UNIT) - fee
    after = pricer.at(fill.at + 1.0)
    markouts = [_markout(fill, pricer, wait, max_age_s) for wait in MARKOUTS_S]
    return FillRow(
        day=tape.window.day.isoformat(),
        window_id=tape.window.window_id,
        ticker=fill.ticker,
        bin=0 if after is None else pricer.bin_of(fill.market, after.reading.value),
        side=fill.side.value,
        price=fill.price,
        size=fill.size,
        at=at_second(fill.at).isoformat().replace("+00:00", "Z"),
        placed_s=round(fill.at - fill.placed, 3),
        seconds_to_fixing=round(tape.fixing_s - fill.at, 3),
        is_taker=fill.is_taker,
        probability=fill.probability,
        ev_claimed=fill.ev,
        fee=fill.fee,
        evidence=fill.evidence.value,
        markout_1s=markouts[0],
        markout_5s=markouts[1],
        markout_30s=markouts[2],
        settled=paid,
        realised=None if realised is None else round(realised, 6),
    )


def _markout(fill: SimulatedFill, pricer: Pricer, wait: float, max_age_s: float) -> float | None:
    priced = pricer.at(fill.at + wait)
    if priced is None or priced.reading.silence_s > max_age_s + wait:
        return None
    fair = priced.by_ticker[fill.ticker]
    return round(fill.side.sign * (fair - fill.price / PRICE_UNIT), 6)
