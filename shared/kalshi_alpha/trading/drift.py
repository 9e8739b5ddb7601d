"""Does the law still fit? How its last windows came out, and how much of a size that leaves.

Three things are looked at. Realised over implied variance: the mean of squared standardised moves,
1 for a law that fits. Where the settlements fell in the law (the probability integral transform):
on average in the middle, and a quarter away from it. And the age of the parameters. Windows of one
day are one vote, so every error is clustered by day. What is proven shrinks the size, by no more
than what is proven; beyond the limits nothing is quoted. Sizes never grow. See docs/math/drift.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import DriftLimits
from kalshi_alpha.trading.gates import Allow, Verdict, refuse


@dataclass(frozen=True, slots=True)
class LawOutcome:
    """One law of a window and how it came out.

    Attributes:
        day: New York day of the fixing.
        implied_sd: standard deviation of the log move that the law said, > 0.
        move: log move from the level it was made at, less its drift.
        pit: where the settlement fell in the law, 0 to 1.

    Raises:
        DataError: when a number is outside its domain.
    """

    day: date
    implied_sd: float
    move: float
    pit: float

    def __post_init__(self) -> None:
        sound = 0.0 < self.implied_sd < math.inf and math.isfinite(self.move)
        if not (sound and 0.0 <= self.pit <= 1.0):
            raise DataError(
                f"a law of {self.day} with deviation {self.implied_sd}, move {self.move} and rank "
                f"{self.pit} cannot have been: the record is not used"
            )


@dataclass(frozen=True, slots=True)
class Fit:
    """How laws came out.

    Attributes:
        laws: how many.
        days: on how many days.
        ratio: realised over implied variance, with the ends of its interval.
        ratio_low: lower end.
        ratio_high: upper end.
        middle_z: mean of pit - 1/2 over its error: the law lies too low when it is high.
        spread_z: mean of |pit - 1/2| - 1/4 over its error: the law is too narrow when it is high.
    """

    laws: int
    days: int
    ratio: float
    ratio_low: float
    ratio_high: float
    middle_z: float
    spread_z: float

    def evidence(self) -> dict[str, str | float]:
        """Return the numbers for a why-record."""
        return {
            "laws": self.laws,
            "days": self.days,
            "ratio": round(self.ratio, 4),
            "ratio_low": round(self.ratio_low, 4),
            "ratio_high": round(self.ratio_high, 4),
            "middle_z": round(self.middle_z, 3),
            "spread_z": round(self.spread_z, 3),
        }


def fit_of(outcomes: Sequence[LawOutcome], limits: DriftLimits) -> Fit | None:
    """Return how the laws came out, None when there are too few to say."""
    days = len({one.day for one in outcomes})
    if days < limits.fewest_days or len(outcomes) < limits.fewest_laws:
        return None
    squares = [(one.day, (one.move / one.implied_sd) ** 2) for one in outcomes]
    ratio, error = _clustered(squares)
    reach = math.exp(min(limits.sigmas * error / ratio, _FAR)) if ratio > 0.0 else 1.0
    return Fit(
        laws=len(outcomes),
        days=days,
        ratio=ratio,
        ratio_low=ratio / reach,
        ratio_high=ratio * reach,
        middle_z=_in_errors([(one.day, one.pit - 0.5) for one in outcomes]),
        spread_z=_in_errors([(one.day, abs(one.pit - 0.5) - 0.25) for one in outcomes]),
    )


def judge_drift(
    symbol: str, outcomes: Iterable[LawOutcome], as_of: date, today: date, limits: DriftLimits
) -> Verdict:
    """Say whether a symbol's law may be quoted from, and with what share of the usual size.

    Every law of the last ``limits.days`` days counts for the share. Only laws of days after
    ``as_of`` count for a refusal, for a refused symbol makes no new ones: parameters fitted on the
    days that convicted their forerunners start with a clean sheet, and with a small size.

    Args:
        symbol: for the sentence.
        outcomes: in any order; those of days after ``today`` and those too old are left out.
        as_of: last day the parameters were fitted on.
        today: New York day.
        limits: of the registry.
    """
    oldest = today - timedelta(days=limits.days)
    recent = [one for one in outcomes if oldest <= one.day <= today]
    age = (today - as_of).days
    since = fit_of([one for one in recent if one.day > as_of], limits)
    if since is not None and (found := _refusal(symbol, since, limits)):
        return found
    if age > limits.oldest_days:
        return refuse(
            "drift-age",
            f"the parameters of {symbol} know nothing of the last {age} days, over "
            f"{limits.oldest_days}: calibrate again",
            value=age,
            limit=limits.oldest_days,
        )
    fit = fit_of(recent, limits)
    shares = _shares(symbol, fit, age, limits)
    if not shares:
        return Allow()
    share, reason = min(shares)
    evidence = {"age_days": age} | (fit.evidence() if fit else {})
    return Allow(max(share, limits.least_share), reason, evidence)


_FAR = 50.0


def _refusal(symbol: str, fit: Fit, limits: DriftLimits) -> Verdict | None:
    most = limits.refuse_ratio
    if fit.ratio_low > most or fit.ratio_high < 1.0 / most:
        return refuse(
            "drift-variance",
            f"{symbol} moves {fit.ratio:.2f} times the variance its law says, proven beyond a "
            f"factor {most} on {fit.days} days: calibrate again",
            limit=most,
            **fit.evidence(),
        )
    worst = max(abs(fit.middle_z), abs(fit.spread_z))
    if worst > limits.refuse_sigmas:
        return refuse(
            "drift-pit",
            f"settlements of {symbol} fall {worst:.1f} errors from where its law puts them, over "
            f"{limits.refuse_sigmas} on {fit.days} days: calibrate again",
            limit=limits.refuse_sigmas,
            **fit.evidence(),
        )
    return None


def _shares(symbol: str, fit: Fit | None, age: int, limits: DriftLimits) -> list[tuple[float, str]]:
    """Return each reason to shrink with the share of the size it leaves, below 1."""
    found = []
    if fit is not None:
        proven = fit.ratio_low if fit.ratio_low > 1.0 else min(1.0, fit.ratio_high)
        if proven != 1.0:
            share = min(proven, 1.0 / proven) if proven > 0.0 else 0.0
            said = f"{symbol} moves {fit.ratio:.2f} times the variance its law says"
            found.append((share, f"{said}, at the least {proven:.2f} times"))
        worst = max(abs(fit.middle_z), abs(fit.spread_z))
        if worst > limits.sigmas:
            said = f"settlements of {symbol} fall {worst:.1f} errors from where its law puts them"
            found.append((limits.sigmas / worst, said))
    if age > limits.fresh_days:
        said = f"the parameters of {symbol} know nothing of the last {age} days"
        found.append((limits.fresh_days / age, said))
    return found


def _in_errors(values: Sequence[tuple[date, float]]) -> float:
    mean, error = _clustered(values)
    if error > 0.0:
        return mean / error
    return math.copysign(_FAR, mean) if mean else 0.0


def _clustered(values: Sequence[tuple[date, float]]) -> tuple[float, float]:
    """Return the mean and its standard error when the values of one day hang together."""
    count = len(values)
    mean = math.fsum(value for _, value in values) / count
    by_day: dict[date, float] = {}
    for day, value in values:
        by_day[day] = by_day.get(day, 0.0) + value - mean
    days = len(by_day)
    square = math.fsum(total * total for total in by_day.values()) * days / (days - 1)
    return mean, math.sqrt(square) / count
