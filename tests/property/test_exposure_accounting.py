"""The limits' books against a plain model: whatever happens in whatever order, they agree."""

from __future__ import annotations

from datetime import date

import boto3
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from moto import mock_aws

from kalshi_alpha.cloud.exposure import ExposureStore
from kalshi_alpha.cloud.layout import LEDGER
from kalshi_alpha.cloud.table import Table
from kalshi_alpha.markets.limits import Limit
from kalshi_alpha.rehearsal.machine import create_table

MONDAY = date(2025, 11, 3)
WEEK = Limit("week", "w", 30)
DAYS = (Limit("day", "d0", 20), Limit("day", "d1", 14))
STRIKES = (Limit("strike", "s0", 9), Limit("strike", "s1", 6), Limit("strike", "s2", 11))
ORDERS = tuple(f"o{number}" for number in range(8))


def limits_of(order: str) -> tuple[Limit, ...]:
    number = ORDERS.index(order)
    return (STRIKES[number % 3], DAYS[number % 2], WEEK)


class Books(RuleBasedStateMachine):
    """Orders reserve, fill, expire and settle; a model in dictionaries keeps the same books."""

    def __init__(self) -> None:
        super().__init__()
        self._aws = mock_aws()
        self._aws.start()
        create_table(LEDGER, LEDGER.name)
        self.store = ExposureStore(Table(boto3.client("dynamodb"), LEDGER.name), lambda _: None)
        self.open: dict[str, int] = {}
        self.lost: dict[str, int] = {}

    def teardown(self) -> None:
        self._aws.stop()

    def _used(self, limit: Limit) -> tuple[int, int]:
        mine = [order for order in self.open if limit in limits_of(order)]
        open_risk = sum(self.open[order] for order in mine)
        return open_risk, open_risk + sum(self.lost.get(order, 0) for order in mine)

    @rule(order=st.sampled_from(ORDERS), risk=st.integers(0, 12))
    def reserve(self, order: str, risk: int) -> None:
        more = max(0, risk - self.open.get(order, 0))
        blocked = [
            limit
            for limit in limits_of(order)
            if more and max(self._used(limit)) + more > limit.cap
        ]
        refused = self.store.reserve(MONDAY, order, risk, limits_of(order))
        assert (refused is not None) == bool(blocked)
        if refused is not None:
            assert refused.limit in blocked
        elif more:
            self.open[order] = self.open.get(order, 0) + more

    @rule(order=st.sampled_from(ORDERS), kept=st.integers(0, 12))
    def ends_with_a_fill(self, order: str, kept: int) -> None:
        if order in self.open:
            kept = min(kept, self.open[order])
            self.store.restate(
                MONDAY, order, limits_of(order), open_risk=kept, lost=self.lost.get(order, 0)
            )
            self.open[order] = kept

    @rule(order=st.sampled_from(ORDERS), lost=st.integers(-12, 12))
    def settles(self, order: str, lost: int) -> None:
        if order in self.open:
            for _ in range(2):  # reported twice, counted once
                self.store.restate(MONDAY, order, limits_of(order), open_risk=0, lost=lost)
            self.open[order], self.lost[order] = 0, lost

    @invariant()
    def the_counters_are_what_the_orders_hold(self) -> None:
        usages = self.store.usages(MONDAY)
        for limit in (WEEK, *DAYS, *STRIKES):
            found = usages.get(limit.key)
            assert ((found.open, found.total) if found else (0, 0)) == self._used(limit)

    @invariant()
    def undecided_risk_never_passes_a_cap(self) -> None:
        for limit in (WEEK, *DAYS, *STRIKES):
            assert self._used(limit)[0] <= limit.cap


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
