"""``kalshi-alpha job``: what runs by itself in the research image, and by hand on a laptop."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from kalshi_alpha.cli.dates import parse_day
from kalshi_alpha.cli.output import Json, emit, err, pairs
from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.cloud.services import read_secret
from kalshi_alpha.errors import ParameterError, SecretError
from kalshi_alpha.steps.observe import observed
from kalshi_alpha.steps.redaction import conceal
from kalshi_alpha.steps.runtime import Runtime, Settings, install

app = typer.Typer(
    no_args_is_help=True,
    help="The jobs of research: the evening's books, the nightly refit. Safe to repeat.",
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
    from kalshi_alpha.jobs import evening  # noqa: PLC0415 - its drawing takes a second

    answer = observed("day", evening.run)({"day": on.isoformat()}, None)
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
