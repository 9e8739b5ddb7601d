"""Paths from now through the fixings of a day, of one index or of two together.

At every instant the marginal is the terminal law of that instant, to the last digits. Between the
instants the normal scores follow a Brownian motion on the variance clock, so what lies between two
fixings is the increment of the clock; two indices' motions are correlated. The settlement's basis
is drawn anew at each fixing, for it does not accumulate. See docs/math/joint.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from scipy import interpolate, special

from kalshi_alpha.errors import DataError
from kalshi_alpha.families.index import terminal_law
from kalshi_alpha.markets.sessions import Session
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.parameters import SymbolParameters
from kalshi_alpha.pricing.reading import Reading
from kalshi_alpha.pricing.table import StandardTable
from kalshi_alpha.research.scores.shapes import Floats, Normal, TableShape

_NOTHING = 1e-15  # probability; a draw further out is moved in to there
_SCORE_LIMIT = 7.9
_STEP = 0.01  # of asinh(z)


@dataclass(frozen=True, slots=True)
class Course:
    """One index's laws at ascending instants, and the variance its own moves have until each.

    Args:
        laws: terminal law of each instant.
        variance: squared log units, ascending, > 0, at most the law's scale squared; what is
            missing to that is basis.

    Raises:
        DataError: when the numbers are not such.
    """

    laws: tuple[TerminalLaw, ...]
    variance: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.laws or len(self.laws) != len(self.variance):
            raise DataError(
                f"{len(self.laws)} laws and {len(self.variance)} variances make no course: "
                "give one of each an instant"
            )
        steps = np.diff([0.0, *self.variance])
        if not (steps > 0.0).all():
            raise DataError(f"the variances {self.variance} do not ascend from above 0")
        for law, own in zip(self.laws, self.variance, strict=True):
            if own > law.scale**2 * (1.0 + 1e-12):
                raise DataError(
                    f"a variance of {own:.4g} is above its law's own, {law.scale**2:.4g}"
                )


def course(
    reading: Reading,
    parameters: SymbolParameters,
    instants: Sequence[datetime],
    now: datetime,
    session: Session,
) -> Course:
    """Return the course through ``instants``, ascending, as the live law sees it at ``now``.

    Raises:
        DataError: as ``families.index.terminal_law``, and when the laws' variances do not ascend.
        ParameterError: when the parameters lack a part.
    """
    laws, variance = [], []
    for instant in instants:
        law = terminal_law(reading, parameters, instant, now, session)
        basis = parameters.part(at_close=instant == session.close).basis / reading.value
        laws.append(law)
        variance.append(law.scale**2 - basis**2)
    return Course(tuple(laws), tuple(variance))


def sample_paths(courses: Sequence[Course], rho: float, count: int, seed: int) -> Floats:
    """Return settlement values in points: [indices, count, instants].

    Args:
        courses: of one index, or of two at the same instants.
        rho: correlation of the two normal scores over the same stretch of time.
        count: paths, >= 1.
        seed: the same seed gives the same paths.

    Raises:
        DataError: for another number of courses, different numbers of instants, or a rho outside
            -1 to 1.
    """
    instants = {len(one.laws) for one in courses}
    if len(courses) not in (1, 2) or len(instants) != 1 or count < 1:
        raise DataError(
            f"{len(courses)} courses of {sorted(instants)} instants and {count} paths: give one or "
            "two courses through the same instants, and a path at least"
        )
    if not -1.0 <= rho <= 1.0:
        raise DataError(f"a correlation of {rho} is outside -1 to 1")
    random = np.random.default_rng(seed)
    (steps,) = instants
    moves = random.standard_normal((len(courses), count, steps))
    noise = random.standard_normal((len(courses), count, steps))
    if len(courses) == 2:
        for drawn in (moves, noise):
            drawn[1] = rho * drawn[0] + math.sqrt((1.0 - rho) * (1.0 + rho)) * drawn[1]
    return np.stack([_values(one, moves[k], noise[k]) for k, one in enumerate(courses)])


def _values(one: Course, moves: Floats, noise: Floats) -> Floats:
    own = np.array(one.variance)
    scale = np.array([law.scale for law in one.laws])
    basis = np.sqrt(np.maximum(scale**2 - own, 0.0))
    walked = np.cumsum(moves * np.sqrt(np.diff(own, prepend=0.0)), axis=1)
    scores = np.clip((walked + basis * noise) / scale, -_SCORE_LIMIT, _SCORE_LIMIT)
    found: Floats = np.empty_like(scores)
    for k, law in enumerate(one.laws):
        z = np.sinh(_from_scores(law.table)(scores[:, k]))
        found[:, k] = law.level * np.exp(law.drift + law.scale * z)
    return found


def _from_scores(table: StandardTable) -> interpolate.CubicHermiteSpline:
    """Return asinh of the standardised move as a function of its normal score."""
    shape = TableShape(table)
    first, last = (math.asinh(table.quantile(p)) for p in (_NOTHING, 1.0 - _NOTHING))
    count = math.ceil((last - first) / _STEP) + 1
    within = [knot for knot in table.knots if first < knot < last]
    u = np.unique(np.concatenate([np.linspace(first, last, count), within]))
    z = np.sinh(u)
    under, over = shape.cdf(z), shape.sf(z)
    scores = np.where(under < 0.5, special.ndtri(under), -special.ndtri(over))
    density = np.exp(shape.log_density(z)) * np.cosh(u)
    slope = np.exp(Normal().log_density(scores)) / density
    return interpolate.CubicHermiteSpline(scores, u, slope)
