"""The end of a rehearsed day: the evening's own job, and the venue's last word kept.

What is kept is enough to prove the ledger again when the twin is gone.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from kalshi_alpha.jobs import evening
from kalshi_alpha.steps import close_day, portfolio
from kalshi_alpha.steps.observe import observed
from kalshi_alpha.steps.runtime import Runtime

PORTFOLIO = "portfolio"  # the folder of the venue's answers, beside the artifacts


def close_the_day(runtime: Runtime, day: date, folder: Path, paid: date | None = None) -> None:
    """Close ``day`` as the evening's job does; ``folder`` receives the venue's answers.

    ``paid`` is a later day on which the last of it was paid; its books are sealed as well. The
    rehearsal writes pages of its own afterwards.
    """
    observed("day", evening.run)({"day": day.isoformat(), "pages": False}, None)
    if paid is not None and paid > day:
        observed("ledger", close_day.run)({"date": paid.isoformat()}, None)
    portfolio.save(portfolio.ask(runtime.reader), folder / PORTFOLIO)
