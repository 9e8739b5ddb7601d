"""One file of trades: its columns read and checked, one row a side that traded.

Two forms are known by their columns. Index trades by the second: ``ts_utc``, ``ticker``,
``series``, ``event_day``, ``expiry_et``, ``strike_kind``, ``strike``, ``sell_px``, ``buy_px`` and
the index's level under its own name, as ``spx``. Temperature trades one by one: ``event_day``,
``ticker``, ``ts_utc``, ``yes_price`` in cents, ``taker_yes``. Other columns are not looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from kalshi_alpha.errors import TickerError
from kalshi_alpha.markets.tickers import MarketTicker, parse_market
from kalshi_alpha.research.data.findings import Bools, Floats, Ints, day_of, number_of, refusal
from kalshi_alpha.research.market.columns import (
    days,
    moments,
    numbers,
    read_table,
    require,
    truths,
    words,
)

Form = Literal["index", "temperature"]

COMMON = ("ts_utc", "ticker", "event_day")
COLUMNS: dict[Form, tuple[str, ...]] = {
    "index": (*COMMON, "series", "expiry_et", "strike_kind", "strike", "sell_px", "buy_px"),
    "temperature": (*COMMON, "yes_price", "taker_yes"),
}
CENTS = 100.0
SOLD, BOUGHT = 0, 1


@dataclass(frozen=True, slots=True)
class Trades:
    """Trades in the file's order; a second in which both sides traded is two rows of one price.

    Attributes:
        file: as it was given.
        sha256: of the file's bytes.
        form: ``index`` or ``temperature``.
        row: number in the file, 1 for the first row of data; arrays are [rows].
        at: seconds since 1970-01-01 UTC.
        event: day of the event, in days since 1970-01-01.
        market: place in ``tickers``.
        side: what takers did: ``SOLD`` yes or ``BOUGHT`` it.
        price: of yes in dollars, strictly between 0 and 1; where both sides traded in a second,
            the middle between them.
        level: of the index at that second, NaN where there is none.
        tickers: the markets.
    """

    file: Path
    sha256: str
    form: Form
    row: Ints
    at: Floats
    event: Ints
    market: Ints
    side: Ints
    price: Floats
    level: Floats
    tickers: tuple[MarketTicker, ...]

    def where(self, keep: Bools) -> Trades:
        """Return the rows where ``keep`` holds."""
        arrays = ("row", "at", "event", "market", "side", "price", "level")
        return replace(self, **{name: getattr(self, name)[keep] for name in arrays})

    def __len__(self) -> int:
        return len(self.row)


def file_form(file: Path) -> Form:
    """Return which form a file is of.

    Raises:
        DataError: when it cannot be read as a table.
    """
    return form_of(read_table(file)[1].column_names)


def form_of(names: Sequence[str]) -> Form:
    """Return which form these columns are of: the one they have more of to itself."""
    own = {form: set(needed) - set(COMMON) for form, needed in COLUMNS.items()}
    found = {form: len(columns & set(names)) for form, columns in own.items()}
    return "temperature" if found["temperature"] > found["index"] else "index"


def read_trades(
    file: Path,
    level_of: Callable[[str], str],
    *,
    first: date | None = None,
    last: date | None = None,
    without: Collection[date] = (),
) -> Trades:
    """Read a parquet or CSV file of trades.

    Events before ``first``, after ``last`` and of days ``without`` are dropped before anything else
    is looked at.

    Args:
        file: of either form.
        level_of: the column of the index's level for a series, empty for a file without one;
            raises for a series that has none.
        first: first event day wanted.
        last: last event day wanted.
        without: event days that are not wanted.

    Raises:
        DataError: naming file, row and rule, for a file that is not of either form, is not in
            order of time, contradicts its own tickers, or has a price that is none.
    """
    data, table = read_table(file)
    form = form_of(table.column_names)
    require(file, table, COLUMNS[form])
    row = np.arange(1, table.num_rows + 1, dtype=np.int64)
    event = days(file, "event_day", table["event_day"], row)
    keep = np.ones(len(row), dtype=np.bool_)
    if first is not None:
        keep &= event >= number_of(first)
    if last is not None:
        keep &= event <= number_of(last)
    keep &= ~np.isin(event, [number_of(day) for day in without])
    table, row, event = table.filter(pa.array(keep)), row[keep], event[keep]
    if not len(row):
        raise refusal(file, "empty", f"it has no event from {first or 'the first'} to {last or ''}")
    at = moments(file, "ts_utc", table["ts_utc"], row)
    _require_order(file, row, event, at)
    market, tickers = _markets(file, table, row, event)
    read = _index if form == "index" else _temperature
    found = read(file, table, row, market, tickers, level_of)
    place = found.pop("place")
    return Trades(
        file=file,
        sha256=hashlib.sha256(data).hexdigest(),
        form=form,
        row=row[place],
        at=at[place],
        event=event[place],
        market=market[place],
        tickers=tickers,
        **found,
    )


def _index(
    file: Path,
    table: pa.Table,
    row: Ints,
    market: Ints,
    tickers: tuple[MarketTicker, ...],
    level_of: Callable[[str], str],
) -> dict[str, Any]:
    _require_agreement(file, table, row, market, tickers)
    names = sorted({level_of(ticker.event.series) for ticker in tickers})
    if len(names) > 1:
        raise refusal(file, "series", f"it mixes indices: {', '.join(names)}; give one at a time")
    level = np.full(len(row), np.nan)
    if names[0]:
        require(file, table, names)
        level = numbers(file, names[0], table[names[0]], row)
        _refuse_where(file, row, ~(level > 0), "level", f"{names[0]} is empty or not above 0")
    sold, bought = (numbers(file, name, table[name], row) for name in ("sell_px", "buy_px"))
    for name, price in (("sell_px", sold), ("buy_px", bought)):
        _require_prices(file, row, name, price, 1.0, "dollars")
    neither = np.isnan(sold) & np.isnan(bought)
    _refuse_where(file, row, neither, "price", "sell_px and buy_px are both empty")
    both = np.isfinite(sold) & np.isfinite(bought)
    price = np.where(both, 0.5 * (sold + bought), np.where(np.isnan(sold), bought, sold))
    # A second that both sides traded in stands twice, sellers first.
    place = np.repeat(np.arange(len(row)), 1 + both)
    second = np.concatenate(([False], place[1:] == place[:-1]))
    side = np.where(second | np.isnan(sold)[place], BOUGHT, SOLD)
    return {"place": place, "side": side, "price": price[place], "level": level[place]}


def _temperature(
    file: Path,
    table: pa.Table,
    row: Ints,
    _market: Ints,
    _tickers: tuple[MarketTicker, ...],
    _level_of: Callable[[str], str],
) -> dict[str, Any]:
    cents = numbers(file, "yes_price", table["yes_price"], row)
    _refuse_where(file, row, np.isnan(cents), "price", "yes_price is empty")
    _require_prices(file, row, "yes_price", cents, CENTS, "cents")
    side = np.where(truths(file, "taker_yes", table["taker_yes"], row), BOUGHT, SOLD)
    return {
        "place": np.arange(len(row)),
        "side": side,
        "price": cents / CENTS,
        "level": np.full(len(row), np.nan),
    }


def _require_order(file: Path, row: Ints, event: Ints, at: Floats) -> None:
    """Refuse trades of one event day that go back in time."""
    order = np.argsort(event, kind="stable")
    back = (np.diff(event[order]) == 0) & (np.diff(at[order]) < 0)
    places = np.sort(order[1:][back])
    if len(places):
        k = int(places[0])
        what = "the trade is earlier than the one before it of its event day; sort by ts_utc"
        day = day_of(event[k])
        raise refusal(file, "order", what, row=int(row[k]), day=day, count=len(places))


def _markets(
    file: Path, table: pa.Table, row: Ints, event: Ints
) -> tuple[Ints, tuple[MarketTicker, ...]]:
    market, names = words(file, "ticker", table["ticker"], row)
    tickers = []
    for k, name in enumerate(names):
        try:
            tickers.append(parse_market(name))
        except TickerError as error:
            at = int(row[np.argmax(market == k)])
            raise refusal(file, "ticker", str(error), row=at) from None
    said = np.array([number_of(each.event.day) if each.event.day else -1 for each in tickers])
    wrong = np.flatnonzero(said[market] != event)
    if len(wrong):
        k = int(wrong[0])
        what = f"event_day is {day_of(event[k])} and the ticker is {names[market[k]]}"
        raise refusal(file, "ticker", what, row=int(row[k]), count=len(wrong))
    return market, tuple(tickers)


def _require_agreement(
    file: Path, table: pa.Table, row: Ints, market: Ints, tickers: tuple[MarketTicker, ...]
) -> None:
    """Refuse series, hours and strikes that are not their ticker's."""
    strike = numbers(file, "strike", table["strike"], row)
    truth: dict[str, list[str]] = {
        "series": [each.event.series for each in tickers],
        "expiry_et": [f"{each.event.hour:%H:%M}" if each.event.hour else "" for each in tickers],
        "strike_kind": [each.kind for each in tickers],
    }
    for name, right in truth.items():
        code, names = words(file, name, table[name], row)
        wrong = np.array(names)[code] != np.array(right)[market]
        if wrong.any():
            k = int(np.argmax(wrong))
            what = f"{name} is {names[code[k]]!r} and the ticker is {tickers[market[k]]}"
            raise refusal(file, "ticker", what, row=int(row[k]), count=int(wrong.sum()))
    right_strike = np.array([float(Decimal(each.number)) for each in tickers])[market]
    wrong = ~(np.abs(strike - right_strike) < 1e-6)
    if wrong.any():
        k = int(np.argmax(wrong))
        what = f"strike is {strike[k]} and the ticker is {tickers[market[k]]}"
        raise refusal(file, "ticker", what, row=int(row[k]), count=int(wrong.sum()))


def _require_prices(file: Path, row: Ints, name: str, price: Floats, top: float, unit: str) -> None:
    outside = np.isfinite(price) & ~((price > 0) & (price < top)) | np.isinf(price)
    if outside.any():
        k = int(np.argmax(outside))
        what = f"{name} is {price[k]:g}, not strictly between 0 and {top:g} {unit}"
        raise refusal(file, "price", what, row=int(row[k]), count=int(outside.sum()))


def _refuse_where(file: Path, row: Ints, where: Bools, rule: str, what: str) -> None:
    if where.any():
        k = int(np.argmax(where))
        raise refusal(file, rule, what, row=int(row[k]), count=int(where.sum()))
