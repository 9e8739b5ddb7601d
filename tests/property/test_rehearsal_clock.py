from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.rehearsal.clock import ScaledClock, Segment, Timeline

START = datetime(2025, 11, 4, 16, 50, tzinfo=UTC)
WALL = 1_700_000_000.0

speeds = st.floats(0.5, 200.0)
lengths = st.lists(st.tuples(st.floats(0.5, 600.0), speeds), max_size=5)


def timeline_of(parts: list[tuple[float, float]]) -> Timeline:
    at, segments = START, []
    for seconds, speed in parts:
        at += timedelta(seconds=round(seconds, 3))
        segments.append(Segment(at, speed))
    return Timeline(WALL, START, tuple(segments))


@given(lengths, st.floats(0.0, 2000.0))
def test_wall_undoes_virtual(parts: list[tuple[float, float]], after: float) -> None:
    timeline = timeline_of(parts)

    virtual = timeline.virtual(WALL + after)

    assert timeline.wall(virtual) == pytest.approx(WALL + after, abs=1e-4)


@given(lengths, st.floats(0.0, 2000.0), st.floats(0.0, 100.0))
def test_virtual_time_never_runs_back(
    parts: list[tuple[float, float]], after: float, more: float
) -> None:
    timeline = timeline_of(parts)

    assert timeline.virtual(WALL + after) <= timeline.virtual(WALL + after + more)


@given(lengths)
def test_another_process_reads_the_same_time(parts: list[tuple[float, float]]) -> None:
    timeline = timeline_of(parts)

    assert Timeline.from_json(json.loads(json.dumps(timeline.to_json()))) == timeline


def test_speed_is_that_of_the_segment_and_one_after_the_last() -> None:
    timeline = Timeline(WALL, START, (Segment(START + timedelta(seconds=60), 30.0),))

    assert timeline.speed_at(WALL + 1.0) == 30.0
    assert timeline.virtual(WALL + 2.0) == START + timedelta(seconds=60)
    assert timeline.speed_at(WALL + 3.0) == 1.0
    assert timeline.virtual(WALL + 3.0) == START + timedelta(seconds=61)


def test_a_sleep_ends_at_its_virtual_instant() -> None:
    clock = ScaledClock.starting(START, [Segment(START + timedelta(hours=1), 1000.0)])

    clock.sleep_until(START + timedelta(seconds=50))

    assert clock.now() >= START + timedelta(seconds=50)


def test_a_clock_laid_anew_shows_the_new_time() -> None:
    clock = ScaledClock.starting(START)
    later = START + timedelta(hours=4)

    clock.relay(Timeline(time.time(), later, ()))

    assert later <= clock.now() < later + timedelta(minutes=1)
