"""What a study fitted on past days, read back: is it whole, and which part may a day use?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from kalshi_alpha.errors import ParameterError

LIFETIME = timedelta(days=28)
# Where a stage keeps what it uses.
POOL_KEY = "parameters/temperature-pool.json"
HORIZON_KEY = "parameters/temperature-horizon.json"
ODDS_KEY = "parameters/temperature-odds.json"


def proven(data: bytes, schema: str, what: str) -> Any:
    """Return the body of an artifact of ``kalshi-alpha temperature study``.

    Args:
        data: the file.
        schema: that it must be of.
        what: its name in sentences.

    Raises:
        ParameterError: when it is not JSON, of another schema, or does not match its checksum.
    """
    try:
        document: dict[str, Any] = json.loads(data)
        said, found = document.pop("checksum"), document["schema"]
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
        body = document["body"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ParameterError(f"the {what} cannot be read: {error!r}") from None
    if found != schema or hashlib.sha256(text.encode()).hexdigest() != said:
        raise ParameterError(
            f"the {what} is of {str(found)[:60]!r} or does not match its checksum: fit again"
        )
    return body


def newest(windows: Iterable[Mapping[str, Any]], on: date, what: str) -> Mapping[str, Any]:
    """Return the window that was fitted last before a day.

    Args:
        windows: each with ``first``, the number of the first day it may be used on.
        on: the climate day it is to be used on.
        what: its name in sentences.

    Raises:
        ParameterError: when a window has no such day, or all were fitted only after ``on``, or
            longer ago than ``LIFETIME``.
    """
    try:
        dated = [(date.fromordinal(one["first"]), one) for one in windows]
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise ParameterError(f"the {what} cannot be read: {error!r}") from None
    before = [one for one in dated if one[0] <= on]
    if not before:
        raise ParameterError(f"the {what} knows days up to {on} and later: that is looking ahead")
    first, found = max(before, key=lambda one: one[0])
    if on - first > LIFETIME:
        raise ParameterError(f"the {what} was last fitted for {first}, too long before {on}")
    return found
