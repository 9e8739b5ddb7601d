"""The figures a macro law needs, as they are known now, with the age of what they come from.

Nothing here asks a source: ``steps.sources`` does, and keeps what it hears. So a figure is known
from when it was first read, and its source's age is the time since that source itself spoke.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from kalshi_alpha.clock import Clock, from_iso, iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.families.known import needed, reading_of
from kalshi_alpha.markets.macro import MacroSeries
from kalshi_alpha.markets.releases import Release
from kalshi_alpha.pricing.macro_reading import MacroReading
from kalshi_alpha.venues.macro.vintages import Shelf
from kalshi_alpha.venues.macro.voices import Heard, Listener


@dataclass(frozen=True, slots=True)
class SourceAge:
    """How old a source's word is.

    Attributes:
        name: of the source.
        read_at: when it last spoke; a failed read does not move it.
        age_s: seconds since then.
        stale_reason: why it is not fresh, empty when it is.
    """

    name: str
    read_at: datetime
    age_s: float
    stale_reason: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known before a release.

    Attributes:
        reading: the figure's history and what stands beside it.
        age_s: age of the oldest source among those needed, seconds.
        sources: each source needed, by name.
    """

    reading: MacroReading
    age_s: float
    sources: tuple[SourceAge, ...]

    @property
    def stale_reasons(self) -> tuple[str, ...]:
        """Return why sources are not fresh; empty when all are."""
        return tuple(one.stale_reason for one in self.sources if one.stale_reason)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready copy that loses nothing."""
        reading = self.reading
        return {
            "reading": {
                "series": reading.series,
                "as_of": iso(reading.as_of),
                "history": [[day.isoformat(), value] for day, value in reading.history],
                "beside": dict(reading.beside),
            },
            "age_s": self.age_s,
            "sources": [
                {
                    "name": one.name,
                    "read_at": iso(one.read_at),
                    "age_s": one.age_s,
                    "stale_reason": one.stale_reason,
                }
                for one in self.sources
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Figures:
        """Rebuild what ``to_json`` wrote.

        Raises:
            DataError: when it is something else.
        """
        try:
            reading = data["reading"]
            return cls(
                MacroReading(
                    str(reading["series"]),
                    tuple((date.fromisoformat(day), float(v)) for day, v in reading["history"]),
                    from_iso(reading["as_of"]),
                    {str(name): float(value) for name, value in reading["beside"].items()},
                ),
                float(data["age_s"]),
                tuple(
                    SourceAge(
                        str(one["name"]),
                        from_iso(one["read_at"]),
                        float(one["age_s"]),
                        str(one["stale_reason"]),
                    )
                    for one in data["sources"]
                ),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            kind = type(error).__name__
            raise DataError(f"a record of figures cannot be read back: {kind}") from None


def figures_for(
    artifacts: Shelf,
    clock: Clock,
    series: MacroSeries,
    release: Release,
    *,
    nowcast: bool = False,
) -> Figures:
    """Return what a law of a release needs, as known now.

    Args:
        artifacts: where the vintages are kept.
        clock: tells now; nothing read after it counts.
        series: of the venue.
        release: what is to be priced.
        nowcast: whether the law weighs a nowcast.

    Raises:
        StaleDataError: when a figure that came out since has not been read.
        DataError: when something that is needed is not known.
    """
    now, listener = clock.now(), Listener(artifacts, clock)
    heard = {name: listener.hear(name) for name in needed(series, release, nowcast=nowcast)}
    known = {
        name: [(row.figure.period, float(row.figure.value)) for row in one.rows]
        for name, one in heard.items()
    }
    reading = reading_of(series, release, known, now)
    ages = tuple(sorted({_age(one, now) for one in heard.values()}, key=lambda age: age.name))
    return Figures(reading, max(age.age_s for age in ages), ages)


def _age(heard: Heard, now: datetime) -> SourceAge:
    age_s = (now - heard.read_at).total_seconds()
    return SourceAge(heard.source, heard.read_at, age_s, heard.stale_reason(now))
