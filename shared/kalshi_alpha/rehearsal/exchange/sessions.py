"""One WebSocket client: its subscriptions, the numbering of its frames, its outbox.

``lose``, ``overflow`` and ``Session.cut`` lose messages as the venue does, for whoever tests a
client against it.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from kalshi_alpha.rehearsal.exchange.model import Account

CHANNELS = frozenset(
    {
        "orderbook_delta", "ticker", "trade", "market_lifecycle_v2", "fill", "user_orders",
        "market_positions", "order_group_updates",
    }
)  # fmt: skip
UNFILTERED = frozenset({"market_lifecycle_v2", "order_group_updates"})
_WITHOUT_SEQ = frozenset({"ticker", "fill", "user_orders", "market_positions"})
_OVERFLOW = {"code": 25, "msg": "Subscription buffer overflow"}
_BUFFER = 20_000  # frames a slow client may lag behind before its subscriptions end


@dataclass(slots=True)
class Subscription:
    """One channel of one session; ``markets`` None means all of them."""

    sid: int
    channel: str
    markets: set[str] | None
    use_yes_price: bool = False
    seq: int = 0

    def wants(self, ticker: str) -> bool:
        """Say whether a market's messages belong here."""
        return self.markets is None or ticker in self.markets

    def numbered(self) -> dict[str, int]:
        """Return the next frame's ``sid`` and, where the channel has one, its ``seq``."""
        if self.channel in _WITHOUT_SEQ:
            return {"sid": self.sid}
        self.seq += 1
        return {"sid": self.sid, "seq": self.seq}


@dataclass(eq=False)
class Session:
    """One connected client; ``lose`` is how many of the next messages never arrive."""

    socket: web.WebSocketResponse
    request: web.Request
    account: Account
    subscriptions: dict[int, Subscription] = field(default_factory=dict)
    outbox: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(_BUFFER))
    next_sid: int = 1
    lose: int = 0

    def subscribe(self, channel: str, markets: set[str] | None, *, use_yes_price: bool) -> int:
        """Open a subscription and return its number."""
        sid = self.next_sid
        self.next_sid += 1
        self.subscriptions[sid] = Subscription(sid, channel, markets, use_yes_price)
        return sid

    def send(self, frame: dict[str, Any]) -> None:
        """Queue a frame; a client too slow for its buffer loses its subscriptions."""
        try:
            self.outbox.put_nowait(json.dumps(frame, separators=(",", ":")))
        except asyncio.QueueFull:
            self.overflow()

    def publish(self, sub: Subscription, kind: str, msg: Any, **more: Any) -> None:
        """Send one message of a subscription."""
        frame = more | {"type": kind} | sub.numbered() | {"msg": msg}
        if self.lose > 0:
            self.lose -= 1
        else:
            self.send(frame)

    def overflow(self) -> None:
        """End every subscription, as the venue does when a buffer is full."""
        while not self.outbox.empty():
            self.outbox.get_nowait()
        ended, self.subscriptions = self.subscriptions, {}
        for sub in ended.values():
            frame = {"type": "error"} | sub.numbered() | {"msg": _OVERFLOW}
            self.outbox.put_nowait(json.dumps(frame))

    def cut(self) -> None:
        """Cut the connection without a word."""
        if self.request.transport is not None:
            self.request.transport.abort()
