from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.errors import InvariantBroken, ParameterError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.trading.gates import Allow, Refuse
from kalshi_alpha.trading.honesty import (
    FULL,
    UNJUDGED,
    BinWeight,
    Honesty,
    HonestyView,
    bin_key,
    dump_honesty,
    honesty_for,
    honesty_from_json,
)

DAY = date(2026, 1, 9)
HALF = BinWeight(0.5, 100, "half is believed", 12, 0.06, 0.03, -0.01, 0.07)
ARTIFACT = Honesty(
    {"fills": 12}, "abc", DAY, date(2026, 1, 16), {"index|above|p40-60|m2-4|bid": HALF}
)


def read(data: bytes, *, config: str = "abc", today: date = DAY) -> Honesty:
    return honesty_from_json(data, config_hash=config, today=today)


def changed(**fields: object) -> bytes:
    document = json.loads(dump_honesty(ARTIFACT))
    return json.dumps(document | fields).encode()


@pytest.mark.parametrize(
    ("probability", "seconds", "side", "expected"),
    [
        (0.5, 180.0, Side.BID, "index|above|p40-60|m2-4|bid"),
        (0.149999, 59.9, Side.ASK, "index|above|p00-15|m0-1|ask"),
        (0.15, 60.0, Side.ASK, "index|above|p15-40|m1-2|ask"),
        (0.85, 240.0, Side.BID, "index|above|p85-100|m4+|bid"),
        (1.0, 0.0, Side.BID, "index|above|p85-100|m0-1|bid"),
        (0.0, -5.0, Side.BID, "index|above|p00-15|m0-1|bid"),
    ],
)
def test_a_bin_is_named_by_place_time_and_side(probability, seconds, side, expected):
    assert bin_key("index", "above", probability, seconds, side) == expected


@pytest.mark.parametrize("bad", [-0.01, 1.01, float("nan")])
def test_no_bin_has_a_probability_that_is_none(bad):
    with pytest.raises(InvariantBroken, match="no bin has it"):
        bin_key("index", "range", bad, 60.0, Side.BID)


def test_what_was_written_is_read_back_with_its_checksum():
    data = dump_honesty(ARTIFACT)
    found = read(data)

    assert replace(found, checksum="") == ARTIFACT
    assert found.checksum == json.loads(data)["checksum"]
    assert found.of("index|above|p40-60|m2-4|bid") == HALF
    assert found.of("index|range|p40-60|m2-4|bid") == FULL


def test_a_view_finds_the_bin_of_a_candidate():
    view = HonestyView(ARTIFACT, "index", "above", 150.0)

    assert view.of(0.5, Side.BID) == HALF
    assert view.of(0.5, Side.ASK) == FULL


def test_an_artifact_of_another_configuration_is_refused_with_both_named():
    with pytest.raises(ParameterError, match="under the configuration abc, and this is def"):
        read(dump_honesty(ARTIFACT), config="def")


def test_an_artifact_is_refused_after_its_last_day_and_before_its_fills():
    data = dump_honesty(ARTIFACT)

    with pytest.raises(ParameterError, match="good until 2026-01-16, not on 2026-01-17"):
        read(data, today=date(2026, 1, 17))
    with pytest.raises(ParameterError, match="on 2026-01-08 that is looking ahead"):
        read(data, today=date(2026, 1, 8))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff", "not JSON"),
        (b"[]", "not a JSON object"),
        (changed(schema="kalshi-alpha/honesty/0"), "schema 'kalshi-alpha/honesty/0'"),
        (changed(as_of="2026-01-08"), "does not match its checksum"),
        (changed(bins={}), "does not match its checksum"),
    ],
)
def test_what_cannot_be_proven_is_refused(data, message):
    with pytest.raises(ParameterError, match=message):
        read(data)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"weight": 1.5}, "outside 0 to 1"),
        ({"weight": float("nan")}, "outside 0 to 1"),
        ({"cap": -1}, "under a cap of -1"),
        ({"low": float("inf")}, "not finite"),
    ],
)
def test_a_bin_outside_its_domain_is_refused(row, message):
    with pytest.raises(ParameterError, match=message):
        BinWeight(**({"weight": 1.0} | row))


def test_a_bin_that_is_off_refuses_with_its_reason():
    off = BinWeight(0.0, None, "nothing is believed", 40, 0.05, -0.02, -0.05, 0.01)
    verdict = off.gate("index|above|p40-60|m2-4|bid")

    assert isinstance(verdict, Refuse)
    assert verdict.code == "honesty"
    assert "p40-60|m2-4|bid is off: nothing is believed" in verdict.reason
    assert isinstance(HALF.gate("x"), Allow)
    assert isinstance(BinWeight(1.0, 0, "capped away").gate("x"), Refuse)


def test_without_an_artifact_paper_quotes_and_real_orders_do_not():
    def ask(data, *, real):
        return honesty_for(data, config_hash="abc", today=DAY, real_orders=real)

    assert ask(None, real=False) is UNJUDGED
    assert ask(dump_honesty(ARTIFACT), real=True).of("index|above|p40-60|m2-4|bid") == HALF
    with pytest.raises(ParameterError, match="real orders need a honesty artifact"):
        ask(None, real=True)
    with pytest.raises(ParameterError, match="not JSON"):
        ask(b"x", real=True)


def test_a_refused_artifact_leaves_paper_one_contract_and_the_reason():
    found = honesty_for(dump_honesty(ARTIFACT), config_hash="def", today=DAY, real_orders=False).of(
        "index|above|p40-60|m2-4|bid"
    )

    assert (found.weight, found.cap) == (1.0, 100)
    assert "held to one contract: the honesty artifact was made under" in found.reason


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_fail_otherwise(data):
    with pytest.raises(ParameterError):
        read(data)


@given(st.floats(0.0, 1.0), st.floats(-10.0, 1000.0), st.sampled_from(Side))
def test_every_quote_has_a_bin(probability, seconds, side):
    assert bin_key("index", "above", probability, seconds, side).count("|") == 4
