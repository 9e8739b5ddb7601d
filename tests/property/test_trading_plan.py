import json
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.contracts import Contract, Payoff, TickGrid
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.registry import Caps, Quoting
from kalshi_alpha.pricing.fees import fee_terms
from kalshi_alpha.trading.candidate_gates import Moment
from kalshi_alpha.trading.candidates import candidate, candidates
from kalshi_alpha.trading.plan import Exposure, QuotePlan, choose, quote_plan

CLOSE = datetime(2025, 11, 4, 17, 0, tzinfo=UTC)
CENTS = TickGrid.from_price_ranges([{"start": "0.0000", "end": "1.0000", "step": "0.0100"}])
TAPERED = TickGrid.from_price_ranges(
    [
        {"start": "0.0000", "end": "0.1000", "step": "0.0010"},
        {"start": "0.1000", "end": "0.9000", "step": "0.0100"},
        {"start": "0.9000", "end": "1.0000", "step": "0.0010"},
    ]
)
MOMENT = Moment(level=6800.0, ticks_per_point=100, seconds_to_fixing=200.0)

probabilities = st.floats(0, 1)
sides = st.sampled_from(Side)
grids = st.sampled_from([CENTS, TAPERED])
terms = st.sampled_from(["quadratic", "quadratic_with_maker_fees"]).map(
    lambda fee_type: fee_terms(fee_type, Decimal(1))
)
quotings = st.builds(
    Quoting,
    min_ev=st.integers(1, 1500),
    favor_ticks=st.integers(0, 3),
    kelly_fraction=st.floats(0.01, 1),
)
all_caps = st.builds(
    Caps,
    max_bins=st.integers(1, 4),
    max_size=st.integers(1, 5).map(lambda lots: lots * 100),
    bankroll=st.just(60_000_000),
    max_loss_per_strike=st.integers(1, 3_000_000),
    max_loss_per_window=st.integers(1, 5_000_000),
    max_loss_per_day=st.integers(1, 20_000_000),
    max_loss_per_week=st.integers(1, 60_000_000),
)


def contract(grid, strike):
    return Contract(
        ticker=f"KXINXU-25NOV04H1200-T{strike}",
        event_ticker="KXINXU-25NOV04H1200",
        series="KXINXU",
        payoff=Payoff(strike * 100, None),
        grid=grid,
        open_at=CLOSE,
        close_at=CLOSE,
        status="active",
    )


@st.composite
def tops(draw, grid):
    bid, ask = sorted(
        draw(st.lists(st.sampled_from(grid.levels), min_size=2, max_size=2, unique=True))
    )
    has_bid, has_ask = draw(st.booleans()), draw(st.booleans())
    return Top(
        bid if has_bid else None,
        500 if has_bid else 0,
        ask if has_ask else None,
        500 if has_ask else 0,
    )


@st.composite
def one(draw):
    grid = draw(grids)
    return candidate(
        contract(grid, 6800),
        draw(sides),
        draw(probabilities),
        draw(tops(grid)),
        draw(terms),
        draw(quotings),
    )


@st.composite
def ladders(draw):
    strikes = range(6780, 6780 + 5 * draw(st.integers(1, 6)), 5)
    priced = [(contract(CENTS, strike), draw(probabilities)) for strike in strikes]
    seen = {c.ticker: draw(tops(CENTS)) for c, _ in priced}
    quoting = draw(quotings)
    return candidates(priced, seen, draw(terms), quoting), quoting


@st.composite
def exposures(draw):
    held = draw(st.dictionaries(st.integers(0, 6), st.sampled_from([-200, -100, 0, 100, 200])))
    positions = {f"KXINXU-25NOV04H1200-T{6780 + 5 * n}": size for n, size in held.items()}
    return Exposure(
        bankroll=draw(st.integers(0, 60_000_000)),
        lost_today=draw(st.integers(0, 5_000_000)),
        lost_this_week=draw(st.integers(0, 5_000_000)),
        positions=positions,
        at_risk={ticker: abs(size) * 5_000 for ticker, size in positions.items()},
    )


@given(one())
def test_a_chosen_price_rests_on_the_grid_and_earns_the_threshold(found):
    if found.chosen is None:
        return
    price, top = found.chosen.price, found.top

    assert found.contract.grid.contains(price)
    assert found.chosen.clears(found.min_ev)
    if found.side is Side.BID:
        assert top.ask is None or price < top.ask
    else:
        assert top.bid is None or price > top.bid


@given(one())
def test_no_price_looked_at_is_more_aggressive_and_as_good(found):
    better = [
        option
        for option in found.options
        if not option.crosses and option.edge.clears(found.min_ev)
    ]
    if found.chosen is None:
        assert better == []
    else:
        towards = [option.edge.price * found.side.sign for option in better]
        assert found.chosen.price * found.side.sign == max(towards)


@given(ladders(), all_caps, exposures())
def test_a_plan_stays_inside_every_cap(ladder, caps, exposure):
    found, quoting = ladder
    decisions = choose(found, MOMENT, caps, quoting, exposure)
    chosen = [(d, d.target) for d in decisions if d.target is not None]
    tickers = [target.ticker for _, target in chosen]
    held = {ticker for ticker, size in exposure.positions.items() if size}
    risks = {
        target.ticker: decision.candidate.chosen.worst_loss * target.size // 100
        for decision, target in chosen
    }
    risked = sum(risks.values()) + sum(exposure.at_risk.values())

    assert len(tickers) == len(set(tickers))
    if tickers:
        assert len(set(tickers) | held) <= max(caps.max_bins, len(held))
        assert risked <= caps.max_loss_per_window
        assert risked + exposure.lost_today <= caps.max_loss_per_day
        assert risked + exposure.lost_this_week <= caps.max_loss_per_week
    for _, target in chosen:
        on_our_side = max(0, target.side.sign * exposure.positions.get(target.ticker, 0))
        at_risk = exposure.at_risk.get(target.ticker, 0)
        assert target.size % 100 == 0
        assert 0 < target.size <= caps.max_size - on_our_side
        assert risks[target.ticker] + at_risk <= caps.max_loss_per_strike


@given(ladders(), all_caps, exposures(), st.randoms(use_true_random=False))
def test_the_plan_does_not_depend_on_the_order_of_the_candidates(ladder, caps, exposure, shuffler):
    found, quoting = ladder
    shuffled = list(found)
    shuffler.shuffle(shuffled)

    def plan(asked):
        return quote_plan("w", 1, CLOSE, choose(asked, MOMENT, caps, quoting, exposure))

    assert plan(found) == plan(shuffled)


@given(ladders(), all_caps, exposures())
def test_every_candidate_gets_one_decision_in_its_place(ladder, caps, exposure):
    found, quoting = ladder
    decisions = choose(found, MOMENT, caps, quoting, exposure)
    assert [d.candidate for d in decisions] == list(found)


@given(ladders(), all_caps, exposures())
def test_a_plan_survives_its_journey_as_json(ladder, caps, exposure):
    found, quoting = ladder
    plan = quote_plan("w", 7, CLOSE, choose(found, MOMENT, caps, quoting, exposure))
    assert QuotePlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
