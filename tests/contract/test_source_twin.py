"""The offices' twin and the step that reads them, over real HTTP on loopback."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import httpx
import pytest

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.errors import ConfigurationError, DataError, InvariantBroken
from kalshi_alpha.markets.macro import load_macro
from kalshi_alpha.markets.releases import load_releases
from kalshi_alpha.rehearsal.recorded_figures import recorded_figures, told
from kalshi_alpha.rehearsal.sources import SourceTwin, hand_over, truth
from kalshi_alpha.steps.figures import figures_for
from kalshi_alpha.steps.sources import Keys, Office, hosts_below, refresh
from kalshi_alpha.venues.macro.client import MacroClient
from kalshi_alpha.venues.macro.vintages import Vintages

SERIES, CALENDAR = load_macro().series, load_releases()


class World:
    def __init__(self, folder, start):
        self.clock, self.shelf = ManualClock(start), FolderStore(folder)
        self.twin = SourceTwin(self.clock)

    def read(self, *families, **more):
        with closing(MacroClient("desk@example.org", self.clock)) as client:
            hosts = hosts_below(self.twin.url)
            office = Office(client, self.shelf, self.clock, hosts, more.pop("keys", Keys()))
            return refresh(families, office, **more)

    def figures(self, ticker, release):
        return figures_for(self.shelf, self.clock, SERIES[ticker], release)


@pytest.fixture
def world(tmp_path):
    opened = []

    def at(*when):
        made = World(tmp_path, datetime(*when, tzinfo=UTC))
        made.twin.start()
        opened.append(made)
        return made

    yield at
    for made in opened:
        made.twin.stop()


def month(year, number):
    return date(year, number, 1)


def test_prices_of_december_are_read_as_of_the_morning_of_their_release(world):
    there = world(2026, 1, 13, 12, 30)
    found = there.read("cpi")
    figures = there.figures("KXCPI", CALENDAR.of("cpi", month(2025, 12)))

    assert found.read == ("bls", "fred-gasregw")
    assert dict(found.stale) == {}
    assert figures.reading.last == (month(2025, 11), 325.031)
    assert month(2025, 10) not in dict(figures.reading.history)
    assert figures.reading.beside["gasoline_change"] == pytest.approx(-5.0861, abs=1e-4)
    assert figures.age_s < 10.0


def test_with_a_key_the_energy_office_itself_is_asked(world):
    there = world(2026, 1, 13, 12, 30)
    found = there.read("cpi", keys=Keys(eia="eia-key-0123456789"))

    assert found.read == ("bls", "eia")
    assert there.figures("KXCPICORE", CALENDAR.of("cpi", month(2025, 12))).reading.beside


def test_claims_of_a_holiday_week_are_read_until_the_week_before(world):
    there = world(2025, 12, 31, 13, 0)
    there.read("claims")
    figures = there.figures("KXJOBLESSCLAIMS", CALENDAR.of("claims", date(2025, 12, 27)))

    assert figures.reading.last == (date(2025, 12, 20), 215_000.0)
    assert len(figures.reading.history) > 130


def test_curves_are_read_year_by_year_once_and_by_the_month_from_then_on(world):
    there = world(2025, 12, 10, 19, 0)
    first = there.read("ten_year")
    there.clock.advance(3_600)
    second = there.read("ten_year")
    figures = there.figures("KXUST10AD", CALENDAR.of("par_yield", date(2025, 12, 10)))

    assert first.read == ("treasury-csv", "treasury-xml")
    assert second.read == ("treasury-xml",)
    assert figures.reading.last == (date(2025, 12, 9), 4.18)
    assert len(figures.reading.history) > 500


def test_on_the_first_days_of_a_month_the_month_of_the_last_curve_is_asked_for(world):
    there = world(2025, 12, 1, 15, 0)
    there.read("ten_year")
    figures = there.figures("KXUST10AD", CALENDAR.of("par_yield", date(2025, 12, 1)))

    assert figures.reading.last[0] == date(2025, 11, 28)


def test_gasoline_is_the_page_of_today_after_a_history_that_was_handed_over(world):
    there = world(2025, 10, 20, 22, 0)
    hand_over(there.shelf, there.clock)
    there.clock.advance(3_600)
    there.read("gas")
    figures = there.figures("KXAAAGASD", CALENDAR.of("aaa", date(2025, 10, 21)))

    assert figures.reading.last == (date(2025, 10, 20), 3.047)
    assert len(figures.reading.history) == (date(2025, 10, 20) - date(2025, 3, 1)).days + 1
    assert [one.name for one in figures.sources] == ["aaa"]


@pytest.mark.parametrize(
    ("ticker", "kind", "period", "value"),
    [
        ("KXCPI", "cpi", month(2025, 12), "0.3"),
        ("KXCPICORE", "cpi", month(2025, 12), "0.2"),
        ("KXCPIYOY", "cpi", month(2025, 12), "2.7"),
        ("KXJOBLESSCLAIMS", "claims", date(2025, 12, 27), "199000"),
        ("KXUST10AD", "par_yield", date(2025, 12, 10), "4.13"),
        ("KXAAAGASD", "aaa", date(2025, 10, 21), "3.066"),
        ("KXAAAGASW", "aaa", date(2025, 10, 25), "3.053"),
    ],
)
def test_what_settles(ticker, kind, period, value):
    assert truth(SERIES[ticker], CALENDAR.of(kind, period)) == Decimal(value)


def test_what_settles_beyond_the_record_is_not_made_up():
    with pytest.raises(DataError, match="aaa-regular is not recorded for 2025-10-26"):
        truth(SERIES["KXAAAGASW"], CALENDAR.of("aaa", date(2025, 10, 26)))


def test_nothing_is_told_before_it_came_out():
    release = CALENDAR.of("cpi", month(2025, 12)).at
    assert max(told("cpi-sa", release - timedelta(seconds=1))) == month(2025, 11)
    assert max(told("cpi-sa", release)) == month(2025, 12)
    assert all(one.known_from.date() >= one.period for one in recorded_figures())


def test_a_source_that_is_down_stays_as_old_as_it_is_and_says_so(world):
    there = world(2025, 12, 10, 15, 0)
    there.read("claims")
    there.twin.faults["fred"] = "down"
    there.clock.advance(20 * 3_600)
    found = there.read("claims")
    release = CALENDAR.of("claims", date(2025, 12, 6))
    (age,) = there.figures("KXJOBLESSCLAIMS", release).sources

    assert found.read == ()
    assert found.troubles == {"fred-icsa": "the mirror answered 503"}
    assert found.to_json()["metrics"]["SourcesStale"] == 1
    assert found.to_json()["metrics"]["OldestSourceHours"] == pytest.approx(20.0, abs=0.01)
    assert age.stale_reason == "the mirror answered 503"
    assert age.age_s == pytest.approx(20 * 3_600, abs=30)


def test_a_source_that_mends_is_fresh_again(world):
    there = world(2025, 12, 10, 15, 0)
    there.read("claims")
    there.twin.faults["fred"] = "page"
    there.clock.advance(3_600)
    assert there.read("claims").stale
    there.twin.faults.clear()
    there.clock.advance(3_600)
    found = there.read("claims")

    assert found.read == ("fred-icsa",)
    assert dict(found.stale) == {}
    assert found.series["claims"] == pytest.approx(0.0, abs=0.01)


def test_another_that_tells_the_same_figure_stands_in(world):
    there = world(2026, 1, 13, 12, 30)
    there.twin.faults["bls"] = "quota"
    found = there.read("cpi")
    figures = there.figures("KXCPI", CALENDAR.of("cpi", month(2025, 12)))

    assert set(found.read) == {"fred-cpiaucsl", "fred-cpiaucns", "fred-cpilfesl", "fred-gasregw"}
    assert found.troubles == {"bls": "the statistics bureau answered 429"}
    assert figures.reading.last == (month(2025, 11), 325.031)
    assert figures.stale_reasons == ()


def test_the_treasurys_table_stands_in_for_its_feed(world):
    there = world(2025, 12, 10, 19, 0)
    there.read("ten_year")
    answer, there.clock._now = there.twin.answer, there.clock.now() + timedelta(hours=2)

    def without_feed(method, target, body):
        return answer(method, target.replace("/pages/xml", "/pages/gone"), body)

    there.twin.answer = without_feed
    found = there.read("ten_year")

    assert found.read == ("treasury-csv",)
    assert found.troubles == {"treasury-xml": "the Treasury answered 404"}
    assert dict(found.stale) == {}


def test_a_source_is_not_asked_again_at_once(world):
    there = world(2025, 12, 10, 15, 0)
    assert there.read("claims").read == ("fred-icsa",)
    there.clock.advance(300)
    assert there.read("claims").read == ()
    assert dict(there.read("claims").stale) == {}
    there.clock.advance(600)
    assert there.read("claims").read == ("fred-icsa",)


def test_an_answer_that_has_not_changed_is_a_read_and_no_vintage(world):
    there = world(2025, 12, 10, 15, 0)
    there.read("claims")
    there.clock.advance(3_600)
    there.read("claims")

    assert len(there.shelf.keys("macro/fred-icsa/reads/")) == 2
    assert len(there.shelf.keys("macro/fred-icsa/raw/")) == 1
    assert Vintages(there.shelf, there.clock).last("fred-icsa").read_at == there.clock.now()


def test_what_nobody_has_read_is_stale_and_named(world):
    there = world(2025, 10, 20, 22, 0)
    there.twin.faults["aaa"] = "down"
    found = there.read("gas")

    assert found.series == {"aaa-regular": None}
    assert "none of aaa has told of it yet" in found.stale["aaa-regular"]
    assert found.to_json()["metrics"] == {
        "SourcesRead": 0,
        "SourcesStale": 1,
        "OldestSourceHours": 0.0,
    }


def test_a_family_without_sources_is_refused(world):
    with pytest.raises(ConfigurationError, match="'tea' has no sources"):
        world(2025, 10, 20, 22, 0).read("tea")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/weather/", 404),
        ("/bls/publicAPI/v2/timeseries/data/", 404),  # a read of it is a post
        ("/fred/graph/fredgraph.csv?id=GDP", 404),
        ("/fred/other", 404),
        ("/eia/v2/petroleum/pri/gnd/data/", 403),
        ("/eia/v2/seriesid", 404),
        ("/aaa/state", 404),
        ("/treasury/elsewhere", 404),
    ],
)
def test_the_twin_answers_no_where_the_offices_do(world, target, status):
    there = world(2025, 10, 20, 22, 0)
    assert httpx.get(there.twin.url + target, trust_env=False).status_code == status


def test_a_body_that_is_no_request_fails_inside_200(world):
    there = world(2025, 10, 20, 22, 0)
    address = there.twin.url + "/bls/publicAPI/v2/timeseries/data/"
    for body in (b"{", b"[]", b'{"seriesid": []}'):
        answer = httpx.post(address, content=body, trust_env=False)
        assert (answer.status_code, answer.json()["status"]) == (200, "REQUEST_NOT_PROCESSED")


def test_a_month_that_was_never_collected_is_marked_and_not_left_out(world):
    there = world(2026, 1, 13, 12, 30)
    body = {"seriesid": ["CUUR0000SA0"], "startyear": "2025", "endyear": "2026"}
    path = "/bls/publicAPI/v2/timeseries/data/"
    answer = httpx.post(there.twin.url + path, json=body, trust_env=False).json()
    (series,) = answer["Results"]["series"]
    october = next(row for row in series["data"] if row["period"] == "M10")

    assert [row["period"] for row in series["data"][:3]] == ["M11", "M10", "M09"]
    assert (october["value"], october["footnotes"][0]["code"]) == ("-", "X")
    assert series["data"][0]["latest"] == "true"


def test_a_twin_that_does_not_serve_has_no_address():
    twin = SourceTwin(ManualClock(datetime(2025, 10, 20, tzinfo=UTC)))
    with pytest.raises(InvariantBroken, match="before it is started"):
        twin.url  # noqa: B018
    with twin:
        assert twin.url.startswith("http://127.0.0.1:")
    twin.stop()
