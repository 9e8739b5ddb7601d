"""A clock that runs fast where nothing is measured and at 1x where something is.

Virtual time is a piecewise-linear function of the machine's wall time: from an anchor, each
segment runs at its own speed until a virtual instant. It needs no state, so every process that
holds the same anchor and segments reads the same virtual time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kalshi_alpha.clock import from_iso, iso, require_aware

_SPIN_SECONDS = 0.003


@dataclass(frozen=True, slots=True)
class Segment:
    """Run at ``speed`` (virtual seconds a real one, > 0) until the virtual instant ``until``."""

    until: datetime
    speed: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """``anchor_wall`` (Unix seconds) is ``anchor_virtual``; after the last segment, 1x."""

    anchor_wall: float
    anchor_virtual: datetime
    segments: tuple[Segment, ...] = ()

    def virtual(self, wall: float) -> datetime:
        """Return the virtual time at ``wall`` Unix seconds."""
        at_wall, at_virtual = self.anchor_wall, self.anchor_virtual
        for segment in self.segments:
            real = (segment.until - at_virtual).total_seconds() / segment.speed
            if wall < at_wall + real:
                return at_virtual + timedelta(seconds=(wall - at_wall) * segment.speed)
            at_wall, at_virtual = at_wall + real, segment.until
        return at_virtual + timedelta(seconds=wall - at_wall)

    def wall(self, virtual: datetime) -> float:
        """Return the Unix seconds at which it is ``virtual``; the inverse of ``virtual``."""
        at_wall, at_virtual = self.anchor_wall, self.anchor_virtual
        for segment in self.segments:
            if virtual < segment.until:
                return at_wall + (virtual - at_virtual).total_seconds() / segment.speed
            at_wall += (segment.until - at_virtual).total_seconds() / segment.speed
            at_virtual = segment.until
        return at_wall + (virtual - at_virtual).total_seconds()

    def speed_at(self, wall: float) -> float:
        """Return how many virtual seconds pass in a real one at ``wall``."""
        now = self.virtual(wall)
        return next((s.speed for s in self.segments if now < s.until), 1.0)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready copy, for another process."""
        return {
            "anchor_wall": self.anchor_wall,
            "anchor_virtual": iso(self.anchor_virtual),
            "segments": [{"until": iso(s.until), "speed": s.speed} for s in self.segments],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Timeline:
        """Rebuild what ``to_json`` wrote."""
        return cls(
            anchor_wall=float(data["anchor_wall"]),
            anchor_virtual=from_iso(data["anchor_virtual"]),
            segments=tuple(
                Segment(from_iso(s["until"]), float(s["speed"])) for s in data["segments"]
            ),
        )


class ScaledClock:
    """A ``Clock`` on a ``Timeline`` that can be laid anew between windows."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._wall_to_monotonic = time.monotonic() - time.time()

    @classmethod
    def starting(cls, virtual: datetime, segments: Sequence[Segment] = ()) -> ScaledClock:
        """Return a clock that shows ``virtual`` now."""
        return cls(Timeline(time.time(), require_aware(virtual), tuple(segments)))

    @property
    def timeline(self) -> Timeline:
        """The function that turns wall time into virtual time."""
        return self._timeline

    def relay(self, timeline: Timeline) -> None:
        """Continue on another timeline."""
        self._timeline = timeline

    def now(self) -> datetime:
        """Return the virtual time."""
        return self._timeline.virtual(self._wall())

    def monotonic(self) -> float:
        """Return virtual seconds from the Unix epoch; steady, for no time server moves it."""
        return self.now().replace(tzinfo=UTC).timestamp()

    def sleep(self, seconds: float) -> None:
        """Block until ``seconds`` of virtual time have passed."""
        self.sleep_until(self.now() + timedelta(seconds=seconds))

    async def wait(self, seconds: float) -> None:
        """Let other tasks run until ``seconds`` of virtual time have passed."""
        target = self._timeline.wall(self.now() + timedelta(seconds=max(0.0, seconds)))
        await asyncio.sleep(max(0.0, target - self._wall()))

    def sleep_until(self, instant: datetime) -> None:
        """Block until it is ``instant``; the last 3 ms are spun."""
        target = self._timeline.wall(require_aware(instant))
        time.sleep(max(0.0, target - self._wall() - _SPIN_SECONDS))
        while self._wall() < target:
            pass

    def _wall(self) -> float:
        # Steady: a correction of the machine's clock during a rehearsal must not bend it.
        return time.monotonic() - self._wall_to_monotonic
