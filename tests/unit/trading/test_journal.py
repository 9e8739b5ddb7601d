from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kalshi_alpha.errors import DataError, InvariantBroken
from kalshi_alpha.trading.accounts import Balances, Entry, Kind
from kalshi_alpha.trading.entries import entries_of, transfer_entry
from kalshi_alpha.trading.journal import FIRST, Journal, Line, seal
from tests.ledger_rows import (
    T0,
    WINDOW,
    YES,
    at,
    cash_row,
    day_rows,
    fill_row,
    order_row,
    settlement_row,
)


def entries(*rows: dict[str, Any], book: str = "live") -> list[Entry]:
    return entries_of(WINDOW, rows, book)


def day() -> Journal:
    journal = Journal("live")
    journal.append(entries(*day_rows()))
    return journal


def test_there_is_a_line_for_each_intent_order_event_fill_fee_and_settlement() -> None:
    assert [line.entry.kind.value for line in day().lines] == [
        "opening", "balance", "intent", "order", "order", "fill", "fee", "order", "order",
        "settlement", "balance",
    ]  # fmt: skip


def test_a_window_is_booked_to_the_last_unit() -> None:
    assert day().balances() == Balances(
        cash=100_350_000, fees=10_000, settlement=360_000, capital=100_000_000
    )


def test_what_an_order_tied_up_is_known_for_every_moment() -> None:
    journal = day()
    tied = {
        seconds: journal.balances(T0 + timedelta(seconds=seconds)).collateral
        for seconds in (10, 11, 12, 50, 60, 590)
    }

    assert tied == {10: 0, 11: 400_000, 12: 400_000, 50: 160_000, 60: 160_000, 590: 0}


def test_an_order_that_was_amended_tied_up_its_first_price_before() -> None:
    row = order_row(price=3_000)
    row["events"][3:3] = [{"at": at(30), "status": "resting", "price": 3_500}]
    row["price"] = 3_500
    journal = Journal("live")
    journal.append(entries(cash_row(100_000_000), row))

    assert journal.balances(T0 + timedelta(seconds=20)).collateral == 300_000
    assert journal.balances(T0 + timedelta(seconds=31)).collateral == 350_000


def test_an_order_that_never_came_to_be_tied_up_nothing_but_while_it_was_on_its_way() -> None:
    row = order_row()
    row["events"][2:] = [{"at": at(13), "status": "rejected"}]
    journal = Journal("live")
    journal.append(entries(cash_row(100_000_000), row))

    assert journal.balances(T0 + timedelta(seconds=12)).collateral == 400_000
    assert journal.balances() == Balances(cash=100_000_000, capital=100_000_000)


def test_what_is_booked_is_booked_once() -> None:
    journal = day()
    head = journal.head

    assert journal.append(entries(*day_rows())) == []
    assert journal.head == head


def test_what_becomes_known_late_is_booked_at_the_end_with_its_own_time() -> None:
    journal = day()

    (late,) = journal.append(entries(fill_row("f2", size=40, seconds=55)))

    assert (late.number, late.entry.at) == (12, T0 + timedelta(seconds=55))
    assert journal.balances(T0 + timedelta(seconds=56)).positions == 400_000


def test_what_became_known_otherwise_is_refused_and_nothing_is_booked() -> None:
    journal = day()
    lines = list(journal.lines)

    with pytest.raises(InvariantBroken, match=r"fill/f1 was booked as .*4000.* now has .*4100"):
        journal.append(entries(fill_row(fee=10_000, price=4_100), fill_row("f9")))

    assert journal.lines == lines


def test_a_settlement_told_again_is_passed_over_and_a_changed_one_is_a_version_of_its_own() -> None:
    journal = day()
    again = settlement_row(600_000) | {"at": at(2000)}

    assert journal.append(entries(again)) == []
    (changed,) = journal.append(entries(settlement_row(0, "no")))

    assert changed.entry.key == f"settlement/{YES}/2"
    assert changed.moved == {"cash": -600_000, "settlement": 600_000}
    assert journal.append(entries(settlement_row(0, "no"))) == []


def test_money_that_came_before_the_first_balance_is_not_counted_twice() -> None:
    doc = {"name": "t", "transfer": "reimbursement", "cash": 500, "reason": "r", "by": "b"}
    early = transfer_entry(doc | {"at": at(-5)})
    journal = Journal("live")
    journal.append([early, *entries(cash_row(1_000))])

    assert journal.balances() == Balances(cash=1_000, capital=500, reimbursements=500)


def test_an_unknown_transfer_is_refused() -> None:
    doc = {"name": "t", "transfer": "gift", "cash": 1, "reason": "r", "by": "b", "at": at(0)}

    with pytest.raises(DataError, match="'gift' is none of deposit, withdrawal, reimbursement"):
        transfer_entry(doc)


def test_paper_and_live_are_never_kept_in_one_book() -> None:
    paper = fill_row(order_id="paper-123")

    with pytest.raises(DataError, match="does not belong into the live book"):
        entries(paper)
    with pytest.raises(DataError, match="does not belong into the paper book"):
        entries(fill_row(), book="paper")
    assert [e.kind for e in entries(paper, cash_row(5), book="paper")] == [Kind.FILL]


def test_a_row_that_cannot_be_read_is_named() -> None:
    broken = fill_row()
    del broken["size"]

    with pytest.raises(DataError, match="the ledger's row FILL#f1 of 20251104-1200-index-hourly"):
        entries(broken)


def test_a_word_on_an_order_that_was_never_intended_is_no_entry() -> None:
    heard = {"sk": "ORDER#x", "client_order_id": "x", "status": "resting", "events": []}

    assert entries(heard) == []


# --- reading it again ------------------------------------------------------------------------


def test_a_journal_that_is_whole_is_read_to_the_same_balances() -> None:
    journal = day()

    read = Journal.read("live", journal.lines)

    assert (read.head, read.balances()) == (journal.head, journal.balances())


def test_an_empty_journal_continues_nothing() -> None:
    assert Journal.read("live", []).head == FIRST == "0" * 64


def edited(line: Line) -> Line:
    facts = dict(line.entry.facts) | {"price": 1_000}
    return replace(line, entry=replace(line.entry, facts=facts))


def resealed(line: Line, number: int | None = None, previous: str | None = None) -> Line:
    number, previous = number or line.number, previous or line.previous
    digest = seal("live", number, line.entry, line.moved, previous)
    return Line(number, line.entry, line.moved, previous, digest)


def repeat(lines: list[Line]) -> list[Line]:
    return [*lines[:6], lines[5], *lines[6:]]


def leave_out(lines: list[Line]) -> list[Line]:
    return [*lines[:5], *lines[6:]]


def leave_out_two(lines: list[Line]) -> list[Line]:
    return [*lines[:5], *lines[7:]]


def cut_the_beginning(lines: list[Line]) -> list[Line]:
    return lines[1:]


def swap(lines: list[Line]) -> list[Line]:
    return [*lines[:5], lines[6], lines[5], *lines[7:]]


def put_an_early_one_late(lines: list[Line]) -> list[Line]:
    return [*lines[:8], replace(lines[2], digest="f" * 64), *lines[8:]]


def edit(lines: list[Line]) -> list[Line]:
    return [*lines[:5], edited(lines[5]), *lines[6:]]


def edit_what_moved(lines: list[Line]) -> list[Line]:
    return [*lines[:5], resealed(replace(lines[5], moved={"cash": 5, "fees": -5})), *lines[6:]]


def edit_and_seal_anew(lines: list[Line]) -> list[Line]:
    fee = lines[6]
    dearer = replace(fee, entry=replace(fee.entry, facts={"fee": 10_000, "order_id": "o9"}))
    return [*lines[:6], resealed(dearer), *lines[7:]]


def book_twice(lines: list[Line]) -> list[Line]:
    return [*lines, resealed(lines[5], 12, lines[-1].digest)]


@pytest.mark.parametrize(
    ("damage", "place"),
    [
        (repeat, "line 6 of the live journal is repeated at place 7"),
        (leave_out, "line 6 of the live journal missing before line 7"),
        (leave_out_two, "lines 6 to 7 of the live journal missing before line 8"),
        (cut_the_beginning, "line 1 of the live journal missing before line 2"),
        (swap, "line 7 of the live journal is out of order: it stands at place 6"),
        (put_an_early_one_late, "line 3 of the live journal is out of order: it stands at place 9"),
        (edit, r"line 6 of the live journal \(fill/f1\) was edited"),
        (edit_what_moved, r"line 6 of the live journal moves .*\(fill/f1\) moves"),
        (edit_and_seal_anew, "line 8 .* does not continue .*: line 7 was edited or replaced"),
        (book_twice, "line 12 of the live journal books fill/f1 a second time"),
    ],
)
def test_a_damaged_journal_is_refused_with_its_place(damage: Any, place: str) -> None:
    with pytest.raises(InvariantBroken, match=place):
        Journal.read("live", damage(day().lines))


def test_a_line_of_another_book_is_refused() -> None:
    with pytest.raises(InvariantBroken, match=r"line 1 of the twin journal .* was edited"):
        Journal.read("twin", day().lines)


def test_a_first_line_that_continues_something_is_refused() -> None:
    first = resealed(day().lines[0], previous="a" * 64)

    with pytest.raises(InvariantBroken, match=r"line 1 .* does not continue .*: it is cut"):
        Journal.read("live", [first])


def test_an_intent_of_the_time_before_it_kept_its_price_is_read_from_its_row() -> None:
    row = order_row(price=3_000)
    del row["events"][0]["price"], row["events"][2]["price"]

    assert {entry.facts["price"] for entry in entries(row)} == {3_000}
