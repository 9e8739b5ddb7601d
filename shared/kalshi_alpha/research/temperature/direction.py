"""Odds that a share goes up, given that it moves: a prediction's sign made a probability.

Three maps from the prediction to the probability are fitted on days the model has not seen and one
is chosen by the log score on the days after those: Platt's logistic, an isotonic one, and beta
calibration (Kull, Silva Filho and Flach, 2017) of the logistic of the scaled prediction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import isotonic_regression, minimize

from kalshi_alpha.errors import DataError, ParameterError
from kalshi_alpha.momentum.horizon import BETA, ISOTONIC, LEAST, PLATT
from kalshi_alpha.research.data.findings import Bools, Floats

KINDS = (PLATT, ISOTONIC, BETA)
_KNOTS = 200
_EVEN = 1e-3  # ridge that keeps a slope finite where all went one way


@dataclass(frozen=True, slots=True)
class Direction:
    """A fitted map.

    Attributes:
        kind: one of ``KINDS``.
        scale: of the predictions, > 0.
        numbers: weights, or for isotonic the levels at ``knots``.
        knots: scaled predictions, ascending; empty but for isotonic.
    """

    kind: str
    scale: float
    numbers: tuple[float, ...]
    knots: tuple[float, ...] = ()

    def up(self, predicted: Floats) -> Floats:
        """Return the probability of up for predictions of any shape."""
        scaled = predicted / self.scale
        if self.kind == ISOTONIC:
            found: Floats = np.interp(scaled, self.knots, self.numbers)
        else:
            found = _logistic(_inputs(self.kind, scaled.ravel()) @ np.array(self.numbers))
        return np.clip(found.reshape(predicted.shape), LEAST, 1.0 - LEAST)

    def to_json(self) -> dict[str, Any]:
        """Return the fitted numbers."""
        return {
            "kind": self.kind,
            "scale": self.scale,
            "numbers": list(self.numbers),
            "knots": list(self.knots),
        }


def direction_from_json(doc: Mapping[str, Any]) -> Direction:
    """Return what ``to_json`` wrote; raise ``ParameterError`` on anything else."""
    try:
        numbers, knots = (tuple(map(float, doc[name])) for name in ("numbers", "knots"))
        found = Direction(str(doc["kind"]), float(doc["scale"]), numbers, knots)
    except (KeyError, TypeError, ValueError) as error:
        raise ParameterError(f"the direction lacks or garbles a field: {error!r}") from None
    if found.kind not in KINDS or not found.scale > 0:
        raise ParameterError(f"a direction of {found.kind!r} at the scale {found.scale} is none")
    return found


def fit_direction(kind: str, predicted: Floats, up: Bools) -> Direction:
    """Fit one map.

    Args:
        kind: one of ``KINDS``.
        predicted: changes, of any scale; [moves].
        up: whether it went up; [moves].

    Raises:
        DataError: without a move.
    """
    if not len(predicted):
        raise DataError("no direction can be calibrated without a move")
    scale = float(np.sqrt(np.mean(predicted**2))) or 1.0
    scaled = predicted / scale
    if kind == ISOTONIC:
        order = np.argsort(scaled, kind="stable")
        groups = np.array_split(order, min(_KNOTS, len(order)))
        knots = np.array([scaled[one].mean() for one in groups])
        rates = np.array([up[one].mean() for one in groups])
        sizes = np.array([len(one) for one in groups], dtype=np.float64)
        levels = isotonic_regression(rates, weights=sizes).x
        return Direction(kind, scale, tuple(levels.tolist()), tuple(knots.tolist()))
    rows = _inputs(kind, scaled)

    def loss(weights: Floats) -> tuple[float, Floats]:
        score = rows @ weights
        chance = _logistic(score)
        value = np.mean(np.logaddexp(0.0, score) - up * score) + _EVEN * weights @ weights
        return float(value), rows.T @ (chance - up) / len(up) + 2.0 * _EVEN * weights

    found = minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B")
    return Direction(kind, scale, tuple(found.x.tolist()))


def choose_direction(predicted: tuple[Floats, Floats], up: tuple[Bools, Bools]) -> Direction:
    """Fit each map on earlier days, and return the best on later ones, fitted on both.

    Args:
        predicted: changes on earlier and on later days.
        up: whether they went up.
    """
    tried = [
        (log_loss(fit_direction(kind, predicted[0], up[0]).up(predicted[1]), up[1]), kind)
        for kind in KINDS
    ]
    return fit_direction(min(tried)[1], np.concatenate(predicted), np.concatenate(up))


def log_loss(chance: Floats, up: Bools) -> float:
    """Return minus the mean log of the probability of what happened, nats."""
    return float(-np.mean(np.log(np.where(up, chance, 1.0 - chance)))) if len(up) else 0.0


def _inputs(kind: str, scaled: Floats) -> Floats:
    one = np.ones(len(scaled))
    if kind == PLATT:
        return np.stack([scaled, one], axis=1)
    # Logs of s and 1 - s for s the logistic of the prediction, written so that neither overflows.
    return np.stack([-np.logaddexp(0.0, -scaled), np.logaddexp(0.0, scaled), one], axis=1)


def _logistic(score: Floats) -> Floats:
    found: Floats = 0.5 * (1.0 + np.tanh(0.5 * score))
    return found
