"""The exchange as a server: who may come in, how often, and what it says to nonsense."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest

from kalshi_alpha.rehearsal.exchange.limits import Bucket, Limits
from kalshi_alpha.rehearsal.exchange.server import MEMBER, START_CASH
from kalshi_alpha.venues.kalshi.signing import Credentials, load_key
from tests.exchange_host import EVENT, MIDDLE, PREFIX, RANGES, Host, hosting

ORDERS = "/portfolio/events/orders"
GROUPS = "/portfolio/order_groups"
BALANCE = "/portfolio/balance"


@pytest.fixture(scope="module")
def shared() -> Iterator[Host]:
    """Serve one exchange for every test that leaves it as it was."""
    with hosting() as running:
        yield running


@pytest.fixture
def host() -> Iterator[Host]:
    with hosting() as running:
        yield running


def order(**more: object) -> dict[str, object]:
    return {
        "ticker": MIDDLE,
        "side": "bid",
        "price": "0.4000",
        "count": "1.00",
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
    } | more


def issued(host: Host, *, kind: str = "ed25519", scopes: set[str] | None = None) -> Credentials:
    """Have the exchange issue another key of the member."""
    given = None if scopes is None else frozenset(scopes)
    key_id, pem = host.run(lambda: host.server.keys.issue(MEMBER, kind, given))
    return Credentials(key_id, load_key(pem.encode()))


# --- signatures ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_request_signed_with_either_kind_of_key_is_answered(shared, kind):
    answer = shared.ask("GET", BALANCE, credentials=issued(shared, kind=kind))

    assert answer.status_code == 200
    assert answer.json()["balance"] == START_CASH // 10_000


def test_the_query_is_not_signed(shared):
    assert shared.ask("GET", "/portfolio/orders?limit=5&status=resting").status_code == 200


def headers(host: Host, method: str = "GET", path: str = PREFIX + BALANCE, shift: float = 0.0):
    known = host.credentials
    at = host.clock.now().timestamp() + shift
    return known.signer.headers(
        known.key_id, method, path, host.clock.now().fromtimestamp(at, host.clock.now().tzinfo)
    )


def ask_with(host: Host, given: dict[str, str], method: str = "GET", path: str = BALANCE):
    with httpx.Client(trust_env=False, timeout=10) as client:
        return client.request(method, host.base + path, headers=given)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda h: headers(h, method="POST"), id="another method"),
        pytest.param(lambda h: headers(h, path=BALANCE), id="the path without its prefix"),
        pytest.param(lambda h: headers(h, path=f"{PREFIX}/portfolio/fills"), id="another path"),
        pytest.param(lambda h: headers(h, shift=-6), id="too old"),
        pytest.param(lambda h: headers(h, shift=6), id="from the future"),
        pytest.param(lambda h: headers(h) | {"KALSHI-ACCESS-KEY": "unknown"}, id="unknown key"),
        pytest.param(lambda h: headers(h) | {"KALSHI-ACCESS-SIGNATURE": "?"}, id="no base64"),
        pytest.param(lambda h: headers(h) | {"KALSHI-ACCESS-SIGNATURE": ""}, id="empty"),
        pytest.param(lambda h: headers(h) | {"KALSHI-ACCESS-TIMESTAMP": "now"}, id="no number"),
        pytest.param(lambda h: headers(h) | {"KALSHI-ACCESS-TIMESTAMP": "9" * 400}, id="huge"),
        pytest.param(lambda h: headers(h) | {"KALSHI-ACCESS-TIMESTAMP": "-5"}, id="negative"),
        pytest.param(
            lambda h: headers(h) | {"KALSHI-ACCESS-TIMESTAMP": "1791300600"}, id="seconds"
        ),
        pytest.param(lambda _: {}, id="unsigned"),
    ],
)
def test_a_bad_signature_is_unauthorised(shared, wrong):
    answer = ask_with(shared, wrong(shared))

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "token_authentication_failure"


def test_a_timestamp_in_other_digits_is_unauthorised(shared):
    given = headers(shared)
    stamp = given.pop("KALSHI-ACCESS-TIMESTAMP").replace("1", "²")
    raw = {key.encode(): value.encode() for key, value in given.items()}

    answer = ask_with(shared, raw | {b"KALSHI-ACCESS-TIMESTAMP": stamp.encode()})

    assert answer.status_code == 401


def test_a_signature_up_to_five_seconds_off_is_accepted(shared):
    assert ask_with(shared, headers(shared, shift=-4.9)).status_code == 200


@pytest.mark.parametrize("path", ["/exchange/status", "/markets?limit=1", f"/events/{EVENT}"])
def test_public_data_needs_no_key(shared, path):
    assert shared.ask("GET", path, signed=False).status_code == 200


def test_a_wrong_key_is_refused_even_for_public_data(shared):
    given = headers(shared, path="/nowhere")

    assert ask_with(shared, given, path="/exchange/status").status_code == 401


@pytest.mark.parametrize(
    ("scopes", "method", "path", "status"),
    [
        ({"read"}, "GET", BALANCE, 200),
        ({"read"}, "DELETE", ORDERS, 403),
        ({"write"}, "GET", BALANCE, 403),
        ({"write"}, "DELETE", ORDERS, 204),
        ({"write::trade"}, "DELETE", ORDERS, 204),
        ({"write::transfer"}, "DELETE", ORDERS, 403),
        ({"read::portfolio_balance"}, "GET", BALANCE, 200),
        ({"read::portfolio_balance"}, "GET", "/portfolio/fills", 403),
        ({"read", "write::trade"}, "GET", "/account/limits", 200),
    ],
)
def test_a_key_opens_what_its_scopes_name(shared, scopes, method, path, status):
    answer = shared.ask(method, path, credentials=issued(shared, scopes=scopes))

    assert answer.status_code == status
    if status == 403:
        assert answer.json()["error"]["code"] == "insufficient_scope"


def test_it_listens_on_loopback_only(shared):
    assert shared.server._runner is not None
    assert [address[0] for address in shared.server._runner.addresses] == ["127.0.0.1"]
    with socket.create_connection(("127.0.0.1", shared.server.port), timeout=5):
        pass


# --- limits ----------------------------------------------------------------------------------


def test_an_empty_write_bucket_is_429_until_it_has_refilled():
    with hosting(limits=Limits()) as host:
        burst = [host.ask("POST", ORDERS, order()).status_code for _ in range(11)]
        refused = host.ask("POST", ORDERS, order())
        host.pass_time(0.1)
        later = host.ask("POST", ORDERS, order())

    assert burst == [201] * 10 + [429]
    assert refused.json()["error"]["code"] == "too_many_requests"
    assert "Retry-After" not in refused.headers
    assert later.status_code == 201


def test_reads_and_writes_have_their_own_buckets():
    limits = Limits(read=Bucket(10.0, 20.0), write=Bucket(10.0, 10.0))
    with hosting(limits=limits) as host:
        reads = [host.ask("GET", BALANCE).status_code for _ in range(3)]
        write = host.ask("POST", ORDERS, order()).status_code

    assert reads == [200, 200, 429]
    assert write == 201


def test_a_cancel_costs_two_tokens_and_a_create_ten():
    with hosting(limits=Limits(write=Bucket(1.0, 14.0))) as host:
        first = host.ask("POST", ORDERS, order())
        cancels = [host.ask("DELETE", f"{ORDERS}/x").status_code for _ in range(3)]

    assert first.status_code == 201
    assert cancels == [404, 404, 429]


def test_removing_a_group_costs_what_is_not_listed_as_an_exception():
    with hosting(limits=Limits(write=Bucket(1.0, 9.0))) as host:
        assert host.ask("DELETE", f"{GROUPS}/x").status_code == 429
        assert host.ask("DELETE", f"{ORDERS}/x").status_code == 404


def test_a_batch_beyond_the_bucket_is_refused_whole_and_takes_no_tokens():
    with hosting(limits=Limits()) as host:
        eleven = host.ask("POST", f"{ORDERS}/batched", {"orders": [order()] * 11})
        rested = host.run(lambda: len(host.engine.resting(MEMBER)))
        ten = host.ask("POST", f"{ORDERS}/batched", {"orders": [order()] * 10})

    assert (eleven.status_code, rested, ten.status_code) == (429, 0, 201)


def test_a_batch_of_cancels_pays_two_tokens_an_item():
    with hosting(limits=Limits(write=Bucket(1.0, 100.0))) as host:
        items = [{"order_id": "x"}]
        too_many = host.ask("DELETE", f"{ORDERS}/batched", {"orders": items * 51})
        enough = host.ask("DELETE", f"{ORDERS}/batched", {"orders": items * 50})

    assert (too_many.status_code, enough.status_code) == (429, 200)


def test_the_published_limits_and_costs_are_the_ones_applied():
    with hosting(limits=Limits()) as host:
        limits = host.ask("GET", "/account/limits").json()
        costs = host.ask("GET", "/account/endpoint_costs", signed=False).json()

    assert limits["usage_tier"] == "basic"
    assert limits["write"] == {"refill_rate": 100, "bucket_capacity": 100}
    assert limits["read"]["refill_rate"] == 200
    assert costs["default_cost"] == 10
    assert {(row["method"], row["path"], row["cost"]) for row in costs["endpoint_costs"]} == {
        ("DELETE", "/portfolio/events/orders/:order_id", 2),
        ("DELETE", "/portfolio/events/orders/batched", 2),
        ("DELETE", "/portfolio/events/orders", 2),
    }


# --- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize("envelope", ["nested", "flat"])
def test_errors_come_in_the_envelope_that_was_chosen(envelope):
    with hosting(envelope=envelope) as host:
        body = host.ask("GET", "/markets/NOPE").json()
    said = body["error"] if envelope == "nested" else body

    assert set(said) == {"code", "message", "details"}
    assert ("error" in body) is (envelope == "nested")


def test_a_post_only_cross_is_a_400_with_the_venue_s_words_and_never_rests(host):
    host.rival("ask", 4000)

    answer = host.ask("POST", ORDERS, order(post_only=True))

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_order"
    assert answer.json()["error"]["details"] == "post only cross"
    assert host.run(lambda: host.engine.resting(MEMBER)) == []


@pytest.mark.parametrize(
    "path", ["/portfolio/orders", "/portfolio/orders/batched", "/portfolio/orders/x/amend"]
)
def test_the_legacy_order_paths_are_gone(shared, path):
    answer = shared.ask("POST", path, {})

    assert answer.status_code == 410
    assert "V2 endpoints" in answer.json()["error"]["details"]


def test_unknown_paths_and_methods_are_refused_in_the_envelope(shared):
    assert shared.ask("GET", "/nowhere").json()["error"]["code"] == "not_found"
    assert shared.ask("PATCH", BALANCE).status_code == 405


BODIES = [
    b"",
    b"{",
    b"[]",
    b'"text"',
    b"null",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"price": 1' + b"0" * 10_000 + b"}",
]


@pytest.mark.parametrize("content", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", ORDERS),
        ("POST", f"{ORDERS}/batched"),
        ("DELETE", f"{ORDERS}/batched"),
        ("POST", f"{GROUPS}/create"),
    ],
)
def test_a_body_that_is_no_request_is_a_400_with_a_sentence(shared, method, path, content):
    answer = shared.ask(method, path, content=content)

    assert answer.status_code == 400
    assert len(answer.json()["error"]["details"]) > 10


def test_a_huge_body_is_refused_in_the_envelope(shared):
    answer = shared.ask("POST", ORDERS, content=b" " * 3_000_000)

    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "request_too_large"


STRANGE: list[object] = [
    None, 1, 0.5, True, [], {}, "", "x", "1e3", "NaN", "-1", "0", "1" * 50,
    "\u0661", "0.40001",
]  # fmt: skip


@pytest.mark.parametrize("value", STRANGE, ids=repr)
@pytest.mark.parametrize("field", ["price", "count"])
def test_a_strange_number_is_a_400(shared, field, value):
    answer = shared.ask("POST", ORDERS, order(**{field: value}))

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in {"invalid_parameters", "invalid_price"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"ticker": 5},
        {"ticker": None},
        {"side": "yes"},
        {"side": []},
        {"time_in_force": "day"},
        {"time_in_force": None},
        {"self_trade_prevention_type": "both"},
        {"self_trade_prevention_type": None},
        {"client_order_id": 7},
        {"client_order_id": ["x"]},
        {"client_order_id": "x" * 1000},
        {"order_group_id": {}},
        {"post_only": "yes"},
        {"post_only": 1},
        {"reduce_only": []},
        {"cancel_order_on_pause": "no"},
        {"expiration_time": "soon"},
        {"expiration_time": True},
        {"expiration_time": 1.5},
        {"expiration_time": -1},
        {"expiration_time": 10**30},
        {"expiration_time": 1},
        {"exchange_index": 1},
        {"exchange_index": [0]},
        {"subaccount": 3},
        {"reduce_only": True},
        {"time_in_force": "immediate_or_cancel", "expiration_time": 1_900_000_000},
    ],
    ids=repr,
)
def test_a_strange_field_is_a_400_with_a_sentence(shared, wrong):
    answer = shared.ask("POST", ORDERS, order(**wrong))

    assert answer.status_code == 400
    assert answer.json()["error"]["details"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{ORDERS}/batched", {"orders": 5}),
        ("POST", f"{ORDERS}/batched", {"orders": [5]}),
        ("POST", f"{ORDERS}/batched", {"orders": []}),
        ("POST", f"{ORDERS}/batched", {"orders": [{}] * 1001}),
        ("DELETE", f"{ORDERS}/batched", {"orders": {"order_id": "x"}}),
        ("POST", f"{GROUPS}/create", {"contracts_limit": "5"}),
        ("POST", f"{GROUPS}/create", {"contracts_limit": True}),
        ("POST", f"{GROUPS}/create", {"contracts_limit": 0}),
        ("POST", f"{GROUPS}/create", {"contracts_limit_fp": "0.50"}),
        ("POST", f"{GROUPS}/create", {"contracts_limit_fp": 5}),
    ],
)
def test_strange_batches_and_groups_are_400(shared, method, path, body):
    answer = shared.ask(method, path, body)

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "/markets?limit=0",
        "/markets?limit=1001",
        "/markets?limit=x",
        "/markets?limit=%C2%B2",
        "/markets?cursor=%C2%B2",
        "/markets?cursor=elsewhere",
        "/markets?status=active",
        "/markets?status=finalized",
        "/events?limit=201",
        "/events?status=initialized",
        f"/markets/{MIDDLE}/orderbook?depth=101",
        f"/markets/{MIDDLE}/orderbook?depth=-1",
        "/markets/orderbooks",
        "/markets/trades?min_ts=x",
        "/markets/trades?min_ts=99999999999999999999",
        f"/series/KXINXU/markets/{MIDDLE}/candlesticks",
        f"/series/KXINXU/markets/{MIDDLE}/candlesticks?start_ts=1&end_ts=2&period_interval=7",
        "/portfolio/orders?status=open",
    ],
)
def test_a_strange_query_is_a_400_with_a_sentence(shared, query):
    answer = shared.ask("GET", query)

    assert answer.status_code == 400
    assert answer.json()["error"]["details"]


def test_a_batch_answers_each_item_on_its_own(shared):
    rows = [order(client_order_id=f"batch-{n}") for n in range(2)]
    strange = [{}, order(price="0.4050"), order(client_order_id=5), order(ticker="NOPE")]

    answer = shared.ask("POST", f"{ORDERS}/batched", {"orders": [rows[0], *strange, rows[1]]})
    items = answer.json()["orders"]
    codes = [item.get("error", {}).get("code") for item in items]
    gone = {"orders": [{"order_id": items[0]["order_id"]}, {"order_id": 5}, {}]}
    canceled = shared.ask("DELETE", f"{ORDERS}/batched", gone).json()["orders"]

    assert answer.status_code == 201
    assert codes == [
        None, "invalid_parameters", "invalid_price", "invalid_parameters", "not_found", None
    ]  # fmt: skip
    assert [item["reduced_by"] for item in canceled] == ["1.00", "0.00", "0.00"]
    assert [item.get("error", {}).get("code") for item in canceled] == [
        None, "not_found", "not_found"
    ]  # fmt: skip


# --- lists -----------------------------------------------------------------------------------


def every_page(host: Host, path: str, key: str, limit: int) -> list[list[str]]:
    pages, cursor = [], ""
    while True:
        body = host.ask("GET", f"{path}limit={limit}&cursor={cursor}").json()
        pages.append(body[key])
        cursor = body["cursor"]
        if not cursor:
            return pages


def test_pages_follow_the_cursor_and_repeat_and_miss_nothing(shared):
    pages = every_page(shared, f"/markets?event_ticker={EVENT}&", "markets", 10)

    tickers = [market["ticker"] for rows in pages for market in rows]
    assert [len(rows) for rows in pages] == [10, 10, 10, 10, 1]
    assert len(set(tickers)) == 41


def test_a_page_that_ends_with_the_list_has_no_cursor(shared):
    body = shared.ask("GET", f"/markets?event_ticker={EVENT}&limit=41").json()

    assert len(body["markets"]) == 41
    assert body["cursor"] == ""


def test_orders_come_newest_first_and_new_ones_move_no_page(host):
    ids = [host.ask("POST", ORDERS, order()).json()["order_id"] for _ in range(4)]
    first = host.ask("GET", "/portfolio/orders?limit=2").json()
    host.ask("POST", ORDERS, order())
    second = host.ask("GET", f"/portfolio/orders?limit=2&cursor={first['cursor']}").json()

    seen = [row["order_id"] for row in first["orders"] + second["orders"]]
    assert seen == ids[::-1]


@pytest.mark.parametrize(
    ("word", "shift", "state"),
    [
        ("open", 0, "active"),
        ("closed", 1801, "closed"),
        ("closed", 1900, "determined"),
        ("settled", 2000, "finalized"),
    ],
)
def test_the_filter_s_words_are_not_the_words_of_the_answers(host, word, shift, state):
    host.pass_time(shift)

    found = host.ask("GET", f"/markets?status={word}&limit=1000").json()["markets"]

    assert {market["status"] for market in found} == {state}
    assert len(found) == 71


def test_lists_are_filtered_by_what_was_asked(host):
    host.ask("POST", ORDERS, order())
    host.ask("POST", ORDERS, order(ticker=f"{RANGES}-B6812"))

    def orders(query: str) -> list[str]:
        rows = host.ask("GET", f"/portfolio/orders?{query}").json()["orders"]
        return [row["ticker"] for row in rows]

    assert orders(f"event_ticker={EVENT}") == [MIDDLE]
    assert orders(f"event_ticker={EVENT},{RANGES}") == [f"{RANGES}-B6812", MIDDLE]
    assert orders("status=canceled") == []
    assert orders(f"min_ts={int(host.clock.now().timestamp()) + 1}") == []


# --- answers ---------------------------------------------------------------------------------


def test_the_balance_is_what_resting_orders_leave(host):
    host.ask("POST", ORDERS, order(count="10"))

    answer = host.ask("GET", BALANCE).json()

    assert answer["balance_dollars"] == "996.000000"
    assert answer["balance"] == 99_600
    assert (
        host.ask("GET", "/portfolio/summary/total_resting_order_value").json()[
            "total_resting_order_value"
        ]
        == 400
    )


def test_an_amend_answers_with_what_the_amend_itself_did(host):
    order_id = host.ask("POST", ORDERS, order(count="3")).json()["order_id"]
    host.rival("ask", 4000, 100)  # one of three is filled before

    moved = host.ask("POST", f"{ORDERS}/{order_id}/amend", order(price="0.41", count="3"))
    smaller = host.ask("POST", f"{ORDERS}/{order_id}/amend", order(price="0.41", count="2.5"))
    host.rival("ask", 4500, 50)
    crossing = host.ask("POST", f"{ORDERS}/{order_id}/amend", order(price="0.45", count="2.5"))

    def said(answer) -> tuple[str | None, str | None, str | None]:
        body = answer.json()
        return body["fill_count"], body["remaining_count"], body.get("average_fill_price")

    assert said(moved) == (None, None, None)
    assert said(smaller) == ("0.00", "1.50", None)
    assert said(crossing) == ("0.50", "1.00", "0.4500")


def test_an_amend_can_take_an_expiry_away_and_keeps_it_unless_told(host):
    ahead = int(host.clock.now().timestamp()) + 600
    order_id = host.ask("POST", ORDERS, order(expiration_time=ahead)).json()["order_id"]

    def expiry() -> str | None:
        return host.ask("GET", f"/portfolio/orders/{order_id}").json()["order"]["expiration_time"]

    host.ask("POST", f"{ORDERS}/{order_id}/amend", order(price="0.41"))
    kept = expiry()
    host.ask("POST", f"{ORDERS}/{order_id}/amend", order(price="0.41", expiration_time=0))

    assert kept == "2026-10-06T15:40:00Z"
    assert expiry() is None


@pytest.mark.parametrize("body", [{}, {"reduce_by": "1", "reduce_to": "1"}, {"reduce_by": 1}])
def test_a_decrease_says_exactly_one_of_by_and_to(host, body):
    order_id = host.ask("POST", ORDERS, order()).json()["order_id"]

    assert host.ask("POST", f"{ORDERS}/{order_id}/decrease", body).status_code == 400


def test_orders_of_forgotten_markets_are_still_listed_and_cannot_be_cancelled(host):
    order_id = host.ask("POST", ORDERS, order()).json()["order_id"]
    host.rival("ask", 4000, 50)
    host.pass_time(4000)
    host.run(host.engine.markets.clear)

    for path in ("orders", f"orders?event_ticker={EVENT}", "positions", "fills", "settlements"):
        assert host.ask("GET", f"/portfolio/{path}").status_code == 200
    assert host.ask("GET", BALANCE).status_code == 200
    assert host.ask("DELETE", f"{ORDERS}/{order_id}").status_code == 404
    assert host.ask("POST", f"{ORDERS}/{order_id}/amend", order()).status_code == 404


def test_another_member_s_orders_are_unknown(host):
    theirs = host.rival("bid", 3000).order_id

    assert host.ask("GET", f"/portfolio/orders/{theirs}").status_code == 404
    assert host.ask("DELETE", f"{ORDERS}/{theirs}").status_code == 404
    assert host.run(lambda: len(host.engine.resting("rival"))) == 1


def candles(host: Host, minutes: int) -> list[dict[str, object]]:
    now = int(host.clock.now().timestamp())
    span = f"start_ts={now - 7200}&end_ts={now + 7200}&period_interval={minutes}"
    path = f"/series/KXINXU/markets/{MIDDLE}/candlesticks?{span}"
    return host.ask("GET", path, signed=False).json()["candlesticks"]


def test_candles_tell_quotes_and_trades_by_the_minute(host):
    host.rival("bid", 4000, 100)
    host.rival("ask", 4600, 100)
    host.pass_time(60)
    host.ask("POST", ORDERS, order(price="0.46", count="0.30"))
    host.ask("POST", ORDERS, order(price="0.42"))

    first, second = candles(host, 1)

    assert first["end_period_ts"] == second["end_period_ts"] - 60 == 1_791_300_660
    assert first["price"] == {}
    assert (first["yes_bid"]["close_dollars"], first["yes_ask"]["open_dollars"]) == (
        "0.4000", "1.0000"
    )  # fmt: skip
    assert second["price"]["close_dollars"] == second["price"]["mean_dollars"] == "0.4600"
    assert second["yes_bid"]["low_dollars"] == "0.4000"
    assert second["yes_bid"]["close_dollars"] == "0.4200"
    assert (second["volume_fp"], second["open_interest_fp"]) == ("0.30", "0.30")


def test_candles_of_an_hour_join_those_of_its_minutes(host):
    host.rival("ask", 4600, 100)
    for price in ("0.46", "0.47"):
        host.ask("POST", ORDERS, order(price=price, count="0.50"))
        host.pass_time(60)
        host.rival("ask", 4700, 100)

    (hour,) = candles(host, 60)

    assert hour["end_period_ts"] == 1_791_302_400
    assert hour["volume_fp"] == "1.00"
    assert hour["yes_ask"]["open_dollars"] == "0.4600"


def test_the_control_paths_exist_only_where_they_were_asked_for():
    with hosting(control=False) as host, httpx.Client(trust_env=False) as client:
        assert client.get(host.base.removesuffix(PREFIX) + "/twin/books").status_code == 404
