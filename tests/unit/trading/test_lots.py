from __future__ import annotations

from datetime import timedelta
from typing import Any

from kalshi_alpha.trading.entries import entries_of
from kalshi_alpha.trading.lots import ClosedLot, closed_lots
from tests.ledger_rows import NEXT, T0, WINDOW, YES, fill_row, settlement_row

SETTLED = T0 + timedelta(seconds=900)


def lots(*rows: dict[str, Any]) -> list[ClosedLot]:
    return closed_lots(entries_of(WINDOW, rows, "live"))


def test_a_lot_that_is_held_to_settlement_is_disposed_of_for_what_it_paid() -> None:
    assert lots(fill_row(fee=10_000), settlement_row(600_000)) == [
        ClosedLot(
            YES, "yes", 60, T0 + timedelta(seconds=50), SETTLED, "settlement",
            proceeds=600_000, cost=240_000, fees=10_000,
        )
    ]  # fmt: skip


def test_the_oldest_contracts_are_sold_first_and_fees_go_with_them() -> None:
    first = fill_row("f1", price=4_000, size=60, fee=600)
    second = fill_row("f2", price=5_000, size=60, fee=300, seconds=51)
    sale = fill_row("f3", side="ask", price=6_000, size=80, fee=800, seconds=52)

    sold_first, sold_second, kept = lots(first, second, sale, settlement_row(800_000, "no"))

    assert (sold_first.how, sold_first.size, sold_first.proceeds, sold_first.cost) == (
        "sale", 60, 360_000, 240_000,
    )  # fmt: skip
    assert (sold_second.size, sold_second.proceeds, sold_second.cost) == (20, 120_000, 100_000)
    assert (sold_first.fees, sold_second.fees, kept.fees) == (1_200, 300, 200)
    assert (kept.how, kept.size, kept.proceeds, kept.cost) == ("settlement", 40, 0, 200_000)
    assert kept.gain == -200_200


def test_no_contracts_are_bought_by_selling_what_is_not_held() -> None:
    (lot,) = lots(fill_row(side="ask", price=4_500, size=100), settlement_row(1_000_000, "no"))

    assert (lot.outcome, lot.cost, lot.proceeds, lot.gain) == ("no", 550_000, 1_000_000, 450_000)


def test_a_sale_that_turns_the_position_opens_a_lot_of_the_other_kind() -> None:
    closed = lots(
        fill_row("f1", size=10),
        fill_row("f2", side="ask", price=4_500, size=30, seconds=51),
        settlement_row(300_000, "no"),
    )

    assert [(lot.outcome, lot.how, lot.size) for lot in closed] == [
        ("yes", "sale", 10),
        ("no", "settlement", 20),
    ]


def test_what_has_not_settled_is_no_closed_lot() -> None:
    assert lots(fill_row()) == []


def test_a_settlement_of_nothing_held_closes_nothing() -> None:
    assert lots(settlement_row(0), fill_row(ticker=NEXT)) == []


def test_a_share_that_is_no_whole_unit_goes_to_the_last() -> None:
    three = [fill_row(f"f{n}", size=1, price=10, seconds=50 + n) for n in range(3)]

    closed = lots(*three, settlement_row(100, "scalar"))

    assert [lot.proceeds for lot in closed] == [33, 33, 34]
