"""What one scan saw, kept: the live eyes, and the record of every answer they were given.

The record is one compressed object a scan beside its why-records. It holds what a replay cannot
have from the sentry's capture: the listing, the books read by request, the limits' state, the
parameters, and the instants between which each was asked.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from kalshi_alpha.clock import NEW_YORK, iso
from kalshi_alpha.errors import DataError, KalshiAlphaError
from kalshi_alpha.markets.book import Book
from kalshi_alpha.markets.contracts import Ladder
from kalshi_alpha.markets.orders import LiveOrder
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.pricing.laws import Law
from kalshi_alpha.pricing.reading import Reading
from kalshi_alpha.steps import facts, heartbeat
from kalshi_alpha.steps.fixing import read_fixing
from kalshi_alpha.steps.outcomes import keep_law
from kalshi_alpha.steps.preflight import Listing, read_figures, series_facts, window_facts
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.steps.scanning import used_up
from kalshi_alpha.trading.plan import Exposure
from kalshi_alpha.trading.risk_book import Fixing
from kalshi_alpha.trading.standing import StandingRecord
from kalshi_alpha.trading.window_gates import SeriesFacts, WindowFacts

if TYPE_CHECKING:
    from kalshi_alpha.steps.figures import Figures

FORMAT = 1
_LARGEST = 1 << 26  # unpacked; a scan of two whole ladders takes half a megabyte
T = TypeVar("T")


@dataclass
class Sight:
    """The eyes of the scan step: each answer is passed on and kept in ``seen``."""

    runtime: Runtime
    window: Window
    record: Mapping[str, Any]
    seen: dict[str, Any] = field(default_factory=lambda: {"clock": [], "series": {}})
    _fitted: bytes = b""
    _fixing: Fixing | None = None

    def now(self) -> datetime:
        """Return the time."""
        now = self.runtime.clock.now()
        self.seen["clock"].append(iso(now))
        return now

    def window_facts(self) -> WindowFacts:
        """Read the switch, the freeze and the exchange's status."""
        switch = self.runtime.state.kill_switch()
        found = window_facts(self.runtime, self.window, switch.on, switch.reason)
        self.seen["window"] = facts.window_to_json(found)
        return found

    def known(self, series: str) -> Mapping[str, Any]:
        """Return what preflight left."""
        known: Mapping[str, Any] = self.record.get("series", {}).get(series, {})
        self._of(series)["known"] = dict(known)
        return known

    def series_facts(self, series: str) -> SeriesFacts:
        """Read the heartbeat's health, the parameters' dates and what was lost."""
        known = self._of(series)["known"]
        listing = Listing(known["markets_listed"], known["fee_type"], known["fee_multiplier"])
        found = series_facts(self.runtime, self.window, series, listing)
        self._of(series)["facts"] = facts.series_to_json(found)
        return found

    def reading(self, symbol: str) -> Reading:
        """Read the sentry's heartbeat."""
        item = self.runtime.state.heartbeat(symbol)
        self.seen.setdefault("heartbeats", []).append({"symbol": symbol, "item": item})
        return heartbeat.from_item(symbol, item)

    def parameters(self) -> bytes:
        """Read the parameters, once a scan."""
        if not self._fitted:
            self._fitted = self.runtime.parameters()
            self.seen["parameters"] = self._fitted.decode()
        return self._fitted

    def figures(self, series: str) -> Figures:
        """Read what the sources of a published figure have said."""
        found = read_figures(self.runtime, self.window, series)
        self._of(series)["figures"] = found.to_json()
        return found

    def figure_parameters(self) -> bytes:
        """Read the parameters of published figures."""
        found = self.runtime.figure_parameters()
        self.seen["figure_parameters"] = found.decode()
        return found

    def tuning(self) -> bytes | None:
        """Read what past days taught."""
        found = self.runtime.tuning()
        self.seen["tuning"] = None if found is None else found.decode()
        return found

    def honesty(self) -> bytes | None:
        """Read how much of a claim is believed."""
        found = self.runtime.honesty()
        self.seen["honesty"] = None if found is None else found.decode()
        return found

    def standing(self) -> StandingRecord:
        """Read how far the strategy has come."""
        found = self.runtime.standing
        self.seen["standing"] = found.to_json()
        return found

    def listing(self, series: str) -> Sequence[Mapping[str, Any]]:
        """Ask for the venue's markets of the window's event."""
        event = self.window.event_ticker(series)
        return self._asked(
            series, "listing", lambda: self.runtime.reader.markets(event), lambda found: found
        )

    def books(self, tickers: Sequence[str]) -> Mapping[str, Book]:
        """Ask for books."""
        return self._asked(
            tickers[0].partition("-")[0] if tickers else "",
            "books",
            lambda: self.runtime.reader.orderbooks(tickers),
            facts.books_to_json,
        )

    def ours(self, event_ticker: str) -> Sequence[LiveOrder]:
        """Ask for our resting orders."""
        return self._asked(
            event_ticker.partition("-")[0],
            "orders",
            lambda: self.runtime.viewer.orders(event_ticker=event_ticker, status="resting"),
            lambda found: [facts.order_to_json(order) for order in found],
        )

    def exposure(self, series: str, ladder: Ladder) -> Exposure:
        """Read what this window's fills and the day's other windows have used up of the caps."""
        runtime, today = self.runtime, self.window.fixing.astimezone(NEW_YORK).date()
        monday = today.fromordinal(today.toordinal() - today.weekday())
        fills = runtime.ledger.fills(self.window.window_id)
        lost = {
            "lost_today": max(0, -runtime.ledger.earned(series, today, today)),
            "lost_this_week": max(0, -runtime.ledger.earned(series, monday, today)),
        }
        self._of(series)["exposure"] = lost | {"fills": [fill.fill_id for fill in fills]}
        return used_up(fills, ladder, runtime.registry.series[series].caps.bankroll, **lost)

    def fixing(self) -> Fixing:
        """Read what the window holds, and what the others at its fixing hold and have resting."""
        if self._fixing is None:
            try:
                self._fixing = read_fixing(self.runtime, self.window)
            except DataError as error:
                self.seen["fixing"] = {"error": str(error)}
                raise
            self.seen["fixing"] = self._fixing.to_json()
        return self._fixing

    def keep_law(self, symbol: str, law: Law, at: datetime) -> None:
        """Keep the law in the window's record."""
        keep_law(self.runtime, self.window, symbol, law, at)

    def packed(self, revision: int) -> bytes:
        """Return everything seen, as one compressed JSON object."""
        whole = {
            "format": FORMAT,
            "window_id": self.window.window_id,
            "revision": revision,
            "broker": self.runtime.settings.broker,
            "registry": self.runtime.registry.hash,
        } | self.seen
        return gzip.compress(json.dumps(whole, sort_keys=True).encode(), 6, mtime=0)

    def _of(self, series: str) -> dict[str, Any]:
        found: dict[str, Any] = self.seen["series"].setdefault(series, {})
        return found

    def _asked(
        self, series: str, what: str, ask: Callable[[], T], told: Callable[[T], object]
    ) -> T:
        kept: dict[str, Any] = {"asked_at": iso(self.runtime.clock.now())}
        self._of(series)[what] = kept
        try:
            found = ask()
        except KalshiAlphaError as error:
            kept["error"] = str(error)
            raise
        finally:
            kept["seen_at"] = iso(self.runtime.clock.now())
        kept["found"] = told(found)
        return found


def unpacked(data: bytes) -> dict[str, Any]:
    """Read what ``Sight.packed`` wrote.

    Raises:
        DataError: when it is not one, or of a format that is not known here.
    """
    try:
        if len(data) > _LARGEST:
            raise ValueError(f"{len(data)} bytes are too many")
        found = json.loads(gzip.decompress(data))
        if found["format"] != FORMAT:
            raise ValueError(f"its format is {str(found['format'])[:40]}, known is {FORMAT}")
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"the record of a scan cannot be read: {str(error)[:200]}") from None
    assert isinstance(found, dict)
    return found
