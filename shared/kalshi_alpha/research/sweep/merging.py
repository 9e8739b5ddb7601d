"""Units united into one table: the same bytes whoever played them, where, and in what order."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.research.backtest.summary import EDGE
from kalshi_alpha.research.scores.shapes import Ints
from kalshi_alpha.research.sweep.judging import CHANCE, Look, judge, ordinals
from kalshi_alpha.research.sweep.manifest import Manifest
from kalshi_alpha.research.sweep.playing import FIGURES, read_unit
from kalshi_alpha.research.sweep.settings import name_of
from kalshi_alpha.research.sweep.shelf import Shelf, united

SCHEMA = "kalshi-alpha/sweep-result/1"


@dataclass(slots=True)
class _Gathered:
    """What the units of one look left."""

    days: list[Ints] = field(default_factory=list)
    figures: list[Ints] = field(default_factory=list)
    missing: int = 0

    def add(self, found: Mapping[str, Any]) -> None:
        """Add a unit, as arrays: as lists ten years of a thousand settings fill a machine."""
        self.days.append(ordinals([day for day, *_ in found["days"]]))
        figures = np.array([row for _, *row in found["days"]], dtype=np.int64)
        self.figures.append(figures.reshape(-1, len(FIGURES)))
        self.missing += len(found["missing"])

    def look(self, series: int, point: int) -> Look:
        """Return all of it."""
        days, figures = np.concatenate(self.days), np.concatenate(self.figures)
        return Look(series, point, days, figures, self.missing)


def merge(manifest: Manifest, shelves: Sequence[Shelf], registry: Registry) -> dict[str, Any]:
    """Return the result of a sweep whose every unit is kept on one of the shelves.

    Raises:
        ConfigurationError: when units are missing, or the code or registry is another.
        InvariantBroken: when one unit is kept in two versions.
        DataError: for a damaged unit.
    """
    manifest.require_here(registry)
    units = manifest.units(registry)
    names = [unit.name for unit in units]
    gathered: dict[tuple[int, int], _Gathered] = {}
    rules: dict[int, Counter[str]] = {}
    hashes: dict[str, str] = {}
    # In the order of the manifest, whoever played them.
    kept = united(manifest.sweep_id, names, shelves)
    for unit, (name, data) in zip(units, kept, strict=True):
        found = read_unit(data, name)
        gathered.setdefault((unit.series, unit.point), _Gathered()).add(found)
        hashes[name] = hashlib.sha256(data).hexdigest()
        if unit.point == 0:
            counted = rules.setdefault(unit.series, Counter())
            counted.update(rule for _, rule in found["missing"])
    looks = [one.look(*place) for place, one in gathered.items()]
    rows = judge(looks, block=manifest.block)
    return _document(manifest, looks, rows, rules, content_hash(hashes))


def content_hash(hashes: Mapping[str, str]) -> str:
    """Return the SHA-256 of every unit's name and the hash of its content, whatever their order."""
    digest = hashlib.sha256()
    for unit in sorted(hashes):
        digest.update(f"{unit} {hashes[unit]}\n".encode())
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
