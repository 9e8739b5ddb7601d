"""What is carried from event to event equals what a sum over every event would give."""

from __future__ import annotations

import json
import math
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.momentum.hawkes import Hawkes, HawkesParameters
from kalshi_alpha.momentum.motion import Flow, Motion
from kalshi_alpha.momentum.state import MarketState, StateTerms
from tests.made_brackets import made_brackets

BRACKETS = made_brackets()
TERMS = StateTerms()
waits = st.floats(0.0, 300.0)
jumps = st.lists(st.tuples(waits, st.floats(-1.0, 1.0)), min_size=1, max_size=40)
cents = st.integers(1, 98)
sizes = st.integers(0, 100_000)
quotes = st.tuples(st.just("quote"), cents, sizes, st.integers(1, 40), sizes)
trades = st.tuples(st.just("trade"), cents, st.integers(1, 10_000), st.sampled_from(list(Side)))
streams = st.lists(
    st.tuples(
        st.one_of(waits, st.just(-20.0), st.just(7200.0)), st.integers(0, 5), quotes | trades
    ),
    max_size=60,
)
processes = st.builds(
    HawkesParameters,
    st.tuples(st.floats(0.01, 2.0), st.floats(0.01, 2.0)),
    st.tuples(
        st.tuples(st.floats(0.0, 0.45), st.floats(0.0, 0.45)),
        st.tuples(st.floats(0.0, 0.45), st.floats(0.0, 0.45)),
    ),
    st.floats(0.01, 20.0),
)


def feed(state: MarketState, stream, at: float = 0.0) -> float:
    for wait, place, (kind, *said) in stream:
        at += wait
        if kind == "quote":
            price, bid_size, width, ask_size = said
            ask = min(9900, 100 * (price + width))
            state.quote(at, place, 100 * price, bid_size, ask, ask_size)
        else:
            state.trade(at, place, 100 * said[0], *said[1:])
    return at


@given(jumps, st.floats(0.5, 120.0), st.floats(0.0, 600.0))
def test_motion_equals_the_sum_over_all_jumps(rows, tau, later):
    motion = Motion(tau)
    times = list(accumulate(wait for wait, _ in rows))
    for at, (_, by) in zip(times, rows, strict=True):
        motion.jump(at, by)
    now = times[-1] + later
    ages = [(now - at) / tau for at in times]
    velocity = sum(by * math.exp(-s) for s, (_, by) in zip(ages, rows, strict=True)) / tau
    speeding = sum(by * (1 - s) * math.exp(-s) for s, (_, by) in zip(ages, rows, strict=True))

    assert math.isclose(motion.rates(now)[0], velocity, rel_tol=1e-9, abs_tol=1e-12)
    assert math.isclose(motion.rates(now)[1], speeding / tau**2, rel_tol=1e-9, abs_tol=1e-11)


@given(jumps, st.floats(0.5, 120.0), st.floats(0.0, 600.0))
def test_pressure_equals_the_sum_over_all_volume(rows, tau, later):
    flow = Flow(tau, 50.0)
    times = list(accumulate(wait for wait, _ in rows))
    for at, (_, by) in zip(times, rows, strict=True):
        flow.add(at, 100.0 * by)
    now = times[-1] + later
    kept = [
        (100.0 * by, math.exp((at - now) / tau)) for at, (_, by) in zip(times, rows, strict=True)
    ]
    net, both = sum(v * k for v, k in kept), sum(abs(v) * k for v, k in kept)

    assert math.isclose(flow.pressure(now), net / (both + 50.0), rel_tol=1e-9, abs_tol=1e-12)
    assert -1.0 < flow.pressure(now) < 1.0


@given(streams)
def test_the_centre_never_drifts_from_the_middles(stream):
    state = MarketState(BRACKETS, TERMS)
    feed(state, stream)
    mids = [state.mid(k) for k in range(6)]

    assert state.whole == all(mid is not None for mid in mids)
    if state.whole:
        total = math.fsum(mids)
        moment = math.fsum(m * c for m, c in zip(mids, BRACKETS.centres, strict=True))
        assert math.isclose(state.centre(), moment / total, rel_tol=1e-12)
        assert math.isclose(state.overround(), total - 1.0, abs_tol=1e-12)
        assert BRACKETS.centres[0] <= state.centre() <= BRACKETS.centres[-1]


@given(streams)
def test_what_is_shown_is_always_within_its_bounds(stream):
    state = MarketState(BRACKETS, TERMS)
    at = feed(state, stream)
    for place in range(6):
        mid = state.mid(place)
        if mid is None:
            continue
        view = state.view(place, at)
        bid, ask = state.best(place)
        assert 0.0 < view.mid < 1.0
        assert 0 <= bid < ask <= 10_000
        assert bid <= round(mid * 10_000) <= ask
        assert view.spread > 0.0
        assert view.age_s >= 0.0
        assert all(-1.0 <= share <= 1.0 for share in (view.taken, view.pushed, view.queue))
        assert all(math.isfinite(rate) for rate in (view.velocity, view.acceleration))


@given(streams, st.data())
def test_a_restart_at_any_event_changes_nothing(stream, data):
    cut = data.draw(st.integers(0, len(stream)))
    whole, first = MarketState(BRACKETS, TERMS), MarketState(BRACKETS, TERMS)
    feed(whole, stream)
    at = feed(first, stream[:cut])
    again = MarketState.from_json(json.loads(json.dumps(first.to_json())), BRACKETS, TERMS)
    feed(again, stream[cut:], at)

    assert again.to_json() == whole.to_json()
    assert again.centre() == whole.centre()


@given(processes, st.lists(st.tuples(waits, st.integers(0, 1)), max_size=40), waits)
def test_intensities_equal_the_sum_over_all_events(parameters, rows, later):
    process = Hawkes(parameters, 0.0)
    times = list(accumulate(wait for wait, _ in rows))
    for at, (_, kind) in zip(times, rows, strict=True):
        process.event(at, kind)
    now = (times[-1] if times else 0.0) + later
    decay = parameters.decay
    for kind, base in enumerate(parameters.base):
        by = [
            (parameters.branching[kind][other], math.exp(-decay * (now - at)))
            for at, (_, other) in zip(times, rows, strict=True)
        ]
        summed = base + math.fsum(b * decay * kept for b, kept in by)
        expected = base * now + math.fsum(b * (1.0 - kept) for b, kept in by)
        assert math.isclose(process.intensities(now)[kind], summed, rel_tol=1e-9)
        assert math.isclose(process.expected(now)[kind], expected, rel_tol=1e-9, abs_tol=1e-12)
