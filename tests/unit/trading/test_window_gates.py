import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from kalshi_alpha.trading.gates import Allow, refuse
from kalshi_alpha.trading.window_gates import (
    SERIES_PREFLIGHT,
    SERIES_SCAN,
    WINDOW_PREFLIGHT,
    WINDOW_SCAN,
    Heartbeat,
    ParameterFacts,
    SeriesFacts,
    SourceFacts,
    WindowFacts,
    judge,
    kill_switch,
)

NOW = datetime(2025, 11, 4, 16, 51, tzinfo=UTC)
WINDOW = WindowFacts(
    now=NOW,
    opens_at=NOW - timedelta(minutes=1),
    ends_at=NOW + timedelta(minutes=4),
    kill_switch_on=False,
    kill_switch_reason="",
    why_closed="",
    frozen="",
    exchange_active=True,
    trading_active=True,
    balance=20_000_000,
    balance_needed=20_000_000,
)
PARAMETERS = ParameterFacts(date(2025, 10, 31), date(2025, 11, 14), date(2025, 11, 4))
SPX = SeriesFacts(
    series="KXINXU",
    symbol="SPX",
    now=NOW,
    markets_listed=90,
    parameters=PARAMETERS,
    heartbeat=Heartbeat(NOW - timedelta(seconds=1), lag_s=0.2, silence_s=0.9),
    lag_limit_s=0.7,
    silence_limit_s=2.5,
    lost_today=0,
    lost_this_week=4_999_999,
    max_loss_per_day=2_000_000,
    max_loss_per_week=5_000_000,
)


def codes(*, window=WINDOW, series=SPX):
    judged = judge(window, (series,))
    return [refusal.code for refusal in judged.reasons(series.series)]


def test_a_series_that_cools_off_says_why_and_until_when_and_thaws_by_itself():
    cooling = replace(SPX, cooling="KXINXU lost its day", cooling_until=NOW + timedelta(seconds=1))
    over = replace(cooling, cooling_until=NOW)

    (refusal,) = judge(WINDOW, (cooling,)).reasons("KXINXU")

    assert refusal.code == "cool-off"
    assert refusal.reason == ("KXINXU cools off until 2025-11-04T16:51:01Z: KXINXU lost its day")
    scanned = judge(WINDOW, (cooling,), window_gates=WINDOW_SCAN, series_gates=SERIES_SCAN)
    assert not scanned.go
    assert codes(series=over) == []


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"held": None}, "position-limit", "could not be read"),
        ({"held": 80_000_001, "held_limit": 100_000_000}, "position-limit", "$100.000000"),
        ({"paused": "the weekly pause"}, "exchange-pause", "pauses: the weekly pause"),
    ],
)
def test_an_account_that_may_not_add_is_refused(changes, code, words):
    (refusal,) = judge(replace(WINDOW, **changes), (SPX,)).window

    assert refusal.code == code
    assert words in refusal.reason


def test_a_position_that_just_fits_the_terms_is_allowed():
    assert codes(window=replace(WINDOW, held=80_000_000, held_limit=100_000_000)) == []


def test_a_healthy_window_goes():
    judged = judge(WINDOW, (SPX,))

    assert judged.go
    assert judged.series_go("KXINXU")
    assert judged.reasons("KXINXU") == ()


@pytest.mark.parametrize(
    ("changes", "code", "sentence"),
    [
        (
            {"kill_switch_on": True, "kill_switch_reason": "drill"},
            "kill-switch",
            "the kill-switch is on: drill",
        ),
        (
            {"kill_switch_on": True},
            "kill-switch",
            "the kill-switch is on: no reason was given",
        ),
        (
            {"why_closed": "2025-11-27 is Thanksgiving"},
            "calendar",
            "the calendar vetoes: 2025-11-27 is Thanksgiving",
        ),
        (
            {"opens_at": NOW + timedelta(seconds=1)},
            "outside-window",
            (
                "2025-11-04T16:51:00Z is before the time for this step, "
                "2025-11-04T16:51:01Z to 2025-11-04T16:55:00Z"
            ),
        ),
        (
            {"ends_at": NOW},
            "outside-window",
            (
                "2025-11-04T16:51:00Z is not before the end of the time for this step, "
                "2025-11-04T16:50:00Z to 2025-11-04T16:51:00Z"
            ),
        ),
        ({"frozen": "lag 900 ms"}, "frozen", "the window is frozen: lag 900 ms"),
        (
            {"trading_active": False},
            "exchange-status",
            "the exchange is not open for trading: trading inactive",
        ),
        (
            {"exchange_active": None, "trading_active": None},
            "exchange-status",
            "the exchange is not open for trading: exchange unknown, trading unknown",
        ),
        (
            {"balance": 19_999_999},
            "balance",
            "the balance of $19.999999 is below the $20.000000 that the window's caps may tie up",
        ),
        ({"balance": None}, "balance", "the balance at the venue could not be read"),
    ],
)
def test_a_window_gate_refuses_with_its_sentence(changes, code, sentence):
    judged = judge(replace(WINDOW, **changes), (SPX,))

    assert [(refusal.code, refusal.reason) for refusal in judged.window] == [(code, sentence)]
    assert not judged.go


@pytest.mark.parametrize(
    ("changes", "code", "sentence"),
    [
        ({"markets_listed": 0}, "listing", "KXINXU lists no market that can be priced"),
        (
            {"markets_listed": None, "listing_problem": "no answer"},
            "listing",
            "the listing of KXINXU cannot be used: no answer",
        ),
        (
            {"markets_listed": None},
            "listing",
            "the listing of KXINXU cannot be used: no reason was given",
        ),
        (
            {"parameters": replace(PARAMETERS, problem="the checksum differs")},
            "parameters",
            "the parameters of SPX cannot be used: the checksum differs",
        ),
        (
            {"parameters": replace(PARAMETERS, today=date(2025, 11, 15))},
            "parameters",
            (
                "the parameters of SPX hold from 2025-10-31 to 2025-11-14, and it is 2025-11-15: "
                "calibrate again"
            ),
        ),
        (
            {"parameters": replace(PARAMETERS, today=date(2025, 10, 30))},
            "parameters",
            (
                "the parameters of SPX hold from 2025-10-31 to 2025-11-14, and it is 2025-10-30: "
                "calibrate again"
            ),
        ),
        (
            {"heartbeat": None},
            "heartbeat-missing",
            "there is no heartbeat of SPX: is the sentry running?",
        ),
        (
            {"heartbeat": Heartbeat(NOW - timedelta(seconds=3.5), 0.2, 0.9)},
            "heartbeat-stale",
            "the last heartbeat of SPX is 3.5 s old, over 3.0 s",
        ),
        (
            {"heartbeat": Heartbeat(NOW + timedelta(seconds=60), 0.2, 0.9)},
            "heartbeat-stale",
            "the last heartbeat of SPX is -60.0 s old, over 3.0 s",
        ),
        (
            {"heartbeat": Heartbeat(NOW, 0.701, 0.9)},
            "feed-lag",
            "the SPX feed lags 0.701 s, over 0.7 s",
        ),
        (
            {"heartbeat": Heartbeat(NOW, -0.8, 0.9)},
            "feed-lag",
            "the SPX feed lags -0.800 s, over 0.7 s",
        ),
        (
            {"heartbeat": Heartbeat(NOW, 0.2, 2.6)},
            "feed-silence",
            "the SPX feed has been silent for 2.6 s, over 2.5 s",
        ),
        (
            {"heartbeat": Heartbeat(NOW, 0.2, 0.9, delayed=True)},
            "feed-delayed",
            "the SPX feed is the vendor's delayed one: a real-time entitlement is needed",
        ),
        (
            {"lost_today": 2_000_000},
            "loss-day",
            "KXINXU has lost $2.000000 this day, its cap is $2.000000",
        ),
        (
            {"lost_this_week": 5_000_001},
            "loss-week",
            "KXINXU has lost $5.000001 this week, its cap is $5.000000",
        ),
    ],
)
def test_a_series_gate_refuses_with_its_sentence(changes, code, sentence):
    judged = judge(WINDOW, (replace(SPX, **changes),))

    assert [(r.code, r.reason) for r in judged.series["KXINXU"]] == [(code, sentence)]
    assert not judged.go


def test_limits_themselves_are_allowed():
    beat = Heartbeat(NOW - timedelta(seconds=3), lag_s=0.7, silence_s=2.5)
    assert codes(series=replace(SPX, heartbeat=beat)) == []
    for day in (PARAMETERS.as_of, PARAMETERS.valid_until):
        assert codes(series=replace(SPX, parameters=replace(PARAMETERS, today=day))) == []


def test_numbers_that_are_not_numbers_refuse():
    beat = Heartbeat(NOW, lag_s=math.nan, silence_s=math.nan)
    assert codes(series=replace(SPX, heartbeat=beat)) == ["feed-lag", "feed-silence"]


def test_one_bad_symbol_leaves_the_other_series_alone():
    ndx = replace(SPX, series="KXNASDAQ100U", symbol="NDX", heartbeat=None)
    judged = judge(WINDOW, (SPX, ndx))

    assert judged.go
    assert judged.series_go("KXINXU")
    assert not judged.series_go("KXNASDAQ100U")


def test_every_reason_is_given_at_once_and_the_switch_comes_first():
    window = replace(WINDOW, kill_switch_on=True, frozen="lag", balance=None)
    series = replace(SPX, markets_listed=0, heartbeat=None)

    assert codes(window=window, series=series) == [
        "kill-switch",
        "frozen",
        "balance",
        "listing",
        "heartbeat-missing",
    ]


def test_a_scan_asks_what_can_change_within_minutes():
    assert WINDOW_PREFLIGHT[0] is WINDOW_SCAN[0] is kill_switch
    assert set(WINDOW_SCAN) < set(WINDOW_PREFLIGHT)
    assert set(SERIES_SCAN) < set(SERIES_PREFLIGHT)
    judged = judge(
        replace(WINDOW, balance=0),
        (replace(SPX, lost_today=10**9),),
        window_gates=WINDOW_SCAN,
        series_gates=SERIES_SCAN,
    )
    assert judged.go


def test_a_law_that_drifted_too_far_stops_its_series_at_preflight_only():
    drifted = replace(SPX, fit=refuse("drift-variance", "it drifted", value=2.0))

    assert codes(series=drifted) == ["drift-variance"]
    scanned = judge(WINDOW, (drifted,), window_gates=WINDOW_SCAN, series_gates=SERIES_SCAN)
    assert scanned.go


def test_a_law_that_drifts_a_little_goes():
    assert codes(series=replace(SPX, fit=Allow(0.5, "it drifts"))) == []


FIGURE = replace(SPX, heartbeat=None, source=SourceFacts(age_s=3600.0, limit_s=93_600.0))


def test_a_figure_needs_no_heartbeat_and_an_index_no_source():
    assert codes(series=FIGURE) == []
    assert codes(series=replace(FIGURE, source=None)) == ["heartbeat-missing"]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (SourceFacts(93_601.0, 93_600.0), "source-stale"),
        (SourceFacts(-1.0, 93_600.0), "source-stale"),
        (SourceFacts(math.nan, 93_600.0), "source-stale"),
        (SourceFacts(0.0, 93_600.0, problem="nothing is known of claims"), "source"),
    ],
)
def test_a_figure_whose_source_is_silent_or_unknown_is_refused(source, code):
    stale = replace(FIGURE, source=source)

    assert codes(series=stale) == [code]
    scanned = judge(WINDOW, (stale,), window_gates=WINDOW_SCAN, series_gates=SERIES_SCAN)
    assert not scanned.go
