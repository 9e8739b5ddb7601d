"""The parameter file: what is shipped, what it proves, and every way it is refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date

import pytest

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.pricing.parameters import (
    Basis,
    Drift,
    IndexParameters,
    dump_parameters,
    load_parameters,
    shipped_parameters,
)
from kalshi_alpha.pricing.table import student_table
from kalshi_alpha.pricing.variance import RegimeMix, VarianceCurve

DAY = date(2025, 11, 4)


def one(symbol="SPX", **changes):
    return replace(
        IndexParameters(
            symbol=symbol,
            as_of=date(2025, 11, 3),
            valid_until=date(2025, 11, 17),
            level=3e-5,
            curve=VarianceCurve((1 / 390,) * 390),
            mix=RegimeMix(0.25, 0.25, 0.25, 0.25, 5.0, 0.05, 50.0),
            table=student_table(4.0, reach=100.0, step=0.5),
            basis=Basis(0.2, 0.1),
            drift=Drift(0.0, 0.25),
        ),
        **changes,
    )


def file(**changes):
    document = json.loads(dump_parameters({"SPX": one()}, {"created_at": "2025-11-03"}))
    return document | changes


def sealed(document):
    """Return the file with the checksum that fits it, as somebody who edits it might."""
    rest = {key: value for key, value in document.items() if key != "checksum"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return json.dumps(rest | {"checksum": hashlib.sha256(text.encode()).hexdigest()}).encode()


def test_the_shipped_file_holds_both_indices_and_is_small():
    data = shipped_parameters()
    found = load_parameters(data, DAY)

    assert sorted(found) == ["NDX", "SPX"]
    assert len(data) < 60_000
    assert (found["SPX"].as_of, found["SPX"].valid_until) == (
        date(2025, 11, 3),
        date(2025, 11, 17),
    )


def test_the_shipped_file_read_nothing_after_its_day():
    provenance = json.loads(shipped_parameters())["provenance"]
    files = [file for symbol in provenance["symbols"].values() for file in symbol["files"]]

    assert provenance["data_through"] == "2025-11-03"
    assert {file["last_day"] for file in files} == {"2025-11-03"}
    assert all(len(file["sha256"]) == 64 and file["rows"] > 1_000 for file in files)


def test_the_shipped_curve_is_lively_at_the_open_and_at_the_close_and_calm_at_noon():
    for parameters in load_parameters(shipped_parameters(), DAY).values():
        shares = parameters.curve.shares
        first, noon, last = (sum(shares[k : k + 30]) for k in (0, 180, 360))
        assert first > 1.5 * last > 1.5 * 1.5 * noon


def test_the_shipped_basis_of_the_nasdaq_is_that_of_the_sp_at_its_level():
    found = load_parameters(shipped_parameters(), DAY)

    assert found["SPX"].basis == Basis(close=0.2, other=0.1)
    assert found["NDX"].basis == Basis(close=0.76, other=0.38)


def test_what_is_written_is_read_back_the_same():
    parameters = {"SPX": one(), "NDX": one("NDX", level=5e-5)}

    data = dump_parameters(parameters, {"note": "test"})

    assert load_parameters(data, DAY) == parameters
    assert dump_parameters(parameters, {"note": "test"}) == data


def test_no_line_of_the_file_is_too_long_to_compare():
    assert max(map(len, dump_parameters({"SPX": one()}, {}).splitlines())) < 300


@pytest.mark.parametrize(
    "data", [b"", b"not json", b"\xff\xfe", b"{", b"[]", b"3", b"null", b"[" * 100_000]
)
def test_what_is_no_json_object_is_refused(data):
    with pytest.raises(ParameterError, match="JSON"):
        load_parameters(data, DAY)


def test_another_schema_is_refused():
    with pytest.raises(ParameterError, match="schema 'kalshi-alpha/index-parameters/0'"):
        load_parameters(sealed(file(schema="kalshi-alpha/index-parameters/0")), DAY)


@pytest.mark.parametrize("checksum", ["", None, "0" * 64, 7])
def test_a_wrong_checksum_is_refused(checksum):
    with pytest.raises(ParameterError, match="checksum"):
        load_parameters(json.dumps(file(checksum=checksum)).encode(), DAY)


def test_a_missing_checksum_is_refused():
    document = file()
    del document["checksum"]

    with pytest.raises(ParameterError, match="checksum"):
        load_parameters(json.dumps(document).encode(), DAY)


@pytest.mark.parametrize("key", ["valid_until", "as_of", "provenance"])
def test_the_checksum_covers_dates_and_provenance_too(key):
    with pytest.raises(ParameterError, match="checksum"):
        load_parameters(json.dumps(file(**{key: "2030-01-01"})).encode(), DAY)


def test_a_day_before_the_last_of_the_data_is_looking_ahead():
    data = shipped_parameters()

    load_parameters(data, date(2025, 11, 3))
    with pytest.raises(ParameterError, match="looking ahead"):
        load_parameters(data, date(2025, 11, 2))


def test_parameters_run_out():
    data = shipped_parameters()

    load_parameters(data, date(2025, 11, 17))
    with pytest.raises(ParameterError, match="good until 2025-11-17"):
        load_parameters(data, date(2025, 11, 18))


def test_no_file_can_give_itself_more_than_fourteen_days():
    data = sealed(file(valid_until="2030-01-01"))

    with pytest.raises(ParameterError, match="refit"):
        load_parameters(data, date(2025, 11, 18))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("level",), 0.0),
        (("level",), -1e-5),
        (("level",), 2.0),
        (("level",), "much"),
        (("level",), None),
        (("curve",), [1 / 390] * 389),
        (("curve",), 1.0),
        (("mix", "since_open"), 0.9),
        (("mix", "prior_minutes"), 0.0),
        (("mix", "unheard_of"), 1.0),
        (("basis", "close"), -0.1),
        (("basis",), {"close": 0.1}),
        (("drift", "max_sd"), -1.0),
        (("drift", "momentum"), "nan"),
        (("table", "knots"), [0.0, 1.0]),
        (("table",), {"knots": [0.0, 1.0, 2.0, 3.0]}),
    ],
)
def test_a_number_outside_its_domain_is_refused(path, value):
    document = file()
    entry = document["body"]["SPX"]
    for key in path[:-1]:
        entry = entry[key]
    entry[path[-1]] = value

    with pytest.raises(ParameterError):
        load_parameters(sealed(document), DAY)


@pytest.mark.parametrize("key", ["as_of", "valid_until", "body"])
def test_a_missing_field_is_refused(key):
    document = file()
    del document[key]

    with pytest.raises(ParameterError, match="lack or garble"):
        load_parameters(sealed(document), DAY)


def test_parameters_of_different_days_do_not_share_a_file():
    with pytest.raises(ParameterError, match="one date"):
        dump_parameters({"SPX": one(), "NDX": one("NDX", as_of=date(2025, 11, 2))}, {})


def test_the_drift_is_bounded_by_the_scale_and_off_by_default():
    assert Drift(0.0, 0.25).expected(0.01, 0.001) == 0.0
    assert Drift(0.1, 0.25).expected(0.001, 0.001) == pytest.approx(0.0001)
    assert Drift(0.1, 0.25).expected(0.1, 0.001) == pytest.approx(0.00025)
    assert Drift(0.1, 0.25).expected(-0.1, 0.001) == pytest.approx(-0.00025)
