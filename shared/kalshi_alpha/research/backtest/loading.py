"""Recorded trades, bars and results as tapes, with what was left out and why."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import ConfigurationError, DataError, ParameterError
from kalshi_alpha.markets.contracts import Contract, Ladder, Payoff, TickGrid
from kalshi_alpha.markets.registry import Registry, Series
from kalshi_alpha.markets.sessions import Session, Sessions, load_sessions
from kalshi_alpha.markets.strikes import StrikeType, strike_from_fields
from kalshi_alpha.markets.tickers import MarketTicker
from kalshi_alpha.markets.units import PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.markets.windows import Window, windows_on
from kalshi_alpha.pricing.parameters import SymbolParameters, load_parameters, parameters_checksum
from kalshi_alpha.research.backtest.tape import Seconds, Tape
from kalshi_alpha.research.data.findings import (
    Bools,
    FileRefused,
    Floats,
    Ints,
    day_of,
    number_of,
    refusal,
    short_name,
)
from kalshi_alpha.research.data.panel import Panel, read_panels
from kalshi_alpha.research.data.store import sha256_of
from kalshi_alpha.research.market.cases import require_both_outcomes
from kalshi_alpha.research.market.columns import numbers, read_table, require
from kalshi_alpha.research.market.index import series_of
from kalshi_alpha.research.market.temperature import Results, read_results
from kalshi_alpha.research.market.trades import Trades, read_trades
from kalshi_alpha.research.model.measured import of_one_source
from kalshi_alpha.research.walk import EVERY, fit_before

# Every market of the recordings trades in whole cents.
CENTS = TickGrid.from_price_ranges([{"start": "0.0000", "end": "1.0000", "step": "0.0100"}])
NO_TRADES, NO_BARS, HALF_DAY = "no-trades", "no-bars", "half-day"
TOO_EARLY, UNSETTLED, NO_WINDOW = "too-early", "no-settlement", "no-window"


@dataclass(frozen=True, slots=True)
class Sources:
    """Files of a backtest.

    Attributes:
        trades: by the second, of one index.
        bars: of the index; none when the level is read off the ladder and results are given.
        results: what each market paid; the bars say it when None.
        parameters: one file for all days instead of fits on the days before.
        series: of the registry.
        first: first event day.
        last: last event day.
        settled: whether outcomes are looked at; without them a recording may end anywhere.
    """

    trades: Sequence[Path]
    series: str
    bars: Sequence[Path] = ()
    results: Path | None = None
    parameters: Path | None = None
    first: date | None = None
    last: date | None = None
    settled: bool = True


@dataclass(frozen=True, slots=True)
class Missing:
    """A day that was asked for and is not played."""

    day: date
    rule: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """Tapes by day with their parameters.

    Attributes:
        tapes: one for each event, in order of time.
        parameters: by day.
        missing: days asked for that are not played.
        requested: how many days were asked for.
        rows: how many rows were read, and how many of them are in tapes.
        made_with: what the parameters are, in words.
        level: where the index's level comes from, in words.
        provenance: files, name and hash.
    """

    tapes: tuple[Tape, ...]
    parameters: Mapping[date, SymbolParameters]
    missing: tuple[Missing, ...]
    requested: int
    rows: tuple[int, int]
    made_with: str
    level: str
    provenance: tuple[tuple[str, str], ...]


def load(sources: Sources, registry: Registry) -> Loaded:
    """Read the files and lay out the tapes.

    Raises:
        DataError: naming file, row and rule, for a file that cannot be used, whose winners or
            losers are missing, or from which no day is left.
        ConfigurationError: when files are missing.
    """
    series = series_of(registry, sources.series)
    if not sources.bars and (sources.results is None or sources.parameters is None):
        raise ConfigurationError(
            "without --bars the outcomes and the law are unknown: give --results and --params, or "
            "--bars of the index"
        )
    rows, unsound = [], dict[date, Missing]()
    for file in sources.trades:
        read, gone = _sound(file, series, sources)
        rows.append(read)
        unsound |= gone
    sessions = load_sessions()
    first = sources.first or day_of(min(int(r.trades.event.min()) for r in rows))
    last = sources.last or day_of(max(int(r.trades.event.max()) for r in rows))
    if first > last:
        raise ConfigurationError(f"the first day, {first}, comes after the last, {last}")
    panels = _panels(sources, series, registry, last)
    results = None if sources.results is None else read_results(sources.results)
    asked = _sessions_between(sessions, first, last)
    laid = _Layout(registry, series, sessions, panels, results, settled=sources.settled)
    fitted = _Fitted(sources, registry, series, panels, asked)
    tapes: list[Tape] = []
    missing: list[Missing] = []
    parameters: dict[date, SymbolParameters] = {}
    for session in asked:
        if session.day in unsound:
            missing.append(unsound[session.day])
            continue
        try:
            of_day = laid.of_day(session, rows)
            parameters[session.day] = fitted.on(session.day)
            tapes += of_day
        except _LeftOut as left_out:
            missing.append(Missing(session.day, left_out.rule, str(left_out)))
    if not tapes:
        why = "; ".join(f"{one.day}: {one.sentence}" for one in missing[:3]) or "no session"
        raise NothingToPlay(f"no day from {first} to {last} can be played: {why}", missing)
    kept = sum(len(tape.seconds) for tape in tapes)
    return Loaded(
        tapes=tuple(tapes),
        parameters=parameters,
        missing=tuple(missing),
        requested=len(asked),
        rows=(sum(len(read.second) for read in rows), kept),
        made_with=fitted.made_with,
        level=laid.level_words(rows),
        provenance=_provenance(sources, panels, registry),
    )


def files_of(files: Sequence[Path], series: Sequence[str]) -> dict[str, list[Path]]:
    """Return the files of trades by series; one of no series asked for stands with the first.

    Raises:
        DataError: for a file that cannot be read, or a series without a file.
    """
    found: dict[str, list[Path]] = {name: [] for name in series}
    for file in files:
        table = read_table(file)[1]
        said = set(table["series"].unique().to_pylist()) if "series" in table.column_names else ()
        found[next((name for name in series if name in said), series[0])].append(file)
    for name, its in found.items():
        if not its:
            raise DataError(f"--series says {name} and no file of --data holds it")
    return found


class NothingToPlay(DataError):
    """Every day that was asked for is missing; ``missing`` says why, day by day."""

    def __init__(self, sentence: str, missing: Sequence[Missing]) -> None:
        super().__init__(sentence)
        self.missing = tuple(missing)


class _LeftOut(DataError):
    """A day that cannot be played; ``rule`` says why in one word."""

    def __init__(self, rule: str, sentence: str) -> None:
        super().__init__(sentence)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class _Read:
    """One file: checked trades, and the seconds they came from in prices and sizes of ours."""

    file: Path
    trades: Trades
    second: Ints  # index of the first row of each second in ``trades``
    sold: Ints
    sold_size: Ints
    bought: Ints
    bought_size: Ints


def _sound(file: Path, series: Series, sources: Sources) -> tuple[_Read, dict[date, Missing]]:
    """Return a file's days that hold together, and those that one of their rows rules out.

    Raises:
        DataError: naming file, row and rule, when it cannot be read at all or no day is left.
    """
    gone: dict[date, Missing] = {}
    first: FileRefused | None = None
    while True:
        try:
            return _read(file, series, sources, frozenset(gone)), gone
        except FileRefused as refused:
            first = first or refused
            row, rule = refused.finding.row, refused.finding.rule
            day = None if row is None else _day_of_row(file, row)
            if day is None or day in gone:
                raise first from None
            gone[day] = Missing(day, rule, str(refused))


def _day_of_row(file: Path, row: int) -> date | None:
    column = read_table(file)[1]["event_day"]
    said = column[row - 1].as_py()
    try:
        return said if said is None or type(said) is date else date.fromisoformat(str(said)[:10])
    except ValueError:
        return None


def _read(
    file: Path, series: Series, sources: Sources, without: frozenset[date] = frozenset()
) -> _Read:
    table = read_table(file)[1]
    column = series.symbol.lower() if series.symbol.lower() in table.column_names else ""
    trades = read_trades(
        file, lambda _: column, first=sources.first, last=sources.last, without=without
    )
    if trades.form != "index":
        raise refusal(file, "form", "it holds temperature trades, for which there is no law")
    other = {t.event.series for t in trades.tickers} - {series.ticker}
    if other:
        what = f"it holds {', '.join(sorted(other))} and --series says {series.ticker}"
        raise refusal(file, "series", what)
    needed = ("sell_px", "buy_px", "sell_qty", "buy_qty")
    require(file, table, needed)
    every = np.arange(1, table.num_rows + 1, dtype=np.int64)
    # A second in which both sides traded stands twice in the trades.
    second = np.flatnonzero(np.concatenate(([True], np.diff(trades.row) > 0)))
    row = trades.row[second] - 1
    read = {name: numbers(file, name, table[name], every)[row] for name in needed}
    sold, sold_size = _side(file, row, "sell", read["sell_px"], read["sell_qty"])
    bought, bought_size = _side(file, row, "buy", read["buy_px"], read["buy_qty"])
    return _Read(file, trades, second, sold, sold_size, bought, bought_size)


def _side(file: Path, row: Ints, word: str, price: Floats, size: Floats) -> tuple[Ints, Ints]:
    """Return one side's prices and sizes in our units, 0 where nobody traded."""
    there = np.isfinite(price)
    wrong = there & ~(np.isfinite(size) & (size > 0))
    if wrong.any():
        k = int(np.argmax(wrong))
        what = f"{word}_px is {price[k]:g} and {word}_qty is {size[k]:g}: a trade has a size"
        raise refusal(file, "size", what, row=int(row[k]) + 1, count=int(wrong.sum()))
    units = np.where(there, price, 0.0) * PRICE_UNIT
    whole = np.rint(units).astype(np.int64)
    sizes = np.rint(np.where(there, size, 0.0) * SIZE_UNIT).astype(np.int64)
    return whole, sizes


@dataclass(slots=True)
class _Layout:
    """Lays out the tapes of a day."""

    registry: Registry
    series: Series
    sessions: Sessions
    panels: Mapping[int, Panel]
    results: Results | None
    settled: bool

    def of_day(self, session: Session, rows: Sequence[_Read]) -> list[Tape]:
        """Return a tape for each event of the day.

        Raises:
            _LeftOut: when the day cannot be played.
            DataError: when the file lacks its winners or its losers.
        """
        if session.early:
            raise _LeftOut(HALF_DAY, "the session ends early")
        found = []
        for read in rows:
            here = read.trades.event[read.second] == number_of(session.day)
            market = read.trades.market[read.second]
            events = sorted({str(read.trades.tickers[m].event) for m in set(market[here])})
            found += [self._tape(session, read, here, market, event) for event in events]
        if not found:
            raise _LeftOut(NO_TRADES, "no trade is recorded")
        return found

    def _tape(self, session: Session, read: _Read, here: Bools, market: Ints, event: str) -> Tape:
        of_event = [k for k, t in enumerate(read.trades.tickers) if str(t.event) == event]
        tickers = [read.trades.tickers[k] for k in of_event]
        window = self._window(session, tickers[0])
        contracts = sorted(
            (contract_of(t, self.series, session, window.fixing) for t in tickers),
            key=lambda c: (c.payoff.low is not None, c.payoff.low or 0),
        )
        ladder = Ladder(event, self.series.ticker, window.fixing, tuple(contracts), ())
        place = {contract.ticker: k for k, contract in enumerate(contracts)}
        to = {k: place[str(read.trades.tickers[k])] for k in of_event}
        keep = here & np.isin(market, of_event)
        keep &= read.trades.at[read.second] < window.fixing.timestamp()
        bars = self._bars(session)
        paid = self._paid(contracts, window, session)
        return Tape(
            window=window,
            series=self.series.ticker,
            symbol=self.series.symbol,
            session=session,
            ladder=ladder,
            seconds=_seconds(read, keep, market, to),
            bars=bars,
            paid=paid,
        )

    def _window(self, session: Session, ticker: MarketTicker) -> Window:
        hour = ticker.event.hour
        for window in windows_on(session.day, self.registry, self.sessions):
            fixing = window.fixing.astimezone(NEW_YORK).time()
            if window.group == self.series.group and fixing == hour:
                return window
        raise _LeftOut(NO_WINDOW, f"{ticker.event} is of no window of {self.series.group}")

    def _bars(self, session: Session) -> tuple[tuple[float, float, float, float], ...]:
        """Return the minutes from the open up to the first that is missing."""
        if not self.panels:
            return ()
        panel = self.panels[min(self.panels)]
        if panel.step != 1 or session.day not in panel.days:
            raise _LeftOut(NO_BARS, "no minutes of the index are recorded")
        k = panel.days.index(session.day)
        prices = np.stack([panel.open[k], panel.high[k], panel.low[k], panel.close[k]], axis=1)
        whole = np.isfinite(prices).all(axis=1)
        count = len(whole) if whole.all() else int(np.argmin(whole))
        if self.settled and count < session.minutes:
            raise _LeftOut(NO_BARS, f"the minutes of the index end after {count}")
        return tuple((float(o), float(h), float(lo), float(c)) for o, h, lo, c in prices[:count])

    def _paid(
        self, contracts: Sequence[Contract], window: Window, session: Session
    ) -> tuple[bool | None, ...]:
        if not self.settled:
            return (None,) * len(contracts)
        if self.results is not None:
            said = [self.results.paid.get(c.ticker) for c in contracts]
            if all(one is None for one in said):
                raise _LeftOut(UNSETTLED, "no market of it is in the file of results")
            return tuple(None if one is None else one > 0.5 for one in said)
        panel = self.panels[min(self.panels)]
        end = round((window.fixing - session.open).total_seconds() / 60) // panel.step - 1
        close = float(panel.close[panel.days.index(session.day), end])
        if math.isnan(close):
            raise _LeftOut(UNSETTLED, "the bar that ends at the fixing is missing")
        tick = round(close * self.series.ticks_per_point)
        return tuple(contract.payoff.contains(tick) for contract in contracts)

    def level_words(self, rows: Sequence[_Read]) -> str:
        """Say where the index's level comes from."""
        recorded = any(np.isfinite(read.trades.level).any() for read in rows)
        if recorded:
            return "recorded with the trades, second by second, and complete minutes of bars"
        if self.panels:
            return "complete minutes of bars: the trades come without the index"
        return "read off the traded ladder: the index itself is not in these files"


class _Fitted:
    """Parameters by day: one file, or fits on the days before, renewed every five sessions."""

    def __init__(
        self,
        sources: Sources,
        registry: Registry,
        series: Series,
        panels: Mapping[int, Panel],
        asked: Sequence[Session],
    ) -> None:
        self._symbol = registry.symbols[series.symbol]
        self._panels = of_one_source(panels) if panels else {}
        self._days = [session.day for session in asked]
        self._fits: dict[date, SymbolParameters] = {}
        self._file: SymbolParameters | None = None
        self.made_with = f"fitted anew every {EVERY} sessions, on earlier days only"
        if sources.parameters is not None:
            self._file, checksum = _from_file(sources.parameters, series.symbol, self._days[-1])
            self.made_with = f"data through {self._file.as_of}, checksum {checksum}"

    def on(self, day: date) -> SymbolParameters:
        """Return the parameters that price ``day``."""
        if self._file is not None:
            if day <= self._file.as_of:
                raise _LeftOut(TOO_EARLY, f"the parameters rest on data through {self._file.as_of}")
            return self._file
        place = self._days.index(day)
        start = self._days[place - place % EVERY]
        if start not in self._fits:
            try:
                self._fits[start] = self._with_basis(fit_before(self._panels, start))
            except ParameterError:
                raise
            except DataError as error:
                raise _LeftOut(TOO_EARLY, str(error)) from None
        return self._fits[start]

    def _with_basis(self, fitted: SymbolParameters) -> SymbolParameters:
        """Return it with the registry's error of settlement, which no fit on one feed can see."""
        hourly, close = fitted.hourly, fitted.close
        if hourly is not None:
            hourly = replace(hourly, basis=hourly.basis or self._symbol.basis_points)
        if close is not None:
            close = replace(close, basis=close.basis or self._symbol.basis_close_points)
        return replace(fitted, hourly=hourly, close=close)


def contract_of(
    ticker: MarketTicker, series: Series, session: Session, fixing: datetime
) -> Contract:
    """Return a market as its ticker says it: the recordings hold no listing.

    Raises:
        DataError: when the ticker does not say which side pays.
    """
    number = Decimal(ticker.number)
    payoff: Payoff
    if series.kind == "above" and ticker.kind == "T":
        payoff = strike_from_fields(StrikeType.GREATER, number, None).payoff(series.ticks_per_point)
    elif series.kind == "range" and ticker.kind == "B":
        # The label is the middle of the range, cut to a whole number.
        step = round(series.strike_step * series.ticks_per_point)
        low = int(number * series.ticks_per_point) // step * step
        payoff = Payoff(low, low + step - 1)
    else:
        raise DataError(f"{ticker} does not say which side pays in a series of {series.kind}")
    return Contract(
        ticker=str(ticker),
        event_ticker=str(ticker.event),
        series=series.ticker,
        payoff=payoff,
        grid=CENTS,
        open_at=session.open,
        close_at=fixing,
        status="active",
    )


def require_outcomes(tapes: Sequence[Tape], file: Path) -> None:
    """Refuse recordings from which the markets that won, or those that lost, are gone.

    Raises:
        DataError: then; a profit on such a file is made of what is missing.
    """
    event, market, price, happened = [], [], [], []
    for k, tape in enumerate(tapes):
        seconds = tape.seconds
        for row in range(len(seconds)):
            paid = tape.paid[seconds.market[row]]
            if paid is not None:
                event.append(k)
                market.append(k * 1000 + seconds.market[row])
                price.append(max(seconds.sold[row], seconds.bought[row]) / PRICE_UNIT)
                happened.append(float(paid))
    if event:
        require_both_outcomes(
            str(file),
            np.array(event, dtype=np.int64),
            np.array(market, dtype=np.int64),
            np.array(price),
            np.array(happened),
        )


def missing_by_rule(missing: Sequence[Missing]) -> dict[str, int]:
    """Return how many days each rule left out."""
    return dict(sorted(Counter(one.rule for one in missing).items()))


def _seconds(read: _Read, keep: Bools, market: Ints, to: Mapping[int, int]) -> Seconds:
    chosen = np.flatnonzero(keep)
    order = np.argsort(read.trades.at[read.second][chosen], kind="stable")
    chosen = chosen[order]
    return Seconds(
        at=[int(x) for x in np.floor(read.trades.at[read.second][chosen])],
        market=[to[int(m)] for m in market[chosen]],
        sold=read.sold[chosen].tolist(),
        sold_size=read.sold_size[chosen].tolist(),
        bought=read.bought[chosen].tolist(),
        bought_size=read.bought_size[chosen].tolist(),
        level=read.trades.level[read.second][chosen].tolist(),
    )


def _panels(
    sources: Sources, series: Series, registry: Registry, last: date
) -> Mapping[int, Panel]:
    if not sources.bars:
        return {}
    # What a fund shows cannot settle an index.
    return read_panels(
        sources.bars, series.symbol, last=last, source=series.symbol, registry=registry
    )


def _sessions_between(sessions: Sessions, first: date, last: date) -> list[Session]:
    days = (date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1))
    return [session for day in days if (session := sessions.on(day)) is not None]


def _from_file(file: Path, symbol: str, last: date) -> tuple[SymbolParameters, str]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from None
    held = load_parameters(data, on=last, expired_too=True)
    if symbol not in held:
        raise ConfigurationError(f"{file} says nothing of {symbol}: it has {sorted(held)}")
    return held[symbol], parameters_checksum(data)


def _provenance(
    sources: Sources, panels: Mapping[int, Panel], registry: Registry
) -> tuple[tuple[str, str], ...]:
    files = [("Trades", file) for file in sources.trades]
    if sources.results is not None:
        files.append(("Results", sources.results))
    return (
        *((f"{what}, {short_name(file)}", f"SHA-256 {sha256_of(file)}") for what, file in files),
        *(
            (f"Bars, {note.name}", f"{note.rows} of {note.symbol}, SHA-256 {note.sha256}")
            for panel in panels.values()
            for note in panel.files
        ),
        ("Registry, SHA-256", registry.hash),
    )
