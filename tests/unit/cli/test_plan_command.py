"""``kalshi-alpha plan`` against a venue that answers over a transport in memory."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from kalshi_alpha.cli import main
from kalshi_alpha.cli import plan as command
from kalshi_alpha.cli import run as windows
from kalshi_alpha.clock import ManualClock
from kalshi_alpha.markets.traded import trade
from kalshi_alpha.venues.kalshi.reader import KalshiReader

NOW = datetime(2026, 1, 12, 11, tzinfo=UTC)
CPI = {"ticker": "KXCPI-25DEC-T0.3", "event_ticker": "KXCPI-25DEC", "status": "active"}
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def listed() -> dict[str, list[dict[str, Any]]]:
    """What the venue lists, by series; a test changes it."""
    return {"KXCPI": [CPI | {"close_time": "2026-01-13T13:25:00Z"}]}


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    listed: dict[str, list[dict[str, Any]]],
) -> Iterator[Run]:
    def answer(request: httpx.Request) -> httpx.Response:
        asked = {k: v[0] for k, v in parse_qs(urlsplit(str(request.url)).query).items()}
        assert request.url.path.endswith("/markets")
        assert (asked["min_close_ts"], asked["max_close_ts"]) == ("1768215600", "1768906800")
        assert asked["mve_filter"] == "exclude"
        if asked["series_ticker"] not in listed and "nobody" in listed:
            return httpx.Response(404, json={"error": {"code": "not_found"}})
        return httpx.Response(200, json={"markets": listed.get(asked["series_ticker"], [])})

    def reader(url: str, clock: ManualClock) -> KalshiReader:
        return KalshiReader(url, clock, transport=httpx.MockTransport(answer))

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(
            sys, "argv", ["kalshi-alpha", *(words if "run" in words else ("plan", *words))]
        )
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    for one in (command, windows):
        monkeypatch.setattr(one, "KalshiReader", reader)
        monkeypatch.setattr(one, "SystemClock", lambda: ManualClock(NOW))
    monkeypatch.setenv("KALSHI_ALPHA_VENUE_URL", "https://venue.example/trade-api/v2")
    monkeypatch.setenv("COLUMNS", "200")
    yield run
    trade()


def test_what_is_listed_and_released_is_shown(run: Run) -> None:
    code, out, err = run("--json")

    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "windows": [
            {
                "window_id": "20260113-0825-cpi",
                "closes_at": "2026-01-13T13:25:00Z",
                "starts_at": "2026-01-13T12:55:00Z",
                "release_at": "2026-01-13T13:30:00Z",
                "period": "2025-12-01",
                "events": {"KXCPI": "KXCPI-25DEC"},
            }
        ],
        "left_out": {},
        "troubles": {},
    }


def test_the_table_is_in_new_york_time(run: Run) -> None:
    code, out, _ = run()

    assert code == 0
    for word in ("20260113-0825-cpi", "Tue 13 Jan 08:25", "Tue 13 Jan 07:55", "Tue 13 Jan 08:30"):
        assert word in out


def test_a_disagreement_is_a_sentence_and_an_exit_code(
    run: Run, listed: dict[str, list[dict[str, Any]]]
) -> None:
    listed["KXCPI"] = [CPI | {"close_time": "2026-01-16T13:25:00Z"}]
    code, out, err = run("--json")

    assert code == 1
    assert json.loads(out)["windows"] == []
    assert err.startswith("KXCPI-25DEC: there is no cpi window that ends at")


def test_a_series_that_the_venue_refuses_to_tell_of_is_named(
    run: Run, listed: dict[str, list[dict[str, Any]]]
) -> None:
    listed["nobody"] = []
    code, out, _ = run("--json")

    assert code == 1
    found = json.loads(out)
    assert [w["window_id"] for w in found["windows"]] == ["20260113-0825-cpi"]
    assert set(found["troubles"]) == {
        *("KXCPICORE", "KXCPIYOY", "KXJOBLESSCLAIMS", "KXUST10AD"),
        *("KXAAAGASD", "KXAAAGASW", "KXAAAGASM"),
    }


def test_without_an_address_of_the_venue_it_says_so(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KALSHI_ALPHA_VENUE_URL")
    code, _, err = run()

    assert code == 2
    assert "KALSHI_ALPHA_VENUE_URL is not set" in err


@pytest.mark.parametrize("family", ["cpi", "macro"])
def test_the_next_window_of_a_release_is_the_one_that_is_listed(run: Run, family: str) -> None:
    code, out, err = run("run", "today", "--family", family, "--snap-to", "print", "--json")

    assert (code, err) == (0, "")
    assert json.loads(out)["window_id"] == "20260113-0825-cpi"
    assert json.loads(out)["fixing"] == "2026-01-13T08:25:00-05:00"


def test_a_family_that_lists_nothing_has_no_next_window(run: Run) -> None:
    code, out, err = run("run", "today", "--family", "gas", "--snap-to", "print")

    assert (code, out) == (3, "")
    assert "the venue lists no window of gas within 8 days" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("--family", "tea", "--snap-to", "print"),
            "the family 'tea' is not here: there is claims",
        ),
        (("--family", "cpi"), "a release is run by the deployed stack"),
        (("--family", "cpi", "--force"), "`kalshi-alpha rehearse --family cpi` plays a recorded"),
    ],
)
def test_what_a_laptop_cannot_run_it_says(run: Run, words: tuple[str, ...], says: str) -> None:
    code, out, err = run("run", "today", *words)

    assert (code, out) == (2, "")
    assert says in " ".join(err.split())
