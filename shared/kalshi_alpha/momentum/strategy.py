"""The momentum strategy of one event: events in, wanted orders out, each with its reasons.

It keeps the market's state, the filter and the takers' excitement, asks for signals whenever a
middle has moved, and turns those that stand into orders within what may be held. It reads no clock
and draws nothing: the same events give the same orders, and one that goes on from a snapshot cannot
be told from one that never stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.ticks import TickGrid
from kalshi_alpha.markets.units import PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.momentum.brackets import BracketSet
from kalshi_alpha.momentum.checks import Signal
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
from kalshi_alpha.momentum.inventory import (
    Holding,
    day_allows,
    hazard_share,
    reasons_to_pull,
    room,
    targets,
)
from kalshi_alpha.momentum.pool import PoolWeights, pooled
from kalshi_alpha.momentum.signals import MIGRATION, Moment, SignalRules, signals
from kalshi_alpha.momentum.state import MarketState
from kalshi_alpha.momentum.terms import StrategyTerms
from kalshi_alpha.momentum.wanted import QUOTE, REFUSE, WITHDRAW, LeanRecord, Turn, Wanted
from kalshi_alpha.pricing.fees import FeeTerms
from kalshi_alpha.trading.gates import ALLOW, Allow, Refuse, Verdict, refuse

SCHEMA = "kalshi-alpha/momentum/1"
UNKNOWN_HAZARD = 1.0
_KEPT = ("hazard", "looked_at", "halted", "final", "pulled", "result", "listening")


@dataclass(frozen=True, slots=True)
class Market:
    """What an event's markets charge, and the prices they know."""

    fees: FeeTerms
    grid: TickGrid


@dataclass(frozen=True, slots=True)
class Pool:
    """Weights of a learned pool and, in seconds, the climate day's midnight of standard time."""

    weights: PoolWeights
    midnight: float


class Momentum:
    """The strategy of one event. Not for more than one thread.

    Args:
        brackets: of the event.
        market: fees and grid.
        terms: every number it goes by; whatever they say, it never takes.
        at: seconds at which it begins.
        pool: fitted on past days; without one the filter alone is believed.
    """

    def __init__(
        self,
        brackets: BracketSet,
        market: Market,
        terms: StrategyTerms,
        at: float,
        pool: Pool | None = None,
    ) -> None:
        self.pool = pool
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

    # --- what it is told ---------------------------------------------------------------------

    def take(self, event: Event) -> Turn:
        """Take an event and return what should rest after it."""
        before = dict(self._wanted)
        records = list(self._told(event))
        records += self._review(event.at)
        pull = self.pulled or self.halted
        return Turn(tuple(self._wanted.values()), self._wanted != before, pull, tuple(records))

    def beliefs(self) -> tuple[float, ...]:
        """Return the probability of each bracket, the pool's where there is one; summing to one."""
        filtered, pool = self.filter.probabilities(), self.pool
        if pool is None:
            return filtered
        middles = [self.state.mid(k) for k in range(len(filtered))]
        hour = (self.filter.at - pool.midnight) / 3600.0
        return pooled(filtered, middles, hour, pool.weights)

    def hazard_at(self, at: float) -> float:
        """Return the hazard of a new high as far as it is known; 1 when it is too old."""
        fresh = at - self.looked_at <= self.terms.lean.weather_age_s
        return self.hazard if fresh else UNKNOWN_HAZARD

    def _told(self, event: Event) -> Iterator[LeanRecord]:
        match event:
            case Traded():
                self.heat.event(event.at, BUY if event.taker is Side.BID else SELL)
                if self.state.trade(event.at, event.place, event.price, event.size, event.taker):
                    yield from self._moved(event.at, event.place)
            case Quoted(at=at, place=place, top=top):
                self._trusted[place] = self.listening = True
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
        moment = Moment(
            at,
            self.state,
            self.beliefs(),
            self.hazard_at(at),
            (self.heat.heat(at, BUY), self.heat.heat(at, SELL)),
            self.terms.lean.calibrated,
        )
        for signal in signals(moment, place, self._rules):
            record = self._consider(signal, moment)
            if record is not None:
                yield record

    # --- what it wants -----------------------------------------------------------------------

    def _consider(self, signal: Signal, moment: Moment) -> LeanRecord | None:
        """Turn a signal that passes every gate into an order; record what became of it."""
        at, verdict = moment.at, self._may(signal, moment)
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

    def _may(self, signal: Signal, moment: Moment) -> Verdict:
        """Return the first refusal of everything that stands before an order, else how much."""
        stopped = self.halted or self.pulled
        if stopped:
            return refuse("stopped", stopped)
        if self.listening and not all(self._trusted):
            return refuse("stale", "a book of this event is not current: take snapshots first")
        if isinstance(signal.verdict, Refuse):
            return signal.verdict
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
        beliefs, records = self.beliefs(), []
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
        if oldest > most:
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
        name, at = _name(signal), moment.at
        code, when = self._said.get(name, ("", 0.0))
        if code == verdict.code and at - when < self.terms.lean.repeat_s:
            return None
        self._said[name] = (verdict.code, at)
        return self._record(signal, moment, REFUSE, None, verdict)

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
            pros=signal.pros,
            cons=signal.cons,
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
        pool: Pool | None = None,
    ) -> Momentum:
        """Return the strategy that ``to_json`` described.

        Raises:
            DataError: for another schema, other terms or brackets, or a field that is missing.
        """
        if doc.get("schema") != SCHEMA or doc.get("terms") != terms.hash:
            raise DataError("the snapshot is of another schema, or of other terms: begin anew")
        try:
            made = cls(brackets, market, terms, 0.0, pool)
            made.state = MarketState.from_json(doc["state"], brackets, made.terms.state)
            made.filter = BracketFilter.from_json(doc["filter"], made.terms.filter)
            made.heat = Hawkes.from_json(doc["heat"])
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
