"""Whatever members and the clock do: money is conserved and the socket tells the true book."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.errors import SequenceGapError
from kalshi_alpha.markets.orders import OrderStatus, Side
from kalshi_alpha.markets.units import CASH_UNIT, PRICE_UNIT, price_from_text, size_from_text
from kalshi_alpha.pricing.fees import fee_terms
from kalshi_alpha.rehearsal.exchange.collateral import needed
from kalshi_alpha.rehearsal.exchange.engine import Engine, Rejected, Ticket
from kalshi_alpha.rehearsal.exchange.listing import list_event
from kalshi_alpha.rehearsal.exchange.model import Order
from kalshi_alpha.rehearsal.exchange.sessions import Session
from kalshi_alpha.rehearsal.exchange.ws import Hub
from kalshi_alpha.venues.kalshi.stream import BookKeeper

OPEN = datetime(2026, 10, 6, 15, 40, tzinfo=UTC)
FIXING = datetime(2026, 10, 6, 16, 0, tzinfo=UTC)
EVENT = "KXINXU-26OCT06H1200"
MEMBERS = ("ann", "bob", "cid")
CASH = 60 * CASH_UNIT
TENTHS = [{"start": "0.0000", "end": "1.0000", "step": "0.0010"}]
CENTS = [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}]
EXPECTED = {  # what a legal but unlucky order may be told
    "insufficient_balance", "invalid_order", "invalid_price", "MARKET_INACTIVE", "TRADING_PAUSED",
    "not_found", "order_already_exists",
}  # fmt: skip

members = st.sampled_from(MEMBERS)
picks = st.integers(min_value=0, max_value=99)
prices = st.integers(min_value=480, max_value=520).map(lambda tenths: 10 * tenths)
cents = st.integers(min_value=48, max_value=52).map(lambda cent: 100 * cent)
sizes = st.integers(min_value=1, max_value=1500)
orders = st.fixed_dictionaries(
    {
        "side": st.sampled_from(list(Side)),
        "price": st.one_of(cents, cents, cents, prices),
        "size": sizes,
        "time_in_force": st.sampled_from(
            ["good_till_canceled", "good_till_canceled", "immediate_or_cancel", "fill_or_kill"]
        ),
        "stp": st.sampled_from(["taker_at_cross", "maker"]),
        "post_only": st.sampled_from([False, False, False, True]),
        "cancel_on_pause": st.booleans(),
        "grouped": st.booleans(),
        "lasts": st.one_of(st.none(), st.integers(min_value=1, max_value=600)),
    }
)


class NaiveBook:
    """The book of one market from its frames alone, each side in its own prices."""

    def __init__(self) -> None:
        self.levels: dict[str, dict[int, int]] = {"yes": {}, "no": {}}

    def apply(self, kind: str, msg: dict[str, Any]) -> None:
        if kind == "orderbook_snapshot":
            for side, levels in self.levels.items():
                rows = msg.get(f"{side}_dollars_fp", [])
                levels.clear()
                levels.update({price_from_text(p): size_from_text(n) for p, n in rows})
        elif kind == "orderbook_delta":
            levels, price = self.levels[msg["side"]], price_from_text(msg["price_dollars"])
            left = levels.pop(price, 0) + size_from_text(msg["delta_fp"])
            assert left >= 0
            if left:
                levels[price] = left


class ConservationMachine(RuleBasedStateMachine):
    """Three members on three markets, groups, pauses, a moving clock, and two sockets watching."""

    @initialize(maker_fees=st.booleans())
    def open_the_exchange(self, maker_fees: bool) -> None:
        self.clock = ManualClock(OPEN)
        self.engine = Engine(self.clock, lambda _symbol, _at: 6801.0)
        if maker_fees:
            self.engine.override_fees(EVENT, fee_terms("quadratic_with_maker_fees", "1"))
        for name in MEMBERS:
            self.engine.open_account(name, CASH)
        self.markets = list_event(
            "KXINXU", FIXING, 6800.0, strikes=3, open_at=OPEN - timedelta(hours=1)
        )
        for market in self.markets:
            self.engine.list_market(market)
        self.groups = {n: self.engine.create_group(n, 3000).group_id for n in MEMBERS}
        tickers = [market.ticker for market in self.markets]
        self.hub = Hub(self.engine)
        self.session = Session(None, None, self.engine.accounts["ann"])  # type: ignore[arg-type]
        self.hub.sessions.add(self.session)
        for flag in (True, False):
            self.command(
                "subscribe",
                {"channels": ["orderbook_delta"], "market_tickers": tickers, "use_yes_price": flag},
            )
        self.command("subscribe", {"channels": ["fill", "trade", "user_orders", "ticker"]})
        self.keeper = BookKeeper(tuple(tickers))
        self.naive = {ticker: NaiveBook() for ticker in tickers}
        self.seqs: dict[int, int] = {}

    def command(self, cmd: str, params: dict[str, Any]) -> None:
        self.hub._command(self.session, json.dumps({"id": 1, "cmd": cmd, "params": params}))

    def frames(self) -> list[dict[str, Any]]:
        found = []
        while not self.session.outbox.empty():
            found.append(json.loads(self.session.outbox.get_nowait()))
        return found

    def tried(self, action: Any) -> None:
        try:
            action()
        except Rejected as no:
            if no.code not in EXPECTED:
                raise

    def live(self, pick: int) -> Order | None:
        resting = [o for name in MEMBERS for o in self.engine.resting(name)]
        return resting[pick % len(resting)] if resting else None

    # --- what happens ------------------------------------------------------------------------

    @rule(arrivals=st.lists(st.tuples(members, picks, orders), min_size=1, max_size=8))
    def create(self, arrivals: list[tuple[str, int, dict[str, Any]]]) -> None:
        for member, pick, drawn in arrivals:
            order = dict(drawn)
            lasts, grouped = order.pop("lasts"), order.pop("grouped")
            waits = order["time_in_force"] == "good_till_canceled"
            ticket = Ticket(
                self.markets[min(2, pick // 20)].ticker,  # most of them in one market
                **order,
                group_id=self.groups[member] if grouped else "",
                expires_at=self.clock.now() + timedelta(seconds=lasts) if waits and lasts else None,
            )
            self.tried(lambda ticket=ticket, member=member: self.engine.create(member, ticket))

    @rule(member=members, pick=picks, side=st.sampled_from(list(Side)), size=sizes)
    def sweep(self, member: str, pick: int, side: Side, size: int) -> None:
        """Take whatever is there, which opens, closes and turns positions."""
        price = 5200 if side is Side.BID else 4800
        ticket = Ticket(
            self.markets[min(2, pick // 20)].ticker, side, price, size,
            time_in_force="immediate_or_cancel", stp="maker",
        )  # fmt: skip
        self.tried(lambda: self.engine.create(member, ticket))

    @rule(pick=picks, price=cents, size=sizes)
    def amend(self, pick: int, price: int, size: int) -> None:
        order = self.live(pick)
        if order is not None:
            self.tried(
                lambda: self.engine.amend(
                    order.account, order.order_id, price=price, count=order.filled + size
                )
            )

    @rule(pick=picks, by=sizes)
    def decrease(self, pick: int, by: int) -> None:
        order = self.live(pick)
        if order is not None:
            left = min(by, order.remaining)
            self.tried(lambda: self.engine.decrease(order.account, order.order_id, by=left))

    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        order = self.live(pick)
        if order is not None:
            self.tried(lambda: self.engine.cancel(order.account, order.order_id))

    @rule(
        what=st.sampled_from(["cancel all", "group", "pause", "cents", "tenths"]),
        member=members,
        pick=picks,
    )
    def disturb(self, what: str, member: str, pick: int) -> None:
        market = self.markets[pick % 3]
        group = self.engine.group(member, self.groups[member])
        if what == "cancel all":
            self.engine.cancel_all(member)
        elif what == "group":
            (self.engine.reset_group if group.triggered else self.engine.trigger_group)(group)
        elif what == "pause":
            (self.engine.resume if market.paused else self.engine.pause)(market)
        else:
            self.engine.regrid(market, what, CENTS if what == "cents" else TENTHS)

    @rule(seconds=st.sampled_from([0.5, 5.0, 20.0, 90.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.engine.advance()

    @precondition(lambda self: self.session.subscriptions)
    @rule(count=st.integers(min_value=1, max_value=3))
    def lose_frames(self, count: int) -> None:
        self.session.lose += count

    # --- what always holds -------------------------------------------------------------------

    @invariant()
    def money_is_conserved(self) -> None:
        accounts = list(self.engine.accounts.values())
        fees = sum(sum(a.fees.values()) for a in accounts)
        locked = 0
        for market in self.markets:
            held = [a.positions.get(market.ticker, 0) for a in accounts]
            assert sum(held) == 0
            locked += PRICE_UNIT * sum(position for position in held if position > 0)

        assert sum(a.cash for a in accounts) + locked + fees == CASH * len(MEMBERS)

    @invariant()
    def every_account_s_cash_is_the_sum_of_its_fills_and_settlements(self) -> None:
        for account in self.engine.accounts.values():
            cash, held = CASH, dict.fromkeys(self.naive, 0)
            for fill in account.fills:
                before = held[fill.ticker]
                held[fill.ticker] += fill.side.sign * fill.size
                paid = PRICE_UNIT * (abs(min(0, held[fill.ticker])) - abs(min(0, before)))
                cash -= fill.side.sign * fill.price * fill.size + paid + fill.fee
            for paid_out in account.settlements:
                held[paid_out.ticker] = 0
                cash += paid_out.revenue

            assert account.cash == cash
            assert {t: n for t, n in account.positions.items() if n} == {
                t: n for t, n in held.items() if n
            }

    @invariant()
    def what_is_tied_up_is_what_resting_orders_need(self) -> None:
        for name, account in self.engine.accounts.items():
            rows: dict[str, list[tuple[Side, int, int]]] = {}
            for order in self.engine.resting(name):
                rows.setdefault(order.ticker, []).append((order.side, order.price, order.remaining))
            tied = {t: needed(account.positions.get(t, 0), found) for t, found in rows.items()}

            assert account.tied == tied

    @invariant()
    def books_hold_exactly_the_resting_orders_and_never_cross(self) -> None:
        resting = {o.order_id for name in MEMBERS for o in self.engine.resting(name)}
        booked = {o.order_id for market in self.markets for o in market.orders()}
        listed = {
            o.order_id
            for account in self.engine.accounts.values()
            for o in account.orders.values()
            if o.status is OrderStatus.RESTING
        }

        assert resting == booked == listed
        for market in self.markets:
            bid, ask = market.best(Side.BID), market.best(Side.ASK)
            assert bid is None or ask is None or bid < ask
            assert all(o.remaining > 0 for o in market.orders())

    @invariant()
    def sockets_tell_the_true_book_or_show_that_they_lost_something(self) -> None:
        for _ in range(3):  # a snapshot of one book may be what shows the loss in the other
            if not self.take(self.frames()):
                break
            self.session.lose = 0
            self.ask_for_snapshots()
        else:
            raise AssertionError("fresh snapshots did not end the gap")
        if not self.told():
            return
        for market in self.markets:
            yes = {p: market.depth(Side.BID, p) for p in market.bids}
            no = {p: market.depth(Side.ASK, p) for p in market.asks}
            naive, book = self.naive[market.ticker], self.keeper.books[market.ticker]

            assert naive.levels["yes"] == yes
            assert naive.levels["no"] == {PRICE_UNIT - p: n for p, n in no.items()}
            assert dict(book.bids) == yes
            assert dict(book.asks) == no

    def ask_for_snapshots(self) -> None:
        for sid in (1, 2):
            self.command(
                "update_subscription",
                {"sid": sid, "action": "get_snapshot", "market_tickers": list(self.naive)},
            )

    def told(self) -> bool:
        """Say whether the last frame of both books has arrived: a loss shows only with the next."""
        subs = self.session.subscriptions
        return all(subs[sid].seq == self.seqs.get(sid, 0) for sid in (1, 2))

    def take(self, frames: list[dict[str, Any]]) -> bool:
        """Apply frames; say whether one was found to be missing."""
        gap = False
        for frame in frames:
            sid, kind = frame.get("sid", 0), frame["type"]
            if "seq" in frame:
                gap |= frame["seq"] != self.seqs.get(sid, 0) + 1
                self.seqs[sid] = frame["seq"]
            if sid == 1:
                try:
                    self.keeper.apply(frame)
                except SequenceGapError:
                    gap = True
            elif sid == 2 and kind.startswith("orderbook") and not gap:
                self.naive[frame["msg"]["market_ticker"]].apply(kind, frame["msg"])
        return gap

    def teardown(self) -> None:
        """Let everything be paid: no position is left, and nothing was made or lost."""
        if not hasattr(self, "engine"):
            return
        self.clock.advance((FIXING - self.clock.now()).total_seconds() + 3600)
        self.engine.advance()
        accounts = self.engine.accounts.values()
        fees = sum(sum(a.fees.values()) for a in accounts)

        event(f"trades: {sum(len(market.trades) for market in self.markets)}")
        assert [market.result for market in self.markets] == ["yes", "yes", "no"]
        assert all(not market.orders() for market in self.markets)
        assert all(not any(a.positions.values()) for a in accounts)
        assert sum(a.cash for a in accounts) + fees == CASH * len(MEMBERS)


TestConservation = ConservationMachine.TestCase
TestConservation.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
