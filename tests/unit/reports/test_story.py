from dataclasses import replace

import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.reports.kept import KeptWindow, read_kept
from kalshi_alpha.reports.story import tell
from tests.kept_day import CLOSE, EVEN, EVENT, LOW, NEVER, NOON, TRICKY, leave_day

CHAPTERS = [
    "listing", "reading", "law", "fair price", "book", "edge", "gates", "size", "orders", "fills",
    "outcome",
]  # fmt: skip


@pytest.fixture
def store(tmp_path):
    return leave_day(tmp_path)


@pytest.fixture
def noon(store) -> KeptWindow:
    return read_kept(store, NOON, load_registry(), load_sessions())


def told(kept: KeptWindow, market: str = "") -> dict[str, str]:
    chapters = tell(kept, load_registry(), market)
    return {chapter.name: " ".join(chapter.sentences) for chapter in chapters}


def test_a_market_is_told_from_listing_to_outcome(noon):
    story = told(noon, LOW)

    assert list(story) == CHAPTERS
    assert "41 markets, fee type quadratic with multiplier 0.5" in story["listing"]
    assert "pays when the index fixes at 6,795 or above" in story["listing"]
    assert "SPX read 6,803.00 at 16:55:00 UTC" in story["reading"]
    assert "n = 3 scans" in story["reading"]
    assert "one standard deviation at 5.44 points around 6,803.00" in story["law"]
    assert "it was worth 92.0 cents" in story["fair price"]
    assert "others bid 83¢ and asked 87¢" in story["book"]
    assert "The best edge of n = 3 looks was +7.0¢" in story["edge"]
    assert story["gates"] == "Of 3 looks 3 passed every gate."
    assert "1 contracts were wanted 3 times" in story["size"]
    assert "bid 1 at 85¢: intended at 16:55:10 UTC" in story["orders"]
    assert "fee $0.00, came to +$0.15" in story["fills"]
    assert (
        "SPX settled at 6,802.57, +0.06 points from our feed. It resolved yes."
        in (story["outcome"])
    )


def test_a_refused_market_says_each_time_why(noon):
    story = told(noon, EVEN)

    assert f"the ask was refused by edge-below-threshold: {TRICKY}." in story["gates"]
    assert "Nothing was sized" in story["size"]
    assert "because post only cross" in story["orders"]
    assert story["fills"] == "Nothing was filled: n = 0."


def test_a_market_that_was_never_looked_at_says_so(noon):
    story = told(noon, NEVER)

    assert "was never a candidate" in story["listing"]
    assert story["book"] == "Its book was not read."
    assert story["orders"] == "No order was sent."


def test_a_whole_window_is_told_series_by_series(noon):
    story = told(noon)

    assert next(iter(story)) == "window"
    assert "Preflight said GO." in story["window"]
    assert "edge-below-threshold refused 3" in story["KXINXU: gates"]
    assert "heartbeat-missing refused 3, for example all of it" in story["KXNASDAQ100U: gates"]
    assert "The series came to +$0.15 on n = 1 fills." in story["KXINXU: outcome"]
    assert story["KXNASDAQ100U: outcome"] == "It has not settled."
    assert "No scan had a reading of NDX" in story["KXNASDAQ100U: reading"]


def test_a_no_go_says_why(store):
    close = read_kept(store, CLOSE, load_registry(), load_sessions())

    story = told(close)

    assert "Preflight said NO-GO: the kill-switch is on: practice." in story["window"]
    assert "listing could not be used" in story["KXINX: listing"]


def test_a_failure_and_a_banner_are_told_first(noon):
    story = told(replace(noon, failure="Quote failed", banner="FORCED RUN"))

    assert "FORCED RUN" in story["window"]
    assert "did not end well: Quote failed" in story["window"]


@pytest.mark.parametrize(
    "ticker", ["KXINXU-25NOV04H1300-T6799.9999", "KXINX-25NOV04H1600-B6762", f"{EVENT}x-T1"]
)
def test_a_market_of_another_window_is_refused(noon, ticker):
    with pytest.raises(DataError):
        tell(noon, load_registry(), ticker)
