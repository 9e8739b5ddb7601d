"""A stretch of a recorded temperature day, played with something happening."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from kalshi_alpha.momentum.terms import StrategyTerms, load_terms
from kalshi_alpha.rehearsal.recorded_temperature import recorded_day
from kalshi_alpha.rehearsal.temperature import TemperatureRehearsal, TemperatureResult

DAY = date(2024, 12, 3)
EIGHT = datetime(2024, 12, 3, 13, 0, tzinfo=UTC)  # eight in the morning in New York
UNTIL = datetime(2024, 12, 3, 13, 20, tzinfo=UTC)
FROM = datetime(2024, 12, 3, 12, 55, tzinfo=UTC)


def busy_terms() -> StrategyTerms:
    """Return terms under which something rests most of these minutes."""
    terms = load_terms()
    return replace(
        terms,
        signals=replace(terms.signals, least_edge=0.0, least_acceleration=-1.0),
        lean=replace(terms.lean, life_s=600.0),
    )


def played(folder, **given: Any) -> TemperatureResult:
    """Play the busy minutes after eight."""
    folder.mkdir(exist_ok=True)
    return TemperatureRehearsal(
        recorded_day(DAY),
        folder,
        seed=1,
        **{"begins": FROM, "until": UNTIL, "terms": busy_terms()} | given,
    ).run()
