"""The momentum process beside the real venue, on this machine, in shadow: it places nothing.

Listing, books, trades and weather are live; the tables live as long as this process, and no placer
is ever opened. What was decided lies in the folder as in any run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import httpx

from kalshi_alpha.clock import Clock
from kalshi_alpha.cloud.artifacts import ArtifactStore, FolderStore
from kalshi_alpha.cloud.exposure import ExposureStore
from kalshi_alpha.cloud.ledger import LedgerStore
from kalshi_alpha.cloud.state import StateStore
from kalshi_alpha.cloud.table import Table
from kalshi_alpha.markets.climate_day import climate_day
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.momentum.terms import load_terms
from kalshi_alpha.rehearsal.campaign.tables import MemoryTables
from kalshi_alpha.steps.momentum import MomentumWatch, Sky
from kalshi_alpha.steps.momentum_runtime import MomentumRuntime
from kalshi_alpha.steps.runtime import Settings, credentials_from
from kalshi_alpha.trading.arming import Broker
from kalshi_alpha.venues.kalshi.reader import KalshiReader
from kalshi_alpha.venues.kalshi.signing import Credentials

C = TypeVar("C", bound=KalshiReader)


@dataclass(frozen=True, slots=True, repr=False)
class VenueKey:
    """A key of the venue that can read; never shown."""

    key_id: str
    pem: str


class LocalRuntime(MomentumRuntime):
    """The process' runtime with tables in memory, and a key that was handed to it."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        folder: Path,
        key: VenueKey,
        tables: MemoryTables | None = None,
    ) -> None:
        super().__init__(settings, clock)
        self._folder, self._key = folder, key
        self._tables = MemoryTables() if tables is None else tables
        self.state.set_kill_switch(on=False, reason="local", by="local", at=clock.now())

    @cached_property
    def state(self) -> StateStore:
        """Windows, switch, heartbeats."""
        return StateStore(Table(self._tables, "state"))

    @cached_property
    def ledger(self) -> LedgerStore:
        """Orders, fills, settlements."""
        return LedgerStore(Table(self._tables, "ledger"))

    @cached_property
    def exposure(self) -> ExposureStore:
        """The limits' counters."""
        return ExposureStore(Table(self._tables, "ledger"), self.clock.sleep)

    @cached_property
    def artifacts(self) -> ArtifactStore:
        """A folder."""
        return FolderStore(self._folder)

    @property
    def broker(self) -> Broker:
        """Paper, always."""
        return Broker.PAPER

    def credentials(self) -> Credentials:
        """Return what signs."""
        return credentials_from({"key_id": self._key.key_id, "pem": self._key.pem})

    def transport(self) -> httpx.BaseTransport | None:
        """Return what stands for the network; None is the network."""
        return None

    def venue_client(self, kind: type[C], secret: str) -> C:
        """Return the one client of that kind, signing with the key that was handed over."""
        del secret
        if kind.__name__ not in self._clients:
            self._clients[kind.__name__] = kind(
                self.settings.require("venue_url"),
                self.clock,
                self.credentials(),
                self.transport(),
            )
        return cast("C", self._clients[kind.__name__])


@dataclass(slots=True)
class Shadowed:
    """What a shadow run saw and would have done.

    Attributes:
        frames: of the socket.
        counts: of decisions, by event and by action and code.
        told: sentences for the operator.
    """

    frames: int = 0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready copy."""
        return {"frames": self.frames, "counts": self.counts, "told": self.told}


def shadow(
    runtime: LocalRuntime, group: str, sky: Sky, minutes: float, tell: Callable[[str], object]
) -> Shadowed:
    """Follow today's brackets of a city group for some minutes; decide, record, place nothing.

    Raises:
        ConfigurationError: for an unknown city group.
        SecretError: when the venue does not accept the key.
    """
    offset = load_stations().of(runtime.temperatures.series_of(group)[0]).offset
    clock, found = runtime.clock, Shadowed()
    until = clock.monotonic() + 60.0 * minutes

    def told(said: str) -> None:
        found.told.append(said)
        tell(said)

    async def run() -> MomentumWatch:
        day = climate_day(clock.now(), offset)
        watch = MomentumWatch(runtime, group, day, load_terms(), sky, tell=told, shadow=True)
        await watch.run(lambda: clock.monotonic() >= until)
        return watch

    watch = asyncio.run(run())
    found.frames = watch.frames
    found.counts = {event.name: dict(sorted(event.counts.items())) for event in watch.each}
    runtime.close()
    return found
