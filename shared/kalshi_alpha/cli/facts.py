"""``kalshi-alpha facts``: the page of market facts, and whether the venue still says them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from kalshi_alpha.cli.output import Json, emit, table_of
from kalshi_alpha.clock import SystemClock, iso
from kalshi_alpha.cloud.artifacts import ArtifactStore, FolderStore
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.known import market_facts
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.steps.runtime import Runtime, Settings
from kalshi_alpha.steps.venue_facts import Checked, check_facts
from kalshi_alpha.venues.kalshi.reader import KalshiReader

app = typer.Typer(
    no_args_is_help=True, help="What is known of the venue, and whether it still says so."
)


@app.command()
def write(
    page: Annotated[Path, typer.Option("--page", help="The page to write.")] = Path(
        "docs/market_facts.md"
    ),
    as_json: Json = False,
) -> None:
    """Write the page of market facts from the registry, the calendar and the fact data.

    Example: kalshi-alpha facts write
    """
    from kalshi_alpha.reports.market_facts import market_facts_page  # noqa: PLC0415 - templates

    text = market_facts_page(market_facts(), load_registry(), load_sessions())
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, encoding="utf-8")
    answer = {"page": str(page), "lines": text.count("\n")}
    emit(answer, as_json=as_json, table=f"{page}: {answer['lines']} lines")


@app.command()
def check(
    venue: Annotated[
        str | None,
        typer.Option("--venue", help="REST address; KALSHI_ALPHA_VENUE_URL by default."),
    ] = None,
    seen: Annotated[
        Path | None,
        typer.Option(
            "--seen",
            help="Wordings of rules seen before; made when missing. Without it facts/seen.json of "
            "the stage's artifacts, or out/facts/seen.json where no stage is named.",
        ),
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Remember the wordings seen now as known.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Hold fees, tick grids, rules texts and strikes against the live venue; once a month.

    Needs no key. Exits 4 when the venue says something else than is known here, or cannot be seen.
    Example: kalshi-alpha facts check --venue https://external-api.kalshi.com/trade-api/v2
    """
    clock = SystemClock()
    settings = Settings.from_environment(os.environ)
    url = venue or settings.require("venue_url")
    store, key = _memory(seen, settings)
    before = _before(store, key)
    reader = KalshiReader(url, clock, None)
    try:
        found = check_facts(
            reader, load_registry(), load_sessions(), market_facts(), clock.now(), before
        )
    finally:
        reader.close()
    if accept or not before:
        _remember(store, key, before, found)
    rows = [(d.series, d.what, d.known, d.found) for d in found.drifts]
    looked = ", ".join(f"{name} {count}" for name, count in found.markets.items()) or "none"
    title = f"{len(rows)} drifts; markets looked at: {looked}"
    answer = found.to_json() | {"at": iso(clock.now()), "venue": url}
    emit(answer, as_json=as_json, table=table_of(title, ("Series", "What", "Known", "Found"), rows))
    if found.drifts or found.unseen:
        raise DataError(_advice(found))


def _advice(found: Checked) -> str:
    said = list(found.unseen)
    if found.drifts:
        first = found.drifts[0]
        said.append(
            f"{len(found.drifts)} facts have drifted, first the {first.what} of {first.series}: "
            "correct markets/facts.toml with its date and source, then `kalshi-alpha facts write`"
        )
    return "; ".join(said)


def _memory(seen: Path | None, settings: Settings) -> tuple[ArtifactStore, str]:
    """Return where the wordings seen before are kept, and under which key."""
    if seen is None and settings.artifacts:
        return Runtime(settings).artifacts, "facts/seen.json"
    path = seen or Path("out/facts/seen.json")
    return FolderStore(path.parent), path.name


def _before(store: ArtifactStore, key: str) -> dict[str, list[str]]:
    if key not in store.keys(key):
        return {}
    try:
        found: dict[str, list[str]] = json.loads(store.read(key))
    except ValueError as error:
        raise DataError(f"{key} is not JSON: {error}; remove it and check again") from None
    return found


def _remember(store: ArtifactStore, key: str, before: dict[str, list[str]], found: Checked) -> None:
    names: dict[str, Any] = {
        name: sorted({*before.get(name, ()), *found.rules.get(name, ())})
        for name in {*before, *found.rules}
    }
    store.write(key, (json.dumps(names, indent=1, sort_keys=True) + "\n").encode())
