"""The macro families by name, imported only when one is asked for.

A family's module has ``Parameters``, a frozen record, and ``terminal_law``, which makes a
``PrintLaw`` of a reading, those parameters, the release and the time.
"""

from __future__ import annotations

import hashlib
import importlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib import resources
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


@dataclass(frozen=True, slots=True)
class ParameterFile:
    """A parameter file of the macro families.

    Attributes:
        as_of: the last day it knew.
        valid_until: the last day it may be used.
        parts: tables by name, provenance taken off.
        checksum: SHA-256 of the file, for the provenance of what it prices.
    """

    as_of: date
    valid_until: date
    parts: Mapping[str, Mapping[str, Any]]
    checksum: str


def shipped_parameters(on: date) -> bytes:
    """Return the newest parameter file of the package that knew no day from ``on`` on.

    With a day before them all it is the oldest; whoever reads it refuses what it must.
    """
    folder = resources.files("kalshi_alpha.pricing").joinpath("parameters")
    files = sorted(f.name for f in folder.iterdir() if f.name.startswith("macro-"))
    known = [name for name in files if name < f"macro-{on}.toml"]
    return folder.joinpath(known[-1] if known else files[0]).read_bytes()


def load_parameter_file(data: bytes) -> ParameterFile:
    """Read a parameter file: two dates, and a table for each part.

    Raises:
        ParameterError: when it is no such file, or a part does not say where it is from.
    """
    try:
        doc = tomllib.loads(data.decode())
        as_of, until = (msgspec.convert(doc.pop(name), date) for name in ("as_of", "valid_until"))
    except (ValueError, KeyError, RecursionError, msgspec.ValidationError) as error:
        raise ParameterError(f"the macro parameters cannot be read: {str(error)[:200]}") from None
    if until < as_of:
        raise ParameterError(f"the macro parameters end on {until}, before they begin on {as_of}")
    return ParameterFile(as_of, until, _parts(doc), hashlib.sha256(data).hexdigest())


def _parts(doc: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    try:
        tables = msgspec.convert(doc, dict[str, dict[str, Any]])
    except msgspec.ValidationError as error:
        raise ParameterError(f"the macro parameters cannot be read: {str(error)[:200]}") from None
    for name, table in tables.items():
        if not isinstance(table.pop("provenance", None), str):
            raise ParameterError(f"the macro parameters of {name} do not say where they are from")
    return tables
