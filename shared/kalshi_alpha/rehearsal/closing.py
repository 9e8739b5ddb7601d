"""The end of a rehearsed day: its ledger sealed and proved, and the venue's last word kept.

What is kept is enough to prove the ledger again when the twin is gone.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from kalshi_alpha.steps import close_day, portfolio
from kalshi_alpha.steps.runtime import Runtime

PORTFOLIO = "portfolio"  # the folder of the venue's answers, beside the artifacts


def close_the_day(runtime: Runtime, day: date, folder: Path) -> None:
    """Close ``day`` as the evening's job would; ``folder`` receives the venue's answers."""
    close_day.run({"date": day.isoformat()}, runtime)
    portfolio.save(portfolio.ask(runtime.reader), folder / PORTFOLIO)
