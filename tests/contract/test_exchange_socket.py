"""The twin's WebSocket as a client meets it: commands, channels, numbering, loss."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import aiohttp
import pytest

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.pricing.fees import FeeTerms
from kalshi_alpha.rehearsal.exchange import ws
from kalshi_alpha.rehearsal.exchange.engine import Rejected, Ticket
from kalshi_alpha.rehearsal.exchange.server import MEMBER
from kalshi_alpha.rehearsal.exchange.sessions import Session
from tests.exchange_host import EVENT, FIXING, MIDDLE, RIVAL, Host, hosting

ABOVE_IT = f"{EVENT}-T6804.9999"
Frame = dict[str, Any]


@pytest.fixture
def host() -> Iterator[Host]:
    with hosting() as running:
        yield running


class Client:
    """One connection; ``sync`` reads everything that has been sent up to now."""

    def __init__(self, host: Host, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.host, self.socket, self.number = host, socket, 0

    async def command(self, cmd: str, **params: Any) -> list[Frame]:
        """Send a command and return what came up to its last answer."""
        self.number += 1
        frame: Frame = {"id": self.number, "cmd": cmd}
        await self.socket.send_json(frame | ({"params": params} if params else {}))
        return await self.sync()

    async def sync(self) -> list[Frame]:
        """Return every frame before the answer to a command sent now."""
        mark = 10_000 + self.number
        await self.socket.send_json({"id": mark, "cmd": "list_subscriptions"})
        frames: list[Frame] = []
        while True:
            frame = json.loads((await self.socket.receive(timeout=10)).data)
            if frame.get("id") == mark:
                return frames
            frames.append(frame)

    async def subscribe(self, *channels: str, **params: Any) -> list[Frame]:
        return await self.command("subscribe", channels=list(channels), **params)

    async def bodies(self, kind: str) -> list[Frame]:
        return [frame["msg"] for frame in await self.sync() if frame["type"] == kind]

    def place(self, side: str, price: int, size: int = 100, **more: Any) -> Any:
        ticket = Ticket(more.pop("ticker", MIDDLE), Side(side), price, size, **more)
        return self.host.run(lambda: self.host.engine.create(MEMBER, ticket))


def play(host: Host, scenario: Callable[[Client], Awaitable[None]]) -> None:
    """Connect, signed, and run a scenario."""

    async def body() -> None:
        path = "/trade-api/ws/v2"
        known = host.credentials
        headers = known.signer.headers(known.key_id, "GET", path, host.clock.now())
        async with aiohttp.ClientSession(trust_env=False) as http:
            url = host.server.ready()["ws"]
            async with http.ws_connect(url, headers=headers, autoping=False) as socket:
                await asyncio.wait_for(scenario(Client(host, socket)), 60)

    asyncio.run(body())


# --- commands ------------------------------------------------------------------------------------


@pytest.mark.parametrize("signed", [False, True])
def test_a_handshake_that_is_unsigned_or_over_another_path_is_refused(
    host: Host, signed: bool
) -> None:
    async def body() -> int:
        known = host.credentials
        wrong = known.signer.headers(known.key_id, "GET", "/trade-api/v2", host.clock.now())
        async with aiohttp.ClientSession(trust_env=False) as http:
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await http.ws_connect(host.server.ready()["ws"], headers=wrong if signed else {})
            return caught.value.status

    assert asyncio.run(body()) == 401


def test_each_channel_is_acknowledged_with_a_number_of_its_own(host: Host) -> None:
    async def scenario(client: Client) -> None:
        frames = await client.subscribe("fill", "orderbook_delta", market_ticker=MIDDLE)

        assert frames[:2] == [
            {"id": 1, "type": "subscribed", "msg": {"channel": "fill", "sid": 1}},
            {"id": 1, "type": "subscribed", "msg": {"channel": "orderbook_delta", "sid": 2}},
        ]
        await client.socket.send_json({"id": 9, "cmd": "list_subscriptions"})
        listed = json.loads((await client.socket.receive()).data)
        rows = [{"channel": "fill", "sid": 1}, {"channel": "orderbook_delta", "sid": 2}]
        assert listed == {"id": 9, "type": "ok", "msg": rows}

    play(host, scenario)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("no json", 1),
        ("[]", 1),
        ({"cmd": "subscribe"}, 2),
        ({"cmd": "subscribe", "params": {}}, 3),
        ({"cmd": "unsubscribe", "params": {}}, 4),
        ({"cmd": "shout", "params": {}}, 5),
        ({"cmd": "unsubscribe", "params": {"sids": [7]}}, 7),
        ({"cmd": "subscribe", "params": {"channels": ["gossip"]}}, 8),
        ({"cmd": "subscribe", "params": []}, 11),
        ({"cmd": "subscribe", "params": {"channels": ["fill"], "market_tickers": "A"}}, 11),
        ({"cmd": "update_subscription", "params": {"action": "add_markets"}}, 12),
        ({"cmd": "update_subscription", "params": {"sids": [1, 2], "action": "add_markets"}}, 12),
        ({"cmd": "update_subscription", "params": {"sid": 9, "action": "add_markets"}}, 7),
        ({"cmd": "update_subscription", "params": {"sid": 1}}, 15),
        ({"cmd": "update_subscription", "params": {"sid": 1, "action": "paint"}}, 13),
        ({"cmd": "update_subscription", "params": {"sid": 1, "action": "add_markets"}}, 14),
        ({"cmd": "subscribe", "params": {"channels": ["orderbook_delta"]}}, 14),
        ({"cmd": "subscribe", "params": {"channels": [{}]}}, 11),
        ({"cmd": "unsubscribe", "params": {"sids": [[1]]}}, 11),
        ({"cmd": "update_subscription", "params": {"sid": {}, "action": "add_markets"}}, 11),
        ("[" * 100_000, 1),
    ],
)
def test_a_wrong_command_is_answered_with_the_venues_code(
    host: Host, frame: str | Frame, code: int
) -> None:
    async def scenario(client: Client) -> None:
        await client.subscribe("trade")
        text = frame if isinstance(frame, str) else json.dumps({"id": 5} | frame)
        await client.socket.send_str(text)
        (error,) = await client.sync()

        assert (error["type"], error["msg"]["code"]) == ("error", code)
        assert error.get("id") == (None if isinstance(frame, str) else 5)

    play(host, scenario)


def test_unsubscribing_ends_the_messages(host: Host) -> None:
    async def scenario(client: Client) -> None:
        await client.subscribe("trade")
        (gone,) = await client.command("unsubscribe", sids=[1])
        host.rival("ask", 4500)
        client.place("bid", 4500)

        assert gone == {"id": 2, "sid": 1, "seq": 1, "type": "unsubscribed"}
        assert await client.sync() == []

    play(host, scenario)


def test_markets_join_and_leave_a_subscription(host: Host) -> None:
    async def scenario(client: Client) -> None:
        await client.subscribe("orderbook_delta", market_ticker=MIDDLE)
        ok, snapshot = await client.command(
            "update_subscription", sid=1, action="add_markets", market_tickers=[ABOVE_IT]
        )
        assert ok["msg"] == {"market_tickers": [MIDDLE, ABOVE_IT]}
        assert (ok["seq"], snapshot["seq"]) == (2, 3)
        assert snapshot["msg"]["market_ticker"] == ABOVE_IT

        both = [MIDDLE, ABOVE_IT]
        (left,) = await client.command(
            "update_subscription", sids=[1], action="delete_markets", market_tickers=both
        )
        assert left["msg"] == {"market_tickers": []}
        host.rival("ask", 4500)
        assert await client.sync() == []

    play(host, scenario)


# --- books ---------------------------------------------------------------------------------------


def test_an_empty_side_has_no_key_in_a_snapshot(host: Host) -> None:
    async def scenario(client: Client) -> None:
        empty = (await client.subscribe("orderbook_delta", market_ticker=ABOVE_IT))[1]
        assert empty["msg"] == {"market_ticker": ABOVE_IT, "market_id": ABOVE_IT}
        host.rival("ask", 6000, 250)
        one_sided = (await client.subscribe("orderbook_delta", market_ticker=MIDDLE))[1]
        assert one_sided["msg"]["no_dollars_fp"] == [["0.4000", "2.50"]]
        assert "yes_dollars_fp" not in one_sided["msg"]

    play(host, scenario)


@pytest.mark.parametrize(("flag", "price"), [(False, "0.4000"), (True, "0.6000")])
def test_the_no_side_comes_in_the_scale_that_was_asked_for(
    host: Host, flag: bool, price: str
) -> None:
    async def scenario(client: Client) -> None:
        host.rival("ask", 6000, 100)
        frames = await client.subscribe("orderbook_delta", market_ticker=MIDDLE, use_yes_price=flag)
        assert frames[1]["msg"]["no_dollars_fp"] == [[price, "1.00"]]
        host.rival("ask", 6000, 100)
        host.rival("bid", 3000, 100)
        no, yes = await client.bodies("orderbook_delta")
        assert (no["side"], no["price_dollars"], no["delta_fp"]) == ("no", price, "1.00")
        assert (yes["side"], yes["price_dollars"]) == ("yes", "0.3000")

    play(host, scenario)


def test_a_delta_names_the_order_only_to_its_owner(host: Host) -> None:
    async def scenario(client: Client) -> None:
        await client.subscribe("orderbook_delta", market_ticker=MIDDLE)
        host.rival("ask", 6000)
        client.place("bid", 3000, client_order_id="mine")
        theirs, ours = await client.bodies("orderbook_delta")

        assert "client_order_id" not in theirs
        assert ours["client_order_id"] == "mine"

    play(host, scenario)


def replayed(frames: list[Frame]) -> dict[str, dict[tuple[str, str], Decimal]]:
    """Rebuild the books from snapshots and deltas, checking the numbering."""
    books: dict[str, dict[tuple[str, str], Decimal]] = {}
    assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
    for frame in frames:
        msg = frame["msg"]
        book = books.setdefault(msg["market_ticker"], {})
        if frame["type"] == "orderbook_snapshot":
            book.clear()
            for side in ("yes", "no"):
                for price, size in msg.get(f"{side}_dollars_fp", []):
                    book[side, price] = Decimal(size)
        else:
            level = (msg["side"], msg["price_dollars"])
            book[level] = book.get(level, Decimal(0)) + Decimal(msg["delta_fp"])
            assert book[level] >= 0
            if not book[level]:
                del book[level]
    return books


def act_at_random(host: Host, rng: Random) -> None:
    """Have one of two members create, cancel, amend or decrease."""
    engine = host.engine
    who, ticker = rng.choice((MEMBER, RIVAL)), rng.choice((MIDDLE, ABOVE_IT))
    live, price, size = engine.resting(who), rng.randint(40, 60) * 100, rng.randint(1, 500)
    if not live or rng.random() < 0.6:
        stp = rng.choice(("maker", "taker_at_cross"))
        engine.create(who, Ticket(ticker, rng.choice(list(Side)), price, size, stp=stp))
        return
    order, move = rng.choice(live), rng.randint(1, 3)
    if move == 1:
        engine.cancel(who, order.order_id)
    elif move == 2:
        engine.amend(who, order.order_id, price=price, count=order.filled + size)
    else:
        engine.decrease(who, order.order_id, to=order.remaining // 2)


def test_snapshot_and_deltas_rebuild_the_book_over_two_markets(host: Host) -> None:
    rng = Random(5)

    def act() -> None:
        try:
            act_at_random(host, rng)
        except Rejected as no:
            if no.code != "insufficient_balance":
                raise

    async def scenario(client: Client) -> None:
        for _ in range(30):
            host.run(act)
        frames = await client.subscribe(
            "orderbook_delta", market_tickers=[MIDDLE, ABOVE_IT], use_yes_price=False
        )
        for _ in range(300):
            host.run(act)
        books = replayed([*frames[1:], *await client.sync()])
        for ticker in (MIDDLE, ABOVE_IT):
            body = host.ask("GET", f"/markets/{ticker}/orderbook").json()["orderbook_fp"]
            levels = {
                (side, price): Decimal(size)
                for side in ("yes", "no")
                for price, size in body[f"{side}_dollars"]
            }
            assert books[ticker] == levels
        assert host.engine.markets[MIDDLE].volume > 0

    play(host, scenario)


# --- loss ----------------------------------------------------------------------------------------


def the_session(host: Host) -> Session:
    (session,) = host.server.hub.sessions
    return session


def test_a_lost_message_shows_as_a_gap_and_a_fresh_snapshot_repairs_it(host: Host) -> None:
    async def scenario(client: Client) -> None:
        await client.subscribe("orderbook_delta", market_ticker=MIDDLE)
        the_session(host).lose = 1
        host.rival("bid", 3000)
        host.rival("bid", 3100)
        assert [frame["seq"] for frame in await client.sync()] == [3]

        (snapshot,) = await client.command(
            "update_subscription", sid=1, action="get_snapshot", market_tickers=[MIDDLE]
        )
        assert (snapshot["id"], snapshot["seq"]) == (2, 4)
        assert snapshot["msg"]["yes_dollars_fp"] == [["0.3000", "10.00"], ["0.3100", "10.00"]]

    play(host, scenario)


def test_an_overflow_ends_every_subscription_with_code_25(host: Host) -> None:
    async def scenario(client: Client) -> None:
        await client.subscribe("orderbook_delta", "trade", market_ticker=MIDDLE)
        host.run(the_session(host).overflow)
        ends = await client.sync()
        assert [(end["sid"], end["msg"]["code"]) for end in ends] == [(1, 25), (2, 25)]
        host.rival("bid", 3000)
        assert await client.sync() == []
        again = await client.subscribe("trade")
        assert again[0]["msg"]["sid"] == 3

    play(host, scenario)


def test_a_cut_connection_ends_without_a_close_frame(host: Host) -> None:
    async def scenario(client: Client) -> None:
        await client.sync()
        host.run(the_session(host).cut)
        message = await client.socket.receive(timeout=10)
        assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
        assert client.socket.close_code == 1006

    play(host, scenario)


def test_the_server_pings_with_the_venues_word(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ws, "HEARTBEAT_SECONDS", 0.05)

    async def scenario(client: Client) -> None:
        message = await client.socket.receive(timeout=10)
        assert (message.type, message.data) == (aiohttp.WSMsgType.PING, b"heartbeat")

    play(host, scenario)


# --- the other channels --------------------------------------------------------------------------


def test_a_trade_is_told_to_everybody_and_numbered(host: Host) -> None:
    async def scenario(client: Client) -> None:
        await client.subscribe("trade", market_tickers=[MIDDLE])
        host.rival("ask", 4500, 250)
        client.place("bid", 4600, 200)
        (frame,) = await client.sync()
        msg = frame["msg"]

        assert (frame["type"], frame["sid"], frame["seq"]) == ("trade", 1, 1)
        assert (msg["yes_price_dollars"], msg["no_price_dollars"]) == ("0.4500", "0.5500")
        assert (msg["count_fp"], msg["taker_book_side"], msg["taker_outcome_side"]) == (
            "2.00", "bid", "yes",
        )  # fmt: skip

    play(host, scenario)


def test_the_ticker_speaks_only_when_something_it_shows_has_changed(host: Host) -> None:
    async def scenario(client: Client) -> None:
        await client.subscribe("ticker", market_ticker=MIDDLE)
        host.rival("bid", 4000)
        host.rival("bid", 3000)  # behind the top
        host.rival("ask", 6000)
        frames = await client.sync()

        assert all("seq" not in frame for frame in frames)
        tops = [(f["msg"]["yes_bid_dollars"], f["msg"]["yes_ask_dollars"]) for f in frames]
        assert tops == [("0.4000", "1.0000"), ("0.4000", "0.6000")]

    play(host, scenario)


def test_a_ticker_starts_with_a_snapshot_when_asked(host: Host) -> None:
    async def scenario(client: Client) -> None:
        frames = await client.subscribe("ticker", market_ticker=MIDDLE, send_initial_snapshot=True)
        assert [frame["type"] for frame in frames] == ["subscribed", "ticker"]

    play(host, scenario)


def test_the_private_channels_tell_a_member_its_own_fills_orders_and_positions(host: Host) -> None:
    async def scenario(client: Client) -> None:
        await client.subscribe("fill", "user_orders", "market_positions")
        order = client.place("bid", 4500, 300, client_order_id="mine")
        host.rival("ask", 4500, 100)
        host.run(lambda: host.engine.cancel(MEMBER, order.order_id))
        frames = await client.sync()

        assert all("seq" not in frame for frame in frames)
        kinds = [frame["type"] for frame in frames]
        assert kinds == ["user_order", "fill", "user_order", "market_position", "user_order"]
        fill = frames[1]["msg"]
        assert (fill["client_order_id"], fill["is_taker"]) == ("mine", False)
        assert (fill["count_fp"], fill["fee_cost"], fill["post_position_fp"]) == (
            "1.00", "0.000000", "1.00",
        )  # fmt: skip
        states = [(f["msg"]["status"], f["msg"]["remaining_count_fp"],
                   f["msg"].get("last_update_reason"))
                  for f in frames if f["type"] == "user_order"]  # fmt: skip
        assert states == [
            ("resting", "3.00", None), ("resting", "2.00", "Trade"), ("canceled", "0.00", None),
        ]  # fmt: skip
        assert frames[3]["msg"]["position_fp"] == "1.00"

    play(host, scenario)


def test_an_expiry_is_told_with_its_reason_and_its_own_time(host: Host) -> None:
    async def scenario(client: Client) -> None:
        await client.subscribe("user_orders", market_tickers=[MIDDLE])
        until = FIXING - timedelta(seconds=2)
        client.place("bid", 3000, expires_at=until)
        host.pass_time((until - host.clock.now()).total_seconds() + 0.5)
        placed, ended = await client.bodies("user_order")

        assert placed["expiration_ts_ms"] == round(until.timestamp() * 1000)
        assert (ended["status"], ended["last_update_reason"]) == ("canceled", "ExpiryCancel")
        assert ended["last_updated_ts_ms"] == round(until.timestamp() * 1000)

    play(host, scenario)


def test_an_order_groups_life_is_told(host: Host) -> None:
    async def scenario(client: Client) -> None:
        await client.subscribe("order_group_updates")

        def act() -> None:
            group = host.engine.create_group(MEMBER, 500)
            host.engine.limit_group(group, 700)
            host.engine.trigger_group(group)
            host.engine.reset_group(group)
            host.engine.delete_group(group)
            host.engine.create_group(RIVAL, 100)

        host.run(act)
        bodies = await client.bodies("order_group_updates")
        events = [body["event_type"] for body in bodies]
        assert events == ["created", "limit_updated", "triggered", "reset", "deleted"]
        limits = [body.get("contracts_limit_fp") for body in bodies]
        assert limits == ["5.00", "7.00", None, None, None]

    play(host, scenario)


def test_a_markets_life_is_told_in_seconds_and_the_close_itself_is_silent(host: Host) -> None:
    async def scenario(client: Client) -> None:
        await client.subscribe("market_lifecycle_v2", market_ticker=MIDDLE)
        market = host.engine.markets[MIDDLE]
        host.engine.basis_sd = {}
        grid = [{"start": "0.0000", "end": "1.0000", "step": "0.0010"}]

        def act() -> None:
            host.engine.pause(market)
            host.engine.resume(market)
            host.engine.regrid(market, "deci_cent", grid)
            host.engine.override_fees(EVENT, FeeTerms("quadratic", Decimal("0.5")))
            host.engine.move_close(market, FIXING + timedelta(minutes=5))

        host.run(act)
        frames = await client.sync()
        told = [frame["msg"].get("event_type", frame["type"]) for frame in frames]
        assert told == [
            "deactivated", "activated", "price_level_structure_updated", "event_fee_update",
            "close_date_updated",
        ]  # fmt: skip
        assert frames[3]["msg"] == {
            "event_ticker": EVENT,
            "fee_type_override": "quadratic",
            "fee_multiplier_override": 0.5,
        }
        close_at = market.close_at
        host.pass_time((close_at - host.clock.now()).total_seconds() + 10)
        assert [b for b in await client.bodies("market_lifecycle_v2")
                if b["market_ticker"] == MIDDLE] == []  # fmt: skip
        host.pass_time(300)
        ours = [b for b in await client.bodies("market_lifecycle_v2")
                if b["market_ticker"] == MIDDLE]  # fmt: skip
        assert [body["event_type"] for body in ours] == ["determined", "settled"]
        assert (ours[0]["result"], ours[0]["settlement_value"]) == ("yes", "1.0000")
        assert ours[1]["settled_ts"] == round(close_at.timestamp()) + 127

    play(host, scenario)


def test_a_new_event_and_its_markets_are_told_with_what_they_are_about(host: Host) -> None:
    async def scenario(client: Client) -> None:
        await client.subscribe("market_lifecycle_v2")
        later = FIXING + timedelta(hours=1)
        host.run(lambda: host.server.list_fixing("KXINX", later, open_at=host.clock.now()))
        frames = await client.sync()

        assert frames[0]["type"] == "event_lifecycle"
        assert frames[0]["msg"]["collateral_return_type"] == "MECNET"
        created = [f["msg"] for f in frames if f["msg"].get("event_type") == "created"]
        assert len(created) == 30
        assert created[0]["close_ts"] == round(later.timestamp())
        about = created[1]["additional_metadata"]
        assert (about["strike_type"], about["event_ticker"]) == ("between", "KXINX-26OCT06H1300")

    play(host, scenario)
