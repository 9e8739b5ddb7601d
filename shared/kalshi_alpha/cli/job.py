"""``kalshi-alpha job``: what runs by itself in the research image, and by hand on a laptop."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

import kalshi_alpha
from kalshi_alpha.cli.dates import parse_day
from kalshi_alpha.cli.output import Json, emit, err, pairs
from kalshi_alpha.clock import NEW_YORK, iso
from kalshi_alpha.cloud.artifacts import open_store
from kalshi_alpha.cloud.services import client, read_secret
from kalshi_alpha.errors import DataError, KalshiAlphaError, ParameterError, SecretError
from kalshi_alpha.pricing.parameters import load_parameters, parameters_checksum
from kalshi_alpha.steps import close_day, grade_day
from kalshi_alpha.steps.observe import observed
from kalshi_alpha.steps.redaction import conceal
from kalshi_alpha.steps.runtime import Runtime, Settings, install

app = typer.Typer(
    no_args_is_help=True,
    help="The jobs of research: the evening's books, the weekly refit. Safe to repeat.",
)


@app.command("day")
def day(
    wanted: Annotated[
        str | None, typer.Option("--date", help="New York day; today when not given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Close a day: seal and prove the ledger, grade, roll up, make the pages.

    Each part is tried even when one before it failed; the first failure is the job's own.
    Example: kalshi-alpha job day --date 2026-11-20
    """
    runtime = _runtime()
    on = parse_day(wanted) if wanted else runtime.clock.now().astimezone(NEW_YORK).date()
    if runtime.sessions.on(on) is None:
        reason = runtime.sessions.why_closed(on)
        emit({"day": on.isoformat(), "closed": reason}, as_json=as_json, table=reason)
        return
    answer = observed("day", _evening)({"day": on.isoformat()}, None)
    emit(answer, as_json=as_json, table=pairs(f"{on} closed", answer))


@app.command("refit")
def refit(
    feed_url: Annotated[
        str | None, typer.Option("--feed-url", help="The vendor's REST; the stage's own without.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fit the parameters anew on bars through the last session, and put them to use if they fit in.

    A file whose level of variance is many times the one in use is kept and not used: exit 3.
    Example: kalshi-alpha job refit
    """
    from kalshi_alpha.research.refit import refit as refit_all  # noqa: PLC0415
    from kalshi_alpha.venues.massive.rest import MassiveReader  # noqa: PLC0415

    runtime = _runtime()
    key = read_secret(runtime.settings.require("feed_secret")).get("api_key", "")
    if not key:
        raise SecretError("the feed secret holds no api_key; see docs/deploy.md")
    conceal(key)
    url = feed_url or runtime.settings.require("feed_url")
    with tempfile.TemporaryDirectory() as folder:
        done = refit_all(
            runtime.artifacts,
            lambda keep: MassiveReader(url, key, runtime.clock, keep=keep),
            Path(folder),
            runtime.clock,
            runtime.registry,
            runtime.sessions,
            err.print,
        )
    shown = {
        "through": done.as_of.isoformat(),
        "file": done.key,
        "checksum": done.checksum,
        "in use": done.in_use,
        "sessions pulled": done.pulled,
        "doubts": list(done.doubts),
    }
    emit(shown, as_json=as_json, table=pairs(f"Refitted through {done.as_of}", shown))
    if done.doubts:
        raise ParameterError(f"{done.key} is not in use: {'; '.join(done.doubts)}")


def _runtime() -> Runtime:
    runtime = Runtime(Settings.from_environment(os.environ))
    install(runtime)
    return runtime


def _evening(request: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Do the evening's parts in turn; raise the first failure when all have been tried."""
    from kalshi_alpha.steps.rollup import roll_up  # noqa: PLC0415 - pyarrow takes a second

    on = date.fromisoformat(str(request["day"]))
    answer: dict[str, Any] = {"day": on.isoformat()}
    metrics: dict[str, float] = {}
    failures: list[KalshiAlphaError] = []

    def part(name: str, do: Callable[[], dict[str, Any]]) -> None:
        try:
            found = do()
        except KalshiAlphaError as error:
            failures.append(error)
            answer[name] = f"failed: {error}"
            return
        metrics.update(found.pop("metrics", {}))
        answer[name] = found

    part("ledger", lambda: close_day.run({"date": on.isoformat()}, runtime))
    part("grade", lambda: _graded(on, runtime))
    part("tables", lambda: roll_up(runtime, on))
    part("pages", lambda: {"made": _pages(on, runtime)})
    if failures:
        raise failures[0]
    return answer | {"metrics": metrics}


def _graded(on: date, runtime: Runtime) -> dict[str, Any]:
    from kalshi_alpha.cli.evidence import appraised  # noqa: PLC0415 - numpy takes a second

    return grade_day.run({"day": on.isoformat()}, runtime, appraised)


def _pages(on: date, runtime: Runtime) -> list[str]:
    from kalshi_alpha.reports.shelf import Boards, make_day  # noqa: PLC0415 - its drawing as well

    store = runtime.artifacts
    uri = runtime.settings.require("artifacts").rstrip("/")
    shelf = open_store(f"{uri}/reports", client("s3") if uri.startswith("s3:") else None)
    proofs = [key for key in store.keys("ledger/") if "/verified/" in key]
    data = runtime.parameters()
    try:
        fitted = load_parameters(data, on=on)
    except ParameterError:
        fitted = {}
    boards = Boards(
        scoreboard=_document(runtime, f"scoreboard/{on.isoformat()}.json"),
        readiness=_document(runtime, f"daily/readiness/{on.isoformat()}.json"),
        ledger=json.loads(store.read(max(proofs))) if proofs else None,
        parameters=fitted,
    )
    provenance = [
        ("Code", f"kalshi-alpha {kalshi_alpha.__version__}"),
        ("Registry, SHA-256", runtime.registry.hash),
        ("Parameters, checksum", parameters_checksum(data)),
        ("Written", iso(runtime.clock.now().replace(microsecond=0))),
    ]
    return make_day(
        on, store, shelf, runtime.registry, runtime.sessions, boards=boards, provenance=provenance
    )


def _document(runtime: Runtime, key: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(runtime.artifacts.read(key))
    except DataError:
        return None
    return found
