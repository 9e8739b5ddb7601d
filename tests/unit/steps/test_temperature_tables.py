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
from kalshi_alpha.steps.runtime import Runtime, Settings

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

    assert roll_up(runtime, date(2024, 12, 4)) == {
        "temperature_features": 2,
        "temperature_decisions": 1,
    }
    one, other = read(runtime, "temperature_features", TUESDAY)
    assert (one["ticker"], one["seconds"], one["mid"]) == ("A", 1.0, None)
    assert (one["heard"], other["heard"]) == (True, None)
    assert list(other) == list(TABLES_OF_TEMPERATURE["temperature_features"])
    [row] = read(runtime, "temperature_decisions", TUESDAY)
    assert (row["action"], row["code"], row["seconds"]) == ("refuse", "edge", 3.0)
    assert "pros" not in row


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
