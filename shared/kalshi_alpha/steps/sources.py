"""Read the public offices whose figures the macro families need, and keep every word of them.

A source that fails stays as old as it is: what it last said is kept, with a note of what went
wrong, and another that tells the same figure is asked in its place. None is asked again before a
while has passed, for their quotas are small and their figures come once a day or more rarely.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from kalshi_alpha.clock import NEW_YORK, Clock, iso
from kalshi_alpha.cloud.services import read_secret
from kalshi_alpha.errors import ConfigurationError, DataError, ParameterError, VenueError
from kalshi_alpha.families.known import GASOLINE, newest_due
from kalshi_alpha.families.macro import load_parameter_file
from kalshi_alpha.markets.releases import load_releases
from kalshi_alpha.steps.redaction import conceal
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.venues.macro import sources
from kalshi_alpha.venues.macro.client import MacroClient
from kalshi_alpha.venues.macro.sources import HOSTS, Source
from kalshi_alpha.venues.macro.vintages import Shelf, Vintages
from kalshi_alpha.venues.macro.voices import Listener, note_trouble

FAMILIES = ("cpi", "claims", "ten_year", "gas")
_SERIES: Mapping[str, tuple[str, ...]] = {
    "cpi": ("cpi-sa", "cpi-nsa", "core-cpi-sa", GASOLINE),
    "claims": ("claims",),
    "ten_year": ("par-yield-10y",),
    "gas": ("aaa-regular",),
}
_PRICES = {"CUSR0000SA0": "CPIAUCSL", "CUUR0000SA0": "CPIAUCNS", "CUSR0000SA0L1E": "CPILFESL"}
_YEARS = 3  # of history asked for; the longest look back is two and a half
_WEEKS = 60
_PATIENCE = timedelta(minutes=10)
_WITHOUT_KEY = {"bls": timedelta(hours=1)}  # 25 requests a day


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys of the offices that give more with one; all empty is allowed."""

    bls: str = ""
    eia: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A source to read, and those to read instead when it fails."""

    source: Source
    instead: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Office:
    """What reading takes: a client, a shelf, a clock, addresses and keys."""

    client: MacroClient
    shelf: Shelf
    clock: Clock
    hosts: Mapping[str, str] = field(default_factory=lambda: HOSTS)
    keys: Keys = field(default_factory=Keys)


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What came of it.

    Attributes:
        read: names of the sources that answered.
        troubles: what went wrong, by source.
        series: hours since its source spoke, by series; None of which nothing is known.
        stale: why, by series that is not fresh.
    """

    read: tuple[str, ...]
    troubles: Mapping[str, str]
    series: Mapping[str, float | None]
    stale: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready copy with its metrics."""
        ages = [age for age in self.series.values() if age is not None]
        return {
            "read": list(self.read),
            "troubles": dict(self.troubles),
            "hours": dict(self.series),
            "stale": dict(self.stale),
            "metrics": {
                "SourcesRead": len(self.read),
                "SourcesStale": len(self.stale),
                "OldestSourceHours": max(ages, default=0.0),
            },
        }


def run(request: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Read the sources of ``{"families": [...]}``, by default of every family that is on.

    A family that is off is not read for, whoever asks.
    """
    traded = {series.family for series in runtime.registry.series.values()}
    asked = tuple(name for name in request.get("families") or FAMILIES if name in traded)
    if not asked:
        return Refreshed((), {}, {}, {}).to_json() | {"at": iso(runtime.clock.now())}
    settings = runtime.settings
    hosts = hosts_below(settings.sources_url) if settings.sources_url else HOSTS
    keys = _keys(settings.sources_secret)
    with closing(MacroClient(settings.require("contact"), runtime.clock)) as client:
        office = Office(client, runtime.artifacts, runtime.clock, hosts, keys)
        found = refresh(asked, office, nowcast=_weighs_nowcast(runtime.figure_parameters()))
    return found.to_json() | {"at": iso(runtime.clock.now())}


def hosts_below(url: str) -> Mapping[str, str]:
    """Return every office's address below one that stands for all of them."""
    return {name: f"{url.rstrip('/')}/{name}" for name in HOSTS}


def refresh(families: Sequence[str], office: Office, *, nowcast: bool = False) -> Refreshed:
    """Read the sources of some families; what fails is noted, and none stops the others.

    Raises:
        ConfigurationError: when there is no such family.
    """
    unknown = sorted(set(families) - _SERIES.keys())
    if unknown:
        known = ", ".join(FAMILIES)
        raise ConfigurationError(f"the family {unknown[0]!r} has no sources; these have: {known}")
    reading = _Reading(office)
    for family in families:
        for wanted in _wanted(family, office, nowcast=nowcast):
            if not reading.speaks(wanted.source):
                for source in wanted.instead:
                    reading.speaks(source)
    ages = {name: age for family in families for name, age in _ages(family, office).items()}
    return Refreshed(
        tuple(reading.read),
        reading.troubles,
        {name: hours for name, (hours, _) in ages.items()},
        {name: reason for name, (_, reason) in ages.items() if reason},
    )


class _Reading:
    """One round of reading."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._vintages = Vintages(office.shelf, office.clock)
        self.read: list[str] = []
        self.troubles: dict[str, str] = {}

    def speaks(self, source: Source) -> bool:
        """Read a source unless it spoke a while ago; say whether its word is of now."""
        if self._spoke_just_now(source):
            return True
        office = self._office
        try:
            held = sources.read(source, office.client, self._vintages, office.clock)
        except (VenueError, DataError) as error:
            return self._failed(source, str(error))
        if held.trouble:
            return self._failed(source, held.trouble)
        if source.name not in self.read:
            self.read.append(source.name)
        self._vintages.gather(source.name)
        return True

    def _failed(self, source: Source, said: str) -> bool:
        self.troubles[source.name] = said
        note_trouble(self._office.shelf, source.name, self._office.clock.now(), said)
        return False

    def _spoke_just_now(self, source: Source) -> bool:
        if source.name in self.read:  # another month or year of it
            return False
        keyless = not self._office.keys.bls
        patience = _WITHOUT_KEY.get(source.name, _PATIENCE) if keyless else _PATIENCE
        try:
            read_at = self._vintages.last(source.name).read_at
        except DataError:
            return False
        return self._office.clock.now() - read_at < patience


def _wanted(family: str, office: Office, *, nowcast: bool) -> Iterator[Wanted]:
    """Yield what a family needs to be read; only the sources it names are asked."""
    hosts, keys, now = office.hosts, office.keys, office.clock.now()
    today = now.astimezone(NEW_YORK).date()
    since = today.replace(year=today.year - _YEARS, day=1)
    if family == "cpi":
        mirrors = tuple(sources.fred_csv(name, since, hosts) for name in _PRICES.values())
        prices = sources.bls_cpi(since.year, today.year, keys.bls, hosts, tuple(_PRICES))
        yield Wanted(prices, mirrors)
        mirror = sources.fred_csv("GASREGW", since, hosts)
        survey = Wanted(sources.eia_weekly(keys.eia, _WEEKS, hosts), (mirror,))
        yield survey if keys.eia else Wanted(mirror)
        if nowcast:
            yield Wanted(sources.fed_nowcast("month", hosts))
    elif family == "claims":
        yield Wanted(sources.fred_csv("ICSA", since, hosts))
    elif family == "ten_year":
        yield from _curves(office, now)
    else:
        yield Wanted(sources.aaa_page(hosts))


def _curves(office: Office, now: datetime) -> Iterator[Wanted]:
    """Yield the month of the newest curve, and the years before it while they are not held."""
    due = newest_due("par_yield", now, load_releases())
    newest = now.astimezone(NEW_YORK).date() if due is None else due.period
    table = sources.treasury_csv(newest.year, office.hosts)
    first = newest.year - _YEARS + 1
    if not _reaches_back(office, first):
        for year in range(first, newest.year):
            yield Wanted(sources.treasury_csv(year, office.hosts))
        yield Wanted(table)
    yield Wanted(sources.treasury_xml(newest, office.hosts), (table,))


def _reaches_back(office: Office, year: int) -> bool:
    try:
        curves = Listener(office.shelf, office.clock).hear("par-yield-10y")
    except DataError:
        return False
    return curves.rows[0].figure.period.year <= year


def _ages(family: str, office: Office) -> Mapping[str, tuple[float | None, str]]:
    """Return, by series, the hours since its source spoke and why it is not fresh."""
    now, listener = office.clock.now(), Listener(office.shelf, office.clock)
    found: dict[str, tuple[float | None, str]] = {}
    for name in _SERIES[family]:
        try:
            heard = listener.hear(name)
        except DataError as error:
            found[name] = None, str(error)
            continue
        hours = (now - heard.read_at).total_seconds() / 3600.0
        found[name] = hours, heard.stale_reason(now)
    return found


def _weighs_nowcast(parameters: bytes) -> bool:
    try:
        parts = load_parameter_file(parameters).parts.values()
    except ParameterError:  # the gates of a window say so; the offices are read all the same
        return False
    return any(part.get("nowcast", 0.0) > 0 for part in parts)


def _keys(secret: str) -> Keys:
    if not secret:
        return Keys()
    found = read_secret(secret)
    keys = Keys(found.get("bls", ""), found.get("eia", ""))
    conceal(keys.bls, keys.eia)
    return keys
