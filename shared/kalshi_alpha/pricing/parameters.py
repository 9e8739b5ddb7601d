"""Fitted parameters as a file that proves itself: schema, checksum, provenance and dates.

The file is one JSON object: ``schema``, ``checksum``, ``provenance``, ``as_of``, ``valid_until``
and ``body``, the parameters by symbol. The checksum is over everything else, so that neither a
number nor a date can be changed by hand unnoticed.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources
from typing import Any

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.markets.events import load_events
from kalshi_alpha.pricing.blend import MarketBlends, blends_from_json, blends_to_json
from kalshi_alpha.pricing.table import StandardTable
from kalshi_alpha.pricing.variance import HALF_HOURS, RegimeMix, VarianceCurve

SCHEMA = "kalshi-alpha/index-parameters/2"
KINDS = ("hourly", "close")
LIFETIME = timedelta(days=14)
_ROW = 10  # numbers a line in the file


@dataclass(frozen=True, slots=True)
class Drift:
    """A bounded share of the last ten minutes' move.

    Args:
        momentum: what part of the move is expected to go on; 0 turns the drift off.
        max_sd: most the drift may be, in scales, >= 0.
    """

    momentum: float
    max_sd: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.momentum) and 0 <= self.max_sd < math.inf):
            raise ParameterError(f"the drift {self.momentum}, {self.max_sd} is out of its domain")

    def expected(self, move: float, scale: float) -> float:
        """Return the expected log move, at most ``max_sd`` times ``scale`` either way."""
        bound = self.max_sd * scale
        return min(max(self.momentum * move, -bound), bound) if self.momentum else 0.0


@dataclass(frozen=True, slots=True)
class Shape:
    """The law of the standardised move over horizons of a kind.

    Args:
        up_to: longest horizon it is for, minutes, > 0.
        stretch: what the forecast's root is multiplied with, > 0.
        table: the law, of variance 1 where it was fitted.
    """

    up_to: float
    stretch: float
    table: StandardTable

    def __post_init__(self) -> None:
        if not (0 < self.up_to < math.inf and 0 < self.stretch < math.inf):
            raise ParameterError(
                f"a shape up to {self.up_to} minutes, stretched by {self.stretch}, is out of domain"
            )


@dataclass(frozen=True, slots=True)
class IndexParameters:
    """All that is fitted for one index and one kind of fixing.

    Args:
        level: variance of a typical regular session as the fitted bars measure it, squared log
            units, > 0.
        minute_ratio: what one-minute bars measure of a session over what the fitted bars do, > 0.
        curve: the variance's course over the day, adding to 1.
        events: on days of an event, by its name: factors of the thirteen half hours, > 0.
        mix: how the regime is read.
        shapes: laws of the standardised move, by ascending horizon.
        basis: standard deviation, in points, between the venue's print and our feed at the fixing.
        drift: expected move.
        blend: how the market's own price is weighed in, or None: ours alone.
    """

    level: float
    minute_ratio: float
    curve: VarianceCurve
    events: Mapping[str, tuple[float, ...]]
    mix: RegimeMix
    shapes: tuple[Shape, ...]
    basis: float
    drift: Drift
    blend: MarketBlends | None = None

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ParameterError(f"the level {self.level} is no session variance")
        if not 0.1 < self.minute_ratio < 10:
            raise ParameterError(f"the minute ratio {self.minute_ratio} is not near 1")
        if not 0 <= self.basis < math.inf:
            raise ParameterError(f"the basis {self.basis} must be 0 or more points")
        self.curve.require_whole()
        ends = [shape.up_to for shape in self.shapes]
        if not ends or sorted(set(ends)) != ends:
            raise ParameterError(f"the shapes' horizons {ends} do not rise")
        for name, factors in self.events.items():
            if len(factors) != HALF_HOURS or not all(0 < x < math.inf for x in factors):
                raise ParameterError(f"{name} days need {HALF_HOURS} factors above 0")

    def curve_on(self, day: date) -> VarianceCurve:
        """Return the course of variance over ``day``, which may be an event's."""
        curve = self.curve
        for name, events in load_events().items():
            if name in self.events and day in events:
                curve = curve.stirred(self.events[name])
        return curve

    def shape(self, minutes: float) -> Shape:
        """Return the shape for a horizon; beyond the longest, the longest's."""
        return next((one for one in self.shapes if minutes <= one.up_to), self.shapes[-1])


@dataclass(frozen=True, slots=True)
class SymbolParameters:
    """One index's parameters: a part for the hourly fixings and one for the session's close.

    Args:
        symbol: the registry's name.
        as_of: last day of the data they were fitted on.
        valid_until: last day they may be used.
        hourly: for every fixing before the close, or None.
        close: for the one at the close, or None.
    """

    symbol: str
    as_of: date
    valid_until: date
    hourly: IndexParameters | None
    close: IndexParameters | None

    def __post_init__(self) -> None:
        if self.hourly is None and self.close is None:
            raise ParameterError(f"there is no part at all for {self.symbol}")

    def part(self, *, at_close: bool) -> IndexParameters:
        """Return the part a fixing is priced with.

        Raises:
            ParameterError: when the file lacks it.
        """
        kind = "close" if at_close else "hourly"
        found: IndexParameters | None = getattr(self, kind)
        if found is None:
            raise ParameterError(
                f"the parameters hold no {kind} part for {self.symbol}: "
                f"run kalshi-alpha calibrate {kind} --symbol {self.symbol}"
            )
        return found


def shipped_parameters(on: date | None = None) -> bytes:
    """Return a parameter file that comes with the package: the newest that knew only days before.

    Without a day, or with one before them all, it is the newest of all, and ``load_parameters``
    then refuses what it must.
    """
    folder = resources.files(__package__).joinpath("parameters")
    files = sorted(file.name for file in folder.iterdir() if file.name.endswith(".json"))
    known = [name for name in files if on is not None and name < f"index-{on}.json"]
    return folder.joinpath((known or files)[-1]).read_bytes()


def parameters_checksum(data: bytes) -> str:
    """Return the checksum that a parameter file carries, for the provenance of what it priced."""
    return str(_document(data).get("checksum", ""))


def load_parameters(
    data: bytes, on: date, *, expired_too: bool = False
) -> Mapping[str, SymbolParameters]:
    """Return the parameters by symbol for use on the day ``on``.

    Args:
        data: the file.
        on: the day they are to price.
        expired_too: also past their last day, which only a score of history may ask for.

    Raises:
        ParameterError: when the file is not JSON, of another schema, does not match its checksum,
            was made after ``on``, has run out by then, or holds a number outside its domain.
    """
    document = _document(data)
    if document.get("schema") != SCHEMA:
        raise ParameterError(
            f"the parameters are of schema {str(document.get('schema'))[:60]!r}, not {SCHEMA}: "
            "fit them again"
        )
    if document.get("checksum") != _checksum(document):
        raise ParameterError("the parameters do not match their checksum: fetch or fit them again")
    try:
        as_of = date.fromisoformat(document["as_of"])
        valid_until = date.fromisoformat(document["valid_until"])
        found = {
            symbol: SymbolParameters(
                symbol,
                as_of,
                valid_until,
                **{kind: _part_from_json(entry.get(kind)) for kind in KINDS},
            )
            for symbol, entry in document["body"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        said = repr(error)[:200]
        raise ParameterError(f"the parameters lack or garble a field: {said}") from None
    if on < as_of:
        raise ParameterError(f"the parameters know data to {as_of}: on {on} that is looking ahead")
    if not expired_too and on > min(valid_until, as_of + LIFETIME):
        raise ParameterError(f"the parameters were good until {valid_until}, not on {on}: refit")
    return found


def provenance_of(data: bytes) -> dict[str, Any]:
    """Return what a parameter file says of how it was made; empty when it says nothing."""
    found = _document(data).get("provenance", {})
    return found if isinstance(found, dict) else {}


def dump_parameters(
    parameters: Mapping[str, SymbolParameters], provenance: Mapping[str, Any]
) -> bytes:
    """Return the file for parameters that share their dates, with its checksum.

    Raises:
        ParameterError: when there are none, or their dates differ.
    """
    dates = {(one.as_of, one.valid_until) for one in parameters.values()}
    if len(dates) != 1:
        raise ParameterError(f"one file holds parameters of one date, not of {len(dates)}")
    ((as_of, valid_until),) = dates
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "checksum": "",
        "provenance": dict(provenance),
        "as_of": as_of.isoformat(),
        "valid_until": valid_until.isoformat(),
        "body": {symbol: _symbol_to_json(one) for symbol, one in sorted(parameters.items())},
    }
    document["checksum"] = _checksum(document)
    text = json.dumps(document, indent=1, allow_nan=False)
    return (re.sub(r"\[([^][{}\"]*)\]", _wrapped, text) + "\n").encode()


def _document(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise ParameterError("the parameters are not JSON: fetch or fit them again") from None
    if not isinstance(document, dict):
        raise ParameterError("the parameters are not a JSON object: fetch or fit them again")
    return document


def _checksum(document: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in document.items() if key != "checksum"}
    return hashlib.sha256(
        json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()


def _wrapped(match: re.Match[str]) -> str:
    """Lay a list of numbers out in rows, so that a changed number is a changed line."""
    numbers = [word.strip() for word in match[1].split(",")]
    rows = [", ".join(numbers[k : k + _ROW]) for k in range(0, len(numbers), _ROW)]
    return "[\n    " + ",\n    ".join(rows) + "]"


def _symbol_to_json(one: SymbolParameters) -> dict[str, Any]:
    parts = {kind: getattr(one, kind) for kind in KINDS}
    return {kind: _part_to_json(part) for kind, part in parts.items() if part is not None}


def _part_to_json(part: IndexParameters) -> dict[str, Any]:
    blend = {} if part.blend is None else {"blend": blends_to_json(part.blend)}
    return {
        "level": part.level,
        "minute_ratio": part.minute_ratio,
        "curve": list(part.curve.shares),
        "events": {name: list(factors) for name, factors in sorted(part.events.items())},
        "mix": {name: getattr(part.mix, name) for name in RegimeMix.__slots__},
        "shapes": [
            {
                "up_to": shape.up_to,
                "stretch": shape.stretch,
                "knots": list(shape.table.knots),
                "log_odds": list(shape.table.log_odds),
            }
            for shape in part.shapes
        ],
        "basis": part.basis,
        "drift": {"momentum": part.drift.momentum, "max_sd": part.drift.max_sd},
        **blend,
    }


def _part_from_json(entry: Mapping[str, Any] | None) -> IndexParameters | None:
    if entry is None:
        return None
    return IndexParameters(
        level=float(entry["level"]),
        minute_ratio=float(entry["minute_ratio"]),
        curve=VarianceCurve(tuple(map(float, entry["curve"]))),
        events={name: tuple(map(float, each)) for name, each in entry["events"].items()},
        mix=RegimeMix(**_floats(entry["mix"])),
        shapes=tuple(
            Shape(
                float(each["up_to"]),
                float(each["stretch"]),
                StandardTable(
                    tuple(map(float, each["knots"])), tuple(map(float, each["log_odds"]))
                ),
            )
            for each in entry["shapes"]
        ),
        basis=float(entry["basis"]),
        drift=Drift(**_floats(entry["drift"])),
        blend=blends_from_json(entry["blend"]) if "blend" in entry else None,
    )


def _floats(fields: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in fields.items()}
