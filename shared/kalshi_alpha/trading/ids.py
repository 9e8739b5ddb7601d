"""Our names for orders: the same intent always gets the same name.

A name is ``ka-<window>-<side><level>-<revision>-<digest>``: a window part that shows whose order
it is, and a digest over everything, so that names that look alike are different still.
"""

from __future__ import annotations

import hashlib
import re

from kalshi_alpha.errors import InvariantBroken
from kalshi_alpha.markets.orders import Side

MAX_LENGTH = 64
_OURS = "ka-"
_LETTER = {Side.BID: "b", Side.ASK: "a"}


def client_order_id(window_id: str, ticker: str, side: Side, level: int, revision: int) -> str:
    """Return the order's name: at most 64 characters of ``[A-Za-z0-9-]``.

    ``level`` (0 to 99) counts quotes on one side of a market from the best one, ``revision``
    (0 to 999,999) the plans of the window. Raise ``InvariantBroken`` outside these.
    """
    if not 0 <= level <= 99 or not 0 <= revision <= 999_999:
        raise InvariantBroken(
            f"level {level} or revision {revision} is outside what an order's name can hold "
            "(0 to 99, 0 to 999999)"
        )
    whole = "\n".join((window_id, ticker, side.value, str(level), str(revision)))
    return f"{_prefix(window_id)}{_LETTER[side]}{level}-{revision}-{_digest(whole, 24)}"


def belongs_to(window_id: str, client_order_id: str) -> bool:
    """Say whether an order was named by that window."""
    return client_order_id.startswith(_prefix(window_id))


def _prefix(window_id: str) -> str:
    readable = re.sub(r"[^A-Za-z0-9]", "", window_id)[:12]
    return f"{_OURS}{readable}-{_digest(window_id, 8)}-"


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]
