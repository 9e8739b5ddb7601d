"""The ledger as a journal: gather what the steps wrote, seal a day, prove it all again.

The rows of the ledger table stay the one source: no step books anything. A day is closed by
sealing what is not sealed yet; the table keeps the seal, the artifact store the lines. Whoever
reads the lines proves each of them, and that none is missing at the end.

============================================  ====================================================
artifact                                      what
============================================  ====================================================
``ledger/<book>/<date>-<seal>.parquet``       the lines that a close sealed
``ledger/<book>/<date>.json``                 the close: which file, up to which line, its seal
``ledger/<book>/verified/<instant>.json``     what a proof against the venue found
============================================  ====================================================
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from types import ModuleType
from typing import Any

from kalshi_alpha import __version__
from kalshi_alpha.clock import NEW_YORK, iso
from kalshi_alpha.cloud.artifacts import ArtifactStore
from kalshi_alpha.errors import DataError, InvariantBroken, Refusal
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.trading.accounts import Entry
from kalshi_alpha.trading.entries import entries_of, transfer_entry
from kalshi_alpha.trading.journal import FIRST, Journal, Line
from kalshi_alpha.trading.verification import Verification

# A market is settled within a week of its close, says the venue; what comes later is not looked for
LOOK_BACK_DAYS = 10
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Close:
    """A sealed day: the last line, its seal, the seal it continued, and where the lines are."""

    book: str
    day: date
    lines: int
    head: str
    previous: str
    file: str
    doc: Mapping[str, Any]

    @classmethod
    def from_doc(cls, doc: Mapping[str, Any]) -> Close:
        """Read a close; raise ``DataError`` when it is none."""
        try:
            if doc["schema"] != SCHEMA:
                raise DataError(f"a close of schema {doc['schema']!r}, not {SCHEMA}")
            day = date.fromisoformat(doc["day"])
            head, previous = str(doc["head"]), str(doc["previous"])
            kept = {name: value for name, value in doc.items() if name != "sk"}
            return cls(doc["book"], day, int(doc["lines"]), head, previous, doc["file"], kept)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"a close of the ledger cannot be read: {error!r}") from error


def gather(runtime: Runtime, book: str, first: date, last: date) -> list[Entry]:
    """Return the entries of a book's windows from ``first`` to ``last``, and its transfers."""
    found = [transfer_entry(row) for row in runtime.ledger.transfers(book)]
    for offset in range((last - first).days + 1):
        day = first + timedelta(offset)
        for window in runtime.windows_on(day):
            rows = list(runtime.ledger.entries(window.window_id))
            if rows and _book_of(runtime, window.window_id) == book:
                found += entries_of(window.window_id, rows, book)
    return found


def read_journal(store: ArtifactStore, book: str, closes: Sequence[Close] | None = None) -> Journal:
    """Read a book's sealed lines, and prove them.

    Args:
        store: where the closes were written.
        book: ``paper``, ``twin`` or ``live``.
        closes: by the ledger table, which knows of each; None: those in the store.

    Raises:
        InvariantBroken: at the first line that is not what was sealed.
        DataError: when a file is missing or no journal.
    """
    found = stored_closes(store, book) if closes is None else closes
    return Journal.read(book, _proved(store, found))


def stored_closes(store: ArtifactStore, book: str) -> list[Close]:
    """Return the closes in a store, by day."""
    keys = [key for key in store.keys(f"ledger/{book}/") if _is_close(key, book)]
    return [Close.from_doc(json.loads(store.read(key))) for key in sorted(keys)]


def table_closes(runtime: Runtime, book: str) -> list[Close]:
    """Return the closes that the ledger table knows of, by day."""
    return [Close.from_doc(doc) for doc in runtime.ledger.closes(book)]


def close_day(runtime: Runtime, book: str, day: date) -> Close:
    """Seal what happened up to the end of a New York day; a day that is closed stays as it is.

    Raises:
        Refusal: when the day has not begun, or a later one is closed already.
        InvariantBroken: when the ledger tells something else than what is sealed.
    """
    now = runtime.clock.now()
    closes = table_closes(runtime, book)
    if day > now.astimezone(NEW_YORK).date():
        raise Refusal(f"{day} has not begun: it cannot be closed")
    if closes and closes[-1].day >= day:
        return _closed_before(runtime, closes, day)
    journal = read_journal(runtime.artifacts, book, closes)
    previous = journal.head
    entries = gather(runtime, book, day - timedelta(LOOK_BACK_DAYS), day)
    lines = journal.append(entry for entry in entries if entry.at < end_of(day))
    doc = {
        "schema": SCHEMA,
        "book": book,
        "day": day.isoformat(),
        "closed_at": iso(now),
        "lines": len(journal.lines),
        "head": journal.head,
        "previous": previous,
        "file": f"ledger/{book}/{day.isoformat()}-{journal.head[:12]}.parquet",
        "balances": journal.balances().to_json(),
        "code_version": __version__,
        "registry_hash": runtime.registry.hash,
        "stage": runtime.settings.stage,
    }
    runtime.artifacts.write(str(doc["file"]), _files().write(lines, doc))
    if not runtime.ledger.record_close(book, day, doc):
        return _closed_before(runtime, table_closes(runtime, book), day)
    return _told(runtime.artifacts, Close.from_doc(doc))


def open_journal(runtime: Runtime, book: str) -> Journal:
    """Return the sealed journal with what has happened since: booked, not sealed."""
    closes = table_closes(runtime, book)
    journal = read_journal(runtime.artifacts, book, closes)
    today = runtime.clock.now().astimezone(NEW_YORK).date()
    first = min([today, *(close.day for close in closes[-1:])]) - timedelta(LOOK_BACK_DAYS)
    journal.append(gather(runtime, book, first, today))
    return journal


def keep(store: ArtifactStore, verification: Verification) -> str:
    """Write what a proof found beside the earlier ones; return its key."""
    stamp = f"{verification.verified_at.astimezone(UTC):%Y%m%dT%H%M%S%fZ}"
    key = f"ledger/{verification.book}/verified/{stamp}.json"
    text = json.dumps(verification.to_json(), indent=1, sort_keys=True) + "\n"
    store.write(key, text.encode())
    return key


def last_verification(store: ArtifactStore, book: str) -> Verification | None:
    """Return what the last proof of a book found, None when it was never proved."""
    keys = store.keys(f"ledger/{book}/verified/")
    return Verification.from_json(store.read(keys[-1])) if keys else None


def start_of(day: date) -> datetime:
    """Return the New York midnight that begins a day."""
    return datetime.combine(day, time(), NEW_YORK).astimezone(UTC)


def end_of(day: date) -> datetime:
    """Return the New York midnight that ends a day."""
    return start_of(day + timedelta(days=1))


def _proved(store: ArtifactStore, closes: Sequence[Close]) -> Iterator[Line]:
    """Yield the lines of the closes; each must end where it was sealed."""
    head, count, files = FIRST, 0, _files()
    for close in closes:
        if close.previous != head:
            raise InvariantBroken(
                f"the close of {close.day} continues {close.previous[:12]}, and the one before it "
                f"ends with {head[:12]}: a close of the {close.book} journal is missing"
            )
        for line in files.read(store.read(close.file), close.file):
            head, count = line.digest, count + 1
            yield line
        if (head, count) != (close.head, close.lines):
            raise InvariantBroken(
                f"{close.file} ends with line {count} ({head[:12]}) and was sealed at line "
                f"{close.lines} ({close.head[:12]}): lines are missing at its end"
            )


def _files() -> ModuleType:
    """Return the module of the files' format: pyarrow loads when a file is at hand, not before."""
    from kalshi_alpha.steps import journal_file  # noqa: PLC0415

    return journal_file


def _closed_before(runtime: Runtime, closes: Sequence[Close], day: date) -> Close:
    for close in closes:
        if close.day == day:
            return _told(runtime.artifacts, close)
    raise Refusal(
        f"{day} cannot be closed after {closes[-1].day}; what became known of it late is in the "
        "next close"
    )


def _told(store: ArtifactStore, close: Close) -> Close:
    text = json.dumps(close.doc, indent=1, sort_keys=True) + "\n"
    store.write(f"ledger/{close.book}/{close.day.isoformat()}.json", text.encode())
    return close


def _book_of(runtime: Runtime, window_id: str) -> str:
    """Return the book of a window: that of the broker which its preflight found."""
    record = runtime.state.window(window_id) or {}
    return str(record.get("broker") or runtime.settings.broker)


def _is_close(key: str, book: str) -> bool:
    name = key.removeprefix(f"ledger/{book}/")
    return name.endswith(".json") and "/" not in name
