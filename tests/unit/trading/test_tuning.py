"""What past days taught, as a file: what it proves, what refuses it, and nothing by default."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.trading.fills import FillModel
from kalshi_alpha.trading.tuning import (
    LIFETIME,
    UNTUNED,
    Tuning,
    configuration_of,
    dump_tuning,
    load_tuning,
)
from kalshi_alpha.trading.when import Stretch, When

REGISTRY = load_registry()
SERIES = REGISTRY.series["KXINXU"]
HERE = configuration_of(SERIES.quoting, SERIES.caps, REGISTRY.groups[SERIES.group].phases)
AS_OF = date(2026, 2, 9)
NEXT = AS_OF + timedelta(days=1)
LEARNED = Tuning(
    When((Stretch(60.0, 2.25, why="it lost"),)),
    FillModel("trade_through", 5.0, (0.0,) * 9, (0.0, 0.0, 0.0)),
)


def written(**changed):
    document = json.loads(dump_tuning("KXINXU", LEARNED, HERE, AS_OF, {"Days": "26"}))
    return json.dumps(document | changed).encode()


def test_what_is_written_is_read_again():
    data = dump_tuning("KXINXU", LEARNED, HERE, AS_OF, {"Days": "26"})

    found = load_tuning(data, "KXINXU", HERE, NEXT)

    assert (found.when, found.fills) == (LEARNED.when, LEARNED.fills)
    assert found.checksum == json.loads(data)["checksum"]
    assert json.loads(data)["provenance"] == {"Days": "26"}


def test_another_configuration_is_refused_by_name():
    data = dump_tuning("KXINXU", LEARNED, HERE, AS_OF, {})

    with pytest.raises(ParameterError, match="min_ev 500 and not 300") as refused:
        load_tuning(data, "KXINXU", HERE | {"min_ev": 300}, NEXT)

    assert "remove the file" in str(refused.value)


def test_a_series_the_file_says_nothing_of_is_untuned():
    data = dump_tuning("KXINXU", LEARNED, HERE, AS_OF, {})

    assert load_tuning(data, "KXNASDAQ100U", {}, NEXT) == UNTUNED
    assert UNTUNED.when.closed == ()
    assert UNTUNED.view(20.0, 240.0) is None


@pytest.mark.parametrize("day", [AS_OF, AS_OF - timedelta(days=5)])
def test_a_day_it_knows_is_refused(day):
    with pytest.raises(ParameterError, match="looking ahead"):
        load_tuning(dump_tuning("KXINXU", LEARNED, HERE, AS_OF, {}), "KXINXU", HERE, day)


def test_it_runs_out():
    data = dump_tuning("KXINXU", LEARNED, HERE, AS_OF, {})

    assert load_tuning(data, "KXINXU", HERE, AS_OF + LIFETIME).fills is not None
    with pytest.raises(ParameterError, match="was good until 2026-05-10"):
        load_tuning(data, "KXINXU", HERE, AS_OF + LIFETIME + timedelta(days=1))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "not JSON"),
        (b"[]", "schema"),
        (written(schema="other"), "schema"),
        (written(as_of="2020-01-01"), "checksum"),
        (written(body={}), "checksum"),
    ],
)
def test_a_file_that_does_not_prove_itself_is_refused(data, said):
    with pytest.raises(ParameterError, match=said):
        load_tuning(data, "KXINXU", HERE, NEXT)
