"""A Hawkes process fitted to events by maximum likelihood, and the test that it is one.

The log likelihood and its gradient come out of one pass with nothing but sums and one division an
event: the exponentials are taken beforehand, all at once; logarithms are taken of products; and
what the past is worth at the end of a stretch, which the recursion carries along anyway, is the
compensator's whole sum. numba compiles the pass, scipy's BFGS climbs in logs of the rates: for
three to seven of them there is no memory to limit, and it keeps clear of threaded libraries, which
cost L-BFGS-B ten times the fit on a busy machine. L-BFGS-B takes over where a bound is met.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from kalshi_alpha.errors import DataError
from kalshi_alpha.momentum.hawkes import Hawkes, HawkesParameters, rescaled
from kalshi_alpha.research.temperature.hawkes_pass import any_kinds, one_kind

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_END = -1
_FLAT = 1e-4  # of the mean log likelihood, by log rate
_LOWEST, _HIGHEST = math.log(1e-9), math.log(1e6)  # of rates, a second, and of branchings
_MOST_BRANCHING = 2.0
_LIVES = 3.0  # of an event's excitement, that the longest stretch must see: else it is a trend


@dataclass(frozen=True, slots=True)
class Stretch:
    """Events watched without a break, with nothing known of what was before.

    Attributes:
        at: seconds, ascending, [events].
        kind: of each, from 0, [events].
        since: second at which the watch began.
        until: second at which it ended.
    """

    at: Floats
    kind: Ints
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class HawkesFit:
    """A fitted process.

    Attributes:
        parameters: those of the highest likelihood.
        errors: standard errors of the base rates, the branchings by row, and the decay.
        log_likelihood: at those, densities a second.
        events: how many it rests on.
    """

    parameters: HawkesParameters
    errors: tuple[float, ...]
    log_likelihood: float
    events: int


@dataclass(frozen=True, slots=True)
class Columns:
    """Stretches as one table: the seconds since the row before, and the kind; -1 ends a stretch."""

    gaps: Floats
    kinds: Ints
    seconds: float
    events: int


def columns(stretches: Sequence[Stretch]) -> Columns:
    """Join stretches into one table.

    Raises:
        DataError: for events that are out of order, outside their stretch or of no kind, or when
            there are none.
    """
    gaps, kinds = [], []
    for stretch in stretches:
        edges = np.concatenate(([stretch.since], stretch.at, [stretch.until]))
        steps = np.diff(edges)
        if not (np.isfinite(edges).all() and (steps >= 0.0).all()):
            raise DataError(
                f"events from {stretch.since} to {stretch.until} are not in order of time"
            )
        if len(stretch.kind) != len(stretch.at) or (stretch.kind < 0).any():
            raise DataError(f"{len(stretch.at)} events need a kind each, from 0 on")
        gaps.append(steps)
        kinds.append(np.append(stretch.kind, _END))
    events = sum(len(stretch.at) for stretch in stretches)
    if not events:
        raise DataError("no event is left to fit a process to")
    seconds = sum(stretch.until - stretch.since for stretch in stretches)
    if not seconds > 0.0:
        raise DataError(f"{events} events in {seconds} s have no rate")
    return Columns(np.concatenate(gaps), np.concatenate(kinds), seconds, events)


def fit_hawkes(stretches: Sequence[Stretch], kinds: int) -> HawkesFit:
    """Return the process of ``kinds`` kinds under which these events are likeliest.

    Raises:
        DataError: as ``columns``, or when a kind has no event or no optimum is found.
        ParameterError: when the likeliest process runs away.
    """
    table = columns(stretches)
    counts = np.bincount(table.kinds[table.kinds >= 0], minlength=kinds)
    if len(counts) != kinds or not counts.all():
        raise DataError(f"{counts.tolist()} events by kind are not some of each of {kinds} kinds")
    rates = np.exp(_climb(table, _beginning(table, counts), kinds))
    return HawkesFit(
        parameters=parameters_of(rates, kinds),
        errors=tuple(_errors(table, rates, kinds).tolist()),
        log_likelihood=likelihood(table, rates, kinds)[0],
        events=table.events,
    )


def _climb(table: Columns, begun: Floats, kinds: int) -> Floats:
    """Return the logs of the likeliest rates."""
    scratch = np.empty_like(table.gaps)
    longest = float(np.add.reduceat(table.gaps, _starts(table)).max())
    lowest = np.full(len(begun), _LOWEST)
    lowest[-1] = math.log(_LIVES / longest)
    highest = np.full(len(begun), _HIGHEST)
    highest[kinds:-1] = math.log(_MOST_BRANCHING)

    def climbed(logs: Floats) -> tuple[float, Floats]:
        inside = np.clip(logs, lowest, highest)
        rates = np.exp(inside)
        value, gradient = likelihood(table, rates, kinds, scratch)
        return -value / table.events, -gradient * rates * (inside == logs) / table.events

    found = optimize.minimize(
        climbed, np.log(begun), jac=True, method="BFGS", options={"gtol": 1e-7}
    )
    within = ((found.x > lowest) & (found.x < highest)).all()
    if not (within and np.isfinite(found.fun) and np.abs(found.jac).max() < _FLAT):
        # Where events hardly excite, the top is at a bound or in a long flat valley.
        found = optimize.minimize(
            climbed,
            np.log(begun),
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(lowest, highest, strict=True)),
        )
        if not (found.success and np.isfinite(found.fun)):
            raise DataError(f"no likeliest process was found: {found.message}")
    top: Floats = np.clip(found.x, lowest, highest)
    return top


def _starts(table: Columns) -> Ints:
    """Return the row at which each stretch begins."""
    ends = np.flatnonzero(table.kinds == _END)
    return np.concatenate(([0], ends[:-1] + 1))


def likelihood(
    table: Columns, rates: Floats, kinds: int, scratch: Floats | None = None
) -> tuple[float, Floats]:
    """Return the log likelihood and its gradient by base rates, branchings by row, and decay."""
    powers = np.multiply(table.gaps, -rates[-1], out=scratch)
    np.exp(powers, out=powers)
    gradient = np.zeros(len(rates))
    if kinds == 1:
        value = one_kind(table.gaps, table.kinds, powers, rates, gradient)
    else:
        past = np.zeros((2, kinds))
        value = any_kinds(table.gaps, table.kinds, powers, rates, gradient, past)
    gradient[:kinds] -= table.seconds
    return float(value - table.seconds * rates[:kinds].sum()), gradient


def parameters_of(rates: Floats, kinds: int) -> HawkesParameters:
    """Return base rates, branchings by row and decay as a process's parameters."""
    values = [float(rate) for rate in rates]
    rows = [values[kinds * (k + 1) : kinds * (k + 2)] for k in range(kinds)]
    return HawkesParameters(tuple(values[:kinds]), tuple(map(tuple, rows)), values[-1])


def rates_of(parameters: HawkesParameters) -> Floats:
    """Return base rates, branchings by row and decay: what ``parameters_of`` reads."""
    return np.array([*parameters.base, *np.ravel(parameters.branching), parameters.decay])


def rescaling_p(parameters: HawkesParameters, stretches: Sequence[Stretch]) -> float:
    """Return the p value of the process by time-rescaling, all kinds and stretches together.

    What was to be expected between two events of one kind must be exponential, of mean one
    (Kolmogorov and Smirnov's test). On the events that it was fitted to it is too kind.
    """
    gaps: list[float] = []
    for stretch in stretches:
        at, kind = (stretch.at - stretch.since).tolist(), stretch.kind.tolist()
        for each in rescaled(parameters, list(zip(at, kind, strict=True))):
            gaps += each
    return float(stats.kstest(gaps, stats.expon.cdf).pvalue)


def simulate(parameters: HawkesParameters, seconds: float, seed: int) -> Stretch:
    """Return a stretch of the process itself, from an empty past (Ogata's thinning)."""
    random = Random(seed)
    process = Hawkes(parameters, 0.0)
    at: list[float] = []
    kind: list[int] = []
    now, most = 0.0, sum(parameters.base)
    while True:
        now += random.expovariate(most)
        if now >= seconds:
            return Stretch(np.array(at), np.array(kind, np.int64), 0.0, seconds)
        intensities = process.intensities(now)
        drawn, most = random.random() * most, sum(intensities)
        for k, intensity in enumerate(intensities):
            drawn -= intensity
            if drawn < 0.0:
                process.event(now, k)
                at.append(now)
                kind.append(k)
                most = sum(process.intensities(now))
                break


def _beginning(table: Columns, counts: Ints) -> Floats:
    """Return where to climb from: half of all events excited, for as long as three events take."""
    kinds, rate = len(counts), table.events / table.seconds
    branching = np.full((kinds, kinds), 0.5 / kinds)
    return np.concatenate((0.5 * counts / table.seconds, branching.ravel(), [rate / 3.0 + 1e-9]))


def _errors(table: Columns, rates: Floats, kinds: int) -> Floats:
    """Return standard errors by the curvature of the likelihood at its top."""
    steps = 1e-5 * rates
    curvature = np.empty((len(rates), len(rates)))
    for k, step in enumerate(steps):
        shift = np.zeros(len(rates))
        shift[k] = step
        up, down = (likelihood(table, rates + way * shift, kinds)[1] for way in (1.0, -1.0))
        curvature[k] = (down - up) / (2.0 * step)
    # A direction in which the likelihood is flat has no error, which is told as NaN.
    spread = np.diag(np.linalg.pinv((curvature + curvature.T) / 2.0, hermitian=True))
    return np.sqrt(np.where(spread > 0.0, spread, np.nan))
