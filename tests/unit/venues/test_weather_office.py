"""Asking the offices on made wires, and the archive that keeps every issue of a report."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.errors import DataError, VenueThrottled
from kalshi_alpha.venues.macro.client import MacroClient
from kalshi_alpha.venues.weather.archive import ReportArchive
from kalshi_alpha.venues.weather.office import Issue, WeatherOffice
from tests import weather_payloads as made
from tests.weather_payloads import CHI, DAY, MIA, NYC, changed, text

NOW = datetime(2026, 7, 9, 21, 0, tzinfo=UTC)
ISSUE = Issue("0a1b2c3d-4e5f", NOW)
HOSTS = {"weather": "https://weather.example", "timeline": "https://timeline.example"}


@pytest.fixture
def office():
    """Return an office that answers what a test lays down, and what it was asked."""

    class Laid:
        def __init__(self) -> None:
            self.asked: list[httpx.URL] = []
            self.answer = httpx.Response(200, json={})
            clock = ManualClock(NOW)
            client = MacroClient("desk@example.com", clock, httpx.MockTransport(self._reply))
            self.office = WeatherOffice(client, clock, HOSTS)

        def _reply(self, request: httpx.Request) -> httpx.Response:
            self.asked.append(request.url)
            return self.answer

        def says(self, payload: bytes, status: int = 200) -> WeatherOffice:
            self.answer = httpx.Response(status, content=payload)
            return self.office

    return Laid()


def listed(*rows):
    return json.dumps({"@graph": list(rows)}).encode()


def product(payload):
    return json.dumps({"productText": payload.decode()}).encode()


def test_the_issues_of_a_report_come_oldest_first(office):
    later, earlier = (
        {"id": f"aaaa000{k}", "issuanceTime": f"2026-07-09T0{k}:00:00+00:00"} for k in (8, 6)
    )
    found = office.says(listed(later, earlier, "no row")).issues("CLI", NYC)

    assert [one.id for one in found] == ["aaaa0006", "aaaa0008"]
    assert str(office.asked[0]) == "https://weather.example/products/types/CLI/locations/NYC"


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"{}", "no list of CLI for NYC"),
        (b"[1]", "without an object"),
        (b"<html>", "a page instead of JSON"),
        (listed({"id": "../etc", "issuanceTime": "2026-07-09T06:00:00Z"}), "without a name"),
        (listed({"id": "aaaa0006", "issuanceTime": "today"}), "aaaa0006 without a time"),
    ],
)
def test_an_answer_that_is_no_list_is_refused(office, payload, said):
    with pytest.raises(DataError, match=said):
        office.says(payload).issues("CLI", NYC)


def test_a_report_comes_with_its_text_and_the_time_it_was_read(office):
    found = office.says(product(text("nyc_final"))).report(ISSUE, NYC)

    assert (found.read.maximum, found.at) == (85, NOW)
    assert found.payload == text("nyc_final")
    assert office.asked[0].path == "/products/0a1b2c3d-4e5f"


def test_an_issue_without_text_is_refused_and_so_is_another_stations(office):
    with pytest.raises(DataError, match="no text for the issue 0a1b2c3d"):
        office.says(b'{"productText": " "}').report(ISSUE, NYC)
    with pytest.raises(DataError, match="CLIMIA is of another station"):
        office.says(product(text("mia_final"))).report(ISSUE, NYC)


def test_a_table_is_read_on_the_stations_own_day(office):
    found = office.says(product(made.TABLE.encode())).table(ISSUE, NYC)
    assert len(found.read.figures) == 3


def test_observations_of_a_span_are_asked_for_in_utc(office):
    payload = made.observations(made.feature(NOW - timedelta(hours=1), 27.8))
    found = office.says(payload).observations(NYC, DAY.start, NOW)

    assert found.read.observations[0].low == 82
    assert office.asked[0].path == "/stations/KNYC/observations"
    assert office.asked[0].params["start"] == "2026-07-09T05:00:00Z"


def test_a_forecast_is_asked_of_a_grid_and_of_nothing_else(office):
    payload = made.hourly_forecast(DAY.start, range(70, 94))
    found = office.says(payload).forecast(NYC, "OKX/33,37", DAY)

    assert found.read.high == 93.0
    assert office.asked[0].path == "/gridpoints/OKX/33,37/forecast/hourly"
    with pytest.raises(DataError, match="is none: give an office and two numbers"):
        office.office.forecast(NYC, "../points", DAY)


PLACE = json.dumps({"geometry": {"type": "Point", "coordinates": [-73.96925, 40.779]}}).encode()
POINT = json.dumps({"properties": {"gridId": "OKX", "gridX": 34, "gridY": 38}}).encode()


def test_a_stations_grid_is_asked_of_the_place_where_it_stands(office):
    answers = iter([PLACE, POINT])
    office._reply = lambda request: (
        office.asked.append(request.url) or httpx.Response(200, content=next(answers))
    )
    clock = ManualClock(NOW)
    client = MacroClient("desk@example.com", clock, httpx.MockTransport(office._reply))
    found = WeatherOffice(client, clock, HOSTS).grid(NYC)

    assert found.read == "OKX/34,38"
    assert found.payload == POINT
    # Four places at most, and no zero at the end: else the office sends whoever asks elsewhere.
    assert [url.path for url in office.asked] == ["/stations/KNYC", "/points/40.779,-73.9693"]


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"{}", "has no place for KNYC"),
        (b'{"geometry": {"coordinates": [1.0]}}', "has no place for KNYC"),
        (b'{"geometry": {"coordinates": ["east", 40.0]}}', "has no place for KNYC"),
        (b'{"geometry": {"coordinates": [-73.9, 140.0]}}', "which is nowhere"),
        (b'{"geometry": {"coordinates": [-73.9, 40.7]}}', "has no grid for KNYC: 'None/None,None'"),
        (b"[]", "answered without an object"),
        (b"<html>", "a page instead of JSON"),
    ],
)
def test_a_place_or_a_grid_of_no_use_is_refused(office, payload, why):
    with pytest.raises(DataError, match=why):
        office.says(payload).grid(NYC)


def test_the_timeline_is_asked_for_one_pinned_station(office):
    day = CHI.day(date(2026, 7, 9))
    rows = [made.minute(day.start + timedelta(minutes=5 * k), 70.0 + k) for k in range(9)]
    found = office.says(made.timeline(*rows)).timeline(CHI, day, "secret-key")

    assert len(found.read.rows) == 9
    assert "/timeline/stn:KMDW/2026-07-09/2026-07-10" in office.asked[0].path
    assert office.asked[0].params["maxDistance"] == "0"


def test_a_spent_plan_is_a_throttle_and_its_sentence_holds_no_key(office):
    day = CHI.day(date(2026, 7, 9))
    with pytest.raises(VenueThrottled) as refused:
        office.says(b"{}", status=429).timeline(CHI, day, "secret-key")
    assert "secret-key" not in str(refused.value)
    assert len(office.asked) == 4


@pytest.fixture
def archive(tmp_path):
    return ReportArchive(FolderStore(tmp_path))


def test_a_preliminary_report_never_hides_a_final_one(archive):
    afternoon = changed("nyc_intermediate", ("FOR JULY 9 2026...", "FOR JULY 8 2026..."))
    with pytest.raises(DataError, match="one of the clocks is wrong"):
        archive.keep(changed("nyc_intermediate", ("KOKX 092035", "KOKX 080235")), NYC, NOW)
    archive.keep(text("nyc_final"), NYC, NOW)
    archive.keep(afternoon, NYC, NOW)
    archive.keep(text("nyc_final"), NYC, NOW + timedelta(hours=1))
    found = archive.settlement(NYC, date(2026, 7, 8), NOW)

    assert found.maximum == 85
    assert found.counts == {"preliminary": 1}
    assert len(archive.reports(NYC, date(2026, 7, 8), NOW)) == 2


def test_a_report_is_known_from_its_first_reading(archive):
    archive.keep(text("nyc_final"), NYC, NOW)
    before = archive.settlement(NYC, date(2026, 7, 8), NOW - timedelta(seconds=1))
    assert before.maximum is None
    assert archive.settlement(NYC, date(2026, 7, 8), NOW).maximum == 85
    assert archive.settlement(MIA, date(2026, 7, 8), NOW).maximum is None


def test_a_correction_is_kept_beside_what_it_corrects(archive):
    corrected = changed(
        "nyc_final",
        ("KOKX 090626", "KOKX 090741 CCA"),
        ("226 AM EDT", "341 AM EDT"),
        ("MAXIMUM         85 ", "MAXIMUM         86 "),
    )
    archive.keep(corrected, NYC, NOW)
    archive.keep(text("nyc_final"), NYC, NOW)
    found = archive.settlement(NYC, date(2026, 7, 8), NOW)

    assert found.maximum == 85
    assert found.counts == {"differs": 1}
    assert found.disputed


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: data[:-9], "cannot be read"),
        (lambda data: data.replace(b"MAXIMUM         85", b"MAXIMUM         95"), "what was writ"),
        (lambda data: data.replace(b"2026-07-09T21", b"yesterday at 21"), "cannot be read"),
    ],
)
def test_a_kept_report_that_was_changed_is_refused(archive, tmp_path, spoil, said):
    archive.keep(text("nyc_final"), NYC, NOW)
    (file,) = [path for path in tmp_path.rglob("*.json") if path.is_file()]
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(DataError, match=said):
        archive.reports(NYC, date(2026, 7, 8), NOW)
