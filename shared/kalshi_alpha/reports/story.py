"""A window, or one market of it, told in plain sentences, from what it left and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import Registry, Series
from kalshi_alpha.markets.tickers import parse_market
from kalshi_alpha.markets.units import CASH_UNIT
from kalshi_alpha.pricing.laws import law_from_json
from kalshi_alpha.reports import wording
from kalshi_alpha.reports.kept import KeptWindow
from kalshi_alpha.reports.series_view import SeriesView
from kalshi_alpha.reports.subject import subject_of


@dataclass(frozen=True, slots=True)
class Chapter:
    """One step of the story: a name and its sentences."""

    name: str
    sentences: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready copy."""
        return {"name": self.name, "sentences": list(self.sentences)}


def tell(kept: KeptWindow, registry: Registry, market: str = "") -> list[Chapter]:
    """Return the story from listing to outcome, of all series or of one market.

    Args:
        kept: what the window left.
        registry: what trades.
        market: a market's ticker; empty for the whole window.

    Raises:
        DataError: when the market is of another window, or of no series here.
    """
    if market:
        name = parse_market(market).event.series
        event = kept.window.event_ticker(name) if name in kept.window.series else ""
        if not event or not market.startswith(f"{event}-"):
            events = ", ".join(kept.window.event_ticker(s) for s in kept.window.series)
            raise DataError(
                f"{market} is not of the window {kept.window.window_id}, whose events are {events}"
            )
        return _Teller(kept, registry.series[name], market).chapters()
    whole = [Chapter("window", _window(kept))]
    for name in kept.window.series:
        told = _Teller(kept, registry.series[name], "").chapters()
        whole += [Chapter(f"{name}: {one.name}", one.sentences) for one in told]
    return whole


def _window(kept: KeptWindow) -> tuple[str, ...]:
    said = [f"{kept.window.window_id} fixes on {wording.new_york(kept.window.fixing)}."]
    if kept.banner:
        said.append(kept.banner)
    go = kept.record.get("go")
    reasons = "; ".join(map(str, kept.record.get("reasons", [])))
    said.append(f"Preflight said {'GO' if go else 'NO-GO'}{': ' + reasons if reasons else ''}.")
    if kept.failure:
        said.append(f"The execution did not end well: {kept.failure}.")
    said.append(f"It was scanned {len(kept.scans)} times; orders went to the {kept.broker} broker.")
    return tuple(said)


class _Teller:
    def __init__(self, kept: KeptWindow, series: Series, market: str) -> None:
        self._kept, self._series, self._market = kept, series, market
        self._subject = subject_of(series)
        event = kept.window.event_ticker(series.ticker)
        self._mine = market or f"{event}-"
        self._whys = [
            why
            for why in kept.whys
            if (why["ticker"] == market if market else why["series"] == series.ticker)
        ]
        self._orders = sorted(self._rows("ORDER"), key=lambda row: str(row["events"][0]["at"]))
        self._fills = sorted(self._rows("FILL"), key=lambda row: str(row["at"]))

    def chapters(self) -> list[Chapter]:
        made = (
            *(("listing", self._listing()), ("reading", self._reading()), ("law", self._law())),
            *(("fair price", self._fair()), ("book", self._book()), ("edge", self._edge())),
            *(("gates", self._gates()), ("size", self._size()), ("orders", self._placed())),
            *(("fills", self._filled()), ("outcome", self._outcome())),
        )
        return [Chapter(name, tuple(sentences)) for name, sentences in made]

    def _rows(self, kind: str) -> list[Mapping[str, Any]]:
        rows = self._kept.rows(kind)
        if self._market:
            return [row for row in rows if row["ticker"] == self._market]
        return [row for row in rows if str(row["ticker"]).startswith(self._mine)]

    def _listing(self) -> list[str]:
        judged = self._kept.record.get("series", {}).get(self._series.ticker, {})
        listed = judged.get("markets_listed")
        said = [
            "The venue's listing could not be used."
            if listed is None
            else (
                f"The venue listed {listed} markets, fee type {judged.get('fee_type')} with "
                f"multiplier {judged.get('fee_multiplier')}."
            )
        ]
        said += [f"Preflight: {reason['reason']}." for reason in judged.get("reasons", [])]
        rung = self._rung(self._kept.scans[0] if self._kept.scans else None)
        if self._market and rung:
            fixes = "the index fixes" if self._subject.is_index else "the figure is printed as"
            said.append(f"This market pays when {fixes} {self._label()}.")
        elif self._market and not self._whys:
            said.append(
                "This market was never a candidate: it was not listed, or its probability was so "
                "near 0 or 1 that its book was not read."
            )
        return said

    def _reading(self) -> list[str]:
        seen = [
            (s["at"], s["series"].get(self._series.ticker, {}).get("value")) for s in self._scans
        ]
        values = [(at, value) for at, value in seen if value is not None]
        if not values:
            return [f"No scan had a reading of {self._series.symbol} it could use."]
        (first_at, first), (last_at, last) = values[0], values[-1]
        value, name = self._subject.value, self._series.symbol
        said = f"{name} read" if self._subject.is_index else f"The law of {name} stood around"
        then = f"{value(last)} at {_time(last_at)}, over n = {wording.count(len(values), 'scan')}."
        return [f"{said} {value(first)} at {_time(first_at)} and {then}"]

    def _law(self) -> list[str]:
        made = self._kept.parts.get("LAW", {}).get(self._series.symbol, {})
        if not made:
            return ["No law was kept: nothing was priced."]
        return [
            f"The {which} law, at {_time(law['at'])}, {_spread(law)}"
            for which, law in sorted(made.items())
        ]

    def _fair(self) -> list[str]:
        if not self._market:
            counts = [
                len(s["series"].get(self._series.ticker, {}).get("ladder", [])) for s in self._scans
            ]
            return [f"{max(counts, default=0)} markets were near enough to even to be looked at."]
        return [
            f"At {_time(scan['at'])} it was worth {100 * rung['probability']:.1f} cents."
            for scan in self._scans
            if (rung := self._rung(scan))
        ] or ["It was never priced close enough to even to be looked at."]

    def _book(self) -> list[str]:
        if not self._market:
            return [f"{len({w['ticker'] for w in self._whys if w['side']})} books were read."]
        return [
            f"At {_time(scan['at'])} others bid {wording.cents(rung['bid'])} and asked "
            f"{wording.cents(rung['ask'])}."
            for scan in self._scans
            if (rung := self._rung(scan))
        ] or ["Its book was not read."]

    def _edge(self) -> list[str]:
        priced = [why for why in self._whys if why["best_ev"] is not None]
        if not priced:
            return ["No price that could rest had an edge to speak of."]
        best = max(priced, key=lambda why: float(why["best_ev"]))
        threshold = wording.cents(self._series.quoting.min_ev)
        where = f"on the {best['side']} of {best['ticker']} at {_time(best['at'])}"
        most = wording.ev_cents(best["best_ev"])
        said = f"The best edge of n = {len(priced)} looks was {most} a contract after fees"
        return [f"{said}, {where}; the threshold is {threshold}."]

    def _gates(self) -> list[str]:
        refused = [why for why in self._whys if why["decision"] == "refuse"]
        quoted = len(self._whys) - len(refused)
        said = [f"Of {len(self._whys)} looks {quoted} passed every gate."]
        if self._market:
            return said + [
                f"At {_time(why['at'])} the {why['side'] or 'whole market'} was refused by "
                f"{why['code']}: {why['reason']}."
                for why in refused
            ]
        examples = {why["code"]: why for why in reversed(refused)}
        return said + [
            f"{code} refused {count}, for example {examples[code]['ticker'] or 'all of it'}: "
            f"{examples[code]['reason']}."
            for code, count in Counter(why["code"] for why in refused).most_common()
        ]

    def _size(self) -> list[str]:
        sizes = Counter(why["size"] for why in self._whys if why["decision"] == "quote")
        if not sizes:
            return ["Nothing was sized, for nothing passed."]
        most = self._series.caps.max_size
        return [
            f"{wording.contracts(size)} contracts were wanted {wording.count(times, 'time')}; "
            f"the cap a strike is {wording.contracts(most)}."
            for size, times in sizes.items()
        ]

    def _placed(self) -> list[str]:
        if not self._orders:
            return ["No order was sent."]
        return [_order(order) for order in self._orders]

    def _filled(self) -> list[str]:
        if not self._fills:
            return ["Nothing was filled: n = 0."]
        view = SeriesView(self._kept, self._series)
        return [
            f"At {_time(fill['at'])} {fill['ticker']}: {_taken(fill)}, fee "
            f"{wording.signed_cash(fill['fee'])}, came to "
            f"{wording.signed_cash(view.mark(fill).pnl)}."
            for fill in self._fills
        ]

    def _outcome(self) -> list[str]:
        closed = self._kept.closed.get("series", {}).get(self._series.ticker)
        if closed is None or closed["settlement_value"] is None:
            return ["It has not settled."]
        basis = wording.signed_points(closed["basis"])
        settled_at = self._subject.value(closed["settlement_value"])
        from_feed = f", {basis} points from our feed" if self._subject.is_index else ""
        said = [f"{self._series.symbol} settled at {settled_at}{from_feed}."]
        if self._market:
            settled = self._rows("SETTLEMENT")
            return [*said, *(f"It resolved {row['result']}." for row in settled)]
        pnl = wording.signed_dollars(closed["pnl"] / CASH_UNIT)
        return [*said, f"The series came to {pnl} on n = {closed['fills']} fills."]

    @property
    def _scans(self) -> Sequence[Mapping[str, Any]]:
        return self._kept.scans

    def _rung(self, scan: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if scan is None:
            return None
        ladder = scan["series"].get(self._series.ticker, {}).get("ladder", [])
        return next((rung for rung in ladder if rung["ticker"] == self._market), None)

    def _label(self) -> str:
        label = SeriesView(self._kept, self._series).label_of(self._market)
        return f"at {label}" if label.endswith("above") else label


def _order(order: Mapping[str, Any]) -> str:
    life = ", ".join(f"{event['status']} at {_time(event['at'])}" for event in order["events"])
    why = f", because {order['why']}" if order.get("why") else ""
    return f"{order['ticker']}: {_taken(order)}: {life}{why}."


def _taken(row: Mapping[str, Any]) -> str:
    size, price = wording.contracts(row["size"]), wording.cents(row["price"])
    return f"{row['side']} {size} at {price}"


def _spread(made: Mapping[str, Any]) -> str:
    """Say what a law kept by a scan puts one standard deviation at."""
    if "rounding" in made:
        law = law_from_json(made)
        low, high = (law.printed(law.quantile(p)) for p in (0.1, 0.9))  # type: ignore[union-attr]
        return f"put four prints of five between {low:,} and {high:,}, around {law.level:,}."
    drift = (
        f", with a drift of {made['drift'] * made['level']:+.2f} points" if made["drift"] else ""
    )
    return (
        f"put one standard deviation at {made['scale'] * made['level']:.2f} points around "
        f"{made['level']:,.2f}{drift}."
    )


def _time(instant: str) -> str:
    return f"{instant[11:19]} UTC"
