"""The ledger of a traded window, sealed and held against the exchange's own portfolio."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.errors import InvariantBroken, Refusal
from kalshi_alpha.markets.orders import Fill, Side
from kalshi_alpha.rehearsal.exchange.model import Account, FillRecord
from kalshi_alpha.rehearsal.exchange.server import MEMBER
from kalshi_alpha.steps import close_day, journal_file, ledger
from kalshi_alpha.trading.accounts import Kind
from tests.exchange_host import FIXING
from tests.order_window import MARKETS, WINDOW, OrderWindow, order_window, target

DAY = date(2026, 10, 6)


@pytest.fixture
def traded() -> Iterator[OrderWindow]:
    """Two orders, one filled in part and one whole, a third pulled; the markets have paid."""
    with order_window() as window:
        window.quote(
            window.plan(
                target(0, Side.BID, 5_000),
                target(1, Side.ASK, 6_000),
                target(2, Side.BID, 1_000),
            )
        )
        for order in window.resting():
            if order.ticker == MARKETS[0]:
                window.take(order, 40)
            elif order.ticker == MARKETS[1]:
                window.take(order, 100)
        window.close()
        yield window


def account(window: OrderWindow) -> Account:
    return window.host.engine.accounts[MEMBER]


def test_a_closed_day_is_sealed_and_agrees_with_the_exchange_to_the_last_unit(
    traded: OrderWindow,
) -> None:
    result = close_day.run({"date": DAY.isoformat()}, traded.runtime)

    assert result["differences"] == []
    assert result["balances"]["cash"] == account(traded).cash
    assert result["balances"]["collateral"] == result["balances"]["positions"] == 0
    proof = ledger.last_verification(traded.runtime.artifacts, "twin")
    assert proof is not None
    assert proof.holds
    assert proof.compared["fills"] == len(account(traded).fills) == 2
    assert proof.compared["settlements"] == 2


def test_a_day_that_is_closed_again_stays_as_it_is(traded: OrderWindow) -> None:
    first = close_day.run({"date": DAY.isoformat()}, traded.runtime)

    again = close_day.run({"date": DAY.isoformat()}, traded.start())

    assert (again["head"], again["lines"]) == (first["head"], first["lines"])


def test_while_orders_rest_the_cash_is_what_the_exchange_says_is_free() -> None:
    with order_window() as window:
        window.quote(window.plan(target(0, Side.BID, 5_000), target(1, Side.ASK, 6_000)))
        (first, *_) = window.resting()
        window.take(first, 50)
        window.quote(window.plan(target(0, Side.BID, 4_900, 50), target(1, Side.ASK, 6_000)))
        books = ledger.open_journal(window.runtime, "twin").books

        free = window.host.run(lambda: window.host.engine.available(account(window)))
        held = {name: size for name, size in account(window).positions.items() if size}
        assert books.balances().cash == free
        assert books.balances().collateral == account(window).cash - free > 0
        assert books.positions() == held


def test_a_fill_that_never_reached_the_ledger_is_found_and_named(traded: OrderWindow) -> None:
    lost = Fill(
        "ghost", "o", MARKETS[2], Side.BID, 1_000, 100, is_taker=False, fee=0, at=FIXING
    )  # fmt: skip
    books = account(traded)
    traded.host.run(lambda: books.fills.append(_record(lost)))

    result = close_day.run({"date": DAY.isoformat()}, traded.runtime)

    (said,) = result["differences"]
    assert said.startswith("the venue lists the fill ghost (bid 1.00 ")
    assert result["metrics"]["LedgerDifferences"] == 1


def test_money_that_nobody_recorded_is_found_until_it_is_recorded(traded: OrderWindow) -> None:
    def pay() -> None:
        account(traded).cash += 1_500

    traded.host.pass_time(60)
    traded.host.run(pay)
    assert len(close_day.prove(traded.runtime, "twin").differences) == 1

    traded.runtime.ledger.record_transfer(
        "twin", "r1", "reimbursement", 1_500, traded.host.clock.now(), reason="fee", by="test"
    )

    proof = close_day.prove(traded.runtime, "twin")
    assert proof.holds
    assert proof.balances["reimbursements"] == 1_500


def test_what_becomes_known_after_the_close_is_in_the_next_one(traded: OrderWindow) -> None:
    clock = traded.host.clock
    assert isinstance(clock, ManualClock)
    close_day.run({"date": DAY.isoformat()}, traded.runtime)
    traded.runtime.ledger.record_transfer(
        "twin", "late", "deposit", 10, clock.now(), reason="r", by="test"
    )
    with pytest.raises(Refusal, match="2026-10-07 has not begun"):
        close_day.run({"date": "2026-10-07"}, traded.runtime)
    traded.host.pass_time(timedelta(days=1).total_seconds())

    ledger.close_day(traded.runtime, "twin", DAY + timedelta(days=1))

    journal = ledger.read_journal(traded.runtime.artifacts, "twin")
    assert journal.lines[-1].entry.kind is Kind.TRANSFER
    assert journal.balances().cash == account(traded).cash + 10
    with pytest.raises(Refusal, match="2026-10-05 cannot be closed after 2026-10-07"):
        ledger.close_day(traded.runtime, "twin", DAY - timedelta(days=1))


def test_a_ledger_that_was_changed_after_the_close_is_refused(traded: OrderWindow) -> None:
    close_day.run({"date": DAY.isoformat()}, traded.runtime)
    (fill, *_) = traded.runtime.ledger.fills(WINDOW)
    key = {"pk": {"S": f"WINDOW#{WINDOW}"}, "sk": {"S": f"FILL#{fill.fill_id}"}}
    item = traded.tables.get_item(TableName="ledger", Key=key)["Item"]
    cheaper = item["doc"]["S"].replace(f'"price": {fill.price}', f'"price": {fill.price - 100}')
    traded.tables.put_item(TableName="ledger", Item=item | {"doc": {"S": cheaper}})

    with pytest.raises(InvariantBroken, match=f"fill/{fill.fill_id} was booked as"):
        close_day.prove(traded.runtime, "twin")


def test_a_file_that_lost_its_last_lines_is_refused(traded: OrderWindow) -> None:
    close = ledger.close_day(traded.runtime, "twin", DAY)
    lines = journal_file.read(traded.runtime.artifacts.read(close.file), close.file)
    traded.runtime.artifacts.write(close.file, journal_file.write(lines[:-1], {}))

    with pytest.raises(InvariantBroken, match="lines are missing at its end"):
        ledger.read_journal(traded.runtime.artifacts, "twin")


def _record(fill: Fill) -> FillRecord:
    return FillRecord(
        fill.fill_id, fill.order_id, "", fill.ticker, fill.side, fill.price, fill.size,
        fill.is_taker, fill.fee, fill.at, 0,
    )  # fmt: skip
