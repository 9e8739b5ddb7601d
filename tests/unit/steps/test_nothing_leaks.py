"""Whatever a run writes, says or raises holds no key: a grep of all of it, with every key planted.

The venue here is hostile too: it repeats what it was sent, key id and signature, in its errors.
"""

from __future__ import annotations

import base64
import io
import json
import traceback
from collections.abc import Iterator

import boto3
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from moto import mock_aws

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.layout import LEDGER, STATE
from kalshi_alpha.cloud.services import client, read_secret
from kalshi_alpha.errors import KalshiAlphaError, SecretError
from kalshi_alpha.rehearsal.leaks import leaks_below, leaks_in, marks_of
from kalshi_alpha.rehearsal.machine import create_table
from kalshi_alpha.steps import cancel, observe, preflight, redaction, scan
from kalshi_alpha.steps import runtime as runtime_module
from kalshi_alpha.steps.runtime import Runtime, Settings, credentials_from
from kalshi_alpha.venues.kalshi.signing import load_key
from kalshi_alpha.venues.kalshi.trader import KalshiTrader
from kalshi_alpha.venues.massive.rest import MassiveReader
from kalshi_alpha.venues.massive.stream import IndexStream
from kalshi_alpha.venues.secrets import Secret
from tests.fuzz.venue_targets import NOW, ORDER

KEY_ID = "0d6f1e5c-77aa-4c1b-9a59-planted-key-id"
FEED_KEY = "pLaNtEdVendorKey0123456789abcdef"
PEM = (
    ed25519.Ed25519PrivateKey.generate()
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)
MARKS = marks_of({"private key": PEM, "key id": KEY_ID, "vendor key": FEED_KEY})
WINDOW = "20251104-1200-index-hourly"


def echo(request: httpx.Request) -> httpx.Response:
    """Refuse, and repeat everything."""
    said = json.dumps(dict(request.headers) | {"body": request.content.decode()})
    return httpx.Response(400, json={"error": {"code": "bad", "message": said}})


@pytest.fixture
def trader() -> KalshiTrader:
    credentials = credentials_from({"key_id": KEY_ID, "pem": PEM})
    return KalshiTrader(
        "https://venue.test/v2", ManualClock(NOW), credentials, httpx.MockTransport(echo)
    )


@pytest.fixture
def runtime(tmp_path, trader) -> Iterator[Runtime]:
    before = list(runtime_module._installed)
    with mock_aws():
        client.cache_clear()
        for spec in (STATE, LEDGER):
            create_table(spec, spec.name)
        secrets = boto3.client("secretsmanager")
        secrets.create_secret(Name="key", SecretString=json.dumps({"key_id": KEY_ID, "pem": PEM}))
        secrets.create_secret(Name="broken", SecretString=f'{{"key_id": "{KEY_ID}", "pem": ')
        runtime = Runtime(
            Settings(
                broker="twin",
                state_table=STATE.name,
                ledger_table=LEDGER.name,
                artifacts=str(tmp_path),
                venue_url="http://127.0.0.1:9",
                secret="key",
                read_secret="key",
            ),
            ManualClock(NOW),
        )
        runtime._clients.update(KalshiReader=trader, KalshiPuller=trader)
        runtime_module.install(runtime)
        runtime.state.set_kill_switch(on=False, reason="test", by="test", at=NOW)
        yield runtime
        client.cache_clear()
    runtime_module._installed[:] = before


def said_by(error: BaseException) -> str:
    """Return all that an error and those behind it would show to anyone."""
    shown = "".join(traceback.format_exception(error))
    return f"{error!s} {error!r} {error.args!r} {shown}"


def everything() -> str:
    """Return both tables as text."""
    dynamo = boto3.client("dynamodb")
    return json.dumps([dynamo.scan(TableName=spec.name)["Items"] for spec in (STATE, LEDGER)])


def test_the_search_finds_each_secret_in_each_form():
    for secret in (KEY_ID, FEED_KEY, PEM.splitlines()[1]):
        for form in (
            secret,
            json.dumps({"x": secret}),
            repr(secret.encode()),
            secret.encode().hex(),
            base64.b64encode(secret.encode()).decode(),
        ):
            assert leaks_in(form.encode(), MARKS), form
    assert leaks_in(json.dumps(PEM).encode(), MARKS) == ["a private key", "private key"]
    assert leaks_in(b"nothing to see", MARKS) == []


def test_the_search_reads_files_packed_ones_too(tmp_path):
    import gzip

    (tmp_path / "a.log").write_text("fine")
    (tmp_path / "b.json.gz").write_bytes(gzip.compress(KEY_ID.encode()))
    assert leaks_below(tmp_path, MARKS) == ["b.json.gz: key id"]


def test_a_whole_window_against_a_hostile_venue_leaks_nothing(runtime, tmp_path):
    lines = io.StringIO()
    observe.send_to(lines)
    raised = []
    try:
        for step, run in (("preflight", preflight.run), ("scan", scan.run), ("cancel", cancel.run)):
            try:
                observe.observed(step, run)({"window_id": WINDOW, "mode": "now"}, None)
            except KalshiAlphaError as error:
                raised.append(said_by(error))
    finally:
        observe.send_to(None)
    shown = [lines.getvalue(), *raised, everything(), repr(runtime)]
    assert "was answered 400 bad" in "".join(shown)  # the venue's words did get that far
    assert [leaks_in(text.encode(), MARKS) for text in shown] == [[]] * len(shown)
    assert leaks_below(tmp_path, MARKS) == []


def test_errors_of_a_hostile_venue_do_not_repeat_the_key(trader):
    for act in (
        trader.exchange_status,
        lambda: trader.create(ORDER),
        lambda: trader.cancel("o-1"),
        lambda: trader.prepare_cancel_batch(["o-1"]),
    ):
        with pytest.raises(KalshiAlphaError) as caught:
            act()
        assert leaks_in(said_by(caught.value).encode(), MARKS) == []
        assert "[redacted]" in str(caught.value)


@pytest.mark.parametrize(
    "pem",
    [PEM[:60], PEM.replace("PRIVATE", "PUBLIC"), PEM[30:], f"{PEM[:-40]}AAAA\n"],
    ids=["cut", "of another kind", "headless", "garbled"],  # the key is new in every process
)
def test_a_key_that_cannot_be_loaded_is_not_shown(pem):
    with pytest.raises(SecretError) as caught:
        load_key(pem.encode())
    assert leaks_in(said_by(caught.value).encode(), MARKS) == []


@pytest.mark.usefixtures("runtime")
def test_a_secret_that_cannot_be_parsed_is_not_shown():
    with pytest.raises(SecretError) as caught:
        read_secret("broken")
    assert leaks_in(said_by(caught.value).encode(), MARKS) == []


def test_a_feed_that_repeats_its_key_does_not_get_it_into_an_error():
    def answers(request):
        return httpx.Response(
            200, json={"results": [{"ticker": "I:SPX", "error": dict(request.headers)}]}
        )

    for answer in (answers, lambda r: httpx.Response(403, text=str(dict(r.headers)))):
        reader = MassiveReader(
            "https://feed.test", FEED_KEY, ManualClock(NOW), httpx.MockTransport(answer)
        )
        with pytest.raises(KalshiAlphaError) as caught:
            reader.snapshot(["I:SPX"])
        assert leaks_in(said_by(caught.value).encode(), MARKS) == []


def test_nothing_that_holds_a_key_shows_it(trader, runtime):
    credentials = credentials_from({"key_id": KEY_ID, "pem": PEM})
    feed = IndexStream("wss://feed.test", FEED_KEY, {}, ManualClock(NOW))
    holders = (credentials, credentials.signer, trader, runtime, feed, Secret(PEM), Secret(KEY_ID))
    for holder in holders:
        shown = f"{holder!r} {holder!s} {holder:}"
        assert leaks_in(shown.encode(), MARKS) == [], type(holder).__name__


def test_what_was_read_once_is_taken_out_of_every_later_line():
    redaction.conceal(KEY_ID, PEM, FEED_KEY)
    said = redaction.redact({"said": f"key {KEY_ID} and {FEED_KEY}", "cut": PEM.splitlines()[1]})
    assert leaks_in(json.dumps(said).encode(), MARKS) == []
    assert said["said"] == "key [redacted] and [redacted]"
