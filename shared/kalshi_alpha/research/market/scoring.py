"""From files to a comparison with the market: what ``kalshi-alpha score-market`` works out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.pricing.blend import BlendEvidence, MarketBlend, MarketBlends
from kalshi_alpha.pricing.parameters import load_parameters, parameters_checksum
from kalshi_alpha.research.data.findings import Bools, day_of, short_name
from kalshi_alpha.research.data.panel import Panel, read_panels
from kalshi_alpha.research.data.store import sha256_of
from kalshi_alpha.research.market.blending import Walked, walk_forward
from kalshi_alpha.research.market.cases import Excluded
from kalshi_alpha.research.market.compare import (
    BLEND,
    INDEX_BUCKETS,
    MARKET,
    OURS,
    SHARP,
    TEMPERATURE_BUCKETS,
    Buckets,
    Compared,
    briers,
)
from kalshi_alpha.research.market.index import IndexCases, index_cases, series_of
from kalshi_alpha.research.market.temperature import read_results, temperature_cases
from kalshi_alpha.research.market.trades import Form, Trades, file_form, read_trades
from kalshi_alpha.research.model.laws import Dated
from kalshi_alpha.research.model.measured import Measured, measure
from kalshi_alpha.research.walk import EVERY, Walk

NO_LAW = (
    "There is no law of temperatures yet: ours and the blend are empty, and what is scored is the "
    "traded price, the same with its log odds stretched, and how often prices come true."
)

SETTLED = (
    "Trades are taken to settle on the close of the last bar before the fixing, since the venue's "
    "own values are not in these files."
)
FEW_DRAWS = (
    "Trades of one day stand or fall together; a gain smaller than half the width of its interval "
    "is not shown by them, and one of a few thousandths would take hundreds of days."
)
SPREAD = (
    "A traded price is what somebody paid at the bid or at the offer, not the middle of a quote: "
    "part of any gain over it is half a spread."
)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    Attributes:
        trades: files of one form.
        bars: files of the index's bars; none for temperatures.
        markets: the file of results, for temperatures only.
        parameters: one file for all days instead of fits on the days before.
        symbol: of the index; that of the trades when None.
        first: first event day.
        last: last event day.
    """

    trades: Sequence[Path]
    bars: Sequence[Path] = ()
    markets: Path | None = None
    parameters: Path | None = None
    symbol: str | None = None
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class MarketScore:
    """A finished comparison.

    Attributes:
        form: ``index`` or ``temperature``.
        subject: what was traded, such as ``SPX``.
        compared: the trades with everybody's probabilities.
        walked: with the weights at the end.
        buckets: how it is cut up.
        sensitivity: everybody's Brier scores under other readings of the same data.
        excluded: what was left out.
        notes: what a reader must know.
        blends: the weights with their evidence; None without a law.
        provenance: files and parameters, name and value.
    """

    form: Form
    subject: str
    compared: Compared
    walked: Walked
    buckets: Buckets
    sensitivity: tuple[Mapping[str, Any], ...]
    excluded: tuple[Excluded, ...]
    notes: tuple[str, ...]
    blends: MarketBlends | None
    provenance: tuple[tuple[str, str], ...]


def score_market(request: Request, registry: Registry) -> MarketScore:
    """Read the files and compare.

    Raises:
        DataError: naming file, row and rule, for a file that cannot be used; when nothing is left.
        ConfigurationError: when files do not go with the form of the trades.
    """
    forms = {file_form(file) for file in request.trades}
    if len(forms) != 1:
        raise ConfigurationError("give --trades files of one form: index or temperature, not both")
    if forms == {"temperature"}:
        return _temperature(request)
    if len(request.trades) > 1:
        raise ConfigurationError("index trades are scored one --trades file at a time")
    return _index(request, registry)


def _index(request: Request, registry: Registry) -> MarketScore:
    if not request.bars:
        raise ConfigurationError("index trades need --bars files of the index, earlier days too")
    if request.markets is not None:
        raise ConfigurationError("index trades settle on the bars: --markets is for temperatures")
    trades = read_trades(
        request.trades[0],
        lambda series: series_of(registry, series).symbol.lower(),
        first=request.first,
        last=request.last,
    )
    symbol = series_of(registry, trades.tickers[0].event.series).symbol
    if request.symbol not in (None, symbol):
        raise ConfigurationError(
            f"{trades.file} holds trades on {symbol}, and --symbol says {request.symbol}"
        )
    first, last = day_of(trades.event.min()), day_of(trades.event.max())
    # What a fund shows cannot settle an index.
    panels = read_panels(request.bars, symbol, last=last, source=symbol, registry=registry)
    law = _law(request, panels, symbol, first, last)
    panel = panels[min(panels)]
    found = index_cases(trades, panel, law.sessions, law.source, registry, priced=law.days)
    walked = walk_forward(found.cases, INDEX_BUCKETS.fitted)
    compared = Compared.of(found.cases, walked)
    near = registry.symbols[symbol].near_strike_points
    return MarketScore(
        form="index",
        subject=symbol,
        compared=compared,
        walked=walked,
        buckets=INDEX_BUCKETS,
        sensitivity=_sensitivity(found, compared, near),
        excluded=found.excluded,
        notes=_index_notes(found, near),
        blends=_blends(compared, walked, trades),
        provenance=(
            *_named("Trades", request.trades),
            *(
                (f"Bars, {note.name}", f"{note.rows} of {note.symbol}, SHA-256 {note.sha256}")
                for one in panels.values()
                for note in one.files
            ),
            ("Registry, SHA-256", registry.hash),
            ("Parameters", law.made_with),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Law:
    source: Dated
    sessions: Measured
    days: tuple[date, ...]
    made_with: str


def _law(
    request: Request, panels: Mapping[int, Panel], symbol: str, first: date, last: date
) -> _Law:
    if request.parameters is None:
        walk = Walk(panels, first=first, last=last)
        words = f"fitted anew every {EVERY} sessions, on earlier days only"
        return _Law(walk, walk.sessions, walk.days, words)
    # Scoring brings in every baseline, which takes a second that only this way needs.
    from kalshi_alpha.research.score import Fixed  # noqa: PLC0415

    try:
        data = request.parameters.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{request.parameters} cannot be read: {error.strerror}") from None
    held = load_parameters(data, on=last, expired_too=True)
    if symbol not in held:
        raise ConfigurationError(f"{request.parameters} says nothing of {symbol}: {sorted(held)}")
    one, sessions = held[symbol], measure(panels[min(panels)])
    words = f"data through {one.as_of}, checksum {parameters_checksum(data)}"
    return _Law(Fixed(one), sessions, sessions.days, words)


def _temperature(request: Request) -> MarketScore:
    if request.markets is None:
        raise ConfigurationError("temperature trades need --markets FILE with the results")
    if request.bars or request.parameters is not None:
        raise ConfigurationError("there is no law of temperatures: leave --bars and --params out")
    read = [
        read_trades(file, str.lower, first=request.first, last=request.last)
        for file in request.trades
    ]
    cases, excluded = temperature_cases(read, read_results(request.markets))
    walked = walk_forward(cases, TEMPERATURE_BUCKETS.fitted)
    names = sorted({ticker.event.series for file in read for ticker in file.tickers})
    return MarketScore(
        form="temperature",
        subject=", ".join(names),
        compared=Compared.of(cases, walked),
        walked=walked,
        buckets=TEMPERATURE_BUCKETS,
        sensitivity=(),
        excluded=excluded,
        notes=(NO_LAW,),
        blends=None,
        provenance=(
            *_named("Trades", request.trades),
            *_named("Markets", [request.markets]),
        ),
    )


def _sensitivity(
    found: IndexCases, compared: Compared, near: float
) -> tuple[Mapping[str, Any], ...]:
    """Score the same trades with other outcomes and other levels."""
    cases = found.cases
    everything = np.ones(len(cases), dtype=np.bool_)
    known = np.isfinite(found.official)
    late = cases.minutes <= INDEX_BUCKETS.fitted[0][1]
    behind = Compared(cases, compared.said | {OURS: found.stale, BLEND: compared.said[BLEND]})
    readings: list[tuple[str, Compared, Bools, Any]] = [
        ("as scored", compared, everything, None),
        ("settled on the official close", compared, known, found.official),
        (
            f"without settlements within {near:g} points of a strike",
            compared,
            found.distance > near,
            None,
        ),
        ("ours from the last complete bar, not the second's level", behind, everything, None),
    ]
    rows: list[Mapping[str, Any]] = []
    for name, each, where, outcome in readings:
        for when, inside in (("all", where), ("last 15 minutes", where & late)):
            row = {"reading": name, "when": when} | dict(briers(each, inside, outcome))
            if each is behind:
                row["brier_blend"] = None  # its weights were fitted on the second's level
            rows.append(row)
    return tuple(rows)


def _index_notes(found: IndexCases, near: float) -> tuple[str, ...]:
    known = np.isfinite(found.official)
    differ = int((found.official[known] != found.cases.happened[known]).sum())
    close = int((found.distance <= near).sum())
    settled = (
        f"{SETTLED} The official close would have paid {differ} of {int(known.sum())} otherwise; "
        f"{close} lie within {near:g} points of a strike, where the venue's print may differ."
    )
    days = len(np.unique(found.cases.day))
    return settled, f"These are {days} days and no more draws than that. {FEW_DRAWS}", SPREAD


def _blends(compared: Compared, walked: Walked, trades: Trades) -> MarketBlends | None:
    bands, evidence = [], []
    for fitted in walked.last:
        minutes = compared.cases.minutes
        inside = (minutes > fitted.minutes_from) & (minutes <= fitted.minutes_to)
        if fitted.blend is None:
            return None
        scores = briers(compared, inside)
        days = compared.cases.day[inside]
        bands.append(MarketBlend(*fitted.blend, fitted.minutes_from, fitted.minutes_to))
        evidence.append(
            BlendEvidence(
                trades_sha256=trades.sha256,
                days=len(np.unique(days)),
                first=day_of(days.min()),
                last=day_of(days.max()),
                rows=int(inside.sum()),
                **{
                    f"brier_{name}": scores[f"brier_{name}"]
                    for name in (OURS, MARKET, SHARP, BLEND)
                },
            )
        )
    return MarketBlends(tuple(bands), tuple(evidence))


def _named(what: str, files: Sequence[Path]) -> list[tuple[str, str]]:
    return [(f"{what}, {short_name(file)}", f"SHA-256 {sha256_of(file)}") for file in files]
