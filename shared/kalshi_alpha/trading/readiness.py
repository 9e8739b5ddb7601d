"""May it go on? Every criterion with its value, limit, sample and interval, and one verdict.

NO-GO when a criterion is proven bad, INSUFFICIENT while one lacks its sample, GO when all hold.
Nothing here looks anything up: ``Facts`` is everything that is known, and what is not known is
None, which never passes. The criteria and their limits are explained in docs/math/graduation.md.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from kalshi_alpha.clock import iso
from kalshi_alpha.trading.grades import GradedFill
from kalshi_alpha.trading.standing import Standing

SCHEMA = "kalshi-alpha/readiness/1"
GO, NO_GO, INSUFFICIENT = "GO", "NO-GO", "INSUFFICIENT"


@dataclass(frozen=True, slots=True)
class Limits:
    """What is asked for.

    Attributes:
        days: length of the window that fills, mean and t are taken over.
        fewest_fills: graded fills in it.
        least_bp: mean after fees and slippage, basis points of a dollar a contract.
        least_t: day-clustered t of that mean.
        alpha_gap: observed over predicted fills less 1, either way.
        fewest_predicted: fills that the model must have predicted before the gap is judged.
        slippage_bp: slippage less what the fill model said, at most.
        fewest_slipped: fills with a markout before slippage is judged.
        parameters_days: oldest parameters, in days.
        pilot_parameters_days: the same in a pilot.
        freshness_share: scans that a late or silent feed may have stopped.
        heartbeat_share: scans that a missing or stale heartbeat may have stopped.
        fewest_scans: scans before either is judged.
        drawdown: dollars, at most: the week's stop of one series.
        ledger_days: days without a verified ledger, at most.
    """

    days: int = 14
    fewest_fills: int = 300
    least_bp: float = 6.0
    least_t: float = 2.0
    alpha_gap: float = 0.25
    fewest_predicted: float = 50.0
    slippage_bp: float = 100.0
    fewest_slipped: int = 100
    parameters_days: int = 14
    pilot_parameters_days: int = 7
    freshness_share: float = 0.05
    heartbeat_share: float = 0.01
    fewest_scans: int = 100
    drawdown: float = 60.0
    ledger_days: int = 0


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Alpha:
    """Fills that a model predicted and those that came, over quotes that rested."""

    predicted: float
    observed: int
    variance: float
    quotes: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a verdict is made of.

    Attributes:
        now: the instant of the verdict.
        today: its New York day.
        source: whose fills: ``paper``, ``twin`` or ``live``.
        standing: the stage it is now.
        since: first day whose evidence counts, None for the first on record.
        days: New York days on which a window ran, ascending; a day without a fill is one.
        fills: every graded fill of those days.
        ungraded: fills that no quote of ours explains.
        alpha: predicted and observed fills, None without a fill model.
        alpha_missing: why there is none.
        expected_slippage: dollars a contract that the fill model said, 0 without one.
        parameters_as_of: last day the parameters know, None when they cannot be read.
        scans: series scans of the window of days.
        scans_feed: of these stopped by a late, silent or delayed feed.
        scans_heartbeat: of these stopped by the sentry's heartbeat.
        kill_switch_on: None when it could not be read.
        kill_switch_reason: what it says.
        ledger_verified: days on which books and venue were compared.
        ledger_differences: sentences, one for each difference that nobody explained.
        verified_by: what compares a day that nobody has compared.
    """

    now: datetime
    today: date
    source: str
    standing: Standing
    since: date | None
    days: tuple[date, ...]
    fills: tuple[GradedFill, ...]
    ungraded: int = 0
    alpha: Alpha | None = None
    alpha_missing: str = "no fill model is at hand: kalshi-alpha fills fit makes one"
    expected_slippage: float = 0.0
    parameters_as_of: date | None = None
    scans: int = 0
    scans_feed: int = 0
    scans_heartbeat: int = 0
    kill_switch_on: bool | None = None
    kill_switch_reason: str = ""
    ledger_verified: tuple[date, ...] = ()
    ledger_differences: tuple[str, ...] = ()
    verified_by: str = "kalshi-alpha ledger verify"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing asked for, and how it stands; ``low`` and ``high`` end its 95 % interval."""

    name: str
    title: str
    verdict: str
    sentence: str
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    sample: float = 0
    sample_unit: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Readiness:
    """The verdict with everything it rests on; ``family`` is empty for the windows."""

    at: datetime
    source: str
    standing: str
    first_day: date | None
    last_day: date | None
    days: int
    criteria: tuple[Criterion, ...]
    notes: tuple[str, ...] = field(default=())
    family: str = ""

    @property
    def verdict(self) -> str:
        """Return NO-GO if one criterion says so, else INSUFFICIENT if one does, else GO."""
        found = {one.verdict for one in self.criteria}
        return next((word for word in (NO_GO, INSUFFICIENT) if word in found), GO)

    @property
    def sentence(self) -> str:
        """Return the verdict in a sentence: what is missing first."""
        against = [one for one in self.criteria if one.verdict != GO]
        against.sort(key=lambda one: one.verdict != NO_GO)
        if not against:
            return (
                f"All {len(self.criteria)} criteria hold; the next step is an operator's to take."
            )
        return " ".join(one.sentence for one in against)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "schema": SCHEMA,
            **({"family": self.family} if self.family else {}),
            "at": iso(self.at),
            "source": self.source,
            "standing": self.standing,
            "verdict": self.verdict,
            "sentence": self.sentence,
            "first_day": self.first_day.isoformat() if self.first_day else None,
            "last_day": self.last_day.isoformat() if self.last_day else None,
            "days": self.days,
            "notes": list(self.notes),
            "criteria": [asdict(one) for one in self.criteria],
        }
