"""The few verdicts at the top of a report: what went right, and what to do where it did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kalshi_alpha.reports.model import RehearsalReport, WindowReport
from kalshi_alpha.reports.summary import SeriesSummary
from kalshi_alpha.reports.wording import count, signed_dollars

# The pull begins before T-2 s; nothing of ours seen this long before the fixing is in time.
CONFIRMED_BY_S = -1.0

Status = Literal["good", "bad", "plain"]
GOOD: Status = "good"
BAD: Status = "bad"
PLAIN: Status = "plain"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One tile: ``status`` is good, bad or plain; ``advice`` is a sentence a person can act on."""

    status: Status
    name: str
    value: str
    advice: str


def verdicts(report: RehearsalReport) -> tuple[Verdict, ...]:
    """Return the tiles of a report, the ones that guard money first."""
    return verdicts_of(report.windows)


def verdicts_of(windows: Sequence[WindowReport], *, twin: bool = True) -> tuple[Verdict, ...]:
    """Return the tiles of some windows; ``twin`` says that the other traders were made up."""
    rows = tuple(part.summary for window in windows for part in window.series)
    return (
        _pull(rows),
        _books(rows),
        _executions(windows),
        _go(rows),
        _fills(rows),
        _refused(windows),
        _basis(rows),
        _result(rows, twin=twin),
    )


def _pull(rows: Sequence[SeriesSummary]) -> Verdict:
    name = "Out of the book"
    went = [row for row in rows if row.go]
    if not went:
        return Verdict(PLAIN, name, "no pull", "No window was quoted, so nothing had to leave.")
    unpulled = [row for row in went if row.resting_after_pull < 0]
    if len(unpulled) == len(went) and not any(row.quotes_placed for row in went):
        return Verdict(PLAIN, name, "no pull", "No order was placed, so nothing had to leave.")
    resting = sum(max(row.resting_after_pull, 0) for row in went)
    if resting:
        return Verdict(
            BAD, name, f"{resting} left", "Orders rested after the pull: read its timeline below."
        )
    confirmed = [row.pull_confirmed_s for row in went if row.pull_confirmed_s is not None]
    if len(confirmed) < len(went):
        return Verdict(
            BAD, name, "not sure", "A pull never saw an empty book: read its timeline below."
        )
    latest = max(confirmed)
    value = f"{-latest:.2f} s early" if latest <= 0 else f"{latest:.2f} s late"
    if latest > CONFIRMED_BY_S:
        return Verdict(
            BAD, name, value, f"The book must be seen empty {-CONFIRMED_BY_S:.0f} s before T."
        )
    return Verdict(
        GOOD, name, value, "Nothing of ours rested, seen in the exchange's own list before T."
    )


def _books(rows: Sequence[SeriesSummary]) -> Verdict:
    wrong = sorted({row.window_id for row in rows if not row.ledger_matches_exchange})
    if wrong:
        return Verdict(
            BAD,
            "Books agree",
            f"{len(wrong)} differ",
            f"Our ledger and the exchange differ in {', '.join(wrong)}: compare ledger.parquet.",
        )
    return Verdict(
        GOOD, "Books agree", "to the cent", "Orders, fills and cash equal the exchange's own."
    )


def _executions(windows: Sequence[WindowReport]) -> Verdict:
    failed = [window.window_id for window in windows if window.problem]
    done = f"{len(windows) - len(failed)} of {len(windows)}"
    if failed:
        return Verdict(
            BAD, "Windows run", done, f"{', '.join(failed)} did not end well: see the reason below."
        )
    return Verdict(GOOD, "Windows run", done, "Every state machine ended as it should.")


def _go(rows: Sequence[SeriesSummary]) -> Verdict:
    stopped = [row for row in rows if not row.go]
    value = f"{len(rows) - len(stopped)} of {len(rows)} go"
    if not stopped:
        return Verdict(PLAIN, "Preflight", value, "Nothing spoke against quoting.")
    first = stopped[0]
    reason = first.reasons[0] if first.reasons else "no reason was recorded"
    return Verdict(PLAIN, "Preflight", value, f"{first.series}: {reason}")


def _fills(rows: Sequence[SeriesSummary]) -> Verdict:
    fills, quotes = sum(row.fills for row in rows), sum(row.quotes_placed for row in rows)
    if quotes == 0:
        return Verdict(
            PLAIN, "Fills", "none", "No quote was placed: the why-tables say which gate refused."
        )
    amends = sum(row.amends for row in rows)
    return Verdict(
        PLAIN, "Fills", f"{fills} of {quotes}", f"Fills of orders placed; {amends} amends between."
    )


def _refused(windows: Sequence[WindowReport]) -> Verdict:
    counts: Counter[str] = Counter()
    for window in windows:
        for part in window.series:
            counts.update({refusal.code: refusal.count for refusal in part.refusals})
    if not counts:
        return Verdict(PLAIN, "Refused", "none", "No candidate was refused.")
    code, count = counts.most_common(1)[0]
    return Verdict(
        PLAIN,
        "Refused",
        f"{counts.total():,}",
        f"Mostly {code}, {count:,} times; the why-tables have examples.",
    )


def _basis(rows: Sequence[SeriesSummary]) -> Verdict:
    known = [(abs(row.basis), row) for row in rows if row.basis is not None]
    if not known:
        return Verdict(PLAIN, "Basis", "unknown", "Nothing has settled, or our feed saw no value.")
    size, row = max(known, key=lambda pair: pair[0])
    return Verdict(
        PLAIN,
        "Basis",
        f"{size:.2f} points",
        f"The largest gap of settlement and our feed, {row.series} in {row.window_id}.",
    )


def _result(rows: Sequence[SeriesSummary], *, twin: bool) -> Verdict:
    pnl, fees = sum(row.pnl_dollars for row in rows), sum(row.fees_dollars for row in rows)
    fills = sum(row.fills for row in rows)
    against = "against simulated participants: no evidence of an edge"
    if not twin:
        against = count(fills, "fill")
    return Verdict(PLAIN, "Result", signed_dollars(pnl), f"After ${fees:.2f} of fees, {against}.")
