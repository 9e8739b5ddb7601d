"""The clock seam: wall time and steady time are two things, and text keeps every microsecond."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from kalshi_alpha.clock import Clock, ManualClock, SystemClock, from_iso, iso, require_aware

NOON = datetime(2025, 11, 4, 17, 0, tzinfo=UTC)


def test_a_manual_clock_moves_only_when_told() -> None:
    clock: Clock = ManualClock(NOON)

    clock.sleep(1.5)
    clock.sleep(-5)
    asyncio.run(clock.wait(0.5))

    assert clock.now() == NOON + timedelta(seconds=2)
    assert clock.monotonic() == 2.0


def test_a_correction_of_the_wall_moves_no_steady_time() -> None:
    clock = ManualClock(NOON)

    clock.step(-30)

    assert clock.now() == NOON - timedelta(seconds=30)
    assert clock.monotonic() == 0.0


def test_sleeping_until_the_past_returns_at_once() -> None:
    clock = ManualClock(NOON)

    clock.sleep_until(NOON + timedelta(seconds=3))
    clock.sleep_until(NOON)

    assert clock.now() == NOON + timedelta(seconds=3)


def test_the_system_clock_wakes_no_earlier_than_asked() -> None:
    clock = SystemClock()
    target = clock.now() + timedelta(milliseconds=20)
    before = clock.monotonic()

    clock.sleep_until(target)
    clock.sleep(-1)
    clock.sleep_until(NOON)
    asyncio.run(clock.wait(-1))

    assert clock.monotonic() - before >= 0.019
    assert clock.now().tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2025-11-04T17:00:00Z", NOON),
        ("2025-11-04T17:00:00.5Z", NOON + timedelta(milliseconds=500)),
        ("2025-11-04T17:00:00.123456789Z", NOON + timedelta(microseconds=123_456)),
        ("2025-11-04T12:00:00.25-05:00", NOON + timedelta(milliseconds=250)),
        ("2025-11-04T12:00:00-05:00", NOON),
    ],
)
def test_fractions_of_any_length_are_read(text: str, instant: datetime) -> None:
    assert from_iso(text) == instant
    assert from_iso(iso(instant)) == instant


@pytest.mark.parametrize("text", ["2025-11-04T17:00:00", "2025-11-04T17:00:00.5", "noon", ""])
def test_a_time_without_a_zone_or_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        from_iso(text)


def test_text_is_utc_with_a_z() -> None:
    local = NOON.astimezone(timezone(timedelta(hours=-5)))

    assert iso(local) == "2025-11-04T17:00:00Z"
    assert require_aware(local).tzinfo is UTC
    with pytest.raises(ValueError, match="no time zone"):
        iso(datetime(2025, 11, 4))  # noqa: DTZ001
