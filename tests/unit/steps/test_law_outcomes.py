"""Laws are kept by scan, settled by reconcile and judged by preflight."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from moto import mock_aws

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.layout import LEDGER, STATE
from kalshi_alpha.cloud.services import client
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.table import student_table
from kalshi_alpha.rehearsal.machine import create_table
from kalshi_alpha.steps.outcomes import judge_laws, keep_law, settle_laws
from kalshi_alpha.steps.runtime import Runtime, Settings
from kalshi_alpha.trading.gates import Allow, Refuse

NOW = datetime(2026, 2, 6, 16, 55, tzinfo=UTC)
WINDOW = "20260206-1200-index-hourly"
EARLY = TerminalLaw(student_table(4.0), 6800.0, 1e-4, 0.002)
LATE = TerminalLaw(student_table(4.0), 6805.0, 0.0, 0.0003)


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    with mock_aws():
        client.cache_clear()
        for spec in (STATE, LEDGER):
            create_table(spec, spec.name)
        settings = Settings(state_table=STATE.name, ledger_table=LEDGER.name)
        yield Runtime(settings, ManualClock(NOW))
        client.cache_clear()


def scanned(runtime: Runtime, *laws: tuple[TerminalLaw, int]) -> None:
    """Keep these laws of the S&P, each so many seconds after the first scan."""
    for law, seconds in laws:
        at = NOW + timedelta(seconds=seconds)
        keep_law(runtime, runtime.window(WINDOW), "SPX", law, at)


def test_the_first_and_the_last_law_come_out(runtime):
    scanned(runtime, (EARLY, 0), (LATE, 140), (LATE, 280))

    settle_laws(runtime, runtime.window(WINDOW), {"SPX": 6809.5, "NDX": None})

    last, first = sorted(runtime.ledger.outcomes("SPX", 10), key=lambda d: d["implied_sd"])
    assert (first["day"], first["decided_at"]) == ("2026-02-06", "2026-02-06T16:55:00Z")
    assert last["decided_at"] == "2026-02-06T16:59:40Z"
    assert (first["implied_sd"], last["implied_sd"]) == (0.002, 0.0003)
    assert first["move"] == pytest.approx(math.log(6809.5 / 6800.0) - 1e-4)
    assert first["pit"] == pytest.approx(EARLY.cdf(6809.5), abs=1e-6)
    assert last["pit"] == pytest.approx(LATE.cdf(6809.5), abs=1e-6)
    assert runtime.ledger.outcomes("NDX", 10) == []


def test_a_window_scanned_once_comes_out_once_however_often_it_is_settled(runtime):
    scanned(runtime, (EARLY, 0))

    for _ in range(2):
        settle_laws(runtime, runtime.window(WINDOW), {"SPX": 6809.5})

    assert len(runtime.ledger.outcomes("SPX", 10)) == 1


@pytest.mark.parametrize("level", [None, 0.0, math.nan])
def test_a_settlement_nobody_knows_is_no_outcome(runtime, level):
    scanned(runtime, (EARLY, 0))

    settle_laws(runtime, runtime.window(WINDOW), {"SPX": level})

    assert runtime.ledger.outcomes("SPX", 10) == []


def test_a_window_that_was_never_scanned_has_no_outcome(runtime):
    settle_laws(runtime, runtime.window(WINDOW), {"SPX": 6809.5})

    assert runtime.ledger.outcomes("SPX", 10) == []


def history(runtime: Runtime, sizes: float, days: int = 15) -> None:
    """Record that the last days' laws moved so many of their deviations, up and down in turn."""
    for back in range(days):
        fixing = NOW - timedelta(days=back + 1)
        for k in range(4):
            move = (1 + 0.1 * (-1) ** back) * sizes * (-1) ** k
            runtime.ledger.record_outcome(
                "SPX",
                fixing,
                f"window-{k}",
                {
                    "day": fixing.date().isoformat(),
                    "implied_sd": 1e-3,
                    "move": 1e-3 * move,
                    "pit": 0.5 + 0.25 * (-1) ** k,
                },
            )


TODAY = date(2026, 2, 6)


def test_without_history_a_law_is_quoted_whole(runtime):
    assert judge_laws(runtime, "SPX", date(2026, 2, 5), TODAY) == Allow()


def test_laws_that_came_out_too_lively_shrink_and_then_refuse(runtime):
    history(runtime, 1.5)

    shrunk = judge_laws(runtime, "SPX", date(2026, 2, 5), TODAY)
    refused = judge_laws(runtime, "SPX", date(2026, 1, 23), TODAY)

    assert isinstance(shrunk, Allow)
    assert 0.3 < shrunk.size_share < 0.6
    assert isinstance(refused, Refuse)
    assert refused.code == "drift-variance"


def test_a_record_that_cannot_be_read_proves_nothing(runtime):
    history(runtime, 1.0)
    before = judge_laws(runtime, "SPX", date(2026, 2, 5), TODAY)
    for k, doc in enumerate(
        (
            {},
            {"day": "yesterday", "implied_sd": 1e-3, "move": 1.0, "pit": 0.5},
            {"day": "2026-02-05", "implied_sd": -1.0, "move": 1.0, "pit": 0.5},
            {"day": "2026-02-05", "implied_sd": "wide", "move": 1.0, "pit": 0.5},
            {"day": 20260205, "implied_sd": 1e-3, "move": 1.0, "pit": 0.5},
        )
    ):
        runtime.ledger.record_outcome("SPX", NOW, f"garbled-{k}", doc)

    assert judge_laws(runtime, "SPX", date(2026, 2, 5), TODAY) == before == Allow()


def test_only_the_newest_laws_are_read(runtime):
    history(runtime, 1.0, days=3)

    newest = runtime.ledger.outcomes("SPX", 5)

    assert [doc["day"] for doc in newest] == ["2026-02-05"] * 4 + ["2026-02-04"]
