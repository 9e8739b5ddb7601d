"""The raw capture: what was heard, when, line by line; docs/capture.md describes the format.

A capture is gzip of UTF-8 lines. Each line is one JSON array ``[received, kind, body]``: whole
microseconds since 1970 UTC by our clock, a word, and a JSON value kept as it came.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from kalshi_alpha.errors import DataError

# What a line is about. A reader passes over a kind it does not know.
INDEX = "index"  # {"symbol", "value", "t"}: an index value, t in Unix milliseconds by the vendor
VENUE = "venue"  # a frame of the venue's socket as it came: books, our orders, our fills
BARS = "bars"  # {"symbol", "bars"}: minutes of history the watch began with, [t, o, h, l, c]
BEAT = "beat"  # {symbol: {"written_at", ...}}: a heartbeat was made of what the lines above say
ORDERS = "orders"  # {"window_id", "orders"}: our resting orders as a listing showed them
NOTE = "note"  # {"what", ...}: a connection opened or lost, lines dropped, a quote pulled

SUFFIX = ".jsonl.gz"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_GZIP = 31  # zlib's window bits for a gzip header
_SOME = 1 << 16
# A capture is a minute long; one that unpacks to more than this is not one of ours.
_LARGEST = 1 << 30


@dataclass(frozen=True, slots=True)
class Heard:
    """One line: when it was received by our clock, of what kind it is, and its JSON value."""

    at: datetime
    kind: str
    body: Any


def line(at: datetime, kind: str, body: str) -> str:
    """Return the line of a body that is JSON text already; it is not parsed."""
    if "\n" in body or "\r" in body:  # white space between values: a string never holds one
        body = body.replace("\n", " ").replace("\r", " ")
    return f'[{(at - _EPOCH) // _MICROSECOND},"{kind}",{body}]\n'


class Packer:
    """Packs lines as they come, so that what is held is compressed already."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
        self._parts: list[bytes] = []
        self.lines = 0
        self.size = 0  # bytes packed so far, less what the compressor still holds back

    def add(self, text: str) -> None:
        """Add whole lines."""
        part = self._packer.compress(text.encode())
        self.lines += text.count("\n")
        if part:
            self._parts.append(part)
            self.size += len(part)

    def finish(self) -> bytes:
        """Return everything added, as one capture; nothing may be added after it."""
        return b"".join([*self._parts, self._packer.flush()])


def read(data: bytes) -> Iterator[Heard]:
    """Yield a capture's lines in the order in which they were received.

    Raises:
        DataError: when it is no gzip, is cut short, or holds a line that is none.
    """
    rest = b""
    for part in _unpacked(data):
        *lines, rest = (rest + part).split(b"\n")
        for text in lines:
            yield _heard(text)
    if rest:
        raise DataError("a capture ends in the middle of a line")


def capture_key(at: datetime, writer: str, number: int) -> str:
    """Return the artifact key of a capture begun at ``at``: by UTC day, sorted by time.

    ``writer`` tells two processes of one day apart; ``number`` counts one writer's captures.
    """
    moment = at.astimezone(UTC)
    return f"{day_prefix(moment.date())}{moment:%H%M%S}-{writer}-{number:05d}{SUFFIX}"


def day_prefix(day: date) -> str:
    """Return what the keys of a UTC day start with."""
    return f"capture/{day.isoformat()}/"


def _unpacked(data: bytes) -> Iterator[bytes]:
    unpacker, total = zlib.decompressobj(_GZIP), 0
    try:
        while data and not unpacker.eof:
            part = unpacker.decompress(data, _SOME)
            total += len(part)
            if total > _LARGEST:
                raise DataError(f"a capture unpacks to more than {_LARGEST} bytes")
            data = unpacker.unconsumed_tail
            yield part
    except zlib.error as error:
        raise DataError(f"a capture cannot be unpacked: {error}") from None
    if not unpacker.eof:
        raise DataError("a capture is cut short")


def _heard(text: bytes) -> Heard:
    try:
        at, kind, body = json.loads(text)
        if not (isinstance(kind, str) and isinstance(at, int)):
            raise TypeError(f"{at!r} and {kind!r} are no time and kind")
        return Heard(_EPOCH + at * _MICROSECOND, kind, body)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise DataError(f"a line of a capture cannot be read: {str(error)[:200]}") from None
