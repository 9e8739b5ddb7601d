"""The index vendor on loopback, asked over its own wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from kalshi_alpha.clock import NEW_YORK, SystemClock, from_iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.rehearsal.aggregates import midnight
from kalshi_alpha.rehearsal.clock import ScaledClock, Segment
from kalshi_alpha.rehearsal.feed import FeedServer, run_feed
from kalshi_alpha.rehearsal.path import WallPath, load_day

DAY = date(2025, 11, 4)
NOON = datetime(2025, 11, 4, 17, tzinfo=UTC)
NOON_MS = 1_762_275_600_000
HOUR = timedelta(hours=1)
MINUTE_RANGE = f"/v2/aggs/ticker/I:SPX/range/1/minute/{NOON_MS - 120_000}/{NOON_MS}"


class Vendor:
    """A served day and a client of it."""

    def __init__(self, server: FeedServer, http: aiohttp.ClientSession) -> None:
        self.server, self.http = server, http
        self.key, self.ws = server.key, server.ready()["ws"]

    async def get(self, path: str, **query: str) -> Any:
        header = {"Authorization": f"Bearer {self.key}"}
        url = path if path.startswith("http") else self.server.ready()["rest"] + path
        async with self.http.get(url, params=query, headers=header) as answer:
            return await answer.json()

    async def connect(self, *channels: str) -> aiohttp.ClientWebSocketResponse:
        socket = await self.http.ws_connect(self.ws)
        assert [e["status"] for e in await frame(socket)] == ["connected"]
        await say(socket, "auth", self.key)
        assert [e["status"] for e in await frame(socket)] == ["auth_success"]
        if channels:
            await say(socket, "subscribe", ",".join(channels))
        return socket


@asynccontextmanager
async def vendor(at: datetime, speed: float = 1.0) -> AsyncIterator[Vendor]:
    segments = (Segment(at + 24 * HOUR, speed),) if speed != 1.0 else ()
    clock = ScaledClock.starting(at, segments)
    paths = {symbol: load_day(symbol, DAY, seed=1) for symbol in ("SPX", "NDX")}
    server = FeedServer(clock, paths, seed=1)
    await server.start(0)
    try:
        async with aiohttp.ClientSession() as http:
            yield Vendor(server, http)
    finally:
        await server.stop()


def asked(at: datetime, questions: Callable[[Vendor], Awaitable[Any]], speed: float = 1.0) -> Any:
    """Run ``questions`` against a vendor whose clock starts at ``at``."""

    async def run() -> Any:
        async with vendor(at, speed) as served:
            return await asyncio.wait_for(questions(served), 60)

    return asyncio.run(run())


async def say(socket: aiohttp.ClientWebSocketResponse, action: str, params: str) -> None:
    await socket.send_str(json.dumps({"action": action, "params": params}))


async def frame(socket: aiohttp.ClientWebSocketResponse) -> list[dict[str, Any]]:
    received = json.loads(await socket.receive_str(timeout=30))
    assert isinstance(received, list)
    return received


async def events(socket: aiohttp.ClientWebSocketResponse, kind: str, count: int) -> list[Any]:
    found: list[Any] = []
    while len(found) < count:
        found += [event for event in await frame(socket) if event["ev"] == kind]
    return found


# --- REST ------------------------------------------------------------------------------------


def test_without_the_key_nothing_is_answered() -> None:
    async def questions(served: Vendor) -> list[Any]:
        answers = []
        for query in ({}, {"apiKey": "wrong"}, {"apiKey": served.key}):
            url = served.server.ready()["rest"] + "/v1/marketstatus/now"
            async with served.http.get(url, params=query) as answer:
                answers.append((answer.status, (await answer.json()).get("status")))
        return answers

    assert asked(NOON, questions) == [(401, "ERROR"), (401, "ERROR"), (200, None)]


def test_minute_aggregates_are_the_recorded_ones_and_only_the_complete_ones() -> None:
    answer = asked(NOON, lambda served: served.get(MINUTE_RANGE))
    assert answer["status"] == "OK"
    assert answer["ticker"] == "I:SPX"
    assert answer["queryCount"] == answer["resultsCount"] == 2
    assert [row["t"] for row in answer["results"]] == [NOON_MS - 120_000, NOON_MS - 60_000]
    assert answer["results"][1] == {
        "o": 6801.02, "h": 6802.72, "l": 6799.64, "c": 6802.51, "t": NOON_MS - 60_000,
    }  # fmt: skip
    assert "next_url" not in answer


def test_the_limit_counts_base_aggregates_and_pages_follow_each_other() -> None:
    async def questions(served: Vendor) -> list[Any]:
        start = f"/v2/aggs/ticker/I:SPX/range/5/minute/{NOON_MS - 900_000}/{NOON_MS - 1}"
        whole = await served.get(start)
        pages, page = [], await served.get(start, limit="12")
        while "next_url" in page:
            assert served.key not in page["next_url"]
            pages.append(page)
            page = await served.get(page["next_url"])
        pages.append(page)
        assert [row for page in pages for row in page["results"]] == whole["results"]
        downwards = await served.get(start, limit="5", sort="desc")
        second = await served.get(downwards["next_url"])
        return [
            whole["resultsCount"],
            [page["queryCount"] for page in pages],
            [downwards["results"][0], second["results"][0]] == whole["results"][:0:-1],
        ]

    assert asked(NOON, questions) == [3, [10, 5], True]


def test_seconds_hours_and_days_are_made_of_the_same_path() -> None:
    async def questions(served: Vendor) -> Any:
        base = "/v2/aggs/ticker/I:NDX/range/1"
        seconds = await served.get(f"{base}/second/{NOON_MS - 60_000}/{NOON_MS - 1}")
        minute = await served.get(f"{base}/minute/{NOON_MS - 60_000}/{NOON_MS - 1}")
        hours = await served.get(f"{base}/hour/2025-11-04/2025-11-04")
        days = await served.get(f"{base}/day/2025-11-04/2025-11-04")
        return seconds["results"], minute["results"][0], hours["results"], days["results"]

    seconds, minute, hours, days = asked(datetime(2025, 11, 5, 6, tzinfo=UTC), questions)
    assert all(row["o"] == row["h"] == row["l"] == row["c"] for row in seconds)
    assert all(a["c"] != b["c"] for a, b in pairwise(seconds))
    assert max(row["h"] for row in seconds) == minute["h"]
    assert seconds[-1]["c"] == minute["c"]
    assert [row["t"] % 3_600_000 for row in hours] == [0] * 8
    assert hours[0]["t"] == NOON_MS - 3 * 3_600_000
    assert len(days) == 1
    assert days[0]["t"] == NOON_MS - 12 * 3_600_000
    assert days[0]["o"] == hours[0]["o"] == 25580.34
    assert days[0]["c"] == 25435.70


def test_the_running_hour_and_day_are_not_given_out() -> None:
    async def questions(served: Vendor) -> list[int]:
        answers = [
            await served.get(f"/v2/aggs/ticker/I:SPX/range/1/{span}/2025-11-04/2025-11-04")
            for span in ("hour", "day")
        ]
        return [answer["resultsCount"] for answer in answers]

    assert asked(NOON + timedelta(minutes=30), questions) == [3, 0]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/v2/aggs/ticker/I:RUT/range/1/minute/2025-11-04/2025-11-04", 404, "I:RUT"),
        ("/v2/aggs/ticker/I:SPX/range/1/fortnight/2025-11-04/2025-11-04", 400, "fortnight"),
        ("/v2/aggs/ticker/I:SPX/range/0/minute/2025-11-04/2025-11-04", 400, "multiplier"),
        ("/v2/aggs/ticker/I:SPX/range/1/minute/today/2025-11-04", 400, "today"),
        ("/v2/aggs/ticker/I:SPX/range/1/minute/2025-11-04/2025-11-04?limit=50001", 400, "50000"),
        ("/v2/aggs/ticker/I:SPX/range/1/minute/2025-11-04/2025-11-04?cursor=no", 400, "cursor"),
        ("/v1/open-close/I:SPX/2025-11-03", 404, "not found"),
        ("/v1/open-close/I:SPX/2025-11-04", 404, "not found"),
    ],
)
def test_what_cannot_be_answered_is_refused(path: str, status: int, said: str) -> None:
    async def questions(served: Vendor) -> Any:
        url = served.server.ready()["rest"] + path
        header = {"Authorization": f"Bearer {served.key}"}
        async with served.http.get(url, headers=header) as answer:
            return answer.status, await answer.json()

    answered, body = asked(NOON, questions)
    assert answered == status
    assert said in body["error"]


def test_the_snapshot_carries_the_value_of_now_and_unknown_tickers_inside_the_answer() -> None:
    async def questions(served: Vendor) -> Any:
        query = {"ticker.any_of": "I:SPX,I:RUT"}
        return await served.get("/v3/snapshot/indices", **query), await served.get(
            "/v3/snapshot", **{"ticker.any_of": "I:NDX"}
        )

    indices, universal = asked(NOON, questions)
    spx, rut = indices["results"]
    path = load_day("SPX", DAY, seed=1)
    assert spx["type"] == "indices"
    assert spx["timeframe"] == "REAL-TIME"
    assert spx["market_status"] == "open"
    assert 0 <= spx["last_updated"] - NOON_MS * 1_000_000 < 30 * 1_000_000_000
    at = datetime.fromtimestamp(spx["last_updated"] / 1e9, UTC)
    assert spx["value"] == path.value_at(at)
    assert spx["session"]["open"] == 6788.52
    assert spx["session"]["low"] <= spx["value"] <= spx["session"]["high"]
    assert spx["session"]["previous_close"] == 6840.23  # 31 October: the latest recorded before
    assert spx["session"]["change"] == round(spx["value"] - 6840.23, 2)
    assert rut["ticker"] == "I:RUT"
    assert rut["error"] == "NOT_FOUND"
    assert universal["results"][0]["ticker"] == "I:NDX"


def test_before_the_first_value_there_is_no_snapshot() -> None:
    early = asked(NOON - 4 * HOUR, lambda served: served.get("/v3/snapshot/indices"))
    assert [row["error"] for row in early["results"]] == ["NOT_FOUND", "NOT_FOUND"]


def test_a_late_feed_says_so() -> None:
    async def questions(served: Vendor) -> Any:
        served.server.delay_s = 900.0
        return await served.get("/v3/snapshot", **{"ticker.any_of": "I:SPX"}), await served.get(
            MINUTE_RANGE
        )

    snapshot, aggregates = asked(NOON, questions)
    assert snapshot["results"][0]["timeframe"] == "DELAYED"
    assert snapshot["results"][0]["last_updated"] < (NOON_MS - 800_000) * 1_000_000
    assert aggregates["status"] == "DELAYED"
    assert aggregates["results"] == []


def test_the_market_is_open_in_the_session_and_closures_are_announced() -> None:
    async def questions(served: Vendor) -> Any:
        return await served.get("/v1/marketstatus/now"), await served.get(
            "/v1/marketstatus/upcoming"
        )

    now, upcoming = asked(NOON, questions)
    assert now["market"] == now["exchanges"]["nyse"] == now["indicesGroups"]["s_and_p"] == "open"
    assert now["serverTime"].startswith("2025-11-04T12:00:")
    assert now["serverTime"].endswith("-05:00")
    assert upcoming[0] == {
        "date": "2025-11-27", "exchange": "NYSE", "name": "Thanksgiving", "status": "closed",
    }  # fmt: skip
    assert upcoming[1] == upcoming[0] | {"exchange": "NASDAQ"}
    half_day = next(row for row in upcoming if row["status"] == "early-close")
    assert half_day["date"] == "2025-11-28"
    assert half_day["close"] == "2025-11-28T18:00:00Z"
    after = asked(NOON + 5 * HOUR, lambda served: served.get("/v1/marketstatus/now"))
    assert after["market"] == "closed"


def test_the_previous_session_and_the_day_s_own_open_and_close() -> None:
    async def questions(served: Vendor) -> Any:
        return await served.get("/v2/aggs/ticker/I:SPX/prev"), await served.get(
            "/v1/open-close/I:SPX/2025-11-04"
        )

    previous, day = asked(NOON + 5 * HOUR, questions)
    assert previous["results"][0]["T"] == "I:SPX"
    assert previous["results"][0]["o"] == 6879.17
    assert previous["results"][0]["c"] == 6840.23
    assert (day["open"], day["close"], day["from"]) == (6788.52, 6772.40, "2025-11-04")


# --- WebSocket -------------------------------------------------------------------------------


def test_each_channel_is_confirmed_once_and_a_held_one_not_again() -> None:
    async def questions(served: Vendor) -> list[str]:
        served.server.silent = True
        socket = await served.connect()
        await say(socket, "subscribe", "V.I:SPX,A.I:SPX")
        await say(socket, "subscribe", "V.I:SPX,AM.*")
        await say(socket, "unsubscribe", "A.I:SPX,A.I:NDX")
        await say(socket, "subscribe", "V.I:RUT")
        return [event["message"] for _ in range(5) for event in await frame(socket)]

    assert asked(NOON, questions) == [
        "subscribed to: V.I:SPX",
        "subscribed to: A.I:SPX",
        "subscribed to: AM.*",
        "unsubscribed to: A.I:SPX",
        "no such channel: V.I:RUT",
    ]


def test_a_wrong_key_is_refused_and_closed_and_nothing_goes_before_the_key() -> None:
    async def questions(served: Vendor) -> Any:
        socket = await served.http.ws_connect(served.ws)
        await frame(socket)
        await say(socket, "subscribe", "V.I:SPX")
        early = await frame(socket)
        await socket.send_str("not json")
        broken = await frame(socket)
        await say(socket, "auth", "wrong")
        refused = await frame(socket)
        await socket.receive(timeout=30)
        return early[0]["status"], broken[0]["status"], refused[0]["status"], socket.close_code

    assert asked(NOON, questions) == ("error", "error", "auth_failed", 1008)


def test_values_come_about_once_a_second_stamped_with_the_clock() -> None:
    async def questions(served: Vendor) -> list[Any]:
        socket = await served.connect("V.*")
        return await events(socket, "V", 4)

    received = asked(NOON, questions)
    path = {f"I:{s}": load_day(s, DAY, seed=1) for s in ("SPX", "NDX")}
    assert {event["T"] for event in received} == {"I:SPX", "I:NDX"}
    for event in received:
        assert set(event) == {"ev", "T", "val", "t"}
        at = datetime.fromtimestamp(event["t"] / 1000, UTC)
        assert event["val"] == path[event["T"]].value_at(at)
        assert event["t"] >= NOON_MS


def test_an_unchanged_value_is_not_published_again() -> None:
    async def questions(served: Vendor) -> list[Any]:
        socket = await served.connect("V.I:SPX")
        return await events(socket, "V", 40)

    values = [event["val"] for event in asked(NOON, questions, speed=60.0)]
    assert all(a != b for a, b in pairwise(values))


def test_a_fast_clock_gets_the_newest_value_with_its_own_stamp() -> None:
    async def questions(served: Vendor) -> list[Any]:
        socket = await served.connect("V.I:SPX")
        return await events(socket, "V", 6)

    received = asked(NOON, questions, speed=150.0)
    path = load_day("SPX", DAY, seed=1)
    for event in received:
        assert event["val"] == path.value_at(datetime.fromtimestamp(event["t"] / 1000, UTC))
    assert received[-1]["t"] - received[0]["t"] > 15_000


def test_seconds_and_minutes_are_published_when_they_are_over() -> None:
    async def questions(served: Vendor) -> Any:
        socket = await served.connect("A.I:SPX,AM.I:SPX")
        seconds: list[Any] = []
        minutes: list[Any] = []
        while len(minutes) < 2:
            for event in await frame(socket):
                {"A": seconds, "AM": minutes}.get(event["ev"], []).append(event)
        return seconds, minutes

    seconds, minutes = asked(NOON - timedelta(seconds=5), questions, speed=40.0)
    assert {event["e"] - event["s"] for event in seconds} == {1_000}
    assert len({event["s"] for event in seconds}) == len(seconds) > 40
    before = next(event for event in minutes if event["s"] == NOON_MS - 60_000)
    assert before == {
        "ev": "AM", "sym": "I:SPX", "op": 6788.52, "o": 6801.02, "h": 6802.72, "l": 6799.64,
        "c": 6802.51, "s": NOON_MS - 60_000, "e": NOON_MS,
    }  # fmt: skip


def test_a_second_connection_of_the_key_closes_the_first() -> None:
    async def questions(served: Vendor) -> Any:
        served.server.silent = True
        older = await served.connect("V.I:SPX")
        await frame(older)
        newer = await served.connect("V.I:SPX")
        last = await frame(older)
        await older.receive(timeout=30)
        confirmed = await frame(newer)
        return last[0]["status"], older.close_code, confirmed[0]["status"], newer.closed

    assert asked(NOON, questions) == ("max_connections", 1008, "success", False)


@pytest.mark.parametrize(("code", "seen"), [(1000, 1000), (1001, 1001), (1011, 1011), (1006, 1006)])
def test_it_closes_with_the_code_it_is_told(code: int, seen: int) -> None:
    async def questions(served: Vendor) -> int | None:
        socket = await served.connect()
        await served.server.close_with(code)
        await socket.receive(timeout=30)
        return socket.close_code

    assert asked(NOON, questions) == seen


def test_a_silent_feed_stays_connected_and_a_delayed_one_stamps_itself_late() -> None:
    async def questions(served: Vendor) -> Any:
        served.server.silent = True
        socket = await served.connect("V.I:SPX")
        await frame(socket)
        with pytest.raises(asyncio.TimeoutError):
            await socket.receive(timeout=0.5)
        served.server.delay_s, served.server.silent = 900.0, False
        return await events(socket, "V", 1), socket.closed

    (event,), closed = asked(NOON, questions, speed=20.0)
    assert not closed
    assert NOON_MS - 900_000 <= event["t"] < NOON_MS - 600_000
    at = datetime.fromtimestamp(event["t"] / 1000, UTC)
    assert event["val"] == load_day("SPX", DAY, seed=1).value_at(at)


def test_a_clock_laid_anew_is_followed_both_ways() -> None:
    async def questions(served: Vendor) -> list[int]:
        socket = await served.connect("V.I:SPX,A.I:SPX")
        clock, stamps = served.server._clock, []
        assert isinstance(clock, ScaledClock)
        for start in (NOON + 3 * HOUR, NOON - HOUR):
            clock.relay(ScaledClock.starting(start, [Segment(start + HOUR, 20.0)]).timeline)
            found = await events(socket, "V", 4)
            stamps.append(found[-1]["t"])
        return stamps

    later, earlier = asked(NOON, questions, speed=20.0)
    assert 0 <= later - (NOON_MS + 3 * 3_600_000) < 600_000
    assert 0 <= earlier - (NOON_MS - 3_600_000) < 600_000


def test_it_says_where_it_listens_and_the_key_follows_from_the_seed() -> None:
    async def questions(served: Vendor) -> dict[str, str]:
        return served.server.ready()

    ready, again = asked(NOON, questions), asked(NOON, questions)
    assert sorted(ready) == ["day", "key", "rest", "ws"]
    assert ready["day"] == "2025-11-04"
    assert ready["key"] == again["key"]
    assert ready["ws"] == ready["rest"].replace("http", "ws") + "/indices"


# --- alone, on wall time ---------------------------------------------------------------------


def test_alone_it_prints_one_line_and_serves_wall_time_and_the_recorded_day(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def run() -> Any:
        task = asyncio.create_task(run_feed(0, DAY, seed=1))
        printed = ""
        for _ in range(1_000):
            printed += capsys.readouterr().out
            if printed:
                break
            await asyncio.sleep(0.02)
        ready = json.loads(printed)
        header = {"Authorization": f"Bearer {ready['key']}"}
        async with aiohttp.ClientSession(ready["rest"], headers=header) as http:

            async def get(path: str) -> Any:
                async with http.get(path) as answer:
                    return await answer.json()

            now = SystemClock().now()
            snapshot = await get("/v3/snapshot?ticker.any_of=I:SPX")
            status = await get("/v1/marketstatus/now")
            recorded = await get("/v2/aggs/ticker/I:SPX/range/1/minute/2025-11-04/2025-11-04")
            end = int(now.timestamp() * 1000)
            laid = await get(f"/v2/aggs/ticker/I:SPX/range/1/minute/{end - 600_000}/{end}")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return printed, snapshot["results"][0], status, recorded, laid, now

    printed, snapshot, status, recorded, laid, now = asyncio.run(run())
    assert printed.count("\n") == 1
    wall = WallPath(load_day("SPX", DAY, seed=1))
    at = datetime.fromtimestamp(snapshot["last_updated"] // 1_000_000_000, UTC)
    assert snapshot["value"] == wall.value_at(at)
    assert status["market"] == "open"
    assert abs((from_iso(status["serverTime"]) - now).total_seconds()) < 60
    assert recorded["results"][150]["c"] == 6798.90
    assert recorded["resultsCount"] == 396
    minutes_of_today = (now - midnight(now.astimezone(NEW_YORK).date())) // timedelta(minutes=1)
    assert len(laid["results"]) >= min(9, minutes_of_today - 1)
    assert all(row["t"] % 60_000 == 0 for row in laid["results"])
    assert all(row["t"] < now.timestamp() * 1000 for row in laid["results"])


def test_alone_it_refuses_a_day_that_is_not_recorded() -> None:
    with pytest.raises(DataError, match="the recorded days are 2025-10-31, 2025-11-04"):
        asyncio.run(run_feed(0, date(2025, 11, 5), seed=1))
