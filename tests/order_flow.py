"""Made recordings: a two-sided book with trades, and unruly ones to set engines against each other.

Only the standard library draws, so that a seed means the same recording everywhere.
"""

from __future__ import annotations

import random
from array import array
from typing import Any

START_NS = 1_000_000_000
FEED_NS = 20_000_000
MEAN_NS = 5_000_000
LEVEL, TRADE = 0, 1


class _Flow:
    """One book of ``levels`` prices, by side; bid 0, ask 1."""

    def __init__(self, levels: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.levels = levels
        self.book = ([0] * (levels + 2), [0] * (levels + 2))
        self.best = [levels // 2, levels // 2 + 2]
        self.rows: list[tuple[int, int, int, int, int]] = []
        self.at = START_NS

    def fill(self) -> None:
        middle = (self.levels + 1) // 2
        for price in range(1, self.levels + 1):
            if price != middle:
                self.level(0 if price < middle else 1, price, self.random.randrange(20, 400))
        self.best = [middle - 1, middle + 1]

    def level(self, side: int, price: int, size: int) -> None:
        self.book[side][price] = size
        self.rows.append((self.at, LEVEL, side, price, size))

    def step(self) -> None:
        draw = self.random
        self.at += int(draw.expovariate(1.0) * MEAN_NS) + 1
        side = draw.getrandbits(1)
        if draw.random() < 0.08:
            self.trade(side)
        else:
            self.quote(side)
        self.find_best()

    def trade(self, side: int) -> None:
        price = self.best[side]
        size = min(self.random.randrange(1, 60), self.book[side][price])
        left = self.book[side][price] - size
        self.rows.append((self.at, TRADE, side, price, size))
        self.level(side, price, left if left or not self.near_the_end(side) else 50)

    def quote(self, side: int) -> None:
        draw = self.random
        away = 0
        while draw.random() < 0.65 and away < 20:
            away += 1
        if draw.random() < 0.10 and self.best[1] - self.best[0] > 1:
            away = -1
        price = self.best[side] + (away if side else -away)
        if not 1 <= price <= self.levels:
            return
        gone = away >= 0 and draw.random() < 0.05 and not self.near_the_end(side)
        self.level(side, price, 0 if gone else draw.randrange(1, 400))

    def near_the_end(self, side: int) -> bool:
        return self.best[1] >= self.levels - 5 if side else self.best[0] <= 5

    def find_best(self) -> None:
        bids, asks = self.book
        bid, ask = self.best
        bid = max(bid, *(p for p in range(bid, ask) if bids[p]), 0)
        while bid > 1 and not bids[bid]:
            bid -= 1
        ask = min(ask, *(p for p in range(bid + 1, ask) if asks[p]), self.levels + 1)
        while ask < self.levels and not asks[ask]:
            ask += 1
        self.best = [bid, ask]


def order_flow(rows: int, levels: int = 99, seed: int = 7) -> dict[str, array[int]]:
    """Return the columns of one market's recording: at, kind, side, price (a level), size."""
    flow = _Flow(levels, seed)
    flow.fill()
    while len(flow.rows) < rows:
        flow.step()
    names = ("at", "kind", "side", "price", "size")
    columns = zip(*flow.rows[:rows], strict=True)
    return {name: array("q", column) for name, column in zip(names, columns, strict=True)}


def flow_tape(rows: int, levels: int = 99, seed: int = 7, name: str = "MADE-1") -> Any:
    """Return the same as a tape, a contract a size, twenty milliseconds late."""
    import numpy as np

    from kalshi_alpha.research.replay.tape import tape_of

    flow = {key: np.array(value, np.int64) for key, value in order_flow(rows, levels, seed).items()}
    columns = {
        "exch_ns": flow["at"],
        "recv_ns": flow["at"] + FEED_NS,
        "name": np.zeros(rows),
        "kind": flow["kind"],
        "side": flow["side"],
        "price": flow["price"] * (10_000 // (levels + 1)),
        "size": flow["size"] * 100,
        "ref": np.arange(rows),
    }
    return tape_of(columns, [name])
