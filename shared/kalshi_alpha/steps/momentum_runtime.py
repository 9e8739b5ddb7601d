"""What the momentum process works with: the runtime of every step, and the temperature series."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import Any

from kalshi_alpha.cloud.services import read_secret
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import Registry, load_registry
from kalshi_alpha.markets.temperature import Temperatures, load_temperatures
from kalshi_alpha.momentum.fitted import HORIZON_KEY, ODDS_KEY, POOL_KEY
from kalshi_alpha.momentum.horizon import HorizonWeights, horizons_from_json
from kalshi_alpha.momentum.odds import odds_from_json
from kalshi_alpha.momentum.pool import PoolWeights, pool_from_json
from kalshi_alpha.steps.runtime import Runtime, credentials_from, current
from kalshi_alpha.trading.fills import FillModel
from kalshi_alpha.venues.kalshi.signing import Credentials


class MomentumRuntime(Runtime):
    """A runtime that knows the temperature series; no other process of ours builds one."""

    @cached_property
    def registry(self) -> Registry:
        """What trades: the indices, whose limits these share, and the temperatures."""
        return self.temperatures.registry(load_registry())

    @cached_property
    def temperatures(self) -> Temperatures:
        """The temperature series and their city groups."""
        return load_temperatures()

    def pool(self, day: date) -> PoolWeights | None:
        """Return the pool's weights for a climate day, None where nobody has fitted one.

        Raises:
            ParameterError: when what is there cannot be used on that day.
        """
        data = self._kept(POOL_KEY)
        return None if data is None else pool_from_json(data, day)

    def horizons(self, day: date) -> Mapping[str, HorizonWeights]:
        """Return the short horizons for a climate day, none where nobody has fitted one.

        Raises:
            ParameterError: when what is there cannot be used on that day.
        """
        data = self._kept(HORIZON_KEY)
        return {} if data is None else horizons_from_json(data, day)

    def odds(self, day: date) -> FillModel | None:
        """Return the fill model for a climate day, None where nobody has fitted one.

        Raises:
            ParameterError: when what is there cannot be used on that day.
        """
        data = self._kept(ODDS_KEY)
        return None if data is None else odds_from_json(data, day)

    def _kept(self, key: str) -> bytes | None:
        try:
            return self.artifacts.read(key)
        except DataError:
            return None

    def source_of(self, record: Mapping[str, Any] | None) -> str:
        """Return whose the fills of a stretch are: its record says so, else the settings do."""
        return str((record or {}).get("broker") or self.settings.broker)

    def credentials(self) -> Credentials:
        """Return what signs the socket's handshake: the key that can only read, where it is set."""
        name = self.settings.read_secret or self.settings.require("secret")
        return credentials_from(read_secret(name))


def momentum_runtime() -> MomentumRuntime:
    """Return the runtime of this process, with the settings of its environment."""
    found = current()
    return MomentumRuntime(found.settings, found.clock)
