"""What price-time priority says of our fills: the least and the most each public trade gave us.

An order that was in the real book is in the capture too, so a replay cannot ask whether it would
have filled: it did or it did not. What it can ask is whether the recording explains it. Our size
is taken out of its level; what is left stood before or behind us. Of what was cancelled there the
book does not say where it stood, so the place in the queue lies between two bounds: everything
cancelled stood behind us, or before. Between them lies what a trade at our price gave us. A trade
past our price gave us all that was left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from kalshi_alpha.markets.orders import Fill, PublicTrade, Side

# One event of the venue bears several times: of its trade, of its level's frame, of our order.
NEAR = timedelta(milliseconds=50)
Level = Sequence[tuple[datetime, int | None]]


@dataclass(frozen=True, slots=True)
class Stay:
    """One order at one price, between two instants.

    Attributes:
        ticker: its market.
        side: of YES.
        price: 1/10000 dollar.
        size: 1/100 contract, as it came to that place.
        earliest: of its coming, and ``latest``; the same where the venue told.
        ended_earliest: of its going, and ``ended_latest``; far off when its last fill ended it.
    """

    ticker: str
    side: Side
    price: int
    size: int
    earliest: datetime
    latest: datetime
    ended_earliest: datetime
    ended_latest: datetime


@dataclass(frozen=True, slots=True)
class Given:
    """What one public trade gave a stay: at least, at most, and as recorded; 1/100 contract."""

    trade: PublicTrade
    least: int
    most: int
    got: int

    @property
    def explained(self) -> bool:
        """Say whether the record lies between the bounds."""
        return self.least <= self.got <= self.most

    @property
    def forced(self) -> bool:
        """Say whether nothing else was possible."""
        return self.least == self.most


@dataclass
class Walk:
    """One stay walked through the trades of its market.

    Args:
        stay: that is explained.
        level: what rested at its price by instants, ours included; empty when nobody knows.
        by_trade_through: the paper broker's rule: trades at the price give nothing, since nobody
            knows of the order, and trades past it all that they hold.
    """

    stay: Stay
    level: Level = ()
    by_trade_through: bool = False
    _left: int = 0
    _queue: _Queue = field(init=False)

    def __post_init__(self) -> None:
        self._left = self.stay.size
        self._queue = _Queue.of(self.stay, self.level)

    def through(self, trades: Sequence[PublicTrade], got: dict[str, Fill]) -> list[Given]:
        """Return what each trade that may have met the stay gave it.

        Args:
            trades: of the market, in time.
            got: our fills of this order by the trade that made them.
        """
        stay, found = self.stay, []
        met, got = _by_order([t for t in trades if self._may_meet(t)], got)
        for trade in met:
            size = got[trade.trade_id].size if trade.trade_id in got else 0
            past = (stay.price - trade.price) * stay.side.sign
            if past < 0:
                if size:
                    found.append(Given(trade, 0, 0, size))
                continue
            least, most = self._past(trade, met, got) if past else self._at(trade, met)
            if not self._must_meet(trade):
                least = 0
            if most or size:
                found.append(Given(trade, least, most, size))
            self._left = max(0, self._left - size)
            if size and not past:
                self._queue.reached(trade.at)
        return found

    def _past(
        self, trade: PublicTrade, met: Sequence[PublicTrade], got: dict[str, Fill]
    ) -> tuple[int, int]:
        """A trade past the price: on paper it fills, in a book the order was filled before it."""
        if self.by_trade_through:
            size = min(self._left, trade.size)
            return size, size
        # Trades of one order of a taker bear one time, in no certain order.
        beside = sum(
            got[t.trade_id].size
            for t in met
            if t.trade_id in got
            and t.price == self.stay.price
            and abs(t.at - trade.at) <= NEAR
            and t.at >= trade.at
            and t is not trade
        )
        missed = max(0, self._left - beside)
        return missed, missed

    def _at(self, trade: PublicTrade, met: Sequence[PublicTrade]) -> tuple[int, int]:
        if self.by_trade_through:
            return 0, 0
        at_price = [t for t in met if t.price == self.stay.price]
        least, most = self._queue.before(trade, at_price, self._left)
        return self._reached(trade, most), self._reached(trade, least)

    def _reached(self, trade: PublicTrade, ahead: float) -> int:
        return int(min(self._left, max(0, trade.size - ahead)))

    def _may_meet(self, trade: PublicTrade) -> bool:
        stay = self.stay
        in_time = stay.earliest - NEAR <= trade.at <= stay.ended_latest + NEAR
        return in_time and trade.taker_side is stay.side.other

    def _must_meet(self, trade: PublicTrade) -> bool:
        return self.stay.latest + NEAR < trade.at < self.stay.ended_earliest - NEAR


@dataclass
class _Queue:
    """The bounds on what stood before an order from ``since`` on; infinite where nobody knows."""

    least: float
    most: float
    since: datetime
    level: Level

    @classmethod
    def of(cls, stay: Stay, level: Level) -> _Queue:
        """Begin at the order's arrival, or where the book is first known after it."""
        since, until = stay.earliest - NEAR, stay.latest + NEAR
        told = [_at(level, since), *(size for at, size in level if since < at <= until)]
        sizes = [size for size in told if size is not None]
        if len(sizes) == len(told):
            if len(sizes) == 2 and sizes[1] - sizes[0] == stay.size:
                return cls(sizes[0], sizes[0], until, level)  # nothing but the order came
            return cls(max(0, min(sizes) - stay.size), max(sizes), until, level)
        known = [(at, size) for at, size in level if at > stay.latest and size is not None]
        if known and known[0][0] < stay.ended_earliest:
            at, size = known[0]
            return cls(0, max(0, size - stay.size), at + NEAR, level)
        return cls(0, math.inf, stay.latest, level)

    def reached(self, at: datetime) -> None:
        """Say that a trade reached the order: nothing stands before it any more."""
        self.least = self.most = 0
        self.since = at

    def before(
        self, trade: PublicTrade, trades: Sequence[PublicTrade], left: int
    ) -> tuple[float, float]:
        """Return the least and the most that stood before the order when ``trade`` came."""
        if trade.at < self.since:
            return 0, math.inf
        place = trades.index(trade)
        earlier = sum(t.size for t in trades[:place] if t.at >= self.since)
        near = sum(t.size for t in trades if abs(t.at - trade.at) <= NEAR)
        gone = self._fallen(self.since, trade.at - NEAR)
        beside = max(0, self._fallen(trade.at - NEAR, trade.at + 2 * NEAR) - near)
        within = sum(t.size for t in trades[:place] if trade.at - NEAR <= t.at)
        least = max(0.0, self.least - gone - beside - within)
        most = max(0.0, self.most - earlier)
        shown = _at(self.level, trade.at - NEAR)
        if shown is not None and not within:
            most = min(most, max(0, shown - left))
        return min(least, most), most

    def _fallen(self, since: datetime, until: datetime) -> int:
        """Return by how much the level fell in a span, each fall counted."""
        fallen, before = 0, _at(self.level, since)
        for at, size in self.level:
            if since < at <= until:
                if size is not None and before is not None:
                    fallen += max(0, before - size)
                before = size
        return fallen


def _by_order(
    trades: Sequence[PublicTrade], got: dict[str, Fill]
) -> tuple[list[PublicTrade], dict[str, Fill]]:
    """Return the trades of one moment at one price as one, and our fills with them.

    They are one order of a taker, met by several makers, and come in no certain order: only of
    all together is it known what stood before us.
    """
    orders: dict[tuple[datetime, int], list[PublicTrade]] = {}
    for trade in trades:
        orders.setdefault((trade.at, trade.price), []).append(trade)
    whole, ours = [], {}
    for parts in orders.values():
        fills = [got[part.trade_id] for part in parts if part.trade_id in got]
        named = next((part for part in parts if part.trade_id in got), parts[0])
        whole.append(replace(named, size=sum(part.size for part in parts)))
        if fills:
            ours[named.trade_id] = replace(fills[0], size=sum(fill.size for fill in fills))
    return whole, ours


def _at(level: Level, instant: datetime) -> int | None:
    """Return what rested at an instant; None when it is not known."""
    size = None
    for at, told in level:
        if at > instant:
            break
        size = told
    return size
