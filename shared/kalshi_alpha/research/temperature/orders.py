"""Orders against recorded trades: what proves a fill, what it costs, what it paid.

A resting order fills where somebody traded through its price, and a trade at its price only
touches it: whoever stood ahead may have had all of that. One that takes lives for some seconds and
fills where somebody else took that side at a better price than its limit; it pays its limit. One
contract a market and side: more of the same would be one bet counted often.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import numpy as np

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import CASH_UNIT, CENT, PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.pricing.fees import FeeAccumulator, FeeTerms, fee_regime_on, fee_terms
from kalshi_alpha.research.backtest.fills import Evidence
from kalshi_alpha.research.backtest.records import MARKOUTS_S, FillRow
from kalshi_alpha.research.backtest.tape import at_second
from kalshi_alpha.research.data.findings import Floats, Ints
from kalshi_alpha.research.temperature.trades import Event

LIFE_S, TAKE_S = 300.0, 10.0
TERMS: FeeTerms = fee_terms("quadratic", Decimal(1))  # makers paid nothing on these series
CHARGED: FeeTerms = fee_terms("quadratic_with_maker_fees", Decimal(1))
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Assumed:
    """What is assumed of orders.

    Attributes:
        latency_s: seconds from a decision until its order stands.
        through: 1/10000 dollar by which a trade must go through a resting price.
    """

    latency_s: float = 1.0
    through: int = CENT


BASE = Assumed()


@dataclass(frozen=True, slots=True)
class Order:
    """One order for one contract.

    Attributes:
        at: decided, seconds since 1970 UTC.
        place: of the bracket.
        side: of YES.
        price: 1/10000 dollar.
        taker: whether it takes instead of resting.
        belief: probability of YES that it was made on.
        edge: dollars a contract that it claims, after fees.
    """

    at: float
    place: int
    side: Side
    price: int
    taker: bool
    belief: float
    edge: float


@dataclass(frozen=True, slots=True)
class Prints:
    """One bracket's trades in which takers went one way: times and prices in 1/10000 dollar."""

    at: Floats
    price: Ints


class Tape:
    """An event's trades by bracket and taker's side, with what was believed at each trade.

    Args:
        event: the event.
        beliefs: probability of each bracket after each trade; [trades, brackets].
    """

    def __init__(self, event: Event, beliefs: Floats) -> None:
        self.event, self._beliefs = event, beliefs
        price = np.rint(event.price * PRICE_UNIT).astype(np.int64)
        self._prints: dict[tuple[int, bool], Prints] = {}
        for place in range(len(event.brackets)):
            for bought in (False, True):
                mine = (event.bracket == place) & (event.bought == bought)
                self._prints[place, bought] = Prints(event.at[mine], price[mine])

    def prints(self, place: int, *, bought: bool) -> Prints:
        """Return a bracket's trades in which the taker bought, or sold."""
        return self._prints[place, bought]

    def belief(self, place: int, at: float) -> float | None:
        """Return what was believed of a bracket at an instant, None before the first trade."""
        row = int(np.searchsorted(self.event.at, at, "right")) - 1
        return None if row < 0 else float(self._beliefs[row, place])


def fills_of(tape: Tape, orders: Sequence[Order], assumed: Assumed = BASE) -> list[FillRow]:
    """Return at most one fill of each market and side, and else its first touch.

    Args:
        tape: of the event.
        orders: in order of time; a later one of the same market and side replaces the earlier.
        assumed: of latency and of what proves a fill.
    """
    by_side: dict[tuple[int, Side], list[Order]] = {}
    for order in orders:
        by_side.setdefault((order.place, order.side), []).append(order)
    found = []
    for mine in by_side.values():
        met = list(_met(tape, mine, assumed))
        proven = [row for row in met if row.evidence != Evidence.TOUCHED]
        found += proven[:1] or met[:1]
    return found


def _met(tape: Tape, orders: Sequence[Order], assumed: Assumed) -> Iterator[FillRow]:
    """Yield touches up to the first fill, and that."""
    for k, order in enumerate(orders):
        begin = order.at + assumed.latency_s
        if order.taker:
            at = _taken(tape, order, begin)
            if at is not None:
                yield _row(tape, order, begin, at, Evidence.TRADE_THROUGH)
                return
            continue
        end = begin + LIFE_S
        if k + 1 < len(orders):
            end = min(end, orders[k + 1].at + assumed.latency_s)
        prints = tape.prints(order.place, bought=order.side is Side.ASK)
        rows = slice(*np.searchsorted(prints.at, (begin, end), "right"))
        past = (order.price - prints.price[rows]) * order.side.sign
        through = np.flatnonzero(past >= assumed.through)
        if len(through):
            yield _row(tape, order, begin, prints.at[rows][through[0]], Evidence.TRADE_THROUGH)
            return
        touched = np.flatnonzero(past >= 0)
        if len(touched):
            yield _row(tape, order, begin, prints.at[rows][touched[0]], Evidence.TOUCHED)


def _taken(tape: Tape, order: Order, begin: float) -> float | None:
    """Return when somebody took the same side at a better price, None if nobody did in time."""
    prints = tape.prints(order.place, bought=order.side is Side.BID)
    rows = slice(*np.searchsorted(prints.at, (begin, begin + TAKE_S), "right"))
    better = np.flatnonzero((order.price - prints.price[rows]) * order.side.sign > 0)
    return float(prints.at[rows][better[0]]) if len(better) else None


def fee_of(row_day: date, order: Order, terms: FeeTerms) -> int:
    """Return the cash that one contract of an order costs, by the rule of its day."""
    counted = FeeAccumulator(terms, regime=fee_regime_on(row_day))
    return counted.fill(order.side, order.price, SIZE_UNIT, is_taker=order.taker)


def charged(row: FillRow, terms: FeeTerms) -> FillRow:
    """Return a fill with other fees, in what it claims and in what it earned."""
    side = Side(row.side)
    order = Order(0.0, 0, side, row.price, row.is_taker, row.probability, row.ev_claimed)
    fee = fee_of(date.fromisoformat(row.day), order, terms)
    more = (fee - row.fee) / CASH_UNIT
    realised = None if row.realised is None else round(row.realised - more, 6)
    return replace(row, fee=fee, ev_claimed=row.ev_claimed - more, realised=realised)


def _row(tape: Tape, order: Order, begin: float, at: float, evidence: Evidence) -> FillRow:
    event, sign = tape.event, order.side.sign
    fee = fee_of(event.day, order, TERMS)
    paid = event.winner == order.place
    price = order.price / PRICE_UNIT
    marks = [tape.belief(order.place, at + wait) for wait in MARKOUTS_S]
    after = [None if one is None else round(sign * (one - price), 6) for one in marks]
    return FillRow(
        day=event.day.isoformat(),
        window_id=event.name,
        ticker=event.brackets.tickers[order.place],
        bin=0,
        side=order.side.value,
        price=order.price,
        size=SIZE_UNIT,
        at=at_second(at).isoformat().replace("+00:00", "Z"),
        placed_s=round(float(at) - begin, 3),
        seconds_to_fixing=round(event.start_s + DAY_S - at, 3),
        is_taker=order.taker,
        probability=order.belief,
        ev_claimed=order.edge,
        fee=fee,
        evidence=evidence.value,
        markout_1s=after[0],
        markout_5s=after[1],
        markout_30s=after[2],
        settled=paid,
        realised=round(sign * (float(paid) - price) - fee / CASH_UNIT, 6),
    )


def mirrored(orders: Sequence[Order], middles: Sequence[float], seed: int) -> list[Order]:
    """Return the orders with the sides a coin gives them, as far from the middle as before.

    Args:
        orders: whose moments and distances are kept.
        middles: dollars, of each order's bracket at its moment.
        seed: of the coin.
    """
    coin = np.random.default_rng(seed).random(len(orders)) < 0.5
    found = []
    for order, middle, flip in zip(orders, middles, coin, strict=True):
        side = order.side.other if flip else order.side
        price = round(2 * middle * 100) * CENT - order.price if flip else order.price
        if 0 < price < PRICE_UNIT:
            edge = side.sign * (order.belief - price / PRICE_UNIT)
            found.append(Order(order.at, order.place, side, price, order.taker, order.belief, edge))
    return found
