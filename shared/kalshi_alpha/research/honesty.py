"""Claimed edge against realised, bin by bin: what is believed of the next claim.

For each bin the mean of realised less claimed has an error by days, never less than what outcomes
that hang together would give by our own probabilities. Bins are shrunk towards what all of them
say together (normal-normal empirical Bayes; DerSimonian and Laird, 1986, for the spread between
bins), so that a bin of three fills says little and one of three hundred much. A weight is the
share of the claim that is left. A running sum (CuSum; Page, 1954) of what was earned less what was
claimed finds a bin that has gone wrong lately while its mean still looks well.
See docs/math/honesty.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.units import SIZE_UNIT
from kalshi_alpha.research.graded import DayGrade
from kalshi_alpha.trading.criteria import counted
from kalshi_alpha.trading.evidence import mean_by_days
from kalshi_alpha.trading.grades import GradedFill
from kalshi_alpha.trading.honesty import BinWeight, Honesty

ALL = "all"
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Rules:
    """How a weight is made.

    Attributes:
        days: calendar days back that fills are looked at: rolling windows forget.
        lifetime: days that the artifact may be used.
        fewest_days: with fills of fewer days a bin is held to one contract.
        least_weight: below this a bin is off.
        prior_spread: standard deviation of a bin's true gap before anything is known, dollars: as
            large as the threshold of a claim, which may well be an illusion.
        cusum_slack: of the running sum, in deviations a day: half the shift that is looked for.
        cusum_alarm: where it rings.
    """

    days: int = 28
    lifetime: int = 7
    fewest_days: int = 5
    least_weight: float = 0.25
    prior_spread: float = 0.05
    cusum_slack: float = 0.25
    cusum_alarm: float = 5.0


RULES = Rules()


@dataclass(frozen=True, slots=True)
class Gap:
    """Realised less claimed in one bin, dollars a contract.

    Attributes:
        claimed: mean claim.
        gap: mean of realised less claimed.
        error: its standard error.
        n: fills.
        days: on how many days.
        cusum: height of the running sum at the last day, in deviations.
    """

    claimed: float
    gap: float
    error: float
    n: int
    days: int
    cusum: float


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A bin's gap once every bin has been heard, with its standard error."""

    gap: float
    error: float


def fit_honesty(
    days: Sequence[DayGrade], *, config_hash: str, today: date, rules: Rules = RULES
) -> Honesty:
    """Return the artifact for ``today``, from counted fills of days up to it.

    Args:
        days: graded, in any order; those of another configuration are left out and counted.
        config_hash: of the registry.
        today: New York day it is made on.
        rules: how.

    Raises:
        DataError: when no day under this configuration is among them.
    """
    oldest = today - timedelta(days=rules.days - 1)
    recent = [one for one in days if oldest <= one.day <= today]
    mine = [one for one in recent if one.config_hash == config_hash]
    if not mine:
        raise DataError(
            f"no day from {oldest} to {today} ran under the configuration {config_hash[:12]}: "
            f"{len(recent)} ran under others, and honesty is of one configuration"
        )
    fills = [fill for one in mine for fill in one.fills if fill.counted]
    gaps = gaps_of(fills, rules)
    pooled = pooled_gap(gaps.values(), rules)
    bins = {key: weigh(gap, shrink(gap, pooled, rules), rules) for key, gap in gaps.items()}
    return Honesty(
        provenance={
            "source": mine[-1].source,
            "first_day": min(one.day for one in mine).isoformat(),
            "days": len(mine),
            "other_configurations": len(recent) - len(mine),
            "fills": len(fills),
            "between_bins_gap": round(pooled.gap, 6),
            "between_bins_spread": round(pooled.spread, 6),
            "rules": asdict(rules),
        },
        config_hash=config_hash,
        as_of=max(one.day for one in mine),
        valid_until=today + timedelta(days=rules.lifetime),
        bins=bins,
        others=_unseen(gaps, pooled, rules),
    )


def gaps_of(fills: Iterable[GradedFill], rules: Rules = RULES) -> dict[str, Gap]:
    """Return each bin's gap, by key in order; fills that do not count must not be among them."""
    by_bin: dict[str, list[GradedFill]] = {}
    for fill in fills:
        by_bin.setdefault(fill.bin, []).append(fill)
    return {key: gap_of(by_bin[key], rules) for key in sorted(by_bin)}


def gap_of(fills: Sequence[GradedFill], rules: Rules = RULES) -> Gap:
    """Return the gap of one bin's fills.

    Raises:
        DataError: without a fill.
    """
    found = mean_by_days([(f.day, _gap(f), f.contracts) for f in fills])
    claimed = mean_by_days([(f.day, f.claimed, f.contracts) for f in fills])
    if found is None or claimed is None:
        raise DataError("a bin without a fill has no gap")
    total = math.fsum(f.contracts for f in fills)
    expected = math.sqrt(math.fsum(s * s for s in _fixing_spreads(fills).values())) / total
    error = expected if math.isnan(found.error) else max(found.error, expected)
    return Gap(claimed.estimate, found.estimate, error, found.n, found.days, cusum_of(fills, rules))


@dataclass(frozen=True, slots=True)
class Pooled:
    """What all bins say together: the mean gap, its error, and the spread between true gaps."""

    gap: float
    error: float
    spread: float


def pooled_gap(gaps: Iterable[Gap], rules: Rules = RULES) -> Pooled:
    """Return the mean of the bins' gaps and the spread between them.

    The spread is DerSimonian and Laird's by moments, and never below ``prior_spread``: with few
    bins it is often 0 by chance, and a 0 would make every bin the mean of all. The mean is shrunk
    towards 0, where a claim is taken at its word, by the same prior.
    """
    rows = list(gaps)
    weights = [1.0 / max(g.error, 1e-9) ** 2 for g in rows]
    spread2 = rules.prior_spread**2
    if len(rows) > 1:
        total = math.fsum(weights)
        mean = math.fsum(w * g.gap for w, g in zip(weights, rows, strict=True)) / total
        scatter = math.fsum(w * (g.gap - mean) ** 2 for w, g in zip(weights, rows, strict=True))
        scale = total - math.fsum(w * w for w in weights) / total
        if scale > 0.0:
            spread2 = max(spread2, (scatter - (len(rows) - 1)) / scale)
    precise = [1.0 / (g.error**2 + spread2) for g in rows]
    certain = math.fsum(precise) + 1.0 / rules.prior_spread**2
    gap = math.fsum(w * g.gap for w, g in zip(precise, rows, strict=True)) / certain
    return Pooled(gap, math.sqrt(1.0 / certain), math.sqrt(spread2))


def shrink(gap: Gap, pooled: Pooled, rules: Rules = RULES) -> Shrunk:
    """Return a bin's gap between its own and that of all, by how much each is worth."""
    del rules
    own, between = gap.error**2, pooled.spread**2
    trust = between / (between + own)
    variance = trust * own + (1.0 - trust) ** 2 * pooled.error**2
    return Shrunk(trust * gap.gap + (1.0 - trust) * pooled.gap, math.sqrt(variance))


def weigh(gap: Gap, shrunk: Shrunk, rules: Rules = RULES) -> BinWeight:
    """Return what is left of a bin's claim, and why anything is taken away."""
    realised = gap.claimed + shrunk.gap
    share = min(1.0, max(0.0, realised / gap.claimed)) if gap.claimed > 0.0 else 0.0
    weight, reason = share, ""
    said = f"of {100 * gap.claimed:.1f} cents claimed {100 * realised:.1f} are believed"
    if gap.cusum >= rules.cusum_alarm:
        weight = 0.0
        reason = (
            f"what it earned less what it claimed has run down {gap.cusum:.1f} deviations, alarm "
            f"at {rules.cusum_alarm:.0f}"
        )
    elif share < rules.least_weight:
        weight, reason = 0.0, f"{said}, under a share of {rules.least_weight}"
    elif share < 1.0:
        reason = said
    few = gap.days < rules.fewest_days
    if few and weight > 0.0:
        days = counted(gap.days, "day")
        held = f"its fills are of {days}, and until {rules.fewest_days} one contract"
        reason = f"{reason}; {held}" if reason else held
    return BinWeight(
        weight=round(weight, 4),
        cap=SIZE_UNIT if few else None,
        reason=f"{reason} ({counted(gap.n, 'fill')} on {counted(gap.days, 'day')})"
        if reason
        else "",
        n=gap.n,
        claimed=round(gap.claimed, 6),
        realised=round(realised, 6),
        low=round(realised - _Z * shrunk.error, 6),
        high=round(realised + _Z * shrunk.error, 6),
    )


def cusum_of(fills: Sequence[GradedFill], rules: Rules = RULES) -> float:
    """Return how far realised less claimed has run down by the last day, in deviations.

    Each day's sum over its standard deviation by our own probabilities is z; the running sum is
    ``max(0, sum - z - slack)``.
    """
    by_day: dict[date, list[GradedFill]] = {}
    for fill in fills:
        by_day.setdefault(fill.day, []).append(fill)
    height = 0.0
    for day in sorted(by_day):
        rows = by_day[day]
        spread = math.sqrt(math.fsum(s * s for s in _fixing_spreads(rows).values()))
        if spread > 0.0:
            z = math.fsum(_gap(f) * f.contracts for f in rows) / spread
            height = max(0.0, height - z - rules.cusum_slack)
    return height


def rolling(
    days: Sequence[DayGrade], lengths: Sequence[int] = (7, 30), rules: Rules = RULES
) -> dict[str, dict[str, Gap]]:
    """Return each bin's gap over the last so many calendar days, and over all of them."""
    if not days:
        return {}
    last = max(one.day for one in days)
    spans: Mapping[str, date] = {
        **{f"{n} days": last - timedelta(days=n - 1) for n in lengths},
        ALL: date.min,
    }
    return {
        name: gaps_of(
            [f for one in days if one.day >= first for f in one.fills if f.counted], rules
        )
        for name, first in spans.items()
    }


def rows_of(honesty: Honesty) -> list[dict[str, Any]]:
    """Return the bins as flat rows, the most fills first."""
    rows = [{"bin": key} | asdict(found) for key, found in honesty.bins.items()]
    return sorted(rows, key=lambda row: (-row["n"], row["bin"]))


def _unseen(gaps: Mapping[str, Gap], pooled: Pooled, rules: Rules) -> BinWeight:
    """Return the weight of a bin nobody has filled in: what all bins say, and one contract."""
    claimed = [g.claimed for g in gaps.values()]
    mean = math.fsum(claimed) / len(claimed) if claimed else 0.0
    share = min(1.0, max(0.0, 1.0 + pooled.gap / mean)) if mean > 0.0 else 1.0
    weight = share if share >= rules.least_weight else 0.0
    reason = "no fill of this bin yet: one contract"
    if share < 1.0:
        reason += f", and the other bins leave {share:.0%} of a claim"
    return BinWeight(round(weight, 4), SIZE_UNIT, reason)


def _gap(fill: GradedFill) -> float:
    return (fill.realised or 0.0) - fill.claimed


def _fixing_spreads(fills: Sequence[GradedFill]) -> dict[str, float]:
    """Return each window's standard deviation in dollars, its fills taken as one bet.

    Contracts of one fixing mostly win and lose together, and opposite sides are rarely held.
    """
    found: dict[str, float] = {}
    for fill in fills:
        found[fill.window_id] = found.get(fill.window_id, 0.0) + fill.spread * fill.contracts
    return found
