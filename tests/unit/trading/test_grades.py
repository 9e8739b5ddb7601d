from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.orders import Fill, Side
from kalshi_alpha.trading.grades import DayResult, Proof, day_results, grade_fill
from tests.fills_world import made_fill

FIXING = datetime(2026, 1, 9, 17, tzinfo=UTC)
TICKER = "KXINXU-26JAN09H1200-T6799.9999"
DAY = date(2026, 1, 9)


def fill(seconds_before=100.0, **fields):
    at = FIXING - timedelta(seconds=seconds_before)
    given = {"side": Side.BID, "price": 4500, "size": 200, "fee": 0}
    given |= fields
    return Fill("f", "o", TICKER, is_taker=False, at=at, **given)


def why(seconds_before, price=4500, side="bid", probability=0.5, **fields):
    return {
        "at": (FIXING - timedelta(seconds=seconds_before)).isoformat(),
        "ticker": TICKER,
        "series": "KXINXU",
        "side": side,
        "decision": "quote",
        "price": price,
        "probability": probability,
    } | fields


def grade(one, whys, *, paid=None, proof=Proof.TRADE_THROUGH):
    return grade_fill(
        one,
        whys,
        day=DAY,
        window_id="w",
        fixing=FIXING,
        family="index",
        kind="above",
        proof=proof,
        yes_value=paid,
        markouts={},
    )


def test_a_bid_is_graded_by_its_claim_and_its_settlement():
    found = grade(fill(fee=20_000), [why(150)], paid=1.0)

    # Two contracts at 45 cents with a fee of one cent each: 50 - 45 - 1 claimed, 55 - 1 earned.
    assert found.claimed == pytest.approx(0.04)
    assert found.realised == pytest.approx(0.54)
    assert found.bin == "index|above|p40-60|m2-4|bid"
    assert found.at_risk == pytest.approx(0.92)
    assert found.spread == 0.5


def test_an_ask_earns_when_yes_pays_nothing():
    found = grade(fill(side=Side.ASK, price=3000), [why(150, 3000, "ask", 0.2)], paid=0.0)

    assert found.claimed == pytest.approx(0.1)
    assert found.realised == pytest.approx(0.3)
    assert found.at_risk == pytest.approx(1.4)


def test_the_claim_is_the_one_at_its_price_though_a_later_scan_wanted_another():
    whys = [
        why(200, 4500, probability=0.52),
        why(120, 4600, probability=0.55),
        why(90, 4500, probability=0.9),  # after the fill
        why(110, 4500, decision="refuse", probability=0.1),
        why(110, 4500, "ask", probability=0.1),
    ]

    assert grade(fill(), whys).probability == 0.52


def test_a_scan_that_wanted_another_price_still_explains_a_fill():
    assert grade(fill(price=4400), [why(150, 4500)]).claimed == pytest.approx(0.06)


def test_a_fill_that_no_quote_explains_has_no_grade():
    assert grade(fill(), []) is None
    assert grade(fill(), [why(50)]) is None
    assert grade(fill(), [why(150, ticker="OTHER")]) is None


def test_a_garbled_why_record_is_a_sentence():
    with pytest.raises(DataError, match=f"a why-record of {TICKER} is garbled"):
        grade(fill(), [why(150, price=None)])


def test_only_what_is_settled_and_proven_counts():
    assert grade(fill(), [why(150)], paid=1.0).counted
    assert not grade(fill(), [why(150)]).counted
    assert not grade(fill(), [why(150)], paid=1.0, proof=Proof.TOUCHED).counted
    assert grade(fill(), [why(150)], paid=0.0, proof=Proof.QUEUE_CLEARED).counted


def test_slippage_is_the_part_of_the_edge_that_is_gone():
    found = made_fill(DAY, price=5000, claimed=0.05, markouts={20: 0.01})

    assert found.slippage(20) == pytest.approx(0.04)
    assert found.slippage(60) is None


def test_a_day_adds_up_what_counts_and_a_day_without_a_fill_is_a_day():
    other = DAY + timedelta(days=1)
    rows = [
        made_fill(DAY, price=4000, paid=1.0),
        made_fill(DAY, price=6000, paid=0.0, number=1),
        made_fill(DAY, price=5000, paid=None, number=2),
        made_fill(DAY, price=5000, paid=1.0, number=3, proof=Proof.TOUCHED),
    ]
    first, second = day_results([other, DAY], rows)

    assert (first.day, first.fills, first.contracts) == (DAY, 2, 2.0)
    assert first.profit == pytest.approx(0.0)
    assert first.at_risk == pytest.approx(1.0)
    assert second == DayResult(other, 0, 0.0, 0.0, 0.0)
    assert second.on_risk == 0.0


def test_no_day_loses_more_than_its_fills_put_at_risk():
    with pytest.raises(DataError, match="at risk: the record cannot be right"):
        DayResult(DAY, 1, 1.0, -1.1, 1.0)
    assert DayResult(DAY, 1, 1.0, -1.0, 1.0).on_risk == -1.0
