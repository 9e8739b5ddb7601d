"""``kalshi-alpha macro`` as a person types it."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, date, datetime

import pytest

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.markets.traded import trade
from kalshi_alpha.rehearsal.recorded_figures import told
from kalshi_alpha.rehearsal.sources import SourceTwin, hand_over
from kalshi_alpha.steps.sources import Office, hosts_below, refresh
from kalshi_alpha.venues.macro.client import MacroClient

EVE = datetime(2025, 10, 20, 22, tzinfo=UTC)
TIMES = {
    "gas": EVE,
    "ten_year": datetime(2025, 12, 10, 19, tzinfo=UTC),
    "claims": datetime(2025, 12, 31, 13, tzinfo=UTC),
    "cpi": datetime(2026, 1, 13, 12, 30, tzinfo=UTC),
}


@pytest.fixture(autouse=True)
def _macro_off_again():
    yield
    trade()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The figures as read on the mornings of four releases."""
    folder = tmp_path_factory.mktemp("figures")
    shelf = FolderStore(folder)
    for family, at in TIMES.items():
        clock = ManualClock(at)
        if family == "gas":
            hand_over(shelf, clock)
        with SourceTwin(clock) as twin, closing(MacroClient("desk@example.org", clock)) as client:
            refresh([family], Office(client, shelf, clock, hosts_below(twin.url)))
    return folder


def shown(run, store, ticker, at, *words):
    said = run("macro", "show", ticker, "--store", store, "--at", at, "--json", *words)
    assert said.code == 0, said.err
    return json.loads(said.out)


@pytest.mark.parametrize(
    ("ticker", "at", "period", "last", "middle"),
    [
        ("KXCPI", "2026-01-13T08:00", "2025-12-01", "325.031 of 2025-11-01", "0.1"),
        ("KXCPIYOY", "2026-01-13T08:00", "2025-12-01", "324.122 of 2025-11-01", "2.7"),
        ("KXJOBLESSCLAIMS", "2025-12-31T08:20", "2025-12-27", "215000 of 2025-12-20", "218000"),
        ("KXUST10AD", "2025-12-10T15:00", "2025-12-10", "4.18 of 2025-12-09", "4.18"),
        ("KXAAAGASD", "2025-10-20T23:30", "2025-10-21", "3.047 of 2025-10-20", "3.055"),
    ],
)
def test_what_is_known_of_a_figure_and_its_law(run, store, ticker, at, period, last, middle):
    found = shown(run, store, ticker, at)

    assert (found["period"], found["known"]["last"]) == (period, last)
    assert found["law"]["50% are at most"] == middle
    more = [row[1] for row in found["ladder"]]
    assert len(more) == 11
    assert more == sorted(more, reverse=True)
    assert all(least >= over for _, over, least in found["ladder"])


def test_a_period_further_off_is_wider(run, store):
    week = shown(run, store, "KXAAAGASW", "2025-10-20T23:30", "--period", "2025-10-27")
    day = shown(run, store, "KXAAAGASD", "2025-10-20T23:30")
    wide, narrow = (
        float(one["law"]["95% are at most"]) - float(one["law"]["5% are at most"])
        for one in (week, day)
    )

    assert wide > 3 * narrow


def test_a_person_is_shown_tables(run, store):
    said = run("macro", "show", "KXCPI", "--store", store, "--at", "2026-01-13T08:00")

    assert said.code == 0
    assert "0.5 h old." in said.out
    assert "more than" in said.out


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("KXTEA", "--at", "2026-01-13T08:00"), 2, "no series 'KXTEA' of figures"),
        (("KXCPI", "--at", "2026-01-13T12:00"), 4, "ends with 2025-11-01"),
        (("KXCPI", "--at", "2026-01-01T08:00"), 4, "none of bls"),
        (("KXCPI", "--at", "2026-01-13T08:00", "--period", "2025-10-01"), 4, "never is a cpi"),
    ],
)
def test_what_cannot_be_shown_is_said(run, store, words, code, sentence):
    said = run("macro", "show", *words, "--store", store)

    assert said.code == code
    assert sentence in " ".join(said.err.split())


def test_reading_the_offices_once(run, tmp_path):
    with SourceTwin(ManualClock(EVE)) as twin:
        words = ("--store", tmp_path / "figures", "--contact", "desk@example.org")
        said = run(
            "macro", "refresh", *words, "--sources-url", twin.url, "--family", "gas", "claims",
            "--json",
        )  # fmt: skip
    found = json.loads(said.out)

    assert said.code == 0
    assert found["read"] == ["aaa", "fred-icsa"]
    assert found["metrics"]["SourcesStale"] == 0
    assert (tmp_path / "figures/macro/aaa/reads").is_dir()


def test_without_a_contact_the_offices_are_not_asked(run, tmp_path):
    said = run("macro", "refresh", "--store", tmp_path, "--contact", "nobody", "--family", "gas")

    assert said.code == 2
    assert "e-mail address" in said.err


def test_a_history_is_handed_over_and_a_wrong_one_is_not(run, tmp_path):
    file = tmp_path / "aaa.csv"
    rows = [f"{day},{value}" for day, value in told("aaa-regular", EVE).items()]
    file.write_text("\n".join(["period,value", *rows, "2099-01-01,3.1"]))
    said = run("macro", "hand-over", file, "--store", tmp_path / "figures", "--json")
    kept = json.loads(said.out)

    assert kept == {"series": "aaa-regular", "kept": len(rows), "left out": {"future": 1}}
    file.write_text("day,price\n2025-10-01,3.0\n")
    assert run("macro", "hand-over", file, "--store", tmp_path).code == 4
    file.write_text("period,value\n2025-10-01,3.0\n")
    said = run("macro", "hand-over", file, "--store", tmp_path, "--series", "claims")
    assert said.code == 4
    assert "claims takes no history from outside" in " ".join(said.err.split())


def test_a_family_that_is_none_cannot_be_scored(run, tmp_path):
    said = run("macro", "score", tmp_path, "--family", "tea")

    assert said.code == 2
    assert "no family 'tea'" in said.err


@pytest.mark.shared_data
def test_fitting_from_the_command_line(run, shared_data, tmp_path):
    file = tmp_path / "macro.toml"
    said = run(
        "macro", "fit", "--data", shared_data / "macro", "--as-of", "2025-10-15", "--out", file
    )

    assert said.code == 0
    assert "404 months of CPIAUCSL" in said.out
    assert f"as_of = {date(2025, 10, 15)}" in file.read_text()


@pytest.mark.shared_data
def test_scoring_from_the_command_line(run, shared_data):
    said = run("macro", "score", shared_data / "macro", "--family", "claims")

    assert said.code == 0
    assert "### Initial claims: 1596 releases" in said.out
    assert "| last week |" in said.out
    assert "2 weeks, too few to score" in said.out
