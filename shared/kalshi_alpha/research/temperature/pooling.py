"""A learned pool of what is said about the brackets: log-linear, fitted on past days only.

The score of a bracket is a sum of weights times logs, and its probability the softmax of the
scores (Genest and Zidek, "Combining Probability Distributions", 1986). Weight one on the log of a
share alone gives the share back, so that is what the ridge draws to: without days to learn from,
nothing is changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.data.findings import Bools, Floats, Ints

OUT = -1e9  # score of a place that no bracket has


@dataclass(frozen=True, slots=True)
class Terms:
    """What a pool weighs.

    Attributes:
        values: centred logs; 0 where there is no bracket; [moments, brackets, terms].
        there: whether a ladder has the bracket; [moments, brackets].
        neutral: the weights that change nothing; [terms].
        names: of the terms.
    """

    values: Floats
    there: Bools
    neutral: Floats
    names: tuple[str, ...]

    def where(self, keep: Bools) -> Terms:
        """Return the moments where ``keep`` holds."""
        return Terms(self.values[keep], self.there[keep], self.neutral, self.names)

    def only(self, names: Sequence[str]) -> Terms:
        """Return some of the terms: those that begin with one of the names."""
        kept = [k for k, name in enumerate(self.names) if name.split("@")[0] in names]
        return Terms(
            self.values[:, :, kept],
            self.there,
            self.neutral[kept],
            tuple(self.names[k] for k in kept),
        )

    def probabilities(self, weights: Floats) -> Floats:
        """Return the pool's law; sums to one; [moments, brackets]."""
        score = np.where(self.there, self.values @ weights, OUT)
        raised = np.exp(score - score.max(axis=1, keepdims=True))
        found: Floats = raised / raised.sum(axis=1, keepdims=True)
        return found


def fit(terms: Terms, winner: Ints, ridge: float) -> Floats:
    """Return the weights of the greatest likelihood, drawn to the neutral ones.

    Args:
        terms: of the past moments.
        winner: place of what won; [moments].
        ridge: >= 0, nats a squared unit of weight.

    Raises:
        DataError: without a moment.
    """
    if not len(winner):
        raise DataError("a pool needs past moments to learn from, and there is none")
    rows = np.arange(len(winner))
    won = terms.values[rows, winner].sum(axis=0)

    def loss(weights: Floats) -> tuple[float, Floats]:
        probability = terms.probabilities(weights)
        off = weights - terms.neutral
        value = -np.log(np.maximum(probability[rows, winner], 1e-300)).sum() + ridge * off @ off
        slope = np.einsum("mb,mbt->t", probability, terms.values) - won + 2.0 * ridge * off
        return float(value), slope

    found = minimize(loss, terms.neutral.copy(), jac=True, method="L-BFGS-B")
    return np.asarray(found.x, dtype=np.float64)


def centred(logs: Floats, there: Bools) -> Floats:
    """Return logs less their mean over the brackets there are; 0 elsewhere."""
    count = there.sum(axis=1, keepdims=True)
    mean = np.where(there, logs, 0.0).sum(axis=1, keepdims=True) / count
    return np.where(there, logs - mean, 0.0)
