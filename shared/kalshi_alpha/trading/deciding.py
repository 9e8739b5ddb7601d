"""What one look at a ladder comes to: which quotes to want, and why not the others.

The scan step, the replay of a recorded day and the backtest decide here and nowhere else. The way
is the same for each: the others' prices weigh in (``weighed``), both sides of every market get
their value (``valued``), gates, sizes, honesty and inventory have their say (``decided``), and what
the series of a window chose is held against the risk of their fixing (``risk_plan.within_risk``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.contracts import Contract, Ladder
from kalshi_alpha.markets.registry import RiskLimits, Series, Symbol
from kalshi_alpha.pricing.blend import MarketBlends
from kalshi_alpha.pricing.fees import FeeTerms
from kalshi_alpha.pricing.laws import Law
from kalshi_alpha.trading.candidates import Candidate
from kalshi_alpha.trading.gates import ALLOW, Allow
from kalshi_alpha.trading.honesty import UNJUDGED, Honesty, HonestyView
from kalshi_alpha.trading.plan import Decision, Exposure, choose
from kalshi_alpha.trading.risk import FixingBook
from kalshi_alpha.trading.risk_plan import tilts_of
from kalshi_alpha.trading.shortlist import looked_at, moment_of, with_market
from kalshi_alpha.trading.tuning import UNTUNED, Tuning


@dataclass(frozen=True, slots=True)
class Look:
    """One series as it stands at one scan.

    Attributes:
        series: its rules, with the caps and the thresholds that hold now.
        symbol: the index it settles on; None for a published figure, which has no feed.
        ladder: the markets of its event.
        law: of the settlement value.
        level: of the index, or the middle of a figure's law.
        seconds_to_fixing: from the scan.
        near: markets worth a look with the law's probability of YES, in ladder order.
        tops: the others' best prices of these markets, by ticker.
        terms: of fees.
        every_s: seconds to the next scan.
        blends: the weight of the others' prices; None where they have none.
        tuning: what past days taught.
        honesty: what of a claim is believed.
        fit: the share of a size that the law's fit leaves.
    """

    series: Series
    symbol: Symbol | None
    ladder: Ladder
    law: Law
    level: float
    seconds_to_fixing: float
    near: Sequence[tuple[Contract, float]]
    tops: Mapping[str, Top]
    terms: FeeTerms
    every_s: float
    blends: MarketBlends | None = None
    tuning: Tuning = UNTUNED
    honesty: Honesty = UNJUDGED
    fit: Allow = ALLOW


def weighed(look: Look) -> list[tuple[Contract, float]]:
    """Return the markets with the probabilities that are quoted on, the others' prices in them."""
    return with_market(look.near, look.tops, look.blends, look.seconds_to_fixing / 60.0)


def valued(look: Look, priced: Sequence[tuple[Contract, float]]) -> tuple[Candidate, ...]:
    """Return both sides of every market with their value at the prices that may be quoted."""
    series, left = look.series, look.seconds_to_fixing
    return looked_at(priced, look.tops, look.terms, series.quoting, look.tuning, look.every_s, left)


def decided(
    look: Look,
    seen: Sequence[Candidate],
    exposure: Exposure,
    book: FixingBook,
    risk: RiskLimits,
) -> tuple[Decision, ...]:
    """Decide about every candidate of one series, in the order of the question.

    Args:
        look: at the series.
        seen: its candidates.
        exposure: what is used up of its caps.
        book: what is held at the fixing; the look's law prices its symbol.
        risk: limits of the fixing.
    """
    series, left = look.series, look.seconds_to_fixing
    return choose(
        seen,
        moment_of(look.symbol, look.ladder, look.level, series.ticks_per_point, left, look.tuning),
        series.caps,
        series.quoting,
        exposure,
        look.fit,
        honesty=HonestyView(look.honesty, series.family, series.kind, left),
        tilts=tilts_of(book, series.symbol, seen, risk),
    )
