"""The momentum day's pictures: beliefs beside the market, and money over the day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.markets.orders import Fill, Side
from kalshi_alpha.markets.units import CASH_UNIT, PRICE_UNIT
from kalshi_alpha.reports import charts, wording

_MOST_POINTS = 360
_COLOUR = {Side.BID: charts.BID, Side.ASK: charts.ASK}
_MARK = {Side.BID: "^", Side.ASK: "v"}


@dataclass(frozen=True, slots=True)
class Quote:
    """One order while it rested; the price in dollars."""

    ticker: str
    side: Side
    price: float
    since: datetime
    until: datetime


def beliefs_svg(
    key: str,
    day: ClimateDay,
    words: str,
    rows: Sequence[Mapping[str, Any]],
    quotes: Sequence[Quote],
    fills: Sequence[Fill],
) -> str:
    """Draw one bracket: the belief, the middle and the law over the day, our quotes and fills."""
    chosen = [rows[k] for k in charts.thinned(len(rows), _MOST_POINTS)]
    hours = [_hour(day, row["at"]) for row in chosen]
    with charts.drawing():
        made = charts.figure(6.4, 2.7)
        axes = made.add_subplot()
        mids = [100 * row["mid"] for row in chosen]
        beliefs = [100 * row["belief"] for row in chosen]
        laws = [None if row["law"] is None else 100 * row["law"] for row in chosen]
        axes.step(hours, mids, where="post", color=charts.MARKET, lw=1.1, label="market's middle")
        axes.plot(hours, beliefs, color=charts.MODEL, lw=1.5, label="belief")
        if any(law is not None for law in laws):
            known = [(h, law) for h, law in zip(hours, laws, strict=True) if law is not None]
            axes.plot(
                *zip(*known, strict=True), color=charts.MUTED, lw=1, ls=":", label="weather law"
            )
        for quote in quotes:
            span = [_hour(day, quote.since.timestamp()), _hour(day, quote.until.timestamp())]
            axes.plot(span, [100 * quote.price] * 2, color=_COLOUR[quote.side], lw=2.4, alpha=0.8)
        for fill in fills:
            axes.plot(
                _hour(day, fill.at.timestamp()),
                100 * fill.price / PRICE_UNIT,
                color=_COLOUR[fill.side],
                marker=_MARK[fill.side],
                ms=7,
                mec=charts.SURFACE,
                zorder=5,
            )
        axes.set_title(words, fontsize=9.5, loc="left")
        axes.set_ylim(-2, 122)  # the legend stands above a dollar
        axes.set_yticks(range(0, 101, 20))
        axes.set_xlim(0, 24)
        axes.set_xticks(range(0, 25, 4), [f"{hour:02d}:00" for hour in range(0, 25, 4)])
        charts.dollars_axis(axes, "of a dollar")
        axes.legend(loc="upper right", ncols=3)
        last = chosen[-1]
        said = (
            f"{words}: over the day the belief ends at {100 * last['belief']:.0f} % and the "
            f"market's middle at {100 * last['mid']:.0f} cents; "
            f"{wording.count(len(quotes), 'order')} rested and "
            f"{wording.count(len(fills), 'fill')} came of that."
        )
        return charts.to_svg(made, key, f"{words}: belief and market", said)


def money_svg(key: str, day: ClimateDay, results: Sequence[tuple[datetime, int | None]]) -> str:
    """Draw what the fills came to at settlement, added up in the order in which they were made."""
    hours, totals, total = [0.0], [0.0], 0.0
    for at, result in results:
        total += (result or 0) / CASH_UNIT
        hours.append(_hour(day, at.timestamp()))
        totals.append(total)
    hours.append(24.0)
    totals.append(total)
    with charts.drawing():
        made = charts.figure(6.4, 2.4)
        axes = made.add_subplot()
        axes.step(hours, totals, where="post", color=charts.MODEL, lw=1.6)
        axes.axhline(0, color=charts.MUTED, lw=0.8)
        axes.set_xlim(0, 24)
        axes.set_xticks(range(0, 25, 4), [f"{hour:02d}:00" for hour in range(0, 25, 4)])
        axes.set_ylabel("dollars at settlement")
        said = f"The fills, in order of their times, came to {total:+.2f} dollars at settlement."
        return charts.to_svg(made, key, "What the fills came to", said)


def _hour(day: ClimateDay, at: float) -> float:
    """Return a time as hours of standard time after the climate day's midnight."""
    return day.hour(datetime.fromtimestamp(at, UTC))
