"""Array kernels where a year of minutes or a grid of laws is worked through at once.

The distribution function of a standardised law is tabulated once, on even pieces of z with a cubic
on each, and then read at any number of points without a logarithm or an exponential. numba, which
compiles the reading, belongs to the research extra: no function that trades imports this module.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numba import njit

from kalshi_alpha.errors import DataError
from kalshi_alpha.pricing.table import StandardTable
from kalshi_alpha.research.scores.shapes import Floats, Normal, Shape, TableShape

# A cubic on a piece of width h is off by h**4 / 384 of the fourth derivative, which is below 1 for
# the normal law: 1e-13 here, and some times that for a law with a sharper peak.
REACH = 9.0
_PIECES_PER_UNIT = 512
# Less than this is nothing beside one: outside the reach such a law is 0 and 1.
_NOTHING = 1e-16
_DAYS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class CdfGrid:
    """A standardised law's distribution function on even pieces of z.

    Absolute error below 1e-12. Where the even pieces cannot serve, beyond the reach and on those
    few pieces which a knot of the law's own table cuts, the law itself is asked.

    Attributes:
        cubics: coefficients of each piece in its own part of 0 to 1, [pieces + 2, 4]; the first
            and the last are what holds outside the reach. NaN: ask the law.
        law: the law itself.
    """

    cubics: Floats
    law: Shape
    _asks: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_asks", bool(np.isnan(self.cubics[:, 0]).any()))

    def cdf(self, logs: Floats, centre: Floats, scale: Floats) -> Floats:
        """Return the probability of settling at or below each strike: [windows, strikes].

        Args:
            logs: log of each strike, [strikes], or one row a window, [windows, strikes].
            centre: log of each window's level, with its drift, [windows].
            scale: standard deviation of each window's log move, > 0, [windows].

        Raises:
            DataError: when the arrays do not fit together, a number is missing, or a scale is not
                above 0.
        """
        rows = np.atleast_2d(np.ascontiguousarray(logs, dtype=np.float64))
        centre = np.ascontiguousarray(centre, dtype=np.float64)
        scale = np.ascontiguousarray(scale, dtype=np.float64)
        _check(rows, centre, scale)
        found = np.empty((len(centre), rows.shape[1]))
        _read(rows, centre, scale, self.cubics, REACH, found)
        if self._asks:
            window, strike = np.nonzero(np.isnan(found))
            own = window if len(rows) > 1 else 0
            z = (rows[own, strike] - centre[window]) / scale[window]
            found[window, strike] = self.law.cdf(z)
        return found


def grid_of(table: StandardTable) -> CdfGrid:
    """Return the grid of a fitted law."""
    law = TableShape(table)
    edges = _edges()
    cubics = _cubics(law.cdf(edges), np.exp(law.log_density(edges)))
    knots = np.sinh(np.array(table.knots))
    cut = knots[np.abs(knots) < REACH]
    cubics[np.searchsorted(edges, cut, side="right")] = np.nan
    left, right = law.cdf(edges[:1])[0], law.sf(edges[-1:])[0]
    if max(left, right) > _NOTHING:
        cubics[[0, -1]] = np.nan
    return CdfGrid(cubics, law)


def normal_grid() -> CdfGrid:
    """Return the grid of the standard normal law."""
    law, edges = Normal(), _edges()
    return CdfGrid(_cubics(law.cdf(edges), np.exp(law.log_density(edges))), law)


def time_of_day_variance(closes: Floats) -> Floats:
    """Return the mean squared log return into each minute: [symbols, minutes - 1].

    Args:
        closes: one price a minute, [symbols, days, minutes], NaN where there is none. A return
            counts where both its ends are known; a minute without any has NaN.

    Raises:
        DataError: for another form, or a price that is not above 0.
    """
    if closes.ndim != 3 or closes.shape[2] < 2:
        raise DataError(f"closes of the form {closes.shape} are no [symbols, days, minutes]")
    found = np.empty((len(closes), closes.shape[2] - 1))
    for days, variance in zip(closes, found, strict=True):
        variance[:] = _mean_squares(days)
    return found


def _mean_squares(closes: Floats) -> Floats:
    """Return the mean squared log return of each minute over the days, a few days at a time.

    What a few days need stays in the cache; a year's returns at once would come from memory.
    """
    totals, counts = np.zeros(closes.shape[1] - 1), np.zeros(closes.shape[1] - 1)
    logs = np.empty((_DAYS_AT_ONCE, closes.shape[1]))
    returns = np.empty((_DAYS_AT_ONCE, closes.shape[1] - 1))
    for first in range(0, len(closes), _DAYS_AT_ONCE):
        some = closes[first : first + _DAYS_AT_ONCE]
        if np.fmin.reduce(some, axis=None) <= 0.0:
            raise DataError(f"a close is {np.nanmin(some)}: prices have to be above 0")
        own, moves = logs[: len(some)], returns[: len(some)]
        np.log(some, out=own)
        np.subtract(own[:, 1:], own[:, :-1], out=moves)
        squares = np.einsum("dm,dm->m", moves, moves)
        if np.isfinite(squares).all():
            totals += squares
            counts += len(some)
        else:
            totals += np.nansum(moves * moves, axis=0)
            counts += (~np.isnan(moves)).sum(axis=0)
    with np.errstate(invalid="ignore"):
        return totals / counts


def _edges() -> Floats:
    return np.linspace(-REACH, REACH, 2 * round(REACH * _PIECES_PER_UNIT) + 1)


def _cubics(value: Floats, slope: Floats) -> Floats:
    """Return the cubic of each piece from the values and slopes at its ends (Hermite)."""
    slope = slope / _PIECES_PER_UNIT
    rise = np.diff(value)
    left, right = slope[:-1], slope[1:]
    inner = [value[:-1], left, 3.0 * rise - 2.0 * left - right, left + right - 2.0 * rise]
    nothing, all_of_it = [0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]
    return np.ascontiguousarray(np.vstack([nothing, np.column_stack(inner), all_of_it]))


def _check(rows: Floats, centre: Floats, scale: Floats) -> None:
    if centre.ndim != 1 or scale.shape != centre.shape or len(rows) not in (1, len(centre)):
        raise DataError(
            f"strikes {rows.shape}, centres {centre.shape} and scales {scale.shape} do not fit: "
            "give one scale a centre, and one row of strikes for all or one each"
        )
    if not (scale > 0.0).all() or np.isnan(rows).any() or not np.isfinite(centre).all():
        raise DataError("a law needs a level, a scale above 0, and strikes that are numbers")


def _fill(
    rows: Floats, centre: Floats, scale: Floats, cubics: Floats, reach: float, found: Floats
) -> None:
    """Read each point from its piece. The compiler makes vectors of the inner loop as it stands."""
    per_unit = (len(cubics) - 2) / (2.0 * reach)
    shift, last = per_unit * reach + 1.0, len(cubics) - 0.5
    for i in range(len(centre)):
        logs, middle, slope = rows[i if len(rows) > 1 else 0], centre[i], per_unit / scale[i]
        for j in range(len(logs)):
            place = (logs[j] - middle) * slope + shift
            place = max(place, 0.5)
            place = min(place, last)
            k = np.uint32(place)
            t = place - k
            piece = cubics[k]
            found[i, j] = ((piece[3] * t + piece[2]) * t + piece[1]) * t + piece[0]


# "contract" joins a product and a sum into one instruction; it does not move a NaN.
_read: Callable[..., None] = njit(cache=True, fastmath={"contract"})(_fill)
