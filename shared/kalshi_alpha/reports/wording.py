"""How numbers are written for a person."""

from __future__ import annotations

from datetime import datetime

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.markets.units import CASH_UNIT, CENT, SIZE_UNIT

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"


def cents(price: int | None) -> str:
    """Write a price in cents, such as ``55¢`` or ``55.5¢``; a dash for None."""
    return NOTHING if price is None else f"{price / CENT:g}\N{CENT SIGN}"


def contracts(size: int) -> str:
    """Write a size in contracts, such as ``1`` or ``0.25``."""
    return f"{size / SIZE_UNIT:g}"


def count(n: int, what: str) -> str:
    """Write a number of things, such as ``1 window`` or ``3 windows``."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def resting(left: int) -> str:
    """Write how many orders rested after a pull; a dash where no pull ran."""
    return NOTHING if left < 0 else f"{left}"


def signed_dollars(amount: float | None) -> str:
    """Write dollars with their sign, such as ``+$0.45``; a dash for None."""
    if amount is None:
        return NOTHING
    shown = f"${abs(amount):,.2f}"
    return f"+{shown}" if round(amount, 2) > 0 else f"{MINUS * (round(amount, 2) < 0)}{shown}"


def signed_cash(cash: int | None) -> str:
    """Write cash units as signed dollars; a dash for None."""
    return signed_dollars(None if cash is None else cash / CASH_UNIT)


def ev_cents(ev: float) -> str:
    """Write dollars a contract in cents, such as ``+6.2¢``."""
    value = ev * 100
    return f"{'+' if value >= 0 else MINUS}{abs(value):.1f}\N{CENT SIGN}"


def percent(probability: float) -> str:
    """Write a probability, such as ``48.2%``."""
    return f"{probability * 100:.1f}%"


def relative(at_s: float | None) -> str:
    """Write a time relative to the fixing, such as ``T-1.73 s``; a dash for None."""
    if at_s is None:
        return NOTHING
    shown = f"{abs(at_s):.2f}".rstrip("0").rstrip(".")
    return f"T{'+' if at_s > 0 else MINUS}{shown} s"


def milliseconds(at_ms: float) -> str:
    """Write signed milliseconds, such as ``-214 ms``."""
    return f"{'+' if at_ms > 0 else MINUS * (round(at_ms) < 0)}{abs(at_ms):.0f} ms"


def points(value: float | None) -> str:
    """Write index points with two decimals; a dash for None."""
    return NOTHING if value is None else f"{value:,.2f}"


def signed_points(value: float | None) -> str:
    """Write a difference of index points with its sign; a dash for None."""
    if value is None:
        return NOTHING
    return f"{'+' if value >= 0 else MINUS}{abs(value):.2f}"


def new_york(instant: datetime) -> str:
    """Write an instant in New York, such as ``Tuesday 4 November 2025, 12:00:00 EST``."""
    there = instant.astimezone(NEW_YORK)
    return f"{there:%A} {there.day} {there:%B %Y, %H:%M:%S %Z}"


def cell(text: str) -> str:
    """Escape text for a cell of a Markdown table."""
    flat = " ".join(text.split())
    return flat.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
