"""Bring files of bars or daily closes into the store, checked first and kept byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.sessions import Sessions
from kalshi_alpha.research.data.bars import Bars, read_bars
from kalshi_alpha.research.data.daily import form_of_daily, is_daily, read_daily
from kalshi_alpha.research.data.findings import refusal, short_name
from kalshi_alpha.research.data.grid import Grid, lay_out
from kalshi_alpha.research.data.panel import registered
from kalshi_alpha.research.data.store import Store

Progress = Callable[[int, int], None]


def import_files(
    files: Sequence[Path],
    symbol: str,
    store: Store,
    registry: Registry,
    sessions: Sessions,
    progress: Progress = lambda _done, _of: None,
) -> list[dict[str, Any]]:
    """Import files; return the entries that were added to the store's manifest.

    Every file is read and checked before the first one is stored: one bad file stores nothing.
    A file of bars may hold the symbol and its stand-ins; each goes to its own place. Of a bar that
    is there already the older one stays.

    Raises:
        DataError: for a symbol that is not in the registry, or naming a file, its row and the rule.
    """
    allowed = (registered(registry, symbol).name, *registry.symbols[symbol].stand_ins)
    plans = [_plan(file, symbol, allowed, store, sessions) for file in files]
    entries = []
    for k, (file, plan) in enumerate(zip(files, plans, strict=True)):
        progress(k, len(files))
        raw = store.keep_raw(file.read_bytes(), file.suffix.lower())
        for step in plan:
            entry = {"kind": "import", "from": short_name(file), "raw": [raw], **step()}
            store.note(entry)
            entries.append(entry)
    progress(len(files), len(files))
    return entries


def _plan(
    file: Path, symbol: str, allowed: Sequence[str], store: Store, sessions: Sessions
) -> list[Callable[[], dict[str, Any]]]:
    """Check a file; return what is left to do with it."""
    if is_daily(file):
        daily = read_daily(file, symbol, sessions)

        def write_daily() -> dict[str, Any]:
            return {
                "symbol": symbol,
                "step": "daily",
                "first": daily.days[0].isoformat(),
                "last": daily.days[-1].isoformat(),
                **store.write_daily(form_of_daily(daily, short_name(file)), symbol),
                "findings": [finding.as_json() for finding in daily.findings],
            }

        return [write_daily]
    bars = read_bars(file)
    here = [name for name in allowed if name in bars.symbols]
    if not here:
        what = f"it holds {', '.join(sorted(bars.symbols))} and no bar of {' or '.join(allowed)}"
        raise refusal(file, "symbol", what)
    plan = []
    for name in here:
        rows = bars.of(name)
        grid, findings = lay_out(rows, name, sessions, is_index=name == symbol)
        if grid is None:
            why = "; ".join(finding.sentence for finding in findings) or "no rows"
            raise refusal(file, "empty", f"it leaves no session of {name}: {why}")
        plan.append(_writing(rows, grid, store, short_name(file)))
    return plan


def _writing(rows: Bars, grid: Grid, store: Store, origin: str) -> Callable[[], dict[str, Any]]:
    def write() -> dict[str, Any]:
        written = store.write_bars(rows, grid.source, grid.step, origin, renew=False)
        return {
            "symbol": grid.source,
            "step": grid.step,
            "first": grid.note.first.isoformat(),
            "last": grid.note.last.isoformat(),
            **written,
            "findings": [finding.as_json() for finding in grid.findings],
        }

    return write
