"""Whatever was chosen, what the fixing leaves is inside its limit and no arbitrage against us."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.contracts import Contract, Payoff, TickGrid
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.table import student_table
from kalshi_alpha.trading.candidates import Candidate
from kalshi_alpha.trading.edge import Edge
from kalshi_alpha.trading.gates import ALLOW, Refuse
from kalshi_alpha.trading.plan import Decision
from kalshi_alpha.trading.risk import FixingBook, Holding, SymbolBook, risk_of
from kalshi_alpha.trading.risk_coherence import Offer, sure_loss
from kalshi_alpha.trading.risk_plan import Chosen, Claim, claim_of, within_risk
from kalshi_alpha.trading.sizing import Sizing

CLOSE = datetime(2025, 11, 4, 17, 0, tzinfo=UTC)
CENTS = TickGrid.from_price_ranges([{"start": "0.0000", "end": "1.0000", "step": "0.0100"}])
LAWS = {
    "NDX": TerminalLaw(student_table(4.0), 25_000.0, 0.0, 0.0020),
    "SPX": TerminalLaw(student_table(4.5), 6800.0, 0.0, 0.0020),
}
MIDDLE, STEP = {"NDX": 2_500_000, "SPX": 680_000}, {"NDX": 2_000, "SPX": 500}
sides = st.sampled_from(Side)


@st.composite
def payoffs(draw, symbol):
    low = MIDDLE[symbol] + STEP[symbol] * draw(st.integers(-4, 4))
    if draw(st.booleans()):
        return Payoff(low, None)
    return Payoff(low, low + STEP[symbol] * draw(st.integers(1, 3)) - 1)


@st.composite
def holdings(draw, symbol):
    size = 100 * draw(st.integers(1, 3))
    cost = size * draw(st.integers(500, 9_900))
    return Holding(draw(payoffs(symbol)), draw(sides), size, cost, f"H-{symbol}")


@st.composite
def decisions(draw, symbol, number):
    price, side = 100 * draw(st.integers(2, 98)), draw(sides)
    fee = draw(st.integers(0, 17_500))
    ticker = f"M-{symbol}-{number}"
    edge = Edge(ticker, side, price, 0.5, fee, draw(st.floats(0.01, 0.3)))
    contract = Contract(ticker, "E", "S", draw(payoffs(symbol)), CENTS, CLOSE, CLOSE, "active")
    candidate = Candidate(contract, side, 0.5, Top(None, 0, None, 0), 500, (), edge)
    size = 100 * draw(st.integers(1, 6))
    return Decision(candidate, ALLOW, Sizing(size, "max-size", 0.1))


@st.composite
def fixings(draw):
    symbols = {
        name: SymbolBook(
            draw(st.sampled_from((law, law, None))),
            tuple(draw(st.lists(holdings(name), max_size=2))),
            tuple(draw(st.lists(holdings(name), max_size=2))),
        )
        for name, law in LAWS.items()
    }
    book = FixingBook(symbols, {("NDX", "SPX"): (0.899, 0.922)})
    chosen = [
        Chosen(name, tuple(draw(decisions(name, k)) for k in range(draw(st.integers(0, 4)))))
        for name in LAWS
    ]
    limit = draw(st.integers(1, 60)) * 100_000
    return book, chosen, replace(load_registry().risk, max_shortfall=limit)


def offers_of(book, name):
    return [
        Offer(one.ticker, one.payoff, one.side, one.cost * 100 // one.size)
        for one in book.symbols[name].resting
    ]


def with_targets(book, left):
    for one in left:
        for decision in one.decisions:
            if decision.target is not None:
                book = book.resting_too(one.symbol, (claim_of(one.symbol, decision).holding,))
    return book


@given(fixings())
def test_the_shortfall_never_passes_its_limit_by_a_quote_of_ours(fixing):
    book, chosen, limits = fixing

    left = within_risk(chosen, book, limits)

    before = risk_of(book, limits.level).tail.shortfall
    after = risk_of(with_targets(book, left), limits.level).tail.shortfall
    assert after <= max(limits.max_shortfall, before) + 1


@given(fixings())
def test_no_quotes_of_ours_lose_together_for_sure(fixing):
    book, chosen, limits = fixing
    loose = replace(limits, max_shortfall=10**12)

    left = within_risk(chosen, book, loose)

    whole = with_targets(book, left)
    for name in LAWS:
        if sure_loss(offers_of(book, name)) is None:  # what others left is not ours to undo
            assert sure_loss(offers_of(whole, name)) is None


@given(fixings())
def test_sizes_only_shrink_to_whole_contracts_and_refusals_say_why(fixing):
    book, chosen, limits = fixing

    left = within_risk(chosen, book, limits)

    for one, other in zip(chosen, left, strict=True):
        for asked, given_ in zip(one.decisions, other.decisions, strict=True):
            assert given_.candidate == asked.candidate
            if isinstance(given_.verdict, Refuse):
                assert given_.verdict.code in ("joint-shortfall", "own-arbitrage")
                assert given_.target is None
            else:
                assert 0 < given_.target.size <= asked.sizing.size
                assert given_.target.size % 100 == 0


@given(fixings())
def test_the_answer_does_not_depend_on_the_order_asked(fixing):
    book, chosen, limits = fixing
    backwards = [replace(one, decisions=one.decisions[::-1]) for one in reversed(chosen)]

    one, other = (within_risk(each, book, limits) for each in (chosen, backwards))

    assert {c.symbol: c.decisions for c in one} == {c.symbol: c.decisions[::-1] for c in other}


@given(fixings(), st.data())
def test_a_claim_of_others_only_takes_room(fixing, data):
    book, chosen, limits = fixing
    name = data.draw(st.sampled_from(sorted(LAWS)))
    claim = Claim(name, data.draw(holdings(name)), 10**6)

    with_it = within_risk(chosen, book, limits, [claim])

    before = risk_of(book, limits.level).tail.shortfall
    after = risk_of(with_targets(book, with_it), limits.level).tail.shortfall
    assert after <= max(limits.max_shortfall, before) + 1
