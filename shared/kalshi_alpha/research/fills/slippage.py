"""What takers paid beyond the law, by how many contracts they took: a symbol's slippage curve."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from kalshi_alpha.markets.units import PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.research.backtest.pricing import Pricer
from kalshi_alpha.trading.candidate_gates import CERTAINTY

FROM_S = 900.0  # seconds before the fixing from which trades are looked at
CLASSES = (1, 10, 100, 1000)  # contracts at least; each class ends where the next begins


def traded_rows(pricers: Iterable[Pricer], max_age_s: float) -> list[dict[str, Any]]:
    """Return cents a contract that takers paid beyond the law's probability, by size.

    A trade is held against the law of the second it began in, so nothing after it is known. In a
    second with several trades the worst price stands for all of them: the figure is an upper one.

    Args:
        pricers: one a tape.
        max_age_s: oldest level of the index a trade is held against.
    """
    found = [row for one in pricers for row in _of_tape(one, max_age_s)]
    size = np.array([row[0] for row in found])
    cents = np.array([row[1] for row in found])
    rows = []
    for low, high in zip(CLASSES, (*CLASSES[1:], np.inf), strict=True):
        inside = (size >= low) & (size < high)
        if inside.any():
            part = cents[inside]
            rows.append(
                {
                    "contracts": low,
                    "looks": int(inside.sum()),
                    "mean": float(part.mean()),
                    "median": float(np.median(part)),
                    "nine_tenths": float(np.quantile(part, 0.9)),
                }
            )
    return rows


def _of_tape(pricer: Pricer, max_age_s: float) -> Iterable[tuple[float, float]]:
    tape, seconds = pricer.tape, pricer.tape.seconds
    names = [contract.ticker for contract in tape.ladder.contracts]
    for row, at in enumerate(seconds.at):
        if at < tape.fixing_s - FROM_S:
            continue
        priced = pricer.at(float(at))
        if priced is None or priced.reading.silence_s > max_age_s:
            continue
        p = priced.by_ticker[names[seconds.market[row]]]
        if not CERTAINTY <= p <= 1.0 - CERTAINTY:
            continue
        for price, size, sign in (
            (seconds.sold[row], seconds.sold_size[row], -1),
            (seconds.bought[row], seconds.bought_size[row], 1),
        ):
            if price:
                yield size / SIZE_UNIT, 100.0 * sign * (price / PRICE_UNIT - p)
