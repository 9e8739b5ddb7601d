import math
import random
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import pytest

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.reports.model import (
    FillMark,
    LevelPoint,
    Milestone,
    QuotedRow,
    QuoteSpan,
    RefusalCount,
    RehearsalReport,
    Rung,
    SeriesReport,
    WindowReport,
)
from kalshi_alpha.reports.pictures import interesting
from kalshi_alpha.reports.render import render_html, render_markdown, write_report
from kalshi_alpha.reports.summary import Provenance, SeriesSummary
from kalshi_alpha.trading.thresholds import threshold_grid

STATES = ("Preflight", "Go", "Window", "Scan", "Quote", "Pause") + ("Scan", "Quote", "Pause") * 3
STATES += ("Arm", "Cancel", "WaitForSettlement", "Reconcile", "Done")


def phi(z):
    return 0.5 * math.erfc(-z / math.sqrt(2))


def above(series, level, step, count, sd, rng):
    first = round(level / step) * step - step * (count // 2)
    rungs = []
    for i in range(count):
        strike = first + i * step
        fair = phi((level + 1.3 - strike) / sd)
        middle = round(100 * phi((level - strike) / (1.15 * sd)))
        spread = rng.choice((1, 2, 2, 3))
        bid, ask = middle - spread, middle + spread
        rungs.append(
            Rung(
                ticker=f"{series}-25NOV04H1200-T{strike - 0.0001:.4f}",
                label=f"{strike:,.0f} or above",
                low=float(strike),
                high=None,
                probability=fair,
                bid=bid * 100 if bid > 0 else None,
                ask=ask * 100 if ask < 100 else None,
            )
        )
    return rungs


def ranges(series, level, step, count, sd, rng):
    first = round(level / step) * step - step * (count // 2)
    rungs = []
    for i in range(count):
        low, high = first + i * step, first + (i + 1) * step
        fair = phi((high - level - 3) / sd) - phi((low - level - 3) / sd)
        middle = round(100 * (phi((high - level) / (1.1 * sd)) - phi((low - level) / (1.1 * sd))))
        spread = rng.choice((1, 2, 2, 3))
        bid, ask = middle - spread, middle + spread
        rungs.append(
            Rung(
                ticker=f"{series}-25NOV04H1600-B{low + step // 2}",
                label=f"{low:,.0f} to {high:,.0f}",
                low=float(low),
                high=float(high),
                probability=fair,
                bid=bid * 100 if bid > 0 else None,
                ask=ask * 100 if ask < 100 else None,
            )
        )
    return rungs


def series_report(series, window_id, title, rungs, level, rng):
    middle = len(rungs) // 2
    chosen = [(middle - 1, Side.BID), (middle + 1, Side.ASK)]
    rungs = list(rungs)
    for i, side in chosen:
        rungs[i] = replace(rungs[i], quoted=side)
    points, value = [], level
    for second in range(-300, 6):
        value += rng.gauss(0, level * 0.00002)
        points.append(LevelPoint(float(second), round(value, 2)))
    quotes, quoted = [], []
    for i, side in chosen:
        rung = rungs[i]
        price = round(rung.probability * 100 - 6 * side.sign) * 100
        for n, start in enumerate(range(-299, -19, 40)):
            moved = price + 100 * rng.choice((-1, 0, 0, 1))
            end = min(start + 40.0, -2.2)
            how = "pull" if n == 6 else "amend"
            quotes.append(
                QuoteSpan(rung.ticker, rung.label, side, moved, 100, start + 0.4, end + 0.4, how)
            )
            quoted.append(
                QuotedRow(
                    at_s=float(start),
                    ticker=rung.ticker,
                    label=rung.label,
                    side=side,
                    price=moved,
                    size=100,
                    probability=rung.probability,
                    ev=side.sign * (rung.probability - moved / 10_000),
                    bid=rung.bid,
                    ask=rung.ask,
                )
            )
    last = quotes[-1]
    fill = FillMark(-38.6, last.ticker, last.label, last.side, last.price, 100, 0, 420_000)
    summary = SeriesSummary(
        window_id=window_id,
        series=series,
        go=True,
        reasons=(),
        markets_listed=len(rungs),
        candidates=2 * 15 * len(rungs),
        quotes_placed=4,
        amends=11,
        cancels=3,
        fills=1,
        resting_after_pull=0,
        pull_started_s=-2.25,
        pull_confirmed_s=-2.1834,
        settlement_value=round(value, 2),
        basis=-0.07,
        pnl_dollars=0.42,
        fees_dollars=0.0,
        ledger_matches_exchange=True,
        states_visited=STATES,
    )
    return SeriesReport(
        summary=summary,
        title=title,
        scans=15,
        ladder_at_s=-60.0,
        rungs=tuple(rungs),
        level=tuple(points),
        quotes=tuple(quotes),
        fills=(fill,),
        refusals=(
            RefusalCount(
                "edge-below-threshold",
                1402,
                rungs[3].ticker,
                "the best resting price 0.9700 earns $0.0131 a contract, under $0.0500",
            ),
            RefusalCount(
                "probability-extreme",
                871,
                rungs[0].ticker,
                "the probability 0.9991 is outside 0.02 to 0.98",
            ),
            RefusalCount(
                "bin-cap",
                93,
                rungs[middle].ticker,
                "2 bins of the series are quoted or held, the cap is 2",
            ),
            RefusalCount(
                "no-market", 40, rungs[-1].ticker, "nobody quotes it: both sides are empty"
            ),
        ),
        quoted=tuple(sorted(quoted, key=lambda row: row.at_s)),
        thresholds=threshold_grid([rng.expovariate(28) for _ in range(900)]),
        min_ev=500,
    )


PULL = (
    Milestone("resting orders listed", -748.2, "3 orders"),
    Milestone("connection open, request built", -702.5),
    Milestone("signed", -270.1),
    Milestone("cancel sent", -250.0),
    Milestone("venue answered", -221.7, "3 cancelled"),
    Milestone("book seen empty", -183.4, "0 resting"),
    Milestone("expiry at the venue", 0.0, "nothing left to expire"),
)


@pytest.fixture(scope="module")
def report():
    rng = random.Random(7)
    noon, close = "20251104-1200-index-hourly", "20251104-1600-index-close"
    return RehearsalReport(
        provenance=Provenance(
            day=date(2025, 11, 4),
            generated_at=datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
            code_version="0.1.0",
            registry_hash="9f2c" * 16,
            parameters_checksum="41aa" * 16,
            seed=20251104,
            broker="twin",
            data_labels={"SPX minutes": "recorded", "NDX minutes": "recorded"},
        ),
        windows=(
            WindowReport(
                noon,
                datetime(2025, 11, 4, 17, 0, tzinfo=UTC),
                STATES,
                PULL,
                (
                    series_report(
                        "KXINXU",
                        noon,
                        "S&P 500 above or below",
                        above("KXINXU", 6812.4, 5, 90, 6.5, rng),
                        6812.4,
                        rng,
                    ),
                    series_report(
                        "KXNASDAQ100U",
                        noon,
                        "Nasdaq-100 above or below",
                        above("KXNASDAQ100U", 25702.8, 10, 400, 34.0, rng),
                        25702.8,
                        rng,
                    ),
                ),
            ),
            WindowReport(
                close,
                datetime(2025, 11, 4, 21, 0, tzinfo=UTC),
                STATES,
                PULL,
                (
                    series_report(
                        "KXINX",
                        close,
                        "S&P 500 range at the close",
                        ranges("KXINX", 6771.6, 25, 28, 22.0, rng),
                        6771.6,
                        rng,
                    ),
                    series_report(
                        "KXNASDAQ100",
                        close,
                        "Nasdaq-100 range at the close",
                        ranges("KXNASDAQ100", 25435.7, 100, 28, 95.0, rng),
                        25435.7,
                        rng,
                    ),
                ),
            ),
        ),
    )


@pytest.fixture(scope="module")
def page(report):
    return render_html(report)
