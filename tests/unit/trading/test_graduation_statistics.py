"""Looked at every day for a year: what a strategy without an edge gets, and what one with it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kalshi_alpha.trading.evidence import ENOUGH, Bet, mean_by_days
from kalshi_alpha.trading.readiness import LIMITS
from tests.fills_world import FIRST, World

YEAR = 252
SESSIONS = 10  # of fourteen days
CONTRACTS = 4.0  # a fixing: some 320 in fourteen days, enough to be judged at all


def looked_at_daily(edge: float, seed: int, days: int = YEAR) -> tuple[int | None, bool]:
    """Return the session on which it would have been promoted, and whether t alone ever said so."""
    bet, history, naive = Bet(), [], False
    for session, (cost, paid) in enumerate(World(edge, contracts=CONTRACTS).days(days, seed), 1):
        count, profit = len(cost), float((paid - cost).sum())
        fortune = bet.add(max(-1.0, profit / float(cost.sum())) if count else 0.0)
        if count:
            history.append((FIRST + timedelta(days=session), profit / count, float(count)))
        recent = history[-SESSIONS:]
        if session < SESSIONS or sum(n for _, _, n in recent) < LIMITS.fewest_fills:
            continue
        mean = mean_by_days(recent)
        assert mean is not None
        good = mean.estimate >= LIMITS.least_bp / 10_000 and mean.t >= LIMITS.least_t
        naive = naive or good
        if good and fortune >= ENOUGH:
            return session, naive
    return None, naive


def rates(edge: float, years: int) -> tuple[float, float, int | None]:
    """Return the share promoted within the year, the share that t alone promotes, the median."""
    found = [looked_at_daily(edge, seed) for seed in range(years)]
    sessions = sorted(at for at, _ in found if at is not None)
    median = sessions[len(sessions) // 2] if sessions else None
    return len(sessions) / years, sum(naive for _, naive in found) / years, median


def test_without_an_edge_one_year_in_twenty_is_promoted_at_most() -> None:
    promoted, by_t_alone, _ = rates(0.0, 200)

    assert promoted <= 0.05
    assert by_t_alone > 0.5  # what looking every day does to a threshold made for one look


def test_a_strategy_that_loses_a_cent_is_not_promoted_either() -> None:
    promoted, _, _ = rates(-0.01, 100)

    assert promoted <= 0.02


@pytest.mark.parametrize(("edge", "least"), [(0.05, 0.9), (0.08, 0.95)])
def test_an_edge_of_the_threshold_is_found_within_the_year(edge: float, least: float) -> None:
    promoted, _, median = rates(edge, 60)

    assert promoted >= least
    assert median is not None
    assert median < YEAR / 2
