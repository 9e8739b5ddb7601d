"""How fast a level that jumps has been moving, and which way volume has been pressing.

Both are exact for events at any times and cost the same however many came before: the sums over
past events all decay by one factor, so they are carried along and never summed again.
"""

from __future__ import annotations

import math

from kalshi_alpha.errors import DataError


class Motion:
    """Velocity and acceleration of a level that stays put between its jumps.

    With jumps J at times t and s = (now - t) / tau, the velocity is the sum of J e^-s / tau: the
    level less its exponential average, over tau. The acceleration is the velocity less its own
    average, over tau: the sum of J (1 - s) e^-s / tau^2. A lone jump speeds up for tau and slows
    down after.

    Args:
        tau_s: memory in seconds, > 0.

    Raises:
        DataError: when the memory is not above 0.
    """

    __slots__ = ("_at", "_first", "_second", "tau_s")

    def __init__(self, tau_s: float) -> None:
        self.tau_s = _above(tau_s)
        self._at = -math.inf
        self._first = self._second = 0.0

    def jump(self, at: float, by: float) -> None:
        """Note that the level moved ``by`` at ``at`` seconds, not before the last jump."""
        if self._first or self._second:
            s = (at - self._at) / self.tau_s
            kept = math.exp(-s)
            self._second = kept * (self._second + s * self._first)
            self._first = kept * self._first + by
        else:
            self._first = by
        self._at = at

    def rest(self) -> None:
        """Forget the motion: what happened in a silence is not known."""
        self._first = self._second = 0.0

    def rates(self, at: float) -> tuple[float, float]:
        """Return velocity, in units a second, and acceleration, in units a second squared."""
        first = self._first
        if not (first or self._second):
            return 0.0, 0.0
        tau = self.tau_s
        s = (at - self._at) / tau
        kept = math.exp(-s) / tau
        return kept * first, kept * (first - self._second - s * first) / tau

    def to_json(self) -> list[float | None]:
        """Return what it takes to go on elsewhere."""
        return [None if self._at == -math.inf else self._at, self._first, self._second]

    def resume(self, kept: list[float | None]) -> None:
        """Go on from what ``to_json`` returned."""
        at, first, second = kept
        self._at = -math.inf if at is None else at
        self._first, self._second = first or 0.0, second or 0.0


class Flow:
    """Volume that presses one way, less the other, decaying with time.

    Args:
        tau_s: memory in seconds, > 0.
        scale: contracts, > 0, that count as little: the pressure of so many is 1/2 at most.

    Raises:
        DataError: when one of them is not above 0.
    """

    __slots__ = ("_at", "_both", "_net", "scale", "tau_s")

    def __init__(self, tau_s: float, scale: float) -> None:
        self.tau_s, self.scale = _above(tau_s), _above(scale)
        self._at = -math.inf
        self._net = self._both = 0.0

    def add(self, at: float, signed: float) -> None:
        """Note ``signed`` contracts, above 0 for YES, at ``at`` seconds, not before the last."""
        if self._both:
            kept = math.exp((self._at - at) / self.tau_s)
            self._net = self._net * kept + signed
            self._both = self._both * kept + abs(signed)
        else:
            self._net, self._both = signed, abs(signed)
        self._at = at

    def pressure(self, at: float) -> float:
        """Return the decayed net volume over all of it and the scale, within -1 to 1."""
        if not self._both:
            return 0.0
        kept = math.exp((self._at - at) / self.tau_s)
        return self._net * kept / (self._both * kept + self.scale)

    def to_json(self) -> list[float | None]:
        """Return what it takes to go on elsewhere."""
        return [None if self._at == -math.inf else self._at, self._net, self._both]

    def resume(self, kept: list[float | None]) -> None:
        """Go on from what ``to_json`` returned."""
        at, net, both = kept
        self._at = -math.inf if at is None else at
        self._net, self._both = net or 0.0, both or 0.0


def _above(number: float) -> float:
    if not 0.0 < number < math.inf:
        raise DataError(f"a memory or scale of {number} is none: it must be above 0")
    return number
