"""What a ticker proves of trades: never more than was told, nor than a level lost."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.research.fills.volume import Told, with_trades
from kalshi_alpha.research.replay.tape import ASK, BID, Kind, tape_of

NS = 1_000_000_000
LEVELS = st.tuples(
    st.sampled_from([BID, ASK]), st.integers(0, 4), st.integers(0, 30).map(lambda n: 100 * n)
)


def tape(changes):
    """Return a book whose bids end at 48 cents and whose asks begin at 52, a change a second."""
    prices = [4800 - 100 * k if side == BID else 5200 + 100 * k for side, k, _ in changes]
    return tape_of(
        {
            "recv_ns": [k * NS for k in range(len(changes) + 1)],
            "name": [0] * (len(changes) + 1),
            "kind": [int(Kind.CLEAR)] + [int(Kind.LEVEL)] * len(changes),
            "side": [0, *(side for side, _, _ in changes)],
            "price": [0, *prices],
            "size": [0, *(size for *_, size in changes)],
        },
        ("M",),
    )


@given(
    changes=st.lists(LEVELS, min_size=8, max_size=60),
    volumes=st.lists(st.integers(0, 4000), min_size=2, max_size=6),
    last=st.sampled_from([4700, 4800, 5200, 5300]),
)
def test_no_more_trades_than_was_told_or_lost(changes, volumes, last):
    made = tape(changes)
    step = len(changes) // len(volumes)
    rows = [
        Told(k * step * NS + NS // 2, last, total)
        for k, total in enumerate(np.cumsum(volumes).tolist())
    ]

    found, sums = with_trades(made, {"M": rows})

    traded = found.kind == Kind.TRADE
    assert sums.placed <= sums.volume <= rows[-1].volume - rows[0].volume
    assert int(found.size[traded].sum()) <= sums.placed + 100 * sums.bare
    again = found.where(~traded)
    assert (again.size == made.size).all()
    assert (again.price == made.price).all()
    held: Counter[tuple[int, int]] = Counter()
    for k in range(len(found)):
        level = (int(found.side[k]), int(found.price[k]))
        if found.kind[k] == Kind.TRADE:
            nearest = [p for (s, p), n in held.items() if n and s == level[0]]
            assert level[1] == (max(nearest) if level[0] == BID else min(nearest))
            assert found.size[k] <= held[level] - found.size[k + 1]
        elif found.kind[k] == Kind.LEVEL:
            held[level] = int(found.size[k])
