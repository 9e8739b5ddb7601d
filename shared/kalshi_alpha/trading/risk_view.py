"""The risk of a fixing as numbers to show: three ways of filling, and the law of losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kalshi_alpha.trading.risk import (
    Cells,
    Filling,
    FixingBook,
    FixingRisk,
    Holding,
    LossLaw,
    added_up,
)
from kalshi_alpha.trading.risk_book import risk_to_json

# Where the law of losses is read when it has more steps than a person reads.
SHARES = (0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
_FEW = 12


def fixing_view(book: FixingBook, level: float) -> dict[str, Any]:
    """Return everything there is to say of a fixing's risk, JSON-ready, cash in whole units."""
    cells = Cells(book)
    risks = {filling.value: cells.risk(book, level, filling) for filling in Filling}
    law = risks[Filling.ADVERSE].law
    return {
        "symbols": {name: _contents(book, name) for name in sorted(book.symbols)},
        "risk": {name: risk_to_json(risk) for name, risk in risks.items()},
        "losses": None if law is None else _law_to_json(law),
    }


def day_view(fixings: Sequence[FixingBook], level: float) -> dict[str, Any]:
    """Return a bound on what several fixings may lose together, JSON-ready."""
    return risk_to_json(_day(fixings, level))


def loss_rows(losses: Mapping[str, Any] | None) -> list[tuple[int, float, float]]:
    """Return (loss, probability of it, probability of losing more), ascending.

    A law with many steps is read at its quantiles; the probability is then of the steps between.
    """
    if losses is None:
        return []
    steps = list(zip(losses["loss"], losses["probability"], strict=True))
    rows: list[tuple[int, float, float]] = []
    upto = since = 0.0
    marks = list(SHARES)
    for place, (loss, chance) in enumerate(steps, start=1):
        upto += chance
        since += chance
        passed = bool(marks) and upto >= marks[0] - 1e-12
        if len(steps) > _FEW and not passed and place < len(steps):
            continue
        while marks and upto >= marks[0] - 1e-12:
            marks.pop(0)
        rows.append((loss, since, max(0.0, 1.0 - upto)))
        since = 0.0
    return rows


def _day(fixings: Sequence[FixingBook], level: float) -> FixingRisk:
    return added_up([Cells(book).risk(book, level) for book in fixings], level)


def _contents(book: FixingBook, name: str) -> dict[str, Any]:
    one = book.symbols[name]
    return {
        "held": [_line(held) for held in one.held],
        "resting": [_line(held) for held in one.resting],
        "worst": one.worst,
        "level": None if one.law is None else one.law.level,
        "deviation": None if one.law is None else one.law.scale,
    }


def _line(held: Holding) -> dict[str, Any]:
    return {
        "ticker": held.ticker,
        "side": held.side.value,
        "size": held.size,
        "cost": held.cost,
    }


def _law_to_json(law: LossLaw) -> dict[str, Any]:
    return {
        "loss": list(law.losses),
        "probability": list(law.chances),
        "mean": law.mean,
        "loss_probability": law.loss_probability,
    }
