"""A file's frames through the scanner: what it read, and which lines are left to the decoder."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.research.data.findings import Ints
from kalshi_alpha.research.replay import scanner
from kalshi_alpha.research.replay.tape import Kind

_MARGIN = 64  # bytes after the end that the scanner may look at
_AT_ONCE = 65_536  # lines


def scanned(data: bytes, names: dict[str, int]) -> tuple[Ints, list[tuple[int, int, int]]]:
    """Return rows of the plain deltas, as ``frames`` keeps them, and the other lines.

    Args:
        data: the file.
        names: markets by name; those that are found are added.

    Returns:
        Rows of [line, exch, recv, market, kind, side, price, size, sets, seq, sid], and (line,
        begin, end) of the lines that have to be decoded.
    """
    ended = data if data.endswith(b"\n") else data + b"\n"
    padded = np.frombuffer(ended + b"\n" * _MARGIN, np.uint8)
    tickers = np.zeros((scanner.SLOTS // 2, 2), np.int64)
    table = np.full(scanner.SLOTS, -1, np.int64)
    known = np.array([len(ended), -1, -1], np.int64)
    found = np.empty((_AT_ONCE, scanner.WIDTH), np.int64)
    pieces: list[Ints] = []
    rest: list[tuple[int, int, int]] = []
    place = count = lines = 0
    while place < len(ended):
        place, count = scanner.scan(padded, place, found, count, tickers, table, known)
        if known[1] >= 0 and len(names) < len(tickers):
            number = len(names)
            names[ended[known[1] : known[2]].decode()] = number
            scanner.enter(padded, known[1], known[2], number, tickers, table)
        elif count == len(found) or place >= len(ended):
            pieces.append(_rows(found[:count], lines, rest))
            lines, count = lines + count, 0
        else:
            break  # more markets than the table holds: the decoder takes the rest
    if place < len(ended):
        pieces.append(_rows(found[:count], lines, rest))
        rest += _lines(ended, place, lines + count + 1)
    return np.concatenate(pieces) if pieces else np.empty((0, 11), np.int64), rest


def _rows(found: Ints, before: int, rest: list[tuple[int, int, int]]) -> Ints:
    """Return the rows of a piece; put its other lines into ``rest``."""
    line = np.arange(before + 1, before + 1 + len(found))
    price = found[:, scanner.PRICE]
    good = (found[:, scanner.WHAT] == scanner.DELTA) & (price > 0) & (price < PRICE_UNIT)
    others = [line[~good], found[~good, scanner.BEGIN], found[~good, scanner.END]]
    rest += zip(*(each.tolist() for each in others), strict=True)
    mine = found[good]
    rows = np.empty((len(mine), 11), np.int64)
    rows[:, 0] = line[good]
    at, received = mine[:, scanner.AT], mine[:, scanner.RECEIVED]
    rows[:, 1] = np.where(at == scanner.ABSENT, -1, at * 1_000_000)
    rows[:, 2] = np.where(received == scanner.ABSENT, -1, received)
    rows[:, 3] = mine[:, scanner.MARKET]
    rows[:, 4] = Kind.LEVEL
    rows[:, 5] = mine[:, scanner.SIDE]
    rows[:, 6] = mine[:, scanner.PRICE]
    rows[:, 7] = mine[:, scanner.SIZE]
    rows[:, 8] = 0
    for column, key in ((9, scanner.SEQ), (10, scanner.SID)):
        value = mine[:, key]
        rows[:, column] = np.where(value == scanner.ABSENT, -1, value)
    return rows


def _lines(data: bytes, begin: int, number: int) -> Iterator[tuple[int, int, int]]:
    """Yield (line, begin, end) of the lines from a place on."""
    for text in data[begin:].split(b"\n")[:-1]:
        yield number, begin, begin + len(text)
        number, begin = number + 1, begin + len(text) + 1
