"""The daily tables of the temperature ladders, from the lines that a process left."""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from kalshi_alpha.clock import ManualClock, from_iso
from kalshi_alpha.cloud.rollup import TABLES_OF_TEMPERATURE, key
from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.jobs.momentum_tables import roll_up
from kalshi_alpha.momentum.settled import settled_key
from kalshi_alpha.steps.runtime import Runtime, Settings
from tests.climate_days import a_fill, a_settled_day

TUESDAY = date(2024, 12, 3)
EVENT = "KXHIGHNY-24DEC03"
CLOCK = ManualClock(from_iso("2024-12-04T22:15:00Z"))


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(Settings(artifacts=str(tmp_path), cities="east"), CLOCK)


def leave(runtime: Runtime, kind: str, *rows: dict[str, object]) -> None:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    runtime.artifacts.write(f"momentum/{EVENT}/{kind}/1.jsonl", text.encode())


def read(runtime: Runtime, table: str, day: date) -> list[dict[str, object]]:
    return pq.read_table(io.BytesIO(runtime.artifacts.read(key(table, day)))).to_pylist()


def test_a_climate_day_that_is_over_becomes_a_part_of_each_table(runtime: Runtime) -> None:
    leave(
        runtime,
        "features",
        {"at": 2.0, "event": EVENT, "ticker": "B", "place": 1, "mid": 0.4},
        {"at": 1.0, "event": EVENT, "ticker": "A", "place": 0, "mid": None, "heard": True},
    )
    leave(runtime, "leans", {"at": 3.0, "action": "refuse", "code": "edge", "pros": ["one"]})
    traded = {"ticker": "A", "taker": "bid", "price": 4500, "size": 300}
    leave(runtime, "trades", {"at": 1.5, **traded})

    assert roll_up(runtime, date(2024, 12, 4)) == {
        "temperature_features": 2,
        "temperature_decisions": 1,
        "temperature_trades": 1,
        "temperature_fills": 0,
    }
    one, other = read(runtime, "temperature_features", TUESDAY)
    assert (one["ticker"], one["seconds"], one["mid"]) == ("A", 1.0, None)
    assert (one["heard"], other["heard"]) == (True, None)
    assert list(other) == list(TABLES_OF_TEMPERATURE["temperature_features"])
    [row] = read(runtime, "temperature_decisions", TUESDAY)
    assert (row["action"], row["code"], row["seconds"]) == ("refuse", "edge", 3.0)
    assert "pros" not in row
    assert read(runtime, "temperature_trades", TUESDAY) == [{"seconds": 1.5, **traded}]


def test_a_settled_day_leaves_its_fills_with_what_they_came_to(runtime: Runtime) -> None:
    made = a_settled_day(TUESDAY, "KXHIGHNY", a_fill(TUESDAY))
    runtime.artifacts.write(settled_key(EVENT), made.to_bytes())

    assert roll_up(runtime, date(2024, 12, 4))["temperature_fills"] == 1
    [row] = read(runtime, "temperature_fills", TUESDAY)
    (one,) = made.fills
    assert row == {
        "seconds": one.fill.at.timestamp(), "event": EVENT, "window_id": one.window_id,
        "order_id": one.fill.order_id, "ticker": one.fill.ticker, "side": "bid",
        "price": one.fill.price, "size": one.fill.size, "fee": one.fill.fee, "result": one.result,
    }  # fmt: skip
    runtime.artifacts.write(settled_key(EVENT), b"{}")
    with pytest.raises(DataError, match=r"settled\.json: a settled day is of schema"):
        roll_up(runtime, date(2024, 12, 4))


def test_the_day_that_still_runs_waits_and_one_of_a_weekend_is_caught_up(runtime: Runtime) -> None:
    leave(runtime, "features", {"at": 1.0, "event": EVENT, "ticker": "A"})

    assert sum(roll_up(runtime, TUESDAY).values()) == 0
    assert roll_up(runtime, date(2024, 12, 7))["temperature_features"] == 1
    assert sum(roll_up(runtime, date(2024, 12, 8)).values()) == 0


def test_only_what_is_deployed_is_looked_for(tmp_path: Path) -> None:
    central = Runtime(Settings(artifacts=str(tmp_path), cities="central"), CLOCK)
    leave(central, "features", {"at": 1.0, "event": EVENT, "ticker": "A"})

    assert sum(roll_up(central, date(2024, 12, 4)).values()) == 0
    unknown = Runtime(Settings(artifacts=str(tmp_path), cities="north"), CLOCK)
    with pytest.raises(ConfigurationError, match="no city group 'north'"):
        roll_up(unknown, date(2024, 12, 4))


def test_a_line_that_is_none_names_its_file(runtime: Runtime) -> None:
    runtime.artifacts.write(f"momentum/{EVENT}/features/1.jsonl", b"{broken")

    with pytest.raises(DataError, match=f"momentum/{EVENT}/features/1.jsonl holds a line"):
        roll_up(runtime, date(2024, 12, 4))
