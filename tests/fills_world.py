"""Made days of fills with a known edge: fixings share their outcome, days share their luck."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from kalshi_alpha.markets.orders import Fill, Side
from kalshi_alpha.trading.grades import GradedFill, Proof
from kalshi_alpha.trading.honesty import bin_key

FIRST = date(2026, 1, 5)
FIXINGS = 8


@dataclass(frozen=True)
class World:
    """A strategy that fills some contracts a fixing and truly earns ``edge`` dollars on each.

    ``claimed`` is what it believes. In every fixing all contracts turn on one draw, and every day
    has a luck of its own, of standard deviation ``luck`` in probability and of mean 0.
    """

    edge: float = 0.0
    claimed: float = 0.05
    contracts: float = 3.0
    luck: float = 0.05

    def days(self, count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return each day's costs and payouts, a contract each."""
        rng = np.random.default_rng(seed)
        days = []
        for _ in range(count):
            numbers = rng.poisson(self.contracts, FIXINGS)
            cost = rng.uniform(0.2, 0.8, numbers.sum())
            luck = rng.choice((-self.luck, self.luck))
            draws = np.repeat(rng.uniform(size=FIXINGS), numbers)
            days.append((cost, (draws < cost + self.edge + luck).astype(float)))
        return days

    def fills(self, count: int, seed: int) -> list[GradedFill]:
        """Return the same days as graded fills, all bids of one bin's making."""
        return [
            made_fill(
                FIRST + timedelta(days=k),
                price=round(10_000 * cost),
                paid=float(paid),
                claimed=self.claimed,
                number=number,
            )
            for k, (costs, paids) in enumerate(self.days(count, seed))
            for number, (cost, paid) in enumerate(zip(costs, paids, strict=True))
        ]


def made_fill(
    day: date,
    *,
    price: int = 5000,
    paid: float | None = 1.0,
    claimed: float = 0.05,
    number: int = 0,
    size: int = 100,
    side: Side = Side.BID,
    proof: Proof = Proof.TRADE_THROUGH,
    series: str = "KXINXU",
    window: str = "",
    markouts: dict[int, float] | None = None,
) -> GradedFill:
    """Return one graded fill of noon; ``paid`` is what YES paid."""
    at = datetime(day.year, day.month, day.day, 16, 57, tzinfo=UTC)
    name = window or f"{day:%Y%m%d}-1200-index-hourly"
    probability = min(0.98, max(0.02, price / 10_000 + side.sign * claimed))
    fill = Fill(f"{day}-{number}", "paper-1", f"{series}-T1", side, price, size, False, 0, at)
    realised = None if paid is None else side.sign * (paid - price / 10_000)
    key = bin_key("index", "above", probability, 180.0, side)
    return GradedFill(
        day, name, series, key, fill, proof, probability, claimed, realised, markouts or {}
    )
