"""What the running system knows: windows, freeze marks, kill-switch, arming, heartbeats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kalshi_alpha.clock import from_iso, iso
from kalshi_alpha.cloud.table import ConditionFailed, StoreError, Table
from kalshi_alpha.errors import AlreadyStarted


@dataclass(frozen=True, slots=True)
class KillSwitch:
    """The operator's switch; ``on`` is also what an unreadable or missing switch says."""

    on: bool
    reason: str
    by: str = ""
    at: str = ""


class StateStore:
    """The state table, in the words of the use cases."""

    def __init__(self, table: Table) -> None:
        self._table = table

    # --- windows -----------------------------------------------------------------------------

    def claim_window(self, window_id: str, execution: str, at: datetime) -> None:
        """Record that ``execution`` runs this window; raise ``AlreadyStarted`` if another does.

        The same execution may claim again: a retried first step finds its own record.
        """
        try:
            self._table.put(
                _window(window_id),
                "RECORD",
                {"window_id": window_id, "started_at": iso(at)},
                attributes={"execution": execution},
                condition="attribute_not_exists(pk) OR execution = :e",
                values={":e": execution},
            )
        except ConditionFailed:
            raise AlreadyStarted(
                f"the window {window_id} has been started already; each window runs once"
            ) from None

    def window(self, window_id: str) -> dict[str, Any] | None:
        """Return the window's record, or None when it never started."""
        return self._table.get(_window(window_id), "RECORD")

    def extend_window(self, window_id: str, **fields: Any) -> None:
        """Merge ``fields`` into the window's record."""
        record = self.window(window_id) or {"window_id": window_id}
        execution = record.pop("execution", "")
        attributes = {"execution": execution} if execution else {}
        self._table.put(_window(window_id), "RECORD", record | fields, attributes=attributes)

    def put_part(self, window_id: str, part: str, doc: Mapping[str, Any]) -> None:
        """Replace one part of what is known of a window; each part has a single writer."""
        self._table.put(_window(window_id), f"PART#{part}", doc)

    def part(self, window_id: str, part: str) -> dict[str, Any]:
        """Return that part, empty when nobody wrote it."""
        return self._table.get(_window(window_id), f"PART#{part}") or {}

    def freeze(self, window_id: str, reason: str, at: datetime) -> None:
        """Forbid quoting for the rest of the window; the first reason stays."""
        try:
            self._table.put(
                _window(window_id),
                "FREEZE",
                {"reason": reason, "at": iso(at)},
                condition="attribute_not_exists(pk)",
            )
        except ConditionFailed:
            return

    def frozen(self, window_id: str) -> str:
        """Return why the window is frozen, or an empty text."""
        item = self._table.get(_window(window_id), "FREEZE")
        return str(item["reason"]) if item else ""

    def put_fixing(self, window_id: str, symbol: str, value: float, as_of: datetime) -> None:
        """Record our feed's last value at or before the fixing."""
        self._table.put(
            _window(window_id), f"FIXING#{symbol}", {"value": value, "as_of": iso(as_of)}
        )

    def fixing(self, window_id: str, symbol: str) -> float | None:
        """Return our feed's last value at or before the fixing, if the sentry saw one."""
        item = self._table.get(_window(window_id), f"FIXING#{symbol}")
        return float(item["value"]) if item else None

    # --- kill-switch and arming --------------------------------------------------------------

    def kill_switch(self) -> KillSwitch:
        """Read the switch, strongly consistent; missing or unreadable is on."""
        try:
            item = self._table.get("SWITCH", "KILL")
        except StoreError as error:
            return KillSwitch(on=True, reason=f"the kill-switch cannot be read: {error}")
        if item is None:
            return KillSwitch(
                on=True, reason="the kill-switch has never been set; run `kalshi-alpha kill off`"
            )
        return KillSwitch(
            on=item.get("state") != "off",
            reason=str(item.get("reason", "")),
            by=str(item.get("by", "")),
            at=str(item.get("at", "")),
        )

    def set_kill_switch(self, *, on: bool, reason: str, by: str, at: datetime) -> None:
        """Move the switch and keep who did it, when and why."""
        attributes = {"state": "on" if on else "off", "reason": reason, "by": by, "at": iso(at)}
        self._table.put("SWITCH", "KILL", {}, attributes=attributes)
        self._table.put("SWITCH", f"HISTORY#{iso(at)}", {}, attributes=attributes)

    def kill_history(self) -> list[dict[str, Any]]:
        """Return every move of the switch, oldest first."""
        return list(self._table.query("SWITCH", "HISTORY#"))

    def arming(self) -> dict[str, Any] | None:
        """Return the operator's arming record ``{by, at, until}``, or None."""
        return self._table.get("ARMING", "LIVE")

    def arm(self, *, by: str, at: datetime, until: datetime) -> None:
        """Record that live trading is armed until an instant."""
        self._table.put("ARMING", "LIVE", {"by": by, "at": iso(at), "until": iso(until)})

    # --- heartbeats --------------------------------------------------------------------------

    def put_heartbeat(self, symbol: str, doc: Mapping[str, Any]) -> None:
        """Replace the symbol's heartbeat."""
        self._table.put("HEARTBEAT", symbol, doc)

    def heartbeat(self, symbol: str) -> dict[str, Any] | None:
        """Return the symbol's last heartbeat, or None."""
        return self._table.get("HEARTBEAT", symbol)


def arming_expiry(record: Mapping[str, Any] | None) -> datetime | None:
    """Return until when live trading is armed, or None when it is not."""
    return from_iso(str(record["until"])) if record and "until" in record else None


def _window(window_id: str) -> str:
    return f"WINDOW#{window_id}"
