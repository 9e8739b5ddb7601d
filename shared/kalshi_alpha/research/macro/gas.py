"""Gasoline some days ahead, against a random walk of the same variance.

Known on day d: the averages to d, and crude to the day before the day before. The pieces are those
of ``families.gas``; weights are refitted every thirty days on what had settled by then. Crude has
a model of its own beside ours, which does without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kalshi_alpha.research.macro.series import Dated, wanted
from kalshi_alpha.research.macro.study import Ladder, Model, Study, least_squares, smoothed
from kalshi_alpha.research.scores.shapes import Floats, Ints

FAST, SLOW, SPREAD = 0.3, 0.05, 0.05
GALLONS = 42.0  # in a barrel
CRUDE_LAG, CRUDE_SPAN = 2, 14  # days
FIRST_FIT, _REFIT = 400, 30
_SETTLED = 60  # days until the means have forgotten where they began
_STEPS = {1: 0.005, 7: 0.01}  # between strikes, by days ahead
_LONG_STEP = 0.02
_PRINT_STEP = 0.001


@dataclass(frozen=True, slots=True)
class Days:
    """The days since the last hole, and what each says of those to come.

    Attributes:
        ordinal: of the day; [days].
        price: dollars; [days].
        features: newest move, fast and slow mean move; [days, 3].
        spread: standard deviation of a day's surprise; [days].
    """

    ordinal: Ints
    price: Floats
    features: Floats
    spread: Floats

    def ahead(self, days: int) -> Floats:
        """Return the move over so many days; [days less so many]."""
        found: Floats = self.price[days:] - self.price[:-days]
        return found


def days_of(series: Mapping[str, Dated]) -> Days:
    """Return the recorded days.

    Raises:
        DataError: when the average is not recorded.
    """
    ordinal, price = _since_last_hole(wanted(series, "AAA_REGULAR_DAILY"))
    moves = np.diff(price, prepend=price[0])
    slow = smoothed(moves, SLOW)
    surprise = moves - np.concatenate([[0.0], slow[:-1]])
    spread = np.sqrt(smoothed(surprise**2, SPREAD, float(np.mean(surprise[:_SETTLED] ** 2))))
    features = np.column_stack([moves, smoothed(moves, FAST), slow])
    return Days(ordinal, price, features, spread)


def weights(
    past: Days, days: int, features: Floats | None = None, end: int | None = None
) -> Floats:
    """Return the weights of the features that fit the moves over ``days`` best, until ``end``."""
    ahead = past.ahead(days)
    rows = past.features if features is None else features
    now = slice(_SETTLED, len(ahead) if end is None else end - days)
    none = np.zeros(rows.shape[1])
    return least_squares(rows[: len(ahead)][now], ahead[now], 1.0 / past.spread[now] ** 2, none)


def study(series: Mapping[str, Dated], days: int) -> Study:
    """Return the study of the average ``days`` ahead, over the days since the last hole.

    Raises:
        DataError: when a series is not recorded.
    """
    known = days_of(series)
    moves, now = known.features[:, 0], known.price[:-days]
    crude = _known_crude(wanted(series, "DCOILWTICO"), known.ordinal)
    gap = _moved(crude, CRUDE_SPAN) - _moved(known.price, CRUDE_SPAN)
    plain = np.sqrt(smoothed(moves**2, SPREAD, float(np.mean(moves[:_SETTLED] ** 2))))[:-days]
    spread, keep = known.spread[:-days], slice(FIRST_FIT, None)
    centres = {
        "ours": now + walk(known, days, known.features),
        "ours with crude": now + walk(known, days, np.column_stack([known.features, gap])),
        "random walk": now,
        "same move again": now + days * moves[:-days],
    }
    widths = {name: spread if name.startswith("ours") else plain for name in centres}
    return Study(
        name=f"gasoline {days} day{'s' if days > 1 else ''} ahead",
        unit="dollars",
        outcome=known.price[days:][keep],
        cluster=(known.ordinal[days:][keep] - known.ordinal[0]) // 7,
        models={k: Model(centre[keep], widths[k][keep]) for k, centre in centres.items()},
        warm_up=400,
        refit=60,
        block=max(4, 2 * days // 7),
        lag=days,
        ladder=Ladder(now[keep], _STEPS.get(days, _LONG_STEP), 5, 0.5 * _PRINT_STEP),
    )


def walk(known: Days, days: int, features: Floats) -> Floats:
    """Return the expected moves over ``days``, each by weights that knew no later one."""
    found = np.zeros(len(known.price) - days)
    for start in range(FIRST_FIT, len(found), _REFIT):
        now = slice(start, min(start + _REFIT, len(found)))
        found[now] = features[now] @ weights(known, days, features, start)
    return found


def _since_last_hole(recorded: Dated) -> tuple[Ints, Floats]:
    ordinal = np.array([day.toordinal() for day in recorded], dtype=np.int64)
    price = np.array(list(recorded.values()), dtype=np.float64)
    holes = np.flatnonzero(np.diff(ordinal) != 1)
    first = int(holes[-1]) + 1 if len(holes) else 0
    return ordinal[first:], price[first:]


def _known_crude(recorded: Dated, ordinal: Ints) -> Floats:
    """Return the last crude price, dollars a gallon, known on each day."""
    days = np.array([day.toordinal() for day in recorded], dtype=np.int64)
    place = np.searchsorted(days, ordinal - CRUDE_LAG, side="right") - 1
    found: Floats = np.array(list(recorded.values()), dtype=np.float64)[place] / GALLONS
    return found


def _moved(values: Floats, span: int) -> Floats:
    found = np.zeros(len(values))
    found[span:] = values[span:] - values[:-span]
    return found
