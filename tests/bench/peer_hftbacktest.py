r"""The peer's side of the replay bench, run by an interpreter that has hftbacktest.

It pins an older numpy than this project does, so it lives in an environment of its own::

    python3 -m venv /elsewhere && /elsewhere/bin/pip install hftbacktest
    cd tests/unit/research && PYTHONPATH=../../.. /elsewhere/bin/python \
        -m tests.bench.peer_hftbacktest golden > hftbacktest.json
    KALSHI_ALPHA_HFTBACKTEST=/elsewhere/bin/python make bench

``golden`` writes what its market maker made of made recordings; ``serve`` plays one round for each
line it reads, ``quote`` or ``ladder``, and answers with seconds and results.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from typing import Any

import hftbacktest as hb
import numpy as np
from hftbacktest.types import event_dtype
from numba import njit

from tests.order_flow import FEED_NS, TRADE, order_flow

COMMAND = "python -m tests.bench.peer_hftbacktest golden"
ENTRY_NS = RESPONSE_NS = 10_000_000
SIZE, MOST = 10.0, 200.0
SEEDS = (7, 11, 23, 42, 101)
# (levels of the book, nanoseconds between decisions)
CONFIGURATIONS = ((99, 100_000_000), (999, 100_000_000), (99, 1_000_000_000))
GOLDEN_ROWS = 40_000


def events(rows: int, levels: int, seed: int) -> Any:
    """Return a made recording in the peer's form."""
    flow = {key: np.array(value) for key, value in order_flow(rows, levels, seed).items()}
    traded = flow["kind"] == TRADE
    # A quote's side is its own; a trade's is its taker's, the other one than the resting side.
    buys = np.where(traded, flow["side"] == 1, flow["side"] == 0)
    found = np.zeros(rows, event_dtype)
    kind = np.where(traded, hb.TRADE_EVENT, hb.DEPTH_EVENT).astype(np.uint64)
    side = np.where(buys, np.uint64(hb.BUY_EVENT), np.uint64(hb.SELL_EVENT))
    found["ev"] = kind | side | np.uint64(hb.EXCH_EVENT) | np.uint64(hb.LOCAL_EVENT)
    found["exch_ts"], found["local_ts"] = flow["at"], flow["at"] + FEED_NS
    found["px"], found["qty"] = flow["price"] / (levels + 1), flow["size"]
    return found


def backtest(recordings: list[Any], levels: int) -> Any:
    """Return its fastest backtest of them: risk-averse queue, constant latency, whole fills."""
    assets = [
        hb.BacktestAsset()
        .data(each)
        .linear_asset(1.0)
        .constant_order_latency(ENTRY_NS, RESPONSE_NS)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_qty_fee_model(0.0, 0.0)
        .tick_size(1.0 / (levels + 1))
        .lot_size(1.0)
        .last_trades_capacity(0)
        .roi_lb(0.0)
        .roi_ub(1.0)
        for each in recordings
    ]
    return hb.ROIVectorMarketDepthBacktest(assets)


@njit
def _quote(hbt: Any, step: int, size: float, most: float) -> Any:
    number, steps, requests = 1, 0, 0
    while hbt.elapse(step) == 0:
        steps += 1
        hbt.clear_inactive_orders(0)
        depth = hbt.depth(0)
        bid, ask = depth.best_bid_tick, depth.best_ask_tick
        if bid >= ask:
            continue
        held = hbt.position(0)
        has_bid, has_ask = False, False
        orders = hbt.orders(0).values()
        while orders.has_next():
            order = orders.get()
            if order.side == hb.BUY:
                has_bid = True
                stale = order.price_tick != bid or held >= most
            else:
                has_ask = True
                stale = order.price_tick != ask or held <= -most
            if stale and order.cancellable:
                hbt.cancel(0, order.order_id, False)
                requests += 1
        if not has_bid and held < most:
            hbt.submit_buy_order(0, number, bid * depth.tick_size, size, hb.GTX, hb.LIMIT, False)
            number, requests = number + 1, requests + 1
        if not has_ask and held > -most:
            hbt.submit_sell_order(0, number, ask * depth.tick_size, size, hb.GTX, hb.LIMIT, False)
            number, requests = number + 1, requests + 1
    return steps, requests


@njit
def _look(hbt: Any, step: int, markets: int, levels: int) -> Any:
    steps, spreads = 0, 0
    while hbt.elapse(step) == 0:
        steps += 1
        for market in range(markets):
            depth = hbt.depth(market)
            bid, ask = depth.best_bid_tick, depth.best_ask_tick
            if 0 < bid < ask <= levels:
                spreads += ask - bid
    return steps, spreads


def quote(recording: Any, levels: int, step_ns: int) -> tuple[float, dict[str, int]]:
    """Return seconds and results of quoting both touches."""
    hbt = backtest([recording], levels)
    begun = time.perf_counter()
    steps, requests = _quote(hbt, step_ns, SIZE, MOST)
    seconds = time.perf_counter() - begun
    state = hbt.state_values(0)
    made = {
        "steps": int(steps),
        "requests": int(requests),
        "fills": int(state.num_trades),
        "position": round(100 * float(state.position)),
        "cash": round(1_000_000 * float(state.balance)),
    }
    hbt.close()
    return seconds, made


def ladder(recordings: list[Any], levels: int, step_ns: int) -> tuple[float, dict[str, int]]:
    """Return seconds and results of looking at every market's top."""
    hbt = backtest(recordings, levels)
    begun = time.perf_counter()
    steps, spreads = _look(hbt, step_ns, len(recordings), levels)
    seconds = time.perf_counter() - begun
    hbt.close()
    return seconds, {"steps": int(steps), "spreads": int(spreads)}


def golden() -> dict[str, Any]:
    """Return what the peer makes of every seed and configuration."""
    rows = []
    for levels, step_ns in CONFIGURATIONS:
        for seed in SEEDS:
            _, made = quote(events(GOLDEN_ROWS, levels, seed), levels, step_ns)
            rows.append({"levels": levels, "step_ns": step_ns, "seed": seed, **made})
    names = ("hftbacktest", "numba", "numpy")
    return {
        "command": COMMAND,
        "python": sys.version.split()[0],
        "versions": {name: version(name) for name in names},
        "assumed": "risk-averse queue, constant latency of 10 ms each way, whole fills, feed 20 ms",
        "rows": GOLDEN_ROWS,
        "made": rows,
    }


def serve() -> None:
    """Play a round a line: ``quote ROWS LEVELS STEP``, ``ladder MARKETS ROWS LEVELS STEP``."""
    kept: dict[tuple[int, ...], Any] = {}
    for line in sys.stdin:
        job, *numbers = line.split()
        key = tuple(int(each) for each in numbers)
        if job == "quote":
            rows, levels, step_ns = key
            recording = kept.setdefault(key[:2], None)
            if recording is None:
                recording = kept[key[:2]] = events(rows, levels, SEEDS[0])
            answer = quote(recording, levels, step_ns)
        else:
            markets, rows, levels, step_ns = key
            if key not in kept:
                kept[key] = [events(rows, levels, 100 + k) for k in range(markets)]
            answer = ladder(kept[key], levels, step_ns)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        print(json.dumps(golden(), indent=1))
