"""One window as a page: the pull, then each of its series with everything that was decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.reports import pictures, wording
from kalshi_alpha.reports.fill_values import fill_values, spread
from kalshi_alpha.reports.kept import KeptWindow
from kalshi_alpha.reports.model import SeriesReport, WindowReport
from kalshi_alpha.reports.study import Fact, Section, Study, Table, table_or
from kalshi_alpha.reports.verdicts import verdicts_of
from kalshi_alpha.reports.window_view import window_report

MOST = 40  # rows of a table; all of them are in the why-records and the ledger


def window_page(
    kept: KeptWindow,
    registry: Registry,
    *,
    matches: bool | None,
    provenance: Sequence[tuple[str, str]],
    banner: str = "",
    links: Sequence[tuple[str, str]] = (),
) -> Study:
    """Return the page of a window.

    Args:
        kept: what the window left.
        registry: what trades.
        matches: whether our books equal the exchange's; None where nobody compared them.
        provenance: what the page was made from.
        banner: a warning that leads the page, or empty.
        links: pages it belongs with.
    """
    report = window_report(kept, registry, matches=matches is not False)
    facts = [
        Fact(verdict.name, verdict.value, verdict.advice, verdict.status)
        for verdict in verdicts_of([report], twin=kept.broker == "twin")
        if matches is not None or verdict.name != "Books agree"
    ]
    sections = [_pull(report), *(_series(part, kept) for part in report.series)]
    return Study(
        title=f"Window {report.window_id}",
        lead=f"{wording.new_york(report.fixing)}. {_ended(kept)}",
        facts=[*facts, _value(kept, registry)],
        sections=sections,
        provenance=provenance,
        banner=banner,
        links=links,
    )


def _ended(kept: KeptWindow) -> str:
    if kept.failure:
        return f"The execution did not end well: {kept.failure}"
    if not kept.record.get("go"):
        reasons = kept.record.get("reasons") or ["no reason was recorded"]
        return f"NO-GO: {'; '.join(map(str, reasons))}."
    return f"Orders went to the {kept.broker} broker."


def _value(kept: KeptWindow, registry: Registry) -> Fact:
    values = fill_values(kept, registry)
    claimed = spread(v.claimed for v in values if v.claimed is not None)
    realised = spread(v.realised for v in values if v.realised is not None)
    if claimed is None or realised is None:
        return Fact("Claimed and realised", "no fill", "Nothing to compare: n = 0.")
    return Fact(
        "Claimed and realised",
        f"{100 * claimed.mean:+.1f} and {100 * realised.mean:+.1f} cents",
        f"Claimed {claimed}. Realised {realised}. One window is no evidence.",
    )


def _pull(report: WindowReport) -> Section:
    states = ", ".join(dict.fromkeys(report.states_visited)) or "not recorded here"
    drawn = pictures.pull_svg(report.pull, report.window_id, "pull")
    rows = [(m.name, wording.milliseconds(m.at_ms), m.note or wording.NOTHING) for m in report.pull]
    return Section(
        "The pull",
        ("Every order must be gone before T\N{MINUS SIGN}2 s.", f"States visited: {states}."),
        [drawn],
        [
            Table(
                "Steps of the pull, relative to T\N{MINUS SIGN}2 s", ("step", "when", "note"), rows
            )
        ],
    )


def _series(part: SeriesReport, kept: KeptWindow) -> Section:
    summary = part.summary
    key = summary.series.lower()
    charts = []
    if part.rungs:
        charts.append(pictures.ladder_svg(part, f"{key}-ladder"))
    if part.quotes or part.fills:
        charts.append(pictures.quotes_svg(part, f"{key}-quotes"))
    verdict = "GO" if summary.go else "NO-GO"
    said = "; ".join(summary.reasons) or "nothing spoke against it"
    return Section(
        part.title,
        (f"{verdict}: {said}.",),
        charts,
        [
            _numbers(part),
            _refusals(part),
            _quoted(part),
            _orders(kept, summary.series),
            _fills(part),
            _thresholds(part),
        ],
    )


def _numbers(part: SeriesReport) -> Table:
    s = part.summary
    rows = [
        ("markets listed", f"{s.markets_listed}"),
        ("scans", f"{part.scans}"),
        ("candidates looked at", f"{s.candidates}"),
        ("orders placed", f"{s.quotes_placed}"),
        ("amended", f"{s.amends}"),
        ("cancelled", f"{s.cancels}"),
        ("fills", f"{s.fills}"),
        ("resting after the pull", wording.resting(s.resting_after_pull)),
        ("pull began", wording.relative(s.pull_started_s)),
        ("book seen empty", wording.relative(s.pull_confirmed_s)),
        ("settled at, points", wording.points(s.settlement_value)),
        ("basis to our feed, points", wording.signed_points(s.basis)),
        ("result", wording.signed_dollars(s.pnl_dollars)),
        ("fees", f"${s.fees_dollars:.2f}"),
    ]
    return Table("In figures", ("what", "value"), rows)


def _refusals(part: SeriesReport) -> Table:
    whole = sum(refusal.count for refusal in part.refusals)
    rows = [
        (
            refusal.code,
            f"{refusal.count}",
            wording.percent(refusal.count / whole),
            f"{refusal.example_ticker or 'the whole series'}: {refusal.example_reason}",
        )
        for refusal in part.refusals
    ]
    return table_or(
        "no candidate was refused",
        f"Why not: {whole} refusals by gate",
        ("gate", "count", "share", "for example"),
        rows,
    )


def _quoted(part: SeriesReport) -> Table:
    rows = [
        (
            wording.relative(q.at_s),
            q.label,
            f"{q.side.value} {wording.contracts(q.size)} at {wording.cents(q.price)}",
            wording.percent(q.probability),
            wording.cents(q.bid),
            wording.cents(q.ask),
            wording.ev_cents(q.ev),
        )
        for q in part.quoted[:MOST]
    ]
    return table_or(
        "nothing was quoted",
        f"Why: {_of(part.quoted)} candidates quoted",
        ("scan", "market", "ours", "model", "bid", "ask", "EV"),
        rows,
    )


def _orders(kept: KeptWindow, series: str) -> Table:
    event = kept.window.event_ticker(series)
    mine = [r for r in kept.rows("ORDER") if str(r["ticker"]).startswith(f"{event}-")]
    mine.sort(key=lambda row: str(row["events"][0]["at"]))
    rows = [
        (
            str(order["ticker"]),
            _ordered(order),
            _life(order),
            str(order.get("why") or wording.NOTHING),
        )
        for order in mine[:MOST]
    ]
    return table_or(
        "no order was written down",
        f"{_of(mine)} orders",
        ("market", "order", "life", "why it ended"),
        rows,
    )


def _ordered(order: Mapping[str, Any]) -> str:
    size, price = wording.contracts(order["size"]), wording.cents(order["price"])
    return f"{order['side']} {size} at {price}"


def _life(order: Mapping[str, Any]) -> str:
    steps = [f"{str(e['at'])[11:19]} {e['status']}" for e in order["events"]]
    return ", ".join(steps)


def _fills(part: SeriesReport) -> Table:
    rows = [
        (
            wording.relative(f.at_s),
            f.label,
            f"{f.side.value} {wording.contracts(f.size)} at {wording.cents(f.price)}",
            wording.signed_cash(f.fee),
            wording.signed_cash(f.pnl),
        )
        for f in part.fills[:MOST]
    ]
    return table_or(
        "no fill", f"{_of(part.fills)} fills", ("when", "market", "ours", "fee", "came to"), rows
    )


def _thresholds(part: SeriesReport) -> Table:
    rows = [
        (
            wording.cents(g.min_ev) + (" (in force)" if g.min_ev == part.min_ev else ""),
            f"{g.passed}",
            f"{g.refused}",
            f"${g.ev_passed:,.2f}",
            f"${g.ev_refused:,.2f}",
        )
        for g in part.thresholds
    ]
    return table_or(
        "no candidate had a price that could rest",
        "What each threshold of expected value would refuse",
        ("at least", "pass", "refused", "EV passed", "EV refused"),
        rows,
    )


def _of(rows: Sequence[Any]) -> str:
    return f"{len(rows)}" if len(rows) <= MOST else f"first {MOST} of {len(rows)}"
