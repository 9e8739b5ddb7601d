"""The heartbeat item: what the sentry writes each second and every other step reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from kalshi_alpha.clock import from_iso, iso
from kalshi_alpha.errors import StaleDataError
from kalshi_alpha.pricing.reading import Reading, Realised


def to_item(reading: Reading, written_at: datetime, *, delayed: bool = False) -> dict[str, Any]:
    """Return the JSON-ready heartbeat of a reading."""
    return {
        "symbol": reading.symbol,
        "value": reading.value,
        "as_of": iso(reading.as_of),
        "lag_s": round(reading.lag_s, 4),
        "silence_s": round(reading.silence_s, 4),
        "realised": asdict(reading.realised),
        "written_at": iso(written_at),
        "delayed": delayed,
    }


def from_item(symbol: str, item: Mapping[str, Any] | None) -> Reading:
    """Return the reading in a heartbeat item; raise ``StaleDataError`` when there is none."""
    if item is None:
        raise StaleDataError(
            f"there is no heartbeat of {symbol}: the sentry has not started or cannot write"
        )
    return Reading(
        symbol=symbol,
        value=float(item["value"]),
        as_of=from_iso(item["as_of"]),
        lag_s=float(item["lag_s"]),
        silence_s=float(item["silence_s"]),
        realised=Realised(**item["realised"]),
    )


def age_seconds(item: Mapping[str, Any], now: datetime) -> float:
    """Return how long ago the item was written, in seconds."""
    return (now - from_iso(item["written_at"])).total_seconds()
