"""What short-horizon models look at, and what they are to tell: the change of each bracket's share.

A sample is an event at the moment of a trade (or of a change of quotes), at most one in so many
seconds. Its features are made of what was known then; its targets of what came within the horizons.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kalshi_alpha.momentum.horizon import AHEAD_S
from kalshi_alpha.momentum.recent import BACK_S, FULL_FLOW
from kalshi_alpha.research.data.findings import Bools, Floats, Ints

HORIZONS_S = (5.0, 15.0, 30.0, AHEAD_S)
HOURS = (6.0, 18.0)  # standard time of the climate day
APART_S = 60.0
SPEEDS, FLOWS = slice(2, 5), slice(10, 13)


class Source(Protocol):
    """An event as trades or quotes tell it. All is known at the instants asked for."""

    @property
    def changes(self) -> Floats:
        """Return when something was told, seconds since 1970 UTC, ascending."""

    def shares(self, instants: Floats) -> Floats:
        """Return shares of one; [instants, brackets]."""

    def skew(self, instants: Floats) -> Floats:
        """Return dollars by which the newest price lies above the middle; [instants, brackets]."""

    def age(self, instants: Floats) -> Floats:
        """Return the seconds since each bracket was heard of; [instants, brackets]."""

    def flow_over(self, instants: Floats, seconds: float) -> Floats:
        """Return what was bought less what was sold over the seconds before."""

    def count_over(self, instants: Floats, seconds: float) -> Floats:
        """Return how much was heard over the seconds before; [instants]."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Moments of several events with the same number of brackets.

    Attributes:
        day: of the event, ascending; [samples].
        at: seconds since 1970 UTC; [samples].
        share: at the moment; [samples, brackets].
        values: by ``momentum.recent.NAMES``; [samples, brackets, features].
        moved: the change of the share over each of ``HORIZONS_S``; [samples, brackets, horizons].
    """

    day: Ints
    at: Floats
    share: Floats
    values: Floats
    moved: Floats

    def __len__(self) -> int:
        return len(self.day)

    def where(self, keep: Bools) -> Samples:
        """Return the samples where ``keep`` holds."""
        return Samples(
            self.day[keep], self.at[keep], self.share[keep], self.values[keep], self.moved[keep]
        )


def samples_of(
    sources: Iterable[tuple[int, float, Source]], *, apart_s: float = APART_S
) -> Samples:
    """Return the samples of events in order of their days.

    Args:
        sources: day, first instant of the climate day, and what is told of the event.
        apart_s: seconds of which at most one sample is taken, > 0.
    """
    parts = []
    for day, start_s, source in sorted(sources, key=lambda one: one[:2]):
        at = sampled(source.changes, start_s, apart_s)
        if len(at):
            share = source.shares(at)
            values = features_at(source, at, start_s)
            days = np.full(len(at), day, dtype=np.int64)
            parts.append(Samples(days, at, share, values, _moved(source, at, share)))
    return joined(parts)


def joined(parts: Sequence[Samples]) -> Samples:
    """Return the parts whose ladders have the usual number of brackets, one after another."""
    counts = [part.share.shape[1] for part in parts]
    usual = max(set(counts), key=counts.count, default=0)
    kept = [part for part, n in zip(parts, counts, strict=True) if n == usual]
    return Samples(
        *(np.concatenate([getattr(part, name) for part in kept]) for name in Samples.__slots__)
    )


def sampled(changes: Floats, start_s: float, apart_s: float) -> Floats:
    """Return the first change in each stretch of ``apart_s`` seconds inside ``HOURS``."""
    hour = (changes - start_s) / 3600.0
    inside = changes[(hour >= HOURS[0]) & (hour < HOURS[1])]
    _, first = np.unique(np.floor((inside - start_s) / apart_s), return_index=True)
    return inside[first]


def features_at(source: Source, at: Floats, start_s: float) -> Floats:
    """Return the features of an event's moments; [moments, brackets, features]."""
    share = source.shares(at)
    before = {s: source.shares(at - s) for s in (*BACK_S, 2.0 * BACK_S[1])}
    speed = {s: share - before[s] for s in BACK_S}
    flow = {s: np.tanh(source.flow_over(at, s) / FULL_FLOW) for s in BACK_S}
    middle = BACK_S[1]
    even = np.ones_like(share)
    columns = (
        np.log(share / (1.0 - share)),
        even * ((at - start_s) / 3600.0 / 24.0)[:, None],
        *speed.values(),
        share - 2.0 * before[middle] + before[2.0 * middle],
        *_beside(speed[middle]),
        _with_centre(share, before[middle]),
        _with_centre(share, before[BACK_S[2]]),
        *flow.values(),
        *_beside(flow[middle]),
        source.skew(at),
        np.log1p(source.age(at)) / 10.0,
        even * np.log1p(source.count_over(at, middle))[:, None] / 5.0,
    )
    return np.stack(columns, axis=2)


def _moved(source: Source, at: Floats, share: Floats) -> Floats:
    return np.stack([source.shares(at + h) - share for h in HORIZONS_S], axis=2)


def _beside(values: Floats) -> tuple[Floats, Floats]:
    """Return each bracket's lower and upper neighbour's values; 0 beyond the ends."""
    nothing = np.zeros((len(values), 1))
    return (
        np.concatenate([nothing, values[:, :-1]], axis=1),
        np.concatenate([values[:, 1:], nothing], axis=1),
    )


def _with_centre(share: Floats, before: Floats) -> Floats:
    """Return how far the centre of mass came, times how far each bracket lies on that side."""
    place = np.arange(share.shape[1])
    centre = (share * place).sum(axis=1)
    came = centre - (before * place).sum(axis=1)
    found: Floats = came[:, None] * (place - centre[:, None])
    return found
