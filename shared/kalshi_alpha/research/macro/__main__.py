"""Print the scores of every macro family: ``python -m kalshi_alpha.research.macro DATA``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from kalshi_alpha.research.macro import claims, cpi, gas, ten_year
from kalshi_alpha.research.macro.series import Dated, load_series
from kalshi_alpha.research.macro.study import Scored, Study, scores

_PANDEMIC = date(2020, 3, 14), date(2021, 7, 3)


def nowcasts(folder: Path) -> Mapping[date, Dated]:
    """Return the recorded nowcasts of the change over twelve months, by target month and day."""
    found: dict[date, dict[date, float]] = {}
    for row in pq.read_table(folder / "cleveland_nowcast.parquet").to_pylist():
        year, month = row["target_month"].split("-")
        if row["cpi_yoy"] is not None:
            target = date(int(year), int(month), 1)
            found.setdefault(target, {})[row["asof_date"]] = row["cpi_yoy"]
    return found


def studies(folder: Path) -> Iterator[Study]:
    """Yield each study of the data in ``folder``."""
    series = load_series(folder)
    yield cpi.study(series, "CPIAUCSL", "consumer prices, one month, adjusted")
    yield cpi.study(series, "CPIAUCNS", "consumer prices, one month, unadjusted")
    yield cpi.study(series, "CPILFESL", "core consumer prices, one month, adjusted")
    yield cpi.with_nowcast(series, nowcasts(folder))
    yield claims.study(series)
    yield claims.study(series, without=_PANDEMIC)
    yield ten_year.study(series)
    yield gas.study(series, 1)
    yield gas.study(series, 7)


def table(study: Study, rows: tuple[Scored, ...]) -> str:
    """Return a study's scores as a Markdown table."""
    scored = len(study.outcome) - study.warm_up
    lines = [
        f"### {study.name[0].upper()}{study.name[1:]}: {scored} releases, CRPS in {study.unit}",
        "",
        "| model | CRPS | ours does without | inside 80 % |",
        "| --- | --- | --- | --- |",
    ]
    for row in rows:
        gain = (
            ""
            if row.model == "ours"
            else (f"{row.gain.estimate:.1%} ({row.gain.low:.1%} to {row.gain.high:.1%})")
        )
        inside = f"{row.inside.estimate:.1%} ({row.inside.low:.1%} to {row.inside.high:.1%})"
        lines.append(f"| {row.model} | {row.crps:.4g} | {gain} | {inside} |")
    return "\n".join(lines)


def main() -> None:
    """Score the data in the folder that is named."""
    parser = argparse.ArgumentParser(prog="python -m kalshi_alpha.research.macro")
    parser.add_argument("folder", type=Path, help="folder with series.parquet")
    folder = parser.parse_args().folder
    for study in studies(folder):
        print(table(study, scores(study)), end="\n\n", flush=True)  # noqa: T201 - its purpose


if __name__ == "__main__":
    main()
