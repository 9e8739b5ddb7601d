"""The file of the temperature law's numbers: shipped as ``temperature.json``, with provenance."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from importlib import resources
from typing import Annotated, Any

import msgspec

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.families.temperature_parameters import (
    Climate,
    Curve,
    Diurnal,
    LeadError,
    Parameters,
    Positive,
    Share,
    check,
)

TABLE = "temperature.json"
SCHEMA = "temperature-1"


def load_parameters(station: str, on: date | None = None, data: bytes | None = None) -> Parameters:
    """Return the law of a thermometer, ``KNYC``.

    What was not measured at a station is borrowed from the one it was measured at, with wider
    spreads; a season is never borrowed.

    Args:
        station: the thermometer.
        on: the climate day it is to price; None for whichever.
        data: the file, by default the shipped one.

    Raises:
        ParameterError: when the file is not JSON, of another schema, does not match its checksum,
            holds a number outside its domain, or knows of days from ``on`` onwards.
    """
    book = _shipped() if data is None else _book(data)
    if on is not None and on <= book.as_of:
        raise ParameterError(
            f"the temperature parameters know days to {book.as_of}: on {on} that is looking ahead"
        )
    own = station == book.measured_at
    return check(
        Parameters(
            diurnal=book.diurnal if own else _stretched(book.diurnal, book.borrowed),
            leads=book.leads.get(station) or _wider(book.leads[book.measured_at], book.borrowed),
            freedom=book.freedom,
            lower=book.lower,
            higher=book.higher,
            missed=book.missed,
            apart=book.apart,
            climate=book.climate.get(station),
        )
    )


class Book(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file: every number of the law, and where each is from.

    Attributes:
        as_of: last day of which anything here was fitted.
        provenance: what fitted or measured each part, by its name.
        measured_at: the station whose hours and leads stand in for others.
        borrowed: factor on spreads where they do, at least 1.
        diurnal: of the hours.
        leads: forecast errors by station.
        climate: by station.
        freedom: and those below: as in ``Parameters``.
    """

    as_of: date
    provenance: Mapping[str, str]
    measured_at: str
    borrowed: Annotated[float, msgspec.Meta(ge=1)]
    diurnal: Diurnal
    leads: Mapping[str, tuple[LeadError, ...]]
    climate: Mapping[str, Climate]
    freedom: Annotated[float, msgspec.Meta(gt=2)]
    lower: Share
    higher: Share
    missed: Share
    apart: Positive


def dump_book(book: Book) -> bytes:
    """Return the file for a book, with its checksum."""
    body = msgspec.to_builtins(book)
    document = {"schema": SCHEMA, "checksum": _checksum(body), "body": body}
    text = json.dumps(document, indent=1, allow_nan=False)
    return (re.sub(r"\[([^][{}\"]*)\]", _on_one_line, text) + "\n").encode()


def _on_one_line(match: re.Match[str]) -> str:
    return "[" + " ".join(match[1].split()) + "]"


@functools.cache
def _shipped() -> Book:
    return _book(resources.files(__package__).joinpath(TABLE).read_bytes())


def _book(data: bytes) -> Book:
    try:
        document = json.loads(data)
        schema, checksum, body = (document[key] for key in ("schema", "checksum", "body"))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ParameterError(
            "the temperature parameters are no such file: fit them again"
        ) from None
    if schema != SCHEMA or checksum != _checksum(body):
        raise ParameterError(
            "the temperature parameters are of another schema or do not match their checksum: fit "
            "them again"
        )
    try:
        book = msgspec.convert(body, Book)
    except msgspec.ValidationError as error:
        raise ParameterError(f"the temperature parameters cannot be used: {error}") from None
    if book.measured_at not in book.leads:
        raise ParameterError(f"no forecast errors of {book.measured_at} are there to borrow")
    return book


def _checksum(body: Any) -> str:
    return hashlib.sha256(
        json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()


def _stretched(diurnal: Diurnal, factor: float) -> Diurnal:
    return replace(
        diurnal,
        rise_spread=_times(diurnal.rise_spread, factor),
        drop_spread=_times(diurnal.drop_spread, factor),
        gap_spread=_times(diurnal.gap_spread, factor),
        step_spread=_times(diurnal.step_spread, factor),
    )


def _times(curve: Curve, factor: float) -> Curve:
    return Curve(tuple(m * factor for m in curve.mid), tuple(s * factor for s in curve.swing))


def _wider(leads: tuple[LeadError, ...], factor: float) -> tuple[LeadError, ...]:
    return tuple(replace(one, spread=one.spread * factor) for one in leads)
