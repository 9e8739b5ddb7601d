"""Quotes that might have rested, and when somebody would have traded through them, if ever.

Every half minute of a window, a quote is imagined on each side of each market that has traded, at
each of a row of offsets from the law's probability. It rests unmoved until a trade goes through
it, until the horizon, or until everything is pulled: the last two leave it censored. A price that
would have met the other side is left out, since it could not have rested.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import CENT, PRICE_UNIT
from kalshi_alpha.research.backtest.book import TradedBook
from kalshi_alpha.research.backtest.pricing import Pricer
from kalshi_alpha.research.backtest.settings import Settings
from kalshi_alpha.research.data.findings import Bools, Floats, Ints, number_of
from kalshi_alpha.trading.candidate_gates import CERTAINTY

OFFSETS = tuple(range(-1, 11))  # cents short of the probability
HORIZON_S = 60.0
EVERY_S = 30.0
MARKOUTS_S = (5.0, 30.0)


@dataclass(frozen=True, slots=True)
class Spells:
    """Imagined quotes; arrays of one length, in order of day.

    Attributes:
        day: of the event, days since 1970-01-01.
        side: code of the market and side: what counts as one vote.
        offset: cents the price was short of the probability, by side.
        seconds: to the fixing when it began.
        probability: of YES then.
        spread: cents between the last trades' sides, NaN when one is not known.
        lasted: seconds until it filled or was censored.
        filled: whether a trade went through it.
        edge: dollars a contract claimed by it.
        markout_5s: dollars by the law 5 s after the fill; NaN without one.
        markout_30s: likewise after 30 s.
        settled: dollars a contract by the settlement; NaN without a fill.
        ahead: contracts shown before it; NaN where no book tells.
        imbalance: of the best of both sides, by side; NaN where no book tells.
    """

    day: Ints
    side: Ints
    offset: Floats
    seconds: Floats
    probability: Floats
    spread: Floats
    lasted: Floats
    filled: Bools
    edge: Floats
    markout_5s: Floats
    markout_30s: Floats
    settled: Floats
    ahead: Floats
    imbalance: Floats

    def __len__(self) -> int:
        return len(self.day)

    def where(self, keep: Bools) -> Spells:
        """Return the spells where ``keep`` holds."""
        return Spells(*(getattr(self, each.name)[keep] for each in fields(self)))


def spells_of(
    pricers: Iterable[Pricer],
    settings: Settings,
    *,
    start_s: float = 900.0,
    horizon_s: float = HORIZON_S,
) -> Spells:
    """Return the spells of several tapes.

    Args:
        pricers: one a tape.
        settings: latency, age of the level, memory of the book, how far through.
        start_s: seconds before the fixing from which on quotes are imagined.
        horizon_s: how long they are left.

    Raises:
        DataError: when there is none.
    """
    rows = [row for k, one in enumerate(pricers) for row in _of_tape(one, settings, start_s,
            horizon_s, 1000 * k)]  # fmt: skip
    if not rows:
        raise DataError("no quote could be imagined: no level of the index is fresh enough")
    columns = list(zip(*rows, strict=True))
    whole = {"day", "side"}
    made = {
        each.name: np.array(
            column,
            dtype=np.int64 if each.name in whole else bool if each.name == "filled" else float,
        )
        for each, column in zip(fields(Spells), columns, strict=True)
    }
    return Spells(**made)


def _of_tape(
    pricer: Pricer, settings: Settings, start_s: float, horizon_s: float, code: int
) -> Iterator[tuple[float, ...]]:
    tape, seconds = pricer.tape, pricer.tape.seconds
    book = TradedBook(settings.memory_s, settings.widen)
    pull = tape.fixing_s - settings.stop_s
    day = number_of(tape.window.day)
    row, now = 0, tape.fixing_s - start_s
    while now < pull - settings.latency_s:
        while row < len(seconds) and seconds.at[row] + 1.0 <= now:
            book.take(
                float(seconds.at[row]), seconds.market[row], seconds.sold[row],
                seconds.sold_size[row], seconds.bought[row], seconds.bought_size[row],
            )  # fmt: skip
            row += 1
        priced = pricer.at(now)
        if priced is not None and priced.reading.silence_s <= settings.max_age_s:
            end = min(now + settings.latency_s + horizon_s, pull)
            for contract, p in priced.near:
                market = tape.ladder.contracts.index(contract)
                if CERTAINTY <= p <= 1.0 - CERTAINTY and book.knows(market):
                    for found in _of_market(pricer, settings, book, market, p, now, end):
                        side, rest = found[0], found[1:]
                        yield (day, code + 2 * market + side, *rest)
        now += EVERY_S


def _of_market(
    pricer: Pricer,
    settings: Settings,
    book: TradedBook,
    market: int,
    p: float,
    now: float,
    end: float,
) -> Iterator[tuple[float, ...]]:
    tape, seconds = pricer.tape, pricer.tape.seconds
    contract = tape.ladder.contracts[market]
    top = book.top(market, now)
    spread = np.nan if top.bid is None or top.ask is None else (top.ask - top.bid) / CENT
    begin = now + settings.latency_s
    first = bisect_left(seconds.at, begin)
    last = bisect_left(seconds.at, end)
    rows = [k for k in range(first, last) if seconds.market[k] == market]
    for code, side in enumerate(Side):
        met = seconds.sold if side is Side.BID else seconds.bought
        other = top.ask if side is Side.BID else top.bid
        for cents in OFFSETS:
            raw = p * PRICE_UNIT - side.sign * cents * CENT
            price = int(raw // CENT * CENT) if side is Side.BID else -int(-raw // CENT * CENT)
            if not contract.grid.contains(price):
                continue
            if other is not None and (price - other) * side.sign >= 0:
                continue
            through = (
                k for k in rows if met[k] and (price - met[k]) * side.sign >= settings.through
            )
            hit = next(through, None)
            at = None if hit is None else float(seconds.at[hit])
            yield (
                code,
                side.sign * (p * PRICE_UNIT - price) / CENT,
                tape.fixing_s - now,
                p,
                spread,
                max(0.5, (end if at is None else at + 0.5) - begin),
                at is not None,
                side.sign * (p - price / PRICE_UNIT),
                *(_after(pricer, settings, market, side, price, at, wait) for wait in MARKOUTS_S),
                _paid(pricer, market, side, price, at),
                np.nan,
                np.nan,
            )


def _after(
    pricer: Pricer,
    settings: Settings,
    market: int,
    side: Side,
    price: int,
    at: float | None,
    wait: float,
) -> float:
    priced = None if at is None else pricer.at(at + wait)
    if priced is None or priced.reading.silence_s > settings.max_age_s + wait:
        return float("nan")
    fair = priced.by_ticker[pricer.tape.ladder.contracts[market].ticker]
    return side.sign * (fair - price / PRICE_UNIT)


def _paid(pricer: Pricer, market: int, side: Side, price: int, at: float | None) -> float:
    paid = pricer.tape.paid[market]
    if at is None or paid is None:
        return float("nan")
    return side.sign * (float(paid) - price / PRICE_UNIT)
