"""Book frames off a loopback socket, decoded and applied: our stream against a plain reader.

The peer is `websockets` where it is installed and aiohttp where it is not (the row's name says
which), with the standard library's `json` and two dicts a book. Both get the same frames from the
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
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kalshi_alpha.clock import SystemClock
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.markets.capture import VENUE
from kalshi_alpha.markets.units import PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.steps.capture import Recorder
from kalshi_alpha.venues.kalshi.keeper import BookChanged
from kalshi_alpha.venues.kalshi.signing import Credentials, load_key
from kalshi_alpha.venues.kalshi.stream import BooksStale, BookStream

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
    short = len(text) < 126
    head = bytes([0x81, len(text)]) if short else b"\\x81\\x7e" + struct.pack("!H", len(text))
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
blob = [] if rate else [framed(delta(first + n)) for n in range(count)]

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
        dice.seed(7)  # the same frames for whoever comes
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
            kept = [(_ours(url, FRAMES, Path(folder))[0], _peer(url, FRAMES)[0]) for _ in range(3)]
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


class _Ours:
    """Our stream, with the sentry's capture when there is a folder for it."""

    def __init__(self, folder: Path | None, *, late: bool) -> None:
        self._clock = SystemClock()
        self._recorder = Recorder(FolderStore(folder) if folder else None, self._clock)
        self._late = late
        self._sent: list[int] = []  # of the frames not yet applied
        self.delays: list[int] = []

    def _note(self, text: str, at: datetime) -> None:
        self._recorder.hear(VENUE, text, at)
        if self._late and (mark := text.rfind('"sent_ns":')) > 0:
            self._sent.append(int(text[mark + 10 : text.index("}", mark)]))

    async def run(self, url: str, count: int) -> float:
        """Return the seconds from the first delta to the last."""
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        signed = Credentials("bench", load_key(pem))
        stream = BookStream(url, self._clock, signed, TICKERS, note=self._note)
        seen, begun = -len(TICKERS), 0.0  # the snapshots come first
        async with aclosing(stream.events()) as events:
            async for event in events:
                if isinstance(event, BooksStale):
                    raise SystemExit(f"{event.reason}: timing it means nothing")
                if not isinstance(event, BookChanged):
                    continue
                seen += 1
                if seen == 1:
                    begun = time.perf_counter()
                if self._late and seen > 0:
                    self.delays.append(time.monotonic_ns() - self._sent[seen - 1])
                if seen % 10_000 == 0:  # here and not in a thread, so that its cost is counted
                    self._recorder.flush()
                if seen == count:
                    break
        took = time.perf_counter() - begun
        kept = [stream.keeper.books[ticker] for ticker in TICKERS]
        _agree(url, [(dict(book.bids), dict(book.asks)) for book in kept])
        self._recorder.flush(whole=True)
        if self._recorder.lost:
            raise SystemExit("the capture lost lines: timing it means nothing")
        return took


def _ours(
    url: str, count: int, folder: Path | None = None, *, late: bool = False
) -> tuple[float, float]:
    """Return the seconds from the first delta to the last, and the p99 latency in milliseconds."""
    ours = _Ours(folder, late=late)
    return asyncio.run(ours.run(url, count)), _p99(ours.delays)


def _peer(url: str, count: int, *, late: bool = False) -> tuple[float, float]:
    """Do the same with a plain loop: receive, ``json.loads``, two dicts a book, their best."""
    books: dict[str, tuple[dict[int, int], dict[int, int]]] = {}
    tops: dict[str, tuple[int, int]] = {}
    delays: list[int] = []

    def units(text: str, unit: int) -> int:
        return round(float(text) * unit)

    def apply(text: str | bytes) -> bool:
        frame = json.loads(text)
        msg = frame["msg"]
        if frame["type"] == "orderbook_delta":
            bids, asks = book = books[msg["market_ticker"]]
            levels = book[0] if msg["side"] == "yes" else book[1]
            price = units(msg["price_dollars"], PRICE_UNIT)
            size = levels.get(price, 0) + units(msg["delta_fp"], SIZE_UNIT)
            if size:
                levels[price] = size
            else:
                del levels[price]
            tops[msg["market_ticker"]] = max(bids), min(asks)
            if late:
                delays.append(time.monotonic_ns() - msg["sent_ns"])
            return True
        if frame["type"] == "orderbook_snapshot":
            yes, no = (
                {units(p, PRICE_UNIT): units(s, SIZE_UNIT) for p, s in msg[key]}
                for key in ("yes_dollars_fp", "no_dollars_fp")
            )
            books[msg["market_ticker"]] = yes, no
        return False

    async def run() -> float:
        seen, begun = 0, 0.0
        async with _receiver(url) as receive:
            while seen < count:
                if apply(await receive()):
                    seen += 1
                    begun = begun or time.perf_counter()
            took = time.perf_counter() - begun
        _agree(url, [books[ticker] for ticker in TICKERS])
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


_books: dict[str, Any] = {}


def _agree(url: str, books: Any) -> None:
    if _books.setdefault(url, books) != books:
        raise SystemExit("the two pipelines end with different books: timing them means nothing")


def _p99(delays: list[int]) -> float:
    return sorted(delays)[int(len(delays) * 0.99)] / 1e6 if delays else 0.0


@contextmanager
def _server(count: int, rate: float) -> Any:
    command = [sys.executable, "-c", _SERVER, json.dumps(TICKERS), str(count), str(rate)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # that whoever is done hangs up is no news
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()
            server.terminate()
