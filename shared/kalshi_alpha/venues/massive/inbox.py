"""What one connection to the index vendor has received, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

import aiohttp

from kalshi_alpha.clock import Clock
from kalshi_alpha.errors import DataError
from kalshi_alpha.venues.decoding import decode

# Frames that may wait: hours of two symbols. Past it the oldest go, for the newest value is the one
# that counts.
_MOST = 20_000

Message = tuple[dict[str, Any], datetime]  # the object and when its frame was received


class Inbox:
    """Frames come in by ``fill``, a task of its own; their objects go out one by one."""

    def __init__(self, clock: Clock, malformed: Callable[[], None]) -> None:
        self._clock, self._malformed = clock, malformed
        self._frames: asyncio.Queue[tuple[str, datetime] | None] = asyncio.Queue()
        self._messages: deque[Message] = deque()
        self.dropped = 0

    async def fill(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Only receive and stamp: work done here would make the vendor think us slow."""
        try:
            async for frame in socket:
                if frame.type is aiohttp.WSMsgType.TEXT:
                    self._put((frame.data, self._clock.now()))
        finally:
            self._put(None)

    def _put(self, frame: tuple[str, datetime] | None) -> None:
        while self._frames.qsize() >= _MOST:
            self._frames.get_nowait()
            self.dropped += 1
        self._frames.put_nowait(frame)

    async def take(self) -> Message | None:
        """Return the next message, or None once the connection is over."""
        while not self._messages:
            frame = await self._frames.get()
            if frame is None:
                return None
            self._read(*frame)
        return self._messages.popleft()

    async def take_within(self, seconds: float) -> Message | None:
        """Return the next message as ``take`` does.

        Raises:
            TimeoutError: after so many seconds of the clock, which may be a virtual one.
        """
        if self._messages or not self._frames.empty():
            return await self.take()
        taking = asyncio.create_task(self.take())
        waiting = asyncio.create_task(self._clock.wait(max(0.0, seconds)))
        try:
            await asyncio.wait({taking, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if taking.done():
                return taking.result()
        finally:
            taking.cancel()
            waiting.cancel()
        raise TimeoutError

    def _read(self, text: str, at: datetime) -> None:
        """Keep the objects of a frame; what cannot be read is counted and passed over."""
        try:
            found = decode(text)
        except DataError:
            self._malformed()
            return
        for item in found if isinstance(found, list) else [found]:
            if isinstance(item, dict):
                self._messages.append((item, at))
            else:
                self._malformed()
