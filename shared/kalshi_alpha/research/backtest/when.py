"""When to quote: a stretch before the fixing, chosen on earlier days and tested on later ones.

Each stretch is played by itself, since a fill early in a long one takes the place of a later one.
What is chosen is the stretch with the best mean a contract among those with enough fills. A choice
among many looks good on the days it was made on: only the figure of the later days counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kalshi_alpha.research.backtest.records import FillRow
from kalshi_alpha.research.backtest.settings import Settings
from kalshi_alpha.research.backtest.summary import EDGE, Sample, on_days, row_of

ENDS_S = (60.0, 120.0, 300.0, 600.0, 900.0, 1800.0)
FEWEST_FILLS = 15


@dataclass(frozen=True, slots=True)
class Stretch:
    """From ``start_s`` to ``stop_s`` seconds before the fixing, start above stop."""

    start_s: float
    stop_s: float

    @property
    def name(self) -> str:
        """Return its name among the settings."""
        return f"when {self.start_s:g} to {self.stop_s:g}"

    def of(self, settings: Settings) -> Settings:
        """Return the settings that quote in it only."""
        return replace(settings, start_s=self.start_s, stop_s=self.stop_s)


def stretches(settings: Settings) -> tuple[Stretch, ...]:
    """Return every stretch that is tried; the latest end is the settings' own."""
    stops = (settings.stop_s, *ENDS_S)
    return tuple(
        Stretch(start, stop)
        for start in ENDS_S
        for stop in stops
        if stop <= start - settings.every_s
    )


def choose_when(played: Mapping[Stretch, Sample], windows: int) -> dict[str, Any]:
    """Choose on the first half of the days, test on the second.

    One vote a market-side: of several fills on one side of a market the first counts.

    Args:
        played: what each stretch came to, over the same days.
        windows: played.

    Returns:
        ``chosen`` (None when no stretch has enough fills), its rows on the days it was chosen on
        and on later ones, every stretch's row on both, and whether to act on it.
    """
    days = next(iter(played.values())).days
    half = len(days) // 2
    early, late = set(days[:half]), set(days[half:])
    rows: list[dict[str, Any]] = []
    scored: list[tuple[float, float, dict[str, Any]]] = []
    for stretch, sample in played.items():
        before, after = (row_of(votes(on_days(sample, part)), windows) for part in (early, late))
        shape = {"start_s": stretch.start_s, "stop_s": stretch.stop_s}
        rows.append({**shape, "earlier": before, "later": after})
        if before["fills"] >= FEWEST_FILLS:
            scored.append((before["realised"], stretch.start_s, rows[-1]))
    found: dict[str, Any] = {
        "tried": len(played),
        "fewest_fills": FEWEST_FILLS,
        "chosen_on": [min(early), max(early)] if early else None,
        "tested_on": [min(late), max(late)] if late else None,
        "chosen": None,
        "act": False,
        "rows": rows,
    }
    if not scored:
        return found
    _, _, best = max(scored, key=lambda item: item[:2])
    # The later days are looked at once, for the one that was chosen, so its test is a whole one.
    tested = _tested(played[Stretch(best["start_s"], best["stop_s"])], late, windows)
    return found | {
        "chosen": {"start_s": best["start_s"], "stop_s": best["stop_s"]},
        "earlier": best["earlier"],
        "later": tested,
        "act": tested["verdict"] == EDGE,
    }


def _tested(sample: Sample, late: set[str], windows: int) -> dict[str, Any]:
    return row_of(votes(on_days(sample, late)), windows, one_of_many=False)


def votes(sample: Sample) -> Sample:
    """Return the first fill of each market-side only."""
    seen: set[tuple[str, str]] = set()
    first: list[FillRow] = []
    for row in sample.fills:
        side = (row.ticker, row.side)
        if side not in seen:
            seen.add(side)
            first.append(row)
    return replace(sample, fills=tuple(first))


def samples_by_stretch(
    settings: Settings, names: Sequence[str], sample: Any
) -> dict[Stretch, Sample]:
    """Return each stretch with what ``sample(name)`` says it came to."""
    return {each: sample(each.name) for each in stretches(settings) if each.name in names}
