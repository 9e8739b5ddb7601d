"""What the strategy would have done at each trade of a recorded event, before any limit is set.

Two ways to lean: the signals of ``momentum.signals``, made by the very code that runs live, with
limits so loose that the rules tried on them afterwards only take some away; and, beside them as a
plain comparison, quotes a few cents off the pooled probability every ten minutes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import CASH_UNIT, CENT, PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.momentum.horizon import HorizonWeights
from kalshi_alpha.momentum.signals import Moment, SignalRules, SignalTerms, signals
from kalshi_alpha.momentum.state import MarketState, StateTerms
from kalshi_alpha.pricing.fees import taker_fee
from kalshi_alpha.research.backtest.loading import CENTS
from kalshi_alpha.research.data.findings import Floats
from kalshi_alpha.research.temperature.features import HOURS, features_at
from kalshi_alpha.research.temperature.orders import DAY_S, TERMS, Order
from kalshi_alpha.research.temperature.panel import Moments, Traded, hour_of
from kalshi_alpha.research.temperature.trades import Event
from kalshi_alpha.trading.fills import FillModel, Place

EVERY_S = 600.0
NEVER = math.inf
STALE_S = 1800.0
SURE = 0.03  # nothing believed nearer to certainty is quoted
LOOSE = SignalTerms(
    least_velocity=2e-4,
    least_acceleration=-NEVER,
    least_centre=2e-3,
    least_flow=-1.0,
    most_hazard=1.0,
    most_incoherence=NEVER,
    most_age_s=NEVER,
    least_edge=0.01,
    taker_edge=0.02,
    hot=NEVER,
)


@dataclass(frozen=True, slots=True)
class Leaning:
    """An order that could be placed, with what a rule asks of it.

    Attributes:
        order: the order.
        middle: dollars, of its bracket at its moment.
        pressed: order flow its way, within -1 to 1.
        incoherence: dollars by which the middles miss one.
        offset: cents off the probability, of a quote that no signal made; else 0.
        spread: cents between bid and ask as traded, of its bracket at its moment; NaN unknown.
        way: probability that the share goes its way within the minute, if it moves; None where no
            horizon was fitted.
    """

    order: Order
    middle: float
    pressed: float = 0.0
    incoherence: float = 0.0
    offset: int = 0
    spread: float = math.nan
    way: float | None = None


def foreseen(
    event: Event, leanings: Sequence[Leaning], weights: HorizonWeights | None
) -> list[Leaning]:
    """Return the leanings with how likely their way is, by a horizon fitted on days before."""
    if weights is None or not leanings:
        return list(leanings)
    at, rows = np.unique([one.order.at for one in leanings], return_inverse=True)
    features = features_at(Traded.of(event), at, event.start_s)
    found = []
    for one, row in zip(leanings, rows.tolist(), strict=True):
        up = weights.up(features[row, one.order.place].tolist())
        found.append(replace(one, way=up if one.order.side is Side.BID else 1.0 - up))
    return found


def worthwhile(event: Event, leanings: Sequence[Leaning], model: FillModel) -> list[Leaning]:
    """Return the leanings with what is left of their edges after what fills lose, by a model."""
    end, found = event.start_s + DAY_S, []
    for one in leanings:
        order = one.order
        offset = order.side.sign * (order.belief * PRICE_UNIT - order.price) / CENT
        spread = None if math.isnan(one.spread) else one.spread
        place = Place(offset, max(1.0, end - order.at), order.belief, spread)
        edge = order.edge - model.expected_loss(place)
        found.append(replace(one, order=replace(order, edge=edge)))
    return found


def signalled(event: Event, beliefs: Floats, *, taking: bool) -> list[Leaning]:
    """Return what the signals of each trade give rise to.

    Args:
        event: the event.
        beliefs: probability of each bracket after each trade; [trades, brackets].
        taking: whether the operator allows it.
    """
    terms = SignalTerms(
        **{name: getattr(LOOSE, name) for name in LOOSE.__slots__ if name != "taker_allowed"},
        taker_allowed=taking,
    )
    rules = SignalRules(terms, TERMS, CENTS)
    state = MarketState(event.brackets, StateTerms())
    hour = hour_of(event, event.at)
    looked = ((hour >= HOURS[0]) & (hour < HOURS[1])).tolist()
    rows = zip(
        event.at.tolist(),
        event.bracket.tolist(),
        np.rint(event.price * PRICE_UNIT).astype(np.int64).tolist(),
        np.rint(event.count * SIZE_UNIT).astype(np.int64).tolist(),
        event.bought.tolist(),
        beliefs.tolist(),
        looked,
        strict=True,
    )
    found: list[Leaning] = []
    for at, place, price, size, bought, belief, inside in rows:
        moved = state.trade(at, place, price, size, Side.BID if bought else Side.ASK)
        if moved and inside:
            found += _from_signals(Moment(at, state, belief, calibrated=True), place, rules)
    return found


def _from_signals(moment: Moment, place: int, rules: SignalRules) -> Iterator[Leaning]:
    for signal in signals(moment, place, rules):
        belief, middle = moment.beliefs[signal.place], moment.state.mid(signal.place)
        if not signal.stands or middle is None or not SURE <= belief <= 1.0 - SURE:
            continue
        if rules.terms.taker_allowed and not signal.taker:
            continue
        check = {one.code: one for one in signal.checks}
        order = Order(
            moment.at, signal.place, signal.side, signal.price, signal.taker, belief, signal.edge
        )
        yield Leaning(
            _beyond(order) if signal.taker else order,
            middle,
            check["flow"].value,
            check["coherence"].value,
            spread=100.0 * moment.state.spread(signal.place),
        )


def _beyond(order: Order) -> Order:
    """Return an order that takes a cent beyond the price it saw, with what that leaves of it."""
    price = min(max(order.price + order.side.sign * CENT, CENT), PRICE_UNIT - CENT)
    fee = taker_fee(TERMS, price, SIZE_UNIT, order.side) / CASH_UNIT
    edge = order.side.sign * (order.belief - price / PRICE_UNIT) - fee
    return Order(order.at, order.place, order.side, price, True, order.belief, edge)


def valued(event: Event, beliefs: Floats, offsets: Sequence[int]) -> list[Leaning]:
    """Return quotes so many cents off the probability, every ten minutes.

    A quote that would cross the last price at which the other side was taken is moved behind it.
    """
    begin, end = (event.start_s + 3600.0 * hour for hour in HOURS)
    instants = np.arange(begin, end, EVERY_S)
    traded = Traded.of(event)
    rows = traded.before(instants) - 1
    prices = traded.at(instants)
    found: list[Leaning] = []
    for k, row in enumerate(rows.tolist()):
        if row >= 0:
            for place in range(len(event.brackets)):
                belief = float(beliefs[row, place])
                if SURE <= belief <= 1.0 - SURE and prices.age[k, place] <= STALE_S:
                    found += _quotes(prices, k, place, belief, offsets)
    return found


def _quotes(
    prices: Moments, k: int, place: int, belief: float, offsets: Sequence[int]
) -> Iterator[Leaning]:
    at, middle = float(prices.at[k]), float(prices.middle[k, place])
    for offset in offsets:
        for side in Side:
            across = prices.ask[k, place] if side is Side.BID else prices.bid[k, place]
            wanted = belief * 100.0 - side.sign * offset
            cents = math.floor(wanted) if side is Side.BID else math.ceil(wanted)
            if not math.isnan(across):
                behind = round(across * 100.0) - side.sign
                cents = min(cents, behind) if side is Side.BID else max(cents, behind)
            if 0 < cents < 100:
                edge = side.sign * (belief - cents / 100.0)
                order = Order(at, place, side, cents * CENT, False, belief, edge)
                yield Leaning(order, middle, offset=offset)
