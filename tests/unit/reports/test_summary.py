import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from kalshi_alpha.reports.summary import PATH_NOTE, Provenance, SeriesSummary, write_summary

PROVENANCE = Provenance(
    day=date(2025, 11, 4),
    generated_at=datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
    code_version="0.1.0",
    registry_hash="aa",
    parameters_checksum="bb",
    seed=7,
    broker="twin",
    data_labels={"SPX minutes": "recorded"},
)
ROW = SeriesSummary(
    window_id="20251104-1200-index-hourly",
    series="KXINXU",
    go=False,
    reasons=("the kill-switch is on: drill",),
    markets_listed=90,
    candidates=0,
    quotes_placed=0,
    amends=0,
    cancels=0,
    fills=0,
    resting_after_pull=0,
    pull_started_s=None,
    pull_confirmed_s=None,
    settlement_value=None,
    basis=None,
    pnl_dollars=0.0,
    fees_dollars=0.0,
    ledger_matches_exchange=True,
    states_visited=("Preflight", "NoGo"),
)


def test_the_summary_holds_the_provenance_and_a_row_a_window_and_series(tmp_path):
    path = tmp_path / "2025-11-04" / "summary.json"
    write_summary(path, PROVENANCE, [ROW, replace(ROW, series="KXNASDAQ100U")])

    doc = json.loads(path.read_text(encoding="utf-8"))
    assert doc["provenance"] == {
        "day": "2025-11-04",
        "generated_at": "2026-11-21T09:30:00Z",
        "code_version": "0.1.0",
        "registry_hash": "aa",
        "parameters_checksum": "bb",
        "seed": 7,
        "broker": "twin",
        "data_labels": {"SPX minutes": "recorded"},
        "path_note": PATH_NOTE,
    }
    assert [row["series"] for row in doc["windows"]] == ["KXINXU", "KXNASDAQ100U"]
    assert doc["windows"][0] == {
        "window_id": "20251104-1200-index-hourly",
        "series": "KXINXU",
        "go": False,
        "reasons": ["the kill-switch is on: drill"],
        "markets_listed": 90,
        "candidates": 0,
        "quotes_placed": 0,
        "amends": 0,
        "cancels": 0,
        "fills": 0,
        "resting_after_pull": 0,
        "pull_started_s": None,
        "pull_confirmed_s": None,
        "settlement_value": None,
        "basis": None,
        "pnl_dollars": 0.0,
        "fees_dollars": 0.0,
        "ledger_matches_exchange": True,
        "states_visited": ["Preflight", "NoGo"],
    }


def test_a_number_that_is_not_finite_is_refused_before_a_file_appears(tmp_path):
    path = tmp_path / "summary.json"
    with pytest.raises(ValueError, match="JSON compliant"):
        write_summary(path, PROVENANCE, [replace(ROW, basis=float("nan"))])
    assert not path.exists()
