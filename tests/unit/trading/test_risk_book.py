import json
from datetime import UTC, datetime

import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.table import student_table
from kalshi_alpha.trading.risk import FixingBook, Holding, SymbolBook, risk_of
from kalshi_alpha.trading.risk_book import Fixing, WindowRisk
from kalshi_alpha.trading.risk_plan import Claim
from kalshi_alpha.trading.risk_view import day_view, fixing_view, loss_rows

AT = datetime(2025, 11, 4, 16, 55, 20, tzinfo=UTC)
LAW = TerminalLaw(student_table(4.5), 6800.0, 1e-4, 0.0020)
ABOVE = Holding(Payoff(680_000, None), Side.BID, 100, 450_000, "KXINXU-25NOV04H1200-T6799.9999")
RANGE = Holding(Payoff(None, 679_499), Side.ASK, 200, 1_300_000, "KXINX-25NOV04H1600-T6795")
SYMBOLS = {"NDX": SymbolBook(None, (RANGE,)), "SPX": SymbolBook(LAW, (ABOVE,), (RANGE,), 100)}
CLAIM = Claim("SPX", RANGE, 90_000)
MARKETS = {ABOVE.ticker: ("SPX", ABOVE.payoff), RANGE.ticker: ("SPX", RANGE.payoff)}
BOOK = FixingBook({"SPX": SYMBOLS["SPX"]})


def test_what_a_scan_leaves_travels_as_json_and_weighs_the_same():
    left = WindowRisk(AT, SYMBOLS, (CLAIM,), MARKETS, risk_of(BOOK, 0.99))
    doc = json.loads(json.dumps(left.to_json()))

    found = WindowRisk.from_json(doc)

    assert found == left
    again = FixingBook({"SPX": found.symbols["SPX"]})
    assert risk_of(again, 0.99) == risk_of(BOOK, 0.99)
    assert doc["fixing"]["worst"] == 1_750_000


def test_a_fixing_travels_as_json():
    fixing = Fixing(SYMBOLS, {"SPX": SymbolBook(LAW)}, (CLAIM,), MARKETS)
    assert Fixing.from_json(json.loads(json.dumps(fixing.to_json()))) == fixing


def test_mine_and_the_others_are_one_book():
    book = Fixing({"SPX": SymbolBook(None, (ABOVE,))}, SYMBOLS).book({("NDX", "SPX"): (0.9,)})

    assert book.symbols["SPX"] == SymbolBook(LAW, (ABOVE, ABOVE), (RANGE,))
    assert book.symbols["NDX"] == SYMBOLS["NDX"]
    assert book.correlations == {("NDX", "SPX"): (0.9,)}


def changed(**fields):
    return WindowRisk(AT, SYMBOLS, (CLAIM,), MARKETS).to_json() | fields


def spoiled(**fields):
    doc = json.loads(json.dumps(changed()))
    doc["symbols"]["SPX"]["held"][0] |= fields
    return doc


@pytest.mark.parametrize(
    "doc",
    [
        {},
        changed(schema="kalshi-alpha/risk/0"),
        changed(at="noon"),
        changed(symbols=[]),
        changed(symbols={"SPX": {}}),
        changed(claims=[{"symbol": "SPX"}]),
        changed(markets={"A": ["SPX", 1]}),
        changed(markets={"A": ["SPX", 1.5, None]}),
        spoiled(size=0),
        spoiled(size=True),
        spoiled(cost="450000"),
        spoiled(side="yes"),
        spoiled(low=6800.0),
    ],
)
def test_anything_else_is_refused_with_a_sentence(doc):
    with pytest.raises(DataError, match="a window's risk"):
        WindowRisk.from_json(doc)


@pytest.mark.parametrize("doc", [{}, {"mine": {}, "others": {}, "claims": 3, "markets": {}}])
def test_a_fixing_that_cannot_be_read_is_refused(doc):
    with pytest.raises(DataError, match="a fixing's book cannot be read"):
        Fixing.from_json(doc)


def test_a_view_shows_three_ways_of_filling_and_the_law():
    view = fixing_view(BOOK, 0.99)

    assert view["symbols"]["SPX"]["held"] == [
        {"ticker": ABOVE.ticker, "side": "bid", "size": 100, "cost": 450_000}
    ]
    assert {name: risk["worst"] for name, risk in view["risk"].items()} == {
        "adverse": 1_750_000,
        "all": 1_750_000,
        "none": 450_000,
    }
    assert sum(view["losses"]["probability"]) == pytest.approx(1.0)
    assert day_view([BOOK, BOOK], 0.99)["worst"] == 3_500_000
    assert day_view([], 0.99)["shortfall"] == 0


def test_a_law_with_few_steps_is_shown_whole_and_a_long_one_at_its_quantiles():
    assert loss_rows(None) == []
    few = {"loss": [-5, 10], "probability": [0.75, 0.25]}
    assert loss_rows(few) == [(-5, 0.75, 0.25), (10, 0.25, 0.0)]

    many = {"loss": list(range(1000)), "probability": [0.001] * 1000}
    assert [loss for loss, _, _ in loss_rows(many)] == [499, 749, 899, 949, 989, 998, 999]
