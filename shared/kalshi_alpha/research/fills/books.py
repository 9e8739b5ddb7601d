"""The fill model on recorded full-depth books: what the queue says, and how sure of it one can be.

There is no law for these markets: a quote's probability is the middle of the book, and what is
learned is of filling, not of edge. Quotes of one market hang together, and a market is what the
errors and the check leave out at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.research.data.findings import short_name
from kalshi_alpha.research.data.store import sha256_of
from kalshi_alpha.research.fills.fitting import (
    calibration_rows,
    curve_rows,
    fit,
    gain_over_constant,
    markout_rows,
    product_limit,
    spread_rows,
)
from kalshi_alpha.research.fills.imagined import EVERY_S, TAKES, Imagined, imagined_in
from kalshi_alpha.research.fills.spells import HORIZON_S, Spells
from kalshi_alpha.research.fills.volume import Attributed, read_told, with_trades
from kalshi_alpha.research.replay.recorded_books import read_books
from kalshi_alpha.research.replay.rules import Cancels, Evidence, Queue, Rules
from kalshi_alpha.research.replay.tape import Tape
from kalshi_alpha.trading.fills import FEATURES, LOSS_FEATURES

TIMES = np.array([5.0, 10.0, 30.0, 60.0])
MS = 1_000_000
BEHIND = Queue()
_NEAR, _FAR = (0, 1), (2, 3)  # classes of offsets that the assumptions are compared by


@dataclass(frozen=True, slots=True)
class Assumed:
    """One way to play the books."""

    name: str
    queue: Queue = BEHIND
    latency_ms: float = 250.0
    crossed_count: bool = False


def fit_books(folder: Path, *, latency_ms: float = 250.0) -> dict[str, Any]:
    """Fit on every market of a folder, and check a fit on the earlier half against the later.

    Returns:
        What fills.json holds: the model as ``trading.fills`` reads it, and its evidence.

    Raises:
        DataError: for tables that cannot be used, or too few fills.
        ConfigurationError: for a latency outside 0 to 60,000 ms.
    """
    if not 0.0 <= latency_ms <= 60_000.0:
        raise ConfigurationError(f"latency_ms is {latency_ms}: it must be 0 to 60000")
    books = read_books(folder)
    told = read_told(folder / "ticker.parquet")
    tapes, volume = [], Attributed()
    for tape in books.tapes:
        traded, found = with_trades(tape, told)
        tapes.append(traded)
        volume += found
    base = _played(tapes, Assumed("base", latency_ms=latency_ms))
    spells = base.spells
    fitted = fit(spells, evidence="queue_cleared")
    days = {name for tape in tapes for name in tape.names}
    return {
        **fitted.model.to_json(),
        "hazard_errors": dict(zip(FEATURES, map(float, fitted.errors), strict=True)),
        "loss_errors": dict(zip(LOSS_FEATURES, map(float, fitted.loss_errors), strict=True)),
        "series": _series_of(days),
        "cluster": "market",
        "clusters": len(np.unique(spells.day)),
        "quotes": len(spells),
        "fills": int(spells.filled.sum()),
        "fills_by_evidence": _by_evidence(base),
        "censored": float(1.0 - spells.filled.mean()),
        "market_sides": len(np.unique(spells.side)),
        "horizon_s": HORIZON_S,
        "every_s": EVERY_S,
        "curves": curve_rows(spells, TIMES),
        "markouts": markout_rows(spells),
        "spreads": spread_rows(spells),
        "slippage": taking_rows(base),
        "check": _check(spells),
        "sensitivity": [_sensitive(tapes, one) for one in assumptions(latency_ms)],
        "volume": {
            "told": volume.volume / 100.0,
            "placed": volume.placed / 100.0,
            "bare": volume.bare,
        },
        "coverage": {
            "market_days": len(books.coverage.found),
            "left_out": len(books.coverage.excluded),
        },
        "level": "none: a quote's probability is the middle of the book",
        "provenance": {
            f"Books, {short_name(folder / name)}": f"SHA-256 {sha256_of(folder / name)}"
            for name in ("deltas.parquet", "snapshots.parquet", "ticker.parquet")
        },
    }


def assumptions(latency_ms: float) -> tuple[Assumed, ...]:
    """Return the base and everything that is varied about it, one at a time."""
    return (
        Assumed("base: cancels stand behind us", latency_ms=latency_ms),
        Assumed("cancels by our part of the level", Queue(Cancels.SHARED), latency_ms),
        Assumed("cancels by squares", Queue(Cancels.POWER, power=2), latency_ms),
        Assumed("the other side's quote is a fill", BEHIND, latency_ms, crossed_count=True),
        Assumed("latency 0 ms", latency_ms=0.0),
        Assumed("latency 1000 ms", latency_ms=1000.0),
    )


def taking_rows(found: Imagined) -> list[dict[str, Any]]:
    """Return what taking so many contracts at once costs beyond the middle, cents, by size."""
    rows = []
    for k, contracts in enumerate(TAKES):
        cents = found.taking[:, k] if len(found.taking) else np.zeros(0)
        there = np.isfinite(cents)
        if there.any():
            rows.append(
                {
                    "contracts": contracts,
                    "looks": len(cents),
                    "short": int((~there).sum()),
                    "mean": float(cents[there].mean()),
                    "median": float(np.median(cents[there])),
                    "nine_tenths": float(np.quantile(cents[there], 0.9)),
                }
            )
    return rows


def _played(tapes: Sequence[Tape], one: Assumed) -> Imagined:
    rules = Rules(entry_ns=round(one.latency_ms * MS), queue=one.queue)
    return imagined_in(tapes, rules, crossed_count=one.crossed_count)


def _sensitive(tapes: Sequence[Tape], one: Assumed) -> dict[str, Any]:
    found = _played(tapes, one)
    spells = found.spells

    def by_minute(low: int, high: int) -> float:
        part = spells.where((spells.offset > low) & (spells.offset <= high))
        return float(product_limit(part, np.array([HORIZON_S]))[0])

    return {
        "name": one.name,
        "quotes": len(spells),
        "fills": int(spells.filled.sum()),
        "fills_by_evidence": _by_evidence(found),
        "near": by_minute(*_NEAR),
        "far": by_minute(*_FAR),
    }


def _by_evidence(found: Imagined) -> dict[str, int]:
    counted: Mapping[int, int] = Counter(found.evidence.tolist())
    return {each.name.lower(): counted.get(int(each), 0) for each in Evidence}


def _check(spells: Spells) -> dict[str, Any] | None:
    """Return how a fit on the earlier markets did on the later; None with too few fills."""
    markets = np.unique(spells.day)
    middle = markets[len(markets) // 2]
    early, late = spells.where(spells.day < middle), spells.where(spells.day >= middle)
    try:
        fitted = fit(early, evidence="queue_cleared")
    except DataError:
        return None
    base = float(product_limit(early, np.array([HORIZON_S]))[0])
    count = len(np.unique(early.day))
    return {
        "fitted_through": f"market {count}",
        "tested_from": f"market {count + 1}",
        "calibration": calibration_rows(fitted.model, late),
        "gain": gain_over_constant(fitted.model, base, late),
    }


def _series_of(tickers: set[str]) -> str:
    return ", ".join(sorted({ticker.partition("-")[0] for ticker in tickers}))
