from dataclasses import replace
from datetime import UTC, datetime, timedelta

from kalshi_alpha.markets.orders import Fill, Side
from kalshi_alpha.pricing.fees import fee_terms
from kalshi_alpha.trading.fee_check import fee_differences

AT = datetime(2026, 10, 6, 15, 57, tzinfo=UTC)
FREE = fee_terms("quadratic", 1)
MAKERS_PAY = fee_terms("quadratic_with_maker_fees", 1)


def fill(number, size, fee, **changes):
    made = Fill(
        f"t{number}", "o1", "M", Side.BID, 5000, size, False, fee, AT + timedelta(seconds=number)
    )
    return replace(made, **changes)


def test_fees_by_the_rule_are_no_difference():
    # 0.0175 x 0.25 a contract, in cash units, to the next 1/10000 dollar of the balance.
    assert fee_differences(MAKERS_PAY, [fill(1, 100, 4_400)]) == ()
    assert fee_differences(FREE, [fill(1, 37, 0), fill(2, 63, 0)]) == ()


def test_a_fee_where_makers_pay_none_is_one_difference():
    (found,) = fee_differences(FREE, [fill(1, 37, 0), fill(2, 63, 100)])

    assert (found.fill_id, found.charged, found.expected) == ("t2", 100, 0)
    assert str(found) == "the fill t2 of the order o1 cost 100 cash units where the rule says 0"


def test_each_order_rounds_for_itself_and_its_fills_in_time():
    """One contract in four quarters costs what one costs, for the rounding is paid back."""
    quarters = [fill(n, 25, fee) for n, fee in enumerate([1_100, 1_100, 1_100, 1_100])]

    assert fee_differences(MAKERS_PAY, reversed(quarters)) == ()
    split = [replace(q, order_id=f"o{n}") for n, q in enumerate(quarters)]
    assert fee_differences(MAKERS_PAY, split) == ()
    assert len(fee_differences(MAKERS_PAY, [fill(1, 100, 4_300), fill(2, 100, 4_400)])) == 1


def test_a_takers_fee_is_held_against_the_takers_rule():
    taken = fill(1, 100, 17_500, is_taker=True)

    assert fee_differences(FREE, [taken]) == ()
    assert len(fee_differences(FREE, [replace(taken, is_taker=False)])) == 1
