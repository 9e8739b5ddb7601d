"""The heartbeat item: what the sentry writes each second and every other step reads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, astuple, replace
from datetime import datetime
from typing import Any

from kalshi_alpha.clock import from_iso, iso
from kalshi_alpha.errors import StaleDataError
from kalshi_alpha.pricing.reading import Reading, Realised

_DAY = 24 * 60 + 1  # minutes


def to_item(
    reading: Reading,
    written_at: datetime,
    *,
    delayed: bool = False,
    clock_offset_s: float | None = None,
    books: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return the JSON-ready heartbeat of a reading.

    ``clock_offset_s`` is the least lag of the last minute, and ``books`` the top of each quoted
    market's book by ticker, in whole units.
    """
    return {
        "symbol": reading.symbol,
        "value": reading.value,
        "as_of": iso(reading.as_of),
        "lag_s": round(reading.lag_s, 4),
        "silence_s": round(reading.silence_s, 4),
        "realised": asdict(reading.realised),
        "written_at": iso(written_at),
        "delayed": delayed,
        "clock_offset_s": None if clock_offset_s is None else round(clock_offset_s, 4),
        "books": {ticker: dict(top) for ticker, top in (books or {}).items()},
    }


def from_item(symbol: str, item: Mapping[str, Any] | None) -> Reading:
    """Return the reading in a heartbeat item; raise ``StaleDataError`` when there is none.

    One that is garbled is none: what it says of the index cannot be trusted.
    """
    if item is None:
        raise StaleDataError(
            f"there is no heartbeat of {symbol}: the sentry has not started or cannot write"
        )
    try:
        reading = Reading(
            symbol=symbol,
            value=_number(item["value"]),
            as_of=from_iso(item["as_of"]),
            lag_s=number(item, "lag_s"),
            silence_s=number(item, "silence_s"),
            realised=_realised(item["realised"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _garbled(symbol, error) from None
    if reading.value <= 0:
        raise _garbled(symbol, ValueError(f"an index of {reading.value}"))
    return reading


def written_at(item: Mapping[str, Any]) -> datetime:
    """Return when the item was written; raise ``StaleDataError`` when it does not say."""
    try:
        return from_iso(item["written_at"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _garbled(str(item.get("symbol"))[:40], error) from None


def number(item: Mapping[str, Any], name: str) -> float:
    """Return a number of the item; raise ``StaleDataError`` when it holds none of that name."""
    try:
        return _number(item[name])
    except (KeyError, ValueError) as error:
        raise _garbled(str(item.get("symbol"))[:40], error) from None


def age_seconds(item: Mapping[str, Any], now: datetime) -> float:
    """Return how long ago the item was written, in seconds; raise as ``written_at`` does."""
    return (now - written_at(item)).total_seconds()


def _realised(fields: Mapping[str, Any]) -> Realised:
    found = Realised(**{name: _number(value) for name, value in fields.items()})  # type: ignore[arg-type]
    if found.minutes not in range(_DAY) or min(astuple(found)[:-1]) < 0:
        raise ValueError(f"variances of {found}")
    return replace(found, minutes=int(found.minutes))


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"{str(value)[:40]!r} where a number belongs")
    return float(value)


def _garbled(symbol: str, error: Exception) -> StaleDataError:
    return StaleDataError(f"the heartbeat of {symbol} cannot be read: {str(error)[:200]}")
