"""The order path against the real exchange, whatever happens in whatever order.

A machine draws plans, fills, network troubles, lagging lists, late arrivals and deaths; after each
nothing is doubled and nothing is unrecorded, and when the window is over the ledger and the
exchange say the same to the last unit.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kalshi_alpha.errors import VenueError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.rehearsal.exchange.limits import Limits
from tests.exchange_host import FIXING
from tests.flaky_venue import Death, Killed
from tests.order_window import MARKETS, OrderWindow, doubled, order_window, target

FATES = (
    "fine", "fine", "lost", "late", "reply lost", "twice", "garbled", "answered 401",
    "answered 409", "answered 429", "answered 500", "answered 503", "done but answered 409",
    "done but answered 429", "done but answered 500", "race fine", "race reply lost",
    "race answered 503",
)  # fmt: skip
# The same examples at every run; ``ORDER_EXAMPLES`` looks longer than a test run has time for.
_EXAMPLES = int(os.environ.get("ORDER_EXAMPLES", "40"))
# Below and above what a rival ever quotes, so that nothing of ours can cross.
quotes = st.builds(
    lambda market, bid, step, size: target(
        market, Side.BID if bid else Side.ASK, (4000 if bid else 5500) + 100 * step, size
    ),
    st.integers(0, len(MARKETS) - 1),
    st.booleans(),
    st.integers(0, 4),
    st.sampled_from([100, 100, 40, 25]),
)
plans = st.lists(quotes, max_size=4, unique_by=lambda quote: (quote.ticker, quote.side))
fates = st.lists(st.sampled_from(FATES), max_size=4)
sizes = st.integers(1, 100)


class OrdersMachine(RuleBasedStateMachine):
    """One window, from its first plan to its settlement."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()

    @initialize(small=st.booleans())
    def open_window(self, small: bool) -> None:
        options = {"limits": Limits()} if small else {}
        self.window: OrderWindow = self.stack.enter_context(order_window(**options))
        self.window.venue.before = self.rival_takes_all

    def time_left(self) -> bool:
        return (FIXING - self.window.host.clock.now()).total_seconds() > 60

    @precondition(time_left)
    @rule(wanted=plans, fates=fates)
    def quote(self, wanted: list, fates: list[str]) -> None:
        self.window.venue.next_writes = list(fates)
        with suppress(VenueError):  # the lists cannot be read: the state machine would pull
            self.window.quote(self.window.plan(*wanted))
        self.window.venue.next_writes = []

    @precondition(time_left)
    @rule(wanted=plans, fates=fates, at=st.integers(0, 15))
    def quote_and_die(self, wanted: list, fates: list[str], at: int) -> None:
        self.window.start(Death(at))
        with suppress(Killed):
            self.quote(wanted, fates)
        self.window.venue.next_writes = []
        self.window.start()

    @precondition(time_left)
    @rule(wanted=plans, fates=fates, seconds=st.sampled_from([0.0, 6.0]))
    def quote_the_same_plan_twice(self, wanted: list, fates: list[str], seconds: float) -> None:
        request = self.window.plan(*wanted)
        self.window.venue.next_writes = list(fates)
        with suppress(VenueError):
            self.window.quote(request)
        self.window.venue.next_writes = []
        self.window.host.pass_time(seconds)
        self.window.start()
        with suppress(VenueError):
            self.window.quote(request)

    @rule(pick=st.integers(0, 9), size=sizes)
    def rival_takes(self, pick: int, size: int) -> None:
        resting = self.window.resting()
        if resting:
            self.window.take(resting[pick % len(resting)], size)

    def rival_takes_all(self) -> None:
        for order in self.window.resting():
            self.window.take(order, 35)

    @rule(seconds=st.sampled_from([0.2, 2.0, 6.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.window.host.pass_time(seconds)

    @rule()
    def what_was_late_arrives(self) -> None:
        self.window.venue.deliver_late()

    @rule()
    def lists_lag_or_catch_up(self) -> None:
        self.window.venue.lagging = not self.window.venue.lagging

    @invariant()
    def no_order_is_doubled(self) -> None:
        if hasattr(self, "window"):
            assert doubled(self.window.resting()) == set()

    @invariant()
    def every_order_was_recorded_before_it_was_sent_and_sent_once(self) -> None:
        if hasattr(self, "window"):
            sent = self.window.venue.creates
            assert len(sent) == len(set(sent))
            assert set(sent) <= self.window.ledger_orders().keys()

    @invariant()
    def nothing_ever_takes(self) -> None:
        if hasattr(self, "window"):
            assert not any(order.taker_cost for order in self.window.orders())

    def teardown(self) -> None:
        try:
            if hasattr(self, "window"):
                self.window.venue.deliver_late()
                answer = self.window.close()
                assert self.window.resting() == []
                assert answer["metrics"]["Contradictions"] == 0
                assert answer["metrics"]["FeeDifferences"] == 0
                assert answer["metrics"]["LedgerDifference"] == 0
                assert self.window.differences() == []
                words = {doc["status"] for doc in self.window.ledger_orders().values()}
                assert words <= {"filled", "canceled", "expired", "rejected"}
        finally:
            self.stack.close()


def test_no_order_is_doubled_no_fill_is_lost_and_the_ledger_equals_the_exchange() -> None:
    run_state_machine_as_test(
        OrdersMachine,
        settings=settings(
            max_examples=_EXAMPLES, stateful_step_count=20, derandomize=True, deadline=None
        ),
    )
