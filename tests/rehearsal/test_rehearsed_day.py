"""What a rehearsal of the shipped day must leave, read as its user would."""

from __future__ import annotations

import json
import re

import pyarrow.parquet as pq
import pytest

from tests.rehearsal.conftest import Rehearsed

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rehearsal")]

FIELDS = {
    "window_id", "series", "go", "reasons", "markets_listed", "candidates", "quotes_placed",
    "amends", "cancels", "fills", "resting_after_pull", "pull_started_s", "pull_confirmed_s",
    "settlement_value", "basis", "pnl_dollars", "fees_dollars", "ledger_matches_exchange",
    "states_visited",
}  # fmt: skip


def test_it_ends_well_and_says_where_the_report_lies(rehearsed: Rehearsed) -> None:
    assert rehearsed.returncode == 0, rehearsed.stderr
    assert "report.html" in rehearsed.stdout


def test_it_plays_noon_above_below_and_the_closes_ranges(rehearsed: Rehearsed) -> None:
    played = [(row["window_id"], row["series"]) for row in rehearsed.windows]

    assert played == [
        ("20251104-1200-index-hourly", "KXINXU"),
        ("20251104-1200-index-hourly", "KXNASDAQ100U"),
        ("20251104-1600-index-close", "KXINX"),
        ("20251104-1600-index-close", "KXNASDAQ100"),
    ]


def test_each_row_has_exactly_the_promised_fields(rehearsed: Rehearsed) -> None:
    assert all(set(row) == FIELDS for row in rehearsed.windows)


def test_nothing_rests_after_the_pull_and_the_pull_is_confirmed_in_time(
    rehearsed: Rehearsed,
) -> None:
    assert [row["resting_after_pull"] for row in rehearsed.windows] == [0, 0, 0, 0]
    assert all(row["pull_confirmed_s"] <= -1.0 for row in rehearsed.windows)
    assert all(row["pull_started_s"] <= row["pull_confirmed_s"] for row in rehearsed.windows)


def test_the_ledger_matches_the_exchange(rehearsed: Rehearsed) -> None:
    assert all(row["ledger_matches_exchange"] for row in rehearsed.windows)


def test_every_window_goes_and_is_settled_with_a_basis(rehearsed: Rehearsed) -> None:
    assert all(row["go"] for row in rehearsed.windows), [r["reasons"] for r in rehearsed.windows]
    assert all(row["settlement_value"] > 0 for row in rehearsed.windows)
    assert all(abs(row["basis"]) < 5 for row in rehearsed.windows)


def test_at_least_one_quote_fills_and_one_candidate_is_refused(rehearsed: Rehearsed) -> None:
    assert sum(row["quotes_placed"] for row in rehearsed.windows) > 0
    assert sum(row["fills"] for row in rehearsed.windows) > 0
    whys = (rehearsed.folder / "why.jsonl").read_text().splitlines()
    assert any(json.loads(line)["decision"] == "refuse" for line in whys)


def test_the_state_machine_pulls_before_it_reconciles(rehearsed: Rehearsed) -> None:
    for row in rehearsed.windows:
        states = row["states_visited"]
        assert states[0] == "Preflight"
        assert states.index("Cancel") < states.index("Reconcile")


def test_every_candidate_has_a_why_record_with_a_reason_when_refused(rehearsed: Rehearsed) -> None:
    whys = [json.loads(line) for line in (rehearsed.folder / "why.jsonl").read_text().splitlines()]
    by_series = {row["series"]: row["candidates"] for row in rehearsed.windows}

    for series, count in by_series.items():
        assert sum(1 for why in whys if why["series"] == series and why["side"]) == count
    assert all(why["code"] and why["reason"] for why in whys if why["decision"] == "refuse")


def test_every_order_expires_at_the_venue_by_two_seconds_before_the_fixing(
    rehearsed: Rehearsed,
) -> None:
    ledger = pq.read_table(rehearsed.folder / "ledger.parquet").to_pylist()
    orders = [json.loads(row["record"]) for row in ledger if row["kind"] == "order"]

    assert orders
    assert {order["expires_at"][11:] for order in orders} <= {"16:59:58Z", "20:59:58Z"}


def test_every_fill_is_a_makers(rehearsed: Rehearsed) -> None:
    ledger = pq.read_table(rehearsed.folder / "ledger.parquet").to_pylist()
    fills = [json.loads(row["record"]) for row in ledger if row["kind"] == "fill"]

    assert fills
    assert not any(fill["is_taker"] for fill in fills)


def test_intents_are_recorded_before_they_are_sent(rehearsed: Rehearsed) -> None:
    ledger = pq.read_table(rehearsed.folder / "ledger.parquet").to_pylist()
    orders = [json.loads(row["record"]) for row in ledger if row["kind"] == "order"]

    assert all(order["events"][0]["status"] == "intended" for order in orders)


def test_the_page_is_whole_small_and_asks_the_network_for_nothing(rehearsed: Rehearsed) -> None:
    page = (rehearsed.folder / "report.html").read_text()

    assert len(page.encode()) < 1_000_000
    assert not re.search(r"(src|href)=[\"']https?://", page)
    assert (rehearsed.folder / "report.md").stat().st_size > 0


def test_no_secret_is_in_anything_it_wrote(rehearsed: Rehearsed) -> None:
    for file in rehearsed.folder.rglob("*"):
        if file.is_file():
            assert b"PRIVATE KEY" not in file.read_bytes(), file
