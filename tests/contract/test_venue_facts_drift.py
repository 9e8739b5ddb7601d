"""The monthly check against the twin: silent while nothing changed, exact where something did."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kalshi_alpha.markets.known import market_facts
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.steps.venue_facts import Checked, check_facts
from kalshi_alpha.venues.kalshi.reader import KalshiReader
from tests.command import Said
from tests.exchange_host import NOW, Host, hosting

ONLY = "KXINXU"


class Drifting(KalshiReader):
    """A venue that says one thing otherwise."""

    def __init__(self, host: Host, says: dict[str, Any]) -> None:
        super().__init__(host.base, host.clock, None)
        self._series, self._market = says.get("series", {}), says.get("market", {})
        self._lists = says.get("lists", True)

    def series(self, ticker: str) -> dict[str, Any]:
        return super().series(ticker) | self._series

    def markets(self, event_ticker: str) -> list[dict[str, Any]]:
        listed = super().markets(event_ticker) if self._lists else []
        return [market | self._market for market in listed]


@pytest.fixture
def host() -> Iterator[Host]:
    with hosting() as found:
        yield found


def checked(host: Host, seen: dict[str, list[str]] | None = None, **says: Any) -> Checked:
    facts = market_facts()
    only = type(facts)(facts.as_of, {ONLY: facts.series[ONLY]})
    reader = Drifting(host, says)
    try:
        return check_facts(reader, load_registry(), load_sessions(), only, NOW, seen or {})
    finally:
        reader.close()


def test_a_venue_that_says_what_is_known_reports_no_drift(host: Host) -> None:
    found = checked(host)

    assert found.drifts == ()
    assert found.unseen == ()
    assert found.markets[ONLY] >= 20
    assert found.rules[ONLY] == ("yes is paid if the s&p ~ index value on ~, ~ at ~ is above ~.",)


@pytest.mark.parametrize(
    ("says", "what", "found"),
    [
        ({"series": {"fee_multiplier": 0.5}}, "fee multiplier", "0.5"),
        ({"series": {"fee_type": "quadratic_with_maker_fees"}}, "fee type", "with_maker_fees"),
        (
            {"market": {"price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0050"}]}},
            "tick grid",
            "[50]",
        ),
        ({"market": {"price_ranges": []}}, "tick grid", ""),
        ({"market": {"strike_type": "structured"}}, "strike type", "structured"),
        (
            {"market": {"title": "Will the Dow rise?", "rules_primary": "The Dow at 12:00."}},
            "rules text",
            "The Dow",
        ),
    ],
    ids=["rate", "maker fees", "finer grid", "no grid", "strike type", "another index"],
)
def test_what_the_venue_says_otherwise_is_named(
    host: Host, says: dict[str, Any], what: str, found: str
) -> None:
    drifts = checked(host, **says).drifts

    assert what in {drift.what for drift in drifts}
    assert any(found in drift.found for drift in drifts if drift.what == what)
    assert {drift.series for drift in drifts} == {ONLY}


def test_a_wording_never_seen_before_is_drift_and_another_date_is_not(host: Host) -> None:
    first = checked(host).rules

    again = checked(host, {ONLY: list(first[ONLY])})
    other = checked(host, {ONLY: ["paid on the average of the last minute above ~"]})

    assert again.drifts == ()
    assert [drift.what for drift in other.drifts] == ["rules text"]


def test_a_venue_that_lists_nothing_is_unseen_not_fine(host: Host) -> None:
    found = checked(host, lists=False)

    assert found.drifts == ()
    assert found.unseen == ("KXINXU has no listed event in its next 24 windows",)


def test_the_command_reports_what_it_could_not_see_and_exits_four(
    host: Host, run: Callable[..., Said], tmp_path: Path
) -> None:
    said = run("facts", "check", "--venue", host.base, "--json")

    assert said.code == 4
    assert "could not be read" in said.err
    assert set(json.loads(said.out)) >= {"drifts", "unseen", "rules", "venue"}
    assert (tmp_path / "out" / "facts" / "seen.json").is_file()
