"""The figures on the law's pages are those of the shipped file; a failure prints the right ones."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kalshi_alpha.pricing.parameters import KINDS, provenance_of, shipped_parameters

PAGES = Path(__file__).parents[3] / "docs" / "math"
FILE = json.loads(shipped_parameters())
SYMBOLS = ("SPX", "NDX")


def clock_rows() -> list[tuple[str, ...]]:
    """Symbols in columns: what both parts share."""
    parts = [FILE["body"][symbol]["hourly"] for symbol in SYMBOLS]
    evidence = [FILE["provenance"][f"{symbol} hourly"]["evidence"] for symbol in SYMBOLS]

    def row(name: str, found: list[Any]) -> tuple[str, ...]:
        return (name, *map(str, found))

    def factors(part: dict[str, Any], kind: str) -> str:
        return ", ".join(f"{x:.1f}" for x in part["events"].get(kind, ())[9:]) or "none"

    def share(part: dict[str, Any], half_hour: int) -> str:
        return f"{100 * sum(part['curve'][30 * half_hour :][:30]):.1f} %"

    return [
        row("fitted on", [e.get("stand_in", s) for e, s in zip(evidence, SYMBOLS, strict=True)]),
        row("sessions", [e["sessions"] for e in evidence]),
        row("from", [e["first_session"] for e in evidence]),
        row("to", [e["last_session"] for e in evidence]),
        row("sessions of one-minute bars", [e["minute_sessions"] for e in evidence]),
        row("level", [f"{100 * math.sqrt(p['level']):.2f} %" for p in parts]),
        row("09:30 to 10:00", [share(p, 0) for p in parts]),
        row("12:30 to 13:00", [share(p, 6) for p in parts]),
        row("15:30 to 16:00", [share(p, 12) for p in parts]),
        row("FOMC days", [e["event_days"]["fomc"] for e in evidence]),
        row("factors 14:00, 14:30, 15:00, 15:30", [factors(p, "fomc") for p in parts]),
        row("CPI days", [e["event_days"]["cpi"] for e in evidence]),
        row("their factors", [factors(p, "cpi") for p in parts]),
        row("typical", [f"{p['mix']['typical']:.2f}" for p in parts]),
        row("weight since the open", [f"{p['mix']['since_open']:.2f}" for p in parts]),
        row("weight of 30 minutes", [f"{p['mix']['last_30']:.2f}" for p in parts]),
        row("weight of 10 minutes", [f"{p['mix']['last_10']:.2f}" for p in parts]),
        row("minute ratio", [f"{p['minute_ratio']:.3f}" for p in parts]),
        row(
            "of the fitted bars' own minutes",
            [own_ratio(e, p) for e, p in zip(evidence, parts, strict=True)],
        ),
        row("sessions the index was compared on", [e.get("index_sessions", "") for e in evidence]),
    ]


def own_ratio(evidence: dict[str, Any], part: dict[str, Any]) -> str:
    return f"{evidence.get('stand_in_minute_ratio', part['minute_ratio']):.3f}"


def shape_rows() -> list[tuple[str, ...]]:
    """One row a part: what is its own."""
    rows = []
    for symbol in SYMBOLS:
        for kind in KINDS:
            part = FILE["body"][symbol][kind]
            evidence = FILE["provenance"][f"{symbol} {kind}"]["evidence"]
            rows.append(
                (
                    f"{symbol} {kind}",
                    str(evidence["cases"]),
                    str(evidence["short_cases"]),
                    f"{evidence['freedom']['all']:.1f}",
                    f"{evidence['freedom']['short']:.1f}",
                    f"{evidence['mean_square']:.2f}",
                    ", ".join(f"{shape['stretch']:.2f}" for shape in part["shapes"]),
                    f"{evidence['momentum']:+.3f} ± {evidence['momentum_error']:.3f}",
                    f"{part['basis']:g}",
                )
            )
    return rows


@pytest.mark.parametrize(
    ("page", "rows"), [("variance.md", clock_rows()), ("law.md", shape_rows())]
)
def test_the_pages_tables_are_those_of_the_newest_shipped_file(
    page: str, rows: list[tuple[str, ...]]
) -> None:
    text = (PAGES / page).read_text()
    missing = [line for line in ("| " + " | ".join(row) + " |" for row in rows) if line not in text]

    assert missing == [], "\n".join(missing)


def test_both_parts_share_their_clock() -> None:
    for symbol in SYMBOLS:
        parts = [FILE["body"][symbol][kind] for kind in KINDS]
        for name in ("level", "minute_ratio", "curve", "events", "mix"):
            assert parts[0][name] == parts[1][name]


def test_the_page_names_the_commands_that_made_the_file() -> None:
    text = " ".join((PAGES / "variance.md").read_text().replace("\\\n", " ").split())

    for symbol in SYMBOLS:
        assert FILE["provenance"][f"{symbol} hourly"]["command"] in text


def test_no_shipped_momentum_stands_two_errors_away_from_nothing() -> None:
    days = (date(2025, 10, 31), date(2025, 11, 4), date(2026, 2, 10))
    made = [one for day in days for one in provenance_of(shipped_parameters(day)).values()]

    assert len(made) == 12
    for evidence in (one["evidence"] for one in made):
        assert abs(evidence["momentum"]) < 2 * evidence["momentum_error"]


def test_no_shipped_part_weighs_in_the_markets_price() -> None:
    for day in (date(2025, 10, 31), date(2025, 11, 4), date(2026, 2, 10)):
        body = json.loads(shipped_parameters(day))["body"]
        assert all("blend" not in body[symbol][kind] for symbol in SYMBOLS for kind in KINDS)
