"""The scoreboard: seven days, thirty days and all of them, by series and by family.

Everything is read from graded days. Every mean stands beside its sample and an interval by days;
what cannot be known is None. Fills that only touched are left out of every result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from kalshi_alpha.clock import iso
from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.markets.orders import Side, worst_loss
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.units import CASH_UNIT
from kalshi_alpha.research.graded import DayGrade, RestedQuote, SeriesGrade
from kalshi_alpha.trading.evidence import mean_by_days
from kalshi_alpha.trading.fills import FillModel
from kalshi_alpha.trading.grades import GradedFill
from kalshi_alpha.trading.readiness import Alpha

SCHEMA = "kalshi-alpha/scoreboard/1"
SPANS = (("7 days", 7), ("30 days", 30), ("all", 0))


@dataclass(frozen=True, slots=True)
class Stat:
    """A mean with its sample and its 95 % interval by days; ends are None under three days."""

    estimate: float
    low: float | None
    high: float | None
    n: int
    days: int


@dataclass(frozen=True, slots=True)
class Row:
    """One series, or one family when ``series`` is empty, over one span.

    Attributes:
        series: its ticker.
        family: its family.
        windows: that ran, counted by series.
        go_windows: of these that preflight let quote.
        fills: that count: settled and proven.
        contracts: of those fills.
        ev_claimed: dollars a contract expected after fees.
        realised: dollars a contract earned after fees.
        pnl_dollars: of every fill in the books.
        fees_dollars: likewise.
        alpha: fills predicted and observed, None without a fill model.
        markouts: dollars a contract by seconds after the fill.
        quotes: that rested.
        quote_seconds: how long, added up.
        quote_dollar_seconds: likewise, times what each could have lost.
        brier_ours: mean squared error of our probabilities.
        brier_market: of the market's middles.
        brier_gain: market's less ours; above 0 we were sharper.
        crps_ours: points, above/below ladders of one index only.
        crps_market: likewise.
        crps_gain: market's less ours.
        calibration_age_days: parameters' age on the span's last day with a scan.
        last_age_s: how old the index was at the last scan.
        incidents: day, window and sentence.
    """

    series: str
    family: str
    windows: int
    go_windows: int
    fills: int
    contracts: float
    ev_claimed: Stat | None
    realised: Stat | None
    pnl_dollars: float
    fees_dollars: float
    alpha: Alpha | None
    markouts: dict[str, Stat]
    quotes: int
    quote_seconds: float
    quote_dollar_seconds: float
    brier_ours: Stat | None
    brier_market: Stat | None
    brier_gain: Stat | None
    crps_ours: Stat | None
    crps_market: Stat | None
    crps_gain: Stat | None
    calibration_age_days: int | None
    last_age_s: float | None
    incidents: tuple[tuple[str, str, str], ...]

    @property
    def go_rate(self) -> float | None:
        """Return the share of windows that were let quote."""
        return self.go_windows / self.windows if self.windows else None


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch of days and its rows: series first, then families."""

    span: str
    first_day: date
    last_day: date
    days: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Scoreboard:
    """The whole board as of its last day."""

    at: datetime
    source: str
    day: date
    spans: tuple[Span, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "schema": SCHEMA,
            "at": iso(self.at),
            "source": self.source,
            "day": self.day.isoformat(),
            "spans": [_span_json(span) for span in self.spans],
        }


def scoreboard(
    days: Sequence[DayGrade],
    registry: Registry,
    at: datetime,
    *,
    series: Sequence[str] = (),
    models: Mapping[str, FillModel] | None = None,
) -> Scoreboard:
    """Return the board of graded days.

    Args:
        days: in any order.
        registry: what trades.
        at: the instant it is made.
        series: only these; all of the registry without.
        models: fill model by series for the predicted fills; ``""`` is for all the others.

    Raises:
        DataError: without a day.
        ConfigurationError: for a series that the registry does not hold.
    """
    if not days:
        raise DataError("no day has been graded: there is nothing to put on a scoreboard")
    for name in series:
        if name not in registry.series:
            known = ", ".join(registry.series)
            raise ConfigurationError(f"the series {name} is not in the registry: {known} are")
    ordered = sorted(days, key=lambda one: one.day)
    names = tuple(series) or tuple(registry.series)
    last = ordered[-1].day
    spans = []
    for label, length in SPANS:
        first = last - timedelta(days=length - 1) if length else ordered[0].day
        mine = [one for one in ordered if one.day >= first]
        spans.append(
            Span(label, first, last, len(mine), tuple(_rows(mine, names, registry, models or {})))
        )
    return Scoreboard(at, ordered[-1].source, last, tuple(spans))


def alpha_of(quotes: Iterable[RestedQuote], models: Mapping[str, FillModel]) -> Alpha | None:
    """Return fills that a model predicted for quotes while they rested, and those that came.

    What is added up is the hazard, minus the logarithm of the chance of no fill, until each quote
    was filled or gone. Fills less that sum are a martingale, whatever ended a quote, so the
    predicted number is also their variance (Aalen, 1978). Quotes of a series without a model are
    left out; None when that leaves none.
    """
    predicted, observed, count = 0.0, 0, 0
    for quote in quotes:
        model = model_for(quote, models)
        if model is None:
            continue
        chance = model.probability(quote.place, quote.rested_s)
        predicted += -math.log(max(1.0 - chance, 1e-12))
        observed += quote.filled
        count += 1
    return Alpha(predicted, observed, predicted, count) if count else None


def model_for(quote: RestedQuote, models: Mapping[str, FillModel]) -> FillModel | None:
    """Return the fill model of a quote's series, else the one for all, else None."""
    return models.get(quote.ticker.partition("-")[0], models.get(""))


def _rows(
    days: Sequence[DayGrade],
    names: Sequence[str],
    registry: Registry,
    models: Mapping[str, FillModel],
) -> Iterable[Row]:
    for name in names:
        yield _row(days, (name,), name, registry.series[name].family, models)
    for family in sorted({registry.series[name].family for name in names}):
        inside = tuple(name for name in names if registry.series[name].family == family)
        yield _row(days, inside, "", family, models)


def _row(
    days: Sequence[DayGrade],
    names: Sequence[str],
    series: str,
    family: str,
    models: Mapping[str, FillModel],
) -> Row:
    grades = [
        (one.day, g) for one in days for w in one.windows for g in w.series if g.series in names
    ]
    fills = [f for _, g in grades for f in g.fills if f.counted]
    quotes = [q for _, g in grades for q in g.quotes]
    ages = [g.last_age_s for _, g in grades if g.last_age_s is not None]
    return Row(
        series=series,
        family=family,
        windows=len(grades),
        go_windows=sum(g.go for _, g in grades),
        fills=len(fills),
        contracts=math.fsum(f.contracts for f in fills),
        ev_claimed=_of_fills(fills, lambda f: f.claimed),
        realised=_of_fills(fills, lambda f: f.realised),
        pnl_dollars=sum(g.pnl for _, g in grades) / CASH_UNIT,
        fees_dollars=sum(g.fees for _, g in grades) / CASH_UNIT,
        alpha=alpha_of(quotes, models),
        markouts=_markouts(fills),
        quotes=len(quotes),
        quote_seconds=round(math.fsum(q.rested_s for q in quotes), 3),
        quote_dollar_seconds=round(math.fsum(q.rested_s * _at_risk(q) for q in quotes), 3),
        **_sharpness(grades, one_symbol=bool(series)),
        calibration_age_days=_calibration_age(days),
        last_age_s=ages[-1] if ages else None,
        incidents=tuple(
            (one.day.isoformat(), w.window_id, said)
            for one in days
            for w in one.windows
            if any(g.series in names for g in w.series)
            for said in (*w.incidents, *w.differences)
        ),
    )


def _of_fills(
    fills: Iterable[GradedFill], value: Callable[[GradedFill], float | None]
) -> Stat | None:
    return _stat([(f.day, x, f.contracts) for f in fills if (x := value(f)) is not None])


def _markouts(fills: Sequence[GradedFill]) -> dict[str, Stat]:
    waits = sorted({wait for fill in fills for wait in fill.markouts})
    found = {
        str(wait): _stat(
            [(f.day, f.markouts[wait], f.contracts) for f in fills if wait in f.markouts]
        )
        for wait in waits
    }
    return {name: stat for name, stat in found.items() if stat is not None}


def _sharpness(
    grades: Sequence[tuple[date, SeriesGrade]], *, one_symbol: bool
) -> dict[str, Stat | None]:
    """Return Brier and CRPS; points of two indices do not add up, so a family has no CRPS."""
    seen = [(day, g.sharpness) for day, g in grades if g.sharpness is not None]
    brier = [(d, s.brier_ours, s.brier_market, float(s.contracts)) for d, s in seen]
    crps = [
        (d, s.crps_ours, s.crps_market, float(s.thresholds))
        for d, s in seen
        if one_symbol and s.crps_ours is not None and s.crps_market is not None
    ]
    found = {}
    for name, rows in (("brier", brier), ("crps", crps)):
        found[f"{name}_ours"] = _stat([(d, ours, w) for d, ours, _, w in rows])
        found[f"{name}_market"] = _stat([(d, market, w) for d, _, market, w in rows])
        found[f"{name}_gain"] = _stat([(d, market - ours, w) for d, ours, market, w in rows])
    return found


def _stat(values: Sequence[tuple[date, float, float]]) -> Stat | None:
    found = mean_by_days(values)
    if found is None:
        return None
    ends = found.interval()
    return Stat(found.estimate, ends[0] if ends else None, ends[1] if ends else None,
                found.n, found.days)  # fmt: skip


def _calibration_age(days: Sequence[DayGrade]) -> int | None:
    known = [(one.day - one.parameters_as_of).days for one in days if one.parameters_as_of]
    return known[-1] if known else None


def _at_risk(quote: RestedQuote) -> float:
    return worst_loss(Side(quote.side), quote.price, quote.size) / CASH_UNIT


def _span_json(span: Span) -> dict[str, Any]:
    return {
        "span": span.span,
        "first_day": span.first_day.isoformat(),
        "last_day": span.last_day.isoformat(),
        "days": span.days,
        "rows": [_row_json(row) for row in span.rows],
    }


def _row_json(row: Row) -> dict[str, Any]:
    flat = asdict(row)
    keys = ("day", "window_id", "what")
    flat["incidents"] = [dict(zip(keys, found, strict=True)) for found in row.incidents]
    return flat | {"go_rate": row.go_rate}
