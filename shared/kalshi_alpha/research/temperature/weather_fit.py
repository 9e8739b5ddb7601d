"""Fit and score the temperature law: ``python -m kalshi_alpha.research.temperature.weather_fit``.

It prints the scores as Markdown and, with ``--out``, writes the file of parameters. What cannot be
fitted from recorded data is a constant of this module with its origin beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from kalshi_alpha.families.temperature_book import Book, dump_book
from kalshi_alpha.families.temperature_parameters import LeadError, Parameters
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.research.macro.study import Scored, scores
from kalshi_alpha.research.scores.clusters import Interval
from kalshi_alpha.research.temperature.weather_highs import (
    THERMOMETERS,
    Highs,
    fit_climate,
    load_highs,
)
from kalshi_alpha.research.temperature.weather_hours import (
    Hourly,
    between_hours,
    fit_diurnal,
    load_hourly,
    load_reports,
)
from kalshi_alpha.research.temperature.weather_leads import implied_means, lead_errors
from kalshi_alpha.research.temperature.weather_proof import agreement
from kalshi_alpha.research.temperature.weather_scores import (
    HourScore,
    OwnLaw,
    crps_by_hour,
    own_law,
    scores_by_hour,
    scores_elsewhere,
    study_of_days,
)

MEASURED_AT = "KNYC"
REPORTS = "knyc_metar_2018-01.parquet"
TRADES: Mapping[str, str] = {"KNYC": "trades_kxhighny.parquet", "KMIA": "trades_kxhighmia.parquet"}
# Airports near Central Park whose hours of 2013 stand for its own; standard time is UTC-5.
AIRPORTS: Mapping[str, int] = {"EWR": -5, "LGA": -5}
# Whose highs are laid beside which series' results: the stations, and a neighbour as the control.
PROVED: Mapping[str, str] = {"KNYC": "KXHIGHNY", "KMIA": "KXHIGHMIA", "KORD": "KXHIGHCHI"}
NEIGHBOUR: Mapping[str, str] = {"USW00094846": "KORD"}
TOGETHERS = (0.0, 0.2, 0.4, 0.6)

# Climate report against highest report, 19,549 days: 97.2 % equal, 2.4 % higher, 0.5 % lower.
LOWER, HIGHER = 0.005, 0.024
# One settlement of 711 differed, by 5 degrees.
APART = 5.0
# Assumed: hours and forecasts of another climate are off by a quarter more.
BORROWED = 1.25


def fit_book(
    highs: Mapping[str, Highs], hourly: Hourly, trades: Path, together: float
) -> tuple[Book, Mapping[str, int]]:
    """Return every number of the law, and how many events each station's leads rest on."""
    leads: dict[str, tuple[LeadError, ...]] = {}
    events, freedoms, offsets = {}, {}, load_stations()
    for station, file in TRADES.items():
        implied = list(implied_means(trades / file, offsets.at(station).offset))
        leads[station], freedoms[station] = lead_errors(highs[station], implied)
        events[station] = len(implied)
    between = between_hours(hourly)
    last = max(int(one.day[-1]) for one in highs.values())
    book = Book(
        as_of=date.fromordinal(last),
        provenance=_provenance(highs, hourly, events),
        measured_at=MEASURED_AT,
        borrowed=BORROWED,
        diurnal=fit_diurnal(hourly, together, between),
        leads=leads,
        climate={station: fit_climate(one) for station, one in sorted(highs.items())},
        freedom=freedoms[MEASURED_AT],
        lower=LOWER,
        higher=HIGHER,
        missed=round(between, 2),
        apart=APART,
    )
    return book, events


def choose_together(hourly: Hourly, parameters: Parameters) -> float:
    """Return the correlation of the two views with the lowest CRPS on held-out days."""

    def loss(together: float) -> float:
        diurnal = replace(parameters.diurnal, together=together)
        return sum(crps_by_hour(hourly, replace(parameters, diurnal=diurnal)))

    return min(TOGETHERS, key=loss)


def start(hourly: Hourly, freedom: float = 10.0) -> Parameters:
    """Return parameters to begin with; what a study of hours does not use is whatever."""
    leads = (LeadError(24.0, 0.0, 2.5),)
    return Parameters(fit_diurnal(hourly), leads, freedom, LOWER, HIGHER, 0.4, APART)


def table_of_days(name: str, rows: Sequence[Scored], count: int) -> str:
    """Return the scores of whole days as a Markdown table."""
    lines = [
        f"### {name[0].upper()}{name[1:]}: {count} days, CRPS in degrees",
        "",
        "| model | CRPS | ours does without | inside 80 % |",
        "| --- | --- | --- | --- |",
    ]
    for row in rows:
        gain = "" if row.model == "ours" else _share(row.gain)
        lines.append(f"| {row.model} | {row.crps:.3f} | {gain} | {_share(row.inside)} |")
    return "\n".join(lines)


def sentence_of(own: OwnLaw) -> str:
    """Return in words what the law earned as it is."""
    return (
        f"The law of whole degrees itself: CRPS {own.crps:.3f}; it does without {_share(own.even)} "
        f"of that of a law without skew. Inside its 10 % to 90 %: {_share(own.inside)}; below "
        f"{own.lower:.1%}, above {own.upper:.1%}."
    )


def sentences_of_proof(data: Path) -> Iterator[str]:
    """Yield how often each thermometer's official high lay in the bracket that won."""
    named = {**THERMOMETERS, **NEIGHBOUR}
    for station, highs in sorted(load_highs(data / "weather", named).items()):
        found = agreement(data / "kalshi_high", PROVED[station], highs)
        where = f"{station} in the winning bracket of {PROVED[station]}"
        yield f"{where}: {found.inside} of {found.days}"


def table_of_hours(rows: Sequence[HourScore], days: int) -> str:
    """Return the scores by hour as a Markdown table."""
    head = (
        "hour",
        "CRPS",
        "less than the evening before",
        "than that with a floor",
        "inside 80 %",
        "new high: said, came",
        "within the hour: said, stood",
    )
    lines = [
        f"### Hours of {days} station-days, CRPS in degrees",
        "",
        f"| {' | '.join(head)} |",
        f"|{' --- |' * len(head)}",
    ]
    lines += [
        f"| {row.hour} | {row.crps:.3f} | {_share(row.prior)} | {_share(row.floor)} | "
        f"{_share(row.inside)} | {row.still:.1%}, {row.came:.1%} | "
        f"{row.hazard:.1%}, {row.soon:.1%} |"
        for row in rows
    ]
    return "\n".join(lines)


def studies(highs: Mapping[str, Highs], hourly: Hourly, parameters: Parameters) -> Iterator[str]:
    """Yield each table."""
    for station in sorted(highs):
        study = study_of_days(highs[station], parameters)
        scored = len(study.outcome) - study.warm_up
        yield table_of_days(study.name, scores(study), scored)
        yield sentence_of(own_law(highs[station], parameters))
    yield table_of_hours(scores_by_hour(hourly, parameters), len(hourly.day))


def main() -> None:
    """Fit, score and print; write the parameters where they are asked for."""
    parser = argparse.ArgumentParser(prog="python -m kalshi_alpha.research.temperature.weather_fit")
    parser.add_argument("data", type=Path, help="folder with weather/ and kalshi_high/")
    parser.add_argument("--hourly", type=Path, required=True, help="hours of the airports, CSV")
    parser.add_argument("--out", type=Path, help="file of parameters to write")
    asked = parser.parse_args()
    highs = load_highs(asked.data / "weather")
    hourly = load_hourly(asked.hourly, AIRPORTS)
    together = choose_together(hourly, start(hourly))
    book, events = fit_book(highs, hourly, asked.data / "kalshi_high", together)
    if asked.out is not None:
        asked.out.write_bytes(dump_book(book))
    _say(f"together {together}, between {between_hours(hourly):.3f}, events {dict(events)}")
    _say(f"incomplete days left out: {hourly.incomplete}")
    for sentence in sentences_of_proof(asked.data):
        _say(sentence)
    scored = replace(start(hourly, book.freedom), diurnal=book.diurnal)
    for table in studies(highs, hourly, scored):
        _say("\n" + table)
    park = load_reports(asked.data / "weather" / REPORTS, AIRPORTS["LGA"])
    own = replace(scored, diurnal=fit_diurnal(hourly, together), climate=book.climate[MEASURED_AT])
    rows = scores_elsewhere(park, own)
    _say("\nCentral Park in January 2018, by the airports' curves:\n")
    _say(table_of_hours(rows, len(park.day)))


def _provenance(
    highs: Mapping[str, Highs], hourly: Hourly, events: Mapping[str, int]
) -> Mapping[str, str]:
    seasons = ", ".join(
        f"{station} {date.fromordinal(int(one.day[0]))} to {date.fromordinal(int(one.day[-1]))}"
        for station, one in sorted(highs.items())
    )
    traded = ", ".join(f"{station} {count} events" for station, count in sorted(events.items()))
    first, last = (date.fromordinal(int(np.sort(hourly.day)[k])) for k in (0, -1))
    return {
        "climate": f"maximum likelihood on daily highs of NOAA's daily summaries: {seasons}",
        "diurnal": f"{len(hourly.day)} whole days of hourly reports at EWR and LGA, {first} to "
        f"{last} (R data package nycflights13, CC0), standing for Central Park",
        "leads": f"errors of the means implied by trades before the day, over 0.895: {traded}",
        "freedom": "errors of those means 18 hours before the day's end, maximum likelihood",
        "lower, higher": "published comparison of reports with climate reports, 19,549 days",
        "missed": "extrapolated from looking every 2, 3 and 4 hours to looking every hour",
        "apart": "the one settlement that differed did so by 5 degrees",
        "together_forecast": "assumed: no archive of forecasts as issued",
        "borrowed": "assumed",
    }


def _share(found: Interval) -> str:
    return f"{found.estimate:.1%} ({found.low:.1%} to {found.high:.1%})"


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - its purpose


if __name__ == "__main__":
    main()
