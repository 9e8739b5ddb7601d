"""The last five minutes of one event as short-horizon models see them: features of a moment.

The study of recorded days computes the same features on whole arrays; a test holds the two equal.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.units import PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.momentum.pool import shares

BACK_S = (10.0, 60.0, 300.0)
NAMES = (
    "log_odds", "hour", "speed_10", "speed_60", "speed_300", "acceleration", "left_speed",
    "right_speed", "centre_speed_60", "centre_speed_300", "flow_10", "flow_60", "flow_300",
    "left_flow", "right_flow", "skew", "age", "activity",
)  # fmt: skip
FULL_FLOW = 500.0  # contracts at which a flow counts as a whole one, roughly
TOGETHER_S = 1800.0  # a purchase and a sale so far apart still make a middle
NEVER_S = 86_400.0  # stands for the age of a bracket that was never heard of
_LONG = -math.inf
_SWEPT = 64  # events from one look at what may be forgotten to the next


class Recent:
    """What was heard of late, by trades or by quotes and never by both. O(1) an event.

    Args:
        brackets: how many.
        midnight: of the climate day's standard time, seconds.
    """

    __slots__ = ("_ask", "_ask_at", "_at", "_bid", "_bid_at", "_flow", "_heard", "_last", "_mid",
                 "_n", "_rows", "midnight")  # fmt: skip

    def __init__(self, brackets: int, midnight: float) -> None:
        self.midnight = midnight
        self._mid: list[float | None] = [None] * brackets
        self._last: list[float | None] = [None] * brackets  # newest price of a trade
        self._bid, self._ask = [0] * brackets, [0] * brackets
        self._bid_at, self._ask_at = [_LONG] * brackets, [_LONG] * brackets
        self._heard = [_LONG] * brackets
        self._flow = [0] * brackets
        self._n = 0  # events so far
        self._at: list[float] = []
        # After each event: middles, flows, and how many there were.
        self._rows: list[tuple[tuple[float | None, ...], tuple[int, ...], int]] = []

    def trade(self, at: float, place: int, price: int, size: int, *, bought: bool) -> None:
        """Take a trade: price in 1/10000 dollar, size in 1/100 contract, and who took."""
        if not 0 < price < PRICE_UNIT or size <= 0:
            return  # no trade can be so
        at = self._now(at)
        if bought:
            self._ask[place], self._ask_at[place] = price, at
        else:
            self._bid[place], self._bid_at[place] = price, at
        self._last[place] = paid = price / PRICE_UNIT
        apart = abs(self._ask_at[place] - self._bid_at[place])
        both = (self._bid[place] / PRICE_UNIT + self._ask[place] / PRICE_UNIT) / 2.0
        self._mid[place] = both if apart <= TOGETHER_S else paid
        self._flow[place] += size if bought else -size
        self._keep(at, place)

    def quote(self, at: float, place: int, bid: int | None, ask: int | None) -> None:
        """Take the best of both sides, 1/10000 dollar; nothing happens where neither moved."""
        low, high = bid or 0, PRICE_UNIT if ask is None else ask
        if low >= high:
            return  # crossed: no news of a price
        if self._mid[place] is not None:
            by = low + high - self._bid[place] - self._ask[place]
            if not by and low == self._bid[place]:
                return
            # In cents, times a hundred: so many of these are a whole flow, as of contracts.
            self._flow[place] += by * SIZE_UNIT
        self._bid[place], self._ask[place] = low, high
        self._mid[place] = (low / PRICE_UNIT + high / PRICE_UNIT) / 2.0
        self._keep(self._now(at), place)

    def reaches(self, at: float) -> bool:
        """Say whether enough was heard for the features of an instant: as far back as they go."""
        return bool(self._at) and self._at[0] <= at - BACK_S[-1]

    def features(self, at: float, place: int) -> tuple[float, ...]:
        """Return what is known of a bracket at an instant, by ``NAMES``.

        Raises:
            DataError: before anything was heard of any bracket.
        """
        if not self._rows:
            raise DataError("nothing was heard yet: there are no features of it")
        back = {s: self._row(at - s) for s in (*BACK_S, 2.0 * BACK_S[1])}
        now = shares(self._mid)
        was = {s: shares(mid) for s, (mid, _, _) in back.items()}
        middle, long = BACK_S[1], BACK_S[2]
        speed = [a - b for a, b in zip(now, was[middle], strict=True)]
        flow = {s: self._flowed(back[s][1]) for s in BACK_S}
        share, newest = now[place], self._last[place]
        mid = self._mid[place]
        skew = 0.0 if newest is None or mid is None else newest - mid
        return (
            math.log(share / (1.0 - share)),
            (at - self.midnight) / 3600.0 / 24.0,
            *(share - was[s][place] for s in BACK_S),
            share - 2.0 * was[middle][place] + was[2.0 * middle][place],
            *_beside(speed, place),
            _with_centre(now, was[middle], place),
            _with_centre(now, was[long], place),
            *(flow[s][place] for s in BACK_S),
            *_beside(flow[middle], place),
            skew,
            math.log1p(min(at - self._heard[place], NEVER_S)) / 10.0,
            math.log1p(self._n - back[middle][2]) / 5.0,
        )

    def _now(self, at: float) -> float:
        return max(at, self._at[-1]) if self._at else at

    def _keep(self, at: float, place: int) -> None:
        self._heard[place] = at
        self._n += 1
        self._at.append(at)
        self._rows.append((tuple(self._mid), tuple(self._flow), self._n))
        if self._n % _SWEPT == 0:
            # One row from before what may be asked for has to stay.
            gone = bisect_right(self._at, at - BACK_S[2]) - 1
            if gone > 0:
                del self._at[:gone], self._rows[:gone]

    def _row(self, at: float) -> tuple[tuple[float | None, ...], tuple[int, ...], int]:
        k = bisect_right(self._at, at) - 1
        if k >= 0:
            return self._rows[k]
        brackets = len(self._mid)
        return (None,) * brackets, (0,) * brackets, 0

    def _flowed(self, then: Sequence[int]) -> list[float]:
        full = FULL_FLOW * SIZE_UNIT
        return [math.tanh((a - b) / full) for a, b in zip(self._flow, then, strict=True)]

    def to_json(self) -> dict[str, Any]:
        """Return what it takes to go on elsewhere, in plain JSON values."""
        brackets = range(len(self._mid))
        return {
            "midnight": self.midnight,
            "each": [
                [self._last[k], self._bid[k], self._ask[k], *map(_time, (self._bid_at[k],
                 self._ask_at[k], self._heard[k]))]
                for k in brackets
            ],
            "rows": [[at, *row] for at, row in zip(self._at, self._rows, strict=True)],
        }  # fmt: skip

    @classmethod
    def from_json(cls, doc: Mapping[str, Any]) -> Recent:
        """Return what ``to_json`` described.

        Raises:
            KeyError, TypeError, ValueError: for anything else.
        """
        made = cls(len(doc["each"]), float(doc["midnight"]))
        for k, (last, bid, ask, *times) in enumerate(doc["each"]):
            made._last[k], made._bid[k], made._ask[k] = last, bid, ask
            made._bid_at[k], made._ask_at[k], made._heard[k] = (
                _LONG if at is None else float(at) for at in times
            )
        for at, mid, flow, n in doc["rows"]:
            made._at.append(float(at))
            made._rows.append((tuple(mid), tuple(flow), int(n)))
        if made._rows:
            mid, flow, made._n = made._rows[-1]
            made._mid, made._flow = list(mid), list(flow)
        return made


def _beside(values: Sequence[float], place: int) -> tuple[float, float]:
    """Return the lower and the upper neighbour's value; 0 beyond the ends."""
    last = len(values) - 1
    return (
        values[place - 1] if place else 0.0,
        values[place + 1] if place < last else 0.0,
    )


def _with_centre(now: Sequence[float], was: Sequence[float], place: int) -> float:
    """Return how far the centre of mass came, times how far the bracket lies on that side."""
    centre = before = 0.0
    for k, (a, b) in enumerate(zip(now, was, strict=True)):
        centre += a * k
        before += b * k
    return (centre - before) * (place - centre)


def _time(at: float) -> float | None:
    return None if at == _LONG else at
