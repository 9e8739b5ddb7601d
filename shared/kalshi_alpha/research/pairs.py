"""How two indices move together: the copula's correlation, and whether it holds in the tails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.data.panel import Panel
from kalshi_alpha.research.joint import (
    Bins,
    joint_masses,
    measured_correlation,
    standardised_moves,
)
from kalshi_alpha.research.model.measured import Measured, of_one_source, unit_sessions
from kalshi_alpha.research.scores.clusters import DayBootstrap
from kalshi_alpha.research.scores.shapes import Floats

_TAILS = (0.10, 0.05, 0.01)
_FEWEST_DAYS = 20


@dataclass(frozen=True, slots=True)
class Together:
    """One figure with its interval by days.

    Attributes:
        what: which days or which tail.
        days: how many.
        moves: pairs of simultaneous moves.
        value: correlation, or how often the other is in the tail when one is.
        low: lower end.
        high: upper end.
        copula: what the normal copula with the overall correlation says of it.
    """

    what: str
    days: int
    moves: int
    value: float
    low: float
    high: float
    copula: float


def moves_together(one: Mapping[int, Panel], other: Mapping[int, Panel]) -> list[Together]:
    """Return the correlation of five-minute moves over all days, each half, and in the tails.

    Raises:
        DataError: when they share fewer than twenty whole sessions, or their bars are of another
            length than five minutes.
    """
    first, second = (unit_sessions(of_one_source(each)) for each in (one, other))
    if first.step != second.step:
        raise DataError(
            f"bars of {first.step} and of {second.step} minutes cannot be compared: give bars of "
            "five minutes or less for both"
        )
    return list(_rows(first, second))


def _rows(first: Measured, second: Measured) -> Iterator[Together]:
    days = sorted(set(first.days) & set(second.days))
    if len(days) < _FEWEST_DAYS:
        raise DataError(
            f"{first.symbol} and {second.symbol} share {len(days)} whole sessions: "
            f"{_FEWEST_DAYS} are needed to say how they move together"
        )
    moves = [standardised_moves(each, days) for each in (first, second)]
    half = len(days) // 2
    rho = measured_correlation(*moves).estimate
    for what, part in (
        (f"{days[0]} to {days[-1]}", slice(None)),
        (f"{days[0]} to {days[half - 1]}", slice(half)),
        (f"{days[half]} to {days[-1]}", slice(half, None)),
    ):
        found = measured_correlation(moves[0][part], moves[1][part])
        both = np.isfinite(moves[0][part]) & np.isfinite(moves[1][part])
        yield Together(what, len(both), int(both.sum()), found.estimate, found.low, found.high, rho)
    yield from _tails(moves[0], moves[1], rho)


def _tails(one: Floats, other: Floats, rho: float) -> Iterator[Together]:
    """Say how often both are in their lowest, or highest, shares of moves when one is."""
    day, move = np.nonzero(np.isfinite(one) & np.isfinite(other))
    ranks = [stats.rankdata(each[day, move]) / (len(day) + 1.0) for each in (one, other)]
    bootstrap = DayBootstrap(day)
    for share in _TAILS:
        score = np.array([special.ndtri(share)])
        edge = Bins((1,), np.array([share, 1.0 - share]), np.array([share]), score)
        copula = float(joint_masses(edge, edge, rho)[0, 0]) / share
        for name, inside in (
            ("lowest", [rank < share for rank in ranks]),
            ("highest", [rank > 1.0 - share for rank in ranks]),
        ):
            found = bootstrap.mean((inside[0] & inside[1]) / share)
            what = f"both in the {name} {share:.0%}"
            yield Together(
                what, bootstrap.days, len(day), found.estimate, found.low, found.high, copula
            )
