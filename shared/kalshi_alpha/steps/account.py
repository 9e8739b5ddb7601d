"""What the account looks like at the start of a window: shard, cash, positions, pauses.

What cannot be read is None or a sentence, and the gates refuse on either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kalshi_alpha.errors import DataError, VenueError
from kalshi_alpha.markets.pauses import announced_pause, weekly_pause
from kalshi_alpha.markets.units import CASH_UNIT, cash_from_text
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.trading.arming import Broker

# Index markets live on the first shard; each shard has its own cash and its own state.
SHARD = 0
# What the contract terms of the index series let one member hold, in cash.
POSITION_LIMIT = 7_000_000 * CASH_UNIT


@dataclass(frozen=True, slots=True)
class Account:
    """``held`` is the cash >= 0 that positions in the window's events can still lose."""

    balance: int | None
    held: int | None
    paused: str


def read_account(runtime: Runtime, window: Window, needed: int) -> Account:
    """Read the account; paper ties up no cash and holds nothing at the venue."""
    paused = pause_in(runtime, window)
    if runtime.broker is Broker.PAPER:
        return Account(needed, 0, paused)
    return Account(balance_on_shard(runtime), held_in(runtime, window), paused)


def shard_status(status: Mapping[str, Any]) -> tuple[bool | None, bool | None]:
    """Return whether the exchange and its trading are active on our shard, None where unsaid.

    The answer's own fields speak of the first shard; its list speaks of each, and must agree.
    """
    said = [status]
    shards = status.get("exchange_index_statuses")
    if isinstance(shards, list):
        said += [s for s in shards if isinstance(s, dict) and s.get("exchange_index") == SHARD]
    exchange, trading = (
        [s.get(name) for s in said] for name in ("exchange_active", "trading_active")
    )
    return _all_true(exchange), _all_true(trading)


def balance_on_shard(runtime: Runtime) -> int | None:
    """Return the cash on our shard; cash on another shard cannot be used here."""
    try:
        return runtime.reader.balance(SHARD)
    except (VenueError, DataError):
        return None


def held_in(runtime: Runtime, window: Window) -> int | None:
    """Return what our positions in the window's events can still lose, by the venue's books."""
    events = tuple(f"{window.event_ticker(series)}-" for series in window.series)
    try:
        positions = [
            p for p in runtime.reader.positions() if str(p.get("ticker")).startswith(events)
        ]
        return sum(abs(cash_from_text(str(p["market_exposure_dollars"]))) for p in positions)
    except (VenueError, DataError, KeyError):
        return None


def pause_in(runtime: Runtime, window: Window) -> str:
    """Say which pause of the exchange falls between preparation and fixing, or an empty text."""
    start, end = window.prep_at, window.fixing
    if known := weekly_pause(start, end):
        return known
    try:
        return announced_pause(runtime.reader.exchange_schedule(), start, end)
    except (VenueError, DataError) as error:
        return f"whether maintenance is announced cannot be read: {error}"


def _all_true(values: list[Any]) -> bool | None:
    if any(value is None for value in values):
        return None
    return all(value is True for value in values)
