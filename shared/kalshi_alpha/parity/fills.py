"""Fills and fees: does the recording explain every fill of ours, and every one we did not get?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from kalshi_alpha.markets.orders import Fill, OrderStatus, PublicTrade
from kalshi_alpha.parity.differences import CAPTURE, FEE, FILL, Findings
from kalshi_alpha.parity.own import END, OwnOrders, State
from kalshi_alpha.parity.queue import NEAR, Given, Level, Stay, Walk
from kalshi_alpha.parity.tape import BookTape
from kalshi_alpha.pricing.fees import FeeTerms
from kalshi_alpha.trading.fee_check import fee_differences

# A fill and its trade bear one time; a venue that names them differently is met by size and time.
_BESIDE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Explained:
    """How the fills of a window came out: in all, those that could not have been otherwise."""

    fills: int
    forced: int
    missed: int


def compare_fills(
    own: OwnOrders,
    fills: Sequence[Fill],
    trades: Mapping[str, Sequence[PublicTrade] | None],
    tapes: Mapping[str, Sequence[BookTape]],
    findings: Findings,
    *,
    paper: bool,
) -> Explained:
    """Walk every order through the public trades of its market.

    Args:
        own: our orders.
        fills: ours, in time.
        trades: of each market we had an order in, in time; None where they were not kept.
        tapes: captured books.
        findings: takes each fill that is not explained and each that is missing.
        paper: fills follow the paper broker's rule instead of the queue.
    """
    by_trade = _matched(fills, trades)
    explained: set[str] = set()
    forced = missed = 0
    for order_id, states in own.states.items():
        ticker = states[0].order.ticker
        tape = trades.get(ticker)
        if tape is None:
            findings.part(CAPTURE, ticker, f"the public trades of {ticker} were not kept")
            continue
        mine = {trade: fill for trade, fill in by_trade.items() if fill.order_id == order_id}
        for stay in stays(states):
            level = _level(stay, tapes.get(ticker, ()), paper=paper)
            _hold(order_id, stay, states, level, findings)
            walk = Walk(stay, level, paper)
            for given in walk.through(tape, mine):
                if given.explained and given.got:
                    explained.add(mine[given.trade.trade_id].fill_id)
                    forced += given.forced
                elif not given.explained and given.got <= given.least:
                    missed += 1
                    _tell(findings, order_id, stay, given)
    for fill in fills:
        if fill.fill_id not in explained:
            findings.part(
                FILL,
                fill.fill_id,
                f"the fill {fill.fill_id} of order {fill.order_id}, {fill.size} at {fill.price} in "
                f"{fill.ticker} at {fill.at:%H:%M:%S.%f}, is explained by no public trade and "
                "place in the queue",
            )
    return Explained(len(fills), forced, missed)


def compare_fees(
    fills: Iterable[Fill], terms: Mapping[str, FeeTerms], findings: Findings, *, paper: bool
) -> int:
    """Charge every fill again by its rule; return the fees recorded, in cash.

    The paper broker charges nothing, and quotes where makers are charged nothing.
    """
    mine = list(fills)
    by_series: dict[str, list[Fill]] = defaultdict(list)
    for fill in mine:
        by_series[fill.ticker.partition("-")[0]].append(fill)
    for series, found in by_series.items():
        if series not in terms:
            findings.part(FEE, series, f"the fee terms of {series} were not kept")
            continue
        if paper and all(fill.fee == 0 for fill in found):
            continue
        for difference in fee_differences(terms[series], found):
            findings.part(
                FEE,
                difference.fill_id,
                str(difference),
                difference.charged,
                difference.expected,
            )
    return sum(fill.fee for fill in mine)


def compare_reports(fills: Sequence[Fill], heard: Mapping[str, Fill], findings: Findings) -> None:
    """Hold the ledger's fills against the venue's own reports in the capture."""
    told = {(f.order_id, f.price, f.size, f.fee, f.is_taker) for f in heard.values()}
    kept = {(f.order_id, f.price, f.size, f.fee, f.is_taker) for f in fills}
    for fill in fills:
        if (fill.order_id, fill.price, fill.size, fill.fee, fill.is_taker) not in told:
            findings.part(
                FILL, fill.fill_id, f"the ledger's fill {fill.fill_id} is not in the capture so"
            )
    for fill in heard.values():
        key = (fill.order_id, fill.price, fill.size, fill.fee, fill.is_taker)
        if key not in kept:
            findings.part(
                FILL, fill.fill_id, f"the captured fill {fill.fill_id} is not in the ledger so"
            )


def compare_trades(
    heard: Mapping[str, str],
    trades: Mapping[str, Sequence[PublicTrade] | None],
    findings: Findings,
) -> None:
    """Hold the public trades the sentry heard against those that were kept with the books."""
    kept = {trade.trade_id for tape in trades.values() for trade in tape or ()}
    for name, ticker in heard.items():
        if trades.get(ticker) is not None and name not in kept:
            findings.part(
                CAPTURE, ticker, f"the captured trade {name} of {ticker} is not among those kept"
            )


def stays(states: Sequence[State]) -> list[Stay]:
    """Return where an order rested, a stay for each place in a queue.

    A smaller order at the same price keeps its place; anything else is a new one.
    """
    found: list[Stay] = []
    open_: State | None = None
    for state in states:
        order = state.order
        rests = order.status is OrderStatus.RESTING and order.remaining_size > 0
        kept = (
            open_ is not None
            and rests
            and order.price == open_.order.price
            and order.remaining_size <= open_.order.remaining_size
        )
        if open_ is not None and not kept:
            found.append(_stay(open_, state))
            open_ = None
        if rests and not kept:
            open_ = state
    if open_ is not None:
        found.append(_stay(open_, None))
    return found


def _stay(first: State, over: State | None) -> Stay:
    order = first.order
    # What ended it was a fill: which trade that was is for the walk to find, not for the clock.
    end = None if over is not None and over.order.status is OrderStatus.EXECUTED else over
    return Stay(
        ticker=order.ticker,
        side=order.side,
        price=order.price,
        size=order.remaining_size,
        earliest=first.earliest,
        latest=first.latest,
        ended_earliest=END if end is None else end.earliest,
        ended_latest=END if end is None else end.latest,
    )


def _level(stay: Stay, tapes: Sequence[BookTape], *, paper: bool) -> Level:
    if paper or not tapes:
        return []
    return max((tape.level(stay.side, stay.price) for tape in tapes), key=len)


def _hold(
    order_id: str, stay: Stay, states: Sequence[State], level: Level, findings: Findings
) -> None:
    """Take our size out of the captured level: what is left must not be less than nothing."""
    for at, size in level:
        if size is None or not stay.latest + NEAR < at < stay.ended_earliest - NEAR:
            continue
        near = [s.order for s in states if s.latest <= at + NEAR][-2:]
        least = min(
            o.remaining_size if o.status is OrderStatus.RESTING and o.price == stay.price else 0
            for o in near
        )
        if size < least:
            findings.part(
                CAPTURE,
                order_id,
                f"the captured book of {stay.ticker} shows {size} at {stay.price} at "
                f"{at:%H:%M:%S.%f}, where the order {order_id} alone had {least}",
                size,
                least,
            )
            return


def _matched(
    fills: Sequence[Fill], trades: Mapping[str, Sequence[PublicTrade] | None]
) -> dict[str, Fill]:
    """Return our fills by the public trade that made each."""
    found: dict[str, Fill] = {}
    for fill in fills:
        tape = trades.get(fill.ticker) or ()
        name = fill.fill_id.removeprefix(f"{fill.order_id}-")  # as the paper broker names them
        named = [t for t in tape if t.trade_id == name]
        beside = [
            t
            for t in tape
            if t.trade_id not in found
            and t.price == fill.price
            and t.size >= fill.size
            and t.taker_side is fill.side.other
            and abs(t.at - fill.at) <= _BESIDE
        ]
        for trade in (named or sorted(beside, key=lambda t: abs(t.at - fill.at)))[:1]:
            found[trade.trade_id] = fill
    return found


def _tell(findings: Findings, order_id: str, stay: Stay, given: Given) -> None:
    trade = given.trade
    findings.part(
        FILL,
        order_id,
        f"the order {order_id}, {stay.side.value} at {stay.price} in {stay.ticker}, got "
        f"{given.got} of the trade {trade.trade_id}, {trade.size} at {trade.price} at "
        f"{trade.at:%H:%M:%S.%f}, and must have got {given.least}",
        given.got,
        given.least,
    )
