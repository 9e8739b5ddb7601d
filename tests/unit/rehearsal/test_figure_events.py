"""The twin's events of published figures, read back as the venue's listing is read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.contracts import Ladder, ladder_from_listing
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.traded import MACRO, trade
from kalshi_alpha.markets.windows import Window, window_from_id
from kalshi_alpha.pricing.fees import series_terms_at
from kalshi_alpha.rehearsal.exchange.engine import Engine, Ticket
from kalshi_alpha.rehearsal.exchange.figures import FigureEvent, list_figure, value_of
from kalshi_alpha.rehearsal.exchange.listing import event_info, list_event, series_info
from kalshi_alpha.rehearsal.exchange.views import market_view


@pytest.fixture(autouse=True)
def _macro() -> Iterator[None]:
    trade(MACRO)
    yield
    trade()


def window(window_id: str) -> Window:
    return window_from_id(window_id, load_registry(), load_sessions())


def event(window_id: str, series: str, expected: float, printed: float) -> FigureEvent:
    found = window(window_id)
    assert found.release is not None
    return FigureEvent(series, found.fixing, found.release.at, expected, 0.1, printed)


CASES = [
    ("20260113-0825-cpi", "KXCPI", 0.3, 0.3, "KXCPI-25DEC-T0.3", 4),
    ("20251231-0825-claims", "KXJOBLESSCLAIMS", 214_000, 199_000,
     "KXJOBLESSCLAIMS-25DEC31-T215000", 215_000),
    ("20251210-1530-ten-year", "KXUST10AD", 4.17, 4.13, "KXUST10AD-25DEC10-T4.17", 418),
    ("20251020-2359-gasoline", "KXAAAGASD", 3.05, 3.066, "KXAAAGASD-25OCT21-T3.050", 3051),
]  # fmt: skip


@pytest.mark.parametrize(("window_id", "series", "expected", "printed", "ticker", "low"), CASES)
def test_what_the_twin_lists_is_a_ladder_of_the_window(
    window_id: str, series: str, expected: float, printed: float, ticker: str, low: int
) -> None:
    played, found = event(window_id, series, expected, printed), window(window_id)
    clock = ManualClock(found.make_at)
    engine = Engine(clock, lambda symbol, at: value_of([played], symbol, at), seed=1)
    listed = list_figure(played)
    for market in listed:
        engine.list_market(market)
    rows = [market_view(market, clock.now()) for market in listed]
    ladder: Ladder = ladder_from_listing(
        rows, load_registry().series[series], found.fixing, found.event_ticker(series)
    )

    assert ladder.refused == ()
    assert len(ladder.contracts) == 11
    middle = next(c for c in ladder.contracts if c.ticker == ticker)
    assert middle.payoff.low == low
    assert event_info(series, found.fixing)["event_ticker"] == found.event_ticker(series)
    fees = series_terms_at(series, found.fixing)
    assert series_info(series, found.fixing)["fee_type"] == fees.fee_type


def test_a_figure_settles_on_its_print_after_the_release_and_not_before() -> None:
    found = window("20260113-0825-cpi")
    played = event("20260113-0825-cpi", "KXCPI", 0.3, 0.4)
    clock = ManualClock(found.make_at)
    engine = Engine(clock, lambda symbol, at: value_of([played], symbol, at), seed=1)
    for market in list_figure(played):
        engine.list_market(market)
    for name in ("one", "other"):
        engine.open_account(name, 10_000_000)
    ticker = "KXCPI-25DEC-T0.3"
    engine.create("one", Ticket(ticker, Side.BID, 6000, 100))
    engine.create("other", Ticket(ticker, Side.ASK, 6000, 100))
    clock.sleep((found.fixing - clock.now()).total_seconds() + 240)
    engine.advance()
    before = engine.markets[ticker].result
    clock.sleep(600)
    engine.advance()
    market = engine.markets[ticker]

    assert before == ""
    assert (market.result, market.expiration_value) == ("yes", "0.4")
    assert market.settled_at is not None
    assert engine.accounts["one"].cash > 10_000_000 > engine.accounts["other"].cash


def test_the_crowd_learns_nothing_before_the_release() -> None:
    played = event("20260113-0825-cpi", "KXCPI", 0.3, 0.4)
    before, after = played.released_at - timedelta(seconds=2), played.released_at

    assert value_of([played], "cpi-sa", before) == 0.3
    assert value_of([played], "cpi-sa", after) == 0.4
    assert value_of([played], "claims", after) is None
    assert FigureEvent.from_json(played.to_json()) == played


def test_an_index_series_is_no_figure_and_a_figure_no_index() -> None:
    at = datetime.fromisoformat("2026-01-13T13:25:00+00:00")
    with pytest.raises(DataError, match="lists no series KXINXU of a published figure"):
        list_figure(FigureEvent("KXINXU", at, at, 1.0, 1.0, 1.0))
    with pytest.raises(DataError, match="lists no series KXCPI"):
        list_event("KXCPI", at, 100.0)
