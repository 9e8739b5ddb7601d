"""Signals as quotes that rested: what filled within a minute, and what it had lost soon after.

One spell a minute of each market and side, so that none overlaps another; it lasts until a trade
goes through its price, or sixty seconds, which leaves it censored. A fill model is fitted on the
spells of the weeks before, as for the index (``research/fills``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import CENT, PRICE_UNIT
from kalshi_alpha.research.data.findings import Floats
from kalshi_alpha.research.fills.fitting import features_at, fit, predicted
from kalshi_alpha.research.fills.spells import HORIZON_S, MARKOUTS_S, Spells
from kalshi_alpha.research.scores.clusters import DayBootstrap
from kalshi_alpha.research.temperature.leanings import Leaning
from kalshi_alpha.research.temperature.orders import BASE, DAY_S, Order, Tape
from kalshi_alpha.trading.fills import FillModel

_WHOLE = ("day", "side")


def spells_of(tape: Tape, leanings: Sequence[Leaning], code: int) -> Spells:
    """Return the spells of an event's resting signals.

    Args:
        tape: of the event.
        leanings: in order of time.
        code: of the event, such that no other's markets and sides have the same.
    """
    rows, until = [], dict[tuple[int, Side], float]()
    for one in leanings:
        order = one.order
        key = order.place, order.side
        if not order.taker and order.at >= until.get(key, -np.inf):
            until[key] = order.at + HORIZON_S
            rows.append(_row(tape, one, 100 * code + 2 * order.place + (order.side is Side.ASK)))
    return united([_spells(rows)])


def united(parts: Sequence[Spells]) -> Spells:
    """Return the spells of several events, one after another."""
    names = [each.name for each in fields(Spells)]
    if not parts:
        return _spells([])
    return Spells(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def fitted_on(spells: Spells, first: int, last: int) -> FillModel | None:
    """Return the model of the spells from one day up to, and without, another; None of too few."""
    try:
        return fit(spells.where((spells.day >= first) & (spells.day < last))).model
    except DataError:
        return None


def scored(spells: Spells, models: Mapping[int, FillModel], days: int) -> dict[str, Any] | None:
    """Return what models said of spells that they had not seen, beside what came; None of none.

    Args:
        spells: of any days.
        models: by the first day that each may be used on.
        days: for how many each is used.
    """
    said, kept = list[Floats](), list[Spells]()
    for first, model in models.items():
        part = spells.where((spells.day >= first) & (spells.day < first + days))
        if len(part):
            kept.append(part)
            losses = np.maximum(0.0, _loss(model, part))
            said.append(np.stack([predicted(model, part), losses]))
    if not kept:
        return None
    part, (chance, loss) = united(kept), np.concatenate(said, axis=1)
    known = part.filled & np.isfinite(part.markout_30s)
    if not known.any() or len(np.unique(part.day)) < 2:
        return None
    lost = (part.edge - part.markout_30s)[known]
    came = DayBootstrap(part.day).difference(part.filled.astype(np.float64), chance)
    off = DayBootstrap(part.day[known]).difference(lost, loss[known])
    return {
        "quotes": len(part),
        "fills": int(part.filled.sum()),
        "predicted": float(chance.mean()),
        "observed": float(part.filled.mean()),
        "observed_less": [came.estimate, came.low, came.high],
        "loss_predicted": float(loss[known].mean()),
        "loss_observed": float(lost.mean()),
        "loss_observed_less": [off.estimate, off.low, off.high],
    }


def _loss(model: FillModel, spells: Spells) -> Floats:
    found: Floats = features_at(spells, np.arange(len(spells)))[:, [0, 1, 3]] @ np.array(model.loss)
    return found


def _row(tape: Tape, one: Leaning, side: int) -> tuple[float, ...]:
    order, event = one.order, tape.event
    begin = order.at + BASE.latency_s
    at = _through(tape, order, begin)
    price = order.price / PRICE_UNIT
    after = [
        np.nan
        if at is None or (belief := tape.belief(order.place, at + wait)) is None
        else order.side.sign * (belief - price)
        for wait in MARKOUTS_S
    ]
    paid = float(event.winner == order.place)
    return (
        event.day.toordinal(),
        side,
        order.side.sign * (order.belief * PRICE_UNIT - order.price) / CENT,
        max(1.0, event.start_s + DAY_S - order.at),
        order.belief,
        one.spread,
        HORIZON_S if at is None else max(0.5, at - begin),
        at is not None,
        order.edge,
        *after,
        np.nan if at is None else order.side.sign * (paid - price),
        np.nan,
        np.nan,
    )


def _through(tape: Tape, order: Order, begin: float) -> float | None:
    """Return when the first trade went through an order's price within the horizon."""
    prints = tape.prints(order.place, bought=order.side is Side.ASK)
    rows = slice(*np.searchsorted(prints.at, (begin, begin + HORIZON_S), "right"))
    past = (order.price - prints.price[rows]) * order.side.sign
    through = np.flatnonzero(past >= BASE.through)
    return float(prints.at[rows][through[0]]) if len(through) else None


def _spells(rows: Sequence[tuple[float, ...]]) -> Spells:
    names = [each.name for each in fields(Spells)]
    table: Floats = np.array(rows, dtype=np.float64).reshape(-1, len(names))
    kinds: dict[str, Any] = {**dict.fromkeys(_WHOLE, np.int64), "filled": np.bool_}
    columns = {
        name: table[:, k].astype(kinds.get(name, np.float64)) for k, name in enumerate(names)
    }
    return Spells(**columns)
