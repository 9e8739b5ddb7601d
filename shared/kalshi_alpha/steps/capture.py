"""What the sentry hears, kept: a compressed object a minute, in bounded memory.

Lines are taken in the socket's loop and packed and written in a thread. When the store does not
take them the newest captures wait and the oldest are given up, and a line says how many were lost.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from kalshi_alpha.clock import Clock
from kalshi_alpha.cloud.artifacts import ArtifactStore
from kalshi_alpha.cloud.table import StoreError
from kalshi_alpha.markets import capture
from kalshi_alpha.venues.massive.rest import Bar

# Seconds of one object, and the packed bytes at which it is ended early.
EACH_SECONDS, EACH_BYTES = 60.0, 4 << 20
# Lines heard and not packed yet: some 15 MB of frames.
WAITING_LINES = 50_000
# Packed captures that the store would not take.
WAITING_BYTES = 16 << 20


class Recorder:
    """Keeps what was heard and writes it to ``store``; without a store it keeps nothing."""

    def __init__(self, store: ArtifactStore | None, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._writer, self._number = uuid.uuid4().hex[:8], 0
        self._heard: deque[str] = deque()
        self._packer = capture.Packer()
        self._begun: datetime | None = None
        self._since = 0.0  # steady seconds
        self._waiting: deque[tuple[str, bytes, int]] = deque()
        self._one = threading.Lock()  # one thread packs and writes at a time
        self._told = 0  # how much of ``lost`` a line has told
        self.lost = 0
        self.written = 0

    def hear(self, kind: str, body: str, at: datetime) -> None:
        """Keep one line; cheap, and safe beside a ``flush`` in another thread."""
        if self._store is None:
            return
        if len(self._heard) >= WAITING_LINES:
            self.lost += 1
            return
        self._heard.append(capture.line(at, kind, body))

    def note(self, what: str, **facts: Any) -> None:
        """Keep a line of our own."""
        self.hear(capture.NOTE, _json({"what": what} | facts), self._clock.now())

    def index(self, symbol: str, value: float, at: datetime, received_at: datetime) -> None:
        """Keep an index value; ``at`` is the vendor's time."""
        body = {"symbol": symbol, "value": value, "t": round(at.timestamp() * 1000)}
        self.hear(capture.INDEX, _json(body), received_at)

    def bars(self, symbol: str, bars: Iterable[Bar]) -> None:
        """Keep the minutes of history that a watch begins with."""
        rows = [[round(b.start.timestamp()), b.open, b.high, b.low, b.close] for b in bars]
        self.hear(capture.BARS, _json({"symbol": symbol, "bars": rows}), self._clock.now())

    def beat(self, items: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep that heartbeats were made here, and what no other line of a capture says of them."""
        told = {
            symbol: {name: item[name] for name in ("written_at", "silence_s", "delayed")}
            for symbol, item in items.items()
        }
        self.hear(capture.BEAT, _json(told), self._clock.now())

    def flush(self, *, whole: bool = False) -> str:
        """Pack what was heard; write the object when it is due, or at once when ``whole``.

        Returns why an object could not be written, or an empty text.
        """
        if self._store is None or not self._one.acquire(blocking=whole):
            return ""
        try:
            self._pack()
            if self._begun is not None and (whole or self._is_due()):
                self._finish()
            return self._write()
        finally:
            self._one.release()

    def _is_due(self) -> bool:
        age = self._clock.monotonic() - self._since
        return age >= EACH_SECONDS or self._packer.size >= EACH_BYTES

    def _pack(self) -> None:
        while self._heard:
            self._add([self._heard.popleft() for _ in range(min(1000, len(self._heard)))])
        if self.lost != self._told:
            self._told = self.lost
            body = _json({"what": "lines lost so far", "lines": self.lost})
            self._add([capture.line(self._clock.now(), capture.NOTE, body)])

    def _add(self, lines: list[str]) -> None:
        if self._begun is None:
            self._begun, self._since = self._clock.now(), self._clock.monotonic()
        self._packer.add("".join(lines))

    def _finish(self) -> None:
        assert self._begun is not None
        self._number += 1
        key = capture.capture_key(self._begun, self._writer, self._number)
        self._waiting.append((key, self._packer.finish(), self._packer.lines))
        self._packer, self._begun = capture.Packer(), None
        while len(self._waiting) > 1 and sum(len(d) for _, d, _ in self._waiting) > WAITING_BYTES:
            self.lost += self._waiting.popleft()[2]

    def _write(self) -> str:
        assert self._store is not None
        while self._waiting:
            key, data, _ = self._waiting[0]
            try:
                self._store.write(key, data)
            except (StoreError, OSError) as error:
                return f"the capture {key} could not be written: {error}"
            self._waiting.popleft()
            self.written += 1
        return ""


def _json(doc: Mapping[str, Any]) -> str:
    return json.dumps(doc, separators=(",", ":"))
