"""The WebSocket side: what clients command, and who is told what happens."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from aiohttp import WSMsgType, web

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import price_text
from kalshi_alpha.pricing.fees import FeeTerms
from kalshi_alpha.rehearsal.exchange import messages
from kalshi_alpha.rehearsal.exchange.engine import Engine
from kalshi_alpha.rehearsal.exchange.model import Account, FillRecord, Group, Market, Order, Trade
from kalshi_alpha.rehearsal.exchange.sessions import CHANNELS, UNFILTERED, Session, Subscription

WS_PATH = "/trade-api/ws/v2"
HEARTBEAT_SECONDS = 10.0
_ACTIONS = frozenset({"add_markets", "delete_markets", "get_snapshot"})


class Refused(Exception):
    """A command that cannot be done; the code is the venue's."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


class Hub:
    """Every session, fed by the engine's events."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.sessions: set[Session] = set()
        self._tops: dict[str, tuple[object, ...]] = {}
        self._events: set[str] = set()
        engine.listeners.append(self._on_event)

    async def serve(self, request: web.Request, account: Account) -> web.WebSocketResponse:
        """Serve one client until it leaves."""
        socket = web.WebSocketResponse(heartbeat=None, autoping=True, compress=True)
        await socket.prepare(request)
        session = Session(socket, request, account)
        self.sessions.add(session)
        tasks = [asyncio.create_task(_write(session)), asyncio.create_task(_beat(socket))]
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._engine.advance()
                    self._command(session, message.data)
        finally:
            self.sessions.discard(session)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return socket

    async def close(self) -> None:
        """Send every client away."""
        for session in list(self.sessions):
            with contextlib.suppress(ConnectionError):
                await session.socket.close(code=1001)

    # --- commands ----------------------------------------------------------------------------

    def _command(self, session: Session, text: str) -> None:
        number: Any = None
        try:
            data = _frame(text)
            number = data.get("id")
            self._obey(session, data)
        except Refused as no:
            error = {"type": "error", "msg": {"code": no.code, "msg": no.words}}
            session.send(_answer(number) | error)

    def _obey(self, session: Session, data: Mapping[str, Any]) -> None:
        commands = {
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "update_subscription": self._update,
            "list_subscriptions": self._list,
        }
        command, params = commands.get(str(data.get("cmd"))), data.get("params")
        if command is None:
            raise Refused(5, "Unknown command")
        if params is None and command != self._list:
            raise Refused(2, "Params required")
        if not isinstance(params, dict | None):
            raise Refused(11, "Invalid parameter")
        command(session, _answer(data.get("id")), params or {})

    def _subscribe(
        self, session: Session, answer: dict[str, Any], params: Mapping[str, Any]
    ) -> None:
        channels, tickers = _listed(params, "channels", str), _tickers(params)
        if not channels:
            raise Refused(3, "Channels required")
        if not all(channel in CHANNELS for channel in channels):
            raise Refused(8, "Unknown channel name")
        if "orderbook_delta" in channels and not tickers:
            raise Refused(14, "Market Ticker required")
        for channel in channels:
            markets = set(tickers) if tickers and channel not in UNFILTERED else None
            flag = bool(params.get("use_yes_price"))
            sid = session.subscribe(channel, markets, use_yes_price=flag)
            said = {"channel": channel, "sid": sid}
            session.send(answer | {"type": "subscribed", "msg": said})
            sub = session.subscriptions[sid]
            if channel == "orderbook_delta":
                self._snapshots(session, sub, tickers)
            elif channel == "ticker" and params.get("send_initial_snapshot"):
                now = self._engine.clock.now()
                for market in self._known(tickers or self._engine.markets):
                    session.publish(sub, "ticker", messages.ticker(market, now))

    @staticmethod
    def _unsubscribe(session: Session, answer: dict[str, Any], params: Mapping[str, Any]) -> None:
        sids = _listed(params, "sids", int)
        if not sids:
            raise Refused(4, "Subscription IDs required")
        if not all(sid in session.subscriptions for sid in sids):
            raise Refused(7, "Unknown subscription ID")
        for sid in dict.fromkeys(sids):
            sub = session.subscriptions.pop(sid)
            session.send(answer | {"sid": sid, "seq": sub.seq + 1, "type": "unsubscribed"})

    def _update(self, session: Session, answer: dict[str, Any], params: Mapping[str, Any]) -> None:
        sub = _one_subscription(session, params)
        action, tickers = params.get("action"), _tickers(params)
        if action is None:
            raise Refused(15, "Action required")
        if action not in _ACTIONS:
            raise Refused(13, "Unsupported action")
        if not tickers:
            raise Refused(14, "Market Ticker required")
        if action == "get_snapshot":
            if sub.channel != "orderbook_delta":
                raise Refused(13, "Unsupported action")
            self._snapshots(session, sub, tickers, **answer)
            return
        before = sub.markets or set()
        added = [t for t in tickers if t not in before] if action == "add_markets" else []
        sub.markets = before | set(added) if action == "add_markets" else before - set(tickers)
        full = {"market_tickers": sorted(sub.markets)}
        sub.seq += 1
        session.send(answer | {"sid": sub.sid, "seq": sub.seq, "type": "ok", "msg": full})
        if sub.channel == "orderbook_delta":
            self._snapshots(session, sub, added)

    @staticmethod
    def _list(session: Session, answer: dict[str, Any], params: Mapping[str, Any]) -> None:
        del params
        rows = [{"channel": s.channel, "sid": s.sid} for s in session.subscriptions.values()]
        session.send(answer | {"type": "ok", "msg": rows})

    def _snapshots(
        self, session: Session, sub: Subscription, tickers: Iterable[str], **more: Any
    ) -> None:
        for market in self._known(tickers):
            msg = messages.book_snapshot(market, use_yes_price=sub.use_yes_price)
            session.publish(sub, "orderbook_snapshot", msg, **more)

    def _known(self, tickers: Iterable[str]) -> list[Market]:
        return [self._engine.markets[t] for t in tickers if t in self._engine.markets]

    # --- events ------------------------------------------------------------------------------

    def _on_event(self, kind: str, what: dict[str, Any]) -> None:
        if self.sessions:
            getattr(self, f"_on_{kind}")(**what)

    def _each(self, channel: str, ticker: str = "") -> Iterable[tuple[Session, Subscription]]:
        for session in list(self.sessions):
            for sub in list(session.subscriptions.values()):
                if sub.channel == channel and (not ticker or sub.wants(ticker)):
                    yield session, sub

    def _on_delta(self, market: Market, side: Side, price: int, delta: int, order: Order) -> None:
        now = self._engine.clock.now()
        for session, sub in self._each("orderbook_delta", market.ticker):
            flag = sub.use_yes_price
            msg = messages.book_delta(market, side, price, delta, now, use_yes_price=flag)
            if order.account == session.account.account_id:
                msg |= {"client_order_id": order.client_order_id, "subaccount": 0}
            session.publish(sub, "orderbook_delta", msg)
        self._tick(market, now)

    def _tick(self, market: Market, now: datetime) -> None:
        """Send a ticker when something it shows has changed."""
        wanted = list(self._each("ticker", market.ticker))
        if not wanted:
            return
        msg = messages.ticker(market, now)
        shown = tuple(value for key, value in msg.items() if not key.startswith(("ts", "time")))
        if shown != self._tops.get(market.ticker):
            self._tops[market.ticker] = shown
            for session, sub in wanted:
                session.publish(sub, "ticker", msg)

    def _on_trade(self, trade: Trade) -> None:
        for session, sub in self._each("trade", trade.ticker):
            session.publish(sub, "trade", messages.trade(trade))

    def _on_fill(self, account: Account, record: FillRecord) -> None:
        self._private("fill", account, record.ticker, "fill", lambda: messages.fill(record))

    def _on_order(self, account: Account, order: Order, reason: str) -> None:
        self._private(
            "user_orders", account, order.ticker, "user_order",
            lambda: messages.user_order(order, reason),
        )  # fmt: skip

    def _on_position(self, account: Account, ticker: str) -> None:
        self._private(
            "market_positions", account, ticker, "market_position",
            lambda: messages.market_position(account, ticker),
        )  # fmt: skip

    def _on_group(self, group: Group, event: str) -> None:
        msg = messages.order_group(group, event, self._engine.clock.now())
        for session, sub in self._each("order_group_updates"):
            if session.account.account_id == group.account:
                session.publish(sub, "order_group_updates", msg)

    def _on_listed(self, market: Market) -> None:
        if market.event_ticker not in self._events:
            self._events.add(market.event_ticker)
            self._lifecycle("event_lifecycle", messages.event_created(market))
        self._market_event(market, "created", messages.market_created(market))

    def _on_determined(self, market: Market, at: datetime) -> None:
        more = {
            "result": market.result,
            "determination_ts": int(at.timestamp()),
            "settlement_value": price_text(market.yes_value or 0),
        }
        self._market_event(market, "determined", more)

    def _on_settled(self, market: Market, at: datetime) -> None:
        self._market_event(market, "settled", {"settled_ts": int(at.timestamp())})

    def _on_paused(self, market: Market, *, paused: bool) -> None:
        event = "deactivated" if paused else "activated"
        self._market_event(market, event, {"is_deactivated": paused})

    def _on_close_moved(self, market: Market) -> None:
        close_ts = int(market.close_at.timestamp())
        self._market_event(market, "close_date_updated", {"close_ts": close_ts})

    def _on_regridded(self, market: Market) -> None:
        self._market_event(market, "price_level_structure_updated", messages.grid(market))

    def _on_event_fee(self, event_ticker: str, terms: FeeTerms | None) -> None:
        self._lifecycle("event_fee_update", messages.event_fee(event_ticker, terms))

    def _market_event(self, market: Market, event: str, more: Mapping[str, Any]) -> None:
        msg = {"market_ticker": market.ticker, "event_type": event, **more}
        self._lifecycle("market_lifecycle_v2", msg)

    def _lifecycle(self, kind: str, msg: Mapping[str, Any]) -> None:
        for session, sub in self._each("market_lifecycle_v2"):
            session.publish(sub, kind, msg)

    def _private(self, channel: str, account: Account, ticker: str, kind: str, body: Any) -> None:
        for session, sub in self._each(channel, ticker):
            if session.account is account:
                session.publish(sub, kind, body())


def _frame(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(1, "Unable to process message") from None
    if not isinstance(data, dict):
        raise Refused(1, "Unable to process message")
    return data


def _tickers(params: Mapping[str, Any]) -> list[str]:
    many = _listed(params, "market_tickers", str)
    one = params.get("market_ticker")
    return list(dict.fromkeys([*([str(one)] if one else []), *many]))


def _listed(params: Mapping[str, Any], name: str, kind: type) -> list[Any]:
    """Return a parameter that is a list of one kind of thing; empty when it is absent."""
    value = params.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
        raise Refused(11, "Invalid parameter")
    return value


def _one_subscription(session: Session, params: Mapping[str, Any]) -> Subscription:
    sids = _listed(params, "sids", int)
    sids += _listed({"sid": [params["sid"]]}, "sid", int) if "sid" in params else []
    if len(sids) != 1:
        raise Refused(12, "Exactly one subscription ID is required")
    sub = session.subscriptions.get(sids[0])
    if sub is None:
        raise Refused(7, "Unknown subscription ID")
    return sub


def _answer(number: Any) -> dict[str, Any]:
    return {"id": number} if number else {}


async def _write(session: Session) -> None:
    while True:
        frame = await session.outbox.get()
        try:
            await session.socket.send_str(frame)
        except (ConnectionError, RuntimeError):
            return


async def _beat(socket: web.WebSocketResponse) -> None:
    """Ping every ten seconds with the venue's own word."""
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        with contextlib.suppress(ConnectionError):
            await socket.ping(b"heartbeat")
