"""From files to a finished backtest: what ``kalshi-alpha backtest`` works out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import kalshi_alpha
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.units import CENT
from kalshi_alpha.research.backtest.days import (
    DayPlayed,
    Job,
    Progress,
    fingerprint_of,
    of_setting,
    run_days,
)
from kalshi_alpha.research.backtest.loading import (
    Loaded,
    Sources,
    load,
    missing_by_rule,
    require_outcomes,
)
from kalshi_alpha.research.backtest.settings import Settings
from kalshi_alpha.research.backtest.summary import (
    ALL,
    Sample,
    by_bin,
    by_day,
    by_minute,
    by_period,
    by_side,
    drawdown_of,
    row_of,
    sample_of,
)
from kalshi_alpha.research.backtest.when import choose_when

SCHEMA = "kalshi-alpha/backtest/1"
BASE = "base"
NULLS = ("mid", "random", "never")
UNLIMITED_BINS = 50


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    Attributes:
        sources: the files.
        settings: of the strategy that is judged.
        sensitivity: whether it is played again with other assumptions.
        block: consecutive days an interval draws together.
        keep_why: whether the why-records are kept with the days.
    """

    sources: Sources
    settings: Settings
    sensitivity: bool = True
    block: int = 1
    keep_why: bool = False


@dataclass(frozen=True, slots=True)
class Backtest:
    """A finished backtest: the document, and the base setting's days."""

    document: dict[str, Any]
    days: tuple[DayPlayed, ...]


def run(
    request: Request,
    registry: Registry,
    folder: Path,
    *,
    workers: int = 1,
    part: tuple[int, int] = (0, 1),
    progress: Progress = lambda done, total: None,
) -> Backtest | None:
    """Load, play and sum up; None for one part of several, whose days are then in ``folder``.

    Raises:
        DataError: for a file that cannot be used.
        ConfigurationError: when files are missing or a number is outside its domain.
    """
    loaded = load(request.sources, registry)
    require_outcomes(loaded.tapes, request.sources.trades[0])
    named = variants(request.settings, sensitivity=request.sensitivity)
    jobs = [
        Job(tape, loaded.parameters[tape.window.day], named, request.keep_why)
        for tape in loaded.tapes
    ]
    fingerprint = fingerprint_of(
        kalshi_alpha.__version__,
        [(name, settings.as_json()) for name, settings in named],
        loaded.provenance,
        loaded.made_with,
        request.keep_why,
    )
    days = run_days(
        jobs, folder, fingerprint, workers=workers, part=part, progress=progress
    )
    if days is None:
        return None
    return _summed(request, registry, loaded, days, [name for name, _ in named], fingerprint)


def variants(settings: Settings, *, sensitivity: bool) -> tuple[tuple[str, Settings], ...]:
    """Return the settings to play: the base, those that know nothing, and other assumptions."""
    found = [(BASE, settings)]
    found += [(name, replace(settings, source=name)) for name in NULLS]
    wide = replace(settings, max_bins=UNLIMITED_BINS, start_s=max(1800.0, settings.start_s))
    found.append(("when", wide))
    if sensitivity:
        other = "offset" if settings.rule == "core" else "core"
        found += [
            *((f"latency {ms:g} ms", replace(settings, latency_ms=ms)) for ms in (0, 1000, 5000)),
            ("through 2 cents", replace(settings, through=2 * CENT)),
            ("through 3 cents", replace(settings, through=3 * CENT)),
            ("book lasts 60 s", replace(settings, memory_s=60.0)),
            ("book lasts 900 s", replace(settings, memory_s=900.0)),
            ("book 1 cent wider", replace(settings, widen=CENT)),
            ("level up to 60 s old", replace(settings, max_age_s=60.0)),
            (f"rule {other}", replace(settings, rule=other)),
        ]
    return tuple(found)


def _summed(
    request: Request,
    registry: Registry,
    loaded: Loaded,
    days: Sequence[dict[str, Any]],
    names: Sequence[str],
    fingerprint: str,
) -> Backtest:
    windows = len(loaded.tapes)
    base = of_setting(days, BASE)
    sample = sample_of(base, block=request.block)
    coverage = _coverage(loaded, base)

    def whole(name: str) -> dict[str, Any]:
        other = sample_of(of_setting(days, name), block=request.block)
        return {"name": name, **row_of(other, windows), "paired": _paired(sample, other)}

    others = [name for name in names if name not in (BASE, "when", *NULLS)]
    wide = sample_of(of_setting(days, "when"), block=request.block)
    daily = by_day(sample)
    refusals: Counter[str] = Counter()
    for one in base:
        refusals.update(one.refusals)
    document = {
        "schema": SCHEMA,
        "series": request.sources.series,
        "settings": request.settings.as_json(),
        "level": loaded.level,
        ALL: {**row_of(sample, windows), "coverage": coverage, "drawdown": drawdown_of(daily)},
        "bins": _covered(by_bin(base, sample, windows), coverage),
        "minutes": _covered(by_minute(sample, windows), coverage),
        "sides": _covered(by_side(sample, windows), coverage),
        "halves": by_period(sample, windows),
        "days": daily,
        "nulls": [whole(name) for name in NULLS],
        "sensitivity": [whole(name) for name in others],
        "when": choose_when(
            wide, windows, longest_s=max(1800.0, request.settings.start_s)
        ),
        "refusals": dict(refusals.most_common()),
        "missing": [
            {"day": m.day.isoformat(), "rule": m.rule, "sentence": m.sentence}
            for m in loaded.missing
        ],
        "fingerprint": fingerprint,
        "provenance": {
            **dict(loaded.provenance),
            "Parameters": loaded.made_with,
            "Index level": loaded.level,
        },
    }
    del registry
    return Backtest(document, tuple(base))


def _coverage(loaded: Loaded, base: Sequence[DayPlayed]) -> dict[str, Any]:
    scans = sum(one.scans for one in base)
    silent = sum(one.refusals.get("feed-silent", 0) for one in base)
    unknown = sum(one.refusals.get("feed-unknown", 0) for one in base)
    markets = [paid for tape in loaded.tapes for paid in tape.paid]
    return {
        "days_requested": loaded.requested,
        "days_loaded": loaded.requested - len(loaded.missing),
        "missing": missing_by_rule(loaded.missing),
        "rows_read": loaded.rows[0],
        "rows_played": loaded.rows[1],
        "markets": len(markets),
        "markets_unsettled": sum(paid is None for paid in markets),
        "scans": scans,
        "scans_without_level": silent + unknown,
    }


def _covered(rows: list[dict[str, Any]], coverage: dict[str, Any]) -> list[dict[str, Any]]:
    share = {key: coverage[key] for key in ("days_requested", "days_loaded")}
    return [{**row, "coverage": share} for row in rows]


def _paired(base: Sample, other: Sample) -> dict[str, float]:
    """Return the daily profit of the base less the other's, dollars a day."""
    totals: dict[str, float] = dict.fromkeys(base.days, 0.0)
    for sign, sample in ((1.0, base), (-1.0, other)):
        for row in sample.fills:
            totals[row.day] = totals.get(row.day, 0.0) + sign * (row.realised or 0) * row.contracts
    return {"profit_per_day": sum(totals.values()) / max(1, len(totals))}
