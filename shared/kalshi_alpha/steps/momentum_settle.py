"""What a climate day of momentum came to, once its markets are decided; safe to repeat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from kalshi_alpha.clock import from_iso
from kalshi_alpha.errors import DataError, KalshiAlphaError
from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.markets.orders import Fill, Settlement
from kalshi_alpha.markets.temperature import event_of, stretches
from kalshi_alpha.markets.units import PRICE_UNIT, cash_text, price_from_text
from kalshi_alpha.steps.exposure import cool_off_after, payout, settle_up
from kalshi_alpha.steps.momentum_runtime import MomentumRuntime

_LOOKS_BACK = 3  # days: a report that is disputed is decided later


@dataclass(frozen=True, slots=True)
class Settled:
    """One fill and what became of it, in cash."""

    window_id: str
    fill: Fill
    yes_value: int

    @property
    def result(self) -> int:
        """Return what it won, or below 0 lost, after its fee."""
        return self.fill.cash + payout(self.fill, self.yes_value)


@dataclass(frozen=True, slots=True)
class SettledDay:
    """A day of one series.

    Attributes:
        event: its ticker.
        day: the climate day.
        values: what one YES of each market paid, in price units.
        degrees: what the venue says it settled on; empty when it does not.
        fills: with what became of them, in time.
    """

    event: str
    day: date
    values: Mapping[str, int]
    degrees: str
    fills: tuple[Settled, ...]

    @property
    def result(self) -> int:
        """Return what the day won, in cash."""
        return sum(one.result for one in self.fills)


def settle_day(runtime: MomentumRuntime, series: str, day: ClimateDay) -> SettledDay | None:
    """Close the books of a day's stretches; None while not every market is decided.

    Raises:
        VenueError, DataError, StoreError: when the venue or the tables cannot be read.
    """
    event = event_of(series, day.date)
    markets = runtime.reader.markets(event)
    values = {str(m.get("ticker")): _yes_value(m) for m in markets}
    known = {ticker: value for ticker, value in values.items() if value is not None}
    if not markets or len(known) < len(values):
        return None
    closes = from_iso(str(markets[0].get("close_time")))
    found: list[Settled] = []
    for stretch in stretches(runtime.temperatures, series, day, closes):
        if runtime.state.window(stretch.window_id) is None:
            continue
        fills = runtime.ledger.fills(stretch.window_id)
        settle_up(runtime, stretch, closed=True, yes_values=known)
        mine = [Settled(stretch.window_id, fill, known[fill.ticker]) for fill in fills]
        for ticker in sorted({fill.ticker for fill in fills}):
            paid = sum(payout(one.fill, one.yes_value) for one in mine if one.fill.ticker == ticker)
            word = "yes" if known[ticker] == PRICE_UNIT else "no"
            at = runtime.clock.now()
            runtime.ledger.record_settlement(
                stretch.window_id, Settlement(ticker, word, paid, 0, at)
            )
        total = sum(one.result for one in mine)
        runtime.ledger.record_result(day.date, stretch.window_id, {series: total})
        found += mine
        cool_off_after(runtime, stretch)
    found.sort(key=lambda one: (one.fill.at, one.fill.fill_id))
    degrees = next((str(m.get("expiration_value") or "") for m in markets), "")
    return SettledDay(event, day.date, known, degrees, tuple(found))


def settle_before(
    runtime: MomentumRuntime, group: str, day: ClimateDay, tell: Callable[[str], object]
) -> None:
    """Close the books of the last days of a city group, as far as the venue has decided them."""
    for series in runtime.temperatures.series_of(group):
        for back in range(_LOOKS_BACK, 0, -1):
            before = ClimateDay(day.date - timedelta(days=back), day.offset)
            try:
                found = settle_day(runtime, series, before)
            except KalshiAlphaError as error:
                tell(f"{series} on {before.date}: its books are not closed yet: {error}")
                continue
            if found is not None and found.fills:
                tell(f"{found.event}: settled on {found.degrees}: ${cash_text(found.result)}")


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
