"""One series at work on one tape: it looks, decides with the live core, and makes its orders so.

What is simulated is the venue (``venue.PaperVenue``), the book (``book.TradedBook``) and the clock.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

from kalshi_alpha.markets.orders import Side, worst_loss
from kalshi_alpha.pricing.fees import fee_regime_on, maker_fee
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.research.backtest.book import TradedBook
from kalshi_alpha.research.backtest.fills import SimulatedFill
from kalshi_alpha.research.backtest.offset import offset_candidates
from kalshi_alpha.research.backtest.pricing import Priced, Pricer
from kalshi_alpha.research.backtest.settings import Settings
from kalshi_alpha.research.backtest.taking import LIFE_S, best_take
from kalshi_alpha.research.backtest.tape import at_second
from kalshi_alpha.research.backtest.venue import PaperVenue, Resting, positions
from kalshi_alpha.trading.candidates import Candidate
from kalshi_alpha.trading.deciding import Look, decided, valued, weighed
from kalshi_alpha.trading.gates import Refuse
from kalshi_alpha.trading.honesty import UNJUDGED
from kalshi_alpha.trading.ids import client_order_id
from kalshi_alpha.trading.match import Amend, Cancel, Create, Keep, reconcile
from kalshi_alpha.trading.plan import Decision, Exposure, QuotePlan, TargetQuote, quote_plan
from kalshi_alpha.trading.risk import FixingBook, Holding, SymbolBook
from kalshi_alpha.trading.risk_book import symbols_to_json
from kalshi_alpha.trading.risk_plan import Claim, claim_of
from kalshi_alpha.trading.why import inputs_hash, why

SILENT, UNKNOWN = "feed-silent", "feed-unknown"
LAW_AGE_S = 60.0  # as live: older, a law or a claim of another scan is not asked any more


@dataclass(slots=True)
class Played:
    """What came out of one window.

    Attributes:
        scans: decisions taken.
        quotes: orders placed or moved to another price, by bin.
        refusals: how often each gate refused, by code.
        fills: those that count.
        touches: trades at our price, which do not.
        plans: the plan of each scan, for comparison.
        why: why-records as lines, where they were asked for.
    """

    scans: int = 0
    quotes: Counter[int] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    fills: list[SimulatedFill] = field(default_factory=list)
    touches: list[SimulatedFill] = field(default_factory=list)
    plans: list[QuotePlan] = field(default_factory=list)
    why: list[str] = field(default_factory=list)


class Desk:
    """The strategy at work on one tape.

    Attributes:
        registry: the rules of what trades.
        tape: that is played.
        series: its rules, with the caps and the threshold of the setting.
        limits: of the fixing, at that setting.
        venue: our orders.
        row: first second of the tape that has not passed.
    """

    def __init__(self, pricer: Pricer, settings: Settings, keep_why: bool) -> None:
        self._pricer, self._settings, self._keep_why = pricer, settings, keep_why
        self.registry, self.tape, self.row = pricer.registry, pricer.tape, 0
        rules = self.registry.series[self.tape.series]
        self.series = replace(rules, caps=settings.caps(rules), quoting=settings.quoting(rules))
        self.limits = settings.risk(self.registry.risk, rules)
        contracts = self.tape.ladder.contracts
        self._place = {c.ticker: k for k, c in enumerate(contracts)}
        at_close = self.tape.window.fixing == self.tape.session.close
        self._blends = pricer.parameters.part(at_close=at_close).blend
        self._book = TradedBook(settings.memory_s, settings.widen)
        self.venue = PaperVenue(
            pricer.terms, fee_regime_on(self.tape.window.day), settings.latency_s, settings.through
        )
        coin = random.Random(f"{settings.seed} {self.tape.ladder.event_ticker}")
        self._coin = [coin.choice((Side.BID, Side.ASK)) for _ in contracts]
        self._found = Played()
        self._claims: dict[tuple[str, Side], float] = {}
        self._held: list[Holding] = []
        self._law: tuple[float, TerminalLaw] | None = None  # the last one, and when
        self._crowded_out: tuple[float, tuple[Claim, ...]] = (0.0, ())

    def result(self) -> Played:
        """Return what came of it."""
        self._found.fills, self._found.touches = self.venue.fills, self.venue.touches
        return self._found

    def part(self, now: float, *, with_orders: bool) -> SymbolBook:
        """Return what is held here, and what may fill yet."""
        law = None
        if self._law is not None and now - self._law[0] <= LAW_AGE_S:
            law = self._law[1]
        self._held += (
            self._holding(f.market, f.side, f.price, f.size, f.fee)
            for f in self.venue.fills[len(self._held) :]
        )
        resting: tuple[Holding, ...] = ()
        if with_orders:
            resting = tuple(self._wanted(order) for order in self.venue.may_fill(now))
        return SymbolBook(law, tuple(self._held), resting, self.series.ticks_per_point)

    def claims(self, now: float) -> tuple[Claim, ...]:
        """Return what the last scan wanted and the fixing had no room for."""
        at, claims = self._crowded_out
        return claims if now - at <= LAW_AGE_S else ()

    def priced_in(self, book: FixingBook, now: float) -> FixingBook:
        """Return the book of the fixing with the law of this scan, where there is one."""
        priced = self._priced(now)
        if priced is None:
            return book
        self._law = (now, priced.law)
        return book.with_law(self.series.symbol, priced.law, self.series.ticks_per_point)

    def pass_second(self, row: int) -> None:
        """Let one recorded second pass: our orders meet it, and the book learns from it."""
        s = self.tape.seconds
        traded = (s.sold[row], s.sold_size[row], s.bought[row], s.bought_size[row])
        self.venue.meet(float(s.at[row]), s.market[row], *traded)
        self._book.take(float(s.at[row]), s.market[row], *traded)

    def decide(self, now: float, book: FixingBook) -> tuple[Decision, ...]:
        """Decide about every candidate as live does; ``book`` holds what the fixing decides."""
        priced = self._priced(now)
        if priced is None:
            unknown = self._pricer.at(now) is None
            self._found.refusals[UNKNOWN if unknown else SILENT] += 1
            return ()
        look = self._look(now, priced)
        return decided(look, self._seen(now, look), self._exposure(), book, self.limits)

    def act(self, now: float, decisions: tuple[Decision, ...], book: FixingBook) -> None:
        """Make the orders what was decided."""
        self._found.scans += 1
        if self._keep_why:
            self._record(now, decisions, book)
        for decision in decisions:
            if isinstance(decision.verdict, Refuse):
                self._found.refusals[decision.verdict.code] += 1
        refused = [d for d in decisions if isinstance(d.verdict, Refuse)]
        claims = (claim_of(self.series.symbol, decision) for decision in refused)
        self._crowded_out = (now, tuple(claim for claim in claims if claim is not None))
        decisions = self._taken(now, decisions)
        self._claims = {
            (d.candidate.ticker, d.candidate.side): chosen.ev - chosen.markout_loss
            for d in decisions
            if (chosen := d.candidate.chosen) is not None
        }
        plan = quote_plan(self._window_id, self._found.scans, at_second(now), decisions)
        self._found.plans.append(plan)
        self._carry_out(now, plan)

    def _priced(self, now: float) -> Priced | None:
        """Return the law's word, None where the level is unknown or too old to quote on."""
        priced = self._pricer.at(now)
        if priced is None or priced.reading.silence_s > self._settings.max_age_s:
            return None
        return priced

    def _look(self, now: float, priced: Priced) -> Look:
        # A market that nobody has traded yet is not known to be listed.
        near = [(c, p) for c, p in priced.near if self._book.knows(self._place[c.ticker])]
        settings, tape = self._settings, self.tape
        return Look(
            series=self.series,
            symbol=self.registry.symbols[tape.symbol],
            ladder=tape.ladder,
            law=priced.law,
            level=priced.reading.value,
            seconds_to_fixing=tape.fixing_s - now,
            near=near,
            tops={c.ticker: self._book.top(self._place[c.ticker], now) for c, _ in near},
            terms=self._pricer.terms,
            every_s=settings.every_s,
            blends=self._blends,
            tuning=settings.tuning,
            honesty=settings.honesty or UNJUDGED,
        )

    def _taken(self, now: float, decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
        """Take where the settings allow it; what is taken is not quoted as well."""
        if self._settings.mode != "mixed" or self._settings.source != "law" or not decisions:
            return decisions
        priced = {d.candidate.contract.ticker: d.candidate for d in decisions}
        looked_at = [(one.contract, one.probability) for one in priced.values()]
        tops = {ticker: self._book.top(self._place[ticker], now) for ticker in priced}
        held = positions(self.venue.fills)
        target = best_take(looked_at, tops, self._pricer.terms, self._settings, held)
        if target is None:
            return decisions
        self._count(now, self._place[target.ticker])
        self.venue.take(now, self._place[target.ticker], target, LIFE_S)
        return tuple(d for d in decisions if d.candidate.ticker != target.ticker)

    @property
    def _window_id(self) -> str:
        return self.tape.window.window_id

    def _seen(self, now: float, look: Look) -> Sequence[Candidate]:
        """Return the candidates: live's, or those of another rule or another's probability."""
        settings, priced = self._settings, weighed(look)
        if settings.source == "never":
            return ()
        if settings.source in ("mid", "random"):
            mids = ((c, self._book.mid(self._place[c.ticker], now)) for c, _ in priced)
            priced = [(c, mid) for c, mid in mids if mid is not None]
        found = valued(look, priced) if settings.rule == "core" else offset_candidates(look, priced)
        if settings.source == "law":
            return found
        return tuple(one for one in found if one.side is self._blind_side(one.ticker))

    def _blind_side(self, ticker: str) -> Side:
        """Return the side of one that knows nothing: by turns, or by a coin for good."""
        place = self._place[ticker]
        if self._settings.source == "random":
            return self._coin[place]
        return (Side.BID, Side.ASK)[(place + self._found.scans) % 2]

    def _exposure(self) -> Exposure:
        at_risk: dict[str, int] = {}
        for fill in self.venue.fills:
            risk = worst_loss(fill.side, fill.price, fill.size) + fill.fee
            at_risk[fill.ticker] = at_risk.get(fill.ticker, 0) + risk
        return Exposure(
            bankroll=self.series.caps.bankroll,
            positions=positions(self.venue.fills),
            at_risk=at_risk,
        )

    def _carry_out(self, now: float, plan: QuotePlan) -> None:
        resting = {order.client_order_id: order for order in self.venue.live()}
        live = [order.live() for order in resting.values()]
        for action in reconcile(self._window_id, plan.targets, live):
            match action:
                case Keep(order=order, target=target):
                    kept = resting[order.client_order_id]
                    kept.target, kept.claimed = target, self._claimed(target)
                case Cancel(order=order):
                    self.venue.end(now, resting[order.client_order_id])
                case Amend(order=order, target=target):
                    self._amend(now, resting[order.client_order_id], target)
                case Create(target=target):
                    self._place_new(now, plan.revision, target)

    def _amend(self, now: float, order: Resting, target: TargetQuote) -> None:
        if order.target.price == target.price:
            order.target, order.size = target, order.filled + target.size
            order.claimed = self._claimed(target)
            return
        self.venue.end(now, order)
        self._count(now, order.market)
        self.venue.place(now, order.client_order_id, order.market, target, self._claimed(target))

    def _place_new(self, now: float, revision: int, target: TargetQuote) -> None:
        name = client_order_id(self._window_id, target.ticker, target.side, target.level, revision)
        self._count(now, self._place[target.ticker])
        self.venue.place(now, name, self._place[target.ticker], target, self._claimed(target))

    def _claimed(self, target: TargetQuote) -> float:
        """Return the dollars a contract that a fill is claimed to be worth, the chance aside."""
        return self._claims[(target.ticker, target.side)]

    def _count(self, now: float, market: int) -> None:
        priced = self._pricer.at(now)
        assert priced is not None  # nothing is placed without a price
        self._found.quotes[self._pricer.bin_of(market, priced.reading.value)] += 1

    def _record(self, now: float, decisions: Sequence[Decision], book: FixingBook) -> None:
        priced = self._pricer.at(now)
        if priced is None:
            return
        tops = {
            d.candidate.ticker: self._book.top(self._place[d.candidate.ticker], now)
            for d in decisions
        }
        honesty = self._settings.honesty or UNJUDGED
        digest = inputs_hash(
            {
                "reading": asdict(priced.reading),
                "registry": self.registry.hash,
                "honesty": honesty.checksum,
                "fixing": symbols_to_json(book.symbols),
                "now": at_second(now),
                "tops": {ticker: asdict(top) for ticker, top in tops.items()},
            }
        )
        for decision in decisions:
            record = why(
                decision,
                window_id=self._window_id,
                revision=self._found.scans,
                at=at_second(now),
                inputs_hash=digest,
            )
            self._found.why.append(record.to_line())

    def _wanted(self, order: Resting) -> Holding:
        target = order.target
        fee = maker_fee(self._pricer.terms, target.price, order.left, target.side)
        return self._holding(order.market, target.side, target.price, order.left, fee)

    def _holding(self, market: int, side: Side, price: int, size: int, fee: int) -> Holding:
        contract = self.tape.ladder.contracts[market]
        cost = worst_loss(side, price, size) + fee
        return Holding(contract.payoff, side, size, cost, contract.ticker)
