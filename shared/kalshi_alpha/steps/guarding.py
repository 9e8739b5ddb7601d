"""What the sentry decides out of what is known now: it reads nothing and never waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from kalshi_alpha.cloud.state import KillSwitch
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.pricing.reading import Reading
from kalshi_alpha.steps.clocks import ClockWatch
from kalshi_alpha.steps.removing import Remover
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.steps.symbol_watch import SymbolWatch
from kalshi_alpha.steps.venue_watch import VenueWatch

# Our own timer fires after the armed cancel has had its round trip.
TIMER_GRACE = timedelta(milliseconds=250)
_OFF = KillSwitch(on=False, reason="")


@dataclass
class Guard:
    """The reasons to take orders away, and which have been acted on.

    ``switch`` and ``frozen`` (reasons by window id) are what the tables last said.
    """

    runtime: Runtime
    windows: Sequence[Window]
    watches: Mapping[str, SymbolWatch]
    venue: VenueWatch
    remover: Remover
    tell: Callable[[str], object]
    clocks: ClockWatch = field(default_factory=ClockWatch)
    switch: KillSwitch = _OFF
    frozen: dict[str, str] = field(default_factory=dict)
    _acted: set[tuple[str, str]] = field(default_factory=set)  # (window id, word)

    def active(self) -> list[Window]:
        """Return the windows that may have orders."""
        now = self.runtime.clock.now()
        return [window for window in self.windows if window.make_at <= now < window.fixing]

    def look(self) -> None:
        """Look at every reason, in every window that may have orders."""
        clock = self.runtime.clock
        if step := self.clocks.tick(clock.now(), clock.monotonic()):
            self.tell(f"our clock stepped by {step:+.3f} s")
        for window in self.active():
            self._look_at(window)
        for symbol, watch in self.watches.items():
            monotonic = clock.monotonic()
            self.drift(symbol, watch.reading(clock.now(), monotonic), monotonic)

    def drift(self, symbol: str, reading: Reading | None, heard_at: float) -> None:
        """Pull each quote on ``symbol`` that is outside its fair band at ``reading``."""
        if reading is None:
            return
        now = self.runtime.clock.now()
        for window in self.active():
            orders = self.venue.resting.orders(window)
            for bands in self.venue.bands.get(window.window_id, ()) if orders else ():
                if bands.series.symbol != symbol:
                    continue
                try:
                    found = bands.drifted(reading, orders, self.venue.book, now)
                except DataError as error:
                    self.tell(f"{window.window_id}: no fair band: {error}")
                    continue
                for drifted in found:
                    self.remover.quote(window, drifted, heard_at)

    def _look_at(self, window: Window) -> None:
        found, name = self._reason(window), window.window_id
        if found is None:
            return
        word, reason = found
        orders = self.venue.resting.orders(window)
        # Once for each reason; again while something rests: it came back, or would not go.
        if (name, word) not in self._acted or orders:
            self._acted |= {(name, word), (name, "frozen")}
            self.frozen.setdefault(name, reason)
            self.remover.window(window, reason, orders)

    def _reason(self, window: Window) -> tuple[str, str] | None:
        """Return why nothing may rest in the window now: a word and a sentence."""
        now = self.runtime.clock.now()
        if now >= window.pull_at + TIMER_GRACE:
            return "timer", "its own timer at T-2 s"
        if self.switch.on:
            return "kill", f"kill-switch: {self.switch.reason}"
        if window.window_id in self.frozen:
            return "frozen", self.frozen[window.window_id]
        if now >= window.strict_at and (broken := self._broken(window)):
            return "strict", broken
        for order in self.venue.resting.orders(window):
            if self.remover.tried_enough(order.order_id):
                return "drift", f"{order.ticker} left its fair band and would not go by name"
        return None

    def _broken(self, window: Window) -> str:
        """Return which limit of the last minute is broken, or an empty text."""
        clock = self.runtime.clock
        now, monotonic = clock.now(), clock.monotonic()
        names = {self.runtime.registry.series[s].symbol for s in window.series}
        found = (self.watches[name].broken(now, monotonic) for name in sorted(names))
        return next((text for text in found if text), "") or self.clocks.broken(monotonic)
