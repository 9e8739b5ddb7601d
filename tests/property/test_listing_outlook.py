"""Whatever the venue lists, each event has a window that the calendar bears out, or a sentence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.clock import iso
from kalshi_alpha.errors import VenueUnavailable
from kalshi_alpha.markets.registry import Registry, load_registry
from kalshi_alpha.markets.traded import trade
from kalshi_alpha.steps.planner import HORIZON, outlook

NOW = datetime(2026, 1, 12, 11, tzinfo=UTC)
EVENTS = ("KXCPI-25DEC", "KXCPI-26JAN", "KXAAAGASD-26JAN13", "KXAAAGASM-26JAN31", "KXUST10AD-26")


def _registry() -> Registry:
    trade("macro")
    try:
        return load_registry()
    finally:
        trade()


REGISTRY = _registry()
SERIES = sorted(s for g in REGISTRY.groups.values() if g.release for s in g.series)

minutes = st.integers(-60 * 24, 60 * 24 * 10).map(lambda n: iso(NOW + timedelta(minutes=n)))
usual = st.sampled_from(("2026-01-13T13:25:00Z", "2026-01-13T04:59:00Z", "2026-01-14T04:59:00Z"))
junk = st.one_of(st.none(), st.integers(), st.text(max_size=8), st.lists(st.integers(), max_size=2))
markets = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "event_ticker": st.one_of(st.sampled_from(EVENTS), junk),
            "close_time": st.one_of(usual, minutes, junk),
            "status": st.one_of(st.sampled_from(("active", "initialized", "finalized")), junk),
        },
    ),
    max_size=6,
)


class Listing:
    """A venue that lists anything, and of some series nothing."""

    def __init__(self, listed: dict[str, list[dict[str, Any]] | None]) -> None:
        self.listed = listed

    def closing(self, series: str, first: datetime, last: datetime) -> list[dict[str, Any]]:
        assert (first, last) == (NOW, NOW + HORIZON)
        found = self.listed.get(series, [])
        if found is None:
            raise VenueUnavailable("no answer came")
        return found


@given(st.dictionaries(st.sampled_from(SERIES), st.one_of(st.none(), markets)))
def test_an_outlook_is_windows_that_agree_and_sentences(
    listed: dict[str, list[dict[str, Any]] | None],
) -> None:
    seen = outlook(Listing(listed), REGISTRY, NOW)

    for window_id, found in seen.listed.items():
        assert found.window.window_id == window_id
        assert found.events
        for series, event in found.events.items():
            assert found.window.event_ticker(series) == event
            mine = [m for m in listed[series] or () if m.get("event_ticker") == event]
            assert iso(found.window.fixing) in [m.get("close_time") for m in mine]
        assert NOW < found.window.fixing <= NOW + HORIZON
    assert all(seen.left_out.values())
    assert set(seen.troubles) == {series for series, found in listed.items() if found is None}


@given(usual, st.sampled_from(("active", "initialized", "inactive", "never heard of")))
def test_an_event_is_listed_or_left_out_and_never_forgotten(closes: str, status: str) -> None:
    market = {"event_ticker": "KXCPI-25DEC", "close_time": closes, "status": status}
    seen = outlook(Listing({"KXCPI": [market]}), REGISTRY, NOW)

    planned = [e for found in seen.listed.values() for e in found.events.values()]
    assert sorted((*planned, *seen.left_out)) == ["KXCPI-25DEC"]
