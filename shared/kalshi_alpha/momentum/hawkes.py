"""Events that excite each other: intensities by an exact recursion, one exponential an event.

A Hawkes process with exponential kernels (Hawkes, Biometrika 58, 1971) has for kind i the intensity

    base_i + sum over past events, of kind j at t:  branching_ij * decay * exp(-decay (now - t))

One decay serves all kinds, so the sum over the past is one number a kind, and it decays as a whole
(Ozaki, Annals of the Institute of Statistical Mathematics 31, 1979). ``branching_ij`` is how many
events of kind i one of kind j brings about itself. One kind is the univariate process; takers'
buys and sells are two.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kalshi_alpha.errors import DataError, ParameterError

SCHEMA = "kalshi-alpha/hawkes/1"
BUY, SELL = 0, 1  # the kinds of a two-sided flow of takers


@dataclass(frozen=True, slots=True)
class HawkesParameters:
    """A stationary process of one kind or more.

    Attributes:
        base: events a second that nothing excites, > 0, by kind.
        branching: [kind excited][kind exciting], >= 0.
        decay: a second, > 0: an event's excitement has halved after ln 2 / decay.

    Raises:
        ParameterError: when a number is outside its range, the sizes do not fit, or each event
            brings about one more or above, so that the process runs away.
    """

    base: tuple[float, ...]
    branching: tuple[tuple[float, ...], ...]
    decay: float

    def __post_init__(self) -> None:
        kinds = len(self.base)
        rows = [len(row) for row in self.branching]
        numbers = (*self.base, self.decay, *(x for row in self.branching for x in row))
        if not kinds or rows != [kinds] * kinds or not all(map(math.isfinite, numbers)):
            raise ParameterError(
                f"a process of {kinds} kinds with branching rows of {rows}, or a number that is "
                "not finite, is none"
            )
        if min(*self.base, self.decay) <= 0.0 or min(min(row) for row in self.branching) < 0.0:
            raise ParameterError(f"{self} has a rate that is not above 0, or a branching below it")
        if (most := self.reproduction) >= 1.0:
            raise ParameterError(
                f"each event brings about {most:.3f} more: from 1 on the process runs away"
            )

    @property
    def reproduction(self) -> float:
        """Return how many events one brings about, in the long run: the largest eigenvalue."""
        # Of B + I, whose largest eigenvalue alone has the largest modulus, by squaring.
        kinds = range(len(self.base))
        grown = [[self.branching[i][j] + (i == j) for j in kinds] for i in kinds]
        log_scale = 0.0
        for doubling in range(60):
            grown = [[sum(grown[i][k] * grown[k][j] for k in kinds) for j in kinds] for i in kinds]
            most = max(map(max, grown))
            grown = [[x / most for x in row] for row in grown]
            log_scale += math.log(most) / 2.0 ** (doubling + 1)
        return math.exp(log_scale) - 1.0

    @property
    def mean(self) -> tuple[float, ...]:
        """Return the events a second of each kind in the long run."""
        # (I - B)^-1 = (I + B)(I + B^2)(I + B^4)..., as far as the powers still count.
        kinds, rates, power = range(len(self.base)), self.base, self.branching
        while max(map(max, power)) > 0.0:
            rates = tuple(
                rate + sum(p * r for p, r in zip(row, rates, strict=True))
                for rate, row in zip(rates, power, strict=True)
            )
            power = tuple(
                tuple(sum(power[i][k] * power[k][j] for k in kinds) for j in kinds) for i in kinds
            )
        return rates

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "schema": SCHEMA,
            "base": list(self.base),
            "branching": [list(row) for row in self.branching],
            "decay": self.decay,
        }


def hawkes_from_json(doc: Mapping[str, Any]) -> HawkesParameters:
    """Return what ``to_json`` wrote.

    Raises:
        ParameterError: for another schema, a field that is missing or garbled, or numbers that
            make no stationary process.
    """
    if doc.get("schema") != SCHEMA:
        raise ParameterError(f"a process of {doc.get('schema')!r} is not one of {SCHEMA}")
    try:
        return HawkesParameters(
            base=tuple(float(x) for x in doc["base"]),
            branching=tuple(tuple(float(x) for x in row) for row in doc["branching"]),
            decay=float(doc["decay"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ParameterError(f"the process lacks or garbles a field: {error!r}") from None


class Hawkes:
    """The intensities of a running process.

    Args:
        parameters: what excites what.
        at: seconds at which it begins, with nothing before it.
    """

    __slots__ = ("_at", "_excited", "_gone", "_long", "_mean", "parameters")

    def __init__(self, parameters: HawkesParameters, at: float) -> None:
        self.parameters = parameters
        self._at = at
        self._excited = [0.0] * len(parameters.base)  # by exciting kind, at the last event
        self._gone = [0.0] * len(parameters.base)  # by exciting kind, what has decayed
        self._long = 0.0  # seconds since it began
        self._mean = parameters.mean

    def event(self, at: float, kind: int) -> None:
        """Take an event of a kind; one that comes with an earlier time counts as of the last."""
        since = at - self._at
        excited = self._excited
        if since > 0.0:
            kept = math.exp(-self.parameters.decay * since)
            lost = 1.0 - kept
            self._gone = [g + lost * e for g, e in zip(self._gone, excited, strict=True)]
            excited = self._excited = [kept * e for e in excited]
            self._at, self._long = at, self._long + since
        excited[kind] += 1.0

    def intensities(self, at: float) -> tuple[float, ...]:
        """Return the events a second to be expected of each kind just after ``at``."""
        terms = self.parameters
        kept = terms.decay * math.exp(-terms.decay * max(0.0, at - self._at))
        return tuple(
            [
                base + kept * sum([b * e for b, e in zip(row, self._excited, strict=True)])
                for base, row in zip(terms.base, terms.branching, strict=True)
            ]
        )

    def expected(self, at: float) -> tuple[float, ...]:
        """Return how many events of each kind were to be expected from the beginning to ``at``.

        Between two events of one kind it grows by exponential variables of mean one, when the
        process is what it is taken to be: the time-rescaling theorem (Brown and others, Neural
        Computation 14, 2002).
        """
        terms = self.parameters
        since = max(0.0, at - self._at)
        lost = 1.0 - math.exp(-terms.decay * since)
        gone = [g + lost * e for g, e in zip(self._gone, self._excited, strict=True)]
        return tuple(
            base * (self._long + since) + sum([b * g for b, g in zip(row, gone, strict=True)])
            for base, row in zip(terms.base, terms.branching, strict=True)
        )

    def heats(self, at: float) -> tuple[float, ...]:
        """Return each kind's intensity over its long-run mean: 1 is an ordinary moment."""
        now = self.intensities(at)
        return tuple([each / mean for each, mean in zip(now, self._mean, strict=True)])

    def heat(self, at: float, kind: int) -> float:
        """Return one kind's intensity over its long-run mean."""
        return self.heats(at)[kind]

    def to_json(self) -> dict[str, Any]:
        """Return what it takes to go on elsewhere, in plain JSON values."""
        return {
            "parameters": self.parameters.to_json(),
            "at": self._at,
            "excited": list(self._excited),
            "gone": list(self._gone),
            "long": self._long,
        }

    @classmethod
    def from_json(cls, doc: Mapping[str, Any]) -> Hawkes:
        """Return the process that ``to_json`` described.

        Raises:
            DataError: when a field is missing or garbled.
        """
        try:
            made = cls(hawkes_from_json(doc["parameters"]), float(doc["at"]))
            made._excited = [float(x) for x in doc["excited"]]
            made._gone = [float(x) for x in doc["gone"]]
            made._long = float(doc["long"])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"the running process lacks or garbles a field: {error!r}") from None
        return made


def log_likelihood(
    parameters: HawkesParameters, events: Iterable[tuple[float, int]], until: float
) -> float:
    """Return the log density of events (seconds, kind) in order of time, from 0 to ``until``."""
    process = Hawkes(parameters, 0.0)
    found = 0.0
    for at, kind in events:
        found += math.log(process.intensities(at)[kind])
        process.event(at, kind)
    return found - math.fsum(process.expected(until))


def rescaled(
    parameters: HawkesParameters, events: Sequence[tuple[float, int]]
) -> tuple[tuple[float, ...], ...]:
    """Return, by kind, what was to be expected between its events: exponential, of mean one."""
    process = Hawkes(parameters, 0.0)
    last = [0.0] * len(parameters.base)
    gaps: list[list[float]] = [[] for _ in last]
    for at, kind in events:
        now = process.expected(at)[kind]
        gaps[kind].append(now - last[kind])
        last[kind] = now
        process.event(at, kind)
    return tuple(map(tuple, gaps))
