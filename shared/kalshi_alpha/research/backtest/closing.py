"""Where not to quote: a stretch that lost on earlier days, closed if it lost on later ones too.

The fills of the run itself are looked at, by stretch before the fixing, by side, and near the
money or anywhere. The one that was worst on the first half of the days is tested once on the second
half. One vote a market-side: of several fills on one side of a market the first counts.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date
from typing import Any

from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.registry import Series
from kalshi_alpha.research.backtest.records import FillRow
from kalshi_alpha.research.backtest.settings import Settings
from kalshi_alpha.research.backtest.summary import (
    EDGE,
    LOSS,
    Sample,
    days_needed,
    interval_of,
    on_days,
    row_of,
)
from kalshi_alpha.research.backtest.when import votes
from kalshi_alpha.trading.tuning import Tuning, configuration_in, dump_tuning
from kalshi_alpha.trading.when import Stretch, When

EDGES_S = (1800.0, 900.0, 300.0, 120.0, 60.0)
FEWEST_VOTES = 10
ASSUMED = (0.01, 0.02, 0.05, 0.10)  # dollars a contract, for the days a verdict would need


def tried(settings: Settings) -> tuple[Stretch, ...]:
    """Return every stretch that might be closed: inside the times quoted, by side and place."""
    inside = [edge for edge in EDGES_S if settings.stop_s < edge < settings.start_s]
    ends = [settings.start_s, *inside, settings.stop_s]
    return tuple(
        Stretch(start, stop, side, nearest)
        for start, stop in itertools.pairwise(ends)
        for side in (None, Side.BID, Side.ASK)
        for nearest in (None, 1)
    )


def choose_closed(sample: Sample, settings: Settings, windows: int) -> dict[str, Any]:
    """Choose the worst stretch on the first half of the days, test it on the second.

    Args:
        sample: what the run came to.
        settings: of the run.
        windows: played.

    Returns:
        ``chosen`` (None when no stretch lost with enough votes), its rows on the days it was chosen
        on and on later ones, whether to act on it, and the days after which a loss of that size
        would show four times in five.
    """
    half = len(sample.days) // 2
    early, late = set(sample.days[:half]), set(sample.days[half:])
    all_tried = tried(settings)
    scored = []
    for place, stretch in enumerate(all_tried):
        before = row_of(votes(on_days(_inside(sample, stretch), early)), windows)
        if before["fills"] >= FEWEST_VOTES and before["realised"] < 0:
            scored.append((before["realised"], place, before))
    found: dict[str, Any] = {
        "tried": len(all_tried),
        "fewest_votes": FEWEST_VOTES,
        "chosen_on": [min(early), max(early)] if early else None,
        "tested_on": [min(late), max(late)] if late else None,
        "chosen": None,
        "act": False,
        "days_needed": None,
    }
    if not scored:
        return found
    _, place, before = min(scored, key=lambda item: item[:2])
    stretch = all_tried[place]
    later = votes(on_days(_inside(sample, stretch), late))
    after = row_of(later, windows, one_of_many=False)
    loss = interval_of(later, [-(row.realised or 0.0) for row in later.fills])
    return found | {
        "chosen": stretch.to_json(),
        "name": stretch.name,
        "earlier": before,
        "later": after,
        "act": after["verdict"] == LOSS,
        "days_needed": None if loss is None else days_needed(loss, len(later.days)),
    }


def power_of(sample: Sample) -> list[dict[str, Any]]:
    """Return the days after which an edge of so many dollars a contract would be shown.

    Four times in five, at the spread between days that this run saw; None where it saw none.
    """
    found = interval_of(sample, [row.realised or 0.0 for row in sample.fills])
    return [
        {
            "edge": edge,
            "days": None if found is None else days_needed(found, len(sample.days), edge),
        }
        for edge in ASSUMED
    ]


def configuration_with(settings: Settings, series: Series) -> dict[str, float]:
    """Return the numbers that say how a run quoted, as ``configuration_in`` says it of live."""
    return configuration_in(
        settings.quoting(series),
        settings.caps(series),
        start_s=settings.start_s,
        stop_s=settings.stop_s,
        every_s=settings.every_s,
    )


def require_live(settings: Settings) -> None:
    """Refuse to learn from a run with other rules than the ones that trade.

    Raises:
        ConfigurationError: then.
    """
    if (settings.rule, settings.mode, settings.source) != ("core", "maker-only", "law"):
        raise ConfigurationError(
            f"what is learned with rule {settings.rule}, mode {settings.mode} says nothing of what "
            "trades: learn with rule core, maker-only"
        )


def tuning_from(document: dict[str, Any], settings: Settings, series: Series) -> bytes | None:
    """Return the file of what this run taught, None where it taught nothing to act on.

    A stretch is closed where its test says so; a fill model is handed on only from a run that was
    an edge with it.

    Raises:
        ConfigurationError: for a run with other rules than the ones that trade.
    """
    require_live(settings)
    closed = document["closed"]
    when = settings.when
    if closed["act"]:
        chosen = closed["chosen"]
        side = None if chosen["side"] is None else Side(chosen["side"])
        stretch = Stretch(chosen["start_s"], chosen["stop_s"], side, chosen["nearest"])
        why = (
            f"{closed['earlier']['fills']} votes made {_cents(closed['earlier']['realised'])} on "
            f"{' to '.join(closed['chosen_on'])}, and {closed['later']['fills']} more "
            f"{_cents(closed['later']['realised'])} on {' to '.join(closed['tested_on'])}"
        )
        when = When((*when.closed, replace(stretch, why=why)))
    fills = settings.fills if document["all"]["verdict"] == EDGE else None
    if not when.closed and fills is None:
        return None
    days = [row["day"] for row in document["days"]]
    provenance = {
        **document["provenance"],
        "Fingerprint": document["fingerprint"],
        "Days": f"{len(days)}, {days[0]} to {days[-1]}",
        "Votes": "one a market-side",
    }
    last = date.fromisoformat(days[-1])
    return dump_tuning(
        series.ticker, Tuning(when, fills), configuration_with(settings, series), last, provenance
    )


def _inside(sample: Sample, stretch: Stretch) -> Sample:
    def holds(row: FillRow) -> bool:
        return stretch.holds(row.seconds_to_fixing, Side(row.side), row.bin or None)

    return replace(
        sample,
        fills=tuple(row for row in sample.fills if holds(row)),
        touches=tuple(row for row in sample.touches if holds(row)),
    )


def _cents(dollars: float) -> str:
    return f"{100 * dollars:+.1f} cents a contract"
