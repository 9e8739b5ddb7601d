"""Gasoline one day and one week ahead, against a random walk of the same variance.

Known on day d: the averages to d and crude to the day before the day before. The pieces are those
of ``families.gas``; weights are refitted every thirty days on what had settled by then.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kalshi_alpha.research.macro.series import Dated, wanted
from kalshi_alpha.research.macro.study import Model, Study, least_squares, smoothed
from kalshi_alpha.research.scores.shapes import Floats

FAST, SLOW, SPREAD = 0.3, 0.05, 0.05
GALLONS = 42.0  # in a barrel
CRUDE_LAG, CRUDE_SPAN = 2, 14  # days
_FIRST_FIT, _REFIT = 400, 30


def study(series: Mapping[str, Dated], days: int) -> Study:
    """Return the study of the average ``days`` ahead, over the days since the last hole.

    Raises:
        DataError: when a series is not recorded.
    """
    ordinal, price = _since_last_hole(wanted(series, "AAA_REGULAR_DAILY"))
    moves = np.diff(price, prepend=price[0])
    fast, slow = smoothed(moves, FAST), smoothed(moves, SLOW)
    surprise = moves - np.concatenate([[0.0], slow[:-1]])
    spread = np.sqrt(smoothed(surprise**2, SPREAD, float(np.mean(surprise[:60] ** 2))))
    crude = _known_crude(wanted(series, "DCOILWTICO"), ordinal)
    gap = _moved(crude, CRUDE_SPAN) - _moved(price, CRUDE_SPAN)
    features = np.column_stack([moves, fast, slow, gap])
    ahead = price[days:] - price[:-days]
    features, spread = features[:-days], spread[:-days]
    expected = np.zeros(len(ahead))
    for start in range(_FIRST_FIT, len(ahead), _REFIT):
        past = slice(60, start - days)
        weights = least_squares(
            features[past], ahead[past], 1.0 / spread[past] ** 2, np.zeros(features.shape[1])
        )
        expected[start : start + _REFIT] = features[start : start + _REFIT] @ weights
    walk = np.sqrt(smoothed(moves**2, SPREAD, float(np.mean(moves[:60] ** 2))))[:-days]
    now, keep = price[:-days], slice(_FIRST_FIT, None)
    return Study(
        name=f"gasoline {days} day{'s' if days > 1 else ''} ahead",
        unit="dollars",
        outcome=price[days:][keep],
        cluster=(ordinal[days:][keep] - ordinal[0]) // 7,
        models={
            "ours": Model((now + expected)[keep], spread[keep]),
            "random walk": Model(now[keep], walk[keep]),
            "same move again": Model((now + days * moves[:-days])[keep], walk[keep]),
        },
        warm_up=400,
        refit=60,
        block=4,
        lag=days,
    )


def _since_last_hole(recorded: Dated) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], Floats]:
    ordinal = np.array([day.toordinal() for day in recorded], dtype=np.int64)
    price = np.array(list(recorded.values()), dtype=np.float64)
    holes = np.flatnonzero(np.diff(ordinal) != 1)
    first = int(holes[-1]) + 1 if len(holes) else 0
    return ordinal[first:], price[first:]


def _known_crude(recorded: Dated, ordinal: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
    """Return the last crude price, dollars a gallon, known on each day."""
    days = np.array([day.toordinal() for day in recorded], dtype=np.int64)
    place = np.searchsorted(days, ordinal - CRUDE_LAG, side="right") - 1
    found: Floats = np.array(list(recorded.values()), dtype=np.float64)[place] / GALLONS
    return found


def _moved(values: Floats, span: int) -> Floats:
    found = np.zeros(len(values))
    found[span:] = values[span:] - values[:-span]
    return found
