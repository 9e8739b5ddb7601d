from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.research.graded import RestedQuote
from kalshi_alpha.research.record import Record
from kalshi_alpha.research.scoreboard import alpha_of, scoreboard
from kalshi_alpha.trading.fills import FEATURES, FillModel
from tests.left_windows import DAY, leave_window

AT = datetime(2025, 11, 14, 22, tzinfo=UTC)
# A chance of one in ten in every five seconds, wherever a quote rests; a loss of one cent.
EVERYWHERE = (-2.1972245773362196, *(0.0 for _ in FEATURES[1:]))
MODEL = FillModel("trade_through", 5.0, EVERYWHERE, (0.01, 0.0, 0.0))
DAYS = (DAY, date(2025, 11, 10), date(2025, 11, 12), date(2025, 11, 13))


@pytest.fixture
def days(tmp_path):
    for day, settled in zip(DAYS, (6805.0, 6790.0, 6805.0, 6805.0), strict=True):
        leave_window(tmp_path, day, settled=settled)
    return Record((FolderStore(tmp_path),), load_registry(), load_sessions()).graded()


def board(days, **fields):
    return scoreboard(days, load_registry(), AT, **fields)


def row(found, span, series):
    return next(r for s in found.spans if s.span == span for r in s.rows if r.series == series)


def test_spans_hold_the_days_that_lie_in_them(days):
    found = board(days)

    assert [(s.span, s.days, s.first_day) for s in found.spans] == [
        ("7 days", 3, date(2025, 11, 7)),
        ("30 days", 4, date(2025, 10, 15)),
        ("all", 4, DAY),
    ]
    assert found.day == date(2025, 11, 13)


def test_a_row_adds_up_what_its_series_did(days):
    found = row(board(days), "7 days", "KXINXU")

    assert (found.windows, found.go_windows, found.go_rate) == (3, 3, 1.0)
    assert (found.fills, found.contracts, found.quotes) == (3, 3.0, 6)
    assert found.ev_claimed.estimate == pytest.approx(0.07)
    assert found.realised.estimate == pytest.approx((0.55 - 0.45 + 0.55) / 3)
    assert found.realised.low < found.realised.estimate < found.realised.high
    assert found.pnl_dollars == pytest.approx(0.65)
    assert found.markouts["20"].estimate == pytest.approx(0.05)
    assert found.quote_seconds == 150.0
    assert found.quote_dollar_seconds == pytest.approx(3 * (10 * 0.45 + 40 * 0.65))
    assert found.last_age_s == 1.0
    assert found.calibration_age_days > 0


def test_a_mean_of_two_days_has_no_interval(days):
    found = row(board(days[:2]), "all", "KXINXU").realised

    assert (found.low, found.high, found.n, found.days) == (None, None, 2, 2)


def test_a_series_without_a_fill_has_no_mean_and_no_interval(days):
    found = row(board(days), "all", "KXNASDAQ100U")

    assert (found.fills, found.realised, found.brier_gain, found.markouts) == (0, None, None, {})


def test_a_family_holds_its_series_and_no_crps_of_two_indices(days):
    found = row(board(days), "all", "")

    assert (found.family, found.windows, found.fills) == ("index", 8, 4)
    assert found.crps_ours is None
    assert row(board(days), "all", "KXINXU").crps_gain is not None


def test_we_are_sharper_where_our_error_is_the_smaller(days):
    found = row(board(days[:1]), "all", "KXINXU")

    gain = found.brier_market.estimate - found.brier_ours.estimate
    assert found.brier_gain.estimate == pytest.approx(gain)


def test_predicted_fills_are_the_hazard_of_the_time_they_rested(days):
    found = row(board(days, models={"KXINXU": MODEL}), "7 days", "KXINXU").alpha

    # Each day one quote rested for 40 s and one for 10 s: ten steps of a hazard of 0.10536.
    assert found.predicted == pytest.approx(3 * 10 * 0.1053605)
    assert (found.observed, found.quotes, found.variance) == (3, 6, found.predicted)
    assert row(board(days), "7 days", "KXINXU").alpha is None
    assert row(board(days, models={"KXINXU": MODEL}), "7 days", "KXINX").alpha is None


def test_fills_less_their_prediction_are_nothing_on_average():
    import numpy as np

    rng, quotes = np.random.default_rng(5), []
    for _ in range(4000):
        step = int(rng.geometric(0.1))
        rested = min(5.0 * step, float(rng.choice((10.0, 40.0, 90.0))))
        quotes.append(
            RestedQuote(
                "KXINXU-T1", "bid", 4500, 100, 0.5, 2.0, 300.0, rested, rested == 5.0 * step
            )
        )
    found = alpha_of(quotes, {"": MODEL})

    assert abs(found.observed - found.predicted) < 3.0 * found.variance**0.5


def test_incidents_name_their_day_and_window(tmp_path):
    name = leave_window(tmp_path, cautions=["SPX moves 1.6 times the variance its law says"])
    graded = Record((FolderStore(tmp_path),), load_registry(), load_sessions()).graded()

    assert row(board(graded), "all", "KXINXU").incidents == (
        ("2025-11-04", name, "SPX moves 1.6 times the variance its law says"),
    )


def test_an_unknown_series_and_an_empty_record_are_sentences(days):
    with pytest.raises(ConfigurationError, match="the series KXFOO is not in the registry"):
        board(days, series=("KXFOO",))
    with pytest.raises(DataError, match="nothing to put on a scoreboard"):
        board(())


def test_a_board_can_be_of_some_series_only(days):
    rows = board(days, series=("KXINXU",)).spans[0].rows

    assert [r.series for r in rows] == ["KXINXU", ""]
    assert rows[0].fills == rows[1].fills


def test_the_board_is_plain_json(days):
    doc = json.loads(json.dumps(board(days).to_json(), allow_nan=False))

    assert (doc["schema"], doc["source"], doc["day"]) == (
        "kalshi-alpha/scoreboard/1", "paper", "2025-11-13",
    )  # fmt: skip
    assert doc["spans"][0]["rows"][0]["go_rate"] == 1.0


def test_the_order_of_the_days_changes_nothing(days):
    late = replace(days[0], day=days[0].day - timedelta(days=400))

    assert board(days) == board(days[::-1])
    assert board((*days, late)).spans[2].days == 5
