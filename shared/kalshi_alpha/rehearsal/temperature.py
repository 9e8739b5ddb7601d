"""Rehearse a recorded temperature day: every trade of it, the whole process, on virtual time.

The twin's exchange lists the day's real brackets and prints every recorded trade; the momentum
process runs as it is deployed, with its socket, its paper broker, its ledger and its limits, in one
thread on a clock that jumps from one event to the next. No station is recorded for these days, so
the weather is what was known before: the season and an earlier high.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from kalshi_alpha.families.temperature_book import load_parameters
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.momentum.events import Looked
from kalshi_alpha.momentum.fitted import HORIZON_KEY, ODDS_KEY, POOL_KEY
from kalshi_alpha.momentum.settled import SettledDay
from kalshi_alpha.momentum.terms import StrategyTerms, load_terms
from kalshi_alpha.momentum.weather import looked
from kalshi_alpha.pricing.weather_reading import PastHigh, WeatherReading
from kalshi_alpha.rehearsal.campaign.loopback import Loopback
from kalshi_alpha.rehearsal.campaign.tables import MemoryTables
from kalshi_alpha.rehearsal.campaign.virtual import VirtualClock
from kalshi_alpha.rehearsal.exchange.server import ExchangeServer
from kalshi_alpha.rehearsal.exchange.temperatures import (
    DECIDED_AFTER,
    list_temperatures,
    temperature_terms,
)
from kalshi_alpha.rehearsal.recorded_temperature import (
    RecordedDay,
    RecordedTrade,
    shipped_horizon,
    shipped_odds,
    shipped_pool,
)
from kalshi_alpha.rehearsal.settling import SettlingLoop
from kalshi_alpha.rehearsal.shadow import LocalRuntime, VenueKey
from kalshi_alpha.rehearsal.tape_player import TapePlayer, last_by_market
from kalshi_alpha.steps.momentum import Aside, MomentumWatch
from kalshi_alpha.steps.momentum_event import MomentumEvent
from kalshi_alpha.steps.momentum_settle import settle_day
from kalshi_alpha.steps.runtime import Settings
from kalshi_alpha.trading.arming import Broker

LABELS = {
    "brackets, trades and results": "recorded",
    "resting quotes of others": "simulated: one maker beside the last trades",
    "weather": "recorded highs of days before; no observation of the day, and no forecast",
    "hazard of a new high": "by the clock: the share of past days whose high fell into the minutes",
    "weights of beliefs, minute ahead and fills": "fitted on days before, week by week",
    "our orders": "paper, placed a quarter of a second after what they answer",
    "our fills": "simulated on the recorded tape: only a trade through our price counts",
    "degree settled on": "simulated: the lower end of the bracket that was paid",
    "profit and loss": "no proof of anything: one day, and nobody saw our orders",
}
TRIP_S = 0.25  # virtual seconds from a decision to the venue, and for whatever else is waited for
_BEFORE = timedelta(minutes=2)
_AFTER = timedelta(minutes=10)
_TICK_S = 60.0

Progress = Callable[[datetime, MomentumEvent], object]


class _Exchange(ExchangeServer):
    """The exchange with its ticking on virtual time."""

    async def _tick(self) -> None:
        while True:
            self.engine.advance()
            await self.clock.wait(_TICK_S)


class TwinRuntime(LocalRuntime):
    """The process' runtime with the twin for a venue, answering in this thread."""

    def __init__(
        self,
        settings: Settings,
        clock: VirtualClock,
        exchange: ExchangeServer,
        folder: Path,
        tables: MemoryTables,
    ) -> None:
        self._exchange = exchange
        super().__init__(settings, clock, folder, VenueKey(exchange.key_id, exchange.pem), tables)

    def source_of(self, record: Mapping[str, Any] | None) -> str:
        """Return the twin: what is bought on paper from a recorded tape promotes nothing."""
        del record
        return Broker.TWIN.value

    def transport(self) -> httpx.BaseTransport:
        """Return the twin's own application instead of a network."""
        runner: Any = self._exchange._runner  # noqa: SLF001
        return httpx.MockTransport(Loopback(runner.app, asyncio.get_running_loop()).answer)


class RecordedSky:
    """The weather of a recorded day: an earlier high and the season, and the clock's own hazard."""

    def __init__(self, day: RecordedDay, terms: StrategyTerms) -> None:
        self._day, self._minutes = day, terms.lean.hazard_minutes
        self._station = load_stations().of(day.series)
        self._parameters = load_parameters(self._station.station, day.day)

    def look(self, event: MomentumEvent, now: datetime) -> Looked | None:
        """Return what is known now."""
        past = None if self._day.past is None else PastHigh(*self._day.past)
        reading = WeatherReading(self._station.station, event.day, now, past=past)
        return looked(
            reading,
            self._parameters,
            now,
            event.brackets.payoffs,
            minutes=self._minutes,
            by_the_clock=True,
        )


@dataclass(slots=True)
class TemperatureResult:
    """What a rehearsed day left.

    Attributes:
        day: as recorded.
        seed: of the twin's own names.
        event: of the process, with its strategy as it ended.
        settled: what the day came to.
        told: sentences for the operator, with their times.
        played: trades that were printed.
        frames: that the process heard.
        ended: the virtual time at which it was over; None before.
        terms: of the strategy.
    """

    day: RecordedDay
    seed: int
    terms: StrategyTerms
    event: MomentumEvent | None = None
    settled: SettledDay | None = None
    told: list[tuple[datetime, str]] = field(default_factory=list)
    played: int = 0
    frames: int = 0
    ended: datetime | None = None
    orders: list[dict[str, Any]] = field(default_factory=list)


class TemperatureRehearsal:
    """One rehearsed climate day.

    Args:
        day: as recorded.
        folder: receives the artifacts the process writes.
        seed: of the twin's names.
        terms: of the strategy, by default the shipped ones.
        shadow: whether the process only decides and records.
        progress: told the time of the first trade of each hour.
        begins: when the process starts; by default two minutes before the climate day.
        until: when it is told to stop; by default it ends with trading, and the day is settled.
        tables: of an earlier process of the same day, to go on from.
        happens: given runtime and exchange before the process starts, to plan what goes wrong.
    """

    def __init__(
        self,
        day: RecordedDay,
        folder: Path,
        *,
        seed: int,
        terms: StrategyTerms | None = None,
        shadow: bool = False,
        progress: Callable[[datetime], object] = lambda _: None,
        begins: datetime | None = None,
        until: datetime | None = None,
        happens: Callable[[TwinRuntime, ExchangeServer], None] | None = None,
        tables: MemoryTables | None = None,
    ) -> None:
        self._day, self._folder, self._seed = day, folder, seed
        self._terms = terms or load_terms()
        self._shadow, self._progress = shadow, progress
        self._until, self._happens = until, happens
        self._tables = MemoryTables() if tables is None else tables
        self._station = load_stations().of(day.series)
        self._begins = begins or self._station.day(day.day).start - _BEFORE

    def run(self) -> TemperatureResult:
        """Play the day and return what it left."""
        clock = VirtualClock(self._begins)
        loop = SettlingLoop(clock)
        asyncio.set_event_loop(loop)
        try:
            return loop.run_until_complete(self._play(clock))
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    async def _play(self, clock: VirtualClock) -> TemperatureResult:
        result = TemperatureResult(self._day, self._seed, self._terms)
        exchange = _Exchange(
            clock,
            path_value=lambda _symbol, _at: float(self._day.settled),
            seed=self._seed,
            crowd=False,
            key_kind="ed25519",
            maintenance=False,
        )
        for market in list_temperatures(self._day):
            exchange.engine.list_market(market)
        exchange.engine.override_fees(self._day.event, temperature_terms())
        await exchange.start(0)
        try:
            await self._traded(clock, exchange, result)
        finally:
            await exchange.stop()
        return result

    async def _traded(
        self, clock: VirtualClock, exchange: _Exchange, result: TemperatureResult
    ) -> None:
        runtime = self._runtime(clock, exchange)
        trades = list(self._day.trades())
        runtime.artifacts.write(POOL_KEY, shipped_pool())
        runtime.artifacts.write(HORIZON_KEY, shipped_horizon())
        runtime.artifacts.write(ODDS_KEY, shipped_odds())
        begins = clock.now()
        player = TapePlayer(exchange.engine)
        for trade in last_by_market(t for t in trades if t.at <= begins):
            player.rest(trade)
        day = self._station.day(self._day.day)
        watch = MomentumWatch(
            runtime,
            runtime.temperatures.group_of(self._day.series),
            day,
            self._terms,
            RecordedSky(self._day, self._terms),
            tell=lambda said: result.told.append((clock.now(), said)),
            shadow=self._shadow,
            aside=self._trip(clock),
        )
        playing = asyncio.create_task(
            self._tape(clock, player, [t for t in trades if t.at > begins])
        )
        if self._happens is not None:
            self._happens(runtime, exchange)
        try:
            until = self._until
            await watch.run(lambda: until is not None and clock.now() >= until)
        finally:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
        if playing.done() and not playing.cancelled() and (error := playing.exception()):
            raise error
        result.event = next(iter(watch.each), None)
        result.played, result.frames = player.played, watch.frames
        if until is None:
            paid = self._day.closes + DECIDED_AFTER + exchange.engine.settlement_delay + _AFTER
            await clock.wait((paid - clock.now()).total_seconds())
            exchange.engine.advance()
            result.settled = settle_day(runtime, self._day.series, day)
        result.orders, result.ended = self._orders(runtime, result), clock.now()
        runtime.close()

    @staticmethod
    def _trip(clock: VirtualClock) -> Aside:
        """Return how the process does what waits: it takes a while, as it would."""

        async def after_a_while(job: Callable[..., Any], *given: Any) -> Any:
            await clock.wait(TRIP_S)
            return job(*given)

        return after_a_while

    def _runtime(self, clock: VirtualClock, exchange: ExchangeServer) -> TwinRuntime:
        ready = exchange.ready()
        settings = Settings(
            state_table="state",
            ledger_table="ledger",
            artifacts=str(self._folder),
            venue_url=ready["rest"],
            venue_ws_url=ready["ws"],
            secret="twin",  # noqa: S106 - a name
        )
        return TwinRuntime(settings, clock, exchange, self._folder, self._tables)

    async def _tape(
        self, clock: VirtualClock, player: TapePlayer, trades: list[RecordedTrade]
    ) -> None:
        hour: tuple[date, int] | None = None
        for trade in trades:
            left = (trade.at - clock.now()).total_seconds()
            if left > 0:
                await clock.wait(left)
            player.play(trade)
            if hour != (trade.at.date(), trade.at.hour):
                hour = (trade.at.date(), trade.at.hour)
                self._progress(trade.at)

    @staticmethod
    def _orders(runtime: TwinRuntime, result: TemperatureResult) -> list[dict[str, Any]]:
        if result.event is None:
            return []
        return [
            {"window_id": stretch.window_id, **doc}
            for stretch in result.event.stretches
            for doc in runtime.ledger.orders(stretch.window_id)
            if "ticker" in doc
        ]
