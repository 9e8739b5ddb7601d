"""How likely a resting quote is to fill soon, and what the fill then costs: a fitted model, read.

In each step of a few seconds a quote fills with a chance whose log odds are linear in where it
rests and when (a discrete hazard; Allison, "Discrete-Time Methods for the Analysis of Event
Histories", 1982). Who fills us may know better: the loss is how much of the edge is gone half a
minute later, linear in the same place and time, never below zero. It is fitted by ``kalshi-alpha
fills fit``, which says on what evidence; docs/math/fills.md has the formulas. It is off unless a
model is given.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import CENT, PRICE_UNIT, SIZE_UNIT

SCHEMA = "kalshi-alpha/fills/2"
FEATURES = (
    "one", "offset", "offset_squared", "log_minutes", "evenness", "spread", "queue", "imbalance",
    "rested",
)  # fmt: skip
_MINUTES, _RESTED = FEATURES.index("log_minutes"), FEATURES.index("rested")
LOSS_FEATURES = ("one", "offset", "log_minutes")
LEAST_OFFSET, MOST_OFFSET = -2.0, 15.0  # cents; beyond lies no data
LONGEST_SPREAD = 10.0  # cents; also what stands for a side that nobody is known to quote
LONGEST_QUEUE = 10_000.0  # contracts; also what stands for a queue that is not known
PATIENCE_S = 5.0
SOONEST_S, FURTHEST_S = 5.0, 1800.0
LEAST_CHANCE = 0.02  # nothing nearer to certainty is quoted
EVIDENCE = ("trade_through", "queue_cleared")
NOTHING = "nothing"  # what a weight rests on that no recording could tell: it is 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when a quote rests.

    Attributes:
        offset: cents by which its price is short of the probability, by side; above 0 it earns.
        seconds_to_fixing: > 0.
        probability: of YES.
        spread: cents between the others' best bid and ask, None when one is not known.
        ahead: contracts that fill before it, None when they are not known.
        imbalance: what is shown at the best of its own side less that of the other, over both, in
            [-1, 1]; None when one is not known.
    """

    offset: float
    seconds_to_fixing: float
    probability: float
    spread: float | None = None
    ahead: float | None = None
    imbalance: float | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What becomes of a quote: chance of a fill in [0, 1], and dollars >= 0 it costs on average."""

    fill_probability: float
    markout_loss: float


@dataclass(frozen=True, slots=True)
class FillModel:
    """A fitted hazard and loss.

    Args:
        evidence: ``trade_through`` or ``queue_cleared``: what counted as a fill.
        step_s: seconds a step, > 0.
        hazard: log odds a step, by ``FEATURES``.
        loss: dollars, by ``LOSS_FEATURES``.
        untold: features of which the recording said nothing; their weights are 0.

    Raises:
        ParameterError: when a number is missing or not finite.
    """

    evidence: str
    step_s: float
    hazard: tuple[float, ...]
    loss: tuple[float, ...]
    untold: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        sizes = (len(self.hazard), len(self.loss))
        numbers = (self.step_s, *self.hazard, *self.loss)
        if sizes != (len(FEATURES), len(LOSS_FEATURES)) or not all(map(math.isfinite, numbers)):
            raise ParameterError(
                f"a fill model has {sizes} weights, or one that is not finite; it needs "
                f"{len(FEATURES)} and {len(LOSS_FEATURES)}"
            )
        if self.step_s <= 0 or self.evidence not in EVIDENCE:
            raise ParameterError(
                f"a fill model on {self.evidence!r} in steps of {self.step_s} s is not one"
            )
        weights = dict(zip(FEATURES, self.hazard, strict=True))
        if guessed := [name for name in self.untold if weights.get(name) != 0.0]:
            raise ParameterError(
                f"the weights of {', '.join(guessed)} rest on nothing and are not 0"
            )

    @property
    def rests_on(self) -> dict[str, str]:
        """Return what each weight of the hazard was fitted on: an evidence, or nothing."""
        return {name: NOTHING if name in self.untold else self.evidence for name in FEATURES}

    def probability(self, place: Place, horizon_s: float) -> float:
        """Return the chance of a fill within ``horizon_s``, were price and market to stay.

        It ends at the fixing; a step that is not whole counts in part.
        """
        left, survival = min(horizon_s, place.seconds_to_fixing), 1.0
        seconds, rested = place.seconds_to_fixing, 0.0
        # Of a quote that stays, nothing changes from step to step but the two times.
        features = features_of(place, seconds)
        still = math.fsum(
            w * x
            for k, (w, x) in enumerate(zip(self.hazard, features, strict=True))
            if k not in (_MINUTES, _RESTED)
        )
        while left > 0.0:
            share = min(1.0, left / self.step_s)
            odds = still + self.hazard[_MINUTES] * _log_minutes(seconds)
            odds += self.hazard[_RESTED] * _log_rested(rested)
            survival *= (1.0 - _logistic(odds)) ** share
            left -= self.step_s
            seconds -= self.step_s
            rested += self.step_s
        return 1.0 - survival

    def expected_loss(self, place: Place) -> float:
        """Return the dollars of edge that a fill there loses on average, >= 0."""
        features = features_of(place, place.seconds_to_fixing)
        return max(0.0, _dot(self.loss, (features[0], features[1], features[3])))

    def outlook(self, place: Place, horizon_s: float) -> Outlook:
        """Return both."""
        return Outlook(self.probability(place, horizon_s), self.expected_loss(place))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "schema": SCHEMA,
            "evidence": self.evidence,
            "step_s": self.step_s,
            "hazard": dict(zip(FEATURES, self.hazard, strict=True)),
            "rests_on": self.rests_on,
            "loss": dict(zip(LOSS_FEATURES, self.loss, strict=True)),
        }


@dataclass(frozen=True, slots=True)
class FillView:
    """A model as one scan reads it: how long quotes will rest, and how long there is."""

    model: FillModel
    horizon_s: float
    seconds_to_fixing: float

    def of(self, side: Side, price: int, probability: float, top: Top) -> Outlook:
        """Return the outlook of one price (1/10000 dollar) beside the others' best."""
        offset = side.sign * (probability * PRICE_UNIT - price) / CENT
        spread = None if top.bid is None or top.ask is None else (top.ask - top.bid) / CENT
        place = Place(
            offset,
            self.seconds_to_fixing,
            probability,
            spread,
            ahead_of(side, price, top),
            imbalance_of(side, top),
        )
        return self.model.outlook(place, self.horizon_s)


def ahead_of(side: Side, price: int, top: Top) -> float | None:
    """Return the contracts shown at the best price of ``side`` that fill before an order there.

    Nothing stands before a price better than the best; behind the best it is a least figure.
    """
    best, size = (top.bid, top.bid_size) if side is Side.BID else (top.ask, top.ask_size)
    if best is None:
        return 0.0 if top.bid is not None or top.ask is not None else None
    return 0.0 if (price - best) * side.sign > 0 else size / SIZE_UNIT


def imbalance_of(side: Side, top: Top) -> float | None:
    """Return how much more is shown on ``side`` than across, in [-1, 1]; None with one side."""
    both = top.bid_size + top.ask_size
    if top.bid is None or top.ask is None or both <= 0:
        return None
    return side.sign * (top.bid_size - top.ask_size) / both


def features_of(place: Place, seconds: float, rested_s: float = 0.0) -> tuple[float, ...]:
    """Return the numbers the weights are for, with so many seconds left; all of order one.

    What has not filled in ``rested_s`` seconds is the kind of quote that fills less readily.
    """
    offset = min(max(place.offset, LEAST_OFFSET), MOST_OFFSET) / 10.0
    spread = LONGEST_SPREAD if place.spread is None else place.spread
    inside = min(max(place.probability, LEAST_CHANCE), 1.0 - LEAST_CHANCE)
    ahead = LONGEST_QUEUE if place.ahead is None else place.ahead
    return (
        1.0,
        offset,
        offset * offset,
        _log_minutes(seconds),
        math.log(4.0 * inside * (1.0 - inside)),
        min(max(spread, 0.0), LONGEST_SPREAD) / 10.0,
        math.log1p(min(max(ahead, 0.0), LONGEST_QUEUE)) / 5.0,
        min(max(place.imbalance or 0.0, -1.0), 1.0),
        _log_rested(rested_s),
    )


def fill_model_from_json(doc: Mapping[str, Any]) -> FillModel:
    """Return what ``to_json`` wrote; other fields are not looked at.

    Raises:
        ParameterError: for another schema, or a field that is missing or garbled.
    """
    if doc.get("schema") != SCHEMA:
        raise ParameterError(f"a fill model of {doc.get('schema')!r} is not one of {SCHEMA}")
    try:
        return FillModel(
            evidence=str(doc["evidence"]),
            step_s=float(doc["step_s"]),
            hazard=tuple(float(doc["hazard"][name]) for name in FEATURES),
            loss=tuple(float(doc["loss"][name]) for name in LOSS_FEATURES),
            untold=tuple(name for name in FEATURES if doc["rests_on"][name] == NOTHING),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ParameterError(f"the fill model lacks or garbles a field: {error!r}") from None


def _log_minutes(seconds: float) -> float:
    return math.log(min(max(seconds, SOONEST_S), FURTHEST_S) / 60.0)


def _log_rested(seconds: float) -> float:
    return math.log1p(seconds / PATIENCE_S)


def _dot(weights: tuple[float, ...], numbers: tuple[float, ...]) -> float:
    return math.fsum(w * x for w, x in zip(weights, numbers, strict=True))


def _logistic(odds: float) -> float:
    if odds >= 0:
        return 1.0 / (1.0 + math.exp(-min(odds, 700.0)))
    return math.exp(max(odds, -700.0)) / (1.0 + math.exp(max(odds, -700.0)))
