"""What a sentry's capture says of one window: heartbeats made again, our orders, books by instant.

Heartbeats are made by the sentry's own code from the index values heard before each; they are not
copied. Two processes of one time, a sentry and the one after it, are kept apart as they were.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from kalshi_alpha.clock import from_iso, require_aware
from kalshi_alpha.cloud.artifacts import ArtifactStore
from kalshi_alpha.cloud.captures import capture_keys
from kalshi_alpha.errors import DataError, KalshiAlphaError
from kalshi_alpha.markets.capture import BARS, BEAT, INDEX, NOTE, SUFFIX, VENUE, Heard, read
from kalshi_alpha.markets.orders import Fill, LiveOrder
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.sessions import Session
from kalshi_alpha.parity.tape import BookTape, TapeKeeper
from kalshi_alpha.steps import heartbeat
from kalshi_alpha.steps.symbol_watch import SymbolWatch
from kalshi_alpha.venues.kalshi import wire
from kalshi_alpha.venues.massive.rest import Bar
from kalshi_alpha.venues.massive.stream import Value

_MINUTE = timedelta(minutes=1)


@dataclass
class Window:
    """Everything heard that concerns one window.

    Attributes:
        beats: heartbeat items by symbol and the instant they were written.
        orders: each order of ours as the venue reported it, in the order heard.
        fills: ours, by id.
        trades: public trades' ids, and their markets.
        tapes: books by market, one tape a writer.
        troubles: sentences about what the capture cannot tell.
        values: how many index values were heard.
    """

    beats: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    orders: dict[str, list[LiveOrder]] = field(default_factory=lambda: defaultdict(list))
    fills: dict[str, Fill] = field(default_factory=dict)
    trades: dict[str, str] = field(default_factory=dict)
    tapes: dict[str, list[BookTape]] = field(default_factory=lambda: defaultdict(list))
    troubles: list[str] = field(default_factory=list)
    values: int = 0


@dataclass
class _Writer:
    """One process's lines, in the order in which it heard them."""

    heard: Window
    registry: Registry
    session: Session
    watches: dict[str, SymbolWatch] = field(default_factory=dict)
    keeper: TapeKeeper = field(default_factory=TapeKeeper)

    def __post_init__(self) -> None:
        self.watches = {
            name: SymbolWatch(symbol, self.session)
            for name, symbol in self.registry.symbols.items()
        }

    def take(self, line: Heard) -> None:
        """Take one line; raise what an unreadable one raises."""
        match line.kind:
            case _ if line.kind == INDEX:
                self._index(line)
            case _ if line.kind == BARS:
                self._bars(line.body)
            case _ if line.kind == BEAT:
                self._beat(line.body)
            case _ if line.kind == VENUE:
                self._venue(line)
            case _ if line.kind == NOTE:
                self._note(line)

    def _index(self, line: Heard) -> None:
        body = line.body
        at = datetime.fromtimestamp(int(body["t"]) / 1000, UTC)
        lag = (line.at - at).total_seconds()
        watch = self.watches.get(body["symbol"])
        if watch is not None:
            self.heard.values += 1
            value = Value(body["symbol"], float(body["value"]), at, line.at, lag)
            watch.hear(value, line.at.timestamp())

    def _bars(self, body: Mapping[str, Any]) -> None:
        watch = self.watches.get(body["symbol"])
        for start, *prices in body["bars"] if watch is not None else ():
            at = datetime.fromtimestamp(start, UTC)
            assert watch is not None
            watch.seed(Bar(at, at + _MINUTE, *map(float, prices)))

    def _beat(self, body: Mapping[str, Mapping[str, Any]]) -> None:
        for symbol, said in body.items():
            written_at = from_iso(said["written_at"])
            watch = self.watches.get(symbol)
            reading = None if watch is None else watch.reading(written_at, 0.0)
            if watch is None or reading is None:
                continue
            # Silence runs on the sentry's steady clock, of which the beat alone tells.
            reading = replace(reading, silence_s=float(said["silence_s"]))
            item = heartbeat.to_item(reading, written_at, delayed=watch.delayed)
            self.heard.beats[(symbol, item["written_at"])] = item

    def _venue(self, line: Heard) -> None:
        body = line.body
        kind = body.get("type")
        if kind == "user_order":
            order = wire.order_from(body["msg"])
            said = body["msg"].get("last_updated_ts_ms")
            if order.updated_at is None and isinstance(said, int):
                order = replace(order, updated_at=datetime.fromtimestamp(said / 1000, UTC))
            self.heard.orders[order.order_id].append(order)
        elif kind == "fill":
            fill = wire.fill_from(body["msg"])
            said = body["msg"].get("ts_ms")
            if isinstance(said, int):
                fill = replace(fill, at=datetime.fromtimestamp(said / 1000, UTC))
            self.heard.fills[fill.fill_id] = fill
        elif kind == "trade":
            self.heard.trades[str(body["msg"]["trade_id"])] = str(body["msg"]["market_ticker"])
        elif trouble := self.keeper.take(body, line.at):
            self.heard.troubles.append(trouble)

    def _note(self, line: Heard) -> None:
        what = line.body.get("what")
        if what == "venue socket open":
            self.keeper.anew(line.at)
        elif what == "books stale":
            self.keeper.doubt(line.body.get("tickers") or (), line.at)
        elif what == "lines lost so far":
            self.heard.troubles.append(
                f"the sentry gave up {line.body.get('lines')} lines of its capture"
            )


def hear(
    store: ArtifactStore,
    since: datetime,
    until: datetime,
    registry: Registry,
    session: Session,
    begun: datetime,
) -> Window:
    """Return what the captures of a window say.

    Args:
        store: that holds them.
        since: begin of the window, aware; books and orders of before are not kept.
        until: its end.
        registry: of the symbols.
        session: of the day, which the realised variance is counted in.
        begun: when the day's watch may have begun; its values are heard from there on.

    A capture that cannot be read to its end is told in ``troubles``; what it said before counts.
    """
    heard = Window()
    writers: dict[str, _Writer] = {}
    for key in capture_keys(store, require_aware(begun), require_aware(until)):
        writer = _writer_of(key)
        if writer not in writers:
            writers[writer] = _Writer(heard, registry, session)
        try:
            _take_all(writers[writer], read(store.read(key)), since, until)
        except (KalshiAlphaError, KeyError, TypeError, ValueError, AttributeError) as error:
            heard.troubles.append(f"the capture {key} cannot be read on: {str(error)[:200]}")
    for each in writers.values():
        for ticker, tape in each.keeper.tapes.items():
            heard.tapes[ticker].append(tape)
    return heard


def _take_all(writer: _Writer, lines: Iterable[Heard], since: datetime, until: datetime) -> None:
    for line in lines:
        ours = line.kind in (VENUE, NOTE)
        if line.at < until and (line.at >= since or not ours):
            writer.take(line)


def _writer_of(key: str) -> str:
    parts = key.rpartition("/")[2].removesuffix(SUFFIX).split("-")
    if len(parts) != 3:
        raise DataError(f"the capture {key} is not named begun-writer-number")
    return parts[1]
