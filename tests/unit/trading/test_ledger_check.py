from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.orders import Fill, Settlement, Side
from kalshi_alpha.trading.entries import entries_of, transfer_entry
from kalshi_alpha.trading.journal import Journal
from kalshi_alpha.trading.ledger_check import verify
from kalshi_alpha.trading.verification import LedgerDifference, Portfolio, Verification
from tests.ledger_rows import (
    NEXT,
    T0,
    WINDOW,
    YES,
    at,
    cash_row,
    day_rows,
    fill_row,
    settlement_row,
)

NOW = T0 + timedelta(hours=6)
FILL = Fill("f1", "o1", YES, Side.BID, 4_000, 60, is_taker=False, fee=10_000,
            at=T0 + timedelta(seconds=50))  # fmt: skip
PAID = Settlement(YES, "yes", 600_000, 10_000, T0 + timedelta(seconds=890))
VENUE = Portfolio((FILL,), (PAID,), {YES: 0}, {YES: 10_000}, 100_350_000, NOW)


def journal(*rows: dict[str, Any]) -> Journal:
    made = Journal("live")
    made.append(entries_of(WINDOW, rows or day_rows(), "live"))
    return made


def found(venue: Portfolio, *rows: dict[str, Any]) -> list[tuple[str, str, int]]:
    differences = verify(journal(*rows), venue, NOW).differences
    return [(d.kind, d.name, d.cash) for d in differences]


def sentences(venue: Portfolio, *rows: dict[str, Any]) -> list[str]:
    return [str(d) for d in verify(journal(*rows), venue, NOW).differences]


def test_books_that_agree_hold() -> None:
    result = verify(journal(), VENUE, NOW)

    assert result.holds
    assert result.differences == ()
    assert result.compared == {
        "fills": 1, "settlements": 1, "balances told": 2, "positions": 1, "balance now": 1,
    }  # fmt: skip


def test_a_fill_that_the_ledger_lacks_is_named_and_explains_the_balance() -> None:
    other = replace(FILL, fill_id="f2", size=10, fee=0)
    venue = replace(VENUE, fills=(FILL, other), balance=100_310_000)

    assert found(venue) == [("fill missing", "f2", -40_000), ("balance", "now", -40_000)]
    missing, balance = sentences(venue)
    assert missing == (
        f"the venue lists the fill f2 (bid 0.10 {YES} at $0.4000, order o1), which the ledger does "
        "not have"
    )
    assert balance == (
        "the balance is $100.350000 by the ledger and $100.310000 at the venue: $0.040000 less, "
        "which the other differences explain"
    )


def test_a_fill_that_the_venue_does_not_list_is_named() -> None:
    venue = replace(VENUE, fills=())

    assert found(venue) == [("fill unknown", "f1", 250_000)]


def test_a_fill_that_is_newer_than_the_venues_lists_is_not_held_against_them() -> None:
    venue = replace(VENUE, fills=(), settlements=(), as_of=T0 + timedelta(seconds=49))

    assert found(venue) == []


def test_a_fee_that_differs_is_named_with_both() -> None:
    venue = replace(VENUE, fills=(replace(FILL, fee=17_500),), balance=100_342_500)

    assert found(venue) == [("fee", "f1", -7_500), ("balance", "now", -7_500)]
    assert sentences(venue)[0] == (
        "the fill f1 cost a fee of $0.010000 by the ledger and $0.017500 by the venue"
    )


def test_a_fee_of_a_fill_that_the_ledger_has_without_one_is_named() -> None:
    rows = [cash_row(100_000_000), fill_row(), settlement_row(600_000)]

    assert found(replace(VENUE, balance=100_360_000), *rows) == [("fee", "f1", -10_000)]


@pytest.mark.parametrize(
    ("change", "cash"),
    [({"price": 4_100}, -6_000), ({"size": 70}, -40_000), ({"order_id": "o2"}, 0)],
)
def test_a_fill_told_otherwise_is_named(change: dict[str, Any], cash: int) -> None:
    venue = replace(VENUE, fills=(replace(FILL, **change),), balance=None)

    assert found(venue) == [("fill", "f1", cash)]


def test_a_settlement_that_the_ledger_lacks_is_named() -> None:
    rows = [cash_row(100_000_000), fill_row(fee=10_000)]

    assert found(VENUE, *rows) == [
        ("settlement missing", YES, 600_000),
        ("position", YES, 0),
        ("balance", "now", 600_000),
    ]


def test_a_market_that_paid_nothing_to_nobody_need_not_be_in_the_ledger() -> None:
    nothing = Settlement(NEXT, "no", 0, 0, PAID.at)

    assert found(replace(VENUE, settlements=(PAID, nothing))) == []


def test_a_settlement_that_paid_something_else_is_named() -> None:
    venue = replace(VENUE, settlements=(replace(PAID, revenue=0, result="no"),), balance=None)

    assert found(venue) == [("settlement", YES, -600_000)]
    assert sentences(venue)[0] == (
        f"{YES} paid $0.600000 (yes) by the ledger and $0.000000 (no) by the venue"
    )


def test_a_settlement_that_the_venue_does_not_list_is_named() -> None:
    assert found(replace(VENUE, settlements=())) == [("settlement unknown", YES, -600_000)]


def test_the_venue_tells_a_settlement_in_whole_cents_and_for_what_no_pair_redeemed() -> None:
    rows = [
        cash_row(100_000_000),
        fill_row(),
        fill_row("f2", side="ask", price=4_500, size=40),
        settlement_row(515_000, "scalar"),  # 60 YES and 40 NO at a value of 0.575
    ]
    other = replace(FILL, fill_id="f2", side=Side.ASK, price=4_500, size=40, fee=0)
    venue = Portfolio(
        (replace(FILL, fee=0), other), (replace(PAID, revenue=110_000, result="scalar"),)
    )

    assert found(venue, *rows) == []
    assert found(replace(venue, settlements=(replace(PAID, revenue=120_000),)), *rows) != []
    assert found(replace(venue, settlements=(replace(PAID, revenue=100_000),)), *rows) != []


def test_a_position_that_differs_is_named() -> None:
    venue = replace(VENUE, positions={NEXT: -500})

    assert found(venue) == [("position", NEXT, 0)]
    assert sentences(venue) == [
        f"the position in {NEXT} is 0.00 by the ledger and -5.00 by the venue"
    ]


def test_money_of_unknown_origin_is_found_between_the_two_balances_that_bracket_it() -> None:
    rows = [*day_rows()[:-2], cash_row(100_351_500, "after", 901)]
    venue = replace(VENUE, balance=100_351_500)

    between, balance = sentences(venue, *rows)
    assert between == (
        f"between the balance before {WINDOW} and that after {WINDOW}, the venue's cash became "
        "$0.001500 more than the ledger knows of"
    )
    assert balance == (
        "the balance is $100.350000 by the ledger and $100.351500 at the venue: $0.001500 more; "
        "the other differences explain $0.000000 more of it"
    )


def test_money_that_is_recorded_as_a_reimbursement_is_explained() -> None:
    rows = [*day_rows()[:-2], cash_row(100_351_500, "after", 901)]
    made = journal(*rows)
    doc = {"name": "r", "transfer": "reimbursement", "cash": 1_500, "reason": "r", "by": "b"}
    made.append([transfer_entry(doc | {"at": at(700)})])

    assert verify(made, replace(VENUE, balance=100_351_500), NOW).holds


def test_only_what_lies_between_the_given_times_is_compared() -> None:
    venue = replace(VENUE, fills=(), settlements=(), balance=0)
    later, earlier = T0 + timedelta(hours=1), T0 - timedelta(hours=1)

    assert verify(journal(), venue, NOW, first=later, until=NOW).differences == ()
    assert verify(journal(), venue, NOW, first=earlier, until=T0).differences == ()
    assert len(verify(journal(), venue, NOW, first=earlier, until=NOW).differences) == 2


def test_paper_is_held_against_nothing_and_is_not_said_to_hold() -> None:
    result = verify(Journal("paper"), None, NOW)

    assert (result.differences, result.compared, result.holds) == ((), {}, False)


def test_a_verification_is_read_back_as_it_was_written() -> None:
    result = verify(journal(), replace(VENUE, fills=()), NOW)

    read = Verification.from_json(json.dumps(result.to_json()))

    assert read == result
    assert isinstance(read.differences[0], LedgerDifference)


@pytest.mark.parametrize("text", ["[]", "{}", "no", '{"schema": 2}'])
def test_what_is_no_verification_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="verification"):
        Verification.from_json(text)
