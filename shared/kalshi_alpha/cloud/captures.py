"""The raw captures in the artifact store, read back in order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from kalshi_alpha.clock import require_aware
from kalshi_alpha.cloud.artifacts import ArtifactStore
from kalshi_alpha.markets.capture import SUFFIX, Heard, day_prefix, read

# A capture holds about a minute; one begun this long before may still hold the first line wanted.
_LONGEST = timedelta(minutes=5)
# Lines are packed about a second after they were heard; only then is their capture begun.
_LATEST = timedelta(minutes=1)


def captured(store: ArtifactStore, since: datetime, until: datetime) -> Iterator[Heard]:
    """Yield what was heard from ``since`` to before ``until``, capture by capture.

    Within one writer's captures the order is that of arrival. Two writers of one time, a process
    and the one that replaced it, follow each other as their captures began.

    Raises:
        DataError: when a capture cannot be read.
    """
    since, until = require_aware(since), require_aware(until)
    for key in capture_keys(store, since, until):
        for heard in read(store.read(key)):
            if since <= heard.at < until:
                yield heard


def capture_keys(store: ArtifactStore, since: datetime, until: datetime) -> Iterator[str]:
    """Yield the keys of the captures that may hold lines of that span, by when they were begun."""
    since, until = since.astimezone(UTC) - _LONGEST, until.astimezone(UTC) + _LATEST
    day = since.date()
    while day <= until.date():
        prefix = day_prefix(day)
        for key in store.keys(prefix):
            begun = key.removeprefix(prefix)[:6]
            if not (key.endswith(SUFFIX) and begun.isdigit()):
                continue
            hour, minute, second = int(begun[:2]), int(begun[2:4]), int(begun[4:])
            at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(
                hours=hour, minutes=minute, seconds=second
            )
            if since <= at < until:
                yield key
        day += timedelta(days=1)
