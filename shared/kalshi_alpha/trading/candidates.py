"""Where a quote could rest: the prices looked at for one market and side, and the one chosen.

With others on our side of the book the prices looked at are the best of theirs, up to
``favor_ticks`` better and up to ``favor_ticks`` worse. With nobody there, the one price looked at
is the most aggressive that still earns ``min_ev``. The choice is the most aggressive price that
earns ``min_ev``: a better place in the queue is bought with edge, down to the threshold and never
below. A price that would meet the other side is never chosen, for an order may only rest. With a
fill model, off by default, the choice is the price of those that earn ``min_ev`` which is worth
most once the chance of a fill and the loss it brings are in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kalshi_alpha.errors import ContractError
from kalshi_alpha.markets.book import Book, Level, Top
from kalshi_alpha.markets.contracts import Contract
from kalshi_alpha.markets.orders import LiveOrder, OrderStatus, Side
from kalshi_alpha.markets.registry import Quoting
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.pricing.fees import FeeTerms
from kalshi_alpha.trading.edge import Edge, edge
from kalshi_alpha.trading.fills import FillView


@dataclass(frozen=True, slots=True)
class Option:
    """One price looked at; ``crosses`` when it would meet the other side instead of resting."""

    edge: Edge
    crosses: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """One market and side with every price looked at, most aggressive first.

    ``chosen`` is None when no price both rests and earns ``min_ev`` (1/10000 dollar a contract).
    ``top`` is the best of the others: our own orders are not in it.
    """

    contract: Contract
    side: Side
    probability: float
    top: Top
    min_ev: int
    options: tuple[Option, ...]
    chosen: Edge | None

    @property
    def ticker(self) -> str:
        """Return the market's ticker."""
        return self.contract.ticker

    @property
    def best(self) -> Edge | None:
        """Return the resting price that earns the most, None when every price would cross."""
        resting = [option.edge for option in self.options if not option.crosses]
        return max(resting, key=lambda found: found.ev_cash, default=None)


def candidate(
    contract: Contract,
    side: Side,
    probability: float,
    top: Top,
    terms: FeeTerms,
    quoting: Quoting,
    fills: FillView | None = None,
) -> Candidate:
    """Look at the prices of one market and side and choose; ``probability`` is of YES."""
    found = tuple(
        Option(
            edge(
                contract.ticker,
                side,
                price,
                probability,
                terms,
                None if fills is None else fills.of(side, price, probability, top),
            ),
            _crosses(price, side, top),
        )
        for price in _prices(contract, side, probability, top, terms, quoting)
    )
    earning = [o.edge for o in found if not o.crosses and o.edge.clears(quoting.min_ev)]
    chosen = next(iter(earning), None)
    if fills is not None:
        chosen = max(earning, key=lambda one: one.ev_cash, default=None)
    return Candidate(contract, side, probability, top, quoting.min_ev, found, chosen)


def candidates(
    priced: Iterable[tuple[Contract, float]],
    tops: Mapping[str, Top],
    terms: FeeTerms,
    quoting: Quoting,
    fills: FillView | None = None,
) -> tuple[Candidate, ...]:
    """Return both sides of every priced contract; a market without a book counts as empty."""
    empty = Top(None, 0, None, 0)
    return tuple(
        candidate(
            contract, side, probability, tops.get(contract.ticker, empty), terms, quoting, fills
        )
        for contract, probability in priced
        for side in Side
    )


def others_top(book: Book, orders: Iterable[LiveOrder]) -> Top:
    """Return the best bid and ask of everybody else in ``book``.

    Our own resting size is taken out first: without that each scan would find our last quote at
    the top and improve on it, tick by tick, down to the threshold.
    """
    own: dict[tuple[Side, int], int] = {}
    for order in orders:
        if order.ticker == book.ticker and order.status is OrderStatus.RESTING:
            level = (order.side, order.price)
            own[level] = own.get(level, 0) + order.remaining_size
    bid, bid_size = _best(book.bids, Side.BID, own)
    ask, ask_size = _best(book.asks, Side.ASK, own)
    return Top(bid, bid_size, ask, ask_size)


def _best(
    levels: Iterable[Level], side: Side, own: Mapping[tuple[Side, int], int]
) -> tuple[int | None, int]:
    for price, size in levels:  # best first
        left = size - own.get((side, price), 0)
        if left > 0:
            return price, left
    return None, 0


def _prices(
    contract: Contract,
    side: Side,
    probability: float,
    top: Top,
    terms: FeeTerms,
    quoting: Quoting,
) -> list[int]:
    best = top.bid if side is Side.BID else top.ask
    if best is not None:
        ticks = range(quoting.favor_ticks, -quoting.favor_ticks - 1, -1)
        prices = [_moved(contract, best, side, n) for n in ticks]
        return [price for price in prices if price is not None]
    fair = _from_fair(contract, side, probability, terms, quoting.min_ev)
    other = top.ask if side is Side.BID else top.bid
    if fair is None or other is None or not _crosses(fair, side, top):
        return [] if fair is None else [fair]
    behind = _moved(contract, other, side, -1)  # the nearest place that still rests
    return [fair] if behind is None else [fair, behind]


def _moved(contract: Contract, price: int, side: Side, ticks: int) -> int | None:
    """Return ``price`` moved ``ticks`` towards the other side, None past the end of the grid."""
    towards = ticks * side.sign
    try:
        if towards >= 0:
            return contract.grid.step_up(price, towards)
        return contract.grid.step_down(price, -towards)
    except ContractError:
        return None


def _from_fair(
    contract: Contract, side: Side, probability: float, terms: FeeTerms, min_ev: int
) -> int | None:
    """Return the most aggressive price on the grid that earns ``min_ev``, None without one."""
    raw = round(probability * PRICE_UNIT, 6) - side.sign * min_ev  # no float noise on the grid
    if not 0 < raw < PRICE_UNIT:
        return None
    grid = contract.grid
    try:
        found = grid.floor(math.floor(raw)) if side is Side.BID else grid.ceil(math.ceil(raw))
    except ContractError:
        return None
    price: int | None = found
    while price is not None and not edge(contract.ticker, side, price, probability, terms).clears(
        min_ev
    ):
        price = _moved(contract, price, side, -1)  # the fee asks for a little more
    return price


def _crosses(price: int, side: Side, top: Top) -> bool:
    other = top.ask if side is Side.BID else top.bid
    return other is not None and (price - other) * side.sign >= 0
