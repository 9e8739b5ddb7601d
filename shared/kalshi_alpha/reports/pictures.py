"""The three pictures of a report: ladder against market, quotes over time, the pull."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import CENT
from kalshi_alpha.reports import charts
from kalshi_alpha.reports.model import FillMark, Milestone, QuoteSpan, Rung, SeriesReport
from kalshi_alpha.reports.wording import MINUS, milliseconds

_COLOUR = {Side.BID: charts.BID, Side.ASK: charts.ASK}
_MARKER = {Side.BID: "^", Side.ASK: "v"}
_WORD = {Side.BID: "our bid", Side.ASK: "our ask"}
_TAIL = 0.004  # rungs further out than this are all 0 or 100 cents
_MOST_LEVELS = 600
_MOST_LABELS = 6


def ladder_svg(part: SeriesReport, key: str) -> str:
    """Draw the model's probability against the market's bid and ask, strike by strike."""
    rungs = interesting(part.rungs)
    with charts.drawing():
        made = charts.figure(6.4, 3.9)
        axes = made.add_subplot()
        places = [_place(rung) for rung in rungs]
        for place, rung in zip(places, rungs, strict=True):
            _market(axes, place, rung)
        fair = [rung.probability * 100 for rung in rungs]
        ranges = any(rung.low is not None and rung.high is not None for rung in rungs)
        axes.plot(
            places, fair, color=charts.MODEL, lw=0 if ranges else 1.3, marker="o", ms=3.6, zorder=4
        )
        for place, rung in zip(places, rungs, strict=True):
            if rung.quoted is not None:
                _ours(axes, place, rung, rung.quoted)
        unit = part.subject.unit
        axes.set_xlabel(f"{unit}: middle of the range" if ranges else f"strike, {unit}")
        axes.xaxis.set_major_formatter(lambda value, _: part.subject.strike(value))
        charts.dollars_axis(axes, "price of YES")
        axes.set_ylim(bottom=min(0.0, *axes.get_ylim()))
        _ladder_legend(axes, {rung.quoted for rung in rungs if rung.quoted})
        summary = part.summary
        return charts.to_svg(
            made,
            key,
            f"{summary.series} {summary.window_id}: ladder against market",
            f"{len(rungs)} of {len(part.rungs)} markets; the model's probability as dots, the "
            "market's bid to ask as bars, our quotes as triangles.",
        )


def quotes_svg(part: SeriesReport, key: str) -> str:
    """Draw the index above our quotes and fills, over the window."""
    with charts.drawing():
        made = charts.figure(6.4, 3.9)
        upper, lower = made.subplots(2, 1, sharex=True, height_ratios=(1.0, 1.5))
        _index(upper, part)
        _spans(lower, part.quotes)
        _fills(lower, part.fills)
        charts.dollars_axis(lower, "our YES price")
        lower.xaxis.set_major_formatter(lambda value, _: _seconds(value))
        lower.set_xlabel("seconds to the fixing")
        lower.margins(y=0.25)
        for axes in (upper, lower):
            axes.axvline(0, color=charts.MUTED, lw=0.8)
            axes.axvline(-2, color=charts.BAD, lw=0.8, ls=(0, (3, 3)))
        _quotes_legend(lower, part)
        summary = part.summary
        return charts.to_svg(
            made,
            key,
            f"{summary.series} {summary.window_id}: quotes over time",
            f"{len(part.quotes)} quotes and {len(part.fills)} fills under the index level, by "
            "seconds to the fixing; the dashed line is T-2 s.",
        )


def pull_svg(milestones: Sequence[Milestone], window_id: str, key: str) -> str:
    """Draw the steps of the pull in milliseconds relative to T-2 s."""
    with charts.drawing():
        made = charts.figure(11.4, 0.75 + 0.3 * len(milestones))
        axes = made.add_subplot()
        rows = range(len(milestones))
        times = [step.at_ms for step in milestones]
        axes.hlines(rows, times, 0, color=charts.LINE, lw=1.2)
        colours = [charts.BAD if at > 0 else charts.MODEL for at in times]
        axes.scatter(times, rows, color=colours, s=30, zorder=3)
        for row, step in zip(rows, milestones, strict=True):
            note = f"  {step.note}" if step.note else ""
            axes.annotate(
                f"{milliseconds(step.at_ms)}{note}",
                (step.at_ms, row),
                xytext=(7, 5),
                textcoords="offset points",
                fontsize=8.5,
                color=charts.MUTED,
            )
        axes.axvline(0, color=charts.BAD, lw=1.2, ls=(0, (3, 3)))
        axes.set_yticks(rows, [step.name for step in milestones])
        axes.set_ylim(len(milestones) - 0.4, -0.8)
        low, high = min(*times, 0.0), max(*times, 0.0)
        room = max(high - low, 1.0)
        axes.set_xlim(low - 0.04 * room, high + 0.22 * room)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_formatter(lambda value, _: milliseconds(value))
        axes.set_xlabel(f"relative to T{MINUS}2 s (dashed)")
        return charts.to_svg(
            made,
            key,
            f"{window_id}: the pull",
            "; ".join(f"{step.name} at {milliseconds(step.at_ms)}" for step in milestones),
        )


def interesting(rungs: Sequence[Rung]) -> tuple[Rung, ...]:
    """Return the rungs worth drawing: from the first to the last that is not all but decided."""
    live = [
        i
        for i, rung in enumerate(rungs)
        if _TAIL < rung.probability < 1 - _TAIL or rung.quoted is not None
    ]
    if not live:
        return tuple(rungs)
    return tuple(rungs[max(0, live[0] - 1) : live[-1] + 2])


def _place(rung: Rung) -> float:
    ends = [end for end in (rung.low, rung.high) if end is not None]
    return sum(ends) / len(ends) if ends else 0.0


def _market(axes: Axes, place: float, rung: Rung) -> None:
    bid = None if rung.bid is None else rung.bid / CENT
    ask = None if rung.ask is None else rung.ask / CENT
    if bid is not None and ask is not None:
        axes.plot([place, place], [bid, ask], color=charts.MARKET, lw=5, alpha=0.75, zorder=2)
    for edge in (bid, ask):
        if edge is not None:
            axes.plot(place, edge, color=charts.MARKET, marker="_", ms=7, mew=1.4, zorder=2)


def _ours(axes: Axes, place: float, rung: Rung, side: Side) -> None:
    """Mark our quote; the thin line from it to the model's dot is the edge."""
    fair = rung.probability * 100
    price = fair if rung.quoted_price is None else rung.quoted_price / CENT
    axes.plot([place, place], [price, fair], color=_COLOUR[side], lw=1.2, zorder=3)
    axes.plot(
        place,
        price,
        color=_COLOUR[side],
        marker=_MARKER[side],
        ms=8,
        mec=charts.SURFACE,
        mew=1.0,
        zorder=5,
    )
    axes.annotate(
        rung.label,
        (place, price),
        xytext=(9, -3),
        textcoords="offset points",
        fontsize=8.5,
        color=_COLOUR[side],
        bbox={"fc": charts.SURFACE, "ec": "none", "pad": 0.6},
    )


def _ladder_legend(axes: Axes, sides: set[Side]) -> None:
    handles = [
        Line2D([], [], color=charts.MODEL, marker="o", ms=4, lw=0, label="model"),
        Line2D([], [], color=charts.MARKET, lw=5, alpha=0.75, label="market, bid to ask"),
    ]
    handles += [
        Line2D([], [], color=_COLOUR[s], marker=_MARKER[s], ms=7, lw=0, label=_WORD[s])
        for s in Side
        if s in sides
    ]
    axes.legend(handles=handles, loc="upper right")


def _index(axes: Axes, part: SeriesReport) -> None:
    shown = [part.level[i] for i in charts.thinned(len(part.level), _MOST_LEVELS)]
    axes.plot([p.at_s for p in shown], [p.value for p in shown], color=charts.MODEL, lw=1.1)
    axes.set_ylabel("index" if part.subject.is_index else "middle of the law")
    axes.yaxis.set_major_formatter(lambda value, _: part.subject.strike(value))
    axes.margins(x=0.02, y=0.15)


def _spans(axes: Axes, spans: Sequence[QuoteSpan]) -> None:
    for span in spans:
        colour, price = _COLOUR[span.side], span.price / CENT
        axes.plot([span.start_s, span.end_s], [price, price], color=colour, lw=2.4, zorder=3)
    named: set[str] = set()
    for span in spans:
        if span.ticker in named or len(named) == _MOST_LABELS:
            continue
        named.add(span.ticker)
        axes.annotate(
            span.label,
            (span.start_s, span.price / CENT),
            xytext=(0, 5),
            textcoords="offset points",
            fontsize=8.5,
            color=_COLOUR[span.side],
            bbox={"fc": charts.SURFACE, "ec": "none", "pad": 0.6},
            zorder=4,
        )


def _fills(axes: Axes, fills: Sequence[FillMark]) -> None:
    for fill in fills:
        axes.plot(
            fill.at_s,
            fill.price / CENT,
            color=_COLOUR[fill.side],
            marker=_MARKER[fill.side],
            ms=9,
            mec=charts.SURFACE,
            mew=1.2,
            zorder=5,
        )


def _quotes_legend(axes: Axes, part: SeriesReport) -> None:
    sides = {span.side for span in part.quotes}
    handles = [
        Line2D([], [], color=_COLOUR[side], lw=2.4, label=_WORD[side])
        for side in Side
        if side in sides
    ]
    handles += [
        Line2D([], [], color=_COLOUR[side], marker=_MARKER[side], ms=7, lw=0, label=label)
        for side, label in ((Side.BID, "filled"), (Side.ASK, "filled"))
        if any(fill.side is side for fill in part.fills)
    ]
    if handles:
        axes.legend(handles=handles, loc="upper left", ncols=4, bbox_to_anchor=(0, 1.18))


def _seconds(value: float) -> str:
    return "T" if value == 0 else f"{'+' if value > 0 else MINUS}{abs(value):g}"
