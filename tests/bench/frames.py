"""Book frames off a loopback socket, decoded and applied: our stream against a plain reader.

The peer is `websockets` where it is installed and aiohttp where it is not (the row's name says
which), with the standard library's `json` and the same books. Both get the same frames from the
same server, in a process of its own, and must end with the same books.

Throughput is the seconds for all frames, sent as fast as the socket takes them. Latency is the 99th
percentile from a frame being sent to its book being current, at a steady rate.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import aclosing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kalshi_alpha.clock import SystemClock
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.markets.book import Book
from kalshi_alpha.markets.capture import VENUE
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import PRICE_UNIT, price_from_text, size_from_text
from kalshi_alpha.steps.capture import Recorder
from kalshi_alpha.venues.kalshi.keeper import BookChanged
from kalshi_alpha.venues.kalshi.signing import Credentials, load_key
from kalshi_alpha.venues.kalshi.stream import BookStream

FRAMES, ROUNDS = 100_000, 5
STEADY_FRAMES, STEADY_RATE = 10_000, 5_000
TICKERS = tuple(f"KXINXU-26OCT06H1200-T{6780 + 5 * n}.9999" for n in range(8))
_SERVER = """
import asyncio, json, random, struct, sys, time
from aiohttp import web

tickers, count, rate = json.loads(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
dice = random.Random(7)

def framed(body):
    text = json.dumps(body, separators=(",", ":")).encode()
    head = bytes([0x81, len(text)]) if len(text) < 126 else b"\\x81\\x7e" + struct.pack("!H", len(text))
    return head + text

def levels(prices):
    return [[f"0.{p:02d}00", "1000000.00"] for p in prices]

def snapshot(seq, ticker):
    msg = {"market_ticker": ticker, "market_id": ticker, "yes_dollars_fp": levels(range(1, 45)),
           "no_dollars_fp": levels(range(50, 95))}
    return {"type": "orderbook_snapshot", "sid": 1, "seq": seq, "msg": msg}

def delta(seq):
    side = dice.choice(["yes", "no"])
    price = dice.randrange(1, 45) if side == "yes" else dice.randrange(50, 95)
    ticker = dice.choice(tickers)
    msg = {"market_ticker": ticker, "market_id": ticker, "price_dollars": f"0.{price:02d}00",
           "delta_fp": f"{dice.choice([-7, -3, 2, 5, 8])}.00", "side": side,
           "ts_ms": 1791300000000, "ts": "2026-10-06T15:30:00.000000Z"}
    return {"type": "orderbook_delta", "sid": 1, "seq": seq, "msg": msg}

first = len(tickers) + 1
blob = [framed(delta(first + n)) for n in range(count)]

async def serve(request):
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    await socket.receive()
    said = {"id": 1, "type": "subscribed", "msg": {"channel": "orderbook_delta", "sid": 1}}
    write = request.transport.write
    write(framed(said) + b"".join(framed(snapshot(n + 1, t)) for n, t in enumerate(tickers)))
    await asyncio.sleep(0.2)
    if not rate:
        for start in range(0, count, 200):
            write(b"".join(blob[start:start + 200]))
            while request.transport.get_write_buffer_size() > 1 << 20:
                await asyncio.sleep(0)
    else:
        begun = time.monotonic()
        for n in range(count):
            due = begun + n / rate
            while time.monotonic() < due:
                await asyncio.sleep(0)
            frame = delta(first + n)
            frame["msg"]["sent_ns"] = time.monotonic_ns()
            write(framed(frame))
    await socket.receive()
    return socket

async def main():
    app = web.Application()
    app.router.add_get("/ws", serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"ws://127.0.0.1:{runner.addresses[0][1]}/ws", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(main())
"""

Told = Callable[[dict[str, Any]], None]


def measure() -> list[tuple[str, str, list[tuple[float, float]]]]:
    """Return seconds for all frames, and milliseconds of the slowest hundredth, in turn."""
    peer = "websockets" if find_spec("websockets") else "aiohttp"
    with _server(FRAMES, 0.0) as url:
        fast = [(_ours(url, FRAMES)[0], _peer(url, FRAMES)[0]) for _ in range(ROUNDS)]
        with tempfile.TemporaryDirectory() as folder:
            kept = [
                (_ours(url, FRAMES, Path(folder))[0], _peer(url, FRAMES)[0]) for _ in range(3)
            ]
    with _server(STEADY_FRAMES, STEADY_RATE) as url:
        slow = [
            (_ours(url, STEADY_FRAMES, late=True)[1], _peer(url, STEADY_FRAMES, late=True)[1])
            for _ in range(3)
        ]
    return [
        (f"{FRAMES} book frames applied / {peer} + json", "s", fast),
        (f"the same, and captured / {peer} + json", "s", kept),
        (f"p99 sent to applied, {STEADY_RATE}/s / {peer} + json", "ms", slow),
    ]


def _ours(
    url: str, count: int, folder: Path | None = None, *, late: bool = False
) -> tuple[float, float]:
    """Return the seconds from the first delta to the last, and the p99 latency in milliseconds."""
    clock = SystemClock()
    recorder = Recorder(FolderStore(folder) if folder else None, clock)
    sent: list[int] = []
    delays: list[int] = []

    def note(text: str, at: Any) -> None:
        if folder:
            recorder.hear(VENUE, text, at)
        if late:
            mark = text.rfind('"sent_ns":')
            sent.append(int(text[mark + 10 : text.index("}", mark)]) if mark > 0 else 0)

    async def run() -> float:
        pem = Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        stream = BookStream(url, clock, Credentials("bench", load_key(pem)), TICKERS, note=note)
        seen, begun = 0, 0.0
        async with aclosing(stream.events()) as events:
            async for event in events:
                if not isinstance(event, BookChanged):
                    continue
                seen += 1
                if seen == len(TICKERS):
                    begun = 0.0
                elif seen == len(TICKERS) + 1:
                    begun = time.perf_counter()
                if late and sent[-1]:
                    delays.append(time.monotonic_ns() - sent[-1])
                if folder and seen % 20_000 == 0:
                    await asyncio.to_thread(recorder.flush)
                if seen == len(TICKERS) + count:
                    break
        took = time.perf_counter() - begun
        if any(stream.keeper.trusted(ticker) is None for ticker in TICKERS):
            raise SystemExit("a book is stale: timing it means nothing")
        _agree(url, [stream.keeper.books[ticker].top() for ticker in TICKERS])
        return took

    took = asyncio.run(run())
    recorder.flush(whole=True)
    if recorder.lost:
        raise SystemExit("the capture lost lines: timing it means nothing")
    return took, _p99(delays)


def _peer(url: str, count: int, *, late: bool = False) -> tuple[float, float]:
    """Do the same with a plain loop: receive, ``json.loads``, apply, look at the top."""
    books: dict[str, Book] = {}
    delays: list[int] = []

    def apply(text: str | bytes) -> bool:
        frame = json.loads(text)
        msg = frame["msg"]
        if frame["type"] == "orderbook_delta":
            side = Side.BID if msg["side"] == "yes" else Side.ASK
            price, delta = price_from_text(msg["price_dollars"]), size_from_text(msg["delta_fp"])
            book = books[msg["market_ticker"]]
            book.apply_delta(side, price, delta)
            book.top()
            if late:
                delays.append(time.monotonic_ns() - msg["sent_ns"])
            return True
        if frame["type"] == "orderbook_snapshot":
            book = books[msg["market_ticker"]] = Book(msg["market_ticker"])
            yes, no = (
                [(price_from_text(p), size_from_text(s)) for p, s in msg[key]]
                for key in ("yes_dollars_fp", "no_dollars_fp")
            )
            book.apply_snapshot(yes, [(PRICE_UNIT - p, s) for p, s in no])
        return False

    async def run() -> float:
        seen, begun = 0, 0.0
        async with _receiver(url) as receive:
            while seen < count:
                if apply(await receive()):
                    seen += 1
                    begun = begun or time.perf_counter()
            took = time.perf_counter() - begun
        _agree(url, [books[ticker].top() for ticker in TICKERS])
        return took

    return asyncio.run(run()), _p99(delays)


class _receiver:  # noqa: N801 - reads as the function it stands for
    """The peer's socket: `websockets` where there is one, else aiohttp."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> Callable[[], Any]:
        if find_spec("websockets"):
            from websockets.asyncio.client import connect

            self._session = None
            self._socket = await connect(self._url, max_queue=None)
            await self._socket.send("{}")
            return self._socket.recv
        self._session = aiohttp.ClientSession()
        self._socket = await self._session.ws_connect(self._url)
        await self._socket.send_str("{}")
        return self._socket.receive_str

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()
        if self._session is not None:
            await self._session.close()


_tops: dict[str, Any] = {}


def _agree(url: str, tops: Any) -> None:
    if _tops.setdefault(url, tops) != tops:
        raise SystemExit("the two pipelines end with different books: timing them means nothing")


def _p99(delays: list[int]) -> float:
    return sorted(delays)[int(len(delays) * 0.99)] / 1e6 if delays else 0.0


@contextmanager
def _server(count: int, rate: float) -> Any:
    command = [sys.executable, "-c", _SERVER, json.dumps(TICKERS), str(count), str(rate)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()
            server.terminate()
