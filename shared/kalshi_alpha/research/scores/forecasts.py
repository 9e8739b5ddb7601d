"""A batch of forecasts, and the proper scores of what then happened.

All are about the log move from the decision to the fixing. Scores are in basis points of it, so
that days with the index at 4,000 and at 7,000 count alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.scores.shapes import Bools, Floats, Ints, Shape

BASIS_POINTS = 1e4  # in one log unit


@dataclass(frozen=True, slots=True)
class Forecasts:
    """Laws of log moves: location + scale * Z, where Z has one of a few standardised shapes.

    Attributes:
        location: log units; [cases].
        scale: log units, > 0; [cases].
        shapes: the standardised laws.
        shape: which of them each case has; [cases].

    Raises:
        DataError: when lengths differ, a number is not finite, a scale is not above 0, or a shape
            is not there.
    """

    location: Floats
    scale: Floats
    shapes: tuple[Shape, ...]
    shape: Ints

    def __post_init__(self) -> None:
        if not self.location.shape == self.scale.shape == self.shape.shape == (len(self),):
            raise DataError(
                f"forecasts need one location, scale and shape a case, not {self.location.shape}, "
                f"{self.scale.shape} and {self.shape.shape}"
            )
        good = np.isfinite(self.location) & np.isfinite(self.scale) & (self.scale > 0.0)
        good &= (self.shape >= 0) & (self.shape < len(self.shapes))
        if not good.all():
            k = int(np.argmin(good))
            raise DataError(
                f"forecast {k} has location {self.location[k]}, scale {self.scale[k]} and shape "
                f"{self.shape[k]} of {len(self.shapes)}: finite numbers and a scale above 0 are "
                "needed"
            )

    def __len__(self) -> int:
        return len(self.scale)

    @classmethod
    def of_one_shape(cls, scale: Floats, shape: Shape, location: Floats | None = None) -> Forecasts:
        """Return forecasts of one shape, by default centred on no move."""
        where = np.zeros_like(scale) if location is None else location
        return cls(where, scale, (shape,), np.zeros(len(scale), dtype=np.int64))

    def where(self, keep: Bools) -> Forecasts:
        """Return the forecasts where ``keep`` holds."""
        return Forecasts(self.location[keep], self.scale[keep], self.shapes, self.shape[keep])

    def standardised(self, moved: Floats) -> Floats:
        """Return (moved - location) / scale; ``moved`` is [cases] or [cases, any]."""
        wide = (slice(None),) + (None,) * (moved.ndim - 1)
        found: Floats = (moved - self.location[wide]) / self.scale[wide]
        return found

    def below(self, moved: Floats) -> Floats:
        """Return the probability of at most each log move; [cases] or [cases, any]."""
        return self._by_shape(lambda shape, z: shape.cdf(z), self.standardised(moved))

    def above(self, moved: Floats) -> Floats:
        """Return the probability of more than each log move; [cases] or [cases, any]."""
        return self._by_shape(lambda shape, z: shape.sf(z), self.standardised(moved))

    def quantile(self, p: float) -> Floats:
        """Return the log move with probability ``p`` below it, 0 < p < 1; [cases]."""
        chances = np.full(len(self), p)
        z = self._by_shape(lambda shape, chance: shape.quantile(chance), chances)
        return self.location + self.scale * z

    def crps(self, moved: Floats) -> Floats:
        """Return the continuous ranked probability score in basis points, less is better.

        It is scale * crps0((moved - location) / scale), with crps0 that of the shape.
        """
        z = self.standardised(moved)
        return self.scale * BASIS_POINTS * self._by_shape(lambda shape, each: shape.crps(each), z)

    def log_score(self, moved: Floats) -> Floats:
        """Return the log of the density per basis point at the outcome, nats, more is better."""
        z = self.standardised(moved)
        density = self._by_shape(lambda shape, each: shape.log_density(each), z)
        found: Floats = density - np.log(self.scale * BASIS_POINTS)
        return found

    def _by_shape(self, each: Callable[[Shape, Floats], Floats], numbers: Floats) -> Floats:
        if len(self.shapes) == 1:
            return each(self.shapes[0], numbers)
        found = np.empty_like(numbers)
        for shape, rows in self._groups():
            found[rows] = each(shape, numbers[rows])
        return found

    def _groups(self) -> Iterator[tuple[Shape, Ints]]:
        order = np.argsort(self.shape, kind="stable")
        begins = np.searchsorted(self.shape[order], np.arange(len(self.shapes) + 1))
        for k, shape in enumerate(self.shapes):
            rows = order[begins[k] : begins[k + 1]]
            if len(rows):
                yield shape, rows
