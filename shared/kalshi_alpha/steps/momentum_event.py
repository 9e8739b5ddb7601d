"""One event of the momentum process: its brackets, its strategy, its orders, its records.

What it hears changes what it wants at once and without waiting; what it wants is carried out by the
same desk, placer and ledger as every quote of ours, an hour's stretch at a time.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kalshi_alpha.clock import from_iso
from kalshi_alpha.cloud.table import StoreError
from kalshi_alpha.errors import ContractError, DataError
from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.markets.contracts import Contract, ladder_from_listing
from kalshi_alpha.markets.orders import Fill, PublicTrade, Side
from kalshi_alpha.markets.stations import Station, check_rules, load_stations
from kalshi_alpha.markets.temperature import Stretch, event_of, stretches
from kalshi_alpha.momentum.brackets import brackets_of
from kalshi_alpha.momentum.events import Event, Held, Traded, Unheard
from kalshi_alpha.momentum.inventory import holdings_of
from kalshi_alpha.momentum.strategy import Learned, Market, Momentum
from kalshi_alpha.momentum.terms import StrategyTerms
from kalshi_alpha.momentum.wanted import Turn, Wanted
from kalshi_alpha.pricing.fees import fee_terms
from kalshi_alpha.steps.desk import Desk
from kalshi_alpha.steps.exposure import settle_up
from kalshi_alpha.steps.guarded import stop_if_killed
from kalshi_alpha.steps.momentum_runtime import MomentumRuntime
from kalshi_alpha.steps.orders import Orders
from kalshi_alpha.steps.placing import open_budget, open_placer
from kalshi_alpha.steps.pull import Pull
from kalshi_alpha.trading.plan import QuotePlan, TargetQuote

_PPM = 1_000_000
KINDS = ("leans", "features", "trades")  # of lines that are kept


@dataclass(frozen=True, slots=True)
class Listed:
    """An event as the venue lists it today.

    Attributes:
        contracts: its brackets, which tile.
        closes_at: when trading ends.
        market: fees and grid.
        terms: the same fees in the venue's words, for the window's record.
    """

    contracts: tuple[Contract, ...]
    closes_at: datetime
    market: Market
    terms: Mapping[str, str]


def read_listing(runtime: MomentumRuntime, series: str, day: ClimateDay) -> Listed:
    """Ask the venue for a day's event and check it against what we know of the series.

    Raises:
        ContractError: when a market contradicts the table of stations, the brackets do not tile,
            or grids differ.
        VenueError, DataError: when it cannot be read.
    """
    event, known = event_of(series, day.date), runtime.registry.series[series]
    markets = runtime.reader.markets(event)
    if not markets:
        raise ContractError(f"the venue lists no {event}", code="wrong_event")
    stations = load_stations()
    for market in markets:
        check_rules(
            stations.of(series), str(market.get("rules_primary", "")), day.date, stations.change
        )
    try:
        closes = from_iso(str(markets[0].get("close_time")))
    except ValueError as error:
        raise DataError(f"the close of {event} cannot be read: {error}") from None
    ladder = ladder_from_listing(markets, known, closes, event)
    if ladder.refused:
        first = ladder.refused[0]
        raise ContractError(f"{first.ticker}: {first.reason}", code=first.code)
    grids = {contract.grid for contract in ladder.contracts}
    if len(grids) != 1:
        raise ContractError(f"{event} has {len(grids)} price grids", code="bad_price_ranges")
    said = runtime.reader.series(series)
    words = {name: str(said.get(name)) for name in ("fee_type", "fee_multiplier")}
    terms = fee_terms(words["fee_type"], words["fee_multiplier"])
    return Listed(ladder.contracts, closes, Market(terms, ladder.contracts[0].grid), words)


@dataclass
class MomentumEvent:
    """One event at work. The process' loop hears; one thread at a time carries out."""

    runtime: MomentumRuntime
    series: str
    day: ClimateDay
    listed: Listed
    terms: StrategyTerms
    shadow: bool = False
    learned: Learned | None = None
    lines: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    counts: Counter[str] = field(default_factory=Counter)
    unseen: bool = False  # whether a pull has taken out what the ledger still has resting
    _begun: set[str] = field(default_factory=set)
    _carried: tuple[Wanted, ...] = ()
    _in: str = ""  # the stretch that what was carried rests in
    _revision: int = 0
    _fills: dict[str, tuple[Fill, ...]] = field(default_factory=dict)
    _noted: int = -1  # the minute of the last look that was kept

    def __post_init__(self) -> None:
        """Begin with nothing heard."""
        self.name = event_of(self.series, self.day.date)
        self.brackets = brackets_of(self.listed.contracts)
        self.stretches = stretches(
            self.runtime.temperatures, self.series, self.day, self.listed.closes_at
        )
        self._starts = [one.start for one in self.stretches]
        self._ends = [one.last_scan_at for one in self.stretches]
        self._ids = [one.window_id for one in self.stretches]
        at = self.runtime.clock.now().timestamp()
        self.strategy = Momentum(self.brackets, self.listed.market, self.terms, at, self.learned)
        self.turn = Turn((), changed=False)

    @property
    def station(self) -> Station:
        """Return where it is measured."""
        return load_stations().of(self.series)

    @property
    def snapshot_key(self) -> str:
        """Return where it is kept what it takes to go on."""
        return f"momentum/{self.name}/snapshot.json"

    def stretch(self, now: datetime) -> Stretch | None:
        """Return the stretch that may be quoted in now."""
        k = bisect_right(self._starts, now) - 1
        return self.stretches[k] if k >= 0 and now < self._ends[k] else None

    # --- what it hears, in the loop ----------------------------------------------------------

    def take(self, event: Event) -> bool:
        """Tell the strategy; return whether what should rest has changed."""
        turn = self.strategy.take(event)
        self.turn = turn
        for record in turn.records:
            self.counts[f"{record.action}:{record.code or record.kind}"] += 1
            self.lines["leans"].append(json.dumps(record.to_json()))
        return turn.changed

    def traded(self, trade: PublicTrade, heard_at: datetime) -> bool:
        """Keep a public trade and tell the strategy of it, as ``take`` does."""
        row = {
            "at": trade.at.timestamp(),
            "ticker": trade.ticker,
            "taker": trade.taker_side.value,
            "price": trade.price,
            "size": trade.size,
        }
        self.lines["trades"].append(json.dumps(row))
        place = self.brackets.place(trade.ticker)
        heard = heard_at.timestamp()
        return self.take(Traded(heard, place, trade.price, trade.size, trade.taker_side))

    def resume(self) -> bool:
        """Go on from the last snapshot of this day, if there is one; no book of it is trusted."""
        try:
            doc = json.loads(self.runtime.artifacts.read(self.snapshot_key))
            self.strategy = Momentum.from_json(
                doc, self.brackets, self.listed.market, self.terms, self.learned
            )
        except (DataError, StoreError, ValueError):
            return False
        at = self.runtime.clock.now().timestamp()
        self.take(Unheard(at, tuple(range(len(self.brackets))), "this process has just begun"))
        return True

    def touches(self, trade: PublicTrade) -> bool:
        """Say whether a public trade went through the price of something of ours."""
        return any(
            one.ticker == trade.ticker
            and trade.taker_side is one.side.other
            and (one.price - trade.price) * one.side.sign > 0
            for one in self._carried
        )

    @property
    def behind(self) -> bool:
        """Say whether what rests is not what is wanted."""
        wanted = self.turn.wanted
        if self.shadow or not (wanted or self._carried):
            return False
        stretch = self.stretch(self.runtime.clock.now())
        moved = stretch is not None and stretch.window_id != self._in and bool(wanted)
        return moved or _resting(wanted) != _resting(self._carried)

    @property
    def rests(self) -> bool:
        """Say whether something of ours may rest."""
        return bool(self._carried)

    @property
    def unsettled(self) -> bool:
        """Say whether a stretch is over whose books are not closed."""
        now = self.runtime.clock.now()
        return any(now >= self.stretches[self._ids.index(name)].fixing for name in self._begun)

    # --- what it does, in a thread -----------------------------------------------------------

    def carry_out(self) -> Counter[str]:
        """Make what rests what is wanted.

        Raises:
            KillSwitchOn: when the switch is on or unreadable, or the stretch frozen.
            InvariantBroken: when the venue's books contradict ours.
            VenueError, DataError, StoreError: when it could not be done.
        """
        wanted, now = self.turn.wanted, self.runtime.clock.now()
        stretch = self.stretch(now)
        if self.shadow or stretch is None:
            self._carried = ()
            return Counter()
        self._begin(stretch)
        if wanted:
            stop_if_killed(self.runtime, stretch)
        # By the second: a process that begins again within the hour goes on counting.
        second = int((now - stretch.start).total_seconds()) + 1
        self._revision = max(second, self._revision + 1 if stretch.window_id == self._in else 0)
        plan = QuotePlan(stretch.window_id, self._revision, now, tuple(map(_target, wanted)))
        orders = Orders(self.runtime, stretch).load()
        # Before anything is sent: what is not certain counts as resting.
        self._carried, self._in = wanted, stretch.window_id
        counts = Desk(
            self.runtime,
            stretch,
            plan,
            open_placer(self.runtime, stretch),
            open_budget(self.runtime, stretch),
            orders,
        ).carry_out()
        # Again: a pull meanwhile may have found nothing yet.
        self._carried = wanted
        self.counts.update({f"order:{name}": n for name, n in counts.items()})
        return counts

    def pull(self, reason: str) -> int:
        """Take everything out of the book now; return how much may still rest."""
        stretch = self.stretch(self.runtime.clock.now()) or self._last()
        report = Pull(self.runtime.puller, stretch, self.runtime.clock).now("momentum")
        self.runtime.state.put_part(
            stretch.window_id, "PULL-momentum", report.to_json(stretch) | {"reason": reason}
        )
        self.counts["pulls"] += 1
        self.unseen = True
        if not report.may_rest:
            self._carried = ()
        return report.may_rest

    def sync(self) -> Held:
        """Take in what the venue says of our orders, and return what is held."""
        self.unseen = False
        for stretch in self.stretches:
            if stretch.window_id in self._begun:
                orders = Orders(self.runtime, stretch).load()
                orders.observe(self.runtime.viewer)
                over = self.runtime.clock.now() >= stretch.fixing
                settle_up(self.runtime, stretch, closed=over)
                self._fills[stretch.window_id] = tuple(self.runtime.ledger.fills(stretch.window_id))
                if over:
                    self._begun.discard(stretch.window_id)
        return self.held()

    def recall(self) -> Held:
        """Read what earlier processes of this day have bought."""
        for stretch in self.stretches:
            window_id = stretch.window_id
            self._fills[window_id] = tuple(self.runtime.ledger.fills(window_id))
            if self.runtime.state.window(window_id):
                self._begun.add(window_id)
        return self.held()

    def held(self) -> Held:
        """Return what is held of each bracket."""
        at = self.runtime.clock.now().timestamp()
        return Held(at, holdings_of(self.fills(), self.brackets.tickers))

    def fills(self) -> tuple[Fill, ...]:
        """Return the day's fills, in time."""
        found = [fill for fills in self._fills.values() for fill in fills]
        return tuple(sorted(found, key=lambda fill: (fill.at, fill.fill_id)))

    def packed(self) -> dict[str, bytes]:
        """Return what is to be kept, by key: what it takes to go on, and the records since."""
        now = self.runtime.clock.now()
        found = {self.snapshot_key: json.dumps(self.strategy.to_json()).encode()}
        stretch = self.stretch(now) or self._last()
        for kind, lines in self.lines.items():
            taken, lines[:] = list(lines), []
            if taken:
                key = f"momentum/{self.name}/{kind}/{stretch.window_id}-{now:%H%M%S}.jsonl"
                found[key] = ("\n".join(taken) + "\n").encode()
        return found

    def note_minute(self) -> None:
        """Keep how every bracket looks, once in each minute of the clock."""
        minute = int(self.runtime.clock.now().timestamp() // 60)
        if minute != self._noted:
            self._noted = minute
            self.note()

    def note(self) -> None:
        """Keep how every bracket looks now, and whether it could be quoted on."""
        at, strategy = self.runtime.clock.now().timestamp(), self.strategy
        if not strategy.state.whole:
            return
        beliefs, law, filtered = strategy.beliefs(), strategy.law, strategy.filter.probabilities()
        held = self.held().holdings
        heard = strategy.listening and not (strategy.pulled or strategy.halted)
        for place, ticker in enumerate(self.brackets.tickers):
            view = strategy.state.view(place, at)
            row = {"at": at, "event": self.name, "ticker": ticker, "place": place}
            row |= view._asdict()
            row |= {
                "belief": beliefs[place],
                "filtered": filtered[place],
                "law": None if law is None else law[place],
                "hazard": strategy.hazard_at(at),
                "centre": strategy.state.centre(),
                "held": held[place].size,
                "heard": heard,
            }
            self.lines["features"].append(json.dumps(row))

    # --- inside ------------------------------------------------------------------------------

    def _begin(self, stretch: Stretch) -> None:
        """Open a stretch's record: what it charges is what its limits count with."""
        if stretch.window_id in self._begun:
            return
        state = self.runtime.state
        if not (state.window(stretch.window_id) or {}).get("series"):
            state.extend_window(
                stretch.window_id,
                series={self.series: dict(self.listed.terms)},
                broker=self._broker,
            )
        self._begun.add(stretch.window_id)

    @property
    def _broker(self) -> str:
        return self.runtime.broker.value

    def _last(self) -> Stretch:
        now = self.runtime.clock.now()
        begun = [s for s in self.stretches if s.start <= now]
        return begun[-1] if begun else self.stretches[0]


def _target(one: Wanted) -> TargetQuote:
    return TargetQuote(
        ticker=one.ticker,
        side=one.side,
        price=one.price,
        size=one.size,
        level=0,
        probability_ppm=round(one.belief * _PPM),
        ev=round(one.edge * _PPM),
    )


def _resting(wanted: Sequence[Wanted]) -> set[tuple[str, Side, int, int]]:
    return {(one.ticker, one.side, one.price, one.size) for one in wanted}
