"""What a scan decides, from what its eyes see: the strategy's flow, with no reading of its own.

The scan step looks at the venue and the tables; a replay of a recorded day sees what was recorded.
Both go through this one flow, so that what is decided can be compared and not merely imitated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from kalshi_alpha.clock import NEW_YORK, iso
from kalshi_alpha.errors import DataError, VenueError
from kalshi_alpha.markets.book import Book
from kalshi_alpha.markets.contracts import Contract, Ladder, ladder_from_listing
from kalshi_alpha.markets.orders import Fill, LiveOrder, worst_loss
from kalshi_alpha.markets.registry import Registry, Series
from kalshi_alpha.markets.sessions import Sessions
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.pricing.fees import FeeTerms, fee_terms
from kalshi_alpha.pricing.ladder import price_ladder
from kalshi_alpha.pricing.laws import Law
from kalshi_alpha.steps.laws import LawEyes, priced
from kalshi_alpha.trading.candidates import others_top
from kalshi_alpha.trading.deciding import Look, decided, valued, weighed
from kalshi_alpha.trading.gates import Allow, Refuse, refuse
from kalshi_alpha.trading.honesty import Honesty, honesty_for
from kalshi_alpha.trading.plan import Decision, Exposure, QuotePlan
from kalshi_alpha.trading.risk import FixingBook
from kalshi_alpha.trading.risk_book import Fixing, symbols_to_json
from kalshi_alpha.trading.risk_plan import Chosen, within_risk
from kalshi_alpha.trading.shortlist import near_even
from kalshi_alpha.trading.standing import StandingRecord, pilot_caps, pilot_fixing
from kalshi_alpha.trading.tuning import UNTUNED, Tuning, configuration_of, load_tuning
from kalshi_alpha.trading.why import WhyRecord, inputs_hash, why, why_unlisted
from kalshi_alpha.trading.window_gates import (
    SERIES_SCAN,
    WINDOW_SCAN,
    SeriesFacts,
    WindowFacts,
    judge,
)


class Eyes(LawEyes, Protocol):
    """Everything a scan sees of the world; asked in the same order by whoever runs it.

    What cannot be seen raises ``DataError`` or ``VenueError``, and the series is then refused.
    """

    def now(self) -> datetime:
        """Return the time."""
        ...

    def window_facts(self) -> WindowFacts:
        """Return what concerns the window as a whole."""
        ...

    def known(self, series: str) -> Mapping[str, Any]:
        """Return what preflight left of a series, empty when nothing."""
        ...

    def series_facts(self, series: str) -> SeriesFacts:
        """Return what concerns one series and its symbol."""
        ...

    def tuning(self) -> bytes | None:
        """Return what past days taught, None without it."""
        ...

    def honesty(self) -> bytes | None:
        """Return how much of a claim is believed, None where nobody has fitted it."""
        ...

    def standing(self) -> StandingRecord:
        """Return how far the strategy has come."""
        ...

    def listing(self, series: str) -> Sequence[Mapping[str, Any]]:
        """Return the venue's markets of the window's event."""
        ...

    def books(self, tickers: Sequence[str]) -> Mapping[str, Book]:
        """Return the books of some markets."""
        ...

    def ours(self, event_ticker: str) -> Sequence[LiveOrder]:
        """Return our resting orders in an event."""
        ...

    def exposure(self, series: str, ladder: Ladder) -> Exposure:
        """Return what is used up of the caps."""
        ...

    def fixing(self) -> Fixing:
        """Return what is held at the fixing, and what rests there of other windows."""
        ...

    def keep_law(self, symbol: str, law: Law, at: datetime) -> None:
        """Keep the law that prices, to be judged by how it comes out."""
        ...


@dataclass(frozen=True, slots=True)
class SeriesScan:
    """What one scan found in one series."""

    series: str
    value: float | None
    decisions: tuple[Decision, ...]
    unlisted: tuple[WhyRecord, ...]
    snapshot: tuple[dict[str, Any], ...]
    inputs_hash: str
    law: Law | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan of one window, its eyes and its rules; ``run`` decides.

    Args:
        window: that is scanned.
        revision: of the plan it makes, counted from 1.
        registry: the rules of what trades.
        sessions: the calendar.
        eyes: what is seen.
    """

    window: Window
    revision: int
    registry: Registry
    sessions: Sessions
    eyes: Eyes

    def run(self) -> list[SeriesScan]:
        """Decide about every series of the window."""
        whole = self.eyes.window_facts()
        try:
            fixing = self.eyes.fixing()
        except DataError as error:
            unknown = refuse("risk-unreadable", str(error))
            return [self._nothing(series, (unknown,)) for series in self.window.series]
        book, scans = fixing.book(self.registry.risk.correlations), []
        for series in self.window.series:
            scan = self._series(series, whole, book)
            if scan.law is not None:
                rules = self.registry.series[series]
                book = book.with_law(rules.symbol, scan.law, rules.ticks_per_point)
            scans.append(scan)
        return self._within_risk(scans, book, fixing)

    def why_lines(self, scans: Iterable[SeriesScan], at: datetime) -> list[WhyRecord]:
        """Return the why-record of everything decided, series by series."""
        return [line for scan in scans for line in self._why_lines(scan, at)]

    def _within_risk(
        self, scans: Sequence[SeriesScan], book: FixingBook, fixing: Fixing
    ) -> list[SeriesScan]:
        """Return the scans with what all of them chose held against the risk of the fixing."""
        symbols = [self.registry.series[scan.series].symbol for scan in scans]
        chosen = [Chosen(name, s.decisions) for name, s in zip(symbols, scans, strict=True)]
        left = within_risk(chosen, book, self.registry.risk, fixing.claims)
        return [replace(s, decisions=one.decisions) for s, one in zip(scans, left, strict=True)]

    def _series(self, series: str, whole: WindowFacts, book: FixingBook) -> SeriesScan:
        known = self.eyes.known(series)
        if not known.get("go"):
            refusal = refuse("preflight", f"preflight refused {series}: see its reasons")
            return self._nothing(series, (refusal,))
        facts = self.eyes.series_facts(series)
        judged = judge(whole, (facts,), window_gates=WINDOW_SCAN, series_gates=SERIES_SCAN)
        if not judged.series_go(series):
            return self._nothing(series, judged.reasons(series))
        terms = fee_terms(known["fee_type"], known["fee_multiplier"])
        try:
            fit = Allow(float(known.get("size_share", 1.0)), str(known.get("caution", "")))
            return self._decide(series, terms, fit, book)
        except (DataError, VenueError) as error:
            return self._nothing(series, (refuse("unreadable", str(error)),))

    def _decide(self, series: str, terms: FeeTerms, fit: Allow, book: FixingBook) -> SeriesScan:
        eyes, window = self.eyes, self.window
        now = eyes.now()
        found = self.registry.series[series]
        standing = eyes.standing()
        if isinstance(narrow := pilot_fixing(standing, window.fixing), Refuse):
            return self._nothing(series, (narrow,))
        known = priced(eyes, found, window, self.sessions, now)
        law = known.law
        eyes.keep_law(found.symbol, law, now)
        ladder = ladder_from_listing(
            eyes.listing(series), found, window.fixing, window.event_ticker(series)
        )
        near = near_even(price_ladder(law, ladder, found.ticks_per_point))
        books = eyes.books([contract.ticker for contract, _ in near])
        ours = eyes.ours(ladder.event_ticker)
        tops = {t: others_top(books.get(t, Book(t)), ours) for t in (c.ticker for c, _ in near)}
        tuning = self._tuning(found, now)
        honesty = self._honesty(now, standing)
        look = Look(
            series=replace(found, caps=pilot_caps(found.caps, standing)),
            symbol=self.registry.symbols.get(found.symbol),
            ladder=ladder,
            law=law,
            level=known.level,
            seconds_to_fixing=(window.fixing - now).total_seconds(),
            near=near,
            tops=tops,
            terms=terms,
            every_s=window.phases.scan_every,
            blends=known.blends,
            tuning=tuning,
            honesty=honesty,
            fit=fit,
        )
        near = weighed(look)
        book = book.with_law(found.symbol, law, found.ticks_per_point)
        exposure = eyes.exposure(series, ladder)
        decisions = decided(look, valued(look, near), exposure, book, self.registry.risk)
        digest = inputs_hash(
            {
                **known.inputs,
                "tuning": tuning.checksum,
                "honesty": honesty.checksum,
                "standing": standing.to_json(),
                "fixing": symbols_to_json(book.symbols),
                "registry": self.registry.hash,
                "now": now,
                "tops": {ticker: asdict(top) for ticker, top in tops.items()},
            }
        )
        return SeriesScan(
            series=series,
            value=known.level,
            decisions=decisions,
            unlisted=self._unlisted(ladder, now, digest),
            snapshot=tuple(
                _shown(contract, probability)
                | {"bid": tops[contract.ticker].bid, "ask": tops[contract.ticker].ask}
                for contract, probability in near
            ),
            inputs_hash=digest,
            law=law,
        )

    def _tuning(self, found: Series, now: datetime) -> Tuning:
        data, phases = self.eyes.tuning(), self.window.phases
        if data is None:
            return UNTUNED
        configuration = configuration_of(found.quoting, found.caps, phases)
        return load_tuning(data, found.ticker, configuration, now.astimezone(NEW_YORK).date())

    def _honesty(self, now: datetime, standing: StandingRecord) -> Honesty:
        return honesty_for(
            self.eyes.honesty(),
            config_hash=self.registry.hash,
            today=now.astimezone(NEW_YORK).date(),
            real_orders=standing.standing.may_trade_live,
        )

    def _nothing(self, series: str, refusals: Sequence[Refuse]) -> SeriesScan:
        now = self.eyes.now()
        records = tuple(self._refused(refusal, series, "", now, "") for refusal in refusals)
        return SeriesScan(series, None, (), records, (), "")

    def _unlisted(self, ladder: Ladder, at: datetime, digest: str) -> tuple[WhyRecord, ...]:
        return tuple(
            self._refused(
                refuse(market.code, market.reason), ladder.series, market.ticker, at, digest
            )
            for market in ladder.refused
        )

    def _refused(
        self, refusal: Refuse, series: str, ticker: str, at: datetime, digest: str
    ) -> WhyRecord:
        return why_unlisted(
            refusal,
            window_id=self.window.window_id,
            revision=self.revision,
            at=at,
            series=series,
            ticker=ticker,
            inputs_hash=digest,
        )

    def _why_lines(self, scan: SeriesScan, at: datetime) -> list[WhyRecord]:
        name, revision = self.window.window_id, self.revision
        decided = [
            why(d, window_id=name, revision=revision, at=at, inputs_hash=scan.inputs_hash)
            for d in scan.decisions
        ]
        return [*decided, *scan.unlisted]


def used_up(
    fills: Iterable[Fill], ladder: Ladder, bankroll: int, *, lost_today: int, lost_this_week: int
) -> Exposure:
    """Return what this window's fills and other windows have used up of a series' caps.

    Args:
        fills: of the window.
        ladder: the markets of the series.
        bankroll: cash that Kelly takes shares of.
        lost_today: cash >= 0 lost in the day's other windows.
        lost_this_week: in the week's.
    """
    mine = {contract.ticker for contract in ladder.contracts}
    positions: dict[str, int] = {}
    at_risk: dict[str, int] = {}
    for fill in fills:
        if fill.ticker in mine:
            positions[fill.ticker] = positions.get(fill.ticker, 0) + fill.side.sign * fill.size
            risk = worst_loss(fill.side, fill.price, fill.size) + fill.fee
            at_risk[fill.ticker] = at_risk.get(fill.ticker, 0) + risk
    return Exposure(bankroll, lost_today, lost_this_week, positions, at_risk)


def snapshot(scans: Iterable[SeriesScan], plan: QuotePlan, now: datetime) -> dict[str, Any]:
    """Return model against market as one scan saw it, ready for JSON."""
    return {
        "at": iso(now),
        "plan": plan.to_json(),
        "series": {
            scan.series: {
                "value": scan.value,
                "ladder": list(scan.snapshot),
                "best_evs": [d.candidate.best.ev for d in scan.decisions if d.candidate.best],
            }
            for scan in scans
        },
    }


def _shown(contract: Contract, probability: float) -> dict[str, Any]:
    return {
        "ticker": contract.ticker,
        "low": contract.payoff.low,
        "high": contract.payoff.high,
        "probability": round(probability, 6),
    }
