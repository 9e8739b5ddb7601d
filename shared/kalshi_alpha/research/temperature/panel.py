"""What trades say of an event at any moment: middles, how old they are, and shares of one.

Nothing here looks ahead: a row is made of trades at its moment or before it, so that cutting off
the later ones changes no earlier row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kalshi_alpha.momentum.pool import LEAST
from kalshi_alpha.momentum.recent import NEVER_S, TOGETHER_S
from kalshi_alpha.research.data.findings import Bools, Floats, Ints
from kalshi_alpha.research.temperature.trades import Event


@dataclass(frozen=True, slots=True)
class Moments:
    """An event's prices at moments.

    Attributes:
        at: seconds since 1970 UTC, ascending; [moments].
        middle: dollars, NaN before a bracket's first trade; [moments, brackets].
        last: price of the last trade, dollars, NaN likewise; [moments, brackets].
        bid: the last price at which a taker sold, NaN before; [moments, brackets].
        ask: the last price at which a taker bought, NaN before; [moments, brackets].
        bid_at: when that was, minus infinity before; [moments, brackets].
        ask_at: likewise.
    """

    at: Floats
    middle: Floats
    last: Floats
    bid: Floats
    ask: Floats
    bid_at: Floats
    ask_at: Floats

    @property
    def age(self) -> Floats:
        """Return the seconds since each bracket traded, ``NEVER_S`` at most."""
        found: Floats = self.at[:, None] - np.maximum(self.bid_at, self.ask_at)
        return np.minimum(found, NEVER_S)

    @property
    def shares(self) -> Floats:
        """Return the middles normalised to one; [moments, brackets]."""
        return shares_of(self.middle)

    @property
    def last_shares(self) -> Floats:
        """Return the last prices normalised to one; [moments, brackets]."""
        return shares_of(self.last)


@dataclass(frozen=True, slots=True)
class Traded:
    """An event's trades, ready to be asked what they said at any moment.

    Attributes:
        event: the event.
        bid_k: after each trade, the place of each bracket's last trade in which a taker sold; -1
            before the first; [trades, brackets].
        ask_k: likewise in which a taker bought.
        flow: contracts bought less sold up to each trade, from 0 before the first; [trades + 1,
            brackets].
    """

    event: Event
    bid_k: Ints
    ask_k: Ints
    flow: Floats

    @classmethod
    def of(cls, event: Event) -> Traded:
        """Read an event's trades once."""
        mine: Bools = event.bracket[:, None] == np.arange(len(event.brackets))
        bought = event.bought[:, None]
        signed = np.where(mine, np.where(bought, 1.0, -1.0) * event.count[:, None], 0.0)
        begin = np.zeros((1, len(event.brackets)))
        flow = np.concatenate([begin, np.cumsum(signed, axis=0)])
        return cls(event, _latest(mine & ~bought), _latest(mine & bought), flow)

    def before(self, instants: Floats) -> Ints:
        """Return how many trades there were up to each instant."""
        return np.searchsorted(self.event.at, instants, "right").astype(np.int64)

    def at(self, instants: Floats) -> Moments:
        """Return the prices at moments, ascending, by the trades up to each of them."""
        rows = self.before(instants) - 1
        bid_k, ask_k = (_rows(latest, rows) for latest in (self.bid_k, self.ask_k))
        price = np.append(self.event.price, np.nan)  # row -1 is the one that never was
        when = np.append(self.event.at, -np.inf)
        bid, ask, bid_at, ask_at = price[bid_k], price[ask_k], when[bid_k], when[ask_k]
        last = price[np.maximum(bid_k, ask_k)]
        with np.errstate(invalid="ignore"):
            together = np.abs(ask_at - bid_at) <= TOGETHER_S
        middle = np.where(together, (bid + ask) / 2.0, last)
        return Moments(instants, middle, last, bid, ask, bid_at, ask_at)

    @property
    def changes(self) -> Floats:
        """Return when it traded, seconds since 1970 UTC, ascending."""
        return self.event.at

    def shares(self, instants: Floats) -> Floats:
        """Return the middles normalised to one; [instants, brackets]."""
        return self.at(instants).shares

    def skew(self, instants: Floats) -> Floats:
        """Return dollars by which the last price lies above the middle; 0 before any."""
        found = self.at(instants)
        return np.nan_to_num(found.last - found.middle)

    def age(self, instants: Floats) -> Floats:
        """Return the seconds since each bracket traded; [instants, brackets]."""
        return self.at(instants).age

    def count_over(self, instants: Floats, seconds: float) -> Floats:
        """Return the number of trades over the seconds before; [instants]."""
        found = self.before(instants) - self.before(instants - seconds)
        return found.astype(np.float64)

    def flow_over(self, instants: Floats, seconds: float) -> Floats:
        """Return contracts bought less sold over the seconds before; [moments, brackets]."""
        found: Floats = (
            self.flow[self.before(instants)] - self.flow[self.before(instants - seconds)]
        )
        return found


def _latest(mine: Bools) -> Ints:
    """Return, for each row, the last row up to it in which a column holds; -1 without one."""
    every = np.arange(len(mine), dtype=np.int64)[:, None]
    return np.maximum.accumulate(np.where(mine, every, -1), axis=0)


def _rows(latest: Ints, rows: Ints) -> Ints:
    if not len(latest):
        return np.full((len(rows), latest.shape[1]), -1, dtype=np.int64)
    return np.where(rows[:, None] >= 0, latest[np.maximum(rows, 0)], -1)


def shares_of(price: Floats) -> Floats:
    """Return prices as shares of one, none below ``LEAST`` before.

    A bracket without a price gets an even part of what the others leave of a dollar, a cent at
    least. A row without any price is even.
    """
    absent = np.isnan(price)
    missing = absent.sum(axis=1, keepdims=True)
    left = 1.0 - np.where(absent, 0.0, price).sum(axis=1, keepdims=True)
    part = np.maximum(left / np.maximum(missing, 1), 2.0 * LEAST)
    filled = np.maximum(np.where(absent, part, price), LEAST)
    found: Floats = filled / filled.sum(axis=1, keepdims=True)
    return found


def hour_of(event: Event, at: Floats) -> Floats:
    """Return standard-time hours after the climate day's midnight; below 0 the day before."""
    found: Floats = (at - event.start_s) / 3600.0
    return found


def brier_of(probability: Floats, winner: Ints) -> Floats:
    """Return the Brier score over all brackets of a moment, 0 to 2; [moments]."""
    found: Floats = ((probability - _happened(probability, winner)) ** 2).sum(axis=1)
    return found


def rps_of(probability: Floats, winner: Ints) -> Floats:
    """Return the mean squared error of the distribution function at the inner edges; [moments]."""
    error = np.cumsum(probability - _happened(probability, winner), axis=1)[:, :-1]
    found: Floats = (error**2).mean(axis=1)
    return found


def log_of(probability: Floats, winner: Ints) -> Floats:
    """Return minus the log of the probability of what won, nats, less is better; [moments]."""
    found: Floats = -np.log(np.maximum(probability[np.arange(len(winner)), winner], 1e-6))
    return found


def _happened(probability: Floats, winner: Ints) -> Floats:
    found = np.zeros_like(probability)
    found[np.arange(len(winner)), winner] = 1.0
    return found
