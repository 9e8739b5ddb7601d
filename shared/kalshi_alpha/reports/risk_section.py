"""What a day's fixings might have lost, by the last scan of each window: figures with words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kalshi_alpha.markets.registry import RiskLimits
from kalshi_alpha.markets.units import CASH_UNIT
from kalshi_alpha.reports import wording
from kalshi_alpha.reports.kept import KeptWindow
from kalshi_alpha.reports.plots import bars_svg
from kalshi_alpha.reports.study import Section, Table

_COLUMNS = ("window", "scanned", "held", "wanted", "value at risk", "shortfall", "worst case")


def risk_section(windows: Sequence[KeptWindow], limits: RiskLimits) -> Section:
    """Return the section of a day's risk: worst case, expected shortfall and value at risk.

    The figures are those that each window's last scan left, of its whole fixing: what was held
    and wanted there by every window, each order filled where it loses.
    """
    last = [(kept, doc) for kept in windows if (doc := _last_risk(kept)) is not None]
    if not last:
        said = "No scan of the day left its risk: nothing was priced, so nothing was weighed."
        return Section("Risk", (said,))
    rows = [_row(kept, doc) for kept, doc in last]
    bars = [(_name(kept), -doc["fixing"]["worst"] / CASH_UNIT) for kept, doc in last]
    drawn = bars_svg(bars, "risk", "Worst case at the last scan", "dollars", wording.signed_dollars)
    table = Table("At each window's last scan, of its whole fixing", _COLUMNS, rows)
    return Section("Risk", _said(last, limits), [drawn], [table])


def _last_risk(kept: KeptWindow) -> Mapping[str, Any] | None:
    for scan in reversed(kept.scans):
        doc: Mapping[str, Any] | None = scan.get("risk")
        if doc is not None and doc.get("fixing") is not None:
            return doc
    return None


def _said(
    last: Sequence[tuple[KeptWindow, Mapping[str, Any]]], limits: RiskLimits
) -> tuple[str, ...]:
    fixings: dict[str, Mapping[str, Any]] = {}
    for kept, doc in sorted(last, key=lambda one: str(one[1]["at"])):
        fixings[kept.window.window_id[:13]] = doc["fixing"]  # the later scan knows of both windows
    worst = sum(one["worst"] for one in fixings.values())
    shortfall = sum(one["shortfall"] for one in fixings.values())
    limit, level = limits.max_shortfall, wording.percent(limits.level)
    over = [name for name, one in fixings.items() if one["shortfall"] > limit]
    held = f"over it: {', '.join(over)}" if over else "no fixing was over it"
    meant = (
        "The worst case needs no model: what every holding and order can lose at any level of the "
        f"indices. Value at risk is the loss that the law expects not to be passed in {level} of "
        "cases; shortfall is the mean of the losses beyond it. A loss is written positive; a "
        "figure below nought is a gain that even then remained."
    )
    came_to = (
        f"Over {wording.count(len(fixings), 'fixing')} the worst cases add up to {_loss(worst)} "
        f"and the shortfalls, a bound on that of all together, to {_loss(shortfall)}. "
        f"The limit on one fixing's shortfall is {_loss(limit)}; {held}."
    )
    return meant, came_to


def _row(kept: KeptWindow, doc: Mapping[str, Any]) -> tuple[str, ...]:
    fixing = doc["fixing"]
    return (
        kept.window.window_id,
        f"{str(doc['at'])[11:19]} UTC",
        wording.contracts(_size(doc, "held")),
        wording.contracts(_size(doc, "resting")),
        _loss(fixing["var"]),
        _loss(fixing["shortfall"]),
        _loss(fixing["worst"]),
    )


def _size(doc: Mapping[str, Any], state: str) -> int:
    return sum(one["size"] for symbol in doc["symbols"].values() for one in symbol[state])


def _name(kept: KeptWindow) -> str:
    return f"{kept.window.window_id[9:13]} {kept.window.group}"


def _loss(cash: int) -> str:
    """Write what may be lost; a gain has a minus."""
    return f"{wording.MINUS * (round(cash / CASH_UNIT, 2) < 0)}${abs(cash) / CASH_UNIT:,.2f}"
