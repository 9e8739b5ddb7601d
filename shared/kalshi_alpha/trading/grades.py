"""Fills graded: what each claimed, what proves it, what it earned, and the same by day.

A grade takes what the ledger and the why-records of a window say, never what was meant. Only a
fill that is proven counts for graduation: one whose queue was seen to clear, or one that the tape
traded through. All values are dollars a contract unless said otherwise; one basis point is 1/10000
dollar a contract.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from kalshi_alpha.clock import from_iso, iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.orders import Fill, Side, worst_loss
from kalshi_alpha.markets.units import CASH_UNIT, PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.trading.honesty import bin_key

BASIS_POINT = 1.0 / PRICE_UNIT


class Proof(StrEnum):
    """What says that an order was filled, best first."""

    QUEUE_CLEARED = "queue_cleared"
    TRADE_THROUGH = "trade_through"
    TOUCHED = "touched"

    @property
    def counts(self) -> bool:
        """Say whether a graduation may count it."""
        return self is not Proof.TOUCHED


# The venue's own fills have cleared a queue; the paper broker's need a trade through their price.
PROOF_OF = {
    "paper": Proof.TRADE_THROUGH,
    "twin": Proof.QUEUE_CLEARED,
    "live": Proof.QUEUE_CLEARED,
}


@dataclass(frozen=True, slots=True)
class GradedFill:
    """One fill with its claim and its outcome.

    Attributes:
        day: New York day of the fixing.
        window_id: its window.
        series: its series.
        bin: its honesty bin.
        fill: what the ledger holds.
        proof: what proves it.
        probability: of YES, by the quote that was filled.
        claimed: expected at that price, after the fee.
        realised: what it paid after the fee, None until it is settled.
        markouts: by seconds after the fill: the law's value then less the price, by side.
    """

    day: date
    window_id: str
    series: str
    bin: str
    fill: Fill
    proof: Proof
    probability: float
    claimed: float
    realised: float | None
    markouts: Mapping[int, float] = field(default_factory=dict)

    @property
    def contracts(self) -> float:
        """Return the size in contracts."""
        return self.fill.size / SIZE_UNIT

    @property
    def at_risk(self) -> float:
        """Return the dollars it can lose at the worst, its fee included."""
        fill = self.fill
        return (worst_loss(fill.side, fill.price, fill.size) + fill.fee) / CASH_UNIT

    @property
    def spread(self) -> float:
        """Return the standard deviation of what it pays, by its own probability."""
        return math.sqrt(self.probability * (1.0 - self.probability))

    @property
    def counted(self) -> bool:
        """Say whether it is settled and proven."""
        return self.realised is not None and self.proof.counts

    def slippage(self, seconds: int) -> float | None:
        """Return how much of the claimed edge was gone that much later, None where unknown."""
        after = self.markouts.get(seconds)
        if after is None:
            return None
        before = self.fill.side.sign * (self.probability - self.fill.price / PRICE_UNIT)
        return before - after

    def to_json(self) -> dict[str, Any]:
        """Return one flat row."""
        return {
            "day": self.day.isoformat(),
            "window_id": self.window_id,
            "series": self.series,
            "bin": self.bin,
            "fill_id": self.fill.fill_id,
            "ticker": self.fill.ticker,
            "side": self.fill.side.value,
            "price": self.fill.price,
            "size": self.fill.size,
            "fee": self.fill.fee,
            "at": iso(self.fill.at),
            "proof": self.proof.value,
            "probability": self.probability,
            "claimed": round(self.claimed, 6),
            "realised": None if self.realised is None else round(self.realised, 6),
            "markouts": {str(s): round(m, 6) for s, m in sorted(self.markouts.items())},
        }


@dataclass(frozen=True, slots=True)
class DayResult:
    """What a day's counted fills came to, in dollars and contracts.

    Raises:
        DataError: when more was lost than was at risk, which no fill can do.
    """

    day: date
    fills: int
    contracts: float
    profit: float
    at_risk: float

    def __post_init__(self) -> None:
        finite = all(map(math.isfinite, (self.contracts, self.profit, self.at_risk)))
        if not finite or self.profit < -self.at_risk - 1e-6:
            raise DataError(
                f"the fills of {self.day} lost {-self.profit:.4f} dollars of {self.at_risk:.4f} at "
                "risk: the record cannot be right"
            )

    @property
    def on_risk(self) -> float:
        """Return the profit over what was at risk, -1 or more; 0 on a day without a fill."""
        return max(-1.0, self.profit / self.at_risk) if self.at_risk > 0.0 else 0.0


def grade_fill(
    fill: Fill,
    whys: Sequence[Mapping[str, Any]],
    *,
    day: date,
    window_id: str,
    fixing: datetime,
    family: str,
    kind: str,
    proof: Proof,
    yes_value: float | None,
    markouts: Mapping[int, float],
) -> GradedFill | None:
    """Return the grade of a fill, None when no quote of ours explains it.

    The claim is that of the last scan before the fill which quoted this market and side, at this
    price if one did: later scans may have wanted another price while the order still rested.

    Args:
        fill: of the ledger.
        whys: why-records of its market, as written, in any order.
        day: New York day of the fixing.
        window_id: of the window.
        fixing: its instant.
        family: of the series.
        kind: of its ladder.
        proof: what proves the fill.
        yes_value: dollars that YES paid, None before settlement.
        markouts: what is known of the law after it.

    Raises:
        DataError: when a why-record is garbled.
    """
    try:
        quoted = [
            (int(doc["price"]) == fill.price, from_iso(doc["at"]), doc)
            for doc in whys
            if doc["decision"] == "quote"
            and doc["side"] == fill.side.value
            and doc["ticker"] == fill.ticker
            and from_iso(doc["at"]) <= fill.at
        ]
        if not quoted:
            return None
        _, decided, claim = max(quoted, key=lambda found: found[:2])
        probability = float(claim["probability"])
        series = str(claim["series"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"a why-record of {fill.ticker} is garbled: {error!r}") from None
    price, fee = fill.price / PRICE_UNIT, fill.fee / CASH_UNIT / (fill.size / SIZE_UNIT)
    sign = fill.side.sign
    left = (fixing - decided).total_seconds()
    return GradedFill(
        day=day,
        window_id=window_id,
        series=series,
        bin=bin_key(family, kind, probability, left, fill.side),
        fill=fill,
        proof=proof,
        probability=probability,
        claimed=sign * (probability - price) - fee,
        realised=None if yes_value is None else sign * (yes_value - price) - fee,
        markouts=markouts,
    )


def day_results(days: Iterable[date], fills: Iterable[GradedFill]) -> tuple[DayResult, ...]:
    """Return each day's counted fills, ascending; a day without one is a day all the same."""
    rows = [one for one in fills if one.counted]
    found = sorted({*days, *(one.day for one in rows)})
    by_day: dict[date, list[GradedFill]] = {day: [] for day in found}
    for one in rows:
        by_day[one.day].append(one)
    return tuple(_day_result(day, mine) for day, mine in by_day.items())


def side_of(text: str) -> Side:
    """Return the side of a record; raise ``DataError`` for another word."""
    try:
        return Side(text)
    except ValueError:
        raise DataError(f"the side {text[:20]!r} of a record is neither bid nor ask") from None


def _day_result(day: date, fills: Sequence[GradedFill]) -> DayResult:
    return DayResult(
        day=day,
        fills=len(fills),
        contracts=math.fsum(one.contracts for one in fills),
        profit=math.fsum((one.realised or 0.0) * one.contracts for one in fills),
        at_risk=math.fsum(one.at_risk for one in fills),
    )
