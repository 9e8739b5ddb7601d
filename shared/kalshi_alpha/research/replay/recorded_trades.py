"""Recorded trades and quotes in tables, each form known by its columns.

======================  =====================================================================
index trades            the second's lowest sale, highest purchase and sizes, and the index
temperature trades      every trade: ``yes_price`` in cents, ``count``, ``taker_yes``
quotes                  best yes bid and best no bid in cents at each change, 0 for none
======================  =====================================================================

What a second held is known when it is over, so its rows arrive a second after its begin. Quotes
come without sizes: one contract is put down for each, and nothing may be read from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import DataError, TickerError
from kalshi_alpha.markets.tickers import MarketTicker, parse_market
from kalshi_alpha.markets.units import CENT, PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.research.data.findings import Bools, Floats, Ints, number_of, refusal, short_name
from kalshi_alpha.research.market.columns import (
    days,
    numbers,
    read_table,
    require,
    truths,
    words,
)
from kalshi_alpha.research.replay.tape import ASK, BID, INDEX_UNIT, Kind, Tape, tape_of
from kalshi_alpha.research.replay.verify import NS, Coverage, checked, days_of_ns

COMMON = ("ts_utc", "ticker", "event_day")
INDEX_TRADES = (*COMMON, "strike_kind", "sell_px", "sell_qty", "buy_px", "buy_qty")
TEMPERATURE_TRADES = (*COMMON, "count", "yes_price", "taker_yes")
QUOTES = (*COMMON, "yes_bid", "no_bid")
FORMS: Mapping[str, tuple[str, ...]] = {
    "index trades": INDEX_TRADES,
    "temperature trades": TEMPERATURE_TRADES,
    "quotes": QUOTES,
}
RANGE_WIDTH = 25.0  # points of a close range
_MOST = 1e12  # contracts of a trade and points of an index: far beyond any, well inside 64 bits
_TOO_MANY = 5  # events whose winning range never trades: one or two may be chance


def form_of_columns(names: list[str]) -> str:
    """Return which form columns are of; empty when of none, ``mixed`` when of several."""
    own = {form: set(needed) - set(COMMON) for form, needed in FORMS.items()}
    touched = [form for form, needed in own.items() if needed & set(names)]
    return touched[0] if len(touched) == 1 else "mixed" if touched else ""


def read_recorded(
    file: Path,
    *,
    results: Mapping[str, str] | None = None,
    index: str = "SPX",
    needs_settlement: bool = False,
) -> tuple[Tape, Coverage]:
    """Read and verify a table of trades or quotes.

    Args:
        file: parquet or CSV.
        results: ``yes`` or ``no`` by ticker, as far as known.
        index: the symbol whose level index trades carry, in the column of its lower-case name.
        needs_settlement: leave out, and count, market-days without a result.

    Raises:
        DataError: naming file, row and rule, for a file of no form or of several, a missing column,
            time that goes back, or prices that are none; also for close ranges whose winners are
            gone, of which no profit or calibration may be made.
    """
    data, table = read_table(file)
    form = form_of_columns(table.column_names)
    if form in ("", "mixed"):
        what = "of several forms at once" if form else f"of none of these: {', '.join(FORMS)}"
        raise refusal(file, "form", f"its columns are {what}")
    require(file, table, FORMS[form])
    row = np.arange(1, table.num_rows + 1, dtype=np.int64)
    market, names = words(file, "ticker", table["ticker"], row)
    event = days(file, "event_day", table["event_day"], row)
    tickers = _tickers(file, row, market, names, event)
    at = _nanoseconds(file, table, row)
    _require_order(file, row, event, at)
    read = {"index trades": _index, "temperature trades": _temperature, "quotes": _quotes}[form]
    columns, place = read(file, table, row, market, at)
    if form == "index trades":
        columns, place = _with_index(
            file, table, (row, event, at), tickers, (columns, place), index
        )
        names = (*names, index)
    source = {"file": short_name(file), "sha256": hashlib.sha256(data).hexdigest(), "form": form}
    known = {t: r for t, r in (results or {}).items() if t in names}
    order = np.argsort(columns["recv_ns"], kind="stable")
    columns = {key: np.asarray(value)[order] for key, value in columns.items()}
    tape = tape_of(columns, names, results=known, source=source)
    rows = row[place[order]]
    coverage = Coverage()
    if needs_settlement:
        _leave_out_unsettled(short_name(file), tape, rows, coverage, index)
    return checked(tape, short_name(file), rows=rows, known=coverage)


def read_results(file: Path) -> dict[str, str]:
    """Return ``yes`` or ``no`` by ticker of a table of markets with ``ticker`` and ``result``.

    Raises:
        DataError: naming file and row, when a result is something else; an empty one is left out.
    """
    _, table = read_table(file)
    require(file, table, ("ticker", "result"))
    found: dict[str, str] = {}
    pairs = zip(table["ticker"].to_pylist(), table["result"].to_pylist(), strict=True)
    for row, (ticker, result) in enumerate(pairs, start=1):
        if result not in ("yes", "no", "", None):
            raise refusal(file, "result", f"{ticker} is settled {result!r}: yes or no", row=row)
        if result:
            found[str(ticker)] = result
    return found


def _tickers(
    file: Path, row: Ints, market: Ints, names: tuple[str, ...], event: Ints
) -> tuple[MarketTicker, ...]:
    tickers = []
    for k, name in enumerate(names):
        try:
            tickers.append(parse_market(name))
        except TickerError as error:
            first = int(row[np.argmax(market == k)])
            raise refusal(file, "ticker", str(error), row=first) from None
    said = np.array([number_of(each.event.day) if each.event.day else -1 for each in tickers])
    _refuse_where(file, row, said[market] != event, "ticker", "event_day is not its ticker's")
    return tuple(tickers)


def _nanoseconds(file: Path, table: pa.Table, row: Ints) -> Ints:
    column = table["ts_utc"]
    if not pa.types.is_timestamp(column.type) or column.type.tz is None:
        what = f"ts_utc is {column.type}, not a time with its zone"
        raise refusal(file, "naive-time", what, row=1)
    if column.null_count:
        empty = np.asarray(column.is_null().to_numpy(), np.bool_)
        _refuse_where(file, row, empty, "empty-cell", "ts_utc is empty")
    try:
        nanoseconds = column.cast(pa.timestamp("ns", "UTC")).cast(pa.int64())
    except pa.ArrowInvalid:
        raise refusal(file, "time", "ts_utc holds a time of another age", row=1) from None
    found: Ints = np.asarray(nanoseconds.to_numpy(), np.int64)
    return found


def _require_order(file: Path, row: Ints, event: Ints, at: Ints) -> None:
    order = np.argsort(event, kind="stable")
    back = (np.diff(event[order]) == 0) & (np.diff(at[order]) < 0)
    wrong = np.zeros(len(row), np.bool_)
    wrong[order[1:][back]] = True
    _refuse_where(file, row, wrong, "order", "it is earlier than the row before it of its day")


def _index(
    file: Path, table: pa.Table, row: Ints, market: Ints, at: Ints
) -> tuple[dict[str, Any], Ints]:
    """Return rows of the second's trades: what was sold met bids, what was bought met asks."""
    pieces = []
    for name, count, side in (("sell_px", "sell_qty", BID), ("buy_px", "buy_qty", ASK)):
        dollars = numbers(file, name, table[name], row)
        size = numbers(file, count, table[count], row)
        traded = np.isfinite(dollars)
        price = _units(file, row, name, np.where(traded, dollars, 0.5), PRICE_UNIT)
        wrong = traded & ~((size > 0) & (size < _MOST))
        _refuse_where(file, row, wrong, "size", f"{count} is not above 0, or beyond belief")
        pieces.append((np.flatnonzero(traded), side, price, size))
    place = np.concatenate([piece[0] for piece in pieces])
    columns = {
        "exch_ns": at[place],
        "recv_ns": at[place] + NS,
        "name": market[place],
        "kind": np.full(len(place), int(Kind.TRADE)),
        "side": np.concatenate([np.full(len(p[0]), p[1]) for p in pieces]),
        "price": np.concatenate([p[2][p[0]] for p in pieces]),
        "size": np.concatenate([np.rint(p[3][p[0]] * SIZE_UNIT) for p in pieces]),
        "ref": row[place],
    }
    order = np.argsort(place, kind="stable")
    return {key: value[order] for key, value in columns.items()}, place[order]


def _with_index(
    file: Path,
    table: pa.Table,
    when: tuple[Ints, Ints, Ints],
    tickers: tuple[MarketTicker, ...],
    found: tuple[dict[str, Any], Ints],
    index: str,
) -> tuple[dict[str, Any], Ints]:
    """Put the index's level of each second before its trades."""
    row, event, at = when
    columns, place = found
    require(file, table, (*INDEX_TRADES, index.lower()))
    level = numbers(file, index.lower(), table[index.lower()], row)
    wrong = ~((level > 0) & (level < _MOST))
    _refuse_where(file, row, wrong, "level", f"{index.lower()} is empty or not above 0")
    _require_winners(file, event, at, level, tickers)
    first = np.unique(at, return_index=True)[1]
    added = {
        "exch_ns": at[first],
        "recv_ns": at[first] + NS,
        "name": np.full(len(first), len(tickers)),
        "kind": np.full(len(first), int(Kind.INDEX)),
        "side": np.zeros(len(first)),
        "price": np.zeros(len(first)),
        "size": np.rint(level[first] * INDEX_UNIT),
        "ref": row[first],
    }
    both = {key: np.concatenate([added[key], columns[key]]) for key in columns}
    return both, np.concatenate([first, place])


def _require_winners(
    file: Path, event: Ints, at: Ints, level: Floats, tickers: tuple[MarketTicker, ...]
) -> None:
    """Refuse close ranges among which the one that the last level lies in hardly ever is.

    The last level stands for the settlement: near an edge it may name a neighbour, so a few hits
    prove nothing.
    """
    ranges = [t for t in tickers if t.kind == "B"]
    if not ranges:
        return
    there = missing = 0
    for day in np.unique(event).tolist():
        mine = [float(t.number) for t in ranges if t.event.day and number_of(t.event.day) == day]
        last = float(level[event == day][int(np.argmax(_to_close(at[event == day], day)))])
        inside = [abs(last - middle) <= RANGE_WIDTH / 2 for middle in mine]
        there, missing = there + any(inside), missing + (bool(mine) and not any(inside))
    if missing >= max(_TOO_MANY, 4 * there):
        what = (
            f"in {missing} of its {missing + there} events the range that the index closed in has "
            "not a single trade: the winners are missing, so whatever sells the rest would seem to "
            "win always. No profit or calibration may be made of it"
        )
        raise refusal(file, "winners-missing", what, row=1, count=missing)


def _to_close(at: Ints, day: int) -> Ints:
    """Return times as far as they lie before 16:00 New York of a day, others as nothing."""
    midnight = date.fromordinal(day + date(1970, 1, 1).toordinal())
    close = datetime(midnight.year, midnight.month, midnight.day, 16, tzinfo=NEW_YORK)
    return np.where(at <= int(close.timestamp()) * NS, at, 0)


def _temperature(
    file: Path, table: pa.Table, row: Ints, market: Ints, at: Ints
) -> tuple[dict[str, Any], Ints]:
    cents = numbers(file, "yes_price", table["yes_price"], row)
    size = numbers(file, "count", table["count"], row)
    wrong = ~((size > 0) & (size < _MOST))
    _refuse_where(file, row, wrong, "size", "count is empty or not above 0, or beyond belief")
    bought = truths(file, "taker_yes", table["taker_yes"], row)
    columns = {
        "exch_ns": at,
        "recv_ns": at,
        "name": market,
        "kind": np.full(len(row), int(Kind.TRADE)),
        "side": np.where(bought, ASK, BID),
        "price": _units(file, row, "yes_price", cents, CENT),
        "size": np.rint(size * SIZE_UNIT),
        "ref": row,
    }
    return columns, np.arange(len(row))


def _quotes(
    file: Path, table: pa.Table, row: Ints, market: Ints, at: Ints
) -> tuple[dict[str, Any], Ints]:
    """Return the changes of both tops: the level that was best goes, the new one comes."""
    bids, no_bids = (numbers(file, key, table[key], row) for key in ("yes_bid", "no_bid"))
    for key, cents in (("yes_bid", bids), ("no_bid", no_bids)):
        wrong = ~((cents >= 0) & (cents < 100) & (cents == np.rint(cents)))
        _refuse_where(file, row, wrong, "price", f"{key} is not 0 to 99 whole cents")
    asks = np.where(no_bids > 0, 100 - no_bids, 0)
    lines = list(_changes(market.tolist(), bids.astype(int).tolist(), asks.astype(int).tolist()))
    found = np.array(lines, np.int64).reshape(-1, 5)
    place = found[:, 0]
    columns = {
        "exch_ns": at[place],
        "recv_ns": at[place],
        "name": market[place],
        "kind": found[:, 1],
        "side": found[:, 2],
        "price": found[:, 3] * CENT,
        "size": found[:, 4],
        "ref": row[place],
    }
    return columns, place


def _changes(market: list[int], bids: list[int], asks: list[int]) -> Iterator[tuple[int, ...]]:
    last: dict[int, list[int]] = {}
    for k, (name, *now) in enumerate(zip(market, bids, asks, strict=True)):
        if name not in last:
            yield k, Kind.CLEAR, BID, 0, 0
        before = last.get(name, [0, 0])
        # What goes does so first, or a book that moves would cross itself.
        moved = [side for side in (BID, ASK) if before[side] != now[side]]
        for side in moved:
            if before[side]:
                yield k, Kind.LEVEL, side, before[side], 0
        for side in moved:
            if now[side]:
                yield k, Kind.LEVEL, side, now[side], SIZE_UNIT
        last[name] = now


def _leave_out_unsettled(file: str, tape: Tape, rows: Ints, coverage: Coverage, index: str) -> None:
    for code, name in enumerate(tape.names):
        mine = np.flatnonzero(tape.name == code)
        if name == index or name in tape.results:
            continue
        for k in mine[np.unique(days_of_ns(tape.recv_ns[mine]), return_index=True)[1]].tolist():
            at, what = int(tape.recv_ns[k]), "its result is not known"
            coverage.leave_out(file, int(rows[k]), name, at, "no-settlement", what)


def _units(file: Path, row: Ints, name: str, value: Floats, unit: int) -> Ints:
    """Return prices in 1/10000 dollar; refuse what is not strictly inside a dollar."""
    exact = np.where(np.isfinite(value), value, -1.0) * unit
    units = np.rint(exact)
    wrong = ~((units > 0) & (units < PRICE_UNIT)) | (np.abs(units - exact) > 1e-6)
    _refuse_where(file, row, wrong, "price", f"{name} is not strictly between 0 and 1 dollar")
    found: Ints = units.astype(np.int64)
    return found


def _refuse_where(file: Path, row: Ints, where: Bools, rule: str, what: str) -> None:
    if where.any():
        k = int(np.argmax(where))
        raise refusal(file, rule, what, row=int(row[k]), count=int(where.sum()))


def require_trades(tape: Tape, file: str, coverage: Coverage) -> Tape:
    """Leave out market-days with a feed and no trade, of which no fill can be known.

    Raises:
        DataError: when nothing is left.
    """
    day = days_of_ns(tape.recv_ns)
    pairs = np.stack([tape.name.astype(np.int64), day], axis=1)
    traded = {tuple(pair) for pair in pairs[tape.kind == Kind.TRADE].tolist()}
    keep = np.array([tuple(pair) in traded for pair in pairs.tolist()], np.bool_)
    keep |= tape.kind == Kind.INDEX
    for k in np.unique(pairs[~keep], axis=0, return_index=True)[1]:
        at = int(np.flatnonzero(~keep)[k])
        name = tape.names[int(tape.name[at])]
        said = "it has a feed and not one trade"
        coverage.leave_out(file, at + 1, name, int(tape.recv_ns[at]), "no-trades", said)
    if not keep.any():
        raise DataError(f"{file}: no market-day has a trade [rule no-trades]")
    return tape.where(keep)
