"""Draw the dashboard as it would look over a rehearsal, with its own widgets and own metrics.

    python -m tests.infra.dashboard_picture out/rehearsal/2025-11-04 docs/images/dashboard.svg

Widgets come from the written template, values from the embedded metrics in ``functions.log``. AWS's
own metrics and the evening's job are not in a rehearsal: their graphs say so.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

COLUMNS = 24
INK, MUTED, LINE, LIMIT = "#1f2933", "#66717d", "#d5dbe1", "#b3261e"
CYCLE = ("#2f6db3", "#c7681c", "#3d8b52", "#8a5aa8", "#a3393f", "#5f6f7e")
Series = Mapping[tuple[str, str], Sequence[tuple[float, float]]]


def widgets(template: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the dashboard's widgets, with references to other stacks left out."""
    (board,) = (
        r for r in template["Resources"].values() if r["Type"] == "AWS::CloudWatch::Dashboard"
    )
    parts = board["Properties"]["DashboardBody"]["Fn::Join"][1]
    body = "".join(part if isinstance(part, str) else "*" for part in parts)
    found: list[dict[str, Any]] = json.loads(body)["widgets"]
    return found


def emitted(log: str) -> Series:
    """Return (seconds since the first, value) by service and metric name."""
    series: defaultdict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    first: float | None = None
    for line in log.splitlines():
        if not line.startswith('{"_aws"'):
            continue
        record = json.loads(line)
        at = record["_aws"]["Timestamp"] / 1000.0
        first = at if first is None else first
        for metric in record["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
            name = metric["Name"]
            series[record["service"], name] += [(at - first, value) for value in record[name]]
    return series


def draw(shown: Sequence[Mapping[str, Any]], series: Series, title: str) -> Figure:
    """Return the dashboard as a figure, each widget where the dashboard has it."""
    rows = max(w["y"] + w["height"] for w in shown)
    style = {"svg.fonttype": "none", "svg.hashsalt": "dashboard", "font.size": 7.5}
    with mpl.rc_context(style):
        made = Figure(figsize=(13, 0.45 * rows + 0.4), layout="constrained")
        FigureCanvasSVG(made)
        made.suptitle(title, fontsize=11, color=INK, x=0.01, ha="left")
        grid = made.add_gridspec(rows, COLUMNS)
        for widget in shown:
            across = slice(widget["x"], widget["x"] + widget["width"])
            down = slice(widget["y"], widget["y"] + widget["height"])
            _draw_widget(made.add_subplot(grid[down, across]), widget["properties"], series)
    return made


def _draw_widget(axes: Any, properties: Mapping[str, Any], series: Series) -> None:
    axes.set_title(properties["title"], loc="left", fontsize=8, color=INK)
    axes.grid(color=LINE, linewidth=0.5)
    axes.tick_params(colors=MUTED, length=2)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(LINE)
    lines = [_known(metric, series) for metric in properties["metrics"]]
    if properties["view"] == "bar":
        _draw_shares(axes, properties["metrics"], lines)
    for number, (label, points) in enumerate(lines):
        if points and properties["view"] != "bar":
            colour = CYCLE[number % len(CYCLE)]
            axes.plot(*zip(*points, strict=True), "o-", ms=2.5, lw=1, color=colour, label=label)
    if not any(points for _, points in lines):
        axes.text(0.5, 0.5, "nothing of it in a rehearsal", color=MUTED, ha="center", va="center",
                  transform=axes.transAxes)  # fmt: skip
        axes.set_xticks([])
        axes.set_yticks([])
    elif properties["view"] != "bar":
        axes.legend(frameon=False, fontsize=6.5, loc="best", labelcolor=INK)
        axes.set_xlabel("seconds of the rehearsal", color=MUTED, fontsize=6.5)
    for line in properties.get("annotations", {}).get("horizontal", []):
        axes.axhline(line["value"], color=LIMIT, lw=0.9, ls="--")


def _known(metric: Sequence[Any], series: Series) -> tuple[str, list[tuple[float, float]]]:
    said = metric[-1] if isinstance(metric[-1], dict) else {}
    own = len(metric) > 3 and metric[2] == "service"
    points = list(series.get((metric[3], metric[1]), [])) if own else []
    return str(said.get("label", metric[1])), points


def _draw_shares(axes: Any, metrics: Sequence[Any], lines: Sequence[Any]) -> None:
    values = [value for _, value in lines[0][1]]
    shares = []
    for metric in metrics:
        low, high = map(float, re.findall(r"-?[\d.]+", metric[-1]["stat"]))
        inside = [v for v in values if low < v <= high]
        shares.append(100.0 * len(inside) / len(values) if values else 0.0)
    places = range(len(metrics))
    axes.bar(places, shares, color=CYCLE[0], width=0.7)
    axes.set_xticks(places, [m[-1]["label"] for m in metrics], rotation=25, fontsize=6)


def main(arguments: Sequence[str]) -> int:
    """Draw the picture of a rehearsal's folder to a file."""
    folder, target = map(Path, arguments)
    template = json.loads(Path("cdk.out/Observability.template.json").read_text(encoding="utf-8"))
    log = (folder / "functions.log").read_text(encoding="utf-8")
    made = draw(widgets(template), emitted(log), f"The dashboard over a rehearsal of {folder.name}")
    target.parent.mkdir(parents=True, exist_ok=True)
    made.savefig(target, format="svg", metadata={"Date": None}, facecolor="white")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
