"""Evidence by days: means with clustered errors, and a bet that may be looked at every day.

Fills of one day share its news, so a day is one vote. A mean's error is clustered by day and its
interval is Student's with one degree of freedom less than days.

An interval that holds at one look does not hold at the luckiest of many. What does is a bet
(Ville, 1939; Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting",
2023). Against the claim that a day's return on what it risks is m or less on average, a share of
a play fortune is staked each day on its being more. A day cannot lose more than was at risk, so
the fortune stays above 0, and while the claim is true it is expected never to grow: the chance
that it ever reaches 20 is 1 in 20 at most, however often one looks and whenever one stops. Several
shares are played beside each other and their mean is the fortune, so none has to be guessed.
See docs/math/graduation.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean, stdev

from kalshi_alpha.errors import DataError

SHARES = tuple(k / 20.0 for k in range(1, 20))  # of the fortune staked each day: 0.05 to 0.95
ENOUGH = 20.0  # one in twenty: a false alarm in 5 % of all records, ever
YEAR = 365.0  # days: what is judged by days settles on every one of them
_INSIDE = 0.95
_WIDEST = 1e6


@dataclass(frozen=True, slots=True)
class Mean:
    """A weighted mean with its error by days.

    Attributes:
        estimate: the mean.
        error: its standard error, NaN with one day.
        n: values it is made of.
        days: on how many days.
    """

    estimate: float
    error: float
    n: int
    days: int

    @property
    def t(self) -> float:
        """Return the mean over its error, NaN where there is none."""
        return self.estimate / self.error if self.error > 0.0 else math.nan

    def interval(self, inside: float = _INSIDE) -> tuple[float, float] | None:
        """Return the ends of Student's interval, None with fewer than three days."""
        if self.days < 3 or not math.isfinite(self.error):
            return None
        reach = student_quantile((1.0 + inside) / 2.0, self.days - 1) * self.error
        return self.estimate - reach, self.estimate + reach


def mean_by_days(values: Sequence[tuple[date, float, float]]) -> Mean | None:
    """Return the mean of (day, value, weight > 0), None without a value.

    The error is that of a ratio of day totals: with w(d) and e(d) the day's weights and its
    weighted deviations from the mean, ``sqrt(D / (D - 1) * sum(e(d)^2)) / sum(w(d))`` over D days.
    """
    weight = math.fsum(w for _, _, w in values)
    if not weight > 0.0:
        return None
    mean = math.fsum(x * w for _, x, w in values) / weight
    by_day: dict[date, float] = {}
    for day, x, w in values:
        by_day[day] = by_day.get(day, 0.0) + (x - mean) * w
    days = len(by_day)
    square = math.fsum(total * total for total in by_day.values())
    error = math.sqrt(square * days / (days - 1)) / weight if days > 1 else math.nan
    return Mean(mean, error, len(values), days)


class Bet:
    """A fortune of 1 staked day by day against a mean return of ``claim`` or less.

    Args:
        claim: the mean that is bet against, above -1.
    """

    def __init__(self, claim: float = 0.0) -> None:
        if not claim > -1.0:
            raise DataError(f"no day can return {claim} on its risk or less on average")
        self._claim = claim
        self._fortunes = [1.0] * len(SHARES)

    def add(self, on_risk: float) -> float:
        """Play one day's return on its risk, -1 or more, and return the fortune after it.

        Raises:
            DataError: for a return below -1, which is no return on what was at risk.
        """
        if not (math.isfinite(on_risk) and on_risk >= -1.0):
            raise DataError(f"a day returned {on_risk} on its risk; it cannot lose more than all")
        gain = (on_risk - self._claim) / (1.0 + self._claim)
        self._fortunes = [
            fortune * (1.0 + share * gain)
            for fortune, share in zip(self._fortunes, SHARES, strict=True)
        ]
        return self.fortune

    @property
    def fortune(self) -> float:
        """Return what the fortune is now."""
        return math.fsum(self._fortunes) / len(SHARES)


def fortune(returns: Iterable[float], claim: float = 0.0) -> float:
    """Return what is left of a fortune of 1 after these days' returns on risk."""
    bet = Bet(claim)
    for each in returns:
        bet.add(each)
    return bet.fortune


def least_return(returns: Sequence[float], enough: float = ENOUGH) -> float:
    """Return the least mean return on risk that is not ruled out, -1 when none is.

    Every smaller claim has lost its bet by now. The bound holds on all days at once.
    """
    low, high = -0.99, 1.0
    if not returns or fortune(returns, low) < enough:
        return -1.0
    while fortune(returns, high) >= enough and high < _WIDEST:
        high *= 2.0
    for _ in range(50):  # the fortune falls as the claim rises
        middle = (low + high) / 2.0
        low, high = (middle, high) if fortune(returns, middle) >= enough else (low, middle)
    return low


def worst_fall(profits: Iterable[float]) -> float:
    """Return the largest fall, >= 0, of the running sum from its highest point, 0 included."""
    total = highest = worst = 0.0
    for profit in profits:
        total += profit
        highest = max(highest, total)
        worst = max(worst, highest - total)
    return worst


def sharpe(profits: Sequence[float]) -> float | None:
    """Return Sharpe's ratio a year: mean over standard deviation of the days, times sqrt(365).

    Args:
        profits: dollars of every day, those without a fill as 0; the markets settle every day.

    Returns:
        None where fewer than two days, or none that differ, tell no spread.
    """
    if len(profits) < 2:
        return None
    spread = stdev(profits)
    return fmean(profits) / spread * math.sqrt(YEAR) if spread > 0.0 else None


def won_share(results: Sequence[float]) -> float | None:
    """Return the share of results above 0, None without one."""
    return sum(one > 0.0 for one in results) / len(results) if results else None


def fall_of_risk(profits: Iterable[float], at_risk: Iterable[float]) -> float | None:
    """Return the largest fall of the running result over the most that one day could lose.

    Args:
        profits: dollars by day, in time.
        at_risk: dollars, >= 0, that stood to be lost on each day.

    Returns:
        None where nothing was ever at risk.
    """
    most = max(at_risk, default=0.0)
    return worst_fall(profits) / most if most > 0.0 else None


def student_cdf(t: float, freedom: int) -> float:
    """Return Student's distribution function, by its closed form for whole degrees of freedom.

    Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.3 and 26.7.4.
    """
    if freedom < 1:
        raise DataError(f"Student's law needs 1 degree of freedom or more, not {freedom}")
    angle = math.atan2(abs(t), math.sqrt(freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    odd = freedom % 2 == 1
    term = cosine if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= (k - 1) / k * cosine * cosine
        total += term
    inside = 2.0 / math.pi * (angle + sine * total) if odd else sine * total
    return 0.5 + math.copysign(inside / 2.0, t)


def student_quantile(probability: float, freedom: int) -> float:
    """Return Student's quantile by bisection; ``probability`` strictly within 0 and 1."""
    if not 0.0 < probability < 1.0:
        raise DataError(f"Student's law has no quantile at {probability}")
    if probability < 0.5:
        return -student_quantile(1.0 - probability, freedom)
    low, high = 0.0, 1.0
    while student_cdf(high, freedom) < probability and high < _WIDEST:
        high *= 2.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if student_cdf(middle, freedom) < probability else (low, middle)
    return (low + high) / 2.0
