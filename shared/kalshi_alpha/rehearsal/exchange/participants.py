"""The other members of the simulated exchange: makers who quote and takers who trade.

Three makers quote both sides around what they think (``beliefs``), each with an opinion of its own
that drifts, at spreads and sizes as recorded (``calibration``); they step back in the last
seconds. Who trades against them is in ``takers``.

Everything is drawn from the seed and happens in the exchange's time. How often ``step`` is called
in real time decides only how stale quotes get, and one call does a bounded amount of work.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import CENT, PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.rehearsal.exchange.beliefs import (
    SHARPNESS,
    Beliefs,
    Value,
    probability,
    quotable,
)
from kalshi_alpha.rehearsal.exchange.calibration import Calibration, shipped_calibration
from kalshi_alpha.rehearsal.exchange.engine import Engine, Rejected, Ticket
from kalshi_alpha.rehearsal.exchange.model import Market, Order
from kalshi_alpha.rehearsal.exchange.takers import CASH, Takers

__all__ = ["Calibration", "Crowd", "shipped_calibration"]

MAKERS = 3

_REPLACED_A_STEP = 40  # quotes at most, the stalest first: bounds the work of one step
NEAR = timedelta(minutes=15)  # before, an event is looked at only now and then
_FAR_EVERY, _TAIL_EVERY = timedelta(seconds=60), timedelta(seconds=20)
_TAIL = 0.03  # beyond this price a market is looked at only now and then, by one maker
_LONGEST = 60.0  # seconds for which takers catch up after the clock has jumped
_SEEN_LATE = timedelta(seconds=0.5)  # the makers' own feed

_OPINION_SD = 1.2 * CENT  # at a price of one half, less towards the ends
_OPINION_SECONDS = 180.0
_SLACK = 0.6 * CENT  # a quote stays while it is this near to where it would be placed


@dataclass(slots=True)
class _Quote:
    """One maker's place on one side of one market."""

    side: Side
    order: Order | None = None


@dataclass(slots=True)
class _Desk:
    """One maker's business in one market."""

    account: str
    market: Market
    chance: float  # where its spread lies among those recorded
    tail: bool = False  # when it was last looked at
    bid: _Quote = field(default_factory=lambda: _Quote(Side.BID))
    ask: _Quote = field(default_factory=lambda: _Quote(Side.ASK))


@dataclass(slots=True)
class _Maker:
    """One maker in one event; ``opinion`` is in price units and drifts around 0."""

    account: str
    rng: Random
    step_back: timedelta
    opinion: float
    desks: list[_Desk]

    def drift(self, seconds: float) -> None:
        """Let the opinion drift for so long."""
        kept = math.exp(-seconds / _OPINION_SECONDS)
        fresh = self.rng.gauss(0.0, _OPINION_SD)
        self.opinion = kept * self.opinion + math.sqrt(1 - kept * kept) * fresh


@dataclass(slots=True)
class _Event:
    """One event with the makers who attend it."""

    markets: list[Market]
    makers: list[_Maker]
    density: float  # distance of its strikes relative to the recorded ones
    looked_at: datetime | None = None
    tails_at: datetime | None = None

    @property
    def symbol(self) -> str:
        return self.markets[0].symbol

    @property
    def close_at(self) -> datetime:
        return self.markets[0].close_at


@dataclass(frozen=True, slots=True)
class _Move:
    """A quote that should be at ``exact``, or nowhere; ``off`` says how urgently."""

    off: float
    desk: _Desk
    quote: _Quote
    exact: float | None


class Crowd:
    """Everybody else on the exchange.

    Args:
        engine: the exchange; the crowd opens accounts of its own there.
        value: the true index in points by symbol and instant, None when it has none.
        seed: the same seed on the same course of time makes the same tape.
        calibration: sizes, rates and spreads.
        near: how long before its fixing an event has everybody's attention.
        figures: how unsure it is of each published figure, in its units.
        flow: how many times as many takers come as were recorded, > 0.
    """

    def __init__(
        self,
        engine: Engine,
        value: Value,
        seed: int,
        calibration: Calibration,
        *,
        near: timedelta = NEAR,
        figures: Mapping[str, float] | None = None,
        flow: float = 1.0,
    ) -> None:
        self._engine, self._value, self._seed, self._near = engine, value, seed, near
        self._calibration, self._flow = calibration, flow
        self._beliefs = Beliefs(value, figures)
        self._rng = Random(f"makers-{seed}")
        self._takers = Takers(engine, value, self._beliefs, seed, calibration)
        self._events: dict[str, _Event] = {}
        self._known = 0
        for number in range(1, MAKERS + 1):
            engine.open_account(_account(number), CASH, keeps_records=False)

    def step(self) -> None:
        """Let everybody act once at the exchange's present time."""
        engine = self._engine
        now = engine.advance()
        if not (engine.exchange_active and engine.trading_active):
            return
        self._meet()
        moves: list[_Move] = []
        flow: list[tuple[_Event, float, list[tuple[Market, float]]]] = []
        for name, event in list(self._events.items()):
            if now >= event.close_at:
                del self._events[name]
                continue
            near = event.close_at - now <= self._near
            if event.looked_at is not None and not near and now - event.looked_at < _FAR_EVERY:
                continue
            seconds = 0.0 if event.looked_at is None else (now - event.looked_at).total_seconds()
            event.looked_at = now
            prices = self._prices(event, now)
            moves += self._moves(event, prices, now, seconds)
            flow.append((event, min(max(seconds, 0.0), _LONGEST), prices))
        moves.sort(key=lambda move: -move.off)
        for move in moves[:_REPLACED_A_STEP]:
            self._replace(move)
        for event, seconds, prices in flow:
            self._takers.trade(prices, event.density * self._flow, now, seconds)

    # --- who is there ------------------------------------------------------------------------

    def _meet(self) -> None:
        """Attend every event that was listed since the last look."""
        if len(self._engine.markets) == self._known:
            return
        self._known = len(self._engine.markets)
        by_event: dict[str, list[Market]] = {}
        now = self._engine.clock.now()
        for market in self._engine.markets.values():
            if market.close_at > now:
                by_event.setdefault(market.event_ticker, []).append(market)
        for name, markets in by_event.items():
            if name not in self._events:
                self._events[name] = self._attended(name, markets)

    def _attended(self, name: str, markets: list[Market]) -> _Event:
        makers = []
        for number in range(1, MAKERS + 1):
            account = _account(number)
            rng = Random(f"{account}-{self._seed}-{name}")
            back = timedelta(seconds=rng.uniform(2.0, 3.0))
            opinion = rng.gauss(0.0, _OPINION_SD)
            desks = [_Desk(account, market, rng.random()) for market in markets]
            makers.append(_Maker(account, rng, back, opinion, desks))
        recorded = self._calibration.spacing
        spacing = recorded if markets[0].decided_at else _spacing(markets)  # none for figures
        return _Event(markets, makers, spacing / recorded)

    # --- makers ------------------------------------------------------------------------------

    def _prices(self, event: _Event, now: datetime) -> list[tuple[Market, float]]:
        """Return what the crowd thinks of each market that trades; nothing without an index."""
        level = self._value(event.symbol, now - _SEEN_LATE)
        if level is None:
            return []
        deviation = self._beliefs.deviation(event.symbol, level, now, event.close_at)
        return [
            (m, probability(m.payoff, m.ticks_per_point, level, deviation, SHARPNESS))
            for m in event.markets
            if not m.paused and m.open_at <= now
        ]

    def _moves(
        self, event: _Event, prices: list[tuple[Market, float]], now: datetime, seconds: float
    ) -> Iterator[_Move]:
        tails = event.tails_at is None or now - event.tails_at >= _TAIL_EVERY
        if tails:
            event.tails_at = now
        fair = {market.ticker: price for market, price in prices}
        for number, maker in enumerate(event.makers):
            maker.drift(max(seconds, 0.0))
            if event.close_at - now <= maker.step_back or not fair:
                self._withdraw(maker)
                continue
            for desk in maker.desks:
                price = fair.get(desk.market.ticker)
                if price is None:
                    continue
                tail = not _TAIL <= price <= 1 - _TAIL
                if tail and desk.tail and not tails:
                    continue
                desk.tail = tail
                yield from self._wanted(maker, desk, price, absent=tail and number > 0)

    def _wanted(self, maker: _Maker, desk: _Desk, price: float, *, absent: bool) -> Iterator[_Move]:
        """Yield the quotes of a desk that are not where they should be."""
        band = self._calibration.band(price)
        away = self._calibration.spread(band, desk.chance) * PRICE_UNIT
        middle = price * PRICE_UNIT + maker.opinion * 4 * price * (1 - price)
        for quote, exact in ((desk.bid, middle - away), (desk.ask, middle + away)):
            order = _alive(quote)
            target = None if absent else _placed(desk.market, quote.side, exact)
            if target is None:
                if order is not None:
                    yield _Move(PRICE_UNIT, desk, quote, None)
            elif order is None:
                yield _Move(3 * CENT, desk, quote, exact)
            else:
                # Rounding puts a fresh quote up to a tick behind its exact price.
                off = abs((exact - order.price) * quote.side.sign - CENT / 2) - CENT / 2
                if off > _SLACK and target != order.price:
                    yield _Move(off, desk, quote, exact)

    def _replace(self, move: _Move) -> None:
        market, quote = move.desk.market, move.quote
        with suppress(Rejected):
            self._pull(move.desk.account, quote)
            # Those who moved before in this step may stand in the way by now.
            price = None if move.exact is None else _placed(market, quote.side, move.exact)
            if price is None:
                return
            chance = self._rng.uniform(0.75, 0.99)
            size = round(self._calibration.size(chance)) * SIZE_UNIT
            ticket = Ticket(market.ticker, quote.side, price, size, post_only=True)
            quote.order = self._engine.create(move.desk.account, ticket)

    def _withdraw(self, maker: _Maker) -> None:
        for desk in maker.desks:
            for quote in (desk.bid, desk.ask):
                with suppress(Rejected):
                    self._pull(desk.account, quote)

    def _pull(self, account: str, quote: _Quote) -> None:
        order, quote.order = quote.order, None
        if order is not None and order.remaining:
            self._engine.cancel(account, order.order_id)


def _account(number: int) -> str:
    return f"crowd-maker-{number}"


def _spacing(markets: list[Market]) -> float:
    """Return the distance between strikes as a share of their level."""
    lows = sorted(m.payoff.low for m in markets if m.payoff.low is not None)
    if len(lows) < 2:
        return 0.0
    return (lows[-1] - lows[0]) / (len(lows) - 1) / lows[len(lows) // 2]


def _alive(quote: _Quote) -> Order | None:
    return quote.order if quote.order is not None and quote.order.remaining else None


def _placed(market: Market, side: Side, exact: float) -> int | None:
    """Return where a post-only order goes: on the grid and behind the other side's best."""
    best = market.best(side.other)
    if best is not None:
        behind = best - side.sign * CENT
        exact = min(exact, behind) if side is Side.BID else max(exact, behind)
    return quotable(market.grid, side, exact)
