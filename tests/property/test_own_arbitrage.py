"""A set of orders that loses for sure is found exactly when there is one."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.trading.risk_coherence import Offer, sure_loss

DOLLAR = 1_000_000


@st.composite
def offers(draw):
    low, width = draw(st.integers(0, 8)), draw(st.integers(1, 5))
    payoff = draw(
        st.sampled_from((Payoff(low, None), Payoff(None, low - 1), Payoff(low, low + width - 1)))
    )
    cost = 50_000 * draw(st.integers(1, 20))
    return Offer(f"M{low}-{width}", payoff, draw(st.sampled_from(Side)), cost)


def earned(offer, tick):
    won = offer.payoff.contains(tick) == (offer.side is Side.BID)
    return DOLLAR * won - offer.cost


def some_law_agrees(found):
    """Say whether some distribution makes none of the offers lose on average."""
    ticks = range(-1, 15)
    worth = np.array([[earned(offer, tick) for tick in ticks] for offer in found]) / DOLLAR
    done = linprog(
        np.zeros(len(ticks)),
        A_ub=-worth,
        b_ub=np.full(len(found), 1e-9),
        A_eq=np.ones((1, len(ticks))),
        b_eq=[1.0],
        bounds=(0, 1),
    )
    return done.status == 0


@given(st.lists(offers(), min_size=1, max_size=7))
def test_none_is_found_exactly_when_a_law_agrees_with_every_offer(found):
    assert (sure_loss(found) is None) == some_law_agrees(found)


@given(st.lists(offers(), min_size=1, max_size=7))
def test_what_is_found_loses_at_least_so_much_in_every_outcome(found):
    loss = sure_loss(found)
    if loss is None:
        return

    assert loss.cash > 0
    assert set(loss.offers) <= set(found)
    worst_best = max(sum(earned(offer, tick) for offer in loss.offers) for tick in range(-1, 15))
    assert worst_best <= -loss.cash


@given(st.lists(offers(), min_size=1, max_size=5))
def test_no_set_of_fills_of_a_coherent_book_loses_for_sure(found):
    if sure_loss(found) is not None:
        return
    for sizes in product((0, 1, 2), repeat=len(found)):
        if not any(sizes):
            continue
        best = max(
            sum(n * earned(offer, tick) for n, offer in zip(sizes, found, strict=True))
            for tick in range(-1, 15)
        )
        assert best >= 0
