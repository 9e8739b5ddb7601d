"""What a backtest came to: claimed against realised with intervals by days, and a verdict."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from kalshi_alpha.markets.units import CASH_UNIT
from kalshi_alpha.research.backtest.days import DayPlayed
from kalshi_alpha.research.backtest.fills import Evidence
from kalshi_alpha.research.backtest.records import FillRow
from kalshi_alpha.research.data.findings import Floats, Ints
from kalshi_alpha.research.scores.clusters import DayBootstrap, Interval

ALL = "all"
MINUTES = ((0.0, 1.0), (1.0, 2.0), (2.0, 5.0), (5.0, 15.0), (15.0, 30.0), (30.0, 60.0),
           (60.0, 390.0))  # fmt: skip
NO_FILLS, FEW_DAYS, NOT_SHOWN, EDGE, LOSS, ONE_OF_MANY = (
    "no-fills", "too-few-days", "not-established", "edge", "loss", "one-of-many",
)  # fmt: skip
FEWEST_DAYS = 5  # a bootstrap of fewer says nothing of what it leaves out
# Chance of missing an edge that is there, in standard errors of a normal law: one in five.
_POWER, _SIDES = 0.8416, 1.9600


@dataclass(frozen=True, slots=True)
class Sample:
    """Fills of a setting with the days they were looked for on.

    Attributes:
        days: every day played, ISO, ascending; a day without a fill is a day.
        fills: those that count and have settled.
        touches: those that do not count.
        quotes: orders placed or moved.
        block: consecutive days that are drawn together.
    """

    days: tuple[str, ...]
    fills: tuple[FillRow, ...]
    touches: tuple[FillRow, ...]
    quotes: int
    block: int = 1


def sample_of(days: Sequence[DayPlayed], *, block: int = 1) -> Sample:
    """Return everything one setting did."""
    return Sample(
        days=tuple(sorted({one.day for one in days})),
        fills=tuple(row for one in days for row in one.fills if row.realised is not None),
        touches=tuple(row for one in days for row in one.touches),
        quotes=sum(sum(one.quotes.values()) for one in days),
        block=block,
    )


def row_of(sample: Sample, windows: int, *, one_of_many: bool = True) -> dict[str, Any]:
    """Return one row of backtest.json; docs/backtest.md says what each key means.

    Args:
        sample: what is summed up.
        windows: played.
        one_of_many: whether it is one of several looks at the same days. Among many looks one in
            forty lies above zero by chance, so none of them is called an edge.
    """
    fills = sample.fills
    realised = interval_of(sample, [_realised(row) for row in fills])
    diff = interval_of(sample, [_realised(row) - row.ev_claimed for row in fills])
    counted = Counter(row.evidence for row in (*fills, *sample.touches))
    word, sentence = verdict_of(sample, realised)
    if one_of_many and word == EDGE:
        word = ONE_OF_MANY
        sentence += " It is one of many looks at the same days, which proves nothing by itself."
    return {
        "days": len(sample.days),
        "days_with_fills": len({row.day for row in fills}),
        "windows": windows,
        "quotes": sample.quotes,
        "fills": len(fills),
        "contracts": sum(row.contracts for row in fills),
        "market_sides": len({(row.ticker, row.side) for row in fills}),
        "fills_by_evidence": {each.value: counted[each.value] for each in Evidence},
        "ev_claimed": mean_of([(row.ev_claimed, row.contracts) for row in fills]),
        "realised": None if realised is None else realised.estimate,
        "realised_low": _finite(realised, "low"),
        "realised_high": _finite(realised, "high"),
        "diff": None if diff is None else diff.estimate,
        "diff_low": _finite(diff, "low"),
        "diff_high": _finite(diff, "high"),
        "profit": sum(_realised(row) * row.contracts for row in fills),
        "fees": sum(row.fee for row in fills) / CASH_UNIT,
        **{
            f"markout_{name}": mean_of(
                [(m, row.contracts) for row in fills if (m := _markout(row, name)) is not None]
            )
            for name in ("1s", "5s", "30s")
        },
        "seconds_rested": mean_of([(row.placed_s, 1.0) for row in fills]),
        "verdict": word,
        "verdict_sentence": sentence,
    }


def interval_of(sample: Sample, values: Sequence[float]) -> Interval | None:
    """Return the mean a contract with its interval by days; None without a fill.

    Days without a fill are drawn too and add nothing, as they did. With one day there is no
    interval, and its ends are not numbers.
    """
    if not values:
        return None
    number = {day: date.fromisoformat(day).toordinal() for day in sample.days}
    day: Ints = np.array(
        [*(number[row.day] for row in sample.fills), *number.values()], dtype=np.int64
    )
    score: Floats = np.array([*values, *(0.0 for _ in number)])
    weight: Floats = np.array([*(row.contracts for row in sample.fills), *(0.0 for _ in number)])
    if len(number) < 2:
        return Interval(float(np.average(score, weights=weight)), math.nan, math.nan)
    block = min(sample.block, len(number))
    return DayBootstrap(day, block=block).mean(score, weight)


def verdict_of(sample: Sample, realised: Interval | None) -> tuple[str, str]:
    """Return a word and a sentence; an edge is named only where the interval excludes zero."""
    if realised is None:
        return NO_FILLS, "Nothing filled: there is nothing to judge."
    traded = len({row.day for row in sample.fills})
    cents = f"{100 * realised.estimate:+.1f} cents a contract"
    if traded < FEWEST_DAYS:
        return FEW_DAYS, f"{cents} on {traded} days with fills, and {FEWEST_DAYS} are the fewest."
    spread = f"[{100 * realised.low:+.1f}, {100 * realised.high:+.1f}]"
    if realised.low > 0:
        return EDGE, f"{cents} {spread}: the interval excludes zero."
    if realised.high < 0:
        return LOSS, f"{cents} {spread}: it loses, and the interval excludes zero."
    needed = days_needed(realised, len(sample.days))
    wait = (
        "none was seen that more days could establish"
        if needed is None
        else f"if that were the truth, about {needed} days would be needed to show it"
    )
    return NOT_SHOWN, f"{cents} {spread}: the interval holds zero, no edge is established; {wait}."


def days_needed(found: Interval, days: int, assumed: float | None = None) -> int | None:
    """Return the days after which an edge would be shown four times in five.

    Args:
        found: dollars a contract, with its interval by days.
        days: that it rests on.
        assumed: the edge that is there; the one that was seen when None.

    Returns:
        None where there is none to show, or no interval to say how it varies.
    """
    edge = found.estimate if assumed is None else assumed
    error = (found.high - found.low) / (2.0 * _SIDES)
    if not (edge > 0 and error > 0 and math.isfinite(error)):
        return None
    return math.ceil(days * ((_SIDES + _POWER) * error / edge) ** 2)


def by_minute(sample: Sample, windows: int) -> list[dict[str, Any]]:
    """Return a row for each class of minutes to the fixing that holds a fill."""
    rows = []
    for low, high in MINUTES:
        part = _where(sample, lambda row: low < row.seconds_to_fixing / 60.0 <= high)  # noqa: B023
        if part.fills or part.touches:
            rows.append({"minutes_from": low, "minutes_to": high, **row_of(part, windows)})
    return rows


def by_side(sample: Sample, windows: int) -> list[dict[str, Any]]:
    """Return a row for each side."""
    return [
        {"side": side, **row_of(_where(sample, lambda row: row.side == side), windows)}  # noqa: B023
        for side in ("bid", "ask")
    ]


def by_bin(days: Sequence[DayPlayed], sample: Sample, windows: int) -> list[dict[str, Any]]:
    """Return a row for each place from the money that was quoted or filled, ascending."""
    quotes: Counter[int] = Counter()
    for one in days:
        quotes.update(one.quotes)
    places = sorted({*quotes, *(row.bin for row in sample.fills)})
    rows = []
    for place in places:
        part = _where(sample, lambda row: row.bin == place, quotes=quotes[place])  # noqa: B023
        rows.append({"bin": place, **row_of(part, windows)})
    return rows


def by_period(sample: Sample, windows: int, parts: int = 2) -> list[dict[str, Any]]:
    """Return a row for each half of the days, in order: does anything drift?"""
    found = []
    for days in np.array_split(np.array(sample.days), parts):
        inside = set(days.tolist())
        if inside:
            part = on_days(sample, inside)
            found.append({"from": min(inside), "to": max(inside), **row_of(part, windows)})
    return found


def drift_of(sample: Sample) -> list[dict[str, Any]]:
    """Return how far fills slipped from their claims on the later half of the days, and before.

    A row for the law a second, five and thirty seconds after the fill and for the settlement: what
    the fill was worth then less what was claimed, dollars a contract, on each half, and the change
    with its interval, the halves' errors added as those of independent days.
    """
    half = len(sample.days) // 2
    halves = [on_days(sample, set(days)) for days in (sample.days[:half], sample.days[half:])]
    names = ("markout_1s", "markout_5s", "markout_30s", "realised")
    return [_drift(name, *(_slip(part, name) for part in halves)) for name in names]


def _drift(name: str, earlier: Interval | None, later: Interval | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "after": name,
        "earlier": None if earlier is None else earlier.estimate,
        "later": None if later is None else later.estimate,
        **dict.fromkeys(("change", "change_low", "change_high")),
    }
    if earlier is None or later is None:
        return row
    change = later.estimate - earlier.estimate
    error = math.hypot(*((each.high - each.low) / 2.0 for each in (earlier, later)))
    if not math.isfinite(error):
        return row | {"change": change}
    return row | {"change": change, "change_low": change - error, "change_high": change + error}


def _slip(part: Sample, name: str) -> Interval | None:
    known = tuple(row for row in part.fills if getattr(row, name) is not None)
    here = replace(part, fills=known)
    return interval_of(here, [getattr(row, name) - row.ev_claimed for row in known])


def on_days(sample: Sample, days: set[str]) -> Sample:
    """Return what happened on some of the days; its quotes are not known by day and count 0."""
    return Sample(
        tuple(sorted(days)),
        tuple(row for row in sample.fills if row.day in days),
        tuple(row for row in sample.touches if row.day in days),
        0,
        sample.block,
    )


def by_day(sample: Sample) -> list[dict[str, Any]]:
    """Return each day's fills, profit and claim, dollars, with the running total."""
    rows, total = [], 0.0
    for day in sample.days:
        here = [row for row in sample.fills if row.day == day]
        profit = sum(_realised(row) * row.contracts for row in here)
        total += profit
        claimed = sum(row.ev_claimed * row.contracts for row in here)
        rows.append(
            {"day": day, "fills": len(here), "profit": profit, "claimed": claimed, "total": total}
        )
    return rows


def drawdown_of(rows: Iterable[Mapping[str, Any]]) -> float:
    """Return the deepest fall of the running total from its best so far, dollars, >= 0."""
    best = deepest = 0.0
    for row in rows:
        best = max(best, row["total"])
        deepest = max(deepest, best - row["total"])
    return deepest


def mean_of(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Return the mean of (value, weight) pairs; None without one."""
    weight = sum(w for _, w in pairs)
    return sum(v * w for v, w in pairs) / weight if weight else None


def _where(sample: Sample, keep: Callable[[FillRow], bool], quotes: int | None = None) -> Sample:
    return Sample(
        sample.days,
        tuple(row for row in sample.fills if keep(row)),
        tuple(row for row in sample.touches if keep(row)),
        sample.quotes if quotes is None else quotes,
        sample.block,
    )


def _realised(row: FillRow) -> float:
    assert row.realised is not None  # a sample holds settled fills only
    return row.realised


def _markout(row: FillRow, name: str) -> float | None:
    found: float | None = getattr(row, f"markout_{name}")
    return found


def _finite(found: Interval | None, end: str) -> float | None:
    value = math.nan if found is None else float(getattr(found, end))
    return value if math.isfinite(value) else None
