"""From a played window to figures: the exchange's books against ours, and both against the law."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from kalshi_alpha.rehearsal.books import ledger_cash
from kalshi_alpha.rehearsal.campaign.trial import Played
from kalshi_alpha.rehearsal.campaign.witness import LAST_SECOND
from kalshi_alpha.rehearsal.leaks import leaks_in, marks_of

_CASH_TO_PRICE = 100  # cash units in 1/10000 dollar
_FILL = ("order_id", "ticker", "side", "price", "size", "fee")


@dataclass(slots=True)
class Outcome:
    """One window's figures; everything that must be 0 is a count.

    Attributes:
        resting_late: orders that rested at T-1 s although the venue had answered us since the pull.
        out_of_reach: the same where it had not: only the venue's own expiry could help.
        doubled: pairs of orders that rested at once in one place of the plan.
        oversold: markets with a position beyond the largest that one may have.
        unplanned: orders at the venue that our ledger does not know.
        lost_fills: fills that the ledger lacks, has twice, or has otherwise.
        ledger_diff: difference of cash, in 1/10000 dollar.
        after_kill: orders accepted later than 2 s after the kill-switch.
        secrets_found: secrets in what was written.
        lateness_s: when the last order left, relative to T-2 s; None without an order.
        kill_to_empty_s: from the kill-switch to an empty book.
    """

    number: int
    seed: int
    window_id: str
    faults: tuple[str, ...]
    status: str = ""
    orders: int = 0
    fills: int = 0
    resting_late: int = 0
    out_of_reach: int = 0
    doubled: int = 0
    oversold: int = 0
    unplanned: int = 0
    lost_fills: int = 0
    ledger_diff: int = 0
    after_kill: int = 0
    secrets_found: int = 0
    not_played: int = 0
    lateness_s: float | None = None
    left_by: str = ""
    kill_to_empty_s: float | None = None
    deaths: int = 0
    struck: int = 0
    go: bool = False
    problem: str = ""
    notes: list[str] = field(default_factory=list)
    real_seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready copy without the real seconds, which no seed decides."""
        found = asdict(self) | {"faults": list(self.faults)}
        del found["real_seconds"]
        return found

    @classmethod
    def from_json(cls, doc: Mapping[str, Any]) -> Outcome:
        """Read what ``to_json`` wrote; raise ``TypeError`` or ``KeyError`` for anything else."""
        return cls(**{**doc, "faults": tuple(doc["faults"])})


MUST_BE_ZERO = (
    "resting_late",
    "doubled",
    "oversold",
    "unplanned",
    "lost_fills",
    "ledger_diff",
    "after_kill",
    "secrets_found",
    "not_played",
)


def broken(outcome: Outcome) -> list[str]:
    """Return which laws a window broke."""
    return [name for name in MUST_BE_ZERO if getattr(outcome, name)]


def judge(played: Played, number: int, faults: tuple[str, ...]) -> Outcome:
    """Hold a played window against the laws."""
    trial, books = played.trial, played.books
    witness = trial.witness
    outcome = Outcome(number, trial.seed, trial.window.window_id, faults, status=played.status)
    outcome.orders, outcome.fills = len(books["orders"]), len(books["fills"])
    if _reached(played):
        outcome.resting_late = witness.resting_late
    else:
        outcome.out_of_reach = witness.resting_late
    outcome.doubled, outcome.oversold = len(witness.doubled), len(witness.oversold)
    outcome.notes += [f"two orders at once: {a} and {b}" for a, b in sorted(witness.doubled)]
    known = {e["client_order_id"] for e in played.entries if e["sk"].startswith("ORDER#")}
    strange = [o for o in books["orders"] if o["client_order_id"] not in known]
    outcome.unplanned = len(strange)
    outcome.notes += [f"not in our books: {o['client_order_id']}" for o in strange]
    outcome.lost_fills = _compare_fills(played, outcome.notes)
    off = books["initial_cash"] + ledger_cash(played.entries) - books["cash"]
    outcome.ledger_diff = -(-abs(off) // _CASH_TO_PRICE)
    outcome.after_kill = witness.after_kill()
    marks = marks_of(trial.secrets)
    leaks = sorted({name for data in played.written for name in leaks_in(data, marks)})
    outcome.secrets_found = len(leaks)
    outcome.notes += [f"found in what was written: {name}" for name in leaks]
    late = witness.late_s()
    outcome.lateness_s = None if late is None else round(late, 4)
    outcome.left_by = witness.left_by
    outcome.kill_to_empty_s = witness.empty_after_kill_s
    outcome.deaths = len(trial.deaths)
    outcome.struck = trial.wire.struck + trial.cloud.struck
    outcome.go = bool(played.record.get("go"))
    outcome.problem = trial.problem
    outcome.real_seconds = round(played.real_seconds, 3)
    return outcome


def _reached(played: Played) -> bool:
    """Say whether any request of ours came through between the pull and the last second."""
    window = played.trial.window
    first = window.pull_start_at - timedelta(milliseconds=100)
    last = window.fixing - LAST_SECOND
    return any(first <= at < last for at, _, _ in played.trial.wire.reached)


def _compare_fills(played: Played, notes: list[str]) -> int:
    rows = [e for e in played.entries if e["sk"].startswith("FILL#")]
    ours = {row["fill_id"]: tuple(row[key] for key in _FILL) for row in rows}
    theirs = {f["fill_id"]: tuple(f[key] for key in _FILL) for f in played.books["fills"]}
    wrong = [
        name for name in sorted(ours.keys() | theirs.keys()) if ours.get(name) != theirs.get(name)
    ]
    notes += [f"fill {n}: ours {ours.get(n)}, theirs {theirs.get(n)}" for n in wrong]
    return len(wrong) + len(rows) - len(ours)
