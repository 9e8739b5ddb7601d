"""The index vendor's REST against canned answers: pages, chunks, retries, entitlement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.errors import (
    DataError,
    SecretError,
    StaleDataError,
    VenueError,
    VenueRejected,
    VenueThrottled,
    VenueUnavailable,
)
from kalshi_alpha.venues.massive.rest import Bar, MassiveReader, Snapshot

KEY = "vendor-key-0123456789"
OPEN = datetime(2025, 11, 4, 14, 30, tzinfo=UTC)
OPEN_MS = 1_762_266_600_000
MINUTE = timedelta(minutes=1)
Answer = Callable[[httpx.Request], httpx.Response]


class Vendor:
    """Answers in order, the last one for ever, and remembers what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception | Answer) -> None:
        self._answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


def ok(**body: Any) -> httpx.Response:
    return httpx.Response(200, json={"status": "OK", "request_id": "r1"} | body)


def bar(minute: int, close: float = 6801.0) -> dict[str, float]:
    return {"o": 6800.0, "h": 6802.0, "l": 6799.5, "c": close, "t": OPEN_MS + 60_000 * minute}


@contextmanager
def reading(vendor: Vendor, url: str = "https://feed.test") -> Iterator[MassiveReader]:
    reader = MassiveReader(url, KEY, ManualClock(OPEN), httpx.MockTransport(vendor))
    try:
        yield reader
    finally:
        reader.close()


def bars_of(vendor: Vendor, minutes: int = 30) -> list[Bar]:
    with reading(vendor) as reader:
        return reader.aggregates("I:SPX", OPEN, OPEN + minutes * MINUTE)


def test_a_bar_without_volume_is_read_with_its_start_and_end():
    assert bars_of(Vendor(ok(ticker="I:SPX", resultsCount=1, results=[bar(0)]))) == [
        Bar(OPEN, OPEN + MINUTE, 6800.0, 6802.0, 6799.5, 6801.0)
    ]


def test_the_key_travels_in_the_header_and_never_in_the_address():
    vendor = Vendor(ok(results=[]))
    assert bars_of(vendor) == []
    (request,) = vendor.asked
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in str(request.url)
    assert request.url.path == ("/v2/aggs/ticker/I:SPX/range/1/minute/1762266600000/1762268399999")
    assert dict(request.url.params) == {"sort": "asc", "limit": "50000"}


def test_bars_come_sorted_once_each_the_later_print_replacing_the_earlier():
    rows = [bar(2), bar(0), bar(1, close=6803.0), bar(1, close=6804.0)]
    found = bars_of(Vendor(ok(results=rows)))
    assert [(b.start - OPEN, b.close) for b in found] == [
        (0 * MINUTE, 6801.0),
        (1 * MINUTE, 6804.0),
        (2 * MINUTE, 6801.0),
    ]


def test_a_bar_outside_the_range_that_was_asked_for_is_left_out():
    found = bars_of(Vendor(ok(results=[bar(-1), bar(0), bar(30)])))
    assert [b.start for b in found] == [OPEN]


def test_a_wider_multiple_ends_later():
    with reading(Vendor(ok(results=[bar(0)]))) as reader:
        (found,) = reader.aggregates("I:NDX", OPEN, OPEN + 30 * MINUTE, multiplier=5)
    assert found.end == OPEN + 5 * MINUTE


def test_every_page_is_followed_on_the_same_host_with_the_key():
    following = "https://feed.test/v2/aggs/ticker/I:SPX/range/1/minute/1/2?cursor=abc&limit=50000"
    vendor = Vendor(ok(results=[bar(0)], next_url=following), ok(results=[bar(1)]))
    assert [b.start for b in bars_of(vendor)] == [OPEN, OPEN + MINUTE]
    assert str(vendor.asked[1].url) == following
    assert vendor.asked[1].headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "following",
    [
        "https://elsewhere.test/v2/aggs?cursor=abc",
        "https://feed.test.elsewhere.test/v2/aggs?cursor=abc",
        "//elsewhere.test/v2/aggs?cursor=abc",
        "https://feed.test@elsewhere.test/v2/aggs?cursor=abc",
    ],
)
def test_a_page_on_another_host_is_refused_before_the_key_is_sent(following):
    vendor = Vendor(ok(results=[bar(0)], next_url=following))
    with pytest.raises(DataError, match="another host"):
        bars_of(vendor)
    assert [request.url.host for request in vendor.asked] == ["feed.test"]


def test_a_redirect_is_not_followed():
    vendor = Vendor(httpx.Response(302, headers={"Location": "https://elsewhere.test/"}))
    with pytest.raises(VenueRejected, match="302"):
        bars_of(vendor)
    assert len(vendor.asked) == 1


def test_pages_that_never_end_are_refused():
    vendor = Vendor(lambda request: ok(results=[], next_url=str(request.url)))
    with pytest.raises(DataError, match="more than 1000 pages"):
        bars_of(vendor)


def test_a_long_range_is_asked_for_in_chunks_that_touch_without_overlap():
    vendor = Vendor(lambda _: ok(results=[]))
    with reading(vendor) as reader:
        assert reader.aggregates("I:SPX", OPEN, OPEN + timedelta(days=70)) == []
    spans = [tuple(map(int, r.url.path.split("/")[-2:])) for r in vendor.asked]
    day = 86_400_000
    assert spans == [
        (OPEN_MS, OPEN_MS + 30 * day - 1),
        (OPEN_MS + 30 * day, OPEN_MS + 60 * day - 1),
        (OPEN_MS + 60 * day, OPEN_MS + 70 * day - 1),
    ]


def test_an_empty_range_asks_nothing():
    vendor = Vendor(ok(results=[bar(0)]))
    with reading(vendor) as reader:
        assert reader.aggregates("I:SPX", OPEN, OPEN) == []
    assert vendor.asked == []


def test_a_span_the_vendor_does_not_know_is_refused():
    with reading(Vendor(ok())) as reader, pytest.raises(DataError, match="fortnight"):
        reader.aggregates("I:SPX", OPEN, OPEN + MINUTE, timespan="fortnight")


def test_a_range_without_a_time_zone_is_refused():
    with reading(Vendor(ok())) as reader, pytest.raises(ValueError, match="no time zone"):
        reader.aggregates("I:SPX", OPEN.replace(tzinfo=None), OPEN)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_trouble_is_asked_again_after_growing_pauses(status):
    clock = ManualClock(OPEN)
    trouble = httpx.Response(status)
    vendor = Vendor(trouble, trouble, trouble, ok(results=[bar(0)]))
    reader = MassiveReader("https://feed.test", KEY, clock, httpx.MockTransport(vendor))
    assert len(reader.aggregates("I:SPX", OPEN, OPEN + MINUTE)) == 1
    reader.close()
    assert clock.monotonic() == pytest.approx(0.2 + 0.4 + 0.8)


@pytest.mark.parametrize(
    ("answer", "kind", "asked"),
    [
        (httpx.Response(429), VenueThrottled, 4),
        (httpx.Response(503), VenueUnavailable, 4),
        (httpx.ReadTimeout("late"), VenueUnavailable, 4),
        (httpx.ConnectError("refused"), VenueUnavailable, 4),
        (httpx.Response(400), VenueRejected, 1),
        (httpx.Response(404), VenueRejected, 1),
    ],
)
def test_what_does_not_pass_ends_in_its_own_error(answer, kind, asked):
    vendor = Vendor(answer)
    with pytest.raises(VenueError) as caught:
        bars_of(vendor)
    assert type(caught.value) is kind
    assert len(vendor.asked) == asked
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_said_once_and_never_shown(status):
    vendor = Vendor(httpx.Response(status, json={"error": f"unknown key {KEY}"}))
    with pytest.raises(SecretError) as caught:
        bars_of(vendor)
    assert str(status) in str(caught.value)
    assert KEY not in str(caught.value)
    assert len(vendor.asked) == 1


def test_a_refusal_inside_a_200_is_no_empty_day():
    vendor = Vendor(ok(status="NOT_AUTHORIZED", message=f"no plan for {KEY}"))
    with pytest.raises(SecretError) as caught:
        bars_of(vendor)
    assert KEY not in str(caught.value)


def test_an_error_inside_a_200_is_no_empty_day():
    with pytest.raises(DataError, match="ERROR"):
        bars_of(Vendor(ok(status="ERROR", error="something")))


def test_a_missing_key_is_refused_before_anything_is_asked():
    with pytest.raises(SecretError):
        MassiveReader("https://feed.test", "", ManualClock(OPEN))


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json=[1]),
        ok(results=[{"t": OPEN_MS, "o": 1.0, "h": 1.0, "l": 1.0}]),
        ok(results=[{"t": "soon", "o": 1.0, "h": 1.0, "l": 1.0, "c": 1.0}]),
        ok(results=["bar"]),
    ],
)
def test_an_answer_that_cannot_be_read_is_a_data_error(answer):
    with pytest.raises(DataError):
        bars_of(Vendor(answer))


def row(ticker: str = "I:SPX", **changes: Any) -> dict[str, Any]:
    return {
        "ticker": ticker,
        "name": "an index",
        "type": "indices",
        "value": 6801.25,
        "last_updated": 1_762_266_660_500_000_000,
        "timeframe": "REAL-TIME",
        "market_status": "open",
        "session": {"open": 6800.0},
    } | changes


def snapshot_of(*rows: dict[str, Any]) -> dict[str, Snapshot]:
    with reading(Vendor(ok(results=list(rows)))) as reader:
        return reader.snapshot(["I:SPX", "I:NDX"])


def test_a_real_time_snapshot_gives_value_and_time_of_every_ticker():
    at = datetime(2025, 11, 4, 14, 31, 0, 500_000, tzinfo=UTC)
    assert snapshot_of(row(), row("I:NDX", value=25_600.5)) == {
        "I:SPX": Snapshot("I:SPX", 6801.25, at, "REAL-TIME", "open"),
        "I:NDX": Snapshot("I:NDX", 25_600.5, at, "REAL-TIME", "open"),
    }


def test_the_tickers_are_asked_for_by_name():
    vendor = Vendor(ok(results=[row()]))
    with reading(vendor) as reader:
        reader.snapshot(["I:SPX"])
    assert vendor.asked[0].url.path == "/v3/snapshot/indices"
    assert vendor.asked[0].url.params["ticker.any_of"] == "I:SPX"


@pytest.mark.parametrize(
    "bad",
    [
        row("I:NDX", timeframe="DELAYED"),
        row("I:NDX", timeframe=None),
        {"ticker": "I:NDX", "error": "NOT_ENTITLED", "message": "upgrade"},
    ],
)
def test_one_index_that_is_not_in_real_time_refuses_the_whole_snapshot(bad):
    with pytest.raises(StaleDataError, match="I:NDX"):
        snapshot_of(row(), bad)


@pytest.mark.parametrize(
    "rest",
    [
        [{"ticker": "I:NDX", "error": "NOT_FOUND", "message": "no such index"}],
        [row("I:NDX", value=None)],
        [row("I:NDX", last_updated="yesterday")],
        [],
    ],
)
def test_an_index_that_is_unknown_unreadable_or_missing_is_a_data_error(rest):
    with pytest.raises(DataError, match="I:NDX") as caught:
        snapshot_of(row(), *rest)
    assert not isinstance(caught.value, StaleDataError)


def test_the_market_status_is_handed_on_as_it_is():
    vendor = Vendor(httpx.Response(200, json={"market": "open", "serverTime": "2025-11-04T09:31"}))
    with reading(vendor) as reader:
        assert reader.market_status()["market"] == "open"
    assert vendor.asked[0].url.path == "/v1/marketstatus/now"


def test_a_proxy_in_the_environment_never_sees_the_key(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    reader = MassiveReader("https://feed.test", KEY, ManualClock(OPEN))
    assert reader._client.trust_env is False
    reader.close()
