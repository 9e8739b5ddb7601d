"""Grade the day: keep its grades, honesty, scoreboard and readiness, and take real orders away.

Runs after the last window of a day, or after any window: it may be repeated. It can only demote.
Research does the appraising and is handed in, for the steps do not know it. A strategy with real
orders whose day cannot be appraised is demoted too: what cannot be shown to be well is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from kalshi_alpha.clock import NEW_YORK, iso
from kalshi_alpha.cloud.artifacts import ArtifactStore
from kalshi_alpha.cloud.state import KillSwitch
from kalshi_alpha.errors import DataError, KalshiAlphaError
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.sessions import Sessions
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.trading.standing import StandingRecord, demoted


@dataclass(frozen=True, slots=True)
class Question:
    """What an appraisal is made of."""

    store: ArtifactStore
    registry: Registry
    sessions: Sessions
    day: date
    now: datetime
    standing: StandingRecord
    kill_switch: KillSwitch


Answer = tuple[Mapping[str, bytes], str, Mapping[str, float]]


def run(
    request: Mapping[str, Any], runtime: Runtime, appraise: Callable[[Question], Answer]
) -> dict[str, Any]:
    """Grade the day of ``{"day": "2025-11-04"}``, or today.

    ``appraise`` returns the files to keep by key, why real orders must stop, and counts.

    Raises:
        DataError: for a day that is none, or one on which no window ran.
    """
    now = runtime.clock.now()
    day = _day(request, now)
    standing = runtime.standing
    asked = Question(
        runtime.artifacts, runtime.registry, runtime.sessions, day, now, standing,
        runtime.state.kill_switch(),
    )  # fmt: skip
    try:
        files, why, counts = appraise(asked)
    except KalshiAlphaError as error:
        if runtime.sessions.on(day) is not None:
            _demote(runtime, standing, f"{day} could not be appraised: {error}", day)
        raise
    moved = _demote(runtime, standing, why, day) if why else None
    for key, data in files.items():
        runtime.artifacts.write(key, data)
    return {
        "day": day.isoformat(),
        "standing": (moved or standing).standing.value,
        "demoted": moved.reason if moved else "",
        "files": sorted(files),
        "metrics": {**counts, "Demoted": int(moved is not None)},
    }


def _demote(
    runtime: Runtime, standing: StandingRecord, why: str, today: date
) -> StandingRecord | None:
    now = runtime.clock.now()
    moved = demoted(standing, reason=why, by="grade_day", at=iso(now), today=today)
    if moved is not None:
        runtime.state.move_standing(moved.to_json(), now)
    return moved


def _day(request: Mapping[str, Any], now: datetime) -> date:
    said = request.get("day")
    if said is None:
        return now.astimezone(NEW_YORK).date()
    try:
        return date.fromisoformat(str(said))
    except ValueError:
        raise DataError(f"{str(said)[:20]!r} is no day; write one as 2025-11-04") from None
