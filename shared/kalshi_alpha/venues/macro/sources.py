"""The sources by name, and reading one: from its host, or from what is held, with its real age."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType

from kalshi_alpha.clock import NEW_YORK, Clock
from kalshi_alpha.errors import DataError, VenueError
from kalshi_alpha.venues.macro import bls, dol, fred, gasoline, nowcast, treasury
from kalshi_alpha.venues.macro.client import Ask, MacroClient
from kalshi_alpha.venues.macro.figures import Figure, Parsed
from kalshi_alpha.venues.macro.vintages import Vintages

Parse = Callable[[bytes, date], Parsed]

# Where each source lives; the rehearsal and the tests give others.
HOSTS: Mapping[str, str] = MappingProxyType(
    {
        "bls": "https://api.bls.gov",
        "fred": "https://fred.stlouisfed.org",
        "fred-api": "https://api.stlouisfed.org",
        "dol": "https://oui.doleta.gov",
        "treasury": "https://home.treasury.gov",
        "aaa": "https://gasprices.aaa.com",
        "eia": "https://api.eia.gov",
        "nowcast": "https://www.clevelandfed.org",
    }
)
_SLOW = 60.0  # seconds; the Treasury's feed has taken 17


@dataclass(frozen=True, slots=True)
class Source:
    """Where figures come from.

    Attributes:
        name: ours; also the folder its vintages are kept in.
        ask: the request.
        parse: of an answer, on the day of reading in New York.
        fresh_for: age of the last read from which it counts as stale.
    """

    name: str
    ask: Ask
    parse: Parse
    fresh_for: timedelta


@dataclass(frozen=True, slots=True)
class Held:
    """Figures and how old the reading of them is.

    Attributes:
        figures: of the last vintage.
        read_at: when the source itself last said so; a failure never moves it.
        age: since then.
        stale: whether the source failed now, or the age passes the source's limit.
        trouble: what was wrong, empty when nothing was.
    """

    figures: tuple[Figure, ...]
    read_at: datetime
    age: timedelta
    stale: bool
    trouble: str


def read(source: Source, client: MacroClient, vintages: Vintages, clock: Clock) -> Held:
    """Read a source, keep what it says, and fall back on what is held when it fails.

    Raises:
        VenueError: when the source fails and nothing is held.
        DataError: when its answer is of no use and nothing is held.
    """
    trouble = ""
    try:
        _refresh(source, client, vintages, clock)
    except (VenueError, DataError) as error:
        trouble = str(error)
        try:
            vintages.last(source.name)
        except DataError:
            raise error from None
    last = vintages.last(source.name)
    age = clock.now() - last.read_at
    figures = vintages.figures(source.name, last.vintage)
    return Held(figures, last.read_at, age, bool(trouble) or age > source.fresh_for, trouble)


def _refresh(source: Source, client: MacroClient, vintages: Vintages, clock: Clock) -> None:
    try:
        validator = vintages.last(source.name).validator
    except DataError:
        validator = ""
    found = client.fetch(source.ask, validator)
    if found.payload is None:
        vintages.confirm(source.name)
        return
    today = clock.now().astimezone(NEW_YORK).date()
    try:
        parsed = source.parse(found.payload, today)
    except (VenueError, DataError):
        vintages.keep_refused(source.name, found.payload)
        raise
    vintages.keep(source.name, found.payload, parsed, found.validator)


def bls_cpi(
    first: int,
    last: int,
    key: str = "",
    hosts: Mapping[str, str] = HOSTS,
    ids: Sequence[str] = tuple(bls.SERIES),
) -> Source:
    """Return price indexes of the years ``first`` to ``last``, all four unless ``ids`` says."""
    body = bls.request(ids, first, last, key)
    ask = Ask("the statistics bureau", hosts["bls"] + bls.PATH, body=body)
    return Source("bls", ask, lambda data, today: bls.parse(data, ids, today), timedelta(days=2))


def fred_csv(series_id: str, since: date, hosts: Mapping[str, str] = HOSTS) -> Source:
    """Return a mirrored series since a day, without a key."""
    query = (("id", series_id), ("cosd", since.isoformat()))
    ask = Ask("the mirror", hosts["fred"] + fred.CSV_PATH, query)
    return Source(
        f"fred-{series_id.lower()}",
        ask,
        lambda data, today: fred.parse_csv(data, series_id, today),
        timedelta(days=2),
    )


def fred_json(
    series_id: str,
    key: str,
    realtime: tuple[date, date] | None = None,
    hosts: Mapping[str, str] = HOSTS,
) -> Source:
    """Return a mirrored series, of today or with the vintages of a real-time period."""
    query = [("series_id", series_id), ("api_key", key), ("file_type", "json")]
    if realtime is not None:
        first, last = realtime
        query += [("realtime_start", first.isoformat()), ("realtime_end", last.isoformat())]
    ask = Ask("the mirror", hosts["fred-api"] + fred.JSON_PATH, tuple(query))
    return Source(
        f"fred-api-{series_id.lower()}",
        ask,
        lambda data, today: fred.parse_json(data, series_id, today),
        timedelta(days=2),
    )


def dol_claims(hosts: Mapping[str, str] = HOSTS) -> Source:
    """Return the states' unadjusted claims."""
    ask = Ask("the file of state claims", hosts["dol"] + dol.PATH, timeout=_SLOW)
    return Source("dol", ask, dol.parse, timedelta(days=8))


def treasury_xml(month: date, hosts: Mapping[str, str] = HOSTS) -> Source:
    """Return the curves of a month."""
    query = (("data", treasury.KIND), ("field_tdr_date_value_month", f"{month:%Y%m}"))
    ask = Ask("the Treasury", hosts["treasury"] + treasury.XML_PATH, query, timeout=_SLOW)
    return Source("treasury-xml", ask, treasury.parse_xml, timedelta(days=1))


def treasury_csv(year: int, hosts: Mapping[str, str] = HOSTS) -> Source:
    """Return the curves of a year."""
    query = (
        ("type", treasury.KIND),
        ("field_tdr_date_value", str(year)),
        ("page", ""),
        ("_format", "csv"),
    )
    path = treasury.CSV_PATH.format(year=year)
    ask = Ask("the Treasury", hosts["treasury"] + path, query, timeout=_SLOW)
    return Source("treasury-csv", ask, treasury.parse_csv, timedelta(days=1))


def aaa_page(hosts: Mapping[str, str] = HOSTS) -> Source:
    """Return the national average of regular; what its terms allow is the operator's to check."""
    return Source("aaa", Ask("AAA", hosts["aaa"] + "/"), gasoline.parse_aaa, timedelta(days=1))


def eia_weekly(key: str, weeks: int, hosts: Mapping[str, str] = HOSTS) -> Source:
    """Return the last weeks of the survey."""
    query: Sequence[tuple[str, str]] = (
        ("api_key", key),
        *gasoline.EIA_QUERY,
        ("length", str(weeks)),
    )
    ask = Ask("the energy office", hosts["eia"] + gasoline.EIA_PATH, query)
    return Source("eia", ask, gasoline.parse_eia, timedelta(days=8))


def fed_nowcast(kind: str, hosts: Mapping[str, str] = HOSTS) -> Source:
    """Return the nowcast, ``kind`` month or year."""
    ask = Ask("the nowcast", hosts["nowcast"] + nowcast.PATHS[kind], timeout=_SLOW, browser=True)
    return Source(
        f"nowcast-{kind}",
        ask,
        lambda data, today: nowcast.parse(data, today, kind),
        timedelta(days=4),
    )
