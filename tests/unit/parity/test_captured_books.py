"""The books of a capture by instant: what they were, and when nobody knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kalshi_alpha.markets.book import Book
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.parity.tape import TapeKeeper

T0 = datetime(2026, 10, 6, 15, 56, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def frame(kind: str, seq: int, seconds: float | None = None, **msg: Any) -> dict[str, Any]:
    if seconds is not None:
        msg["ts_ms"] = round(at(seconds).timestamp() * 1000)
    return {"type": kind, "sid": 3, "seq": seq, "msg": {"market_ticker": "M"} | msg}


def snapshot(seq: int, bid: str = "0.4000", size: str = "10.00") -> dict[str, Any]:
    return frame("orderbook_snapshot", seq, yes_dollars_fp=[[bid, size]])


def delta(seq: int, seconds: float, price: str, change: str) -> dict[str, Any]:
    where = {"price_dollars": price, "delta_fp": change, "side": "yes"}
    return frame("orderbook_delta", seq, seconds, **where)


def book(*bids: tuple[int, int]) -> Book:
    found = Book("M")
    found.apply_snapshot(bids, [])
    return found


@pytest.fixture
def keeper() -> TapeKeeper:
    """Return a keeper that has heard a snapshot at 1.2 and two changes at 1 and 3 s."""
    keeper = TapeKeeper()
    assert keeper.take(snapshot(1), at(1.2)) == ""
    assert keeper.take(delta(2, 1.0, "0.4000", "5.00"), at(1.3)) == ""
    assert keeper.take(delta(3, 3.0, "0.4100", "1.00"), at(3.2)) == ""
    return keeper


def test_a_snapshot_takes_the_time_of_the_next_frame(keeper: TapeKeeper) -> None:
    assert [event.at for event in keeper.tapes["M"].events] == [at(1), at(1), at(3)]


def test_a_level_is_told_by_instants(keeper: TapeKeeper) -> None:
    tape = keeper.tapes["M"]
    assert tape.level(Side.BID, 4000) == [(at(1), 1000), (at(1), 1500)]
    assert tape.level(Side.BID, 4100) == [(at(1), 0), (at(3), 100)]
    assert tape.level(Side.ASK, 4100) == [(at(1), 0)]


@pytest.mark.parametrize(
    ("bids", "since", "until", "met"),
    [
        (((4000, 1500),), 1.5, 2.0, True),  # it stood so all the while
        (((4000, 1500),), 2.5, 3.5, True),  # at the begin of the span
        (((4000, 1500), (4100, 100)), 2.5, 3.5, True),
        (((4000, 1500), (4100, 100)), 1.5, 2.5, False),  # only later
        (((4000, 1500),), 3.5, 4.0, False),  # only before
        (((4000, 1500),), 0.1, 0.9, None),  # before anything is known
    ],
)
def test_a_book_is_met_where_it_stood_at_some_instant(
    keeper: TapeKeeper,
    bids: tuple[tuple[int, int], ...],
    since: float,
    until: float,
    met: bool | None,
) -> None:
    assert keeper.tapes["M"].met(book(*bids), at(since), at(until)) is met


def test_after_a_gap_nothing_is_known_until_it_is_told_again(keeper: TapeKeeper) -> None:
    said = keeper.take(delta(5, 4.0, "0.4000", "-15.00"), at(4.1))
    assert "frame 5 came where 4 was due" in said
    tape = keeper.tapes["M"]
    assert tape.met(book((4000, 1500), (4100, 100)), at(5), at(6)) is None
    assert keeper.take(snapshot(6, size="2.00"), at(7)) == ""
    assert tape.met(book((4000, 200)), at(8), at(9)) is True


def test_a_market_let_go_is_not_known_any_more(keeper: TapeKeeper) -> None:
    told = {"type": "ok", "sid": 3, "seq": 4, "msg": {"market_tickers": ["OTHER"]}}
    assert keeper.take(told, at(4)) == ""
    assert keeper.tapes["M"].met(book((4000, 1500), (4100, 100)), at(5), at(6)) is None


def test_a_new_connection_knows_nothing_of_the_old_one(keeper: TapeKeeper) -> None:
    keeper.anew(at(4))
    assert keeper.tapes["M"].met(book((4000, 1500), (4100, 100)), at(5), at(6)) is None
    assert keeper.take(snapshot(1), at(7)) == ""
    assert keeper.tapes["M"].met(book((4000, 1000)), at(8), at(9)) is True


def test_a_frame_that_cannot_be_read_is_told(keeper: TapeKeeper) -> None:
    said = keeper.take(delta(4, 4.0, "forty", "1.00"), at(4.1))
    assert "frames of the books are missing at 15:56:04" in said
    assert keeper.tapes["M"].met(book((4000, 1500), (4100, 100)), at(5), at(6)) is None


def test_frames_of_other_kinds_are_passed_over(keeper: TapeKeeper) -> None:
    assert keeper.take({"type": "subscribed", "id": 1}, at(4)) == ""
    assert len(keeper.tapes["M"].events) == 3
