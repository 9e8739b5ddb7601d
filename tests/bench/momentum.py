"""What an event on a temperature ladder costs, and its filters against their peers.

filterpy and intensify play in an interpreter of their own, named by KALSHI_ALPHA_FILTERS; rounds
are taken in turn, and every answer is compared before it is timed. Without it those rows are left
out, and it is said so.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import chain
from random import Random
from typing import Any

import numpy as np
from numba import njit

from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.momentum.events import Looked, Quoted, Traded
from kalshi_alpha.momentum.filter import BracketFilter, FilterTerms
from kalshi_alpha.momentum.hawkes import BUY, SELL, Hawkes, HawkesParameters
from kalshi_alpha.momentum.horizon import QUOTES, horizons_from_json
from kalshi_alpha.momentum.odds import odds_from_json
from kalshi_alpha.momentum.pool import pool_from_json
from kalshi_alpha.momentum.signals import Moment, SignalRules, SignalTerms, signals
from kalshi_alpha.momentum.state import MarketState, StateTerms
from kalshi_alpha.momentum.strategy import Learned, Market, Momentum
from kalshi_alpha.momentum.terms import load_terms
from kalshi_alpha.pricing.fees import fee_terms
from kalshi_alpha.rehearsal.recorded_temperature import (
    shipped_horizon,
    shipped_odds,
    shipped_pool,
)
from kalshi_alpha.research.temperature.hawkes_fit import Stretch, fit_hawkes
from kalshi_alpha.research.temperature.unscented import bracket_middles, stays, unscented_step
from tests.bench.peers import Peer, peer
from tests.bracket_flow import (
    BRACKETS,
    MIDDLE_SD,
    NOISE,
    START,
    STEP_S,
    WANDER,
    even_looks,
    exciting_events,
    middles,
)
from tests.made_brackets import CENTS, made_brackets

Pairs = list[tuple[float, float]]
Rows = list[tuple[str, str, Pairs]]
PEERS = "KALSHI_ALPHA_FILTERS"
ROUNDS = 9
STEPS, EVENTS, SEED = 400, 50_000, 7
CLOSE = 1e-9
TARGET_US = 50.0
TICKS = 20_000
DAY = date(2024, 12, 3)  # of what is shipped


def measure() -> Rows:
    """Return the rows of the whole event and of the filters."""
    return [*_event(), *_against_peers()]


def _event() -> Rows:
    """Compare the median event with 50 us: above 1 it is below."""
    parts = [(_median_event(SEED + k), TARGET_US) for k in range(ROUNDS)]
    whole = [(_median_turn(SEED + k), TARGET_US) for k in range(ROUNDS)]
    return [
        (f"an event, {BRACKETS} brackets: state, filter, signals / 50 us", "us", parts),
        ("the same by the whole strategy, with all that was learned / 50 us", "us", whole),
    ]


def _median_event(seed: int) -> float:
    """Return the median microseconds from a quote to its signals, where the middle moved."""
    state, terms = MarketState(made_brackets(BRACKETS), StateTerms()), FilterTerms(WANDER, START)
    believed = BracketFilter(BRACKETS, terms, 0.0)
    flow = Hawkes(HawkesParameters((0.05, 0.05), ((0.3, 0.1), (0.1, 0.3)), 0.1), 0.0)
    rules = SignalRules(
        SignalTerms(0.0002, 0.0, 0.01, 0.05, 0.5, 0.1, 600.0, 0.0, 0.02, 2.0, taker_allowed=True),
        fee_terms("quadratic_with_maker_fees", 1),
        CENTS,
    )
    taken, found = [], 0
    for at, place, bid, bid_size, ask, ask_size, taker in _quotes(seed):
        begun = time.perf_counter()
        moved = state.quote(at, place, bid, bid_size, ask, ask_size)
        if taker is not None:
            state.trade(at, place, bid if taker is Side.ASK else ask, 1000, taker)
            flow.event(at, BUY if taker is Side.BID else SELL)
        if not moved:
            continue
        mid = state.mid(place)
        assert mid is not None
        believed.see(at, place, mid, terms.price_sd(state.spread(place)))
        chances, heats = believed.probabilities(), flow.heats(at)
        moment = Moment(at, state, chances, 0.01, heats, calibrated=True)
        found += len(signals(moment, place, rules))
        taken.append(time.perf_counter() - begun)
    if not found:
        raise SystemExit("no event gave rise to a signal: timing them means nothing")
    return 1e6 * statistics.median(taken)


def _median_turn(seed: int) -> float:
    """Return the median microseconds of the strategy, as it runs live, over quotes that moved."""
    terms = load_terms()
    horizon = replace(next(iter(horizons_from_json(shipped_horizon(), DAY).values())), by=QUOTES)
    learned = Learned(
        0.0, pool_from_json(shipped_pool(), DAY), {QUOTES: horizon},
        odds_from_json(shipped_odds(), DAY),
    )  # fmt: skip
    market = Market(fee_terms("quadratic", 1), CENTS)
    strategy = Momentum(made_brackets(BRACKETS), market, terms, 0.0, learned)
    law, taken, decided, looked = tuple(1.0 / BRACKETS for _ in range(BRACKETS)), [], 0, -1e9
    for at, place, bid, bid_size, ask, ask_size, taker in _quotes(seed):
        if at - looked > 300.0:
            looked = at
            strategy.take(Looked(at, law, 0.01))
        if taker is not None:
            strategy.take(Traded(at, place, bid if taker is Side.ASK else ask, 1000, taker))
        before = strategy.state.mid(place)
        begun = time.perf_counter()
        turn = strategy.take(Quoted(at, place, Top(bid, bid_size, ask, ask_size)))
        if strategy.state.mid(place) != before:
            taken.append(time.perf_counter() - begun)
        decided += len(turn.records)
    if not decided:
        raise SystemExit("the strategy decided nothing: timing it means nothing")
    return 1e6 * statistics.median(taken)


def _quotes(seed: int) -> list[tuple[float, int, int, int, int, int, Side | None]]:
    """Return made quotes around six probabilities, one a second, every fifth with a trade."""
    random = Random(seed)
    home = (5, 15, 30, 30, 15, 5)
    cents, at, rows = list(home), 0.0, []
    for k in range(TICKS):
        at += random.expovariate(1.0)
        place = random.randrange(BRACKETS)
        step = random.choice((-1, 0, 0, 1)) + round((home[place] - cents[place]) * 0.1)
        cents[place] = min(97, max(2, cents[place] + step))
        sizes = random.randrange(100, 50_000), random.randrange(100, 50_000)
        taker = random.choice((Side.BID, Side.ASK)) if k % 5 == 0 else None
        bid, ask = 100 * cents[place] - 100, 100 * cents[place] + 100
        rows.append((at, place, bid, sizes[0], ask, sizes[1], taker))
    return rows


def _against_peers() -> Rows:
    interpreter = os.environ.get(PEERS)
    if not interpreter:
        print(f"(no filter against filterpy: {PEERS} names no interpreter that has it)")
        return []
    with peer(interpreter, "tests.bench.peer_filters") as other:
        return [_filter(other), _unscented(other), _hawkes(other)]


def _filter(other: Peer) -> tuple[str, str, Pairs]:
    seen = even_looks(STEPS, SEED)

    def ours() -> tuple[float, Any]:
        made = BracketFilter(BRACKETS, FilterTerms(WANDER, START), 0.0)
        begun = time.perf_counter()
        for at, scores in seen:
            made.observe(at, scores, NOISE)
        seconds = time.perf_counter() - begun
        return seconds, [y - made.scores[-1] for y in made.scores[:-1]]

    _require_same("filter", ours()[1], other.ask(f"filter {STEPS}")[1])
    pairs = _in_turn(ours, other, f"filter {STEPS}", STEPS)
    return f"a look at {BRACKETS} brackets, filtered / filterpy", "us", pairs


def _unscented(other: Peer) -> tuple[str, str, Pairs]:
    step = unscented_step(njit(stays), njit(bracket_middles))
    seen = [np.array(each) for each in middles(STEPS, SEED)]
    alike = np.eye(BRACKETS - 1) + 1.0
    moving, seeing = WANDER * STEP_S * alike, MIDDLE_SD**2 * np.eye(BRACKETS)

    def ours() -> tuple[float, Any]:
        mean, spread = np.zeros(BRACKETS - 1), START * alike
        begun = time.perf_counter()
        for each in seen:
            step(mean, spread, each, moving, seeing, 0.5, 2.0, 0.0)
        return time.perf_counter() - begun, [mean.tolist(), spread.tolist()]

    mine, theirs = ours()[1], other.ask(f"unscented {STEPS}")[1]
    _require_same("unscented", [*mine[0], *chain(*mine[1])], [*theirs[0], *chain(*theirs[1])])
    pairs = _in_turn(ours, other, f"unscented {STEPS}", STEPS)
    return f"an unscented step, {BRACKETS} brackets / filterpy", "us", pairs


def _hawkes(other: Peer) -> tuple[str, str, Pairs]:
    at = np.array(exciting_events(EVENTS, SEED))
    stretch = Stretch(at, np.zeros(len(at), np.int64), 0.0, float(at[-1]))

    def ours() -> tuple[float, Any]:
        begun = time.perf_counter()
        found = fit_hawkes([stretch], 1)
        return time.perf_counter() - begun, found.log_likelihood

    mine, theirs = ours()[1], other.ask(f"hawkes {EVENTS}")[1]["log_likelihood"]
    if mine < theirs - 1e-3:
        raise SystemExit(f"the fit reaches {mine}, the peer {theirs}: timing them means nothing")
    pairs = _in_turn(ours, other, f"hawkes {EVENTS}", 1000)
    return f"Hawkes fit, {EVENTS} events / intensify", "ms", pairs


def _in_turn(ours: Callable[[], tuple[float, Any]], other: Peer, command: str, steps: int) -> Pairs:
    """Return rounds of ours and the peer's, as microseconds a step or milliseconds a thousand."""
    scale = 1e6 / steps
    return [(scale * ours()[0], scale * other.ask(command)[0]) for _ in range(ROUNDS)]


def _require_same(what: str, ours: list[float], theirs: list[float]) -> None:
    apart = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    if not apart < CLOSE:
        raise SystemExit(f"{what}: ours is {apart} from the peer's: timing them means nothing")
