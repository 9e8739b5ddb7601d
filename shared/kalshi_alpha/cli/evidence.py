"""``readiness``, ``scoreboard`` and ``honesty``: what the record says, and how sure it is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from kalshi_alpha.cli.output import Json, emit, out, pairs, table_of
from kalshi_alpha.clock import NEW_YORK, SystemClock
from kalshi_alpha.errors import ConfigurationError, DataError, Refusal
from kalshi_alpha.markets.registry import Registry, load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.traded import INDEX
from kalshi_alpha.research.appraisal import Appraisal, Operations, appraise
from kalshi_alpha.research.closing import HONESTY_KEY, fill_models, with_proof
from kalshi_alpha.research.graded import DayGrade
from kalshi_alpha.research.honesty import fit_honesty, rows_of
from kalshi_alpha.research.record import Record, rehearsed
from kalshi_alpha.research.scoreboard import SPANS, Stat
from kalshi_alpha.research.scoreboard import scoreboard as board_of
from kalshi_alpha.steps import grade_day
from kalshi_alpha.steps.runtime import Runtime, Settings
from kalshi_alpha.trading.criteria import counted
from kalshi_alpha.trading.honesty import dump_honesty, honesty_from_json
from kalshi_alpha.trading.readiness import GO, Criterion, Readiness
from kalshi_alpha.trading.standing import StandingRecord

Out = Annotated[
    Path | None,
    typer.Option("--out", help="Where rehearsals left their days, or one day's folder."),
]
Run = Annotated[
    Path | None,
    typer.Option("--run", help="Where rehearsals left their days, instead of the stage's store."),
]

honesty = typer.Typer(
    no_args_is_help=True, help="Claimed edge against realised, bin by bin, and what is believed."
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the record is read: a stage's store and state, or rehearsed days on this machine."""

    record: Record
    registry: Registry
    standing: StandingRecord
    operations: Operations
    parameters: bytes
    now: datetime
    rehearsed: bool

    def days(self) -> tuple[DayGrade, ...]:
        """Return every day on record, graded.

        Raises:
            DataError: when there is none.
        """
        found = self.record.graded()
        if not found:
            raise DataError("no window has run yet: there is nothing on record")
        return found

    def today(self, days: tuple[DayGrade, ...]) -> date:
        """Return the day a verdict is for: of a rehearsal the last one played."""
        return days[-1].day if self.rehearsed else self.now.astimezone(NEW_YORK).date()

    def appraise(self) -> tuple[Appraisal, tuple[DayGrade, ...]]:
        """Return everything that follows from the record now."""
        days = self.days()
        store = self.record.stores[-1]
        models, missing = fill_models(store)
        found = appraise(
            days,
            self.registry,
            self.now,
            today=self.today(days),
            standing=self.standing,
            operations=with_proof(self.operations, store, days[-1]),
            models=models,
            model_missing=missing,
        )
        return found, days


def source_of(folder: Path | None) -> Source:
    """Return the rehearsed days of ``folder``, or what the environment names without one."""
    registry, sessions = load_registry(), load_sessions()
    if folder is not None:
        record = rehearsed(folder, registry, sessions)
        parameters = record.parameters()
        return Source(
            record, registry, StandingRecord(), Operations(), parameters, SystemClock().now(), True
        )
    runtime = Runtime(Settings.from_environment(os.environ))
    switch = runtime.state.kill_switch()
    return Source(
        record=Record((runtime.artifacts,), registry, sessions),
        registry=registry,
        standing=runtime.standing,
        operations=Operations(switch.on, switch.reason),
        parameters=runtime.parameters(),
        now=runtime.clock.now(),
        rehearsed=False,
    )


def readiness(
    folder: Out = None,
    family: Annotated[
        str, typer.Option("--family", help="What is judged: index or temperature.")
    ] = INDEX,
    as_json: Json = False,
) -> None:
    """Say GO, NO-GO or INSUFFICIENT, criterion by criterion. GO exits 0, the others 3.

    Without --out it reads the deployed stage, as named in the environment. Of temperature it judges
    climate days, by the founding document's five numbers beside the project's own.
    Example: kalshi-alpha readiness --family temperature --out out
    """
    if family not in _JUDGED:
        raise ConfigurationError(
            f"there is no readiness of the family {family[:40]!r}: there is {', '.join(_JUDGED)}"
        )
    found = _JUDGED[family](folder)
    if as_json:
        emit(found.to_json(), as_json=True)
    else:
        named = f"{found.family}: " if found.family else ""
        title = (
            f"{named}{found.verdict} ({found.source}, {counted(found.days, 'day')} to "
            f"{found.last_day})"
        )
        columns = ("Criterion", "Verdict", "value", "limit", "95 %", "sample", "Says")
        out.print(table_of(title, columns, [_criterion(one) for one in found.criteria]))
        for note in found.notes:
            out.print(note)
    if found.verdict != GO:
        raise typer.Exit(Refusal.exit_code)


def scoreboard(
    folder: Out = None,
    series: Annotated[
        list[str] | None, typer.Option("--series", help="Only these, such as KXINXU.")
    ] = None,
    span: Annotated[str, typer.Option("--span", help="7 days, 30 days or all.")] = "7 days",
    as_json: Json = False,
) -> None:
    """Show what was claimed, earned, filled and forecast, by series and by family.

    Example: kalshi-alpha scoreboard --out out --series KXINXU
    """
    labels = [label for label, _ in SPANS]
    if span not in labels:
        raise typer.BadParameter(f"{span!r} is none of {', '.join(labels)}", param_hint="--span")
    source = source_of(folder)
    days = source.days()
    models, _ = fill_models(source.record.stores[-1])
    found = board_of(days, source.registry, source.now, series=tuple(series or ()), models=models)
    if as_json:
        emit(found.to_json(), as_json=True)
        return
    chosen = next(one for one in found.spans if one.span == span)
    title = f"{span} to {chosen.last_day} ({found.source}, {chosen.days} with windows)"
    columns = ("Series", "go", "fills", "claimed", "realised", "95 %", "alpha", "brier gain",
               "minutes quoted", "age", "Incidents")  # fmt: skip
    rows = [
        (
            row.series or f"all {row.family}",
            f"{row.go_windows}/{row.windows}",
            row.fills,
            _cents(row.ev_claimed),
            _cents(row.realised),
            _within(row.realised),
            f"{row.alpha.observed}/{row.alpha.predicted:.1f}" if row.alpha else "-",
            f"{row.brier_gain.estimate:+.4f}" if row.brier_gain else "-",
            f"{row.quote_seconds / 60.0:.1f}",
            "-" if row.calibration_age_days is None else f"{row.calibration_age_days} d",
            len(row.incidents),
        )
        for row in chosen.rows
    ]
    out.print(table_of(title, columns, rows))


def grade(
    day: Annotated[str | None, typer.Option("--day", help="New York day; today without.")] = None,
    as_json: Json = False,
) -> None:
    """Grade a day of the stage: keep its evidence, and demote what may no longer trade live.

    The same runs after each day on AWS. It may be repeated, and never promotes.
    Example: kalshi-alpha grade --day 2025-11-04
    """
    runtime = Runtime(Settings.from_environment(os.environ))
    from kalshi_alpha.jobs.evening import appraised  # noqa: PLC0415 - its drawing takes a second

    answer = grade_day.run({} if day is None else {"day": day}, runtime, appraised)
    rows = {"standing": answer["standing"], "demoted": answer["demoted"] or "no"}
    emit(answer, as_json=as_json, table=pairs(f"{answer['day']} graded", rows | answer["metrics"]))


@honesty.command("fit")
def honesty_fit(
    folder: Run = None,
    target: Annotated[
        Path | None, typer.Option("--out", help="File to write; the record's own store without.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fit what is believed of each bin's claims, and keep it for the scans.

    Example: kalshi-alpha honesty fit --run out --out honesty.json
    """
    source = source_of(folder)
    days = source.days()
    found = fit_honesty(days, config_hash=source.registry.hash, today=source.today(days))
    data = dump_honesty(found)
    if target is None:
        source.record.stores[-1].write(HONESTY_KEY, data)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    where = str(target) if target else HONESTY_KEY
    answer = {"written": where, "bins": len(found.bins), "fills": found.provenance["fills"]}
    _show_bins(rows_of(found), f"{where}, good until {found.valid_until}", answer, as_json=as_json)


@honesty.command("show")
def honesty_show(
    folder: Run = None,
    path: Annotated[
        Path | None, typer.Option("--file", help="An artifact; the record's own without.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the artifact that scans would load today, or why they would refuse it (exit 4).

    Example: kalshi-alpha honesty show --run out
    """
    source = source_of(folder)
    if path is not None and not path.is_file():
        raise DataError(f"there is no honesty artifact {path}: kalshi-alpha honesty fit makes one")
    data = path.read_bytes() if path else source.record.stores[-1].read(HONESTY_KEY)
    today = source.today(source.days())
    found = honesty_from_json(data, config_hash=source.registry.hash, today=today)
    title = f"Made of fills to {found.as_of}, good until {found.valid_until}"
    answer = {"as_of": found.as_of.isoformat(), "valid_until": found.valid_until.isoformat()}
    _show_bins(rows_of(found), title, answer, as_json=as_json)


def _show_bins(
    rows: list[dict[str, Any]], title: str, answer: dict[str, Any], *, as_json: bool
) -> None:
    columns = ("Bin", "n", "claimed", "realised", "95 %", "weight", "cap", "Because")
    cells = [
        (
            row["bin"],
            row["n"],
            f"{100 * row['claimed']:.1f} c",
            f"{100 * row['realised']:.1f} c",
            f"{100 * row['low']:.1f} to {100 * row['high']:.1f}",
            f"{row['weight']:.2f}",
            "-" if row["cap"] is None else f"{row['cap'] / 100:g}",
            row["reason"],
        )
        for row in rows
    ]
    emit(answer | {"rows": rows}, as_json=as_json, table=table_of(title, columns, cells))


def _of_windows(folder: Path | None) -> Readiness:
    return source_of(folder).appraise()[0].readiness


def _of_climate_days(folder: Path | None) -> Readiness:
    """Return the readiness of rehearsed climate days, or of those of the stage."""
    from kalshi_alpha.research.temperature import readiness, record  # noqa: PLC0415 - where asked

    if folder is not None:
        return readiness.appraise_record(record.rehearsed(folder), SystemClock().now())
    runtime = Runtime(Settings.from_environment(os.environ))
    switch = runtime.state.kill_switch()
    return readiness.appraise_record(
        record.of_stage(runtime.artifacts, runtime.settings.cities),
        runtime.clock.now(),
        standing=runtime.standing,
        operations=Operations(switch.on, switch.reason),
    )


_JUDGED = {INDEX: _of_windows, "temperature": _of_climate_days}


def _criterion(one: Criterion) -> tuple[str, ...]:
    ends = [end for end in (one.low, one.high) if end is not None]
    within = " to ".join(f"{end:.3g}" for end in ends) if len(ends) == 2 else ""
    if len(ends) == 1:
        within = f"{ends[0]:.3g} or more"
    limit = "" if one.limit is None else f"{one.limit:g} {one.unit}".strip()
    value = "" if one.value is None else f"{one.value:.4g}"
    sample = f"{one.sample:g} {one.sample_unit}".strip() if one.sample else "none"
    return one.title, one.verdict, value, limit, within, sample, one.sentence


def _cents(stat: Stat | None) -> str:
    return "-" if stat is None else f"{100 * stat.estimate:+.1f} c"


def _within(stat: Stat | None) -> str:
    if stat is None or stat.low is None or stat.high is None:
        return "-"
    return f"{100 * stat.low:+.1f} to {100 * stat.high:+.1f}"
