"""The runtime of a function in the campaign: its own clock, wire, bucket and registry."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from kalshi_alpha.cloud import services
from kalshi_alpha.cloud.artifacts import ArtifactStore
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.rehearsal.campaign.seams import FaultyStore, FaultyTransport, SkewedClock
from kalshi_alpha.steps.runtime import Runtime, Settings, credentials_from
from kalshi_alpha.venues.kalshi.puller import KalshiPuller
from kalshi_alpha.venues.kalshi.reader import KalshiReader

if TYPE_CHECKING:
    from kalshi_alpha.rehearsal.campaign.trial import Trial

C = TypeVar("C", bound=KalshiReader)


class CampaignRuntime(Runtime):
    """A runtime whose venue, artifacts and registry are the campaign's."""

    def __init__(self, settings: Settings, clock: SkewedClock, trial: Trial) -> None:
        super().__init__(settings, clock)
        self._trial = trial

    @cached_property
    def registry(self) -> Registry:
        """The product's registry with a shorter time of making."""
        return self._trial.registry

    @cached_property
    def artifacts(self) -> ArtifactStore:
        """A bucket in memory."""
        return FaultyStore(self._trial.cloud, self._trial.files)

    @property
    def reader(self) -> KalshiReader:
        """The reader, without the lock that holds for every runtime of the process at once."""
        name = self.settings.read_secret or self.settings.secret
        return self.venue_client(KalshiReader, name)

    @property
    def viewer(self) -> KalshiReader:
        """Our own orders and fills."""
        return self.reader

    @property
    def puller(self) -> KalshiPuller:
        """Whoever may cancel."""
        return self.venue_client(KalshiPuller, self.settings.require("secret"))

    def venue_client(self, kind: type[C], secret: str) -> C:
        """Return the one client of that kind, whose requests go over the trial's wire."""
        if kind.__name__ not in self._clients:
            credentials = credentials_from(services.read_secret(secret)) if secret else None
            self._clients[kind.__name__] = kind(
                self.settings.require("venue_url"),
                self.clock,
                credentials,
                FaultyTransport(self._trial.wire),
            )
        return super().venue_client(kind, secret)
