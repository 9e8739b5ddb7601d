"""The momentum strategy of one event: events in, wanted orders out, each with its reasons.

It keeps the market's state, the filter and the takers' excitement, asks for signals whenever a
middle has moved, and turns those that stand into orders within what may be held. It reads no clock
and draws nothing: the same events give the same orders, and one that goes on from a snapshot cannot
be told from one that never stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.ticks import TickGrid
from kalshi_alpha.markets.units import PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.momentum.brackets import BracketSet
from kalshi_alpha.momentum.checks import Check, Signal
from kalshi_alpha.momentum.events import (
    Event,
    Halted,
    Held,
    Looked,
    Quoted,
    Resumed,
    Ticked,
    Traded,
    Unheard,
)
from kalshi_alpha.momentum.filter import BracketFilter
from kalshi_alpha.momentum.hawkes import BUY, SELL, Hawkes
from kalshi_alpha.momentum.horizon import Foresight, HorizonWeights
from kalshi_alpha.momentum.inventory import (
    Holding,
    day_allows,
    hazard_share,
    reasons_to_pull,
    room,
    targets,
)
from kalshi_alpha.momentum.odds import fill_odds
from kalshi_alpha.momentum.pool import PoolWeights, pooled
from kalshi_alpha.momentum.signals import MIGRATION, Moment, SignalRules, signals
from kalshi_alpha.momentum.state import MarketState
from kalshi_alpha.momentum.terms import StrategyTerms
from kalshi_alpha.momentum.wanted import QUOTE, REFUSE, WITHDRAW, LeanRecord, Turn, Wanted
from kalshi_alpha.pricing.fees import FeeTerms
from kalshi_alpha.trading.fills import FillModel, FillView
from kalshi_alpha.trading.gates import ALLOW, Allow, Refuse, Verdict, refuse

SCHEMA = "kalshi-alpha/momentum/2"
UNKNOWN_HAZARD = 1.0
_DAY_S = 86_400.0
_KEPT = ("hazard", "looked_at", "halted", "final", "pulled", "result", "listening")


@dataclass(frozen=True, slots=True)
class Market:
    """What an event's markets charge, and the prices they know."""

    fees: FeeTerms
    grid: TickGrid


@dataclass(frozen=True, slots=True)
class Learned:
    """What past days taught, for one climate day.

    Attributes:
        midnight: of its standard time, seconds.
        pool: weights of the beliefs; without them the filter alone is believed.
        horizons: by what they have to hear; without one no short horizon is asked.
        fills: what becomes of resting quotes; without it a fill is taken to cost nothing.
    """

    midnight: float
    pool: PoolWeights | None = None
    horizons: Mapping[str, HorizonWeights] = field(default_factory=dict)
    fills: FillModel | None = None


class Momentum:
    """The strategy of one event. Not for more than one thread.

    Args:
        brackets: of the event.
        market: fees and grid.
        terms: every number it goes by; whatever they say, it never takes.
        at: seconds at which it begins.
        learned: on past days.
    """

    def __init__(
        self,
        brackets: BracketSet,
        market: Market,
        terms: StrategyTerms,
        at: float,
        learned: Learned | None = None,
    ) -> None:
        self.learned = learned or Learned(0.0)
        self.foresight = Foresight(len(brackets), self.learned.midnight, self.learned.horizons)
        self.brackets, self.market, self.terms = brackets, market, terms.without_taking()
        self.state = MarketState(brackets, self.terms.state)
        self.filter = BracketFilter(len(brackets), self.terms.filter, at)
        self.heat = Hawkes(self.terms.hawkes, at)
        self.law: tuple[float, ...] | None = None
        self.hazard, self.looked_at = UNKNOWN_HAZARD, at
        self.halted, self.final, self.pulled, self.result = "", False, "", 0
        self.listening = False  # whether books are heard; a recording may hold trades alone
        self._rules = SignalRules(self.terms.signals, market.fees, market.grid)
        self._trusted = [False] * len(brackets)
        self._holdings = [Holding()] * len(brackets)
        self._wanted: dict[tuple[int, Side], Wanted] = {}
        self._said: dict[str, tuple[str, float]] = {}  # what was refused last, and when
        self._believed: tuple[float, ...] | None = None  # during an event, once it was asked

    # --- what it is told ---------------------------------------------------------------------

    def take(self, event: Event) -> Turn:
        """Take an event and return what should rest after it."""
        before, self._believed = dict(self._wanted), None
        records = list(self._told(event))
        records += self._review(event.at)
        pull = self.pulled or self.halted
        return Turn(tuple(self._wanted.values()), self._wanted != before, pull, tuple(records))

    def beliefs(self) -> tuple[float, ...]:
        """Return the probability of each bracket, the pool's where there is one; summing to one."""
        filtered, weights = self.filter.probabilities(), self.learned.pool
        if weights is None:
            return filtered
        middles = self.state.mids()
        hour = (self.filter.at - self.learned.midnight) / 3600.0
        return pooled(filtered, middles, hour, weights)

    def hazard_at(self, at: float) -> float:
        """Return the hazard of a new high as far as it is known; 1 when it is too old."""
        fresh = at - self.looked_at <= self.terms.lean.weather_age_s
        return self.hazard if fresh else UNKNOWN_HAZARD

    @property
    def _followed(self) -> bool:
        """Say whether every book is followed without a gap."""
        return self.listening and all(self._trusted)

    def _told(self, event: Event) -> Iterator[LeanRecord]:
        match event:
            case Traded():
                bought = event.taker is Side.BID
                self.heat.event(event.at, BUY if bought else SELL)
                self.foresight.trade(event.at, event.place, event.price, event.size, bought=bought)
                if self.state.trade(event.at, event.place, event.price, event.size, event.taker):
                    yield from self._moved(event.at, event.place)
            case Quoted(at=at, place=place, top=top):
                self._trusted[place] = self.listening = True
                self.foresight.quote(at, place, top.bid, top.ask)
                if self.state.quote(at, place, top.bid, top.bid_size, top.ask, top.ask_size):
                    yield from self._moved(at, place)
            case Unheard(places=places):
                for place in places:
                    self._trusted[place] = False
            case _:
                self._note(event)

    def _note(self, event: Event) -> None:
        """Take in what is no news of the market."""
        match event:
            case Held(holdings=holdings, result=result):
                self._hold(tuple(holdings), result)
            case Ticked(feed=feed):
                reasons = reasons_to_pull(feed, self.terms.inventory)
                self.pulled = reasons[0].reason if reasons else ""
            case Halted(reason=reason, final=final):
                self.halted, self.final = self.halted or reason, self.final or final
            case Resumed():
                self.halted = self.halted if self.final else ""
            case Looked():
                self._look(event)
            case _:
                pass

    def _look(self, event: Looked) -> None:
        self.hazard, self.looked_at, self.law = event.hazard, event.at, event.law
        if event.law is not None:
            self.filter.lean(event.at, event.law, self.terms.lean.law_variance)

    def _hold(self, holdings: tuple[Holding, ...], result: int) -> None:
        if len(holdings) != len(self.brackets):
            raise DataError(
                f"{len(holdings)} holdings are not one for each of {len(self.brackets)} brackets"
            )
        for key, one in list(self._wanted.items()):
            more = (holdings[one.place].size - self._holdings[one.place].size) * one.side.sign
            if more >= one.size:
                del self._wanted[key]  # it has filled, and its signal is spent
            elif more > 0:
                self._wanted[key] = replace(one, size=one.size - more)
        self._holdings, self.result = list(holdings), result

    def _moved(self, at: float, place: int) -> Iterator[LeanRecord]:
        mid = self.state.mid(place)
        assert mid is not None  # it has just moved
        spread = self.state.spread(place)
        self.filter.see(at, place, mid, self.filter.terms.price_sd(spread))
        self._believed = self.beliefs()
        moment = Moment(
            at,
            self.state,
            self._believed,
            self.hazard_at(at),
            self.heat.heats(at),
            self.terms.lean.calibrated,
            current=self._followed,
        )
        stops = self._stops()
        for signal in signals(moment, place, self._rules):
            record = self._consider(signal, moment, stops)
            if record is not None:
                yield record

    # --- what it wants -----------------------------------------------------------------------

    def _consider(self, signal: Signal, moment: Moment, stops: Refuse | None) -> LeanRecord | None:
        """Turn a signal that passes every gate into an order; record what became of it."""
        at, against = moment.at, signal.against
        if not against:
            signal = self._learned(signal, moment)
            against = signal.against
        if against and stops is None and self._said_lately(signal, against, at):
            return None  # most signals are refused, and for the reason they just were
        verdict = stops or self._may(signal, moment)
        size = 0
        if isinstance(verdict, Allow):
            size = self._size(signal, moment, verdict.size_share)
            if not size:
                verdict = refuse("room", "what may be held leaves room for no whole contract")
        if isinstance(verdict, Refuse):
            return self._refused(signal, moment, verdict)
        for side in Side:  # never both sides of one bracket
            self._wanted.pop((signal.place, side), None)
        made = Wanted(
            signal.place,
            signal.ticker,
            signal.side,
            signal.price,
            size,
            signal.kind,
            moment.beliefs[signal.place],
            signal.edge,
            at,
            at + self.terms.lean.life_s,
        )
        self._wanted[signal.place, signal.side] = made
        self._said.pop(_name(signal), None)
        return self._record(signal, moment, QUOTE, size)

    def _learned(self, signal: Signal, moment: Moment) -> Signal:
        """Ask a signal that every other gate lets pass what past days say of its like."""
        checks, edge = list(signal.checks), signal.edge
        up = self.foresight.up(moment.at, signal.place)
        if up is not None:
            way, least = up if signal.side is Side.BID else 1.0 - up, self.terms.lean.least_way
            checks.append(Check("way", way >= least, way, least))
        if self.learned.fills is not None:
            left = max(1.0, self.learned.midnight + _DAY_S - moment.at)
            view = FillView(self.learned.fills, self.terms.lean.life_s, left)
            odds = fill_odds(signal, moment, view)
            chance, least = odds.fill_probability, self.terms.lean.least_odds
            checks.append(Check("odds", chance >= least, chance, least))
            edge, least = edge - odds.markout_loss, self.terms.signals.least_edge
            checks.append(Check("worth", edge >= least, edge, least))
        return replace(signal, checks=tuple(checks), edge=edge)

    def _stops(self) -> Refuse | None:
        """Return why nothing may be wanted now, whatever a signal says; None when it may."""
        stopped = self.halted or self.pulled
        if stopped:
            return refuse("stopped", stopped)
        if self.listening and not self._followed:
            return refuse("stale", "a book of this event is not current: take snapshots first")
        return None

    def _may(self, signal: Signal, moment: Moment) -> Verdict:
        """Return the first refusal of everything that stands before an order, else how much."""
        verdict = signal.verdict
        if isinstance(verdict, Refuse):
            return verdict
        others = [w for k, w in self._wanted.items() if k[0] != signal.place]
        if len(others) >= self.terms.lean.most_orders:
            return refuse("orders", f"{len(others)} orders are wanted: that is the most")
        at_risk = sum(h.at_risk for h in self._holdings) + sum(w.at_risk for w in others)
        allowed = day_allows(self.result, at_risk, self.terms.inventory)
        if isinstance(allowed, Refuse):
            return allowed
        return hazard_share(moment.hazard, self.terms.inventory)

    def _size(self, signal: Signal, moment: Moment, share: float) -> int:
        """Return how much of an order is left by target, hazard and room, whole contracts."""
        wanted = self.terms.size
        held = self._holdings[signal.place].size
        if signal.kind == MIGRATION:
            velocity = self.state.centre_rates(moment.at)[0]
            aim = targets(self.brackets.centres, moment.beliefs, velocity, self.terms.inventory)[
                signal.place
            ]
            wanted = min(wanted, max(0, (aim - held) * signal.side.sign))
        whole = int(wanted * share) // SIZE_UNIT * SIZE_UNIT
        if whole <= 0:
            return 0
        risks = [
            Holding(h.size, h.at_risk + self._resting_risk(k, but=signal.place))
            for k, h in enumerate(self._holdings)
        ]
        left = room(risks, signal.place, signal.side, signal.price, self.terms.inventory)
        return min(whole, left)

    def _resting_risk(self, place: int, *, but: int) -> int:
        return sum(w.at_risk for (k, _), w in self._wanted.items() if k == place and k != but)

    def _review(self, at: float) -> list[LeanRecord]:
        """Take back what should not rest any more."""
        if not self._wanted:
            return []
        beliefs, records = self._believed or self.beliefs(), []
        for key, one in list(self._wanted.items()):
            verdict = self._may_stay(one, beliefs[one.place], at)
            if isinstance(verdict, Refuse):
                del self._wanted[key]
                records.append(self._withdrawn(one, beliefs[one.place], at, verdict))
        return records

    def _may_stay(self, one: Wanted, belief: float, at: float) -> Verdict:  # noqa: PLR0911 - a gate each
        stopped = self.halted or self.pulled
        if stopped:
            return refuse("stopped", stopped)
        if self.listening and not self._trusted[one.place]:
            return refuse("stale", f"the book of {one.ticker} is not current")
        if at >= one.until:
            return refuse(
                "over", f"its signal is {at - one.since:.0f} s old and has not come again"
            )
        oldest, most = self.state.age_s(one.place, at), self.terms.signals.most_age_s
        if oldest > most and not self.listening:
            return refuse("age", f"{one.ticker} was last heard of {oldest:.0f} s ago")
        hazard = hazard_share(self.hazard_at(at), self.terms.inventory)
        if isinstance(hazard, Refuse):
            return hazard
        edge = one.edge_at(belief, self.market.fees)
        if edge < self.terms.lean.keep_edge:
            least = self.terms.lean.keep_edge
            return refuse("edge", f"it now earns {edge:+.4f} dollars; {least:+.4f} is the least")
        bid, ask = self.state.best(one.place)
        other = ask if one.side is Side.BID else bid
        if one.crosses(other if 0 < other < PRICE_UNIT else None):
            return refuse("crosses", f"the other side of {one.ticker} has come to its price")
        return ALLOW

    # --- its records -------------------------------------------------------------------------

    def _refused(self, signal: Signal, moment: Moment, verdict: Refuse) -> LeanRecord | None:
        """Record a refusal once, and again when it goes on: most are many a minute."""
        if self._said_lately(signal, verdict.code, moment.at):
            return None
        self._said[_name(signal)] = (verdict.code, moment.at)
        return self._record(signal, moment, REFUSE, None, verdict)

    def _said_lately(self, signal: Signal, code: str, at: float) -> bool:
        said, when = self._said.get(_name(signal), ("", 0.0))
        return bool(code) and said == code and at - when < self.terms.lean.repeat_s

    def _record(
        self,
        signal: Signal,
        moment: Moment,
        action: str,
        size: int | None,
        verdict: Refuse | None = None,
    ) -> LeanRecord:
        return LeanRecord(
            at=moment.at,
            action=action,
            kind=signal.kind,
            ticker=signal.ticker,
            side=signal.side.value,
            price=signal.price,
            size=size,
            belief=moment.beliefs[signal.place],
            mid=self.state.mid(signal.place),
            edge=signal.edge,
            hazard=moment.hazard,
            heat=signal.heat,
            code=verdict.code if verdict else "",
            reason=verdict.reason if verdict else "",
            checks=signal.checks,
        )

    def _withdrawn(self, one: Wanted, belief: float, at: float, verdict: Refuse) -> LeanRecord:
        return LeanRecord(
            at=at,
            action=WITHDRAW,
            kind=one.kind,
            ticker=one.ticker,
            side=one.side.value,
            price=one.price,
            size=one.size,
            belief=belief,
            mid=self.state.mid(one.place),
            edge=one.edge_at(belief, self.market.fees),
            hazard=self.hazard_at(at),
            heat=self.heat.heat(at, BUY if one.side is Side.BID else SELL),
            code=verdict.code,
            reason=verdict.reason,
        )

    # --- going on elsewhere ------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Return what it takes to go on elsewhere, in plain JSON values, without the terms."""
        return {
            "schema": SCHEMA,
            "terms": self.terms.hash,
            "state": self.state.to_json(),
            "filter": self.filter.to_json(),
            "heat": self.heat.to_json(),
            "foresight": self.foresight.to_json(),
            "law": self.law,
            "trusted": list(self._trusted),
            "holdings": [[h.size, h.at_risk] for h in self._holdings],
            "wanted": [one.to_json() for one in self._wanted.values()],
            "said": {name: list(what) for name, what in self._said.items()},
            **{name: getattr(self, name) for name in _KEPT},
        }

    @classmethod
    def from_json(
        cls,
        doc: Mapping[str, Any],
        brackets: BracketSet,
        market: Market,
        terms: StrategyTerms,
        learned: Learned | None = None,
    ) -> Momentum:
        """Return the strategy that ``to_json`` described.

        Raises:
            DataError: for another schema, other terms or brackets, or a field that is missing.
        """
        if doc.get("schema") != SCHEMA or doc.get("terms") != terms.hash:
            raise DataError("the snapshot is of another schema, or of other terms: begin anew")
        try:
            made = cls(brackets, market, terms, 0.0, learned)
            made.state = MarketState.from_json(doc["state"], brackets, made.terms.state)
            made.filter = BracketFilter.from_json(doc["filter"], made.terms.filter)
            made.heat = Hawkes.from_json(doc["heat"])
            made.foresight.resume(doc["foresight"])
            made.law = None if doc["law"] is None else tuple(doc["law"])
            made._trusted = [bool(one) for one in doc["trusted"]]
            made._hold(tuple(Holding(*pair) for pair in doc["holdings"]), int(doc["result"]))
            wanted = [Wanted.from_json(one) for one in doc["wanted"]]
            made._wanted = {(one.place, one.side): one for one in wanted}
            made._said = {name: (what[0], what[1]) for name, what in doc["said"].items()}
            for name in _KEPT:
                setattr(made, name, doc[name])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"the snapshot lacks or garbles a field: {error!r}") from None
        if not len(made._trusted) == len(made.filter) == len(brackets):
            raise DataError("the snapshot is of another number of brackets")
        return made


def _name(signal: Signal) -> str:
    return f"{signal.kind} {signal.place} {signal.side.value}"
