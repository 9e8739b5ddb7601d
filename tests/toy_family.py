"""A family that a test adds: one file, and one group of the registry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kalshi_alpha.markets.releases import Release
from kalshi_alpha.pricing.macro_reading import MacroReading
from kalshi_alpha.pricing.print_law import Nearest, PrintLaw, student


@dataclass(frozen=True, slots=True)
class Parameters:
    spread: float


def terminal_law(
    reading: MacroReading, parameters: Parameters, release: Release, now: datetime
) -> PrintLaw:
    del release, now
    return PrintLaw(student(5.0), reading.last[1], parameters.spread, Nearest(1, 1))
