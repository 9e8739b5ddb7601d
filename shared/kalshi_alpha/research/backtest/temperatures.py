"""Recorded temperature trades through the replay engine, with the market's own lagged middle.

There is no law of temperatures here. Quotes rest around the middle of trades at least a minute old,
so nothing is known that the market does not know, and no edge is looked for: this exercises the
engine, the gates, the sizing, the fees and the settlement on another kind of ladder. The recording
holds no book, so the engine sees no queue: only a trade through a price counts as a fill, and a
trade at it ends the quote as touched.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.orders import Side, worst_loss
from kalshi_alpha.markets.registry import Registry, Series
from kalshi_alpha.markets.units import CASH_UNIT, PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.pricing.fees import FeeTerms, fee_terms
from kalshi_alpha.research.backtest.days import DayPlayed
from kalshi_alpha.research.backtest.fills import Evidence
from kalshi_alpha.research.backtest.loading import CENTS
from kalshi_alpha.research.backtest.records import FillRow
from kalshi_alpha.research.backtest.settings import Settings
from kalshi_alpha.research.backtest.summary import (
    ALL,
    by_day,
    by_side,
    drawdown_of,
    row_of,
    sample_of,
)
from kalshi_alpha.research.backtest.tape import at_second
from kalshi_alpha.research.backtest.temperature_events import NS, Event, Trades, read_events
from kalshi_alpha.research.data.store import sha256_of
from kalshi_alpha.research.replay.engine import Replay, replay
from kalshi_alpha.research.replay.ledger import FeeMeter
from kalshi_alpha.research.replay.rules import Evidence as Proof
from kalshi_alpha.research.replay.rules import ReplayFill, Rules
from kalshi_alpha.research.replay.tape import ASK, BID
from kalshi_alpha.trading.candidate_gates import Moment
from kalshi_alpha.trading.candidates import candidate
from kalshi_alpha.trading.gates import Refuse
from kalshi_alpha.trading.plan import Decision, Exposure, choose, quote_plan

SCHEMA = "kalshi-alpha/temperatures/1"
MS = 1_000_000
LAG_S = 60.0
SETTINGS = Settings(
    rule="offset", min_ev=300, max_bins=6, every_s=600.0, start_s=21_600.0, stop_s=3600.0
)
CAPS_OF = "KXINXU"  # no temperature series trades: its caps are an index series'


def is_temperature(series: str) -> bool:
    """Say whether a series is one of highest temperatures."""
    return series.removeprefix("KX").startswith("HIGH")


def run_temperatures(
    series: str,
    data: Sequence[Path],
    markets: Path | None,
    registry: Registry,
    *,
    first: date | None = None,
    last: date | None = None,
    settings: Settings = SETTINGS,
) -> tuple[dict[str, Any], list[DayPlayed]]:
    """Play every event and sum up.

    Args:
        series: ``KXHIGHNY`` or the like; older tickers lack the first two letters.
        data: every trade.
        markets: strikes, closes and results.
        registry: for the caps.
        first: first event day.
        last: last event day.
        settings: of the quotes.

    Raises:
        DataError: naming file, row and rule, for a file that cannot be used, or when no event of
            the days asked for has both trades and results.
        ConfigurationError: without ``markets``.
    """
    if markets is None:
        raise ConfigurationError("temperature trades need --results: strikes and what each paid")
    events, counted = read_events(series, data, markets, first, last)
    if not events:
        raise DataError(f"no event of {series} has trades and results in the days asked for")
    caps = registry.series[CAPS_OF]
    named = {
        "base": (settings, LAG_S),
        "latency 60 s": (replace(settings, latency_ms=60_000.0), LAG_S),
        "the middle ten minutes old": (settings, 600.0),
        "five cents off": (replace(settings, min_ev=500), LAG_S),
    }
    played = {
        name: [_Desk(event, caps, each, lag).play() for event in events]
        for name, (each, lag) in named.items()
    }
    base = sample_of(played["base"])
    daily = by_day(base)
    document = {
        "schema": SCHEMA,
        "series": series,
        "settings": settings.as_json(),
        ALL: {
            # One of several cities, and nothing that was asked: never an edge.
            **row_of(base, len(events)),
            "coverage": counted,
            "drawdown": drawdown_of(daily),
        },
        "sides": by_side(base, len(events)),
        "days": daily,
        "sensitivity": [
            {"name": name, **row_of(sample_of(days), len(events))}
            for name, days in played.items()
            if name != "base"
        ],
        "refusals": dict(sum((Counter(d.refusals) for d in played["base"]), Counter())),
        "provenance": {
            f"File {file.name}": f"SHA-256 {sha256_of(file)}" for file in (*data, markets)
        },
    }
    return json.loads(json.dumps(document)), played["base"]


@dataclass(slots=True)
class _Desk:
    """The strategy at work on one event."""

    event: Event
    series: Series
    settings: Settings
    lag_s: float
    _claims: dict[int, tuple[float, float, int]] = field(default_factory=dict)
    _quotes: Counter[int] = field(default_factory=Counter)
    _refusals: Counter[str] = field(default_factory=Counter)

    def play(self) -> DayPlayed:
        """Play the day and return what it came to."""
        settings = self.settings
        engine = replay(self.event.tape, Rules(entry_ns=round(settings.latency_ms * MS)))
        trades = Trades.of(self.event.tape)
        end = self.event.until_s - settings.stop_s
        now, scans = self.event.until_s - settings.start_s, 0
        while now < end:
            if round(now * NS) >= engine.now:
                engine.advance(round(now * NS))
                self._scan(engine, trades, now, scans)
                scans += 1
            now += settings.every_s
        engine.advance(max(engine.now, round(end * NS)))
        rows = list(self._rows(engine))
        return DayPlayed(
            day=self.event.day.isoformat(),
            scans=scans,
            quotes=self._quotes,
            refusals=self._refusals,
            fills=tuple(row for row in rows if row.evidence != Evidence.TOUCHED),
            touches=tuple(row for row in rows if row.evidence == Evidence.TOUCHED),
        )

    def _scan(self, engine: Replay, trades: Trades, now: float, scans: int) -> None:
        decisions = self._decide(engine, trades, now)
        for one in decisions:
            if isinstance(one.verdict, Refuse):
                self._refusals[one.verdict.code] += 1
        place = {name: k for k, name in enumerate(self.event.tape.names)}
        claims = {(d.candidate.ticker, d.candidate.side): d.candidate for d in decisions}
        expires = round((now + self.settings.every_s) * NS)
        for target in quote_plan(self.event.name, scans + 1, at_second(now), decisions).targets:
            code = BID if target.side is Side.BID else ASK
            number = engine.submit(
                place[target.ticker], code, target.price, target.size, expires_ns=expires
            )
            found = claims[target.ticker, target.side]
            assert found.chosen is not None  # a target was chosen
            at = round(now * NS + self.settings.latency_ms * MS)
            self._claims[number] = (found.probability, found.chosen.ev, at)
            self._quotes[0] += 1

    def _decide(self, engine: Replay, trades: Trades, now: float) -> tuple[Decision, ...]:
        quoting = self.settings.quoting(self.series)
        names = self.event.tape.names
        priced = (
            (contract, trades.middle(names.index(contract.ticker), now - self.lag_s))
            for contract in self.event.contracts
        )
        levels = CENTS.levels
        alone = {
            Side.BID: Top(None, 0, levels[-1], SIZE_UNIT),
            Side.ASK: Top(levels[0], SIZE_UNIT, None, 0),
        }
        looked_at = [
            candidate(contract, side, p, alone[side], TERMS, quoting)
            for contract, p in priced
            if p is not None
            for side in Side
        ]
        moment = Moment(0.0, 1, self.event.until_s - now)
        caps = self.settings.caps(self.series)
        held: dict[str, int] = defaultdict(int)
        at_risk: dict[str, int] = defaultdict(int)
        for fill in engine.fills:
            side = Side.BID if fill.side == BID else Side.ASK
            held[names[fill.market]] += side.sign * fill.size
            at_risk[names[fill.market]] += worst_loss(side, fill.price, fill.size)
        exposure = Exposure(bankroll=caps.bankroll, positions=held, at_risk=at_risk)
        return choose(looked_at, moment, caps, quoting, exposure)

    def _rows(self, engine: Replay) -> Iterator[FillRow]:
        meter = FeeMeter(lambda _ticker, _at: TERMS)
        for fill in engine.fills:
            proven = fill.evidence is Proof.TRADE_THROUGH
            ticker = self.event.tape.names[fill.market]
            fee = meter.fee(ticker, fill) if proven else 0
            yield self._row(
                fill, ticker, fee, Evidence.TRADE_THROUGH if proven else Evidence.TOUCHED
            )

    def _row(self, fill: ReplayFill, ticker: str, fee: int, evidence: Evidence) -> FillRow:
        side = Side.BID if fill.side == BID else Side.ASK
        probability, ev, placed = self._claims[fill.order]
        paid = self.event.paid[ticker]
        cost = fee / CASH_UNIT / (fill.size / SIZE_UNIT)
        at = fill.at_ns / NS
        return FillRow(
            day=self.event.day.isoformat(),
            window_id=self.event.name,
            ticker=ticker,
            bin=0,
            side=side.value,
            price=fill.price,
            size=fill.size,
            at=at_second(at).isoformat().replace("+00:00", "Z"),
            placed_s=round((fill.at_ns - placed) / NS, 3),
            seconds_to_fixing=round(self.event.until_s - at, 3),
            is_taker=fill.is_taker,
            probability=probability,
            ev_claimed=ev,
            fee=fee,
            evidence=evidence.value,
            markout_1s=None,
            markout_5s=None,
            markout_30s=None,
            settled=paid,
            realised=round(side.sign * (float(paid) - fill.price / PRICE_UNIT) - cost, 6),
        )


TERMS: FeeTerms = fee_terms("quadratic", Decimal(1))  # makers paid nothing on these series
