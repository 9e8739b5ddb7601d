"""The outcomes of one fixing that contracts can tell apart, and what each one pays.

Whatever is held pays by steps of the settlement value, so all that matters is between which two
edges each index settles. One index has a few such bins; two have the pairs of them, and the chance
of a pair follows from both terminal laws and a normal copula. Nothing is sampled: docs/math/risk.md
has the formulas.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.pricing.ladder import LadderLaw
from kalshi_alpha.pricing.law import mass_between
from kalshi_alpha.pricing.table import above, below

# Beyond this many deviations lies less than 1e-18, and a score further out changes no sum.
_REACH = 9.0
# Nearer to one the conditional law is too narrow for the panels; one itself has a closed form.
STRONGEST = 0.999
_NODES = 12
_PANEL = 2.5  # widths of the conditional law that one panel spans

Masses = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Holding:
    """Contracts of one market: held, or to be held once an order has filled.

    Attributes:
        payoff: when one YES pays.
        side: ``BID`` holds YES, ``ASK`` holds NO.
        size: 1/100 contract, > 0.
        cost: cash paid for all of them, fees included.
        ticker: of the market, for people.
    """

    payoff: Payoff
    side: Side
    size: int
    cost: int
    ticker: str = ""

    def earns(self, pays: bool) -> int:
        """Return the cash it earns when its market settles YES (``pays``) or NO."""
        won = pays == (self.side is Side.BID)
        return PRICE_UNIT * self.size * won - self.cost


@dataclass(frozen=True, slots=True)
class Bins:
    """The bins that edges cut the settlement value into, lowest first.

    Attributes:
        edges: settlement ticks, ascending; bin k holds ``edges[k - 1]`` to ``edges[k] - 1``, the
            first and the last are open.
        masses: probability of each bin, edges + 1 of them.
        scores: the probability of settling below each edge, as a normal score.
    """

    edges: tuple[int, ...]
    masses: tuple[float, ...]
    scores: tuple[float, ...]


def edges_of(holdings: Iterable[Holding]) -> tuple[int, ...]:
    """Return the ticks at which what any of them pays may change, ascending."""
    edges: set[int] = set()
    for holding in holdings:
        low, high = holding.payoff.low, holding.payoff.high
        edges |= {low} if low is not None else set()
        edges |= {high + 1} if high is not None else set()
    return tuple(sorted(edges))


def bins_of(law: LadderLaw, edges: Sequence[int], ticks_per_point: int) -> Bins:
    """Return the bins of ascending ``edges`` under the law; one bin when there is no edge."""
    odds = law.edge_log_odds(edges, ticks_per_point)
    ends = [-math.inf, *odds, math.inf]
    return Bins(
        edges=tuple(edges),
        masses=tuple(mass_between(*pair) for pair in pairwise(ends)),
        scores=tuple(_score(x) for x in odds),
    )


def cash_by_bin(edges: Sequence[int], holdings: Iterable[Holding]) -> list[int]:
    """Return what the holdings earn together in each bin, in cash.

    Raises:
        DataError: when a holding's payoff has an edge that is not among ``edges``.
    """
    return _by_bin(edges, holdings, adverse=False)


def adverse_by_bin(edges: Sequence[int], resting: Iterable[Holding]) -> list[int]:
    """Return what the orders lose in each bin if exactly those fill that lose there: cash <= 0.

    Raises:
        DataError: as ``cash_by_bin``.
    """
    return _by_bin(edges, resting, adverse=True)


def joint_masses(one: Bins, other: Bins, correlation: float) -> Masses:
    """Return the probability of each pair of bins: a row for each bin of ``one``.

    Given the first normal score x, the second is normal around ``correlation * x``; a row is the
    integral of that over its bin, by Gauss's rule on panels, and adds up to the bin's mass.

    Raises:
        DataError: when the correlation is outside -1 to 1, or too near to either without being it.
    """
    if abs(correlation) == 1.0:
        return _extreme(one, other, correlation)
    if not abs(correlation) <= STRONGEST:
        raise DataError(
            f"a correlation of {correlation} is not within -{STRONGEST} to {STRONGEST}, nor 1 or "
            "-1: give one of those"
        )
    width = math.sqrt((1.0 - correlation) * (1.0 + correlation))
    ends = (-math.inf, *one.scores, math.inf)
    return tuple(
        _row(low, high, mass, other, correlation, width)
        for (low, high), mass in zip(pairwise(ends), one.masses, strict=True)
    )


def _by_bin(edges: Sequence[int], holdings: Iterable[Holding], *, adverse: bool) -> list[int]:
    place = {tick: k for k, tick in enumerate(edges, start=1)}
    steps = [0] * (len(edges) + 2)  # from each bin to the next
    for holding in holdings:
        low, high = holding.payoff.low, holding.payoff.high
        try:
            first = 0 if low is None else place[low]
            after = len(edges) + 1 if high is None else place[high + 1]
        except KeyError:
            raise DataError(
                f"the payoff {low} to {high} cuts a bin: make the bins with this payoff among them"
            ) from None
        outside, inside = holding.earns(pays=False), holding.earns(pays=True)
        if adverse:
            outside, inside = min(0, outside), min(0, inside)
        steps[0] += outside
        steps[first] += inside - outside
        steps[after] -= inside - outside
    found, total = [], 0
    for step in steps[:-1]:
        total += step
        found.append(total)
    return found


def _score(log_odds: float) -> float:
    normal = NormalDist()
    if log_odds < 0.0:
        return normal.inv_cdf(below(log_odds))
    return -normal.inv_cdf(above(log_odds))


def _row(
    low: float, high: float, mass: float, other: Bins, correlation: float, width: float
) -> tuple[float, ...]:
    """Return the masses of ``other``'s bins while the first score is between ``low`` and ``high``.

    They are in proportion to the integrals and add up to ``mass``, which the law knows better.
    """
    start, end = (min(max(x, -_REACH), _REACH) for x in (low, high))
    nodes = list(_nodes(start, end, width)) or [(start, 1.0)]
    scale, slope = 1.0 / (width * math.sqrt(2.0)), correlation / (width * math.sqrt(2.0))
    erfc = math.erfc
    at = [(slope * x, 0.5 * w * math.exp(-0.5 * x * x)) for x, w in nodes]
    whole = 2.0 * math.fsum([w for _, w in at])
    under = [
        sum([w * erfc(x - k) for x, w in at]) for k in (score * scale for score in other.scores)
    ]
    share = mass / whole if whole > 0.0 else 0.0
    return tuple(
        max(0.0, (after - before) * share) for before, after in pairwise((0.0, *under, whole))
    )


def _nodes(start: float, end: float, width: float) -> Iterable[tuple[float, float]]:
    """Yield points and weights between ``start`` and ``end``, panel by panel."""
    if end <= start:
        return
    panels = max(1, math.ceil((end - start) / (_PANEL * width)))
    half = 0.5 * (end - start) / panels
    for k in range(panels):
        middle = start + (2 * k + 1) * half
        for x, w in _RULE:
            yield middle + half * x, half * w


def _extreme(one: Bins, other: Bins, sign: float) -> Masses:
    """Return the masses when one score is the other, or its opposite: Frechet's bounds."""
    first = _cumulative(one.masses)
    second = _cumulative(other.masses)
    if sign < 0.0:
        flipped = [1.0 - p for p in reversed(second)]
        rows = [[_overlap(a, b) for b in pairwise(flipped)] for a in pairwise(first)]
        return tuple(tuple(reversed(row)) for row in rows)
    return tuple(tuple(_overlap(a, b) for b in pairwise(second)) for a in pairwise(first))


def _cumulative(masses: Sequence[float]) -> list[float]:
    found, total = [0.0], 0.0
    for mass in masses[:-1]:
        total += mass
        found.append(min(1.0, total))
    return [*found, 1.0]


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    return max(0.0, min(one[1], other[1]) - max(one[0], other[0]))


def _gauss_rule(count: int) -> tuple[tuple[float, float], ...]:
    """Return Gauss and Legendre's points and weights on -1 to 1, by Newton's method."""
    rule = []
    for k in range(count):
        x = math.cos(math.pi * (k + 0.75) / (count + 0.5))
        for _ in range(8):
            before, value = 1.0, x
            for n in range(2, count + 1):
                before, value = value, ((2 * n - 1) * x * value - (n - 1) * before) / n
            slope = count * (x * value - before) / (x * x - 1.0)
            x -= value / slope
        rule.append((x, 2.0 / ((1.0 - x * x) * slope * slope)))
    return tuple(rule)


_RULE = _gauss_rule(_NODES)
