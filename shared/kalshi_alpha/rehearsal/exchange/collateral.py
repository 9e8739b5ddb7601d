"""What resting orders tie up, and how a fill moves cash and position.

A bid ties up its price, an ask one dollar less its price; an order that closes a position ties up
nothing. YES and NO of one market meet at once and pay a dollar, so a position is one signed number.
"""

from __future__ import annotations

from collections.abc import Iterable

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.rehearsal.exchange.model import Account, Order

Row = tuple[Side, int, int]  # side, YES price, size


def needed(position: int, rows: Iterable[Row]) -> int:
    """Return the cash that orders in one market tie up.

    The dearest are set against the position first: they are the first to fill.
    """
    costs: dict[Side, list[tuple[int, int]]] = {Side.BID: [], Side.ASK: []}
    for side, price, size in rows:
        costs[side].append((_each(side, price), size))
    total = 0
    for side, dearest in costs.items():
        closing = max(0, -position * side.sign)
        for each, size in sorted(dearest, reverse=True):
            free = min(closing, size)
            closing -= free
            total += each * (size - free)
    return total


def tied_with(account: Account, ticker: str, new: Row, without: Order | None = None) -> int:
    """Return what a market would tie up with one more order, and perhaps without another."""
    rows = [_row(o) for o in account.resting.get(ticker, {}).values() if o is not without]
    return needed(account.positions.get(ticker, 0), [*rows, new])


def retie(account: Account, ticker: str) -> None:
    """Bring ``account.tied`` up to date for one market."""
    resting = account.resting.get(ticker)
    if resting:
        rows = (_row(order) for order in resting.values())
        account.tied[ticker] = needed(account.positions.get(ticker, 0), rows)
    else:
        account.resting.pop(ticker, None)
        account.tied.pop(ticker, None)


def move(account: Account, ticker: str, row: Row, fee: int) -> None:
    """Move cash and position by one fill: what closes is paid out, what opens is paid for."""
    side, price, size = row
    held = account.positions.get(ticker, 0)
    closing = min(size, max(0, -held * side.sign))
    each = _each(side, price)
    account.cash += (PRICE_UNIT - each) * closing - each * (size - closing) - fee
    cost = account.costs.get(ticker, 0)
    if closing:
        released = cost * closing // abs(held)
        gained = (PRICE_UNIT - each) * closing - released
        account.realised[ticker] = account.realised.get(ticker, 0) + gained
        cost -= released
    account.costs[ticker] = cost + each * (size - closing)
    account.positions[ticker] = held + side.sign * size
    account.fees[ticker] = account.fees.get(ticker, 0) + fee
    account.traded[ticker] = account.traded.get(ticker, 0) + each * size
    account.volumes[ticker] = account.volumes.get(ticker, 0) + size


def _each(side: Side, price: int) -> int:
    return price if side is Side.BID else PRICE_UNIT - price


def _row(order: Order) -> Row:
    return order.side, order.price, order.remaining
