"""When to quote: a stretch before the fixing, chosen on earlier days and tested on later ones.

Windows overlap, so each is scored on its own fills. What is chosen is the stretch with the best
mean a contract among those with enough fills; a choice among many always looks good on the days it
was made on, which is why only the later days' figure counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kalshi_alpha.research.backtest.records import FillRow
from kalshi_alpha.research.backtest.summary import Sample, row_of

ENDS_S = (15, 60, 120, 300, 600, 900, 1800)
FEWEST_FILLS = 20


@dataclass(frozen=True, slots=True)
class Stretch:
    """From ``start_s`` to ``stop_s`` seconds before the fixing, start above stop."""

    start_s: float
    stop_s: float

    def holds(self, row: FillRow) -> bool:
        """Say whether a fill came within it."""
        return self.stop_s < row.seconds_to_fixing <= self.start_s


def choose_when(sample: Sample, windows: int, *, longest_s: float) -> dict[str, Any]:
    """Choose on the first half of the days, test on the second.

    One vote a market-side: of several fills on one side of a market in a stretch the first counts.

    Args:
        sample: fills of a setting that quoted all the while.
        windows: played.
        longest_s: how long before the fixing it began.

    Returns:
        ``chosen`` (None when no stretch has twenty fills), its rows on the days it was chosen on
        and on later ones, and how many stretches were tried.
    """
    half = len(sample.days) // 2
    early, late = set(sample.days[:half]), set(sample.days[half:])
    ends = [float(end) for end in ENDS_S if end < longest_s] + [longest_s]
    tried = [Stretch(a, b) for a in ends for b in (0.0, *ends) if b < a]
    scored = [(stretch, _part(sample, early, stretch)) for stretch in tried]
    enough = [(s, part) for s, part in scored if len(part.fills) >= FEWEST_FILLS]
    found: dict[str, Any] = {
        "tried": len(tried),
        "fewest_fills": FEWEST_FILLS,
        "chosen": None,
        "chosen_on": [min(early), max(early)] if early else None,
        "tested_on": [min(late), max(late)] if late else None,
    }
    if not enough:
        return found
    best, part = max(enough, key=lambda item: (_mean(item[1].fills), item[0].start_s))
    return found | {
        "chosen": {"start_s": best.start_s, "stop_s": best.stop_s},
        "on_earlier_days": row_of(part, windows),
        "on_later_days": row_of(_part(sample, late, best), windows),
        "everything_on_later_days": row_of(_part(sample, late, Stretch(longest_s, 0.0)), windows),
    }


def _part(sample: Sample, days: set[str], stretch: Stretch) -> Sample:
    fills, seen = [], set()
    for row in sample.fills:
        side = (row.ticker, row.side)
        if row.day in days and stretch.holds(row) and side not in seen:
            seen.add(side)
            fills.append(row)
    touches = tuple(r for r in sample.touches if r.day in days and stretch.holds(r))
    return Sample(tuple(sorted(days)), tuple(fills), touches, 0, sample.block)


def _mean(fills: Sequence[FillRow]) -> float:
    contracts = sum(row.contracts for row in fills)
    return sum((row.realised or 0.0) * row.contracts for row in fills) / contracts
