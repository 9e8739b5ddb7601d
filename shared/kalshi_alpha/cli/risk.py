"""``kalshi-alpha risk``: what is held and what rests may lose."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from kalshi_alpha.cli.output import Json, emit, out, table_of
from kalshi_alpha.clock import NEW_YORK, iso
from kalshi_alpha.cloud.artifacts import open_store
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.units import cash_text, dollars, size_text
from kalshi_alpha.steps.risk_reading import FixingSeen, fixings_of_day, fixings_of_run
from kalshi_alpha.steps.runtime import Runtime, Settings
from kalshi_alpha.trading.risk_view import day_view, fixing_view, loss_rows

_FILLINGS = {
    "none": "what is held, orders left out",
    "all": "every order filled whole",
    "adverse": "orders filled where they lose",
}


def risk(
    window_id: Annotated[
        str | None,
        typer.Option("--window", help="A window, as 20251104-1200-index-hourly; its fixing alone."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="A run's folder instead of the tables.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the exact law of losses of each fixing: value at risk, shortfall and worst case.

    Both indices and all ladders of a fixing are weighed together; fixings of a day are added up.
    Without a folder it reads the deployed stack's tables, as named in the environment.
    Example: kalshi-alpha risk --out out/rehearsal/2025-11-04
    """
    registry = load_registry()
    limits = registry.risk
    if folder is not None:
        found = fixings_of_run(open_store(_artifacts(folder)), registry)
    else:
        runtime = Runtime(Settings.from_environment(os.environ))
        now = runtime.clock.now().astimezone(NEW_YORK)
        day = now.date() if window_id is None else runtime.window(window_id).day
        found = fixings_of_day(runtime, day)
    if window_id is not None:
        found = [seen for seen in found if seen.name == window_id[:13]]
    views = [_view(seen, limits.level) for seen in found]
    answer: dict[str, Any] = {
        "level": limits.level,
        "max_shortfall": limits.max_shortfall,
        "fixings": views,
        "together": day_view([seen.book for seen in found], limits.level),
    }
    if as_json:
        emit(answer, as_json=True)
        return
    for part in _page(answer):
        out.print(part)


def _artifacts(folder: Path) -> str:
    for place in (folder / "artifacts", folder):
        if (place / "windows").is_dir():
            return str(place)
    raise ConfigurationError(
        f"{folder} holds no windows: name a run's folder, such as out/rehearsal/2025-11-04"
    )


def _view(seen: FixingSeen, level: float) -> dict[str, Any]:
    windows = {name: iso(at) for name, at in seen.windows.items()}
    return {"fixing": seen.name, "scanned": windows, **fixing_view(seen.book, level)}


def _page(answer: Mapping[str, Any]) -> list[Table | str]:
    if not answer["fixings"]:
        return ["Nothing is held and nothing rests: no window of the day has been scanned."]
    level = f"{answer['level']:.0%}"
    parts: list[Table | str] = []
    for view in answer["fixings"]:
        if any(one["held"] or one["resting"] for one in view["symbols"].values()):
            parts += [_holdings(view), "", _risks(view, level), "", _losses(view), ""]
        else:
            parts += [f"Fixing {view['fixing']}: nothing is held and nothing rests.", ""]
    together, limit = answer["together"], cash_text(answer["max_shortfall"])
    parts.append(
        f"All fixings added up: shortfall ${cash_text(together['shortfall'])}, worst case "
        f"${cash_text(together['worst'])}. Limit on one fixing's shortfall: ${limit}."
    )
    return parts


def _holdings(view: Mapping[str, Any]) -> Table:
    rows: list[Sequence[str]] = [
        (line["ticker"], state, "YES" if line["side"] == "bid" else "NO",
         size_text(line["size"]), f"${cash_text(line['cost'])}")
        for one in view["symbols"].values()
        for state in ("held", "resting")
        for line in one[state]
    ]  # fmt: skip
    scanned = ", ".join(f"{name} at {at}" for name, at in view["scanned"].items())
    title = f"Fixing {view['fixing']}, scanned: {scanned}"
    return table_of(title, ("Market", "State", "Outcome", "contracts", "at risk"), rows)


def _risks(view: Mapping[str, Any], level: str) -> Table:
    rows = []
    for name, words in _FILLINGS.items():
        one = view["risk"][name]
        rho = "-" if one["correlation"] is None else f"{one['correlation']:.3f}"
        money = (f"${cash_text(one[part])}" for part in ("var", "shortfall", "worst"))
        rows.append((words, *money, rho))
    columns = ("Counting", f"var {level}", f"shortfall {level}", "worst", "correlation")
    return table_of("What it may lose", columns, rows)


def _losses(view: Mapping[str, Any]) -> Table | str:
    if view["losses"] is None:
        return "No law of losses: an index has no law, or nobody measured how they hang together."
    rows = [
        (f"${dollars(loss):.4f}", f"{chance:.6f}", f"{more:.6f}")
        for loss, chance, more in loss_rows(view["losses"])
    ]
    return table_of(
        "Losses, orders filled where they lose", ("loss", "chance", "chance of more"), rows
    )
