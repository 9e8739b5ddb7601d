"""How far a strategy has come: research, paper, pilot, scaled; and what each may do.

An operator moves it up one step at a time, with a readiness that says GO; anything may move it
down. Only a pilot or a scaled strategy may trade live. A pilot quotes one contract in at most two
bins of a series, and noon alone until the operator widens it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import ArmingError, ConfigurationError
from kalshi_alpha.markets.registry import Caps
from kalshi_alpha.markets.units import SIZE_UNIT
from kalshi_alpha.trading.gates import ALLOW, Verdict, refuse

PILOT_SIZE = SIZE_UNIT  # one contract
PILOT_BINS = 2
FIRST_FIXING = time(12)  # the fullest hour of the above/below ladders, with people at their desks
NOON, ALL = "noon", "all"


class Standing(StrEnum):
    """The four stages, in order."""

    RESEARCH = "research"
    PAPER = "paper"
    PILOT = "pilot"
    SCALED = "scaled"

    @property
    def may_trade_live(self) -> bool:
        """Say whether real orders may be placed at all."""
        return self in (Standing.PILOT, Standing.SCALED)

    @property
    def above(self) -> Standing | None:
        """Return the next stage, None at the top."""
        order = list(Standing)
        place = order.index(self) + 1
        return order[place] if place < len(order) else None


@dataclass(frozen=True, slots=True)
class StandingRecord:
    """Where the strategy stands, since when, and on whose word.

    Attributes:
        standing: the stage.
        fixings: ``noon`` or ``all``; a pilot's only.
        since: New York day from which its evidence counts, None for all of it.
        by: who moved it.
        reason: why, a sentence.
        at: when, ISO; empty when nobody ever did.
        digest: of the readiness bundle it was promoted with.
    """

    standing: Standing = Standing.PAPER
    fixings: str = NOON
    since: date | None = None
    by: str = ""
    reason: str = "nobody has moved it yet"
    at: str = ""
    digest: str = ""

    def to_json(self) -> dict[str, str]:
        """Return texts, as the state keeps them."""
        since = self.since.isoformat() if self.since else ""
        return asdict(self) | {"standing": self.standing.value, "since": since}

    @classmethod
    def from_json(cls, doc: Mapping[str, Any] | None) -> StandingRecord:
        """Read what ``to_json`` wrote; no record is paper, one that is garbled is research."""
        if not doc:
            return cls()
        try:
            since = str(doc.get("since", ""))
            return cls(
                standing=Standing(str(doc["standing"])),
                fixings=ALL if doc.get("fixings") == ALL else NOON,
                since=date.fromisoformat(since) if since else None,
                **{name: str(doc.get(name, "")) for name in ("by", "reason", "at", "digest")},
            )
        except (KeyError, ValueError):
            return cls(Standing.RESEARCH, reason="the record of the standing is garbled")


def promoted(
    now: StandingRecord, *, to: Standing, verdict: str, digest: str, by: str, at: str, today: date
) -> StandingRecord:
    """Return the record one step up.

    Args:
        now: as it stands.
        to: asked for: the stage just above.
        verdict: of the readiness bundle.
        digest: of the bundle.
        by: who asks; a person.
        at: ISO.
        today: evidence for the next step counts from here.

    Raises:
        ArmingError: when a step is left out, or the evidence does not say GO.
    """
    if now.standing.above is not to:
        up = now.standing.above
        raise ArmingError(
            f"from {now.standing} the next step is {up or 'nowhere'}, and {to} was asked for"
        )
    if to is not Standing.PAPER and verdict != "GO":
        raise ArmingError(f"{to} needs a readiness that says GO, and the bundle says {verdict}")
    if to is not Standing.PAPER and not digest:
        raise ArmingError(f"{to} needs the digest of a readiness bundle: kalshi-alpha pilot bundle")
    if not by.strip():
        raise ArmingError("a promotion needs a name: nobody asked for it")
    why = f"promoted from {now.standing} with the bundle {digest[:12]}"
    return StandingRecord(to, NOON, today, by, why, at, digest)


def demoted(
    now: StandingRecord, *, reason: str, by: str, at: str, today: date
) -> StandingRecord | None:
    """Return the record back at paper with the reason; None where nothing is to be taken away."""
    if not now.standing.may_trade_live:
        return None
    return StandingRecord(Standing.PAPER, NOON, today, by, reason, at)


def widened(now: StandingRecord, *, by: str, at: str) -> StandingRecord:
    """Return a pilot's record with every fixing open to it.

    Raises:
        ConfigurationError: when there is no pilot.
    """
    if now.standing is not Standing.PILOT:
        raise ConfigurationError(f"only a pilot can be widened, and this is {now.standing}")
    return replace(now, fixings=ALL, by=by, at=at, reason="every fixing opened")


def pilot_caps(caps: Caps, record: StandingRecord) -> Caps:
    """Return the caps of a series; anything below scaled is held to one contract in two bins."""
    if record.standing is Standing.SCALED:
        return caps
    return replace(
        caps, max_size=min(caps.max_size, PILOT_SIZE), max_bins=min(caps.max_bins, PILOT_BINS)
    )


def pilot_fixing(record: StandingRecord, fixing: datetime) -> Verdict:
    """Refuse a live pilot any fixing but noon until it has been widened."""
    hour = fixing.astimezone(NEW_YORK).time()
    if record.standing is not Standing.PILOT or record.fixings == ALL or hour == FIRST_FIXING:
        return ALLOW
    return refuse(
        "pilot-fixing",
        f"a pilot quotes noon alone, and this fixing is at {hour:%H:%M}; "
        "widen it with kalshi-alpha pilot widen",
    )
