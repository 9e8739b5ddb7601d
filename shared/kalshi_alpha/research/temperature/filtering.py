"""What the filter says of recorded events at fixed times of day, under several settings.

A filter of ``momentum.filter`` is told each trade's middle and, where there is one, the law of the
weather; what it says at an instant rests on the trades up to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.momentum.filter import BracketFilter, FilterTerms
from kalshi_alpha.research.data.findings import Bools, Floats, Ints
from kalshi_alpha.research.parallel import mapped
from kalshi_alpha.research.temperature.panel import Traded
from kalshi_alpha.research.temperature.trades import Event

# Standard time: eight in the evening before to six in the evening.
HOURS = (-4.0, 0.0, 6.0, 8.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 18.0)
START = 4.0  # variance of log scores before a price: odds of one to fifty are nothing odd
WANDERS = (3e-6, 1e-5, 3e-5, 1e-4)  # log score variance a second
LEANS = (4.0, 16.0)  # log score variance around the law of the weather
WIDEST, UNKNOWN_SPREAD = 0.10, 0.05  # dollars
_CHUNK = 16

Progress = Callable[[int, int], None]
Law = tuple[tuple[float, tuple[float, ...]], ...]  # instants, and the law from then on


@dataclass(frozen=True, slots=True)
class Setting:
    """How a filter is run; ``lean`` None leaves the weather aside."""

    wander: float
    lean: float | None = None

    @property
    def terms(self) -> FilterTerms:
        """Return the filter's own terms."""
        return FilterTerms(wander=self.wander, start=START)

    @property
    def name(self) -> str:
        """Return it in words."""
        law = "no weather" if self.lean is None else f"weather at variance {self.lean:g}"
        return f"wander {self.wander:g} a second, {law}"


SETTINGS = tuple(Setting(wander) for wander in WANDERS)
WITH_WEATHER = tuple(Setting(wander, lean) for wander in WANDERS[:2] for lean in LEANS)


@dataclass(frozen=True, slots=True)
class Panel:
    """Events at fixed times of day. Arrays are [moments] or [moments, brackets].

    Attributes:
        day: of the event, a number that ascends.
        hour: standard time after the climate day's midnight.
        series: of the event.
        winner: place of what won.
        there: whether the ladder has the bracket.
        share: traded middles normalised to one.
        last: last prices normalised to one.
        filtered: what the filter said, by setting.
    """

    day: Ints
    hour: Floats
    series: tuple[str, ...]
    winner: Ints
    there: Bools
    share: Floats
    last: Floats
    filtered: Mapping[Setting, Floats]

    def __len__(self) -> int:
        return len(self.day)


def filtered(event: Event, instants: Floats, settings: Sequence[Setting], law: Law = ()) -> Floats:
    """Return what filters say of an event at instants, from the trades up to each of them.

    Args:
        event: the event, with a trade or more.
        instants: seconds since 1970 UTC, ascending, none before the first trade.
        settings: one filter each.
        law: probabilities of the brackets by the weather, from instants on, ascending.

    Returns:
        [settings, instants, brackets]
    """
    traded = Traded.of(event).at(event.at)
    rows = np.arange(len(event.at))
    middle = traded.middle[rows, event.bracket].tolist()
    spread = (traded.ask - traded.bid)[rows, event.bracket]
    known = np.where(np.isfinite(spread), np.clip(np.abs(spread), 0.0, WIDEST), UNKNOWN_SPREAD)
    deviation = [SETTINGS[0].terms.price_sd(one) for one in known.tolist()]
    told = list(zip(event.at.tolist(), event.bracket.tolist(), middle, deviation, strict=True))
    brackets, runs = len(event.brackets), dict[Setting, list[tuple[float, ...]]]()
    for one in settings:
        same = one if law else Setting(one.wander)
        if same not in runs:
            runs[same] = _run(told, instants.tolist(), same, brackets, law)
    return np.array([runs[one if law else Setting(one.wander)] for one in settings])


def _run(
    told: Sequence[tuple[float, int, float, float]],
    instants: Sequence[float],
    setting: Setting,
    brackets: int,
    law: Law,
) -> list[tuple[float, ...]]:
    lean = setting.lean
    laws = law if lean is not None else ()
    begin = min([told[0][0], *(at for at, _ in laws)])
    filter_ = BracketFilter(brackets, setting.terms, begin)
    found, k, leant = [], 0, 0
    for instant in instants:
        while k < len(told) and told[k][0] <= instant:
            at, place, middle, deviation = told[k]
            while lean is not None and leant < len(laws) and laws[leant][0] <= at:
                filter_.lean(*laws[leant], lean)
                leant += 1
            filter_.see(at, place, middle, deviation)
            k += 1
        filter_.advance(instant)
        found.append(filter_.probabilities())
    return found


def panel_of(
    events: Sequence[Event],
    settings: Sequence[Setting],
    *,
    laws: Mapping[str, Law] | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Panel:
    """Return events at the hours of ``HOURS`` at which they had traded.

    Args:
        events: in order of days.
        settings: of the filters.
        laws: of the weather, by the event's name.
        workers: processes; 1 works in this one.
        progress: told how many events of how many are done.

    Raises:
        DataError: when no event had traded at any of the hours.
    """
    given = laws or {}
    jobs = [(one, tuple(settings), given.get(one.name, ())) for one in events]
    parts = []
    for k, part in enumerate(mapped(_part, jobs, workers, chunk=_CHUNK)):
        parts.append(part)
        if progress is not None:
            progress(k + 1, len(jobs))
    return _joined(events, settings, parts)


@dataclass(frozen=True, slots=True)
class _Part:
    instants: Floats
    hours: Floats
    share: Floats
    last: Floats
    filtered: Floats


def _part(job: tuple[Event, tuple[Setting, ...], Law]) -> _Part:
    event, settings, law = job
    hours = np.array(HOURS)
    hours = hours[event.start_s + 3600.0 * hours >= event.at[0]]
    instants = event.start_s + 3600.0 * hours
    prices = Traded.of(event).at(instants)
    return _Part(
        instants,
        hours,
        prices.shares,
        prices.last_shares,
        filtered(event, instants, settings, law),
    )


def _joined(events: Sequence[Event], settings: Sequence[Setting], parts: Sequence[_Part]) -> Panel:
    count = [len(part.instants) for part in parts]
    if not sum(count):
        raise DataError("no event had traded at any of the hours that are looked at")
    widest = max(len(event.brackets) for event in events)

    def column(values: Sequence[Floats]) -> Floats:
        return np.concatenate([_padded(one, widest) for one in values])

    def repeated(values: Sequence[int]) -> Ints:
        return np.repeat(np.array(values, dtype=np.int64), count)

    return Panel(
        day=repeated([one.day.toordinal() for one in events]),
        hour=np.concatenate([part.hours for part in parts]),
        series=tuple(np.repeat([one.series for one in events], count).tolist()),
        winner=repeated([one.winner for one in events]),
        there=np.arange(widest) < repeated([len(one.brackets) for one in events])[:, None],
        share=column([part.share for part in parts]),
        last=column([part.last for part in parts]),
        filtered={
            one: column([part.filtered[k] for part in parts]) for k, one in enumerate(settings)
        },
    )


def _padded(values: Floats, widest: int) -> Floats:
    return np.pad(values, ((0, 0), (0, widest - values.shape[1])))
