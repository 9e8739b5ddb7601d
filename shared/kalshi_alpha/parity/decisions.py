"""Why-records and plans, recorded and replayed, field by field."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kalshi_alpha.parity.differences import DECISION, INPUT, PLAN, Findings
from kalshi_alpha.trading.plan import TargetQuote
from kalshi_alpha.trading.why import WhyRecord

# The most that two expected values of one decision may differ by, in dollars a contract.
MOST_EV = 1e-9
_HASH = "inputs_hash"
Key = tuple[str, str, str]  # series, market, side


def compare_decisions(
    recorded: Iterable[Mapping[str, Any]], replayed: Iterable[WhyRecord], findings: Findings
) -> tuple[int, float]:
    """Compare every candidate of a scan; return how many there were, and the most an EV differs.

    Whole numbers and words must be equal, numbers that are not whole within ``MOST_EV``.
    """
    theirs, ours = _by_key(recorded), _by_key(json.loads(r.to_line()) for r in replayed)
    _compare_inputs(theirs, ours, findings)
    furthest = 0.0
    for key in sorted({*theirs, *ours}):
        pairs = _paired(theirs.get(key, []), ours.get(key, []))
        for one, other in pairs:
            where = " ".join(part for part in key if part)
            if one is None or other is None:
                said = "is in the replay alone" if one is None else "is in the record alone"
                findings.part(DECISION, where, f"the decision on {where} {said}", one, other)
                continue
            furthest = max(furthest, *_evs(one, other))
            if unlike := [n for n in sorted({*one, *other} - {_HASH}) if _unlike(one, other, n)]:
                findings.part(
                    DECISION,
                    where,
                    f"the decision on {where} differs: {_told(one, other, unlike)}",
                    {name: one.get(name) for name in unlike},
                    {name: other.get(name) for name in unlike},
                )
    return sum(map(len, theirs.values())), furthest


def _compare_inputs(
    theirs: Mapping[Key, list[dict[str, Any]]],
    ours: Mapping[Key, list[dict[str, Any]]],
    findings: Findings,
) -> None:
    """Compare what names the inputs of a series, once for all of its decisions."""
    one, other = (
        {key[0]: line[_HASH] for key, lines in side.items() for line in lines if line.get(_HASH)}
        for side in (theirs, ours)
    )
    for series in sorted(one.keys() & other.keys()):
        if one[series] != other[series]:
            findings.part(
                INPUT,
                series,
                f"the inputs of {series} are not the same to the last bit, whatever came of it: "
                "see the differences beside this one, or the code is not that of the day",
                one[series],
                other[series],
            )


def compare_plans(
    recorded: Sequence[TargetQuote], replayed: Sequence[TargetQuote], findings: Findings
) -> None:
    """Compare what should rest, quote by quote."""
    theirs = {(t.ticker, t.side, t.level): t for t in recorded}
    ours = {(t.ticker, t.side, t.level): t for t in replayed}
    for key in sorted({*theirs, *ours}):
        one, other = theirs.get(key), ours.get(key)
        if one != other:
            where = f"{key[0]} {key[1].value}"
            findings.part(
                PLAN,
                where,
                f"the plan for {where} is {_quote(one)} in the record and {_quote(other)} in the "
                "replay",
                one and one.to_json(),
                other and other.to_json(),
            )


def alike(one: Any, other: Any) -> bool:
    """Say whether two JSON values are the same, numbers that are not whole within ``MOST_EV``."""
    if isinstance(one, float) or isinstance(other, float):
        return (
            _number(one) and _number(other) and math.isclose(one, other, rel_tol=0, abs_tol=MOST_EV)
        )
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return type(one) is type(other) and bool(one == other)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _by_key(lines: Iterable[Mapping[str, Any]]) -> dict[Key, list[dict[str, Any]]]:
    found: dict[Key, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        key = (str(line.get("series")), str(line.get("ticker")), str(line.get("side")))
        found[key].append(dict(line))
    return found


def _paired(
    ones: list[dict[str, Any]], others: list[dict[str, Any]]
) -> Iterator[tuple[dict[str, Any] | None, dict[str, Any] | None]]:
    for k in range(max(len(ones), len(others))):
        yield ones[k] if k < len(ones) else None, others[k] if k < len(others) else None


def _unlike(one: Mapping[str, Any], other: Mapping[str, Any], name: str) -> bool:
    return not alike(one.get(name), other.get(name))


def _evs(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[float]:
    pairs: list[tuple[Any, Any]] = [(one.get(n), other.get(n)) for n in ("ev", "best_ev")]
    pairs += [
        (left.get("ev"), right.get("ev"))
        for left, right in zip(one.get("options", ()), other.get("options", ()), strict=False)
    ]
    return [abs(float(a) - float(b)) for a, b in pairs if _number(a) and _number(b)] or [0.0]


def _told(one: Mapping[str, Any], other: Mapping[str, Any], names: Sequence[str]) -> str:
    # What was decided says more than the numbers behind it.
    first = [n for n in ("decision", "code", "price", "size", "ev", "probability") if n in names]
    shown = (first or list(names))[:3]
    said = ", ".join(
        f"{name} {one.get(name)!r} and not {other.get(name)!r}"[:160] for name in shown
    )
    more = len(names) - len(shown)
    return said + (f", and {more} more" if more else "") + " (record and replay)"


def _quote(target: TargetQuote | None) -> str:
    return "nothing" if target is None else f"{target.size} at {target.price}"
