"""The criteria of a record that is judged by whole days, as a climate day's is.

Five numbers are the founding document's: thirty clean days, a Sharpe ratio above 1, more than 55 %
of the fills won, a fall under 15 % and 99 % of uptime. They stand beside the project's own
statistics, and none of them is asked before there are days enough to answer. Formulas and limits
are explained in docs/math/graduation.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from kalshi_alpha.trading.criteria import (
    always_valid,
    clustered_t,
    counted,
    counted_fills,
    counting_days,
    drawdown,
    graded_fills,
    judge,
    kill_switch,
    lacking,
    ledger,
    mean,
    parameters_age,
    slippage,
    verdict_of,
    wilson,
)
from kalshi_alpha.trading.evidence import fall_of_risk, sharpe, won_share
from kalshi_alpha.trading.grades import DayResult, day_results
from kalshi_alpha.trading.readiness import (
    GO,
    INSUFFICIENT,
    Criterion,
    Facts,
    Limits,
    Readiness,
)


@dataclass(frozen=True, slots=True)
class DailyLimits(Limits):
    """What is asked for of whole days, beside what is asked for of any record.

    Attributes:
        clean_days: days of clean data, at least; fewer answer none of the questions below.
        clean_share: minutes of a day that must have been up for it to be clean, as a share.
        sharpe: Sharpe's ratio a year, more than.
        won_share: settled fills that won, more than, as a share.
        fall_share: largest fall over the most that stood to be lost on one day, less than.
        uptime: minutes of trading that were up, at least, as a share.
    """

    clean_days: int = 30
    clean_share: float = 0.95
    sharpe: float = 1.0
    won_share: float = 0.55
    fall_share: float = 0.15
    uptime: float = 0.99


@dataclass(frozen=True, slots=True)
class DailyFacts(Facts):
    """Everything a verdict over whole days is made of.

    Attributes:
        clean_days: of ``days`` those that are settled and were up nearly throughout.
        minutes: of trading on the days since the last move of the stage.
        minutes_up: of these, those in which every book was heard and nothing had to be pulled.
    """

    clean_days: tuple[date, ...] = ()
    minutes: int = 0
    minutes_up: int = 0


def judge_days(
    facts: DailyFacts, limits: DailyLimits, *, family: str, notes: Sequence[str] = ()
) -> Readiness:
    """Judge every criterion of a record by days; the answer's order is that of reading."""
    return judge(facts, limits, DAILY_CRITERIA, family=family, notes=notes)


def clean_days(facts: DailyFacts, limits: DailyLimits) -> Criterion:
    """Ask for enough clean days; fewer prove nothing against it."""
    found = len(_clean(facts))
    missing = limits.clean_days - found
    return Criterion(
        "clean-days",
        "Clean days",
        GO if missing <= 0 else INSUFFICIENT,
        f"{counted(found, 'clean day')} of {len(counting_days(facts))} on record"
        + (f": {missing} of {limits.clean_days} are missing." if missing > 0 else "."),
        found,
        limits.clean_days,
        "days",
        len(counting_days(facts)),
        "days",
    )


def sharpe_ratio(facts: DailyFacts, limits: DailyLimits) -> Criterion:
    """Ask what the days earned against their spread, a year."""
    days = _results(facts)
    value = sharpe([one.profit for one in days])
    if value is None:
        said = "A Sharpe ratio needs days whose results differ."
        return lacking("sharpe", "Sharpe ratio a year", said)
    return Criterion(
        "sharpe",
        "Sharpe ratio a year",
        _asked(facts, limits, good=value > limits.sharpe),
        f"{counted(len(days), 'day')}, those without a fill as nothing earned, have a Sharpe ratio "
        f"of {value:.2f} a year; more than {limits.sharpe:g} is asked for.",
        value,
        limits.sharpe,
        "",
        len(days),
        "days",
    )


def win_rate(facts: DailyFacts, limits: DailyLimits) -> Criterion:
    """Ask which share of the settled fills won, after fees."""
    results = [one.realised or 0.0 for one in counted_fills(facts)]
    value = won_share(results)
    if value is None:
        return lacking("win-rate", "Fills won", "No graded fill has settled yet.")
    won = sum(one > 0.0 for one in results)
    low, high = wilson(won, len(results))
    return Criterion(
        "win-rate",
        "Fills won",
        _asked(facts, limits, good=value > limits.won_share),
        f"{won} of {counted(len(results), 'settled fill')} won; more than {limits.won_share:.0%} "
        "is asked for.",
        value,
        limits.won_share,
        "share",
        len(results),
        "fills",
        low,
        high,
    )


def fall(facts: DailyFacts, limits: DailyLimits) -> Criterion:
    """Ask how far the running result fell, over the most that stood to be lost on one day."""
    days, title = _results(facts), "Fall over the most at risk"
    value = fall_of_risk([one.profit for one in days], [one.at_risk for one in days])
    if value is None:
        return lacking("fall", title, "Nothing was ever at risk.")
    most = max(one.at_risk for one in days)
    return Criterion(
        "fall",
        title,
        _asked(facts, limits, good=value < limits.fall_share),
        f"The largest fall from a high was {value:.0%} of the ${most:.2f} that stood to be lost on "
        f"one day; less than {limits.fall_share:.0%} is asked for.",
        value,
        limits.fall_share,
        "share",
        len(days),
        "days",
    )


def uptime(facts: DailyFacts, limits: DailyLimits) -> Criterion:
    """Ask for which share of the minutes of trading everything was heard and nothing pulled."""
    if not facts.minutes:
        return lacking("uptime", "Uptime", "No minute of trading is on record.")
    value, days = facts.minutes_up / facts.minutes, len(counting_days(facts))
    low, high = wilson(facts.minutes_up, facts.minutes)
    return Criterion(
        "uptime",
        "Uptime",
        verdict_of(days >= limits.clean_days, good=value >= limits.uptime),
        f"{facts.minutes_up} of {counted(facts.minutes, 'minute')} of trading were up, "
        f"{value:.2%}; {limits.uptime:.0%} is asked for, over {limits.clean_days} days.",
        value,
        limits.uptime,
        "share",
        facts.minutes,
        "minutes",
        low,
        high,
    )


DAILY_CRITERIA: Sequence[Callable[[DailyFacts, DailyLimits], Criterion]] = (
    clean_days,
    graded_fills,
    mean,
    clustered_t,
    always_valid,
    sharpe_ratio,
    win_rate,
    slippage,
    parameters_age,
    uptime,
    drawdown,
    fall,
    kill_switch,
    ledger,
)


def _clean(facts: DailyFacts) -> list[date]:
    return [day for day in counting_days(facts) if day in facts.clean_days]


def _results(facts: DailyFacts) -> tuple[DayResult, ...]:
    return day_results(counting_days(facts), counted_fills(facts))


def _asked(facts: DailyFacts, limits: DailyLimits, *, good: bool) -> str:
    return verdict_of(len(_clean(facts)) >= limits.clean_days, good=good)
