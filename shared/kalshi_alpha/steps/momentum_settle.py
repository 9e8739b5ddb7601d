"""What a climate day of momentum came to, once its markets are decided; safe to repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from kalshi_alpha.clock import from_iso
from kalshi_alpha.cloud.table import StoreError
from kalshi_alpha.errors import DataError, KalshiAlphaError
from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.markets.orders import Fill, Settlement
from kalshi_alpha.markets.temperature import Stretch, event_of, stretches
from kalshi_alpha.markets.units import PRICE_UNIT, cash_text, price_from_text, size_text
from kalshi_alpha.momentum.settled import LOOKS_BACK, Settled, SettledDay, settled_key
from kalshi_alpha.steps.exposure import cool_off_after, payout, settle_up
from kalshi_alpha.steps.momentum_runtime import MomentumRuntime
from kalshi_alpha.steps.orders import Orders
from kalshi_alpha.trading.arming import Broker
from kalshi_alpha.trading.lifecycle import ENDED


def settle_day(runtime: MomentumRuntime, series: str, day: ClimateDay) -> SettledDay | None:
    """Close the books of a day's stretches, then keep what it came to beside its records.

    The ledger comes first: an artifact that cannot be written leaves the day paid and counted, and
    whoever settles it again writes it.

    Returns:
        the day, None while not every market is decided.

    Raises:
        VenueError, DataError, StoreError: when the venue or the tables cannot be read, or what the
            ledger has cannot be kept.
    """
    event = event_of(series, day.date)
    markets = runtime.reader.markets(event)
    values = {str(m.get("ticker")): _yes_value(m) for m in markets}
    known = {ticker: value for ticker, value in values.items() if value is not None}
    if not markets or len(known) < len(values):
        return None
    closes = from_iso(str(markets[0].get("close_time")))
    begun = [
        (stretch, record)
        for stretch in stretches(runtime.temperatures, series, day, closes)
        if (record := runtime.state.window(stretch.window_id)) is not None
    ]
    found: list[Settled] = []
    said: list[str] = []
    verified = True
    for stretch, _ in begun:
        found += _close(runtime, series, stretch, known)
        docs = [one for one in runtime.ledger.orders(stretch.window_id) if "ticker" in one]
        verified = verified and not any(map(_open, docs))
        said += _differences(docs, runtime.ledger.fills(stretch.window_id))
    sources = [runtime.source_of(record) for _, record in begun]
    live = Broker.LIVE.value
    settled = SettledDay(
        event=event,
        day=day.date,
        # A day on which anything was live is one, whatever the broker was before or after.
        source=live if live in sources else [*sources, runtime.source_of(None)][0],
        begins=day.start,
        closes=closes,
        values=known,
        degrees=next((str(m.get("expiration_value") or "") for m in markets), ""),
        fills=tuple(sorted(found, key=lambda one: (one.fill.at, one.fill.fill_id))),
        verified=verified,
        differences=tuple(said),
    )
    _keep(runtime, settled)
    return settled


def settle_before(
    runtime: MomentumRuntime, group: str, day: ClimateDay, tell: Callable[[str], object]
) -> None:
    """Close the books of the last days of a city group, as far as the venue has decided them."""
    for series in runtime.temperatures.series_of(group):
        for back in range(LOOKS_BACK, 0, -1):
            before = ClimateDay(day.date - timedelta(days=back), day.offset)
            try:
                found = settle_day(runtime, series, before)
            except KalshiAlphaError as error:
                tell(f"{series} on {before.date} is not closed yet: {error}")
                continue
            if found is not None and found.fills:
                tell(f"{found.event}: settled on {found.degrees}: ${cash_text(found.result)}")


def _close(
    runtime: MomentumRuntime, series: str, stretch: Stretch, values: Mapping[str, int]
) -> list[Settled]:
    """Close one stretch's books and return its fills with what became of them."""
    if any(_open(doc) for doc in runtime.ledger.orders(stretch.window_id) if "ticker" in doc):
        # Whoever placed it died before it heard the end: the venue is asked once more.
        Orders(runtime, stretch).load().observe(runtime.viewer, every_fill=True)
    fills = runtime.ledger.fills(stretch.window_id)
    settle_up(runtime, stretch, closed=True, yes_values=values)
    mine = [
        Settled(stretch.window_id, fill, fill.cash + payout(fill, values[fill.ticker]))
        for fill in fills
    ]
    for ticker in sorted({fill.ticker for fill in fills}):
        paid = sum(payout(fill, values[ticker]) for fill in fills if fill.ticker == ticker)
        word = "yes" if values[ticker] == PRICE_UNIT else "no"
        at = runtime.clock.now()
        runtime.ledger.record_settlement(stretch.window_id, Settlement(ticker, word, paid, 0, at))
    total = sum(one.result for one in mine)
    runtime.ledger.record_result(stretch.day, stretch.window_id, {series: total})
    cool_off_after(runtime, stretch)
    return mine


def _keep(runtime: MomentumRuntime, settled: SettledDay) -> None:
    key = settled_key(settled.event)
    try:
        runtime.artifacts.write(key, settled.to_bytes())
    except (StoreError, OSError) as error:
        raise StoreError(
            f"the ledger has {settled.event} settled, and {key} could not be written, which the "
            f"next process tries again: {error}"
        ) from error


def _open(order: Mapping[str, Any]) -> bool:
    """Say whether nobody has heard the end of an order yet."""
    return str(order["status"]) not in {state.value for state in ENDED}


def _differences(orders: Sequence[Mapping[str, Any]], fills: Sequence[Fill]) -> Iterator[str]:
    """Yield what of a stretch's orders the venue's lists and the ledger do not tell alike."""
    for doc in orders:
        name = doc["client_order_id"]
        if doc.get("contradiction"):
            yield f"{name}: {doc['contradiction']}"
        listed = sum(fill.size for fill in fills if fill.order_id == doc.get("order_id", ""))
        told = int(doc.get("filled_size", 0))
        if listed != told:
            yield (
                f"{name} has {size_text(told)} contracts filled, and the fills listed of it come "
                f"to {size_text(listed)}"
            )


def _yes_value(market: Mapping[str, object]) -> int | None:
    """Return what one YES paid: a dollar, nothing, or a fair price; None while it is open."""
    result = market.get("result")
    if result == "yes":
        return PRICE_UNIT
    if result == "no":
        return 0
    if result == "scalar":
        return price_from_text(str(market.get("settlement_value_dollars")))
    if result:
        raise DataError(f"{market.get('ticker')} has the result {str(result)[:40]!r}")
    return None
