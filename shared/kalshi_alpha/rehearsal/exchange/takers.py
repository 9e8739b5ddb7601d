"""Those who trade at the prices of others.

They come as recorded by minutes to the fixing and by price, thinned to the distance between
strikes, so that an event trades about as often as the recorded ones did. Most trade for reasons
of their own, on either side and at a few cents' cost; some know the index a few seconds ahead.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from random import Random

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import CASH_UNIT, CENT, PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.rehearsal.exchange.beliefs import Beliefs, Value, probability, quotable
from kalshi_alpha.rehearsal.exchange.calibration import Calibration
from kalshi_alpha.rehearsal.exchange.engine import Engine, Rejected, Ticket
from kalshi_alpha.rehearsal.exchange.model import Market

ACCOUNT = "crowd-takers"
CASH = 10**9 * CASH_UNIT  # no crowd's order is ever refused for want of cash

# Assumed, since a tape does not say who knew what.
INFORMED = 0.15  # share of takers who see ahead
AHEAD = timedelta(seconds=4)
_FEE = CENT  # what the informed want to be left with at least
_CONCESSION = 2.5 * CENT  # mean of what the others give beyond a tick

_AT_ONCE = 12  # bounds the work of one call


class Takers:
    """All takers, trading on one account; arguments as of ``participants.Crowd``."""

    def __init__(
        self, engine: Engine, value: Value, beliefs: Beliefs, seed: int, calibration: Calibration
    ) -> None:
        self._engine, self._value, self._beliefs = engine, value, beliefs
        self._calibration = calibration
        self._rng = Random(f"{ACCOUNT}-{seed}")
        engine.open_account(ACCOUNT, CASH, keeps_records=False)

    def trade(
        self, prices: list[tuple[Market, float]], density: float, now: datetime, seconds: float
    ) -> None:
        """Let those come who would have come to an event in the last ``seconds``.

        Args:
            prices: the event's markets and what they are thought to be worth, in dollars.
            density: distance of its strikes relative to the recorded ones.
            now: aware.
            seconds: >= 0.
        """
        if not prices or not seconds:
            return
        minutes = (prices[0][0].close_at - now).total_seconds() / 60
        rates = self._calibration.rates_at(minutes)
        weights = [rates[self._calibration.band(price)] for _, price in prices]
        expected = sum(weights) * density * seconds / 60
        for _ in range(min(_poisson(self._rng, expected), _AT_ONCE)):
            market, price = self._rng.choices(prices, weights)[0]
            self._take(market, price * PRICE_UNIT, now)

    def _take(self, market: Market, price: float, now: datetime) -> None:
        size = round(self._calibration.size(self._rng.random())) * SIZE_UNIT
        if self._rng.random() < INFORMED:
            known = self._known(market, now)
            if known is None:
                return
            ask = market.best(Side.ASK)
            side = Side.BID if ask is not None and ask < known else Side.ASK
            limit = known - side.sign * _FEE
        else:
            side = self._rng.choice((Side.BID, Side.ASK))
            limit = price + side.sign * (CENT + self._rng.expovariate(1 / _CONCESSION))
        best = market.best(side.other)
        target = quotable(market.grid, side, limit)
        if best is None or target is None or (target - best) * side.sign < 0:
            return
        with suppress(Rejected):
            self._engine.create(
                ACCOUNT,
                Ticket(market.ticker, side, target, size, time_in_force="immediate_or_cancel"),
            )

    def _known(self, market: Market, now: datetime) -> float | None:
        """Return the price, in price units, to one who sees the index a few seconds ahead."""
        level = self._value(market.symbol, min(now + AHEAD, market.close_at))
        if level is None:
            return None
        deviation = self._beliefs.deviation(market.symbol, level, now, market.close_at)
        return PRICE_UNIT * probability(
            market.payoff, market.ticks_per_point, level, deviation, 1.0
        )


def _poisson(rng: Random, mean: float) -> int:
    """Draw a Poisson number by counting arrivals."""
    count, left = -1, mean
    while left >= 0:
        left -= rng.expovariate(1.0)
        count += 1
    return count
