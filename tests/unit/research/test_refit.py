"""The nightly refit: what is used is new and plausible, and an interruption costs no bars."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from kalshi_alpha.clock import NEW_YORK, ManualClock
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.errors import DataError, VenueUnavailable
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.pricing.parameters import load_parameters, parameters_checksum
from kalshi_alpha.research.refit import IN_USE, refit
from kalshi_alpha.venues.massive.rest import Bar
from tests.walked_bars import bar_table, sessions_from

DAYS = sessions_from(date(2026, 6, 1), 70)
SATURDAY = datetime(2026, 9, 12, 9, tzinfo=NEW_YORK)


@cache
def walked(wild: float) -> tuple[Bar, ...]:
    made = bar_table(DAYS, step=1, seed=3).to_pydict()
    bars = []
    first = made["open"][0]
    for start, *prices in zip(
        made["ts_utc"], made["open"], made["high"], made["low"], made["close"], strict=True
    ):
        o, h, low, c = (first * (price / first) ** wild for price in prices)
        bars.append(Bar(start, start + timedelta(minutes=1), o, h, low, c))
    return tuple(bars)


class Vendor:
    """The vendor's reader over walked bars; it may break down at a request."""

    def __init__(self, keep: Callable[[bytes], None], asked: list[str], wild: float, breaks: int):
        self._keep, self._asked, self._wild, self._breaks = keep, asked, wild, breaks

    def aggregates(
        self,
        ticker: str,
        start: datetime,
        end: datetime,
        **_: object,
    ) -> list[Bar]:
        if len(self._asked) == self._breaks:
            raise VenueUnavailable("the vendor answered 503")
        self._asked.append(ticker)
        self._keep(f"{ticker} {start} {len(self._asked)}".encode())
        return [bar for bar in walked(self._wild) if start <= bar.start < end]

    def close(self) -> None:
        return


@pytest.fixture
def artifacts(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "bucket")


@pytest.fixture
def run(artifacts: FolderStore, tmp_path: Path) -> Callable[..., object]:
    number = iter(range(100))

    def once(wild: float = 1.0, breaks: int = -1, now: datetime = SATURDAY):
        asked: list[str] = []
        folder = tmp_path / f"work-{next(number)}"
        done = refit(
            artifacts,
            lambda keep: Vendor(keep, asked, wild, breaks),
            folder,
            ManualClock(now),
            load_registry(),
            load_sessions(),
        )
        return done, asked

    return once


def test_a_first_refit_is_put_to_use_with_every_part(artifacts, run):
    done, asked = run()

    assert (done.in_use, done.doubts, done.as_of) == (True, (), date(2026, 9, 11))
    data = artifacts.read(IN_USE)
    assert parameters_checksum(data) == done.checksum
    held = load_parameters(data, on=date(2026, 9, 14))
    assert set(held) == {"SPX", "NDX"}
    assert all(found.hourly and found.close for found in held.values())
    assert artifacts.read(done.key) == data
    assert set(asked) == {"I:SPX", "I:NDX"}


def test_the_next_one_asks_only_for_what_is_new(run):
    _, before = run()
    done, after = run()

    assert len(after) < len(before)
    assert done.pulled == {"SPX": 0, "NDX": 0}


def test_a_level_that_is_many_times_another_is_kept_for_a_person_and_not_used(artifacts, run):
    run()
    used = artifacts.read(IN_USE)
    for key in artifacts.keys("bars/"):
        (artifacts._root / key).unlink()
    done, _ = run(wild=5.0)

    assert done.in_use is False
    assert artifacts.read(IN_USE) == used
    assert artifacts.read(done.key) != used
    assert any("the hourly level of SPX would change" in doubt for doubt in done.doubts)


def test_a_file_in_use_that_cannot_be_read_is_not_replaced_unseen(artifacts, run):
    artifacts.write(IN_USE, b"{}")
    done, _ = run()

    assert (done.in_use, artifacts.read(IN_USE)) == (False, b"{}")
    assert "nothing can be compared" in done.doubts[0]


def test_a_vendor_that_breaks_down_leaves_what_came_before(artifacts, run):
    with pytest.raises(VenueUnavailable):
        run(breaks=12)

    assert artifacts.keys("parameters/") == []
    assert artifacts.keys("bars/SPX/")
    done, _ = run()
    assert done.in_use is True


def test_a_vendor_without_bars_fits_nothing(artifacts, run):
    with pytest.raises(DataError, match="the vendor has no bars of SPX"):
        run(now=datetime(2025, 1, 11, 9, tzinfo=NEW_YORK))
    assert artifacts.keys("parameters/") == []
