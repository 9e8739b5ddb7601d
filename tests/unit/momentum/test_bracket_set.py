"""A bracket set tiles the settlement values, or it is refused with the place where it does not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kalshi_alpha.errors import ContractError
from kalshi_alpha.markets.contracts import Contract, Payoff
from kalshi_alpha.momentum.brackets import bracket_set, brackets_of
from tests.made_brackets import CENTS, made_brackets

LOW, MIDDLE, HIGH = ("L", Payoff(None, 50)), ("M", Payoff(51, 52)), ("H", Payoff(53, None))


def test_brackets_are_put_in_ascending_order_with_their_centres():
    found = bracket_set([HIGH, LOW, MIDDLE])

    assert found.tickers == ("L", "M", "H")
    assert found.centres == (49.5, 51.5, 53.5)
    assert len(found) == 3
    assert [found.place(ticker) for ticker in "LMH"] == [0, 1, 2]


def test_tails_are_as_wide_as_the_median_of_the_closed_brackets():
    wide = [("A", Payoff(None, 9)), ("B", Payoff(10, 12)), ("C", Payoff(13, None))]

    assert bracket_set(wide).centres == (8.0, 11.0, 14.0)
    assert bracket_set([("A", Payoff(None, 9)), ("B", Payoff(10, None))]).centres == (9.0, 10.0)


@pytest.mark.parametrize(("degrees", "place"), [(-40, 0), (50, 0), (51, 1), (58, 4), (59, 5)])
def test_every_whole_degree_lies_in_one_bracket(degrees, place):
    assert made_brackets().containing(degrees) == place


@pytest.mark.parametrize(
    ("markets", "sentence"),
    [
        ([LOW, ("M", Payoff(52, 52)), HIGH], "between L and M lies a hole: nothing pays on 51"),
        ([LOW, ("M", Payoff(50, 52)), HIGH], "L and M overlap"),
        ([LOW, ("M", Payoff(51, 53)), HIGH], "M and H overlap"),
        ([LOW, ("N", Payoff(None, 52)), HIGH], "L and N overlap"),
        ([LOW, MIDDLE, HIGH, ("N", Payoff(54, None))], "H and N overlap"),
        ([MIDDLE, HIGH], "no bracket pays below M"),
        ([LOW, MIDDLE], "no bracket pays above M"),
        ([LOW, ("M", Payoff(51, 50)), ("H", Payoff(51, None))], "M pays on nothing"),
        ([("A", Payoff(None, None))], "1 brackets are no distribution"),
        ([], "0 brackets are no distribution"),
    ],
)
def test_what_does_not_tile_is_refused_where_it_breaks(markets, sentence):
    with pytest.raises(ContractError, match=sentence) as refused:
        bracket_set(markets)
    assert refused.value.code == "not_a_partition"


def test_a_ticker_that_is_there_twice_is_refused():
    with pytest.raises(ContractError, match="M is given twice") as refused:
        bracket_set([LOW, MIDDLE, ("M", Payoff(53, None))])
    assert refused.value.code == "duplicate_strike"


def test_a_ticker_of_another_event_has_no_place():
    with pytest.raises(ContractError, match="KXHIGHNY-24NOV01-T51 is no bracket") as refused:
        made_brackets().place("KXHIGHNY-24NOV01-T51")
    assert refused.value.code == "wrong_event"


def test_contracts_make_the_brackets_they_pay_on():
    at = datetime(2024, 10, 31, tzinfo=UTC)
    contracts = [
        Contract(name, "E", "S", payoff, CENTS, at, at, "active")
        for name, payoff in (HIGH, LOW, MIDDLE)
    ]

    assert brackets_of(contracts) == bracket_set([LOW, MIDDLE, HIGH])
