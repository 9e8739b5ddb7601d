"""The bounds on our fills against a queue that is played in full: the truth lies between them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.markets.orders import Fill, PublicTrade, Side
from kalshi_alpha.parity.queue import Stay, Walk

T0 = datetime(2026, 10, 6, 15, 56, tzinfo=UTC)
EACH = timedelta(seconds=1)
PRICE = 4000

# What happens at the price, one thing a second: somebody joins, somebody leaves, somebody sells.
JOIN, LEAVE, SELL = "join", "leave", "sell"
Event = tuple[str, int, int]
EVENTS = st.lists(
    st.tuples(st.sampled_from((JOIN, LEAVE, SELL)), st.integers(1, 300), st.integers(0, 9)),
    max_size=14,
)


class Queue:
    """First come, first served: the truth, with every order known."""

    def __init__(self) -> None:
        self.orders: list[list[int]] = []  # [owner (1 is us), size]
        self.level: list[tuple[datetime, int | None]] = []
        self.trades: list[PublicTrade] = []
        self.got: dict[str, Fill] = {}

    def do(self, at: datetime, what: str, size: int, which: int) -> None:
        others = [order for order in self.orders if not order[0]]
        if what == JOIN:
            self.orders.append([0, size])
        elif what == LEAVE and others:
            self.orders.remove(others[which % len(others)])
        elif what == SELL:
            while size and self.orders:
                size -= self._trade(at, size)
        self.told(at)

    def _trade(self, at: datetime, size: int) -> int:
        owner, resting = self.orders[0]
        size = min(size, resting)
        name = f"t{len(self.trades)}"
        self.trades.append(PublicTrade(name, "M", PRICE, size, Side.ASK, at))
        if owner:
            self.got[name] = Fill(name, "o", "M", Side.BID, PRICE, size, False, 0, at)
        self.orders[0][1] -= size
        self.orders = [order for order in self.orders if order[1]]
        return size

    def told(self, at: datetime) -> None:
        self.level.append((at, sum(size for _, size in self.orders)))


def played(before: list[Event], after: list[Event], size: int) -> Queue:
    queue = Queue()
    queue.told(T0 - 100 * EACH)
    for k, (what, amount, which) in enumerate(before):
        queue.do(T0 - (len(before) - k) * EACH, what, amount, which)
    queue.trades.clear()
    queue.orders.append([1, size])
    queue.told(T0)
    for k, (what, amount, which) in enumerate(after):
        queue.do(T0 + (k + 1) * EACH, what, amount, which)
    return queue


def stay(size: int) -> Stay:
    end = T0 + 1000 * EACH
    return Stay("M", Side.BID, PRICE, size, T0, T0, end, end)


@given(before=EVENTS, after=EVENTS, size=st.integers(1, 200))
def test_what_the_queue_gave_lies_within_the_bounds(
    before: list[Event], after: list[Event], size: int
) -> None:
    queue = played(before, after, size)

    found = Walk(stay(size), queue.level).through(queue.trades, queue.got)

    assert [each for each in found if not each.explained] == []
    assert sum(each.got for each in found) == sum(fill.size for fill in queue.got.values())


@given(before=EVENTS, after=EVENTS, size=st.integers(1, 200))
def test_without_anyone_leaving_nothing_else_was_possible(
    before: list[Event], after: list[Event], size: int
) -> None:
    stayed = [event for event in after if event[0] != LEAVE]
    queue = played(before, stayed, size)

    found = Walk(stay(size), queue.level).through(queue.trades, queue.got)

    assert all(each.forced for each in found)
    assert sum(each.least for each in found) == sum(fill.size for fill in queue.got.values())


@given(before=EVENTS, after=EVENTS, size=st.integers(2, 200))
def test_a_book_that_is_known_later_widens_the_bounds_and_never_breaks_them(
    before: list[Event], after: list[Event], size: int
) -> None:
    queue = played(before, after, size)
    late = [(at, told) for at, told in queue.level if at > T0 + 2 * EACH]

    for level in (late, []):
        found = Walk(stay(size), level).through(queue.trades, queue.got)
        assert [each for each in found if not each.explained] == []


@given(before=EVENTS, after=EVENTS, size=st.integers(1, 200))
def test_more_than_the_queue_could_give_is_not_explained(
    before: list[Event], after: list[Event], size: int
) -> None:
    queue = played(before, [event for event in after if event[0] != LEAVE], size)
    filled = sum(fill.size for fill in queue.got.values())
    spare = [t for t in queue.trades if t.trade_id not in queue.got and filled < size]
    if not spare:
        return
    name = spare[0].trade_id
    queue.got[name] = Fill(name, "o", "M", Side.BID, PRICE, 1, False, 0, spare[0].at)

    found = Walk(stay(size), queue.level).through(queue.trades, queue.got)

    assert not all(each.explained for each in found)
