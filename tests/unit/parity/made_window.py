"""A window made in a second: the real steps against the real exchange, and a capture of it all.

The clock is moved by hand and stands still in between, so every run makes the same window.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import boto3
from moto import mock_aws

from kalshi_alpha.cloud.layout import LEDGER, STATE
from kalshi_alpha.cloud.services import client
from kalshi_alpha.markets.capture import VENUE
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import CASH_UNIT
from kalshi_alpha.pricing.parameters import dump_parameters, load_parameters, shipped_parameters
from kalshi_alpha.rehearsal.exchange import messages
from kalshi_alpha.rehearsal.exchange.engine import Ticket
from kalshi_alpha.rehearsal.machine import create_table
from kalshi_alpha.rehearsal.run import environment
from kalshi_alpha.steps import heartbeat, preflight, quote, reconcile, scan
from kalshi_alpha.steps.capture import Recorder
from kalshi_alpha.steps.runtime import PARAMETERS_KEY, Runtime, Settings
from kalshi_alpha.steps.symbol_watch import SymbolWatch
from kalshi_alpha.venues.massive.rest import Bar
from kalshi_alpha.venues.massive.stream import Value
from tests.exchange_host import FIXING, MIDDLE, Host, hosting

WINDOW = "20261006-1200-index-hourly"
EXECUTION = {"window_id": WINDOW, "execution": "execution-a"}
NEXT = MIDDLE.replace("6799", "6804")
_TAKER = "taker"
_BOOKS, _OWN, _TRADES = 1, 2, 3  # numbers of the subscriptions


@dataclass
class Capture:
    """Lines as the sentry would keep them, from the exchange's own events."""

    host: Host
    recorder: Recorder
    own: bool
    seq: dict[int, int] = field(default_factory=dict)

    def follow(self, tickers: tuple[str, ...]) -> None:
        self.recorder.note("venue socket open")
        self.host.run(lambda: self.host.engine.listeners.append(self._heard))
        for ticker in tickers:
            market = self.host.engine.markets[ticker]
            msg = messages.book_snapshot(market, use_yes_price=True)
            self._frame("orderbook_snapshot", _BOOKS, msg)
        self.followed = set(tickers)

    def _heard(self, kind: str, what: dict[str, Any]) -> None:
        now = self.host.clock.now()
        if kind == "delta" and what["market"].ticker in self.followed:
            where = (what["market"], what["side"], what["price"], what["delta"], now)
            self._frame("orderbook_delta", _BOOKS, messages.book_delta(*where, use_yes_price=True))
        elif kind == "order" and self.own and what["account"].account_id == "member":
            self._frame("user_order", _OWN, messages.user_order(what["order"], what["reason"]))
        elif kind == "fill" and self.own and what["account"].account_id == "member":
            self._frame("fill", _OWN, messages.fill(what["record"]))
        elif kind == "trade" and what["trade"].ticker in self.followed:
            self._frame("trade", _TRADES, messages.trade(what["trade"]))

    def _frame(self, kind: str, sid: int, msg: Any) -> None:
        frame: dict[str, Any] = {"type": kind, "sid": sid, "msg": msg}
        if sid == _BOOKS:
            self.seq[sid] = frame["seq"] = self.seq.get(sid, 0) + 1
        self.recorder.hear(VENUE, json.dumps(frame), self.host.clock.now())


@dataclass
class Making:
    """The window while it is being made."""

    host: Host
    runtime: Runtime
    recorder: Recorder
    watches: dict[str, SymbolWatch]
    level: float = 6800.0
    revision: int = 0

    def hear(self, value: float) -> None:
        """Have both indices speak, with a tenth of a second's lag."""
        now = self.host.clock.now()
        for symbol, level in (("SPX", value), ("NDX", 25_000.0 + (value - 6800.0))):
            at = now - timedelta(seconds=0.1)
            self.recorder.index(symbol, level, at, now)
            self.watches[symbol].hear(Value(symbol, level, at, now, 0.1), self.monotonic)

    def beat(self) -> None:
        """Write the heartbeats as the sentry does."""
        items = {}
        for symbol, watch in self.watches.items():
            reading = watch.reading(self.host.clock.now(), self.monotonic)
            assert reading is not None
            items[symbol] = heartbeat.to_item(reading, self.host.clock.now())
        self.recorder.beat(items)
        assert self.recorder.flush() == ""
        for symbol, item in items.items():
            self.runtime.state.put_heartbeat(symbol, item)

    @property
    def monotonic(self) -> float:
        return self.host.clock.monotonic()

    def round(self, *values: float) -> dict[str, Any]:
        """Let a second pass for each value, then scan and quote."""
        for value in values:
            self.host.pass_time(1)
            self.hear(value)
            self.beat()
        self.host.pass_time(0.3)
        planned = scan.run(EXECUTION, self.runtime)
        self.host.pass_time(1.5)
        return quote.run({"window_id": WINDOW, "plan": planned["plan"]}, self.runtime)

    def begin(self, *, go: bool = True) -> None:
        """Take an hour of history, and let preflight judge."""
        start = FIXING - timedelta(minutes=70)
        for symbol, base in (("SPX", 6800.0), ("NDX", 25_000.0)):
            bars = [
                Bar(at, at + timedelta(minutes=1), base + k % 3, base + 4.0, base - 3.0, base + 1.0)
                for k in range(58)
                for at in (start + timedelta(minutes=k),)
            ]
            self.recorder.bars(symbol, bars)
            for bar in bars:
                self.watches[symbol].seed(bar)
        self.hear(6800.0)
        self.beat()
        assert preflight.run(EXECUTION, self.runtime)["go"] is go

    def take(self, ticker: str, price: int, size: int) -> None:
        """Have a third member sell down to ``price``."""
        engine = self.host.engine
        ticket = Ticket(ticker, Side.ASK, price, size, time_in_force="immediate_or_cancel")
        self.host.run(lambda: engine.create(_TAKER, ticket))

    def close(self) -> None:
        """Let the fixing and the settlement pass, and close the books."""
        left = (FIXING - self.host.clock.now()).total_seconds()
        self.host.pass_time(left - 2.0)  # the orders expire
        self.host.pass_time(2.0 + 13 * 60)
        assert reconcile.run({"window_id": WINDOW}, self.runtime)["again"] is False
        self.recorder.flush(whole=True)


@contextmanager
def making(folder: Path, *, paper: bool = False) -> Iterator[Making]:
    """Open an exchange five minutes before the fixing, with a market around the middle strikes."""
    with environment(), hosting() as host, mock_aws():
        client.cache_clear()
        for spec in (STATE, LEDGER):
            create_table(spec, spec.name)
        key = {"key_id": host.server.key_id, "pem": host.server.pem}
        boto3.client("secretsmanager").create_secret(Name="key", SecretString=json.dumps(key))
        settings = Settings(
            broker="paper" if paper else "twin",
            state_table=STATE.name,
            ledger_table=LEDGER.name,
            artifacts=str(folder),
            venue_url=host.base,
            secret="key",
            read_secret="key",
        )
        host.run(lambda: host.server.list_fixing("KXNASDAQ100U", FIXING, open_at=host.clock.now()))
        host.pass_time(20 * 60 + 5)
        runtime = Runtime(settings, host.clock)
        runtime.state.set_kill_switch(on=False, reason="made", by="made", at=host.clock.now())
        runtime.artifacts.write(PARAMETERS_KEY, _parameters(date(2026, 10, 5)))
        host.run(lambda: host.engine.open_account(_TAKER, 1_000_000 * CASH_UNIT))
        recorder = Recorder(runtime.artifacts, host.clock)
        for ticker, bid, ask in ((MIDDLE, 3000, 7000), (NEXT, 1500, 5500)):
            host.rival("bid", bid, 1000, ticker)
            host.rival("ask", ask, 1000, ticker)
        Capture(host, recorder, own=not paper).follow((MIDDLE, NEXT))
        session = runtime.sessions.on(date(2026, 10, 6))
        assert session is not None
        watches = {n: SymbolWatch(s, session) for n, s in runtime.registry.symbols.items()}
        yield Making(host, runtime, recorder, watches)
        runtime.close()
        client.cache_clear()


def _parameters(day: date) -> bytes:
    fitted_on = date(2025, 11, 4)
    fitted = load_parameters(shipped_parameters(fitted_on), on=fitted_on)
    moved = {
        symbol: replace(found, as_of=day, valid_until=day + timedelta(days=14))
        for symbol, found in fitted.items()
    }
    return dump_parameters(moved, {"made": "for a test"})


def rewrite_json(path: Path, change: Any) -> None:
    """Let ``change`` alter a compressed JSON document in place."""
    document = json.loads(gzip.decompress(path.read_bytes()))
    change(document)
    path.write_bytes(gzip.compress(json.dumps(document).encode(), mtime=0))


def rewrite_lines(path: Path, change: Any) -> None:
    """Let ``change`` alter the list of a capture's or a why-record's lines, each read as JSON."""
    packed = path.suffix == ".gz"
    text = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    lines = [json.loads(line) for line in text.splitlines()]
    changed = change(lines)
    data = "".join(json.dumps(line) + "\n" for line in (lines if changed is None else changed))
    path.write_bytes(gzip.compress(data.encode(), mtime=0) if packed else data.encode())
