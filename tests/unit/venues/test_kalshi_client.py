"""The venue's client against canned answers: signatures, errors, pages, what an order may be."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.errors import (
    DataError,
    InvariantBroken,
    SecretError,
    VenueAmbiguous,
    VenueError,
    VenueRejected,
    VenueThrottled,
    VenueUnavailable,
)
from kalshi_alpha.markets.orders import Ack, CancelResult, Fill, NewOrder, OrderStatus, Side
from kalshi_alpha.venues.kalshi.puller import KalshiPuller
from kalshi_alpha.venues.kalshi.reader import KalshiReader
from kalshi_alpha.venues.kalshi.signing import Credentials, Signer, load_key
from kalshi_alpha.venues.kalshi.trader import KalshiTrader

BASE = "https://venue.test/trade-api/v2"
NOW = datetime(2025, 11, 4, 16, 50, 0, 123_000, tzinfo=UTC)
STAMP = "1762275000123"
KEY_ID = "11111111-2222-3333-4444-55555555abcd"
EXPIRY = datetime(2025, 11, 4, 16, 59, 58, tzinfo=UTC)
TICKER = "KXINXU-25NOV04H1200-T6799.9999"


# --- keys and signatures ---------------------------------------------------------------------


@cache
def rsa_key(bits: int = 2048) -> Any:
    return generate_private_key(65537, bits)


@cache
def ed25519_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def pem(
    key: Any,
    form: PrivateFormat = PrivateFormat.PKCS8,
    encryption: KeySerializationEncryption | None = None,
) -> bytes:
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption())


def verify(key: Any, signature: str, text: str) -> None:
    """Raise unless ``signature`` is that of ``text``."""
    raw = base64.b64decode(signature, validate=True)
    if isinstance(key, Ed25519PrivateKey):
        key.public_key().verify(raw, text.encode())
        return
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    key.public_key().verify(raw, text.encode(), pss, hashes.SHA256())


KEYS = pytest.mark.parametrize(
    ("key", "form"),
    [
        (rsa_key, PrivateFormat.PKCS8),
        (rsa_key, PrivateFormat.TraditionalOpenSSL),
        (ed25519_key, PrivateFormat.PKCS8),
    ],
    ids=["RSA in PKCS#8", "RSA in PKCS#1", "Ed25519"],
)


@KEYS
def test_a_request_is_signed_over_time_method_and_path_without_the_query(key, form):
    signer = load_key(pem(key(), form))
    headers = signer.headers(KEY_ID, "get", "/trade-api/v2/portfolio/orders?limit=5&x=?", NOW)
    assert headers["KALSHI-ACCESS-KEY"] == KEY_ID
    assert headers["KALSHI-ACCESS-TIMESTAMP"] == STAMP
    signature = headers["KALSHI-ACCESS-SIGNATURE"]
    verify(key(), signature, f"{STAMP}GET/trade-api/v2/portfolio/orders")
    with pytest.raises(InvalidSignature):
        verify(key(), signature, f"{STAMP}GET/trade-api/v2/portfolio/orders?limit=5")


@KEYS
def test_what_is_sent_verifies_with_the_path_that_is_sent(key, form):
    venue = Venue(ok({"orders": [], "cursor": ""}))
    reader = KalshiReader(
        BASE,
        ManualClock(NOW),
        Credentials(KEY_ID, load_key(pem(key(), form), validate=True)),
        httpx.MockTransport(venue),
    )
    reader.orders(ticker=TICKER)
    reader.close()
    (request,) = venue.asked
    assert request.url.params["ticker"] == TICKER
    text = f"{STAMP}GET/trade-api/v2/portfolio/orders"
    verify(key(), request.headers["KALSHI-ACCESS-SIGNATURE"], text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "missing"),
        (b" \n", "missing"),
        (b"sekrit words", "malformed"),
        (b"-----BEGIN PRIVATE KEY-----\nc2Vrcml0\n-----END PRIVATE KEY-----\n", "malformed"),
        (pem(ed25519_key(), encryption=BestAvailableEncryption(b"sekrit")), "encrypted"),
        (
            pem(rsa_key(), PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"sekrit")),
            "encrypted",
        ),
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519"),
        (pem(rsa_key(1024)), "shorter than 2048"),
    ],
    ids=["empty", "blank", "text", "no key", "Ed25519 locked", "RSA locked", "EC", "short"],
)
def test_a_key_that_cannot_be_used_is_said_without_any_of_it(text, words):
    with pytest.raises(SecretError, match=words) as caught:
        load_key(text)
    assert "sekrit" not in str(caught.value)
    assert "BEGIN" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_public_key_is_no_private_key():
    public = b"-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n"
    with pytest.raises(SecretError):
        load_key(public)


def test_credentials_show_four_characters_of_the_id_and_nothing_of_the_key():
    shown = repr(Credentials(KEY_ID, Signer(ed25519_key())))
    assert shown == "<Credentials ...abcd <Signer Ed25519>>"


# --- a venue of canned answers ---------------------------------------------------------------


class Venue:
    """Answers in order, the last one for ever, and remembers what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def body(self) -> Any:
        return json.loads(self.asked[-1].content)


def ok(body: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


class Desk:
    """Makes traders for canned answers and closes them afterwards."""

    def __init__(self) -> None:
        self.venue = Venue(ok({}))
        self._made: list[KalshiReader] = []

    def trader(self, *answers: httpx.Response | Exception) -> KalshiTrader:
        self.venue = Venue(*answers)
        made = KalshiTrader(
            BASE,
            ManualClock(NOW),
            Credentials(KEY_ID, Signer(ed25519_key())),
            httpx.MockTransport(self.venue),
        )
        self._made.append(made)
        return made

    def stranger(self, kind: type[KalshiReader], *answers: httpx.Response) -> Any:
        self.venue = Venue(*answers)
        made = kind(BASE, ManualClock(NOW), None, httpx.MockTransport(self.venue))
        self._made.append(made)
        return made

    def close(self) -> None:
        for made in self._made:
            made.close()


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.close()


def new_order(**changes: Any) -> NewOrder:
    fields: dict[str, Any] = {
        "ticker": TICKER,
        "side": Side.BID,
        "price": 4_200,
        "size": 150,
        "client_order_id": "w1-bid-1",
        "expires_at": EXPIRY,
    }
    return NewOrder(**(fields | changes))


def order_json(**changes: Any) -> dict[str, Any]:
    return {
        "order_id": "o1",
        "client_order_id": "w1-bid-1",
        "ticker": TICKER,
        "outcome_side": "yes",
        "book_side": "bid",
        "status": "resting",
        "yes_price_dollars": "0.4200",
        "no_price_dollars": "0.5800",
        "initial_count_fp": "1.50",
        "fill_count_fp": "0.49",
        "remaining_count_fp": "1.01",
        "maker_fees_dollars": "0.017500",
        "taker_fees_dollars": "0.000000",
        "expiration_time": "2025-11-04T16:59:58Z",
        "created_time": "2025-11-04T16:50:00.1Z",
    } | changes


# --- errors ----------------------------------------------------------------------------------

NESTED = {"error": {"code": "order_already_exists", "message": "taken", "details": "by another"}}
FLAT = {"code": "order_already_exists", "msg": "taken"}
READS = pytest.param(lambda t: t.exchange_status(), id="read")
WRITES = [
    pytest.param(lambda t: t.create(new_order()), id="create"),
    pytest.param(lambda t: t.amend("o1", new_order(), 0), id="amend"),
    pytest.param(lambda t: t.cancel("o1"), id="cancel"),
    pytest.param(lambda t: t.cancel_batch(["o1"]), id="cancel_batch"),
    pytest.param(lambda t: t.trigger_group("g1"), id="trigger_group"),
    pytest.param(lambda t: t.create_group(5), id="create_group"),
]


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (ok(NESTED, 409), "order_already_exists", "taken; by another"),
        (ok(FLAT, 409), "order_already_exists", "taken"),
        (ok({"error": "order closed"}, 400), "", "order closed"),
        (httpx.Response(404, content=b"<html>"), "", "answered 404"),
        (ok(["odd"], 403), "", "answered 403"),
        (ok({"error": 7}, 400), "", "answered 400"),
    ],
)
def test_a_refusal_keeps_its_status_code_and_words_in_every_envelope(desk, answer, code, words):
    with pytest.raises(VenueRejected, match=words) as caught:
        desk.trader(answer).create(new_order())
    assert (caught.value.status, caught.value.code) == (answer.status_code, code)
    assert len(desk.venue.asked) == 1


@pytest.mark.parametrize("act", [READS, *WRITES])
def test_an_empty_budget_is_a_throttle_for_reads_and_writes(desk, act):
    trader = desk.trader(ok({"error": "too many requests"}, 429))
    with pytest.raises(VenueThrottled) as caught:
        act(trader)
    assert (caught.value.status, caught.value.code) == (429, "too_many_requests")


LOST = [
    httpx.Response(500),
    httpx.Response(502, content=b"<html>bad gateway</html>"),
    ok({"error": {"code": "internal", "message": "sorry"}}, 503),
    httpx.ReadTimeout("late"),
    httpx.WriteTimeout("late"),
    httpx.PoolTimeout("late"),
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("late"),
    httpx.ReadError("reset"),
    httpx.RemoteProtocolError("cut"),
]


@pytest.mark.parametrize("answer", LOST)
@pytest.mark.parametrize("act", WRITES)
def test_a_write_without_an_answer_is_ambiguous_and_never_sent_again(desk, act, answer):
    trader = desk.trader(answer)
    with pytest.raises(VenueAmbiguous):
        act(trader)
    assert len(desk.venue.asked) == 1


@pytest.mark.parametrize("answer", LOST)
def test_a_read_without_an_answer_is_unavailable(desk, answer):
    with pytest.raises(VenueUnavailable):
        desk.trader(answer).exchange_status()


UNREADABLE = [
    pytest.param({"content": b"<html>"}, id="no JSON"),
    pytest.param({"content": b"null"}, id="null"),
    pytest.param({"json": ["order"]}, id="a list"),
    pytest.param({"json": "order"}, id="a text"),
    pytest.param(
        {"headers": {"Content-Encoding": "gzip"}, "stream": httpx.ByteStream(b"no")},
        id="broken gzip",
    ),
]


@pytest.mark.parametrize("answer", UNREADABLE)
@pytest.mark.parametrize("act", WRITES)
def test_a_write_whose_answer_cannot_be_read_is_ambiguous(desk, act, answer):
    with pytest.raises(VenueAmbiguous):
        act(desk.trader(httpx.Response(200, **answer)))


@pytest.mark.parametrize("answer", UNREADABLE)
def test_a_read_whose_answer_cannot_be_read_is_one_of_our_errors(desk, answer):
    with pytest.raises((DataError, VenueUnavailable)):
        desk.trader(httpx.Response(200, **answer)).exchange_status()


@pytest.mark.parametrize(
    "reply",
    [{}, {"order_id": "o1", "remaining_count": "lots"}, {"order_id": "o1", "ts_ms": "noon"}],
)
def test_a_create_whose_answer_lacks_what_counts_is_ambiguous(desk, reply):
    with pytest.raises(VenueAmbiguous):
        desk.trader(ok(reply, 201)).create(new_order())


def test_a_group_whose_answer_does_not_name_it_is_ambiguous(desk):
    with pytest.raises(VenueAmbiguous):
        desk.trader(ok({}, 201)).create_group(5)


def test_without_a_key_reads_are_unsigned_and_writes_never_leave(desk):
    reader = desk.stranger(KalshiReader, ok({"exchange_active": True}))
    assert reader.exchange_status() == {"exchange_active": True}
    assert "KALSHI-ACCESS-KEY" not in desk.venue.asked[0].headers
    puller = desk.stranger(KalshiPuller, ok({}))
    with pytest.raises(SecretError):
        puller.cancel("o1")
    assert desk.venue.asked == []


def test_no_error_shows_the_key_id_or_a_signature(desk):
    trader = desk.trader(ok(NESTED, 401))
    with pytest.raises(VenueError) as caught:
        trader.balance()
    assert KEY_ID not in str(caught.value)
    assert desk.venue.asked[0].headers["KALSHI-ACCESS-SIGNATURE"] not in str(caught.value)


def test_a_redirect_is_not_followed_with_our_signature(desk):
    trader = desk.trader(httpx.Response(307, headers={"Location": "https://elsewhere.test/"}))
    with pytest.raises(VenueRejected, match="307"):
        trader.create(new_order())
    assert [request.url.host for request in desk.venue.asked] == ["venue.test"]


# --- reading ---------------------------------------------------------------------------------


def test_pages_are_followed_until_the_cursor_is_empty_even_past_an_empty_page(desk):
    trader = desk.trader(
        ok({"orders": [order_json()], "cursor": "c1"}),
        ok({"orders": [], "cursor": "c2"}),
        ok({"orders": [order_json(order_id="o2")], "cursor": ""}),
    )
    assert [order.order_id for order in trader.orders(status="resting")] == ["o1", "o2"]
    cursors = [request.url.params.get("cursor") for request in desk.venue.asked]
    assert cursors == [None, "c1", "c2"]
    assert {request.url.params["status"] for request in desk.venue.asked} == {"resting"}


def test_a_cursor_that_never_ends_is_refused(desk):
    with pytest.raises(DataError, match="more than 200 pages"):
        desk.trader(ok({"fills": [], "cursor": "again"})).fills()


def test_an_order_with_a_fractional_size_and_an_unknown_status_is_read(desk):
    strange = order_json(status="pondering", something_new={"a": 1})
    order = desk.trader(ok({"order": strange})).order("o1")
    assert (order.initial_size, order.filled_size, order.remaining_size) == (150, 49, 101)
    assert order.status is OrderStatus.UNKNOWN
    assert (order.price, order.side, order.fees) == (4_200, Side.BID, 17_500)
    assert order.expires_at == EXPIRY
    assert order.created_at == datetime(2025, 11, 4, 16, 50, 0, 100_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "side"),
    [
        ({"book_side": "ask", "outcome_side": "no"}, Side.ASK),
        ({"book_side": None, "outcome_side": "no"}, Side.ASK),
        ({"book_side": None, "outcome_side": "yes"}, Side.BID),
    ],
)
def test_the_side_is_read_from_either_name(desk, fields, side):
    assert desk.trader(ok({"order": order_json(**fields)})).order("o1").side is side


@pytest.mark.parametrize(
    "fields",
    [
        {"order_id": None},
        {"remaining_count_fp": "1.005"},
        {"yes_price_dollars": "dear"},
        {"book_side": "middle"},
        {"expiration_time": "noon"},
    ],
)
def test_an_order_that_cannot_be_read_is_a_data_error(desk, fields):
    with pytest.raises(DataError):
        desk.trader(ok({"order": order_json(**fields)})).order("o1")


def test_a_fill_keeps_its_fraction_its_fee_and_its_side(desk):
    fill = {
        "fill_id": "f1",
        "order_id": "o1",
        "ticker": TICKER,
        "book_side": "ask",
        "outcome_side": "no",
        "yes_price_dollars": "0.5510",
        "count_fp": "0.37",
        "is_taker": False,
        "fee_cost": "0.001234",
        "created_time": "2025-11-04T16:51:00Z",
    }
    trader = desk.trader(ok({"fills": [fill], "cursor": ""}))
    at = datetime(2025, 11, 4, 16, 51, tzinfo=UTC)
    assert trader.fills(ticker=TICKER, min_at=NOW) == [
        Fill("f1", "o1", TICKER, Side.ASK, 5_510, 37, is_taker=False, fee=1_234, at=at)
    ]
    assert desk.venue.asked[0].url.params["min_ts"] == "1762275000"


@pytest.mark.parametrize(
    "reply", [{"balance": 12_345}, {"balance": 12_345, "balance_dollars": "123.450000"}]
)
def test_the_balance_is_cash_whichever_way_it_is_told(desk, reply):
    assert desk.trader(ok(reply)).balance() == 123_450_000


def test_books_are_asked_for_a_hundred_at_a_time(desk):
    tickers = [f"M-{n}" for n in range(250)]
    assert desk.trader(ok({"orderbooks": []})).orderbooks(tickers) == {}
    assert [len(r.url.params.get_list("tickers")) for r in desk.venue.asked] == [100, 100, 50]


# --- placing and pulling ---------------------------------------------------------------------


def test_a_create_is_post_only_expires_and_sends_these_fields_alone(desk):
    trader = desk.trader(
        ok(
            {
                "order_id": "o1",
                "client_order_id": "w1-bid-1",
                "fill_count": "0.00",
                "remaining_count": "1.50",
                "ts_ms": 1_762_275_000_123,
            },
            201,
        )
    )
    assert trader.create(new_order(order_group_id="g1")) == Ack("o1", "w1-bid-1", 0, 150, NOW)
    (request,) = desk.venue.asked
    assert (request.method, request.url.path) == ("POST", "/trade-api/v2/portfolio/events/orders")
    assert desk.venue.body == {
        "ticker": TICKER,
        "side": "bid",
        "price": "0.4200",
        "count": "1.50",
        "client_order_id": "w1-bid-1",
        "time_in_force": "good_till_canceled",
        "expiration_time": 1_762_275_598,
        "post_only": True,
        "self_trade_prevention_type": "taker_at_cross",
        "cancel_order_on_pause": True,
        "exchange_index": 0,
        "order_group_id": "g1",
    }
    text = f"{STAMP}POST/trade-api/v2/portfolio/events/orders"
    verify(ed25519_key(), request.headers["KALSHI-ACCESS-SIGNATURE"], text)


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_at": NOW.replace(microsecond=0)},  # passed
        {"expires_at": NOW},  # no whole second
        {"expires_at": EXPIRY.replace(tzinfo=None)},
        {"expires_at": EXPIRY + timedelta(milliseconds=1)},
        {"client_order_id": ""},
        {"size": 0},
        {"size": -100},
        {"price": 0},
        {"price": 10_000},
    ],
)
def test_an_order_that_must_never_leave_does_not(desk, changes):
    for place in (lambda t, o: t.create(o), lambda t, o: t.amend("o1", o, 0)):
        trader = desk.trader(ok({}))
        with pytest.raises(InvariantBroken):
            place(trader, new_order(**changes))
        assert desk.venue.asked == []


def test_there_is_no_order_without_an_expiry():
    with pytest.raises(TypeError, match="expires_at"):
        NewOrder(TICKER, Side.BID, 4_200, 150, "w1-bid-1")


def test_an_amend_counts_what_has_filled_into_its_size(desk):
    trader = desk.trader(ok({"order_id": "o1", "fill_count": "0.01", "ts_ms": 1_762_275_000_123}))
    ack = trader.amend("o1", new_order(price=4_300, size=101), 49)
    assert ack == Ack("o1", "w1-bid-1", 50, 101, NOW)
    assert desk.venue.asked[0].url.path.endswith("/portfolio/events/orders/o1/amend")
    assert desk.venue.body == {
        "ticker": TICKER,
        "side": "bid",
        "price": "0.4300",
        "count": "1.50",
        "client_order_id": "w1-bid-1",
        "exchange_index": 0,
    }


def test_a_cancel_tells_what_it_took_away(desk):
    assert desk.trader(ok({"reduced_by": "1.01"})).cancel("o1") == CancelResult("o1", 101)
    (request,) = desk.venue.asked
    assert (request.method, request.content) == ("DELETE", b"")


def test_a_cancel_of_what_is_gone_is_an_answer(desk):
    gone = ok({"error": {"code": "not_found", "message": "order not found"}}, 404)
    assert desk.trader(gone).cancel("o1") == CancelResult("o1", 0, "not_found")
    assert desk.trader(httpx.Response(404)).cancel("o1") == CancelResult("o1", 0, "not_found")


def test_a_batch_cancel_gives_each_order_its_own_answer(desk):
    reply = {
        "orders": [
            {"order_id": "o1", "reduced_by": "1.50"},
            {"order_id": "o2", "error": {"code": "not_found", "message": "gone"}},
        ]
    }
    assert desk.trader(ok(reply)).cancel_batch(["o1", "o2"]) == [
        CancelResult("o1", 150),
        CancelResult("o2", 0, "not_found"),
    ]
    assert desk.venue.body == {
        "orders": [
            {"order_id": "o1", "exchange_index": 0},
            {"order_id": "o2", "exchange_index": 0},
        ]
    }


def test_cancelling_nothing_asks_nothing(desk):
    assert desk.trader(ok({})).cancel_batch([]) == []
    assert desk.venue.asked == []


def test_a_prepared_cancel_opens_its_connection_early_and_carries_the_time_it_is_signed():
    clock, venue = ManualClock(NOW), Venue(ok({"orders": []}))
    credentials = Credentials(KEY_ID, Signer(ed25519_key()))
    puller = KalshiPuller(BASE, clock, credentials, httpx.MockTransport(venue))
    prepared = puller.prepare_cancel_batch(["o1"])
    assert [request.url.path for request in venue.asked] == ["/trade-api/v2/exchange/status"]
    clock.advance(20.0)
    prepared.sign(clock.now())
    clock.advance(0.2)
    assert prepared.send() == []
    puller.close()
    headers = venue.asked[-1].headers
    assert headers["KALSHI-ACCESS-TIMESTAMP"] == "1762275020123"
    text = "1762275020123DELETE/trade-api/v2/portfolio/events/orders/batched"
    verify(ed25519_key(), headers["KALSHI-ACCESS-SIGNATURE"], text)


def test_whoever_may_only_look_or_pull_holds_no_code_that_places():
    for name in ("create", "amend", "create_group"):
        assert not hasattr(KalshiPuller, name)
    for name in ("cancel", "cancel_batch", "trigger_group", "prepare_cancel_batch"):
        assert not hasattr(KalshiReader, name)


def test_a_proxy_in_the_environment_never_sees_a_signed_request(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    reader = KalshiReader(BASE, ManualClock(NOW))
    assert reader._http._client.trust_env is False
    reader.close()
