"""``kalshi-alpha report``: make the pages of a day, open them, serve them, link to them."""

from __future__ import annotations

import functools
import http.server
import json
import os
import webbrowser
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import kalshi_alpha
from kalshi_alpha.cli.dates import parse_day
from kalshi_alpha.cli.output import Json, emit, err, out, table_of
from kalshi_alpha.cli.runs import Run, runs_in
from kalshi_alpha.clock import SystemClock, iso
from kalshi_alpha.cloud.artifacts import BucketStore, FolderStore
from kalshi_alpha.errors import ConfigurationError, DataError, ParameterError
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.pricing.parameters import (
    load_parameters,
    parameters_checksum,
    shipped_parameters,
)
from kalshi_alpha.steps.runtime import Runtime, Settings

if TYPE_CHECKING:  # its drawing takes a second to load
    from kalshi_alpha.reports.shelf import Boards

app = typer.Typer(
    no_args_is_help=True, help="Pages a person reads: windows, days, scoreboard, readiness."
)

Out = Annotated[Path, typer.Option("--out", help="Where runs lie, and reports/ is written.")]
Day = Annotated[
    str | None, typer.Option("--date", help="A New York day; the newest with a run by default.")
]
_OUT = Path("out")


@app.command()
def make(day: Day = None, folder: Out = _OUT, as_json: Json = False) -> None:
    """Make every page of a day, as HTML, Markdown and CSV, and the index of all days anew.

    Example: kalshi-alpha report make --out out --date 2025-11-04
    """
    run, shelf = _chosen(folder, day), folder / "reports"
    pages = _make(run, folder)
    rows = [(page, f"{(shelf / page).stat().st_size / 1000:.0f} kB") for page in pages]
    answer = {"day": run.day.isoformat(), "folder": str(shelf), "pages": pages}
    emit(answer, as_json=as_json, table=table_of(f"{shelf}", ("Page", "size"), rows))


def make_pages(folder: Path, day: date) -> list[str]:
    """Make every page of a day that ran under ``folder``; return their keys below reports/."""
    return _make(_chosen(folder, day.isoformat()), folder)


def _make(run: Run, folder: Path) -> list[str]:
    from kalshi_alpha.reports.shelf import make_day  # noqa: PLC0415 - its drawing takes a second

    registry = load_registry()
    return make_day(
        run.day,
        run.store,
        FolderStore(folder / "reports"),
        registry,
        load_sessions(),
        boards=_boards(run, folder),
        provenance=_provenance(run, registry.hash),
    )


@app.command("open")
def open_(folder: Out = _OUT) -> None:
    """Open the index of all reports in a browser.

    Example: kalshi-alpha report open
    """
    index = _index(folder)
    out.print(f"{index}")
    webbrowser.open(index.resolve().as_uri())


@app.command()
def serve(
    folder: Out = _OUT,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 picks a free one.")
    ] = 0,
) -> None:
    """Serve the reports on this machine alone until interrupted.

    Example: kalshi-alpha report serve --port 8200
    """
    root = _index(folder).parent
    handler = functools.partial(_Quiet, directory=str(root))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        host, bound = server.socket.getsockname()
        out.print(f"http://{host}:{bound}/")
        server.serve_forever()


@app.command()
def publish(day: Day = None, folder: Out = _OUT, as_json: Json = False) -> None:
    """Copy a day's pages and the index into the deployed, private bucket.

    Needs KALSHI_ALPHA_ARTIFACTS, see docs/deploy.md.
    Example: kalshi-alpha report publish --date 2025-11-04
    """
    shelf, bucket = FolderStore(_index(folder).parent), _bucket()
    wanted = _chosen(folder, day).day.isoformat()
    keys = [key for key in shelf.keys("") if key.startswith((f"{wanted}/", "index."))]
    for key in keys:
        bucket.write(f"reports/{key}", shelf.read(key))
    emit({"published": keys}, as_json=as_json, table=f"{len(keys)} files published")


@app.command()
def link(
    day: Day = None,
    minutes: Annotated[
        int, typer.Option(min=1, max=720, help="How long the links work; a role may cut it short.")
    ] = 15,
    as_json: Json = False,
) -> None:
    """Print a short-lived link to each published page of a day in the private bucket.

    Whoever has a link can read that page until it runs out, and nothing else.
    Example: kalshi-alpha report link --date 2025-11-04 --minutes 15
    """
    bucket = _bucket()
    pages = [key for key in bucket.keys("reports/") if key.endswith(".html")]
    days = sorted({key.split("/")[1] for key in pages if key.count("/") == 2})
    wanted = parse_day(day).isoformat() if day else (days[-1] if days else "")
    mine = [key for key in pages if key.startswith(f"reports/{wanted}/")]
    if not mine:
        raise DataError(
            f"no page of {wanted or 'any day'} is in the bucket: make it with `kalshi-alpha "
            "report make`, then `kalshi-alpha report publish`"
        )
    rows = [(key.split("/")[-1], bucket.link(key, 60 * minutes)) for key in mine]
    title = f"{wanted}, for {minutes} minutes"
    emit(dict(rows), as_json=as_json, table=table_of(title, ("Page", "Link"), rows))


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and prints nothing."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


def _chosen(folder: Path, day: str | None) -> Run:
    runs = runs_in(folder)
    if not runs:
        raise DataError(f"there is no run under {folder}; `make rehearse` makes one")
    if day is None:
        return runs[-1]
    wanted = parse_day(day)
    for run in runs:
        if run.day == wanted:
            return run
    known = ", ".join(str(run.day) for run in runs)
    raise DataError(f"there is no run of {wanted} under {folder}: there are {known}")


def _index(folder: Path) -> Path:
    index = folder / "reports" / "index.html"
    if not index.is_file():
        raise DataError(f"{index} is not there yet: `kalshi-alpha report make` makes it")
    return index


def _bucket() -> BucketStore:
    runtime = Runtime(Settings.from_environment(os.environ))
    store = runtime.artifacts
    if not isinstance(store, BucketStore):
        raise ConfigurationError(
            "KALSHI_ALPHA_ARTIFACTS names no bucket: links are for reports on AWS; on this "
            "machine use `kalshi-alpha report open`"
        )
    return store


def _boards(run: Run, folder: Path) -> Boards:
    from kalshi_alpha.reports.shelf import Boards  # noqa: PLC0415 - as above

    try:
        fitted = load_parameters(shipped_parameters(run.day), on=run.day)
    except ParameterError:
        fitted = {}
    others = {
        "rehearsal": run.folder / "report.html",
        "backtest": folder / "backtest" / "backtest.html",
        "score": folder / "score" / "score.html",
    }
    scoreboard, readiness = _appraised(run, folder)
    return Boards(
        scoreboard=scoreboard,
        readiness=readiness,
        ledger=_newest_proof(run),
        parameters=fitted,
        matches=run.matches,
        pages={name: path.read_bytes() for name, path in others.items() if path.is_file()},
    )


def _newest_proof(run: Run) -> dict[str, Any] | None:
    keys = [key for key in run.store.keys("ledger/") if "/verified/" in key]
    if not keys:
        return None
    found: dict[str, Any] = json.loads(run.store.read(max(keys)))
    return found


def _appraised(run: Run, folder: Path) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return scoreboard and readiness over the days up to this one; None where none was graded."""
    from kalshi_alpha.cli.evidence import source_of  # noqa: PLC0415 - numpy takes a second

    try:
        source = source_of(folder if run.folder.parent.name == "rehearsal" else run.folder)
        if source.days()[-1].day != run.day:  # an older day is shown as it alone was
            source = source_of(run.folder)
        found, _ = source.appraise()
    except DataError as error:
        err.print(f"no scoreboard and no readiness: {error}")
        return None, None
    return found.scoreboard.to_json(), found.readiness.to_json()


def _provenance(run: Run, registry_hash: str) -> list[tuple[str, str]]:
    made = run.provenance
    rows = [
        ("Code", f"kalshi-alpha {kalshi_alpha.__version__}"),
        ("Registry, SHA-256", str(made.get("registry_hash", registry_hash))),
        ("Parameters, checksum", str(made.get("parameters_checksum") or _checksum(run.day))),
        *((str(name), str(text)) for name, text in made.get("data_labels", {}).items()),
    ]
    if made.get("path_note"):
        rows.append(("Inside a minute", str(made["path_note"])))
    return [*rows, ("Written", iso(SystemClock().now().replace(microsecond=0)))]


def _checksum(day: date) -> str:
    return parameters_checksum(shipped_parameters(day))
