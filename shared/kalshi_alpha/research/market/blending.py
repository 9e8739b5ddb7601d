"""Weights for the market's price and ours, each day's fitted on nothing but the days before it.

Log odds are weighted (a logarithmic opinion pool), separately by bands of the time to the fixing.
The fit is the most probable one under a normal prior. What the trades weigh follows from theory:
one market-side of a day is one vote however often it traded, and an event's votes are capped,
because a whole ladder on one fixing is a single draw. Its Fisher information on the logarithm of a
scale is 2, that of one binary outcome at most 0.44: about four votes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from kalshi_alpha.pricing.blend import FLOOR
from kalshi_alpha.research.data.findings import Bools, Floats, Ints
from kalshi_alpha.research.market.cases import MarketCases

VOTES_AN_EVENT = 4.0
FEWEST_DAYS = 5  # with fewer before it, a day is priced by the prior alone
# Two opinions of about the same worth that share most of what they know: half each is what
# decades of forecast combination have not reliably beaten (Clemen, International Journal of
# Forecasting 5, 1989). A weight of 0 or 1 lies one standard deviation off.
BLEND_PRIOR, BLEND_SPREAD = (0.0, 0.5, 0.5), (0.25, 0.5, 0.5)
SHARP_PRIOR, SHARP_SPREAD = (1.0,), (0.5,)


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights of one band.

    Attributes:
        minutes_from: the band is above this.
        minutes_to: up to this.
        sharp: factor of the market's log odds alone.
        blend: intercept, weight of the market, weight of ours; None without a law of ours.
        days: fitted on.
    """

    minutes_from: float
    minutes_to: float
    sharp: float
    blend: tuple[float, float, float] | None
    days: int


@dataclass(frozen=True, slots=True)
class Walked:
    """Probabilities of every case with weights of the days before it; arrays are [cases].

    Attributes:
        sharp: the price, its log odds stretched.
        blend: price and law together; NaN without a law.
        last: the weights that the day after the last would be priced with, by band.
    """

    sharp: Floats
    blend: Floats
    last: tuple[Fitted, ...]


def log_odds(probability: Floats) -> Floats:
    """Return log odds, none longer than those of a tenth of a cent."""
    found: Floats = special.logit(np.clip(probability, FLOOR, 1.0 - FLOOR))
    return found


def walk_forward(cases: MarketCases, bands: tuple[tuple[float, float], ...]) -> Walked:
    """Sharpen and blend every case.

    Args:
        cases: in any order.
        bands: (above, up to) minutes to the fixing, covering every case.
    """
    sharp, blend = np.full(len(cases), np.nan), np.full(len(cases), np.nan)
    last = []
    for low, high in bands:
        inside = (cases.minutes > low) & (cases.minutes <= high)
        if inside.any():
            found, weights = _walk_band(cases.where(inside), (low, high))
            sharp[inside], blend[inside] = found
            last.append(weights)
    return Walked(sharp, blend, tuple(last))


def votes(cases: MarketCases) -> Floats:
    """Return each case's weight: market-sides are equal, and an event's are capped in all."""
    _, side, trades = np.unique(
        np.stack([cases.event, cases.side]), axis=1, return_inverse=True, return_counts=True
    )
    each = 1.0 / trades[side.ravel()]
    _, event = np.unique(cases.event, return_inverse=True)
    total = np.bincount(event, each)
    found: Floats = each * np.minimum(1.0, VOTES_AN_EVENT / total)[event]
    return found


def fit(
    odds: Floats,
    happened: Floats,
    weight: Floats,
    prior: tuple[float, ...],
    spread: tuple[float, ...],
) -> Floats:
    """Return the most probable weights, those of odds at 0 or above.

    Args:
        odds: log odds of each opinion, after a column of ones where there is an intercept; [cases,
            weights].
        happened: 1 or 0; [cases].
        weight: votes; [cases].
        prior: means of the weights, independent and normal.
        spread: their standard deviations.
    """
    centre, width = np.array(prior), np.array(spread)

    def loss(x: Floats) -> tuple[float, Floats]:
        z = odds @ x
        cost = -(
            weight * (happened * special.log_expit(z) + (1 - happened) * special.log_expit(-z))
        )
        slope = odds.T @ (weight * (special.expit(z) - happened))
        away = (x - centre) / width
        return float(cost.sum() + 0.5 * (away @ away)), slope + away / width

    bounds: list[tuple[float | None, None]] = [(0.0, None)] * len(prior)
    if len(prior) == len(BLEND_PRIOR):
        bounds[0] = (None, None)
    options = {"ftol": 1e-14, "gtol": 1e-9}
    found = optimize.minimize(
        loss, centre, jac=True, method="L-BFGS-B", bounds=bounds, options=options
    )
    weights: Floats = found.x
    return weights


def _walk_band(
    cases: MarketCases, band: tuple[float, float]
) -> tuple[tuple[Floats, Floats], Fitted]:
    market, weight = log_odds(cases.price), votes(cases)
    columns = [market[:, None]]
    if cases.has_ours:
        columns.append(np.stack([np.ones(len(cases)), market, log_odds(cases.ours)], axis=1))
    priors = ((SHARP_PRIOR, SHARP_SPREAD), (BLEND_PRIOR, BLEND_SPREAD))
    found = np.full((2, len(cases)), np.nan)
    after: list[Floats] = []
    for k, (odds, (prior, spread)) in enumerate(zip(columns, priors, strict=False)):
        joined = _Joined.of(cases.day, odds, cases.happened, weight)
        for day in np.unique(cases.day):
            weights = _before(joined, int(day), prior, spread)
            today = cases.day == day
            found[k, today] = special.expit(odds[today] @ weights)
        after.append(_before(joined, int(cases.day.max()) + 1, prior, spread))
    blend = tuple(map(float, after[1])) if len(after) > 1 else None
    days = len(np.unique(cases.day))
    fitted = Fitted(*band, float(after[0][0]), _three(blend), days)
    return (found[0], found[1]), fitted


@dataclass(frozen=True, slots=True)
class _Joined:
    """Cases alike in day, odds and outcome put into one, their votes added."""

    day: Ints
    odds: Floats
    happened: Floats
    weight: Floats

    @classmethod
    def of(cls, day: Ints, odds: Floats, happened: Floats, weight: Floats) -> _Joined:
        rows = np.column_stack([day, happened, odds])
        different, place = np.unique(rows, axis=0, return_inverse=True)
        total: Floats = np.bincount(place.ravel(), weight).astype(np.float64)
        return cls(different[:, 0].astype(np.int64), different[:, 2:], different[:, 1], total)

    def where(self, keep: Bools) -> tuple[Floats, Floats, Floats]:
        return self.odds[keep], self.happened[keep], self.weight[keep]


def _before(
    joined: _Joined, day: int, prior: tuple[float, ...], spread: tuple[float, ...]
) -> Floats:
    known = joined.day < day
    if len(np.unique(joined.day[known])) < FEWEST_DAYS:
        return np.array(prior)
    return fit(*joined.where(known), prior, spread)


def _three(weights: tuple[float, ...] | None) -> tuple[float, float, float] | None:
    return None if weights is None else (weights[0], weights[1], weights[2])
