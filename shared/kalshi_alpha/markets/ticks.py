"""The prices at which a market may be quoted.

A market's ``price_ranges`` are the only truth about them: the label beside them is not read, and
the grid may change during a market's life. Ranges hold both their ends.
"""

from __future__ import annotations

import functools
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from kalshi_alpha.errors import ContractError, DataError
from kalshi_alpha.markets.units import PRICE_UNIT, price_from_text, price_text

Range = tuple[int, int, int]  # start, end and step, in 1/10000 dollar


@dataclass(frozen=True, slots=True)
class TickGrid:
    """The quotable prices of a market, in 1/10000 dollar, strictly inside (0, 10000)."""

    ranges: tuple[Range, ...]
    levels: tuple[int, ...] = field(repr=False, compare=False)

    @classmethod
    def from_price_ranges(cls, price_ranges: Iterable[Mapping[str, Any]]) -> TickGrid:
        """Read the venue's ``[{"start": "0.0000", "end": "1.0000", "step": "0.0100"}, ...]``.

        Raises:
            ContractError: (``bad_price_ranges``) when a range is malformed, runs off its own steps
                or overlaps another, or when no price is left.
        """
        try:
            ranges = tuple(
                (
                    price_from_text(entry["start"]),
                    price_from_text(entry["end"]),
                    price_from_text(entry["step"]),
                )
                for entry in price_ranges
            )
        except (DataError, KeyError, TypeError) as error:
            raise _bad(f"cannot be read: {error}") from None
        return _grid(tuple(sorted(ranges)))

    def contains(self, price: int) -> bool:
        """Say whether an order may have this price."""
        at = bisect_left(self.levels, price)
        return at < len(self.levels) and self.levels[at] == price

    def step_up(self, price: int, n: int = 1) -> int:
        """Return the price ``n`` >= 0 ticks above one on the grid; ``ContractError`` past it."""
        return self._stepped(price, n)

    def step_down(self, price: int, n: int = 1) -> int:
        """Return the price ``n`` >= 0 ticks below one on the grid; ``ContractError`` past it."""
        return self._stepped(price, -n)

    def floor(self, price: int) -> int:
        """Return the highest quotable price at or under ``price``; ``ContractError`` if none."""
        at = bisect_right(self.levels, price)
        if at == 0:
            raise _off(f"no quotable price is at or under {price_text(price)}")
        return self.levels[at - 1]

    def ceil(self, price: int) -> int:
        """Return the lowest quotable price at or over ``price``; ``ContractError`` if none."""
        at = bisect_left(self.levels, price)
        if at == len(self.levels):
            raise _off(f"no quotable price is at or over {price_text(price)}")
        return self.levels[at]

    def _stepped(self, price: int, steps: int) -> int:
        if not self.contains(price):
            raise _off(f"the price {price_text(price)} is not on the market's grid")
        at = bisect_left(self.levels, price) + steps
        if not 0 <= at < len(self.levels):
            raise _off(f"{abs(steps)} ticks from {price_text(price)} the grid has ended")
        return self.levels[at]


@functools.lru_cache(maxsize=64)  # the hundreds of markets of a ladder share one grid
def _grid(ranges: tuple[Range, ...]) -> TickGrid:
    for start, end, step in ranges:
        if not 0 <= start <= end <= PRICE_UNIT or step <= 0:
            raise _bad(f"{_range_text(start, end, step)} is not a range of prices within 0 to 1")
        if start % step or end % step:
            raise _bad(f"{_range_text(start, end, step)} begins or ends between its own steps")
    for (_, end, _), (start, _, _) in pairwise(ranges):
        if start < end:
            raise _bad(f"two of them overlap from {price_text(start)} to {price_text(end)}")
    levels = {
        price
        for start, end, step in ranges
        for price in range(start, end + 1, step)
        if 0 < price < PRICE_UNIT
    }
    if not levels:
        raise _bad("leave no price to quote")
    return TickGrid(ranges, tuple(sorted(levels)))


def _range_text(start: int, end: int, step: int) -> str:
    return f"{price_text(start)} to {price_text(end)} by {price_text(step)}"


def _bad(what: str) -> ContractError:
    return ContractError(f"the market's price_ranges {what}", code="bad_price_ranges")


def _off(what: str) -> ContractError:
    return ContractError(what, code="off_grid")
