from dataclasses import replace

import pytest
from trading_samples import CAPS, FREE, QUOTING, contract, top

from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.table import normal_table
from kalshi_alpha.trading.candidate_gates import Moment
from kalshi_alpha.trading.candidates import candidate
from kalshi_alpha.trading.gates import Allow, Refuse
from kalshi_alpha.trading.plan import Exposure, choose
from kalshi_alpha.trading.risk import FixingBook, Holding, SymbolBook
from kalshi_alpha.trading.risk_plan import Chosen, Claim, claim_of, tilts_of, within_risk
from kalshi_alpha.trading.risk_tilt import LEVEL, Tilt, shaded, tilt_of

LAW = TerminalLaw(normal_table(), 6850.0, 0.0, 0.001)
MOMENT = Moment(level=6840.0, ticks_per_point=100, seconds_to_fixing=280.0)
RICH = Exposure(bankroll=10**9)
LIMITS = replace(load_registry().risk, max_shortfall=1_000_000)
A, B, C = (contract(strike) for strike in (6845, 6850, 6855))
WIDE = replace(CAPS, max_size=500, max_loss_per_strike=10**8, max_loss_per_window=10**8, max_bins=5)


def bid(market, probability, seen=None):
    return candidate(market, Side.BID, probability, seen or top(5000, 5500), FREE, QUOTING)


def ask(market, probability, seen=None):
    return candidate(market, Side.ASK, probability, seen or top(4500, 5000), FREE, QUOTING)


def decide(*found, caps=CAPS, tilts=None):
    return choose(found, MOMENT, caps, QUOTING, RICH, tilts=tilts)


def book(held=(), resting=(), law=LAW):
    return FixingBook({"SPX": SymbolBook(law, tuple(held), tuple(resting))})


def codes(chosen):
    return [
        d.verdict.code if isinstance(d.verdict, Refuse) else "quote"
        for one in chosen
        for d in one.decisions
    ]


def limited(*decisions, limits=LIMITS, claims=(), **books):
    return within_risk([Chosen("SPX", decisions)], book(**books), limits, claims)


def test_quotes_inside_the_limit_are_left_as_they_were():
    decisions = decide(bid(A, 0.60), bid(B, 0.58))
    loose = replace(LIMITS, max_shortfall=5_000_000)
    assert limited(*decisions, limits=loose)[0].decisions == decisions


def test_the_quote_that_would_pass_the_limit_is_refused_with_every_number():
    better, worse = decide(bid(A, 0.62), bid(B, 0.60))

    (found,) = limited(worse, better)

    assert codes([found]) == ["joint-shortfall", "quote"]
    refused = found.decisions[0].verdict
    assert refused.evidence == {
        "value": 1_020_000,
        "limit": 1_000_000,
        "before": 510_000,
        "var": 1_020_000,
        "worst": 1_020_000,
        "level": 0.99,
        "correlation": "none",
    }
    assert "from $0.510000 to $1.020000, over its limit of $1.000000" in refused.reason
    assert found.decisions[0].target is None


def test_a_size_is_cut_to_the_whole_contracts_that_fit():
    (decision,) = decide(bid(A, 0.80), caps=WIDE)
    assert decision.sizing.size == 500

    (found,) = limited(decision, limits=replace(LIMITS, max_shortfall=1_600_000))

    left = found.decisions[0]
    assert (left.sizing.size, left.sizing.bound_by) == (300, "shortfall")
    assert left.target.size == 300
    assert left.verdict.reason.startswith("cut from 5.00 to 3.00 contracts")


def test_what_is_held_and_what_rests_elsewhere_use_up_the_room():
    (decision,) = decide(bid(A, 0.60))
    other = Holding(B.payoff, Side.BID, 100, 500_000)

    assert codes(limited(decision)) == ["quote"]
    assert codes(limited(decision, held=[other])) == ["joint-shortfall"]
    assert codes(limited(decision, resting=[other])) == ["joint-shortfall"]


def test_a_hedge_passes_even_over_the_limit():
    held = [Holding(A.payoff, Side.BID, 400, 1_800_000)]
    (hedge,) = decide(ask(A, 0.40))
    (more,) = decide(bid(B, 0.60))

    assert codes(limited(hedge, held=held)) == ["quote"]
    assert codes(limited(more, held=held)) == ["joint-shortfall"]


def test_capital_goes_to_the_better_return_on_the_cash_at_risk():
    """Nine cents on 51 are less than nine on 30, though both earn the same a contract."""
    dear, cheap = decide(bid(A, 0.60), bid(B, 0.39, top(2900, 4000)))
    assert dear.target.ev == cheap.target.ev == 90_000

    tight = replace(LIMITS, max_shortfall=700_000)
    assert codes(limited(dear, cheap, limits=tight)) == ["joint-shortfall", "quote"]


def test_a_claim_of_the_other_window_goes_before_a_quote_that_returns_less():
    (decision,) = decide(bid(A, 0.60))
    better = Claim("SPX", Holding(B.payoff, Side.BID, 100, 600_000, "R"), 200_000)
    worse = replace(better, ev=10_000)

    assert codes(limited(decision, claims=[better])) == ["joint-shortfall"]
    assert codes(limited(decision, claims=[worse])) == ["quote"]
    assert codes(limited(decision, claims=[replace(better, symbol="NDX")])) == ["quote"]


def test_a_quote_that_had_no_room_is_a_claim_and_any_other_refusal_is_none():
    first, second = decide(bid(A, 0.62), bid(B, 0.60))
    (found,) = limited(first, second)

    claim = claim_of("SPX", found.decisions[1])
    assert claim == Claim("SPX", Holding(B.payoff, Side.BID, 100, 510_000, B.ticker), 90_000)
    (poor,) = decide(bid(A, 0.50))
    assert claim_of("SPX", poor) is None


def test_a_set_of_own_quotes_that_loses_for_sure_is_refused():
    """Buying above 6855 at 51 while above 6845 is sold at 45 elsewhere."""
    (decision,) = decide(bid(C, 0.60))
    sold = Holding(A.payoff, Side.ASK, 100, 550_000, A.ticker)
    loose = replace(LIMITS, max_shortfall=10**8)

    (found,) = limited(decision, limits=loose, resting=[sold])

    assert codes([found]) == ["own-arbitrage"]
    refused = found.decisions[0].verdict
    assert refused.evidence["value"] == 60_000
    assert A.ticker in refused.reason
    assert C.ticker in refused.reason
    fair = replace(sold, cost=400_000)
    assert codes(limited(decision, limits=loose, resting=[fair])) == ["quote"]


def test_a_range_of_the_other_window_is_held_against_thresholds():
    (decision,) = decide(ask(A, 0.40))  # sells above 6845 at 49
    loose = replace(LIMITS, max_shortfall=10**8)
    pieces = [
        Holding(Payoff(684_500, 684_999), Side.BID, 100, 300_000, "R1"),
        Holding(Payoff(685_000, None), Side.BID, 100, 250_000, "R2"),
    ]

    (found,) = limited(decision, limits=loose, resting=pieces)

    assert codes([found]) == ["own-arbitrage"]
    assert found.decisions[0].verdict.evidence["value"] == 60_000


def test_without_anything_held_nothing_leans():
    resting = [Holding(A.payoff, Side.BID, 100, 500_000)]
    assert tilts_of(book(resting=resting), "SPX", [bid(A, 0.60)], LIMITS) == {}
    held = book(held=[Holding(A.payoff, Side.BID, 100, 500_000)])
    assert tilts_of(held, "NDX", [bid(A, 0.60)], LIMITS) == {}
    assert tilts_of(held, "SPX", [bid(A, 0.50)], LIMITS) == {}  # no price, no tilt
    assert tilt_of({}, bid(A, 0.60)) == LEVEL


def test_the_same_way_adds_and_the_other_way_reduces():
    held = book(held=[Holding(A.payoff, Side.BID, 100, 500_000)])

    tilts = tilts_of(held, "SPX", [bid(B, 0.60), ask(B, 0.40)], LIMITS)

    assert tilts == {
        (B.ticker, Side.BID): Tilt(1, reduces=False),
        (B.ticker, Side.ASK): Tilt(0, reduces=True),
    }


def test_what_adds_a_part_of_its_loss_is_moved_back_by_that_part_rounded_up():
    """Far ranges lose with what is held only where both do: most of three ticks, not all."""
    held = book(held=[Holding(Payoff(None, 686_499), Side.BID, 100, 900_000)])
    wide = replace(LIMITS, shade_ticks=10, level=0.9)
    tilts = tilts_of(held, "SPX", [bid(B, 0.60)], wide)
    assert 0 < tilts[B.ticker, Side.BID].ticks < 10


def test_a_shaded_quote_rests_at_the_next_price_that_was_looked_at():
    seen = bid(A, 0.60)
    assert [o.edge.price for o in seen.options] == [5100, 5000, 4900]

    assert shaded(seen, Tilt(1)).chosen.price == 5000
    assert shaded(seen, Tilt(2)).chosen.price == 4900
    assert shaded(seen, Tilt(9)).chosen.price == 4900
    assert shaded(seen, LEVEL) is seen
    assert shaded(seen, Tilt(1)).chosen.ev > seen.chosen.ev


def test_the_plan_prefers_what_reduces_and_says_why_a_price_moved():
    tilts = {(A.ticker, Side.BID): Tilt(1), (B.ticker, Side.ASK): Tilt(0, reduces=True)}
    one = replace(CAPS, max_bins=1)
    better, hedge = bid(A, 0.65), ask(B, 0.40)

    first, second = decide(better, hedge, caps=one, tilts=tilts)
    assert (first.verdict.code, second.target.ticker) == ("bin-cap", B.ticker)

    (moved,) = decide(better, tilts=tilts)
    assert moved.target.price == 5000
    assert isinstance(moved.verdict, Allow)
    assert moved.verdict.reason == (
        "rests at 0.5000 instead of 0.5100: a fill adds to the risk of what is held"
    )
    assert moved.verdict.evidence == {"price_before": 5100}


@pytest.mark.parametrize("count", [1, 3])
def test_the_same_input_gives_the_same_answer_whatever_the_order_asked(count):
    decisions = decide(bid(A, 0.62), bid(B, 0.60), bid(C, 0.61), caps=WIDE)
    tight = replace(LIMITS, max_shortfall=600_000 * count)

    forward = limited(*decisions, limits=tight)[0].decisions
    backward = limited(*reversed(decisions), limits=tight)[0].decisions

    assert forward == tuple(reversed(backward))
