"""JSON from outside: whatever is wrong with it, it fails in one way."""

from __future__ import annotations

from typing import Any

import msgspec

from kalshi_alpha.errors import DataError


def decode(data: bytes | str) -> Any:
    """Return the JSON value in ``data``.

    Raises:
        DataError: when it is no JSON, not UTF-8, nested beyond reason, or holds a number that is
            out of range; never with the data itself in its sentence.
    """
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise DataError(f"it cannot be read as JSON: {type(error).__name__}") from None
