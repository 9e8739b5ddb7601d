"""The answer of a gate, and what every gate shares.

A gate looks at one thing and answers ``Allow`` or ``Refuse``. It takes values, reads nothing and
remembers nothing. Its reason names the value and the limit in a sentence a person can act on;
``code`` is stable and counted, ``evidence`` holds the same numbers for machines. Gates are
composed in tuples (``window_gates``, ``candidate_gates``) and asked one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Evidence: TypeAlias = Mapping[str, str | float]  # an int is a float here


@dataclass(frozen=True, slots=True)
class Allow:
    """The gate has nothing against it, or nothing but the size.

    ``size_share``, in (0, 1], is what is left of a size; below 1 ``reason`` says why, and
    ``evidence`` with which numbers.
    """

    size_share: float = 1.0
    reason: str = ""
    evidence: Evidence = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Refuse:
    """The gate says no, why, and with which numbers."""

    code: str
    reason: str
    evidence: Evidence = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """Return a JSON-ready copy."""
        return {"code": self.code, "reason": self.reason, "evidence": dict(self.evidence)}


Verdict: TypeAlias = Allow | Refuse

ALLOW = Allow()


def refuse(code: str, reason: str, **evidence: str | float) -> Refuse:
    """Return a refusal with its evidence as keywords."""
    return Refuse(code, reason, evidence)


def refusals(verdicts: Iterable[Verdict]) -> tuple[Refuse, ...]:
    """Return every refusal, in the order asked: an operator wants all of them at once."""
    return tuple(verdict for verdict in verdicts if isinstance(verdict, Refuse))


def first_refusal(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the first refusal, else ``Allow``; a lazy iterable is asked no further than that."""
    return next((verdict for verdict in verdicts if isinstance(verdict, Refuse)), ALLOW)
