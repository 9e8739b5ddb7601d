"""Pull decided temperature events from the venue into the form the study reads; it can be repeated.

The venue keeps some two to three months of public trades and markets, which is more than the study
learns from. An event is stored when every market of it is decided; its trades are written before
its markets, so that what stands in ``markets.parquet`` is whole.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kalshi_alpha.clock import from_iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.orders import PublicTrade, Side
from kalshi_alpha.markets.temperature import event_of
from kalshi_alpha.markets.units import CENT, SIZE_UNIT
from kalshi_alpha.research.data.store import write_atomically
from kalshi_alpha.research.market.columns import read_table, require
from kalshi_alpha.research.temperature.trades import FOLDER, MARKETS

MARKET_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("ticker", "event_ticker", "series", "strike_type")),
        *((name, pa.float64()) for name in ("floor_strike", "cap_strike")),
        *((name, pa.string()) for name in ("result", "expiration_value")),
        *((name, pa.timestamp("us", "UTC")) for name in ("open_time", "close_time")),
        ("event_day", pa.date32()),
    ]
)
TRADE_SCHEMA = pa.schema(
    [
        ("event_day", pa.date32()),
        ("ticker", pa.string()),
        ("ts_utc", pa.timestamp("us", "UTC")),
        ("count", pa.float64()),
        ("yes_price", pa.float64()),
        ("taker_yes", pa.bool_()),
    ]
)
DECIDED = ("yes", "no")
_MOST_DAYS = 400


class Venue(Protocol):
    """What gives markets and public trades: the venue's reader; no key is needed for either."""

    def markets(self, event_ticker: str) -> list[dict[str, Any]]:
        """Return every market of an event."""
        ...

    def trades(self, ticker: str) -> list[PublicTrade]:
        """Return a market's trades, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did, as tickers of events.

    Attributes:
        folder: where it lies.
        there: stored before.
        pulled: stored now.
        undecided: that have a market without a result.
        unknown: of which the venue has nothing, or nothing any more.
        trades: how many came.
    """

    folder: Path
    there: tuple[str, ...]
    pulled: tuple[str, ...]
    undecided: tuple[str, ...]
    unknown: tuple[str, ...]
    trades: int


def days_between(first: date, last: date) -> tuple[date, ...]:
    """Return the days from ``first`` to ``last``.

    Raises:
        DataError: when there is none, or more than any history the venue keeps.
    """
    count = (last - first).days + 1
    if not 0 < count <= _MOST_DAYS:
        raise DataError(
            f"{first} to {last} are {count} days; 1 to {_MOST_DAYS} can be asked for at once"
        )
    return tuple(first + timedelta(days=k) for k in range(count))


def pull(
    venue: Venue,
    series: Sequence[str],
    days: Sequence[date],
    store: Path,
    progress: Callable[[int, int], None] | None = None,
) -> Pulled:
    """Store what is decided and not there yet.

    Args:
        venue: that is asked.
        series: tickers, ``KXHIGHNY``.
        days: climate days.
        store: folder that receives ``kalshi_high``.
        progress: told how many events of how many are done.

    Raises:
        VenueError, DataError: when the venue does not answer or what it says cannot be read; the
            events before are stored, and the next pull goes on.
    """
    folder = store / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    known = _known(folder / MARKETS)
    there, pulled, undecided, unknown = list[str](), list[str](), list[str](), list[str]()
    wanted = [(name, day, event_of(name, day)) for day in days for name in series]
    count = 0
    for k, (name, day, event) in enumerate(wanted):
        if event in known:
            there.append(event)
        elif not (listed := venue.markets(event)):
            unknown.append(event)
        elif any(one.get("result") not in DECIDED for one in listed):
            undecided.append(event)
        else:
            trades = [one for market in listed for one in venue.trades(_text(market, "ticker"))]
            rows = [_trade(one, day) for one in sorted(trades, key=lambda one: one.at)]
            _add(folder / f"trades_{name.lower()}.parquet", rows, TRADE_SCHEMA, event)
            markets = [_market(one, name, day) for one in listed]
            _add(folder / MARKETS, markets, MARKET_SCHEMA, event)
            pulled.append(event)
            count += len(rows)
        if progress is not None:
            progress(k + 1, len(wanted))
    return Pulled(
        folder, tuple(there), tuple(pulled), tuple(undecided), tuple(unknown), trades=count
    )


def _known(file: Path) -> set[str]:
    if not file.is_file():
        return set()
    _, table = read_table(file)
    require(file, table, ("event_ticker",))
    return set(table["event_ticker"].to_pylist())


def _add(file: Path, rows: Sequence[Mapping[str, Any]], schema: pa.Schema, event: str) -> None:
    """Add an event's rows to a file, in place of what an interrupted pull left of it."""
    added = pa.Table.from_pylist(list(rows), schema=schema)
    if file.is_file():
        _, before = read_table(file)
        others = pc.invert(pc.starts_with(before["ticker"], f"{event}-"))
        kept = before.filter(others)
        added = pa.concat_tables([kept, added], promote_options="permissive")
    keys = [(key, "ascending") for key in ("event_day", "ts_utc", "ticker") if key in schema.names]
    packed = io.BytesIO()
    pq.write_table(added.sort_by(keys), packed, compression="zstd")
    write_atomically(file, packed.getvalue())


def _trade(one: PublicTrade, day: date) -> dict[str, Any]:
    return {
        "event_day": day,
        "ticker": one.ticker,
        "ts_utc": one.at.astimezone(UTC),
        "count": one.size / SIZE_UNIT,
        "yes_price": one.price / CENT,
        "taker_yes": one.taker_side is Side.BID,
    }


def _market(one: Mapping[str, Any], series: str, day: date) -> dict[str, Any]:
    try:
        times = {name: from_iso(_text(one, name)) for name in ("open_time", "close_time")}
        strikes = {
            name: None if one.get(name) is None else float(one[name])
            for name in ("floor_strike", "cap_strike")
        }
    except (TypeError, ValueError) as error:
        raise DataError(f"{one.get('ticker')} has a time or strike that is none: {error}") from None
    texts = ("ticker", "event_ticker", "strike_type", "result")
    return {
        **{name: _text(one, name) for name in texts},
        "expiration_value": str(one.get("expiration_value") or ""),
        "series": series,
        "event_day": day,
        **times,
        **strikes,
    }


def _text(one: Mapping[str, Any], name: str) -> str:
    value = one.get(name)
    if not isinstance(value, str) or not value:
        raise DataError(f"the venue lists {str(one.get('ticker'))[:60]!r} without {name}")
    return value
