"""Why a market was quoted, or was not: one record for every candidate of every scan."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from enum import Enum
from typing import Any

from kalshi_alpha.clock import iso
from kalshi_alpha.trading.gates import Evidence, Refuse
from kalshi_alpha.trading.plan import Decision

QUOTE, REFUSE = "quote", "refuse"


@dataclass(frozen=True, slots=True)
class WhyRecord:
    """One decision with what it was made from.

    Prices are in 1/10000 dollar, sizes in 1/100 contract, None where there was none. ``ev`` is in
    dollars a contract at ``price``: the price chosen, else the best that could rest. ``best_ev`` is
    the most that any price looked at would earn resting; ``options`` has them all. ``bid`` and
    ``ask`` are the best of everybody else. ``inputs_hash`` names the inputs of the whole scan.
    ``side`` is empty for a market that was refused before it had sides.
    """

    window_id: str
    revision: int
    at: datetime
    series: str
    ticker: str
    side: str
    decision: str
    inputs_hash: str
    probability: float | None = None
    price: int | None = None
    size: int | None = None
    ev: float | None = None
    best_ev: float | None = None
    bid: int | None = None
    ask: int | None = None
    code: str = ""
    reason: str = ""
    evidence: Evidence = field(default_factory=dict)
    options: tuple[Mapping[str, float | bool], ...] = ()

    def to_line(self) -> str:
        """Return the record as one line of JSON, without the line's end."""
        return canonical_json({item.name: getattr(self, item.name) for item in fields(self)})


def why(
    decision: Decision, *, window_id: str, revision: int, at: datetime, inputs_hash: str
) -> WhyRecord:
    """Return the record of one decision."""
    candidate, verdict = decision.candidate, decision.verdict
    best = candidate.best
    edge = candidate.chosen or best
    refused = isinstance(verdict, Refuse)
    sized = decision.sizing
    return WhyRecord(
        window_id=window_id,
        revision=revision,
        at=at,
        series=candidate.contract.series,
        ticker=candidate.ticker,
        side=candidate.side.value,
        decision=REFUSE if refused else QUOTE,
        inputs_hash=inputs_hash,
        probability=candidate.probability,
        price=edge.price if edge else None,
        size=sized.size if sized else None,
        ev=edge.ev if edge else None,
        best_ev=best.ev if best else None,
        bid=candidate.top.bid,
        ask=candidate.top.ask,
        code=verdict.code if isinstance(verdict, Refuse) else "",
        reason=verdict.reason,
        evidence=verdict.evidence,
        options=tuple(
            {"price": o.edge.price, "ev": o.edge.ev, "crosses": o.crosses}
            for o in candidate.options
        ),
    )


def why_unlisted(
    refusal: Refuse,
    *,
    window_id: str,
    revision: int,
    at: datetime,
    series: str,
    ticker: str,
    inputs_hash: str,
) -> WhyRecord:
    """Return the record of a market, or a whole series, that never became a candidate."""
    return WhyRecord(
        window_id=window_id,
        revision=revision,
        at=at,
        series=series,
        ticker=ticker,
        side="",
        decision=REFUSE,
        inputs_hash=inputs_hash,
        code=refusal.code,
        reason=refusal.reason,
        evidence=refusal.evidence,
    )


def inputs_hash(inputs: Mapping[str, Any]) -> str:
    """Return the SHA-256 of ``inputs`` in one canonical form.

    Mappings are ordered by key and times written in UTC, so equal inputs hash equally wherever
    they were made. Raise ``TypeError`` for a type without a canonical form, ``ValueError`` for a
    float that is not finite or a time without a zone.
    """
    return hashlib.sha256(canonical_json(inputs).encode()).hexdigest()


def canonical_json(value: Any) -> str:
    """Return ``value`` as JSON in one canonical form; raises as ``inputs_hash`` does."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_canonical
    )


def _canonical(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} has no canonical form to be hashed")
