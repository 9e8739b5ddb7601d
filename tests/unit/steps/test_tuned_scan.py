"""A scan with what past days taught: it is obeyed, recorded, and refused where it is not proven."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import test_steps_on_the_exchange as flow
from test_steps_on_the_exchange import EXECUTION, WINDOW, make_market

from kalshi_alpha.steps import preflight, scan
from kalshi_alpha.steps.runtime import TUNING_KEY, Runtime
from kalshi_alpha.trading.fills import FillModel
from kalshi_alpha.trading.tuning import Tuning, configuration_of, dump_tuning
from kalshi_alpha.trading.when import Stretch, When
from tests.exchange_host import Host

host, runtime = flow.host, flow.runtime  # the fixtures
CLOSED = When((Stretch(3600.0, 0.0, why="it lost"),))


def tuned(
    runtime: Runtime, tuning: Tuning, *, as_of: date = date(2026, 10, 5), **other: float
) -> None:
    """Put a tuning of KXINXU into the artifacts."""
    series = runtime.registry.series["KXINXU"]
    phases = runtime.window(WINDOW).phases
    here = configuration_of(series.quoting, series.caps, phases) | other
    runtime.artifacts.write(TUNING_KEY, dump_tuning("KXINXU", tuning, here, as_of, {}))


def scanned(runtime: Runtime) -> list[dict[str, Any]]:
    """Run preflight and one scan; return the why-records of KXINXU."""
    assert preflight.run(EXECUTION, runtime)["go"]
    scan.run(EXECUTION, runtime)
    file = Path(runtime.settings.artifacts) / f"windows/{WINDOW}/why/0001.jsonl"
    records = [json.loads(line) for line in file.read_text().splitlines()]
    return [record for record in records if record["series"] == "KXINXU"]


def test_without_a_file_nothing_is_closed(runtime: Runtime, host: Host) -> None:
    make_market(host)

    records = scanned(runtime)

    assert "quote" in {record["decision"] for record in records}
    assert "closed-stretch" not in {record["code"] for record in records}


def test_a_closed_stretch_is_not_quoted(runtime: Runtime, host: Host) -> None:
    make_market(host)
    tuned(runtime, Tuning(CLOSED))

    records = scanned(runtime)

    assert {record["decision"] for record in records} == {"refuse"}
    closed = [record for record in records if record["code"] == "closed-stretch"]
    assert closed
    assert "it lost" in closed[0]["reason"]


def test_a_fill_model_is_in_the_value_of_a_quote(runtime: Runtime, host: Host) -> None:
    make_market(host)
    toxic = FillModel("trade_through", 5.0, (0.0,) * 9, (0.9, 0.0, 0.0))
    tuned(runtime, Tuning(fills=toxic))

    records = scanned(runtime)

    assert {record["decision"] for record in records} == {"refuse"}
    assert "edge-below-threshold" in {record["code"] for record in records}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"min_ev": 300}, "learned with min_ev 300 and not 500"),
        ({"as_of": date(2026, 10, 6)}, "looking ahead"),
        ({"as_of": date(2026, 6, 1)}, "was good until"),
    ],
)
def test_a_file_that_is_not_of_what_trades_refuses_the_series(
    runtime: Runtime,
    host: Host,
    options: dict[str, Any],
    said: str,
) -> None:
    make_market(host)
    tuned(runtime, Tuning(CLOSED), **options)

    (record,) = scanned(runtime)

    assert (record["decision"], record["code"]) == ("refuse", "unreadable")
    assert said in record["reason"]
