"""``kalshi-alpha backtest``, ``fills fit`` and ``look-ahead``: recorded days played again."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

import kalshi_alpha
from kalshi_alpha.cli.dates import parse_day
from kalshi_alpha.cli.many import ManyCommand, command_line
from kalshi_alpha.cli.output import Json, emit, err, pairs, progress, table_of
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.registry import Series, load_registry
from kalshi_alpha.markets.units import price_from_text

Data = Annotated[
    list[Path], typer.Option("--data", help="Trades of the series by the second; several files.")
]
Bars = Annotated[
    list[Path] | None,
    typer.Option("--bars", help="Bars of the index, of days before too; several files."),
]
Results = Annotated[
    Path | None, typer.Option("--results", help="What each market paid; the bars say it if not.")
]
Params = Annotated[
    Path | None, typer.Option("--params", help="One file for all days, instead of weekly fits.")
]
SeriesName = Annotated[str, typer.Option("--series", help="As KXINXU.")]
SeriesNames = Annotated[
    list[str],
    typer.Option("--series", help="As KXINXU; several are played together at a fixing."),
]
First = Annotated[str | None, typer.Option("--from", help="First event day.")]
Last = Annotated[str | None, typer.Option("--to", help="Last event day.")]
Mode = Annotated[str, typer.Option("--mode", help="maker-only, or mixed, which also takes.")]
Rule = Annotated[
    str, typer.Option("--rule", help="core joins the book as live; offset rests off the law.")
]
Bins = Annotated[int | None, typer.Option("--max-bins", help="Markets quoted at once.")]
Threshold = Annotated[
    str | None, typer.Option("--ev-threshold", help="Expected dollars a contract, at least.")
]
Lots = Annotated[int, typer.Option("--lots", help="Contracts a side of a market.")]
Latency = Annotated[float, typer.Option("--latency-ms", help="From a decision to its effect.")]
Start = Annotated[
    float | None, typer.Option("--start-s", help="Seconds before the fixing; the registry's.")
]
Stop = Annotated[float | None, typer.Option("--stop-s", help="When everything is pulled.")]
Every = Annotated[float | None, typer.Option("--every-s", help="Seconds between scans.")]
Memory = Annotated[
    float, typer.Option("--book-s", help="How long a traded price counts as quoted, seconds.")
]
# Where a run is played and by how many changes nothing in what it finds.
_WHERE = ("--out", "--workers", "--part", "--merge", "--learn")
MaxAge = Annotated[float, typer.Option("--max-age-s", help="Oldest level of the index quoted on.")]


def backtest(
    ctx: typer.Context,
    series: SeriesNames,
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Folder for days, trades and pages.")],
    bars: Bars = None,
    results: Results = None,
    parameters: Params = None,
    first: First = None,
    last: Last = None,
    mode: Mode = "maker-only",
    rule: Rule = "core",
    max_bins: Bins = None,
    ev_threshold: Threshold = None,
    lots: Lots = 1,
    latency_ms: Latency = 250.0,
    start_s: Start = None,
    stop_s: Stop = None,
    every_s: Every = None,
    book_s: Memory = 300.0,
    max_age_s: MaxAge = 20.0,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes.")] = 1,
    part: Annotated[
        str | None,
        typer.Option(
            "--part",
            "--shard",
            help="K/N plays that share of the days only, from 0; / in an array.",
        ),
    ] = None,
    merge: Annotated[
        list[Path] | None,
        typer.Option("--merge", help="Folders of parts played elsewhere; several."),
    ] = None,
    block: Annotated[
        int, typer.Option("--block", min=1, help="Consecutive days an interval draws together.")
    ] = 1,
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity/--no-sensitivity", help="Vary the assumptions too.")
    ] = True,
    fills: Annotated[
        Path | None, typer.Option("--fills", help="A fills.json for the choice of price.")
    ] = None,
    why: Annotated[bool, typer.Option("--why", help="Keep every why-record.")] = False,
    tuned: Annotated[
        Path | None, typer.Option("--tuning", help="Play with what a run before these days taught.")
    ] = None,
    honesty: Annotated[
        Path | None,
        typer.Option("--honesty", help="Believe claims as a file from before these days says."),
    ] = None,
    learn: Annotated[
        Path | None, typer.Option("--learn", help="Write what these days teach, if anything, here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Play the strategy over recorded days; a quote fills where a trade went through its price.

    Days that are done are kept below --out and not played again. Example: kalshi-alpha backtest
    --series KXINXU --data above_1s.parquet --bars spx_1m.parquet spx_5m.parquet --out out/backtest
    """
    # numpy and pyarrow take a second: the other commands should not wait for them
    from kalshi_alpha.research.backtest import closing, running, temperatures  # noqa: PLC0415
    from kalshi_alpha.research.backtest.loading import files_of  # noqa: PLC0415
    from kalshi_alpha.research.backtest.report import (  # noqa: PLC0415
        OVERVIEW,
        overview,
        write_backtest,
    )

    if len(series) == 1 and temperatures.is_temperature(series[0]):
        _temperatures(ctx, series[0], data, out, results, first, last, as_json=as_json)
        return
    settings = [
        _settings(
            name, mode, rule, max_bins, ev_threshold, lots, latency_ms, start_s, stop_s, every_s,
            book_s, max_age_s, fills, tuned, first, honesty,
        )
        for name in series
    ]  # fmt: skip
    _require_together(series, settings, learn)
    given = files_of(data, series)
    sources = [
        _sources(name, given[name], bars, results, parameters, first, last) for name in series
    ]
    request = running.Request(
        sources=sources[0],
        beside=tuple(sources[1:]),
        settings=settings[0],
        sensitivity=sensitivity,
        block=block,
        keep_why=why,
    )
    if learn is not None:
        closing.require_live(request.settings)
    with progress("days") as told:
        found = running.run(
            request,
            load_registry(),
            out,
            workers=workers,
            part=_part(part),
            merge=tuple(merge or ()),
            progress=told,
        )
    if found is None:
        err.print(
            f"this part's days are in {out}; run once more with --merge and their folders to sum up"
        )
        return
    for row in found.document["missing"]:
        err.print(
            f"{row['day']} is not played: {row['sentence']} [rule {row['rule']}]", markup=False
        )
    provenance = [
        ("Command", command_line("backtest", ctx, _WHERE)),
        ("Code", f"kalshi-alpha {kalshi_alpha.__version__}"),
    ]
    document = write_backtest(found, out, provenance)
    title = f"{request.series}: cents a contract; {out / 'backtest.html'}"
    emit(document, as_json=as_json, table=table_of(title, OVERVIEW, overview(document)))
    err.print(document["all"]["verdict_sentence"], markup=False, soft_wrap=True)
    if learn is not None:
        err.print(
            _learn(learn, document, request.settings, series[0]), markup=False, soft_wrap=True
        )


def _temperatures(
    ctx: typer.Context,
    series: str,
    data: list[Path],
    out: Path,
    results: Path | None,
    first: str | None,
    last: str | None,
    *,
    as_json: bool,
) -> None:
    """Play temperature trades, for which there is no law: an exercise of the engine."""
    from kalshi_alpha.research.backtest.report import OVERVIEW  # noqa: PLC0415
    from kalshi_alpha.research.backtest.temperature_report import (  # noqa: PLC0415
        temperatures_overview,
        write_temperatures,
    )
    from kalshi_alpha.research.backtest.temperatures import run_temperatures  # noqa: PLC0415

    found, days = run_temperatures(
        series,
        data,
        results,
        load_registry(),
        first=None if first is None else parse_day(first),
        last=None if last is None else parse_day(last),
    )
    provenance = [
        ("Command", command_line("backtest", ctx, _WHERE)),
        ("Code", f"kalshi-alpha {kalshi_alpha.__version__}"),
    ]
    document = write_temperatures(found, days, out, provenance)
    title = f"{series}: cents a contract; {out / 'backtest.html'}"
    emit(
        document, as_json=as_json, table=table_of(title, OVERVIEW, temperatures_overview(document))
    )
    err.print(document["all"]["verdict_sentence"], markup=False, soft_wrap=True)


def _learn(file: Path, document: dict[str, Any], settings: Any, series: str) -> str:
    """Write the tuning that a run taught, and say what came of it."""
    from kalshi_alpha.research.backtest.closing import tuning_from  # noqa: PLC0415
    from kalshi_alpha.research.data.store import write_atomically  # noqa: PLC0415

    data = tuning_from(document, settings, load_registry().series[series])
    if data is None:
        return f"these days teach nothing to act on: {file} is not written, quote as before"
    write_atomically(file, data)
    return f"written to {file}; put it into the artifacts as parameters/tuning.json to use it"


def _sources(
    series: str,
    data: list[Path],
    bars: list[Path] | None,
    results: Path | None,
    parameters: Path | None,
    first: str | None,
    last: str | None,
) -> Any:
    from kalshi_alpha.research.backtest.loading import Sources  # noqa: PLC0415

    return Sources(
        trades=tuple(data),
        series=series,
        bars=tuple(bars or ()),
        results=results,
        parameters=parameters,
        first=None if first is None else parse_day(first),
        last=None if last is None else parse_day(last),
    )


def _settings(
    series: str,
    mode: str,
    rule: str,
    max_bins: int | None,
    ev_threshold: str | None,
    lots: int,
    latency_ms: float,
    start_s: float | None,
    stop_s: float | None,
    every_s: float | None,
    book_s: float,
    max_age_s: float,
    fills: Path | None = None,
    tuned: Path | None = None,
    first: str | None = None,
    honesty: Path | None = None,
) -> Any:
    """Return the settings; what is not given is the registry's."""
    from kalshi_alpha.research.backtest import settings  # noqa: PLC0415
    from kalshi_alpha.research.market.index import series_of  # noqa: PLC0415

    if mode not in settings.MODES or rule not in settings.RULES:
        raise ConfigurationError(
            f"--mode is {mode!r} and --rule {rule!r}; known are {', '.join(settings.MODES)} and "
            f"{', '.join(settings.RULES)}"
        )
    registry = load_registry()
    found = series_of(registry, series)
    times: dict[str, Any] = settings.of_phases(registry.groups[found.group].phases)
    if rule == "offset":
        times["every_s"] = settings.OFFSET_EVERY
    given = {"start_s": start_s, "stop_s": stop_s, "every_s": every_s}
    times |= {name: value for name, value in given.items() if value is not None}
    min_ev = found.quoting.min_ev if ev_threshold is None else price_from_text(ev_threshold)
    model = None if fills is None else _fill_model(fills)
    found_settings = settings.Settings(
        mode=settings.MODES[mode],
        rule=settings.RULES[rule],
        max_bins=found.caps.max_bins if max_bins is None else max_bins,
        min_ev=min_ev,
        lots=lots,
        latency_ms=latency_ms,
        memory_s=book_s,
        max_age_s=max_age_s,
        fills=model,
        honesty=None if honesty is None else _honesty(honesty, first),
        **times,
    )
    if tuned is None:
        return found_settings
    if first is None:
        raise ConfigurationError("--tuning needs --from: it must know none of the days played")
    return _tuned(found_settings, tuned, found, parse_day(first))


def _tuned(settings: Any, file: Path, series: Series, first: date) -> Any:
    from dataclasses import replace  # noqa: PLC0415

    from kalshi_alpha.research.backtest.closing import configuration_with  # noqa: PLC0415
    from kalshi_alpha.trading.tuning import load_tuning  # noqa: PLC0415

    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from None
    learned = load_tuning(data, series.ticker, configuration_with(settings, series), first)
    return replace(settings, when=learned.when, fills=settings.fills or learned.fills)


def _honesty(file: Path, first: str | None) -> Any:
    """Return a honesty artifact that is proven, of this configuration, and knows no day played."""
    from kalshi_alpha.trading.honesty import honesty_from_json  # noqa: PLC0415

    if first is None:
        raise ConfigurationError("--honesty needs --from: it must know none of the days played")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from None
    return honesty_from_json(data, config_hash=load_registry().hash, today=parse_day(first))


def _require_together(series: list[str], settings: list[Any], learn: Path | None) -> None:
    """Refuse series that the registry quotes otherwise: one setting plays all of them."""
    if len(set(series)) < len(series):
        raise ConfigurationError(f"--series names one twice: {' '.join(series)}")
    if learn is not None and len(series) > 1:
        raise ConfigurationError("--learn is of one series: run it for each by itself")
    for name, one in zip(series, settings, strict=True):
        if one != settings[0]:
            raise ConfigurationError(
                f"{series[0]} and {name} are quoted otherwise by the registry: give --start-s, "
                "--stop-s, --every-s, --max-bins and --ev-threshold, or play them apart"
            )


def _fill_model(file: Path) -> Any:
    from kalshi_alpha.trading.fills import fill_model_from_json  # noqa: PLC0415

    try:
        model = fill_model_from_json(json.loads(file.read_bytes()))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} cannot be read as a fill model: {error}") from None
    if model.evidence != "trade_through":
        raise ConfigurationError(
            f"{file} rests on {model.evidence.replace('_', ' ')}: these recordings hold no queue "
            "to read it with; fit one on trades"
        )
    return model


def _part(text: str | None) -> tuple[int, int]:
    """Read K/N; in an array job its index and size stand for what is left out, as ``/``."""
    if text is None:
        return 0, 1
    which, _, parts = text.partition("/")
    which = which or os.environ.get("AWS_BATCH_JOB_ARRAY_INDEX", "")
    parts = parts or os.environ.get("AWS_BATCH_JOB_ARRAY_SIZE", "")
    try:
        return int(which), int(parts)
    except ValueError:
        raise ConfigurationError(
            f"--part is {text!r}: give K/N, as 0/4 for the first of four"
        ) from None


fills_app = typer.Typer(
    no_args_is_help=True, help="How likely a resting quote is to fill, and what the fill costs."
)


def fit(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", help="Folder for fills.json and pages.")],
    series: Annotated[str | None, typer.Option("--series", help="As KXINXU; with --data.")] = None,
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="Trades by the second; several files.")
    ] = None,
    books: Annotated[
        Path | None,
        typer.Option("--books", help="Folder of recorded full-depth books, instead of trades."),
    ] = None,
    bars: Bars = None,
    results: Results = None,
    parameters: Params = None,
    first: First = None,
    last: Last = None,
    latency_ms: Latency = 250.0,
    book_s: Memory = 300.0,
    max_age_s: MaxAge = 20.0,
    as_json: Json = False,
) -> None:
    """Fit the chance that a resting quote fills, and the loss that fills bring.

    On trades a fill is a trade through the price; on recorded books it is a place in the queue that
    trades cleared. Example: kalshi-alpha fills fit --series KXINXU --data above_1s.parquet --bars
    spx_1m.parquet spx_5m.parquet --out out/fills
    """
    from kalshi_alpha.research.backtest.settings import Settings  # noqa: PLC0415
    from kalshi_alpha.research.fills.report import (  # noqa: PLC0415
        CURVES,
        curves,
        fit_fills,
        write_fills,
    )

    if (books is None) == (not data) or (series is None) == (books is None):
        raise ConfigurationError("give --series with --data and --bars, or --books alone")
    settings = Settings(latency_ms=latency_ms, memory_s=book_s, max_age_s=max_age_s)
    if books is not None:
        from kalshi_alpha.research.fills.books import fit_books  # noqa: PLC0415

        found = fit_books(books, latency_ms=latency_ms)
    else:
        sources = _sources(str(series), list(data or ()), bars, results, parameters, first, last)
        found = fit_fills(sources, settings, load_registry())
    provenance = [
        ("Command", command_line("fills fit", ctx)),
        ("Code", f"kalshi-alpha {kalshi_alpha.__version__}"),
    ]
    document = write_fills(found, out, provenance)
    title = f"{document['series']}: chance of a fill; {out / 'fills.html'}"
    emit(document, as_json=as_json, table=table_of(title, CURVES, curves(document)))


fills_app.command("fit", cls=ManyCommand)(fit)


@fills_app.callback()
def _fills() -> None:
    """Hold the commands about fills."""


def look_ahead(
    series: SeriesName,
    data: Data,
    bars: Bars = None,
    results: Results = None,
    parameters: Params = None,
    first: First = None,
    last: Last = None,
    mode: Mode = "maker-only",
    rule: Rule = "core",
    max_bins: Bins = None,
    ev_threshold: Threshold = None,
    lots: Lots = 1,
    latency_ms: Latency = 250.0,
    start_s: Start = None,
    stop_s: Stop = None,
    every_s: Every = None,
    book_s: Memory = 300.0,
    max_age_s: MaxAge = 20.0,
    every: Annotated[int, typer.Option("--every", min=1, help="One event in so many.")] = 5,
    as_json: Json = False,
) -> None:
    """Cut the recordings off, run again and compare every decision made before the cut.

    Exits with 6 when one of them came out otherwise. Takes the options of backtest.
    """
    from kalshi_alpha.errors import InvariantBroken  # noqa: PLC0415
    from kalshi_alpha.research.backtest import lookahead  # noqa: PLC0415

    sources = _sources(series, data, bars, results, parameters, first, last)
    settings = _settings(
        series, mode, rule, max_bins, ev_threshold, lots, latency_ms, start_s, stop_s, every_s,
        book_s, max_age_s,
    )  # fmt: skip
    with progress("cuts") as told:
        found = lookahead.look_ahead(sources, settings, load_registry(), every=every, progress=told)
    emit(found, as_json=as_json, table=pairs("Decisions with and without the future",
         dict(lookahead.lines_of(found))))  # fmt: skip
    if found["parted"]:
        one = found["first"][0]
        raise InvariantBroken(
            f"{found['parted']} decisions depend on what came after them; the first is scan "
            f"{one['scan']} of {one['event']} cut at {one['cut']}"
        )
