from dataclasses import replace

import pytest
from trading_samples import FREE, QUOTING, contract, top

from kalshi_alpha.errors import ContractError
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.trading import candidate_gates as gate
from kalshi_alpha.trading.candidate_gates import Moment, NearStrike
from kalshi_alpha.trading.candidates import candidate
from kalshi_alpha.trading.gates import ALLOW, Refuse

MARKET = contract()  # 6845 or above
MOMENT = Moment(
    level=6840.0,
    ticks_per_point=100,
    seconds_to_fixing=30.0,
    near_strike=NearStrike(points=0.5, within_s=60.0),
)


def look(probability=0.60, seen=None, side=Side.BID):
    return candidate(MARKET, side, probability, seen or top(5000, 5500), FREE, QUOTING)


def test_a_sound_candidate_passes_every_gate():
    assert {ask(look(), MOMENT) for ask in gate.CANDIDATE_GATES} == {ALLOW}


def test_a_market_where_nobody_quotes_is_refused():
    verdict = gate.has_market(look(seen=top()), MOMENT)

    assert verdict.code == "no-market"
    assert MARKET.ticker in verdict.reason
    assert gate.has_market(look(seen=top(bid=5000)), MOMENT) is ALLOW


def test_a_market_all_but_decided_is_refused():
    verdict = gate.probability_certain(look(0.985), MOMENT)

    assert verdict.code == "probability-extreme"
    assert verdict.reason == "the probability 0.9850 is outside 0.02 to 0.98"
    assert gate.probability_certain(look(0.02), MOMENT) is ALLOW
    assert gate.probability_certain(look(0.019), MOMENT).code == "probability-extreme"


@pytest.mark.parametrize(
    ("level", "seconds", "refused"),
    [
        (6845.2, 30.0, True),
        (6844.6, 60.0, True),
        (6844.5, 30.0, False),
        (6844.6, 60.1, False),
        (6840.0, 1.0, False),
    ],
)
def test_next_to_a_strike_in_the_last_seconds_we_stand_aside(level, seconds, refused):
    moment = replace(MOMENT, level=level, seconds_to_fixing=seconds)
    verdict = gate.strike_distance(look(), moment)

    assert isinstance(verdict, Refuse) is refused
    if refused:
        assert verdict.code == "near-strike"
        assert "points from a strike" in verdict.reason


def test_without_a_rule_no_strike_is_too_near():
    assert gate.strike_distance(look(), replace(MOMENT, level=6845.0, near_strike=None)) is ALLOW


def test_the_distance_is_to_the_nearer_edge_of_what_pays():
    def distance(low, high, level):
        return gate.boundary_distance(Payoff(low, high), level, 100)

    assert distance(684_500, None, 6840.0) == pytest.approx(5.0)
    assert distance(None, 684_499, 6840.0) == pytest.approx(5.0)
    assert distance(680_000, 682_499, 6802.0) == pytest.approx(2.0)
    assert distance(680_000, 682_499, 6825.0) == pytest.approx(0.0)


def test_an_edge_below_the_threshold_is_refused_with_the_best_it_could_be():
    verdict = gate.edge_enough(look(0.50), MOMENT)

    assert verdict.code == "edge-below-threshold"
    assert verdict.reason == (
        "the best resting price 0.4900 earns $0.0100 a contract, under $0.0500"
    )
    assert verdict.evidence == {"value": 0.01, "limit": 0.05, "price": 4900}


def test_a_candidate_without_any_price_is_refused():
    assert gate.edge_enough(look(0.03, top(ask=400)), MOMENT).code == "no-price"


def test_a_price_off_the_grid_is_refused():
    assert gate.price_on_grid(5000, MARKET.grid) is ALLOW
    verdict = gate.price_on_grid(5050, MARKET.grid)
    assert verdict.code == "off-grid"
    assert "0.5050" in verdict.reason
    found = look()
    shifted = replace(found, chosen=replace(found.chosen, price=5051))
    assert gate.on_grid(shifted, MOMENT).code == "off-grid"


def test_an_unknown_fee_type_is_refused():
    assert gate.fee_known(FREE, "quadratic") is ALLOW
    verdict = gate.fee_known(None, "flat")
    assert (verdict.code, verdict.reason) == ("fee-unknown", "the fee type 'flat' is unknown")


@pytest.mark.parametrize(
    ("verdict", "code", "sentence"),
    [
        (gate.bin_cap(2, 2), "bin-cap", "2 bins of the series are quoted or held, the cap is 2"),
        (
            gate.one_side(taken=True),
            "other-side-better",
            "the other side of this market earns more and is quoted",
        ),
        (
            gate.position_limit(100, 100),
            "position-limit",
            "1.00 contracts are held on this side, the limit is 1.00",
        ),
        (
            gate.loss_cap("window", 400_000, 4_000_000, 510_000),
            "loss-cap-window",
            (
                "one contract could lose $0.510000; of the window's cap of $4.000000, "
                "$0.400000 is left"
            ),
        ),
        (
            gate.loss_cap("day", -1, 4_000_000, 510_000),
            "loss-cap-day",
            "one contract could lose $0.510000; of the day's cap of $4.000000, $0.000000 is left",
        ),
    ],
)
def test_a_cap_refuses_with_its_sentence(verdict, code, sentence):
    assert (verdict.code, verdict.reason) == (code, sentence)


def test_caps_allow_up_to_themselves():
    assert gate.bin_cap(1, 2) is ALLOW
    assert gate.one_side(taken=False) is ALLOW
    assert gate.position_limit(99, 100) is ALLOW
    assert gate.loss_cap("window", 510_000, 4_000_000, 510_000) is ALLOW


def test_the_unknown_fee_of_the_gate_is_what_pricing_refuses():
    from kalshi_alpha.pricing.fees import fee_terms

    with pytest.raises(ContractError):
        fee_terms("flat", 1)
