"""The replay over arrays, driven from Python: ``kernel`` does the work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.research.replay import kernel
from kalshi_alpha.research.replay.rules import (
    KEEP,
    NEVER,
    Cancels,
    Evidence,
    OwnOrder,
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
from kalshi_alpha.research.replay.tape import BID, Kind, Tape

_CANCELS = {
    Cancels.BEHIND: kernel.BEHIND,
    Cancels.SHARED: kernel.SHARED,
    Cancels.POWER: kernel.POWERED,
}
_FIRST_ROOM = 4096
_ORDERS, _REQUESTS, _RESPONSES, _FILLS = 2, 3, 4, 5  # places in the world


class FastReplay:
    """A recording being played; see ``engine.Replay`` for what its methods promise.

    Args:
        tape: what was recorded.
        rules: what is assumed of the venue.
        tick: the grid of orders, in price units; 0 for the widest that holds the recording.
        depth: keep the sizes seen, not only the best prices.
        room: orders, requests and responses to make room for at first; the logs grow.
    """

    def __init__(
        self, tape: Tape, rules: Rules, *, tick: int = 0, depth: bool = True, room: int = 0
    ) -> None:
        self.tape, self.rules, self.tick = tape, rules, tick or tape.tick
        require_grid(tape, self.tick)
        self.levels = PRICE_UNIT // self.tick - 1
        self._columns = _columns(tape, rules, self.tick)
        count = max(1, len(tape.names))
        books = (count, 2, self.levels + 2)
        self._seen = np.zeros(books if depth else (1, 1, 1), np.int64)
        self._world = _world(tape, rules, books, depth=depth, room=room or _FIRST_ROOM)
        self._cursor[kernel.NOW] = int(tape.exch_ns[0]) if len(tape) else 0

    @property
    def now(self) -> int:
        """Return the instant that was advanced to."""
        return int(self._cursor[kernel.NOW])

    @property
    def requests(self) -> int:
        """Return how many requests were sent."""
        return int(self._cursor[kernel.SENT])

    @property
    def _cursor(self) -> Any:
        return self._world[7]

    @property
    def _orders(self) -> Any:
        return self._world[_ORDERS]

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
        self._make_room()
        x = self._scaled(side, price)
        return int(
            kernel.submit(
                market, side, x, size, expires_ns, int(post_only), int(rests), self._world
            )
        )

    def amend(self, order: int, price: int, count: int, *, expires_ns: int = KEEP) -> None:
        """Change an order; ``count`` is what is filled plus what shall rest."""
        require_order(self.tick, price, count)
        x = self._scaled(int(self._orders[order, kernel.SIDE]), price)
        self._send(kernel.AMEND, order, x, count, expires_ns)

    def decrease(self, order: int, to: int) -> None:
        """Let only ``to`` rest on; the place is kept."""
        self._send(kernel.REDUCE, order, 0, to, KEEP)

    def cancel(self, order: int) -> None:
        """Take an order out."""
        self._send(kernel.REDUCE, order, 0, 0, KEEP)

    def _send(self, kind: int, order: int, x: int, size: int, expires: int) -> None:
        self._make_room()
        kernel.send(kind, order, x, size, expires, self._world)

    # --- what a strategy sees ------------------------------------------------------------------

    def seen(self, market: int) -> Seen:
        """Return the best of each side as known here."""
        bid, ask = (int(x) for x in self._world[1][market, kernel.SEEN : kernel.SEEN + 2])
        return Seen(
            bid * self.tick,
            int(self._seen[market, 0, bid]) if bid else 0,
            (self.levels + 1 - ask) * self.tick if ask else 0,
            int(self._seen[market, 1, ask]) if ask else 0,
        )

    def depth(self, market: int, side: int) -> tuple[tuple[int, int], ...]:
        """Return (price, size) as known here, best first."""
        sizes = self._seen[market, side]
        places = np.flatnonzero(sizes)[::-1].tolist()
        return tuple((self._price(side, x), int(sizes[x])) for x in places)

    def index(self, name: int) -> int:
        """Return an index's last value known here, in 1/10000 point; 0 before the first."""
        return int(self._world[1][name, kernel.INDEX])

    def order(self, number: int) -> OwnOrder:
        """Return an order as known here."""
        it = self._orders[number].tolist()
        side = it[kernel.SIDE]
        return OwnOrder(
            number,
            it[kernel.MARKET],
            side,
            self._price(side, it[kernel.K_X]),
            it[kernel.K_LEFT],
            it[kernel.K_FILLED],
            State(it[kernel.K_STATE]),
            it[kernel.K_PENDING],
        )

    def position(self, market: int) -> int:
        """Return the YES contracts held as known here, in 1/100."""
        return int(self._world[1][market, kernel.POSITION])

    @property
    def fills(self) -> list[ReplayFill]:
        """Return the fills so far, as the exchange made them."""
        rows = self._world[_FILLS][: self._cursor[kernel.FILLS]].tolist()
        orders = self._orders
        found = []
        for at, order, level, size, evidence, _ in rows:
            market, side = (int(x) for x in orders[order, : kernel.SIDE + 1])
            taken = evidence == Evidence.TAKEN
            found.append(
                ReplayFill(
                    at, order, market, side, level * self.tick, size, taken, Evidence(evidence)
                )
            )
        return found

    # --- time ----------------------------------------------------------------------------------

    @property
    def more(self) -> bool:
        """Say whether anything is still to come."""
        cursor, rows = self._cursor, len(self.tape)
        seen = rows == 0 or cursor[kernel.NOW] >= self._columns[1][-1]
        told = cursor[kernel.HEARD] == cursor[kernel.TOLD]
        done = cursor[kernel.ROW] == rows and cursor[kernel.ASKED] == cursor[kernel.SENT]
        return not (seen and told and done)

    def advance(self, until_ns: int) -> list[Reported]:
        """Let everything up to an instant happen; return what we were told."""
        require_later(self.now, until_ns)
        first = int(self._cursor[kernel.HEARD])
        self._finish(lambda: kernel.advance(until_ns, self._columns, self._seen, self._world))
        told = self._world[_RESPONSES][first : self._cursor[kernel.HEARD]].tolist()
        return [
            Reported(at, Report(report), order, level * self.tick, size, evidence)
            for at, report, order, level, size, evidence in told
        ]

    def touch(self, step_ns: int, size: int, most: int) -> tuple[int, int]:
        """Quote both touches of every market to the end, compiled; see ``touch.quote_touches``."""
        own = np.full((max(1, len(self.tape.names)), 2), -1, np.int64)
        at_step = np.array([self.now + step_ns, 0, 0], np.int64)
        self._finish(
            lambda: kernel.touch(
                step_ns, size, most, own, at_step, self._columns, self._seen, self._world
            )
        )
        return int(at_step[1]), int(at_step[2]) * self.tick

    def _finish(self, job: Callable[[], int]) -> None:
        """Do a job; as often as a log is full, make it longer and go on."""
        while job() == kernel.FULL:
            self._grow()

    def _make_room(self) -> None:
        full = self._cursor[kernel.SENT] == len(self._world[_REQUESTS])
        if full or self._cursor[kernel.ORDERS] == len(self._orders):
            self._grow()

    def _grow(self) -> None:
        world = list(self._world)
        for place in (_ORDERS, _REQUESTS, _RESPONSES, _FILLS):
            old = world[place]
            world[place] = np.empty((2 * len(old), old.shape[1]), np.int64)
            world[place][: len(old)] = old
        self._world = tuple(world)

    def _scaled(self, side: int, price: int) -> int:
        x = price // self.tick
        return x if side == BID else self.levels + 1 - x

    def _price(self, side: int, x: int) -> int:
        return (x if side == BID else self.levels + 1 - x) * self.tick


def _columns(tape: Tape, rules: Rules, tick: int) -> tuple[Any, ...]:
    """Return (at the exchange, seen here, name, kind and side, level, size)."""
    ask = tape.side != BID
    level = (tape.price // tick).astype(np.int16)
    book = tape.kind <= Kind.TRADE
    np.subtract(PRICE_UNIT // tick, level, out=level, where=book & ask)
    code = (np.minimum(tape.kind, Kind.OWN_NEW) * 2 + ask).astype(np.int8)
    # A clock of ours that ran behind the exchange's must not show what has not happened yet.
    seen_at = np.maximum(tape.recv_ns + rules.feed_ns, tape.exch_ns)
    return tape.exch_ns, seen_at, tape.name, code, level, tape.size


def _world(
    tape: Tape, rules: Rules, books: tuple[int, int, int], *, depth: bool, room: int
) -> tuple[Any, ...]:
    markets = np.zeros((books[0], kernel.MARKETS), np.int64)
    markets[:, kernel.HIGH : kernel.HIGH + 2] = kernel.NONE
    markets[:, kernel.LOW : kernel.LOW + 2] = kernel.BIG
    markets[:, kernel.HEAD : kernel.HEAD + 2] = -1
    cursor = np.zeros(kernel.CURSOR, np.int64)
    cursor[kernel.EXPIRY] = kernel.BIG
    terms = np.zeros(kernel.TERMS, np.int64)
    terms[kernel.ENTRY], terms[kernel.RESPONSE] = rules.entry_ns, rules.response_ns
    terms[kernel.WHOLE], terms[kernel.DEPTH] = rules.whole, depth
    terms[kernel.CANCELS], terms[kernel.POWER] = _CANCELS[rules.queue.cancels], rules.queue.power
    terms[kernel.LEVELS] = books[2] - 2
    room = max(room, 4 * books[2])
    changes = 1 if depth else len(tape) + int((tape.kind == Kind.CLEAR).sum()) + 1
    return (
        np.zeros(books, np.int64),
        markets,
        np.empty((room, kernel.ORDER), np.int64),
        np.empty((room, kernel.MESSAGE), np.int64),
        np.empty((2 * room, kernel.MESSAGE), np.int64),
        np.empty((2 * room, kernel.MESSAGE), np.int64),
        np.empty(changes, np.int64),
        cursor,
        terms,
        np.array([rules.queue.share], np.float64),
    )
