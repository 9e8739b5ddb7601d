"""How much of a claimed edge is believed, bin by bin: an artifact, read.

A bin is a kind of quote: where the contract lies (by the probability of YES), how long there is to
the fixing, which side, and of which family and kind of ladder. For each the artifact holds a weight
for Kelly's stake, a cap on the size, and why. It is written by ``kalshi-alpha honesty fit``; the
formulas are in docs/math/honesty.md. A reader refuses what it cannot prove: another schema or
checksum, an artifact of another configuration, or one that is out of date.
"""

from __future__ import annotations

import hashlib
import json
import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Any

from kalshi_alpha.errors import InvariantBroken, ParameterError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import SIZE_UNIT
from kalshi_alpha.trading.gates import ALLOW, Verdict, refuse

SCHEMA = "kalshi-alpha/honesty/1"
PROBABILITIES = (0.15, 0.40, 0.60, 0.85)  # where the buckets of the probability of YES part
MINUTES = (1.0, 2.0, 4.0)  # where those of the time to the fixing part

_PLACES = ("p00-15", "p15-40", "p40-60", "p60-85", "p85-100")
_TIMES = ("m0-1", "m1-2", "m2-4", "m4+")


@dataclass(frozen=True, slots=True)
class BinWeight:
    """What is left of a quote in one bin.

    Attributes:
        weight: factor of Kelly's stake, 0 to 1; at 0 the bin is not quoted.
        cap: most contracts a quote may have, in 1/100, None without one.
        reason: a sentence; empty where nothing is taken away.
        n: fills it rests on.
        claimed: mean dollars a contract that were expected, None without fills.
        realised: shrunk estimate of what they earn, dollars a contract.
        low: end of its 95 % interval.
        high: the other end.

    Raises:
        ParameterError: for a weight outside 0 to 1, or a cap below 0.
    """

    weight: float
    cap: int | None = None
    reason: str = ""
    n: int = 0
    claimed: float | None = None
    realised: float | None = None
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        numbers = (self.claimed, self.realised, self.low, self.high)
        if not all(number is None or math.isfinite(number) for number in numbers):
            raise ParameterError("a bin of the honesty artifact holds a number that is not finite")
        if not 0.0 <= self.weight <= 1.0:
            raise ParameterError(f"a bin's weight is {self.weight}, outside 0 to 1")
        if self.n < 0 or (self.cap is not None and self.cap < 0):
            raise ParameterError(f"a bin rests on {self.n} fills under a cap of {self.cap}")

    def gate(self, key: str) -> Verdict:
        """Refuse a bin that is switched off, with the reason."""
        if self.weight > 0.0 and self.cap != 0:
            return ALLOW
        return refuse(
            "honesty", f"the bin {key} is off: {self.reason}", weight=self.weight, n=self.n
        )


FULL = BinWeight(1.0)


@dataclass(frozen=True, slots=True)
class Honesty:
    """Every bin's weight, and of what it was made.

    Attributes:
        provenance: what it rests on.
        config_hash: of the registry it was made under.
        as_of: last day of the fills.
        valid_until: last day it may be used.
        bins: by key.
        others: of a bin that has no row.
        checksum: of the file it was read from, empty for one that was not read.
    """

    provenance: Mapping[str, Any]
    config_hash: str
    as_of: date
    valid_until: date
    bins: Mapping[str, BinWeight]
    others: BinWeight = FULL
    checksum: str = ""

    def of(self, key: str) -> BinWeight:
        """Return what is left in the bin of that key."""
        return self.bins.get(key, self.others)


UNJUDGED = Honesty({}, "", date.min, date.max, MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class HonestyView:
    """The artifact as one scan of one series reads it."""

    honesty: Honesty
    family: str
    kind: str
    seconds_to_fixing: float

    def key(self, probability: float, side: Side) -> str:
        """Return the bin's key of a candidate."""
        return bin_key(self.family, self.kind, probability, self.seconds_to_fixing, side)

    def of(self, probability: float, side: Side) -> BinWeight:
        """Return what is left of a candidate's quote."""
        return self.honesty.of(self.key(probability, side))


def bin_key(
    family: str, kind: str, probability: float, seconds_to_fixing: float, side: Side
) -> str:
    """Return the bin of a quote, as ``index|above|p40-60|m2-4|bid``.

    Args:
        family: of the registry.
        kind: of the series' ladder: ``above`` or ``range``.
        probability: of YES, 0 to 1: the one the quote is made on.
        seconds_to_fixing: when the decision is made; below 0 counts as 0.
        side: about YES.

    Raises:
        InvariantBroken: when the probability is not one.
    """
    if not 0.0 <= probability <= 1.0:
        raise InvariantBroken(f"the probability {probability} is not within 0 to 1: no bin has it")
    place = _PLACES[bisect_right(PROBABILITIES, probability)]
    time = _TIMES[bisect_right(MINUTES, seconds_to_fixing / 60.0)]
    return f"{family}|{kind}|{place}|{time}|{side.value}"


def honesty_to_json(honesty: Honesty) -> dict[str, Any]:
    """Return plain JSON values with their checksum."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "provenance": dict(honesty.provenance),
        "config_hash": honesty.config_hash,
        "as_of": honesty.as_of.isoformat(),
        "valid_until": honesty.valid_until.isoformat(),
        "bins": {key: asdict(honesty.bins[key]) for key in sorted(honesty.bins)},
        "others": asdict(honesty.others),
    }
    return document | {"checksum": _checksum(document)}


def dump_honesty(honesty: Honesty) -> bytes:
    """Return the artifact's bytes."""
    return (json.dumps(honesty_to_json(honesty), indent=1, allow_nan=False) + "\n").encode()


def honesty_from_json(data: bytes, *, config_hash: str, today: date) -> Honesty:
    """Return the artifact, proven.

    Args:
        data: the file.
        config_hash: of the registry now.
        today: New York day it is to be used on.

    Raises:
        ParameterError: when it is not JSON, of another schema, does not match its checksum, was
            made under another configuration, knows days after ``today``, has run out, or holds a
            number outside its domain.
    """
    document = _document(data)
    if document.get("schema") != SCHEMA:
        raise ParameterError(
            f"the honesty artifact is of schema {str(document.get('schema'))[:60]!r}, not {SCHEMA}"
        )
    if document.get("checksum") != _checksum(document):
        raise ParameterError("the honesty artifact does not match its checksum: fit it again")
    try:
        found = Honesty(
            provenance=dict(document["provenance"]),
            config_hash=str(document["config_hash"]),
            as_of=date.fromisoformat(document["as_of"]),
            valid_until=date.fromisoformat(document["valid_until"]),
            bins={str(key): _bin(row) for key, row in document["bins"].items()},
            others=_bin(document["others"]),
            checksum=str(document["checksum"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        said = repr(error)[:200]
        raise ParameterError(f"the honesty artifact lacks or garbles a field: {said}") from None
    _require_current(found, config_hash, today)
    return found


def honesty_for(data: bytes | None, *, config_hash: str, today: date, real_orders: bool) -> Honesty:
    """Return what a scan goes by.

    Real orders need an artifact that is proven. Without real orders a missing one takes nothing
    away, and one that is refused leaves a contract a quote: fills are how the next one is made.

    Args:
        data: the artifact, None where there is none.
        config_hash: of the registry now.
        today: New York day.
        real_orders: whether the strategy stands where it may trade live.

    Raises:
        ParameterError: with real orders, when there is no artifact or it is refused.
    """
    if data is None:
        if real_orders:
            raise ParameterError("real orders need a honesty artifact: kalshi-alpha honesty fit")
        return UNJUDGED
    try:
        return honesty_from_json(data, config_hash=config_hash, today=today)
    except ParameterError as error:
        if real_orders:
            raise
        held = BinWeight(1.0, SIZE_UNIT, f"held to one contract: {error}")
        return replace(UNJUDGED, others=held)


def _require_current(found: Honesty, config_hash: str, today: date) -> None:
    if found.config_hash != config_hash:
        raise ParameterError(
            f"the honesty artifact was made under the configuration {found.config_hash[:12]}, and "
            f"this is {config_hash[:12]}: fit it again"
        )
    if today < found.as_of:
        raise ParameterError(
            f"the honesty artifact knows fills to {found.as_of}: on {today} that is looking ahead"
        )
    if today > found.valid_until:
        raise ParameterError(
            f"the honesty artifact was good until {found.valid_until}, not on {today}: fit it again"
        )


def _bin(row: Mapping[str, Any]) -> BinWeight:
    cap = row["cap"]
    return BinWeight(
        weight=float(row["weight"]),
        cap=None if cap is None else int(cap),
        reason=str(row["reason"]),
        n=int(row["n"]),
        **{name: _number(row[name]) for name in ("claimed", "realised", "low", "high")},
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _document(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise ParameterError("the honesty artifact is not JSON: fit it again") from None
    if not isinstance(document, dict):
        raise ParameterError("the honesty artifact is not a JSON object: fit it again")
    return document


def _checksum(document: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in document.items() if key != "checksum"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
