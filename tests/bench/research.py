"""The research kernels: a year's curve, a grid of laws, and what two ladders may lose together.

Each answer is compared with its peer's before anything is timed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from scipy import special

from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.table import student_table
from kalshi_alpha.research.fast import grid_of, normal_grid, time_of_day_variance
from kalshi_alpha.research.joint import Bins, bins_of, cash_by_bin, joint_tail_risk
from kalshi_alpha.research.scores.shapes import TableShape
from kalshi_alpha.trading.risk import FixingBook, Holding, SymbolBook, risk_of

Pairs = list[tuple[float, float]]
ROUNDS, REPEATS, GRID_REPEATS = 9, 4, 40
DAYS, MINUTES = 252, 390
WINDOWS, STRIKES = 250, 200
BINS, PATHS, RHO, LEVEL = 60, 1_000_000, 0.9, 0.99
HELD, RESTING = 5, 5  # markets of each index, at a fixing where all four ladders are quoted


def measure() -> list[tuple[str, str, Pairs]]:
    """Return the rows of the three jobs."""
    return [*_curve(), *_grid(), *_joint(), *_fixing()]


def _curve() -> list[tuple[str, str, Pairs]]:
    random = np.random.default_rng(0)
    steps = 1e-4 * random.standard_t(5, (2, DAYS * MINUTES))
    closes = np.array([[6000.0], [21_000.0]]) * np.exp(np.cumsum(steps, axis=1))
    closes = closes.reshape(2, DAYS, MINUTES)
    frame = pl.DataFrame(
        {
            "symbol": np.repeat(["A", "B"], DAYS * MINUTES),
            "minute": np.tile(np.arange(MINUTES, dtype=np.int16), 2 * DAYS),
            "close": closes.ravel(),
        }
    )

    def peer() -> Any:
        moved = pl.col("close").log().diff().over("symbol")
        squares = (pl.col("move") ** 2).mean()
        lazy = frame.lazy().with_columns(move=moved).filter(pl.col("minute") > 0)
        return lazy.group_by("symbol", "minute").agg(squares).sort("symbol", "minute").collect()

    theirs = peer()["move"].to_numpy().reshape(2, MINUTES - 1)
    _agree("the curves", float(np.abs(time_of_day_variance(closes) / theirs - 1.0).max()), 1e-9)
    pairs = _rounds(lambda: time_of_day_variance(closes), peer)
    return [("time-of-day variance of 2 x 252 days / polars lazy", "ms", pairs)]


def _grid() -> list[tuple[str, str, Pairs]]:
    random = np.random.default_rng(0)
    logs = np.log(np.linspace(5800.0, 6200.0, STRIKES))
    centre = math.log(6000.0) + random.normal(0.0, 0.003, WINDOWS)
    scale = random.uniform(0.001, 0.006, WINDOWS)
    normal, table = normal_grid(), student_table(4.0)
    fitted, shape = grid_of(table), TableShape(table)

    def z() -> Any:
        return (logs - centre[:, None]) / scale[:, None]

    rows = []
    for name, grid, law in (
        ("normal law / numpy ndtr", normal, special.ndtr),
        ("fitted law / numpy", fitted, shape.cdf),
    ):

        def ours(grid: Any = grid) -> Any:
            return grid.cdf(logs, centre, scale)

        def peer(law: Any = law) -> Any:
            return law(z())

        _agree(name, float(np.abs(ours() - peer()).max()), 1e-12)
        pairs = _rounds(ours, peer, GRID_REPEATS)
        rows.append((f"{WINDOWS} windows x {STRIKES} strikes, {name}", "ms", pairs))
    return rows


def _joint() -> list[tuple[str, str, Pairs]]:
    laws = _laws()
    ladders = [_ladder(680_000, 100), _ladder(2_500_000, 500)]
    held = tuple(_holdings(ladder) for ladder in ladders)

    def ours() -> Any:
        one, other = (bins_of(*each, 100) for each in zip(laws, ladders, strict=True))
        return joint_tail_risk(one, other, RHO, (held[0], held[1]), LEVEL)

    random = np.random.default_rng(0)
    bins = [bins_of(*each, 100) for each in zip(laws, ladders, strict=True)]
    first = int(LEVEL * PATHS)
    cash = [cash_by_bin(each, holdings) for each, holdings in zip(bins, held, strict=True)]

    def peer() -> tuple[float, float]:
        losses = _simulated(random, bins, cash)
        worst = np.partition(losses, first)[first:]
        return float(worst[0]), float(worst.mean())

    exact, drawn = ours(), [peer() for _ in range(8)]
    spread = float(np.std([each[1] for each in drawn], ddof=1))
    mean = float(np.mean([each[1] for each in drawn]))
    if not min(each[0] for each in drawn) <= exact.var <= max(each[0] for each in drawn):
        raise SystemExit(f"the exact value at risk {exact.var} is outside what is simulated")
    _agree("expected shortfall", abs(exact.shortfall - mean), 4.0 * spread / math.sqrt(8) + 1.0)
    return [("VaR and ES of two ladders / 1e6 numpy paths", "ms", _rounds(ours, peer))]


def _fixing() -> list[tuple[str, str, Pairs]]:
    """Time what a scan asks: both indices, held and resting, two correlations, no numpy."""
    laws = _laws()
    each = (_holdings(_ladder(680_000, 100)), _holdings(_ladder(2_500_000, 500)))
    held = [some[20 : 20 + HELD] for some in each]
    resting = [some[28 : 28 + RESTING] for some in each]
    names = ("NDX", "SPX")
    book = FixingBook(
        {
            name: SymbolBook(law, tuple(some), tuple(more))
            for name, law, some, more in zip(names, laws, held, resting, strict=True)
        },
        {names: (RHO,)},
    )
    kernel = [
        bins_of(law, [one.payoff for one in (*some, *more)], 100)
        for law, some, more in zip(laws, held, resting, strict=True)
    ]
    cash = [
        cash_by_bin(bins, some) + sum(np.minimum(cash_by_bin(bins, [one]), 0) for one in more)
        for bins, some, more in zip(kernel, held, resting, strict=True)
    ]
    random, first = np.random.default_rng(0), int(LEVEL * PATHS)

    def peer(rho: float = RHO) -> tuple[float, float]:
        worst = np.partition(_simulated(random, kernel, cash, rho), first)[first:]
        return float(worst[0]), float(worst.mean())

    exact = risk_of(book, LEVEL)
    drawn = [peer(exact.correlation or RHO)[1] for _ in range(8)]
    spread = 4.0 * float(np.std(drawn, ddof=1)) / math.sqrt(8) + 1.0
    _agree("a fixing's shortfall", abs(exact.tail.shortfall - float(np.mean(drawn))), spread)
    pairs = _rounds(lambda: risk_of(book, LEVEL), peer)
    return [("risk of a fixing, 20 markets, 2 correlations / 1e6 numpy paths", "ms", pairs)]


def _laws() -> tuple[TerminalLaw, TerminalLaw]:
    return (
        TerminalLaw(student_table(4.5), 6800.0, 0.0, 0.0020),
        TerminalLaw(student_table(4.0), 25_000.0, 0.0, 0.0026),
    )


def _ladder(middle: int, width: int) -> list[Payoff]:
    low = middle - width * (BINS - 2) // 2
    return [Payoff(low + width * k, low + width * (k + 1) - 1) for k in range(BINS - 2)]


def _holdings(ladder: list[Payoff]) -> list[Holding]:
    """Return a position in every bin, no two alike, so that losses are nearly all distinct."""
    sides = (Side.BID, Side.ASK)
    return [
        Holding(payoff, sides[k % 2], 100 + 7 * k, 31_013 * (k + 1) % 500_000)
        for k, payoff in enumerate(ladder)
    ]


def _simulated(random: Any, bins: list[Bins], cash: list[Any], rho: float = RHO) -> Any:
    first = random.standard_normal(PATHS)
    second = rho * first + math.sqrt(1.0 - rho * rho) * random.standard_normal(PATHS)
    earned = cash[0][np.searchsorted(bins[0].scores, first)]
    return -(earned + cash[1][np.searchsorted(bins[1].scores, second)])


def _agree(what: str, difference: float, limit: float) -> None:
    if not difference <= limit:
        raise SystemExit(f"{what} differ by {difference:.3g}: timing them means nothing")


def _rounds(
    ours: Callable[[], object], peer: Callable[[], object], repeats: int = REPEATS
) -> Pairs:
    return [(_milliseconds(ours, repeats), _milliseconds(peer, repeats)) for _ in range(ROUNDS)]


def _milliseconds(job: Callable[[], object], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        job()
    return 1000 * (time.perf_counter() - start) / repeats
