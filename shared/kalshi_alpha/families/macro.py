"""The macro families by name, imported only when one is asked for.

A family's module has ``Parameters``, a frozen record, and ``terminal_law``, which makes a
``PrintLaw`` of a reading, those parameters, the release and the time.
"""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec

from kalshi_alpha.errors import ConfigurationError, ParameterError
from kalshi_alpha.markets.macro import MacroRegistry
from kalshi_alpha.markets.releases import Release
from kalshi_alpha.markets.strikes import Payoff
from kalshi_alpha.pricing.ladder import probabilities
from kalshi_alpha.pricing.macro_reading import MacroReading
from kalshi_alpha.pricing.print_law import PrintLaw, require_same_unit


class Law(Protocol):
    """Makes the law of a print."""

    def __call__(
        self, reading: MacroReading, parameters: Any, release: Release, now: datetime, /
    ) -> PrintLaw:
        """Return the law as seen at ``now``."""
        ...


@dataclass(frozen=True, slots=True)
class Family:
    """One family: its record of parameters, and its law."""

    parameters: type[Any]
    terminal_law: Law

    def read(self, table: Mapping[str, Any]) -> Any:
        """Return checked parameters.

        Raises:
            ParameterError: when a number is missing, unknown or outside its domain.
        """
        known = self.parameters.__dataclass_fields__.keys()
        unknown = sorted(table.keys() - known)
        if unknown:
            raise ParameterError(f"the parameters have the unknown key {unknown[0]!r}")
        try:
            return msgspec.convert(table, self.parameters)
        except msgspec.ValidationError as error:
            raise ParameterError(f"the parameters cannot be used: {error}") from None


def load_family(registry: MacroRegistry, name: str) -> Family:
    """Import a family.

    Raises:
        ConfigurationError: when macro is off, there is no such family, or its module is not one.
    """
    if not registry.enabled:
        raise ConfigurationError(f"the macro families are off: {name!r} is not to be priced")
    if name not in registry.modules:
        known = ", ".join(sorted(registry.modules))
        raise ConfigurationError(f"there is no macro family {name!r}; there is: {known}")
    try:
        module = importlib.import_module(registry.modules[name])
        return Family(module.Parameters, module.terminal_law)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"the family {name!r} cannot be loaded: {error}") from None


def price(law: PrintLaw, payoffs: Sequence[Payoff], ticks_per_point: int) -> tuple[float, ...]:
    """Return each payoff's probability, in order.

    Raises:
        ContractError: when the ladder is in another unit.
    """
    require_same_unit(law, payoffs, ticks_per_point)
    return probabilities(law, payoffs, ticks_per_point)


def parse_parameters(text: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the parts of a parameter file as tables by name, provenance taken off.

    Raises:
        ParameterError: when it is no such file, or a part does not say where it is from.
    """
    try:
        tables = msgspec.convert(tomllib.loads(text), dict[str, dict[str, Any]])
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise ParameterError(f"the macro parameters cannot be read: {str(error)[:200]}") from None
    for name, table in tables.items():
        if not isinstance(table.pop("provenance", None), str):
            raise ParameterError(f"the macro parameters of {name} do not say where they are from")
    return tables
