"""The planned windows: those that the venue's listing fixes, each to begin by its own schedule.

A plan keeps what its window was made of, so that the books of a day find it under any later
calendar of releases.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from kalshi_alpha.clock import from_iso, iso
from kalshi_alpha.cloud.table import Table
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.windows import Window

_PLAN = "PLAN"


@dataclass(frozen=True, slots=True)
class Plan:
    """One planned window.

    Attributes:
        window: with its release.
        events: the listed events it quotes, by the venue's tickers.
        at: when this was last decided.
        cancelled: why it will not begin; empty while it is to.
    """

    window: Window
    events: tuple[str, ...]
    at: datetime
    cancelled: str = ""


class PlanStore:
    """The plans in the state table, one item a window, which begins with its New York day."""

    def __init__(self, table: Table, registry: Registry) -> None:
        self._table, self._registry = table, registry

    def keep(self, plan: Plan) -> None:
        """Write a plan in the place of what was planned of its window.

        Raises:
            DataError: when its window waits for no release.
        """
        release = plan.window.release
        if release is None:
            raise DataError(f"{plan.window.window_id} waits for no release: the calendar fixes it")
        doc = {
            "group": plan.window.group,
            "closes_at": iso(plan.window.fixing),
            "release": {
                "kind": release.kind,
                "period": release.period.isoformat(),
                "at": iso(release.at),
            },
            "events": list(plan.events),
            "at": iso(plan.at),
            "cancelled": plan.cancelled,
        }
        self._table.put(_PLAN, plan.window.window_id, doc)

    def of(self, window_id: str) -> Plan | None:
        """Return the plan of a window, None when there never was one."""
        doc = self._table.get(_PLAN, window_id)
        return None if doc is None else next(self._read([doc]), None)

    def on(self, day: date) -> list[Plan]:
        """Return the plans of a New York day by window id, the cancelled ones too.

        Plans of a group that is traded no more are left out, as its windows are.
        """
        return list(self._read(self._table.query(_PLAN, f"{day:%Y%m%d}-")))

    def _read(self, docs: Iterable[Mapping[str, Any]]) -> Iterator[Plan]:
        from kalshi_alpha.markets.releases import Release  # noqa: PLC0415 - for releases alone

        for doc in docs:
            group = self._registry.groups.get(str(doc["group"]))
            if group is None:
                continue
            said: Mapping[str, str] = doc["release"]
            release = Release(
                said["kind"], date.fromisoformat(said["period"]), from_iso(said["at"])
            )
            closes = from_iso(str(doc["closes_at"]))
            window = Window(group.name, closes, group.series, group.phases, release)
            events = tuple(str(event) for event in doc["events"])
            yield Plan(window, events, from_iso(str(doc["at"])), str(doc["cancelled"]))
