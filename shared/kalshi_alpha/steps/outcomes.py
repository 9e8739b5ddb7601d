"""How each window's laws came out: scan keeps them, reconcile settles them, preflight judges them.

Of every window the first and the last law of each symbol are kept, minutes and seconds before the
fixing, whether anything was quoted from them or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from kalshi_alpha.clock import iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.pricing.laws import Law, came_out, law_from_json, law_to_json
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.trading.drift import LawOutcome, judge_drift
from kalshi_alpha.trading.gates import Verdict

_PART = "LAW"
_DIGITS = 6  # of the table: a rank is right to as many
# Two laws of eight windows on twenty sessions, and some to spare.
_NEWEST = 400


def keep_law(runtime: Runtime, window: Window, symbol: str, law: Law, at: datetime) -> None:
    """Keep the law of a scan as the window's last one, and as its first if there is none."""
    part = runtime.state.part(window.window_id, _PART)
    made = {"at": iso(at), **law_to_json(law, _DIGITS)}
    first = part.get(symbol, {}).get("first", made)
    kept = part | {symbol: {"first": first, "last": made}}
    runtime.state.put_part(window.window_id, _PART, kept)


def settle_laws(runtime: Runtime, window: Window, levels: Mapping[str, float | None]) -> None:
    """Record how the window's laws came out; safe to repeat.

    Args:
        runtime: of the step.
        window: whose laws were kept by its scans.
        levels: settlement value by symbol, in points or the figure's units; None where nobody
            knows it.
    """
    part = runtime.state.part(window.window_id, _PART)
    for symbol, level in levels.items():
        made = part.get(symbol, {})
        for which, law in made.items():
            if which == "last" and law["at"] == made["first"]["at"]:
                continue  # the only scan there was
            outcome = None if level is None else _came_out(law, level)
            if outcome is None:
                continue
            runtime.ledger.record_outcome(
                symbol,
                window.fixing,
                f"{window.window_id}#{which}",
                outcome | {"day": window.day.isoformat()},
            )


def judge_laws(runtime: Runtime, symbol: str, as_of: date, today: date) -> Verdict:
    """Say what the last laws of a symbol leave of its sizes, under parameters of ``as_of``.

    A record that cannot be read is left out: it may prove nothing.
    """
    outcomes = []
    for doc in runtime.ledger.outcomes(symbol, _NEWEST):
        try:
            outcomes.append(_outcome(doc))
        except (DataError, KeyError, TypeError, ValueError):
            continue
    return judge_drift(symbol, outcomes, as_of, today, runtime.registry.drift)


def _came_out(made: Mapping[str, Any], level: float) -> dict[str, Any] | None:
    law = law_from_json(made)
    found = came_out(law, level)
    if found is None:
        return None
    move, rank = found
    return {"decided_at": made["at"], "implied_sd": law.scale, "move": move, "pit": rank}


def _outcome(doc: Mapping[str, Any]) -> LawOutcome:
    return LawOutcome(
        day=date.fromisoformat(doc["day"]),
        implied_sd=float(doc["implied_sd"]),
        move=float(doc["move"]),
        pit=float(doc["pit"]),
    )
