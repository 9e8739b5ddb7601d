"""All numbers of the momentum strategy, from the shipped ``strategy.toml``."""

from __future__ import annotations

import functools
import hashlib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

import msgspec

from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.markets.units import SIZE_UNIT, cash_from_text
from kalshi_alpha.momentum.bracket import StateTerms
from kalshi_alpha.momentum.filter import FilterTerms
from kalshi_alpha.momentum.hawkes import HawkesParameters
from kalshi_alpha.momentum.inventory import InventoryTerms
from kalshi_alpha.momentum.signals import SignalTerms

TABLE = "strategy.toml"
_CASH = ("bracket_loss", "event_loss", "day_loss")


@dataclass(frozen=True, slots=True)
class LeanTerms:
    """How a signal becomes an order.

    Attributes:
        size: contracts of a whole order.
        life_s: how long an order is wanted without its signal coming again.
        keep_edge: dollars a contract below which an order is not wanted any more.
        most_orders: that may be wanted at once.
        law_variance: of log scores: how far prices may be from the law of the weather.
        weather_age_s: after which the weather is not known.
        hazard_minutes: for which the hazard of a new high is asked.
        repeat_s: after which a refusal that goes on is recorded again.
        least_way: probability, if a share moves, that it goes an order's way within the minute;
            asked where a horizon was fitted.
        least_odds: chance that an order fills while it is wanted; asked where a fill model is.
        calibrated: whether beliefs were calibrated on past days; nothing takes without it.

    Raises:
        ConfigurationError: when one is outside its domain.
    """

    size: int
    life_s: float
    keep_edge: float
    most_orders: int
    law_variance: float
    weather_age_s: float
    hazard_minutes: float
    repeat_s: float
    least_way: float
    least_odds: float
    calibrated: bool = False

    def __post_init__(self) -> None:
        above = (self.life_s, self.law_variance, self.weather_age_s, self.hazard_minutes)
        sound = all(math.isfinite(x) and x > 0 for x in above)
        sound = sound and min(self.least_way, self.least_odds) >= 0.0
        sound = sound and max(self.least_way, self.least_odds) <= 1.0
        if not (sound and self.size >= 1 and self.most_orders >= 1 and self.repeat_s >= 0):
            raise ConfigurationError(f"{self} has a number outside its domain")


@dataclass(frozen=True, slots=True)
class StrategyTerms:
    """Every number that the strategy goes by; ``hash`` is the SHA-256 of where they were read."""

    state: StateTerms
    filter: FilterTerms
    hawkes: HawkesParameters
    signals: SignalTerms
    inventory: InventoryTerms
    lean: LeanTerms
    provenance: Mapping[str, str]
    hash: str = ""

    @property
    def size(self) -> int:
        """Return a whole order in 1/100 contract."""
        return self.lean.size * SIZE_UNIT

    def without_taking(self) -> StrategyTerms:
        """Return the same for an account that may not take: what the signals say then rests."""
        return replace(self, signals=replace(self.signals, taker_allowed=False))


@functools.cache
def load_terms() -> StrategyTerms:
    """Return the shipped terms; read once.

    Raises:
        ConfigurationError: when the shipped file is broken.
    """
    return parse_terms(resources.files(__package__).joinpath(TABLE).read_text("utf-8"))


def parse_terms(text: str) -> StrategyTerms:
    """Read terms from TOML; raise ``ConfigurationError`` when they say something impossible."""
    try:
        tree: dict[str, Any] = tomllib.loads(text)
        inventory = {
            k: cash_from_text(v) if k in _CASH else v for k, v in tree.pop("inventory").items()
        }
        found = msgspec.convert({**tree, "inventory": inventory}, _Table, strict=True)
    except (ValueError, KeyError, AttributeError, RecursionError, DataError) as error:
        raise ConfigurationError(f"{TABLE} cannot be read: {str(error)[:300]}") from None
    return StrategyTerms(
        state=found.state,
        filter=found.filter,
        hawkes=found.hawkes,
        signals=found.signals,
        inventory=found.inventory,
        lean=found.lean,
        provenance=found.provenance,
        hash=hashlib.sha256(text.encode()).hexdigest(),
    )


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    state: StateTerms
    filter: FilterTerms
    hawkes: HawkesParameters
    signals: SignalTerms
    inventory: InventoryTerms
    lean: LeanTerms
    provenance: dict[str, str]
