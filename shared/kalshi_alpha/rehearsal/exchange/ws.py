"""The WebSocket side: commands, subscriptions and the messages of every channel.

One ``seq`` counts the frames of a subscription over all its markets; the private channels and the
ticker carry none. ``gap``, ``overflow`` and ``drop`` let a test lose messages as the venue does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from kalshi_alpha.clock import iso
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import cash_text, price_text, size_text
from kalshi_alpha.rehearsal.exchange import views
from kalshi_alpha.rehearsal.exchange.engine import Engine
from kalshi_alpha.rehearsal.exchange.model import Account, FillRecord, Group, Market, Order, Trade

WS_PATH = "/trade-api/ws/v2"
HEARTBEAT_SECONDS = 10.0
CHANNELS = frozenset(
    {
        "orderbook_delta", "ticker", "trade", "market_lifecycle_v2", "fill", "user_orders",
        "market_positions", "order_group_updates",
    }
)  # fmt: skip
_WITHOUT_SEQ = frozenset({"ticker", "fill", "user_orders", "market_positions"})
_UNFILTERED = frozenset({"market_lifecycle_v2", "order_group_updates"})
_BUFFER = 20_000  # frames a slow client may lag behind before its subscriptions end
_OUTCOME = {Side.BID: "yes", Side.ASK: "no"}


class Refused(Exception):
    """A command that cannot be done; the code is the venue's."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


@dataclass(slots=True)
class Subscription:
    """One channel of one session; no markets means all of them."""

    sid: int
    channel: str
    markets: set[str]
    use_yes_price: bool = False
    seq: int = 0

    def wants(self, ticker: str) -> bool:
        """Say whether a market's messages belong here."""
        return not self.markets or ticker in self.markets


@dataclass(eq=False)
class Session:
    """One connected client."""

    socket: web.WebSocketResponse
    account: Account
    subscriptions: dict[int, Subscription] = field(default_factory=dict)
    outbox: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(_BUFFER))
    next_sid: int = 1
    lose: int = 0  # how many of the next sequenced frames never arrive

    def send(self, frame: dict[str, Any]) -> None:
        """Queue a frame; a client too slow for its buffer loses its subscriptions."""
        try:
            self.outbox.put_nowait(json.dumps(frame, separators=(",", ":")))
        except asyncio.QueueFull:
            self.overflow()

    def publish(self, sub: Subscription, kind: str, msg: dict[str, Any], **more: Any) -> None:
        """Send one message of a subscription, numbered where its channel numbers."""
        frame: dict[str, Any] = {"type": kind, "sid": sub.sid}
        if sub.channel not in _WITHOUT_SEQ:
            sub.seq += 1
            frame["seq"] = sub.seq
            if self.lose > 0:
                self.lose -= 1
                return
        self.send(frame | more | {"msg": msg})

    def overflow(self) -> None:
        """End every subscription as the venue does when a buffer is full."""
        while not self.outbox.empty():
            self.outbox.get_nowait()
        for sid in list(self.subscriptions):
            del self.subscriptions[sid]
            error = {"code": 25, "msg": "subscription buffer overflow"}
            self.outbox.put_nowait(json.dumps({"sid": sid, "type": "error", "msg": error}))


class Hub:
    """Every session, fed by the engine's events."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.sessions: set[Session] = set()
        engine.listeners.append(self._on_event)

    async def serve(self, request: web.Request, account: Account) -> web.WebSocketResponse:
        """Serve one client until it leaves."""
        socket = web.WebSocketResponse(heartbeat=None, autoping=True, compress=True)
        await socket.prepare(request)
        session = Session(socket, account)
        self.sessions.add(session)
        tasks = [asyncio.create_task(self._write(session)), asyncio.create_task(_beat(socket))]
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

    async def drop(self) -> None:
        """Cut every connection without a word, for tests."""
        for session in list(self.sessions):
            transport = session.socket._req.transport if session.socket._req else None  # noqa: SLF001
            if transport is not None:
                transport.abort()

    @staticmethod
    async def _write(session: Session) -> None:
        while True:
            frame = await session.outbox.get()
            try:
                await session.socket.send_str(frame)
            except (ConnectionError, RuntimeError):
                return

    # --- commands ----------------------------------------------------------------------------

    def _command(self, session: Session, text: str) -> None:
        number: Any = None
        try:
            try:
                data = json.loads(text)
            except ValueError:
                raise Refused(1, "Unable to process message") from None
            if not isinstance(data, dict):
                raise Refused(1, "Unable to process message")
            number = data.get("id")
            commands = {
                "subscribe": self._subscribe,
                "unsubscribe": self._unsubscribe,
                "update_subscription": self._update,
                "list_subscriptions": self._list,
            }
            command = commands.get(str(data.get("cmd")))
            if command is None:
                raise Refused(5, "Unknown command")
            params = data.get("params")
            if params is None and data.get("cmd") != "list_subscriptions":
                raise Refused(2, "Params required")
            command(session, number, params or {})
        except Refused as no:
            frame: dict[str, Any] = {"type": "error", "msg": {"code": no.code, "msg": no.words}}
            session.send(({"id": number} if number else {}) | frame)

    def _subscribe(self, session: Session, number: Any, params: dict[str, Any]) -> None:
        channels = params.get("channels")
        if not channels or not isinstance(channels, list):
            raise Refused(3, "Channels required")
        markets = _tickers(params)
        for channel in channels:
            if channel not in CHANNELS:
                raise Refused(8, "Unknown channel name")
            if channel == "orderbook_delta" and not markets:
                raise Refused(14, "Market Ticker required")
        for channel in channels:
            sub = Subscription(
                session.next_sid,
                channel,
                set() if channel in _UNFILTERED else set(markets),
                use_yes_price=bool(params.get("use_yes_price")),
            )
            session.next_sid += 1
            session.subscriptions[sub.sid] = sub
            said = {"channel": channel, "sid": sub.sid}
            session.send(_answer(number) | {"type": "subscribed", "msg": said})
            if channel == "orderbook_delta":
                self._snapshots(session, sub, markets)
            if channel == "ticker" and params.get("send_initial_snapshot"):
                for market in self._known(markets):
                    session.publish(sub, "ticker", self._ticker(market))

    def _unsubscribe(self, session: Session, number: Any, params: dict[str, Any]) -> None:
        sids = params.get("sids")
        if not sids or not isinstance(sids, list):
            raise Refused(4, "Subscription IDs required")
        for sid in sids:
            if sid not in session.subscriptions:
                raise Refused(7, "Unknown subscription ID")
        for sid in sids:
            sub = session.subscriptions.pop(sid)
            frame = {"sid": sid, "seq": sub.seq + 1, "type": "unsubscribed"}
            session.send(_answer(number) | frame)

    def _update(self, session: Session, number: Any, params: dict[str, Any]) -> None:
        sids = params.get("sids") or ([params["sid"]] if "sid" in params else [])
        if len(sids) != 1:
            raise Refused(12, "Exactly one subscription ID is required")
        sub = session.subscriptions.get(sids[0])
        if sub is None:
            raise Refused(7, "Unknown subscription ID")
        action, markets = params.get("action"), _tickers(params)
        if action is None:
            raise Refused(15, "Action required")
        if action not in {"add_markets", "delete_markets", "get_snapshot"}:
            raise Refused(13, "Unsupported action")
        if not markets:
            raise Refused(14, "Market Ticker required")
        if action == "get_snapshot":
            self._snapshots(session, sub, markets, **_answer(number))
            return
        if action == "add_markets":
            new = [ticker for ticker in markets if ticker not in sub.markets]
            sub.markets |= set(new)
        else:
            new, sub.markets = [], sub.markets - set(markets)
        sub.seq += 1
        full = {"market_tickers": sorted(sub.markets)}
        ok = {"sid": sub.sid, "seq": sub.seq, "type": "ok", "msg": full}
        session.send(_answer(number) | ok)
        if sub.channel == "orderbook_delta":
            self._snapshots(session, sub, new)

    @staticmethod
    def _list(session: Session, number: Any, params: dict[str, Any]) -> None:
        del params
        rows = [{"channel": s.channel, "sid": s.sid} for s in session.subscriptions.values()]
        session.send(_answer(number) | {"type": "ok", "msg": rows})

    def _snapshots(
        self, session: Session, sub: Subscription, tickers: Iterable[str], **more: Any
    ) -> None:
        for market in self._known(tickers):
            session.publish(sub, "orderbook_snapshot", _snapshot(market, sub.use_yes_price), **more)

    def _known(self, tickers: Iterable[str]) -> list[Market]:
        return [self._engine.markets[t] for t in tickers if t in self._engine.markets]

    # --- events ------------------------------------------------------------------------------

    def _on_event(self, kind: str, what: dict[str, Any]) -> None:
        if self.sessions:
            getattr(self, f"_on_{kind}")(**what)

    def _each(self, channel: str, ticker: str = "") -> Iterable[tuple[Session, Subscription]]:
        for session in self.sessions:
            for sub in session.subscriptions.values():
                if sub.channel == channel and (not ticker or sub.wants(ticker)):
                    yield session, sub

    def _on_delta(self, market: Market, side: Side, price: int, delta: int, order: Order) -> None:
        now = self._engine.clock.now()
        for session, sub in self._each("orderbook_delta", market.ticker):
            yes = side is Side.BID or sub.use_yes_price
            msg = {
                "market_ticker": market.ticker,
                "market_id": market.ticker,
                "price_dollars": price_text(price if yes else views.no_price(price)),
                "delta_fp": size_text(delta),
                "side": _OUTCOME[side],
                "ts_ms": views.millis(now),
                "ts": iso(now),
            }
            if order.account == session.account.account_id:
                msg |= {"client_order_id": order.client_order_id, "subaccount": 0}
            session.publish(sub, "orderbook_delta", msg)
        for session, sub in self._each("ticker", market.ticker):
            session.publish(sub, "ticker", self._ticker(market))

    def _on_trade(self, trade: Trade) -> None:
        msg = {
            "trade_id": trade.trade_id,
            "market_ticker": trade.ticker,
            "yes_price_dollars": price_text(trade.price),
            "no_price_dollars": price_text(views.no_price(trade.price)),
            "count_fp": size_text(trade.size),
            "taker_outcome_side": _OUTCOME[trade.taker_side],
            "taker_book_side": trade.taker_side.value,
            "taker_side": _OUTCOME[trade.taker_side],
            "is_block_trade": False,
            "ts_ms": views.millis(trade.at),
            "ts": int(trade.at.timestamp()),
        }
        for session, sub in self._each("trade", trade.ticker):
            session.publish(sub, "trade", msg)

    def _on_fill(self, account: Account, record: FillRecord) -> None:
        msg = {
            "trade_id": record.trade_id,
            "order_id": record.order_id,
            "client_order_id": record.client_order_id,
            "market_ticker": record.ticker,
            "exchange_index": 0,
            "is_taker": record.is_taker,
            "side": _OUTCOME[record.side],
            "action": "buy",
            "purchased_side": _OUTCOME[record.side],
            "outcome_side": _OUTCOME[record.side],
            "book_side": record.side.value,
            "yes_price_dollars": price_text(record.price),
            "count_fp": size_text(record.size),
            "fee_cost": cash_text(record.fee),
            "post_position_fp": size_text(record.position),
            "ts_ms": views.millis(record.at),
            "ts": int(record.at.timestamp()),
        }
        self._private("fill", account, record.ticker, "fill", msg)

    def _on_order(self, account: Account, order: Order, reason: str) -> None:
        msg = views.order_view(order) | {
            "created_ts_ms": views.millis(order.created_at),
            "last_updated_ts_ms": views.millis(order.updated_at),
            "is_yes": order.side is Side.BID,
        }
        msg["order_group_id"] = order.group_id
        if order.expires_at is not None:
            msg["expiration_ts_ms"] = views.millis(order.expires_at)
        if reason and reason != "Canceled":
            msg["last_update_reason"] = reason
        self._private("user_orders", account, order.ticker, "user_order", msg)

    def _on_position(self, account: Account, ticker: str) -> None:
        msg = {
            "user_id": account.account_id,
            "market_ticker": ticker,
            "position_fp": size_text(account.positions.get(ticker, 0)),
            "position_cost_dollars": cash_text(account.costs.get(ticker, 0)),
            "realized_pnl_dollars": cash_text(account.realised.get(ticker, 0)),
            "fees_paid_dollars": cash_text(account.fees.get(ticker, 0)),
            "position_fee_cost_dollars": cash_text(account.fees.get(ticker, 0)),
            "volume_fp": size_text(abs(account.positions.get(ticker, 0))),
        }
        self._private("market_positions", account, ticker, "market_position", msg)

    def _on_group(self, group: Group, event: str) -> None:
        msg: dict[str, Any] = {
            "event_type": event,
            "order_group_id": group.group_id,
            "ts_ms": views.millis(self._engine.clock.now()),
        }
        if event in {"created", "limit_updated"}:
            msg["contracts_limit_fp"] = size_text(group.limit)
        for session, sub in self._each("order_group_updates"):
            if session.account.account_id == group.account:
                session.publish(sub, "order_group_updates", msg)

    def _on_listed(self, market: Market) -> None:
        listed = market.listed
        names = (
            "yes_sub_title", "no_sub_title", "rules_primary", "rules_secondary", "can_close_early",
            "event_ticker", "strike_type", "floor_strike", "cap_strike",
        )  # fmt: skip
        details = {name: listed[name] for name in names if listed.get(name) is not None}
        more = {
            "open_ts": int(market.open_at.timestamp()),
            "close_ts": int(market.close_at.timestamp()),
            "exchange_index": 0,
            "additional_metadata": details,
            "price_level_structure": listed["price_level_structure"],
            "price_ranges": listed["price_ranges"],
        }
        self._lifecycle(market, "created", more)

    def _on_determined(self, market: Market, at: Any) -> None:
        more = {
            "result": market.result,
            "determination_ts": int(at.timestamp()),
            "settlement_value": price_text(market.yes_value or 0),
        }
        self._lifecycle(market, "determined", more)

    def _on_settled(self, market: Market, at: Any) -> None:
        self._lifecycle(market, "settled", {"settled_ts": int(at.timestamp())})

    def _on_paused(self, market: Market, *, paused: bool) -> None:
        self._lifecycle(
            market, "deactivated" if paused else "activated", {"is_deactivated": paused}
        )

    def _lifecycle(self, market: Market, event: str, more: dict[str, Any]) -> None:
        msg = {"market_ticker": market.ticker, "event_type": event} | more
        for session, sub in self._each("market_lifecycle_v2"):
            session.publish(sub, "market_lifecycle_v2", msg)

    def _private(
        self, channel: str, account: Account, ticker: str, kind: str, msg: dict[str, Any]
    ) -> None:
        for session, sub in self._each(channel, ticker):
            if session.account is account:
                session.publish(sub, kind, msg)

    def _ticker(self, market: Market) -> dict[str, Any]:
        now = self._engine.clock.now()
        view = views.market_view(market, now)
        last = market.trades[-1].size if market.trades else 0
        return {
            "market_id": market.ticker,
            "market_ticker": market.ticker,
            "price_dollars": view["last_price_dollars"],
            "yes_bid_dollars": view["yes_bid_dollars"],
            "yes_ask_dollars": view["yes_ask_dollars"],
            "yes_bid_size_fp": view["yes_bid_size_fp"],
            "yes_ask_size_fp": view["yes_ask_size_fp"],
            "last_trade_size_fp": size_text(last),
            "volume_fp": view["volume_fp"],
            "open_interest_fp": view["open_interest_fp"],
            "dollar_volume": market.volume // 100,
            "dollar_open_interest": market.open_interest // 100,
            "ts_ms": views.millis(now),
            "ts": int(now.timestamp()),
            "time": iso(now),
        }


def _snapshot(market: Market, use_yes_price: bool) -> dict[str, Any]:
    """Return a book; the key of an empty side is absent, as at the venue."""
    msg: dict[str, Any] = {"market_ticker": market.ticker, "market_id": market.ticker}
    yes = sorted((price, market.depth(Side.BID, price)) for price in market.bids)
    no = sorted(
        (price if use_yes_price else views.no_price(price), market.depth(Side.ASK, price))
        for price in market.asks
    )
    for key, levels in (("yes_dollars_fp", yes), ("no_dollars_fp", no)):
        if levels:
            msg[key] = [[price_text(price), size_text(size)] for price, size in levels]
    return msg


def _tickers(params: dict[str, Any]) -> list[str]:
    many = params.get("market_tickers") or []
    one = params.get("market_ticker")
    if not isinstance(many, list):
        raise Refused(11, "Invalid parameter")
    return list(dict.fromkeys([*([str(one)] if one else []), *map(str, many)]))


def _answer(number: Any) -> dict[str, Any]:
    return {"id": number} if number else {}


async def _beat(socket: web.WebSocketResponse) -> None:
    """Ping every ten seconds with the venue's own word."""
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        with contextlib.suppress(ConnectionError):
            await socket.ping(b"heartbeat")
