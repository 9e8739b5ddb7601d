"""The readiness of the temperature ladders, from days as processes leave them."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.cloud.rollup import key
from kalshi_alpha.cloud.state import StateStore
from kalshi_alpha.cloud.table import Table
from kalshi_alpha.errors import DataError
from kalshi_alpha.jobs import evening, temperature_evidence
from kalshi_alpha.jobs.momentum_tables import roll_up
from kalshi_alpha.momentum.fitted import POOL_KEY
from kalshi_alpha.rehearsal.campaign.tables import MemoryTables
from kalshi_alpha.rehearsal.recorded_temperature import shipped_pool
from kalshi_alpha.research.appraisal import Operations
from kalshi_alpha.research.temperature.graded_days import SCHEMA, EventGrade, GradedClimateDay
from kalshi_alpha.research.temperature.readiness import (
    LIMITS,
    appraise_record,
    facts_of,
    pool_known_to,
)
from kalshi_alpha.research.temperature.record import ClimateRecord, grade_key, of_stage, rehearsed
from kalshi_alpha.steps import momentum_runtime
from kalshi_alpha.steps.runtime import Runtime, Settings
from kalshi_alpha.trading.readiness import GO, INSUFFICIENT, NO_GO
from kalshi_alpha.trading.standing import Standing, StandingRecord
from tests.climate_days import (
    DAY,
    MIAMI,
    NEW_YORK,
    a_fill,
    a_settled_day,
    after,
    leans,
    leave,
    looks,
)
from tests.fills_world import made_fill

NAMES = [
    "clean-days", "fills", "mean", "t", "always-valid", "sharpe", "win-rate", "slippage",
    "parameters", "uptime", "drawdown", "fall", "kill-switch", "ledger",
]  # fmt: skip


def an_event(day: date, series: str = NEW_YORK, *, source: str = "paper", **over) -> EventGrade:
    fields = {
        "event": f"{series}-{day:%y%b%d}".upper(), "source": source, "settled": True,
        "minutes": 1439, "up": 1439, "verified": True,
    }  # fmt: skip
    return EventGrade(**fields | over)


def a_day(day: date, *events: EventGrade) -> GradedClimateDay:
    return GradedClimateDay(SCHEMA, day, events or (an_event(day),))


def facts(days, *, today=None, standing=None, continuous=True):
    found, notes = facts_of(
        days,
        after(today or days[-1].day),
        today or days[-1].day,
        standing or StandingRecord(),
        Operations(),
        continuous=continuous,
        parameters_as_of=None,
    )
    return found, notes


def days_of(count: int) -> list[GradedClimateDay]:
    return [a_day(DAY + timedelta(days=k)) for k in range(count)]


def test_every_day_is_clean_and_every_minute_counted():
    found, notes = facts(days_of(30))

    assert len(found.clean_days) == len(found.days) == 30
    assert (found.minutes, found.minutes_up) == (30 * 1439, 30 * 1439)
    assert found.ledger_verified == found.days
    assert notes == ("The climate days of KXHIGHNY are judged.",)


def test_a_day_on_which_nothing_ran_between_two_that_did_was_down_and_earned_nothing():
    days = days_of(5)
    del days[2]
    found, _ = facts(days)

    assert len(found.days) == 5
    assert len(found.clean_days) == 4
    assert (found.minutes, found.minutes_up) == (4 * 1439 + 1440, 4 * 1439)
    assert found.ledger_verified == found.days
    rehearsals, _ = facts(days, continuous=False)
    assert len(rehearsals.days) == len(rehearsals.clean_days) == 4


def test_a_city_counts_from_its_first_day_to_its_last():
    days = days_of(4)
    second = days[1].day
    days[1] = a_day(second, *days[1].events, an_event(second, MIAMI))
    third = days[3].day
    days[3] = a_day(third, *days[3].events, an_event(third, MIAMI))
    found, _ = facts(days)

    # Miami is missing on the day between its two.
    assert found.clean_days == (days[0].day, days[1].day, days[3].day)
    assert found.minutes == 6 * 1439 + 1440


def test_one_city_that_was_down_spoils_the_day_of_both():
    found, _ = facts([a_day(DAY, an_event(DAY), an_event(DAY, MIAMI, up=1300))])

    assert found.clean_days == ()
    assert found.minutes_up == 1439 + 1300


def test_a_day_that_may_yet_be_settled_waits_and_one_that_will_not_be_is_unclean():
    days = days_of(6)
    last = an_event(days[-1].day, source="", settled=False, verified=False)
    days[-1] = a_day(days[-1].day, last)
    waiting, notes = facts(days, today=days[-1].day + timedelta(days=3))

    assert len(waiting.days) == len(waiting.clean_days) == 5
    assert notes[-1] == f"Not settled yet, and not judged: {days[-1].day}."
    late, notes = facts(days, today=days[-1].day + timedelta(days=4))
    assert (len(late.days), len(late.clean_days), len(notes)) == (6, 5, 1)
    assert days[-1].day not in late.ledger_verified


def test_paper_and_live_are_never_added_up():
    fill = made_fill(DAY, series=NEW_YORK)
    days = days_of(4)
    days[0] = a_day(DAY, an_event(DAY, fills=(fill,)))
    days[2:] = [a_day(one.day, an_event(one.day, source="live")) for one in days[2:]]
    found, _ = facts(days)

    assert (found.source, found.fills) == ("live", ())
    assert found.days == (days[2].day, days[3].day)
    assert found.minutes == 2 * 1439


def test_only_what_came_since_the_last_move_of_the_stage_counts():
    days = days_of(10)
    found, _ = facts(days, standing=StandingRecord(Standing.PAPER, since=days[7].day))

    assert (found.since, found.minutes) == (days[7].day, 3 * 1439)


def test_fills_nobody_explains_and_differences_of_the_last_days_are_held_against_it():
    days = days_of(20)
    spoiled = {"ungraded": ("f-1", "f-2"), "differences": ("ka-1: it fell twice",)}
    days[0] = a_day(DAY, an_event(DAY, **spoiled))
    assert facts(days)[0].ungraded == 0
    days[-1] = a_day(days[-1].day, an_event(days[-1].day, **spoiled))
    found, _ = facts(days)

    assert found.ungraded == 2
    assert found.ledger_differences == ("ka-1: it fell twice",)


def test_the_pool_is_as_old_as_the_newest_weights_that_were_known(tmp_path):
    store = FolderStore(tmp_path)
    assert pool_known_to(store, DAY) is None
    store.write(POOL_KEY, shipped_pool())

    assert pool_known_to(store, DAY) == date(2024, 11, 28)
    assert pool_known_to(store, date(2024, 1, 1)) is None
    old = pool_known_to(store, date(2025, 6, 1))
    assert (date(2025, 6, 1) - old).days > LIMITS.parameters_days
    store.write(POOL_KEY, shipped_pool().replace(b'"middles"', b'"middle"'))
    assert pool_known_to(store, DAY) is None


def test_the_pool_is_looked_for_where_the_process_reads_it(tmp_path):
    store = FolderStore(tmp_path)
    clock = ManualClock(after(DAY, 46.0))
    process = momentum_runtime.MomentumRuntime(Settings(artifacts=str(tmp_path)), clock)
    assert (pool_known_to(store, DAY), process.pool(DAY)) == (None, None)
    store.write(POOL_KEY, shipped_pool())
    assert pool_known_to(store, DAY) is not None
    assert process.pool(DAY) is not None


def test_a_rehearsed_day_is_insufficient_with_every_criterion_named(tmp_path):
    store, bought = FolderStore(tmp_path / "artifacts"), a_fill()
    store.write(POOL_KEY, shipped_pool())
    leave(store, a_settled_day(DAY, NEW_YORK, bought, source="twin"), leans(bought), looks())
    found = appraise_record(rehearsed(tmp_path), after(DAY))

    assert (found.verdict, found.source, found.family) == (INSUFFICIENT, "twin", "temperature")
    assert (found.first_day, found.last_day, found.days) == (DAY, DAY, 1)
    assert [one.name for one in found.criteria] == NAMES
    assert "promote nothing" in found.notes[0]


def test_nothing_on_record_is_a_sentence(tmp_path):
    with pytest.raises(DataError, match="no climate day has run yet"):
        appraise_record(of_stage(FolderStore(tmp_path), "east"), after(DAY))


# --- a stage --------------------------------------------------------------------------------------


@pytest.fixture
def runtime(tmp_path) -> Runtime:
    """A stage whose evening is the day after, with its switch off."""
    made = Runtime(Settings(artifacts=str(tmp_path), cities="east"), ManualClock(after(DAY, 46.0)))
    made.state = StateStore(Table(MemoryTables(), "state"))
    made.state.set_kill_switch(on=False, reason="test", by="test", at=after(DAY))
    return made


def test_the_evening_keeps_grades_and_a_readiness_and_may_do_so_again(runtime):
    store, bought, today = runtime.artifacts, a_fill(), DAY + timedelta(days=1)
    store.write(POOL_KEY, shipped_pool())
    leave(store, a_settled_day(DAY, NEW_YORK, bought), leans(bought), looks())
    leave(store, a_settled_day(DAY, MIAMI), [], looks(DAY, MIAMI, missing=range(1000)))
    roll_up(runtime, today)
    said = temperature_evidence.keep(runtime, today)
    doc = json.loads(store.read("readiness/temperature-2024-12-04.json"))
    graded = GradedClimateDay.from_bytes(store.read(grade_key(DAY)))

    assert said == {"verdict": INSUFFICIENT, "days": 1}
    assert (doc["family"], doc["source"], doc["verdict"]) == ("temperature", "paper", INSUFFICIENT)
    verdicts = {one["name"]: one["verdict"] for one in doc["criteria"]}
    assert (verdicts["kill-switch"], verdicts["parameters"], verdicts["ledger"]) == (GO, GO, GO)
    assert [len(one.fills) for one in graded.events] == [0, 1]
    assert [one.up for one in graded.events] == [439, 1439]
    assert temperature_evidence.keep(runtime, today) == said


def test_a_stage_without_a_day_keeps_nothing(runtime):
    assert temperature_evidence.keep(runtime, DAY) == {"verdict": "", "days": 0}
    assert runtime.artifacts.keys("readiness/") == []


def test_a_grade_is_kept_of_settled_days_alone_and_read_instead_of_the_lines(runtime):
    store, today = runtime.artifacts, DAY + timedelta(days=1)
    leave(store, a_settled_day(), [], looks(), closed=False)
    roll_up(runtime, today)
    temperature_evidence.keep(runtime, today)
    assert store.keys("daily/temperature_grades/") == []

    leave(store, a_settled_day())
    temperature_evidence.keep(runtime, today)
    record = of_stage(store, "east")
    store.write("momentum/KXHIGHNY-24DEC03/settled.json", b"{")
    assert [one.day for one in record.graded()] == [DAY]
    with pytest.raises(DataError, match="a settled day cannot be read"):
        record.graded(again={DAY})


def test_days_of_cities_that_are_no_longer_deployed_are_passed_over(runtime):
    leave(runtime.artifacts, a_settled_day(), [], looks())
    roll_up(runtime, DAY + timedelta(days=1))

    assert of_stage(runtime.artifacts, "central").graded() == ()


def test_a_table_of_before_there_was_a_column_has_nothing_up(tmp_path):
    store = FolderStore(tmp_path)
    rows = [
        {"seconds": row["at"], "event": row["event"], "ticker": row["ticker"], "belief": 0.5}
        for row in looks()
    ]
    packed = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), packed)
    store.write(key("temperature_features", DAY), packed.getvalue())
    leave(store, a_settled_day())
    (day,) = of_stage(store, "east").graded()

    assert [(one.settled, one.minutes, one.up) for one in day.events] == [(True, 1439, 0)]


def test_a_table_that_is_none_is_a_sentence(tmp_path):
    store = FolderStore(tmp_path)
    store.write(key("temperature_features", DAY), b"no table")

    with pytest.raises(DataError, match="daily/temperature_features/day=2024-12-03"):
        of_stage(store, "east").graded()


def test_parameters_that_cannot_be_read_are_no_go(tmp_path):
    store = FolderStore(tmp_path)
    leave(store, a_settled_day(), [], looks())
    found = appraise_record(ClimateRecord((store,)), after(DAY))

    assert found.verdict == NO_GO
    assert "The parameters cannot be read." in found.sentence


def test_the_evening_of_a_stage_with_city_groups_keeps_their_readiness(runtime, monkeypatch):
    for step in (evening.close_day, evening.grade_day):
        monkeypatch.setattr(step, "run", lambda *_: {})
    monkeypatch.setattr(evening, "roll_up", lambda *_: {})
    leave(runtime.artifacts, a_settled_day(), [], looks())
    asked = {"day": "2024-12-04", "pages": False}
    said = evening.run(asked, runtime)

    assert said["temperature"]["temperature_features"] == 2 * 1439
    assert said["temperature_readiness"] == {"verdict": NO_GO, "days": 1}  # no pool is here
    runtime.settings = Settings(artifacts=runtime.settings.artifacts)
    assert "temperature_readiness" not in evening.run(asked, runtime)
