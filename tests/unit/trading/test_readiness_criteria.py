from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from kalshi_alpha.trading.criteria import judge_readiness, wilson
from kalshi_alpha.trading.grades import Proof
from kalshi_alpha.trading.readiness import GO, INSUFFICIENT, NO_GO, Alpha, Facts
from kalshi_alpha.trading.standing import Standing
from tests.fills_world import made_fill

TODAY = date(2026, 3, 31)
NOW = datetime(2026, 3, 31, 22, tzinfo=UTC)
DAYS = tuple(TODAY - timedelta(days=k) for k in range(59, -1, -1))


def good_fills(days=DAYS, each=24, lost_every=4):
    """A strategy that wins three contracts of four at even money, unevenly by day."""
    return tuple(
        made_fill(
            day,
            price=5000,
            paid=float((k + n) % lost_every != 0 and not (n % 7 == 0 and k < 2)),
            number=k,
            markouts={20: 0.045},
        )
        for n, day in enumerate(days)
        for k in range(each)
    )


FACTS = Facts(
    now=NOW,
    today=TODAY,
    source="paper",
    standing=Standing.PAPER,
    since=None,
    days=DAYS,
    fills=good_fills(),
    alpha=Alpha(predicted=100.0, observed=110, variance=100.0, quotes=900),
    parameters_as_of=TODAY - timedelta(days=10),
    scans=2000,
    scans_feed=3,
    scans_heartbeat=1,
    kill_switch_on=False,
    ledger_verified=DAYS,
)


def judged(**fields):
    return judge_readiness(replace(FACTS, **fields))


def one(name, **fields):
    return next(c for c in judged(**fields).criteria if c.name == name)


def test_everything_good_is_go_and_every_criterion_has_its_numbers():
    found = judged()

    assert found.verdict == GO
    assert found.sentence.startswith("All 12 criteria hold")
    assert [c.name for c in found.criteria] == [
        "fills", "mean", "t", "always-valid", "alpha-gap", "slippage", "parameters", "freshness",
        "drawdown", "kill-switch", "heartbeat", "ledger",
    ]  # fmt: skip
    assert all(c.value is not None and c.limit is not None for c in found.criteria)
    with_interval = [c.name for c in found.criteria if c.low is not None and c.high is not None]
    assert with_interval == ["mean", "alpha-gap", "slippage", "freshness", "heartbeat"]


def test_nothing_on_record_is_insufficient_and_passes_nothing_by_default():
    found = judge_readiness(
        Facts(NOW, TODAY, "paper", Standing.PAPER, None, (), (), kill_switch_on=None)
    )

    assert {c.name for c in found.criteria if c.verdict == GO} == set()
    assert found.verdict == NO_GO  # parameters that cannot be read
    assert "300 of 300 are missing" in found.sentence


def test_a_rehearsals_fills_are_counted_as_missing_and_promote_nothing():
    fills = good_fills(days=(TODAY,), each=4)
    found = judged(fills=fills, days=(TODAY,), source="twin")

    assert found.verdict == INSUFFICIENT
    assert "4 graded fills in the last 14 days: 296 of 300 are missing." in found.sentence
    assert "promote nothing" in found.notes[0]


def test_fills_that_only_touched_or_have_not_settled_do_not_count():
    touched = tuple(replace(fill, proof=Proof.TOUCHED) for fill in FACTS.fills)
    open_ones = tuple(replace(fill, realised=None) for fill in FACTS.fills)

    assert one("fills", fills=touched).value == 0
    assert one("fills", fills=open_ones).value == 0
    assert one("fills", fills=FACTS.fills).value == 14 * 24


def test_only_the_last_fourteen_days_count_for_the_mean_and_all_for_the_bet():
    old = tuple(replace(fill, day=fill.day - timedelta(days=100)) for fill in FACTS.fills)
    days = tuple(day - timedelta(days=100) for day in DAYS)

    assert one("fills", fills=old, days=days).value == 0
    assert one("mean", fills=old, days=days).verdict == INSUFFICIENT
    assert one("always-valid", fills=old, days=days).sample == 60


def test_evidence_from_before_the_present_standing_does_not_count():
    since = TODAY - timedelta(days=3)

    assert one("fills", since=since).value == 4 * 24
    assert one("always-valid", since=since).sample == 4
    assert judged(since=since).first_day == since


def test_a_mean_below_six_basis_points_is_no_go_with_the_sample_and_open_without():
    even = tuple(made_fill(d, paid=float(k % 2), number=k) for d in DAYS for k in range(24))
    few = tuple(made_fill(d, paid=float(k % 2), number=k) for d in DAYS for k in range(2))

    assert one("mean", fills=even).verdict == NO_GO
    assert one("mean", fills=even).value == pytest.approx(0.0)
    assert one("mean", fills=few).verdict == INSUFFICIENT


def test_a_mean_that_one_day_made_has_no_t():
    swings = tuple(
        made_fill(d, price=5000, paid=float(n % 2 == 0 or k < 2), number=k)
        for n, d in enumerate(DAYS)
        for k in range(24)
    )
    found = one("t", fills=swings)

    assert found.verdict == NO_GO
    assert found.value < 2.0
    assert one("mean", fills=swings).verdict == GO


def test_good_days_that_are_few_do_not_win_the_bet():
    days = DAYS[-6:]
    found = one("always-valid", fills=good_fills(days=days, each=60), days=days)

    assert found.verdict == INSUFFICIENT
    assert found.value < 20


def test_a_proven_loss_is_no_go():
    lost = tuple(made_fill(d, paid=float(k % 3 == 0), number=k) for d in DAYS for k in range(24))
    found = one("always-valid", fills=lost)

    assert found.verdict == NO_GO
    assert "a loss is proven" in found.sentence


@pytest.mark.parametrize(
    ("alpha", "verdict"),
    [
        (Alpha(100.0, 126, 100.0, 900), NO_GO),
        (Alpha(100.0, 74, 100.0, 900), NO_GO),
        (Alpha(100.0, 125, 100.0, 900), GO),
        (Alpha(49.0, 49, 49.0, 900), INSUFFICIENT),
        (None, INSUFFICIENT),
    ],
)
def test_fills_are_held_against_the_prediction(alpha, verdict):
    assert one("alpha-gap", alpha=alpha).verdict == verdict


def test_the_interval_of_the_gap_is_that_of_counted_fills():
    found = one("alpha-gap", alpha=Alpha(100.0, 110, 100.0, 900))

    assert (found.low, found.high) == (pytest.approx(-0.096), pytest.approx(0.296))


def test_slippage_beyond_what_the_model_said_is_no_go():
    slipped = tuple(replace(fill, markouts={20: 0.03}) for fill in FACTS.fills)

    assert one("slippage", fills=slipped).value == pytest.approx(200.0)
    assert one("slippage", fills=slipped).verdict == NO_GO
    assert one("slippage", fills=slipped, expected_slippage=0.015).verdict == GO
    assert one("slippage", fills=tuple(replace(f, markouts={}) for f in slipped)).value is None


@pytest.mark.parametrize(
    ("age", "standing", "verdict"),
    [
        (14, Standing.PAPER, GO),
        (15, Standing.PAPER, NO_GO),
        (7, Standing.PILOT, GO),
        (8, Standing.PILOT, NO_GO),
        (8, Standing.SCALED, NO_GO),
        (-1, Standing.PAPER, NO_GO),
    ],
)
def test_parameters_grow_old_sooner_with_real_orders(age, standing, verdict):
    as_of = TODAY - timedelta(days=age)

    assert one("parameters", parameters_as_of=as_of, standing=standing).verdict == verdict


@pytest.mark.parametrize("name", ["freshness", "heartbeat"])
def test_too_many_scans_stopped_is_no_go_and_too_few_say_nothing(name):
    field = {"freshness": "scans_feed", "heartbeat": "scans_heartbeat"}[name]

    assert one(name, **{field: 200}).verdict == NO_GO
    assert one(name, scans=99, scans_feed=0, scans_heartbeat=0).verdict == INSUFFICIENT
    assert one(name, scans=0).value is None


def test_a_fall_of_more_than_the_weeks_stop_is_no_go():
    crash = tuple(made_fill(TODAY, paid=0.0, number=k + 1000) for k in range(140))
    found = one("drawdown", fills=(*FACTS.fills, *crash))

    assert found.verdict == NO_GO
    assert 60.0 < found.value < 66.0


@pytest.mark.parametrize(("on", "verdict"), [(True, NO_GO), (False, GO), (None, INSUFFICIENT)])
def test_the_kill_switch_must_be_readable_and_off(on, verdict):
    assert one("kill-switch", kill_switch_on=on, kill_switch_reason="a test").verdict == verdict


def test_a_ledger_that_differs_or_has_a_fill_nobody_quoted_is_no_go():
    differs = one("ledger", ledger_differences=("fill f1 is missing", "the balance differs"))

    assert differs.verdict == NO_GO
    assert "fill f1 is missing and 1 more" in differs.sentence
    assert one("ledger", ungraded=1).verdict == NO_GO
    assert one("ledger", ledger_verified=DAYS[:-1]).verdict == INSUFFICIENT


def test_one_bad_criterion_outweighs_any_that_lacks_its_sample():
    found = judged(fills=(), kill_switch_on=True, kill_switch_reason="drill")

    assert found.verdict == NO_GO
    assert found.sentence.startswith("The kill-switch is on: drill.")


def test_the_answer_is_plain_json():
    doc = judged().to_json()

    assert (doc["schema"], doc["verdict"], doc["days"]) == ("kalshi-alpha/readiness/1", "GO", 60)
    assert set(doc["criteria"][0]) == {
        "name", "title", "verdict", "sentence", "value", "limit", "unit", "sample", "sample_unit",
        "low", "high",
    }  # fmt: skip


def test_wilsons_interval_of_nothing_seen_is_not_nothing():
    assert wilson(0, 100) == (pytest.approx(0.0), pytest.approx(0.0370, abs=1e-4))
    assert wilson(50, 100) == (pytest.approx(0.4038, abs=1e-4), pytest.approx(0.5962, abs=1e-4))
