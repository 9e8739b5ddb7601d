"""Bend a law to where outcomes have fallen in it, as far as their number allows.

The map from the law's probabilities to frequencies is an isotonic regression, so it can only rise;
it is drawn towards the identity and left alone in the tails, where there are too few outcomes to
say anything.
"""

from __future__ import annotations

import numpy as np
from scipy import interpolate, optimize

from kalshi_alpha.errors import DataError
from kalshi_alpha.pricing.table import StandardTable, below
from kalshi_alpha.research.model.measured import Floats

BINS = 20
CORE = 0.05  # each tail beyond this probability keeps its shape
PRIOR_OUTCOMES = 500.0  # as many outcomes of the law itself are mixed in
FEWEST_OUTCOMES = 200


def recalibrated(table: StandardTable, pits: Floats, effect: float = 1.0) -> StandardTable:
    """Return the law whose middle is bent to the outcomes.

    Args:
        table: the law.
        pits: probability it gave to less than each outcome, within 0 to 1.
        effect: how many times fewer independent outcomes there are than ``pits``, >= 1: those of
            one day hang together.

    Raises:
        DataError: with fewer than 200 outcomes, or one outside 0 to 1.
    """
    if len(pits) < FEWEST_OUTCOMES:
        raise DataError(f"{len(pits)} outcomes do not bend a law: {FEWEST_OUTCOMES} are needed")
    if not np.all((pits >= 0.0) & (pits <= 1.0)):
        raise DataError("a probability integral transform lies outside 0 to 1")
    edges = np.linspace(0.0, 1.0, BINS + 1)
    seen = np.histogram(pits, edges)[0] / len(pits)
    counts = len(pits) / max(effect, 1.0)
    share = (counts * seen + PRIOR_OUTCOMES / BINS) / (counts + PRIOR_OUTCOMES)
    share[0] = share[-1] = 1.0 / BINS  # the tails keep their weight
    share[1:-1] *= (1.0 - 2.0 / BINS) / share[1:-1].sum()
    frequency = optimize.isotonic_regression(np.concatenate([[0.0], np.cumsum(share)])).x
    bend = interpolate.PchipInterpolator(edges, frequency)
    p = np.array([below(x) for x in table.log_odds])
    core = (p > CORE) & (p < 1.0 - CORE)
    bent = np.clip(bend(p), 1e-12, 1.0 - 1e-12)
    odds = np.where(core, np.log(bent) - np.log1p(-bent), table.log_odds)
    rising = np.maximum.accumulate(odds)
    rising += 1e-9 * np.arange(len(rising))  # a flat step would have no density
    return StandardTable(table.knots, tuple(round(float(x), 6) for x in rising))
