"""The figures of a study as plain rows: scores with their intervals, coverage, horizons."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from kalshi_alpha.research.data.findings import Bools, Floats
from kalshi_alpha.research.scores.clusters import DayBootstrap, Interval
from kalshi_alpha.research.temperature.filtering import HOURS, Law, Panel
from kalshi_alpha.research.temperature.horizons import Told, foretold
from kalshi_alpha.research.temperature.panel import brier_of, log_of, rps_of
from kalshi_alpha.research.temperature.trades import Recorded
from kalshi_alpha.research.temperature.walking import MIDDLES, OURS, Walked

BLOCK, FEWEST_BLOCKS = 5, 8  # days drawn together: weather and mood last longer than one


def filter_rows(panel: Panel, walked: Walked) -> dict[str, Any]:
    """Return the scores of every model, and ours by half, by hour and by series."""
    scored = walked.scored
    days = np.unique(panel.day[scored])
    middle = days[len(days) // 2]
    halves = (("earlier", scored & (panel.day < middle)), ("later", scored & (panel.day >= middle)))
    hours = [(f"{hour:g}", scored & (panel.hour == hour)) for hour in HOURS]
    series = np.array(panel.series)
    cities = [(str(name), scored & (series == name)) for name in np.unique(series[scored])]
    return {
        "models": [
            {"model": name, **scores_of(panel, said, walked.said[MIDDLES], scored)}
            for name, said in walked.said.items()
        ],
        "halves": [
            {
                "half": name,
                "from": date.fromordinal(int(panel.day[rows].min())).isoformat(),
                **scores_of(panel, walked.said[OURS], walked.said[MIDDLES], rows),
            }
            for name, rows in halves
            if rows.any()
        ],
        "hours": [
            {"hour": name, **scores_of(panel, walked.said[OURS], walked.said[MIDDLES], rows)}
            for name, rows in hours
            if rows.any()
        ],
        "series": [
            {"series": name, **scores_of(panel, walked.said[OURS], walked.said[MIDDLES], rows)}
            for name, rows in cities
        ],
        "windows": [
            {
                "first": date.fromordinal(one.first).isoformat(),
                "filter": one.setting.name,
                "alone": one.alone.name,
                "ridge": one.ridge,
                "weights": dict(one.weights),
            }
            for one in walked.windows
        ],
    }


def scores_of(panel: Panel, said: Floats, middles: Floats, rows: Bools) -> dict[str, Any]:
    """Return the scores of some moments, and what they are less those of the middles."""
    winner, days = panel.winner[rows], panel.day[rows]
    found: dict[str, Any] = {"moments": int(rows.sum()), "days": len(np.unique(days))}
    draws = DayBootstrap(days, block=block_of(found["days"])) if found["days"] > 1 else None
    for name, score in (("brier", brier_of), ("rps", rps_of), ("log", log_of)):
        ours, theirs = score(said[rows], winner), score(middles[rows], winner)
        less = None if draws is None else draws.difference(ours, theirs)
        found |= {name: float(ours.mean()), f"{name}_less": ends_of(less)}
    return found


def coverage_of(
    recorded: Recorded, panel: Panel, walked: Walked, laws: Mapping[str, Law]
) -> dict[str, Any]:
    """Return how much there was, what was left out, and how much was scored."""
    days = np.unique(panel.day[walked.scored])
    return {
        "events": len(recorded.events),
        "left_out": dict(recorded.left_out),
        "trades": recorded.trades,
        "with_weather": len(laws),
        "moments": len(panel),
        "scored_moments": int(walked.scored.sum()),
        "scored_days": len(days),
        "scored_from": date.fromordinal(int(days[0])).isoformat(),
        "scored_to": date.fromordinal(int(days[-1])).isoformat(),
    }


def horizon_rows(told: Told) -> dict[str, Any]:
    """Return how well each model told each horizon, and what was chosen for each window."""
    return {
        "samples": len(told.samples),
        "days": len(np.unique(told.samples.day)),
        "models": [
            {
                "model": one.model,
                "horizon_s": one.horizon_s,
                "gain": ends_of(one.gain),
                "moves": one.moves,
                "right": ends_of(one.right),
                "brier_less": ends_of(one.brier),
            }
            for one in foretold(told)
        ],
        "windows": [
            {
                "first": date.fromordinal(one.first).isoformat(),
                "settings": plain(one.settings),
                "directions": {
                    name: [each.kind for each in found] for name, found in one.directions.items()
                },
            }
            for one in told.windows
        ],
    }


def block_of(days: int) -> int:
    """Return how many days are drawn together: fewer of few, or all draws would be alike."""
    return max(1, min(BLOCK, days // FEWEST_BLOCKS))


def ends_of(found: Interval | None) -> list[float] | None:
    """Return estimate, low and high; None without an interval."""
    return None if found is None else [found.estimate, found.low, found.high]


def plain(value: Any) -> Any:
    """Return plain JSON values of what was fitted."""
    return json.loads(json.dumps(value, default=lambda one: one.item()))
