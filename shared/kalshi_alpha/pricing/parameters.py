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
from kalshi_alpha.pricing.table import StandardTable
from kalshi_alpha.pricing.variance import RegimeMix, VarianceCurve

SCHEMA = "kalshi-alpha/index-parameters/1"
LIFETIME = timedelta(days=14)
_ROW = 10  # numbers a line in the file


@dataclass(frozen=True, slots=True)
class Basis:
    """Standard deviation, in points, between the venue's print and our feed at the same instant.

    Args:
        close: at the session's close, >= 0.
        other: at the other fixings, >= 0.
    """

    close: float
    other: float

    def __post_init__(self) -> None:
        if not (0 <= self.close < math.inf and 0 <= self.other < math.inf):
            raise ParameterError(f"the basis {self.close}, {self.other} must be 0 or more points")

    def points(self, *, at_close: bool) -> float:
        """Return the standard deviation that holds for a fixing."""
        return self.close if at_close else self.other


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
class IndexParameters:
    """All that is fitted for one index.

    Args:
        symbol: the registry's name.
        as_of: last day of the data they were fitted on.
        valid_until: last day they may be used.
        level: variance of a typical regular session, squared log units, > 0.
        curve: its course over the day.
        mix: how the regime is read.
        table: law of the standardised move.
        basis: settlement basis.
        drift: expected move.
    """

    symbol: str
    as_of: date
    valid_until: date
    level: float
    curve: VarianceCurve
    mix: RegimeMix
    table: StandardTable
    basis: Basis
    drift: Drift

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ParameterError(f"{self.symbol}'s level {self.level} is no session variance")


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


def load_parameters(data: bytes, on: date) -> Mapping[str, IndexParameters]:
    """Return the parameters by symbol for use on the day ``on``.

    Raises:
        ParameterError: when the file is not JSON, of another schema, does not match its checksum,
            was made after ``on``, has run out by then, or holds a number outside its domain.
    """
    document = _document(data)
    if document.get("schema") != SCHEMA:
        raise ParameterError(
            f"the parameters are of schema {document.get('schema')!r}, not {SCHEMA}"
        )
    if document.get("checksum") != _checksum(document):
        raise ParameterError("the parameters do not match their checksum: fetch or fit them again")
    try:
        as_of = date.fromisoformat(document["as_of"])
        valid_until = date.fromisoformat(document["valid_until"])
        found = {
            symbol: _symbol_from_json(symbol, as_of, valid_until, entry)
            for symbol, entry in document["body"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ParameterError(f"the parameters lack or garble a field: {error!r}") from None
    if on < as_of:
        raise ParameterError(f"the parameters know data to {as_of}: on {on} that is looking ahead")
    if on > min(valid_until, as_of + LIFETIME):
        raise ParameterError(f"the parameters were good until {valid_until}, not on {on}: refit")
    return found


def dump_parameters(
    parameters: Mapping[str, IndexParameters], provenance: Mapping[str, Any]
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


def _symbol_to_json(one: IndexParameters) -> dict[str, Any]:
    return {
        "level": one.level,
        "curve": list(one.curve.shares),
        "mix": {name: getattr(one.mix, name) for name in RegimeMix.__slots__},
        "table": {"knots": list(one.table.knots), "log_odds": list(one.table.log_odds)},
        "basis": {"close": one.basis.close, "other": one.basis.other},
        "drift": {"momentum": one.drift.momentum, "max_sd": one.drift.max_sd},
    }


def _symbol_from_json(
    symbol: str, as_of: date, valid_until: date, entry: Mapping[str, Any]
) -> IndexParameters:
    table = entry["table"]
    return IndexParameters(
        symbol=symbol,
        as_of=as_of,
        valid_until=valid_until,
        level=float(entry["level"]),
        curve=VarianceCurve(tuple(map(float, entry["curve"]))),
        mix=RegimeMix(**_floats(entry["mix"])),
        table=StandardTable(
            tuple(map(float, table["knots"])), tuple(map(float, table["log_odds"]))
        ),
        basis=Basis(**_floats(entry["basis"])),
        drift=Drift(**_floats(entry["drift"])),
    )


def _floats(fields: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in fields.items()}
