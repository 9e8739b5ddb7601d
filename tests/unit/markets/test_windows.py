"""Windows: across both changes of the clock, on half days, on closed days, by id."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from kalshi_alpha.clock import iso
from kalshi_alpha.errors import DataError, WindowClosed
from kalshi_alpha.markets.registry import Registry, load_registry
from kalshi_alpha.markets.sessions import Sessions, load_sessions
from kalshi_alpha.markets.windows import next_windows, window_from_id, windows_on


@pytest.fixture
def registry() -> Registry:
    return load_registry()


@pytest.fixture
def sessions() -> Sessions:
    return load_sessions()


def test_a_full_day_has_seven_hourly_windows_and_the_close(
    registry: Registry, sessions: Sessions
) -> None:
    assert [w.window_id for w in windows_on(date(2025, 11, 4), registry, sessions)] == [
        "20251104-1000-index-hourly",
        "20251104-1100-index-hourly",
        "20251104-1200-index-hourly",
        "20251104-1300-index-hourly",
        "20251104-1400-index-hourly",
        "20251104-1500-index-hourly",
        "20251104-1600-index-hourly",
        "20251104-1600-index-close",
    ]


@pytest.mark.parametrize(
    "day", [date(2025, 7, 3), date(2025, 11, 28), date(2025, 12, 24), date(2026, 11, 27)]
)
def test_a_half_day_ends_with_the_13_00_window_and_has_no_close(
    registry: Registry, sessions: Sessions, day: date
) -> None:
    assert [w.window_id for w in windows_on(day, registry, sessions)] == [
        f"{day:%Y%m%d}-1000-index-hourly",
        f"{day:%Y%m%d}-1100-index-hourly",
        f"{day:%Y%m%d}-1200-index-hourly",
        f"{day:%Y%m%d}-1300-index-hourly",
    ]


@pytest.mark.parametrize(
    "day", [date(2026, 7, 3), date(2025, 1, 9), date(2026, 11, 28), date(2031, 1, 2)]
)
def test_a_closed_day_has_no_window(registry: Registry, sessions: Sessions, day: date) -> None:
    assert windows_on(day, registry, sessions) == ()


@pytest.mark.parametrize(
    ("day", "noon"),
    [
        (date(2025, 3, 7), "2025-03-07T17:00:00Z"),
        (date(2025, 3, 10), "2025-03-10T16:00:00Z"),
        (date(2025, 10, 31), "2025-10-31T16:00:00Z"),
        (date(2025, 11, 3), "2025-11-03T17:00:00Z"),
        (date(2026, 3, 9), "2026-03-09T16:00:00Z"),
        (date(2026, 11, 2), "2026-11-02T17:00:00Z"),
    ],
)
def test_noon_is_noon_in_new_york_on_both_sides_of_a_clock_change(
    registry: Registry, sessions: Sessions, day: date, noon: str
) -> None:
    window = windows_on(day, registry, sessions)[2]

    assert iso(window.fixing) == noon
    assert window.window_id == f"{day:%Y%m%d}-1200-index-hourly"
    assert window.day == day


def test_the_phases_of_a_window_lie_where_the_registry_puts_them(
    registry: Registry, sessions: Sessions
) -> None:
    window = window_from_id("20251104-1200-index-hourly", registry, sessions)

    assert [
        iso(at)
        for at in (
            window.prep_at,
            window.make_at,
            window.strict_at,
            window.arm_at,
            window.last_scan_at,
            window.pull_start_at,
            window.pull_at,
            window.fixing,
            window.reconcile_at,
            window.thaw_at,
        )
    ] == [
        "2025-11-04T16:50:00Z",
        "2025-11-04T16:55:00Z",
        "2025-11-04T16:59:00Z",
        "2025-11-04T16:59:35Z",
        "2025-11-04T16:59:45Z",
        "2025-11-04T16:59:57.750000Z",
        "2025-11-04T16:59:58Z",
        "2025-11-04T17:00:00Z",
        "2025-11-04T17:01:00Z",
        "2025-11-04T17:01:00Z",
    ]
    assert window.series == ("KXINXU", "KXNASDAQ100U")
    assert window.event_ticker("KXINXU") == "KXINXU-25NOV04H1200"


def test_every_window_of_a_year_is_found_again_by_its_id(
    registry: Registry, sessions: Sessions
) -> None:
    first = date(2026, 1, 1)
    found = [
        window
        for n in range(365)
        for window in windows_on(first + timedelta(days=n), registry, sessions)
    ]

    assert len(found) == 249 * 8 + 2 * 4
    assert len({window.window_id for window in found}) == len(found)
    for window in found[::97]:
        assert window_from_id(window.window_id, registry, sessions) == window


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20251104-1200",
        "20251104-1200-",
        "2025-11-04-1200-index-hourly",
        "20250230-1200-index-hourly",
        "20251104-2500-index-hourly",
        "20251104-1260-index-hourly",
        "20251104-1200-Index-hourly",
        "20251104-1200-index-hourly\n",
    ],
)
def test_a_malformed_id_is_refused(registry: Registry, sessions: Sessions, text: str) -> None:
    with pytest.raises(DataError, match="is not a window id"):
        window_from_id(text, registry, sessions)


def test_an_unknown_group_is_refused_by_name(registry: Registry, sessions: Sessions) -> None:
    with pytest.raises(DataError, match="known are index-hourly, index-close"):
        window_from_id("20251104-1200-weather", registry, sessions)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("20260703-1200-index-hourly", "closed for Independence Day.*Monday 2026-07-06"),
        ("20251128-1400-index-hourly", "20251128-1300-index-hourly"),
        ("20251128-1600-index-close", "the group has no window"),
        ("20251104-1230-index-hourly", "20251104-1200-index-hourly"),
        ("20310102-1200-index-hourly", "outside the session table"),
    ],
)
def test_a_window_that_the_calendar_vetoes_is_closed_with_a_reason(
    registry: Registry, sessions: Sessions, text: str, message: str
) -> None:
    with pytest.raises(WindowClosed, match=message):
        window_from_id(text, registry, sessions)


def test_the_next_windows_cross_the_weekend_and_a_clock_change(
    registry: Registry, sessions: Sessions
) -> None:
    friday_three = datetime(2025, 10, 31, 19, 0, tzinfo=UTC)

    assert [
        (w.window_id, iso(w.fixing)) for w in next_windows(friday_three, registry, sessions, 3)
    ] == [
        ("20251031-1600-index-hourly", "2025-10-31T20:00:00Z"),
        ("20251031-1600-index-close", "2025-10-31T20:00:00Z"),
        ("20251103-1000-index-hourly", "2025-11-03T15:00:00Z"),
    ]


def test_the_next_windows_start_in_the_table_and_end_with_it(
    registry: Registry, sessions: Sessions
) -> None:
    before = next_windows(datetime(2015, 1, 1, tzinfo=UTC), registry, sessions, 1)
    last = next_windows(datetime(2028, 12, 29, 20, 30, tzinfo=UTC), registry, sessions, 5)

    assert [w.window_id for w in before] == ["20190102-1000-index-hourly"]
    assert [w.window_id for w in last] == [
        "20281229-1600-index-hourly",
        "20281229-1600-index-close",
    ]
    assert next_windows(datetime(2029, 1, 1, tzinfo=UTC), registry, sessions, 5) == ()
    assert next_windows(datetime(2025, 1, 1, tzinfo=UTC), registry, sessions, 0) == ()
