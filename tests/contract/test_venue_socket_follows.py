"""The venue's socket as the sentry uses it: markets come and go, our orders, every kind of loss."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime

import pytest

from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.orders import NewOrder, OrderStatus, Side
from kalshi_alpha.rehearsal.exchange.engine import Ticket
from kalshi_alpha.venues.kalshi import stream as stream_module
from kalshi_alpha.venues.kalshi.keeper import BookKeeper
from kalshi_alpha.venues.kalshi.stream import BooksStale, BookStream, Event, Opened, OrderChanged
from kalshi_alpha.venues.kalshi.trader import KalshiTrader
from tests.exchange_host import FIXING, MIDDLE, Host, hosting

OTHER, THIRD = MIDDLE.replace("6799", "6804"), MIDDLE.replace("6799", "6794")


@pytest.fixture
def host() -> Iterator[Host]:
    with hosting() as host:
        yield host


class Follower:
    """A stream under way, and everything it said."""

    def __init__(self, host: Host, *tickers: str, own: bool = False) -> None:
        self.host, self.events, self.frames = host, list[Event](), list[str]()
        url = str(host.server.ready()["ws"])
        self.stream = BookStream(
            url, host.clock, host.credentials, tickers, own=own, note=self._note
        )

    def _note(self, text: str, _: datetime) -> None:
        self.frames.append(text)

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    def current(self, *tickers: str) -> Callable[[], bool]:
        return lambda: all(self.stream.keeper.trusted(ticker) for ticker in tickers)

    def run(self, act: Callable[[], Awaitable[None]]) -> None:
        async def listen() -> None:
            async for event in self.stream.events():
                self.events.append(event)

        async def both() -> None:
            listening = asyncio.create_task(listen())
            try:
                await asyncio.wait_for(act(), 15)
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

        asyncio.run(both())


async def until(check: Callable[[], bool]) -> None:
    for _ in range(500):
        if check():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass within five seconds")


def test_markets_are_added_and_let_go_on_the_open_socket(host: Host) -> None:
    follower = Follower(host)

    async def act() -> None:
        await until(lambda: bool(follower.of(Opened)))
        assert follower.frames == []  # nothing wanted, nothing asked for
        follower.stream.follow([MIDDLE])
        await until(follower.current(MIDDLE))
        follower.stream.follow([MIDDLE, OTHER, THIRD])
        await until(follower.current(MIDDLE, OTHER, THIRD))
        follower.stream.follow([THIRD])
        await asyncio.to_thread(host.rival, "bid", 4500, 300, THIRD)
        await until(lambda: bool(follower.stream.keeper.books[THIRD].bids))

    follower.run(act)

    assert set(follower.stream.keeper.books) == {THIRD}
    assert len(follower.of(Opened)) == 1
    assert follower.of(BooksStale) == []


def test_a_change_of_mind_before_the_venue_has_answered_is_kept(host: Host) -> None:
    follower = Follower(host, MIDDLE)

    async def act() -> None:
        await until(lambda: bool(follower.of(Opened)))
        follower.stream.follow([OTHER])
        await until(follower.current(OTHER))

    follower.run(act)

    assert set(follower.stream.keeper.books) == {OTHER}


def test_public_trades_are_kept_of_the_markets_followed_and_of_no_other(host: Host) -> None:
    follower = Follower(host, MIDDLE)

    def trades() -> list[tuple[str, str]]:
        found = [
            frame["msg"] for frame in map(json.loads, follower.frames) if frame["type"] == "trade"
        ]
        return [(msg["market_ticker"], msg["count_fp"]) for msg in found]

    def trade(ticker: str, size: int) -> None:
        host.rival("bid", 4500, size, ticker)
        sale = Ticket(ticker, Side.ASK, 4500, size, time_in_force="immediate_or_cancel")
        host.run(lambda: host.engine.create("member", sale))

    async def act() -> None:
        await until(lambda: '"channel":"trade"' in "".join(follower.frames).replace(" ", ""))
        await asyncio.to_thread(trade, MIDDLE, 100)
        await until(lambda: len(trades()) == 1)
        follower.stream.follow([OTHER])
        await until(follower.current(OTHER))
        await until(lambda: "".join(follower.frames).count('"ok"') == 4)
        await asyncio.to_thread(trade, MIDDLE, 200)
        await asyncio.to_thread(trade, OTHER, 300)
        await until(lambda: len(trades()) == 2)

    follower.run(act)

    assert trades() == [(MIDDLE, "1.00"), (OTHER, "3.00")]
    assert follower.of(BooksStale) == []


def test_our_own_orders_are_told_as_they_change(host: Host) -> None:
    follower = Follower(host, own=True)
    trader = KalshiTrader(host.base, host.clock, host.credentials)
    order = NewOrder(MIDDLE, Side.BID, 4500, 100, "mine-1", FIXING)

    async def act() -> None:
        await until(lambda: len(follower.frames) == 2)  # both subscriptions are answered
        ack = await asyncio.to_thread(trader.create, order)
        await until(lambda: len(follower.of(OrderChanged)) == 1)
        await asyncio.to_thread(trader.cancel, ack.order_id)
        await until(lambda: len(follower.of(OrderChanged)) == 2)

    follower.run(act)
    trader.close()
    first, second = (event.order for event in follower.of(OrderChanged))

    assert (first.ticker, first.side, first.price, first.remaining_size) == (
        MIDDLE, Side.BID, 4500, 100,
    )  # fmt: skip
    assert (first.status, second.status) == (OrderStatus.RESTING, OrderStatus.CANCELED)


def test_an_overflow_at_the_venue_ends_in_fresh_books(host: Host) -> None:
    follower = Follower(host, MIDDLE, OTHER, own=True)

    async def act() -> None:
        await until(follower.current(MIDDLE, OTHER))
        first = follower.stream.keeper
        host.run(lambda: [session.overflow() for session in host.server.hub.sessions])
        await until(lambda: follower.stream.keeper is not first)
        await until(follower.current(MIDDLE, OTHER))

    follower.run(act)
    (stale,) = follower.of(BooksStale)

    assert "Subscription buffer overflow" in stale.reason
    assert len(follower.of(Opened)) == 2


def test_a_connection_that_is_cut_is_opened_again(host: Host) -> None:
    follower = Follower(host, MIDDLE)

    async def act() -> None:
        await until(follower.current(MIDDLE))
        host.run(lambda: [session.cut() for session in host.server.hub.sessions])
        await until(lambda: len(follower.of(Opened)) == 2)
        await until(follower.current(MIDDLE))

    follower.run(act)

    assert [event.tickers for event in follower.of(BooksStale)] == [(MIDDLE,)]


def test_falling_too_far_behind_starts_again_from_snapshots(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "_BACKLOG", 0)
    follower = Follower(host, MIDDLE)

    async def act() -> None:
        await until(lambda: bool(follower.of(BooksStale)))
        monkeypatch.setattr(stream_module, "_BACKLOG", 1000)
        await until(follower.current(MIDDLE))

    follower.run(act)

    assert "0 frames were waiting to be read" in follower.of(BooksStale)[0].reason


def test_a_snapshot_that_does_not_come_ends_the_connection(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "_SNAPSHOT_SECONDS", 0.3)
    follower = Follower(host, MIDDLE)

    async def act() -> None:
        await until(follower.current(MIDDLE))
        follower.stream.follow([MIDDLE, "KXINXU-26OCT06H1200-T1.9999"])  # no such market
        await until(lambda: bool(follower.of(BooksStale)))

    follower.run(act)

    assert "no snapshot came within 0.3 s" in follower.of(BooksStale)[0].reason


def test_noted_frames_rebuild_the_same_books(host: Host) -> None:
    follower = Follower(host, MIDDLE)

    async def act() -> None:
        await until(follower.current(MIDDLE))
        await asyncio.to_thread(host.rival, "bid", 4600, 300)
        await asyncio.to_thread(host.rival, "ask", 5000, 200)
        await until(lambda: follower.stream.keeper.books[MIDDLE].top().ask == 5000)

    follower.run(act)
    again = BookKeeper((MIDDLE,))
    for text in follower.frames:
        frame = json.loads(text)
        if "sid" in frame:
            again.apply(frame)

    assert again.books[MIDDLE].top() == Top(4600, 300, 5000, 200)
