from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.research.graded import DayGrade, sharpness_of
from kalshi_alpha.research.record import Record, grade_key, rehearsed
from kalshi_alpha.trading.grades import Proof
from tests.left_windows import DAY, leave_window


def record_of(*roots: Path) -> Record:
    return Record(tuple(map(FolderStore, roots)), load_registry(), load_sessions())


def spx(day: DayGrade):
    return next(grade for grade in day.grades if grade.series == "KXINXU")


def test_a_window_is_graded_from_what_it_left(tmp_path):
    leave_window(tmp_path)
    found = record_of(tmp_path).grade(DAY)
    series = spx(found)
    (fill,) = found.fills

    assert (found.source, found.config_hash) == ("paper", load_registry().hash)
    assert found.parameters_as_of is not None
    assert found.parameters_as_of < DAY
    assert found.verified
    assert (fill.claimed, fill.realised) == (pytest.approx(0.07), pytest.approx(0.55))
    assert fill.bin == "index|above|p40-60|m4+|bid"
    assert fill.proof is Proof.TRADE_THROUGH
    assert fill.markouts == {20: pytest.approx(0.05)}
    assert (series.go, series.scans, series.last_age_s) == (True, 2, 1.0)
    assert series.pnl == 550_000


def test_a_real_fill_has_cleared_its_queue(tmp_path):
    leave_window(tmp_path, broker="live")
    found = record_of(tmp_path).grade(DAY)

    assert found.source == "live"
    assert found.fills[0].proof is Proof.QUEUE_CLEARED


def test_quotes_rest_until_they_fill_move_or_go(tmp_path):
    leave_window(tmp_path)
    ask, bid = spx(record_of(tmp_path).grade(DAY)).quotes

    assert (ask.rested_s, ask.filled, ask.seconds_to_fixing) == (40.0, False, 240.0)
    assert (bid.rested_s, bid.filled, bid.spread) == (10.0, True, 4.0)
    assert bid.place.offset == pytest.approx(7.0)
    assert ask.place.offset == pytest.approx(10.0)


def test_a_series_that_the_feed_stopped_says_so(tmp_path):
    leave_window(tmp_path)
    other = next(g for g in record_of(tmp_path).grade(DAY).grades if g.series == "KXNASDAQ100U")

    assert (other.scans, other.scans_feed, other.scans_heartbeat) == (2, 2, 0)
    assert other.sharpness is None


def test_our_sharpness_stands_beside_the_markets(tmp_path):
    leave_window(tmp_path, settled=6801.0)
    found = spx(record_of(tmp_path).grade(DAY)).sharpness

    # 6801 is at or above 6800 and below 6805: outcomes 1 and 0, middles 46 and 31 cents.
    assert found.contracts == 4
    ours = ((0.48**2 + 0.25**2) + (0.5**2 + 0.25**2)) / 4
    assert found.brier_ours == pytest.approx(ours)
    assert found.brier_market == pytest.approx((0.54**2 + 0.31**2) / 2)
    # Five points between the strikes, by the trapeze.
    assert found.crps_market == pytest.approx(5.0 * (0.54**2 + 0.31**2) / 2)


def test_ranges_have_no_crps_and_a_market_without_two_sides_no_part():
    rows = [
        {"low": 0, "high": 99, "probability": 0.5, "bid": 4000, "ask": 6000},
        {"low": 100, "high": 199, "probability": 0.5, "bid": None, "ask": 6000},
    ]
    found = sharpness_of([rows], "range", 50, 100)

    assert (found.contracts, found.crps_ours, found.brier_ours) == (1, None, 0.25)
    assert sharpness_of([[rows[1]]], "range", 50, 100) is None


def test_an_unsettled_fill_is_kept_and_not_counted(tmp_path):
    leave_window(tmp_path, settled=None)
    (fill,) = record_of(tmp_path).grade(DAY).fills

    assert fill.realised is None
    assert not fill.counted


def test_a_fill_that_no_quote_explains_is_named(tmp_path):
    leave_window(tmp_path)
    for why in (tmp_path / "windows").rglob("*.jsonl"):
        why.write_text("".join(line + "\n" for line in why.read_text().splitlines()[1:]))
    found = spx(record_of(tmp_path).grade(DAY))

    assert found.fills == ()
    assert found.ungraded == ("fill-2025-11-04",)


def test_a_window_whose_books_were_never_closed_is_an_incident(tmp_path):
    leave_window(tmp_path, summary=False)
    found = record_of(tmp_path).grade(DAY)

    assert not found.verified
    assert found.windows[0].incidents == (
        "the window left no summary: its books were never closed",
    )


def test_what_the_books_did_not_agree_on_is_a_difference(tmp_path):
    name = leave_window(tmp_path, cash_difference=-20_000, contradictions=["an unknown fill f9"])
    found = record_of(tmp_path).grade(DAY).windows[0]

    assert found.differences == (
        f"{name}: the balance differs by -0.020000 dollars",
        f"{name}: an unknown fill f9",
    )


def test_a_day_without_a_window_is_a_sentence(tmp_path):
    leave_window(tmp_path)

    with pytest.raises(DataError, match="no window ran on 2025-11-05: there is nothing to grade"):
        record_of(tmp_path).grade(date(2025, 11, 5))


def test_a_grade_that_was_kept_is_read_and_survives_its_windows(tmp_path):
    leave_window(tmp_path)
    record = record_of(tmp_path)
    made = record.grade(DAY)
    FolderStore(tmp_path).write(grade_key(DAY), made.to_bytes())
    for summary in tmp_path.rglob("summary.json"):
        summary.unlink()

    assert record.grade(DAY) == made
    assert not record.grade(DAY, again=True).verified
    assert record.days() == (DAY,)


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"\xff\xfe"])
def test_a_graded_day_that_cannot_be_read_is_a_sentence(data):
    with pytest.raises(DataError, match="a graded day cannot be read"):
        DayGrade.from_bytes(data)


def test_a_graded_day_of_another_schema_is_refused(tmp_path):
    leave_window(tmp_path)
    data = record_of(tmp_path).grade(DAY).to_bytes().replace(b"graded-day/1", b"graded-day/9")

    with pytest.raises(DataError, match="schema 'kalshi-alpha/graded-day/9'"):
        DayGrade.from_bytes(data)


def test_garbled_artifacts_are_a_sentence(tmp_path):
    name = leave_window(tmp_path)
    (tmp_path / f"windows/{name}/books.json.gz").write_bytes(b"not gzip")

    with pytest.raises(DataError, match="cannot be unpacked"):
        record_of(tmp_path).grade(DAY)


def test_rehearsed_days_are_read_from_their_folders(tmp_path):
    for day in (DAY, date(2025, 11, 5)):
        leave_window(tmp_path / f"rehearsal/{day}/artifacts", day, broker="twin")
    registry, sessions = load_registry(), load_sessions()

    assert rehearsed(tmp_path, registry, sessions).days() == (DAY, date(2025, 11, 5))
    one = rehearsed(tmp_path / "rehearsal/2025-11-05", registry, sessions)
    assert one.days() == (date(2025, 11, 5),)
    assert one.graded()[0].source == "twin"
    with pytest.raises(DataError, match="run kalshi-alpha rehearse first"):
        rehearsed(tmp_path / "nothing", registry, sessions)


def test_the_parameters_of_the_last_scan_are_found(tmp_path):
    leave_window(tmp_path)

    assert b"index-parameters" in record_of(tmp_path).parameters()
    with pytest.raises(DataError, match="no scan on record has kept its parameters"):
        record_of(tmp_path / "empty").parameters()
