"""When to lean, and on what: each signal with what speaks for it and against it.

A *leader* moves before its neighbours; a *follower* is a neighbour that has not given way yet; a
*migration* is the whole mass moving. Each is asked the same: is it speeding up, does order flow
press the same way, is no new high about to print, do the prices still hang together, does it earn
after fees? A signal rests in the book. It takes only where the operator allowed it, the
probabilities are calibrated and what is left after the exact taker's fee is above a limit of its
own: whoever may not take is never told to.
"""

from __future__ import annotations

import functools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.ticks import TickGrid
from kalshi_alpha.markets.units import CASH_UNIT, PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.momentum.checks import Check, Signal
from kalshi_alpha.momentum.hawkes import BUY, SELL
from kalshi_alpha.momentum.state import BracketView, MarketState
from kalshi_alpha.pricing.fees import FeeTerms, maker_fee, taker_fee

LEADER, FOLLOWER, MIGRATION = "leader", "follower", "migration"


@dataclass(frozen=True, slots=True)
class SignalTerms:
    """Limits of every gate; they have no defaults, for they are chosen on past days.

    Attributes:
        least_velocity: dollars a second, of a bracket.
        least_acceleration: dollars a second squared, the same way.
        least_centre: ticks a second, of the centre of mass.
        least_flow: of the pressure the same way, within -1 to 1.
        most_hazard: probability that a new high prints before a signal has played out.
        most_incoherence: dollars by which the middles may miss one.
        most_age_s: seconds since any bracket was heard of.
        least_edge: dollars a contract that resting must earn after the maker's fee.
        taker_edge: dollars a contract that taking must earn more than, after the taker's fee.
        hot: a heat of the takers, in ordinary moments, from which prices are bettered.
        taker_allowed: what the operator said; it is no unless it is said.
    """

    least_velocity: float
    least_acceleration: float
    least_centre: float
    least_flow: float
    most_hazard: float
    most_incoherence: float
    most_age_s: float
    least_edge: float
    taker_edge: float
    hot: float
    taker_allowed: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known when an event has come in.

    Attributes:
        at: seconds.
        state: of the market.
        beliefs: the filter's probabilities.
        hazard: probability that a new high prints before a signal has played out.
        heats: of the takers' buys and sells, 1 an ordinary moment (``Hawkes.heats``).
        calibrated: whether ``beliefs`` were calibrated on days past.
        current: whether every book is followed without a gap: what has not changed is not old.
    """

    at: float
    state: MarketState
    beliefs: Sequence[float]
    hazard: float = 0.0
    heats: Sequence[float] = (1.0, 1.0)
    calibrated: bool = False
    current: bool = False


@dataclass(frozen=True, slots=True)
class SignalRules:
    """What signals of one event are judged by."""

    terms: SignalTerms
    fees: FeeTerms
    grid: TickGrid


def signals(moment: Moment, place: int, rules: SignalRules) -> tuple[Signal, ...]:
    """Return what an event in one bracket gives rise to, refused or not; mostly nothing.

    Args:
        moment: after the event.
        place: the bracket's, whose middle moved.
        rules: limits, fees and grid.
    """
    state, terms = moment.state, rules.terms
    if not state.whole:
        return ()
    centre, view = state.centre_rates(moment.at), state.view(place, moment.at)
    moves, leads = abs(centre[0]) >= terms.least_centre, abs(view.velocity) >= terms.least_velocity
    if not (moves or leads):
        return ()
    shared = _shared(moment, rules)
    found: list[Signal] = []
    if moves:
        found += _migration(moment, centre, shared, rules)
    if leads:
        found += _led(moment, place, view, shared, rules)
    return tuple(found)


def _migration(
    moment: Moment, centre: tuple[float, float], shared: tuple[Check, ...], rules: SignalRules
) -> Iterator[Signal]:
    """Lean with the mass: buy the bracket it moves into, sell the one it leaves."""
    state, terms = moment.state, rules.terms
    velocity, acceleration = centre
    onwards = 1 if velocity > 0.0 else -1
    middle = state.centre()
    assert middle is not None
    checks = (
        Check("centre", True, abs(velocity), terms.least_centre),
        Check("acceleration", acceleration * onwards > 0.0, acceleration * onwards, 0.0),
    )
    ahead = _ahead(state.brackets.centres, middle, onwards)
    for place, side in ((ahead, Side.BID), (ahead - onwards, Side.ASK)):
        view = state.view(place, moment.at)
        yield _signal(moment, MIGRATION, place, side, view, (*checks, *shared), rules)


def _led(
    moment: Moment,
    place: int,
    view: BracketView,
    shared: tuple[Check, ...],
    rules: SignalRules,
) -> Iterator[Signal]:
    """Lean with a bracket that moves first, and against the neighbour that gives way last."""
    state, terms = moment.state, rules.terms
    way = 1 if view.velocity > 0.0 else -1
    near = [
        (k, *state.course(k, moment.at))
        for k in (place - 1, place + 1)
        if 0 <= k < len(state.brackets)
    ]
    fastest, speed = max([abs(velocity) for *_, velocity in near]), abs(view.velocity)
    rising, least = view.acceleration * way, terms.least_acceleration
    checks = (
        Check("velocity", True, speed, terms.least_velocity),
        Check("acceleration", rising >= least, rising, least),
        Check("leads", fastest < speed, fastest, speed),
        *shared,
    )
    side = Side.BID if way > 0 else Side.ASK
    yield _signal(moment, LEADER, place, side, view, checks, rules)
    # Mass that comes to one bracket leaves another: the neighbour that is priced furthest off.
    off, late = max([((mid - moment.beliefs[k]) * way, k) for k, mid, _ in near])
    if off > 0.0:
        beside = state.view(late, moment.at)
        yield _signal(moment, FOLLOWER, late, side.other, beside, checks, rules)


def _shared(moment: Moment, rules: SignalRules) -> tuple[Check, ...]:
    state, terms = moment.state, rules.terms
    missed = abs(state.overround() or 0.0)
    oldest = 0.0 if moment.current and state.whole else state.oldest_s(moment.at)
    return (
        Check("hazard", moment.hazard <= terms.most_hazard, moment.hazard, terms.most_hazard),
        Check("coherence", missed <= terms.most_incoherence, missed, terms.most_incoherence),
        Check("age", oldest <= terms.most_age_s, oldest, terms.most_age_s),
    )


def _signal(
    moment: Moment,
    kind: str,
    place: int,
    side: Side,
    view: BracketView,
    checks: tuple[Check, ...],
    rules: SignalRules,
) -> Signal:
    state, terms = moment.state, rules.terms
    pressed = max(view.taken, view.pushed, key=abs) * side.sign
    heat = moment.heats[BUY if side is Side.BID else SELL]
    belief = moment.beliefs[place]
    bid, ask = state.best(place)
    price, rests = _resting(side, bid, ask, rules.grid, better=heat >= terms.hot)
    edge = _earned(side, price, belief, rules.fees, taker=False)
    taker = False
    across = ask if side is Side.BID else bid
    if terms.taker_allowed and moment.calibrated and 0 < across < PRICE_UNIT:
        taking = _earned(side, across, belief, rules.fees, taker=True)
        if taking > terms.taker_edge:
            price, edge, taker, rests = across, taking, True, True
    least = terms.taker_edge if taker else terms.least_edge
    return Signal(
        kind,
        place,
        state.brackets.tickers[place],
        side,
        price,
        taker,
        edge,
        heat,
        (
            *checks,
            Check("flow", pressed >= terms.least_flow, pressed, terms.least_flow),
            Check("room", rests, (ask - bid) / PRICE_UNIT, 0.0),
            Check("edge", edge >= least, edge, least),
        ),
    )


def _resting(side: Side, bid: int, ask: int, grid: TickGrid, *, better: bool) -> tuple[int, bool]:
    """Return a price beside the best of its side, a tick better if asked, and whether it rests."""
    levels = grid.levels
    if side is Side.BID:
        at = max(bisect_right(levels, bid) - 1, 0)
        at += better and at + 1 < len(levels) and levels[at + 1] < ask
        return levels[at], levels[at] < ask
    at = min(bisect_left(levels, ask), len(levels) - 1)
    at -= better and at > 0 and levels[at - 1] > bid
    return levels[at], levels[at] > bid


def _earned(side: Side, price: int, belief: float, fees: FeeTerms, *, taker: bool) -> float:
    gain = round((belief - price / PRICE_UNIT) * side.sign * CASH_UNIT)
    return (gain - _fee(fees, price, side, taker)) / CASH_UNIT  # whole cash: noise decides nothing


@functools.lru_cache(maxsize=4096)  # some hundred prices an event, asked at every event
def _fee(fees: FeeTerms, price: int, side: Side, taker: bool) -> int:
    return (taker_fee if taker else maker_fee)(fees, price, SIZE_UNIT, side)


def _ahead(centres: Sequence[float], middle: float, onwards: int) -> int:
    """Return the first bracket whose centre the mass has before it; there always is one."""
    beyond = [k for k, centre in enumerate(centres) if (centre - middle) * onwards > 0.0]
    return beyond[0] if onwards > 0 else beyond[-1]
