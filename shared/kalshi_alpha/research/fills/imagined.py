"""Quotes imagined in a recorded book, and what the replay's queue says became of them.

Every few seconds a quote too small to matter is sent on each side of each market at each of a row
of offsets from the middle. The replay keeps its place in the queue. It ends with a fill that a
trade proves, is censored when it expires, when the recording ends, or when the other side's quote
came to it with no trade on record; it is left out when it would have met the other side at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import numpy as np

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import CENT, PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.research.data.findings import Floats, Ints
from kalshi_alpha.research.fills.spells import HORIZON_S, OFFSETS, Spells
from kalshi_alpha.research.replay.engine import Replay, replay
from kalshi_alpha.research.replay.rules import Evidence, Rules, Seen, State
from kalshi_alpha.research.replay.tape import ASK, BID, Tape
from kalshi_alpha.trading.candidate_gates import CERTAINTY
from kalshi_alpha.trading.fills import ahead_of, imbalance_of

NS = 1_000_000_000
EVERY_S, STEP_S = 15, 1
LAST_S = 5.0  # quotes are gone so many seconds before the market closes
SIZE = 1  # 1/100 contract: it takes nobody's place
TAKES = (1, 10, 100, 1000)  # contracts, for what taking costs
_CLOSE = re.compile(r"-(\d{2}[A-Z]{3}\d{2})(\d{4})-")
PROVEN = (Evidence.QUEUE_CLEARED, Evidence.TRADE_THROUGH)


@dataclass(frozen=True, slots=True)
class Imagined:
    """What one recording of books says.

    Attributes:
        spells: the quotes; ``day`` holds the market's number, for quotes of one market hang
            together, and ``probability`` the middle of the book.
        evidence: of each quote's end, an ``Evidence``; -1 where it was censored.
        taking: cents paid beyond the middle by who takes ``TAKES`` contracts at once; a row a
            look and side, NaN where the book does not hold as much.
    """

    spells: Spells
    evidence: Ints
    taking: Floats


@dataclass(slots=True)
class _Quote:
    """One imagined quote."""

    market: int
    side: Side
    price: int
    at: int
    close: int
    probability: float
    spread: float
    ahead: float
    imbalance: float


def close_of(ticker: str) -> int:
    """Return when a market closes, nanoseconds since 1970 UTC, as its ticker says it.

    Raises:
        DataError: when it does not hold day and time.
    """
    found = _CLOSE.search(ticker)
    if found is None:
        raise DataError(f"{ticker} does not say when it closes: -YYMMMDDHHMM- is looked for")
    try:
        local = datetime.strptime(found[1] + found[2], "%y%b%d%H%M").replace(tzinfo=NEW_YORK)
    except ValueError:
        raise DataError(f"{ticker} holds no day and time: {found[1]} {found[2]}") from None
    return int(local.timestamp()) * NS


def imagined_in(
    tapes: Sequence[Tape], rules: Rules, *, crossed_count: bool = False, plain: bool = False
) -> Imagined:
    """Return the imagined quotes of several recordings.

    Args:
        tapes: books with trades, one a connection.
        rules: latencies and the queue.
        crossed_count: whether a quote that the other side came to has filled; else it is censored.
        plain: take the plain engine in any case.

    Raises:
        DataError: when no quote could be imagined.
    """
    names = {t: k for k, t in enumerate(dict.fromkeys(n for tape in tapes for n in tape.names))}
    rows: list[tuple[float, ...]] = []
    taking: list[tuple[float, ...]] = []
    for tape in tapes:
        if len(tape):
            played = _Player(tape, rules, plain)
            played.play()
            rows += played.ended(names, crossed_count=crossed_count)
            taking += played.taking
    if not rows:
        raise DataError("no quote could be imagined: no book has both sides before its close")
    columns = list(zip(*rows, strict=True))
    kinds = {"day": np.int64, "side": np.int64, "filled": np.bool_}
    made: dict[str, Any] = {
        each.name: np.array(column, dtype=kinds.get(each.name, np.float64))
        for each, column in zip(fields(Spells), columns, strict=False)
    }
    return Imagined(
        Spells(**made), np.array(columns[-1], dtype=np.int64), np.array(taking, dtype=np.float64)
    )


class _Player:
    """One recording with its quotes."""

    def __init__(self, tape: Tape, rules: Rules, plain: bool) -> None:
        self._engine: Replay = replay(tape, rules, plain=plain)
        self._tape, self._rules = tape, rules
        self._close = [close_of(name) for name in tape.names]
        self._quotes: dict[int, _Quote] = {}
        self._times: list[int] = []
        self._mids: list[list[float]] = [[] for _ in tape.names]
        self.taking: list[tuple[float, ...]] = []

    def play(self) -> None:
        """Look every second, and send quotes every few."""
        engine, count = self._engine, 0
        end = int(self._tape.exch_ns[-1])
        at = engine.now + STEP_S * NS
        while at <= end:
            engine.advance(at)
            seen = [engine.seen(market) for market in range(len(self._tape.names))]
            self._times.append(at)
            for market, one in enumerate(seen):
                self._mids[market].append(_middle(one))
                if count % EVERY_S == 0 and at < self._close[market] - (LAST_S + 1) * NS:
                    self._send(market, one, at)
                    self._take(market, one)
            at, count = at + STEP_S * NS, count + 1
        engine.advance(end)

    def _send(self, market: int, seen: Seen, at: int) -> None:
        p = _middle(seen)
        if not CERTAINTY <= p <= 1.0 - CERTAINTY:
            return
        top = Top(seen.bid, seen.bid_size, seen.ask, seen.ask_size)
        close = self._close[market]
        end = min(at + self._rules.entry_ns + int(HORIZON_S * NS), close - int(LAST_S * NS))
        for code, side in ((BID, Side.BID), (ASK, Side.ASK)):
            other = seen.ask if side is Side.BID else seen.bid
            for price in sorted({_price(p, side, cents) for cents in OFFSETS}):
                if not 0 < price < PRICE_UNIT or (price - other) * side.sign >= 0:
                    continue
                number = self._engine.submit(market, code, price, SIZE, expires_ns=end)
                self._quotes[number] = _Quote(
                    market, side, price, at, close, p, (seen.ask - seen.bid) / CENT,
                    _known(ahead_of(side, price, top)), _known(imbalance_of(side, top)),
                )  # fmt: skip

    def _take(self, market: int, seen: Seen) -> None:
        p = _middle(seen)
        if not CERTAINTY <= p <= 1.0 - CERTAINTY:
            return
        for code in (BID, ASK):
            levels = self._engine.depth(market, code)
            self.taking.append(tuple(_beyond(levels, p, contracts) for contracts in TAKES))

    def ended(self, names: dict[str, int], *, crossed_count: bool) -> Iterator[tuple[float, ...]]:
        """Yield one row a quote: the fields of ``Spells`` and the evidence."""
        hits = {fill.order: fill for fill in reversed(self._engine.fills)}
        end = int(self._tape.exch_ns[-1])
        for number, quote in self._quotes.items():
            if self._engine.order(number).state is State.REFUSED:
                continue
            market = names[self._tape.names[quote.market]]
            hit = hits.get(number)
            begin = quote.at + self._rules.entry_ns
            most = min(begin + HORIZON_S * NS, quote.close - LAST_S * NS, end)
            filled = hit is not None and (crossed_count or hit.evidence in PROVEN)
            until = most if hit is None else hit.at_ns
            sign, price = quote.side.sign, quote.price / PRICE_UNIT
            marks = [
                sign * (self._mid(quote.market, until + wait * NS) - price) if filled else np.nan
                for wait in (5, 30)
            ]
            if until <= begin:
                continue
            yield (
                market,
                2 * market + (quote.side is Side.ASK),
                100.0 * sign * (quote.probability - price),
                (quote.close - quote.at) / NS,
                quote.probability,
                quote.spread,
                (until - begin) / NS,
                filled,
                sign * (quote.probability - price),
                *marks,
                np.nan,
                quote.ahead,
                quote.imbalance,
                int(hit.evidence) if hit is not None and filled else -1,
            )

    def _mid(self, market: int, at: float) -> float:
        place = int(np.searchsorted(self._times, at, side="right")) - 1
        late = at - self._times[place] > 2 * STEP_S * NS
        return np.nan if place < 0 or late else self._mids[market][place]


def _middle(seen: Seen) -> float:
    if not seen.bid or not seen.ask or seen.bid >= seen.ask:
        return np.nan
    return (seen.bid + seen.ask) / (2 * PRICE_UNIT)


def _price(p: float, side: Side, cents: int) -> int:
    raw = round(p * PRICE_UNIT) - side.sign * cents * CENT
    return raw // CENT * CENT if side is Side.BID else -(-raw // CENT * CENT)


def _known(value: float | None) -> float:
    return np.nan if value is None else value


def _beyond(levels: Sequence[tuple[int, int]], p: float, contracts: int) -> float:
    """Return the cents beyond the middle that taking so many costs on average, NaN past the end."""
    left, paid = contracts * SIZE_UNIT, 0.0
    for price, size in levels:
        took = min(left, size)
        paid += took * abs(price / PRICE_UNIT - p)
        left -= took
        if not left:
            return 100.0 * paid / (contracts * SIZE_UNIT)
    return np.nan
