"""What the market of one event shows, event by event: O(1) each, however long the day.

A bracket's middle is that of its best bid and ask; where no quotes are heard, of the last prices at
which takers bought and sold. Prices are whole numbers, so the centre of mass, which is kept by
adding and taking away, never drifts. Times are seconds on any one scale. An event with a time
before its bracket's last is a clock that is behind: it is taken as of the last, and counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import CENT, PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.momentum.bracket import (
    Bracket,
    BracketView,
    StateTerms,
    pushed,
    resume,
    saved,
    time_of,
)
from kalshi_alpha.momentum.brackets import BracketSet
from kalshi_alpha.momentum.motion import Motion

__all__ = ["BracketView", "MarketState", "StateTerms"]

SCHEMA = "kalshi-alpha/bracket-state/1"
_TWO_DOLLARS = 2 * PRICE_UNIT  # bid and ask together are kept, so that no half is lost
_NEVER = float("-inf")
_COUNTS = ("late", "crossed", "gaps", "garbled")


class MarketState:
    """The state of one event's brackets. Not safe to share between threads.

    ``late``, ``crossed``, ``gaps`` and ``garbled`` count what was wrong with what came in.
    """

    __slots__ = (
        "_each", "_known", "_mass", "_moment", "_motion", "_taken_at", "brackets", "crossed",
        "gaps", "garbled", "late", "terms",
    )  # fmt: skip

    def __init__(self, brackets: BracketSet, terms: StateTerms) -> None:
        self.brackets, self.terms = brackets, terms
        self._each = [Bracket(terms) for _ in range(len(brackets))]
        self._motion = Motion(terms.tau_s)
        self._taken_at = _NEVER
        self._known = self._mass = 0
        self._moment = 0.0
        self.late = self.crossed = self.gaps = self.garbled = 0

    def quote(
        self, at: float, place: int, bid: int | None, bid_size: int, ask: int | None, ask_size: int
    ) -> bool:
        """Take the best of both sides of a bracket, and say whether its middle moved.

        A side that nobody quotes is None: a bid of nothing, or an ask of a dollar. A bracket
        without either, or with a bid at or above its ask, stays as it was.
        """
        one = self._each[place]
        low, high = bid or 0, PRICE_UNIT if ask is None else ask
        if low >= high or (bid is None and ask is None):
            self.crossed += low >= high
            return False
        if low < 0 or high > PRICE_UNIT or bid_size < 0 or ask_size < 0:
            self.garbled += 1
            return False
        at = self._now(one, at)
        if one.quoted and not one.quiet:
            by = pushed(one, low, bid_size, high, ask_size)
            if by:
                one.pushed.add(at, by / SIZE_UNIT)
        one.bid, one.bid_size, one.ask, one.ask_size = low, bid_size, high, ask_size
        one.quoted = True
        return self._moved(at, place, low + high)

    def trade(self, at: float, place: int, price: int, size: int, taker: Side) -> bool:
        """Take a public trade, and say whether the bracket's middle moved.

        Its volume presses as the taker did. Its price makes the middle of a bracket of which no
        quote was ever heard.
        """
        one = self._each[place]
        if not 0 < price < PRICE_UNIT or size <= 0:
            self.garbled += 1
            return False
        at = self._now(one, at)
        one.taken.add(at, (size if taker is Side.BID else -size) / SIZE_UNIT)
        if taker is Side.BID:
            one.bought, one.bought_at = price, at
        else:
            one.sold, one.sold_at = price, at
        if one.quoted:
            one.at = at
            return False
        since = at - self.terms.memory_s
        both = one.bought_at > since and one.sold_at > since and one.sold < one.bought
        return self._moved(at, place, one.bought + one.sold if both else 2 * price)

    def mid(self, place: int) -> float | None:
        """Return a bracket's middle in dollars, None before anything was heard of it."""
        twice = self._each[place].twice
        return None if twice is None else twice / _TWO_DOLLARS

    def mids(self) -> list[float | None]:
        """Return the middle of every bracket, as ``mid`` does."""
        every = [one.twice for one in self._each]
        return [None if twice is None else twice / _TWO_DOLLARS for twice in every]

    def spread(self, place: int) -> float:
        """Return the dollars between bid and ask, as quoted or as traded; at least a cent then."""
        one = self._each[place]
        if one.quoted:
            return (one.ask - one.bid) / PRICE_UNIT
        if one.twice == one.bought + one.sold:
            return max(one.bought - one.sold, CENT) / PRICE_UNIT
        return self.terms.trade_spread

    def age_s(self, place: int, at: float) -> float:
        """Return the seconds since a bracket was last heard of, infinite if it never was."""
        since = self._each[place].at
        return float("inf") if since is None else max(0.0, at - since)

    def oldest_s(self, at: float) -> float:
        """Return the seconds since the bracket least lately heard of, infinite if one never was."""
        since = [one.at for one in self._each if one.at is not None]
        return at - min(since) if len(since) == len(self._each) else float("inf")

    def course(self, place: int, at: float) -> tuple[float, float]:
        """Return a bracket's middle and its velocity, dollars and dollars a second; 0 unheard."""
        one = self._each[place]
        if one.twice is None or one.at is None:
            return 0.0, 0.0
        return one.twice / _TWO_DOLLARS, one.motion.rates(max(at, one.at))[0]

    def view(self, place: int, at: float) -> BracketView:
        """Return all of one bracket.

        Raises:
            DataError: before anything was heard of it.
        """
        one = self._each[place]
        if one.twice is None or one.at is None:
            raise DataError(f"nothing was heard of {self.brackets.tickers[place]} yet")
        at = max(at, one.at)
        velocity, acceleration = one.motion.rates(at)
        below = self._each[place - 1].twice if place else None
        above = self._each[place + 1].twice if place + 1 < len(self._each) else None
        shown = one.bid_size + one.ask_size
        return BracketView(
            one.twice / _TWO_DOLLARS,
            self.spread(place),
            velocity,
            acceleration,
            None if below is None else (one.twice - below) / _TWO_DOLLARS,
            None if above is None else (one.twice - above) / _TWO_DOLLARS,
            one.taken.pressure(at),
            one.pushed.pressure(at),
            (one.bid_size - one.ask_size) / shown if shown else 0.0,
            at - one.at,
        )

    def best(self, place: int) -> tuple[int, int]:
        """Return the best bid and ask in 1/10000 dollar; 0 and a dollar where nobody quotes.

        Where no quotes are heard they are the middle and spread as traded.
        """
        one = self._each[place]
        if one.quoted or one.twice is None:
            return one.bid, one.ask
        spread = round(self.spread(place) * PRICE_UNIT)
        return max(0, (one.twice - spread) // 2), min(PRICE_UNIT, (one.twice + spread + 1) // 2)

    def top(self, place: int) -> Top:
        """Return the best of both sides and their sizes, 0 where sizes are not heard."""
        one, (bid, ask) = self._each[place], self.best(place)
        return Top(
            bid=bid or None,
            bid_size=one.bid_size,
            ask=ask if ask < PRICE_UNIT else None,
            ask_size=one.ask_size,
        )

    def overround(self) -> float | None:
        """Return by how much the middles sum to more than a dollar, None until all are known."""
        return self._mass / _TWO_DOLLARS - 1.0 if self.whole else None

    @property
    def whole(self) -> bool:
        """Say whether something was heard of every bracket."""
        return self._known == len(self._each)

    def centre(self) -> float | None:
        """Return the mean settlement value in ticks that the middles make, held to one.

        None until every bracket has a middle.
        """
        return self._moment / self._mass if self._mass and self.whole else None

    def centre_rates(self, at: float) -> tuple[float, float]:
        """Return the centre's velocity, ticks a second, and acceleration."""
        return self._motion.rates(max(at, self._taken_at))

    def _now(self, one: Bracket, at: float) -> float:
        if one.at is None:
            return at
        if at < one.at:
            self.late += 1
            return one.at
        if at - one.at > self.terms.gap_s:
            self.gaps += 1
            one.motion.rest()
            one.quiet = True
        return at

    def _moved(self, at: float, place: int, twice: int) -> bool:
        one = self._each[place]
        before, quiet, one.twice, one.at, one.quiet = one.twice, one.quiet, twice, at, False
        if before == twice:
            return False
        centre = self.centre()
        by = twice - (before or 0)
        self._mass += by
        self._moment += by * self.brackets.centres[place]
        if before is None:
            self._known += 1
        if not quiet:
            one.motion.jump(at, by / _TWO_DOLLARS)
            if centre is not None:
                self._taken_at = max(at, self._taken_at)
                self._motion.jump(self._taken_at, self._moment / self._mass - centre)
        return True

    def to_json(self) -> dict[str, Any]:
        """Return what it takes to go on elsewhere, in plain JSON values, without the terms."""
        return {
            "schema": SCHEMA,
            "tickers": list(self.brackets.tickers),
            "counts": {name: getattr(self, name) for name in _COUNTS},
            "taken_at": self._motion.to_json()[0],
            "motion": self._motion.to_json(),
            "each": [saved(one) for one in self._each],
        }

    @classmethod
    def from_json(
        cls, doc: Mapping[str, Any], brackets: BracketSet, terms: StateTerms
    ) -> MarketState:
        """Return the state that ``to_json`` described.

        Raises:
            DataError: for another schema, other brackets, or a field that is missing or garbled.
        """
        if doc.get("schema") != SCHEMA or doc.get("tickers") != list(brackets.tickers):
            raise DataError(
                f"a state of {doc.get('schema')!r} and {doc.get('tickers')!r} is not one of "
                f"{SCHEMA} for {brackets.tickers[0]} to {brackets.tickers[-1]}"
            )
        made = cls(brackets, terms)
        try:
            for name in _COUNTS:
                setattr(made, name, int(doc["counts"][name]))
            made._motion.resume(doc["motion"])
            made._taken_at = time_of(doc["taken_at"])
            for one, kept in zip(made._each, doc["each"], strict=True):
                resume(one, kept)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"the saved state lacks or garbles a field: {error!r}") from None
        for place, one in enumerate(made._each):
            made._known += one.twice is not None
            made._mass += one.twice or 0
            made._moment += (one.twice or 0) * brackets.centres[place]
        return made
