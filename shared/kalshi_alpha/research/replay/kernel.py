"""The replay compiled: the same rules as ``plain``, over arrays.

Asks are kept by their distance from the top of the grid, so that on either side a larger level is
a better one and one line serves both: with ``levels`` prices on the grid, the bid level x and the
ask level y meet when x + y > levels. What we see is the exchange's book of an earlier row, so one
book is kept; the tops that changed are noted with their rows, and read when they have reached us.
Nothing that happens here acts on the exchange, so the exchange runs up to an instant first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kalshi_alpha.research.replay.compiling import compiled, inlined

DONE, FULL = 0, 1
BIG = 1 << 62
NONE = -1 << 40  # the level of no order: it meets nothing

# Orders, [orders, ORDER].
MARKET, SIDE, X, LEFT, FILLED, FRONT, TRADED, STATE, EXPIRES, POST, RESTS, NEXT = range(12)
K_STATE, K_X, K_LEFT, K_FILLED, K_PENDING = range(12, 17)
ORDER = 17
# Markets, [markets, MARKETS]: by side, bid first.
BEST, HIGH, LOW, HEAD, SEEN, POSITION, INDEX = 0, 2, 4, 6, 8, 10, 11
MARKETS = 12
# Messages: requests are (at, kind, order, level, size, expires), responses (at, report, order,
# price level on the bid's scale, size, evidence); fills (at, order, level, size, evidence).
MESSAGE = 6
NEW, AMEND, REDUCE = 0, 1, 2
# Where everything stands.
ROW, SEEN_ROW, ASKED, SENT, HEARD, TOLD, FILLS, EXPIRY, CHANGES, CHANGE_SEEN, LIVE, NOW, ORDERS = (
    range(13)
)
CURSOR = 13
# What is assumed.
ENTRY, RESPONSE, WHOLE, CANCELS, POWER, LEVELS, DEPTH = range(7)
TERMS = 7
BEHIND, SHARED, POWERED = 0, 1, 2

_SENT, _RESTING, _FILLED, _CANCELED, _EXPIRED, _REFUSED = range(6)
_R_RESTS, _R_FILL, _R_CANCELED, _R_EXPIRED, _R_REFUSED, _R_LATE = range(6)
_QUEUE, _THROUGH, _CROSSED, _TAKEN = range(4)
_KEEP = -1


@inlined
def _bid_scale(side: int, x: int, levels: int) -> int:
    return x if side == 0 else levels + 1 - x


@inlined
def _respond(
    at: int, report: int, order: int, size: int, evidence: int, level: int, w: Any
) -> None:
    orders, responses, cursor, terms = w[2], w[4], w[7], w[8]
    k = cursor[TOLD]
    responses[k, 0] = at + terms[RESPONSE]
    responses[k, 1] = report
    responses[k, 2] = order
    responses[k, 3] = _bid_scale(orders[order, SIDE], level, terms[LEVELS])
    responses[k, 4] = size
    responses[k, 5] = evidence
    cursor[TOLD] = k + 1


@inlined
def _bounds(m: int, s: int, w: Any) -> None:
    """Note the best and worst level of our orders on a side."""
    markets, orders = w[1], w[2]
    k = markets[m, HEAD + s]
    if k < 0:
        markets[m, HIGH + s] = NONE
        markets[m, LOW + s] = BIG
        return
    markets[m, HIGH + s] = orders[k, X]
    while orders[k, NEXT] >= 0:
        k = orders[k, NEXT]
    markets[m, LOW + s] = orders[k, X]


@inlined
def _leave(order: int, state: int, w: Any) -> None:
    markets, orders, cursor = w[1], w[2], w[7]
    if orders[order, STATE] == _RESTING:
        m, s = orders[order, MARKET], orders[order, SIDE]
        k, before = markets[m, HEAD + s], -1
        while k != order:
            before, k = k, orders[k, NEXT]
        if before < 0:
            markets[m, HEAD + s] = orders[order, NEXT]
        else:
            orders[before, NEXT] = orders[order, NEXT]
        _bounds(m, s, w)
        cursor[LIVE] -= 1
    orders[order, STATE] = state


@inlined
def _rest(order: int, w: Any) -> None:
    """Let an order stand behind those of ours that are as good as it or better."""
    markets, orders, cursor = w[1], w[2], w[7]
    m, s, x = orders[order, MARKET], orders[order, SIDE], orders[order, X]
    orders[order, STATE] = _RESTING
    orders[order, TRADED] = 0
    orders[order, FRONT] = w[0][m, s, x]
    k, before = markets[m, HEAD + s], -1
    while k >= 0 and orders[k, X] >= x:
        before, k = k, orders[k, NEXT]
    orders[order, NEXT] = k
    if before < 0:
        markets[m, HEAD + s] = order
    else:
        orders[before, NEXT] = order
    _bounds(m, s, w)
    cursor[LIVE] += 1
    cursor[EXPIRY] = min(cursor[EXPIRY], orders[order, EXPIRES])


@inlined
def _fill(at: int, order: int, level: int, size: int, evidence: int, w: Any) -> None:
    """``level`` is on the scale of the order's side."""
    orders, fills, cursor = w[2], w[5], w[7]
    orders[order, FILLED] += size
    orders[order, LEFT] -= size
    if orders[order, LEFT] == 0:
        _leave(order, _FILLED, w)
    k = cursor[FILLS]
    fills[k, 0] = at
    fills[k, 1] = order
    fills[k, 2] = _bid_scale(orders[order, SIDE], level, w[8][LEVELS])
    fills[k, 3] = size
    fills[k, 4] = evidence
    cursor[FILLS] = k + 1
    _respond(at, _R_FILL, order, size, evidence, level, w)


@inlined
def _move_up(order: int, before: int, after: int, w: Any) -> None:
    orders, terms = w[2], w[8]
    front, traded = orders[order, FRONT], orders[order, TRADED]
    cancelled = before - after - traded
    if cancelled > 0 and terms[CANCELS] != BEHIND:
        part = float(front)
        rest = float(max(0, before - traded - front))
        if terms[CANCELS] == POWERED:
            one, other = part, rest
            for _ in range(terms[POWER] - 1):
                part, rest = part * one, rest * other
        ahead = part / (part + rest) if part + rest > 0.0 else 0.0
        if terms[CANCELS] == SHARED:
            ahead = w[9][0] * ahead
        front = max(0, front - int(ahead * float(cancelled)))
    orders[order, FRONT] = min(front, after)
    orders[order, TRADED] = 0


@inlined
def _level(at: int, m: Any, s: Any, x: Any, before: int, after: int, w: Any) -> None:
    """Let our orders follow a level, and fill those that it would have met."""
    markets, orders, terms = w[1], w[2], w[8]
    if markets[m, LOW + s] <= x <= markets[m, HIGH + s]:
        k = markets[m, HEAD + s]
        while k >= 0 and orders[k, X] >= x:
            if orders[k, X] == x:
                _move_up(k, before, after, w)
            k = orders[k, NEXT]
    whole = terms[WHOLE] != 0
    left = after if whole else after - before
    k = markets[m, HEAD + 1 - s]
    while k >= 0 and left > 0 and orders[k, X] + x > terms[LEVELS]:
        following = orders[k, NEXT]
        size = orders[k, LEFT] if whole else min(left, orders[k, LEFT])
        if not whole:
            left -= size
        _fill(at, k, orders[k, X], size, _CROSSED, w)
        k = following


@inlined
def _trade(at: int, m: Any, s: Any, x: Any, size: int, w: Any) -> None:
    markets, orders = w[1], w[2]
    whole = w[8][WHOLE] != 0
    left = size
    k = markets[m, HEAD + s]
    while k >= 0 and orders[k, X] >= x:
        following = orders[k, NEXT]
        mine = orders[k, LEFT]
        if orders[k, X] > x:
            if left > 0:
                filled = mine if whole else min(left, mine)
                if not whole:
                    left -= filled
                _fill(at, k, orders[k, X], filled, _THROUGH, w)
        else:
            orders[k, TRADED] += size
            front = orders[k, FRONT] - left
            orders[k, FRONT] = max(0, front)
            if front < 0:
                filled = mine if whole else min(-front, mine)
                if not whole:
                    left -= filled
                _fill(at, k, x, filled, _QUEUE, w)
        k = following


@inlined
def _match(at: int, order: int, w: Any) -> None:
    """Take what an order meets; let the rest stand at the back of its level."""
    book, markets, orders, levels = w[0], w[1], w[2], w[8][LEVELS]
    m, s, x = orders[order, MARKET], orders[order, SIDE], orders[order, X]
    y = markets[m, BEST + 1 - s]
    while y > 0 and orders[order, LEFT] > 0 and x + y > levels:
        shown = book[m, 1 - s, y]
        if shown > 0:
            size = min(shown, orders[order, LEFT])
            _fill(at, order, levels + 1 - y, size, _TAKEN, w)
        y -= 1
    left = orders[order, LEFT]
    if left > 0 and orders[order, RESTS] == 0:
        _leave(order, _CANCELED, w)
        _respond(at, _R_CANCELED, order, 0, -1, x, w)
        return
    if left > 0:
        _rest(order, w)
    _respond(at, _R_RESTS, order, left, -1, x, w)


@inlined
def _arrive(at: int, k: int, w: Any) -> None:
    requests, orders, markets, levels = w[3], w[2], w[1], w[8][LEVELS]
    kind, order, x = requests[k, 1], requests[k, 2], requests[k, 3]
    size, expires = requests[k, 4], requests[k, 5]
    own, left = orders[order, X], orders[order, LEFT]
    if kind == NEW:
        best = markets[orders[order, MARKET], BEST + 1 - orders[order, SIDE]]
        meets = best > 0 and own + best > levels
        if orders[order, EXPIRES] <= at or (orders[order, POST] != 0 and meets):
            orders[order, STATE] = _REFUSED
            _respond(at, _R_REFUSED, order, 0, -1, own, w)
        else:
            _match(at, order, w)
    elif orders[order, STATE] != _RESTING:
        _respond(at, _R_LATE, order, 0, -1, own, w)
    elif kind == AMEND:
        wanted = size - orders[order, FILLED]
        if wanted <= 0 or (expires != _KEEP and expires <= at):
            _respond(at, _R_LATE, order, left, -1, own, w)
            return
        if expires != _KEEP:
            orders[order, EXPIRES] = expires
            w[7][EXPIRY] = min(w[7][EXPIRY], expires)
        if x == own and wanted <= left:
            orders[order, LEFT] = wanted
            _respond(at, _R_RESTS, order, wanted, -1, own, w)
        else:
            _leave(order, _SENT, w)
            orders[order, X] = x
            orders[order, LEFT] = wanted
            _match(at, order, w)
    elif size > left:
        _respond(at, _R_LATE, order, left, -1, own, w)
    elif size == 0:
        _leave(order, _CANCELED, w)
        _respond(at, _R_CANCELED, order, 0, -1, own, w)
    else:
        orders[order, LEFT] = size
        _respond(at, _R_RESTS, order, size, -1, own, w)


@inlined
def _expire(at: int, w: Any) -> None:
    """Take out the first order that expires now; note when the next one does."""
    markets, orders, cursor = w[1], w[2], w[7]
    first, soonest = BIG, BIG
    for m in range(markets.shape[0]):
        for s in range(2):
            k = markets[m, HEAD + s]
            while k >= 0:
                soonest = min(soonest, orders[k, EXPIRES])
                if orders[k, EXPIRES] == at:
                    first = min(first, k)
                k = orders[k, NEXT]
    if first == BIG:
        cursor[EXPIRY] = soonest
        return
    _leave(first, _EXPIRED, w)
    _respond(at, _R_EXPIRED, first, 0, -1, orders[first, X], w)


@inlined
def _exchange(until: int, tape: Any, w: Any) -> int:  # noqa: C901, PLR0912, PLR0915 - one loop, for speed
    """Let the exchange run up to an instant; stop short of it when a log is full."""
    at, name, code, level, size = tape[0], tape[2], tape[3], tape[4], tape[5]
    book, markets, requests, responses = w[0], w[1], w[3], w[4]
    changes, cursor, terms = w[6], w[7], w[8]
    n, levels = at.size, terms[LEVELS]
    noting = terms[DEPTH] == 0
    room = responses.shape[0] - levels - 8
    i, noted = cursor[ROW], cursor[CHANGES]
    while True:
        asked = requests[cursor[ASKED], 0] if cursor[ASKED] < cursor[SENT] else BIG
        expiry = cursor[EXPIRY]
        limit = min(asked, expiry - 1, until)
        while i < n and at[i] <= limit:
            what, m, x, q = code[i], name[i], np.int64(level[i]), size[i]
            s = np.int64(what & 1)
            if what < 2:
                touched = (markets[m, LOW + s] <= x <= markets[m, HIGH + s]) or (
                    markets[m, HIGH + 1 - s] + x > levels
                )
                if touched and cursor[TOLD] + cursor[LIVE] > room:
                    break
                before = book[m, s, x]
                book[m, s, x] = q
                top = markets[m, BEST + s]
                if q > 0:
                    if x > top:
                        markets[m, BEST + s] = x
                        changes[noted] = (i << 17) | (s << 16) | x
                        noted += noting
                elif x == top:
                    while top > 0 and book[m, s, top] == 0:
                        top -= 1
                    markets[m, BEST + s] = top
                    changes[noted] = (i << 17) | (s << 16) | top
                    noted += noting
                if touched:
                    _level(at[i], m, s, x, before, q, w)
            elif what < 4:
                if markets[m, HIGH + s] >= x:
                    if cursor[TOLD] + cursor[LIVE] > room:
                        break
                    _trade(at[i], m, s, x, q, w)
            elif what < 6:
                for side in range(2):
                    book[m, side, :] = 0
                    markets[m, BEST + side] = 0
                    changes[noted] = (i << 17) | (side << 16)
                    noted += noting
            i += 1
        cursor[ROW], cursor[CHANGES] = i, noted
        if cursor[TOLD] + cursor[LIVE] > room:
            return FULL
        if expiry <= until and expiry <= asked:
            _expire(expiry, w)
        elif asked <= until:
            cursor[ASKED] += 1
            _arrive(asked, cursor[ASKED] - 1, w)
        else:
            return DONE


@inlined
def _hear(until: int, w: Any) -> None:
    """Take in the responses that have reached us."""
    markets, orders, responses, cursor, levels = w[1], w[2], w[4], w[7], w[8][LEVELS]
    k = cursor[HEARD]
    while k < cursor[TOLD] and responses[k, 0] <= until:
        report, order, price, size = (
            responses[k, 1],
            responses[k, 2],
            responses[k, 3],
            responses[k, 4],
        )
        if report == _R_FILL:
            orders[order, K_FILLED] += size
            orders[order, K_LEFT] -= size
            sign = 1 - 2 * orders[order, SIDE]
            markets[orders[order, MARKET], POSITION] += sign * size
            if orders[order, K_LEFT] <= 0:
                orders[order, K_STATE] = _FILLED
        elif report == _R_RESTS:
            orders[order, K_X] = _bid_scale(orders[order, SIDE], price, levels)
            orders[order, K_LEFT] = size
            orders[order, K_STATE] = _RESTING if size > 0 else _FILLED
        elif report != _R_LATE:
            orders[order, K_STATE] = report + 1
            orders[order, K_LEFT] = 0
        if report not in (_R_FILL, _R_EXPIRED):
            orders[order, K_PENDING] -= 1
        k += 1
    cursor[HEARD] = k


@inlined
def _see(until: int, tape: Any, seen: Any, w: Any) -> None:  # noqa: C901 - one loop, for speed
    """Take in what has reached us of the feed: whole books, or the tops alone."""
    seen_at, name, code, level, size = tape[1], tape[2], tape[3], tape[4], tape[5]
    markets, changes, cursor = w[1], w[6], w[7]
    if w[8][DEPTH] == 0:
        k, last = cursor[CHANGE_SEEN], cursor[CHANGES]
        while k < last:
            change = changes[k]
            i = change >> 17
            if seen_at[i] > until:
                break
            markets[name[i], SEEN + ((change >> 16) & 1)] = change & 0xFFFF
            k += 1
        cursor[CHANGE_SEEN] = k
        return
    i = cursor[SEEN_ROW]
    while i < seen_at.size and seen_at[i] <= until:
        what, m, x, q = code[i], name[i], level[i], size[i]
        s = what & 1
        if what < 2:
            seen[m, s, x] = q
            if q > 0:
                markets[m, SEEN + s] = max(markets[m, SEEN + s], x)
            elif x == markets[m, SEEN + s]:
                while x > 0 and seen[m, s, x] == 0:
                    x -= 1
                markets[m, SEEN + s] = x
        elif 4 <= what < 6:
            seen[m, :, :] = 0
            markets[m, SEEN] = markets[m, SEEN + 1] = 0
        elif 6 <= what < 8:
            markets[m, INDEX] = q
        i += 1
    cursor[SEEN_ROW] = i


@compiled
def advance(until: int, tape: Any, seen: Any, w: Any) -> int:
    """Let everything up to an instant happen; ``FULL`` asks for longer logs, to go on from here."""
    if _exchange(until, tape, w) == FULL:
        return FULL
    _see(until, tape, seen, w)
    _hear(until, w)
    w[7][NOW] = until
    return DONE


@compiled
def submit(
    market: int, side: int, x: int, size: int, expires: int, post: int, rests: int, w: Any
) -> Any:
    """Send an order; its number is the next one. There has to be room for it."""
    orders, cursor = w[2], w[7]
    k = cursor[ORDERS]
    cursor[ORDERS] = k + 1
    orders[k, :] = 0
    orders[k, MARKET], orders[k, SIDE], orders[k, X], orders[k, LEFT] = market, side, x, size
    orders[k, EXPIRES], orders[k, POST], orders[k, RESTS], orders[k, NEXT] = (
        expires,
        post,
        rests,
        -1,
    )
    orders[k, K_X], orders[k, K_LEFT] = x, size
    send(NEW, k, x, size, expires, w)
    return k


@compiled
def send(kind: int, order: int, x: int, size: int, expires: int, w: Any) -> None:
    """Send a request; there has to be room for it."""
    requests, cursor = w[3], w[7]
    k = cursor[SENT]
    requests[k, 0] = cursor[NOW] + w[8][ENTRY]
    requests[k, 1], requests[k, 2], requests[k, 3] = kind, order, x
    requests[k, 4], requests[k, 5] = size, expires
    cursor[SENT] = k + 1
    w[2][order, K_PENDING] += 1


@compiled
def touch(  # noqa: C901 - one compiled loop
    step: int, size: int, most: int, own: Any, at_step: Any, tape: Any, seen: Any, w: Any
) -> int:
    """Rest ``size`` at the best price of both sides of every market, decided each ``step``.

    A quote that is no longer best, or that would pass ``most`` held, is cancelled, and sent anew
    once that is confirmed. ``own`` is [markets, 2], the last order of a side or -1; ``at_step`` is
    (next step, steps so far, sum of spreads seen).
    """
    markets, orders, requests, cursor, levels = w[1], w[2], w[3], w[7], w[8][LEVELS]
    count, n = markets.shape[0], tape[0].size
    while True:
        if cursor[SENT] + 2 * count > requests.shape[0] or cursor[ORDERS] + 2 * count > len(orders):
            return FULL
        if advance(at_step[0], tape, seen, w) == FULL:
            return FULL
        seen_all = cursor[ROW] == n and tape[1][n - 1] <= at_step[0]
        if seen_all and cursor[ASKED] == cursor[SENT] and cursor[HEARD] == cursor[TOLD]:
            return DONE
        at_step[0] += step
        at_step[1] += 1
        for m in range(count):
            bid, ask = markets[m, SEEN], markets[m, SEEN + 1]
            if bid == 0 or ask == 0 or bid + ask > levels:
                continue
            at_step[2] += levels + 1 - ask - bid
            if size == 0:
                continue
            held = markets[m, POSITION]
            for s in range(2):
                best = markets[m, SEEN + s]
                wanted = (held if s == 0 else -held) < most
                k = own[m, s]
                state = orders[k, K_STATE] if k >= 0 else _CANCELED
                if state > _RESTING:
                    if wanted:
                        own[m, s] = submit(m, s, best, size, BIG, 1, 1, w)
                elif (
                    state == _RESTING
                    and orders[k, K_PENDING] == 0
                    and (orders[k, K_X] != best or not wanted)
                ):
                    send(REDUCE, k, 0, 0, _KEEP, w)
