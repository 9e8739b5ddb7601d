"""Bars pulled from the twin's feed server over real HTTP on loopback, whole, cut off and again."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from kalshi_alpha.cli import main
from kalshi_alpha.clock import SystemClock
from kalshi_alpha.errors import DataError, VenueUnavailable
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.rehearsal.feed import FeedServer
from kalshi_alpha.rehearsal.path import Bar, recorded_bars
from kalshi_alpha.research.data import pulling
from kalshi_alpha.research.data.panel import read_panels
from kalshi_alpha.research.data.pulling import Pulled, pull, wanted_sessions
from kalshi_alpha.research.data.store import Store
from kalshi_alpha.venues.massive.rest import MassiveReader

KEY = "vendor-key-0123456789"
FRIDAY, TUESDAY = date(2025, 10, 31), date(2025, 11, 4)
MONDAY = date(2025, 11, 3)
SPX = load_registry().symbols["SPX"]
SESSIONS = load_sessions()


class Recorded:
    """The recorded minutes, and no values now."""

    symbol = "SPX"

    def __init__(self, bars: Sequence[Bar]) -> None:
        self._bars = sorted(bars, key=lambda bar: bar.start)

    def value_at(self, instant: datetime) -> float | None:  # noqa: ARG002
        return None

    def updated_at(self, instant: datetime) -> datetime | None:  # noqa: ARG002
        return None

    def bars(self, start: datetime, end: datetime) -> list[Bar]:
        return [bar for bar in self._bars if start <= bar.start < end]

    def seconds(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, float]]:  # noqa: ARG002
        return iter(())

    def is_open(self, instant: datetime) -> bool:  # noqa: ARG002
        return False


def two_days() -> list[Bar]:
    return [*recorded_bars("SPX", FRIDAY), *recorded_bars("SPX", TUESDAY)]


@contextmanager
def serving(bars: Sequence[Bar]) -> Iterator[tuple[str, Callable[[], None]]]:
    """Serve bars; yields the address, and a way to pull the plug."""
    loop = asyncio.new_event_loop()
    server = FeedServer(SystemClock(), {"SPX": Recorded(bars)}, seed=1, key=KEY)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def stop() -> None:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)

    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
        yield server.ready()["rest"], stop
        stop()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


class Puller:
    """One store, and what was asked of the feed for it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.store, self.url = Store(folder / "store", SystemClock()), url
        self.pages: list[str] = []

    def __call__(
        self,
        first: date = FRIDAY,
        last: date = TUESDAY,
        *,
        step: int = 1,
        progress: Callable[[int, int], None] = lambda _done, _of: None,
    ) -> Pulled:
        reader = MassiveReader(
            self.url,
            KEY,
            SystemClock(),
            keep=lambda page: self.pages.append(self.store.keep_raw(page, ".json")),
        )
        days = wanted_sessions(first, last, SESSIONS, SystemClock().now())
        try:
            return pull(reader, self.pages, SPX, step, days, self.store, SESSIONS, progress)
        finally:
            reader.close()


@pytest.fixture
def feed() -> Iterator[str]:
    with serving(two_days()) as (url, _):
        yield url


def test_what_is_pulled_is_what_the_feed_recorded(tmp_path: Path, feed: str) -> None:
    puller = Puller(tmp_path, feed)
    done = puller()
    panel = read_panels([done.file], "SPX")[1]

    assert (done.pulled, done.without, done.holed) == ((FRIDAY, TUESDAY), (MONDAY,), ())
    assert panel.days == (FRIDAY, TUESDAY)
    assert panel.complete.all()
    for k, day in enumerate(panel.days):
        session = SESSIONS.on(day)
        assert session is not None
        inside = [bar for bar in recorded_bars("SPX", day) if bar.start < session.close]
        assert panel.close[k].tolist() == [bar.close for bar in inside]
        assert panel.official[k] == recorded_bars("SPX", day)[-1].close


def test_every_page_is_kept_by_its_hash_and_named_in_the_manifest(
    tmp_path: Path, feed: str
) -> None:
    puller = Puller(tmp_path, feed)
    puller()
    (entry,) = puller.store.manifest()["entries"]
    raw = sorted((puller.store.folder / "raw").iterdir())

    assert [file.stem for file in raw] == sorted(set(puller.pages)) == sorted(entry["raw"])
    for file in raw:
        assert hashlib.sha256(file.read_bytes()).hexdigest() == file.stem
        assert json.loads(file.read_bytes())["ticker"] == "I:SPX"
        assert KEY.encode() not in file.read_bytes()
    assert (entry["kind"], entry["ticker"], entry["first"]) == ("pull", "I:SPX", "2025-10-31")


def test_whole_sessions_are_not_asked_for_again(tmp_path: Path, feed: str) -> None:
    puller = Puller(tmp_path, feed)
    puller(FRIDAY, FRIDAY)
    puller(TUESDAY, TUESDAY)
    asked = len(puller.pages)
    again = puller(FRIDAY, FRIDAY)

    assert (again.there, again.pulled) == ((FRIDAY,), ())
    assert len(puller.pages) == asked == 2


def test_a_pull_that_is_cut_off_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "SESSIONS_A_CHUNK", 1)
    with serving(two_days()) as (url, pull_the_plug):
        puller = Puller(tmp_path, url)
        seen = []

        def progress(done: int, of: int) -> None:
            seen.append((done, of))
            if done == 2:
                pull_the_plug()

        with pytest.raises(VenueUnavailable, match="the index feed did not answer"):
            puller(progress=progress)
    there = puller.store.bars_file("SPX", 1)

    assert seen == [(0, 3), (1, 3), (2, 3)]
    assert read_panels([there], "SPX")[1].days == (FRIDAY,)
    with serving(two_days()) as (url, _):
        puller.url = url
        done = puller()
    assert (done.there, done.pulled) == ((FRIDAY,), (TUESDAY,))
    assert read_panels([there], "SPX")[1].complete.tolist() == [True, True]


def test_a_session_with_holes_is_kept_and_asked_for_again(tmp_path: Path) -> None:
    bars = two_days()
    with serving([bar for k, bar in enumerate(bars) if k not in (100, 101)]) as (url, _):
        puller = Puller(tmp_path, url)
        first = puller()
    with serving(bars) as (url, _):
        puller.url = url
        second = puller()

    assert (first.pulled, first.holed) == ((FRIDAY, TUESDAY), (FRIDAY,))
    assert (second.there, second.pulled, second.holed) == ((TUESDAY,), (FRIDAY,), ())
    assert read_panels([second.file], "SPX")[1].complete.all()


def test_bars_that_cannot_be_right_are_kept_out(tmp_path: Path) -> None:
    bars = two_days()
    bars[50] = Bar(bars[50].start, 0.0, bars[50].high, 0.0, bars[50].close)
    with serving(bars) as (url, _):
        puller = Puller(tmp_path, url)
        with pytest.raises(DataError, match=r"massive/I:SPX, row 51: .*open is 0.*rule price"):
            puller()

    assert not puller.store.bars_file("SPX", 1).exists()
    assert list((puller.store.folder / "raw").iterdir())  # what it said is kept for a look


def test_other_steps_have_their_own_place(tmp_path: Path, feed: str) -> None:
    puller = Puller(tmp_path, feed)
    five = puller(TUESDAY, TUESDAY, step=5)
    half_hours = puller(TUESDAY, TUESDAY, step=30)

    panels = read_panels([five.file, half_hours.file], "SPX")
    assert {step: panel.complete.all() for step, panel in panels.items()} == {5: True, 30: True}
    with pytest.raises(DataError, match="bars of 60 minutes cannot be pulled"):
        puller(step=60)


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [
        (TUESDAY, FRIDAY, "the first day, 2025-11-04, comes after the last"),
        (date(2025, 11, 8), date(2025, 11, 9), "no session from 2025-11-08 to 2025-11-09 lies"),
        (date(2018, 1, 2), FRIDAY, "is outside the session table"),
    ],
)
def test_days_that_cannot_be_pulled_are_a_sentence(first: date, last: date, says: str) -> None:
    with pytest.raises(DataError, match=says):
        wanted_sessions(first, last, SESSIONS, SystemClock().now())


def test_a_session_that_is_not_over_is_not_pulled() -> None:
    session = SESSIONS.on(TUESDAY)
    assert session is not None
    over = session.close + timedelta(minutes=30)

    assert wanted_sessions(FRIDAY, TUESDAY, SESSIONS, over)[-1].day == TUESDAY
    assert wanted_sessions(FRIDAY, TUESDAY, SESSIONS, over - timedelta(seconds=1))[-1].day == MONDAY
    with pytest.raises(DataError, match="no session from 2025-11-04 to 2025-11-04 is over yet"):
        wanted_sessions(TUESDAY, TUESDAY, SESSIONS, session.close)


def test_the_command_pulls_says_what_came_and_is_quiet_in_a_pipe(
    tmp_path: Path,
    feed: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MASSIVE_API_KEY", KEY)
    days = ["--from", "2025-11-04", "--to", "2025-11-04"]
    words = ["data", "pull", "--symbol", "SPX", *days, "--store", "bars", "--base-url", feed]
    monkeypatch.setattr(sys, "argv", ["kalshi-alpha", *words, "--json"])

    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr()

    assert end.value.code in (0, None)
    assert json.loads(said.out)["pulled"] == ["2025-11-04"]
    assert said.err == ""
    assert (tmp_path / "bars" / "SPX" / "1m" / "bars.parquet").is_file()
