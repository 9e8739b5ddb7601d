import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from trading_samples import CAPS, FREE, QUOTING, contract, top

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.trading.candidate_gates import Moment
from kalshi_alpha.trading.candidates import candidate
from kalshi_alpha.trading.gates import refuse
from kalshi_alpha.trading.plan import Exposure, choose
from kalshi_alpha.trading.why import inputs_hash, why, why_unlisted

AT = datetime(2025, 11, 4, 16, 55, 20, tzinfo=UTC)
WINDOW = "20251104-1200-index-hourly"
MARKET = contract()


def record(probability):
    found = candidate(MARKET, Side.BID, probability, top(5000, 5500), FREE, QUOTING)
    (decision,) = choose(
        [found], Moment(6840.0, 100, 280.0), CAPS, QUOTING, Exposure(bankroll=60_000_000)
    )
    return why(decision, window_id=WINDOW, revision=3, at=AT, inputs_hash="ab")


def test_a_quote_says_what_it_was_made_from():
    doc = json.loads(record(0.60).to_line())

    assert doc["ev"] == pytest.approx(0.09)
    assert doc["best_ev"] == pytest.approx(0.11)
    assert [option["price"] for option in doc["options"]] == [5100, 5000, 4900]
    for name in ("ev", "best_ev", "options"):
        del doc[name]
    assert doc == {
        "window_id": WINDOW,
        "revision": 3,
        "at": "2025-11-04T16:55:20Z",
        "series": "KXINXU",
        "ticker": MARKET.ticker,
        "side": "bid",
        "decision": "quote",
        "inputs_hash": "ab",
        "probability": 0.6,
        "price": 5100,
        "size": 100,
        "bid": 5000,
        "ask": 5500,
        "code": "",
        "reason": "",
        "evidence": {},
    }


def test_a_refusal_says_which_gate_and_with_which_numbers():
    doc = json.loads(record(0.50).to_line())

    assert (doc["decision"], doc["code"]) == ("refuse", "edge-below-threshold")
    assert doc["evidence"] == {"value": 0.01, "limit": 0.05, "price": 4900}
    assert (doc["price"], doc["size"]) == (4900, None)
    assert doc["ev"] == doc["best_ev"] == pytest.approx(0.01)


def test_a_market_that_never_became_a_candidate_is_recorded_too():
    found = why_unlisted(
        refuse("strike-type", "the strike type 'custom' is not priced", found="custom"),
        window_id=WINDOW,
        revision=3,
        at=AT,
        series="KXINXU",
        ticker="KXINXU-X",
        inputs_hash="ab",
    )
    doc = json.loads(found.to_line())

    assert (doc["decision"], doc["side"], doc["probability"]) == ("refuse", "", None)
    assert doc["reason"] == "the strike type 'custom' is not priced"


def test_a_record_is_one_line():
    assert "\n" not in record(0.60).to_line()


def test_equal_inputs_hash_equally_however_they_are_written():
    one = {"at": AT, "side": Side.BID, "day": date(2025, 11, 4), "levels": (1, 2), "x": 0.5}
    there = AT.astimezone(timezone(timedelta(hours=-5)))
    other = {"x": 0.5, "levels": [1, 2], "day": date(2025, 11, 4), "side": "bid", "at": there}

    assert inputs_hash(one) == inputs_hash(other)
    assert inputs_hash({"a": 1}) == (
        "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    )


def test_other_inputs_hash_otherwise():
    assert inputs_hash({"x": 0.5}) != inputs_hash({"x": 0.5000001})


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (float("nan"), ValueError),
        (datetime(2025, 11, 4), ValueError),  # noqa: DTZ001 - a time without a zone is the point
        (Decimal(1), TypeError),
        (object(), TypeError),
    ],
)
def test_what_has_no_canonical_form_is_an_error(value, error):
    with pytest.raises(error):
        inputs_hash({"x": value})
