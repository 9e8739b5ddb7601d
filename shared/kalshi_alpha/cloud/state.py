"""What the running system knows: windows, freeze marks, kill-switch, arming, heartbeats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

from kalshi_alpha.clock import from_iso, iso, require_aware
from kalshi_alpha.cloud.table import ConditionFailed, StoreError, Table
from kalshi_alpha.errors import AlreadyStarted, KillSwitchOn


@dataclass(frozen=True, slots=True)
class KillSwitch:
    """The operator's switch; ``on`` is also what an unreadable or missing switch says."""

    on: bool
    reason: str
    by: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class CoolOff:
    """A pause after a loss limit: why, and until when nothing of a series is quoted."""

    reason: str
    until: datetime


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
        """Move the switch and keep who did it, when and why; the history is only added to.

        On comes first and is then written down; off is written down first, and only undoes the move
        that was there when it was asked for. A move made by hand, which wrote no history, is
        entered before it is overwritten.

        Raises:
            KillSwitchOn: when somebody else moved the switch while it was being turned off.
            StoreError: when the table does not answer; the switch may have been turned on.
        """
        move = {"state": "on" if on else "off", "reason": reason, "by": by, "at": iso(at)}
        if on:
            before = self._switch_or_nothing()
            self._put_switch(move)
            self._keep_foreign(before, at)
            self._enter(move, at)
            return
        before = self._table.get("SWITCH", "KILL")
        self._keep_foreign(before, at)
        self._enter(move, at)
        try:
            self._put_switch(move, instead_of=before)
        except ConditionFailed:
            raise KillSwitchOn(
                "the kill-switch was moved by somebody else just now and stays as it is; read "
                "`kalshi-alpha kill history` and decide again"
            ) from None

    def kill_history(self) -> list[dict[str, Any]]:
        """Return every move of the switch, oldest first; one made by hand is last until entered."""
        entered = list(self._table.query("SWITCH", "HISTORY#"))
        found = self._table.get("SWITCH", "KILL")
        return entered + ([_by_hand(found)] if _is_foreign(found, entered) else [])

    def _put_switch(
        self, move: Mapping[str, str], *, instead_of: Mapping[str, Any] | None = None
    ) -> None:
        attributes = dict(move) | {"moved": f"{move['at']} {move['by']}"}
        if move["state"] == "on":
            self._table.put("SWITCH", "KILL", {}, attributes=attributes)
            return
        known = (instead_of or {}).get("moved")
        condition = "moved = :m" if known else "attribute_not_exists(moved)"
        values = {":m": str(known)} if known else None
        self._table.put(
            "SWITCH", "KILL", {}, attributes=attributes, condition=condition, values=values
        )

    def _switch_or_nothing(self) -> dict[str, Any] | None:
        try:
            return self._table.get("SWITCH", "KILL")
        except StoreError:
            return None  # turning it on must not fail on reading it

    def _keep_foreign(self, found: Mapping[str, Any] | None, at: datetime) -> None:
        if _is_foreign(found, list(self._table.query("SWITCH", "HISTORY#"))):
            self._enter(_by_hand(found), at)

    def _enter(self, move: Mapping[str, str], at: datetime) -> None:
        """Add to the history; two moves of one instant are both kept, in their order."""
        instant = require_aware(at).isoformat(timespec="microseconds")  # sorts as text
        for number in count():
            try:
                self._table.put(
                    "SWITCH",
                    f"HISTORY#{instant}#{number:03d}",
                    {},
                    attributes={k: str(v) for k, v in move.items()},
                    condition="attribute_not_exists(pk)",
                )
            except ConditionFailed:
                continue
            return

    def arming(self) -> dict[str, Any] | None:
        """Return the operator's arming record ``{by, at, until}``, or None."""
        return self._table.get("ARMING", "LIVE")

    def arm(self, *, by: str, at: datetime, until: datetime) -> None:
        """Record that live trading is armed until an instant."""
        self._table.put("ARMING", "LIVE", {"by": by, "at": iso(at), "until": iso(until)})

    # --- standing ----------------------------------------------------------------------------

    def standing(self) -> dict[str, Any] | None:
        """Return the strategy's standing as it was last written, None when it never was."""
        return self._table.get("STAGE", "NOW")

    def move_standing(self, doc: Mapping[str, str], at: datetime) -> None:
        """Write a standing down in the history, then make it the one that holds.

        Whoever dies between the two leaves a history with one move more, never one less.
        """
        instant = _sortable(at)
        for number in count():
            try:
                self._table.put(
                    "STAGE",
                    f"HISTORY#{instant}#{number:03d}",
                    doc,
                    condition="attribute_not_exists(pk)",
                )
                break
            except ConditionFailed:
                continue  # two moves of one instant are both kept
        self._table.put("STAGE", "NOW", doc)

    def standing_history(self) -> list[dict[str, Any]]:
        """Return every standing there was, oldest first."""
        return list(self._table.query("STAGE", "HISTORY#"))

    # --- cool-off ----------------------------------------------------------------------------

    def cool_off(self, series: str, *, reason: str, at: datetime, until: datetime) -> None:
        """Stop quoting a series until an instant; a later end replaces an earlier, never back."""
        known = self._table.get("COOLOFF", series)
        if known and from_iso(str(known["until"])) >= until:
            return
        self._table.put("COOLOFF", series, {"reason": reason, "at": iso(at), "until": iso(until)})

    def cooling_off(self, series: str, now: datetime) -> CoolOff | None:
        """Return why and until when a series is not quoted, or None."""
        item = self._table.get("COOLOFF", series)
        if item is None or now >= from_iso(str(item["until"])):
            return None
        return CoolOff(str(item["reason"]), from_iso(str(item["until"])))

    # --- heartbeats --------------------------------------------------------------------------

    def hold_watch(self, holder: str, at: datetime, until: datetime, name: str = "WATCH") -> bool:
        """Be the one sentry until an instant, or stay it; return False while another one is."""
        try:
            self._table.put(
                "HEARTBEAT",
                name,
                {},
                attributes={"holder": holder, "held_until": _sortable(until)},
                condition="attribute_not_exists(pk) OR holder = :h OR held_until < :n",
                values={":h": holder, ":n": _sortable(at)},
            )
        except ConditionFailed:
            return False
        return True

    def put_heartbeat(self, symbol: str, doc: Mapping[str, Any]) -> None:
        """Replace the symbol's heartbeat."""
        self._table.put("HEARTBEAT", symbol, doc)

    def heartbeat(self, symbol: str) -> dict[str, Any] | None:
        """Return the symbol's last heartbeat, or None."""
        return self._table.get("HEARTBEAT", symbol)


def arming_expiry(record: Mapping[str, Any] | None) -> datetime | None:
    """Return until when live trading is armed, or None when it is not."""
    return from_iso(str(record["until"])) if record and "until" in record else None


def _sortable(at: datetime) -> str:
    return require_aware(at).isoformat(timespec="microseconds")


def _is_foreign(found: Mapping[str, Any] | None, entered: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether the switch was last moved without writing history: by phone, say."""
    if found is None:
        return False
    facts = ("state", "reason", "by", "at")
    return not any(all(e.get(f) == found.get(f) for f in facts) for e in entered)


def _by_hand(found: Mapping[str, Any] | None) -> dict[str, str]:
    item = found or {}
    return {
        "state": str(item.get("state", "on")),
        "reason": str(item.get("reason", "")),
        "by": str(item.get("by", "by hand")),
        "at": str(item.get("at", "")),
    }


def _window(window_id: str) -> str:
    return f"WINDOW#{window_id}"
