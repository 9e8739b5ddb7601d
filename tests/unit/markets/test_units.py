"""Money and sizes: exact integers inside, decimal text at the wire."""

from __future__ import annotations

import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.units import (
    cash_from_text,
    cash_text,
    dollars,
    price_from_text,
    price_text,
    size_from_text,
    size_text,
)


@pytest.mark.parametrize(
    ("text", "price", "written"),
    [
        ("0.55", 5500, "0.5500"),
        ("1", 10_000, "1.0000"),
        ("0.0001", 1, "0.0001"),
        ("0", 0, "0.0000"),
    ],
)
def test_a_price_is_in_ten_thousandths(text: str, price: int, written: str) -> None:
    assert price_from_text(text) == price
    assert price_text(price) == written


@pytest.mark.parametrize(
    ("text", "size", "written"),
    [("57.51", 5751, "57.51"), ("-3", -300, "-3.00"), ("0.01", 1, "0.01")],
)
def test_a_size_is_in_hundredths_and_a_position_may_be_negative(
    text: str, size: int, written: str
) -> None:
    assert size_from_text(text) == size
    assert size_text(size) == written


def test_cash_is_in_millionths() -> None:
    assert cash_from_text("1.017500") == 1_017_500
    assert cash_text(-17_500) == "-0.017500"
    assert dollars(1_500_000) == 1.5


@pytest.mark.parametrize(
    "text", ["0.00005", "0.55555", "nan", "inf", "-Infinity", "", "a", "1e999999"]
)
def test_what_is_off_the_grid_or_no_number_is_refused(text: str) -> None:
    with pytest.raises(DataError):
        price_from_text(text)


@pytest.mark.parametrize("value", [None, 0.55, [], {}])
def test_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(DataError):
        price_from_text(value)  # type: ignore[arg-type]
