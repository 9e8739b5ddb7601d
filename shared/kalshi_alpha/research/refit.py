"""The nightly refit: pull what is new, fit every part anew, look at it, and only then use it.

The bars and the parameters lie in the artifact store; the fit works on a copy in a folder. A file
that looks wrong beside the one in use is kept for a person and not used: the old one runs out by
itself, and windows then refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

from kalshi_alpha.clock import NEW_YORK, Clock
from kalshi_alpha.cloud.artifacts import ArtifactStore
from kalshi_alpha.errors import DataError, ParameterError
from kalshi_alpha.markets.registry import Registry, Symbol
from kalshi_alpha.markets.sessions import Sessions
from kalshi_alpha.pricing.parameters import (
    KINDS,
    SymbolParameters,
    load_parameters,
    parameters_checksum,
)
from kalshi_alpha.research.calibrate import calibrate, write_part
from kalshi_alpha.research.data.panel import read_panels
from kalshi_alpha.research.data.pulling import Aggregates, pull, wanted_sessions
from kalshi_alpha.research.data.store import Store
from kalshi_alpha.research.model.fit import Kind

BARS = "bars/"
IN_USE = "parameters/index.json"
STEP = 1
# The fit looks back a year, and some days more so that a holiday does not shorten it.
LOOK_BACK = timedelta(days=380)
# A level of variance further than this from the one in use is a fault of the data first.
MOST_CHANGE = 3.0
Tell = Callable[[str], None]


class BarReader(Aggregates, Protocol):
    """The vendor's reader, which is closed afterwards."""

    def close(self) -> None:
        """Close its connections."""
        ...


@dataclass(frozen=True, slots=True)
class Refitted:
    """What a refit did.

    Attributes:
        as_of: last session used.
        key: where the new file lies in the artifact store.
        checksum: of the new file.
        in_use: whether it is the one that windows read now.
        doubts: why not, a sentence each.
        pulled: sessions that came anew, by symbol.
    """

    as_of: date
    key: str
    checksum: str
    in_use: bool
    doubts: tuple[str, ...]
    pulled: dict[str, int]


def refit(
    artifacts: ArtifactStore,
    reader: Callable[[Callable[[bytes], None]], BarReader],
    folder: Path,
    clock: Clock,
    registry: Registry,
    sessions: Sessions,
    tell: Tell = lambda _: None,
) -> Refitted:
    """Refit every symbol's parts through the last session that is over.

    Args:
        artifacts: where bars and parameters are kept.
        reader: makes the vendor's reader; it hands each raw page to the function given.
        folder: an empty folder to work in.
        clock: what time it is.
        registry: the symbols.
        sessions: the calendar.
        tell: is told what happens, a line each.

    Raises:
        DataError: when there are too few bars to fit on.
        VenueError: when the vendor cannot be read; what was pulled before is kept.
    """
    store = Store(folder / "bars", clock)
    _fetch(artifacts, store)
    now = clock.now()
    today = now.astimezone(NEW_YORK).date()
    wanted = wanted_sessions(max(today - LOOK_BACK, sessions.first), today, sessions, now)
    last = wanted[-1].day
    pulled: dict[str, int] = {}
    draft = folder / "draft.json"
    for symbol in registry.symbols.values():
        payloads: list[str] = []
        keep = partial(_keep_page, store, payloads)
        with closing(reader(keep)) as vendor:
            try:
                came = pull(vendor, payloads, symbol, STEP, wanted, store, sessions)
            finally:
                _keep(artifacts, store, symbol)
        pulled[symbol.name] = len(came.pulled)
        tell(f"{symbol.name}: {len(came.pulled)} sessions came, {len(came.there)} were there")
        _fit(symbol, store, registry, last, now, draft)
        tell(f"{symbol.name}: fitted through {last}")
    data = draft.read_bytes()
    key = f"parameters/history/index-{last.isoformat()}.json"
    artifacts.write(key, data)
    doubts = tuple(_doubts(artifacts, load_parameters(data, on=today)))
    if not doubts:
        artifacts.write(IN_USE, data)
    return Refitted(last, key, parameters_checksum(data), not doubts, doubts, pulled)


def _fit(
    symbol: Symbol, store: Store, registry: Registry, last: date, now: datetime, draft: Path
) -> None:
    file = store.bars_file(symbol.name, STEP)
    if not file.is_file():
        raise DataError(f"the vendor has no bars of {symbol.name}; nothing was fitted")
    panels = read_panels([file], symbol.name, last=last)
    kinds: tuple[Kind, ...] = ("hourly", "close")
    for kind in kinds:
        made = calibrate(
            panels,
            kind,
            registry,
            through=last,
            command="kalshi-alpha job refit",
            created_at=now,
        )
        write_part(made, draft)


def _doubts(artifacts: ArtifactStore, new: Mapping[str, SymbolParameters]) -> Iterator[str]:
    """Yield why the new file should not be used before a person has looked at it."""
    try:
        data = artifacts.read(IN_USE)
    except DataError:
        return  # there is none yet
    try:
        old = load_parameters(data, on=max(found.as_of for found in new.values()), expired_too=True)
    except ParameterError as error:
        yield f"the file in use cannot be read, so nothing can be compared: {error}"
        return
    for name, found in new.items():
        before = old.get(name)
        if before is None:
            continue
        if found.as_of < before.as_of:
            yield f"{name} would go back from {before.as_of} to {found.as_of}"
        for kind in KINDS:
            part, held = getattr(found, kind), getattr(before, kind)
            if part is None or held is None:
                continue
            share = part.level / held.level
            if not 1.0 / MOST_CHANGE <= share <= MOST_CHANGE:
                yield (
                    f"the {kind} level of {name} would change {share:.2f}-fold, and more than "
                    f"{MOST_CHANGE:g}-fold is looked at first"
                )


def _keep_page(store: Store, payloads: list[str], page: bytes) -> None:
    payloads.append(store.keep_raw(page, ".json"))


def _fetch(artifacts: ArtifactStore, store: Store) -> None:
    for key in artifacts.keys(BARS):
        file = store.folder / key.removeprefix(BARS)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(artifacts.read(key))


def _keep(artifacts: ArtifactStore, store: Store, symbol: Symbol) -> None:
    """Bring the symbol's bars and the raw pages back to the artifact store."""
    there = set(artifacts.keys(f"{BARS}raw/"))
    for file in sorted(store.folder.rglob("*")):
        key = BARS + file.relative_to(store.folder).as_posix()
        mine = key.startswith((f"{BARS}{symbol.name}/", f"{BARS}raw/")) or file.suffix == ".json"
        if file.is_file() and mine and key not in there:
            artifacts.write(key, file.read_bytes())
