"""Standstills and bad ticks, on columns small enough to see."""

from __future__ import annotations

import numpy as np
import pytest

from kalshi_alpha.research.data.faults import bad_ticks, frozen_stretches, robust_scales

NAN = float("nan")


@pytest.mark.parametrize(
    ("times", "values", "limit", "found"),
    [
        ([0, 60, 120, 180], [1.0, 1.0, 1.0, 2.0], 120, [[0, 3]]),
        ([0, 60, 120, 180], [1.0, 1.0, 1.0, 2.0], 121, []),
        ([0, 1, 400, 401], [5.0, 6.0, 6.0, 6.0], 300, [[1, 4]]),
        ([0, 1, 2, 3, 4, 5], [1.0, 1.0, NAN, NAN, 1.0, 1.0], 1, [[0, 2], [4, 6]]),
        ([0, 100, 200, 300], [1.0, 1.0, 2.0, 2.0], 100, [[0, 2], [2, 4]]),
        ([0.0], [1.0], 0, []),
        ([], [], 1, []),
        ([0, 1, 2], [1.0, 2.0, 3.0], 0, []),
    ],
)
def test_a_stretch_is_frozen_when_its_first_value_is_seen_so_long(
    times: list[float], values: list[float], limit: float, found: list[list[int]]
) -> None:
    stretches = frozen_stretches(np.asarray(times), np.asarray(values), limit)

    assert stretches.tolist() == found
    assert stretches.dtype == np.int64


def test_a_scale_needs_eight_moves_and_ignores_a_leap() -> None:
    steps = np.tile([0.001, -0.001], 8)
    calm = np.concatenate(([0.0], np.cumsum(steps)))
    leap = calm.copy()
    leap[7:] += 0.5
    few = np.full(17, NAN)
    few[:8] = calm[:8]

    scales = robust_scales(np.vstack((calm, leap, few)))

    assert scales[0] == pytest.approx(0.0014826, rel=1e-9)
    assert scales[1] == pytest.approx(0.0014826, rel=1e-9)
    assert scales[2] == np.inf


@pytest.mark.parametrize(
    ("points", "bad"),
    [
        ([0.0, 0.0, 0.05, 0.0, 0.0], [2]),
        ([0.0, 0.0, -0.05, 0.005, 0.0], [2]),
        ([0.0, 0.0, 0.05, 0.05, 0.05], []),  # it stays
        ([0.0, 0.0, 0.05, 0.02, 0.0], []),  # it comes back only in part
        ([0.0, 0.0, 0.01, 0.0, 0.0], []),  # ten of its day's deviations
        ([0.05, 0.0, 0.0, 0.0, 0.05], []),  # ends have one neighbour only
        ([0.0, NAN, 0.05, 0.0, 0.0], []),
    ],
)
def test_a_bad_tick_leaps_away_and_straight_back(points: list[float], bad: list[int]) -> None:
    found = bad_ticks(np.asarray([points]), np.asarray([0.001]))

    assert np.flatnonzero(found[0]).tolist() == bad


def test_a_small_leap_is_left_to_the_news() -> None:
    points = np.asarray([[0.0, 0.0, 0.0029, 0.0, 0.0]])

    assert not bad_ticks(points, np.asarray([1e-6])).any()
    assert bad_ticks(points * 1.1, np.asarray([1e-6])).any()
