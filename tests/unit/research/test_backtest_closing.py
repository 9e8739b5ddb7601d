"""Where not to quote: chosen on earlier days, tested on later ones, written as a tuning."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from kalshi_alpha.errors import ConfigurationError, ParameterError
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.research.backtest.closing import (
    FEWEST_VOTES,
    choose_closed,
    configuration_with,
    power_of,
    tried,
    tuning_from,
)
from kalshi_alpha.research.backtest.engine import play
from kalshi_alpha.research.backtest.records import FillRow
from kalshi_alpha.research.backtest.settings import Settings
from kalshi_alpha.research.backtest.summary import Sample
from kalshi_alpha.trading.tuning import configuration_of, load_tuning
from kalshi_alpha.trading.when import Stretch, When
from tests.made_tapes import pricer_of, quiet, tape_of

REGISTRY = load_registry()
SERIES = REGISTRY.series["KXINXU"]
DAYS = tuple((date(2026, 1, 5) + timedelta(days=k)).isoformat() for k in range(24))


def row(day, seconds, realised, side="bid", market="A"):
    return FillRow(
        day=day,
        window_id="w",
        ticker=f"{day}-{market}",
        bin=1,
        side=side,
        price=4000,
        size=100,
        at=f"{day}T20:59:00Z",
        placed_s=10.0,
        seconds_to_fixing=seconds,
        is_taker=False,
        probability=0.5,
        ev_claimed=0.06,
        fee=0,
        evidence="trade_through",
        markout_1s=None,
        markout_5s=None,
        markout_30s=None,
        settled=True,
        realised=realised,
    )


def sample(last_minute_later):
    """Return a fill in the last minute and one before it a day; the former loses at first."""
    rows = []
    for k, day in enumerate(DAYS):
        late = -0.20 - 0.01 * (k % 3) if k < 12 else last_minute_later - 0.01 * (k % 3)
        rows += [row(day, 30.0, late), row(day, 200.0, 0.05, market="B")]
    return Sample(DAYS, tuple(rows), (), 48)


def document(found):
    return {
        "closed": found,
        "all": {"verdict": "not-established"},
        "days": [{"day": day} for day in DAYS],
        "provenance": {"Trades": "SHA-256 x"},
        "fingerprint": "f",
    }


def test_a_stretch_that_lost_twice_is_closed():
    found = choose_closed(sample(-0.15), Settings(), 24)

    assert (found["chosen"]["start_s"], found["chosen"]["stop_s"]) == (60.0, 2.25)
    assert found["earlier"]["fills"] == 12
    assert found["later"]["verdict"] == "loss"
    assert found["act"] is True
    assert found["days_needed"] <= 12


def test_a_loss_that_does_not_come_back_closes_nothing():
    found = choose_closed(sample(+0.15), Settings(), 24)

    assert found["chosen"]["start_s"] == 60.0
    assert found["later"]["verdict"] == "edge"
    assert found["act"] is False
    assert tuning_from(document(found), Settings(), SERIES) is None


def test_few_votes_choose_nothing():
    rows = tuple(row(day, 30.0, -0.2) for day in DAYS[: FEWEST_VOTES - 1])

    assert choose_closed(Sample(DAYS, rows, (), 9), Settings(), 24)["chosen"] is None


def test_many_fills_of_one_market_side_are_one_vote():
    rows = tuple(row(DAYS[0], 30.0 - k, -0.2) for k in range(20))

    assert choose_closed(Sample(DAYS, rows, (), 20), Settings(), 24)["chosen"] is None


def test_only_stretches_inside_the_quoted_times_are_tried():
    found = tried(Settings(start_s=300.0, stop_s=2.25))

    assert {(s.start_s, s.stop_s) for s in found} == {(300.0, 120.0), (120.0, 60.0), (60.0, 2.25)}
    assert len(found) == 18


def test_what_is_learned_is_read_with_the_configuration_that_trades():
    data = tuning_from(document(choose_closed(sample(-0.15), Settings(), 24)), Settings(), SERIES)
    assert data is not None
    live = configuration_of(SERIES.quoting, SERIES.caps, REGISTRY.groups[SERIES.group].phases)

    found = load_tuning(data, "KXINXU", live, date(2026, 2, 2))

    (closed,) = found.when.closed
    assert (closed.start_s, closed.stop_s, closed.side) == (60.0, 2.25, None)
    assert "12 votes made -21.0 cents a contract on 2026-01-05 to 2026-01-16" in closed.why
    with pytest.raises(ParameterError, match="looking ahead"):
        load_tuning(data, "KXINXU", live, date(2026, 1, 28))


def test_a_run_with_other_settings_is_of_another_configuration():
    live = configuration_of(SERIES.quoting, SERIES.caps, REGISTRY.groups[SERIES.group].phases)

    assert configuration_with(Settings(), SERIES) == live
    assert configuration_with(Settings(min_ev=300), SERIES) != live
    assert configuration_with(Settings(lots=2), SERIES) != live


def test_other_rules_than_lives_teach_nothing():
    found = document(choose_closed(sample(-0.15), Settings(), 24))

    with pytest.raises(ConfigurationError, match="rule offset"):
        tuning_from(found, Settings(rule="offset"), SERIES)


def test_the_days_a_verdict_needs_fall_with_the_square_of_the_edge():
    found = {one["edge"]: one["days"] for one in power_of(sample(+0.15))}

    assert found[0.01] > found[0.02] > found[0.05] > found[0.10]
    assert found[0.01] == pytest.approx(100 * found[0.10], rel=0.2)
    assert power_of(Sample(DAYS, (), (), 0))[0]["days"] is None


def test_a_closed_stretch_is_not_quoted_in_the_backtest_and_says_why():
    tape = tape_of(quiet())
    whole = play(pricer_of(tape), Settings())
    closed = When((Stretch(300.0, 200.0, why="it lost"),))

    found = play(pricer_of(tape), replace(Settings(), when=closed))

    early = [
        k
        for k, plan in enumerate(found.plans)
        if 200.0 < (tape.window.fixing - plan.made_at).total_seconds() <= 300.0
    ]
    assert any(whole.plans[k].targets for k in early)
    assert not any(found.plans[k].targets for k in early)
    assert any(plan.targets for plan in found.plans)
    assert found.refusals["closed-stretch"] > 0
