"""The daily tables: what a window left becomes rows, and the saved questions can be asked."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from moto import mock_aws

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.layout import LEDGER, STATE
from kalshi_alpha.cloud.rollup import QUESTIONS, TABLES, key
from kalshi_alpha.cloud.services import client
from kalshi_alpha.markets.orders import Fill, NewOrder, Side
from kalshi_alpha.rehearsal.machine import create_table
from kalshi_alpha.steps.rollup import roll_up, schema
from kalshi_alpha.steps.runtime import Runtime, Settings

DAY = date(2026, 10, 6)
EVENING = datetime(2026, 10, 6, 21, 15, tzinfo=UTC)
AT = datetime(2026, 10, 6, 15, 56, tzinfo=UTC)
NOON = "20261006-1200-index-hourly"
TICKER = "KXINXU-26OCT06H1200-T6799.9999"


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    with mock_aws():
        client.cache_clear()
        for spec in (STATE, LEDGER):
            create_table(spec, spec.name)
        settings = Settings(
            state_table=STATE.name, ledger_table=LEDGER.name, artifacts=str(tmp_path)
        )
        yield Runtime(settings, ManualClock(EVENING))
        client.cache_clear()


def noon_ran(runtime: Runtime) -> None:
    runtime.state.claim_window(NOON, "execution", AT)
    runtime.state.extend_window(NOON, go=True, reasons=[])
    runtime.state.put_part(NOON, "PULL-armed", {"confirmed_s": -1.98, "resting_after": 0})
    order = NewOrder(TICKER, Side.BID, 4500, 100, "name-1", AT, "group-1")
    runtime.ledger.intend(NOON, order, AT)
    runtime.ledger.mark(NOON, "name-1", "resting", AT, order_id="order-1")
    fill = Fill("fill-1", "order-1", TICKER, Side.BID, 4500, 100, False, 4400, AT)
    runtime.ledger.record_fill(NOON, fill)
    summary = {"fills": 1, "fees": 4400, "pnl": 545_600, "cash_difference": 0}
    runtime.artifacts.write(f"windows/{NOON}/summary.json", json.dumps(summary).encode())
    decisions = (("quote", "", 0.55, 4500), ("refuse", "edge_too_small", 0.31, None))
    lines = [
        {
            "window_id": NOON, "revision": 1, "at": "2026-10-06T15:55:00Z", "series": "KXINXU",
            "ticker": TICKER, "side": "bid", "decision": decision, "code": code, "reason": code,
            "probability": probability, "price": price, "ev": 0.09, "size": 100,
            "evidence": {"left": "out"},
        }
        for decision, code, probability, price in decisions
    ]  # fmt: skip
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    runtime.artifacts.write(f"windows/{NOON}/why/0001.jsonl", data)


def read(runtime: Runtime, table: str) -> list[dict[str, object]]:
    data = runtime.artifacts.read(key(table, DAY))
    return pq.read_table(io.BytesIO(data)).to_pylist()


def test_what_a_window_left_becomes_rows(runtime: Runtime) -> None:
    noon_ran(runtime)

    assert roll_up(runtime, DAY) == {"windows": 8, "orders": 1, "fills": 1, "decisions": 2}
    noon = next(row for row in read(runtime, "windows") if row["window_id"] == NOON)
    assert (noon["go"], noon["pnl"], noon["pull_confirmed_s"]) == (True, 545_600, -1.98)
    assert noon["fixing"] == datetime(2026, 10, 6, 16, tzinfo=UTC)
    (order,) = read(runtime, "orders")
    assert (order["status"], order["events"], order["intended_at"]) == ("resting", 2, AT)
    (fill,) = read(runtime, "fills")
    assert (fill["side"], fill["price"], fill["is_taker"], fill["at"]) == ("bid", 4500, False, AT)


def test_a_window_that_did_not_run_is_a_row_that_says_so(runtime: Runtime) -> None:
    roll_up(runtime, DAY)

    rows = read(runtime, "windows")
    assert {row["reasons"] for row in rows} == {"the window never started"}
    assert {row["pnl"] for row in rows} == {None}


def test_a_day_rolled_up_twice_leaves_the_same_bytes(runtime: Runtime) -> None:
    noon_ran(runtime)
    roll_up(runtime, DAY)
    first = {name: runtime.artifacts.read(key(name, DAY)) for name in TABLES}
    roll_up(runtime, DAY)

    assert {name: runtime.artifacts.read(key(name, DAY)) for name in TABLES} == first


def test_a_closed_day_leaves_empty_tables_of_the_same_columns(runtime: Runtime) -> None:
    sunday = date(2026, 10, 4)

    assert set(roll_up(runtime, sunday).values()) == {0}
    data = runtime.artifacts.read(key("fills", sunday))
    assert pq.read_schema(io.BytesIO(data)).equals(schema("fills"))


@pytest.mark.parametrize("title", QUESTIONS)
def test_a_saved_question_is_answered_from_these_columns(runtime: Runtime, title: str) -> None:
    noon_ran(runtime)
    roll_up(runtime, DAY)
    frames = {
        name: pl.DataFrame(
            read(runtime, name), schema_overrides=None, infer_schema_length=None
        ).with_columns(day=pl.lit(DAY.isoformat()))
        for name in TABLES
    }

    answer = pl.SQLContext(frames).execute(QUESTIONS[title], eager=True).to_dicts()

    expected = {
        "earned-by-day": {"windows": 8, "fills": 1, "dollars": 0.5456, "fees": 0.0044},
        "why-refused": {"series": "KXINXU", "code": "edge_too_small", "times": 1},
        "latest-pulls": {"window_id": NOON, "pull_confirmed_s": -1.98, "resting_after": 0},
        "claimed-on-what-filled": {"fills": 1, "claimed": 0.09},
    }[title]
    assert answer[0].items() >= expected.items()
