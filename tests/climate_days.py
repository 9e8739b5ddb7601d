"""Climate days as a process leaves them, made by hand: lines, looks and the settled day."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Any

from kalshi_alpha.cloud.artifacts import ArtifactStore
from kalshi_alpha.markets.orders import Fill, Side
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.markets.temperature import event_of
from kalshi_alpha.momentum.settled import Settled, SettledDay, settled_key

DAY = date(2024, 12, 3)
NEW_YORK, MIAMI = "KXHIGHNY", "KXHIGHMIA"
MINUTES = 1439
HOURS_TO_NOON = 12


def noon(day: date = DAY, series: str = NEW_YORK) -> datetime:
    """Return twelve o'clock of a station's standard time."""
    return load_stations().of(series).day(day).start + timedelta(hours=HOURS_TO_NOON)


def brackets(day: date = DAY, series: str = NEW_YORK) -> tuple[str, str]:
    """Return the tickers of the bracket that won and of one that lost."""
    event = event_of(series, day)
    return f"{event}-B41.5", f"{event}-B39.5"


def a_fill(
    day: date = DAY,
    series: str = NEW_YORK,
    *,
    won: bool = True,
    price: int = 4500,
    number: int = 1,
    side: Side = Side.BID,
    order: str = "paper-1",
) -> Settled:
    """Return two contracts bought half a minute after noon, and what became of them."""
    ticker = brackets(day, series)[0 if won else 1]
    at = noon(day, series) + timedelta(seconds=30)
    fill = Fill(f"f-{day}-{number}", order, ticker, side, price, 200, False, 0, at)
    yes = 10_000 if won else 0
    paid = yes if side is Side.BID else 10_000 - yes
    return Settled(f"{day:%Y%m%d}-1300-temperature", fill, fill.cash + paid * fill.size)


def a_settled_day(
    day: date = DAY,
    series: str = NEW_YORK,
    *fills: Settled,
    source: str = "paper",
    **over: Any,
) -> SettledDay:
    """Return a day of two brackets that ends a minute before midnight."""
    begins = load_stations().of(series).day(day).start
    won, lost = brackets(day, series)
    fields = {
        "event": event_of(series, day), "day": day, "source": source, "begins": begins,
        "closes": begins + timedelta(minutes=MINUTES), "values": {won: 10_000, lost: 0},
        "degrees": "41", "fills": fills,
    }  # fmt: skip
    return SettledDay(**fields | over)


def leans(*fills: Settled, belief: float = 0.55, before_s: float = 20.0) -> list[dict[str, Any]]:
    """Return the quotes that explain fills, and a refusal."""
    rows = [
        {
            "at": one.fill.at.timestamp() - before_s, "action": "quote", "kind": "leader",
            "ticker": one.fill.ticker, "side": one.fill.side.value, "price": one.fill.price,
            "size": one.fill.size, "belief": belief, "mid": 0.5, "edge": 0.1, "hazard": 0.0,
            "heat": 1.0, "code": "", "reason": "",
        }
        for one in fills
    ]  # fmt: skip
    refused = {"action": "refuse", "code": "edge", "reason": "too little", "price": None}
    return rows + [row | refused for row in rows[:1]]


def looks(
    day: date = DAY,
    series: str = NEW_YORK,
    *,
    missing: Collection[int] = (),
    deaf: Collection[int] = (),
    belief: float = 0.5,
) -> list[dict[str, Any]]:
    """Return a look a minute at two brackets, a second into it.

    Args:
        day: the climate day.
        series: whose.
        missing: minutes in which no process ran.
        deaf: minutes in which not everything was heard.
        belief: of the bracket that wins.
    """
    begins = load_stations().of(series).day(day).start.timestamp()
    return [
        {
            "at": begins + 60.0 * minute + 1.0, "event": event_of(series, day), "ticker": ticker,
            "place": place, "belief": belief if place == 0 else 1.0 - belief, "mid": 0.5,
            "held": 0, "heard": minute not in deaf,
        }
        for minute in range(MINUTES)
        if minute not in missing
        for place, ticker in enumerate(brackets(day, series))
    ]  # fmt: skip


def leave(
    store: ArtifactStore,
    settled: SettledDay,
    decisions: Collection[dict[str, Any]] = (),
    seen: Collection[dict[str, Any]] = (),
    *,
    closed: bool = True,
) -> None:
    """Leave a day in a store as its process does; ``closed`` says whether its books are."""
    folder = f"momentum/{settled.event}"
    for kind, rows in (("leans", decisions), ("features", seen)):
        if rows:
            text = "".join(json.dumps(row) + "\n" for row in rows)
            store.write(f"{folder}/{kind}/1.jsonl", text.encode())
    if closed:
        store.write(settled_key(settled.event), settled.to_bytes())


def after(day: date, hours: float = 34.0) -> datetime:
    """Return an instant so many hours after a day's midnight in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hours)
