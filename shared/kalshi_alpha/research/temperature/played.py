"""Signals played on the scored days, under every rule.

What is believed of a day rests on the days before it (``walking``). Everything is held to
settlement. Which rule counts is not decided here (``tallies``).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TypeVar

import numpy as np

from kalshi_alpha.markets.units import CENT
from kalshi_alpha.momentum.horizon import TRADES, HorizonWeights
from kalshi_alpha.research.backtest.records import FillRow
from kalshi_alpha.research.data.findings import Floats
from kalshi_alpha.research.fills.spells import Spells
from kalshi_alpha.research.parallel import mapped
from kalshi_alpha.research.temperature.filtering import Law, Panel, Progress, filtered
from kalshi_alpha.research.temperature.horizons import Fitted
from kalshi_alpha.research.temperature.leanings import (
    Leaning,
    foreseen,
    signalled,
    valued,
    worthwhile,
)
from kalshi_alpha.research.temperature.orders import (
    BASE,
    CHARGED,
    Assumed,
    Tape,
    charged,
    fills_of,
    mirrored,
)
from kalshi_alpha.research.temperature.panel import Traded, hour_of
from kalshi_alpha.research.temperature.spells import fitted_on, spells_of, united
from kalshi_alpha.research.temperature.trades import Event
from kalshi_alpha.research.temperature.walking import TEST_DAYS, TRAIN_DAYS, Chosen, terms_of
from kalshi_alpha.trading.fills import FillModel

SIGNALS, TAKING, VALUE = "signals, resting", "signals, taking", "quotes off the probability"
BORNE = f"{SIGNALS}, borne out by the horizon"
WORTH = f"{SIGNALS}, after what fills lose"
FEES, LATE, DEEP = "with a maker's fee", "five seconds late", "two cents through"
COIN = "a coin's side"
VARIED = {LATE: Assumed(latency_s=5.0), DEEP: Assumed(through=2 * CENT)}
EDGES, TAKER_EDGES, FLOWS, OFFSETS = (0.01, 0.02, 0.03, 0.05), (0.02, 0.04), (-1.0, 0.2), (2, 3, 5)
LIKELIER = 0.5  # the probability from which a way is borne out
COHERENT = 0.15  # dollars by which the middles may miss one, where that is asked
_CHUNK = 4


@dataclass(frozen=True, slots=True)
class Rule:
    """Which leanings are orders.

    Attributes:
        least_edge: dollars a contract.
        least_flow: of the pressure the same way.
        coherent: whether the middles must come near one.
        offset: cents off the probability, for quotes that no signal made.
        least_way: probability that the share goes the order's way; above 0 a horizon must be there.
    """

    least_edge: float = -math.inf
    least_flow: float = -1.0
    coherent: bool = False
    offset: int = 0
    least_way: float = 0.0

    def takes(self, leaning: Leaning) -> bool:
        """Say whether a leaning is an order by this rule."""
        return (
            leaning.order.edge >= self.least_edge
            and leaning.pressed >= self.least_flow
            and (leaning.incoherence <= COHERENT or not self.coherent)
            and leaning.offset == self.offset
            and (leaning.way or 0.0) >= self.least_way
        )

    @property
    def name(self) -> str:
        """Return it in words."""
        if self.offset:
            return f"{self.offset} cents off"
        gates = [f"edge {self.least_edge:g}"]
        gates += [f"flow {self.least_flow:g}"] if self.least_flow > -1.0 else []
        gates += ["coherent"] if self.coherent else []
        gates += [f"way {self.least_way:g}"] if self.least_way else []
        return ", ".join(gates)


def _gated(edges: Sequence[float], least_way: float = 0.0) -> tuple[Rule, ...]:
    product = itertools.product(edges, FLOWS, (False, True))
    return tuple(Rule(*one, least_way=least_way) for one in product)


RULES: Mapping[str, tuple[Rule, ...]] = {
    SIGNALS: _gated(EDGES),
    **{f"{SIGNALS}, {name}": _gated(EDGES) for name in (FEES, *VARIED)},
    BORNE: _gated(EDGES, LIKELIER),
    WORTH: _gated(EDGES),
    TAKING: _gated(TAKER_EDGES),
    VALUE: tuple(Rule(offset=offset) for offset in OFFSETS),
}
Rows = tuple[FillRow, ...]
W = TypeVar("W", Chosen, Fitted)


@dataclass(frozen=True, slots=True)
class Played:
    """One event under every strategy and rule, and the same with a coin's side.

    Attributes:
        day: of the event.
        orders: by strategy and rule, how many.
        rows: fills and touches by strategy and rule.
        coin: likewise.
        spells: the resting signals as quotes that a fill model may learn from.
    """

    day: date
    orders: dict[tuple[str, Rule], int]
    rows: dict[tuple[str, Rule], Rows]
    coin: dict[tuple[str, Rule], Rows]
    spells: Spells = field(default_factory=lambda: united([]))


def beliefs_of(event: Event, chosen: Chosen, law: Law = ()) -> Floats:
    """Return the pooled probabilities after each trade, by what a window was fitted with."""
    said = filtered(event, event.at, (chosen.setting,), law)[0]
    prices = Traded.of(event).at(event.at)
    moments = len(event.at)
    panel = Panel(
        day=np.full(moments, event.day.toordinal(), dtype=np.int64),
        hour=hour_of(event, event.at),
        series=(event.series,) * moments,
        winner=np.full(moments, event.winner, dtype=np.int64),
        there=np.ones(said.shape, dtype=np.bool_),
        share=prices.shares,
        last=prices.last_shares,
        filtered={chosen.setting: said},
    )
    terms = terms_of(panel, chosen.setting)
    return terms.probabilities(np.array([chosen.weights[name] for name in terms.names]))


@dataclass(frozen=True, slots=True)
class Job:
    """One event to play, what its windows were fitted with, and the seed of its coin.

    With a fill model only that strategy is played which asks it.
    """

    event: Event
    chosen: Chosen
    law: Law
    seed: int
    horizon: HorizonWeights | None = None
    model: FillModel | None = None


def play_event(job: Job) -> Played:
    """Play one event under every strategy and rule that needs no fill model, or with one alone."""
    event, beliefs = job.event, beliefs_of(job.event, job.chosen, job.law)
    tape = Tape(event, beliefs)
    resting = signalled(event, beliefs, taking=False)
    if job.model is not None:
        found = Played(event.day, {}, {}, {})
        _under(found, WORTH, worthwhile(event, resting, job.model), BASE, tape, job.seed)
        return found
    resting = foreseen(event, resting, job.horizon)
    leanings: dict[str, tuple[list[Leaning], Assumed]] = {
        SIGNALS: (resting, BASE),
        **{f"{SIGNALS}, {name}": (resting, assumed) for name, assumed in VARIED.items()},
        BORNE: (resting, BASE),
        WORTH: ([], BASE),
        TAKING: (signalled(event, beliefs, taking=True), BASE),
        VALUE: (valued(event, beliefs, OFFSETS), BASE),
    }
    found = Played(event.day, {}, {}, {}, spells_of(tape, resting, job.seed))
    for name, (every, assumed) in leanings.items():
        _under(found, name, every, assumed, tape, job.seed)
    for rule in RULES[SIGNALS]:
        key = f"{SIGNALS}, {FEES}", rule
        found.orders[key] = found.orders[SIGNALS, rule]
        for rows in (found.rows, found.coin):
            rows[key] = tuple(charged(row, CHARGED) for row in rows[SIGNALS, rule])
    return found


def _under(
    found: Played, name: str, every: Sequence[Leaning], assumed: Assumed, tape: Tape, seed: int
) -> None:
    """Play one strategy under every rule of it."""
    for rule in RULES[name]:
        taken = [one for one in every if rule.takes(one)]
        placed = [one.order for one in taken]
        other = mirrored(placed, [one.middle for one in taken], seed)
        found.orders[name, rule] = len(placed)
        found.rows[name, rule] = tuple(fills_of(tape, placed, assumed))
        found.coin[name, rule] = tuple(fills_of(tape, other, assumed))


def play(
    events: Sequence[Event],
    windows: Sequence[Chosen],
    laws: Mapping[str, Law],
    seed: int,
    *,
    horizons: Sequence[Fitted] = (),
    workers: int = 1,
    progress: Progress | None = None,
) -> tuple[Played, ...]:
    """Play every event of the days that have a window, in order.

    Args:
        events: in order of days.
        windows: what each week was fitted with, in order.
        laws: of the weather, by the event's name.
        seed: of the coins.
        horizons: what each week's short horizon was fitted with, in order; without, none is asked.
        workers: processes; 1 works in this one.
        progress: told how many events of how many are done.
    """
    jobs = []
    for k, event in enumerate(events):
        chosen = window_of(windows, event.day.toordinal())
        if chosen is not None:
            ahead = window_of(horizons, event.day.toordinal())
            weights = None if ahead is None else ahead.live(TRADES)
            jobs.append(Job(event, chosen, laws.get(event.name, ()), seed + k, weights))
    found = _played(jobs, workers, progress, 0, 2 * len(jobs))
    models = fill_models(found, windows)
    again = {
        k: replace(job, model=models[job.chosen.first])
        for k, job in enumerate(jobs)
        if job.chosen.first in models
    }
    worth = _played(list(again.values()), workers, progress, len(jobs), 2 * len(jobs))
    for k, one in zip(again, worth, strict=True):
        found[k].orders.update(one.orders)
        found[k].rows.update(one.rows)
        found[k].coin.update(one.coin)
    if progress is not None:
        progress(2 * len(jobs), 2 * len(jobs))
    return tuple(found)


def fill_models(found: Sequence[Played], windows: Sequence[Chosen]) -> dict[int, FillModel]:
    """Return the fill model of each window, by its first day, fitted on the weeks before it.

    A window whose past has too few fills has none.
    """
    every = united([one.spells for one in found])
    models = {one.first: fitted_on(every, one.first - TRAIN_DAYS, one.first) for one in windows}
    return {first: model for first, model in models.items() if model is not None}


def _played(
    jobs: Sequence[Job], workers: int, progress: Progress | None, before: int, of: int
) -> list[Played]:
    found: list[Played] = []
    for one in mapped(play_event, jobs, workers, chunk=_CHUNK):
        found.append(one)
        if progress is not None:
            progress(before + len(found), of)
    return found


def window_of(windows: Sequence[W], day: int) -> W | None:
    """Return the window in which a day lies, None for a day that none scores."""
    mine = [one for one in windows if one.first <= day < one.first + TEST_DAYS]
    return mine[-1] if mine else None
