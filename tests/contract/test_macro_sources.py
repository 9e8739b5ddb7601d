"""The macro sources over real HTTP on loopback: politeness, back-off, vintages, and staleness."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.errors import (
    ConfigurationError,
    DataError,
    VenueRejected,
    VenueThrottled,
    VenueUnavailable,
)
from kalshi_alpha.venues.macro import client as client_module
from kalshi_alpha.venues.macro import sources
from kalshi_alpha.venues.macro.client import Ask, MacroClient
from kalshi_alpha.venues.macro.vintages import Vintages
from tests import macro_payloads as made
from tests.macro_payloads import as_json

NOON = datetime(2026, 1, 20, 17, 0, tzinfo=UTC)
KEY = "macro-key-0123456789"


class Office:
    """A host that answers by script: (status, headers, body) in turn, the last one for ever."""

    def __init__(self, *script):
        self.script, self.heard = list(script), []

    def answer(self, request):
        self.heard.append(request)
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


@contextmanager
def hosted(office):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self._serve(b"")

        def do_POST(self):
            self._serve(self.rfile.read(int(self.headers["Content-Length"])))

        def _serve(self, body):
            asked = (self.command, self.path, dict(self.headers), body)
            status, headers, answer = office.answer(asked)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class World:
    def __init__(self, folder, base):
        self.clock = ManualClock(NOON)
        self.client = MacroClient("desk@example.org", self.clock)
        self.vintages = Vintages(FolderStore(folder), self.clock)
        self.hosts = dict.fromkeys(sources.HOSTS, base)

    def read(self, source):
        return sources.read(source, self.client, self.vintages, self.clock)


@pytest.fixture
def world(tmp_path):
    made_worlds = []

    @contextmanager
    def enter(*script):
        office = Office(*script)
        with hosted(office) as base:
            made_worlds.append(World(tmp_path, base))
            yield made_worlds[-1], office

    yield enter
    for one in made_worlds:
        one.client.close()


def ok(body, **headers):
    return 200, headers, body


ALL = {
    "bls": (lambda hosts: sources.bls_cpi(2025, 2026, KEY, hosts), as_json(made.BLS), 12),
    "mirror": (
        lambda hosts: sources.fred_csv("ICSA", date(2026, 1, 1), hosts),
        made.FRED_CSV,
        2,
    ),
    "mirror-api": (
        lambda hosts: sources.fred_json(
            "ICSA", KEY, (date(2026, 1, 1), date(2026, 1, 20)), hosts=hosts
        ),
        as_json(made.FRED_JSON),
        1,
    ),
    "feed": (
        lambda hosts: sources.treasury_xml(date(2026, 1, 1), hosts),
        made.TREASURY_XML,
        2,
    ),
    "table": (lambda hosts: sources.treasury_csv(2026, hosts), made.TREASURY_CSV, 2),
    "aaa": (sources.aaa_page, made.AAA, 2),
    "survey": (lambda hosts: sources.eia_weekly(KEY, 3, hosts), as_json(made.EIA), 2),
    "nowcast": (lambda hosts: sources.fed_nowcast("month", hosts), as_json(made.NOWCAST), 7),
}


@pytest.mark.parametrize("name", ALL)
def test_every_source_is_read_over_http_and_kept(world, name):
    make, body, count = ALL[name]
    with world(ok(body)) as (here, office):
        held = here.read(make(here.hosts))
        source = make(here.hosts).name

        assert len(held.figures) == count
        assert (held.stale, held.trouble, held.age) == (False, "", timedelta(0))
        assert "desk@example.org" in office.heard[0][2]["User-Agent"]
        rows = here.vintages.rows(source)
        assert [row.figure for row in rows] == list(held.figures)
        assert {row.first_read_at for row in rows} == {NOON}


def test_state_claims_need_every_jurisdiction(world):
    with (
        world(ok(made.DOL[: made.DOL.index(b"NY,1/24")])) as (here, _),
        pytest.raises(DataError, match="2 of 53 jurisdictions"),
    ):
        here.read(sources.dol_claims(here.hosts))


def test_brackets_and_the_key_survive_the_address(world):
    with world(ok(as_json(made.EIA))) as (here, office):
        here.read(sources.eia_weekly(KEY, 3, here.hosts))

        query = parse_qs(urlsplit(office.heard[0][1]).query)
        assert query["facets[series][]"] == ["EMM_EPMR_PTE_NUS_DPG"]
        assert query["sort[0][direction]"] == ["desc"]
        assert query["api_key"] == [KEY]
        assert query["length"] == ["3"]


def test_the_statistics_bureau_is_asked_by_post_and_the_nowcast_like_a_browser(world):
    with world(ok(as_json(made.BLS)), ok(as_json(made.NOWCAST))) as (here, office):
        here.read(sources.bls_cpi(2025, 2026, KEY, here.hosts))
        here.read(sources.fed_nowcast("month", here.hosts))

        (posted, *_, body), (_, _, headers, _) = office.heard
        assert posted == "POST"
        assert KEY.encode() in body
        assert headers["User-Agent"].startswith("Mozilla/5.0")


def test_no_key_in_errors_or_logs(world, caplog):
    caplog.set_level(logging.DEBUG, logger="kalshi_alpha")
    logging.getLogger("httpx").setLevel(logging.INFO)
    with (
        world((403, {}, KEY.encode())) as (here, _),
        pytest.raises(VenueRejected) as refused,
    ):
        here.read(sources.eia_weekly(KEY, 3, here.hosts))

    assert str(refused.value) == "the energy office answered 403"
    assert KEY not in caplog.text


def test_a_busy_host_is_asked_again_after_the_pause_it_names(world):
    with world((429, {"Retry-After": "7"}, b""), ok(made.FRED_CSV)) as (here, office):
        held = here.read(sources.fred_csv("ICSA", date(2026, 1, 1), here.hosts))

        assert not held.stale
        assert len(office.heard) == 2
        assert here.clock.monotonic() == 7.0


def test_pauses_double_and_end(world):
    with (
        world((503, {}, b"")) as (here, office),
        pytest.raises(VenueUnavailable, match="answered 503"),
    ):
        here.read(sources.aaa_page(here.hosts))

    assert len(office.heard) == 4
    assert here.clock.monotonic() == 1.0 + 2.0 + 4.0


def test_a_host_that_stays_busy_throttles(world):
    with (
        world((429, {"Retry-After": "86400"}, b"")) as (here, _),
        pytest.raises(VenueThrottled),
    ):
        here.read(sources.aaa_page(here.hosts))

    assert here.clock.monotonic() == 180.0  # a minute at most each time


def test_two_requests_to_one_host_lie_a_second_apart(world):
    with world(ok(made.AAA)) as (here, _):
        here.read(sources.aaa_page(here.hosts))
        here.read(sources.aaa_page(here.hosts))

        assert here.clock.monotonic() == 1.0


def test_a_redirect_is_not_followed(world):
    with (
        world((302, {"Location": "http://127.0.0.1:9/"}, b"")) as (here, office),
        pytest.raises(VenueRejected, match="answered 302"),
    ):
        here.read(sources.aaa_page(here.hosts))

    assert len(office.heard) == 1


def test_an_answer_without_end_is_not_read(world, monkeypatch):
    monkeypatch.setattr(client_module, "_LARGEST", 1_000)
    with (
        world(ok(b"x" * 2_000)) as (here, _),
        pytest.raises(DataError, match="more than 1000 bytes"),
    ):
        here.read(sources.aaa_page(here.hosts))


def test_a_host_that_is_not_there_is_unavailable(tmp_path):
    here = World(tmp_path, "http://127.0.0.1:1")
    with pytest.raises(VenueUnavailable, match="AAA did not answer: ConnectError"):
        here.read(sources.aaa_page(here.hosts))
    here.client.close()


def test_what_has_not_changed_is_confirmed_and_makes_no_vintage(world):
    script = ok(made.AAA, ETag='"a1"'), (304, {}, b"")
    with world(*script) as (here, office):
        source = sources.aaa_page(here.hosts)
        here.read(source)
        here.clock.advance(3_600)
        held = here.read(source)

        assert office.heard[1][2]["If-None-Match"] == '"a1"'
        assert (held.age, held.stale) == (timedelta(0), False)
        assert {row.first_read_at for row in here.vintages.rows("aaa")} == {NOON}


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ((500, {}, b""), "answered 500"),
        ((404, {}, b""), "answered 404"),
        (ok(b"<html>maintenance</html>"), "names 0 days"),
    ],
)
def test_a_source_that_fails_is_replaced_by_what_is_held_with_its_real_age(world, failure, said):
    with world(ok(made.AAA), failure) as (here, _):
        source = sources.aaa_page(here.hosts)
        first = here.read(source)
        here.clock.advance(5 * 3_600)
        second = here.read(source)
        here.clock.advance(5 * 3_600)
        third = here.read(source)

        assert second.figures == third.figures == first.figures
        assert second.stale
        assert third.stale
        assert said in third.trouble
        assert second.read_at == third.read_at == first.read_at
        # Its pauses count: seven seconds each time when it is asked again.
        assert third.age == here.clock.now() - NOON >= timedelta(hours=10)


def test_a_quota_inside_http_200_falls_back_too(world):
    spent = made.BLS | {"status": "REQUEST_NOT_PROCESSED", "message": ["daily threshold reached"]}
    with world(ok(as_json(made.BLS)), ok(as_json(spent))) as (here, _):
        source = sources.bls_cpi(2025, 2026, KEY, here.hosts)
        here.read(source)
        here.clock.advance(60)
        held = here.read(source)

        assert held.stale
        assert held.age == timedelta(seconds=60)
        assert "quota" in held.trouble


def test_an_answer_that_cannot_be_read_is_kept_for_a_person(world, tmp_path):
    with world(ok(b"<html>no</html>")) as (here, _):
        with pytest.raises(DataError):
            here.read(sources.aaa_page(here.hosts))

        (kept,) = FolderStore(tmp_path).keys("macro/aaa/refused/")
        assert FolderStore(tmp_path).read(kept) == b"<html>no</html>"


@pytest.mark.parametrize("contact", ["", "nobody", "a@b\r\nX: y"])
def test_a_client_without_a_contact_is_refused(contact):
    with pytest.raises(ConfigurationError, match="contact"):
        MacroClient(contact, ManualClock(NOON))


def test_an_unasked_304_is_no_answer(world):
    with world((304, {}, b"")) as (here, _), pytest.raises(VenueRejected, match="304"):
        here.client.fetch(Ask("AAA", here.hosts["aaa"] + "/"))
