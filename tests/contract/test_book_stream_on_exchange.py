"""The book stream against the real exchange: snapshots, deltas, lost messages, lost connections."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from kalshi_alpha.clock import SystemClock
from kalshi_alpha.errors import SecretError, SequenceGapError
from kalshi_alpha.markets.book import Top
from kalshi_alpha.venues.kalshi.signing import Credentials
from kalshi_alpha.venues.kalshi.stream import (
    BookChanged,
    BookKeeper,
    BooksStale,
    BookStream,
    Event,
)
from tests.exchange_host import MIDDLE, Host, hosting

OTHER = MIDDLE.replace("6799", "6804")


@pytest.fixture
def host() -> Iterator[Host]:
    with hosting() as host:
        yield host


def frame(kind: str, seq: int, **msg: object) -> dict[str, object]:
    return {"type": kind, "sid": 1, "seq": seq, "msg": {"market_ticker": MIDDLE} | msg}


def snapshot(seq: int) -> dict[str, object]:
    return frame("orderbook_snapshot", seq, yes_dollars_fp=[["0.4500", "10.00"]])


def delta(seq: int, price: str, size: str) -> dict[str, object]:
    return frame("orderbook_delta", seq, side="yes", price_dollars=price, delta_fp=size)


def follow(
    host: Host, act: Callable[[BookStream], Awaitable[None]], *, key_id: str = ""
) -> list[Event]:
    """Follow two books while ``act`` runs; return the events."""
    seen: list[Event] = []
    known = host.credentials
    clock = host.clock if not key_id else SystemClock()
    credentials = Credentials(key_id or known.key_id, known.signer)

    async def run() -> None:
        url = str(host.server.ready()["ws"])
        stream = BookStream(url, clock, credentials, (MIDDLE, OTHER))

        async def listen() -> None:
            async for event in stream.events():
                seen.append(event)  # noqa: PERF401 - seen as they come, for there is no end

        listening = asyncio.create_task(listen())
        acting = asyncio.create_task(act(stream))
        await asyncio.wait({listening, acting}, timeout=15, return_when=asyncio.FIRST_COMPLETED)
        for task in (acting, listening):
            task.cancel()
        results = await asyncio.gather(acting, listening, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    asyncio.run(run())
    return seen


async def until(check: Callable[[], bool]) -> None:
    for _ in range(500):
        if check():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass within five seconds")


def test_a_book_is_the_snapshot_and_then_its_deltas(host: Host) -> None:
    host.rival("bid", 4500)
    tops: list[Top] = []

    async def act(stream: BookStream) -> None:
        await until(lambda: not stream.keeper.stale)
        await asyncio.to_thread(host.rival, "bid", 4600, 300)
        await asyncio.to_thread(host.rival, "ask", 5000, 200)
        await until(lambda: stream.keeper.books[MIDDLE].top().ask == 5000)
        tops.append(stream.keeper.books[MIDDLE].top())

    events = follow(host, act)

    assert tops == [Top(4600, 300, 5000, 200)]
    assert {event.ticker for event in events if isinstance(event, BookChanged)} == {MIDDLE, OTHER}


def test_a_lost_message_makes_every_book_stale_until_fresh_snapshots(host: Host) -> None:
    async def act(stream: BookStream) -> None:
        await until(lambda: not stream.keeper.stale)
        host.run(lambda: [setattr(s, "lose", 1) for s in host.server.hub.sessions])
        await asyncio.to_thread(host.rival, "bid", 4500)
        await asyncio.to_thread(host.rival, "bid", 4600)
        await until(
            lambda: (
                not stream.keeper.stale
                and stream.keeper.books[MIDDLE].bids == ((4600, 1000), (4500, 1000))
            )
        )

    events = follow(host, act)
    stale = [event for event in events if isinstance(event, BooksStale)]

    assert [event.tickers for event in stale] == [(MIDDLE, OTHER)]
    assert "due" in stale[0].reason


def test_a_lost_connection_is_opened_again_with_fresh_books(host: Host) -> None:
    async def act(stream: BookStream) -> None:
        await until(lambda: not stream.keeper.stale)
        first = stream.keeper
        asyncio.run_coroutine_threadsafe(host.server.hub.close(), host.loop).result(5)
        await until(lambda: stream.keeper is not first and not stream.keeper.stale)

    events = follow(host, act)

    assert any(isinstance(event, BooksStale) for event in events)


def test_a_key_the_exchange_does_not_know_ends_the_stream(host: Host) -> None:
    async def act(stream: BookStream) -> None:
        del stream
        await asyncio.sleep(10)

    with pytest.raises(SecretError, match="does not accept"):
        follow(host, act, key_id="nobody")


def test_a_gap_is_an_error_and_the_delta_that_shows_it_is_not_applied() -> None:
    keeper = BookKeeper((MIDDLE,))
    keeper.apply(snapshot(1))

    with pytest.raises(SequenceGapError, match="frame 3 came where 2 was due"):
        keeper.apply(delta(3, "0.4600", "5.00"))
    assert keeper.stale == {MIDDLE}
    assert keeper.apply(delta(4, "0.4700", "5.00")) is None


def test_a_delta_below_nothing_is_an_error_and_the_book_stale() -> None:
    keeper = BookKeeper((MIDDLE,))
    keeper.apply(snapshot(1))

    with pytest.raises(SequenceGapError):
        keeper.apply(delta(2, "0.4500", "-11.00"))
    assert keeper.stale == {MIDDLE}


def test_no_book_is_trusted_before_its_snapshot() -> None:
    keeper = BookKeeper((MIDDLE,))

    assert keeper.apply(delta(1, "0.4600", "5.00")) is None
    assert keeper.books == {}


def test_a_side_whose_key_is_absent_is_empty() -> None:
    keeper = BookKeeper((MIDDLE,))

    changed = keeper.apply(snapshot(1))

    assert changed == BookChanged(MIDDLE, Top(4500, 1000, None, 0))
