"""The pictures of a comparison with the market."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from kalshi_alpha.reports.charts import BAD, MARKET, MODEL, MUTED, figure, to_svg
from kalshi_alpha.research.market.compare import ALL

_SPEAKERS = (
    ("ours", "ours", MODEL, "-"),
    ("market", "traded price", MARKET, "-"),
    ("sharp", "sharpened", MARKET, "--"),
    ("blend", "blend", BAD, "-"),
)


def brier_chart(rows: Sequence[Mapping[str, Any]]) -> str:
    """Draw everybody's Brier score by the time to the fixing."""
    classes = _classes(rows)
    made = figure(5.6, 3.2)
    axes = made.add_subplot()
    for name, label, colour, style in _SPEAKERS:
        found = [row[f"brier_{name}"] for row in classes]
        if None not in found:
            place = np.arange(len(found))
            axes.plot(place, found, style, marker="o", ms=4, lw=1.4, color=colour, label=label)
    _time_axis(axes, classes)
    axes.set_title("Brier score, less is better", loc="left")
    _legend_above(axes)
    return to_svg(made, "brier", "Brier score", "Brier score of each by time to the fixing")


def gain_chart(rows: Sequence[Mapping[str, Any]], pairs: Sequence[tuple[str, str]]) -> str:
    """Draw paired differences with their intervals by the time to the fixing."""
    classes = [row for row in _classes(rows) if row[f"low{pairs[0][0]}"] is not None]
    made = figure(5.6, 3.2)
    axes = made.add_subplot()
    for k, (suffix, label) in enumerate(pairs):
        place = np.arange(len(classes)) + (k - (len(pairs) - 1) / 2) * 0.2
        found, low, high = (
            np.array([row[f"{key}{suffix}"] for row in classes], dtype=np.float64)
            for key in ("diff", "low", "high")
        )
        axes.errorbar(
            place, found, yerr=(found - low, high - found), fmt="o", ms=4, lw=1.2,
            color=(MODEL, BAD, MARKET)[k % 3], label=label,
        )  # fmt: skip
    axes.axhline(0.0, color=MUTED, lw=0.8)
    _time_axis(axes, classes)
    axes.set_title("Brier score less the other's (95 % by day)", loc="left")
    _legend_above(axes)
    return to_svg(made, "gain", "Paired differences", "Differences of Brier score by time")


def calibration_chart(rows: Sequence[Mapping[str, Any]]) -> str:
    """Draw how often yes won against what was paid."""
    known = [row for row in rows if row["won_low"] is not None]
    paid, won, low, high = (
        np.array([row[key] for row in known], dtype=np.float64)
        for key in ("mean_market", "won", "won_low", "won_high")
    )
    made = figure(5.6, 3.2)
    axes = made.add_subplot()
    axes.plot((0, 1), (0, 1), color=MUTED, lw=0.8)
    bars = (np.maximum(won - low, 0.0), np.maximum(high - won, 0.0))
    axes.errorbar(paid, won, yerr=bars, fmt="o", ms=4, color=MARKET, label="paid")
    ours = [row["mean_ours"] for row in known]
    if ours and None not in ours:
        axes.plot(ours, won, "s", ms=4, color=MODEL, label="ours on the same trades")
    axes.set_xlabel("mean price, or our mean probability, dollars")
    axes.set_title("Share of trades in which yes won (95 % by day)", loc="left")
    _legend_above(axes)
    return to_svg(made, "calibration", "Calibration", "Price paid against share won")


def _classes(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows that do not overlap, furthest from the fixing first."""
    timed = [row for row in rows if row["minutes_from"] != ALL]
    inner = [
        row
        for row in timed
        if not any(
            other is not row
            and row["minutes_from"] <= other["minutes_from"]
            and other["minutes_to"] <= row["minutes_to"]
            for other in timed
        )
    ]
    return sorted(inner, key=lambda row: -row["minutes_to"])


def _time_axis(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    axes.set_xticks(
        np.arange(len(rows)), [f"{row['minutes_from']:g} to {row['minutes_to']:g}" for row in rows]
    )
    axes.tick_params(axis="x", labelsize=7.5)
    axes.set_xlabel("minutes to the fixing")


def _legend_above(axes: Axes) -> None:
    axes.figure.legend(loc="outside upper left", ncols=4, columnspacing=1.0, handletextpad=0.4)
