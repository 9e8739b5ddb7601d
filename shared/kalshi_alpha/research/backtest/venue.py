"""Our resting orders against what was recorded: who traded through them, and when they were there.

An order rests from its latency after the decision on, and for the seconds of trades that begin
then or later; a cancel takes effect a latency after its decision, and a second that had begun by
then still meets the order. Both are the worse for us: we fill late in good seconds and still in
bad ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from kalshi_alpha.markets.orders import LiveOrder, OrderStatus, Side
from kalshi_alpha.markets.units import CASH_UNIT
from kalshi_alpha.pricing.fees import FeeAccumulator, FeeRegime, FeeTerms
from kalshi_alpha.research.backtest.fills import Evidence, SimulatedFill
from kalshi_alpha.trading.plan import TargetQuote


@dataclass(slots=True)
class Resting:
    """One order of ours.

    ``until`` is when a decided end takes effect. ``successor`` is the order that replaces it: what
    fills while the change is under way is no longer there to be filled again.
    """

    client_order_id: str
    market: int
    target: TargetQuote
    size: int
    filled: int
    claimed: float
    placed: float
    fees: FeeAccumulator
    until: float = math.inf
    is_taker: bool = False
    touched: bool = False
    successor: Resting | None = None

    @property
    def left(self) -> int:
        """Return what is left of it, 1/100 contract."""
        return self.size - self.filled

    def live(self) -> LiveOrder:
        """Return it as the venue would show it."""
        target = self.target
        return LiveOrder(
            order_id=self.client_order_id,
            client_order_id=self.client_order_id,
            ticker=target.ticker,
            side=target.side,
            price=target.price,
            initial_size=self.size,
            filled_size=self.filled,
            remaining_size=self.left,
            status=OrderStatus.RESTING,
        )


@dataclass(slots=True)
class PaperVenue:
    """Every order of ours in one window, by market.

    Args:
        terms: what the series charges.
        regime: how fees were rounded on that day.
        latency_s: from a decision to its effect.
        through: 1/10000 dollar by which a trade must go through a price to fill it.
    """

    terms: FeeTerms
    regime: FeeRegime
    latency_s: float
    through: int
    fills: list[SimulatedFill] = field(default_factory=list)
    touches: list[SimulatedFill] = field(default_factory=list)
    _orders: dict[int, list[Resting]] = field(default_factory=dict)

    def live(self) -> list[Resting]:
        """Return the orders whose end nobody has decided, what is filled left out."""
        return [o for orders in self._orders.values() for o in orders if math.isinf(o.until)]

    def may_fill(self, now: float) -> list[Resting]:
        """Return the orders that may fill yet, those too whose end is under way."""
        return [o for orders in self._orders.values() for o in orders if o.left and now < o.until]

    def place(
        self, now: float, client_order_id: str, market: int, target: TargetQuote, claimed: float
    ) -> None:
        """Decide to place an order; ``claimed`` is dollars a contract once it fills."""
        fees = FeeAccumulator(self.terms, regime=self.regime)
        order = Resting(
            client_order_id, market, target, target.size, 0, claimed, now + self.latency_s, fees
        )
        orders = self._orders.setdefault(market, [])
        for before in orders:
            if before.target.side is target.side and before.until >= order.placed:
                before.successor = order
        orders.append(order)

    def take(self, now: float, market: int, target: TargetQuote, life_s: float) -> None:
        """Decide to take: an order for ``life_s`` that meets what others of its side met."""
        begin = now + self.latency_s
        fees = FeeAccumulator(self.terms, regime=self.regime)
        order = Resting(
            "",
            market,
            target,
            target.size,
            0,
            target.ev / CASH_UNIT,
            begin,
            fees,
            begin + life_s,
            True,
        )
        self._orders.setdefault(market, []).append(order)

    def end(self, now: float, order: Resting) -> None:
        """Decide to cancel an order."""
        order.until = now + self.latency_s

    def end_all(self, now: float) -> None:
        """Decide to cancel everything."""
        for order in self.live():
            self.end(now, order)

    def meet(
        self, at: float, market: int, sold: int, sold_size: int, bought: int, bought_size: int
    ) -> None:
        """Let one recorded second of one market pass."""
        orders = self._orders.get(market)
        if not orders:
            return
        for order in orders:
            if order.placed <= at < order.until and order.left:
                # A resting bid meets sellers; a taking one meets what other buyers met.
                sellers = (order.target.side is Side.BID) != order.is_taker
                price, size = (sold, sold_size) if sellers else (bought, bought_size)
                if price:
                    self._meet_one(order, at, price, size)
        self._orders[market] = [o for o in orders if o.left > 0 and at < o.until]

    def _meet_one(self, order: Resting, at: float, price: int, size: int) -> None:
        beyond = (order.target.price - price) * order.target.side.sign
        if beyond >= self.through:
            taken = min(order.left, size)
            order.filled += taken
            if order.successor is not None:
                order.successor.filled += min(taken, order.successor.left)
            self.fills.append(self._fill(order, at, taken, Evidence.TRADE_THROUGH))
        elif beyond >= 0 and not order.touched:
            order.touched = True
            self.touches.append(self._fill(order, at, order.left, Evidence.TOUCHED))

    def _fill(self, order: Resting, at: float, size: int, evidence: Evidence) -> SimulatedFill:
        target = order.target
        fee = 0
        if evidence.counts:
            fee = order.fees.fill(target.side, target.price, size, is_taker=order.is_taker)
        return SimulatedFill(
            market=order.market,
            ticker=target.ticker,
            side=target.side,
            price=target.price,
            size=size,
            at=at,
            placed=order.placed,
            is_taker=order.is_taker,
            probability=target.probability_ppm / 1e6,
            ev=order.claimed,
            fee=fee,
            evidence=evidence,
        )


def positions(fills: Iterable[SimulatedFill]) -> dict[str, int]:
    """Return signed YES by ticker, 1/100 contract."""
    held: dict[str, int] = {}
    for fill in fills:
        held[fill.ticker] = held.get(fill.ticker, 0) + fill.side.sign * fill.size
    return held
