"""One series of one window, out of everything the window left, as a page shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kalshi_alpha.clock import NEW_YORK, from_iso
from kalshi_alpha.markets.orders import Fill, Side
from kalshi_alpha.markets.registry import Series
from kalshi_alpha.markets.units import CASH_UNIT
from kalshi_alpha.reports.kept import KeptWindow
from kalshi_alpha.reports.model import (
    FillMark,
    LevelPoint,
    QuotedRow,
    QuoteSpan,
    RefusalCount,
    Rung,
    SeriesReport,
)
from kalshi_alpha.reports.subject import subject_of
from kalshi_alpha.reports.summary import SeriesSummary
from kalshi_alpha.trading.thresholds import threshold_grid

_RESTS = frozenset({"resting", "partly_filled"})
_KINDS = {"above": "above or below", "range": "ranges"}


class SeriesView:
    """One series of one window, out of everything the window left."""

    def __init__(self, kept: KeptWindow, series: Series) -> None:
        self._kept, self._series, self._subject = kept, series, subject_of(series)
        self._window, self._scans = kept.window, kept.scans
        event = self._window.event_ticker(series.ticker)
        mine = [r for r in kept.entries if str(r.get("ticker", "")).startswith(f"{event}-")]
        self._orders = [row for row in mine if row["sk"].startswith("ORDER#")]
        self._fills = sorted(
            (row for row in mine if row["sk"].startswith("FILL#")), key=lambda row: str(row["at"])
        )
        self._settled = {r["ticker"]: r for r in mine if r["sk"].startswith("SETTLEMENT#")}
        self._closed = kept.closed.get("series", {}).get(series.ticker, {})
        self._pull = kept.parts.get("PULL-armed") or {}
        self._whys = [w for w in kept.whys if w["series"] == series.ticker]

    def report(self, *, matches: bool) -> SeriesReport:
        """Return everything shown of the series; ``matches`` says whether the books agree."""
        whys = self._whys
        found = [self._of_scan(scan) for scan in self._scans]
        # The scan with the most rungs: near the fixing most strikes are decided.
        rungs = [len(scan["ladder"]) for scan in found]
        shown = rungs.index(max(rungs)) if any(rungs) else None
        return SeriesReport(
            summary=self.summary(matches=matches),
            title=self._title(),
            scans=len(self._scans),
            ladder_at_s=None if shown is None else self._s(self._scans[shown]["at"]),
            rungs=() if shown is None else self._rungs(self._scans[shown]),
            level=self._level(),
            quotes=tuple(span for order in self._orders for span in self._spans(order)),
            fills=tuple(self.mark(fill) for fill in self._fills),
            refusals=_refusals(whys),
            quoted=tuple(self._quoted(w) for w in whys if w["decision"] == "quote"),
            thresholds=threshold_grid(ev for s in found for ev in s["best_evs"]),
            min_ev=self._series.quoting.min_ev,
            subject=self._subject,
        )

    def summary(self, *, matches: bool) -> SeriesSummary:
        """Return the series' row of the summary."""
        mine = self._kept.record.get("series", {}).get(self._series.ticker, {})
        amends = sum("wanted" in event for order in self._orders for event in order["events"])
        frozen = self._kept.parts.get("PULL-sentry", {})
        reasons = [reason["reason"] for reason in mine.get("reasons", [])]
        if frozen.get("found"):
            reasons.append(str(frozen["reason"]))
        return SeriesSummary(
            window_id=self._window.window_id,
            series=self._series.ticker,
            go=bool(mine.get("go")),
            reasons=tuple(reasons),
            markets_listed=int(mine.get("markets_listed") or 0),
            candidates=sum(1 for w in self._whys if w["side"]),
            quotes_placed=sum(1 for order in self._orders if order.get("order_id")),
            amends=amends,
            cancels=sum(1 for order in self._orders if order["status"] == "canceled"),
            fills=len(self._fills),
            resting_after_pull=int(self._pull.get("resting_after", -1)),
            pull_started_s=self._pull.get("started_s"),
            pull_confirmed_s=self._pull.get("confirmed_s"),
            settlement_value=self._closed.get("settlement_value"),
            basis=self._closed.get("basis"),
            pnl_dollars=self._closed.get("pnl", 0) / CASH_UNIT,
            fees_dollars=self._closed.get("fees", 0) / CASH_UNIT,
            ledger_matches_exchange=matches,
            states_visited=self._kept.visited,
        )

    def _of_scan(self, scan: Mapping[str, Any]) -> Mapping[str, Any]:
        nothing: dict[str, Any] = {"value": None, "ladder": [], "best_evs": []}
        found: Mapping[str, Any] = scan["series"].get(self._series.ticker, nothing)
        return found

    def _title(self) -> str:
        hour = self._window.fixing.astimezone(NEW_YORK)
        name, kind = self._subject.name, self._series.kind
        return f"{name} {_KINDS[kind]}, {hour:%H:%M} New York ({self._series.ticker})"

    def _rungs(self, scan: Mapping[str, Any]) -> tuple[Rung, ...]:
        quoted = {t["ticker"]: (Side(t["side"]), t["price"]) for t in scan["plan"]["targets"]}
        return tuple(
            Rung(
                ticker=rung["ticker"],
                label=self._label(rung["low"], rung["high"]),
                low=self._points(rung["low"]),
                high=self._points(rung["high"]),
                probability=rung["probability"],
                bid=rung["bid"],
                ask=rung["ask"],
                quoted=quoted.get(rung["ticker"], (None, None))[0],
                quoted_price=quoted.get(rung["ticker"], (None, None))[1],
            )
            for rung in self._of_scan(scan)["ladder"]
        )

    def _level(self) -> tuple[LevelPoint, ...]:
        seen = self._kept.levels.get(self._series.symbol, ())
        fixing = self._window.fixing
        if seen or self._subject.is_index:
            return tuple(LevelPoint((at - fixing).total_seconds(), value) for at, value in seen)
        values = [(scan["at"], self._of_scan(scan)["value"]) for scan in self._scans]
        return tuple(LevelPoint(self._s(at), value) for at, value in values if value is not None)

    def _spans(self, order: Mapping[str, Any]) -> Iterator[QuoteSpan]:
        """Yield one span for each price the order rested at."""
        rested = [e for e in order["events"] if e["status"] in _RESTS and "price" in e]
        for i, event in enumerate(rested):
            start = self._s(event["at"])
            if i + 1 < len(rested):
                end, how = self._s(rested[i + 1]["at"]), "amend"
            else:
                end, how = self._end(order)
            yield QuoteSpan(
                ticker=order["ticker"],
                label=self.label_of(order["ticker"]),
                side=Side(order["side"]),
                price=int(event["price"]),
                size=int(order["size"]),
                start_s=start,
                end_s=max(start, end),
                ended_by=how,
            )

    def _end(self, order: Mapping[str, Any]) -> tuple[float, str]:
        fills = [self._s(f["at"]) for f in self._fills if f["order_id"] == order.get("order_id")]
        if order["status"] == "filled" and fills:
            return max(fills), "fill"
        pulled = self._pull.get("confirmed_s")
        seen = self._s(order["events"][-1]["at"])
        expiry = (self._window.pull_at - self._window.fixing).total_seconds()
        if order["status"] == "canceled" and (pulled is None or seen < pulled):
            return min(seen, expiry), "cancel"
        return (expiry, "expiry") if pulled is None else (pulled, "pull")

    def mark(self, row: Mapping[str, Any]) -> FillMark:
        """Return what is shown of one fill of the ledger."""
        fill = Fill(
            row["fill_id"], row["order_id"], row["ticker"], Side(row["side"]), row["price"],
            row["size"], row["is_taker"], row["fee"], from_iso(row["at"]),
        )  # fmt: skip
        settled = self._settled.get(fill.ticker)
        pnl = None
        if settled and settled["result"] in {"yes", "no"}:
            pays = (settled["result"] == "yes") == (fill.side is Side.BID)
            pnl = fill.cash + (10_000 * fill.size if pays else 0)
        return FillMark(
            at_s=self._s(row["at"]),
            ticker=fill.ticker,
            label=self.label_of(fill.ticker),
            side=fill.side,
            price=fill.price,
            size=fill.size,
            fee=fill.fee,
            pnl=pnl,
        )

    def _quoted(self, why: Mapping[str, Any]) -> QuotedRow:
        return QuotedRow(
            at_s=self._s(why["at"]),
            ticker=why["ticker"],
            label=self.label_of(why["ticker"]),
            side=Side(why["side"]),
            price=why["price"],
            size=why["size"],
            probability=why["probability"],
            ev=why["ev"],
            bid=why["bid"],
            ask=why["ask"],
        )

    def label_of(self, ticker: str) -> str:
        """Return what a person calls a market; its ticker when no scan looked at it."""
        for scan in reversed(self._scans):
            for rung in self._of_scan(scan)["ladder"]:
                if rung["ticker"] == ticker:
                    return self._label(rung["low"], rung["high"])
        return ticker

    def _label(self, low: int | None, high: int | None) -> str:
        if high is None:
            return "any" if low is None else f"{self._strike(low)} or above"
        if low is None:
            return f"below {self._strike(high + 1)}"
        return f"{self._strike(low)} to {self._strike(high + 1)}"

    def _strike(self, ticks: int) -> str:
        return self._subject.strike(ticks / self._series.ticks_per_point)

    def _points(self, ticks: int | None) -> float | None:
        return None if ticks is None else ticks / self._series.ticks_per_point

    def _s(self, instant: str) -> float:
        return (from_iso(instant) - self._window.fixing).total_seconds()


def _refusals(whys: Sequence[Mapping[str, Any]]) -> tuple[RefusalCount, ...]:
    refused = [w for w in whys if w["decision"] == "refuse"]
    counts = Counter(w["code"] for w in refused)
    examples = {w["code"]: w for w in reversed(refused)}
    return tuple(
        RefusalCount(code, count, examples[code]["ticker"], examples[code]["reason"])
        for code, count in counts.most_common()
    )
