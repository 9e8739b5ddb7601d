"""The founding document's five numbers, each at its edge, beside the project's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from kalshi_alpha.trading.criteria import wilson
from kalshi_alpha.trading.daily_criteria import DailyFacts, DailyLimits, judge_days
from kalshi_alpha.trading.grades import Proof
from kalshi_alpha.trading.readiness import GO, INSUFFICIENT, NO_GO
from kalshi_alpha.trading.standing import Standing
from tests.fills_world import made_fill

TODAY = date(2026, 3, 31)
NOW = datetime(2026, 3, 31, 22, tzinfo=UTC)
DAYS = tuple(TODAY - timedelta(days=k) for k in range(59, -1, -1))
NAMES = [
    "clean-days", "fills", "mean", "t", "always-valid", "sharpe", "win-rate", "slippage",
    "parameters", "uptime", "drawdown", "fall", "kill-switch", "ledger",
]  # fmt: skip
LIMITS = DailyLimits(parameters_days=28)
MINUTES = 1439


def fills(days=DAYS, each=24, won=18):
    """Return contracts at even money, of which some win every day; each earns half a dollar."""
    return tuple(
        made_fill(day, price=5000, paid=float(k < won - (n % 2)), number=k, markouts={60: 0.045})
        for n, day in enumerate(days)
        for k in range(each)
    )


FACTS = DailyFacts(
    now=NOW,
    today=TODAY,
    source="paper",
    standing=Standing.PAPER,
    since=None,
    days=DAYS,
    fills=fills(),
    parameters_as_of=TODAY - timedelta(days=28),
    kill_switch_on=False,
    ledger_verified=DAYS,
    clean_days=DAYS,
    minutes=60 * MINUTES,
    minutes_up=60 * MINUTES - 300,
)


def judged(**fields):
    return judge_days(replace(FACTS, **fields), LIMITS, family="temperature")


def one(name, **fields):
    return next(c for c in judged(**fields).criteria if c.name == name)


def test_everything_good_is_go_in_the_order_of_reading():
    found = judged()

    assert (found.verdict, found.family) == (GO, "temperature")
    assert [c.name for c in found.criteria] == NAMES
    assert all(c.value is not None and c.limit is not None for c in found.criteria)
    assert found.to_json()["family"] == "temperature"


def test_nothing_on_record_passes_nothing():
    found = judge_days(
        DailyFacts(NOW, TODAY, "paper", Standing.PAPER, None, (), ()), LIMITS, family="temperature"
    )

    assert {c.name for c in found.criteria if c.verdict == GO} == set()
    assert {c.name for c in found.criteria if c.verdict == NO_GO} == {"parameters"}
    assert "0 clean days of 0 on record: 30 of 30 are missing." in found.sentence


@pytest.mark.parametrize(("count", "verdict"), [(29, INSUFFICIENT), (30, GO), (60, GO)])
def test_thirty_clean_days_are_enough(count, verdict):
    found = one("clean-days", clean_days=DAYS[:count])

    assert (found.verdict, found.value, found.sample) == (verdict, count, 60)


@pytest.mark.parametrize("name", ["sharpe", "win-rate", "fall"])
def test_with_fewer_than_thirty_clean_days_nothing_is_said_of_what_they_earned(name):
    bad = tuple(replace(fill, realised=-0.5) for fill in FACTS.fills[::2])

    assert one(name, clean_days=DAYS[:29]).verdict == INSUFFICIENT
    assert one(name, clean_days=DAYS[:29], fills=bad).verdict == INSUFFICIENT
    assert one(name, clean_days=DAYS[:30]).verdict == GO


def test_days_before_the_last_move_of_the_stage_are_no_clean_days_of_this_one():
    found = one("clean-days", since=DAYS[-10])

    assert (found.verdict, found.value, found.sample) == (INSUFFICIENT, 10, 10)


def test_a_sharpe_ratio_takes_quiet_days_as_nothing_earned():
    busy = one("sharpe")
    quiet = one("sharpe", fills=fills(DAYS[:3]))

    assert busy.value > 100.0
    assert quiet.sample == 60
    assert quiet.value < busy.value


@pytest.mark.parametrize(("earned", "verdict"), [(0.0053, GO), (0.0052, NO_GO), (-0.03, NO_GO)])
def test_more_than_a_sharpe_ratio_of_one_is_asked_for(earned, verdict):
    # A contract a day, ten cents above and below its mean: the ratio is 1 at 0.00528 dollars.
    rows = tuple(
        replace(made_fill(day), realised=earned + (0.1 if n % 2 else -0.1))
        for n, day in enumerate(DAYS)
    )
    found = one("sharpe", fills=rows)

    assert found.verdict == verdict
    assert found.value == pytest.approx(earned / 0.1 * (59 / 60 * 365) ** 0.5)


def test_days_that_all_came_to_the_same_have_no_sharpe_ratio():
    alike = tuple(made_fill(day, paid=1.0) for day in DAYS)

    assert one("sharpe", fills=alike).verdict == INSUFFICIENT
    assert one("sharpe", fills=()).value is None


@pytest.mark.parametrize(("won", "verdict"), [(55, NO_GO), (56, GO), (20, NO_GO)])
def test_more_than_55_of_a_hundred_fills_must_have_won(won, verdict):
    rows = tuple(made_fill(TODAY, paid=float(k < won), number=k) for k in range(100))
    found = one("win-rate", fills=rows)

    assert (found.verdict, found.value) == (verdict, won / 100)
    assert (found.low, found.high) == wilson(won, 100)


def test_fills_that_are_open_or_only_touched_are_neither_won_nor_lost():
    rows = (made_fill(TODAY, paid=None), made_fill(TODAY, proof=Proof.TOUCHED, number=1))

    assert one("win-rate", fills=rows).value is None
    assert one("win-rate", fills=()).verdict == INSUFFICIENT
    assert one("fall", fills=rows).value is None


@pytest.mark.parametrize(("lost", "verdict"), [(14, GO), (15, NO_GO), (40, NO_GO)])
def test_a_fall_is_held_against_the_most_that_one_day_could_lose(lost, verdict):
    # A hundred contracts at a dollar's half on the first day: 50 dollars at risk, all of them won.
    first = tuple(made_fill(DAYS[0], number=k) for k in range(100))
    then = tuple(made_fill(DAYS[1], paid=0.0, number=k) for k in range(lost))
    found = one("fall", fills=(*first, *then))

    assert found.value == pytest.approx(lost / 100)
    assert found.verdict == verdict
    assert "$50.00" in found.sentence


@pytest.mark.parametrize(
    ("down", "verdict"), [(0, GO), (1000, GO), (1001, NO_GO), (100_000, NO_GO)]
)
def test_ninety_nine_minutes_of_a_hundred_must_be_up(down, verdict):
    found = one("uptime", minutes=100_000, minutes_up=100_000 - down)

    assert found.verdict == verdict
    assert found.low <= found.value <= found.high


def test_uptime_is_judged_over_thirty_days_clean_or_not_and_never_without_a_minute():
    assert one("uptime", clean_days=(), minutes_up=0).verdict == NO_GO
    assert one("uptime", days=DAYS[-29:], clean_days=DAYS[-29:]).verdict == INSUFFICIENT
    assert one("uptime", minutes=0, minutes_up=0).value is None


@pytest.mark.parametrize(("age", "verdict"), [(28, GO), (29, NO_GO)])
def test_the_pool_may_be_as_old_as_the_process_would_use_it(age, verdict):
    assert one("parameters", parameters_as_of=TODAY - timedelta(days=age)).verdict == verdict


def test_days_nobody_held_against_the_venue_say_who_does():
    found = one("ledger", ledger_verified=DAYS[:-2], verified_by="the next process does")

    assert found.verdict == INSUFFICIENT
    assert found.sentence.endswith(
        "2 days have not been held against the venue: the next process does."
    )
    assert one("ledger", ungraded=1).verdict == NO_GO


def test_notes_go_with_it_and_a_rehearsal_says_that_it_promotes_nothing():
    facts = replace(FACTS, source="twin")
    found = judge_days(facts, LIMITS, family="temperature", notes=("Ask again.",))

    assert "promote nothing" in found.notes[0]
    assert found.notes[1:] == ("Ask again.",)
