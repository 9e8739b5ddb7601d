"""What played signals came to, by rules chosen on days that were played before them.

Each week that rule is played which earned most against its spread over the days played so far, and
none at all where none earned. The first weeks only teach.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from kalshi_alpha.markets.units import CASH_UNIT, PRICE_UNIT
from kalshi_alpha.research.backtest.fills import Evidence
from kalshi_alpha.research.backtest.records import FillRow
from kalshi_alpha.research.backtest.summary import Sample, by_day, by_period, drawdown_of, row_of
from kalshi_alpha.research.data.findings import Floats
from kalshi_alpha.research.temperature.figures import block_of
from kalshi_alpha.research.temperature.played import COIN, RULES, SIGNALS, Played, Rows, Rule
from kalshi_alpha.research.temperature.replayed import Replayed
from kalshi_alpha.research.temperature.walking import TEST_DAYS
from kalshi_alpha.trading.evidence import fall_of_risk, sharpe, won_share

FEWEST_DAYS, FEWEST_FILLS = 21, 20
_HALF = ("from", "to", "fills", "realised", "realised_low", "realised_high")


def summed(
    played: Sequence[Played], *, first: date | None = None, block: int = 1
) -> list[dict[str, Any]]:
    """Return a row for each strategy and for the same moments with a coin's side.

    ``row_of`` says what the keys of a row mean; never to trade earns 0. Only the first strategy may
    be called an edge: the others are further looks at the same days. It also tells its halves.

    Args:
        played: every event, in order of days.
        first: the first day that counts; those before it only teach.
        block: consecutive days drawn together.
    """
    days = sorted({one.day for one in played})
    found = []
    for name, rules in RULES.items():
        weeks = list(_chosen(played, days, name, rules, first))
        used = Counter(rule.name if rule else "none" for _, rule in weeks)
        rows = {COIN: _gathered(played, name, weeks, lambda one: one.coin)} if weeks else {}
        rows = {name: _gathered(played, name, weeks, lambda one: one.rows), **rows}
        for which, sample_rows in rows.items():
            sample = _sample(played, name, weeks, sample_rows, block)
            events = sum(one.day.isoformat() in set(sample.days) for one in played)
            row = row_of(sample, events, one_of_many=which != SIGNALS)
            title = which if which == name else f"{name}: {COIN}"
            row = {"strategy": title, "rules": dict(used), **row, **readiness_of(sample)}
            if which == SIGNALS:
                row["halves"] = [
                    {key: half[key] for key in _HALF} for half in by_period(sample, events)
                ]
            found.append(row)
    return found


def replayed_rows(found: Mapping[str, Sequence[Replayed]]) -> list[dict[str, Any]]:
    """Return a row for each version of the strategy and for its orders with a coin's sides.

    Only the first may be called an edge: the others are further looks at the same days. Fills of a
    day whose winner is not plain are left out, and counted.
    """
    rows = []
    for k, (name, days) in enumerate(found.items()):
        reasons = sum((Counter(one.reasons) for one in days), Counter[str]())
        for title, which in ((name, "rows"), (f"{name}: {COIN}", "coin")):
            fills = [row for one in days for row in getattr(one, which)]
            settled = tuple(row for row in fills if row.realised is not None)
            orders = sum(one.orders for one in days)
            dates = tuple(one.day.isoformat() for one in days)
            sample = Sample(dates, settled, (), orders, block_of(len(days)))
            row = row_of(sample, len(days), one_of_many=k > 0 or which == "coin")
            row |= {"strategy": title, "unsettled": len(fills) - len(settled)}
            row |= {"refused": sum(one.refused for one in days), "reasons": dict(reasons)}
            rows.append(row | readiness_of(sample))
    return rows


def _chosen(
    played: Sequence[Played],
    days: Sequence[date],
    name: str,
    rules: Sequence[Rule],
    first: date | None,
) -> Iterator[tuple[tuple[date, ...], Rule | None]]:
    """Yield the days of each week with the rule that was best on the days before it."""
    for begin in range(FEWEST_DAYS, len(days), TEST_DAYS):
        week = tuple(
            day for day in days[begin : begin + TEST_DAYS] if first is None or day >= first
        )
        if not week:
            continue
        before = days[:begin]
        daily = {rule: _daily(played, before, name, rule) for rule in rules}
        scores = {rule: _score(profit) for rule, (profit, n) in daily.items() if n >= FEWEST_FILLS}
        best = max(scores, key=lambda rule: scores[rule], default=None)
        if best is not None and scores[best] <= 0.0:
            best = None
        yield week, best


def _daily(
    played: Sequence[Played], days: Sequence[date], name: str, rule: Rule
) -> tuple[Floats, int]:
    """Return a rule's profit on each day, dollars, and its number of fills."""
    place = {day: k for k, day in enumerate(days)}
    profit, fills = np.zeros(len(days)), 0
    for one in played:
        if one.day in place:
            for row in _counted(one.rows[name, rule]):
                profit[place[one.day]] += row.realised or 0.0
                fills += 1
    return profit, fills


def _score(profit: Floats) -> float:
    spread = float(profit.std())
    return float(profit.mean()) / spread if spread > 0.0 else 0.0


def _counted(rows: Rows) -> Iterator[FillRow]:
    return (row for row in rows if row.evidence != Evidence.TOUCHED)


def _gathered(
    played: Sequence[Played],
    name: str,
    weeks: Sequence[tuple[tuple[date, ...], Rule | None]],
    which: Callable[[Played], Mapping[tuple[str, Rule], Rows]],
) -> Rows:
    rule_of = {day: rule for days, rule in weeks for day in days}
    found: list[FillRow] = []
    for one in played:
        rule = rule_of.get(one.day)
        if rule is not None:
            found += which(one)[name, rule]
    return tuple(found)


def _sample(
    played: Sequence[Played],
    name: str,
    weeks: Sequence[tuple[tuple[date, ...], Rule | None]],
    rows: Rows,
    block: int,
) -> Sample:
    rule_of = {day: rule for days, rule in weeks for day in days}
    placed = sum(
        one.orders[name, rule] for one in played if (rule := rule_of.get(one.day)) is not None
    )
    touched = tuple(row for row in rows if row.evidence == Evidence.TOUCHED)
    days = tuple(day.isoformat() for day in rule_of)
    return Sample(days, tuple(_counted(rows)), touched, placed, block)


def readiness_of(sample: Sample) -> dict[str, float | None]:
    """Return Sharpe's ratio a year, win rates, and the deepest fall, in dollars and of the risk.

    The risk is the most that stood to be lost on one day; days without a fill count as 0 profit.
    """
    daily = by_day(sample)
    profits = [float(row["profit"]) for row in daily]
    at_risk: dict[str, float] = {}
    for row in sample.fills:
        price = row.price / PRICE_UNIT
        lost = (price if row.side == "bid" else 1.0 - price) * row.contracts
        fee = row.fee / CASH_UNIT
        at_risk[row.day] = at_risk.get(row.day, 0.0) + lost + fee
    return {
        "sharpe": sharpe(profits),
        "win_rate": won_share([row.realised or 0.0 for row in sample.fills]),
        "win_rate_days": won_share(profits),
        "drawdown": drawdown_of(daily),
        "most_at_risk": max(at_risk.values(), default=0.0),
        "drawdown_of_risk": fall_of_risk(profits, at_risk.values()),
    }
