"""Recorded trades, printed again at the twin: each at its time, price, size and taker's side.

The recording holds no book. Between trades one made-up maker rests a hundred contracts on either
side of each bracket, at the prices at which takers last bought and sold, at most five cents apart;
so whoever follows the books sees what the tape says, and nothing more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import CASH_UNIT, CENT, PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.rehearsal.exchange.engine import Engine, Ticket
from kalshi_alpha.rehearsal.exchange.model import Order
from kalshi_alpha.rehearsal.recorded_temperature import RecordedTrade

MAKER, TAKER = "tape-maker", "tape-taker"
RESTING = 100 * SIZE_UNIT
WIDEST = 5 * CENT
_PLENTY = 10_000_000 * CASH_UNIT


@dataclass(slots=True)
class _Stand:
    """The maker's two orders of one market."""

    orders: dict[Side, Order] = field(default_factory=dict)

    def price(self, side: Side) -> int | None:
        found = self.orders.get(side)
        return found.price if found is not None and found.remaining else None


class TapePlayer:
    """Plays trades into an engine; ``play`` is called at each one's time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stands: dict[str, _Stand] = {}
        self.played = 0
        for account in (MAKER, TAKER):
            engine.open_account(account, _PLENTY, keeps_records=False)

    def play(self, trade: RecordedTrade) -> None:
        """Have one trade print, and leave the maker beside it.

        New orders come before old ones go: a book that was whole is never without a side.
        """
        stand = self._stands.setdefault(trade.ticker, _Stand())
        rested = trade.taker.other
        self._clear(trade, stand)
        self._stand(trade.ticker, stand, rested, trade.price, trade.size + RESTING)
        self._engine.create(
            TAKER,
            Ticket(
                trade.ticker,
                trade.taker,
                trade.price,
                trade.size,
                time_in_force="immediate_or_cancel",
            ),
        )
        self._beside(trade, stand)
        self.played += 1

    def rest(self, trade: RecordedTrade) -> None:
        """Leave the maker where a trade would, without printing it: how a day was begun."""
        stand = self._stands.setdefault(trade.ticker, _Stand())
        self._clear(trade, stand)
        self._stand(trade.ticker, stand, trade.taker.other, trade.price, RESTING)
        self._beside(trade, stand)

    def _clear(self, trade: RecordedTrade, stand: _Stand) -> None:
        """Move the maker's order on the taker's side behind the trade's price."""
        price = stand.price(trade.taker)
        if price is not None and (price - trade.price) * trade.taker.sign >= 0:
            self._leave(trade.ticker, stand, trade.taker, trade.price - trade.taker.sign * CENT)

    def _beside(self, trade: RecordedTrade, stand: _Stand) -> None:
        """Keep the other side within reach of the trade."""
        side, price = trade.taker, stand.price(trade.taker)
        nearest, farthest = (trade.price - side.sign * k for k in (CENT, WIDEST))
        if price is None or (farthest - price) * side.sign > 0:
            self._leave(trade.ticker, stand, side, nearest if price is None else farthest)

    def _leave(self, ticker: str, stand: _Stand, side: Side, price: int) -> None:
        if CENT <= price <= PRICE_UNIT - CENT:
            self._stand(ticker, stand, side, price, RESTING)
        elif (order := stand.orders.pop(side, None)) is not None and order.remaining:
            self._engine.cancel(MAKER, order.order_id)

    def _stand(self, ticker: str, stand: _Stand, side: Side, price: int, size: int) -> None:
        before = stand.orders.get(side)
        if before is not None and (before.price, before.remaining) == (price, size):
            return
        stand.orders[side] = self._engine.create(
            MAKER, Ticket(ticker, side, price, size, post_only=True)
        )
        if before is not None and before.remaining:
            self._engine.cancel(MAKER, before.order_id)


def last_by_market(trades: Iterator[RecordedTrade]) -> list[RecordedTrade]:
    """Return the last trade of each side of each market, in time: what a book is begun with."""
    found = {(trade.ticker, trade.taker): trade for trade in trades}
    return sorted(found.values(), key=lambda trade: trade.at)
