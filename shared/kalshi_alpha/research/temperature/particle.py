"""The filter of ``momentum.filter`` with nothing approximated but the number of particles.

Each particle is a set of log scores that wanders as the filter says it does and is weighed by what
was seen, with the log odds as they are instead of linearised (Gordon, Salmond and Smith, IEE
Proceedings F 140, 1993). It is here to check the filter, not to trade.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kalshi_alpha.errors import DataError
from kalshi_alpha.momentum.filter import FilterTerms, inside

Floats = npt.NDArray[np.float64]


class ParticleFilter:
    """What is believed of brackets, as a cloud of log scores.

    Args:
        count: how many brackets, 2 or more.
        terms: how it believes.
        at: seconds at which it begins.
        particles: how many, 2 or more.
        seed: of its draws.

    Raises:
        DataError: for fewer than two brackets or particles.
    """

    def __init__(
        self, count: int, terms: FilterTerms, at: float, particles: int, seed: int
    ) -> None:
        if count < 2 or particles < 2:
            raise DataError(f"{particles} particles of {count} brackets are no cloud: 2 and 2 are")
        self.terms = terms
        self._random = np.random.default_rng(seed)
        self._at = at
        self._scores: Floats = self._random.normal(0.0, np.sqrt(terms.start), (particles, count))
        self._weights: Floats = np.full(particles, 1.0 / particles)
        self._law: Floats | None = None
        self._law_variance = self._law_at = 0.0

    def lean(self, at: float, probabilities: Sequence[float], variance: float) -> None:
        """Take a law as where scores return to; the first one is where they begin."""
        first = self._law is None
        self.advance(at)
        law = np.log(np.maximum(probabilities, self.terms.floor))
        if first:
            spread = self._random.normal(0.0, np.sqrt(variance), self._scores.shape)
            self._scores = law + spread
        self._law, self._law_variance, self._law_at = law, variance, self._at

    def advance(self, at: float) -> None:
        """Let time pass up to ``at``."""
        elapsed = at - self._at
        if elapsed <= 0.0:
            return
        self._at = at
        gained = self.terms.wander * elapsed
        noise = self._random.normal(size=self._scores.shape)
        if self._law is None:
            self._scores = self._scores + np.sqrt(gained) * noise
            return
        around = self._law_variance + self.terms.law_ageing * (at - self._law_at)
        kept = np.exp(-0.5 * gained / around)
        fresh = np.sqrt(around * (1.0 - kept * kept))
        self._scores = self._law + kept * (self._scores - self._law) + fresh * noise

    def look(self, at: float, mids: Sequence[float | None], sds: Sequence[float]) -> None:
        """Weigh by the middle price of every bracket, up to a common factor."""
        self.advance(at)
        known = [k for k, mid in enumerate(mids) if mid is not None]
        self._hear(known)
        prices = np.array([inside(mid) for mid in mids if mid is not None])
        pulls = (prices / np.array([sds[k] for k in known])) ** 2
        gaps = np.log(prices) - self._scores[:, known]
        gaps = gaps - (gaps @ pulls / pulls.sum())[:, None]
        self._weigh(-0.5 * (gaps * gaps) @ pulls)

    def see(self, at: float, place: int, mid: float, sd: float) -> None:
        """Weigh by the price of one bracket: its log odds against all others."""
        self.advance(at)
        self._hear([place])
        mid = inside(mid)
        chances = self.chances(self._scores)
        own = np.clip(chances[:, place], 1e-300, 1.0 - 1e-16)
        per_odds = sd / (mid * (1.0 - mid))
        gap = np.log(mid / (1.0 - mid)) - np.log(own / (1.0 - own))
        self._weigh(-0.5 * (gap / per_odds) ** 2)

    def probabilities(self) -> Floats:
        """Return the mean probability of each bracket, [brackets]."""
        return self._weights @ self.chances(self.terms.sharpness * self._scores)

    def ratios(self) -> tuple[Floats, Floats]:
        """Return mean and variance of the log ratios to the last bracket, [brackets - 1]."""
        ratios = self._scores[:, :-1] - self._scores[:, -1:]
        mean = self._weights @ ratios
        return mean, self._weights @ (ratios - mean) ** 2

    @staticmethod
    def chances(scores: Floats) -> Floats:
        """Return each particle's probabilities, [particles, brackets]."""
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def _hear(self, places: list[int]) -> None:
        """Let the scores of brackets move with their prices."""
        if self.terms.news:
            size = (len(self._scores), len(places))
            self._scores[:, places] += self._random.normal(0.0, np.sqrt(self.terms.news), size)

    def _weigh(self, logs: Floats) -> None:
        logs = logs + np.log(self._weights)
        weights = np.exp(logs - logs.max())
        self._weights = weights / weights.sum()
        if 1.0 / (self._weights**2).sum() < 0.5 * len(self._weights):
            self._draw()

    def _draw(self) -> None:
        """Keep particles in proportion to their weights, at even steps (systematic resampling)."""
        many = len(self._weights)
        points = (np.arange(many) + self._random.random()) / many
        kept = np.searchsorted(np.cumsum(self._weights), points).clip(max=many - 1)
        self._scores = self._scores[kept]
        self._weights = np.full(many, 1.0 / many)
