"""The planner against a listing in memory and schedules in process: planned, moved, cancelled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from kalshi_alpha.clock import NEW_YORK, ManualClock, iso
from kalshi_alpha.cloud.layout import STATE
from kalshi_alpha.cloud.plans import Plan
from kalshi_alpha.cloud.services import client
from kalshi_alpha.errors import ConfigurationError, DataError, VenueUnavailable
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.traded import trade
from kalshi_alpha.rehearsal.machine import create_table
from kalshi_alpha.steps import planner, rollcall, start
from kalshi_alpha.steps.runtime import Runtime, Settings

GROUP = "paper-releases"
SETTINGS = Settings(
    state_table=STATE.name,
    schedules=GROUP,
    starter="arn:aws:lambda:us-east-1:123456789012:function:start:live",
    schedule_role="arn:aws:iam::123456789012:role/planned",
    dead_letters="arn:aws:sqs:us-east-1:123456789012:dead-letters",
    families="macro",
)
MONDAY = datetime(2026, 1, 12, 6, tzinfo=NEW_YORK)
CPI_CLOSES = datetime(2026, 1, 13, 13, 25, tzinfo=UTC)
CPI = "20260113-0825-cpi"
CLAIMS = "20260115-0825-claims"
LISTED = {
    "KXCPI-25DEC": CPI_CLOSES,
    "KXCPIYOY-25DEC": CPI_CLOSES,
    "KXJOBLESSCLAIMS-26JAN15": datetime(2026, 1, 15, 13, 25, tzinfo=UTC),
}


class Listing:
    """What the venue lists, market by market; ``down`` are the series it cannot tell of."""

    def __init__(self, events: dict[str, datetime]) -> None:
        self.markets = [market(event, closes) for event, closes in events.items()]
        self.down: set[str] = set()
        self.asked: list[tuple[str, datetime, datetime]] = []

    def closing(self, series: str, first: datetime, last: datetime) -> list[dict[str, Any]]:
        self.asked.append((series, first, last))
        if series in self.down:
            raise VenueUnavailable("no answer came")
        return [m for m in self.markets if m["event_ticker"].partition("-")[0] == series]

    def move(self, event: str, **fields: Any) -> None:
        for found in self.markets:
            if found["event_ticker"] == event:
                found.update(fields)

    def close(self) -> None:
        """Do nothing: there is no connection."""


def market(event: str, closes: datetime, strike: str = "T0.3") -> dict[str, Any]:
    return {
        "ticker": f"{event}-{strike}",
        "event_ticker": event,
        "status": "active",
        "close_time": iso(closes),
    }


@pytest.fixture(autouse=True)
def macro() -> Iterator[None]:
    trade("macro")
    yield
    trade()


@pytest.fixture
def listing() -> Listing:
    return Listing(LISTED)


@pytest.fixture
def runtime(listing: Listing) -> Iterator[Runtime]:
    with mock_aws():
        client.cache_clear()
        create_table(STATE, STATE.name)
        scheduler().create_schedule_group(Name=GROUP)
        runtime = Runtime(SETTINGS, ManualClock(MONDAY))
        runtime.__dict__["reader"] = listing
        yield runtime
        client.cache_clear()


def scheduler() -> Any:
    return boto3.client("scheduler", region_name="us-east-1")


def scheduled() -> dict[str, dict[str, Any]]:
    names = [s["Name"] for s in scheduler().list_schedules(GroupName=GROUP)["Schedules"]]
    return {name: scheduler().get_schedule(GroupName=GROUP, Name=name) for name in names}


def at(runtime: Runtime, when: datetime) -> Runtime:
    moved = Runtime(runtime.settings, ManualClock(when))
    moved.__dict__["reader"] = runtime.reader
    return moved


# --- planning ---------------------------------------------------------------------------------


def test_what_is_listed_and_released_is_planned_with_a_schedule_each(runtime: Runtime) -> None:
    answer = planner.run({}, runtime)

    assert answer == {
        "planned": [CPI, CLAIMS],
        "cancelled": {},
        "left_out": {},
        "metrics": {"Planned": 2, "PlansCancelled": 0, "PlansLeftOut": 0},
    }
    assert set(scheduled()) == {CPI, CLAIMS}
    plan = runtime.plans.of(CPI)
    assert plan is not None
    assert plan.events == ("KXCPI-25DEC", "KXCPIYOY-25DEC")
    assert plan.window == runtime.window(CPI)
    assert plan.cancelled == ""


def test_a_schedule_fires_once_at_the_preparation_and_names_its_window(runtime: Runtime) -> None:
    planner.run({}, runtime)
    found = scheduled()[CPI]

    assert found["ScheduleExpression"] == "at(2026-01-13T12:55:00)"
    assert found["ScheduleExpressionTimezone"] == "UTC"
    assert found["ActionAfterCompletion"] == "DELETE"
    assert found["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert found["Target"] == {
        "Arn": SETTINGS.starter,
        "RoleArn": SETTINGS.schedule_role,
        "Input": json.dumps({"window_id": CPI}),
        "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
        "DeadLetterConfig": {"Arn": SETTINGS.dead_letters},
    }


def test_every_series_of_a_release_is_asked_for_eight_days_and_no_index(
    runtime: Runtime, listing: Listing
) -> None:
    planner.run({}, runtime)

    groups = load_registry().groups.values()
    expected = {series for group in groups if group.release for series in group.series}
    assert {series for series, _, _ in listing.asked} == expected
    assert {(first, last) for _, first, last in listing.asked} == {
        (MONDAY, MONDAY + timedelta(days=8))
    }


def test_planning_again_changes_nothing(runtime: Runtime) -> None:
    first = planner.run({}, runtime)
    plans, schedules = runtime.plans.on(date(2026, 1, 13)), scheduled()
    later = at(runtime, MONDAY + timedelta(hours=7))

    assert planner.run({}, later) == first
    assert later.plans.on(date(2026, 1, 13)) == plans
    assert {n: s["ScheduleExpression"] for n, s in scheduled().items()} == {
        n: s["ScheduleExpression"] for n, s in schedules.items()
    }


def test_a_schedule_that_was_lost_is_made_again(runtime: Runtime) -> None:
    planner.run({}, runtime)
    scheduler().delete_schedule(GroupName=GROUP, Name=CPI)
    planner.run({}, runtime)

    assert set(scheduled()) == {CPI, CLAIMS}


def test_a_series_that_closes_minutes_later_has_a_window_of_its_own(
    runtime: Runtime, listing: Listing
) -> None:
    listing.move("KXCPIYOY-25DEC", close_time=iso(CPI_CLOSES + timedelta(minutes=4)))

    assert planner.run({}, runtime)["planned"] == [CPI, "20260113-0829-cpi", CLAIMS]


def test_without_a_place_for_schedules_nothing_is_planned(runtime: Runtime) -> None:
    nowhere = Runtime(Settings(state_table=STATE.name), runtime.clock)
    with pytest.raises(ConfigurationError, match="KALSHI_ALPHA_SCHEDULES is not set"):
        planner.run({}, nowhere)


# --- left out ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"close_time": "2026-01-16T13:25:00Z"}, "the calendar has no release of cpi within 36"),
        ({"close_time": "2026-01-13T13:25:30Z"}, "a window is named by a whole minute"),
        ({"close_time": "soon"}, "it closes at 'soon', which is no time"),
        ({"close_time": None}, "which is no time"),
        ({"event_ticker": "KXCPI-25NOV"}, "the next release after that is the one of KXCPI-25DEC"),
    ],
)
def test_a_listing_that_the_calendar_contradicts_is_left_out_with_a_sentence(
    runtime: Runtime, listing: Listing, change: dict[str, Any], said: str
) -> None:
    listing.move("KXCPI-25DEC", **change)
    answer = planner.run({}, runtime)

    (reason,) = answer["left_out"].values()
    assert said in reason
    assert answer["metrics"]["PlansLeftOut"] == 1
    plan = runtime.plans.of(CPI)
    assert plan is not None
    assert plan.events == ("KXCPIYOY-25DEC",)


def test_an_event_whose_markets_close_at_different_times_is_left_out(
    runtime: Runtime, listing: Listing
) -> None:
    other = market("KXCPI-25DEC", CPI_CLOSES + timedelta(minutes=1), "T0.4")
    listing.markets.append(other)

    reason = planner.run({}, runtime)["left_out"]["KXCPI-25DEC"]
    assert reason.startswith("its markets close at different times: 2026-01-13T13:25:00Z, ")

    other["status"] = "finalized"  # it trades no more, so its time counts no more
    assert planner.run({}, runtime)["left_out"] == {}


def test_what_lies_further_ahead_or_behind_is_nobodys_business_yet(
    runtime: Runtime, listing: Listing
) -> None:
    listing.move("KXCPI-25DEC", close_time=iso(MONDAY + timedelta(days=8, minutes=1)))
    listing.move("KXJOBLESSCLAIMS-26JAN15", close_time=iso(MONDAY))
    answer = planner.run({}, runtime)

    assert answer["planned"] == [CPI]
    assert answer["left_out"] == {}


def test_an_event_that_is_listed_after_its_preparation_was_due_is_left_out(
    runtime: Runtime,
) -> None:
    late = at(runtime, CPI_CLOSES - timedelta(minutes=31))
    answer = planner.run({}, late)

    assert answer["left_out"]["KXCPI-25DEC"].startswith(
        "its preparation was due at 2026-01-13T12:55:00Z"
    )
    assert late.plans.of(CPI) is None
    assert set(scheduled()) == {CLAIMS}


# --- cancelled --------------------------------------------------------------------------------


def test_a_close_that_moves_cancels_the_plan_and_makes_another(
    runtime: Runtime, listing: Listing
) -> None:
    planner.run({}, runtime)
    for event in ("KXCPI-25DEC", "KXCPIYOY-25DEC"):
        listing.move(event, close_time="2026-01-13T13:29:00Z")
    answer = planner.run({}, at(runtime, MONDAY + timedelta(hours=7)))

    assert answer["planned"] == ["20260113-0829-cpi", CLAIMS]
    assert answer["cancelled"] == {
        CPI: "KXCPI-25DEC now closes at 2026-01-13T13:29:00Z; "
        "KXCPIYOY-25DEC now closes at 2026-01-13T13:29:00Z"
    }
    assert answer["metrics"]["PlansCancelled"] == 1
    assert set(scheduled()) == {"20260113-0829-cpi", CLAIMS}
    plan = runtime.plans.of(CPI)
    assert plan is not None
    assert plan.cancelled == answer["cancelled"][CPI]


def test_an_event_that_is_gone_cancels_its_plan_until_it_is_listed_again(
    runtime: Runtime, listing: Listing
) -> None:
    planner.run({}, runtime)
    gone = [m for m in listing.markets if m["event_ticker"].startswith("KXJOBLESS")]
    listing.markets = [m for m in listing.markets if m not in gone]
    answer = planner.run({}, runtime)

    assert answer["cancelled"] == {
        CLAIMS: "KXJOBLESSCLAIMS-26JAN15 is no longer listed to close within 8 days"
    }
    assert set(scheduled()) == {CPI}
    assert planner.run({}, runtime)["cancelled"] == {}  # told once

    listing.markets += gone
    assert planner.run({}, runtime)["planned"] == [CPI, CLAIMS]
    assert set(scheduled()) == {CPI, CLAIMS}


def test_a_plan_whose_schedule_is_gone_already_is_cancelled_all_the_same(
    runtime: Runtime, listing: Listing
) -> None:
    planner.run({}, runtime)
    scheduler().delete_schedule(GroupName=GROUP, Name=CLAIMS)
    listing.markets = listing.markets[:2]

    assert list(planner.run({}, runtime)["cancelled"]) == [CLAIMS]


def test_one_of_two_events_that_is_gone_leaves_the_plan_to_the_other(
    runtime: Runtime, listing: Listing
) -> None:
    planner.run({}, runtime)
    listing.markets = [m for m in listing.markets if m["event_ticker"] != "KXCPIYOY-25DEC"]
    planner.run({}, runtime)

    plan = runtime.plans.of(CPI)
    assert plan is not None
    assert (plan.events, plan.cancelled) == (("KXCPI-25DEC",), "")


@pytest.mark.parametrize("begun_early", [False, True])
def test_a_window_that_has_begun_is_left_alone(
    runtime: Runtime, listing: Listing, begun_early: bool
) -> None:
    planner.run({}, runtime)
    prepared = datetime(2026, 1, 13, 12, 55, tzinfo=UTC)
    now = prepared - timedelta(minutes=4) if begun_early else prepared
    if begun_early:
        runtime.state.claim_window(CPI, "by hand", now)
    listing.markets = []
    answer = planner.run({}, at(runtime, now))

    assert list(answer["cancelled"]) == [CLAIMS]
    assert CPI in scheduled()
    plan = runtime.plans.of(CPI)
    assert plan is not None
    assert plan.cancelled == ""


def test_a_series_that_cannot_be_read_keeps_its_plans_and_is_told_of(
    runtime: Runtime, listing: Listing
) -> None:
    planner.run({}, runtime)
    listing.down = {"KXJOBLESSCLAIMS", "KXCPIYOY"}
    with pytest.raises(VenueUnavailable, match=r"1 windows are planned and 0 cancelled.*no answer"):
        planner.run({}, runtime)

    assert set(scheduled()) == {CPI, CLAIMS}
    plans = [runtime.plans.of(name) for name in (CPI, CLAIMS)]
    assert [plan.events for plan in plans if plan] == [
        ("KXCPI-25DEC", "KXCPIYOY-25DEC"),
        ("KXJOBLESSCLAIMS-26JAN15",),
    ]
    assert [plan.cancelled for plan in plans if plan] == ["", ""]


# --- start, roll call, the windows of a day ------------------------------------------------------


def test_a_planned_window_is_found_and_one_that_is_not_planned_is_not(runtime: Runtime) -> None:
    assert start.scheduled_window({"window_id": CPI}, runtime) == (
        None,
        f"{CPI} is not planned; the planner plans what the venue lists",
    )
    planner.run({}, runtime)
    assert start.scheduled_window({"window_id": CPI}, runtime) == (runtime.window(CPI), "")


def test_a_cancelled_window_does_not_start_though_its_schedule_fires(
    runtime: Runtime, listing: Listing
) -> None:
    planner.run({}, runtime)
    listing.markets = []
    planner.run({}, runtime)
    answer = start.run({"window_id": CLAIMS}, runtime)

    assert answer["started"] is False
    assert answer["reason"].startswith(f"{CLAIMS} is cancelled: KXJOBLESSCLAIMS-26JAN15 is no ")


@pytest.mark.parametrize(
    ("window_id", "said"),
    [
        (CPI, f"{CPI} may start at 2026-01-13 12:50:00 UTC"),
        (
            "20260113-1200-index-hourly",
            "20260113-1200-index-hourly may start at 2026-01-13 16:45:00 UTC",
        ),
    ],
)
def test_a_window_that_is_named_too_early_keeps_its_name_for_its_time(
    runtime: Runtime, window_id: str, said: str
) -> None:
    planner.run({}, runtime)

    assert start.run({"window_id": window_id}, runtime) == {
        "started": False,
        "window_id": window_id,
        "reason": said,
    }


def test_a_planned_window_is_started_when_it_is_due(runtime: Runtime) -> None:
    planner.run({}, runtime)
    due = at(runtime, datetime(2026, 1, 13, 12, 55, 40, tzinfo=UTC))
    with pytest.raises(ConfigurationError, match="KALSHI_ALPHA_STATE_MACHINE is not set"):
        start.run({"window_id": CPI}, due)  # all that is missing is the machine
    late = start.run({"window_id": CPI}, at(runtime, datetime(2026, 1, 13, 13, 5, tzinfo=UTC)))
    assert late["reason"] == f"it is past 13:05:00 UTC, too late to start {CPI}"


def test_an_index_window_is_started_by_its_name_without_a_plan(runtime: Runtime) -> None:
    window, reason = start.scheduled_window({"window_id": "20260113-1200-index-hourly"}, runtime)

    assert window is not None
    assert (window.window_id, reason) == ("20260113-1200-index-hourly", "")


def test_the_windows_of_a_day_are_those_of_the_calendar_and_those_planned(
    runtime: Runtime, listing: Listing
) -> None:
    before = runtime.windows_on(date(2026, 1, 13))
    planner.run({}, runtime)
    found = runtime.windows_on(date(2026, 1, 13))

    assert [w.window_id for w in found] == [CPI, *(w.window_id for w in before)]
    assert len(before) == 8
    listing.markets = []
    planner.run({}, runtime)
    assert runtime.windows_on(date(2026, 1, 13)) == before


def test_without_families_that_wait_for_releases_no_plan_is_read() -> None:
    trade()
    tables = Runtime(Settings(), ManualClock(MONDAY))  # no table: reading one would be refused

    assert len(tables.windows_on(date(2026, 1, 13))) == 8


def test_a_plan_of_a_window_that_the_calendar_fixes_is_refused(runtime: Runtime) -> None:
    noon = runtime.window("20260113-1200-index-hourly")
    with pytest.raises(DataError, match="waits for no release"):
        runtime.plans.keep(Plan(noon, (), MONDAY))


@pytest.mark.parametrize(
    ("minutes", "begun", "said"),
    [
        (-1, False, "no planned window is due"),
        (2, False, "no planned window is due"),
        (3, False, f"not begun, though due: {CPI}"),
        (29, False, f"not begun, though due: {CPI}"),
        (31, False, "no planned window is due"),
        (9, True, ""),
    ],
)
def test_the_roll_call_asks_after_what_was_planned(
    runtime: Runtime, minutes: int, begun: bool, said: str
) -> None:
    planner.run({}, runtime)
    now = datetime(2026, 1, 13, 12, 55, tzinfo=UTC) + timedelta(minutes=minutes)
    if begun:
        runtime.state.claim_window(CPI, "execution", now)
    answer = rollcall.run({"planned": True}, at(runtime, now))

    assert answer["reason"] == said
    assert answer["missing"] is said.startswith("not begun")
    assert answer["metrics"] == {"WindowMissing": int(said.startswith("not begun"))}


def test_the_roll_call_knows_a_window_that_ends_after_midnight(runtime: Runtime) -> None:
    closes = datetime(2026, 1, 14, 0, 10, tzinfo=NEW_YORK)
    runtime.__dict__["reader"] = Listing({"KXAAAGASD-26JAN14": closes})
    planner.run({}, runtime)
    answer = rollcall.run({"planned": True}, at(runtime, closes - timedelta(minutes=20)))

    assert answer["window_id"] == "20260114-0010-gasoline"
