"""What a closed window leaves for its pages and its story, out of the tables."""

from __future__ import annotations

import json

from kalshi_alpha.markets.windows import Window
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.trading.kept import PARTS, kept_document


def kept_window(runtime: Runtime, window: Window) -> bytes:
    """Return the window's document; who ran it and which states it saw is not in the tables."""
    name = window.window_id
    document = kept_document(
        window,
        broker=runtime.settings.broker,
        record=runtime.state.window(name) or {},
        parts={part: runtime.state.part(name, part) for part in PARTS},
        entries=list(runtime.ledger.entries(name)),
    )
    return json.dumps(document, sort_keys=True).encode()
