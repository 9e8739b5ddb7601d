"""The crowd: two-sided books that never cross, recorded spreads, one tape a seed, no money made."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import resources
from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.strikes import Payoff
from kalshi_alpha.markets.ticks import TickGrid
from kalshi_alpha.rehearsal.exchange.beliefs import USUAL, Beliefs, probability, quotable
from kalshi_alpha.rehearsal.exchange.calibration import parse_calibration, shipped_calibration
from kalshi_alpha.rehearsal.exchange.engine import Engine, Ticket
from kalshi_alpha.rehearsal.exchange.listing import PRICE_RANGES, list_event
from kalshi_alpha.rehearsal.exchange.participants import MAKERS, Crowd

NOON = datetime(2025, 11, 4, 17, tzinfo=UTC)
CLOSE = datetime(2025, 11, 4, 21, tzinfo=UTC)
CENT = 100
GRID = TickGrid.from_price_ranges(PRICE_RANGES)


def walk(seed, start=NOON - timedelta(hours=1), level=6774.3):
    """Return an index that moves by a seeded normal step a second."""
    rng, levels = Random(seed), [level]
    for _ in range(8_000):
        levels.append(levels[-1] * math.exp(rng.gauss(0.0, 0.00042 / math.sqrt(60))))

    def value(_symbol, at):
        seconds = int((at - start).total_seconds())
        return levels[min(seconds, len(levels) - 1)] if seconds >= 0 else None

    return value


@dataclass
class World:
    """An exchange with a crowd on a clock that is moved by hand."""

    minutes: float = 10.0
    seed: int = 1
    series: tuple[str, ...] = ("KXINXU",)
    fixing: datetime = NOON
    path: int = 7
    tape: list = field(default_factory=list)

    def __post_init__(self):
        self.value = walk(self.path, self.fixing - timedelta(hours=1))
        self.clock = ManualClock(self.fixing - timedelta(minutes=self.minutes))
        self.engine = Engine(self.clock, self.value, seed=self.seed)
        for series in self.series:
            level = self.value("SPX", self.clock.now())
            for market in list_event(series, self.fixing, level):
                self.engine.list_market(market)
        self.engine.listeners.append(self.hear)
        self.crowd = Crowd(self.engine, self.value, self.seed, shipped_calibration())

    def hear(self, kind, what):
        if kind == "trade":
            self.tape.append(what["trade"])

    def run(self, seconds, step=1.0):
        """Let time pass, yielding after each step of the crowd."""
        until = self.clock.now() + timedelta(seconds=seconds)
        while self.clock.now() < until:
            self.crowd.step()
            yield self.clock.now()
            self.clock.advance(step)

    def play(self, seconds, step=1.0):
        """Let time pass."""
        for _ in self.run(seconds, step):
            pass
        return self

    def books(self):
        """Return market, best bid and best ask of every market."""
        markets = self.engine.markets.values()
        return [(m, m.best(Side.BID), m.best(Side.ASK)) for m in markets]

    def resting(self):
        """Return the number of resting orders of the crowd."""
        return sum(len(market.orders()) for market in self.engine.markets.values())


def near_the_money(books):
    """Return the books whose prices lie between 10 and 90 cents."""
    return [
        (market, bid, ask)
        for market, bid, ask in books
        if any(price is not None and 10 * CENT <= price <= 90 * CENT for price in (bid, ask))
    ]


def test_books_never_cross_and_are_two_sided_near_the_money():
    world = World(series=("KXINXU", "KXINX"), fixing=CLOSE)
    one_sided = seen = 0
    for _ in world.run(590):
        for market, bid, ask in world.books():
            assert bid is None or ask is None or bid < ask, market.ticker
        near = near_the_money(world.books())
        seen += len(near)
        one_sided += sum(bid is None or ask is None for _, bid, ask in near)

    assert seen > 2_000
    assert one_sided <= 0.01 * seen


def test_the_median_spread_is_one_that_was_recorded():
    world = World()
    spreads = []
    for now in world.run(590):
        if now > NOON - timedelta(minutes=9):
            spreads += [
                (ask - bid) / 1e4 for _, bid, ask in near_the_money(world.books()) if bid and ask
            ]

    calibration = shipped_calibration()
    band = calibration.band(0.5)
    assert calibration.spread(band, 0.05) <= median(spreads) <= calibration.spread(band, 0.95)


def test_quotes_follow_the_index():
    world = World(minutes=5).play(30)
    before = {m.ticker: bid for m, bid, _ in near_the_money(world.books()) if bid}
    lifted = world.value

    world.crowd._value = lambda symbol, at: lifted(symbol, at) + 10
    world.play(5)

    after = {market.ticker: bid for market, bid, _ in world.books()}
    assert len(before) >= 3
    assert all(after[ticker] is not None and after[ticker] > bid for ticker, bid in before.items())


def test_trades_happen_about_as_often_as_recorded():
    trades = sum(len(World(seed=seed).play(600).tape) for seed in range(1, 6)) / 5

    # The recorded events had 80 trading seconds in their last ten minutes, 22 to 139 by day.
    assert 22 <= trades <= 139


def test_the_same_seed_makes_the_same_tape():
    def tape(seed):
        trades = World(seed=seed, minutes=5).play(300).tape
        return [(t.trade_id, t.ticker, t.price, t.size, t.taker_side, t.at) for t in trades]

    first = tape(1)
    assert first
    assert first == tape(1)
    assert first != tape(2)


def test_no_money_is_made_but_for_the_venues_fees():
    world = World(series=("KXINXU", "KXINX"), fixing=CLOSE)
    world.play(590)
    world.clock.advance(600)
    world.engine.advance()

    accounts = world.engine.accounts.values()
    fees = sum(sum(account.fees.values()) for account in accounts)
    assert fees > 0
    assert sum(account.cash - account.initial_cash for account in accounts) == -fees
    assert not any(any(account.positions.values()) for account in accounts)


def test_makers_step_back_in_the_last_seconds():
    world = World(minutes=1).play(56)
    assert world.resting() > 20

    world.play(2.5, step=0.1)

    assert NOON - world.clock.now() < timedelta(seconds=2)
    assert world.resting() == 0


def test_after_the_close_nobody_does_anything():
    world = World(minutes=1).play(61)
    trades, orders = len(world.tape), world.resting()

    world.play(60)

    assert (len(world.tape), orders, world.resting()) == (trades, 0, 0)


def test_makers_pull_their_quotes_when_the_index_has_no_value():
    world = World(minutes=5).play(10)
    assert world.resting() > 50

    world.crowd._value = lambda _symbol, _at: None
    world.play(2)

    assert world.resting() == 0


def test_a_pause_is_sat_out_and_traded_after():
    world = World(minutes=5).play(10)
    for market in world.engine.markets.values():
        world.engine.pause(market)
    trades = len(world.tape)
    world.play(20)
    assert len(world.tape) == trades

    for market in world.engine.markets.values():
        world.engine.resume(market)
    assert world.resting() == 0
    world.play(25)

    assert world.resting() > 50


def test_a_closed_exchange_is_left_alone():
    world = World(minutes=5)
    world.engine.exchange_active = False

    world.play(10)

    assert world.resting() == 0


def test_an_event_listed_later_is_attended():
    world = World().play(5)
    for market in list_event("KXINX", CLOSE, 6774.3):
        world.engine.list_market(market)

    world.play(10)

    assert any(m.best(Side.BID) for m in world.engine.markets.values() if m.series == "KXINX")


def test_an_event_far_away_is_quoted_once_a_minute():
    world = World(minutes=50)
    world.play(20)
    seen = [(bid, ask) for _, bid, ask in world.books()]
    world.play(30)
    assert seen == [(bid, ask) for _, bid, ask in world.books()]
    assert any(bid and ask for bid, ask in seen)

    world.play(30)

    assert seen != [(bid, ask) for _, bid, ask in world.books()]


def test_takers_meet_the_orders_of_other_members():
    world = World(minutes=5)
    world.engine.open_account("member", 10**9)
    taken = 0
    for _ in world.run(280):
        if resting := world.engine.resting("member"):
            world.engine.cancel("member", resting[0].order_id)
        for market, bid, ask in near_the_money(world.books()):
            if bid and ask and ask - bid > CENT:
                ticket = Ticket(market.ticker, Side.BID, bid + CENT, 100, post_only=True)
                world.engine.create("member", ticket)
                break
        taken = len(world.engine.accounts["member"].fills)

    assert taken > 0


def test_one_step_does_a_bounded_amount_of_work():
    world = World(minutes=8, series=("KXINXU", "KXINX"), fixing=CLOSE)
    orders = []
    world.engine.listeners.append(
        lambda kind, what: orders.append(what) if kind == "order" and not what["reason"] else None
    )

    for _ in world.run(400, step=25.0):
        assert len(orders) <= 40
        orders.clear()


def test_makers_keep_no_histories():
    world = World().play(590)

    for name, account in world.engine.accounts.items():
        assert account.fills == [], name
        assert len(account.orders) == len(world.engine.resting(name)), name
    assert len(world.engine.accounts) == MAKERS + 1


# --- what they think --------------------------------------------------------------------------


def test_the_crowd_is_less_sure_than_the_law():
    upward = Payoff(677500, None)

    law = probability(upward, 100, 6780.0, 4.0, 1.0)
    crowd = probability(upward, 100, 6780.0, 4.0, 0.8)

    assert law == pytest.approx(0.8946, abs=1e-3)  # Phi(5.005 / 4)
    assert 0.5 < crowd < law
    assert math.log(crowd / (1 - crowd)) == pytest.approx(0.8 * math.log(law / (1 - law)))


@given(
    level=st.floats(min_value=6_000, max_value=8_000),
    deviation=st.floats(min_value=0.5, max_value=100),
    sharpness=st.floats(min_value=0.3, max_value=1.0),
)
def test_a_partition_is_worth_one_dollar(level, deviation, sharpness):
    total = sum(
        probability(market.payoff, 100, level, deviation, sharpness)
        for market in list_event("KXINX", CLOSE, 7_000.0)
    )

    assert total == pytest.approx(1.0)


def test_the_deviation_grows_with_the_root_of_time_and_stays_above_a_floor():
    beliefs = Beliefs(lambda _symbol, _at: None)
    points = [
        beliefs.deviation("SPX", 6774.0, NOON - timedelta(seconds=s), NOON) for s in (240, 60, 0)
    ]

    assert points[1] == pytest.approx(6774.0 * USUAL["SPX"])
    assert points[0] == pytest.approx(2 * points[1])
    assert points[2] == pytest.approx(points[1] * math.sqrt(0.1))


def test_the_deviation_follows_the_last_twenty_minutes():
    def restless(_symbol, at):
        return 6774.0 * (1.001 if at.minute % 2 else 1.0)

    usual, moved = USUAL["SPX"] ** 2, math.log(1.001) ** 2
    found = Beliefs(restless).deviation("SPX", 1.0, NOON, NOON + timedelta(minutes=1))

    assert found == pytest.approx(math.sqrt((usual + moved) / 2))


@pytest.mark.parametrize(
    ("side", "exact", "price"),
    [
        (Side.BID, 4_250.0, 4_200),
        (Side.ASK, 4_250.0, 4_300),
        (Side.BID, 4_200.0, 4_200),
        (Side.BID, 99.0, None),
        (Side.ASK, 9_900.5, None),
        (Side.ASK, -300.0, 100),
        (Side.BID, 12_000.0, 9_900),
    ],
)
def test_a_quote_is_rounded_away_from_the_other_side(side, exact, price):
    assert quotable(GRID, side, exact) == price


# --- what was recorded ------------------------------------------------------------------------


def shipped():
    """Return the shipped calibration as JSON."""
    file = resources.files("kalshi_alpha.rehearsal").joinpath("data", "participants.json")
    return json.loads(file.read_text(encoding="utf-8"))


def test_the_shipped_calibration_names_author_licence_and_limits():
    provenance = shipped()["provenance"]

    assert provenance["licence"] == "MIT"
    assert "chris-mulligan-50" in provenance["author"]
    assert (provenance["days"], provenance["rows"]) == (26, 18_597)
    assert "Only 16:00 events of KXINXU" in shipped_calibration().provenance.limitations


def test_trades_are_more_frequent_near_the_fixing_and_near_the_money():
    calibration = shipped_calibration()
    middle, tail = calibration.band(0.5), calibration.band(0.01)

    assert calibration.rates_at(0.5)[middle] > calibration.rates_at(90.0)[middle]
    assert calibration.rates_at(3.0)[middle] > calibration.rates_at(3.0)[tail]
    assert calibration.spacing == pytest.approx(25 / 6925)


def test_quantiles_are_drawn_between_the_levels_and_never_past_them():
    calibration = shipped_calibration()

    assert calibration.size(0.0) == 1.0
    assert calibration.size(0.5) == 24.0
    assert calibration.size(0.625) == 62.0  # half way from 24 to 100
    assert calibration.size(1.0) == 3_000.0


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"sizes": [1.0]},
        {"rates": []},
        {"prices": [0.0, 0.5, 0.4]},
        {"spreads": "none"},
    ],
)
def test_a_broken_calibration_is_refused(change):
    with pytest.raises(ConfigurationError, match="calibration"):
        parse_calibration(json.dumps(shipped() | change).encode())
