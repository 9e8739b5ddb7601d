"""The replay in plain Python: one event after another, in time. The oracle, and the fallback.

At one instant: what expires goes first, then the rows of the recording, then requests that arrive,
then what we see of the feed, then what we are told. Decisions come after all of it.

The recording is not changed by our orders: nobody reacts to them, and what we take is still shown.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from kalshi_alpha.research.replay.rules import (
    KEEP,
    NEVER,
    Cancels,
    Evidence,
    OwnOrder,
    Queue,
    ReplayFill,
    Report,
    Reported,
    Rules,
    Seen,
    State,
    require_grid,
    require_later,
    require_order,
)
from kalshi_alpha.research.replay.tape import ASK, BID, Kind, Tape

Levels = dict[int, int]


@dataclass(slots=True)
class _Order:
    """An order at the exchange, and beneath it what we know of it."""

    number: int
    market: int
    side: int
    price: int
    remaining: int
    expires: int
    post_only: bool
    rests: bool
    state: State = State.SENT
    filled: int = 0
    front: int = 0  # what stands before us, in 1/100 contract
    traded: int = 0  # traded at our price since its level was last said
    known_state: State = State.SENT
    known_price: int = 0
    known_remaining: int = 0
    known_filled: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class _Request:
    at: int
    kind: Kind
    order: _Order
    price: int = 0
    size: int = 0
    expires: int = KEEP


@dataclass(slots=True)
class _Market:
    """Both books of a market, and our orders in it by side, best first."""

    book: tuple[Levels, Levels] = field(default_factory=lambda: ({}, {}))
    seen: tuple[Levels, Levels] = field(default_factory=lambda: ({}, {}))
    own: tuple[list[_Order], list[_Order]] = field(default_factory=lambda: ([], []))
    position: int = 0


class PlainReplay:
    """A recording being played; see ``engine.Replay`` for what its methods promise."""

    def __init__(self, tape: Tape, rules: Rules, *, tick: int = 0) -> None:
        self.tape, self.rules, self.tick = tape, rules, tick or tape.tick
        require_grid(tape, self.tick)
        self._now = int(tape.exch_ns[0]) if len(tape) else 0
        self._fills: list[ReplayFill] = []
        self._rows = list(
            zip(
                tape.kind.tolist(), tape.side.tolist(), tape.name.tolist(),
                tape.price.tolist(), tape.size.tolist(), strict=True,
            )
        )  # fmt: skip
        self._at = tape.exch_ns.tolist()
        # A clock of ours that ran behind the exchange's must not show what has not happened yet.
        arrivals = zip(tape.recv_ns.tolist(), self._at, strict=True)
        self._seen_at = [max(each + rules.feed_ns, at) for each, at in arrivals]
        self._row = self._seen_row = 0
        self._markets = [_Market() for _ in tape.names]
        self._index = [0] * len(tape.names)
        self._orders: list[_Order] = []
        self._live: dict[int, _Order] = {}  # what rests at the exchange
        self._requests: deque[_Request] = deque()
        self._responses: deque[Reported] = deque()
        self._told: list[Reported] = []
        self._asked = 0

    @property
    def now(self) -> int:
        """Return the instant that was advanced to."""
        return self._now

    @property
    def fills(self) -> list[ReplayFill]:
        """Return the fills so far, as the exchange made them."""
        return list(self._fills)

    @property
    def requests(self) -> int:
        """Return how many requests were sent."""
        return self._asked

    # --- what a strategy does ------------------------------------------------------------------

    def submit(
        self,
        market: int,
        side: int,
        price: int,
        size: int,
        *,
        expires_ns: int = NEVER,
        post_only: bool = True,
        rests: bool = True,
    ) -> int:
        """Send an order; return its number."""
        require_order(self.tick, price, size)
        order = _Order(len(self._orders), market, side, price, size, expires_ns, post_only, rests)
        order.known_price, order.known_remaining = price, size
        self._orders.append(order)
        self._send(Kind.OWN_NEW, order)
        return order.number

    def amend(self, order: int, price: int, count: int, *, expires_ns: int = KEEP) -> None:
        """Change an order; ``count`` is what is filled plus what shall rest."""
        require_order(self.tick, price, count)
        self._send(Kind.OWN_AMEND, self._orders[order], price, count, expires_ns)

    def decrease(self, order: int, to: int) -> None:
        """Let only ``to`` rest on; the place is kept."""
        self._send(Kind.OWN_CANCEL, self._orders[order], 0, to)

    def cancel(self, order: int) -> None:
        """Take an order out."""
        self._send(Kind.OWN_CANCEL, self._orders[order])

    def _send(
        self, kind: Kind, order: _Order, price: int = 0, size: int = 0, expires: int = KEEP
    ) -> None:
        order.pending += 1
        self._asked += 1
        at = self._now + self.rules.entry_ns
        self._requests.append(_Request(at, kind, order, price, size, expires))

    # --- what a strategy sees ------------------------------------------------------------------

    def seen(self, market: int) -> Seen:
        """Return the best of each side as known here."""
        bids, asks = self._markets[market].seen
        bid, ask = max(bids, default=0), min(asks, default=0)
        return Seen(bid, bids.get(bid, 0), ask, asks.get(ask, 0))

    def depth(self, market: int, side: int) -> tuple[tuple[int, int], ...]:
        """Return (price, size) as known here, best first."""
        return tuple(sorted(self._markets[market].seen[side].items(), reverse=side == BID))

    def index(self, name: int) -> int:
        """Return an index's last value known here, in 1/10000 point; 0 before the first."""
        return self._index[name]

    def order(self, number: int) -> OwnOrder:
        """Return an order as known here."""
        it = self._orders[number]
        return OwnOrder(
            number, it.market, it.side, it.known_price, it.known_remaining, it.known_filled,
            it.known_state, it.pending,
        )  # fmt: skip

    def position(self, market: int) -> int:
        """Return the YES contracts held as known here, in 1/100."""
        return self._markets[market].position

    # --- time ----------------------------------------------------------------------------------

    @property
    def more(self) -> bool:
        """Say whether anything is still to come."""
        left = self._row < len(self._rows) or self._seen_row < len(self._rows)
        return left or bool(self._requests or self._responses)

    def advance(self, until_ns: int) -> list[Reported]:
        """Let everything up to an instant happen; return what we were told."""
        require_later(self.now, until_ns)
        while (at := self._next()) <= until_ns:
            self._one(at)
        self._now = until_ns
        told, self._told = self._told, []
        return told

    def _next(self) -> int:
        row, seen = self._row, self._seen_row
        return min(
            self._first_expiry(),
            self._at[row] if row < len(self._at) else NEVER,
            self._requests[0].at if self._requests else NEVER,
            self._seen_at[seen] if seen < len(self._seen_at) else NEVER,
            self._responses[0].at_ns if self._responses else NEVER,
        )

    def _one(self, at: int) -> None:
        if self._first_expiry() == at:
            self._expire(at)
        elif self._row < len(self._at) and self._at[self._row] == at:
            self._take_row(at)
        elif self._requests and self._requests[0].at == at:
            self._arrive(self._requests.popleft())
        elif self._seen_row < len(self._seen_at) and self._seen_at[self._seen_row] == at:
            self._see_row()
        else:
            self._hear(self._responses.popleft())

    def _first_expiry(self) -> int:
        return min((order.expires for order in self._live.values()), default=NEVER)

    def _expire(self, at: int) -> None:
        gone = min((o for o in self._live.values() if o.expires == at), key=lambda o: o.number)
        self._leave(gone, State.EXPIRED)
        self._respond(at, Report.EXPIRED, gone, gone.price, 0)

    # --- the exchange --------------------------------------------------------------------------

    def _take_row(self, at: int) -> None:
        kind, side, name, price, size = self._rows[self._row]
        self._row += 1
        market = self._markets[name]
        if kind == Kind.LEVEL:
            before = market.book[side].get(price, 0)
            _set(market.book[side], price, size)
            for order in market.own[side]:
                if order.price == price:
                    _move_up(self.rules.queue, order, before, size)
            self._crossed(at, market, side, price, size if self.rules.whole else size - before)
        elif kind == Kind.TRADE:
            self._traded(at, market, side, price, size)
        elif kind == Kind.CLEAR:
            market.book[BID].clear()
            market.book[ASK].clear()

    def _crossed(self, at: int, market: _Market, side: int, price: int, left: int) -> None:
        """Fill our orders that a new quote of ``side`` would have met."""
        for order in list(market.own[1 - side]):
            meets = order.price <= price if side == BID else order.price >= price
            if not meets or left <= 0:
                break
            size = order.remaining if self.rules.whole else min(left, order.remaining)
            left -= 0 if self.rules.whole else size
            self._fill(at, order, order.price, size, Evidence.CROSSED)

    def _traded(self, at: int, market: _Market, side: int, price: int, size: int) -> None:
        left, whole = size, self.rules.whole
        for order in list(market.own[side]):
            beyond = order.price > price if side == BID else order.price < price
            if beyond:
                if left > 0:
                    filled = order.remaining if whole else min(left, order.remaining)
                    left -= 0 if whole else filled
                    self._fill(at, order, order.price, filled, Evidence.TRADE_THROUGH)
            elif order.price == price:
                order.traded += size
                order.front -= left
                if order.front < 0:
                    filled = order.remaining if whole else min(-order.front, order.remaining)
                    left -= 0 if whole else filled
                    order.front = 0
                    self._fill(at, order, order.price, filled, Evidence.QUEUE_CLEARED)
            else:
                break

    def _fill(self, at: int, order: _Order, price: int, size: int, evidence: Evidence) -> None:
        order.filled += size
        order.remaining -= size
        if not order.remaining:
            self._leave(order, State.FILLED)
        taken = evidence is Evidence.TAKEN
        self._fills.append(
            ReplayFill(at, order.number, order.market, order.side, price, size, taken, evidence)
        )
        self._respond(at, Report.FILL, order, price, size, evidence)

    def _leave(self, order: _Order, state: State) -> None:
        order.state = state
        if self._live.pop(order.number, None) is not None:
            self._markets[order.market].own[order.side].remove(order)

    def _respond(
        self, at: int, report: Report, order: _Order, price: int, size: int, evidence: int = -1
    ) -> None:
        when = at + self.rules.response_ns
        self._responses.append(Reported(when, report, order.number, price, size, int(evidence)))

    def _arrive(self, request: _Request) -> None:
        order, at = request.order, request.at
        if request.kind is Kind.OWN_NEW:
            self._enter(at, order)
        elif order.state is not State.RESTING:
            self._respond(at, Report.TOO_LATE, order, order.price, 0)
        elif request.kind is Kind.OWN_AMEND:
            self._amend(at, request)
        elif request.size > order.remaining:
            self._respond(at, Report.TOO_LATE, order, order.price, order.remaining)
        elif request.size == 0:
            self._leave(order, State.CANCELED)
            self._respond(at, Report.CANCELED, order, order.price, 0)
        else:
            order.remaining = request.size
            self._respond(at, Report.RESTS, order, order.price, order.remaining)

    def _enter(self, at: int, order: _Order) -> None:
        if order.expires <= at or (order.post_only and self._meets(order) is not None):
            order.state = State.REFUSED
            self._respond(at, Report.REFUSED, order, order.price, 0)
        else:
            self._match(at, order)

    def _amend(self, at: int, request: _Request) -> None:
        order, wanted = request.order, request.size - request.order.filled
        if wanted <= 0 or KEEP != request.expires <= at:
            self._respond(at, Report.TOO_LATE, order, order.price, order.remaining)
            return
        if request.expires != KEEP:
            order.expires = request.expires
        if request.price == order.price and wanted <= order.remaining:
            order.remaining = wanted
            self._respond(at, Report.RESTS, order, order.price, wanted)
            return
        self._leave(order, State.SENT)
        order.price, order.remaining = request.price, wanted
        self._match(at, order)

    def _match(self, at: int, order: _Order) -> None:
        """Take what the order meets; let the rest stand at the back of its level."""
        market = self._markets[order.market]
        other = sorted(market.book[1 - order.side].items(), reverse=order.side == ASK)
        for price, size in other:
            if not order.remaining or not _crosses(order.side, order.price, price):
                break
            self._fill(at, order, price, min(size, order.remaining), Evidence.TAKEN)
        if order.remaining and not order.rests:
            self._leave(order, State.CANCELED)
            self._respond(at, Report.CANCELED, order, order.price, 0)
            return
        if order.remaining:
            order.state, order.traded = State.RESTING, 0
            order.front = market.book[order.side].get(order.price, 0)
            self._live[order.number] = order
            own = market.own[order.side]
            own.append(order)  # the sort is stable: the last at its price is the last in time
            own.sort(key=lambda each: -each.price if each.side == BID else each.price)
        self._respond(at, Report.RESTS, order, order.price, order.remaining)

    def _meets(self, order: _Order) -> int | None:
        other = self._markets[order.market].book[1 - order.side]
        if not other:
            return None
        best = min(other) if order.side == BID else max(other)
        return best if _crosses(order.side, order.price, best) else None

    # --- what comes to us ----------------------------------------------------------------------

    def _see_row(self) -> None:
        kind, side, name, price, size = self._rows[self._seen_row]
        self._seen_row += 1
        if kind == Kind.LEVEL:
            _set(self._markets[name].seen[side], price, size)
        elif kind == Kind.CLEAR:
            self._markets[name].seen[BID].clear()
            self._markets[name].seen[ASK].clear()
        elif kind == Kind.INDEX:
            self._index[name] = size

    def _hear(self, told: Reported) -> None:
        order = self._orders[told.order]
        if told.report is Report.FILL:
            order.known_filled += told.size
            order.known_remaining -= told.size
            sign = 1 if order.side == BID else -1
            self._markets[order.market].position += sign * told.size
            if order.known_remaining <= 0:
                order.known_state = State.FILLED
        elif told.report is Report.RESTS:
            order.known_price, order.known_remaining = told.price, told.size
            order.known_state = State.RESTING if told.size else State.FILLED
        elif told.report is not Report.TOO_LATE:
            order.known_state = State[told.report.name]
            order.known_remaining = 0
        if told.report not in (Report.FILL, Report.EXPIRED):
            order.pending -= 1
        self._told.append(told)


def _set(levels: Levels, price: int, size: int) -> None:
    if size:
        levels[price] = size
    else:
        levels.pop(price, None)


def _crosses(side: int, price: int, other: int) -> bool:
    return price >= other if side == BID else price <= other


def _move_up(queue: Queue, order: _Order, before: int, after: int) -> None:
    """Let our place follow its level from one size to the next.

    What traded there has moved us up already; the rest of a decrease was cancelled, and the queue
    model says how much of that stood before us.
    """
    cancelled = before - after - order.traded
    if cancelled > 0 and queue.cancels is not Cancels.BEHIND:
        front = float(order.front)
        back = float(max(0, before - order.traded - order.front))
        if queue.cancels is Cancels.POWER:
            part, rest = front, back
            for _ in range(queue.power - 1):
                part, rest = part * front, rest * back
        else:
            part, rest = front, back
        ahead = part / (part + rest) if part + rest > 0.0 else 0.0
        if queue.cancels is Cancels.SHARED:
            ahead = queue.share * ahead
        order.front = max(0, order.front - int(ahead * float(cancelled)))
    order.front = min(order.front, after)
    order.traded = 0
