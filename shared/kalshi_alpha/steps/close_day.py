"""Close the day: seal the ledger's journal and hold it against the venue's own records.

Called once an evening, after the last settlement; calling it again changes nothing that is sealed
and proves it anew. Not for a hot function: the journal's files need pyarrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import DataError
from kalshi_alpha.steps import ledger, portfolio
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.trading.arming import Broker
from kalshi_alpha.trading.journal import Journal
from kalshi_alpha.trading.ledger_check import verify
from kalshi_alpha.trading.verification import Verification


def run(request: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Close the day ``{"date"}``, today's without one; return what was sealed and what differs.

    Raises:
        InvariantBroken: when the journal is not what was sealed, or the ledger tells otherwise.
    """
    now = runtime.clock.now()
    day = _day(request["date"]) if request.get("date") else now.astimezone(NEW_YORK).date()
    book = runtime.settings.broker
    close = ledger.close_day(runtime, book, day)
    verification = prove(runtime, book)
    return {
        "book": book,
        "day": day.isoformat(),
        "lines": close.lines,
        "head": close.head,
        "balances": dict(close.doc["balances"]),
        "differences": [str(difference) for difference in verification.differences],
        "metrics": {
            "LedgerLines": close.lines,
            "LedgerDifferences": len(verification.differences),
        },
    }


def prove(runtime: Runtime, book: str) -> Verification:
    """Hold a book as it is now against the venue, and keep what was found.

    Paper has nothing to be held against but itself.
    """
    journal = ledger.open_journal(runtime, book)
    paper = book == Broker.PAPER
    theirs = None if paper else portfolio.ask(runtime.reader, _opened_at(journal)).portfolio()
    verification = verify(journal, theirs, runtime.clock.now())
    ledger.keep(runtime.artifacts, verification)
    return verification


def _opened_at(journal: Journal) -> datetime | None:
    return min((entry.at for entry in journal.entries), default=None)


def _day(text: object) -> date:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        raise DataError(f"the date {text!r} is not YYYY-MM-DD, as in 2025-11-04") from None
