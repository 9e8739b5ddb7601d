from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.pauses import announced_pause, weekly_pause


def ny(*when: int) -> datetime:
    return datetime(*when, tzinfo=NEW_YORK)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("start", "end", "paused"),
    [
        (ny(2026, 10, 8, 2, 50), ny(2026, 10, 8, 3, 0), False),  # ends as the pause begins
        (ny(2026, 10, 8, 2, 50), ny(2026, 10, 8, 3, 1), True),
        (ny(2026, 10, 8, 4, 59), ny(2026, 10, 8, 5, 30), True),
        (ny(2026, 10, 8, 5, 0), ny(2026, 10, 8, 6, 0), False),
        (ny(2026, 10, 8, 11, 50), ny(2026, 10, 8, 12, 0), False),
        (ny(2026, 10, 7, 3, 30), ny(2026, 10, 7, 4, 30), False),  # a Wednesday
        (ny(2026, 10, 7, 23, 0), ny(2026, 10, 9, 1, 0), True),  # over all of it
        (datetime(2026, 1, 8, 8, 30, tzinfo=UTC), datetime(2026, 1, 8, 8, 40, tzinfo=UTC), True),
        (datetime(2026, 7, 9, 7, 30, tzinfo=UTC), datetime(2026, 7, 9, 7, 40, tzinfo=UTC), True),
    ],
)
def test_the_weekly_pause_is_thursday_three_to_five_in_new_york(
    start: datetime, end: datetime, *, paused: bool
) -> None:
    assert bool(weekly_pause(start, end)) == paused


def test_announced_maintenance_is_named_when_it_overlaps() -> None:
    schedule = {
        "maintenance_windows": [
            {"start_datetime": "2026-10-06T15:55:00Z", "end_datetime": "2026-10-06T16:30:00Z"}
        ]
    }

    def named(hour: int) -> str:
        return announced_pause(schedule, ny(2026, 10, 6, hour, 50), ny(2026, 10, 6, hour + 1))

    assert "2026-10-06T15:55:00Z" in named(11)
    assert named(10) == ""
    assert announced_pause({}, ny(2026, 10, 6, 11, 50), ny(2026, 10, 6, 12)) == ""


@pytest.mark.parametrize(
    "windows", [[{}], [{"start_datetime": "soon", "end_datetime": "late"}], "x", 7]
)
def test_maintenance_that_cannot_be_read_is_an_error(windows: Any) -> None:
    with pytest.raises(DataError, match="maintenance"):
        announced_pause({"maintenance_windows": windows}, ny(2026, 10, 6), ny(2026, 10, 7))
