"""The matching engine against a plain reference book, whatever the members do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.markets.orders import OrderStatus, Side
from kalshi_alpha.markets.units import CASH_UNIT, PRICE_UNIT
from kalshi_alpha.rehearsal.exchange.engine import Engine, Rejected, Ticket
from kalshi_alpha.rehearsal.exchange.listing import list_event
from kalshi_alpha.rehearsal.exchange.model import Order

OPEN = datetime(2026, 10, 6, 14, 0, tzinfo=UTC)
FIXING = datetime(2026, 10, 6, 16, 0, tzinfo=UTC)
MEMBERS = ("ann", "bob", "cid")
CASH = 40 * CASH_UNIT  # small enough that the collateral check bites

sides = st.sampled_from(list(Side))
prices = st.integers(min_value=46, max_value=54).map(lambda cents: 100 * cents)
sizes = st.integers(min_value=1, max_value=1500)


@dataclass
class Resting:
    """One order of the reference book; its place in the list is its place in time."""

    order_id: str
    account: str
    side: Side
    price: int
    left: int


class ExchangeMachine(RuleBasedStateMachine):
    """Three members on one market, beside a reference book that is a list in time order."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock(OPEN)
        self.engine = Engine(self.clock, lambda _symbol, _at: 6800.0)
        for name in MEMBERS:
            self.engine.open_account(name, CASH)
        (self.market,) = list_event(
            "KXINXU", FIXING, 6800.0, strikes=1, open_at=OPEN - timedelta(hours=1)
        )
        self.engine.list_market(self.market)
        self.book: list[Resting] = []

    # --- the reference -----------------------------------------------------------------------

    def crossed(self, taker: Resting) -> Resting | None:
        others = [r for r in self.book if r.side is taker.side.other]
        best = min(others, key=lambda r: -r.side.sign * r.price, default=None)
        if best is None or taker.side.sign * (taker.price - best.price) < 0:
            return None
        return best

    def matches(self, taker: Resting, stp: str) -> Iterator[tuple[str, int, int]]:
        while taker.left and (maker := self.crossed(taker)) is not None:
            if maker.account == taker.account:
                if stp == "taker_at_cross":
                    taker.left = 0
                    return
                self.book.remove(maker)
                continue
            size = min(maker.left, taker.left)
            maker.left, taker.left = maker.left - size, taker.left - size
            if not maker.left:
                self.book.remove(maker)
            yield maker.order_id, maker.price, size

    def follow(self, order: Order, taker: Resting, stp: str, *, rests: bool) -> None:
        """Match in the reference and compare what traded with the engine's tape."""
        before = self.tape
        expected = list(self.matches(taker, stp))
        traded = self.trades()[before:]

        assert [(t.price, t.size) for t in traded] == [(p, n) for _, p, n in expected]
        makers = {f.trade_id: f.order_id for a in self.engine.accounts.values()
                  for f in a.fills if not f.is_taker}  # fmt: skip
        assert [makers[t.trade_id] for t in traded] == [o for o, _, _ in expected]
        if taker.left and rests:
            self.book.append(taker)
            assert order.status is OrderStatus.RESTING
        self.tape = len(self.trades())

    tape = 0

    def trades(self) -> list:
        return list(self.market.trades)

    def any_order(self, pick: int) -> Resting:
        return self.book[pick % len(self.book)]

    # --- what members do ---------------------------------------------------------------------

    @rule(
        member=st.sampled_from(MEMBERS),
        side=sides,
        price=prices,
        size=sizes,
        tif=st.sampled_from(["good_till_canceled", "immediate_or_cancel"]),
        stp=st.sampled_from(["taker_at_cross", "maker"]),
        post_only=st.booleans(),
    )
    def create(
        self, member: str, side: Side, price: int, size: int, tif: str, stp: str, post_only: bool
    ) -> None:
        ticket = Ticket(
            self.market.ticker, side, price, size,
            time_in_force=tif, stp=stp, post_only=post_only,
        )  # fmt: skip
        taker = Resting("", member, side, price, size)
        would_cross = self.crossed(taker) is not None
        try:
            order = self.engine.create(member, ticket)
        except Rejected as no:
            if no.code != "insufficient_balance" and not (post_only and would_cross):
                raise
            return
        assert not (post_only and would_cross)
        taker.order_id = order.order_id
        self.follow(order, taker, stp, rests=tif == "good_till_canceled")

    @rule(member=st.sampled_from(MEMBERS), side=sides, price=prices, size=sizes)
    def fill_or_kill(self, member: str, side: Side, price: int, size: int) -> None:
        taker = Resting("", member, side, price, size)
        others = [r for r in self.book if r.side is side.other and r.account != member]
        reach = sum(r.left for r in others if side.sign * (price - r.price) >= 0)
        meets_itself = any(
            r.account == member and r.side is side.other and side.sign * (price - r.price) >= 0
            for r in self.book
        )
        ticket = Ticket(self.market.ticker, side, price, size, time_in_force="fill_or_kill")
        try:
            order = self.engine.create(member, ticket)
        except Rejected as no:
            if no.code != "insufficient_balance":
                raise
            return
        taker.order_id = order.order_id
        if reach < size and not meets_itself:
            assert order.filled == 0
            taker.left = 0
        self.follow(order, taker, "taker_at_cross", rests=False)

    @precondition(lambda self: self.book)
    @rule(pick=st.integers(min_value=0, max_value=99))
    def cancel(self, pick: int) -> None:
        gone = self.any_order(pick)
        _, removed = self.engine.cancel(gone.account, gone.order_id)

        assert removed == gone.left
        self.book.remove(gone)

    @precondition(lambda self: self.book)
    @rule(pick=st.integers(min_value=0, max_value=99), by=sizes)
    def decrease(self, pick: int, by: int) -> None:
        order = self.any_order(pick)
        if by > order.left:
            return
        self.engine.decrease(order.account, order.order_id, by=by)
        order.left -= by
        if not order.left:
            self.book.remove(order)

    @precondition(lambda self: self.book)
    @rule(pick=st.integers(min_value=0, max_value=99), price=prices, size=sizes)
    def amend(self, pick: int, price: int, size: int) -> None:
        old = self.any_order(pick)
        live = self.engine.accounts[old.account].orders[old.order_id]
        keeps_place = price == old.price and size <= old.left
        try:
            order = self.engine.amend(
                old.account, old.order_id, price=price, count=live.filled + size
            )
        except Rejected as no:
            if no.code != "insufficient_balance":
                raise
            return
        if keeps_place:
            old.left = size
            return
        self.book.remove(old)
        self.follow(
            order, Resting(old.order_id, old.account, old.side, price, size),
            live.stp, rests=True,
        )  # fmt: skip

    # --- what always holds -------------------------------------------------------------------

    @invariant()
    def cash_and_positions_are_conserved(self) -> None:
        accounts = self.engine.accounts.values()
        held = [a.positions.get(self.market.ticker, 0) for a in accounts]
        locked = PRICE_UNIT * sum(max(0, position) for position in held)
        fees = sum(sum(a.fees.values()) for a in accounts)

        assert sum(held) == 0
        assert sum(a.cash for a in accounts) + locked + fees == CASH * len(MEMBERS)
        assert self.market.open_interest == sum(max(0, position) for position in held)

    @invariant()
    def nobody_owes_more_than_the_fees(self) -> None:
        for account in self.engine.accounts.values():
            assert self.engine.available(account) >= -sum(account.fees.values())

    @invariant()
    def the_book_is_the_reference_in_the_same_order(self) -> None:
        for side in Side:
            levels: dict[int, list[tuple[str, int]]] = {}
            for r in self.book:
                if r.side is side:
                    levels.setdefault(r.price, []).append((r.order_id, r.left))
            ours = {
                price: [(o.order_id, o.remaining) for o in level.values()]
                for price, level in self.market.side(side).items()
            }
            assert ours == levels
        bid, ask = self.market.best(Side.BID), self.market.best(Side.ASK)
        assert bid is None or ask is None or bid < ask

    @invariant()
    def sizes_add_up(self) -> None:
        for account in self.engine.accounts.values():
            for order in account.orders.values():
                assert order.remaining >= 0
                assert order.filled >= 0
                if order.status is OrderStatus.RESTING:
                    assert order.remaining > 0
                    assert order.initial == order.filled + order.remaining

    def teardown(self) -> None:
        """Settle: every dollar that was locked goes back to somebody."""
        self.clock.advance((FIXING - self.clock.now()).total_seconds() + 3600)
        self.engine.advance()
        accounts = self.engine.accounts.values()
        fees = sum(sum(a.fees.values()) for a in accounts)

        assert self.market.result == "yes"
        assert not self.market.bids
        assert not self.market.asks
        assert sum(a.cash for a in accounts) + fees == CASH * len(MEMBERS)
        assert all(not any(a.positions.values()) for a in accounts)


TestExchangeEngine = ExchangeMachine.TestCase
TestExchangeEngine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
