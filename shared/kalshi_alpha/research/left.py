"""What one window left in the artifact store, read once and graded."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from kalshi_alpha.clock import from_iso
from kalshi_alpha.cloud.artifacts import ArtifactStore
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.orders import Fill, Side
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.research.graded import RestedQuote, SeriesGrade, WindowGrade, sharpness_of
from kalshi_alpha.trading.entries import PAPER_ORDER
from kalshi_alpha.trading.grades import PROOF_OF, GradedFill, grade_fill

MARKOUTS_S = (20, 60)  # a scan comes every twenty seconds: the first one this much later, or more
_LATE_S = 40.0  # and no later than this after that
FEED, HEARTBEAT = (
    {"feed-lag", "feed-silence", "feed-delayed"},
    {"heartbeat-missing", "heartbeat-stale"},
)
_ENDED = {"filled", "canceled", "expired", "rejected"}


class Left:
    """What one window left, read once."""

    def __init__(self, store: ArtifactStore, window: Window, registry: Registry) -> None:
        self._store, self.window, self._registry = store, window, registry
        self._folder = f"windows/{window.window_id}"
        self.seen = [unpacked(store.read(key)) for key in store.keys(f"{self._folder}/seen/")]
        self._scans = [json.loads(store.read(key)) for key in store.keys(f"{self._folder}/scan/")]
        self._whys = [
            json.loads(line)
            for key in store.keys(f"{self._folder}/why/")
            for line in store.read(key).splitlines()
        ]
        self._summary = self._optional("summary.json")
        books = self._optional("books.json.gz") or {}
        self._entries: list[dict[str, Any]] = list(books.get("entries", []))

    @property
    def verified(self) -> bool:
        """Say whether the venue's lists or balance were compared with our books."""
        return self._summary is not None

    def graded(self) -> WindowGrade:
        """Return the grade."""
        return WindowGrade(
            window_id=self.window.window_id,
            series=tuple(self._series(name) for name in self.window.series),
            incidents=tuple(self._incidents()),
            differences=tuple(self._differences()),
        )

    def _optional(self, name: str) -> dict[str, Any] | None:
        key = f"{self._folder}/{name}"
        if key not in self._store.keys(key):
            return None
        data = self._store.read(key)
        return unpacked(data) if name.endswith(".gz") else dict(json.loads(data))

    def _series(self, name: str) -> SeriesGrade:
        found = self._registry.series[name]
        whys = [doc for doc in self._whys if doc["series"] == name]
        fills = [fill for fill in self._fills() if fill.ticker.partition("-")[0] == name]
        graded = [(fill, self._grade(fill, whys, found.family, found.kind)) for fill in fills]
        stopped = [doc for doc in whys if not doc["ticker"]]
        summary = (self._summary or {}).get("series", {}).get(name, {})
        refused = tuple(sorted({d["reason"] for d in stopped if d["code"] == "preflight"}))
        go = bool((self._summary or {}).get("go")) and not refused
        return SeriesGrade(
            series=name,
            family=found.family,
            go=go,
            reasons=refused or tuple(map(str, (self._summary or {}).get("reasons", []))),
            fills=tuple(grade for _, grade in graded if grade is not None),
            ungraded=tuple(fill.fill_id for fill, grade in graded if grade is None),
            quotes=tuple(self._quotes(name, whys, fills)),
            scans=len({doc["revision"] for doc in whys}),
            scans_feed=len({d["revision"] for d in stopped if d["code"] in FEED}),
            scans_heartbeat=len({d["revision"] for d in stopped if d["code"] in HEARTBEAT}),
            last_age_s=self._last_age(found.symbol),
            sharpness=self._sharpness(name),
            pnl=int(summary.get("pnl", 0)),
            fees=int(summary.get("fees", 0)),
        )

    def _fills(self) -> list[Fill]:
        return [_fill(doc) for doc in self._entries if doc["sk"].startswith("FILL#")]

    def _grade(
        self, fill: Fill, whys: Sequence[dict[str, Any]], family: str, kind: str
    ) -> GradedFill | None:
        return grade_fill(
            fill,
            whys,
            day=self.window.day,
            window_id=self.window.window_id,
            fixing=self.window.fixing,
            family=family,
            kind=kind,
            proof=PROOF_OF["paper" if fill.order_id.startswith(PAPER_ORDER) else "live"],
            yes_value=self._yes_value(fill.ticker),
            markouts=self._markouts(fill),
        )

    def _yes_value(self, ticker: str) -> float | None:
        rows = [d for d in self._entries if d["sk"] == f"SETTLEMENT#{ticker}"]
        if not rows:
            return None
        result = str(rows[0]["result"])
        if result in ("yes", "no"):
            return float(result == "yes")
        return self._scalar(ticker, int(rows[0]["revenue"]))

    def _scalar(self, ticker: str, revenue: int) -> float | None:
        """Return what YES paid from what all fills of the market were paid together."""
        mine = [fill for fill in self._fills() if fill.ticker == ticker]
        bought = sum(fill.size for fill in mine if fill.side is Side.BID)
        sold = sum(fill.size for fill in mine if fill.side is Side.ASK)
        return None if bought == sold else (revenue / PRICE_UNIT - sold) / (bought - sold)

    def _markouts(self, fill: Fill) -> dict[int, float]:
        """Return the value of the first scan that much later, less the price, by side."""
        series = fill.ticker.partition("-")[0]
        later = []
        for scan in self._scans:
            rows = scan["series"].get(series, {}).get("ladder", [])
            after = (from_iso(scan["at"]) - fill.at).total_seconds()
            later += [(after, row["probability"]) for row in rows if row["ticker"] == fill.ticker]
        found = {}
        for wait in MARKOUTS_S:
            near = [pair for pair in sorted(later) if wait <= pair[0] <= wait + _LATE_S]
            if near:
                found[wait] = fill.side.sign * (near[0][1] - fill.price / PRICE_UNIT)
        return found

    def _quotes(
        self, series: str, whys: Sequence[dict[str, Any]], fills: Sequence[Fill]
    ) -> Iterable[RestedQuote]:
        orders = (doc for doc in self._entries if doc["sk"].startswith("ORDER#"))
        for doc in orders:
            if doc["ticker"].partition("-")[0] == series:
                yield from _rested(doc, whys, fills, self.window)

    def _last_age(self, symbol: str) -> float | None:
        beats = [
            b["item"]
            for doc in self.seen
            for b in doc.get("heartbeats", ())
            if b["symbol"] == symbol
        ]
        last = next((beat for beat in reversed(beats) if beat), None)
        return None if last is None else float(last["lag_s"]) + float(last["silence_s"])

    def _sharpness(self, name: str) -> Any:
        settled = (self._summary or {}).get("series", {}).get(name, {}).get("settlement_value")
        if settled is None:
            return None
        found = self._registry.series[name]
        rows = [scan["series"].get(name, {}).get("ladder", []) for scan in self._scans]
        return sharpness_of(
            rows, found.kind, round(settled * found.ticks_per_point), found.ticks_per_point
        )

    def _incidents(self) -> Iterable[str]:
        if self._summary is None:
            yield "the window left no summary: its books were never closed"
            return
        yield from map(str, self._summary.get("cooling_off", []))
        yield from map(str, self._summary.get("cautions", []))
        if any(d["status"] == "unknown" for d in self._entries if d["sk"].startswith("ORDER#")):
            yield "an order's end is unknown"

    def _differences(self) -> Iterable[str]:
        if self._summary is None:
            return
        cash = self._summary.get("cash_difference")
        if cash:
            yield f"{self.window.window_id}: the balance differs by {cash / 1e6:+.6f} dollars"
        for name in ("contradictions", "fee_differences"):
            yield from (f"{self.window.window_id}: {said}" for said in self._summary.get(name, []))


def _rested(
    doc: dict[str, Any], whys: Sequence[dict[str, Any]], fills: Sequence[Fill], window: Window
) -> Iterable[RestedQuote]:
    """Yield an order's rests: from each price it took to the next, its fill or its end."""
    events = [(from_iso(e["at"]), e) for e in doc.get("events", [])]
    starts = [(at, e) for at, e in events if e["status"] == "resting"]
    ends = [at for at, e in events if e["status"] in _ENDED]
    last = min([*ends, from_iso(doc["expires_at"])])
    filled = sorted(f.at for f in fills if f.order_id and f.order_id == doc.get("order_id"))
    for place, (start, event) in enumerate(starts):
        until = starts[place + 1][0] if place + 1 < len(starts) else last
        hits = [at for at in filled if at < until or until == last]
        hit = next((at for at in hits if at >= start or place == 0), None)
        claim = _claim(doc, whys, start)
        if claim is None:
            continue
        end = until if hit is None else min(hit, until)
        tops = (claim["bid"], claim["ask"])
        yield RestedQuote(
            ticker=doc["ticker"],
            side=doc["side"],
            price=int(event.get("price", doc["price"])),
            size=int(doc["size"]),
            probability=float(claim["probability"]),
            spread=None if None in tops else (tops[1] - tops[0]) / 100.0,
            seconds_to_fixing=(window.fixing - start).total_seconds(),
            rested_s=max(0.0, (end - start).total_seconds()),
            filled=hit is not None,
        )
        if hit is not None:
            return


def _claim(
    doc: dict[str, Any], whys: Sequence[dict[str, Any]], at: datetime
) -> dict[str, Any] | None:
    wanted = [
        (from_iso(why["at"]), why)
        for why in whys
        if why["ticker"] == doc["ticker"]
        and why["side"] == doc["side"]
        and why["decision"] == "quote"
        and from_iso(why["at"]) <= at
    ]
    return max(wanted, key=lambda pair: pair[0])[1] if wanted else None


def unpacked(data: bytes) -> dict[str, Any]:
    """Return a compressed JSON object; raise ``DataError`` when it is none."""
    try:
        return dict(json.loads(gzip.decompress(data)))
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"an artifact of a window cannot be unpacked: {error}") from None


def _fill(doc: dict[str, Any]) -> Fill:
    return Fill(
        fill_id=str(doc["fill_id"]),
        order_id=str(doc["order_id"]),
        ticker=str(doc["ticker"]),
        side=Side(doc["side"]),
        price=int(doc["price"]),
        size=int(doc["size"]),
        is_taker=bool(doc["is_taker"]),
        fee=int(doc["fee"]),
        at=from_iso(doc["at"]),
    )
