from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from kalshi_alpha.reports.model import RefusalCount, RehearsalReport, SeriesReport, WindowReport
from kalshi_alpha.reports.subject import Subject
from kalshi_alpha.reports.summary import Provenance, SeriesSummary
from kalshi_alpha.reports.verdicts import verdicts

SPX = Subject("S&P 500", "index points", 2, 0, is_index=True)

ROW = SeriesSummary(
    window_id="20251104-1200-index-hourly",
    series="KXINXU",
    go=True,
    reasons=(),
    markets_listed=90,
    candidates=2700,
    quotes_placed=4,
    amends=11,
    cancels=3,
    fills=1,
    resting_after_pull=0,
    pull_started_s=-2.25,
    pull_confirmed_s=-2.18,
    settlement_value=6812.5,
    basis=-0.07,
    pnl_dollars=0.42,
    fees_dollars=0.01,
    ledger_matches_exchange=True,
    states_visited=("Preflight",),
)


def tiles(*rows, problem="", refusals=()):
    parts = tuple(
        SeriesReport(row, "t", 1, None, (), (), (), (), refusals, (), (), 500, SPX) for row in rows
    )
    window = WindowReport(
        rows[0].window_id, datetime(2025, 11, 4, 17, tzinfo=UTC), (), (), parts, problem
    )
    provenance = Provenance(
        date(2025, 11, 4), datetime(2025, 11, 5, tzinfo=UTC), "0.1.0", "a", "b", 1, "twin"
    )
    return {tile.name: tile for tile in verdicts(RehearsalReport(provenance, (window,)))}


def test_all_is_well():
    found = tiles(ROW)

    assert found["Out of the book"].status == "good"
    assert found["Out of the book"].value == "2.18 s early"
    assert found["Books agree"].status == "good"
    assert found["Windows run"].value == "1 of 1"
    assert found["Preflight"].value == "1 of 1 go"
    assert found["Fills"].value == "1 of 4"
    assert found["Basis"].value == "0.07 points"
    assert found["Result"].value == "+$0.42"


@pytest.mark.parametrize(
    ("changes", "value"),
    [
        ({"resting_after_pull": 2}, "2 left"),
        ({"pull_confirmed_s": None}, "not sure"),
        ({"pull_confirmed_s": -0.5}, "0.50 s early"),
        ({"pull_confirmed_s": 0.25}, "0.25 s late"),
    ],
)
def test_a_pull_that_was_late_or_left_orders_needs_action(changes, value):
    tile = tiles(ROW, replace(ROW, **changes))["Out of the book"]

    assert (tile.status, tile.value) == ("bad", value)


def test_a_pull_exactly_a_second_ahead_is_in_time():
    assert tiles(replace(ROW, pull_confirmed_s=-1.0))["Out of the book"].status == "good"


def test_books_that_differ_name_the_window():
    tile = tiles(replace(ROW, ledger_matches_exchange=False))["Books agree"]

    assert tile.status == "bad"
    assert "20251104-1200-index-hourly" in tile.advice


def test_an_execution_that_failed_needs_action():
    tile = tiles(ROW, problem="States.TaskFailed")["Windows run"]

    assert (tile.status, tile.value) == ("bad", "0 of 1")


def test_a_day_without_a_quoted_window_says_why():
    stopped = replace(ROW, go=False, reasons=("the kill-switch is on: drill",), quotes_placed=0)
    found = tiles(stopped)

    assert found["Out of the book"].status == "plain"
    assert found["Preflight"].value == "0 of 1 go"
    assert "kill-switch is on: drill" in found["Preflight"].advice
    assert found["Fills"].value == "none"


def test_refusals_are_added_up_over_series():
    refusals = (RefusalCount("bin-cap", 1500, "K", "r"), RefusalCount("no-market", 2, "K", "r"))
    found = tiles(ROW, ROW, refusals=refusals)["Refused"]

    assert found.value == "3,004"
    assert "bin-cap, 3,000 times" in found.advice


def test_an_unsettled_window_has_no_basis():
    assert tiles(replace(ROW, basis=None))["Basis"].value == "unknown"
