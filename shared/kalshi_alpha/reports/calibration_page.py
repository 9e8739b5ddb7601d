"""The law in force as a page: how old it is, its shape, and how its last windows came out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import accumulate
from typing import Any

from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.laws import came_out, law_from_json
from kalshi_alpha.pricing.parameters import IndexParameters, SymbolParameters
from kalshi_alpha.pricing.table import StandardTable, normal_table
from kalshi_alpha.reports import wording
from kalshi_alpha.reports.kept import KeptWindow
from kalshi_alpha.reports.plots import curve_svg
from kalshi_alpha.reports.study import Fact, Section, Study, Table, table_or
from kalshi_alpha.reports.verdicts import BAD, GOOD

_FURTHEST = 6.0  # standard deviations drawn
_STEPS = 48


def calibration_page(
    fitted: Mapping[str, SymbolParameters],
    day: date,
    windows: Sequence[KeptWindow],
    *,
    symbols: Mapping[str, str],
    provenance: Sequence[tuple[str, str]],
    banner: str = "",
    links: Sequence[tuple[str, str]] = (),
) -> Study:
    """Return the page of the parameters that priced ``day``.

    Args:
        fitted: the parameters by symbol.
        day: the New York day.
        windows: what the day's windows left; their laws are held against the settlements.
        symbols: symbol of each series.
        provenance: what the page was made from.
        banner: a warning that leads the page, or empty.
        links: pages it belongs with.
    """
    rows = [row for kept in windows for row in _came_out(kept, symbols)]
    return Study(
        title=f"Calibration on {day}",
        lead=(
            "The parameters that priced the day: the course of the variance, the weight of the "
            "tails against a normal law, and where each settlement fell in the law it was "
            "forecast with. A rank near 0 or 1 is a surprise; a few windows prove nothing."
        ),
        facts=[_age(one, day) for one in fitted.values()]
        + [Fact("Laws settled", f"n = {len(rows)}", _ranks(rows))],
        sections=[*(_symbol(one) for one in fitted.values()), _outcomes(rows)],
        provenance=provenance,
        banner=banner,
        links=links,
    )


def _age(one: SymbolParameters, day: date) -> Fact:
    old = (day - one.as_of).days
    holds = day <= one.valid_until
    said = f"Fitted on data through {one.as_of}; may be used until {one.valid_until}."
    return Fact(
        f"{one.symbol} parameters",
        f"{old} day{'' if old == 1 else 's'} old",
        said,
        GOOD if holds else BAD,
    )


def _symbol(one: SymbolParameters) -> Section:
    charts, rows = [], []
    for kind, part in (("hourly", one.hourly), ("close", one.close)):
        if part is None:
            rows.append((kind, *["not fitted"] * 4))
            continue
        rows.append(
            (
                kind,
                f"{1e4 * math.sqrt(part.level):.1f} basis points",
                f"{part.basis:.2f} points",
                f"{len(part.shapes)}",
                f"{_beyond(part.shapes[0].table, 4.0):.2g} against {_beyond(_NORMAL, 4.0):.2g}",
            )
        )
        charts += [_day_chart(one.symbol, kind, part), _tail_chart(one.symbol, kind, part)]
    columns = ("fixings", "session deviation", "basis", "shapes", "beyond 4 deviations, and normal")
    return Section(one.symbol, (), charts, [Table("Each part", columns, rows)])


_NORMAL = normal_table()


def _beyond(table: StandardTable, z: float) -> float:
    return table.cdf(-z) + table.sf(z)


def _day_chart(symbol: str, kind: str, part: IndexParameters) -> str:
    ys = [100 * used for used in accumulate(part.curve.shares)]
    minutes = list(range(1, len(ys) + 1))
    title = f"{symbol}, {kind}: variance used up by minute of the session"
    words = f"Half of a day's variance is used up by minute {_half(minutes, ys):.0f}."
    labels = ("minutes since the open", "per cent of the day's variance")
    return curve_svg([("", minutes, ys)], f"{symbol}-{kind}-day".lower(), title, labels, words)


def _half(minutes: Sequence[float], ys: Sequence[float]) -> float:
    return next((x for x, y in zip(minutes, ys, strict=True) if y >= 50.0), minutes[-1])


def _tail_chart(symbol: str, kind: str, part: IndexParameters) -> str:
    zs = [_FURTHEST * i / _STEPS for i in range(1, _STEPS + 1)]
    lines = [
        (f"to {shape.up_to:g} minutes", zs, [math.log10(_beyond(shape.table, z)) for z in zs])
        for shape in (part.shapes[0], part.shapes[-1])[: len(part.shapes)]
    ]
    lines.append(("normal", zs, [math.log10(_beyond(_NORMAL, z)) for z in zs]))
    title = f"{symbol}, {kind}: how likely a move beyond so many deviations is"
    times = _beyond(part.shapes[0].table, 3.0) / _beyond(_NORMAL, 3.0)
    words = f"Beyond 3 deviations the law gives {times:.1f} times what a normal law gives."
    labels = ("standard deviations", "probability, powers of ten")
    return curve_svg(lines, f"{symbol}-{kind}-tail".lower(), title, labels, words)


def _came_out(kept: KeptWindow, symbols: Mapping[str, str]) -> list[tuple[str, ...]]:
    settled = {
        symbols[name]: found["feed_value"]
        if found["settlement_value"] is None
        else found["settlement_value"]
        for name, found in kept.closed.get("series", {}).items()
        if name in symbols
    }
    rows = []
    for symbol, made in kept.parts.get("LAW", {}).items():
        value = settled.get(symbol)
        for which, law in made.items():
            if value is not None and not (which == "last" and law["at"] == made["first"]["at"]):
                rows.append(_outcome(f"{kept.window.window_id} {symbol} {which}", law, value))
    return rows


def _outcome(name: str, made: Mapping[str, Any], value: float) -> tuple[str, ...]:
    law = law_from_json(made)
    move, rank = came_out(law, value) or (math.nan, math.nan)
    points = law.scale * law.level if isinstance(law, TerminalLaw) else law.scale
    return (
        name,
        str(made["at"])[11:19],
        f"{law.level:,.2f}",
        f"{points:.2f}",
        f"{value:,.2f}",
        f"{move / law.scale:+.2f}",
        f"{rank:.3f}",
    )


def _outcomes(rows: Sequence[tuple[str, ...]]) -> Section:
    columns = ("law", "made at", "level", "deviation, points", "settled", "deviations", "rank")
    table = table_or("no law has settled", wording.count(len(rows), "law"), columns, rows)
    return Section("How the laws came out", (_ranks(rows),), (), [table])


def _ranks(rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return "No law of this day has settled: n = 0."
    outside = sum(not 0.025 <= float(row[-1]) <= 0.975 for row in rows)
    return f"{outside} of n = {len(rows)} ranks lie outside the middle 95 %."
