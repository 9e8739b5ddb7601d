"""What temperature days left, read back: one reader for a stage's store and a rehearsal's folder.

An event leaves ``momentum/<event>/``: its settled day, and lines of decisions and looks. The
evening makes daily tables of the lines, and a stage's days are read from those alone, for its lines
are too many to walk. A graded day is kept as ``daily/temperature_grades/<day>.json`` and read from
there; a day without one is graded on the spot. Nothing here writes anything.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from kalshi_alpha.cloud.artifacts import ArtifactStore, FolderStore
from kalshi_alpha.cloud.rollup import PREFIX, key
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.markets.temperature import event_of, load_temperatures
from kalshi_alpha.markets.tickers import parse_event
from kalshi_alpha.momentum.settled import SettledDay, settled_key
from kalshi_alpha.research.temperature.graded_days import (
    SCHEMA,
    EventGrade,
    GradedClimateDay,
    grade_event,
    open_event,
)

FEATURES, LEANS = "features", "leans"
TABLE_OF = {FEATURES: "temperature_features", LEANS: "temperature_decisions"}
_EVENTS = "momentum/"
_GRADES = f"{PREFIX}temperature_grades/"
_COLUMNS = {
    FEATURES: ("seconds", "event", "ticker", "belief", "heard"),
    LEANS: ("seconds", "action", "ticker", "side", "price", "belief"),
}

Lines = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class ClimateRecord:
    """The climate days of a stage, or of rehearsals.

    Args:
        stores: one for a stage, one a day for rehearsals.
        series: those of a stage; empty for rehearsals, whose folders say which they are.
    """

    stores: tuple[ArtifactStore, ...]
    series: tuple[str, ...] = ()

    @property
    def continuous(self) -> bool:
        """Say whether a day between two that left something was one too: rehearsals are picked."""
        return bool(self.series)

    def days(self) -> tuple[date, ...]:
        """Return the climate days that left anything, ascending."""
        return tuple(sorted({day for store in self.stores for day in self._days_in(store)}))

    def graded(self, again: Collection[date] = ()) -> tuple[GradedClimateDay, ...]:
        """Return every day, graded; for those of ``again`` no grade that was kept is looked at.

        Raises:
            DataError: when what an event left cannot be read; the sentence names the file.
        """
        found = (self._grade(day, again=day in again) for day in self.days())
        return tuple(one for one in found if one.events)

    def _grade(self, day: date, *, again: bool) -> GradedClimateDay:
        for store in self.stores:
            if not again and (kept := grade_key(day)) in store.keys(kept):
                return GradedClimateDay.from_bytes(store.read(kept))
        events = [
            found
            for store in self.stores
            for found in (self._listed(store, day) if self.series else _folder(store, day))
        ]
        return GradedClimateDay(SCHEMA, day, tuple(sorted(events, key=lambda one: one.event)))

    def _days_in(self, store: ArtifactStore) -> set[date]:
        if not self.series:
            return {_day_of(event) for event in _events(store)}
        kept = [name.removeprefix(_GRADES).removesuffix(".json") for name in store.keys(_GRADES)]
        table = f"{PREFIX}{TABLE_OF[FEATURES]}/day="
        told = [name.removeprefix(table).partition("/")[0] for name in store.keys(table)]
        try:
            return {date.fromisoformat(name) for name in (*kept, *told)}
        except ValueError as error:
            raise DataError(f"a daily table or grade of temperatures has no day: {error}") from None

    def _listed(self, store: ArtifactStore, day: date) -> Iterator[EventGrade]:
        """Yield the events of a stage's day, from its daily tables."""
        lines = {kind: _table(store, kind, day) for kind in TABLE_OF}
        for series in self.series:
            event = event_of(series, day)
            mine = {
                kind: [row for row in rows if str(row["ticker"]).startswith(f"{event}-")]
                for kind, rows in lines.items()
            }
            found = _graded(store, event, day, mine)
            if found.settled or mine[FEATURES]:
                yield found


def of_stage(store: ArtifactStore, cities: str) -> ClimateRecord:
    """Return the record of a stage.

    Args:
        store: its artifacts.
        cities: the city groups that are deployed, with commas; all of the table when it is empty.

    Raises:
        ConfigurationError: when a group is none of the table's.
    """
    known = ",".join(load_temperatures().groups)
    return ClimateRecord((store,), series_in(cities or known))


def series_in(cities: str) -> tuple[str, ...]:
    """Return the series of city groups, given with commas.

    Raises:
        ConfigurationError: when a group is none of the table's.
    """
    known = load_temperatures()
    groups = [group for group in cities.split(",") if group]
    return tuple(series for group in groups for series in known.series_of(group))


def rehearsed(out: Path) -> ClimateRecord:
    """Return the record of every climate day rehearsed into ``out``, or of that folder's one day.

    Raises:
        DataError: when there is none.
    """
    one = [folder for folder in (out / "artifacts", out) if (folder / _EVENTS).is_dir()][:1]
    found = [f for f in sorted(out.glob("rehearsal/*/artifacts")) if (f / _EVENTS).is_dir()]
    if not (one or found):
        raise DataError(
            f"no climate day was rehearsed into {out}: run kalshi-alpha rehearse --family "
            "temperature first"
        )
    return ClimateRecord(tuple(FolderStore(folder) for folder in one or found))


def grade_key(day: date) -> str:
    """Return where a graded climate day is kept."""
    return f"{_GRADES}{day.isoformat()}.json"


def read_lines(store: ArtifactStore, event: str, kind: str) -> list[dict[str, Any]]:
    """Return what a process kept of an event, in time.

    Raises:
        DataError: naming the file that holds a line which is none.
    """
    found = [row for name in store.keys(f"{_EVENTS}{event}/{kind}/") for row in _rows(store, name)]
    return sorted(found, key=lambda row: float(row["at"]))


def _folder(store: ArtifactStore, day: date) -> Iterator[EventGrade]:
    """Yield the events of a rehearsed day, from its own lines."""
    for event in _events(store):
        if _day_of(event) == day:
            lines = {kind: read_lines(store, event, kind) for kind in TABLE_OF}
            yield _graded(store, event, day, lines)


def _graded(store: ArtifactStore, event: str, day: date, lines: Lines) -> EventGrade:
    name = settled_key(event)
    if name not in store.keys(name):
        return open_event(event, _climate(event, day), lines[FEATURES])
    try:
        settled = SettledDay.from_bytes(store.read(name))
    except DataError as error:
        raise DataError(f"{name}: {error}") from None
    return grade_event(settled, lines[LEANS], lines[FEATURES])


def _climate(event: str, day: date) -> ClimateDay:
    return load_stations().of(event.partition("-")[0]).day(day)


def _events(store: ArtifactStore) -> list[str]:
    return sorted({name.split("/")[1] for name in store.keys(_EVENTS)})


def _day_of(event: str) -> date:
    found = parse_event(event).day
    if found is None:
        raise DataError(f"{event!r} among the temperature events names no day")
    return found


def _table(store: ArtifactStore, kind: str, day: date) -> list[dict[str, Any]]:
    """Return what is needed of a daily table's part; a column older than it is None."""
    import pyarrow as pa  # noqa: PLC0415 - a rehearsal's days need none
    import pyarrow.parquet as pq  # noqa: PLC0415

    name = key(TABLE_OF[kind], day)
    if name not in store.keys(name):
        return []
    try:
        file = pq.ParquetFile(io.BytesIO(store.read(name)))
        present = [one for one in _COLUMNS[kind] if one in file.schema_arrow.names]
        rows = file.read(columns=present).to_pylist()
        return [{**row, "at": row["seconds"]} for row in rows]
    except (pa.ArrowException, KeyError) as error:
        raise DataError(f"{name} cannot be read: {str(error)[:200]}") from None


def _rows(store: ArtifactStore, name: str) -> Iterator[dict[str, Any]]:
    try:
        for line in store.read(name).decode().splitlines():
            row = json.loads(line)
            float(row["at"])
            yield row
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{name} holds a line that is none: {str(error)[:100]}") from None
