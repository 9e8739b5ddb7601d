"""Whole sessions as log prices and bar variances, which is all the law is fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from kalshi_alpha.errors import DataError
from kalshi_alpha.pricing.variance import SESSION_MINUTES
from kalshi_alpha.research.data.panel import Panel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

UNIT = 5  # minutes a bar the law is fitted on; one-minute bars are joined to it
MINUTE = 1
_OPEN_CLOSE_WEIGHT = 2.0 * np.log(2.0) - 1.0


@dataclass(frozen=True, slots=True)
class Measured:
    """Complete regular sessions of one symbol. Half days and days with holes are left out.

    Attributes:
        symbol: the registry's name.
        step: minutes a bar.
        days: the sessions, ascending.
        logs: [days, bars + 1], log price at the open and at each bar's end.
        bars: [days, bars], variance of each bar by its range (``pricing.reading.bar_variance``).
        left_out: sessions the panel had and this has not.
    """

    symbol: str
    step: int
    days: tuple[date, ...]
    logs: Floats
    bars: Floats
    left_out: int

    def until(self, last: date) -> Measured:
        """Return the sessions up to and including ``last``."""
        return self.first(sum(day <= last for day in self.days))

    def first(self, count: int) -> Measured:
        """Return the first ``count`` sessions."""
        return Measured(
            self.symbol,
            self.step,
            self.days[:count],
            self.logs[:count],
            self.bars[:count],
            self.left_out,
        )

    def on(self, keep: Bools) -> Measured:
        """Return the sessions where ``keep`` holds."""
        days = tuple(day for day, kept in zip(self.days, keep, strict=True) if kept)
        left_out = self.left_out + len(self.days) - len(days)
        return Measured(self.symbol, self.step, days, self.logs[keep], self.bars[keep], left_out)


def measure(panel: Panel) -> Measured:
    """Return the complete regular sessions of a panel."""
    keep = panel.complete & (panel.minutes == SESSION_MINUTES)
    days = tuple(day for day, kept in zip(panel.days, keep, strict=True) if kept)
    prices = (panel.open[keep], panel.high[keep], panel.low[keep], panel.close[keep])
    return _measured(panel.symbol, panel.step, days, prices, int((~keep).sum()))


def of_one_source(panels: Mapping[int, Panel]) -> dict[int, Panel]:
    """Return the panels of the source with most whole sessions of five minutes or less.

    Ranges of an index and of its fund differ, and are never counted together. Coarser bars, which
    only give levels and daily variances, stay whatever they are of.
    """
    counts: dict[str, int] = {}
    for step, panel in panels.items():
        if step <= UNIT:
            counts[panel.source] = counts.get(panel.source, 0) + len(measure(panel).days)
    if not counts:
        return dict(panels)
    best = max(counts, key=lambda source: counts[source])
    return {step: panel for step, panel in panels.items() if step > UNIT or panel.source == best}


def unit_sessions(panels: Mapping[int, Panel]) -> Measured:
    """Return every session on five-minute bars; one-minute ones are joined where there are none.

    Where there is nothing finer, half-hour sessions are returned as they are.

    Raises:
        DataError: when there is no panel at all.
    """
    fine = [_joined(panels[step]) for step in (UNIT, MINUTE) if step in panels]
    if not fine:
        if not panels:
            raise DataError("there are no bars to measure: give --bars files of this symbol")
        return measure(panels[min(panels)])
    if len(fine) == 1:
        return fine[0]
    first, second = fine
    known = set(first.days)
    extra = second.on(np.array([day not in known for day in second.days], dtype=np.bool_))
    order = np.argsort(np.array([*first.days, *extra.days], dtype="datetime64[D]"), kind="stable")
    days = (*first.days, *extra.days)
    return Measured(
        first.symbol,
        UNIT,
        tuple(days[k] for k in order),
        np.concatenate([first.logs, extra.logs])[order],
        np.concatenate([first.bars, extra.bars])[order],
        first.left_out,
    )


def minute_sessions(panels: Mapping[int, Panel]) -> Measured | None:
    """Return the sessions of one-minute bars, None when there are none."""
    if MINUTE not in panels:
        return None
    found = measure(panels[MINUTE])
    return found if found.days else None


def minute_ratio(panels: Mapping[int, Panel]) -> float | None:
    """Return what one-minute bars measure over what five-minute ones do of the same sessions.

    Ranges of shorter bars are seen at fewer moments and run lower, so the same session measures
    less in minutes. None when no session of one-minute bars is known.
    """
    if MINUTE not in panels:
        return None
    minutes, joined = measure(panels[MINUTE]), _joined(panels[MINUTE])
    return float(minutes.bars.sum() / joined.bars.sum()) if minutes.days else None


def index_minute_ratio(index: Panel, unit: Measured) -> tuple[float, int] | None:
    """Return the same of an index against five-minute bars of what stands in for it.

    An index averages prices that are a moment old, and measures less than its fund over the same
    minutes. The live meter reads the index, so this is the ratio it must be compared with.

    Returns:
        The ratio and on how many sessions it was measured; None when they share none.
    """
    minutes = measure(index)
    both = sorted(set(minutes.days) & set(unit.days))
    if minutes.step != MINUTE or not both:
        return None
    live = sum(float(minutes.bars[minutes.days.index(day)].sum()) for day in both)
    fund = sum(float(unit.bars[unit.days.index(day)].sum()) for day in both)
    return live / fund, len(both)


def _joined(panel: Panel) -> Measured:
    if panel.step == UNIT:
        return measure(panel)
    keep = panel.complete & (panel.minutes == SESSION_MINUTES)
    days = tuple(day for day, kept in zip(panel.days, keep, strict=True) if kept)
    shape = (len(days), SESSION_MINUTES // UNIT, UNIT // panel.step)
    opened, high, low, closed = (
        each[keep].reshape(shape) for each in (panel.open, panel.high, panel.low, panel.close)
    )
    prices = (opened[:, :, 0], high.max(axis=2), low.min(axis=2), closed[:, :, -1])
    return _measured(panel.symbol, UNIT, days, prices, int((~keep).sum()))


def _measured(
    symbol: str,
    step: int,
    days: tuple[date, ...],
    prices: tuple[Floats, Floats, Floats, Floats],
    left_out: int,
) -> Measured:
    opened, high, low, closed = (np.log(each) for each in prices)
    logs = np.concatenate([opened[:, :1], closed], axis=1)
    bars = 0.5 * (high - low) ** 2 - _OPEN_CLOSE_WEIGHT * (closed - opened) ** 2
    return Measured(symbol, step, days, logs, np.maximum(bars, 0.0), left_out)
