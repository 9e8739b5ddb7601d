"""Do events given 50 % happen half the time: PIT, coverage, sharpness, reliability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.scores.clusters import INSIDE, SEED, DayBootstrap, Interval
from kalshi_alpha.research.scores.forecasts import BASIS_POINTS, Forecasts
from kalshi_alpha.research.scores.shapes import Bools, Floats, Ints

COVERAGES = (0.50, 0.80, 0.95, 0.99)
WIDTHS = (0.50, 0.90)  # central intervals whose width is the sharpness
PIT_BINS = 10
DISTANCES = (-4.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0)  # standard deviations


@dataclass(frozen=True, slots=True)
class PitTest:
    """Whether probability integral transforms are uniform.

    Attributes:
        counts: cases in each of the equal bins from 0 to 1.
        p: of the test that lets cases of one day hang together.
        design_effect: how many times the variance of independent cases the bins have.
        ks_p: of Kolmogorov and Smirnov's test, which takes every case as independent: for
            reference only.
    """

    counts: Ints
    p: float
    design_effect: float
    ks_p: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """Forecast and frequency of one class of binary events.

    Attributes:
        low: the class holds distances from here,
        high: to here, this end not included.
        n: events.
        days: days they are of.
        forecast: mean probability.
        observed: share that happened, with its day-clustered interval.
        brier: mean squared error.
    """

    low: float
    high: float
    n: int
    days: int
    forecast: float
    observed: Interval
    brier: float


def pit(forecasts: Forecasts, moved: Floats) -> Floats:
    """Return the probability each forecast gave to less than what happened; [cases]."""
    return forecasts.below(moved)


def covered(pits: Floats, coverage: float) -> Floats:
    """Return 1 where the outcome fell into the central interval, else 0; mean is the coverage."""
    found: Floats = (np.abs(pits - 0.5) <= coverage / 2.0).astype(np.float64)
    return found


def width(forecasts: Forecasts, coverage: float) -> Floats:
    """Return the width of each central interval in basis points: sharper is narrower; [cases]."""
    tail = (1.0 - coverage) / 2.0
    return (forecasts.quantile(1.0 - tail) - forecasts.quantile(tail)) * BASIS_POINTS


def uniformity(pits: Floats, day: Ints, *, bins: int = PIT_BINS) -> PitTest:
    """Test that the transforms are uniform, with cases of one day as one cluster.

    Pearson's chi-square over equal bins, divided by what clustering multiplies its mean by, with
    degrees of freedom that match its variance too, against F with as many degrees as there are
    days beyond the first (Rao and Scott, Annals of Statistics 12, 1984; Thomas and Rao, Journal of
    the American Statistical Association 82, 1987).

    Args:
        pits: [cases].
        day: the cluster of each case; [cases].
        bins: two or more.

    Raises:
        DataError: with fewer than two days, or a transform that is not within 0 to 1.
    """
    if not np.all((pits >= 0.0) & (pits <= 1.0)):
        raise DataError("a probability integral transform lies outside 0 to 1, or is not a number")
    days, place = np.unique(day, return_inverse=True)
    if len(days) < 2:
        raise DataError(f"a test by days needs two of them or more, not {len(days)}")
    bin_of = np.minimum((pits * bins).astype(np.int64), bins - 1)
    by_day = np.bincount(place * bins + bin_of, minlength=len(days) * bins).reshape(-1, bins)
    counts = by_day.sum(axis=0)
    n = len(pits)
    excess = by_day - by_day.sum(axis=1, keepdims=True) / bins
    # Uniform bins have the same variance in every direction that sums to zero: 1 / bins a case.
    covariance = excess.T @ excess * (len(days) / (len(days) - 1.0)) / n * bins
    effect = float(np.trace(covariance)) / (bins - 1)
    if effect == 0.0:
        return PitTest(counts, 1.0, 0.0, float(stats.kstest(pits, "uniform").pvalue))
    spread = float(np.sum(covariance**2)) / (bins - 1) / effect**2
    freedom = (bins - 1) / spread
    pearson = float(np.sum((counts - n / bins) ** 2)) / (n / bins)
    statistic = pearson / ((bins - 1) * effect)
    p = float(stats.f.sf(statistic, freedom, freedom * (len(days) - 1)))
    return PitTest(counts, p, effect, float(stats.kstest(pits, "uniform").pvalue))


def reliability(
    distance: Floats,
    probability: Floats,
    happened: Floats,
    day: Ints,
    *,
    edges: tuple[float, ...] = DISTANCES,
    seed: int = SEED,
) -> tuple[Reliability, ...]:
    """Return forecast against frequency by distance; classes nothing falls into are left out.

    Args:
        distance: of each event, in any unit; [cases] or [cases, strikes].
        probability: given to it; as ``distance``.
        happened: 1 or 0; as ``distance``.
        day: of each case; [cases].
        edges: between the classes, ascending; the first and the last class are open.
        seed: of the bootstrap.

    Raises:
        DataError: with fewer than two days.
    """
    day = np.broadcast_to(day.reshape(len(day), *(1,) * (distance.ndim - 1)), distance.shape)
    bounds = (-np.inf, *edges, np.inf)
    which = np.searchsorted(np.array(edges), distance, side="right").ravel()
    flat = (probability.ravel(), happened.ravel(), day.ravel())
    draws = DayBootstrap(flat[2], seed=seed)
    rows = []
    for k in range(len(bounds) - 1):
        inside: Bools = which == k
        if inside.any():
            given, came, days = (each[inside] for each in flat)
            count = len(np.unique(days))
            share = draws.mean(flat[1], inside.astype(np.float64))
            rows.append(
                Reliability(
                    bounds[k],
                    bounds[k + 1],
                    len(given),
                    count,
                    float(given.mean()),
                    _widened(share, count),
                    float(np.mean((given - came) ** 2)),
                )
            )
    return tuple(rows)


def _widened(share: Interval, days: int) -> Interval:
    """Return the interval of a share that draws cannot spread because it is 0 or 1.

    Its far end is Clopper and Pearson's with a day as one trial.
    """
    far = (0.5 * (1.0 - INSIDE)) ** (1.0 / days)
    if share.estimate == 0.0:
        return Interval(0.0, 0.0, 1.0 - far)
    if share.estimate == 1.0:
        return Interval(1.0, far, 1.0)
    return share
