"""The exchange charges what the venue published and what real fills were charged."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import CASH_UNIT, cash_from_text, price_from_text, size_from_text
from kalshi_alpha.pricing.fees import NON_DIRECT, FeeTerms
from kalshi_alpha.rehearsal.exchange.engine import Engine, Ticket
from kalshi_alpha.rehearsal.exchange.listing import list_event

pytestmark = pytest.mark.shared_data

ROUNDED_BY_ORDER = datetime(2025, 11, 4, 15, tzinfo=UTC)  # up to the next cent, as the table is
TODAY = datetime(2026, 10, 6, 15, tzinfo=UTC)
Row = dict[str, str]


@pytest.fixture(scope="module")
def rows(shared_data: Path) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    with (shared_data.parent / "kalshi" / "fee_rows.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["kind"], []).append(row)
    return found


def charged(row: Row, now: datetime, *, precision: int = 100) -> int:
    """Trade as the row says on an exchange of that day; return what the row's side was charged."""
    engine = Engine(
        ManualClock(now), lambda _symbol, _at: 6800.0, precision=precision, maintenance=False
    )
    for name in ("maker", "taker"):
        engine.open_account(name, 1_000_000 * CASH_UNIT)
    (market,) = list_event("KXINXU", now + timedelta(hours=1), 6800.0, strikes=1, open_at=now)
    engine.list_market(market)
    fine = [{"start": "0.0000", "end": "1.0000", "step": "0.0001"}]
    engine.regrid(market, "center_centi_edge_centi_cent", fine)
    kind = "quadratic" if row["role"] == "taker" else "quadratic_with_maker_fees"
    multiplier = Decimal(row["base_rate"]) / Decimal("0.07") if row["role"] == "taker" else 1
    terms = FeeTerms(kind, Decimal(multiplier) * Decimal(row["multiplier"]))
    engine.override_fees(market.event_ticker, terms)
    price, size = price_from_text(row["price"]), size_from_text(row["contracts"])
    engine.create("maker", Ticket(market.ticker, Side.ASK, price, size))
    engine.create("taker", Ticket(market.ticker, Side.BID, price, size))
    (fill,) = engine.accounts[row["role"]].fills
    return fill.fee


def test_the_whole_printed_table_is_charged_under_the_rule_it_was_printed_for(
    rows: dict[str, list[Row]],
) -> None:
    table = rows["published_table"]

    assert len(table) >= 42
    for row in table:
        published = cash_from_text(row["published_fee_usd"])
        assert charged(row, ROUNDED_BY_ORDER) == published, row["row_id"]


def test_real_fills_are_charged_as_they_were(rows: dict[str, list[Row]]) -> None:
    fills = rows["observed_fill"]

    assert len(fills) == 5
    for row in fills:
        assert charged(row, TODAY) == cash_from_text(row["published_fee_usd"]), row["row_id"]


def test_a_brokers_customer_is_charged_as_in_the_venues_example(
    rows: dict[str, list[Row]],
) -> None:
    (row,) = rows["docs_worked_example"]

    assert charged(row, TODAY, precision=NON_DIRECT) == cash_from_text(row["published_fee_usd"])


def test_makers_pay_by_the_published_range(rows: dict[str, list[Row]]) -> None:
    found = [row for row in rows["published_range_endpoint"] if row["role"] == "maker"]

    assert found
    for row in found:
        published = cash_from_text(row["published_fee_usd"])
        assert charged(row, ROUNDED_BY_ORDER) == published, row["row_id"]
