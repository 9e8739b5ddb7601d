"""Two engines written apart, one by events and one by arrays, agree to the last integer."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.research.replay.engine import Replay, replay
from kalshi_alpha.research.replay.fast import FastReplay
from kalshi_alpha.research.replay.plain import PlainReplay
from kalshi_alpha.research.replay.rules import Cancels, Queue, Rules
from kalshi_alpha.research.replay.tape import Kind, Tape, merged, tape_of
from kalshi_alpha.research.replay.touch import quote_touches, touched
from tests.order_flow import flow_tape

pytestmark = pytest.mark.xdist_group("replay-kernel")  # compiled once
GOLDEN = json.loads((Path(__file__).parent / "hftbacktest.json").read_text())
PEERS_RULES = Rules(10_000_000, 10_000_000, whole=True)
RESULTS = ("steps", "requests", "fills", "position", "cash")
QUEUES = [
    Queue(),
    Queue(Cancels.SHARED, share=1.0),
    Queue(Cancels.SHARED, share=0.37),
    Queue(Cancels.POWER, power=1),
    Queue(Cancels.POWER, power=2),
    Queue(Cancels.POWER, power=3),
]


def case(made: dict[str, Any]) -> str:
    return f"{made['levels']} levels, {made['step_ns'] // 10**6} ms, seed {made['seed']}"


@pytest.mark.parametrize("made", GOLDEN["made"], ids=case)
def test_the_market_maker_ends_where_hftbacktests_ends(made: dict[str, Any]) -> None:
    tape = flow_tape(GOLDEN["rows"], made["levels"], made["seed"])
    engine = FastReplay(tape, PEERS_RULES, tick=10_000 // (made["levels"] + 1), depth=False)
    steps, _ = engine.touch(made["step_ns"], 1000, 20_000)
    assert asdict(touched(engine, steps)) == {name: made[name] for name in RESULTS}


def test_five_seeds_and_three_configurations_were_made() -> None:
    assert len({made["seed"] for made in GOLDEN["made"]}) >= 5
    assert len({(made["levels"], made["step_ns"]) for made in GOLDEN["made"]}) >= 3
    assert all(made["fills"] > 100 for made in GOLDEN["made"])


@pytest.mark.parametrize("made", GOLDEN["made"], ids=case)
def test_the_plain_engine_ends_where_hftbacktest_ends(made: dict[str, Any]) -> None:
    tape = flow_tape(GOLDEN["rows"], made["levels"], made["seed"])
    engine = PlainReplay(tape, PEERS_RULES, tick=10_000 // (made["levels"] + 1))
    result = asdict(quote_touches(engine, made["step_ns"], 1000, 20_000))
    assert result == {name: made[name] for name in RESULTS}


@pytest.mark.parametrize("queue", QUEUES, ids=str)
@pytest.mark.parametrize("whole", [True, False])
def test_the_engines_make_the_same_fills_of_a_day(queue: Queue, whole: bool) -> None:
    tape = merged([flow_tape(3000, 99, seed, f"MADE-{seed}") for seed in (1, 2, 3)])
    rules = Rules(7_000_000, 11_000_000, 3_000_000, queue, whole)
    engines = [replay(tape, rules, plain=True), replay(tape, rules)]
    plain, fast = (quote_touches(engine, 50_000_000, 1250, 20_000) for engine in engines)
    assert plain == fast
    assert engines[0].fills == engines[1].fills
    assert plain.fills > 50
    for depth in (True, False):
        driven = FastReplay(tape, rules, depth=depth)
        steps, _ = driven.touch(50_000_000, 1250, 20_000)
        assert (touched(driven, steps), driven.fills) == (plain, engines[0].fills)


@st.composite
def recordings(draw: st.DrawFn) -> Tape:
    """Anything a book can say, also what a real one would not: crossed, cleared, at one instant."""
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 3),  # gap
                st.integers(-3, 4),  # arrival: our clock may run behind
                st.integers(0, 1),  # market
                st.sampled_from([Kind.LEVEL] * 6 + [Kind.TRADE] * 3 + [Kind.CLEAR, Kind.INDEX]),
                st.integers(0, 1),
                st.integers(40, 48),
                st.integers(0, 300),
            ),
            min_size=1,
            max_size=120,
        )
    )
    at = np.cumsum([row[0] for row in rows]) + 1000
    kind = np.array([row[3] for row in rows])
    size = np.array([row[6] for row in rows])
    columns = {
        "exch_ns": at,
        "recv_ns": at + np.array([row[1] for row in rows]),
        "name": [row[2] for row in rows],
        "kind": kind,
        "side": [row[4] for row in rows],
        "price": [row[5] * 100 for row in rows],
        "size": np.where(kind == Kind.TRADE, size + 1, size),
    }
    return tape_of(columns, ["A", "B"])


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["submit"] * 4 + ["amend", "amend", "decrease", "cancel", "wait"]),
        st.integers(0, 1),
        st.integers(0, 1),
        st.integers(39, 49),
        st.integers(1, 250),
        st.integers(0, 12),
        st.booleans(),
        st.booleans(),
    ),
    max_size=40,
)


def act(engine: Replay, action: tuple[Any, ...], orders: list[int]) -> object:
    name, market, side, level, size, late, post_only, rests = action
    price = 100 * level
    expires = engine.now + 3 * late if late > 6 else 1 << 62
    if name == "submit":
        number = engine.submit(
            market, side, price, size, expires_ns=expires, post_only=post_only, rests=rests
        )
        orders.append(number)
        return number
    if not orders or name == "wait":
        return None
    order = orders[(level * size) % len(orders)]
    if name == "amend" and rests:  # its own price, and about its own size
        known = engine.order(order)
        count = max(1, known.filled + known.remaining + level % 3 - 1)
        engine.amend(order, known.price, count, expires_ns=expires if late > 6 else -1)
    elif name == "amend":
        engine.amend(order, price, size, expires_ns=expires if late > 6 else -1)
    elif name == "decrease":
        engine.decrease(order, size // 3)
    else:
        engine.cancel(order)
    return order


def lived(engine: Replay, actions: list[tuple[Any, ...]]) -> list[object]:
    """Return everything a strategy could have seen."""
    told: list[object] = []
    orders: list[int] = []
    for action in actions:
        told += [engine.advance(engine.now + action[5]), act(engine, action, orders)]
        told += [(engine.seen(m), engine.position(m), engine.index(m)) for m in (0, 1)]
        told += [(engine.depth(0, 0), engine.depth(1, 1), engine.more)]
        told += [engine.order(number) for number in orders]
    told += [engine.advance(engine.now + 10_000), engine.more]
    told += [engine.order(number) for number in orders]
    return [*told, engine.fills, engine.requests]


@settings(max_examples=300)
@given(
    tape=recordings(),
    actions=ACTIONS,
    queue=st.sampled_from(QUEUES),
    whole=st.booleans(),
    latency=st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 3)),
)
def test_the_engines_tell_a_strategy_the_same(
    tape: Tape,
    actions: list[tuple[Any, ...]],
    queue: Queue,
    whole: bool,
    latency: tuple[int, int, int],
) -> None:
    rules = Rules(*latency, queue, whole)
    plain = lived(PlainReplay(tape, rules, tick=100), actions)
    assert lived(FastReplay(tape, rules, tick=100), actions) == plain


def test_a_log_that_is_full_grows_and_nothing_changes() -> None:
    tape = flow_tape(20_000, 9, 5)
    found = []
    for room in (1, 100_000):
        engine = FastReplay(tape, PEERS_RULES, tick=1000, depth=False, room=room)
        steps, _ = engine.touch(10_000_000, 100, 100_000)
        found.append((touched(engine, steps), engine.fills))
    assert found[0] == found[1]
    assert len(found[0][1]) > 40  # more than the first room held


def test_prices_off_the_grid_and_time_going_back_are_refused() -> None:
    tape = flow_tape(300)
    for plain in (True, False):
        engine = replay(tape, Rules(), plain=plain)
        with pytest.raises(DataError, match="whole multiples of 100"):
            engine.submit(0, 0, 4550, 100)
        with pytest.raises(DataError, match="time cannot go back"):
            engine.advance(engine.now - 1)
        with pytest.raises(DataError, match="does not hold the recorded prices"):
            replay(tape, Rules(), tick=5000, plain=plain)


def test_rules_that_would_see_the_future_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="news from the future"):
        Rules(response_ns=-1)
    with pytest.raises(ConfigurationError, match="power 1, 2 or 3"):
        Queue(Cancels.POWER, power=4)


def test_without_numba_the_plain_engine_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    tape = flow_tape(300)
    assert isinstance(replay(tape, Rules()), FastReplay)
    monkeypatch.setattr("kalshi_alpha.research.replay.engine.find_spec", lambda _name: None)
    assert isinstance(replay(tape, Rules()), PlainReplay)
