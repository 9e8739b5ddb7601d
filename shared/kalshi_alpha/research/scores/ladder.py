"""Scores on the strikes of a real ladder: what the probabilities are for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.scores.forecasts import Forecasts
from kalshi_alpha.research.scores.shapes import Floats, Ints

EACH_SIDE = 20  # strikes; the smallest ladders listed have 41


@dataclass(frozen=True, slots=True)
class LadderScores:
    """Above/below contracts around the level at each decision. Arrays are [cases, strikes].

    Attributes:
        steps: strikes from the one next to the level: -20 to 20; [strikes].
        distance: log of strike over level, in standard deviations of the forecast.
        probability: given to a settlement at the strike or above it.
        happened: 1 when it settled so, else 0.
    """

    steps: Ints
    distance: Floats
    probability: Floats
    happened: Floats

    @property
    def squared_errors(self) -> Floats:
        """Return the Brier score of each contract; [cases, strikes]."""
        return (self.probability - self.happened) ** 2

    @property
    def rps(self) -> Floats:
        """Return the ranked probability score over the number of strikes; [cases].

        The mean over strikes of the squared error of the distribution function (Epstein, 1969).
        """
        found: Floats = self.squared_errors.mean(axis=1)
        return found

    def brier(self, within: int) -> Floats:
        """Return the mean Brier score of the strikes up to ``within`` steps away; [cases]."""
        found: Floats = self.squared_errors[:, np.abs(self.steps) <= within].mean(axis=1)
        return found


def ladder_scores(
    forecasts: Forecasts,
    moved: Floats,
    level: Floats,
    step: float,
    *,
    each_side: int = EACH_SIDE,
) -> LadderScores:
    """Price the multiples of ``step`` around each level and see which settled in the money.

    Args:
        forecasts: of the log moves; [cases].
        moved: log moves that came; [cases].
        level: index points at the decision, not those of a fund that stands in; [cases].
        step: points between strikes: the registry's ``strike_step``.
        each_side: strikes above and below the one next to the level.

    Raises:
        DataError: when a level or the step is not above 0, or a ladder would reach below 0.
    """
    if not step > 0.0 or not np.all(np.isfinite(level) & (level > (each_side + 1) * step)):
        raise DataError(
            f"a ladder of {each_side} strikes {step} points apart on each side needs levels above "
            f"{(each_side + 1) * step} points"
        )
    steps = np.arange(-each_side, each_side + 1, dtype=np.int64)
    strikes = (np.round(level / step)[:, None] + steps) * step
    needed = np.log(strikes / level[:, None])
    return LadderScores(
        steps,
        forecasts.standardised(needed),
        forecasts.above(needed),
        (moved[:, None] >= needed).astype(np.float64),
    )
