"""One coherent distribution over brackets, from their prices and a law of the settlement value.

The log score of each bracket wanders; probabilities are the softmax of the scores, so they are
positive and sum to one whatever happens (Aitchison and Shen, "Logistic-normal distributions",
Biometrika 67, 1980). Log ratios to any one bracket then have a covariance of the form D + c 11',
which one variance a bracket describes: no matrix is kept and none is inverted. Where all variances
and noises are alike this is the Kalman filter in log-ratio space to the last digit, for the
covariance is aI + b11' and its Riccati equation is a scalar one. Where they differ, the mean is
still the Kalman filter's for those variances, and what the brackets then learn of each other is
kept as a variance of each (docs/math/momentum.md).

A price says something of the log ratios only up to a common factor, so an overround drops out.
The law is where scores return to when nobody trades: an Ornstein and Uhlenbeck process around it.
Times are seconds on any one scale; nothing here reads a clock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from kalshi_alpha.errors import DataError
from kalshi_alpha.momentum.scores import FilterTerms, inside, softmax

__all__ = ["UNKNOWN", "BracketFilter", "FilterTerms", "inside", "softmax"]

SCHEMA = "kalshi-alpha/bracket-filter/1"
FEWEST = 2
UNKNOWN = math.inf  # the noise of a price that is not there
_SUM_WITHIN = 1e-6
_NOTHING = 1e-300


class BracketFilter:
    """What is believed of the brackets of one event.

    Args:
        count: how many brackets, 2 or more.
        terms: how it believes.
        at: seconds at which it begins, all brackets alike, until a law or a price says otherwise.

    Raises:
        DataError: for fewer than two brackets, or a time that is not finite.
    """

    __slots__ = (
        "_at",
        "_law",
        "_law_at",
        "_law_variance",
        "_scores",
        "_variances",
        "late",
        "terms",
    )

    def __init__(self, count: int, terms: FilterTerms, at: float) -> None:
        if count < FEWEST or not math.isfinite(at):
            raise DataError(f"no filter of {count} brackets begins at {at}: it needs 2 and a time")
        self.terms = terms
        self.late = 0  # events that came with a time before the last
        self._at = at
        self._scores = [0.0] * count
        self._variances = [terms.start] * count
        self._law: list[float] | None = None
        self._law_variance = self._law_at = 0.0

    def __len__(self) -> int:
        """Return how many brackets there are."""
        return len(self._scores)

    @property
    def at(self) -> float:
        """Return the seconds up to which it believes."""
        return self._at

    @property
    def scores(self) -> tuple[float, ...]:
        """Return the log scores; only their differences mean anything."""
        return tuple(self._scores)

    @property
    def variances(self) -> tuple[float, ...]:
        """Return the variance of each log score; that of a log ratio is the sum of two."""
        return tuple(self._variances)

    def advance(self, at: float) -> None:
        """Let time pass up to ``at``: wander, and return towards the law where there is one.

        An earlier time than the last is a clock that is behind: it is counted in ``late``, and no
        time passes.
        """
        elapsed = at - self._at
        if elapsed <= 0.0:
            self.late += elapsed < 0.0
            return
        gained = self.terms.wander * elapsed
        if not math.isfinite(gained):
            raise DataError(f"the time {at} is not a number of seconds")
        self._at = at
        law = self._law
        if law is None:
            self._variances = [v + gained for v in self._variances]
            return
        around = self._law_variance + self.terms.law_ageing * (at - self._law_at)
        kept = math.exp(-0.5 * gained / around)
        square = kept * kept
        fresh = around * (1.0 - square)
        self._variances = [v * square + fresh for v in self._variances]
        self._scores = [w + kept * (y - w) for y, w in zip(self._scores, law, strict=True)]

    def lean(self, at: float, probabilities: Sequence[float], variance: float) -> None:
        """Take a law of the settlement value as where scores return to from ``at`` on.

        Args:
            at: seconds.
            probabilities: of each bracket, summing to one.
            variance: of a log score around the law's own, > 0: how far prices may be from it.

        Raises:
            DataError: when they are no distribution over these brackets, or no variance.
        """
        total = math.fsum(probabilities)
        if len(probabilities) != len(self._scores) or not abs(total - 1.0) <= _SUM_WITHIN:
            raise DataError(
                f"a law of {len(probabilities)} probabilities that sum to {total} is none over "
                f"{len(self._scores)} brackets"
            )
        if min(probabilities) < 0.0 or not 0.0 < variance < math.inf:
            raise DataError(f"a law with {min(probabilities)} or the variance {variance} is none")
        first = self._law is None and self._variances == [self.terms.start] * len(self)
        self.advance(at)
        floor = self.terms.floor
        self._law = [math.log(p) if p > floor else math.log(floor) for p in probabilities]
        self._law_variance, self._law_at = variance, self._at
        if first:
            self._scores, self._variances = list(self._law), [variance] * len(self)

    def observe(self, at: float, scores: Sequence[float], noise: float | Sequence[float]) -> None:
        """Learn from one look at all brackets at once.

        A look is taken as independent of the others: look when something changed, not more often.

        Args:
            at: seconds.
            scores: log of what each bracket is worth, up to a common shift.
            noise: variance of these, > 0, one for all or one for each; ``UNKNOWN`` for no price.

        Raises:
            DataError: when a number is missing or no number.
        """
        self.advance(at)
        held = self._variances
        if len(scores) != len(held):
            raise DataError(f"{len(scores)} scores are not one for each of {len(held)} brackets")
        first = held[0]
        if isinstance(noise, float) and held.count(first) == len(held):
            gain = first / (first + noise)
            moved = [y + gain * (z - y) for y, z in zip(self._scores, scores, strict=True)]
            if not (noise > 0.0 and math.isfinite(sum(moved))):
                raise DataError(f"scores {list(scores)} with the noise {noise} say nothing")
            self._scores, self._variances = moved, [first - gain * first] * len(held)
        else:
            self._learn(scores, [noise] * len(held) if isinstance(noise, float) else noise)

    def _learn(self, scores: Sequence[float], noises: Sequence[float]) -> None:
        held = self._variances
        weights = [1.0 / (v + r) for v, r in zip(held, noises, strict=True)]
        total = sum(weights)
        gaps = [z - y if w else 0.0 for z, y, w in zip(scores, self._scores, weights, strict=True)]
        pull = sum([w * gap for w, gap in zip(weights, gaps, strict=True)])
        if not (min(noises) > 0.0 and math.isfinite(pull)):
            raise DataError(f"scores {list(scores)} with the noises {list(noises)} say nothing")
        if len(weights) - weights.count(0.0) < FEWEST:
            return  # one price alone says nothing of a ratio
        shift = pull / total
        gains = [v * w for v, w in zip(held, weights, strict=True)]
        middle = sum(gains) / len(gains)
        self._scores = [
            y + g * (gap - shift) for y, g, gap in zip(self._scores, gains, gaps, strict=True)
        ]
        self._variances = [
            v - g * v + (g - middle) * (g - middle) / total
            for v, g in zip(held, gains, strict=True)
        ]

    def look(self, at: float, mids: Sequence[float | None], sds: Sequence[float]) -> None:
        """Learn from the middle price of every bracket; None where there is none.

        Args:
            at: seconds.
            mids: dollars, within 0 to 1; they need not sum to one.
            sds: standard deviation of each, dollars, > 0 (``FilterTerms.price_sd``).

        Raises:
            DataError: when a price is outside 0 to 1 dollar, or a deviation not above 0.
        """
        if not len(mids) == len(sds) == len(self):
            raise DataError(
                f"{len(mids)} prices and {len(sds)} deviations are not one each for {len(self)} "
                "brackets"
            )
        pairs = [
            (0.5, UNKNOWN) if mid is None else (inside(mid), sd)
            for mid, sd in zip(mids, sds, strict=True)
        ]
        if self.terms.news:
            self._variances = [
                v if mid is None else v + self.terms.news
                for v, mid in zip(self._variances, mids, strict=True)
            ]
        self.observe(at, [math.log(m) for m, _ in pairs], [s * s / (m * m) for m, s in pairs])

    def see(self, at: float, place: int, mid: float, sd: float) -> None:
        """Learn from the price of one bracket, as it changed.

        Its log odds against all others are linearised in the scores (an extended Kalman step).

        Args:
            at: seconds.
            place: the bracket's, 0 the lowest.
            mid: dollars, within 0 to 1.
            sd: its standard deviation, dollars, > 0.

        Raises:
            DataError: as ``look``.
        """
        self.advance(at)
        mid = inside(mid)
        if not 0.0 < sd < math.inf:
            raise DataError(f"a price with the deviation {sd} says nothing: it must be above 0")
        self._variances[place] += self.terms.news
        chances = softmax(self._scores)
        own = chances[place]
        rest = sum(chances[:place]) + sum(chances[place + 1 :])
        if not (own > _NOTHING and rest > _NOTHING):
            own, rest = max(own, _NOTHING), max(rest, _NOTHING)
        slopes = [-p / rest for p in chances]
        slopes[place] = 1.0
        moved = [h * v for h, v in zip(slopes, self._variances, strict=True)]
        per_odds = sd / (mid * (1.0 - mid))
        seen = sum([h * m for h, m in zip(slopes, moved, strict=True)]) + per_odds * per_odds
        gap = (math.log(mid / (1.0 - mid)) - math.log(own / rest)) / seen
        self._scores = [y + m * gap for y, m in zip(self._scores, moved, strict=True)]
        self._variances = [
            max(0.0, v - m * m / seen) for v, m in zip(self._variances, moved, strict=True)
        ]

    def probabilities(self) -> tuple[float, ...]:
        """Return the probability of each bracket; they sum to one.

        It is the mean of the logistic-normal law, by the probit's approximation (MacKay, Neural
        Computation 4, 1992): the less is known, the flatter.
        """
        chances = softmax(self._scores)
        doubt = sum([p * v for p, v in zip(chances, self._variances, strict=True)])
        power = self.terms.sharpness / math.sqrt(1.0 + math.pi / 4.0 * doubt)
        return tuple(softmax([power * y for y in self._scores]))

    def to_json(self) -> dict[str, Any]:
        """Return what it takes to go on elsewhere, in plain JSON values, without the terms."""
        return {
            "schema": SCHEMA,
            "at": self._at,
            "late": self.late,
            "scores": list(self._scores),
            "variances": list(self._variances),
            "law": None if self._law is None else list(self._law),
            "law_variance": self._law_variance,
            "law_at": self._law_at,
        }

    @classmethod
    def from_json(cls, doc: Mapping[str, Any], terms: FilterTerms) -> BracketFilter:
        """Return the filter that ``to_json`` described.

        Raises:
            DataError: for another schema, or a field that is missing or garbled.
        """
        if doc.get("schema") != SCHEMA:
            raise DataError(f"a filter of {doc.get('schema')!r} is not one of {SCHEMA}")
        try:
            scores = [float(y) for y in doc["scores"]]
            made = cls(len(scores), terms, float(doc["at"]))
            made.late = int(doc["late"])
            made._scores = scores
            made._variances = [float(v) for v in doc["variances"]]
            law = doc["law"]
            made._law = None if law is None else [float(w) for w in law]
            made._law_variance = float(doc["law_variance"])
            made._law_at = float(doc["law_at"])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"the filter lacks or garbles a field: {error!r}") from None
        return made
