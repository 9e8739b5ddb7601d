"""Weights of a short horizon made by hand, and the artifact they come in."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date

from kalshi_alpha.momentum.horizon import QUOTES, HorizonWeights
from kalshi_alpha.momentum.recent import NAMES
from kalshi_alpha.research.temperature.study import artifact


def by_speed(slope: float, by: str = QUOTES) -> HorizonWeights:
    """Return a horizon for which a share that rose of late goes on by ``slope`` times that."""
    weights = [0.0] * (len(NAMES) + 1)
    weights[NAMES.index("speed_60")] = slope
    return HorizonWeights(
        by=by,
        mean=(0.0,) * len(NAMES),
        scale=(1.0,) * len(NAMES),
        weights=tuple(weights),
        kind="platt",
        unit=0.01,
        numbers=(1.0, 0.0),
    )


def packed(*windows: tuple[date, HorizonWeights]) -> bytes:
    """Return ``horizon.json`` with a window for each day and weights."""
    body: dict[str, list[dict]] = {}
    for first, weights in windows:
        body.setdefault(weights.by, []).append({"first": first.toordinal(), **asdict(weights)})
    return artifact("horizon", body, {"File": "made by hand"})
