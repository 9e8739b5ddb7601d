"""One pass over recorded frames, byte by byte: the deltas of books straight into columns.

Only a line of the plainest form is read here; anything else about it, an escape, a blank, a number
that is not plain digits, leaves the line to the decoder, so that both say the same of every line.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kalshi_alpha.research.replay.compiling import compiled, inlined

# What a line was found to be.
DELTA, OTHER = 1, 2
# Columns of what is found: [lines, 9].
WHAT, BEGIN, END, SEQ, SID, MARKET, SIDE, PRICE, SIZE, AT, RECEIVED = range(11)
WIDTH = 11
ABSENT = -1 << 62
SLOTS = 4096  # of the table of markets, a power of 2; it is never more than half full
_QUOTE, _COLON, _COMMA, _OPEN, _CLOSE, _NEWLINE, _BACKSLASH = 34, 58, 44, 123, 125, 10, 92
_ZERO, _NINE, _MINUS, _DOT = 48, 57, 45, 46


@inlined
def _number(data: Any, i: int) -> Any:
    """Return a whole number's value and end; the end is -1 where it is not plain digits."""
    value, k = 0, i
    while _ZERO <= data[k] <= _NINE and k - i < 19:
        value = value * 10 + (data[k] - _ZERO)
        k += 1
    plain = k > i and (data[k] == _COMMA or data[k] == _CLOSE)
    return value, k if plain else -1


@inlined
def _decimal(data: Any, i: int, decimals: int) -> Any:
    """Return a quoted decimal times 10**decimals and its end, -1 where it is no such multiple."""
    k = i + 1
    negative = data[k] == _MINUS
    k += negative
    value, whole, part = 0, 0, 0
    while _ZERO <= data[k] <= _NINE and whole < 15:
        value = value * 10 + (data[k] - _ZERO)
        whole += 1
        k += 1
    exact = True
    if data[k] == _DOT:
        k += 1
        while _ZERO <= data[k] <= _NINE and part < 12:
            if part < decimals:
                value = value * 10 + (data[k] - _ZERO)
            elif data[k] != _ZERO:
                exact = False
            part += 1
            k += 1
    for _ in range(part, decimals):
        value *= 10
    plain = data[i] == _QUOTE and data[k] == _QUOTE and whole > 0 and exact
    return -value if negative else value, k + 1 if plain else -1


@compiled
def scan(data: Any, i: int, found: Any, count: int, tickers: Any, table: Any, known: Any) -> Any:  # noqa: C901, PLR0912, PLR0915 - one loop, for speed
    """Read lines from ``i`` on; return (where to go on, lines read).

    It stops at a market that is not in ``table`` yet: its place is told by ``known[1]`` and
    ``known[2]``, and it goes on from that line once it is entered.

    Args:
        data: the bytes, ending in a newline and some more.
        i: begin of a line.
        found: one row a line, [lines, WIDTH].
        count: rows of ``found`` that are filled.
        tickers: (begin, length) of each market's name in ``data``, [markets, 2].
        table: places in ``tickers`` by hash, -1 where there is none, [SLOTS].
        known: (end of data, begin and end of a name that is not known or -1).
    """
    size = known[0]
    known[1] = -1
    while i < size and count < found.shape[0]:
        begin = i
        what, seq, sid, market, side = 0, ABSENT, ABSENT, -1, -1
        price, delta, at, received = ABSENT, ABSENT, ABSENT, ABSENT
        depth, plain = 0, data[i] == _OPEN
        closed = False
        name_begin = name_end = -1
        if plain:
            depth, i = 1, i + 1
        while plain and not closed:
            if data[i] != _QUOTE:
                plain = False
                break
            key = i + 1
            k = key
            while data[k] != _QUOTE and data[k] != _NEWLINE:
                k += 1
            length = k - key
            if data[k] == _NEWLINE or data[k + 1] != _COLON:
                plain = False
                break
            v = k + 2
            first, last = data[key], data[k - 1]
            end = -1
            if (
                length == 3 and first == 109 and last == 103 and data[v] == _OPEN and depth == 1
            ):  # msg
                depth, i = 2, v + 1
                continue
            if length == 4 and first == 116 and last == 101 and depth == 1:  # type
                what = DELTA if _is_delta(data, v) else OTHER
                end = v + 17 if what == DELTA else -1
            elif length == 3 and first == 115 and last == 113 and depth == 1:  # seq
                seq, end = _number(data, v)
            elif length == 3 and first == 115 and last == 100 and depth == 1:  # sid
                sid, end = _number(data, v)
            elif length == 7 and first == 114 and last == 115 and depth == 1:  # recv_ns
                received, end = _number(data, v)
            elif length == 13 and first == 109 and last == 114 and depth == 2:  # market_ticker
                k = v + 1
                place = np.uint64(1469598103934665603)
                while data[k] != _QUOTE and data[k] != _NEWLINE and data[k] != _BACKSLASH:
                    place = (place ^ np.uint64(data[k])) * np.uint64(1099511628211)
                    k += 1
                if data[v] == _QUOTE and data[k] == _QUOTE:
                    end, name_begin, name_end = k + 1, v + 1, k
                    slot = np.int64((place ^ (place >> np.uint64(29))) & np.uint64(SLOTS - 1))
                    while table[slot] >= 0 and market < 0:
                        if _same(data, tickers, table[slot], name_begin, name_end):
                            market = table[slot]
                        slot = (slot + 1) & (SLOTS - 1)
            elif length == 13 and first == 112 and last == 115 and depth == 2:  # price_dollars
                price, end = _decimal(data, v, 4)
            elif length == 8 and first == 100 and last == 112 and depth == 2:  # delta_fp
                delta, end = _decimal(data, v, 2)
            elif length == 4 and first == 115 and last == 101 and depth == 2:  # side
                if data[v] == _QUOTE and data[v + 1] == 121 and data[v + 4] == _QUOTE:
                    side, end = 0, v + 5
                elif data[v] == _QUOTE and data[v + 1] == 110 and data[v + 3] == _QUOTE:
                    side, end = 1, v + 4
            elif length == 5 and first == 116 and last == 115 and depth == 2:  # ts_ms
                at, end = _number(data, v)
            elif data[v] == _QUOTE:
                k = v + 1
                while data[k] != _QUOTE and data[k] != _NEWLINE and data[k] != _BACKSLASH:
                    k += 1
                end = k + 1 if data[k] == _QUOTE else -1
            elif _ZERO <= data[v] <= _NINE:
                _, end = _number(data, v)
            if end < 0:
                plain = False
                break
            i = end
            while data[i] == _CLOSE and depth > 0:
                depth, i = depth - 1, i + 1
            if depth == 0:
                closed = data[i] == _NEWLINE
                plain = closed
                break
            if data[i] != _COMMA:
                plain = False
                break
            i += 1
        while data[i] != _NEWLINE:
            i += 1
        i += 1
        whole = plain and closed and what == DELTA and name_end > 0 and side >= 0
        whole = whole and min(price, delta) > ABSENT
        if whole and market < 0:
            known[1], known[2] = name_begin, name_end
            return begin, count
        row = found[count]
        row[WHAT] = DELTA if whole else OTHER
        row[BEGIN], row[END], row[SEQ], row[SID], row[MARKET] = begin, i - 1, seq, sid, market
        row[SIDE], row[PRICE], row[SIZE], row[AT], row[RECEIVED] = side, price, delta, at, received
        count += 1
    return i, count


@inlined
def _is_delta(data: Any, v: int) -> Any:
    """Say whether "orderbook_delta" stands here."""
    return (
        data[v] == _QUOTE
        and data[v + 1] == 111
        and data[v + 6] == 98
        and data[v + 10] == 95
        and data[v + 11] == 100
        and data[v + 12] == 101
        and data[v + 15] == 97
        and data[v + 16] == _QUOTE
    )


@inlined
def _same(data: Any, tickers: Any, place: int, begin: int, end: int) -> bool:
    if tickers[place, 1] != end - begin:
        return False
    other = tickers[place, 0]
    for k in range(end - begin - 1, -1, -1):  # noqa: SIM110 - compiled
        if data[other + k] != data[begin + k]:
            return False
    return True


@compiled
def enter(data: Any, begin: int, end: int, place: int, tickers: Any, table: Any) -> None:
    """Enter a market's name into the table."""
    tickers[place, 0], tickers[place, 1] = begin, end - begin
    mixed = np.uint64(1469598103934665603)
    for k in range(begin, end):
        mixed = (mixed ^ np.uint64(data[k])) * np.uint64(1099511628211)
    slot = np.int64((mixed ^ (mixed >> np.uint64(29))) & np.uint64(SLOTS - 1))
    while table[slot] >= 0:
        slot = (slot + 1) & (SLOTS - 1)
    table[slot] = place
