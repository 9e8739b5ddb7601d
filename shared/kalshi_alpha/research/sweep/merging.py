"""Units united into one table: the same bytes whoever played them, where, and in what order."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.research.backtest.summary import EDGE
from kalshi_alpha.research.sweep.judging import CHANCE, Look, judge, ordinals
from kalshi_alpha.research.sweep.manifest import Manifest
from kalshi_alpha.research.sweep.playing import FIGURES, read_unit
from kalshi_alpha.research.sweep.settings import name_of
from kalshi_alpha.research.sweep.shelf import Shelf, united

SCHEMA = "kalshi-alpha/sweep-result/1"


@dataclass(slots=True)
class _Gathered:
    """What the units of one look left."""

    days: list[str]
    figures: list[Sequence[int]]
    missing: list[str]

    def look(self, series: int, point: int) -> Look:
        """Return it as whole numbers by day."""
        figures = np.array(self.figures, dtype=np.int64).reshape(-1, len(FIGURES))
        return Look(series, point, ordinals(self.days), figures, len(self.missing))


def merge(manifest: Manifest, shelves: Sequence[Shelf], registry: Registry) -> dict[str, Any]:
    """Return the result of a sweep whose every unit is kept on one of the shelves.

    Raises:
        ConfigurationError: when units are missing, or the code or registry is another.
        InvariantBroken: when one unit is kept in two versions.
        DataError: for a damaged unit.
    """
    manifest.require_here(registry)
    units = manifest.units(registry)
    kept = united(manifest.sweep_id, [unit.name for unit in units], shelves)
    gathered: dict[tuple[int, int], _Gathered] = {}
    rules: dict[int, Counter[str]] = {}
    for unit in units:  # in the order of the manifest, whoever played them
        found = read_unit(kept[unit.name], unit.name)
        into = gathered.setdefault((unit.series, unit.point), _Gathered([], [], []))
        for day, *figures in found["days"]:
            into.days.append(day)
            into.figures.append(figures)
        into.missing += [day for day, _ in found["missing"]]
        if unit.point == 0:
            counted = rules.setdefault(unit.series, Counter())
            counted.update(rule for _, rule in found["missing"])
    looks = [one.look(*place) for place, one in gathered.items()]
    rows = judge(looks, block=manifest.block)
    return _document(manifest, looks, rows, rules, content_hash(kept))


def content_hash(kept: Mapping[str, bytes]) -> str:
    """Return the SHA-256 of every unit's name and content, whatever their order."""
    digest = hashlib.sha256()
    for unit in sorted(kept):
        digest.update(f"{unit} {hashlib.sha256(kept[unit]).hexdigest()}\n".encode())
    return digest.hexdigest()


def _document(
    manifest: Manifest,
    looks: Sequence[Look],
    rows: Sequence[Mapping[str, Any]],
    rules: Mapping[int, Counter[str]],
    units_sha256: str,
) -> dict[str, Any]:
    days = [day for chunk in manifest.chunks for day in chunk]
    listed = [
        {
            "series": manifest.series[look.series].ticker,
            "setting": look.point,
            "name": name_of(manifest.points[look.point]),
            **row,
        }
        for look, row in zip(looks, rows, strict=True)
    ]
    return {
        "schema": SCHEMA,
        "sweep": manifest.sweep_id,
        "name": manifest.name,
        "first": days[0].isoformat(),
        "last": days[-1].isoformat(),
        "days": len(days),
        "series": [one.ticker for one in manifest.series],
        "settings": [dict(point) for point in manifest.points],
        "looks": len(rows),
        "units": manifest.count,
        "units_sha256": units_sha256,
        "chance_allowed": CHANCE,
        "block": manifest.block,
        **said_of(listed),
        "missing": {
            manifest.series[k].ticker: dict(sorted(found.items())) for k, found in rules.items()
        },
        "rows": listed,
        "provenance": {
            "Code, SHA-256": manifest.code,
            "Registry, SHA-256": manifest.registry,
            **{
                f"{series.ticker} {one.role}, {one.name}": f"SHA-256 {one.sha256}"
                for series in manifest.series
                for one in series.inputs
            },
            "Units, SHA-256": units_sha256,
        },
    }


def said_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how many looks there were, how many stand out, and the sentence that says so."""
    above = [row for row in rows if (row["realised_low"] or 0.0) > 0]
    edges = [row for row in rows if row["verdict"] == EDGE]
    looked = f"{len(rows):,} settings were looked at" if len(rows) > 1 else "One setting was played"
    lucky = f"about {CHANCE * len(rows):.0f} of as many that know nothing would lie above zero"
    if not rows or not above:
        sentence = f"{looked}; no interval lies above zero. No edge is established."
    elif edges:
        best = min(edges, key=lambda row: row["chance"])
        sentence = (
            f"{looked}; {len(above)} intervals lie above zero and {len(edges)} stand out among all "
            f"that were looked at, {best['series']} {best['name']} most (chance "
            f"{best['chance']:.4f}). It was chosen on these days: what it earns on others is less."
        )
    else:
        sentence = (
            f"{looked}; {len(above)} intervals lie above zero, {lucky} by chance, and none stands "
            "out among all that were looked at. No edge is established."
        )
    return {"above_zero": len(above), "edges": len(edges), "sentence": sentence}
