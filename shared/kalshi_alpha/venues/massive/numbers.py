"""The vendor's numbers: an index level and a Unix time, or a ``ValueError``."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

_YEARS = range(2000, 2200)


def number(value: Any) -> float:
    """Return a finite number; a text, a truth value and nothing are none."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"{str(value)[:40]!r} is no number")
    return float(value)


def positive(value: Any) -> float:
    """Return a level of an index: a number above 0."""
    found = number(value)
    if found <= 0:
        raise ValueError(f"{found!r} is no level of an index")
    return found


def from_unix(value: Any, per_second: int) -> datetime:
    """Return the instant of a whole Unix time that counts ``per_second`` units a second."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"{str(value)[:40]!r} is no Unix time")  # noqa: TRY004 - as above
    try:
        found = datetime.fromtimestamp(int(value) / per_second, UTC)
    except (OverflowError, OSError):
        raise ValueError(f"the Unix time {value!r} is outside the calendar") from None
    if found.year not in _YEARS:
        raise ValueError(f"the Unix time {value!r} is in the year {found.year}")
    return found
