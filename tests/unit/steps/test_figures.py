"""Figures as known now: who spoke, how long ago, and exactly the same again from a record."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.errors import DataError, StaleDataError
from kalshi_alpha.markets.macro import load_macro
from kalshi_alpha.markets.releases import load_releases
from kalshi_alpha.pricing.macro_reading import MacroReading
from kalshi_alpha.steps.figures import Figures, SourceAge, figures_for
from kalshi_alpha.venues.macro.figures import Figure, Parsed
from kalshi_alpha.venues.macro.vintages import Vintages
from kalshi_alpha.venues.macro.voices import Listener, note_trouble

SERIES, CALENDAR = load_macro().series, load_releases()
SATURDAY = date(2026, 5, 2)
AHEAD = CALENDAR.of("claims", date(2026, 5, 9))
START = datetime(2026, 5, 7, 13, 0, tzinfo=UTC)  # half an hour after that Thursday's release


class Desk:
    """A shelf, a clock, and a hand that keeps figures."""

    def __init__(self, folder):
        self.shelf, self.clock = FolderStore(folder), ManualClock(START)
        self.vintages = Vintages(self.shelf, self.clock)

    def keep(self, source, series, **told):
        figures = (
            Figure(series, date.fromisoformat(day[1:].replace("_", "-")), value)
            for day, value in told.items()
        )
        text = repr(sorted(told.items())).encode()
        self.vintages.keep(source, text, Parsed(tuple(figures), ()))

    def claims(self):
        return figures_for(self.shelf, self.clock, SERIES["KXJOBLESSCLAIMS"], AHEAD)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def told(weeks, newest="200000"):
    days = (SATURDAY - timedelta(weeks=k) for k in range(weeks))
    return {f"d{day:%Y_%m_%d}": newest if k == 0 else "210000" for k, day in enumerate(days)}


def test_a_history_is_what_was_read_until_now(desk):
    desk.keep("fred-icsa", "claims", **told(3))
    desk.clock.advance(3_600)
    desk.keep("fred-icsa", "claims", **told(3, newest="201000"))
    figures = desk.claims()

    assert figures.reading.series == "claims"
    assert figures.reading.values == (210_000.0, 210_000.0, 201_000.0)
    assert figures.age_s == 0.0
    assert figures.stale_reasons == ()


def test_what_is_read_later_is_not_known_now(desk):
    desk.keep("fred-icsa", "claims", **told(3))
    desk.clock.advance(3_600)
    desk.keep("fred-icsa", "claims", **told(3, newest="201000"))
    desk.clock.step(-1_800)

    assert desk.claims().reading.last == (SATURDAY, 200_000.0)
    assert desk.claims().age_s == 1_800.0


def test_the_age_is_the_sources_own_and_says_when_it_is_too_high(desk):
    desk.keep("fred-icsa", "claims", **told(3))
    desk.clock.advance(50 * 3_600)
    (age,) = desk.claims().sources

    assert (age.name, age.read_at, age.age_s) == ("fred-icsa", START, 180_000.0)
    assert age.stale_reason == "fred-icsa last spoke 50.0 h ago, and 48.0 h are its limit"


def test_trouble_after_the_last_word_is_told_and_a_good_read_makes_it_void(desk):
    desk.keep("fred-icsa", "claims", **told(3))
    desk.clock.advance(60)
    note_trouble(desk.shelf, "fred-icsa", desk.clock.now(), "the mirror answered 503")
    assert desk.claims().stale_reasons == ("the mirror answered 503",)

    desk.clock.advance(60)
    desk.vintages.confirm("fred-icsa")
    assert desk.claims().stale_reasons == ()
    assert desk.claims().age_s == 0.0


def test_a_note_of_trouble_that_cannot_be_read_is_no_good_news(desk):
    desk.keep("fred-icsa", "claims", **told(3))
    desk.shelf.write("macro/fred-icsa/trouble.json", b"{")

    assert desk.claims().stale_reasons == ("the note on fred-icsa cannot be read",)


def test_a_release_that_was_not_read_stops_the_pricing(desk):
    desk.keep("fred-icsa", "claims", **told(3))
    desk.clock.advance(8 * 86_400)
    with pytest.raises(StaleDataError, match="ends with 2026-05-02, and that of 2026-05-09"):
        desk.claims()


def test_of_a_series_nobody_told_nothing_is_known(desk):
    with pytest.raises(DataError, match="none of fred-icsa has told of it yet"):
        desk.claims()
    with pytest.raises(DataError, match="no source is known to speak of tea"):
        Listener(desk.shelf, desk.clock).hear("tea")


def test_the_oldest_source_that_is_needed_gives_the_age(desk):
    index = {f"d2026_{month:02}_01": f"{320 + month}.000" for month in range(1, 4)}
    desk.keep("bls", "cpi-sa", **index)
    desk.clock.advance(7_200)
    survey = (date(2026, 2, 2) + timedelta(weeks=k) for k in range(13))
    desk.keep("fred-gasregw", "eia-regular", **{f"d{day:%Y_%m_%d}": "3.0" for day in survey})
    april = CALENDAR.of("cpi", date(2026, 4, 1))
    figures = figures_for(desk.shelf, desk.clock, SERIES["KXCPI"], april)

    assert [one.name for one in figures.sources] == ["bls", "fred-gasregw"]
    assert figures.age_s == 7_200.0
    assert figures.reading.beside == {"gasoline_change": 0.0, "gasoline_change_before": 0.0}


def test_a_handed_over_history_fills_the_past_and_makes_nothing_fresh(desk):
    desk.keep("aaa", "aaa-regular", d2026_05_06="3.100", d2026_05_07="3.110")
    desk.clock.advance(86_400)
    desk.keep("recorded", "aaa-regular", d2026_05_05="3.090", d2026_05_06="9.999")
    heard = Listener(desk.shelf, desk.clock).hear("aaa-regular")

    assert [row.figure.value for row in heard.rows] == ["3.090", "3.100", "3.110"]
    assert (heard.source, heard.read_at) == ("aaa", START)


def test_a_history_alone_is_no_voice(desk):
    desk.keep("recorded", "aaa-regular", d2026_05_05="3.090")
    with pytest.raises(DataError, match="none of aaa has told of it"):
        Listener(desk.shelf, desk.clock).hear("aaa-regular")


def test_of_two_voices_the_newest_word_counts(desk):
    desk.keep("treasury-xml", "par-yield-10y", d2026_05_05="4.10", d2026_05_06="4.20")
    desk.clock.advance(60)
    desk.keep("treasury-csv", "par-yield-10y", d2026_05_06="4.21")
    heard = Listener(desk.shelf, desk.clock).hear("par-yield-10y")

    assert [row.figure.value for row in heard.rows] == ["4.10", "4.21"]
    assert heard.source == "treasury-csv"


numbers = st.floats(-1e12, 1e12)
instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(
    values=st.lists(numbers, min_size=1, max_size=30),
    beside=st.dictionaries(st.text(max_size=8), numbers, max_size=3),
    as_of=instants,
    age=st.floats(0, 1e9),
)
def test_a_record_gives_back_the_very_same_figures(values, beside, as_of, age):
    history = tuple((date(2020, 1, 1) + timedelta(days=k), v) for k, v in enumerate(values))
    source = SourceAge("bls", as_of - timedelta(microseconds=1), age, "late")
    figures = Figures(MacroReading("cpi-sa", history, as_of, beside), age, (source,))

    assert Figures.from_json(json.loads(json.dumps(figures.to_json()))) == figures


@pytest.mark.parametrize(
    "broken", [{}, {"reading": []}, {"reading": {"series": "a"}}, {"reading": 1}]
)
def test_another_record_is_refused(broken):
    with pytest.raises(DataError, match="cannot be read back"):
        Figures.from_json(broken)
