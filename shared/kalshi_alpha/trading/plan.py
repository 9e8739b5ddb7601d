"""Which quotes to want: the best few bins of each series, inside every cap.

``choose`` goes through one series' candidates: first those that reduce the risk of what is held,
then from the highest expected value down (ties by ticker and side, so the same input gives the same
plan). It asks the gates and sizes what is left. Caps count what is held as used: a bin with a
position is a taken bin, its risk is spent, and nothing is netted. ``QuotePlan`` is what travels to
whoever places orders, as JSON of texts and integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from kalshi_alpha.clock import from_iso, iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.orders import Side, worst_loss
from kalshi_alpha.markets.registry import Caps, Quoting
from kalshi_alpha.markets.units import PRICE_UNIT, SIZE_UNIT, cash_text, price_text
from kalshi_alpha.trading import candidate_gates as gate
from kalshi_alpha.trading import sizing
from kalshi_alpha.trading.candidates import Candidate
from kalshi_alpha.trading.edge import Edge
from kalshi_alpha.trading.gates import ALLOW, Allow, Refuse, Verdict, first_refusal, refuse
from kalshi_alpha.trading.honesty import FULL, BinWeight, HonestyView
from kalshi_alpha.trading.risk_tilt import Tilts, shaded, tilt_of

_PPM = 1_000_000
_MOST = 10**15  # more than any amount, size or count of ours


@dataclass(frozen=True, slots=True)
class TargetQuote:
    """One order that should rest.

    ``price`` in 1/10000 dollar, ``size`` in 1/100 contract, ``ev`` in cash a contract, probability
    of YES in parts per million. ``level`` counts from 0, the best, on one side of a market.
    """

    ticker: str
    side: Side
    price: int
    size: int
    level: int
    probability_ppm: int
    ev: int

    @property
    def worst_loss(self) -> int:
        """Return the cash lost, >= 0, if it fills whole and settles the wrong way, fees aside."""
        return worst_loss(self.side, self.price, self.size)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready copy."""
        return {
            "ticker": self.ticker,
            "side": self.side.value,
            "price": self.price,
            "size": self.size,
            "level": self.level,
            "probability_ppm": self.probability_ppm,
            "ev": self.ev,
        }

    @classmethod
    def from_json(cls, doc: Mapping[str, Any]) -> TargetQuote:
        """Read what ``to_json`` wrote; raise ``DataError`` on anything else."""
        try:
            return cls(
                ticker=_text(doc, "ticker"),
                side=Side(_text(doc, "side")),
                price=_whole(doc, "price", 1, PRICE_UNIT - 1),
                size=_whole(doc, "size", 1),
                level=_whole(doc, "level"),
                probability_ppm=_whole(doc, "probability_ppm", 0, _PPM),
                ev=_whole(doc, "ev", -_MOST),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"a target quote cannot be read: {repr(error)[:200]}") from None


@dataclass(frozen=True, slots=True)
class QuotePlan:
    """Every order that should rest in a window, at its ``revision`` (counted from 1)."""

    window_id: str
    revision: int
    made_at: datetime
    targets: tuple[TargetQuote, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready copy."""
        return {
            "window_id": self.window_id,
            "revision": self.revision,
            "made_at": iso(self.made_at),
            "targets": [target.to_json() for target in self.targets],
        }

    @classmethod
    def from_json(cls, doc: Mapping[str, Any]) -> QuotePlan:
        """Read what ``to_json`` wrote; raise ``DataError`` on anything else."""
        try:
            return cls(
                window_id=_text(doc, "window_id"),
                revision=_whole(doc, "revision", 1),
                made_at=from_iso(_text(doc, "made_at")),
                targets=tuple(TargetQuote.from_json(target) for target in doc["targets"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"a quote plan cannot be read: {repr(error)[:200]}") from None


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a series has used up already.

    ``positions`` is signed YES in 1/100 contract and ``at_risk`` the cash >= 0 that the fills of a
    market can still lose, both by ticker of this window. ``lost_today`` and ``lost_this_week`` are
    cash >= 0 lost, or still open, in other windows. ``bankroll`` is what Kelly takes shares of.
    """

    bankroll: int
    lost_today: int = 0
    lost_this_week: int = 0
    positions: Mapping[str, int] = field(default_factory=dict)
    at_risk: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about one candidate; ``sizing`` is None where it was never sized."""

    candidate: Candidate
    verdict: Verdict
    sizing: sizing.Sizing | None = None

    @property
    def target(self) -> TargetQuote | None:
        """Return the quote wanted, None when refused."""
        edge = self.candidate.chosen
        if isinstance(self.verdict, Refuse) or edge is None or self.sizing is None:
            return None
        return TargetQuote(
            ticker=edge.ticker,
            side=edge.side,
            price=edge.price,
            size=self.sizing.size,
            level=0,
            probability_ppm=round(edge.probability * _PPM),
            ev=edge.ev_cash,
        )


def choose(
    candidates: Sequence[Candidate],
    moment: gate.Moment,
    caps: Caps,
    quoting: Quoting,
    exposure: Exposure,
    drift: Allow = ALLOW,
    *,
    honesty: HonestyView | None = None,
    tilts: Tilts | None = None,
) -> tuple[Decision, ...]:
    """Decide about every candidate of one series; the answer keeps the order of the question.

    ``drift`` is the share of each size that the law's fit leaves, ``honesty`` what each bin's fills
    have earned of Kelly's stake, and ``tilts`` what the inventory asks of each quote.
    """
    lean = tilts or {}
    leaning = [shaded(found, tilt_of(lean, found)) for found in candidates]
    verdicts = [_gated(found, moment) for found in leaning]
    allowed = [i for i, verdict in enumerate(verdicts) if isinstance(verdict, Allow)]
    allowed.sort(key=lambda i: (not tilt_of(lean, leaning[i]).reduces, *_rank(leaning[i])))
    desk = _Desk(caps, quoting, exposure, drift, honesty)
    decided = {i: desk.decide(leaning[i]) for i in allowed}
    return tuple(
        _told(decided.get(i) or Decision(found, verdicts[i]), candidates[i])
        for i, found in enumerate(leaning)
    )


def quote_plan(
    window_id: str, revision: int, made_at: datetime, decisions: Iterable[Decision]
) -> QuotePlan:
    """Return the plan of every decision that quotes, ordered by ticker, side and level."""
    targets = [target for decision in decisions if (target := decision.target) is not None]
    targets.sort(key=lambda target: (target.ticker, target.side, target.level))
    return QuotePlan(window_id, revision, made_at, tuple(targets))


class _Desk:
    """The caps of one series while they are being used up."""

    def __init__(
        self,
        caps: Caps,
        quoting: Quoting,
        exposure: Exposure,
        drift: Allow,
        honesty: HonestyView | None,
    ) -> None:
        self._caps, self._quoting, self._exposure = caps, quoting, exposure
        self._drift, self._honesty = drift, honesty
        self._bins = {ticker for ticker, held in exposure.positions.items() if held}
        self._quoted: set[str] = set()
        self._risked = sum(exposure.at_risk.values())

    def decide(self, candidate: Candidate) -> Decision:
        edge, ticker = candidate.chosen, candidate.ticker
        assert edge is not None  # the edge gate let it through
        held = max(0, edge.side.sign * self._exposure.positions.get(ticker, 0))
        key, belief = self._belief(candidate)
        verdict = first_refusal(
            (
                belief.gate(key),
                gate.one_side(ticker in self._quoted),
                gate.bin_cap(len(self._bins - {ticker}), self._caps.max_bins),
                gate.position_limit(held, self._caps.max_size),
            )
        )
        if isinstance(verdict, Refuse):
            return Decision(candidate, verdict)
        budget = self._budget(ticker, held)
        whole = sizing.size_quote(edge, self._quoting.kelly_fraction, budget, belief)
        sized = sizing.shrunk(whole, self._drift.size_share)
        if sized.size == 0:
            return Decision(candidate, self._too_small(edge, sized, budget, belief), sized)
        self._bins.add(ticker)
        self._quoted.add(ticker)
        self._risked += edge.worst_loss * sized.size // SIZE_UNIT
        return Decision(candidate, verdict, sized)

    def _belief(self, candidate: Candidate) -> tuple[str, BinWeight]:
        """Return the candidate's bin and what it is believed."""
        view, probability, side = self._honesty, candidate.probability, candidate.side
        if view is None:
            return "", FULL
        return view.key(probability, side), view.of(probability, side)

    def _budget(self, ticker: str, held: int) -> sizing.Budget:
        caps, exposure = self._caps, self._exposure
        return sizing.Budget(
            bankroll=exposure.bankroll,
            max_size=caps.max_size - held,
            strike_left=caps.max_loss_per_strike - exposure.at_risk.get(ticker, 0),
            window_left=caps.max_loss_per_window - self._risked,
            day_left=caps.max_loss_per_day - exposure.lost_today - self._risked,
            week_left=caps.max_loss_per_week - exposure.lost_this_week - self._risked,
        )

    def _too_small(
        self, edge: Edge, sized: sizing.Sizing, budget: sizing.Budget, belief: BinWeight
    ) -> Verdict:
        caps = self._caps
        if sized.bound_by == sizing.HONESTY:
            return refuse(
                "size-honesty",
                f"what its bin is believed leaves less than one contract: {belief.reason}",
                weight=belief.weight,
                kelly=sized.kelly,
                n=belief.n,
            )
        if sized.bound_by == sizing.DRIFT:
            return refuse(
                "size-drift",
                f"{self._drift.size_share:.2f} of a size is less than one contract: "
                f"{self._drift.reason}",
                share=self._drift.size_share,
            )
        limits = {
            sizing.STRIKE: (budget.strike_left, caps.max_loss_per_strike),
            sizing.WINDOW: (budget.window_left, caps.max_loss_per_window),
            sizing.DAY: (budget.day_left, caps.max_loss_per_day),
            sizing.WEEK: (budget.week_left, caps.max_loss_per_week),
        }
        if sized.bound_by in limits:
            left, cap = limits[sized.bound_by]
            return gate.loss_cap(sized.bound_by, left, cap, edge.worst_loss)
        return refuse(
            f"size-{sized.bound_by}",
            f"{sized.bound_by} allows less than one contract (Kelly {sized.kelly:.4f} of "
            f"${cash_text(budget.bankroll)}, tempered by {self._quoting.kelly_fraction})",
            kelly=sized.kelly,
            bankroll=budget.bankroll,
        )


def _told(decision: Decision, asked: Candidate) -> Decision:
    """Return the decision with a word on its price where the inventory moved it back."""
    edge, first = decision.candidate.chosen, asked.chosen
    if decision.target is None or edge is None or first is None or edge.price == first.price:
        return decision
    reason = (
        f"rests at {price_text(edge.price)} instead of {price_text(first.price)}: a fill adds to "
        "the risk of what is held"
    )
    return replace(decision, verdict=Allow(1.0, reason, {"price_before": first.price}))


def _gated(candidate: Candidate, moment: gate.Moment) -> Verdict:
    return first_refusal(ask(candidate, moment) for ask in gate.CANDIDATE_GATES)


def _rank(candidate: Candidate) -> tuple[int, str, str]:
    assert candidate.chosen is not None  # the edge gate let it through
    return -candidate.chosen.ev_cash, candidate.ticker, candidate.side.value


def _text(doc: Mapping[str, Any], name: str) -> str:
    value = doc[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is {str(value)[:40]!r}, not a text")
    return value


def _whole(doc: Mapping[str, Any], name: str, least: int = 0, most: int = _MOST) -> int:
    value = doc[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} is {str(value)[:40]!r}, not a whole number")
    if not least <= value <= most:
        raise ValueError(f"{name} is {str(value)[:40]}, outside {least} to {most}")
    return value
