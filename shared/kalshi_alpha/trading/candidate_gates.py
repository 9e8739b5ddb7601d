"""Gates on one market and side, asked at every scan before the choice among candidates.

The caps that depend on what else is chosen (bins, losses, positions) are gates too; ``plan`` asks
them in the order of expected value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kalshi_alpha.markets.contracts import Payoff, TickGrid
from kalshi_alpha.markets.units import CASH_UNIT, PRICE_UNIT, cash_text, price_text, size_text
from kalshi_alpha.pricing.fees import FeeTerms
from kalshi_alpha.trading.candidates import Candidate
from kalshi_alpha.trading.gates import ALLOW, Verdict, refuse
from kalshi_alpha.trading.when import ALWAYS, When

# Within two per cent of certainty the law's own error is of the size of the probability.
CERTAINTY = 0.02


@dataclass(frozen=True, slots=True)
class NearStrike:
    """Stand aside this close to a strike, in index points, this late, in seconds to the fixing.

    The venue's print and our feed differ by a few tenths of a point; that close to a strike, the
    difference and not the index decides.
    """

    points: float
    within_s: float


@dataclass(frozen=True, slots=True)
class Moment:
    """What a candidate gate may know beside its candidate; ``places`` are bins by ticker."""

    level: float
    ticks_per_point: int
    seconds_to_fixing: float
    near_strike: NearStrike | None = None
    certainty: float = CERTAINTY
    when: When = ALWAYS
    places: Mapping[str, int] = field(default_factory=dict)


def fee_known(terms: FeeTerms | None, fee_type: str) -> Verdict:
    """Refuse a market whose fee rule is unknown: nothing can then be priced after fees."""
    if terms is not None:
        return ALLOW
    return refuse("fee-unknown", f"the fee type {fee_type!r} is unknown", fee_type=fee_type)


def has_market(candidate: Candidate, moment: Moment) -> Verdict:
    """Refuse a market where nobody else quotes: there is nothing to check our price against."""
    del moment
    if candidate.top.bid is not None or candidate.top.ask is not None:
        return ALLOW
    return refuse("no-market", f"nobody quotes {candidate.ticker}: both sides are empty")


def probability_certain(candidate: Candidate, moment: Moment) -> Verdict:
    """Refuse a market that is all but decided."""
    limit, value = moment.certainty, candidate.probability
    if limit <= value <= 1.0 - limit:
        return ALLOW
    return refuse(
        "probability-extreme",
        f"the probability {value:.4f} is outside {limit} to {1.0 - limit}",
        value=value,
        limit=limit,
    )


def strike_distance(candidate: Candidate, moment: Moment) -> Verdict:
    """Refuse a market whose strike is next to the index when little time is left."""
    near = moment.near_strike
    if near is None or moment.seconds_to_fixing > near.within_s:
        return ALLOW
    distance = boundary_distance(candidate.contract.payoff, moment.level, moment.ticks_per_point)
    if distance >= near.points:
        return ALLOW
    return refuse(
        "near-strike",
        f"the index is {distance:.2f} points from a strike with {moment.seconds_to_fixing:.0f} s "
        f"left; under {near.points} points in the last {near.within_s:.0f} s the print decides",
        value=distance,
        limit=near.points,
        seconds_to_fixing=moment.seconds_to_fixing,
    )


def open_stretch(candidate: Candidate, moment: Moment) -> Verdict:
    """Refuse a quote in a stretch that the evidence of past days closed."""
    place = moment.places.get(candidate.ticker)
    closed = moment.when.closing(moment.seconds_to_fixing, candidate.side, place)
    if closed is None:
        return ALLOW
    return refuse(
        "closed-stretch",
        f"{closed.name} before the fixing is closed: {closed.why}",
        value=moment.seconds_to_fixing,
        start_s=closed.start_s,
        stop_s=closed.stop_s,
    )


def edge_enough(candidate: Candidate, moment: Moment) -> Verdict:
    """Refuse a market where no resting price earns the threshold."""
    del moment
    if candidate.chosen is not None:
        return ALLOW
    limit = candidate.min_ev / PRICE_UNIT
    best = candidate.best
    if best is None:
        return refuse(
            "no-price", "no price on the grid can rest and earn the threshold", limit=limit
        )
    return refuse(
        "edge-below-threshold",
        f"the best resting price {price_text(best.price)} earns ${best.ev:.4f} a contract, "
        f"under ${limit:.4f}",
        value=best.ev_cash / CASH_UNIT,
        limit=limit,
        price=best.price,
    )


def on_grid(candidate: Candidate, moment: Moment) -> Verdict:
    """Refuse a price off the market's grid; the venue would."""
    del moment
    if candidate.chosen is None:
        return ALLOW
    return price_on_grid(candidate.chosen.price, candidate.contract.grid)


def price_on_grid(price: int, grid: TickGrid) -> Verdict:
    """Refuse a price off ``grid``."""
    if grid.contains(price):
        return ALLOW
    return refuse(
        "off-grid", f"the price {price_text(price)} is not on the market's grid", price=price
    )


def bin_cap(bins: int, limit: int) -> Verdict:
    """Refuse one more bin when ``bins`` of the series are quoted or held already."""
    if bins < limit:
        return ALLOW
    return refuse(
        "bin-cap",
        f"{bins} bins of the series are quoted or held, the cap is {limit}",
        value=bins,
        limit=limit,
    )


def one_side(taken: bool) -> Verdict:
    """Refuse the second side of a bin: one plan quotes each bin on one side."""
    if not taken:
        return ALLOW
    return refuse("other-side-better", "the other side of this market earns more and is quoted")


def position_limit(held: int, limit: int) -> Verdict:
    """Refuse more of what is held, ``held`` >= 0 on this side, at or over ``limit`` (1/100)."""
    if held < limit:
        return ALLOW
    return refuse(
        "position-limit",
        f"{size_text(held)} contracts are held on this side, the limit is {size_text(limit)}",
        value=held,
        limit=limit,
    )


def loss_cap(scope: str, left: int, cap: int, needed: int) -> Verdict:
    """Refuse when one contract could lose ``needed``, more than is ``left`` of the scope's cap."""
    if needed <= left:
        return ALLOW
    return refuse(
        f"loss-cap-{scope}",
        f"one contract could lose ${cash_text(needed)}; of the {scope}'s cap of "
        f"${cash_text(cap)}, ${cash_text(max(0, left))} is left",
        value=needed,
        limit=left,
    )


def boundary_distance(payoff: Payoff, level: float, ticks_per_point: int) -> float:
    """Return how far ``level`` is from the nearest edge of the payoff, in index points.

    An edge lies where the outcome changes: on the first tick that pays, or the first that no
    longer does.
    """
    past = None if payoff.high is None else payoff.high + 1
    edges = [edge / ticks_per_point for edge in (payoff.low, past) if edge is not None]
    return min((abs(level - edge) for edge in edges), default=math.inf)


CandidateGate = Callable[[Candidate, Moment], Verdict]

CANDIDATE_GATES: tuple[CandidateGate, ...] = (
    has_market,
    probability_certain,
    strike_distance,
    open_stretch,
    edge_enough,
    on_grid,
)
