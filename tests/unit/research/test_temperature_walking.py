"""The filter on recorded events, and weights that are of earlier days only."""

from dataclasses import replace

import numpy as np
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.families.temperature_book import load_parameters
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.research.scores.clusters import DayBootstrap
from kalshi_alpha.research.temperature import prior
from kalshi_alpha.research.temperature.filtering import (
    HOURS,
    SETTINGS,
    Panel,
    Setting,
    filtered,
    panel_of,
)
from kalshi_alpha.research.temperature.panel import brier_of
from kalshi_alpha.research.temperature.trades import load
from kalshi_alpha.research.temperature.walking import (
    DRY,
    MIDDLES,
    OURS,
    POWER,
    walk,
    windows_of,
)
from tests.temperature_days import write_days

ONE = SETTINGS[1]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return load([write_days(tmp_path_factory.mktemp("days"), 56)], load_stations())


@pytest.fixture(scope="module")
def panel(recorded):
    return panel_of(recorded.events, SETTINGS[1:3])


def test_what_the_filter_says_rests_on_the_trades_so_far(recorded):
    event = recorded.events[0]
    instants = event.start_s + 3600.0 * np.array([2.0, 9.0, 15.0])
    whole = filtered(event, instants, (ONE,))
    for k, instant in enumerate(instants):
        cut = filtered(event.until(instant), instants[: k + 1], (ONE,))
        assert np.array_equal(cut, whole[:, : k + 1])


def test_the_filter_is_flatter_after_hours_of_silence(recorded):
    event = recorded.events[0]
    end = float(event.at[-1])
    ((at_once, later, much_later),) = filtered(
        event, np.array([end, end + 7200, end + 36000]), (ONE,)
    )
    assert at_once.max() > later.max() > much_later.max()


def test_without_a_law_of_the_weather_leaning_on_it_is_nothing(recorded):
    event = recorded.events[0]
    instants = np.array([float(event.at[-1])])
    plain, leaning = filtered(event, instants, (ONE, replace(ONE, lean=4.0)))
    assert np.array_equal(plain, leaning)


def test_silence_brings_the_filter_back_to_the_weather(recorded):
    event = recorded.events[0]
    end, setting = float(event.at[-1]), Setting(1e-4, 4.0)
    law = ((event.start_s, (0.9, 0.02, 0.02, 0.02, 0.02, 0.02)),)
    ((soon, late),) = filtered(event, np.array([end, end + 1e6]), (setting,), law)
    assert late[0] > 0.5 > soon[0]  # flatter than the law itself, for that may be off
    assert late.sum() == pytest.approx(1.0)


def test_a_panel_holds_the_hours_at_which_an_event_had_traded(recorded, panel):
    assert set(panel.hour.tolist()) <= set(HOURS)
    assert len(panel) <= len(recorded.events) * len(HOURS)
    for said in (panel.share, panel.last, *panel.filtered.values()):
        assert said.sum(axis=1) == pytest.approx(np.ones(len(panel)))


def test_two_processes_say_what_one_says(recorded):
    events = recorded.events[:40]
    one, two = (panel_of(events, SETTINGS[:1], workers=n) for n in (1, 2))
    for name in ("day", "hour", "winner", "share"):
        assert np.array_equal(getattr(one, name), getattr(two, name))
    assert np.array_equal(one.filtered[SETTINGS[0]], two.filtered[SETTINGS[0]])


def test_a_window_learns_from_forty_two_days_for_the_seven_after_them():
    day = np.arange(100, 160, dtype=np.int64)
    spans = [(day[past], day[now]) for past, now in windows_of(day)]
    assert [(one.min(), one.max()) for one, _ in spans] == [(100, 141), (107, 148), (114, 155)]
    assert [(one.min(), one.max()) for _, one in spans] == [(142, 148), (149, 155), (156, 159)]


def test_a_window_with_too_few_days_to_learn_from_scores_nothing():
    day = np.array([*range(100, 110), *range(142, 150)], dtype=np.int64)
    assert list(windows_of(day)) == []


def test_no_day_is_scored_before_the_first_that_may_be():
    day = np.arange(100, 160, dtype=np.int64)
    assert [day[now].min() for _, now in windows_of(day, 150)] == [150, 157]


def test_later_days_change_nothing_of_earlier_ones(panel):
    whole = walk(panel)
    days = np.unique(panel.day)
    keep = panel.day < days[42] + 7
    cut = Panel(
        panel.day[keep], panel.hour[keep], tuple(np.array(panel.series)[keep]),
        panel.winner[keep], panel.there[keep], panel.share[keep], panel.last[keep],
        {one: said[keep] for one, said in panel.filtered.items()},
    )  # fmt: skip
    early = walk(cut)
    assert early.scored.any()
    assert early.windows == whole.windows[:1]
    for name, said in early.said.items():
        assert np.array_equal(said, whole.said[name][keep])


def test_a_first_day_changes_what_counts_and_nothing_that_is_said(panel):
    days = np.unique(panel.day)
    whole, later = walk(panel), walk(panel, int(days[50]))
    assert np.unique(panel.day[later.scored]).tolist() == days[50:].tolist()
    assert np.array_equal(later.said[OURS], whole.said[OURS])
    assert later.windows == whole.windows


def test_outcomes_of_the_scored_days_change_nothing_that_is_said_of_them(panel):
    whole = walk(panel)
    last = panel.day >= np.unique(panel.day)[49]
    other = replace(panel, winner=np.where(last, 5 - panel.winner, panel.winner))
    again = walk(other)
    for name in (OURS, POWER):
        assert np.array_equal(again.said[name], whole.said[name])


def test_prices_that_are_too_flat_by_a_known_power_are_bettered():
    random = np.random.default_rng(5)
    days, events = 70, 12
    law = random.dirichlet(np.full(6, 0.5), days * events) + 1e-3
    law /= law.sum(axis=1, keepdims=True)
    flat = np.sqrt(law)
    flat /= flat.sum(axis=1, keepdims=True)
    winner = (np.cumsum(law, axis=1) < random.random(len(law))[:, None]).sum(axis=1)
    day = np.repeat(np.arange(1000, 1000 + days), events).astype(np.int64)
    made = Panel(
        day, np.full(len(day), 10.0), ("KXHIGHNY",) * len(day), np.minimum(winner, 5),
        np.ones(flat.shape, dtype=bool), flat, flat, {ONE: flat},
    )  # fmt: skip
    walked = walk(made)
    rows = walked.scored
    ours, middles = (brier_of(walked.said[k], made.winner)[rows] for k in (OURS, MIDDLES))
    assert DayBootstrap(day[rows]).difference(ours, middles).high < 0.0
    assert walked.windows[-1].weights["power@1"] == pytest.approx(2.0, abs=0.3)
    assert np.array_equal(walked.said[OURS], walked.said[DRY])


def test_too_few_days_are_a_sentence(panel):
    rows = panel.day < panel.day.min() + 10
    short = Panel(
        panel.day[rows], panel.hour[rows], tuple(np.array(panel.series)[rows]),
        panel.winner[rows], panel.there[rows], panel.share[rows], panel.last[rows],
        {one: said[rows] for one, said in panel.filtered.items()},
    )  # fmt: skip
    with pytest.raises(DataError, match="21 days of events among the 42 before"):
        walk(short)


@pytest.mark.shared_data
def test_the_weather_of_a_recorded_day_rests_on_earlier_highs(shared_data):
    recorded = load([shared_data], load_stations())
    mine = [e for e in recorded.events if e.name in ("HIGHNY-24SEP03", "HIGHMIA-24SEP03")]
    own = {name: load_parameters(name) for name in ("KNYC", "KMIA")}
    folder = prior.folder_of(shared_data)
    laws = prior.laws_of(mine, folder, load_stations(), own)
    assert set(laws) == {"HIGHNY-24SEP03", "HIGHMIA-24SEP03"}
    for event in mine:
        before, after = laws[event.name]
        assert before[0] == event.start_s - 17 * 3600
        assert after[0] == event.start_s + 7 * 3600
        assert sum(after[1]) == pytest.approx(1.0)
