"""Scan: price the ladders from the index, look at the books, decide, and say why.

Reads only. Every candidate leaves a why-record, quoted or not, and every scan a snapshot of model
against market; both go to the artifact store under the window.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from kalshi_alpha.clock import NEW_YORK, iso
from kalshi_alpha.errors import DataError, VenueError
from kalshi_alpha.families.catalog import family
from kalshi_alpha.markets.book import Book
from kalshi_alpha.markets.contracts import Ladder, ladder_from_listing
from kalshi_alpha.markets.orders import worst_loss
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.pricing.fees import FeeTerms, fee_terms
from kalshi_alpha.pricing.ladder import price_ladder
from kalshi_alpha.pricing.parameters import load_parameters, parameters_checksum
from kalshi_alpha.steps import heartbeat
from kalshi_alpha.steps.outcomes import keep_law
from kalshi_alpha.steps.preflight import Listing, series_facts, window_facts
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.trading.candidate_gates import Moment, NearStrike
from kalshi_alpha.trading.candidates import candidates, others_top
from kalshi_alpha.trading.gates import Allow, Refuse, refuse
from kalshi_alpha.trading.plan import Decision, Exposure, QuotePlan, choose, quote_plan
from kalshi_alpha.trading.shortlist import near_even, with_market
from kalshi_alpha.trading.why import WhyRecord, inputs_hash, why, why_unlisted
from kalshi_alpha.trading.window_gates import SERIES_SCAN, WINDOW_SCAN, judge


@dataclass(frozen=True, slots=True)
class SeriesScan:
    """What one scan found in one series."""

    series: str
    value: float | None
    decisions: tuple[Decision, ...]
    unlisted: tuple[WhyRecord, ...]
    snapshot: tuple[dict[str, Any], ...]
    inputs_hash: str


def run(request: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Scan the window of ``{"window_id"}`` and return its plan as JSON beside some counts.

    A series that may not be quoted now is left out of the plan, so that its orders are cancelled.
    """
    window = runtime.window(str(request["window_id"]))
    now = runtime.clock.now()
    revision = int(runtime.state.part(window.window_id, "MAKING").get("revision", 0)) + 1
    runtime.state.put_part(window.window_id, "MAKING", {"revision": revision, "at": iso(now)})
    record = runtime.state.window(window.window_id) or {}
    scans = _scan_series(runtime, window, record, revision)
    decisions = [decision for scan in scans for decision in scan.decisions]
    plan = quote_plan(window.window_id, revision, runtime.clock.now(), decisions)
    records = [line for scan in scans for line in _why_lines(scan, window, revision, now)]
    _write(runtime, window, revision, records, _snapshot(scans, plan, now))
    refused = sum(record.decision == "refuse" for record in records)
    return {
        "plan": plan.to_json(),
        "candidates": len(decisions),
        "refused": refused,
        "metrics": {
            "Candidates": len(decisions),
            "Refusals": refused,
            "Targets": len(plan.targets),
        },
    }


def _scan_series(
    runtime: Runtime, window: Window, record: Mapping[str, Any], revision: int
) -> list[SeriesScan]:
    switch = runtime.state.kill_switch()
    whole = window_facts(runtime, window, switch.on, switch.reason)
    scans = []
    for series in window.series:
        known = record.get("series", {}).get(series, {})
        if not known.get("go"):
            refusal = refuse("preflight", f"preflight refused {series}: see its reasons")
            scans.append(_nothing(runtime, window, series, revision, (refusal,)))
            continue
        listing = Listing(known["markets_listed"], known["fee_type"], known["fee_multiplier"])
        facts = series_facts(runtime, window, series, listing)
        judged = judge(whole, (facts,), window_gates=WINDOW_SCAN, series_gates=SERIES_SCAN)
        if not judged.series_go(series):
            scans.append(_nothing(runtime, window, series, revision, judged.reasons(series)))
            continue
        terms = fee_terms(listing.fee_type, listing.fee_multiplier)
        try:
            fit = Allow(float(known.get("size_share", 1.0)), str(known.get("caution", "")))
            scans.append(_scan_one(runtime, window, series, revision, terms, fit))
        except (DataError, VenueError) as error:
            refusal = refuse("unreadable", str(error))
            scans.append(_nothing(runtime, window, series, revision, (refusal,)))
    return scans


def _scan_one(
    runtime: Runtime, window: Window, series: str, revision: int, terms: FeeTerms, fit: Allow
) -> SeriesScan:
    now = runtime.clock.now()
    found = runtime.registry.series[series]
    symbol = runtime.registry.symbols[found.symbol]
    day = now.astimezone(NEW_YORK).date()
    session = runtime.sessions.on(day)
    if session is None:
        raise DataError(runtime.sessions.why_closed(day))
    reading = heartbeat.from_item(found.symbol, runtime.state.heartbeat(found.symbol))
    fitted = runtime.parameters()
    parameters = load_parameters(fitted, on=day)[found.symbol]
    law = family(found.family)(reading, parameters, window.fixing, now, session)
    keep_law(runtime, window, found.symbol, law, now)
    listed = runtime.reader.markets(window.event_ticker(series))
    ladder = ladder_from_listing(listed, found, window.fixing)
    priced = price_ladder(law, ladder, found.ticks_per_point)
    near = near_even(priced)
    books = runtime.reader.orderbooks([contract.ticker for contract, _ in near])
    ours = runtime.viewer.orders(event_ticker=ladder.event_ticker, status="resting")
    tops = {t: others_top(books.get(t, Book(t)), ours) for t in (c.ticker for c, _ in near)}
    part = parameters.part(at_close=window.fixing == session.close)
    near = with_market(near, tops, part.blend, (window.fixing - now).total_seconds() / 60.0)
    moment = Moment(
        level=reading.value,
        ticks_per_point=found.ticks_per_point,
        seconds_to_fixing=(window.fixing - now).total_seconds(),
        near_strike=NearStrike(symbol.near_strike_points, symbol.near_strike_within_s),
    )
    decisions = choose(
        candidates(near, tops, terms, found.quoting),
        moment,
        found.caps,
        found.quoting,
        _exposure(runtime, window, series, ladder),
        fit,
    )
    digest = inputs_hash(
        {
            "reading": asdict(reading),
            "parameters": parameters_checksum(fitted),
            "registry": runtime.registry.hash,
            "now": now,
            "tops": {ticker: asdict(top) for ticker, top in tops.items()},
        }
    )
    return SeriesScan(
        series=series,
        value=reading.value,
        decisions=decisions,
        unlisted=_unlisted(ladder, window, series, revision, now, digest),
        snapshot=tuple(
            {
                "ticker": contract.ticker,
                "low": contract.payoff.low,
                "high": contract.payoff.high,
                "probability": round(probability, 6),
                "bid": tops[contract.ticker].bid,
                "ask": tops[contract.ticker].ask,
            }
            for contract, probability in near
        ),
        inputs_hash=digest,
    )


def _exposure(runtime: Runtime, window: Window, series: str, ladder: Ladder) -> Exposure:
    """Return what this window's fills and the day's other windows have used up of the caps."""
    caps = runtime.registry.series[series].caps
    today = window.fixing.astimezone(NEW_YORK).date()
    mine = {contract.ticker for contract in ladder.contracts}
    positions: dict[str, int] = {}
    at_risk: dict[str, int] = {}
    for fill in runtime.ledger.fills(window.window_id):
        if fill.ticker in mine:
            positions[fill.ticker] = positions.get(fill.ticker, 0) + fill.side.sign * fill.size
            risk = worst_loss(fill.side, fill.price, fill.size) + fill.fee
            at_risk[fill.ticker] = at_risk.get(fill.ticker, 0) + risk
    first = today.fromordinal(today.toordinal() - today.weekday())
    return Exposure(
        bankroll=caps.bankroll,
        lost_today=max(0, -runtime.ledger.earned(series, today, today)),
        lost_this_week=max(0, -runtime.ledger.earned(series, first, today)),
        positions=positions,
        at_risk=at_risk,
    )


def _nothing(
    runtime: Runtime, window: Window, series: str, revision: int, refusals: Sequence[Refuse]
) -> SeriesScan:
    now = runtime.clock.now()
    records = tuple(
        why_unlisted(
            refusal,
            window_id=window.window_id,
            revision=revision,
            at=now,
            series=series,
            ticker="",
            inputs_hash="",
        )
        for refusal in refusals
    )
    return SeriesScan(series, None, (), records, (), "")


def _unlisted(
    ladder: Ladder, window: Window, series: str, revision: int, at: datetime, digest: str
) -> tuple[WhyRecord, ...]:
    return tuple(
        why_unlisted(
            refuse(market.code, market.reason),
            window_id=window.window_id,
            revision=revision,
            at=at,
            series=series,
            ticker=market.ticker,
            inputs_hash=digest,
        )
        for market in ladder.refused
    )


def _why_lines(scan: SeriesScan, window: Window, revision: int, at: datetime) -> list[WhyRecord]:
    decided = [
        why(
            decision,
            window_id=window.window_id,
            revision=revision,
            at=at,
            inputs_hash=scan.inputs_hash,
        )
        for decision in scan.decisions
    ]
    return [*decided, *scan.unlisted]


def _snapshot(scans: Sequence[SeriesScan], plan: QuotePlan, now: datetime) -> dict[str, Any]:
    return {
        "at": iso(now),
        "plan": plan.to_json(),
        "series": {
            scan.series: {
                "value": scan.value,
                "ladder": list(scan.snapshot),
                "best_evs": [d.candidate.best.ev for d in scan.decisions if d.candidate.best],
            }
            for scan in scans
        },
    }


def _write(
    runtime: Runtime,
    window: Window,
    revision: int,
    records: Sequence[WhyRecord],
    snapshot: Mapping[str, Any],
) -> None:
    folder = f"windows/{window.window_id}"
    lines = "".join(record.to_line() + "\n" for record in records)
    runtime.artifacts.write(f"{folder}/why/{revision:04d}.jsonl", lines.encode())
    runtime.artifacts.write(
        f"{folder}/scan/{revision:04d}.json", json.dumps(snapshot, sort_keys=True).encode()
    )
