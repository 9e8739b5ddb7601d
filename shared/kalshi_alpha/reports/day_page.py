"""A day as a page: what its windows did, what fills were worth, its risk and every refusal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.reports import wording
from kalshi_alpha.reports.fill_values import FillValue, Spread, fill_values, spread
from kalshi_alpha.reports.kept import KeptWindow
from kalshi_alpha.reports.model import WindowReport
from kalshi_alpha.reports.plots import Estimate, bars_svg, forest_svg
from kalshi_alpha.reports.risk_section import risk_section
from kalshi_alpha.reports.study import Fact, Section, Study, Table, table_or
from kalshi_alpha.reports.verdicts import verdicts_of
from kalshi_alpha.reports.window_view import window_report


def day_page(
    day: date,
    windows: Sequence[KeptWindow],
    registry: Registry,
    *,
    matches: bool | None,
    provenance: Sequence[tuple[str, str]],
    banner: str = "",
    links: Sequence[tuple[str, str]] = (),
    ledger: Mapping[str, Any] | None = None,
) -> Study:
    """Return the page of a day with at least one window.

    Args:
        day: the New York day.
        windows: what its windows left, in time.
        registry: what trades.
        matches: whether our books equal the exchange's; None where nobody compared them.
        provenance: what the page was made from.
        banner: a warning that leads the page, or empty.
        links: pages it belongs with.
        ledger: a verification of the ledger against the venue, as JSON, where there is one.
    """
    reports = [window_report(kept, registry, matches=matches is not False) for kept in windows]
    values = [value for kept in windows for value in fill_values(kept, registry)]
    brokers = sorted({kept.broker for kept in windows})
    facts = [
        Fact(verdict.name, verdict.value, verdict.advice, verdict.status)
        for verdict in verdicts_of(reports, twin="twin" in brokers)
        if matches is not None or verdict.name != "Books agree"
    ]
    return Study(
        title=f"{day:%A} {day.day} {day:%B %Y}",
        lead=(
            f"{wording.count(len(windows), 'window')}; orders went to the "
            f"{' and the '.join(brokers)} broker. "
            "Intervals are Student's over fills: fills of one window share its news, so they are "
            "too narrow when the windows are few."
        ),
        facts=facts,
        sections=[
            _windows(reports),
            _value(values),
            risk_section(windows, registry.risk),
            _refused(reports),
            *_ledger(ledger),
        ],
        provenance=provenance,
        banner=banner,
        links=links,
    )


def _windows(reports: Sequence[WindowReport]) -> Section:
    rows, results = [], []
    for report in reports:
        for part in report.series:
            s = part.summary
            results.append((f"{s.series} {s.window_id[9:13]}", s.pnl_dollars))
            rows.append(
                (
                    f"{s.window_id} {s.series}",
                    "go" if s.go else "no-go",
                    f"{s.candidates}",
                    f"{s.quotes_placed}",
                    f"{s.fills}",
                    wording.resting(s.resting_after_pull),
                    wording.relative(s.pull_confirmed_s),
                    wording.signed_points(s.basis),
                    wording.signed_dollars(s.pnl_dollars),
                    "; ".join(filter(None, (*s.reasons, report.problem))) or wording.NOTHING,
                )
            )
    columns = ("window", "go", "candidates", "placed", "fills", "left", "seen empty", "basis")
    drawn = bars_svg(
        results, "results", "Result by window and series, after fees", "dollars", _dollars
    )
    return Section(
        "Windows",
        (),
        [drawn],
        [Table("Each window and series", (*columns, "result", "against it"), rows)],
    )


def _value(values: Sequence[FillValue]) -> Section:
    names = sorted({value.series for value in values})
    rows, drawn = [], []
    for name in [*names, *(["all"] if len(names) > 1 else [])]:
        mine = [v for v in values if name in {"all", v.series}]
        claimed = spread(v.claimed for v in mine if v.claimed is not None)
        realised = spread(v.realised for v in mine if v.realised is not None)
        rows.append((name, f"{len(mine)}", _said(claimed), _said(realised)))
        for what, found in (("claimed", claimed), ("realised", realised)):
            if found is not None:
                drawn.append(
                    Estimate(f"{name}, {what}", found.mean, found.low, found.high, f"n = {found.n}")
                )
    title = "Expected value claimed and result, a contract filled"
    charts = [forest_svg(drawn, "value", title, "dollars a contract", _cents)] if drawn else []
    return Section(
        "Claimed and realised",
        () if rows else ("There was no fill, so there is nothing to compare: n = 0.",),
        charts,
        [table_or("no fill", "By series", ("series", "fills", "claimed", "realised"), rows)],
    )


def _refused(reports: Sequence[WindowReport]) -> Section:
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for report in reports:
        for part in report.series:
            for refusal in part.refusals:
                counts[refusal.code] += refusal.count
                where = refusal.example_ticker or part.summary.series
                examples.setdefault(refusal.code, f"{where}: {refusal.example_reason}")
    whole = counts.total()
    rows = [
        (code, f"{count}", wording.percent(count / whole), examples[code])
        for code, count in counts.most_common()
    ]
    shown = [(code, float(count)) for code, count in counts.most_common(12)]
    charts = [bars_svg(shown, "refusals", "Refusals by gate", "refusals", _count)] if shown else []
    return Section(
        "Refused",
        (f"{whole:,} refusals over all scans; each has a record of its own.",),
        charts,
        [table_or("none", "By gate", ("gate", "count", "share", "for example"), rows)],
    )


def _ledger(found: Mapping[str, Any] | None) -> list[Section]:
    if found is None:
        return []
    rows = [(str(d["name"]), str(d["kind"]), str(d["sentence"])) for d in found["differences"]]
    compared = f"{found['lines']} lines, verified {found['verified_at']}"
    said = f"Ours and the venue's books {'differ' if rows else 'agree'}: {compared}."
    table = Table("Differences", ("what", "kind", "sentence"), rows)
    return [Section("Ledger", (said,), (), [table] if rows else [])]


def _said(found: Spread | None) -> str:
    return "n = 0" if found is None else str(found)


def _dollars(value: float) -> str:
    return wording.signed_dollars(value)


def _cents(value: float) -> str:
    return wording.ev_cents(value)


def _count(value: float) -> str:
    return f"{value:,.0f}"
