"""Fees: the venue's printed and charged figures, its rounding by date, and what is refused."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from kalshi_alpha.errors import ContractError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import cash_from_text, price_from_text, size_from_text
from kalshi_alpha.pricing.fees import (
    DIRECT,
    FEE_REGIMES,
    NON_DIRECT,
    FeeAccumulator,
    display_fee,
    fee_regime_on,
    fee_terms,
    maker_fee,
    series_terms_at,
    taker_fee,
)

FREE_MAKER = fee_terms("quadratic", 1)
PAID_MAKER = fee_terms("quadratic_with_maker_fees", 1)


def single(terms, price, size, precision, *, taker=True):
    return FeeAccumulator(terms, precision).fill(Side.BID, price, size, is_taker=taker)


@pytest.mark.parametrize(
    ("price", "size", "direct", "non_direct", "shown"),
    [
        ("0.50", "100", "1.7500", "1.75", "1.75"),
        ("0.45", "100", "1.7325", "1.74", "1.74"),
        ("0.50", "1", "0.0175", "0.02", "0.02"),
        ("0.427", "1", "0.0172", "0.023", "0.02"),
        ("0.45", "3", "0.0520", "0.06", "0.06"),
        ("0.055", "1", "0.0037", "0.005", "0.01"),
        ("0.01", "1", "0.0007", "0.01", "0.01"),
    ],
)
def test_a_taker_pays_the_published_fee(price, size, direct, non_direct, shown):
    units, count = price_from_text(price), size_from_text(size)

    assert taker_fee(FREE_MAKER, units, count) == cash_from_text(direct)
    assert single(FREE_MAKER, units, count, NON_DIRECT) == cash_from_text(non_direct)
    assert display_fee(FREE_MAKER, units, count, is_taker=True) == cash_from_text(shown)


def test_a_maker_pays_a_quarter_where_makers_pay():
    assert maker_fee(PAID_MAKER, 5_000, 10_000) == 437_500
    assert single(PAID_MAKER, 5_000, 10_000, NON_DIRECT, taker=False) == 440_000


def test_a_maker_pays_half_on_combos():
    assert maker_fee(fee_terms("quadratic_with_combo_maker_fees", 1), 5_000, 10_000) == 875_000


def test_an_index_maker_pays_exactly_nothing():
    assert all(maker_fee(FREE_MAKER, 100 * cents, 137) == 0 for cents in range(1, 100))


def test_a_free_maker_still_pays_rounding_on_finer_grids():
    # 0.055 x 0.57 = 0.03135: half a precision unit is left over, whichever way the cash goes.
    assert maker_fee(FREE_MAKER, 550, 57) == 50
    assert maker_fee(FREE_MAKER, 550, 57, Side.ASK) == 50


def test_the_multiplier_scales_the_fee():
    half = fee_terms("quadratic", "0.5")

    assert taker_fee(half, 5_000, 10_000) == 875_000


@pytest.mark.parametrize("fee_type", ["flat", "", "Quadratic", "quadratic_v2", "None"])
def test_an_unknown_fee_type_is_refused(fee_type):
    with pytest.raises(ContractError, match="is unknown"):
        fee_terms(fee_type, 1)


@pytest.mark.parametrize("multiplier", ["-1", "nan", "inf", "one", "", "None"])
def test_a_multiplier_that_is_no_factor_is_refused(multiplier):
    with pytest.raises(ContractError, match="multiplier"):
        fee_terms("quadratic", multiplier)


@pytest.mark.parametrize(("price", "size"), [(-1, 100), (10_001, 100), (5_000, 0), (5_000, -1)])
def test_a_malformed_fill_has_no_fee(price, size):
    with pytest.raises(ContractError, match="malformed"):
        FeeAccumulator(FREE_MAKER).fill(Side.BID, price, size, is_taker=True)


@pytest.mark.parametrize(
    ("revenue", "trade_fee", "nets"),
    [
        (-55_000, 8_500, [15_000, 5_000, 15_000]),
        (-150_000, 4_100, [10_000, 0, 10_000]),
    ],
)
def test_the_venues_own_worked_orders_are_reproduced(revenue, trade_fee, nets):
    # Its pages of 2026 show three fills of 1 at 0.055 and three of 0.30 at 0.50.
    order = FeeAccumulator(FREE_MAKER, NON_DIRECT, fee_regime_on(date(2026, 7, 14)))

    assert [order._rounded(revenue, trade_fee) for _ in range(3)] == nets


def test_fills_cheaper_than_a_unit_are_paid_nothing_back():
    order = FeeAccumulator(FREE_MAKER, NON_DIRECT)

    # Each leaves 0.001361 of rounding (0.055 + 0.003639 up to 0.06) and costs half a cent.
    assert [order.fill(Side.BID, 550, 100, is_taker=True) for _ in range(9)] == [5_000] * 9
    assert order.charged == 45_000


def test_a_whole_unit_of_rounding_comes_back():
    order = FeeAccumulator(FREE_MAKER, DIRECT)

    fills = [order.fill(Side.BID, 4_270, 100, is_taker=True) for _ in range(2)]

    # 0.017127 up to 0.0172 leaves 0.000073; twice that holds one unit of 0.0001.
    assert fills == [17_200, 17_100]


def test_maker_and_taker_fills_of_one_order_share_the_accumulator():
    order = FeeAccumulator(PAID_MAKER, DIRECT)

    taken = order.fill(Side.BID, 4_270, 100, is_taker=True)
    made = order.fill(Side.BID, 4_270, 100, is_taker=False)

    # 0.00428175 up to 0.0043 leaves 0.000018, which with 0.000073 is not yet a unit.
    assert (taken, made) == (17_200, 4_300)


@pytest.mark.parametrize(
    ("day", "since"),
    [
        (date(2025, 11, 4), date.min),
        (date(2026, 3, 31), date.min),
        (date(2026, 4, 1), date(2026, 4, 1)),
        (date(2026, 8, 31), date(2026, 4, 1)),
        (date(2026, 9, 1), date(2026, 9, 1)),
        (date(2027, 1, 1), date(2026, 9, 1)),
    ],
)
def test_each_day_has_its_rounding_rule(day, since):
    assert fee_regime_on(day).since == since


def test_every_rounding_rule_names_its_source():
    assert [bool(regime.source) for regime in FEE_REGIMES] == [True, True, True]


def test_in_2025_an_order_was_rounded_up_to_the_cent_once():
    order = FeeAccumulator(FREE_MAKER, regime=fee_regime_on(date(2025, 11, 4)))

    fills = [order.fill(Side.BID, 5_000, 100, is_taker=True) for _ in range(4)]

    # 1.75, 3.5, 5.25 and 7 cents in all, rounded up each time.
    assert fills == [20_000, 20_000, 20_000, 10_000]


def test_in_the_summer_of_2026_rebates_came_in_whole_cents():
    regime = fee_regime_on(date(2026, 7, 14))
    order = FeeAccumulator(FREE_MAKER, NON_DIRECT, regime)

    fills = [order.fill(Side.BID, 550, 100, is_taker=True) for _ in range(8)]

    # 0.00363825 up to 0.0037; 0.055 + 0.0037 up to 0.06 leaves 0.0013, and eight of those a cent,
    # which the eighth fill's own fee of half a cent is too small to give back.
    assert fills == [5_000] * 8
    assert FeeAccumulator(FREE_MAKER, DIRECT, regime).fill(
        Side.BID, 4_270, 100, is_taker=True
    ) == cash_from_text("0.0172")


@pytest.mark.parametrize("series", ["KXINX", "KXINXU", "KXNASDAQ100", "KXNASDAQ100U"])
def test_the_index_series_paid_half_until_july_2026(series):
    before = series_terms_at(series, datetime(2026, 7, 3, 16, 59, 59, tzinfo=UTC))
    since = series_terms_at(series, datetime(2026, 7, 3, 17, tzinfo=UTC))

    assert before.multiplier == Decimal("0.5")
    assert since.multiplier == Decimal(1)
    assert before.fee_type == since.fee_type == "quadratic"


def test_the_history_of_another_series_is_not_made_up():
    with pytest.raises(ContractError, match="KXGDP"):
        series_terms_at("KXGDP", datetime(2026, 7, 3, 17, tzinfo=UTC))


@pytest.mark.shared_data
def test_every_recorded_fee_row_is_reproduced(shared_data):
    with (shared_data.parent / "kalshi" / "fee_rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 54

    for row in rows:
        maker = row["role"] == "maker"
        base = Decimal("0.0175") if maker else Decimal("0.07")
        multiplier = Decimal(row["base_rate"]) / base * Decimal(row["multiplier"])
        terms = fee_terms("quadratic_with_maker_fees" if maker else "quadratic", multiplier)
        price, size = price_from_text(row["price"]), size_from_text(row["contracts"])
        model = terms.model_fee(price, size, is_taker=not maker)
        net = {
            precision: single(terms, price, size, precision, taker=not maker)
            for precision in (DIRECT, NON_DIRECT)
        }
        shown = display_fee(terms, price, size, is_taker=not maker)

        assert model == Decimal(row["model_fee_usd_computed"]) * 1_000_000, row["row_id"]
        assert -(-model // 1) == cash_from_text(row["trade_fee_ceil_1e6_computed"]), row["row_id"]
        assert net[DIRECT] == cash_from_text(row["net_fee_direct_member_computed"]), row["row_id"]
        assert net[NON_DIRECT] == cash_from_text(row["net_fee_non_direct_computed"]), row["row_id"]
        assert shown == cash_from_text(row["ceil_cent_computed"]), row["row_id"]
        published = cash_from_text(row["published_fee_usd"])
        assert published in (shown, net[DIRECT], net[NON_DIRECT]), row["row_id"]
