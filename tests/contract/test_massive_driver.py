"""The index socket's driver against a vendor that misbehaves in every known way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Self

import pytest
from aiohttp import WSMsgType, web

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.errors import SecretError
from kalshi_alpha.venues.massive import inbox as inbox_module
from kalshi_alpha.venues.massive.inbox import Inbox
from kalshi_alpha.venues.massive.stream import (
    Alert,
    Connected,
    Delayed,
    Disconnected,
    Event,
    IndexStream,
    Patience,
    Status,
    Value,
)

KEY = "vendor-key-0123456789"
NOON = datetime(2025, 11, 4, 17, 0, tzinfo=UTC)
NOON_MS = 1_762_275_600_000
TICKERS = {"I:SPX": "SPX", "I:NDX": "NDX"}
SIGNED_IN = [
    Status("connected", "Connected Successfully"),
    Status("auth_success", "authenticated"),
    Status("success", "subscribed to: V.I:SPX"),
    Status("success", "subscribed to: V.I:NDX"),
    Connected(),
]
# A silence no test reaches unless it means to.
CALM = Patience(silence=1000.0)


class PacedClock(ManualClock):
    """Waits below ``passing`` seconds are noted and pass at once; longer ones wait for moves."""

    def __init__(self, passing: float = 500.0) -> None:
        super().__init__(NOON)
        self.passing = passing
        self.pauses: list[float] = []
        self._reads, self._awaited = 0, (0, asyncio.Event())
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        self._reads += 1
        if self._reads >= self._awaited[0]:
            self._awaited[1].set()
        return super().now()

    async def been_read(self, times: int) -> None:
        """Return once the time has been asked for so often: each frame received asks once."""
        if self._reads < times:
            self._awaited = (times, asyncio.Event())
            await self._awaited[1].wait()

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self._moved.set()

    async def wait(self, seconds: float) -> None:
        if seconds < self.passing:
            self.pauses.append(seconds)
            await super().wait(seconds)
            return
        target = self.monotonic() + seconds
        while self.monotonic() < target:
            self._moved.clear()
            await self._moved.wait()


class Line:
    """The vendor's end of one connection."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket, self._request = socket, request
        self.heard: list[dict[str, str]] = []

    async def send(self, *items: Any) -> None:
        await self.socket.send_str(json.dumps(items))

    async def say(self, status: str, message: str = "") -> None:
        await self.send({"ev": "status", "status": status, "message": message})

    async def hear(self) -> dict[str, str]:
        message = await self.socket.receive()
        if message.type is not WSMsgType.TEXT:
            return {}
        self.heard.append(json.loads(message.data))
        return self.heard[-1]

    async def greet(self) -> None:
        await self.say("connected", "Connected Successfully")
        await self.hear()

    async def sign_in(self) -> None:
        await self.greet()
        await self.say("auth_success", "authenticated")
        for channel in (await self.hear())["params"].split(","):
            await self.say("success", f"subscribed to: {channel}")

    async def hold(self) -> None:
        """Say nothing until the other side goes."""
        while (await self.socket.receive()).type is WSMsgType.TEXT:
            pass

    def cut(self) -> None:
        assert self._request.transport is not None
        self._request.transport.abort()


Script = Callable[[Line], Awaitable[None]]


class Vendor:
    """Plays one script a connection, the last one for ever."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self.lines: list[Line] = []
        self.gone = asyncio.Event()
        self.url = ""

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_get("/indices", self._serve)
        self._runner = web.AppRunner(application, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"ws://127.0.0.1:{self._runner.addresses[0][1]}/indices"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(timeout=0.5)
        await socket.prepare(request)
        line = Line(socket, request)
        self.lines.append(line)
        try:
            await self._scripts[min(len(self.lines), len(self._scripts)) - 1](line)
        except ConnectionError:
            pass  # the driver has gone
        finally:
            self.gone.set()
        return socket


def value(ms: int = 0, val: float = 6801.5, ticker: str = "I:SPX") -> dict[str, Any]:
    return {"ev": "V", "T": ticker, "val": val, "t": NOON_MS + ms}


def sending(*frames: list[Any], then: Script = Line.hold) -> Script:
    async def script(line: Line) -> None:
        await line.sign_in()
        for frame in frames:
            await line.send(*frame)
        await then(line)

    return script


def closing(code: int) -> Script:
    async def close(line: Line) -> None:
        if code == 1006:
            line.cut()
        else:
            await line.socket.close(code=code)

    return close


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 60))


async def gather_until(stream: IndexStream, enough: Callable[[list[Event]], bool]) -> list[Event]:
    events: list[Event] = []
    async with aclosing(stream.events()) as coming:
        async for event in coming:
            events.append(event)
            if enough(events):
                break
    return events


def times(kind: type[Event], count: int) -> Callable[[list[Event]], bool]:
    return lambda events: sum(isinstance(event, kind) for event in events) == count


def of(events: list[Event], *kinds: type[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kinds)]


# --- signing in ------------------------------------------------------------------------------


def test_it_greets_signs_in_subscribes_and_delivers():
    async def scenario() -> None:
        async with Vendor(sending([value(ms=-250)])) as vendor:
            stream = IndexStream(vendor.url, KEY, TICKERS, PacedClock(), patience=CALM)
            events = await gather_until(stream, times(Value, 1))
        at = NOON - timedelta(milliseconds=250)
        assert events == [*SIGNED_IN, Value("SPX", 6801.5, at, NOON, 0.25)]
        assert vendor.lines[0].heard == [
            {"action": "auth", "params": KEY},
            {"action": "subscribe", "params": "V.I:SPX,V.I:NDX"},
        ]

    run(scenario)


def test_a_refused_key_ends_the_stream_for_good_and_is_not_shown():
    async def refuse(line: Line) -> None:
        await line.greet()
        await line.say("auth_failed", f"no such key {KEY}")
        await line.hold()

    async def scenario() -> None:
        async with Vendor(refuse) as vendor:
            stream = IndexStream(vendor.url, KEY, TICKERS, PacedClock(), patience=CALM)
            with pytest.raises(SecretError) as caught:
                await gather_until(stream, times(Connected, 1))
            assert KEY not in str(caught.value)
            assert len(vendor.lines) == 1

    run(scenario)


async def no_auth_answer(line: Line) -> None:
    await line.greet()
    await line.hold()


async def no_subscribe_answer(line: Line) -> None:
    await line.greet()
    await line.say("auth_success")
    await line.hold()


async def one_of_two_subscribed(line: Line) -> None:
    await line.greet()
    await line.say("auth_success")
    await line.hear()
    await line.say("success", "subscribed to: V.I:SPX")
    await line.say("error", "not entitled to V.I:NDX")
    await line.hold()


@pytest.mark.parametrize(
    ("script", "missing"),
    [
        (Line.hold, "connected"),
        (no_auth_answer, "auth_success"),
        (no_subscribe_answer, "success"),
        (one_of_two_subscribed, "success"),
    ],
)
def test_a_reply_that_does_not_come_leads_to_a_new_connection(script, missing):
    patience = Patience(reply=1.0, silence=1000.0)

    async def scenario() -> None:
        clock = PacedClock()
        async with Vendor(script, sending()) as vendor:
            stream = IndexStream(vendor.url, KEY, TICKERS, clock, patience=patience)
            events = await gather_until(stream, times(Connected, 1))
        assert of(events, Disconnected)[0] == Disconnected(1006, f"no '{missing}' within 1 s")
        assert 0.5 <= clock.pauses[0] <= 0.625
        if script is one_of_two_subscribed:
            assert Status("error", "not entitled to V.I:NDX") in events
            assert Alert("the index feed says error") in events

    run(scenario)


def test_a_host_that_accepts_and_never_answers_is_given_up():
    async def scenario() -> None:
        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(mute, "127.0.0.1", 0)
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/indices"
        patience = Patience(reply=0.2)
        stream = IndexStream(url, KEY, TICKERS, PacedClock(), patience=patience)
        events = await gather_until(stream, times(Disconnected, 2))
        server.close()
        await server.wait_closed()
        assert [event.code for event in of(events, Disconnected)] == [1006, 1006]
        assert all("Timeout" in event.reason for event in of(events, Disconnected))

    run(scenario)


def test_a_host_that_refuses_or_answers_no_socket_is_tried_again_with_pauses():
    async def scenario() -> None:
        clock = PacedClock()
        async with Vendor(Line.hold) as vendor:
            url = vendor.url.replace("/indices", "/elsewhere")
            stream = IndexStream(url, KEY, TICKERS, clock)
            answered = await gather_until(stream, times(Disconnected, 2))
        refused = await gather_until(
            IndexStream(vendor.url, KEY, TICKERS, clock), times(Disconnected, 2)
        )
        assert [type(e) for e in answered + refused] == [Disconnected] * 4
        assert len(clock.pauses) == 2
        assert KEY not in repr(answered + refused)

    run(scenario)


def test_statuses_and_values_in_one_frame_lose_nothing_while_signing_in():
    async def script(line: Line) -> None:
        await line.greet()
        await line.say("auth_success", "authenticated")
        await line.hear()
        acks = {"ev": "status", "status": "success", "message": "subscribed"}
        aggregate = {"ev": "A", "sym": "I:SPX", "o": 1, "h": 1, "l": 1, "c": 1, "s": 0, "e": 0}
        await line.send(acks, value(), aggregate, acks, value(ticker="I:NDX", val=25_600.0))
        await line.hold()

    async def scenario() -> None:
        async with Vendor(script) as vendor:
            stream = IndexStream(vendor.url, KEY, TICKERS, PacedClock(), patience=CALM)
            events = await gather_until(stream, times(Value, 2))
        assert events[2:] == [
            Status("success", "subscribed"),
            Value("SPX", 6801.5, NOON, NOON, 0.0),
            Status("success", "subscribed"),
            Connected(),
            Value("NDX", 25_600.0, NOON, NOON, 0.0),
        ]

    run(scenario)


# --- losing the connection -------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1008, 1011])
def test_every_close_leads_to_a_new_connection_after_a_pause(code):
    async def scenario() -> None:
        clock = PacedClock()
        async with Vendor(sending(then=closing(code)), sending([value()])) as vendor:
            stream = IndexStream(vendor.url, KEY, TICKERS, clock, patience=CALM)
            events = await gather_until(stream, times(Value, 1))
            assert len(vendor.lines) == 2
        gone = Disconnected(code, "the vendor closed the connection")
        assert events[:-1] == [*SIGNED_IN, gone, *SIGNED_IN]
        assert len(clock.pauses) == 1
        assert 0.5 <= clock.pauses[0] <= 0.625

    run(scenario)


def test_a_close_while_signing_in_keeps_its_code():
    async def scenario() -> None:
        async with Vendor(closing(1011)) as vendor:
            stream = IndexStream(vendor.url, KEY, TICKERS, PacedClock(), patience=CALM)
            events = await gather_until(stream, times(Disconnected, 1))
        reason = "the vendor closed the connection before it said 'connected'"
        assert events == [Disconnected(1011, reason)]

    run(scenario)


def pauses_of(closes: int, seed: int) -> list[float]:
    pauses: list[float] = []

    async def scenario() -> None:
        clock = PacedClock()
        async with Vendor(closing(1001)) as vendor:
            stream = IndexStream(vendor.url, KEY, TICKERS, clock, patience=CALM, seed=seed)
            await gather_until(stream, times(Disconnected, closes))
        pauses.extend(clock.pauses)

    run(scenario)
    return pauses


def test_pauses_double_to_thirty_seconds_with_a_jitter_of_the_seed():
    found = pauses_of(10, seed=1)
    assert len(found) == 9
    for pause, base in zip(found, [0.5, 1, 2, 4, 8, 16, 30, 30, 30], strict=True):
        assert base <= pause <= base * 1.25
    assert found[:4] == pauses_of(5, seed=1)
    assert found[:4] != pauses_of(5, seed=2)


def test_a_healthy_while_makes_the_pauses_short_again():
    async def scenario() -> None:
        clock, go = PacedClock(), asyncio.Event()

        async def healthy(line: Line) -> None:
            await line.sign_in()
            await go.wait()
            await line.socket.close(code=1001)

        early = closing(1001)
        async with Vendor(early, early, early, healthy, sending()) as vendor:
            stream = IndexStream(vendor.url, KEY, TICKERS, clock, patience=CALM)
            async with aclosing(stream.events()) as events:
                connected = 0
                async for event in events:
                    connected += isinstance(event, Connected)
                    if event == Connected() and connected == 1:
                        clock.advance(61.0)
                        go.set()
                    if connected == 2:
                        break
        assert clock.pauses[2] >= 2.0
        assert 0.5 <= clock.pauses[3] <= 0.625

    run(scenario)


async def greeted_with_max_connections(line: Line) -> None:
    await line.say("max_connections", "one connection a key")
    await line.socket.close(code=1008)


@pytest.mark.parametrize("late", [True, False], ids=["once signed in", "when greeted"])
def test_a_second_process_is_not_fought_over_the_only_connection(late):
    kicked: Script = greeted_with_max_connections
    if late:
        kicked = sending(then=greeted_with_max_connections)

    async def scenario() -> None:
        clock = PacedClock()
        async with Vendor(kicked, kicked, sending([value()])) as vendor:
            stream = IndexStream(vendor.url, KEY, TICKERS, clock, patience=CALM)
            events = await gather_until(stream, times(Value, 1))
            assert len(vendor.lines) == 3
        assert clock.pauses == [60.0, 60.0]
        assert events.count(Status("max_connections", "one connection a key")) == 2
        assert [event.code for event in of(events, Disconnected)] == [1008, 1008]
        alerts = of(events, Alert)
        assert len(alerts) == 2
        assert "only index socket" in alerts[0].reason

    run(scenario)


@pytest.mark.parametrize("status", ["slow_consumer", "force_disconnect", "error"])
def test_a_status_that_means_trouble_is_told_before_the_close_it_explains(status):
    async def trouble(line: Line) -> None:
        await line.say(status, "words")
        await line.socket.close(code=1008)

    async def scenario() -> None:
        async with Vendor(sending(then=trouble)) as vendor:
            stream = IndexStream(vendor.url, KEY, TICKERS, PacedClock(), patience=CALM)
            events = await gather_until(stream, times(Disconnected, 1))
        assert events[len(SIGNED_IN) :] == [
            Status(status, "words"),
            Alert(f"the index feed says {status}"),
            Disconnected(1008, "the vendor closed the connection"),
        ]

    run(scenario)


# --- silence ---------------------------------------------------------------------------------


@pytest.mark.parametrize("waiting", [True, False], ids=["while waiting", "before it waits"])
def test_silence_in_session_is_told_and_leads_to_a_new_connection(waiting):
    async def scenario() -> None:
        clock = PacedClock(passing=14.0)
        patience = Patience(silence=15.0, close=0.2)
        async with Vendor(sending([value()])) as vendor:
            stream = IndexStream(vendor.url, KEY, TICKERS, clock, patience=patience)
            events: list[Event] = []
            async with aclosing(stream.events()) as coming:
                async for event in coming:
                    events.append(event)
                    if isinstance(event, Value) and len(vendor.lines) == 1:
                        if waiting:
                            asyncio.get_running_loop().call_later(0.1, clock.advance, 15.0)
                        else:
                            clock.advance(15.0)
                    if times(Connected, 2)(events):
                        break
        assert events[len(SIGNED_IN) + 1 :] == [
            Alert("the index feed has been silent for 15 s: reconnecting"),
            Disconnected(1006, "silent for 15 s"),
            *SIGNED_IN,
        ]
        assert 0.5 <= clock.pauses[-1] <= 0.625

    run(scenario)


def test_silence_outside_the_session_means_nothing():
    async def scenario() -> None:
        clock, asked = PacedClock(passing=0.0), asyncio.Event()

        def in_session() -> bool:
            asked.set()
            return False

        async def second_value_after_the_silence(line: Line) -> None:
            await asked.wait()
            await line.send(value(ms=20_000))
            await line.hold()

        script = sending([value()], then=second_value_after_the_silence)
        async with Vendor(script) as vendor:
            stream = IndexStream(
                vendor.url,
                KEY,
                TICKERS,
                clock,
                patience=Patience(silence=15.0),
                in_session=in_session,
            )
            events: list[Event] = []
            async with aclosing(stream.events()) as coming:
                async for event in coming:
                    events.append(event)
                    if times(Value, 2)(events):
                        break
                    if isinstance(event, Value):
                        clock.advance(20.0)
            assert len(vendor.lines) == 1
        assert [type(event) for event in events[len(SIGNED_IN) :]] == [Value, Value]

    run(scenario)


def test_a_step_of_the_wall_clock_moves_the_lag_and_not_the_silence():
    async def scenario() -> None:
        clock, go = PacedClock(passing=0.0), asyncio.Event()

        async def on_signal(line: Line) -> None:
            await go.wait()
            await line.send(value(ms=0, val=6802.0))
            await line.hold()

        async with Vendor(sending([value()], then=on_signal)) as vendor:
            patience = Patience(silence=15.0)
            stream = IndexStream(vendor.url, KEY, TICKERS, clock, patience=patience)
            events: list[Event] = []
            async with aclosing(stream.events()) as coming:
                async for event in coming:
                    events.append(event)
                    if times(Value, 2)(events):
                        break
                    if isinstance(event, Value):
                        clock.step(300.0)  # far over the silence limit, were it counted
                        clock.advance(14.5)
                        asyncio.get_running_loop().call_later(0.1, go.set)
        first, second = of(events, Value)
        assert (first.lag_s, second.lag_s) == (0.0, 314.5)
        assert of(events, Alert, Disconnected) == []

    run(scenario)


# --- values ----------------------------------------------------------------------------------


def test_repeated_older_unknown_and_unreadable_messages_are_told_apart():
    frames = [
        [value(ms=1000)],
        [value(ms=1000)],  # the same time again: a new receipt
        [value(ms=500, val=1.0)],  # older than what is known
        [value(ms=1500, ticker="I:VIX")],
        [{"ev": "V", "T": "I:SPX", "t": NOON_MS}],
        [{"ev": "V", "T": "I:SPX", "val": "high", "t": NOON_MS}],
        [{"ev": "V", "T": "I:SPX", "val": 1.0, "t": 10**30}],
        ["no object"],
        [{"ev": "A", "sym": "I:SPX", "c": 9.0}, {"ev": "new"}, value(ms=500, ticker="I:NDX")],
        [value(ms=2000, val=6803.0)],
    ]

    async def scenario() -> None:
        async with Vendor(sending(*frames)) as vendor:
            stream = IndexStream(vendor.url, KEY, TICKERS, PacedClock(), patience=CALM)
            events = await gather_until(stream, times(Value, 4))
        told = [
            (event.symbol, event.value, (event.at - NOON).total_seconds())
            for event in events[len(SIGNED_IN) :]
        ]
        assert told == [
            ("SPX", 6801.5, 1.0),
            ("SPX", 6801.5, 1.0),
            ("NDX", 6801.5, 0.5),
            ("SPX", 6803.0, 2.0),
        ]
        assert stream.counts == {
            "values": 3,
            "repeated": 1,
            "older": 1,
            "unknown": 1,
            "malformed": 4,
        }

    run(scenario)


def test_a_frame_that_is_no_json_is_counted_and_the_connection_kept():
    async def garbled(line: Line) -> None:
        await line.sign_in()
        await line.socket.send_str("<html>")
        await line.socket.send_bytes(b"\x00")
        await line.send(value())
        await line.hold()

    async def scenario() -> None:
        async with Vendor(garbled) as vendor:
            stream = IndexStream(vendor.url, KEY, TICKERS, PacedClock(), patience=CALM)
            events = await gather_until(stream, times(Value, 1))
        assert of(events, Disconnected) == []
        assert stream.counts["malformed"] == 1

    run(scenario)


def test_an_older_value_after_a_reconnect_does_not_go_back_in_time():
    first = sending([value(ms=1000)], then=closing(1001))

    async def scenario() -> None:
        async with Vendor(first, sending([value(ms=0)], [value(ms=2000)])) as vendor:
            stream = IndexStream(vendor.url, KEY, TICKERS, PacedClock(), patience=CALM)
            events = await gather_until(stream, times(Value, 2))
        assert [(v.at - NOON).total_seconds() for v in of(events, Value)] == [1.0, 2.0]

    run(scenario)


@pytest.mark.parametrize(
    ("late_ms", "told"),
    [
        (900_000, [Delayed("SPX", 900.0), 900.0]),
        (600_000, [Delayed("SPX", 600.0), 600.0]),
        (599_900, [599.9]),
        (-50, [-0.05]),
    ],
)
def test_the_delayed_plan_is_recognised_by_its_lag(late_ms, told):
    async def scenario() -> None:
        async with Vendor(sending([value(ms=-late_ms)])) as vendor:
            stream = IndexStream(vendor.url, KEY, TICKERS, PacedClock(), patience=CALM)
            events = await gather_until(stream, times(Value, 1))
        found = events[len(SIGNED_IN) :]
        assert [e.lag_s if isinstance(e, Value) else e for e in found] == told

    run(scenario)


def test_a_busy_reader_does_not_make_values_look_late():
    async def scenario() -> None:
        clock = PacedClock()
        frames = [[value(ms=n)] for n in range(-50, 0)]
        async with Vendor(sending(*frames)) as vendor:
            stream = IndexStream(vendor.url, KEY, TICKERS, clock, patience=CALM)
            events: list[Event] = []
            async with aclosing(stream.events()) as coming:
                async for event in coming:
                    events.append(event)
                    if isinstance(event, Connected):
                        await clock.been_read(4 + 50)  # signing in takes four frames
                        clock.advance(30.0)
                    if times(Value, 50)(events):
                        break
        assert {event.received_at for event in of(events, Value)} == {NOON}
        assert [event.lag_s for event in of(events, Value)] == [n / 1000 for n in range(50, 0, -1)]

    run(scenario)


# --- stopping --------------------------------------------------------------------------------


def test_what_nobody_reads_is_bounded_and_the_newest_is_kept(monkeypatch):
    monkeypatch.setattr(inbox_module, "_MOST", 3)
    sent = [SimpleNamespace(type=WSMsgType.TEXT, data=f'[{{"n":{n}}}]') for n in range(10)]

    class Socket:
        async def __aiter__(self):
            for frame in sent:
                yield frame

    async def scenario() -> None:
        inbox = Inbox(ManualClock(NOON), lambda: None)
        await inbox.fill(Socket())
        taken = [await inbox.take() for _ in range(3)]
        assert taken == [({"n": 8}, NOON), ({"n": 9}, NOON), None]
        assert inbox.dropped == 8

    run(scenario)


def test_stopping_while_it_waits_closes_the_socket_and_leaves_no_task():
    async def scenario() -> None:
        waits = asyncio.Event()
        async with Vendor(sending()) as vendor:
            stream = IndexStream(vendor.url, KEY, TICKERS, PacedClock(), patience=CALM)

            async def listen() -> None:
                async for event in stream.events():
                    if isinstance(event, Connected):
                        asyncio.get_running_loop().call_later(0.1, waits.set)

            before = asyncio.all_tasks()
            listening = asyncio.create_task(listen())
            await waits.wait()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await asyncio.wait_for(vendor.gone.wait(), 10)
            assert listening.cancelled()
            await asyncio.sleep(0.05)
            ours = [
                task
                for task in asyncio.all_tasks() - before
                if "kalshi_alpha" in repr(task) or "PacedClock" in repr(task)
            ]
            assert ours == []

    run(scenario)
