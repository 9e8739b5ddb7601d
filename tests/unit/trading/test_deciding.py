"""One look at a ladder: the others' prices weigh in, honesty and inventory have their say."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

from trading_samples import FREE, contract, top

from kalshi_alpha.markets.contracts import Ladder
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.pricing.blend import MarketBlend, MarketBlends
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.table import normal_table
from kalshi_alpha.trading.deciding import Look, decided, valued, weighed
from kalshi_alpha.trading.gates import Allow, Refuse
from kalshi_alpha.trading.honesty import BinWeight, Honesty
from kalshi_alpha.trading.plan import Exposure
from kalshi_alpha.trading.risk import FixingBook, Holding, SymbolBook

REGISTRY = load_registry()
SERIES, SYMBOL = REGISTRY.series["KXINXU"], REGISTRY.symbols["SPX"]
MARKET = contract()
LAW = TerminalLaw(normal_table(), 6840.0, 0.0, 0.001)
LOOK = Look(
    series=SERIES,
    symbol=SYMBOL,
    ladder=Ladder(MARKET.event_ticker, "KXINXU", MARKET.close_at, (MARKET,), ()),
    law=LAW,
    level=6840.0,
    seconds_to_fixing=180.0,
    near=[(MARKET, 0.60)],
    tops={MARKET.ticker: top(4000, 5500)},
    terms=FREE,
    every_s=20.0,
)
RICH = Exposure(SERIES.caps.bankroll)
EMPTY = FixingBook({"SPX": SymbolBook(LAW)})


def quotes(look, book=EMPTY):
    return decided(look, valued(look, weighed(look)), RICH, book, REGISTRY.risk)


def bid_of(look, book=EMPTY):
    return next(d for d in quotes(look, book) if d.candidate.side is Side.BID)


def test_the_others_prices_weigh_in_where_the_look_says_so():
    blends = MarketBlends((MarketBlend(0.0, 0.5, 0.5, 0.0, 15.0),), (SimpleNamespace(),))

    assert weighed(LOOK) == [(MARKET, 0.60)]
    (found,) = weighed(replace(LOOK, blends=blends))
    assert 0.475 < found[1] < 0.60
    assert weighed(replace(LOOK, blends=blends, seconds_to_fixing=1200.0)) == [(MARKET, 0.60)]


def test_a_market_has_a_value_on_both_sides():
    assert [one.side for one in valued(LOOK, weighed(LOOK))] == [Side.BID, Side.ASK]


def test_every_candidate_is_decided_in_the_order_of_the_question():
    found = quotes(LOOK)

    assert [d.candidate.side for d in found] == [Side.BID, Side.ASK]
    assert [isinstance(d.verdict, Allow) for d in found] == [True, False]
    assert found[0].target is not None


def test_the_caps_and_the_threshold_are_those_of_the_looks_series():
    hard = replace(SERIES, quoting=replace(SERIES.quoting, min_ev=3000))

    verdict = bid_of(replace(LOOK, series=hard)).verdict

    assert isinstance(verdict, Refuse)
    assert verdict.code == "edge-below-threshold"


def test_a_bin_that_is_off_is_not_quoted():
    off = Honesty({}, "", date.min, date.max, {}, BinWeight(0.0, reason="it lost"))

    verdict = bid_of(replace(LOOK, honesty=off)).verdict

    assert isinstance(verdict, Refuse)
    assert verdict.code == "honesty"


def test_the_bin_is_that_of_the_series_the_side_and_the_time():
    key = "index|above|p60-85|m2-4|bid"
    off = Honesty({}, "", date.min, date.max, {key: BinWeight(0.0, reason="it lost")})

    assert isinstance(bid_of(replace(LOOK, honesty=off)).verdict, Refuse)
    late = replace(LOOK, honesty=off, seconds_to_fixing=300.0)
    assert isinstance(bid_of(late).verdict, Allow)


def test_what_is_held_moves_a_quote_back():
    held = Holding(MARKET.payoff, Side.BID, 100, 4_000_000, MARKET.ticker)
    book = FixingBook({"SPX": SymbolBook(LAW, (held,))})

    level, leaning = bid_of(LOOK).target, bid_of(LOOK, book).target

    assert level is not None
    assert leaning is not None
    assert leaning.price < level.price


def test_the_fit_of_the_law_shrinks_a_size():
    unfit = replace(LOOK, fit=Allow(0.5, "it drifts"))

    verdict = bid_of(unfit).verdict

    assert isinstance(verdict, Refuse)
    assert verdict.code == "size-drift"
