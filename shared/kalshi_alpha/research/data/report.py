"""What the checks say about files of bars, as data and as Markdown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.events import load_events
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.sessions import Sessions
from kalshi_alpha.research.data.findings import FileRefused, Finding
from kalshi_alpha.research.data.panel import Panel, read_panels, registered
from kalshi_alpha.research.data.store import write_atomically

NAME = "data-check"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Check:
    """What was found.

    Attributes:
        symbol: of the registry.
        panels: what the files that are not refused give together, by step.
        refused: why the others are refused.
        findings: everything that was found, refusals first, each once.
    """

    symbol: str
    panels: tuple[Panel, ...]
    refused: tuple[Finding, ...]
    findings: tuple[Finding, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        events = load_events()
        return {
            "schema": SCHEMA,
            "symbol": self.symbol,
            "panels": [_panel_row(panel) for panel in self.panels],
            "files": [note.as_json() for panel in self.panels for note in panel.files],
            "events": {
                kind: {"first": known.first.isoformat(), "last": known.last.isoformat()}
                for kind, known in events.items()
            },
            "findings": [finding.as_json() for finding in self.findings],
        }


def check_files(
    files: Sequence[Path],
    symbol: str,
    registry: Registry,
    sessions: Sessions,
    *,
    first: date | None = None,
    last: date | None = None,
) -> Check:
    """Check files, each alone and then those together that can be used.

    Raises:
        DataError: for a symbol that is not in the registry; a file that cannot be used is a
            finding and no error here.
    """
    registered(registry, symbol)
    good: list[Path] = []
    refused: list[Finding] = []
    for file in files:
        try:
            read_panels(
                [file], symbol, first=first, last=last, registry=registry, sessions=sessions
            )
        except FileRefused as error:
            refused.append(error.finding)
        except DataError as error:
            refused.append(Finding(str(file), None, None, "empty", str(error), "refuse", 1))
        else:
            good.append(file)
    panels: dict[int, Panel] = {}
    if good:
        panels = read_panels(
            good, symbol, first=first, last=last, registry=registry, sessions=sessions
        )
    found = [*refused, *(finding for panel in panels.values() for finding in panel.findings)]
    return Check(symbol, tuple(panels.values()), tuple(refused), tuple(dict.fromkeys(found)))


def write_check(check: Check, folder: Path) -> tuple[Path, Path]:
    """Write the JSON and the Markdown into ``folder``; return both."""
    as_json, as_text = folder / f"{NAME}.json", folder / f"{NAME}.md"
    write_atomically(as_json, (json.dumps(check.as_json(), indent=1) + "\n").encode())
    write_atomically(as_text, markdown(check).encode())
    return as_json, as_text


def markdown(check: Check) -> str:
    """Return the report for a person."""
    lines = [f"# Check of the bars of {check.symbol}", ""]
    lines += _verdict(check)
    if check.panels:
        lines += ["", "## What the files give", ""]
        rows = [_panel_row(panel) for panel in check.panels]
        lines += _table(
            ("step", "source", "sessions", "whole", "half days", "first", "last", "FOMC", "CPI"),
            [
                (
                    f"{row['step']} min", row["source"], row["sessions"], row["whole"],
                    row["half_days"], row["first"], row["last"], row["fomc"], row["cpi"],
                )
                for row in rows
            ],
        )  # fmt: skip
        lines += ["", "## Files", ""]
        notes = [note for panel in check.panels for note in panel.files]
        lines += _table(
            ("file", "symbol", "rows used", "first", "last", "SHA-256"),
            [(n.name, n.symbol, n.rows, n.first, n.last, f"`{n.sha256[:16]}`") for n in notes],
        )
    if check.findings:
        lines += ["", "## Findings", ""]
        lines += _table(
            ("what happens", "rule", "count", "finding"),
            [(f.action, f.rule, f.count, f.sentence) for f in check.findings],
        )
    return "\n".join(lines) + "\n"


def _verdict(check: Check) -> list[str]:
    if check.refused:
        return [f"**Refused: {_counted(len(check.refused), 'file')}**. Nothing of it is used."]
    excluded = sum(finding.action == "exclude" for finding in check.findings)
    left_out = f"; what is left out is in {_counted(excluded, 'finding')}" if excluded else ""
    return [f"Every file can be used{left_out}."]


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _panel_row(panel: Panel) -> dict[str, Any]:
    return {
        "step": panel.step,
        "source": panel.source,
        "sessions": len(panel.days),
        "whole": int(panel.complete.sum()),
        "half_days": int(panel.half.sum()),
        "first": panel.days[0].isoformat(),
        "last": panel.days[-1].isoformat(),
        "bars": int(np.isfinite(panel.close).sum()),
        "official_closes": int(np.isfinite(panel.official).sum()),
        "fomc": int(panel.fomc.sum()),
        "cpi": int(panel.cpi.sum()),
    }


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in (head, *rows)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    lines.insert(1, f"|{' --- |' * len(head)}")
    return lines
