from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kalshi_alpha.trading.accounts import Balances, Books, Entry, Kind, balances_at

T0 = datetime(2025, 11, 4, 16, 50, tzinfo=UTC)
YES = "KXINXU-25NOV04H1200-T6844.9999"


def entry(kind: Kind, key: str, seconds: float = 0, ticker: str = YES, **facts: Any) -> Entry:
    return Entry(f"{kind}/{key}", kind, T0 + timedelta(seconds=seconds), "w", ticker, facts)


def opening(cash: int = 100_000_000) -> Entry:
    return entry(Kind.OPENING, "first", ticker="", cash=cash)


def rests(index: int, told: int, **facts: Any) -> Entry:
    known: dict[str, Any] = {"client_order_id": "c1", "index": index, "side": "bid", "price": 4_000}
    return entry(
        Kind.ORDER, f"c1/{index}", index, told=told, **(known | {"order_id": "o1"} | facts)
    )


def fill(name: str, side: str, price: int, size: int, seconds: float = 10) -> Entry:
    facts: dict[str, Any] = {
        "side": side,
        "price": price,
        "size": size,
        "order_id": "o1",
        "is_taker": False,
    }
    return entry(Kind.FILL, name, seconds, **facts)


def settled(revenue: int, version: int = 1) -> Entry:
    facts: dict[str, Any] = {"result": "yes", "revenue": revenue, "version": version}
    return entry(Kind.SETTLEMENT, str(version), 700 + version, **facts)


def booked(*entries: Entry) -> Balances:
    books = Books()
    for one in entries:
        books.apply(one)
    return books.balances()


def test_a_resting_order_ties_up_its_worst_loss_and_a_cancel_frees_it() -> None:
    resting = booked(opening(), rests(1, 100))

    assert (resting.cash, resting.collateral) == (99_600_000, 400_000)
    assert booked(opening(), rests(1, 100), rests(2, 0)) == booked(opening())


def test_a_fill_turns_what_was_tied_up_into_a_position() -> None:
    books = Books()
    books.apply(opening())
    books.apply(rests(1, 100))

    moved = books.apply(fill("f1", "bid", 4_000, 60))

    assert moved == {"collateral": -240_000, "positions": 240_000}
    assert books.positions() == {YES: 60}


def test_what_the_venue_counts_as_filled_stays_tied_up_until_the_fill_is_known() -> None:
    canceled_with_a_fill = rests(2, 40)

    before = booked(opening(), rests(1, 100), canceled_with_a_fill)
    after = booked(opening(), rests(1, 100), canceled_with_a_fill, fill("f1", "bid", 4_000, 40))

    assert (before.collateral, before.positions) == (160_000, 0)
    assert (after.collateral, after.positions) == (0, 160_000)


def test_a_fee_is_an_expense_of_its_own() -> None:
    result = booked(opening(), fill("f1", "bid", 4_000, 100), entry(Kind.FEE, "f1", fee=17_500))

    assert (result.cash, result.fees, result.positions) == (99_582_500, 17_500, 400_000)


def test_a_won_market_pays_a_dollar_and_a_lost_one_nothing() -> None:
    bought = (opening(), fill("f1", "bid", 4_000, 100))

    won, lost = booked(*bought, settled(1_000_000)), booked(*bought, settled(0))

    assert (won.cash, won.positions, won.settlement, won.earned) == (
        100_600_000,
        0,
        600_000,
        600_000,
    )
    assert (lost.cash, lost.positions, lost.settlement) == (99_600_000, 0, -400_000)


def test_yes_and_no_of_one_market_meet_at_once_and_pay_a_dollar() -> None:
    books = Books()
    books.apply(opening())
    books.apply(fill("f1", "bid", 4_000, 100))

    moved = books.apply(fill("f2", "ask", 4_500, 60))

    assert moved == {"cash": 270_000, "positions": -270_000}  # 60 x (1.00 - 0.55)
    assert books.positions() == {YES: 40}


def test_a_pair_locks_its_gain_and_the_settlement_pays_the_rest() -> None:
    bought = (opening(), fill("f1", "bid", 4_000, 100), fill("f2", "ask", 4_500, 60))

    # Of 100 YES and 60 NO a yes pays one dollar for each YES: 100 x 1.00 in all.
    result = booked(*bought, settled(1_000_000))

    assert result.positions == 0
    assert result.settlement == 1_000_000 - 400_000 - 330_000
    assert result.cash == 100_000_000 + result.settlement


def test_an_order_that_closes_a_position_ties_up_nothing() -> None:
    selling = rests(1, 100, side="ask", price=4_500)

    result = booked(opening(), fill("f1", "bid", 4_000, 100, 0), selling)

    assert result.collateral == 0


def test_of_several_closing_orders_the_dearest_are_free() -> None:
    cheap = rests(1, 60, client_order_id="c1", order_id="o2", side="ask", price=9_000)
    dear = rests(1, 60, client_order_id="c2", order_id="o3", side="ask", price=2_000)

    result = booked(opening(), fill("f1", "bid", 4_000, 60, 0), cheap, dear)

    assert result.collateral == 60 * 1_000


def test_a_fill_that_is_heard_of_after_the_settlement_leaves_no_position() -> None:
    late = booked(opening(), settled(1_000_000), fill("f1", "bid", 4_000, 100))

    assert late == booked(opening(), fill("f1", "bid", 4_000, 100), settled(1_000_000))


def test_a_settlement_that_is_corrected_counts_once_in_its_last_version() -> None:
    bought = (opening(), fill("f1", "bid", 4_000, 100))

    assert booked(*bought, settled(1_000_000), settled(0, 2)) == booked(*bought, settled(0))
    assert booked(*bought, settled(0, 2), settled(1_000_000)) == booked(*bought, settled(0))


def test_an_older_word_on_an_order_does_not_undo_a_newer_one() -> None:
    assert booked(opening(), rests(3, 0), rests(1, 100)) == booked(opening())


@pytest.mark.parametrize(
    ("transfer", "cash", "capital", "reimbursements"),
    [
        ("deposit", 5_000_000, 105_000_000, 0),
        ("withdrawal", -5_000_000, 95_000_000, 0),
        ("reimbursement", 1_250, 100_000_000, 1_250),
    ],
)
def test_a_reimbursement_is_kept_apart_from_capital_and_from_what_was_earned(
    transfer: str, cash: int, capital: int, reimbursements: int
) -> None:
    moved = entry(Kind.TRANSFER, "t", ticker="", transfer=transfer, cash=cash)

    result = booked(opening(), moved)

    assert (result.capital, result.reimbursements) == (capital, reimbursements)
    assert (result.cash, result.earned) == (100_000_000 + cash, 0)


def test_an_intent_and_a_told_balance_move_nothing() -> None:
    books = Books()
    told = entry(Kind.BALANCE, "b", ticker="", cash=1, moment="before")
    facts = rests(0, 100).facts
    intent = Entry("order/c1/0", Kind.INTENT, T0, "w", YES, facts)

    assert (books.apply(told), books.apply(intent)) == ({}, {})


def test_balances_of_an_instant_know_nothing_of_what_came_later() -> None:
    entries = [opening(), fill("f1", "bid", 4_000, 100, 10), settled(1_000_000)]

    assert balances_at(entries, T0 + timedelta(seconds=9)).cash == 100_000_000
    assert balances_at(entries, T0 + timedelta(seconds=10)).positions == 400_000
    assert balances_at(reversed(entries), T0 + timedelta(hours=1)).cash == 100_600_000
