"""The learned short horizon as it runs live: does a bracket's share go up within the minute?

A ridge on the features of a moment, fitted on past days, with its map to a probability.
``kalshi-alpha temperature study`` fits both and keeps them in ``horizon.json``; the scores are in
docs/math/momentum.md.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.momentum.fitted import newest, proven
from kalshi_alpha.momentum.recent import NAMES, Recent

SCHEMA = "kalshi-alpha/temperature-horizon/1"
TRADES, QUOTES = "trades", "quotes"  # what a horizon was fitted on, and has to hear
AHEAD_S = 60.0
LEAST = 0.01  # no direction is surer than that
PLATT, ISOTONIC, BETA = "platt", "isotonic", "beta"  # maps of a change to a direction
_KINDS = {PLATT: 2, ISOTONIC: 0, BETA: 3}  # and how many numbers each has; any of a step's


@dataclass(frozen=True, slots=True)
class HorizonWeights:
    """What was fitted.

    Attributes:
        by: ``TRADES`` or ``QUOTES``.
        mean: of each feature of ``NAMES``.
        scale: of each, > 0.
        weights: of each, scaled; then the constant: dollars of share within ``AHEAD_S``.
        kind: of the map to a probability: ``PLATT``, ``ISOTONIC`` or ``BETA``.
        unit: dollars of predicted change that the map counts as one, > 0.
        numbers: of the map: weights, or the levels at ``knots``.
        knots: of an isotonic map, ascending.

    Raises:
        ParameterError: for numbers that do not fit together or are not finite.
    """

    by: str
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    kind: str
    unit: float
    numbers: tuple[float, ...]
    knots: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        every = (*self.mean, *self.scale, *self.weights, *self.numbers, *self.knots, self.unit)
        inputs = len(NAMES)
        shaped = (
            self.by in (TRADES, QUOTES)
            and (len(self.mean), len(self.scale), len(self.weights)) == (inputs, inputs, inputs + 1)
            and self.kind in _KINDS
            and len(self.numbers) == (_KINDS[self.kind] or max(1, len(self.knots)))
        )
        if not (shaped and all(map(math.isfinite, every)) and min(*self.scale, self.unit) > 0.0):
            raise ParameterError(
                f"a horizon by {self.by[:20]!r} with a {self.kind[:20]!r} map has numbers that do "
                f"not fit its {inputs} features, or are not finite: fit again"
            )

    def moved(self, features: Sequence[float]) -> float:
        """Return the expected change of the share within ``AHEAD_S``."""
        found = self.weights[-1]
        for x, m, s, w in zip(features, self.mean, self.scale, self.weights[:-1], strict=True):
            found += (x - m) / s * w
        return found

    def up(self, features: Sequence[float]) -> float:
        """Return the probability that the share goes up, if it moves; never nearer 0 or 1."""
        x = self.moved(features) / self.unit
        if self.kind == ISOTONIC:
            found = _between(x, self.knots, self.numbers)
        elif self.kind == PLATT:
            found = _logistic(self.numbers[0] * x + self.numbers[1])
        else:
            a, b, c = self.numbers
            found = _logistic(b * _softplus(x) - a * _softplus(-x) + c)
        return min(max(found, LEAST), 1.0 - LEAST)


class Foresight:
    """The horizons of one event with what they have heard. Quotes know sooner than trades.

    Args:
        brackets: how many.
        midnight: of the climate day's standard time, seconds.
        weights: by what they have to hear.
    """

    __slots__ = ("_recent", "_weights")

    def __init__(
        self, brackets: int, midnight: float, weights: Mapping[str, HorizonWeights]
    ) -> None:
        self._weights = dict(weights)
        self._recent = {by: Recent(brackets, midnight) for by in (QUOTES, TRADES) if by in weights}

    def trade(self, at: float, place: int, price: int, size: int, *, bought: bool) -> None:
        """Take a trade: price in 1/10000 dollar, size in 1/100 contract, and who took."""
        if TRADES in self._recent:
            self._recent[TRADES].trade(at, place, price, size, bought=bought)

    def quote(self, at: float, place: int, bid: int | None, ask: int | None) -> None:
        """Take the best of both sides of a bracket, 1/10000 dollar."""
        if QUOTES in self._recent:
            self._recent[QUOTES].quote(at, place, bid, ask)

    def up(self, at: float, place: int) -> float | None:
        """Return the probability that a share goes up, if it moves; None until enough is heard."""
        for by, recent in self._recent.items():
            if recent.reaches(at):
                return self._weights[by].up(recent.features(at, place))
        return None

    def to_json(self) -> dict[str, Any]:
        """Return what was heard, in plain JSON values, without the weights."""
        return {by: recent.to_json() for by, recent in self._recent.items()}

    def resume(self, doc: Mapping[str, Any]) -> None:
        """Go on from what ``to_json`` returned; a horizon that was not there then begins anew.

        Raises:
            KeyError, TypeError, ValueError: for anything else.
        """
        self._recent = {
            by: Recent.from_json(doc[by]) if by in doc else recent
            for by, recent in self._recent.items()
        }


def horizons_from_json(data: bytes, on: date) -> dict[str, HorizonWeights]:
    """Return what a study fitted last before a day, by what it has to hear.

    Args:
        data: ``horizon.json``.
        on: the climate day it is to be used on.

    Raises:
        ParameterError: when it cannot be read, does not match its checksum, or holds nothing that
            was fitted before ``on`` and not too long before.
    """
    body = proven(data, SCHEMA, "horizon")
    if not isinstance(body, dict) or not body:
        raise ParameterError("the horizon cannot be read: it was fitted on nothing")
    found, missing = {}, ""
    for by, windows in body.items():
        try:
            found[by] = weights_of(newest(windows, on, f"horizon by {by}"))
        except ParameterError as error:
            missing = missing or str(error)
    if not found:
        raise ParameterError(missing)
    return found


def weights_of(doc: Mapping[str, Any]) -> HorizonWeights:
    """Read one window's weights; raise ``ParameterError`` for anything else."""
    try:
        sequences = {
            name: tuple(map(float, doc[name]))
            for name in ("mean", "scale", "weights", "numbers", "knots")
        }
        return HorizonWeights(
            by=str(doc["by"]), kind=str(doc["kind"]), unit=float(doc["unit"]), **sequences
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ParameterError(f"the horizon lacks or garbles a number: {error!r}") from None


def _between(x: float, knots: Sequence[float], levels: Sequence[float]) -> float:
    """Return the level at x, straight between knots and flat beyond them."""
    k = bisect_right(knots, x)
    if k == 0:
        return levels[0]
    if k == len(knots):
        return levels[-1]
    left, right = knots[k - 1], knots[k]
    return levels[k - 1] + (levels[k] - levels[k - 1]) * (x - left) / (right - left)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _logistic(x: float) -> float:
    return 0.5 * (1.0 + math.tanh(0.5 * x))
