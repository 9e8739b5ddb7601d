"""Hold what the venue charged against its own rule, order by order and fill by fill."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.markets.orders import Fill
from kalshi_alpha.pricing.fees import DIRECT, FeeAccumulator, FeeTerms, fee_regime_on


@dataclass(frozen=True, slots=True)
class FeeDifference:
    """A fill that cost something else than the rule says; both in cash."""

    fill_id: str
    order_id: str
    charged: int
    expected: int

    def __str__(self) -> str:
        """Say it in a sentence."""
        return (
            f"the fill {self.fill_id} of the order {self.order_id} cost {self.charged} cash units "
            f"where the rule says {self.expected}"
        )


def fee_differences(
    terms: FeeTerms, fills: Iterable[Fill], precision: int = DIRECT
) -> tuple[FeeDifference, ...]:
    """Return where the venue's fees of one market's fills are not what its rule gives.

    Each order has an accumulator of its own, which takes its fills in the order of time. After a
    difference the accumulator goes on by the rule, so one odd fee is counted once.

    Args:
        terms: the market's fee terms.
        fills: ours, of that market; in any order, of any number of orders.
        precision: cash the member's balance is kept to.
    """
    accumulators: dict[str, FeeAccumulator] = {}
    found = []
    for fill in sorted(fills, key=lambda fill: (fill.at, fill.fill_id)):
        day = fill.at.astimezone(NEW_YORK).date()
        accumulator = accumulators.setdefault(
            fill.order_id, FeeAccumulator(terms, precision, fee_regime_on(day))
        )
        expected = accumulator.fill(fill.side, fill.price, fill.size, is_taker=fill.is_taker)
        if expected != fill.fee:
            found.append(FeeDifference(fill.fill_id, fill.order_id, fill.fee, expected))
    return tuple(found)
