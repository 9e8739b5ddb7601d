"""From files to a finished backtest: what ``kalshi-alpha backtest`` works out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import kalshi_alpha
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.units import CENT
from kalshi_alpha.research.backtest.closing import choose_closed, power_of
from kalshi_alpha.research.backtest.days import (
    DayPlayed,
    Job,
    Progress,
    fingerprint_of,
    gather,
    of_setting,
    run_days,
    silent,
)
from kalshi_alpha.research.backtest.fixings import at_fixings, require_known_before, told_together
from kalshi_alpha.research.backtest.loading import (
    Loaded,
    Sources,
    load,
    missing_by_rule,
    require_outcomes,
)
from kalshi_alpha.research.backtest.settings import Rule, Settings, Source
from kalshi_alpha.research.backtest.summary import (
    ALL,
    Sample,
    by_bin,
    by_day,
    by_minute,
    by_period,
    by_side,
    drawdown_of,
    drift_of,
    row_of,
    sample_of,
)
from kalshi_alpha.research.backtest.when import choose_when, samples_by_stretch, stretches
from kalshi_alpha.research.scores.clusters import DayBootstrap
from kalshi_alpha.trading.honesty import Honesty

SCHEMA = "kalshi-alpha/backtest/1"
BASE = "base"
NULLS: tuple[Source, ...] = ("mid", "random", "never")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    Attributes:
        sources: the files.
        settings: of the strategy that is judged.
        sensitivity: whether it is played again with other assumptions.
        block: consecutive days an interval draws together.
        keep_why: whether the why-records are kept with the days.
        beside: the files of other series, whose fixings are played together with it.
    """

    sources: Sources
    settings: Settings
    sensitivity: bool = True
    block: int = 1
    keep_why: bool = False
    beside: tuple[Sources, ...] = ()

    @property
    def series(self) -> str:
        """Return the series in words."""
        return ", ".join(one.series for one in (self.sources, *self.beside))


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
    merge: Sequence[Path] = (),
    progress: Progress = silent,
) -> Backtest | None:
    """Load, play and sum up; None for one part of several, whose days are then in ``folder``.

    Days that parts in other folders played are taken from ``merge`` and not played again.

    Raises:
        DataError: for a file that cannot be used.
        ConfigurationError: when files are missing or a number is outside its domain.
        ParameterError: for a honesty artifact that knows a day, or has run out before the last.
    """
    every = []
    for sources in (request.sources, *request.beside):
        every.append(load(sources, registry))
        require_outcomes(every[-1].tapes, sources.trades[0])
    loaded = every[0] if len(every) == 1 else told_together(every)
    require_known_before(request.settings.honesty, [tape.window.day for tape in loaded.tapes])
    named = variants(request.settings, sensitivity=request.sensitivity)
    jobs = [Job(events, named, request.keep_why) for events in at_fixings(every)]
    fingerprint = fingerprint_of(
        kalshi_alpha.__version__,
        [(name, settings.as_json()) for name, settings in named],
        loaded.provenance,
        loaded.made_with,
        request.keep_why,
    )
    gather(merge, folder, fingerprint)
    days = run_days(jobs, folder, fingerprint, workers=workers, part=part, progress=progress)
    if days is None:
        return None
    return _summed(request, loaded, days, [name for name, _ in named], fingerprint)


def variants(settings: Settings, *, sensitivity: bool) -> tuple[tuple[str, Settings], ...]:
    """Return the settings to play: the base, those that know nothing, and other assumptions."""
    found = [(BASE, settings)]
    found += [(name, replace(settings, source=name)) for name in NULLS]
    if sensitivity:
        found += [(stretch.name, stretch.of(settings)) for stretch in stretches(settings)]
        other: Rule = "offset" if settings.rule == "core" else "core"
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
        other = of(name)
        return {"name": name, **row_of(other, windows), **_paired(sample, other)}

    def of(name: str) -> Sample:
        return sample_of(of_setting(days, name), block=request.block)

    played = samples_by_stretch(request.settings, names, of)
    stretched = {stretch.name for stretch in played}
    others = [name for name in names if name not in (BASE, *NULLS, *stretched)]
    daily = by_day(sample)
    refusals: Counter[str] = Counter()
    for one in base:
        refusals.update(one.refusals)
    document = {
        "schema": SCHEMA,
        "series": request.series,
        "settings": request.settings.as_json(),
        "level": loaded.level,
        ALL: {
            **row_of(sample, windows, one_of_many=False),
            "coverage": coverage,
            "drawdown": drawdown_of(daily),
        },
        "bins": _covered(by_bin(base, sample, windows), coverage),
        "minutes": _covered(by_minute(sample, windows), coverage),
        "sides": _covered(by_side(sample, windows), coverage),
        "halves": by_period(sample, windows),
        "drift": drift_of(sample),
        "days": daily,
        "nulls": [whole(name) for name in NULLS],
        "sensitivity": [whole(name) for name in others],
        "when": choose_when(played, windows) if played else None,
        "closed": choose_closed(sample, request.settings, windows),
        "power": power_of(sample),
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
            "Honesty": _honesty_words(request.settings.honesty),
        },
    }
    return Backtest(document, tuple(base))


def _honesty_words(honesty: Honesty | None) -> str:
    if honesty is None:
        return "none: every claim is believed whole"
    return f"fills to {honesty.as_of}, checksum {honesty.checksum}"


def _coverage(loaded: Loaded, base: Sequence[DayPlayed]) -> dict[str, Any]:
    scans = sum(one.scans for one in base)
    silent = sum(one.refusals.get("feed-silent", 0) for one in base)
    unknown = sum(one.refusals.get("feed-unknown", 0) for one in base)
    markets = [paid for tape in loaded.tapes for paid in tape.paid]
    return {
        "days_requested": loaded.requested,
        "days_loaded": len({tape.window.day for tape in loaded.tapes}),
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


def _paired(base: Sample, other: Sample) -> dict[str, float | None]:
    """Return the base's daily profit less the other's, dollars a day, with its interval."""
    ours, theirs = ([row["profit"] for row in by_day(each)] for each in (base, other))
    ahead = np.array(ours) - np.array(theirs)
    if len(ahead) < 2:
        return {"ahead": float(ahead.mean()), "ahead_low": None, "ahead_high": None}
    day = np.arange(len(ahead), dtype=np.int64)
    found = DayBootstrap(day, block=min(base.block, len(ahead))).mean(ahead)
    return {"ahead": found.estimate, "ahead_low": found.low, "ahead_high": found.high}
