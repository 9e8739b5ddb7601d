import csv
import io
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.pricing.parameters import load_parameters, shipped_parameters
from kalshi_alpha.reports.calibration_page import calibration_page
from kalshi_alpha.reports.day_page import day_page
from kalshi_alpha.reports.fill_values import fill_values, spread
from kalshi_alpha.reports.kept import KeptWindow, days_left, read_kept, windows_left
from kalshi_alpha.reports.readiness_page import readiness_page
from kalshi_alpha.reports.scoreboard_page import scoreboard_page
from kalshi_alpha.reports.shelf import Boards, make_day, make_index
from kalshi_alpha.reports.study import Study, render_csv, render_html, render_markdown
from kalshi_alpha.reports.window_page import window_page
from kalshi_alpha.trading.daily_criteria import DailyFacts, DailyLimits, judge_days
from kalshi_alpha.trading.standing import Standing
from tests.boards import AT, a_readiness, a_scoreboard
from tests.kept_day import CLOSE, DAY, LOW, NOON, TRICKY, leave_day

MADE = [("Code", "test")]


@pytest.fixture
def left(tmp_path: Path) -> FolderStore:
    return leave_day(tmp_path / "left")


@pytest.fixture
def noon(left: FolderStore) -> KeptWindow:
    return read_kept(left, NOON, load_registry(), load_sessions())


@pytest.fixture
def close(left: FolderStore) -> KeptWindow:
    return read_kept(left, CLOSE, load_registry(), load_sessions())


def rows_of(study: Study) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render_csv(study))))


def cell(study: Study, table: str, row: str, column: str) -> str:
    found = [
        r["value"]
        for r in rows_of(study)
        if r["table"].startswith(table) and (r["row"], r["column"]) == (row, column)
    ]
    assert len(found) == 1, found
    return found[0]


def of_window(kept: KeptWindow, **changed) -> Study:
    given = {"matches": True, "provenance": MADE} | changed
    return window_page(kept, load_registry(), **given)


def of_day(*windows: KeptWindow, **changed) -> Study:
    given = {"matches": True, "provenance": MADE} | changed
    return day_page(DAY, windows, load_registry(), **given)


def test_what_was_left_is_found_by_day(left):
    assert days_left(left) == [DAY]
    assert windows_left(left, DAY) == [NOON, CLOSE]
    assert windows_left(left, date(2025, 11, 5)) == []


def test_a_window_that_left_nothing_is_a_sentence(left):
    other = "20251105-1200-index-hourly"

    with pytest.raises(DataError, match="has left nothing to read"):
        read_kept(left, other, load_registry(), load_sessions())


@pytest.mark.parametrize(
    ("text", "words"), [("{", "is not JSON"), ('{"schema": "other/1"}', "other/1")]
)
def test_what_cannot_be_read_is_refused_with_the_reason(left, text, words):
    left.write(f"windows/{NOON}/kept.json", text.encode())

    with pytest.raises(DataError, match=words):
        read_kept(left, NOON, load_registry(), load_sessions())


def test_a_scan_gives_the_level_where_nobody_kept_it(left, noon):
    doc = json.loads(left.read(f"windows/{NOON}/kept.json"))
    left.write(f"windows/{NOON}/kept.json", json.dumps(doc | {"levels": {}}).encode())

    from_scans = read_kept(left, NOON, load_registry(), load_sessions())

    assert len(noon.levels["SPX"]) == 60
    assert [value for _, value in from_scans.levels["SPX"]] == [6803.0] * 3
    assert from_scans.levels["NDX"] == []


def test_the_window_page_says_what_was_quoted_placed_filled_and_refused(noon):
    page = of_window(noon)

    counts = [
        r["value"] for r in rows_of(page) if (r["table"], r["row"]) == ("In figures", "fills")
    ]
    assert counts == ["1", "0"]
    text = render_markdown(page)
    assert "bid 1 at 85¢" in text
    assert "post only cross" in text
    assert "edge-below-threshold" in text
    assert "+$0.15" in text
    assert "heartbeat-missing" in text
    assert "T\N{MINUS SIGN}2.2 s" in text


def test_a_no_go_page_says_why_and_shows_no_fill(close):
    text = render_markdown(of_window(close))

    assert "NO-GO: the kill-switch is on: practice." in text
    assert "no fill" in text


def test_every_refusal_is_readable_on_the_day_page(noon, close):
    page = of_day(noon, close)

    assert cell(page, "By gate", "edge-below-threshold", "count") == "3"
    assert cell(page, "By gate", "edge-below-threshold", "share") == "50.0%"
    assert TRICKY in cell(page, "By gate", "edge-below-threshold", "for example")
    assert "the book&#39;s &lt;best&gt; &amp; only price" in render_html(page)
    assert "&lt;best> & only price is \\| odd" in render_markdown(page)


def test_claimed_and_realised_carry_sample_and_interval_or_say_there_is_none(noon, close):
    page = of_day(noon, close)

    assert cell(page, "By series", "KXINXU", "fills") == "1"
    assert cell(page, "By series", "KXINXU", "claimed") == (
        "+7.0 cents, n = 1, too few for an interval"
    )
    assert cell(page, "By series", "KXINXU", "realised") == (
        "+15.0 cents, n = 1, too few for an interval"
    )


def test_a_day_without_a_fill_says_n_is_nothing(close):
    page = of_day(close)

    assert cell(page, "By series", "no fill", "claimed") == "\N{EN DASH}"
    assert "n = 0" in render_markdown(page)


def test_books_nobody_compared_are_not_said_to_agree(noon):
    compared = {fact.name for fact in of_day(noon).facts}
    alone = {fact.name for fact in of_day(noon, matches=None).facts}

    assert compared - alone == {"Books agree"}


def test_the_day_page_says_what_its_fixings_may_lose_at_the_last_scan(noon, close):
    page = of_day(noon, close)
    table, text = "At each window's last scan", render_markdown(page)

    shown = {name: cell(page, table, NOON, name) for name in ("value at risk", "shortfall")}
    assert shown == {"value at risk": "$1.50", "shortfall": "$3.00"}
    assert cell(page, table, NOON, "worst case") == "$3.85"
    assert cell(page, table, NOON, "scanned") == "16:57:00 UTC"
    assert (cell(page, table, NOON, "held"), cell(page, table, NOON, "wanted")) == ("1", "2.5")
    assert "the worst cases add up to $3.85" in text
    assert "no fixing was over it" in text
    assert "1200 index-hourly: \N{MINUS SIGN}$3.85" in render_html(page)


def test_a_gain_at_risk_has_a_minus_and_the_last_scan_that_weighed_anything_counts(noon):
    unweighed = {**noon.scans[1], "risk": None}

    page = of_day(replace(noon, scans=[noon.scans[0], unweighed]))

    table = "At each window's last scan"
    assert cell(page, table, NOON, "value at risk") == "\N{MINUS SIGN}$0.50"
    assert cell(page, table, NOON, "scanned") == "16:55:00 UTC"


def test_two_windows_of_one_fixing_are_added_up_once_and_a_shortfall_over_the_limit_is_named(noon):
    registry = load_registry()
    doc = noon.scans[-1]["risk"]
    dear = doc["fixing"] | {"shortfall": registry.risk.max_shortfall + 10_000}
    later = doc | {"at": "2025-11-04T16:58:00Z", "fixing": dear}
    other = replace(noon, scans=[{**noon.scans[-1], "risk": later}])

    text = render_markdown(of_day(other, noon))

    assert "Over 1 fixing the worst cases add up to $3.85" in text
    assert "over it: 20251104-1200." in text


def test_a_day_whose_scans_left_no_risk_says_so(close):
    assert "No scan of the day left its risk" in render_markdown(of_day(close))


def test_a_ledger_that_differs_is_named(noon):
    difference = {"name": LOW, "kind": "fee", "sentence": "the venue charged $0.01 more"}
    proof = {"lines": 12, "verified_at": "2025-11-04T22:00:00Z", "differences": [difference]}

    page = of_day(noon, ledger=proof)

    assert cell(page, "Differences", LOW, "sentence") == "the venue charged $0.01 more"
    assert "differ: 12 lines" in render_markdown(page)
    agrees = render_markdown(of_day(noon, ledger=proof | {"differences": []}))
    assert "agree: 12 lines" in agrees


def test_a_fill_is_held_against_the_last_quote_before_it(noon):
    (value,) = fill_values(noon, load_registry())

    assert (value.series, value.claimed, value.realised) == ("KXINXU", 0.07, 0.15)
    later = replace(noon, whys=[w | {"at": "2025-11-04T16:59:59Z"} for w in noon.whys])
    assert fill_values(later, load_registry())[0].claimed is None


def test_an_unsettled_fill_has_come_to_nothing_yet(noon):
    open_still = [row for row in noon.entries if not row["sk"].startswith("SETTLEMENT")]

    (value,) = fill_values(replace(noon, entries=open_still), load_registry())

    assert value.realised is None


def test_a_spread_is_students_interval():
    found = spread([0.01, 0.03, 0.05])

    assert found is not None
    assert (round(found.mean, 6), found.n) == (0.03, 3)
    assert found.low == pytest.approx(0.03 - 4.302653 * 0.02 / 3**0.5, abs=1e-6)
    assert str(found) == "+3.0 cents, n = 3, 95 % from -2.0 to +8.0"
    assert spread([]) is None


def test_the_calibration_page_holds_the_laws_against_the_settlement(noon):
    fitted = load_parameters(shipped_parameters(DAY), on=DAY)
    page = calibration_page(fitted, DAY, [noon], symbols={"KXINXU": "SPX"}, provenance=MADE)

    name = f"{NOON} SPX last"
    assert cell(page, "2 laws", name, "settled") == "6,802.57"
    assert cell(page, "2 laws", name, "deviations") == "-0.08"
    assert "0 of n = 2 ranks" in render_markdown(page)
    assert cell(page, "in short", "SPX parameters", "value") == "1 day old"


def test_the_scoreboard_says_sample_and_interval_and_where_there_is_none():
    page = scoreboard_page(a_scoreboard(), provenance=MADE)

    claimed = cell(page, "What was claimed", "KXINXU", "EV claimed")
    assert claimed == "+6.2¢, 95 % from +5.0¢ to +7.4¢, n = 41 on 9 days"
    assert cell(page, "What was claimed", "index family", "realised") == "n = 0"
    assert cell(page, "How good", "KXINXU", "markouts") == (
        "after 20 s: +1.0¢, too few days for an interval, n = 2 on 1 days"
    )
    assert cell(page, "How good", "KXINXU", "Brier, ours and the market's") == (
        "0.0710 and 0.0740, n = 63, gain 95 % from -0.0010 to +0.0070"
    )
    assert cell(page, "Incidents", f"2025-11-04 {NOON}", "what") == "SPX was silent for 2.9 s"


def test_the_readiness_page_shows_each_criterion_whole():
    page = readiness_page(a_readiness(), provenance=MADE)

    assert page.title == "Readiness: NO-GO"
    assert cell(page, "Each criterion", "Graded fills", "limit") == "300 fills"
    assert cell(page, "Each criterion", "Graded fills", "why") == (
        "41 graded fills: 259 of 300 are missing."
    )
    assert cell(page, "Each criterion", "Kill-switch", "95 % interval") == "0 to 0.25"
    assert [(f.name, f.status) for f in page.facts] == [("Verdict", "bad"), ("Kill-switch", "bad")]


def test_the_readiness_page_of_climate_days_says_so_and_keeps_their_order():
    facts = DailyFacts(AT, DAY, "twin", Standing.PAPER, None, (DAY,), (), minutes=1439)
    found = judge_days(facts, DailyLimits(), family="temperature").to_json()
    page = readiness_page(found, provenance=MADE)

    assert page.title == "Readiness of temperature: NO-GO"
    [table] = page.sections[0].tables
    assert [row[0] for row in table.rows] == [one["title"] for one in found["criteria"]]
    assert cell(page, "Each criterion", "Clean days", "limit") == "30 days"
    assert cell(page, "Each criterion", "Uptime", "sample") == "1439 minutes"
    assert "Readiness of temperature: NO-GO" in render_html(page)


@pytest.mark.parametrize("make", [scoreboard_page, readiness_page])
def test_a_board_of_another_schema_is_refused(make):
    with pytest.raises(DataError, match="schema 'other/9'"):
        make({"schema": "other/9"}, provenance=MADE)


def made(left: FolderStore, shelf: FolderStore, boards: Boards) -> list[str]:
    return make_day(
        DAY, left, shelf, load_registry(), load_sessions(), boards=boards, provenance=MADE
    )


def test_a_day_is_three_files_a_page_and_an_index(left, tmp_path):
    shelf = FolderStore(tmp_path / "reports")

    pages = made(left, shelf, Boards(scoreboard=a_scoreboard(), pages={"backtest": b"<p>"}))

    assert pages == [
        f"{DAY}/day.html",
        f"{DAY}/{NOON}.html",
        f"{DAY}/{CLOSE}.html",
        f"{DAY}/scoreboard.html",
        f"{DAY}/backtest.html",
        "index.html",
    ]
    assert {k.rpartition(".")[2] for k in shelf.keys(f"{DAY}/day")} == {"html", "md", "csv"}
    index = shelf.read("index.md").decode()
    assert f"[the day]({DAY}/day.html)" in index
    assert f"[backtest]({DAY}/backtest.html)" in index


def test_the_index_has_the_newest_day_first_and_nothing_that_is_no_page(tmp_path):
    shelf = FolderStore(tmp_path)
    for key in ("2025-11-03/day.html", "2025-11-04/day.html", "notes.txt", "2025-11-04/day.csv"):
        shelf.write(key, b"x")

    make_index(shelf)

    text = shelf.read("index.md").decode()
    assert text.index("2025-11-04/day.html") < text.index("2025-11-03/day.html")
    assert "2 pages of 2 days" in text
    assert "notes" not in text


def test_a_report_of_a_day_with_no_run_is_a_sentence_and_writes_nothing(left, tmp_path):
    shelf = FolderStore(tmp_path / "reports")

    with pytest.raises(DataError, match="no window of 2025-11-05 has left anything"):
        make_day(
            date(2025, 11, 5), left, shelf, load_registry(), load_sessions(),
            boards=Boards(), provenance=MADE,
        )  # fmt: skip
    assert shelf.keys("") == []
