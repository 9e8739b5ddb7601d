"""The brackets of one event: together they pay on every settlement value exactly once.

The lowest is open downwards, the highest upwards, and each begins one tick above the one before.
Whatever is not so is refused: probabilities that are held to one would be spread over values that
no market pays on, or over some of them twice.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from kalshi_alpha.errors import ContractError
from kalshi_alpha.markets.contracts import Contract, Payoff

FEWEST = 2


@dataclass(frozen=True, slots=True)
class BracketSet:
    """Brackets in ascending order. Make it with ``bracket_set``, which proves that they tile.

    Attributes:
        tickers: one a bracket.
        payoffs: the settlement ticks each pays on; whole degrees for a temperature.
        centres: the middle of each, in ticks; a tail counts as being as wide as the median of the
            closed brackets, or as one tick where there are none.
    """

    tickers: tuple[str, ...]
    payoffs: tuple[Payoff, ...]
    centres: tuple[float, ...]
    _places: Mapping[str, int] = field(repr=False, compare=False)

    def __len__(self) -> int:
        """Return how many brackets there are."""
        return len(self.tickers)

    def place(self, ticker: str) -> int:
        """Return a bracket's place from below, 0 first; ``ContractError`` for another's ticker."""
        try:
            return self._places[ticker]
        except KeyError:
            raise ContractError(
                f"{ticker} is no bracket of {self.tickers[0]} to {self.tickers[-1]}",
                code="wrong_event",
            ) from None

    def containing(self, tick: int) -> int:
        """Return the place of the bracket that pays when the settlement value is ``tick``."""
        return next(k for k, payoff in enumerate(self.payoffs) if payoff.contains(tick))


def bracket_set(markets: Iterable[tuple[str, Payoff]]) -> BracketSet:
    """Return the brackets, given in any order as (ticker, payoff).

    Raises:
        ContractError: ``not_a_partition`` when they leave a hole, overlap, lack a tail, or are
            fewer than two; ``duplicate_strike`` when a ticker is given twice.
    """
    ordered = sorted(markets, key=_order)
    tickers = tuple(ticker for ticker, _ in ordered)
    payoffs = tuple(payoff for _, payoff in ordered)
    places = {ticker: k for k, ticker in enumerate(tickers)}
    if len(places) < len(tickers):
        twice = next(ticker for ticker in tickers if tickers.count(ticker) > 1)
        raise ContractError(f"{twice} is given twice", code="duplicate_strike")
    if len(tickers) < FEWEST:
        raise ContractError(
            f"{len(tickers)} brackets are no distribution: {FEWEST} are the fewest",
            code="not_a_partition",
        )
    _require_tiles(tickers, payoffs)
    return BracketSet(tickers, payoffs, _centres(payoffs), places)


def brackets_of(contracts: Iterable[Contract]) -> BracketSet:
    """Return the brackets that an event's contracts make; raises as ``bracket_set``."""
    return bracket_set((contract.ticker, contract.payoff) for contract in contracts)


def _require_tiles(tickers: Sequence[str], payoffs: Sequence[Payoff]) -> None:
    if payoffs[0].low is not None:
        raise _broken(f"no bracket pays below {tickers[0]}: a hole down there")
    if payoffs[-1].high is not None:
        raise _broken(f"no bracket pays above {tickers[-1]}: a hole up there")
    for (low, lower), (high, upper) in pairwise(zip(tickers, payoffs, strict=True)):
        if lower.high is None or upper.low is None or upper.low <= lower.high:
            raise _broken(f"{low} and {high} overlap: some values would pay twice")
        if upper.low > lower.high + 1:
            raise _broken(
                f"between {low} and {high} lies a hole: nothing pays on "
                f"{lower.high + 1} to {upper.low - 1}"
            )
        if upper.high is not None and upper.high < upper.low:
            raise _broken(f"{high} pays on nothing: it ends below its beginning")


def _centres(payoffs: Sequence[Payoff]) -> tuple[float, ...]:
    inner = [(p.low, p.high) for p in payoffs if p.low is not None and p.high is not None]
    half = (statistics.median(high - low for low, high in inner) if inner else 0) / 2.0
    lowest, highest = payoffs[0].high, payoffs[-1].low
    assert lowest is not None
    assert highest is not None
    return (lowest - half, *((low + high) / 2.0 for low, high in inner), highest + half)


def _order(market: tuple[str, Payoff]) -> tuple[float, float]:
    low, high = market[1].low, market[1].high
    return (
        float("-inf") if low is None else low,
        float("inf") if high is None else high,
    )


def _broken(why: str) -> ContractError:
    return ContractError(why, code="not_a_partition")
