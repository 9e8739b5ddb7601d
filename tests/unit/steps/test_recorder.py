"""What the sentry keeps: an object a minute, in bounded memory, with every loss told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.cloud.captures import captured
from kalshi_alpha.cloud.table import StoreError
from kalshi_alpha.markets.capture import VENUE
from kalshi_alpha.steps import capture
from kalshi_alpha.steps.capture import Recorder

NOON = datetime(2025, 11, 4, 17, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Deaf:
    """A store that takes nothing until told to."""

    def __init__(self, store):
        self.store, self.deaf = store, True

    def write(self, key, data):
        if self.deaf:
            raise StoreError("the bucket does not answer")
        self.store.write(key, data)


@pytest.fixture
def clock():
    return ManualClock(NOON)


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path)


def bodies(store, since=NOON - HOUR, until=NOON + HOUR):
    return [heard.body for heard in captured(store, since, until)]


def test_nothing_is_written_before_the_minute_is_over(clock, store):
    recorder = Recorder(store, clock)
    recorder.hear(VENUE, '{"n":1}', clock.now())
    recorder.flush()
    clock.advance(59)
    recorder.hear(VENUE, '{"n":2}', clock.now())
    recorder.flush()
    assert store.keys() == []
    clock.advance(1)
    recorder.flush()

    assert len(store.keys("capture/2025-11-04/170000-")) == 1
    assert bodies(store) == [{"n": 1}, {"n": 2}]


def test_at_the_end_everything_is_written(clock, store):
    recorder = Recorder(store, clock)
    recorder.index("SPX", 6801.25, NOON - timedelta(milliseconds=40), NOON)
    recorder.note("pull", window_id="w")
    assert recorder.flush(whole=True) == ""

    assert bodies(store) == [
        {"symbol": "SPX", "value": 6801.25, "t": 1762275599960},
        {"what": "pull", "window_id": "w"},
    ]


def test_each_minute_is_an_object_and_they_are_read_in_order(clock, store):
    recorder = Recorder(store, clock)
    for number in range(5):
        recorder.hear(VENUE, str(number), clock.now())
        recorder.flush()
        clock.advance(60)
        recorder.flush()

    assert recorder.written == 5
    assert bodies(store) == [0, 1, 2, 3, 4]
    since = NOON + timedelta(seconds=60)
    assert bodies(store, since, NOON + timedelta(seconds=180)) == [1, 2]


def test_a_reader_of_two_days_crosses_midnight(store):
    clock = ManualClock(datetime(2025, 11, 4, 23, 59, 30, tzinfo=UTC))
    recorder = Recorder(store, clock)
    for number in range(3):
        recorder.hear(VENUE, str(number), clock.now())
        recorder.flush(whole=True)
        clock.advance(30)
    start = datetime(2025, 11, 4, 23, tzinfo=UTC)

    assert bodies(store, start, start + 2 * HOUR) == [0, 1, 2]


def test_a_store_that_fails_is_tried_again_and_loses_nothing(clock, store):
    deaf = Deaf(store)
    recorder = Recorder(deaf, clock)
    recorder.hear(VENUE, "1", clock.now())
    assert "the bucket does not answer" in recorder.flush(whole=True)
    recorder.hear(VENUE, "2", clock.now())
    deaf.deaf = False
    assert recorder.flush(whole=True) == ""

    assert bodies(store) == [1, 2]


def test_what_waits_for_a_store_is_bounded_and_the_loss_is_told(clock, store, monkeypatch):
    monkeypatch.setattr(capture, "WAITING_BYTES", 400)
    deaf = Deaf(store)
    recorder = Recorder(deaf, clock)
    for number in range(20):
        recorder.hear(VENUE, f'"{number:064d}"', clock.now())
        recorder.flush(whole=True)
        assert sum(len(data) for _, data, _ in recorder._waiting) <= 400
        clock.advance(1)
    deaf.deaf = False
    recorder.flush(whole=True)
    recorder.flush(whole=True)

    found = bodies(store)
    told = [body["lines"] for body in found if isinstance(body, dict)]
    kept = [int(body) for body in found if isinstance(body, str)]
    assert kept == list(range(20 - len(kept), 20))
    assert told[-1] == recorder.lost
    assert 0 < len(kept) < 20


def test_lines_that_nobody_packs_are_bounded_and_the_loss_is_told(clock, store, monkeypatch):
    monkeypatch.setattr(capture, "WAITING_LINES", 3)
    recorder = Recorder(store, clock)
    for number in range(5):
        recorder.hear(VENUE, str(number), clock.now())
    recorder.flush(whole=True)
    recorder.flush(whole=True)

    assert recorder.lost == 2
    assert bodies(store) == [0, 1, 2, {"what": "lines lost so far", "lines": 2}]


def test_without_a_store_nothing_is_kept(clock):
    recorder = Recorder(None, clock)
    recorder.hear(VENUE, "1", clock.now())

    assert recorder.flush(whole=True) == ""
    assert recorder.lost == 0
