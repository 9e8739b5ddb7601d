"""The eyes of a replay: what a scan saw, taken from the capture where it can be, else its record.

Made again from the capture: heartbeats, our resting orders, our fills. Taken from the scan's own
record, for no capture holds them: its clock, the listing, the books it asked for, parameters, the
switch, preflight's word and what other windows lost. Of these the books are held against the
captured ones where the sentry followed the market.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from kalshi_alpha.clock import from_iso, iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.book import Book
from kalshi_alpha.markets.contracts import Ladder
from kalshi_alpha.markets.orders import Fill, LiveOrder
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.parity import heard
from kalshi_alpha.parity.differences import INPUT, Findings
from kalshi_alpha.parity.own import SLACK, OwnOrders
from kalshi_alpha.pricing.laws import Law
from kalshi_alpha.pricing.reading import Reading
from kalshi_alpha.steps import facts, heartbeat
from kalshi_alpha.steps.scanning import used_up
from kalshi_alpha.trading.plan import Exposure
from kalshi_alpha.trading.risk_book import Fixing
from kalshi_alpha.trading.standing import StandingRecord
from kalshi_alpha.trading.window_gates import SeriesFacts, WindowFacts

if TYPE_CHECKING:
    from kalshi_alpha.steps.figures import Figures

# Two instants on clocks that were rounded to four digits in between.
_ROUNDED = timedelta(milliseconds=1)


@dataclass
class Recall:
    """The eyes of one scan of the past; what does not fit is told to ``findings``."""

    seen: Mapping[str, Any]
    capture: heard.Window
    own: OwnOrders
    fills: Mapping[str, Fill]
    registry: Registry
    findings: Findings
    known_before: datetime | None = None
    readings: int = 0
    books_met: int = 0
    _clock: list[datetime] = field(default_factory=list)
    _beats: list[Mapping[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._clock = [from_iso(text) for text in self.seen["clock"]]
        self._beats = list(self.seen.get("heartbeats", ()))

    def now(self) -> datetime:
        """Return the scan's next look at its clock; the last one when the replay looks more."""
        return self._clock.pop(0) if len(self._clock) > 1 else self._clock[0]

    def window_facts(self) -> WindowFacts:
        """Return the facts recorded."""
        return facts.window_from_json(self.seen["window"])

    def known(self, series: str) -> Mapping[str, Any]:
        """Return what preflight left, as recorded."""
        known: Mapping[str, Any] = self._of(series).get("known", {})
        return known

    def series_facts(self, series: str) -> SeriesFacts:
        """Return the facts recorded; their heartbeat must be one of the capture."""
        if "facts" not in self._of(series):
            raise DataError(f"the record of the scan holds no facts of {series}")
        found = facts.series_from_json(self._of(series)["facts"])
        beat = found.heartbeat
        if beat is not None:
            item = self._beat(found.symbol, iso(beat.at))
            said = (round(beat.lag_s, 4), round(beat.silence_s, 4), beat.delayed)
            if item and (item["lag_s"], item["silence_s"], item["delayed"]) != said:
                self._part_beat(found.symbol, beat.at, list(said), item)
        return found

    def reading(self, symbol: str) -> Reading:
        """Return the reading of the capture's values, which must be the one recorded."""
        if not self._beats:
            raise DataError(f"the record of the scan holds no heartbeat of {symbol}")
        recorded = self._beats.pop(0)["item"]
        if recorded is None:
            return heartbeat.from_item(symbol, None)
        item = self._beat(symbol, recorded["written_at"])
        if item is None:
            return heartbeat.from_item(symbol, recorded)
        self.readings += 1
        one, other = (heartbeat.from_item(symbol, each) for each in (recorded, item))
        if one != other:
            self._part_beat(symbol, heartbeat.written_at(recorded), recorded, item)
        return other

    def parameters(self) -> bytes:
        """Return the file recorded."""
        return str(self.seen.get("parameters", "")).encode()

    def figures(self, series: str) -> Figures:
        """Return what was known of a published figure, as recorded."""
        from kalshi_alpha.steps.figures import Figures  # noqa: PLC0415 - for figures alone

        return Figures.from_json(self._of(series).get("figures", {}))

    def figure_parameters(self) -> bytes:
        """Return the file recorded."""
        return str(self.seen.get("figure_parameters", "")).encode()

    def tuning(self) -> bytes | None:
        """Return the file recorded."""
        found = self.seen.get("tuning")
        return None if found is None else str(found).encode()

    def honesty(self) -> bytes | None:
        """Return the artifact recorded."""
        found = self.seen.get("honesty")
        return None if found is None else str(found).encode()

    def standing(self) -> StandingRecord:
        """Return the standing recorded."""
        return StandingRecord.from_json(self.seen.get("standing"))

    def listing(self, series: str) -> Sequence[Mapping[str, Any]]:
        """Return the venue's answer recorded."""
        found: Sequence[Mapping[str, Any]] = self._answer(series, "listing")["found"]
        return found

    def books(self, tickers: Sequence[str]) -> Mapping[str, Book]:
        """Return the books recorded, held against those of the capture."""
        answer = self._answer(tickers[0].partition("-")[0] if tickers else "", "books")
        books = facts.books_from_json(answer["found"])
        since, until = from_iso(answer["asked_at"]) - SLACK, from_iso(answer["seen_at"]) + SLACK
        for ticker, book in books.items():
            told = [tape.met(book, since, until) for tape in self.capture.tapes.get(ticker, ())]
            self.books_met += True in told
            if False in told and True not in told:
                self.findings.part(
                    INPUT,
                    ticker,
                    f"the book of {ticker} that the scan read between {since:%H:%M:%S.%f} and "
                    f"{until:%H:%M:%S.%f} never stood so in the capture",
                    answer["found"][ticker],
                )
        return books

    def ours(self, event_ticker: str) -> Sequence[LiveOrder]:
        """Return what of ours rested by the capture; the listing read then must agree."""
        answer = self._answer(event_ticker.partition("-")[0], "orders")
        rows = [facts.order_from_json(row) for row in answer["found"]]
        asked_at, seen_at = from_iso(answer["asked_at"]), from_iso(answer["seen_at"])
        found, misfits = self.own.seen(rows, event_ticker, asked_at, seen_at)
        for misfit in misfits:
            self.findings.part(INPUT, misfit.order_id, misfit.sentence)
        return found

    def exposure(self, series: str, ladder: Ladder) -> Exposure:
        """Return what the fills known then had used up; losses of other windows as recorded."""
        said = self._of(series).get("exposure")
        if said is None:
            raise DataError(f"the record of the scan holds no exposure of {series}")
        known = [self.fills[name] for name in said["fills"] if name in self.fills]
        for name in said["fills"]:
            if name not in self.fills:
                self.findings.part(INPUT, name, f"the scan knew the fill {name}, the record not")
        for fill in self.fills.values():
            told = self.known_before is not None and fill.at < self.known_before - SLACK
            if told and fill.fill_id not in said["fills"]:
                self.findings.part(
                    INPUT,
                    fill.fill_id,
                    f"the fill {fill.fill_id} of {fill.at:%H:%M:%S.%f} was before our last look "
                    "at the venue, and the scan did not know it",
                )
        return used_up(
            known,
            ladder,
            self.registry.series[series].caps.bankroll,
            lost_today=int(said["lost_today"]),
            lost_this_week=int(said["lost_this_week"]),
        )

    def fixing(self) -> Fixing:
        """Return the fixing's book recorded."""
        found = self.seen.get("fixing")
        if found is not None and "error" in found:
            raise DataError(str(found["error"]))
        return Fixing() if found is None else Fixing.from_json(found)

    def keep_law(self, symbol: str, law: Law, at: datetime) -> None:
        """Keep nothing."""

    def _of(self, series: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.seen["series"].get(series, {})
        return found

    def _answer(self, series: str, what: str) -> Mapping[str, Any]:
        answer: Mapping[str, Any] | None = self._of(series).get(what)
        if answer is None:
            raise DataError(f"the record of the scan holds no answer about {what} of {series}")
        if "error" in answer:
            raise DataError(str(answer["error"]))
        return answer

    def _beat(self, symbol: str, written_at: str) -> Mapping[str, Any] | None:
        item = self.capture.beats.get((symbol, written_at))
        if item is None:
            self.findings.part(
                INPUT,
                symbol,
                f"the scan read a heartbeat of {symbol} written at {written_at}, which the capture "
                "does not hold",
            )
        return item

    def _part_beat(self, symbol: str, at: datetime, recorded: Any, item: Mapping[str, Any]) -> None:
        self.findings.part(
            INPUT,
            symbol,
            f"the heartbeat of {symbol} written at {at:%H:%M:%S.%f} is another one when it is made "
            "again from the index values of the capture",
            recorded,
            dict(item),
        )
