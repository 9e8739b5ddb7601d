import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from trading_samples import CAPS, FREE, QUOTING, contract, top

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.trading.candidate_gates import Moment
from kalshi_alpha.trading.candidates import candidate
from kalshi_alpha.trading.gates import ALLOW, Allow, Refuse
from kalshi_alpha.trading.plan import (
    Exposure,
    QuotePlan,
    TargetQuote,
    choose,
    quote_plan,
)

AT = datetime(2025, 11, 4, 16, 55, 20, tzinfo=UTC)
MOMENT = Moment(level=6840.0, ticks_per_point=100, seconds_to_fixing=280.0)
RICH = Exposure(bankroll=60_000_000)
A, B, C = (contract(strike) for strike in (6845, 6850, 6855))


def bid(market, probability, seen=None):
    return candidate(market, Side.BID, probability, seen or top(5000, 5500), FREE, QUOTING)


def ask(market, probability, seen=None):
    return candidate(market, Side.ASK, probability, seen or top(4500, 5000), FREE, QUOTING)


def decide(*found, caps=CAPS, quoting=QUOTING, exposure=RICH):
    return choose(found, MOMENT, caps, quoting, exposure)


def codes(decisions):
    return [d.verdict.code if isinstance(d.verdict, Refuse) else "quote" for d in decisions]


def test_the_best_bins_are_chosen_up_to_the_cap_in_the_order_of_the_question():
    decisions = decide(bid(A, 0.60), bid(B, 0.62), bid(C, 0.61))

    assert codes(decisions) == ["bin-cap", "quote", "quote"]
    assert [d.candidate.ticker for d in decisions] == [A.ticker, B.ticker, C.ticker]


def test_ties_go_to_the_first_ticker_whatever_the_order_asked():
    one = decide(bid(A, 0.60), bid(B, 0.60), bid(C, 0.60))
    other = decide(bid(C, 0.60), bid(B, 0.60), bid(A, 0.60))

    assert codes(one) == ["quote", "quote", "bin-cap"]
    assert codes(other) == ["bin-cap", "quote", "quote"]


def test_a_bin_is_quoted_on_one_side_only():
    wide = top(3000, 7000)
    decisions = decide(bid(A, 0.50, wide), ask(A, 0.50, wide))
    assert sorted(codes(decisions)) == ["other-side-better", "quote"]


def test_gates_refuse_before_caps_are_asked():
    decisions = decide(bid(A, 0.50), bid(B, 0.99), bid(C, 0.60, top()))
    assert codes(decisions) == ["edge-below-threshold", "probability-extreme", "no-market"]
    assert all(d.sizing is None and d.target is None for d in decisions)


def test_a_quote_carries_its_size_value_and_probability():
    (decision,) = decide(bid(A, 0.60))

    assert decision.verdict is ALLOW
    assert decision.sizing.bound_by == "max-size"
    assert decision.target == TargetQuote(A.ticker, Side.BID, 5100, 100, 0, 600_000, 90_000)
    assert decision.target.worst_loss == 510_000


def test_a_bin_that_is_held_is_a_taken_bin():
    held = replace(RICH, positions={"elsewhere": 100}, at_risk={"elsewhere": 500_000})
    assert codes(decide(bid(A, 0.60), bid(B, 0.62), exposure=held)) == ["bin-cap", "quote"]

    flat = replace(RICH, positions={"elsewhere": 0})
    assert codes(decide(bid(A, 0.60), bid(B, 0.62), exposure=flat)) == ["quote", "quote"]


def test_a_held_bin_may_still_be_quoted_on_the_other_side():
    held = replace(RICH, positions={A.ticker: 100, B.ticker: 100}, at_risk={A.ticker: 450_000})
    assert codes(decide(ask(A, 0.40), exposure=held)) == ["quote"]


def test_what_is_held_counts_against_the_position_limit_of_its_side():
    long = replace(RICH, positions={A.ticker: 100}, at_risk={A.ticker: 450_000})
    short = replace(RICH, positions={A.ticker: -100}, at_risk={A.ticker: 450_000})

    assert codes(decide(bid(A, 0.60), exposure=long)) == ["position-limit"]
    assert codes(decide(bid(A, 0.60), exposure=short)) == ["quote"]
    assert codes(decide(ask(A, 0.40), exposure=short)) == ["position-limit"]


def test_a_part_that_is_held_leaves_room_for_the_rest():
    caps = replace(CAPS, max_size=300)
    part = replace(RICH, positions={A.ticker: 200}, at_risk={A.ticker: 100_000})
    (decision,) = decide(bid(A, 0.70), caps=caps, exposure=part)
    assert decision.target.size == 100


@pytest.mark.parametrize(
    ("exposure", "code"),
    [
        (replace(RICH, at_risk={A.ticker: 500_000}), "loss-cap-strike"),
        (replace(RICH, at_risk={"elsewhere": 3_600_000}), "loss-cap-window"),
        (replace(RICH, lost_today=19_600_000), "loss-cap-day"),
        (replace(RICH, lost_this_week=59_600_000), "loss-cap-week"),
        (replace(RICH, bankroll=0), "size-kelly"),
    ],
)
def test_a_cap_that_is_used_up_refuses(exposure, code):
    (decision,) = decide(bid(A, 0.60), exposure=exposure)

    assert codes([decision]) == [code]
    assert decision.target is None


def test_what_is_chosen_first_uses_up_the_window():
    caps = replace(CAPS, max_loss_per_window=1_000_000)
    decisions = decide(bid(A, 0.60), bid(B, 0.62), caps=caps)

    assert codes(decisions) == ["loss-cap-window", "quote"]
    assert "$0.490000 is left" in decisions[0].verdict.reason


def test_the_plan_holds_the_quotes_in_a_fixed_order():
    decisions = decide(bid(B, 0.62), ask(A, 0.38), bid(C, 0.50))
    plan = quote_plan("20251104-1200-index-hourly", 3, AT, decisions)

    assert [(t.ticker, t.side) for t in plan.targets] == [
        (A.ticker, Side.ASK),
        (B.ticker, Side.BID),
    ]
    assert plan.revision == 3


def test_a_plan_travels_as_json_of_texts_and_whole_numbers():
    plan = quote_plan("20251104-1200-index-hourly", 3, AT, decide(bid(A, 0.60)))
    doc = json.loads(json.dumps(plan.to_json()))

    assert doc == {
        "window_id": "20251104-1200-index-hourly",
        "revision": 3,
        "made_at": "2025-11-04T16:55:20Z",
        "targets": [
            {
                "ticker": A.ticker,
                "side": "bid",
                "price": 5100,
                "size": 100,
                "level": 0,
                "probability_ppm": 600_000,
                "ev": 90_000,
            }
        ],
    }
    assert QuotePlan.from_json(doc) == plan


@pytest.mark.parametrize(
    "change",
    [
        {"revision": "3"},
        {"revision": 3.0},
        {"revision": True},
        {"made_at": "yesterday"},
        {"made_at": "2025-11-04T16:55:20"},
        {"window_id": None},
        {"targets": 5},
        {"targets": [{"ticker": "K"}]},
    ],
)
def test_json_that_is_no_plan_is_refused(change):
    doc = quote_plan("w", 3, AT, decide(bid(A, 0.60))).to_json()
    with pytest.raises(DataError, match="cannot be read"):
        QuotePlan.from_json(doc | change)


@pytest.mark.parametrize(
    "change", [{"side": "buy"}, {"price": 51.0}, {"price": None}, {"ticker": 4}]
)
def test_json_that_is_no_target_is_refused(change):
    doc = decide(bid(A, 0.60))[0].target.to_json()
    with pytest.raises(DataError, match="a target quote cannot be read"):
        TargetQuote.from_json(doc | change)


def test_a_law_that_drifts_leaves_a_share_of_each_size():
    caps = replace(CAPS, max_size=1000, max_loss_per_strike=10_000_000, max_loss_per_window=10**8)
    rich = Exposure(bankroll=10**9)
    found = [bid(A, 0.60), bid(B, 0.62)]

    whole = choose(found, MOMENT, caps, QUOTING, rich)
    shrunk = choose(found, MOMENT, caps, QUOTING, rich, Allow(0.55, "it drifts"))

    assert [d.target.size for d in whole] == [1000, 1000]
    assert [d.target.size for d in shrunk] == [500, 500]


def test_a_share_of_less_than_one_contract_is_refused_with_the_reason():
    (decision,) = choose([bid(A, 0.60)], MOMENT, CAPS, QUOTING, RICH, Allow(0.9, "it drifts"))

    assert codes([decision]) == ["size-drift"]
    assert decision.verdict.reason == "0.90 of a size is less than one contract: it drifts"


def test_a_size_that_a_cap_refused_is_still_refused_by_that_cap():
    poor = Exposure(bankroll=1)

    (decision,) = choose([bid(A, 0.60)], MOMENT, CAPS, QUOTING, poor, Allow(0.5, "it drifts"))

    assert codes([decision]) == ["size-kelly"]
