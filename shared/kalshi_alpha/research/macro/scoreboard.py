"""The scores of every macro family as Markdown: CRPS, coverage, ladders, and what stands beside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from kalshi_alpha.research.macro import claims, cpi, gas, ten_year
from kalshi_alpha.research.macro.series import Dated, load_series
from kalshi_alpha.research.macro.study import LEVELS, Scored, Study
from kalshi_alpha.research.scores.clusters import Interval

PANDEMIC = date(2020, 3, 14), date(2021, 7, 3)
FAMILIES = ("cpi", "claims", "ten_year", "gas")


def nowcasts(folder: Path) -> Mapping[date, Dated]:
    """Return the recorded nowcasts of the change over twelve months, by target month and day."""
    found: dict[date, dict[date, float]] = {}
    for row in pq.read_table(folder / "cleveland_nowcast.parquet").to_pylist():
        year, month = row["target_month"].split("-")
        if row["cpi_yoy"] is not None:
            target = date(int(year), int(month), 1)
            found.setdefault(target, {})[row["asof_date"]] = row["cpi_yoy"]
    return found


def studies(folder: Path, families: Sequence[str] = FAMILIES) -> Iterator[Study]:
    """Yield each study of the data in ``folder``, of some families."""
    series = load_series(folder)
    if "cpi" in families:
        yield cpi.study(series, "CPIAUCSL", "consumer prices, one month, adjusted")
        yield cpi.study(series, "CPIAUCNS", "consumer prices, one month, unadjusted")
        yield cpi.study(series, "CPILFESL", "core consumer prices, one month, adjusted")
        yield cpi.over_twelve_months(
            series, "CPIAUCNS", "consumer prices, twelve months, unadjusted"
        )
        recorded = nowcasts(folder)
        yield cpi.with_nowcast(series, recorded)
        yield cpi.with_nowcast(series, recorded, span=12)
    if "claims" in families:
        yield claims.study(series)
        yield claims.study(series, without=PANDEMIC)
    if "ten_year" in families:
        yield ten_year.study(series)
    if "gas" in families:
        for days in (1, 7, 28):
            yield gas.study(series, days)


def table(study: Study, rows: Sequence[Scored]) -> str:
    """Return a study's scores as Markdown."""
    scored = len(study.outcome) - study.warm_up
    inside = " | ".join(f"inside {level:.0%}" for level in LEVELS)
    lines = [
        f"### {study.name[0].upper()}{study.name[1:]}: {scored} releases, CRPS in {study.unit}",
        "",
        f"| model | CRPS | ours does without | {inside} | below the middle |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        covers = " | ".join(_share(row.covers[level]) for level in LEVELS)
        cells = f"{row.crps:.4g} | {_gain(row, row.gain)} | {covers} | {_share(row.below)}"
        lines.append(f"| {row.model} | {cells} |")
    tenths = " ".join(f"{share:.1%}" for share in rows[0].tenths)
    return "\n".join(
        [*lines, "", f"Outcomes by tenth of our law: {tenths}.", *_ladder(study, rows)]
    )


def _ladder(study: Study, rows: Sequence[Scored]) -> list[str]:
    if study.ladder is None:
        return []
    count, step = 2 * study.ladder.each_side + 1, f"{study.ladder.step:g}"
    head = f"Brier on {count} strikes, {step} apart, drawn around what was known"
    rated = ((row, row.brier, row.brier_gain) for row in rows)
    return [
        "",
        f"| {head} | Brier | ours does without |",
        "| --- | --- | --- |",
        *(
            f"| {row.model} | {brier:.5f} | {_gain(row, gain)} |"
            for row, brier, gain in rated
            if brier is not None and gain is not None
        ),
    ]


def _gain(row: Scored, gain: Interval) -> str:
    if row.model == "ours":
        return ""
    return f"{gain.estimate:.1%} ({gain.low:.1%} to {gain.high:.1%})"


def _share(share: Interval) -> str:
    return f"{share.estimate:.1%} ({share.low:.1%} to {share.high:.1%})"
