"""Money and sizes as integers, and their text at the wire.

========  ==========================  =======================
quantity  integer unit                wire text
========  ==========================  =======================
price     1/10000 dollar, 0..10000    ``"0.5500"``
size      1/100 contract, >= 0        ``"1.00"``
cash      1/1000000 dollar, signed    ``"0.017500"``
========  ==========================  =======================

A price times a size is exactly one cash unit, so no product is ever rounded.
"""

from __future__ import annotations

import re

from kalshi_alpha.errors import DataError

PRICE_UNIT = 10_000  # one dollar in price units
SIZE_UNIT = 100  # one contract in size units
CASH_UNIT = 1_000_000  # one dollar in cash units
CENT = 100  # one cent in price units

# Plain digits only: no exponent, underscore or other alphabet, and never so many of them that a
# number could not be an amount of money.
_DECIMAL = re.compile(r"([-+]?)([0-9]{1,15})(?:\.([0-9]{0,12}))?", re.ASCII)


def price_from_text(text: str) -> int:
    """Parse dollars such as ``"0.55"`` into 1/10000 dollar; raise ``DataError`` off that grid."""
    return _scaled(text, PRICE_UNIT, "price")


def size_from_text(text: str) -> int:
    """Parse contracts such as ``"57.51"`` into 1/100 contract (may be negative: a position)."""
    return _scaled(text, SIZE_UNIT, "size")


def cash_from_text(text: str) -> int:
    """Parse dollars such as ``"1.017500"`` into 1/1000000 dollar."""
    return _scaled(text, CASH_UNIT, "amount")


def price_text(price: int) -> str:
    """Write a price in dollars with four decimals."""
    return _written(price, PRICE_UNIT, 4)


def size_text(size: int) -> str:
    """Write a size in contracts with two decimals."""
    return _written(size, SIZE_UNIT, 2)


def cash_text(cash: int) -> str:
    """Write an amount in dollars with six decimals."""
    return _written(cash, CASH_UNIT, 6)


def dollars(cash: int) -> float:
    """Return an amount in dollars for display; never feed it back into the books."""
    return cash / CASH_UNIT


def _scaled(text: str, unit: int, what: str) -> int:
    found = _DECIMAL.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise DataError(f"the {what} {repr(text)[:40]} is not a decimal number as 0.5500")
    sign, whole, part = found.groups(default="")
    scale: int = 10 ** len(part)
    value, rest = divmod(int(whole + part) * unit, scale)
    if rest:
        raise DataError(f"the {what} {text!r} is not a whole multiple of 1/{unit}")
    return -value if sign == "-" else value


def _written(value: int, unit: int, decimals: int) -> str:
    sign = "-" if value < 0 else ""
    whole, part = divmod(abs(value), unit)
    return f"{sign}{whole}.{part:0{decimals}d}"
