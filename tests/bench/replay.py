"""Recordings played again, and read in, against their peers; every answer is compared first.

The replay's peer pins an older numpy, so it plays in an interpreter of its own, named by
KALSHI_ALPHA_HFTBACKTEST; its rounds and ours are taken in turn. Without it those rows are left out,
and it is said so.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import numpy as np

from kalshi_alpha.research.replay.fast import FastReplay
from kalshi_alpha.research.replay.rules import Rules
from kalshi_alpha.research.replay.scanning import scanned
from kalshi_alpha.research.replay.tape import Tape, merged
from kalshi_alpha.research.replay.touch import Touched, touched
from tests.bench.peers import Peer, peer
from tests.order_flow import flow_tape

Pairs = list[tuple[float, float]]
Rows = list[tuple[str, str, Pairs]]
PEER = "KALSHI_ALPHA_HFTBACKTEST"
ROUNDS = 7
ROWS = 1_000_000
MARKETS, LADDER_ROWS, LADDER_STEP = 60, 20_000, 1_000_000_000
FRAMES = 200_000
SIZE, MOST, LATENCY_NS = 1000, 20_000, 10_000_000
SEED = 7
CONFIGURATIONS = ((99, 100_000_000), (999, 100_000_000), (99, 1_000_000_000))
RULES = Rules(LATENCY_NS, LATENCY_NS, whole=True)


def measure() -> Rows:
    """Return the rows of the replay and of reading frames."""
    return [*_against_peer(), *_flatness(), *_frames()]


def _against_peer() -> Rows:
    interpreter = os.environ.get(PEER)
    if not interpreter:
        print(f"(no replay against hftbacktest: {PEER} names no interpreter that has it)")
        return []
    with peer(interpreter, "tests.bench.peer_hftbacktest") as other:
        rows = [_quoting(other, levels, step) for levels, step in CONFIGURATIONS]
        return [*rows, _ladder(other)]


def _quoting(other: Peer, levels: int, step_ns: int) -> tuple[str, str, Pairs]:
    tape = flow_tape(ROWS, levels, SEED)
    command = f"quote {ROWS} {levels} {step_ns}"
    other.ask(command)
    ours, theirs = _quote(tape, levels, step_ns)[1], Touched(**other.ask(command)[1])
    if ours != theirs:
        raise SystemExit(f"{ours} is not the peer's {theirs}: timing them means nothing")
    pairs = [(_quote(tape, levels, step_ns)[0], other.ask(command)[0]) for _ in range(ROUNDS)]
    name = f"quote both touches, {levels} levels, {step_ns // 1_000_000} ms / hftbacktest"
    return name, "s", pairs


def _ladder(other: Peer) -> tuple[str, str, Pairs]:
    tape = _ladder_tape(MARKETS, LADDER_ROWS)
    command = f"ladder {MARKETS} {LADDER_ROWS} 99 {LADDER_STEP}"
    ours, theirs = _look(tape)[1], other.ask(command)[1]
    if ours != theirs:
        raise SystemExit(f"{ours} is not the peer's {theirs}: timing them means nothing")
    pairs = [(_look(tape)[0], other.ask(command)[0]) for _ in range(ROUNDS)]
    return f"{MARKETS} markets on one clock, 1 s / hftbacktest", "s", pairs


def _flatness() -> Rows:
    """Compare 60 markets with one, event by event: 0.8 is the floor."""
    many, one = _ladder_tape(MARKETS, LADDER_ROWS), _ladder_tape(1, MARKETS * LADDER_ROWS)
    _look(many), _look(one)
    pairs = [(_look(many)[0], _look(one)[0]) for _ in range(ROUNDS)]
    return [(f"{MARKETS} markets on one clock / one market of as many events", "s", pairs)]


def _ladder_tape(markets: int, rows: int) -> Tape:
    return merged([flow_tape(rows, 99, 100 + k, f"MADE-{k}") for k in range(markets)])


def _quote(tape: Tape, levels: int, step_ns: int) -> tuple[float, Touched]:
    engine = FastReplay(tape, RULES, tick=10_000 // (levels + 1), depth=False, room=len(tape) // 16)
    begun = time.perf_counter()
    steps, _ = engine.touch(step_ns, SIZE, MOST)
    return time.perf_counter() - begun, touched(engine, steps)


def _look(tape: Tape) -> tuple[float, dict[str, int]]:
    engine = FastReplay(tape, RULES, tick=100, depth=False)
    begun = time.perf_counter()
    steps, spreads = engine.touch(LADDER_STEP, 0, 0)
    return time.perf_counter() - begun, {"steps": steps, "spreads": spreads // 100}


class _Message(msgspec.Struct, gc=False):
    market_ticker: str
    price_dollars: str
    delta_fp: str
    side: str
    ts_ms: int


class _Frame(msgspec.Struct, gc=False):
    seq: int
    sid: int
    msg: _Message


def _frames() -> Rows:
    """Compare reading a file of deltas into columns with msgspec, line by line."""
    random = Random(2)
    names = [f"KXINXU-26NOV20H1600-T{6000 + 10 * k}.9999" for k in range(MARKETS)]
    data = b"".join(_line(random, names, k) for k in range(FRAMES))
    ours, theirs = scanned(data, {})[0], _decoded(data)
    if not np.array_equal(ours[:, [1, 3, 5, 6, 7, 9]], theirs):
        raise SystemExit("the scanner does not read what msgspec reads: timing means nothing")
    pairs = [(_timed(lambda: scanned(data, {})), _timed(lambda: _decoded(data))) for _ in range(5)]
    return [(f"{FRAMES} frames to columns / msgspec per line", "s", pairs)]


def _line(random: Random, names: list[str], k: int) -> bytes:
    message = {
        "market_ticker": random.choice(names),
        "market_id": f"00000000-0000-0000-0000-{k:012d}",
        "price_dollars": f"0.{random.randrange(1, 100):02d}00",
        "delta_fp": f"{random.choice((-1, 1)) * random.randrange(1, 400)}.00",
        "side": random.choice(("yes", "no")),
        "ts": "2026-11-20T20:44:01.123456Z",
        "ts_ms": 1_795_207_441_123 + k,
    }
    frame = {"type": "orderbook_delta", "sid": 2, "seq": k + 1, "msg": message}
    return msgspec.json.encode(frame) + b"\n"


def _decoded(data: bytes) -> Any:
    """Return (exchange time, market, side, price, size, sequence) of each line."""
    decode = msgspec.json.Decoder(_Frame).decode
    places: dict[str, int] = {}
    lines = data.splitlines()
    found = np.empty((len(lines), 6), np.int64)
    for k, line in enumerate(lines):
        frame = decode(line)
        said = frame.msg
        found[k] = (
            said.ts_ms * 1_000_000,
            places.setdefault(said.market_ticker, len(places)),
            said.side == "no",
            round(float(said.price_dollars) * 10_000),
            round(float(said.delta_fp) * 100),
            frame.seq,
        )
    return found


def _timed(job: Callable[[], object]) -> float:
    begun = time.perf_counter()
    job()
    return time.perf_counter() - begun
