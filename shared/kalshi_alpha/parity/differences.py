"""Where a replay and its record part: one sentence each, and the facts for machines."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

# What a difference is about, in the order in which one leads to the next.
CAPTURE, INPUT, DECISION, PLAN, ORDER, FILL, FEE = (
    "capture", "input", "decision", "plan", "order", "fill", "fee",
)  # fmt: skip
KINDS = (CAPTURE, INPUT, DECISION, PLAN, ORDER, FILL, FEE)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same.

    Attributes:
        kind: one of ``KINDS``.
        window_id: the window.
        revision: the scan it belongs to, 0 for the window as a whole.
        where: market, order or symbol.
        sentence: what it is, with both sides.
        recorded: what the record says, None where it says nothing.
        replayed: what the replay says, likewise.
    """

    kind: str
    window_id: str
    revision: int
    where: str
    sentence: str
    recorded: Any = None
    replayed: Any = None

    @property
    def told(self) -> str:
        """Say it with its kind and scan in front."""
        scan = f"scan {self.revision}, " if self.revision else ""
        return f"{scan}{self.kind}: {self.sentence}"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


@dataclass
class Findings:
    """What the comparison of one window has found so far."""

    window_id: str
    revision: int = 0
    differences: list[Difference] = field(default_factory=list)

    def part(
        self, kind: str, where: str, sentence: str, recorded: Any = None, replayed: Any = None
    ) -> None:
        """Take a difference down."""
        self.differences.append(
            Difference(kind, self.window_id, self.revision, where, sentence, recorded, replayed)
        )

    def of(self, kind: str) -> int:
        """Return how many of a kind there are."""
        return sum(found.kind == kind for found in self.differences)
