import math
from decimal import Decimal

import pytest

from kalshi_alpha.errors import InvariantBroken
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.pricing.fees import fee_terms
from kalshi_alpha.trading.edge import edge

FREE = fee_terms("quadratic", Decimal(1))
MAKER = fee_terms("quadratic_with_maker_fees", Decimal(1))


def test_a_bid_earns_probability_less_price_where_makers_pay_nothing():
    found = edge("KXINXU-X", Side.BID, 5500, 0.62, FREE)

    assert found.ev == pytest.approx(0.07)
    assert found.fee == 0
    assert found.worst_loss == 550_000
    assert found.win_probability == 0.62


def test_an_ask_earns_price_less_probability():
    found = edge("KXINXU-X", Side.ASK, 5500, 0.48, FREE)

    assert found.ev == pytest.approx(0.07)
    assert found.worst_loss == 450_000
    assert found.win_probability == pytest.approx(0.52)


def test_a_maker_fee_is_taken_from_the_value_and_added_to_the_loss():
    found = edge("KXINXU-X", Side.BID, 5000, 0.60, MAKER)

    assert found.fee > 0
    assert found.ev == pytest.approx(0.10 - found.fee / 1_000_000)
    assert found.worst_loss == 500_000 + found.fee


def test_exactly_the_threshold_clears_although_floats_fall_short():
    assert 0.60 - 0.55 < 0.05
    assert edge("KXINXU-X", Side.BID, 5500, 0.60, FREE).clears(500)
    assert not edge("KXINXU-X", Side.BID, 5500, 0.5999, FREE).clears(500)


@pytest.mark.parametrize("probability", [-0.01, 1.01, math.nan, math.inf])
def test_a_probability_outside_0_to_1_is_an_error(probability):
    with pytest.raises(InvariantBroken, match="KXINXU-X is not within 0 to 1"):
        edge("KXINXU-X", Side.BID, 5500, probability, FREE)


@pytest.mark.parametrize("price", [0, -100, 10_000])
def test_a_price_of_nothing_or_a_dollar_is_an_error(price):
    with pytest.raises(InvariantBroken, match="not within 1 to 9999"):
        edge("KXINXU-X", Side.BID, price, 0.5, FREE)
