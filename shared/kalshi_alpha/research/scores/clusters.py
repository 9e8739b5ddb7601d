"""Bootstrap intervals that draw whole days: cases of one day are one vote, not many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.scores.shapes import Floats, Ints

DRAWS = 2_000
SEED = 20_251_104  # any fixed number; a score run twice must give the same interval
INSIDE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the ends of its 95 % interval."""

    estimate: float
    low: float
    high: float


class DayBootstrap:
    """Draws of days with replacement, made once and used for every score on these cases.

    Comparing two models on the same draws is what makes their difference a paired one.

    Args:
        day: day of each case, any integers that ascend with time; [cases].
        block: consecutive days drawn together, for scores that hang together from day to day;
            blocks go round from the last day to the first (Politis and Romano, 1992).
        draws: of the whole sample.
        seed: of the draws.

    Raises:
        DataError: with fewer than two days, or a block that is not 1 to the number of days.
    """

    def __init__(self, day: Ints, *, block: int = 1, draws: int = DRAWS, seed: int = SEED) -> None:
        days, self._place = np.unique(day, return_inverse=True)
        self.days = len(days)
        if self.days < 2:
            raise DataError(f"an interval by days needs two of them or more, not {self.days}")
        if not 1 <= block <= self.days:
            raise DataError(f"a block is 1 to {self.days} days long here, not {block}")
        random = np.random.default_rng(seed)
        count = -(-self.days // block)
        starts = random.integers(self.days, size=(draws, count))
        places = ((starts[:, :, None] + np.arange(block)) % self.days).reshape(draws, -1)
        cells = places[:, : self.days] + self.days * np.arange(draws)[:, None]
        votes = np.bincount(cells.ravel(), minlength=draws * self.days)
        self._votes: Floats = votes.reshape(draws, self.days).astype(np.float64)

    def mean(self, scores: Floats, weights: Floats | None = None) -> Interval:
        """Return the mean of per-case scores, weighted by ``weights`` >= 0 if given.

        Raises:
            DataError: for another number of cases, or a score that is not finite.
        """
        over = np.ones_like(scores) if weights is None else weights
        return self._interval(*self._ratio(scores * over, over))

    def difference(self, ours: Floats, theirs: Floats) -> Interval:
        """Return the mean of ``ours - theirs``, case by case."""
        return self.mean(ours - theirs)

    def skill(self, ours: Floats, theirs: Floats) -> Interval:
        """Return 1 - mean(ours) / mean(theirs): the share of their loss that ours does without."""
        ratio, drawn = self._ratio(ours, theirs)
        return self._interval(1.0 - ratio, 1.0 - drawn)

    @property
    def votes(self) -> Floats:
        """Return how often each draw holds each day, whole numbers, [draws, days]."""
        return self._votes

    def _ratio(self, top: Floats, bottom: Floats) -> tuple[float, Floats]:
        tops, bottoms = self._by_day(top), self._by_day(bottom)
        # A draw may miss every day that has any weight: it says nothing and is left out.
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn = (self._votes @ tops) / (self._votes @ bottoms)
            return float(tops.sum() / bottoms.sum()), drawn[np.isfinite(drawn)]

    def _by_day(self, numbers: Floats) -> Floats:
        if numbers.shape != self._place.shape:
            raise DataError(
                f"{numbers.shape} scores were given for {len(self._place)} cases: one each"
            )
        if not np.isfinite(numbers).all():
            k = int(np.argmin(np.isfinite(numbers)))
            raise DataError(f"the score of case {k} is {numbers[k]}: no mean can be taken")
        found: Floats = np.bincount(self._place, numbers, self.days).astype(np.float64)
        return found

    @staticmethod
    def _interval(estimate: float, drawn: Floats) -> Interval:
        if not len(drawn):
            return Interval(estimate, np.nan, np.nan)
        tail = (1.0 - INSIDE) / 2.0
        low, high = np.quantile(drawn, (tail, 1.0 - tail))
        return Interval(estimate, float(low), float(high))
