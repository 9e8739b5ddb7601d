"""Days whose news moves an index by itself, from the shipped ``events.toml``.

The table says which span of days it speaks of. Outside it a day is neither known to be an event
nor known not to be one, and counts as none.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib import resources
from types import MappingProxyType
from typing import Annotated

import msgspec

from kalshi_alpha.errors import ConfigurationError

TABLE = "events.toml"
KINDS = ("fomc", "cpi")

Text = Annotated[str, msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Events:
    """The days of one kind of event.

    Attributes:
        what: the event, and when in the day it falls.
        first: the first day the list speaks of.
        last: the last one.
        provenance: whose word the days are.
        days: the days, ascending.
    """

    what: Text
    first: date
    last: date
    provenance: Text
    days: tuple[date, ...]

    def __contains__(self, day: object) -> bool:
        return day in self.days

    def covers(self, day: date) -> bool:
        """Say whether the list speaks of a day at all."""
        return self.first <= day <= self.last


@functools.cache
def load_events() -> Mapping[str, Events]:
    """Return the shipped events by kind, ``fomc`` and ``cpi``; read once.

    Raises:
        ConfigurationError: when the shipped file is broken.
    """
    return parse_events(resources.files(__package__).joinpath(TABLE).read_text("utf-8"))


def parse_events(text: str) -> Mapping[str, Events]:
    """Read events from TOML; raise ``ConfigurationError`` when it contradicts itself."""
    try:
        tree = tomllib.loads(text)
        kinds = msgspec.convert(tree, dict[str, Events])
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        said = str(error)[:200]
        raise ConfigurationError(f"the table of events cannot be read: {said}") from None
    if tuple(kinds) != KINDS:
        raise ConfigurationError(
            f"the table of events has the kinds {', '.join(kinds) or 'none'}; "
            f"it must have {', '.join(KINDS)}"
        )
    for kind, events in kinds.items():
        if list(events.days) != sorted(set(events.days)):
            raise ConfigurationError(f"the days of {kind} must ascend, each once")
        outside = [day for day in events.days if not events.covers(day)]
        if outside:
            raise ConfigurationError(
                f"{kind} lists {outside[0]}, outside its span {events.first} to {events.last}"
            )
    return MappingProxyType(kinds)
