"""The pictures of a backtest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kalshi_alpha.reports.charts import BAD, MARKET, MODEL, MUTED, dollars_axis, figure, to_svg


def total_chart(days: Sequence[Mapping[str, Any]]) -> str:
    """Draw the running total of profit and of what was claimed."""
    made = figure(5.6, 3.2)
    axes = made.add_subplot()
    place = np.arange(len(days))
    claimed = np.cumsum([row["claimed"] for row in days])
    axes.step(place, claimed, where="post", lw=1.2, ls="--", color=MARKET, label="claimed")
    total = [row["total"] for row in days]
    axes.step(place, total, where="post", lw=1.6, color=MODEL, label="realised")
    axes.axhline(0.0, color=MUTED, lw=0.8)
    shown = sorted({0, len(days) // 2, len(days) - 1})
    axes.set_xticks(shown, [days[k]["day"] for k in shown])
    axes.set_ylabel("dollars")
    axes.set_title("Running total", loc="left")
    axes.legend(loc="upper left")
    return to_svg(made, "total", "Running total", "Profit and claim added up day by day")


def rows_chart(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str], key: str, title: str
) -> str:
    """Draw what was claimed and what was realised, with intervals, row by row."""
    made = figure(5.6, 3.2)
    axes = made.add_subplot()
    known = [(k, row) for k, row in enumerate(rows) if row["realised"] is not None]
    for k, row in known:
        axes.plot([k - 0.12], [100 * row["ev_claimed"]], "s", ms=4, color=MARKET)
        low, high = row["realised_low"], row["realised_high"]
        if low is not None and high is not None:
            axes.plot([k + 0.12] * 2, [100 * low, 100 * high], lw=1.2, color=MODEL)
        colour = BAD if row["realised"] < 0 else MODEL
        axes.plot([k + 0.12], [100 * row["realised"]], "o", ms=4, color=colour)
    axes.axhline(0.0, color=MUTED, lw=0.8)
    axes.set_xticks(np.arange(len(rows)), names)
    axes.tick_params(axis="x", labelsize=7.5)
    dollars_axis(axes, "a contract")
    axes.set_title(title, loc="left")
    return to_svg(made, key, title, "Squares: claimed; dots: realised with its interval by days")
