"""Pull minute bars from the index vendor into the store: in chunks, resumable, every page kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Protocol

import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import Symbol
from kalshi_alpha.markets.sessions import Session, Sessions
from kalshi_alpha.research.data.bars import PRICES, Bars, new_york, read_bars
from kalshi_alpha.research.data.checks import OFFICIAL_WITHIN
from kalshi_alpha.research.data.findings import Finding, number_of
from kalshi_alpha.research.data.grid import lay_out
from kalshi_alpha.research.data.store import Store
from kalshi_alpha.venues.massive.rest import Bar

# The vendor's windows start on whole hours, so only these fall onto 09:30.
PULL_STEPS = (1, 2, 3, 5, 6, 10, 15, 30)
# One request of the vendor holds 50 000 minutes; a chunk is also what an interruption can cost.
SESSIONS_A_CHUNK = 20
VENDOR = "massive"
_PRINTS = timedelta(minutes=OFFICIAL_WITHIN)


class Aggregates(Protocol):
    """What gives bars: the vendor's reader."""

    def aggregates(
        self,
        ticker: str,
        start: datetime,
        end: datetime,
        *,
        multiplier: int = 1,
        timespan: str = "minute",
    ) -> list[Bar]:
        """Return the bars that start in [start, end), in time, each once."""
        ...


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did.

    Attributes:
        file: where the bars lie.
        there: sessions that were whole in the store before.
        pulled: sessions that came, whole or not.
        without: sessions of which the vendor has nothing.
        holed: those of ``pulled`` that lack bars; the next pull asks for them again.
        findings: what the checks say about what came.
    """

    file: Path
    there: tuple[date, ...]
    pulled: tuple[date, ...]
    without: tuple[date, ...]
    holed: tuple[date, ...]
    findings: tuple[Finding, ...]


def wanted_sessions(
    first: date, last: date, sessions: Sessions, now: datetime
) -> tuple[Session, ...]:
    """Return the sessions from ``first`` to ``last`` whose last prints are in.

    Raises:
        DataError: when there is none, or the calendar does not reach so far.
    """
    if first > last:
        raise DataError(f"the first day, {first}, comes after the last, {last}")
    for day in (first, last):
        if not sessions.first <= day <= sessions.last:
            raise DataError(sessions.why_closed(day))
    days = (first + timedelta(days=k) for k in range((last - first).days + 1))
    found = [s for s in map(sessions.on, days) if s is not None]
    over = tuple(s for s in found if s.close + _PRINTS <= now)
    if not over:
        why = "is over yet" if found else "lies there"
        raise DataError(f"no session from {first} to {last} {why}; ask for earlier days")
    return over


def pull(
    reader: Aggregates,
    payloads: Sequence[str],
    symbol: Symbol,
    step: int,
    wanted: Sequence[Session],
    store: Store,
    sessions: Sessions,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Pulled:
    """Pull what the store lacks of the sessions wanted.

    A session that is whole in the store is not asked for. What came is checked like any file and
    stored chunk by chunk, so an interrupted pull goes on where it was.

    Args:
        reader: the vendor.
        payloads: where the reader's ``keep`` puts the SHA-256 of each page while it reads.
        symbol: what to pull.
        step: minutes a bar, one of ``PULL_STEPS``.
        wanted: the sessions.
        store: where to put it.
        sessions: the calendar.
        progress: is told how many of the sessions to ask for are done.

    Raises:
        DataError: for another step, or bars that cannot be right; the chunks before are stored.
        VenueError: when the vendor cannot be read; the chunks before are stored.
    """
    if step not in PULL_STEPS:
        raise DataError(f"bars of {step} minutes cannot be pulled, only {PULL_STEPS}")
    whole = whole_days(store, symbol.name, step, sessions)
    asked = [session for session in wanted if session.day not in whole]
    came: list[date] = []
    complete: set[date] = set()
    findings: list[Finding] = []
    done = 0
    progress(done, len(asked))
    for chunk in _chunks(asked):
        seen = len(payloads)
        got = reader.aggregates(
            symbol.vendor_ticker, chunk[0].open, chunk[-1].close + _PRINTS, multiplier=step
        )
        bars = _bars(got, symbol)
        # A chunk may reach over days that are whole already.
        bars = bars.at(np.isin(bars.day, [number_of(session.day) for session in chunk]))
        if bars.row.size:
            found, held, full = _stored(bars, symbol, step, store, sessions, payloads[seen:])
            findings += found
            came += held
            complete |= full
        done += len(chunk)
        progress(done, len(asked))
    return Pulled(
        file=store.bars_file(symbol.name, step),
        there=tuple(session.day for session in wanted if session.day in whole),
        pulled=tuple(came),
        without=tuple(s.day for s in asked if s.day not in came),
        holed=tuple(day for day in came if day not in complete),
        findings=tuple(findings),
    )


def whole_days(store: Store, symbol: str, step: int, sessions: Sessions) -> frozenset[date]:
    """Return the days of which the store lacks no bar."""
    file = store.bars_file(symbol, step)
    if not file.is_file():
        return frozenset()
    grid, _ = lay_out(read_bars(file), symbol, sessions, is_index=True)
    if grid is None or grid.step != step:
        return frozenset()
    return frozenset(grid.whole_days())


def _stored(
    bars: Bars,
    symbol: Symbol,
    step: int,
    store: Store,
    sessions: Sessions,
    raw: Sequence[str],
) -> tuple[tuple[Finding, ...], list[date], frozenset[date]]:
    """Check a chunk and store it; return findings, the days that came, and the whole ones."""
    grid, findings = lay_out(bars, symbol.name, sessions, is_index=True)
    if grid is None:
        return findings, [], frozenset()
    if grid.step != step:
        raise DataError(
            f"the index feed gave bars {grid.step} minutes apart where {step} were asked for"
        )
    written = store.write_bars(bars, symbol.name, step, VENDOR, renew=True)
    entry = {
        "kind": "pull",
        "from": VENDOR,
        "ticker": symbol.vendor_ticker,
        "raw": list(raw),
        "symbol": symbol.name,
        "step": step,
        "first": grid.note.first.isoformat(),
        "last": grid.note.last.isoformat(),
        **written,
        "findings": [finding.as_json() for finding in findings],
    }
    store.note(entry)
    return findings, list(grid.dates()), frozenset(grid.whole_days())


def _bars(got: Sequence[Bar], symbol: Symbol) -> Bars:
    start = np.asarray([round(bar.start.timestamp()) for bar in got], dtype=np.int64)
    day, minute = new_york(start)
    prices = {
        name: np.asarray([getattr(bar, name) for bar in got], dtype=np.float64) for name in PRICES
    }
    return Bars(
        file=Path(VENDOR) / symbol.vendor_ticker,
        sha256="",
        row=np.arange(1, start.size + 1, dtype=np.int64),
        start=start,
        day=day,
        minute=minute,
        **prices,
        symbol=np.zeros(start.size, dtype=np.int64),
        symbols=(symbol.name,),
    )


def _chunks(asked: Sequence[Session]) -> Iterator[list[Session]]:
    """Cut the sessions into runs without a long gap, none longer than a chunk."""
    chunk: list[Session] = []
    for session in asked:
        full = len(chunk) == SESSIONS_A_CHUNK
        if chunk and (full or session.day - chunk[-1].day > timedelta(days=7)):
            yield chunk
            chunk = []
        chunk.append(session)
    if chunk:
        yield chunk


def describe(pulled: Pulled) -> dict[str, object]:
    """Return a pull as plain JSON values."""
    return {
        "file": str(pulled.file),
        **{
            name: [day.isoformat() for day in getattr(pulled, name)]
            for name in ("there", "pulled", "without", "holed")
        },
        "findings": [finding.as_json() for finding in pulled.findings],
    }
