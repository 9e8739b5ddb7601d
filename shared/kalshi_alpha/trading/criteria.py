"""The criteria of a readiness, one function each, in the order in which they are read.

Statistics take only fills that are settled and proven. A criterion whose sample is too small is
INSUFFICIENT whatever its value, and says what is missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import TypeVar

from kalshi_alpha.trading.evidence import ENOUGH, fortune, least_return, mean_by_days, worst_fall
from kalshi_alpha.trading.grades import BASIS_POINT, GradedFill, day_results
from kalshi_alpha.trading.readiness import (
    GO,
    INSUFFICIENT,
    LIMITS,
    NO_GO,
    Criterion,
    Facts,
    Limits,
    Readiness,
)

F = TypeVar("F", bound=Facts)
L = TypeVar("L", bound=Limits)


def judge_readiness(facts: Facts, limits: Limits = LIMITS) -> Readiness:
    """Judge the windows of the index, and of releases; the answer's order is that of reading."""
    return judge(facts, limits, CRITERIA)


def judge(
    facts: F,
    limits: L,
    criteria: Sequence[Callable[[F, L], Criterion]],
    *,
    family: str = "",
    notes: Sequence[str] = (),
) -> Readiness:
    """Judge every criterion of a list; the answer's order is the list's.

    Args:
        facts: everything that is known.
        limits: what is asked for.
        criteria: each a question to both.
        family: whose record it is; empty for the windows.
        notes: sentences to go with it.
    """
    rehearsed = (
        "These fills are from a rehearsal against made-up participants: they show that the "
        "machinery works, and promote nothing."
    )
    days = counting_days(facts)
    return Readiness(
        at=facts.now,
        source=facts.source,
        standing=facts.standing.value,
        first_day=days[0] if days else None,
        last_day=days[-1] if days else None,
        days=len(days),
        criteria=tuple(ask(facts, limits) for ask in criteria),
        notes=(*((rehearsed,) if facts.source == "twin" else ()), *notes),
        family=family,
    )


# --- what they earn ----------------------------------------------------------------------------


def graded_fills(facts: Facts, limits: Limits) -> Criterion:
    """Ask for enough graded fills in the last days."""
    found = len(_recent(facts, limits))
    missing = limits.fewest_fills - found
    return Criterion(
        "fills",
        "Graded fills",
        GO if missing <= 0 else INSUFFICIENT,
        f"{counted(found, 'graded fill')} in the last {limits.days} days"
        + (f": {missing} of {limits.fewest_fills} are missing." if missing > 0 else "."),
        found,
        limits.fewest_fills,
        "fills",
        _recent_days(facts, limits),
        "days",
    )


def mean(facts: Facts, limits: Limits) -> Criterion:
    """Ask what a contract earned after fees, settled."""
    rows = _recent(facts, limits)
    found = mean_by_days([(f.day, f.realised or 0.0, f.contracts) for f in rows])
    if found is None:
        return lacking("mean", "Mean after fees and slippage", "No graded fill has settled yet.")
    value, ends = found.estimate / BASIS_POINT, found.interval()
    enough = len(rows) >= limits.fewest_fills
    return Criterion(
        "mean",
        "Mean after fees and slippage",
        verdict_of(enough, good=value >= limits.least_bp),
        f"They earned {value:+.1f} basis points a contract after fees, settled, against "
        f"{limits.least_bp:.0f} asked for, on {counted(found.n, 'fill')} of "
        f"{counted(found.days, 'day')}.",
        value,
        limits.least_bp,
        "bp",
        found.n,
        "fills",
        ends[0] / BASIS_POINT if ends else None,
        ends[1] / BASIS_POINT if ends else None,
    )


def clustered_t(facts: Facts, limits: Limits) -> Criterion:
    """Ask how far that mean is from nothing, in errors by days."""
    rows = _recent(facts, limits)
    found = mean_by_days([(f.day, f.realised or 0.0, f.contracts) for f in rows])
    if found is None or not math.isfinite(found.t):
        return lacking("t", "Day-clustered t", "A t by days needs fills of two days that differ.")
    return Criterion(
        "t",
        "Day-clustered t",
        verdict_of(len(rows) >= limits.fewest_fills, good=found.t >= limits.least_t),
        f"The mean is {found.t:.2f} of its errors by days, against {limits.least_t:.0f} asked for.",
        found.t,
        limits.least_t,
        "",
        found.days,
        "days",
    )


def always_valid(facts: Facts, limits: Limits) -> Criterion:
    """Ask for a bet that may be looked at every day; a proven loss is NO-GO."""
    del limits
    days = day_results(counting_days(facts), counted_fills(facts))
    returns = [one.on_risk for one in days]
    value, low = fortune(returns), least_return(returns)
    lost = _lost(facts)
    verdict = NO_GO if lost >= ENOUGH else GO if value >= ENOUGH else INSUFFICIENT
    said = (
        f"A bet on the edge has made 1 into {value:.2f} over {counted(len(days), 'day')}, and "
        f"{ENOUGH:.0f} is asked for before a daily look proves anything."
    )
    if verdict == NO_GO:
        said = f"A bet against the edge has made 1 into {lost:.0f}: a loss is proven."
    return Criterion(
        "always-valid", "Evidence under daily looks", verdict, said, value, ENOUGH, "fold",
        len(days), "days", low, None,
    )  # fmt: skip


def _lost(facts: Facts) -> float:
    """Return the fortune of whoever bet on a loss: a gain is at most what the fills could win."""
    rows = counted_fills(facts)
    by_day: dict[date, tuple[float, float]] = {}
    for one in rows:
        profit, most = by_day.get(one.day, (0.0, 0.0))
        gain = (one.realised or 0.0) * one.contracts
        by_day[one.day] = profit + gain, most + one.contracts - one.at_risk
    return fortune(
        max(-1.0, -profit / most) if most > 0.0 else 0.0 for profit, most in by_day.values()
    )


# --- whether the claims hold -------------------------------------------------------------------


def _alpha_gap(facts: Facts, limits: Limits) -> Criterion:
    title, found = "Fills against prediction", facts.alpha
    if found is None or found.predicted <= 0.0:
        return lacking("alpha-gap", title, f"No fill was predicted: {facts.alpha_missing}.")
    gap = found.observed / found.predicted - 1.0
    reach = 1.96 * math.sqrt(found.variance) / found.predicted
    return Criterion(
        "alpha-gap",
        title,
        verdict_of(found.predicted >= limits.fewest_predicted, good=abs(gap) <= limits.alpha_gap),
        f"{found.observed} fills came where the model said {found.predicted:.1f}: a gap of "
        f"{gap:+.0%}, with {limits.alpha_gap:.0%} allowed.",
        gap,
        limits.alpha_gap,
        "share",
        found.quotes,
        "quotes",
        gap - reach,
        gap + reach,
    )


def slippage(facts: Facts, limits: Limits) -> Criterion:
    """Ask how much of the claimed edge was gone soon after the fills."""
    title = "Slippage drift"
    rows = [
        (one.day, slipped - facts.expected_slippage, one.contracts)
        for one in _recent(facts, limits)
        if one.markouts and (slipped := one.slippage(min(one.markouts))) is not None
    ]
    found = mean_by_days(rows)
    if found is None:
        return lacking("slippage", title, "No fill has a markout yet.")
    value, ends = found.estimate / BASIS_POINT, found.interval()
    return Criterion(
        "slippage",
        title,
        verdict_of(found.n >= limits.fewest_slipped, good=value <= limits.slippage_bp),
        f"Fills gave back {value:+.0f} basis points more than predicted soon after, and "
        f"{limits.slippage_bp:.0f} are allowed.",
        value,
        limits.slippage_bp,
        "bp",
        found.n,
        "fills",
        ends[0] / BASIS_POINT if ends else None,
        ends[1] / BASIS_POINT if ends else None,
    )


# --- whether the machine is sound --------------------------------------------------------------


def parameters_age(facts: Facts, limits: Limits) -> Criterion:
    """Ask how old the parameters are; those that cannot be read are NO-GO."""
    pilot = facts.standing.may_trade_live
    limit = limits.pilot_parameters_days if pilot else limits.parameters_days
    if facts.parameters_as_of is None:
        return Criterion(
            "parameters", "Parameters' age", NO_GO, "The parameters cannot be read.", None, limit
        )
    age = (facts.today - facts.parameters_as_of).days
    return Criterion(
        "parameters",
        "Parameters' age",
        GO if 0 <= age <= limit else NO_GO,
        f"The parameters know data to {facts.parameters_as_of}, {counted(age, 'day')} ago; {limit} "
        f"are allowed{' with real orders' if pilot else ''}.",
        age,
        limit,
        "days",
        1,
        "file",
    )


def _freshness(facts: Facts, limits: Limits) -> Criterion:
    return _share(
        "freshness", "Feed freshness", "a late or silent feed", facts.scans_feed, facts.scans,
        limits.freshness_share, limits.fewest_scans,
    )  # fmt: skip


def _heartbeat(facts: Facts, limits: Limits) -> Criterion:
    return _share(
        "heartbeat", "Sentry's heartbeat", "a missing heartbeat", facts.scans_heartbeat,
        facts.scans, limits.heartbeat_share, limits.fewest_scans,
    )  # fmt: skip


def _share(
    name: str, title: str, what: str, stopped: int, scans: int, limit: float, fewest: int
) -> Criterion:
    if not scans:
        return lacking(name, title, "No scan is on record.")
    value = stopped / scans
    low, high = wilson(stopped, scans)
    return Criterion(
        name, title, verdict_of(scans >= fewest, good=value <= limit),
        f"{stopped} of {scans} scans were stopped by {what}; {limit:.0%} may be, and it takes "
        f"{fewest} scans to say.",
        value, limit, "share", scans, "scans", low, high,
    )  # fmt: skip


def drawdown(facts: Facts, limits: Limits) -> Criterion:
    """Ask for the largest fall from a high, by days, in dollars."""
    days = day_results(counting_days(facts), counted_fills(facts))
    if not days:
        return lacking("drawdown", "Drawdown", "No day is on record.")
    fall = worst_fall(one.profit for one in days)
    return Criterion(
        "drawdown",
        "Drawdown",
        GO if fall <= limits.drawdown else NO_GO,
        f"The largest fall from a high, by days, was ${fall:.2f}; ${limits.drawdown:.2f} may be.",
        fall,
        limits.drawdown,
        "dollars",
        len(days),
        "days",
    )


def kill_switch(facts: Facts, limits: Limits) -> Criterion:
    """Ask whether the switch can be read and is off."""
    del limits
    title = "Kill-switch"
    if facts.kill_switch_on is None:
        return lacking("kill-switch", title, "The kill-switch is not on this record.")
    if facts.kill_switch_on:
        said = f"The kill-switch is on: {facts.kill_switch_reason}."
        return Criterion("kill-switch", title, NO_GO, said, 1.0, 0.0)
    return Criterion("kill-switch", title, GO, "The kill-switch is off and can be read.", 0.0, 0.0)


def ledger(facts: Facts, limits: Limits) -> Criterion:
    """Ask whether books and venue agree, on every day."""
    title, found = "Ledger against venue", facts.ledger_differences
    missing = [day for day in counting_days(facts) if day not in facts.ledger_verified]
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        verdict, said = NO_GO, f"The ledger differs from the venue: {found[0]}{more}."
    elif facts.ungraded:
        verdict, said = NO_GO, f"{facts.ungraded} fills have no quote of ours that explains them."
    elif not counting_days(facts) or len(missing) > limits.ledger_days:
        verdict = INSUFFICIENT
        said = f"{len(missing)} days have not been held against the venue: {facts.verified_by}."
    else:
        verdict, said = GO, "Books and venue agree on every day."
    return Criterion(
        "ledger", title, verdict, said, len(found) + facts.ungraded, 0, "differences",
        len(facts.ledger_verified), "days verified",
    )  # fmt: skip


CRITERIA: Sequence[Callable[[Facts, Limits], Criterion]] = (
    graded_fills,
    mean,
    clustered_t,
    always_valid,
    _alpha_gap,
    slippage,
    parameters_age,
    _freshness,
    drawdown,
    kill_switch,
    _heartbeat,
    ledger,
)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it is one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def wilson(count: int, of: int) -> tuple[float, float]:
    """Return the ends of Wilson's 95 % interval of a share (Wilson, 1927)."""
    z2 = 1.96 * 1.96
    middle = (count + z2 / 2.0) / (of + z2)
    reach = 1.96 * math.sqrt(count * (of - count) / of + z2 / 4.0) / (of + z2)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def counting_days(facts: Facts) -> list[date]:
    """Return the days whose evidence counts: since the last move of the stage."""
    first = facts.since or date.min
    return [day for day in facts.days if first <= day <= facts.today]


def counted_fills(facts: Facts) -> list[GradedFill]:
    """Return the settled and proven fills of those days."""
    first = facts.since or date.min
    return [one for one in facts.fills if one.counted and first <= one.day <= facts.today]


def _recent(facts: Facts, limits: Limits) -> list[GradedFill]:
    oldest = facts.today - timedelta(days=limits.days - 1)
    return [one for one in counted_fills(facts) if one.day >= oldest]


def _recent_days(facts: Facts, limits: Limits) -> int:
    oldest = facts.today - timedelta(days=limits.days - 1)
    return sum(day >= oldest for day in counting_days(facts))


def verdict_of(enough: bool, *, good: bool) -> str:
    """Return GO or NO-GO, INSUFFICIENT without enough of a sample."""
    if not enough:
        return INSUFFICIENT
    return GO if good else NO_GO


def lacking(name: str, title: str, sentence: str) -> Criterion:
    """Return a criterion of which nothing is known."""
    return Criterion(name, title, INSUFFICIENT, sentence)
