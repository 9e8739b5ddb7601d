"""One recorded release of each macro family, played by the same machine as an index's window."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.rehearsal.releases import PLAYS, macro_traded, play_of
from kalshi_alpha.rehearsal.report import rehearse_release
from kalshi_alpha.reports.kept import read_kept

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("releases")]

# What was printed, and the quoted series of each.
PRINTED = {
    "cpi": {"KXCPI": 0.3, "KXCPICORE": 0.2, "KXCPIYOY": 2.7},
    "claims": {"KXJOBLESSCLAIMS": 199_000.0},
    "ten_year": {"KXUST10AD": 4.13},
    "gas": {"KXAAAGASD": 3.066},
}


@pytest.mark.parametrize("family", list(PLAYS))
def test_a_recorded_release_is_quoted_pulled_settled_and_reported(
    family: str, tmp_path: Path
) -> None:
    with macro_traded():
        left = rehearse_release(family, tmp_path, seed=1, progress=lambda _: None)
        window = play_of(family).window
        kept = read_kept(
            FolderStore(left.folder / "artifacts"),
            window.window_id,
            load_registry(),
            load_sessions(),
        )
    summary = json.loads(
        (left.folder / "artifacts/windows" / window.window_id / "summary.json").read_text()
    )
    rows = {row["series"]: row for row in left.summary["windows"]}

    assert kept.status == "SUCCEEDED", kept.failure
    assert left.differences == ()
    assert kept.record["go"] is True
    for series, printed in PRINTED[family].items():
        assert summary["series"][series]["settlement_value"] == printed
        assert rows[series]["quotes_placed"] > 0
        assert rows[series]["resting_after_pull"] == 0
    confirmed = [row["pull_confirmed_s"] for row in rows.values() if row["go"]]
    assert all(at is not None and at < 0 for at in confirmed)
    assert (left.folder / "report.html").stat().st_size < 1_000_000
    assert kept.parts["LAW"]
