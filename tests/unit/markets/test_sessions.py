"""The shipped sessions, against what is known of the calendar, and the overrides that win."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path

import pytest

from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.sessions import TABLE, Session, load_sessions, parse_sessions

CLOSED = {
    2025: "01-01 01-09 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25",
    2026: "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25",
    2027: "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24",
    2028: "01-17 02-21 04-14 05-29 06-19 07-04 09-04 11-23 12-25",
}
HALF = {2025: "07-03 11-28 12-24", 2026: "11-27 12-24", 2027: "11-26", 2028: "07-03 11-24"}
COUNT = {2025: 250, 2026: 251, 2027: 251, 2028: 251}

SMALL = json.dumps(
    {
        "schema": 1,
        "first": "2026-11-25",
        "last": "2026-11-30",
        "closures": {"2026-11-26": "Thanksgiving"},
        "sessions": [
            ["2026-11-25", "14:30", "21:00"],
            ["2026-11-27", "14:30", "18:00"],
            ["2026-11-30", "14:30", "21:00"],
        ],
    }
)


def shipped() -> str:
    return resources.files("kalshi_alpha.markets").joinpath(TABLE).read_text("utf-8")


def days_of(year: int) -> list[date]:
    first, following = date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal()
    return [date.fromordinal(n) for n in range(first, following)]


@pytest.mark.parametrize("year", [2025, 2026, 2027, 2028])
def test_closures_half_days_and_counts_are_those_of_the_calendar(year: int) -> None:
    sessions = load_sessions()
    found = [s for day in days_of(year) if (s := sessions.on(day)) is not None]
    closed = [d for d in days_of(year) if d.weekday() < 5 and sessions.on(d) is None]

    assert [f"{d:%m-%d}" for d in closed] == CLOSED[year].split()
    assert [f"{s.day:%m-%d}" for s in found if s.early] == HALF[year].split()
    assert len(found) == COUNT[year]


@pytest.mark.parametrize(
    ("year", "count", "half"),
    [
        (2019, 252, "07-03 11-29 12-24"),
        (2020, 253, "11-27 12-24"),
        (2021, 252, "11-26"),
        (2022, 251, "11-25"),
        (2023, 250, "07-03 11-24"),
        (2024, 252, "07-03 11-29 12-24"),
    ],
)
def test_years_of_recorded_data_are_in_the_table(year: int, count: int, half: str) -> None:
    found = [s for day in days_of(year) if (s := load_sessions().on(day)) is not None]

    assert len(found) == count
    assert [f"{s.day:%m-%d}" for s in found if s.early] == half.split()


@pytest.mark.parametrize(
    ("day", "opens", "closes", "minutes", "early"),
    [
        ("2025-03-07", "14:30", "21:00", 390, False),  # before both changes of the clock ...
        ("2025-03-10", "13:30", "20:00", 390, False),  # ... and after
        ("2025-10-31", "13:30", "20:00", 390, False),
        ("2025-11-03", "14:30", "21:00", 390, False),
        ("2025-07-03", "13:30", "17:00", 210, True),  # half days in summer and winter
        ("2026-11-27", "14:30", "18:00", 210, True),
    ],
)
def test_a_session_is_in_utc_whatever_the_clocks_do(
    day: str, opens: str, closes: str, minutes: int, early: bool
) -> None:
    session = load_sessions().on(date.fromisoformat(day))

    assert session is not None
    assert (f"{session.open:%H:%M}", f"{session.close:%H:%M}") == (opens, closes)
    assert session.open.tzinfo is UTC
    assert (session.minutes, session.early) == (minutes, early)


@pytest.mark.parametrize(
    ("day", "sentence"),
    [
        (
            "2026-11-26",
            (
                "Thursday 2026-11-26 has no session: the exchange is closed for Thanksgiving. "
                "The next session is Friday 2026-11-27, 09:30 to 13:00 New York time, a half day."
            ),
        ),
        (
            "2026-11-28",
            (
                "Saturday 2026-11-28 has no session: the exchange is closed for the weekend. "
                "The next session is Monday 2026-11-30, 09:30 to 16:00 New York time."
            ),
        ),
        (
            "2025-01-09",
            (
                "Thursday 2025-01-09 has no session: the exchange is closed for the day of "
                "mourning for President Carter. The next session is Friday 2025-01-10, 09:30 to "
                "16:00 New York time."
            ),
        ),
        (
            "2028-12-30",
            (
                "Saturday 2028-12-30 has no session: the exchange is closed for the weekend. "
                "The session table ends on 2028-12-31."
            ),
        ),
        (
            "2029-01-02",
            (
                "Tuesday 2029-01-02 is outside the session table, which covers 2019-01-01 to "
                "2028-12-31: run python -m kalshi_alpha.research.sessions with a later end"
            ),
        ),
        ("2025-11-04", ""),
    ],
)
def test_why_a_day_is_closed_is_a_sentence_with_the_next_session(day: str, sentence: str) -> None:
    assert load_sessions().why_closed(date.fromisoformat(day)) == sentence


def test_the_next_session_skips_closed_days_and_ends_with_the_table() -> None:
    sessions = load_sessions()

    before = sessions.next_after(date(2015, 1, 1))
    thanksgiving = sessions.next_after(date(2026, 11, 25))

    assert before is not None
    assert before.day == date(2019, 1, 2)
    assert thanksgiving is not None
    assert thanksgiving.day == date(2026, 11, 27)
    assert sessions.next_after(date(2028, 12, 29)) is None


def test_an_override_closes_shortens_and_opens_days() -> None:
    sessions = parse_sessions(
        SMALL,
        """
        ["2026-11-25"]
        closed = true
        reason = "a day of mourning"
        ["2026-11-30"]
        close = 13:00:00
        reason = "half day"
        ["2026-11-26"]
        open = 10:00:00
        close = 12:00:00
        reason = "a special session"
        """,
    )

    assert sessions.on(date(2026, 11, 25)) is None
    assert "for a day of mourning" in sessions.why_closed(date(2026, 11, 25))
    short, special = sessions.on(date(2026, 11, 30)), sessions.on(date(2026, 11, 26))
    assert short is not None
    assert special is not None
    assert short.close == datetime(2026, 11, 30, 18, 0, tzinfo=UTC)
    assert (special.open.hour, special.close.hour) == (15, 17)
    assert sessions.why_closed(date(2026, 11, 26)) == ""


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("not toml", "not TOML"),
        ('["tomorrow"]\nclosed = true\nreason = "r"', "is not a date"),
        ('["2026-11-27"]\nclosed = true', "with a reason"),
        ('["2026-11-27"]\nclosed = true\nreason = "r"\nwhy = 1', "with a reason"),
        ('["2026-11-27"]\nclosed = false\nreason = "r"', "must say either"),
        ('["2026-11-27"]\nclosed = true\nclose = 13:00:00\nreason = "r"', "must say either"),
        ('["2026-11-27"]\nclose = "13:00"\nreason = "r"', "must say either"),
        ('["2026-11-27"]\nclose = 09:00:00\nreason = "r"', "ends before it begins"),
        ('["2030-01-01"]\nclosed = true\nreason = "r"', "outside 2026-11-25 to 2026-11-30"),
        ('"2026-11-27" = "closed"', "with a reason"),
    ],
)
def test_a_malformed_override_is_refused(overrides: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse_sessions(SMALL, overrides)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"schema": 2}, "has the schema 2"),
        ({"sessions": [["2026-11-27", "14:30"]]}, "cannot be read"),
        ({"sessions": []}, "not in order"),
        ({"first": "2026-11-26"}, "not in order"),
        ({"sessions": [["2026-11-27", "18:00", "14:30"]]}, "ends before it begins"),
        (
            {"sessions": [["2026-11-27", "14:30", "18:00"], ["2026-11-25", "14:30", "21:00"]]},
            "not in order",
        ),
    ],
)
def test_a_broken_table_is_refused(broken: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse_sessions(json.dumps({**json.loads(SMALL), **broken}))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        parse_sessions("[]")


# The calendar package calls a pandas property that pandas is about to change.
quiet_library = pytest.mark.filterwarnings("ignore:Series.values:DeprecationWarning")


@quiet_library
def test_generating_the_table_anew_gives_the_shipped_one() -> None:
    from kalshi_alpha.research import sessions as generator

    made, kept = generator.table(), json.loads(shipped())

    for part in ("schema", "first", "last", "closures", "sessions"):
        assert made[part] == kept[part]
    assert kept["provenance"]["generated_by"] == "python -m kalshi_alpha.research.sessions"
    assert kept["provenance"]["calendar"] == "XNYS"
    assert kept["provenance"]["library"].startswith("exchange_calendars ")
    assert generator.render(kept) == shipped()


@quiet_library
def test_the_generator_writes_a_table_that_can_be_read(tmp_path: Path) -> None:
    from kalshi_alpha.research import sessions as generator

    target = tmp_path / "sessions.json"

    assert generator.main(target) == 0
    assert parse_sessions(target.read_text("utf-8")).on(date(2026, 11, 27)) == Session(
        date(2026, 11, 27),
        datetime(2026, 11, 27, 14, 30, tzinfo=UTC),
        datetime(2026, 11, 27, 18, 0, tzinfo=UTC),
    )


def test_a_session_table_that_is_no_table_is_refused_in_a_short_sentence():
    for table in ("[" * 3000, "[]", '{"schema": 1, "first": "' + "9" * 5000 + '"}'):
        with pytest.raises(ConfigurationError, match="cannot be read") as caught:
            parse_sessions(table)
        assert len(str(caught.value)) < 400
