"""Sides are about YES, and cash moves as the venue moves it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kalshi_alpha.markets.orders import Fill, NewOrder, Side, worst_loss

AT = datetime(2025, 11, 4, 16, 59, 58, tzinfo=UTC)


def fill(side: Side, *, price: int = 3000, size: int = 200, fee: int = 17_500) -> Fill:
    return Fill("f", "o", "t", side, price, size, is_taker=False, fee=fee, at=AT)


def test_a_bid_adds_yes_and_an_ask_takes_it() -> None:
    assert (Side.BID.sign, Side.ASK.sign) == (1, -1)
    assert (Side.BID.other, Side.ASK.other) == (Side.ASK, Side.BID)
    assert [str(side) for side in Side] == ["bid", "ask"]


@pytest.mark.parametrize(("side", "lost"), [(Side.BID, 600_000), (Side.ASK, 1_400_000)])
def test_the_worst_loss_is_what_the_side_pays(side: Side, lost: int) -> None:
    order = NewOrder("t", side, price=3000, size=200, client_order_id="c", expires_at=AT)

    assert worst_loss(side, 3000, 200) == order.worst_loss == lost


def test_a_fill_moves_its_price_and_its_fee() -> None:
    assert fill(Side.BID).cash == -617_500
    assert fill(Side.ASK).cash == -1_417_500


def test_both_sides_at_one_price_cost_a_dollar_a_contract() -> None:
    both = fill(Side.BID, fee=0).cash + fill(Side.ASK, fee=0).cash

    assert both == -2_000_000
