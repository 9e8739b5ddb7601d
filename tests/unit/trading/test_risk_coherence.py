from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.trading.risk_coherence import Offer, sure_loss

LOW, HIGH = Payoff(680_000, None), Payoff(682_500, None)
BETWEEN = Payoff(680_000, 682_499)


def bid(ticker, payoff, cents):
    return Offer(ticker, payoff, Side.BID, 10_000 * cents)


def ask(ticker, payoff, cents):
    """Sell YES at so many cents: NO costs the rest."""
    return Offer(ticker, payoff, Side.ASK, 10_000 * (100 - cents))


def test_one_order_alone_cannot_lose_for_sure():
    assert sure_loss([bid("A", LOW, 99)]) is None
    assert sure_loss([]) is None


def test_an_order_that_costs_more_than_a_dollar_does():
    found = sure_loss([bid("A", LOW, 101)])
    assert (found.cash, [o.ticker for o in found.offers]) == (10_000, ["A"])


def test_buying_dearer_than_selling_in_one_market_loses_the_difference():
    found = sure_loss([bid("A", LOW, 55), ask("A", LOW, 52)])
    assert found.cash == 30_000


def test_the_higher_threshold_may_not_be_bought_dearer_than_the_lower_is_sold():
    assert sure_loss([bid("H", HIGH, 50), ask("L", LOW, 55)]) is None

    found = sure_loss([bid("H", HIGH, 60), ask("L", LOW, 55)])
    assert found.cash == 50_000
    assert {o.ticker for o in found.offers} == {"H", "L"}


def test_a_range_is_held_against_the_two_thresholds_around_it():
    # Above 6800 for 70 less above 6825 at 40 is the range for 30.
    thresholds = [bid("L", LOW, 70), ask("H", HIGH, 40)]

    assert sure_loss([*thresholds, ask("R", BETWEEN, 31)]) is None
    assert sure_loss([*thresholds, ask("R", BETWEEN, 25)]).cash == 50_000
    # ... and buying the range beside selling it above is no loss at all
    assert sure_loss([*thresholds, bid("R", BETWEEN, 60)]) is None


def test_selling_every_range_for_less_than_a_dollar_together_loses():
    ranges = [Payoff(None, 679_999), BETWEEN, HIGH]

    assert sure_loss([ask(f"R{k}", p, 34) for k, p in enumerate(ranges)]) is None
    found = sure_loss([ask(f"R{k}", p, 33) for k, p in enumerate(ranges)])
    assert found.cash == 10_000
    assert len(found.offers) == 3
