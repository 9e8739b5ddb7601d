"""The book as far as trades show it: who was hit last on either side, and how long ago."""

from __future__ import annotations

from dataclasses import dataclass, field

from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.units import PRICE_UNIT

EMPTY = Top(None, 0, None, 0)


@dataclass(slots=True)
class TradedBook:
    """The best bid and ask that the last trades prove, one market each.

    Takers that sold met a bid at that price, takers that bought met an ask. Both are taken to be
    there for ``memory_s`` more seconds and ``widen`` further out. Two that contradict each other
    leave the newer one.
    """

    memory_s: float
    widen: int
    _sold: dict[int, tuple[float, int, int]] = field(default_factory=dict)
    _bought: dict[int, tuple[float, int, int]] = field(default_factory=dict)

    def take(
        self, at: float, market: int, sold: int, sold_size: int, bought: int, bought_size: int
    ) -> None:
        """Take one second's trades; prices are 0 where nobody traded."""
        if sold:
            self._sold[market] = (at, sold, sold_size)
        if bought:
            self._bought[market] = (at, bought, bought_size)

    def knows(self, market: int) -> bool:
        """Say whether it has traded at all."""
        return market in self._sold or market in self._bought

    def top(self, market: int, now: float) -> Top:
        """Return what is taken to be quoted at ``now``."""
        bid = self._fresh(self._sold.get(market), now, -self.widen)
        ask = self._fresh(self._bought.get(market), now, self.widen)
        if bid and ask and bid[1] >= ask[1]:
            if bid[0] >= ask[0]:
                ask = None
            else:
                bid = None
        return Top(
            bid[1] if bid else None, bid[2] if bid else 0, ask[1] if ask else None,
            ask[2] if ask else 0,
        )  # fmt: skip

    def mid(self, market: int, now: float) -> float | None:
        """Return the middle of the two, dollars; None unless both are there."""
        top = self.top(market, now)
        if top.bid is None or top.ask is None:
            return None
        return (top.bid + top.ask) / (2 * PRICE_UNIT)

    def _fresh(
        self, last: tuple[float, int, int] | None, now: float, move: int
    ) -> tuple[float, int, int] | None:
        if last is None or now - last[0] > self.memory_s:
            return None
        price = last[1] + move
        return (last[0], price, last[2]) if 0 < price < PRICE_UNIT else None
