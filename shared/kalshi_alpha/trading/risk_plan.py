"""The joint risk of a fixing in the choice of quotes: a tilt before it, a limit after it.

*Tilt.* With contracts held, each candidate is weighed as if one contract of it had filled: by how
much the expected shortfall of what is held changes, over what that contract could lose. Below zero
it reduces risk and is preferred; above, it rests further back, by that share of ``shade_ticks``
rounded up.

*Limit.* The quotes that the series of a window chose are gone through from the best return after
fees on the cash they risk, whatever ladder they are of. One that would lose for sure together with
others of ours is refused; one that would push the fixing's shortfall over its limit is cut to what
fits, or refused. A quote that hedges what is held raises no shortfall and passes. What is refused
for want of room is a claim: the other window at the same fixing puts it before its own quotes that
return less, so within two scans the room goes to the better one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.registry import RiskLimits
from kalshi_alpha.markets.units import SIZE_UNIT, cash_text, size_text
from kalshi_alpha.trading.candidates import Candidate
from kalshi_alpha.trading.gates import ALLOW, Allow, Refuse, Verdict, refuse
from kalshi_alpha.trading.plan import Decision
from kalshi_alpha.trading.risk import Cells, Filling, FixingBook, FixingRisk, Holding
from kalshi_alpha.trading.risk_coherence import Offer, sure_loss
from kalshi_alpha.trading.risk_tilt import LEVEL, Tilt
from kalshi_alpha.trading.sizing import SHORTFALL, Sizing

_Place: TypeAlias = tuple[int, int]  # of a decision: its series, and where in it


@dataclass(frozen=True, slots=True)
class Claim:
    """A quote wanted on ``symbol``: what it would hold, and the cash that one contract earns."""

    symbol: str
    holding: Holding
    ev: int

    @property
    def rank(self) -> tuple[float, str, str]:
        """Return its place: the best return on the cash it risks first, then by name."""
        held = self.holding
        each = held.cost * SIZE_UNIT / held.size
        return -self.ev / max(1.0, each), held.ticker, held.side.value


@dataclass(frozen=True, slots=True)
class Chosen:
    """What one series chose, and the symbol it settles on."""

    symbol: str
    decisions: tuple[Decision, ...]


def tilts_of(
    book: FixingBook, symbol: str, candidates: Iterable[Candidate], limits: RiskLimits
) -> Mapping[tuple[str, Side], Tilt]:
    """Return the tilt of each candidate on ``symbol`` with a price; none when nothing is held."""
    held = book.without_orders()
    wanted = {
        (one.ticker, one.side): _one_contract(one) for one in candidates if one.chosen is not None
    }
    if held.empty or symbol not in held.symbols or not wanted:
        return {}
    cells = Cells(held.resting_too(symbol, wanted.values()))

    def shortfall(of: FixingBook) -> int:
        return cells.risk(of, limits.level, Filling.NONE).tail.shortfall

    before = shortfall(held)
    return {
        name: _tilt(shortfall(held.holding_too(symbol, (more,))) - before, more, limits)
        for name, more in wanted.items()
    }


def within_risk(
    chosen: Sequence[Chosen], book: FixingBook, limits: RiskLimits, claims: Iterable[Claim] = ()
) -> tuple[Chosen, ...]:
    """Return what was chosen, with the quotes cut or refused that the fixing has no room for.

    Args:
        chosen: by series of one window; their symbols are in the book.
        book: what is held at the fixing, and what rests of other windows.
        limits: of one fixing.
        claims: what other windows at the fixing want and have no room for.
    """
    mine: dict[_Place, Claim] = {
        (k, i): claim
        for k, one in enumerate(chosen)
        for i, decision in enumerate(one.decisions)
        if (claim := claim_of(one.symbol, decision)) is not None
    }
    queue: list[tuple[Claim, _Place | None]] = [(claim, place) for place, claim in mine.items()]
    queue += [(claim, None) for claim in claims if claim.symbol in book.symbols]
    desk = _Desk(book, limits, [claim for claim, _ in queue])
    found: dict[_Place, Decision] = {}
    for claim, place in sorted(queue, key=lambda one: one[0].rank):
        verdict, size = desk.decide(claim)
        if place is not None:
            found[place] = _decided(chosen[place[0]].decisions[place[1]], verdict, size)
    return tuple(
        replace(one, decisions=tuple(found.get((k, i), d) for i, d in enumerate(one.decisions)))
        for k, one in enumerate(chosen)
    )


def claim_of(symbol: str, decision: Decision) -> Claim | None:
    """Return the claim of a decision that quotes, or would with more room; None of any other."""
    edge, sized, verdict = decision.candidate.chosen, decision.sizing, decision.verdict
    crowded_out = isinstance(verdict, Refuse) and verdict.code == "joint-shortfall"
    if edge is None or sized is None or not (isinstance(verdict, Allow) or crowded_out):
        return None
    if sized.size <= 0:
        return None
    cost = edge.worst_loss * sized.size // SIZE_UNIT
    payoff = decision.candidate.contract.payoff
    return Claim(symbol, Holding(payoff, edge.side, sized.size, cost, edge.ticker), edge.ev_cash)


class _Desk:
    """The room of one fixing while it is being used up."""

    def __init__(self, book: FixingBook, limits: RiskLimits, wanted: Iterable[Claim]) -> None:
        self._book, self._limits = book, limits
        whole = book
        for claim in wanted:
            whole = whole.resting_too(claim.symbol, (claim.holding,))
        self._cells = Cells(whole)
        self._risk = self._weigh(book)

    def decide(self, claim: Claim) -> tuple[Verdict, int]:
        """Return whether a quote may rest, and how large; what may is counted from then on."""
        if isinstance(refused := self._arbitrage(claim), Refuse):
            return refused, 0
        size = self._fitting(claim)
        if size == 0:
            return self._no_room(claim), 0
        self._book = self._with(claim, size)
        self._risk = self._weigh(self._book)
        return ALLOW, size

    def _fitting(self, claim: Claim) -> int:
        """Return the largest whole number of contracts with room, by halving: more never fits."""
        if self._fits(claim, claim.holding.size):
            return claim.holding.size
        fits, too_much = 0, claim.holding.size // SIZE_UNIT
        while too_much - fits > 1:
            middle = (fits + too_much) // 2
            if self._fits(claim, middle * SIZE_UNIT):
                fits = middle
            else:
                too_much = middle
        return fits * SIZE_UNIT

    def _fits(self, claim: Claim, size: int) -> bool:
        room = max(self._limits.max_shortfall, self._risk.tail.shortfall)
        return self._weigh(self._with(claim, size)).tail.shortfall <= room

    def _arbitrage(self, claim: Claim) -> Verdict:
        resting = self._book.symbols[claim.symbol].resting
        found = sure_loss([_offer(one) for one in (*resting, claim.holding)])
        if found is None:
            return ALLOW
        others = ", ".join(sorted({offer.ticker for offer in found.offers}))
        return refuse(
            "own-arbitrage",
            f"this quote and others of ours lose ${cash_text(found.cash)} a contract together, "
            f"whatever {claim.symbol} does: {others}",
            value=found.cash,
            limit=0,
            orders=others,
        )

    def _no_room(self, claim: Claim) -> Verdict:
        limits, before = self._limits, self._risk.tail
        one = self._weigh(self._with(claim, min(SIZE_UNIT, claim.holding.size)))
        correlation = "none" if one.correlation is None else one.correlation
        return refuse(
            "joint-shortfall",
            f"one contract would bring the fixing's expected shortfall at {limits.level} from "
            f"${cash_text(before.shortfall)} to ${cash_text(one.tail.shortfall)}, over its limit "
            f"of ${cash_text(limits.max_shortfall)}",
            value=one.tail.shortfall,
            limit=limits.max_shortfall,
            before=before.shortfall,
            var=one.tail.var,
            worst=one.worst,
            level=limits.level,
            correlation=correlation,
        )

    def _with(self, claim: Claim, size: int) -> FixingBook:
        held = claim.holding
        cost = -(-held.cost * size // held.size)  # never less than it costs
        return self._book.resting_too(claim.symbol, (replace(held, size=size, cost=cost),))

    def _weigh(self, book: FixingBook) -> FixingRisk:
        return self._cells.risk(book, self._limits.level)


def _decided(decision: Decision, verdict: Verdict, size: int) -> Decision:
    """Return a decision with what the fixing leaves of it; refused, it keeps the size it asked."""
    if isinstance(verdict, Refuse):
        return replace(decision, verdict=verdict)
    sized = decision.sizing
    if sized is None or size >= sized.size:
        return decision
    reason = (
        f"cut from {size_text(sized.size)} to {size_text(size)} contracts: more would pass the "
        "limit on the fixing's expected shortfall"
    )
    cut = Allow(size / sized.size, reason, {"size_before": sized.size})
    return replace(decision, verdict=cut, sizing=Sizing(size, SHORTFALL, sized.kelly))


def _one_contract(candidate: Candidate) -> Holding:
    edge = candidate.chosen
    assert edge is not None  # asked of candidates with a price only
    payoff = candidate.contract.payoff
    return Holding(payoff, edge.side, SIZE_UNIT, edge.worst_loss, edge.ticker)


def _tilt(change: int, more: Holding, limits: RiskLimits) -> Tilt:
    if change <= 0:
        return Tilt(0, reduces=True) if change < 0 else LEVEL
    share = min(1.0, change / max(1, more.cost))
    return Tilt(math.ceil(share * limits.shade_ticks))


def _offer(held: Holding) -> Offer:
    return Offer(held.ticker, held.payoff, held.side, held.cost * SIZE_UNIT // held.size)
