"""A window played: the live core decides, nothing later is known, nulls know nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.research.backtest.engine import play, scan_times
from kalshi_alpha.research.backtest.records import FillRow, fill_row
from kalshi_alpha.research.backtest.settings import Settings
from kalshi_alpha.trading.candidate_gates import Moment, NearStrike
from kalshi_alpha.trading.candidates import candidates
from kalshi_alpha.trading.plan import Exposure, choose, quote_plan
from tests.made_tapes import pricer_of, quiet, tape_of

BASE = Settings()


def place_of(quote):
    """Return a quote's market as its place in the ladder."""
    return [c.ticker for c in tape_of([]).ladder.contracts].index(quote.ticker)


def through(quote):
    """Return a trade two cents through a quote, five seconds into the stretch."""
    word = "sold" if quote.side is Side.BID else "bought"
    price = quote.price - quote.side.sign * 200
    return {"left": 295.0, "market": place_of(quote), word: price}


def test_scans_come_on_the_clock_and_end_before_the_stop():
    tape = tape_of([])

    times = [tape.fixing_s - t for t in scan_times(tape, BASE)]

    assert times[:2] == [300.0, 280.0]
    assert len(times) == 15
    assert times[-1] == 20.0
    assert scan_times(tape, replace(BASE, stop_s=20.0))[-1] == tape.fixing_s - 40.0


def test_the_plan_is_the_one_that_the_live_core_makes():
    tape = tape_of(quiet())
    priced = pricer_of(tape)
    registry = load_registry()
    series, symbol = registry.series["KXINXU"], registry.symbols["SPX"]
    now = scan_times(tape, BASE)[0]

    found = play(priced, BASE)

    look = priced.at(now)
    assert look is not None
    prices = {1: (6000, 8800), 2: (2500, 6500), 3: (600, 4000)}
    contracts = tape.ladder.contracts
    near = [(c, p) for c, p in look.near if contracts.index(c) in prices]
    from kalshi_alpha.markets.book import Top

    tops = {
        c.ticker: Top(prices[contracts.index(c)][0], 500, prices[contracts.index(c)][1], 500)
        for c, _ in near
    }
    decisions = choose(
        candidates(near, tops, priced.terms, series.quoting),
        Moment(
            look.reading.value,
            100,
            300.0,
            NearStrike(symbol.near_strike_points, symbol.near_strike_within_s),
        ),
        series.caps,
        series.quoting,
        Exposure(bankroll=series.caps.bankroll),
    )
    expected = quote_plan(tape.window.window_id, 1, found.plans[0].made_at, decisions)
    assert expected.targets
    assert found.plans[0] == expected


def test_a_trade_through_the_quote_is_a_fill_with_what_it_claimed():
    quote = play(pricer_of(tape_of(quiet())), BASE).plans[0].targets[0]

    found = play(pricer_of(tape_of([*quiet(), through(quote)])), BASE)

    fill = found.fills[0]
    assert (fill.ticker, fill.side, fill.price) == (quote.ticker, quote.side, quote.price)
    assert (fill.size, fill.at) == (100, tape_of([]).fixing_s - 295.0)
    assert fill.ev == pytest.approx(quote.ev / 1e6, abs=1e-6)
    assert fill.ev >= 0.05


def test_a_level_that_is_too_old_pulls_everything():
    rows = [{**row, "level": float("nan")} if row["left"] < 250 else row for row in quiet()]

    found = play(pricer_of(tape_of(rows)), BASE)

    assert found.plans[0].targets
    assert found.refusals["feed-silent"] == 11
    assert [bool(plan.targets) for plan in found.plans] == [True] * 4 + [False] * 11


def test_a_market_that_nobody_has_traded_is_not_quoted():
    rows = [row for row in quiet() if row["market"] == 2]

    found = play(pricer_of(tape_of(rows)), replace(BASE, rule="offset", max_bins=5))

    tickers = {target.ticker for plan in found.plans for target in plan.targets}
    assert tickers == {tape_of([]).ladder.contracts[2].ticker}


def test_the_offset_rule_rests_the_threshold_off_the_law():
    priced = pricer_of(tape_of(quiet()))

    plan = play(priced, replace(BASE, rule="offset", min_ev=300)).plans[0]

    for target in plan.targets:
        probability = target.probability_ppm / 1e6
        away = target.side.sign * (probability - target.price / 10_000)
        assert away + 1e-9 >= 0.03
        assert away < 0.04


def test_never_does_nothing_and_the_blind_ones_keep_to_their_sides():
    priced = pricer_of(tape_of(quiet()))

    assert play(priced, replace(BASE, source="never")).plans[3].targets == ()
    blind = play(priced, replace(BASE, source="random", rule="offset"))
    sides = {(t.ticker, t.side) for plan in blind.plans for t in plan.targets}
    assert len(sides) == len({ticker for ticker, _ in sides})
    mid = play(priced, replace(BASE, source="mid", rule="offset"))
    assert {t.side for plan in mid.plans for t in plan.targets} == {Side.BID, Side.ASK}


def test_why_records_say_why_for_every_candidate():
    found = play(pricer_of(tape_of(quiet())), BASE, keep_why=True)

    first = [json.loads(line) for line in found.why if json.loads(line)["revision"] == 1]
    assert {record["decision"] for record in first} == {"quote", "refuse"}
    assert len(first) == 6
    assert all(record["reason"] for record in first if record["decision"] == "refuse")


def test_mixed_takes_what_is_cheap_after_the_fee_and_leaves_its_market_alone():
    rows = [*quiet(), {"left": 301.0, "market": 2, "bought": 1500}]
    rows.append({"left": 299.0, "market": 2, "bought": 1400})

    found = play(pricer_of(tape_of(rows)), replace(BASE, mode="mixed"))

    taken = [fill for fill in found.fills if fill.is_taker]
    assert taken[0].price == 1600  # one cent beyond the price that was traded
    assert taken[0].fee == 10_000
    assert not any(f.is_taker for f in play(pricer_of(tape_of(rows)), BASE).fills)


def test_a_row_keeps_claim_markouts_and_settlement():
    quote = play(pricer_of(tape_of(quiet())), BASE).plans[0].targets[0]
    priced = pricer_of(tape_of([*quiet(), through(quote)], paid=[True] * 5))

    row = fill_row(play(priced, BASE).fills[0], priced, BASE.max_age_s)

    sign, price = quote.side.sign, quote.price / 10_000
    assert row.realised == pytest.approx(sign * (1.0 - price))
    after = priced.at(tape_of([]).fixing_s - 290.0)
    assert after is not None
    assert row.markout_5s == pytest.approx(sign * (after.by_ticker[quote.ticker] - price), abs=1e-6)
    assert FillRow.from_json(json.loads(json.dumps(row.as_json()))) == row
    assert row.bin == {1: -1, 2: 1, 3: 2}[place_of(quote)]  # the level is 6899


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lots", 0),
        ("latency_ms", -1.0),
        ("max_bins", 0),
        ("stop_s", 400.0),
        ("max_age_s", float("nan")),
    ],
)
def test_a_setting_outside_its_domain_is_refused(name, value):
    with pytest.raises(ConfigurationError, match=name):
        replace(BASE, **{name: value})


prices = st.integers(1, 99).map(lambda cents: 100 * cents)
later = st.lists(
    st.fixed_dictionaries(
        {
            "left": st.integers(1, 149),
            "market": st.integers(0, 4),
            "sold": prices,
            "bought": prices,
            "level": st.floats(6850.0, 6950.0),
        }
    ),
    max_size=12,
)


@given(rows=later, rule=st.sampled_from(["core", "offset"]))
@settings(max_examples=25)
def test_what_is_recorded_later_changes_no_earlier_plan_and_no_earlier_fill(rows, rule):
    setting = replace(BASE, rule=rule, max_bins=4)
    before = [row for row in quiet() if row["left"] >= 150]

    short = play(pricer_of(tape_of(before)), setting, keep_why=True)
    long = play(pricer_of(tape_of([*before, *rows])), setting, keep_why=True)

    cut = tape_of([]).fixing_s - 150.0
    scans = sum(t <= cut for t in scan_times(tape_of([]), setting))
    assert long.plans[:scans] == short.plans[:scans]
    assert [f for f in long.fills if f.at < cut] == [f for f in short.fills if f.at < cut]
