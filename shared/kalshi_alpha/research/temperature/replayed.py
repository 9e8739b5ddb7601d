"""The strategy itself replayed on recorded quotes: the code that runs live, on the replay engine.

Nothing is chosen on these days: the terms are the shipped ones and what was learned is of days
before. An order stands a second after it was decided and leaves a second after it was given up. It
fills when the other side is quoted at its price or through it, for that order would have met ours;
sizes are not recorded, so each is for one contract. The recording has no results either: a bracket
has won when its last quotes of the day say so plainly and no other's do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import pairwise

import numpy as np

from kalshi_alpha.families.temperature_book import load_parameters
from kalshi_alpha.families.temperature_parameters import Diurnal
from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.markets.orders import Fill, Side
from kalshi_alpha.markets.stations import Stations
from kalshi_alpha.markets.units import CASH_UNIT, CENT, PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.momentum.events import (
    Event,
    Halted,
    Held,
    Looked,
    Quoted,
    Resumed,
    Ticked,
    Unheard,
)
from kalshi_alpha.momentum.horizon import QUOTES, HorizonWeights
from kalshi_alpha.momentum.inventory import Feed, holdings_of
from kalshi_alpha.momentum.pool import PoolWeights
from kalshi_alpha.momentum.strategy import Learned, Market, Momentum
from kalshi_alpha.momentum.terms import StrategyTerms, load_terms
from kalshi_alpha.momentum.wanted import REFUSE, Wanted
from kalshi_alpha.momentum.weather import clock_hazard
from kalshi_alpha.research.backtest.fills import Evidence
from kalshi_alpha.research.backtest.loading import CENTS
from kalshi_alpha.research.backtest.records import MARKOUTS_S, FillRow
from kalshi_alpha.research.backtest.tape import at_second
from kalshi_alpha.research.data.findings import Floats
from kalshi_alpha.research.parallel import mapped
from kalshi_alpha.research.replay.engine import Replay, replay
from kalshi_alpha.research.replay.ledger import FeeMeter
from kalshi_alpha.research.replay.rules import ReplayFill, Report, Rules
from kalshi_alpha.research.replay.tape import ASK, BID, Tape
from kalshi_alpha.research.temperature import quotes
from kalshi_alpha.research.temperature.filtering import Progress
from kalshi_alpha.research.temperature.orders import DAY_S, TERMS
from kalshi_alpha.trading.fills import FillModel

NS = 1_000_000_000
RULES = Rules(entry_ns=NS, response_ns=50_000_000)
SHIPPED, POOLED, EAGER = "as shipped", "with a pool", "with a pool, edges of two cents"
WORTH = "with a pool, after what fills lose"
BORNE = "with a pool, borne out by the horizon"
EAGER_EDGE = 0.02
PLAIN = 0.9  # dollars from which a last middle says that a bracket won, and the rest that none else
LOOK_S, STEP_S = 300.0, 60.0
# After a gap each bracket is asked for again: one that has said nothing by then has not changed.
SNAPSHOT_S = 60.0
_STEPS = 6  # of silence; after as many nothing is wanted any more
_FINE = Feed(connected=True, silent_s=0.0)


@dataclass(frozen=True, slots=True)
class Day:
    """One event to replay.

    Attributes:
        event: its quotes.
        tape: the same as the replay engine reads them.
        climate: its climate day.
        diurnal: when highs of past days were made; the weather itself is not recorded.
        seed: of the coin's sides.
        pool: weights of the beliefs, fitted on days before.
        fills: what becomes of resting quotes, fitted on days before.
        horizon: fitted on days before; None where there were too few.
    """

    event: quotes.Quoted
    tape: Tape
    climate: ClimateDay
    diurnal: Diurnal
    seed: int
    pool: PoolWeights | None = None
    fills: FillModel | None = None
    horizon: HorizonWeights | None = None

    @property
    def winner(self) -> int | None:
        """Return the place of the bracket that won, None where the last quotes do not say."""
        event = self.event
        last = int(np.searchsorted(event.at, event.start_s + DAY_S, "right")) - 1
        middles = (event.bid[last] + event.ask[last]) / 2.0
        won = np.flatnonzero(middles >= PLAIN)
        plain = len(won) == 1 and (np.delete(middles, won) <= 1.0 - PLAIN).all()
        return int(won[0]) if plain else None

    def versions(self) -> Iterator[tuple[str, StrategyTerms, Learned]]:
        """Yield every version of the strategy that can be replayed on this day."""
        terms, midnight = load_terms(), self.event.start_s
        yield SHIPPED, terms, Learned(midnight)
        if self.pool is None:
            return
        yield POOLED, terms, Learned(midnight, self.pool)
        signals = replace(terms.signals, least_edge=EAGER_EDGE)
        yield EAGER, replace(terms, signals=signals), Learned(midnight, self.pool)
        if self.fills is not None:
            yield WORTH, terms, Learned(midnight, self.pool, fills=self.fills)
        if self.horizon is not None:
            yield BORNE, terms, Learned(midnight, self.pool, {QUOTES: self.horizon})


@dataclass(frozen=True, slots=True)
class Replayed:
    """One day under one version.

    Attributes:
        day: of the event.
        orders: sent.
        refused: of these, by the venue, for they would have met the other side.
        reasons: why signals were refused, by code.
        rows: fills; settled where the winner is plain.
        coin: likewise of the same orders with the sides a coin gave them.
    """

    day: date
    orders: int
    refused: int
    reasons: Mapping[str, int]
    rows: tuple[FillRow, ...]
    coin: tuple[FillRow, ...]


def days_of(
    events: Sequence[quotes.Quoted],
    tape: Tape,
    stations: Stations,
    seed: int,
    *,
    pool: PoolWeights | None = None,
    fills: FillModel | None = None,
    horizons: Sequence[tuple[int, HorizonWeights]] = (),
) -> list[Day]:
    """Return the days that can be replayed.

    Args:
        events: in order of days.
        tape: of all of them.
        stations: where the series are measured.
        seed: of the coins.
        pool: fitted on days before all of them.
        fills: likewise.
        horizons: each with the number of the first day it may be used on, ascending.
    """
    found = []
    for k, event in enumerate(events):
        day = date.fromordinal(event.day)
        station = stations.of(event.name.partition("-")[0])
        known = [weights for first, weights in horizons if first <= event.day]
        found.append(
            Day(
                event,
                tape.only(event.brackets.tickers),
                station.day(day),
                load_parameters(station.station, day).diurnal,
                seed + k,
                pool,
                fills,
                known[-1] if known else None,
            )
        )
    return found


def replay_days(
    days: Sequence[Day], *, workers: int = 1, progress: Progress | None = None
) -> dict[str, list[Replayed]]:
    """Replay every version on every day, and return the days by version."""
    found: dict[str, list[Replayed]] = {}
    for k, versions in enumerate(mapped(replay_day, days, workers)):
        for name, one in versions.items():
            found.setdefault(name, []).append(one)
        if progress is not None:
            progress(k + 1, len(days))
    return found


def replay_day(day: Day) -> dict[str, Replayed]:
    """Replay every version on one day."""
    return {name: replayed(day, terms, learned) for name, terms, learned in day.versions()}


def replayed(day: Day, terms: StrategyTerms, learned: Learned) -> Replayed:
    """Replay one day by any terms; each order is for one contract whatever they say."""
    return _Desk(day, replace(terms, lean=replace(terms.lean, size=1)), learned).replayed()


@dataclass(slots=True)
class _Sent:
    """An order, and when the strategy gave it up."""

    wanted: Wanted
    at_ns: int
    middle: float
    until_ns: int = 0


@dataclass
class _Desk:
    """The strategy at work on one day: what it wants becomes orders of the replay engine."""

    day: Day
    terms: StrategyTerms
    learned: Learned
    _sent: dict[int, _Sent] = field(default_factory=dict)
    _live: dict[tuple[int, Side], int] = field(default_factory=dict)
    _fills: list[Fill] = field(default_factory=list)
    _reasons: Counter[str] = field(default_factory=Counter)
    _refused: int = 0
    _now: int = 0
    _busy_until: int = 0

    def __post_init__(self) -> None:
        event = self.day.event
        self._tickers = event.brackets.tickers
        self._engine: Replay = replay(self.day.tape, RULES, tick=CENT)
        self._market = [self.day.tape.names.index(ticker) for ticker in self._tickers]
        begin = float(event.at[0])
        market = Market(TERMS, CENTS)
        self._strategy = Momentum(event.brackets, market, self.terms, begin, self.learned)

    def replayed(self) -> Replayed:
        """Replay the day."""
        event, opened, looked, whole_at = self.day.event, False, -np.inf, np.inf
        end = event.start_s + DAY_S
        self._tell(Halted(float(event.at[0]), "its climate day has not begun"))
        for row, (before, now) in enumerate(pairwise([event.at[0], *event.at.tolist()])):
            if now >= end:
                break
            if self._wait(before, now):
                whole_at = now + SNAPSHOT_S
            if not opened and now >= event.start_s:
                opened = True
                self._tell(Resumed(now))
            if now - looked >= LOOK_S:
                looked = now
                self._tell(self._look(now))
            self._pass(now)
            self._tell(self._quoted(row, int(event.place[row])))
            if now >= whole_at:
                whole_at = np.inf
                for place in range(len(self._tickers)):
                    self._tell(self._quoted(row, place))
        self._pass(end)
        self._catch_up()
        mine = self._rows(self._engine.fills, self._sent)
        return Replayed(
            date.fromordinal(event.day),
            len(self._sent),
            self._refused,
            dict(self._reasons),
            tuple(mine),
            tuple(self._with_a_coins_sides()),
        )

    def _quoted(self, row: int, place: int) -> Quoted:
        """Return the best of both sides; sizes are not recorded, so each counts as one contract."""
        event = self.day.event
        bid, ask = (round(float(side[row, place]) * PRICE_UNIT) for side in (event.bid, event.ask))
        top = Top(
            bid or None,
            SIZE_UNIT if bid else 0,
            ask if ask < PRICE_UNIT else None,
            SIZE_UNIT if ask < PRICE_UNIT else 0,
        )
        return Quoted(float(event.at[row]), place, top)

    def _wait(self, before: float, now: float) -> bool:
        """Let silence pass, for orders grow old in it; say whether the recording has a gap."""
        for step in range(1, _STEPS + 1):
            at = before + step * STEP_S
            if at >= now:
                return False
            self._pass(at)
            self._tell(Ticked(at, _FINE))
        if now - before <= quotes.GAP_S:
            return False
        every = tuple(range(len(self._tickers)))
        self._tell(Unheard(now, every, "a gap in the recording"))
        return True

    def _look(self, at: float) -> Looked:
        """Return the weather as far as it is known: the hour at which past highs were made."""
        now = datetime.fromtimestamp(at, UTC)
        minutes = self.terms.lean.hazard_minutes
        return Looked(at, None, clock_hazard(self.day.diurnal, self.day.climate, now, minutes))

    def _pass(self, until: float) -> None:
        """Let time pass; the venue's only where something of ours may be there."""
        self._now = _ns(until)
        if self._live or self._now <= self._busy_until:
            self._catch_up()

    def _catch_up(self) -> None:
        for told in self._engine.advance(self._now):
            sent = self._sent[told.order]
            if told.report is Report.FILL:
                one = sent.wanted
                at = datetime.fromtimestamp(told.at_ns / NS, UTC)
                number = f"{told.order}/{len(self._fills)}"
                self._fills.append(
                    Fill(number, str(told.order), one.ticker, one.side, told.price, told.size,
                         False, 0, at)
                )  # fmt: skip
                if self._live.get((one.place, one.side)) == told.order:
                    del self._live[one.place, one.side]
                held = holdings_of(self._fills, self._tickers)
                self._tell(Held(told.at_ns / NS, held))
            elif told.report is Report.REFUSED:
                self._refused += 1

    def _tell(self, event: Event) -> None:
        turn = self._strategy.take(event)
        for record in turn.records:
            if record.action == REFUSE:
                self._reasons[record.code] += 1
        wanted = {(one.place, one.side): one for one in turn.wanted}
        for key, number in list(self._live.items()):
            one, sent = wanted.get(key), self._sent[number]
            if one is None or one.price != sent.wanted.price:
                self._engine.cancel(number)
                sent.until_ns = self._engine.now + RULES.entry_ns
                self._busy_until = sent.until_ns + NS  # until its answer has come
                del self._live[key]
        for key, one in wanted.items():
            if key not in self._live:
                self._catch_up()
                code = BID if one.side is Side.BID else ASK
                market = self._market[one.place]
                number = self._engine.submit(market, code, one.price, SIZE_UNIT)
                middle = self._strategy.state.mid(one.place) or 0.5
                self._sent[number] = _Sent(one, self._engine.now, middle)
                self._live[key] = number

    def _with_a_coins_sides(self) -> list[FillRow]:
        """Return the fills of the same orders with a coin's sides, as far from the middle."""
        engine = replay(self.day.tape, RULES, tick=CENT)
        coin = np.random.default_rng(self.day.seed).random(len(self._sent)) < 0.5
        sent: dict[int, _Sent] = {}
        for flip, one in zip(coin.tolist(), self._sent.values(), strict=True):
            wanted = one.wanted
            if flip:
                price = round(2.0 * one.middle * 100.0) * CENT - wanted.price
                wanted = replace(wanted, side=wanted.side.other, price=price)
            if not 0 < wanted.price < PRICE_UNIT:
                continue
            engine.advance(one.at_ns)
            until = one.until_ns or _ns(wanted.until)
            code = BID if wanted.side is Side.BID else ASK
            number = engine.submit(
                self._market[wanted.place], code, wanted.price, SIZE_UNIT, expires_ns=until
            )
            sent[number] = replace(one, wanted=wanted)
        engine.advance(_ns(self.day.event.start_s + DAY_S))
        return self._rows(engine.fills, sent)

    def _rows(self, fills: Sequence[ReplayFill], sent: Mapping[int, _Sent]) -> list[FillRow]:
        meter, winner, found = FeeMeter(lambda _ticker, _at: TERMS), self.day.winner, []
        for fill in fills:
            one = sent[fill.order]
            found.append(self._row(fill, one, meter.fee(one.wanted.ticker, fill), winner))
        return found

    def _row(self, fill: ReplayFill, sent: _Sent, fee: int, winner: int | None) -> FillRow:
        event, one, at = self.day.event, sent.wanted, fill.at_ns / NS
        sign, price = one.side.sign, fill.price / PRICE_UNIT
        paid = None if winner is None else winner == one.place
        cost = fee / CASH_UNIT / (fill.size / SIZE_UNIT)
        marks = (_middle(event, one.place, at + wait) for wait in MARKOUTS_S)
        after = [round(sign * (mark - price), 6) for mark in marks]
        return FillRow(
            day=date.fromordinal(event.day).isoformat(),
            window_id=event.name,
            ticker=one.ticker,
            bin=0,
            side=one.side.value,
            price=fill.price,
            size=fill.size,
            at=at_second(at).isoformat().replace("+00:00", "Z"),
            placed_s=round((fill.at_ns - sent.at_ns - RULES.entry_ns) / NS, 3),
            seconds_to_fixing=round(event.start_s + DAY_S - at, 3),
            is_taker=fill.is_taker,
            probability=one.belief,
            ev_claimed=one.edge,
            fee=fee,
            evidence=Evidence.CROSSED.value,
            markout_1s=after[0],
            markout_5s=after[1],
            markout_30s=after[2],
            settled=paid,
            realised=None if paid is None else round(sign * (float(paid) - price) - cost, 6),
        )


def _ns(at: float) -> int:
    return round(at * 1e6) * 1000  # recorded to the millisecond; a float knows no nanoseconds


def _middle(event: quotes.Quoted, place: int, at: float) -> float:
    row = int(np.searchsorted(event.at, at, "right")) - 1
    both: Floats = event.bid[row] + event.ask[row]
    return float(both[place]) / 2.0
