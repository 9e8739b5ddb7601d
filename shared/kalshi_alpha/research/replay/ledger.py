"""The books of a replay: what its fills cost, what they paid at settlement, to the last unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.pricing.fees import DIRECT, FeeAccumulator, FeeTerms, fee_regime_on
from kalshi_alpha.research.replay.rules import ReplayFill
from kalshi_alpha.research.replay.tape import BID

TermsAt = Callable[[str, datetime], FeeTerms]  # of a market, when an order first filled
OUTCOMES = ("yes", "no")


@dataclass(frozen=True, slots=True)
class Booked:
    """One fill with its fee, in cash (1/1000000 dollar)."""

    fill: ReplayFill
    ticker: str
    fee: int


@dataclass(frozen=True, slots=True)
class MarketBooks:
    """What one market came to, in cash.

    Attributes:
        position: YES held at the end, 1/100 contract; below 0 is NO.
        traded: received for what was sold less paid for what was bought, YES prices, before fees.
        fees: charged.
        paid: by settlement for ``position``: nothing or a dollar a contract, owed when it is NO.
    """

    ticker: str
    fills: int
    position: int
    traded: int
    fees: int
    paid: int

    @property
    def earned(self) -> int:
        """Return what was earned after fees."""
        return self.traded + self.paid - self.fees


@dataclass(frozen=True, slots=True)
class Books:
    """All of it; ``unsettled`` says of which markets nothing can be said, and why."""

    markets: tuple[MarketBooks, ...]
    booked: tuple[Booked, ...]
    unsettled: tuple[str, ...]

    @property
    def earned(self) -> int:
        """Return what the settled markets earned after fees."""
        return sum(market.earned for market in self.markets)


@dataclass(slots=True)
class FeeMeter:
    """The fee of each fill, an accumulator an order, under the rule in force when it first filled.

    Args:
        terms_at: what a market charges at an instant.
        precision: cash the member's balance is kept to.
    """

    terms_at: TermsAt
    precision: int = DIRECT
    _orders: dict[int, FeeAccumulator] = field(default_factory=dict)

    def fee(self, ticker: str, fill: ReplayFill) -> int:
        """Return the cash charged for an order's next fill."""
        meter = self._orders.get(fill.order)
        if meter is None:
            at = datetime.fromtimestamp(fill.at_ns // 1_000_000_000, UTC)
            regime = fee_regime_on(at.astimezone(NEW_YORK).date())
            meter = FeeAccumulator(self.terms_at(ticker, at), self.precision, regime)
            self._orders[fill.order] = meter
        side = Side.BID if fill.side == BID else Side.ASK
        return meter.fill(side, fill.price, fill.size, is_taker=fill.is_taker)


def settle(
    fills: Sequence[ReplayFill],
    names: Sequence[str],
    results: Mapping[str, str],
    terms_at: TermsAt,
    *,
    precision: int = DIRECT,
) -> Books:
    """Book fills and settle their markets.

    Args:
        fills: in the order they were made.
        names: of the markets, by number.
        results: ``yes`` or ``no`` by ticker.
        terms_at: what a market charges at an instant.
        precision: cash the member's balance is kept to.

    Raises:
        DataError: when a result is neither.
    """
    for ticker, result in results.items():
        if result not in OUTCOMES:
            raise DataError(f"{ticker} is settled {result!r}: a market ends yes or no")
    meter = FeeMeter(terms_at, precision)
    booked = tuple(Booked(f, names[f.market], meter.fee(names[f.market], f)) for f in fills)
    by_market: dict[str, list[Booked]] = defaultdict(list)
    for each in booked:
        by_market[each.ticker].append(each)
    settled = [t for t in by_market if t in results]
    unsettled = (
        f"{ticker}: {len(rows)} fills are left out, its settlement is not recorded"
        for ticker, rows in by_market.items()
        if ticker not in results
    )
    markets = tuple(_market(t, by_market[t], won=results[t] == "yes") for t in settled)
    return Books(markets, booked, tuple(unsettled))


def results_by_rule(payoffs: Mapping[str, Payoff], settled_at: int) -> dict[str, str]:
    """Return what each market pays by its own rule.

    Args:
        payoffs: by ticker.
        settled_at: the settlement value in ticks of 0.01 point.
    """
    return {
        ticker: "yes" if rule.contains(settled_at) else "no" for ticker, rule in payoffs.items()
    }


def _market(ticker: str, booked: Iterable[Booked], *, won: bool) -> MarketBooks:
    rows = list(booked)
    signs = [1 if each.fill.side == BID else -1 for each in rows]
    position = sum(s * each.fill.size for s, each in zip(signs, rows, strict=True))
    return MarketBooks(
        ticker=ticker,
        fills=len(rows),
        position=position,
        traded=-sum(s * e.fill.size * e.fill.price for s, e in zip(signs, rows, strict=True)),
        fees=sum(each.fee for each in rows),
        paid=position * PRICE_UNIT if won else 0,
    )
