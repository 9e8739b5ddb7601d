"""Our probability and the market's, put together in log odds, with the evidence for the weights.

A blend is an optional part of the parameters and off unless a file holds one. Its weights are
found by ``kalshi-alpha score-market``; docs/math/market.md says how and how well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from kalshi_alpha.errors import ParameterError

FLOOR = 0.001  # a tenth of a cent: nothing trades nearer to 0 or 1, so no odds are longer


@dataclass(frozen=True, slots=True)
class MarketBlend:
    """log odds = intercept + market * log odds of the market + ours * log odds of ours.

    A logarithmic opinion pool (Genest and Zidek, Statistical Science 1, 1986) with a bias. Weights
    of 0 or more keep it monotone in both.

    Args:
        intercept: log odds, finite.
        market: weight of the market's mid, >= 0.
        ours: weight of our probability, >= 0.
        minutes_from: shortest time to the fixing it is for, >= 0.
        minutes_to: longest, above ``minutes_from``; the band holds it and not ``minutes_from``.

    Raises:
        ParameterError: outside these domains.
    """

    intercept: float
    market: float
    ours: float
    minutes_from: float
    minutes_to: float

    def __post_init__(self) -> None:
        weights = (self.market, self.ours)
        if not (math.isfinite(self.intercept) and all(0 <= w < math.inf for w in weights)):
            raise ParameterError(
                f"a blend of {self.intercept}, {self.market} and {self.ours} has a number that is "
                "not finite, or a weight below 0"
            )
        if not 0 <= self.minutes_from < self.minutes_to < math.inf:
            raise ParameterError(
                f"a blend from {self.minutes_from} to {self.minutes_to} minutes covers no time"
            )

    def probability(self, ours: float, market_mid: float) -> float:
        """Return the probability of both.

        Args:
            ours: of the law, 0 to 1.
            market_mid: dollars, strictly between 0 and 1.

        Raises:
            ParameterError: when a number is outside its domain.
        """
        if not (0 <= ours <= 1 and 0 < market_mid < 1):
            raise ParameterError(
                f"a blend of our {ours} and the market's {market_mid} needs two probabilities, and "
                "the market's strictly between 0 and 1"
            )
        odds = self.intercept + self.market * _odds(market_mid) + self.ours * _odds(ours)
        if odds >= 0:
            return 1.0 / (1.0 + math.exp(-min(odds, 700.0)))
        return math.exp(max(odds, -700.0)) / (1.0 + math.exp(max(odds, -700.0)))


@dataclass(frozen=True, slots=True)
class BlendEvidence:
    """What the weights were found on, and how the blend did on days it had not seen.

    Attributes:
        trades_sha256: hash of the trades' file.
        days: event days.
        first: the first of them.
        last: the last of them.
        rows: trades scored.
        brier_ours: mean squared error of the law.
        brier_market: of the traded price.
        brier_sharp: of the traded price stretched by a fitted factor.
        brier_blend: of the blend, each day with the weights of the days before it.
    """

    trades_sha256: str
    days: int
    first: date
    last: date
    rows: int
    brier_ours: float
    brier_market: float
    brier_sharp: float
    brier_blend: float


@dataclass(frozen=True, slots=True)
class MarketBlends:
    """Blends by the time to the fixing, each with its evidence.

    Args:
        bands: ascending in time, not overlapping.
        evidence: what each of them rests on.

    Raises:
        ParameterError: when there are none, they overlap, or one lacks its evidence.
    """

    bands: tuple[MarketBlend, ...]
    evidence: tuple[BlendEvidence, ...]

    def __post_init__(self) -> None:
        ends = [end for band in self.bands for end in (band.minutes_from, band.minutes_to)]
        if not ends or ends != sorted(ends):
            raise ParameterError(f"the blends' bands {ends} are none, overlap or do not rise")
        if len(self.bands) != len(self.evidence):
            raise ParameterError(
                f"{len(self.bands)} blends come with {len(self.evidence)} pieces of evidence: each "
                "needs its own"
            )

    def at(self, minutes: float) -> MarketBlend | None:
        """Return the blend for that time to the fixing; None where there is none."""
        inside = (band for band in self.bands if band.minutes_from < minutes <= band.minutes_to)
        return next(inside, None)


def blends_to_json(blends: MarketBlends) -> dict[str, Any]:
    """Return plain JSON values: a list ``bands``, each with its ``evidence``."""
    bands = []
    for band, proof in zip(blends.bands, blends.evidence, strict=True):
        said = asdict(proof) | {"first": proof.first.isoformat(), "last": proof.last.isoformat()}
        bands.append(asdict(band) | {"evidence": said})
    return {"bands": bands}


def blends_from_json(entry: Mapping[str, Any]) -> MarketBlends:
    """Return what ``blends_to_json`` wrote; fields it does not know are not looked at.

    Raises:
        ParameterError: when a field is missing, garbled or outside its domain.
    """
    try:
        bands = tuple(
            MarketBlend(**{name: float(band[name]) for name in MarketBlend.__slots__})
            for band in entry["bands"]
        )
        evidence = tuple(_evidence(band["evidence"]) for band in entry["bands"])
    except (KeyError, TypeError, ValueError) as error:
        raise ParameterError(f"the market blend lacks or garbles a field: {error!r}") from None
    return MarketBlends(bands, evidence)


def _evidence(entry: Mapping[str, Any]) -> BlendEvidence:
    briers = ("brier_ours", "brier_market", "brier_sharp", "brier_blend")
    return BlendEvidence(
        trades_sha256=str(entry["trades_sha256"]),
        days=int(entry["days"]),
        first=date.fromisoformat(entry["first"]),
        last=date.fromisoformat(entry["last"]),
        rows=int(entry["rows"]),
        **{name: float(entry[name]) for name in briers},
    )


def _odds(probability: float) -> float:
    inside = min(max(probability, FLOOR), 1.0 - FLOOR)
    return math.log(inside) - math.log1p(-inside)
