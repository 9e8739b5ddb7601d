"""Two indices at one fixing: joint probabilities of their bins, and what both ladders may lose.

Each index keeps its own terminal law. They are tied by a normal copula: in normal scores the two
are jointly normal with correlation rho, which is measured from simultaneous moves. The worked-out
model is in docs/math/joint.md. Whole ladders are weighed here at once; what is held and rests while
windows run is weighed by ``trading.risk``, by another formula for the same cells.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
from scipy import special, stats

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.pricing.law import TerminalLaw, mass_between
from kalshi_alpha.pricing.table import above, below
from kalshi_alpha.research.model.measured import Measured
from kalshi_alpha.research.scores.clusters import DayBootstrap, Interval
from kalshi_alpha.research.scores.shapes import Floats, Ints
from kalshi_alpha.trading.risk import Holding, TailRisk

# Stands for a score of exactly 0, where the formula below would divide by it.
_TINY = 1e-300
_PAST = 6  # bars
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Bins:
    """The bins that a ladder's edges cut the settlement value into, lowest first.

    Attributes:
        edges: settlement ticks, ascending; bin k holds ``edges[k - 1]`` to ``edges[k] - 1``, the
            first and the last are open.
        masses: probability of each bin, [edges + 1].
        below: probability of settling below each edge, [edges].
        scores: the same as normal scores, accurate in both tails, [edges].
    """

    edges: tuple[int, ...]
    masses: Floats
    below: Floats
    scores: Floats


def bins_of(law: TerminalLaw, payoffs: Iterable[Payoff], ticks_per_point: int) -> Bins:
    """Return the bins that all edges of the payoffs make under the law.

    Raises:
        DataError: when no payoff has an edge.
    """
    edges: set[int] = set()
    for payoff in payoffs:
        edges |= {payoff.low} if payoff.low is not None else set()
        edges |= {payoff.high + 1} if payoff.high is not None else set()
    if not edges:
        raise DataError("no payoff has an edge, so there are no bins: give a ladder's payoffs")
    ticks = tuple(sorted(edges))
    odds = law.edge_log_odds(ticks, ticks_per_point)
    ends = [-math.inf, *odds, math.inf]
    under = np.array([below(x) for x in odds])
    over = np.array([above(x) for x in odds])
    return Bins(
        edges=ticks,
        masses=np.array([mass_between(*pair) for pair in pairwise(ends)]),
        below=under,
        scores=np.where(under < 0.5, special.ndtri(under), -special.ndtri(over)),
    )


def joint_masses(one: Bins, other: Bins, rho: float) -> Floats:
    """Return the probability of each pair of bins: [bins of one, bins of other].

    Rows add up to the masses of ``one``, columns to those of ``other``.

    Raises:
        DataError: when rho is outside -1 to 1.
    """
    corners = np.zeros((len(one.edges) + 2, len(other.edges) + 2))
    corners[1:-1, 1:-1] = _both_below(one, other, rho)
    corners[1:-1, -1], corners[-1, 1:-1] = one.below, other.below
    corners[-1, -1] = 1.0
    return np.maximum(np.diff(np.diff(corners, axis=0), axis=1), 0.0)


def cash_by_bin(bins: Bins, holdings: Iterable[Holding]) -> Ints:
    """Return what the holdings earn in each bin, in cash: [bins].

    Raises:
        DataError: when a holding's payoff has an edge inside a bin.
    """
    place = {tick: k for k, tick in enumerate(bins.edges, start=1)}
    steps = np.zeros(len(bins.edges) + 2, dtype=np.int64)  # from each bin to the next
    for holding in holdings:
        low, high = holding.payoff.low, holding.payoff.high
        try:
            first = 0 if low is None else place[low]
            after = len(bins.masses) if high is None else place[high + 1]
        except KeyError:
            raise DataError(
                f"the payoff {low} to {high} cuts a bin: make the bins with this payoff among them"
            ) from None
        pays = PRICE_UNIT * holding.size
        steps[0] += holding.earns(pays=False)
        steps[first] += holding.side.sign * pays
        steps[after] -= holding.side.sign * pays
    return np.cumsum(steps)[:-1]


def tail_risk(masses: Floats, cash: Ints, level: float) -> TailRisk:
    """Return value at risk and expected shortfall of an exact law of outcomes.

    Args:
        masses: probability of each outcome, of any form.
        cash: what is earned in it, of the same form.
        level: strictly between 0 and 1, such as 0.99.

    Raises:
        DataError: when the forms differ, or the level is outside its domain.
    """
    if masses.shape != cash.shape or not 0.0 < level < 1.0:
        raise DataError(
            f"probabilities {masses.shape} of outcomes {cash.shape} at the level {level}: the "
            "forms must agree, and the level lie strictly between 0 and 1"
        )
    losses, place = np.unique(-cash, return_inverse=True)
    chances = np.bincount(place.ravel(), masses.ravel(), len(losses))
    upto = np.cumsum(chances)
    k = min(int(np.searchsorted(upto, level - _ROUNDING)), len(losses) - 1)
    worse = chances[k + 1 :]
    at_edge = max(0.0, 1.0 - level - float(worse.sum()))
    total = float(worse @ losses[k + 1 :]) + at_edge * float(losses[k])
    return TailRisk(level, int(losses[k]), math.ceil(total / (1.0 - level) - _ROUNDING))


def joint_tail_risk(
    one: Bins,
    other: Bins,
    rho: float,
    holdings: tuple[Iterable[Holding], Iterable[Holding]],
    level: float,
) -> TailRisk:
    """Return the tail risk of holdings in two ladders together."""
    cash = cash_by_bin(one, holdings[0])[:, None] + cash_by_bin(other, holdings[1])
    return tail_risk(joint_masses(one, other, rho), cash, level)


def standardised_moves(sessions: Measured, days: Sequence[date]) -> Floats:
    """Return each bar's log return in units of what was to be expected: [days, bars - 6].

    Expected is the mean variance of that time of day, times what the six bars before have had of
    theirs; the first six bars of a session have no such past.

    Raises:
        DataError: when one of the days is not among the sessions.
    """
    known = {day: k for k, day in enumerate(sessions.days)}
    lacking = [day for day in days if day not in known]
    if lacking:
        raise DataError(f"{sessions.symbol} has no session of {lacking[0]}: give days both have")
    typical = sessions.bars.mean(axis=0)
    at = [known[day] for day in days]
    sums = np.pad(np.cumsum(sessions.bars[at], axis=1), ((0, 0), (1, 0)))
    norm = np.concatenate([[0.0], np.cumsum(typical)])
    recent = sums[:, _PAST:-1] - sums[:, : -_PAST - 1]
    expected = (norm[_PAST:-1] - norm[: -_PAST - 1]) / typical[_PAST:]
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.diff(sessions.logs[at], axis=1)[:, _PAST:] / np.sqrt(recent / expected)
    return np.where(np.isfinite(found), found, np.nan)


def measured_correlation(one: Floats, other: Floats) -> Interval:
    """Return the normal copula's correlation of simultaneous moves, with an interval by days.

    The moves are ranked and turned into normal scores, so that heavy tails and scales do not
    matter; the correlation is that of the scores.

    Args:
        one: moves, [days, moves]; NaN where there is none.
        other: those of the other index at the same times.

    Raises:
        DataError: when the forms differ, or fewer than two days have moves of both.
    """
    if one.shape != other.shape or one.ndim != 2:
        raise DataError(f"moves {one.shape} and {other.shape} are not simultaneous")
    day, move = np.nonzero(np.isfinite(one) & np.isfinite(other))
    first, second = _normal_scores(one[day, move]), _normal_scores(other[day, move])
    size = 0.5 * (first**2 + second**2)
    some = size > 0.0
    bootstrap = DayBootstrap(day[some])
    return bootstrap.mean((first * second)[some] / size[some], size[some])


def _both_below(one: Bins, other: Bins, rho: float) -> Floats:
    """Return the probability that both settle below their edges: [edges of one, of other].

    Owen, Annals of Mathematical Statistics 27 (1956), equation 2.1, with his function T.
    """
    if not -1.0 <= rho <= 1.0:
        raise DataError(f"a correlation of {rho} is outside -1 to 1")
    p, q = one.below[:, None], other.below[None, :]
    if rho == 1.0:
        return np.minimum(p, q)
    if rho == -1.0:
        return np.maximum(p + q - 1.0, 0.0)
    h, k = (np.where(s == 0.0, _TINY, s) for s in (one.scores[:, None], other.scores[None, :]))
    root = math.sqrt((1.0 - rho) * (1.0 + rho))
    found: Floats = 0.5 * (p + q - ((h < 0.0) != (k < 0.0)))
    found -= special.owens_t(h, (k - rho * h) / (h * root))
    found -= special.owens_t(k, (h - rho * k) / (k * root))
    return found


def _normal_scores(values: Floats) -> Floats:
    ranks = stats.rankdata(values)
    found: Floats = special.ndtri(ranks / (len(values) + 1.0))
    return found
