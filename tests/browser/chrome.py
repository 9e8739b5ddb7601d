"""A real headless Chromium, driven over its own debugging protocol."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from numpy.typing import NDArray

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    "no Chromium was found: install Debian's `chromium`, or name one in CHROMIUM; pages are "
    "tested in a real browser or not at all"
)
_PATIENCE = 60.0

Box = tuple[float, float, float, float]  # left, top, width, height


@dataclass
class Seen:
    """What one page did and looked like."""

    url: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    charts: list[bytes] = field(default_factory=list)
    png: bytes = b""


def ink(png: bytes) -> float:
    """Return the share of a picture's pixels that are not of its commonest colour."""
    colours = decoded(png).reshape(-1, 3).astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    _, counts = np.unique(colours, return_counts=True)
    return 1.0 - float(counts.max()) / float(counts.sum())


def chromium() -> str:
    """Return the browser's path; fail, never skip, where there is none."""
    named = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not named:
        raise AssertionError(MISSING)
    return named


@contextmanager
def browser() -> Iterator[str]:
    """Run a browser; yields the address of its debugging protocol."""
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile:
        command = [
            chromium(), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--remote-debugging-port=0",
            "--remote-allow-origins=*", f"--user-data-dir={profile}", "about:blank",
        ]  # fmt: skip
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                yield _address(process)
            finally:
                process.terminate()
                try:
                    process.communicate(timeout=10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()


def look(
    address: str, page: Path, *, width: int = 1200, dark: bool = False, script: str = ""
) -> Seen:
    """Load a page as a person would, and return all of it.

    Args:
        address: of the browser's debugging protocol.
        page: a file.
        width: of the window, in pixels.
        dark: whether the reader prefers dark.
        script: an expression whose value is kept as ``facts["asked"]``.
    """
    url = page.resolve().as_uri()
    return asyncio.run(asyncio.wait_for(_look(address, url, width, dark, script), _PATIENCE))


def decoded(png: bytes) -> NDArray[np.uint8]:
    """Decode an 8-bit RGB or RGBA PNG without interlacing, as a browser writes it."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, data = 8, b""
    width = height = channels = 0
    while at < len(png):
        (length,), kind = struct.unpack(">I", png[at : at + 4]), png[at + 4 : at + 8]
        body = png[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour, *_, interlaced = struct.unpack(">IIBBBBB", body)
            assert (depth, interlaced) == (8, 0)
            channels = {2: 3, 6: 4}[colour]
        elif kind == b"IDAT":
            data += body
        at += 12 + length
    raw = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, 1 + width * channels)
    return _unfiltered(raw, channels).reshape(height, width, channels)[:, :, :3]


def _unfiltered(raw: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    out = np.zeros((raw.shape[0], raw.shape[1] - 1), np.uint8)
    above = np.zeros(raw.shape[1] - 1, np.uint8)
    for y, line in enumerate(raw):
        kind, row = int(line[0]), line[1:]
        if kind == 0:
            out[y] = row
        elif kind == 1:
            columns = row.reshape(-1, channels).astype(np.uint64)
            out[y] = (np.cumsum(columns, axis=0) % 256).astype(np.uint8).reshape(-1)
        elif kind == 2:
            out[y] = row + above
        else:
            out[y] = _by_pixel(kind, row, above, channels)
        above = out[y]
    return out


def _by_pixel(
    kind: int, row: NDArray[np.uint8], above: NDArray[np.uint8], channels: int
) -> list[int]:
    up, found = above.tolist(), [0] * len(row)
    for x, value in enumerate(row.tolist()):
        left = found[x - channels] if x >= channels else 0
        corner = up[x - channels] if x >= channels else 0
        if kind == 3:
            guess = (left + up[x]) // 2
        else:
            sums = (left, up[x], corner)
            target = left + up[x] - corner
            guess = min(sums, key=lambda each: abs(target - each))
        found[x] = (value + guess) % 256
    return found


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("DevTools listening on "):
            return line.split(" on ")[1].strip()
    raise AssertionError("the browser ended before it was ready")


class _Session:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse, seen: Seen) -> None:
        self._socket, self._seen, self._number, self.id = socket, seen, 0, ""
        self.loaded = False

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self.id:
            message["sessionId"] = self.id
        await self._socket.send_json(message)
        while (found := await self.next()).get("id") != self._number:
            pass
        assert "error" not in found, found
        result: dict[str, Any] = found["result"]
        return result

    async def next(self) -> dict[str, Any]:
        reply = await self._socket.receive()
        assert reply.type is aiohttp.WSMsgType.TEXT, reply
        message: dict[str, Any] = json.loads(reply.data)
        params = message.get("params", {})
        match message.get("method"):
            case "Network.requestWillBeSent":
                self._seen.requests.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                self._seen.complaints.append(str(params["exceptionDetails"]))
            case "Log.entryAdded":
                self._seen.complaints.append(str(params["entry"]["text"]))
            case "Runtime.consoleAPICalled":
                self._seen.complaints.append(str(params["args"]))
            case "Page.loadEventFired":
                self.loaded = True
        return message

    async def shot(self, **options: Any) -> bytes:
        taken = await self.call("Page.captureScreenshot", format="png", **options)
        return base64.b64decode(taken["data"])

    async def ask(self, script: str) -> Any:
        answer = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")


_BOXES = """[...document.querySelectorAll('svg.chart')].map(c => { const b =
c.getBoundingClientRect(); return [b.x + scrollX, b.y + scrollY, b.width, b.height]; })"""
_FACTS = """({title: document.title, wide: document.documentElement.scrollWidth,
high: document.documentElement.scrollHeight, lang: document.documentElement.lang,
scripts: document.scripts.length, unnamed: [...document.querySelectorAll('svg.chart')].filter(
c => !document.getElementById(c.getAttribute('aria-labelledby').split(' ')[0])).length,
beside: [...document.querySelectorAll('figure')].filter(f => f.querySelector('svg') &&
f.querySelector('figcaption').textContent.trim().length > 20).length,
page: getComputedStyle(document.body).backgroundColor})"""


async def _look(address: str, url: str, width: int, dark: bool, script: str) -> Seen:
    seen = Seen(url)
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(address, max_msg_size=0) as socket,
    ):
        session = _Session(socket, seen)
        target = await session.call("Target.createTarget", url="about:blank")
        attached = await session.call(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        session.id = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            await session.call(f"{domain}.enable")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await session.call("Emulation.setEmulatedMedia", features=[scheme])
        await _size(session, width, 900)
        await session.call("Page.navigate", url=seen.url)
        while not session.loaded:
            await session.next()
        seen.facts = await session.ask(_FACTS)
        await _size(session, width, seen.facts["high"])
        seen.boxes = [tuple(box) for box in await session.ask(_BOXES)]
        if script:
            seen.facts["asked"] = await session.ask(script)
        for left, top, wide, high in seen.boxes:
            clip = {"x": left, "y": top, "width": wide, "height": high, "scale": 1}
            seen.charts.append(await session.shot(clip=clip, captureBeyondViewport=True))
        seen.png = await session.shot()
        session.id = ""
        await session.call("Target.closeTarget", targetId=target["targetId"])
    return seen


async def _size(session: _Session, width: int, height: int) -> None:
    await session.call(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=height,
        deviceScaleFactor=1,
        mobile=width < 600,
    )
