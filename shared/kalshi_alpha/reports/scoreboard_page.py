"""The scoreboard as a page: 7 days, 30 days and all, per series and per family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kalshi_alpha.errors import DataError
from kalshi_alpha.reports import wording
from kalshi_alpha.reports.plots import Estimate, forest_svg
from kalshi_alpha.reports.study import Fact, Section, Study, Table, table_or

SCHEMA = "kalshi-alpha/scoreboard/1"


def scoreboard_page(
    board: Mapping[str, Any],
    *,
    provenance: Sequence[tuple[str, str]],
    banner: str = "",
    links: Sequence[tuple[str, str]] = (),
) -> Study:
    """Return the page of a scoreboard's JSON; raise ``DataError`` on another schema."""
    if board.get("schema") != SCHEMA:
        raise DataError(f"the scoreboard has the schema {board.get('schema')!r}, not {SCHEMA}")
    spans = board["spans"]
    return Study(
        title=f"Scoreboard of {board['day']}",
        lead=(
            f"From the {board['source']} broker, as of {board['at']}. Each mean says how many "
            "fills and days it rests on; intervals are by days, for fills of one day share its "
            "news. Where there are too few days for one, it is missing and says so."
        ),
        facts=_facts(spans),
        sections=[_span(span) for span in spans],
        provenance=provenance,
        banner=banner,
        links=links,
    )


def said(stat: Mapping[str, Any] | None) -> str:
    """Write an estimate with its sample and interval; dollars a contract are said in cents."""
    if not stat or stat.get("estimate") is None:
        return "n = 0"
    sample = f"n = {stat.get('n', 0)} on {stat.get('days', 0)} days"
    return f"{wording.ev_cents(stat['estimate'])}, {_interval(stat)}, {sample}"


def _interval(stat: Mapping[str, Any]) -> str:
    if stat.get("low") is None or stat.get("high") is None:
        return "too few days for an interval"
    return f"95 % from {wording.ev_cents(stat['low'])} to {wording.ev_cents(stat['high'])}"


def _facts(spans: Sequence[Mapping[str, Any]]) -> list[Fact]:
    if not spans or not spans[-1]["rows"]:
        return [Fact("Windows", "none", "No window has left anything yet: n = 0.")]
    rows = [row for row in spans[-1]["rows"] if row["series"]]
    fills = sum(int(row["fills"]) for row in rows)
    windows = sum(int(row["windows"]) for row in rows)
    incidents = sum(len(row["incidents"]) for row in rows)
    result = sum(float(row["pnl_dollars"]) for row in rows)
    return [
        Fact("Windows", f"{windows}", "Series and fixings that left anything, all days."),
        Fact("Fills", f"{fills}", "All days, all series."),
        Fact("Result", wording.signed_dollars(result), f"After fees, n = {fills} fills."),
        Fact(
            "Incidents",
            f"{incidents}",
            "Each is named below." if incidents else "None was written down.",
            "bad" if incidents else "good",
        ),
    ]


def _span(span: Mapping[str, Any]) -> Section:
    rows = span["rows"]
    key = "".join(c for c in str(span["span"]) if c.isalnum())
    drawn = [
        Estimate(f"{_name(row)}, {what}", stat["estimate"], stat["low"], stat["high"], _n(stat))
        for row in rows
        for what, stat in (("claimed", row["ev_claimed"]), ("realised", row["realised"]))
        if stat and stat.get("estimate") is not None
    ]
    title = f"Expected value claimed and realised, {span['span']}"
    charts = (
        [forest_svg(drawn, f"s{key}", title, "dollars a contract", wording.ev_cents)]
        if drawn
        else []
    )
    when = f"{span['first_day']} to {span['last_day']}."
    empty = () if drawn else ("There was no fill, so there is no picture: n = 0.",)
    return Section(str(span["span"]), (when, *empty), charts, [*_tables(rows), _incidents(rows)])


def _tables(rows: Sequence[Mapping[str, Any]]) -> list[Table]:
    money = [
        (
            _name(row),
            f"{row['windows']}",
            f"{row['go_windows']} of {row['windows']}",
            f"{row['fills']}",
            said(row["ev_claimed"]),
            said(row["realised"]),
            f"${row['fees_dollars']:.2f}",
            wording.signed_dollars(row["pnl_dollars"]),
        )
        for row in rows
    ]
    quality = [
        (
            _name(row),
            _alpha(row["alpha"]),
            "; ".join(f"after {k} s: {said(v)}" for k, v in row["markouts"].items()) or "n = 0",
            f"{row['quotes']} for {row['quote_seconds']:,.0f} s",
            f"{row['quote_dollar_seconds']:,.0f} dollar seconds",
            _score(row, "brier"),
            _score(row, "crps"),
            _or_dash(row["calibration_age_days"], "{:.0f} days"),
            _or_dash(row["last_age_s"], "{:.2f} s"),
        )
        for row in rows
    ]
    return [
        table_or(
            "no window",
            "What was claimed and what it came to",
            ("series", "windows", "go", "fills", "EV claimed", "realised", "fees", "result"),
            money,
        ),
        table_or(
            "no window",
            "How good the fills, the law and the feed were",
            (
                *("series", "fills against predicted", "markouts", "quotes", "at risk"),
                *("Brier, ours and the market's", "CRPS", "parameters", "index at the last scan"),
            ),
            quality,
        ),
    ]


def _incidents(rows: Sequence[Mapping[str, Any]]) -> Table:
    found = [
        (f"{each['day']} {each['window_id']}", str(each["what"]))
        for row in rows
        if row["series"]
        for each in row["incidents"]
    ]
    return table_or("none was written down", "Incidents", ("window", "what"), found)


def _name(row: Mapping[str, Any]) -> str:
    return str(row["series"] or f"{row['family']} family")


def _n(stat: Mapping[str, Any]) -> str:
    return f"n = {stat.get('n', 0)}"


def _alpha(alpha: Mapping[str, Any] | None) -> str:
    if not alpha:
        return "no fill model"
    return f"{alpha['observed']:g} against {alpha['predicted']:.1f} predicted"


def _score(row: Mapping[str, Any], name: str) -> str:
    ours, market, gain = (row[f"{name}_{which}"] for which in ("ours", "market", "gain"))
    if not ours:
        return "n = 0"
    against = f"{market['estimate']:.4f}" if market else "no market price"
    interval = "too few days for an interval"
    if gain and gain["low"] is not None:
        interval = f"gain 95 % from {gain['low']:+.4f} to {gain['high']:+.4f}"
    return f"{ours['estimate']:.4f} and {against}, n = {ours['n']}, {interval}"


def _or_dash(value: float | None, form: str) -> str:
    return wording.NOTHING if value is None else form.format(value)
