"""Recorded days second by second, and what is laid onto wall time."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.errors import DataError
from kalshi_alpha.rehearsal.path import (
    Bar,
    WallPath,
    inside_minute,
    load_day,
    recorded_bars,
    recorded_days,
)
from kalshi_alpha.research.recorded import main, table_text, write_recorded

DAY = date(2025, 11, 4)
NOON = datetime(2025, 11, 4, 17, tzinfo=UTC)
OPEN = datetime(2025, 11, 4, 14, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_two_days_are_shipped() -> None:
    assert recorded_days() == (date(2025, 10, 31), DAY)


def test_a_day_that_is_not_recorded_is_refused_with_the_days_that_are() -> None:
    with pytest.raises(DataError) as refused:
        load_day("SPX", date(2025, 11, 5), seed=1)
    assert str(refused.value) == (
        "SPX is not recorded on 2025-11-05: the recorded days are 2025-10-31, 2025-11-04"
    )
    with pytest.raises(DataError, match="RUT is not recorded on 2025-11-04"):
        load_day("RUT", DAY, seed=1)


def test_the_minutes_are_the_recorded_ones() -> None:
    noon = recorded_bars("SPX", DAY)[150]
    assert noon == Bar(NOON, 6802.48, 6802.67, 6798.90, 6798.90)
    assert recorded_bars("NDX", DAY)[0] == Bar(OPEN, 25580.34, 25601.36, 25568.32, 25593.47)
    assert load_day("SPX", DAY, seed=1).bars(NOON, NOON + timedelta(minutes=1)) == (noon,)


@pytest.mark.parametrize("symbol", ["SPX", "NDX"])
@pytest.mark.parametrize("day", recorded_days())
@pytest.mark.parametrize("seed", [1, 20251104])
def test_every_minute_keeps_its_open_high_low_and_close(symbol: str, day: date, seed: int) -> None:
    path = load_day(symbol, day, seed=seed)
    bars = recorded_bars(symbol, day)
    assert len(path.values) == 60 * len(bars)
    for k, bar in enumerate(bars):
        inside = path.values[60 * k : 60 * k + 60]
        assert (inside[0], max(inside), min(inside), inside[-1]) == (
            bar.open, bar.high, bar.low, bar.close,
        )  # fmt: skip


@given(
    st.lists(st.integers(600_000, 610_000), min_size=4, max_size=4).map(sorted),
    st.booleans(),
    st.integers(),
)
def test_any_minute_is_kept_and_stays_inside_its_range(
    cents: list[int], rising: bool, seed: int
) -> None:
    low, one, other, high = (value / 100 for value in cents)
    first, last = (one, other) if rising else (other, one)
    inside = inside_minute(Bar(NOON, first, high, low, last), Random(seed))
    assert len(inside) == 60
    assert (inside[0], max(inside), min(inside), inside[-1]) == (first, high, low, last)


def test_the_path_moves_inside_a_minute_without_jumping_across_it() -> None:
    path = load_day("SPX", DAY, seed=1)
    jumps = [abs(b - a) for a, b in zip(path.values, path.values[1:], strict=False)]
    assert max(jumps) < 6.0
    assert sum(1 for jump in jumps[: 390 * 60] if jump) > 20_000


def test_a_seed_gives_the_same_path_again_and_another_seed_another() -> None:
    first = load_day("SPX", DAY, seed=7).values
    load_day.cache_clear()
    assert load_day("SPX", DAY, seed=7).values == first
    assert load_day("SPX", DAY, seed=8).values != first
    assert load_day("SPX", DAY, seed=7) is load_day("SPX", DAY, seed=7)


def test_the_value_at_an_instant_is_the_latest_at_or_before_it() -> None:
    path = load_day("SPX", DAY, seed=1)
    assert path.value_at(OPEN - timedelta(microseconds=1)) is None
    assert path.updated_at(OPEN - timedelta(microseconds=1)) is None
    assert path.value_at(OPEN) == 6788.52
    assert path.value_at(OPEN + timedelta(milliseconds=999)) == 6788.52
    assert path.value_at(NOON - SECOND) == 6802.51  # the close of 11:59
    assert path.value_at(NOON - timedelta(microseconds=1)) == 6802.51
    assert path.value_at(NOON) == 6802.48  # the open of 12:00
    assert path.value_at(datetime(2025, 11, 5, 3, tzinfo=UTC)) == 6771.55
    assert path.updated_at(datetime(2025, 11, 5, 3, tzinfo=UTC)) == datetime(
        2025, 11, 4, 21, 5, 59, tzinfo=UTC
    )
    with pytest.raises(ValueError, match="no time zone"):
        path.value_at(datetime(2025, 11, 4, 17))  # noqa: DTZ001


def test_a_minute_that_was_not_recorded_holds_the_last_value() -> None:
    from kalshi_alpha.rehearsal.path import DayPath

    later = NOON + timedelta(minutes=3)
    bars = (Bar(NOON, 10.0, 12.0, 9.0, 11.0), Bar(later, 20.0, 20.0, 20.0, 20.0))
    path = DayPath("SPX", DAY, bars, seed=1)
    assert path.value_at(later - SECOND) == 11.0
    assert path.value_at(later) == 20.0
    assert [at for at, _ in path.seconds(NOON + 58 * SECOND, later + 2 * SECOND)] == [
        NOON + 58 * SECOND,
        NOON + 59 * SECOND,
        later,
        later + SECOND,
    ]


def test_the_regular_session_is_told_from_the_minutes_after_it() -> None:
    path = load_day("SPX", DAY, seed=1)
    assert not path.is_open(OPEN - SECOND)
    assert path.is_open(OPEN)
    assert not path.is_open(datetime(2025, 11, 4, 21, tzinfo=UTC))


def test_wall_time_is_played_forward_then_backward_without_a_jump() -> None:
    path = load_day("SPX", DAY, seed=1)
    session, wall = path.values[:23_400], WallPath(path)
    start = datetime.fromtimestamp(46_798 * 38_000, UTC)  # a whole number of rounds
    played = [wall.value_at(start + k * SECOND) for k in range(46_799)]
    assert played[:23_400] == list(session)
    assert played[23_399:] == list(reversed(session))
    sunday_night = datetime(2026, 2, 8, 3, 17, 5, tzinfo=UTC)
    assert wall.value_at(sunday_night) in session
    assert wall.is_open(sunday_night)
    assert wall.updated_at(sunday_night) == sunday_night


def test_laid_minutes_begin_where_they_are_said_to_and_agree_with_the_seconds() -> None:
    path = load_day("SPX", DAY, seed=1)
    since = datetime(2026, 2, 8, 3, 17, 5, tzinfo=UTC)
    wall = WallPath(path, since=since)
    first, second = wall.bars(since - timedelta(hours=1), since + timedelta(minutes=2))
    assert first.start == datetime(2026, 2, 8, 3, 18, tzinfo=UTC)
    inside = [v for _, v in wall.seconds(first.start, second.start)]
    assert len(inside) == 60
    assert (first.open, first.high, first.low, first.close) == (
        inside[0], max(inside), min(inside), inside[-1],
    )  # fmt: skip
    assert WallPath(path).bars(since, since + timedelta(hours=1)) == ()
    noon = wall.bars(NOON, NOON + timedelta(minutes=1))
    assert noon == path.bars(NOON, NOON + timedelta(minutes=1))


def test_the_notice_names_the_licence_and_the_bytes_of_every_table() -> None:
    folder = resources.files("kalshi_alpha.rehearsal").joinpath("data")
    notice = folder.joinpath("README.md").read_text("utf-8")
    assert "`MateoBodon/kalshi-sys`" in notice
    assert "Licence: MIT, Copyright (c) 2025 Kalshi Alpha" in notice
    tables = [file for file in folder.iterdir() if file.name.endswith(".csv")]
    assert len(tables) == 4
    for table in tables:
        digest = hashlib.sha256(table.read_bytes()).hexdigest()
        assert f"| {table.name} | " in notice
        assert digest in notice


@pytest.mark.shared_data
def test_the_shipped_tables_are_what_the_command_writes(shared_data: Path, tmp_path: Path) -> None:
    shipped = Path(str(resources.files("kalshi_alpha.rehearsal").joinpath("data")))
    write_recorded(shared_data, tmp_path)
    written = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert len(written) == 5
    assert written == {name: (shipped / name).read_bytes() for name in written}


@pytest.mark.shared_data
def test_a_session_with_missing_minutes_is_not_shipped(shared_data: Path) -> None:
    with pytest.raises(DataError, match="lacks 354 minutes of SPX's session on 2024-11-04"):
        table_text(shared_data, "SPX", date(2024, 11, 4))


def test_the_command_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 4
    assert "point --data at the folder of recorded bars" in capsys.readouterr().err


@pytest.mark.parametrize("symbol", ["SPX", "NDX"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_value_hardly_ever_stands_still_for_three_seconds(symbol, seed):
    path = load_day(symbol, DAY, seed=seed)
    values = [path.value_at(NOON + timedelta(seconds=k)) for k in range(4 * 3600)]
    still = sum(
        one == two == three for one, two, three in zip(values, values[1:], values[2:], strict=False)
    )

    assert still < len(values) / 500
