"""The criteria of a readiness, one function each, in the order in which they are read.

Statistics take only fills that are settled and proven. A criterion whose sample is too small is
INSUFFICIENT whatever its value, and says what is missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, timedelta

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


def judge_readiness(facts: Facts, limits: Limits = LIMITS) -> Readiness:
    """Judge every criterion; the answer's order is that of the reading."""
    notes = []
    if facts.source == "twin":
        notes.append(
            "These fills are from a rehearsal against made-up participants: they show that the "
            "machinery works, and promote nothing."
        )
    days = _counting_days(facts)
    return Readiness(
        at=facts.now,
        source=facts.source,
        standing=facts.standing.value,
        first_day=days[0] if days else None,
        last_day=days[-1] if days else None,
        days=len(days),
        criteria=tuple(ask(facts, limits) for ask in CRITERIA),
        notes=tuple(notes),
    )


# --- what they earn ----------------------------------------------------------------------------


def _fills(facts: Facts, limits: Limits) -> Criterion:
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


def _mean(facts: Facts, limits: Limits) -> Criterion:
    rows = _recent(facts, limits)
    found = mean_by_days([(f.day, f.realised or 0.0, f.contracts) for f in rows])
    if found is None:
        return _lacking("mean", "Mean after fees and slippage", "No graded fill has settled yet.")
    value, ends = found.estimate / BASIS_POINT, found.interval()
    enough = len(rows) >= limits.fewest_fills
    return Criterion(
        "mean",
        "Mean after fees and slippage",
        _when(enough, good=value >= limits.least_bp),
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


def _t(facts: Facts, limits: Limits) -> Criterion:
    rows = _recent(facts, limits)
    found = mean_by_days([(f.day, f.realised or 0.0, f.contracts) for f in rows])
    if found is None or not math.isfinite(found.t):
        return _lacking("t", "Day-clustered t", "A t by days needs fills of two days that differ.")
    return Criterion(
        "t",
        "Day-clustered t",
        _when(len(rows) >= limits.fewest_fills, good=found.t >= limits.least_t),
        f"The mean is {found.t:.2f} of its errors by days, against {limits.least_t:.0f} asked for.",
        found.t,
        limits.least_t,
        "",
        found.days,
        "days",
    )


def _always_valid(facts: Facts, limits: Limits) -> Criterion:
    del limits
    days = day_results(_counting_days(facts), _counted(facts))
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
    rows = _counted(facts)
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
        return _lacking("alpha-gap", title, f"No fill was predicted: {facts.alpha_missing}.")
    gap = found.observed / found.predicted - 1.0
    reach = 1.96 * math.sqrt(found.variance) / found.predicted
    return Criterion(
        "alpha-gap",
        title,
        _when(found.predicted >= limits.fewest_predicted, good=abs(gap) <= limits.alpha_gap),
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


def _slippage(facts: Facts, limits: Limits) -> Criterion:
    title = "Slippage drift"
    rows = [
        (one.day, slipped - facts.expected_slippage, one.contracts)
        for one in _recent(facts, limits)
        if one.markouts and (slipped := one.slippage(min(one.markouts))) is not None
    ]
    found = mean_by_days(rows)
    if found is None:
        return _lacking("slippage", title, "No fill has a markout yet.")
    value, ends = found.estimate / BASIS_POINT, found.interval()
    return Criterion(
        "slippage",
        title,
        _when(found.n >= limits.fewest_slipped, good=value <= limits.slippage_bp),
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


def _parameters(facts: Facts, limits: Limits) -> Criterion:
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
        return _lacking(name, title, "No scan is on record.")
    value = stopped / scans
    low, high = wilson(stopped, scans)
    return Criterion(
        name, title, _when(scans >= fewest, good=value <= limit),
        f"{stopped} of {scans} scans were stopped by {what}; {limit:.0%} may be, and it takes "
        f"{fewest} scans to say.",
        value, limit, "share", scans, "scans", low, high,
    )  # fmt: skip


def _drawdown(facts: Facts, limits: Limits) -> Criterion:
    days = day_results(_counting_days(facts), _counted(facts))
    if not days:
        return _lacking("drawdown", "Drawdown", "No day is on record.")
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


def _kill_switch(facts: Facts, limits: Limits) -> Criterion:
    del limits
    title = "Kill-switch"
    if facts.kill_switch_on is None:
        return _lacking("kill-switch", title, "The kill-switch is not on this record.")
    if facts.kill_switch_on:
        said = f"The kill-switch is on: {facts.kill_switch_reason}."
        return Criterion("kill-switch", title, NO_GO, said, 1.0, 0.0)
    return Criterion("kill-switch", title, GO, "The kill-switch is off and can be read.", 0.0, 0.0)


def _ledger(facts: Facts, limits: Limits) -> Criterion:
    title, found = "Ledger against venue", facts.ledger_differences
    missing = [day for day in _counting_days(facts) if day not in facts.ledger_verified]
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        verdict, said = NO_GO, f"The ledger differs from the venue: {found[0]}{more}."
    elif facts.ungraded:
        verdict, said = NO_GO, f"{facts.ungraded} fills have no quote of ours that explains them."
    elif not _counting_days(facts) or len(missing) > limits.ledger_days:
        verdict = INSUFFICIENT
        said = (
            f"{len(missing)} days have not been held against the venue: kalshi-alpha ledger verify."
        )
    else:
        verdict, said = GO, "Books and venue agree on every day."
    return Criterion(
        "ledger", title, verdict, said, len(found) + facts.ungraded, 0, "differences",
        len(facts.ledger_verified), "days verified",
    )  # fmt: skip


CRITERIA: Sequence[Callable[[Facts, Limits], Criterion]] = (
    _fills,
    _mean,
    _t,
    _always_valid,
    _alpha_gap,
    _slippage,
    _parameters,
    _freshness,
    _drawdown,
    _kill_switch,
    _heartbeat,
    _ledger,
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


def _counting_days(facts: Facts) -> list[date]:
    first = facts.since or date.min
    return [day for day in facts.days if first <= day <= facts.today]


def _counted(facts: Facts) -> list[GradedFill]:
    first = facts.since or date.min
    return [one for one in facts.fills if one.counted and first <= one.day <= facts.today]


def _recent(facts: Facts, limits: Limits) -> list[GradedFill]:
    oldest = facts.today - timedelta(days=limits.days - 1)
    return [one for one in _counted(facts) if one.day >= oldest]


def _recent_days(facts: Facts, limits: Limits) -> int:
    oldest = facts.today - timedelta(days=limits.days - 1)
    return sum(day >= oldest for day in _counting_days(facts))


def _when(enough: bool, *, good: bool) -> str:
    if not enough:
        return INSUFFICIENT
    return GO if good else NO_GO


def _lacking(name: str, title: str, sentence: str) -> Criterion:
    return Criterion(name, title, INSUFFICIENT, sentence)
