"""Every metric that a rehearsed day emits is in the table of metrics: billed on purpose."""

from __future__ import annotations

import json

import pytest

from kalshi_alpha.cloud.metrics import EMITTED
from tests.rehearsal.conftest import Rehearsed

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rehearsal")]


def emitted(rehearsed: Rehearsed) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in (rehearsed.folder / "functions.log").read_text().splitlines():
        if line.startswith('{"_aws"'):
            record = json.loads(line)
            metrics = record["_aws"]["CloudWatchMetrics"][0]["Metrics"]
            found.setdefault(record["service"], set()).update(m["Name"] for m in metrics)
    return found


def test_what_is_emitted_is_what_the_table_says(rehearsed: Rehearsed) -> None:
    found = emitted(rehearsed)

    assert {"start", "preflight", "scan", "quote", "cancel", "reconcile", "day"} <= set(found)
    for service, names in found.items():
        assert names <= set(EMITTED[service]), service


def test_the_evenings_job_ran_and_found_the_books_in_order(rehearsed: Rehearsed) -> None:
    days = [
        json.loads(line)
        for line in (rehearsed.folder / "functions.log").read_text().splitlines()
        if '"EvClaimed"' in line and line.startswith('{"_aws"')
    ]

    (day,) = days
    assert (day["LedgerDifferences"], day["Demoted"]) == ([0.0], [0.0])
    store = rehearsed.folder / "artifacts"
    for table in ("windows", "orders", "fills", "decisions"):
        assert (store / "daily" / table / "day=2025-11-04" / "part.parquet").is_file()
