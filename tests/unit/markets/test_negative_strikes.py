"""Strikes below zero, in every spelling the venue has used, and what they pay on."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kalshi_alpha.errors import ContractError
from kalshi_alpha.markets.strikes import (
    Payoff,
    check_label,
    check_rules,
    strike_from_fields,
)
from kalshi_alpha.markets.tickers import parse_market


def more_than(number):
    return strike_from_fields("greater", Decimal(number), None)


@pytest.mark.parametrize("label", ["TN0.4", "T-0.4", "-0.4", "N0.4"])
def test_minus_four_tenths_is_one_strike_in_every_spelling(label):
    ticker = parse_market(f"KXCPI-26AUG-{label}")
    strike = more_than("-0.4")

    assert ticker.number == Decimal("-0.4")
    check_label(strike, ticker, 10)
    assert strike.payoff(10) == Payoff(-3, None)


@pytest.mark.parametrize("label", ["T0.4", "0.4"])
def test_a_sign_that_differs_is_another_strike(label):
    with pytest.raises(ContractError, match="not the same strike"):
        check_label(more_than("-0.4"), parse_market(f"KXCPI-26AUG-{label}"), 10)


def test_the_sentence_of_the_rules_may_be_negative_too():
    payoff = more_than("-0.4").payoff(10)

    check_rules(payoff, "If CPI increases by more than -0.4% in August 2026, Yes.", 10)
    with pytest.raises(ContractError, match="not what the strike"):
        check_rules(payoff, "If CPI increases by more than 0.4% in August 2026, Yes.", 10)


def test_zero_is_a_strike_of_its_own():
    assert more_than("0.0").payoff(10) == Payoff(1, None)
    assert more_than("-0.1").payoff(10) == Payoff(0, None)
