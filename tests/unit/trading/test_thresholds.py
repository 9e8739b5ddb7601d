import pytest

from kalshi_alpha.trading.thresholds import DEFAULT_THRESHOLDS, threshold_grid


def test_each_threshold_counts_and_adds_what_it_refuses():
    low, high = threshold_grid([0.05, 0.049, -0.01, 0.10], (500, 1000))

    assert (low.min_ev, low.passed, low.refused) == (500, 2, 2)
    assert low.ev_passed == pytest.approx(0.15)
    assert low.ev_refused == pytest.approx(0.049)
    assert (high.min_ev, high.passed, high.refused) == (1000, 1, 3)


def test_a_value_that_floats_put_a_hair_under_its_threshold_passes():
    assert threshold_grid([0.60 - 0.55], (500,))[0].passed == 1


def test_the_usual_grid_runs_from_one_to_ten_cents():
    assert DEFAULT_THRESHOLDS == (100, 200, 300, 400, 500, 600, 700, 800, 900, 1000)
    assert [row.min_ev for row in threshold_grid([])] == list(DEFAULT_THRESHOLDS)


def test_rows_ascend_and_repeat_nothing():
    assert [row.min_ev for row in threshold_grid([0.1], (300, 100, 300))] == [100, 300]
