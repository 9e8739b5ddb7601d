"""The families by name: a new one is one file in this room and one row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.families import index
from kalshi_alpha.markets.sessions import Session
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.parameters import SymbolParameters
from kalshi_alpha.pricing.reading import Reading

Family = Callable[[Reading, SymbolParameters, datetime, datetime, Session], TerminalLaw]

FAMILIES: Mapping[str, Family] = MappingProxyType({"index": index.terminal_law})


def family(name: str) -> Family:
    """Return the function that makes the family's terminal law.

    Raises:
        ConfigurationError: when there is no such family.
    """
    try:
        return FAMILIES[name]
    except KeyError:
        known = ", ".join(sorted(FAMILIES))
        raise ConfigurationError(f"there is no family {name!r}; there is: {known}") from None
