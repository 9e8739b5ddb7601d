"""Charts as inline SVG whose colours are the page's own, so they follow light and dark.

Matplotlib draws with stand-in colours; each is then replaced by a CSS variable of the page. Text
stays text, ids are made unique on the page, and every chart carries a title and a description.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

_INK, _MUTED, _LINE = "#010101", "#020202", "#030303"
MODEL, MARKET, BID, ASK, BAD = "#040404", "#050505", "#060606", "#070707", "#090909"
SURFACE = "#080808"
_VARIABLES = {
    _INK: "--ink",
    _MUTED: "--muted",
    _LINE: "--line",
    MODEL: "--model",
    MARKET: "--market",
    BID: "--bid",
    ASK: "--ask",
    SURFACE: "--surface",
    BAD: "--bad",
}
MUTED, LINE = _MUTED, _LINE
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "kalshi-alpha",
    "text.parse_math": False,  # a dollar sign is a dollar sign
    "font.size": 9.5,
    "text.color": _INK,
    "axes.edgecolor": _LINE,
    "axes.facecolor": "none",
    "axes.labelcolor": _MUTED,
    "axes.labelsize": 9,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "xtick.color": _LINE,
    "ytick.color": _LINE,
    "xtick.labelcolor": _MUTED,
    "ytick.labelcolor": _MUTED,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.labelcolor": _INK,
    "lines.solid_capstyle": "butt",
}
_METADATA: dict[str, str | None] = {"Date": None, "Creator": None, "Format": None, "Type": None}


@contextmanager
def drawing() -> Iterator[None]:
    """Draw inside with the house style; the process's own settings come back afterwards."""
    with mpl.rc_context(_STYLE):
        yield


def figure(width: float, height: float) -> Figure:
    """Return an empty figure of that size in inches."""
    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(made)
    made.patch.set_alpha(0.0)
    return made


def to_svg(made: Figure, key: str, title: str, description: str) -> str:
    """Return the figure as an ``<svg>`` element; ``key`` must be unique on the page."""
    out = io.StringIO()
    made.savefig(out, format="svg", metadata=_METADATA)
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    svg = re.sub(r'(font: [\d.]+px )[^;"]+', r"\1system-ui, sans-serif", svg)
    svg = _unique_ids(svg, key)
    head = (
        f'<svg role="img" aria-labelledby="{key}-title {key}-desc" class="chart" '
        f'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{_view_box(svg)}">'
        f'<title id="{key}-title">{escape(title)}</title>'
        f'<desc id="{key}-desc">{escape(description)}</desc>'
    )
    return head + svg[svg.index(">") + 1 :].strip()


def dollars_axis(axes: Axes, label: str) -> None:
    """Label a vertical axis that runs in cents."""
    axes.set_ylabel(label)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}\N{CENT SIGN}")


def thinned(count: int, limit: int) -> Sequence[int]:
    """Return at most ``limit`` + 1 indices spread over ``range(count)``, the last one included."""
    step = max(1, -(-count // limit))
    return sorted({*range(0, count, step), count - 1}) if count else []


def _unique_ids(svg: str, key: str) -> str:
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{key}-\1"', svg)
    svg = re.sub(r'xlink:href="#([^"]+)"', rf'xlink:href="#{key}-\1"', svg)
    return re.sub(r"url\(#([^)]+)\)", rf"url(#{key}-\1)", svg)


def _view_box(svg: str) -> str:
    found = re.search(r'viewBox="([^"]+)"', svg)
    assert found is not None  # matplotlib always writes one
    return found.group(1)
