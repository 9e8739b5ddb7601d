"""Small pictures that several pages share: bars by name, and estimates with their intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kalshi_alpha.reports import charts


@dataclass(frozen=True, slots=True)
class Estimate:
    """One line of a forest: a value, its interval where there is one, and what it rests on."""

    name: str
    value: float
    low: float | None
    high: float | None
    note: str


def bars_svg(
    rows: Sequence[tuple[str, float]],
    key: str,
    title: str,
    unit: str,
    write: Callable[[float], str],
) -> str:
    """Draw one bar a row, the first on top; ``write`` says each value."""
    with charts.drawing():
        made = charts.figure(6.4, 0.9 + 0.32 * max(len(rows), 2))
        axes = made.add_subplot()
        places = range(len(rows))
        values = [value for _, value in rows]
        colours = [charts.BAD if value < 0 else charts.MODEL for value in values]
        axes.barh(places, values, color=colours, height=0.62)
        for place, value in zip(places, values, strict=True):
            axes.annotate(
                write(value),
                (value, place),
                xytext=(5 if value >= 0 else -5, 0),
                textcoords="offset points",
                va="center",
                ha="left" if value >= 0 else "right",
                fontsize=8.5,
            )
        axes.axvline(0, color=charts.MUTED, lw=0.8)
        axes.set_yticks(places, [name for name, _ in rows])
        axes.invert_yaxis()
        axes.margins(x=0.22)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(unit)
        said = "; ".join(f"{name}: {write(value)}" for name, value in rows)
        return charts.to_svg(made, key, title, f"{title}. {said}.")


def forest_svg(
    rows: Sequence[Estimate],
    key: str,
    title: str,
    unit: str,
    write: Callable[[float], str],
    mark: float = 0.0,
) -> str:
    """Draw each estimate with its interval beside the line at ``mark``, which is what counts."""
    with charts.drawing():
        made = charts.figure(6.4, 1.0 + 0.42 * max(len(rows), 2))
        axes = made.add_subplot()
        for place, row in enumerate(rows):
            if row.low is not None and row.high is not None:
                axes.plot([row.low, row.high], [place, place], color=charts.MARKET, lw=4, alpha=0.8)
            axes.plot(row.value, place, color=charts.MODEL, marker="o", ms=6)
            axes.annotate(
                f"{write(row.value)} ({row.note})",
                (row.value, place),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
                fontsize=8.5,
            )
        axes.axvline(mark, color=charts.BAD, lw=1.0, ls=(0, (3, 3)))
        axes.set_yticks(range(len(rows)), [row.name for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.8)
        axes.margins(x=0.3)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(unit)
        said = "; ".join(_said(row, write) for row in rows)
        return charts.to_svg(made, key, title, f"{title}; dashed at {write(mark)}. {said}.")


def curve_svg(
    lines: Sequence[tuple[str, Sequence[float], Sequence[float]]],
    key: str,
    title: str,
    labels: tuple[str, str],
    words: str,
) -> str:
    """Draw up to three lines, named ones in a legend; ``words`` is the text beside the picture."""
    with charts.drawing():
        made = charts.figure(6.4, 3.4)
        axes = made.add_subplot()
        colours = (charts.MODEL, charts.ASK, charts.MARKET)
        for (name, xs, ys), colour in zip(lines, colours, strict=False):
            axes.plot(xs, ys, color=colour, lw=1.5, label=name)
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
        if len(lines) > 1:
            axes.legend(loc="best")
        return charts.to_svg(made, key, title, f"{title}. {words}")


def _said(row: Estimate, write: Callable[[float], str]) -> str:
    if row.low is None or row.high is None:
        return f"{row.name}: {write(row.value)}, no interval ({row.note})"
    return (
        f"{row.name}: {write(row.value)}, 95 % from {write(row.low)} to {write(row.high)} "
        f"({row.note})"
    )
