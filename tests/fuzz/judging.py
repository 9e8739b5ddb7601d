"""The one property: a sound value or an error of ours, whatever the bytes.

An error is sound when it is a ``KalshiAlphaError`` that says something to a person. A value is
sound when nothing in it is outside the domain of its kind: times aware and of this century, prices
within a dollar, sizes not below nothing, floats finite, ids that are there.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from kalshi_alpha.errors import KalshiAlphaError
from kalshi_alpha.markets.units import PRICE_UNIT

_FIRST, _LAST = 2000, 2199
_LONGEST = 4_000  # characters: an error goes into a log line
PRICES = frozenset({"price"})
SIZES = frozenset({"size", "initial_size", "filled_size", "remaining_size", "reduced_by"})
IDS = frozenset({"order_id", "ticker", "fill_id", "trade_id"})


def judged(call: Callable[[], Any], *, blank_ids: bool = False) -> Any:
    """Return what ``call`` returns, once it was found sound; None when it raised a sound error."""
    try:
        value = call()
    except KalshiAlphaError as error:
        sentence(error)
        return None
    sound(value, blank_ids=blank_ids)
    return value


def sentence(error: KalshiAlphaError) -> None:
    """Assert that an error is a short text of several words that can be printed."""
    said = str(error)
    assert len(said.split()) >= 3, f"no sentence: {said!r}"
    assert len(said) <= _LONGEST, f"a sentence of {len(said)} characters"
    said.encode("utf-8", "backslashreplace")


def sound(value: Any, *, name: str = "", blank_ids: bool = False) -> None:
    """Assert that nothing in ``value`` is outside its domain."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            sound(getattr(value, field.name), name=field.name, blank_ids=blank_ids)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            sound(inner, name=str(key), blank_ids=blank_ids)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            sound(inner, name=name, blank_ids=blank_ids)
    else:
        _sound_alone(value, name, blank_ids=blank_ids)


def _sound_alone(value: Any, name: str, *, blank_ids: bool) -> None:
    if isinstance(value, datetime):
        assert value.utcoffset() == timedelta(0), f"{name} is {value!r}, not in UTC"
        assert _FIRST <= value.year <= _LAST, f"{name} is {value!r}"
    elif isinstance(value, float):
        assert math.isfinite(value), f"{name} is {value}"
    elif isinstance(value, int) and not isinstance(value, bool):
        _whole(name, value)
    elif isinstance(value, str) and not isinstance(value, Enum) and name in IDS and not blank_ids:
        assert value not in {"", "None", "null"}, f"{name} is {value!r}"


def _whole(name: str, value: int) -> None:
    assert abs(value) < 10**24, f"{name} is {value:e}"
    if name in PRICES:
        assert 0 <= value <= PRICE_UNIT, f"{name} is {value}"
    if name in SIZES:
        assert value >= 0, f"{name} is {value}"
