"""The books of a replay, by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.pricing.fees import FeeTerms, fee_terms
from kalshi_alpha.research.replay.ledger import results_by_rule, settle
from kalshi_alpha.research.replay.rules import Evidence, ReplayFill
from kalshi_alpha.research.replay.tape import ASK, BID

NS = 1_000_000_000
AUTUMN_2026 = int(datetime(2026, 10, 5, 19, tzinfo=UTC).timestamp()) * NS
WINTER_2026 = int(datetime(2026, 2, 5, 19, tzinfo=UTC).timestamp()) * NS


def fill(
    order: int, side: int, price: int, size: int, *, market: int = 0, at: int = AUTUMN_2026
) -> ReplayFill:
    return ReplayFill(at, order, market, side, price, size, False, Evidence.QUEUE_CLEARED)


def free(_ticker: str, _at: datetime) -> FeeTerms:
    return fee_terms("quadratic", 1)


def charged(_ticker: str, _at: datetime) -> FeeTerms:
    return fee_terms("quadratic_with_maker_fees", 1)


def test_yes_bought_and_no_bought_are_paid_by_the_rule() -> None:
    fills = [fill(0, BID, 4000, 100), fill(1, ASK, 7000, 200, market=1)]
    won = settle(fills, ["A", "B"], {"A": "yes", "B": "yes"}, free)
    # A: 60 cents won. B: two contracts of NO at 30 cents lost.
    assert [m.earned for m in won.markets] == [600_000, -600_000]
    lost = settle(fills, ["A", "B"], {"A": "no", "B": "no"}, free)
    assert [m.earned for m in lost.markets] == [-400_000, 1_400_000]


def test_what_was_bought_and_sold_again_does_not_care_who_won() -> None:
    fills = [fill(0, BID, 4000, 100), fill(1, ASK, 4600, 100)]
    for result in ("yes", "no"):
        books = settle(fills, ["A"], {"A": result}, free)
        assert (books.earned, books.markets[0].position) == (60_000, 0)


def test_fractions_of_a_contract_are_exact() -> None:
    books = settle([fill(0, BID, 4550, 37)], ["A"], {"A": "yes"}, free)
    # The balance is kept to $0.0001, so $0.16835 paid costs half of one more.
    assert (books.markets[0].traded, books.markets[0].fees) == (-168_350, 50)
    assert books.earned == 370_000 - 168_350 - 50


def test_fees_are_those_of_the_day_and_an_order_has_one_accumulator() -> None:
    # 0.0175 x 1 x 0.5 x 0.5 = $0.004375 a contract.
    now = settle([fill(0, BID, 5000, 100)], ["A"], {"A": "no"}, charged)
    assert now.markets[0].fees == 4400  # up to $0.0001
    then = [fill(0, BID, 5000, 100, at=WINTER_2026), fill(0, BID, 5000, 100, at=WINTER_2026)]
    # The order's fees were rounded once, up to the next cent: both fills cost 0.875 cents.
    books = settle(then, ["A"], {"A": "no"}, charged)
    assert [each.fee for each in books.booked] == [10_000, 0]
    apart = settle(
        [fill(k, BID, 5000, 100, at=WINTER_2026) for k in (0, 1)], ["A"], {"A": "no"}, charged
    )
    assert [each.fee for each in apart.booked] == [10_000, 10_000]


def test_a_market_without_a_settlement_is_left_out_and_named() -> None:
    fills = [fill(0, BID, 4000, 100), fill(1, BID, 4000, 100, market=1)]
    books = settle(fills, ["A", "B"], {"A": "yes"}, free)
    assert [m.ticker for m in books.markets] == ["A"]
    assert books.unsettled == ("B: 1 fills are left out, its settlement is not recorded",)
    assert len(books.booked) == 2


def test_a_result_that_is_neither_is_refused() -> None:
    with pytest.raises(DataError, match="A is settled 'scalar'"):
        settle([], ["A"], {"A": "scalar"}, free)


def test_a_market_is_settled_by_its_own_rule() -> None:
    payoffs = {"above": Payoff(684_500, None), "range": Payoff(684_400, 684_499)}
    assert results_by_rule(payoffs, 684_499) == {"above": "no", "range": "yes"}
    assert results_by_rule(payoffs, 684_500) == {"above": "yes", "range": "no"}
