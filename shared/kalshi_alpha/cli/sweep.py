"""``kalshi-alpha sweep``: a backtest over many settings, played anywhere and merged as one."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kalshi_alpha.cli.output import Json, emit, err, pairs, progress, table_of
from kalshi_alpha.cli.sweeping import (
    made_ready,
    manifest_named,
    plan_for,
    plan_json,
    plan_rows,
    planned,
    shard_of,
    shelf_at,
    simulated_rows,
    store_at,
    terms_of,
    uri_of,
    warn,
)
from kalshi_alpha.cloud import batch
from kalshi_alpha.cloud.services import client
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.registry import load_registry

if TYPE_CHECKING:
    from kalshi_alpha.research.sweep.manifest import Manifest
    from kalshi_alpha.research.sweep.shelf import Shelf

app = typer.Typer(
    no_args_is_help=True,
    help="A backtest over many settings and days, cut into units that are played anywhere, once.",
)

What = Annotated[str, typer.Argument(help="A sweep file (TOML or JSON), or a prepared sweep's id.")]
File = Annotated[Path, typer.Argument(help="A sweep file, TOML or JSON.")]
Where = Annotated[
    str | None,
    typer.Option("--store", help="Folder or s3:// of artifacts; KALSHI_ALPHA_ARTIFACTS if not."),
]
Seconds = Annotated[
    float | None,
    typer.Option("--seconds-a-unit", help="Instead of timing one here; then no file is read."),
]
Chunk = Annotated[
    float, typer.Option("--seconds-a-chunk", help="With it: laying out a chunk of the data.")
]
Vcpus = Annotated[int, typer.Option("--max-vcpus", min=1, help="All jobs together, at once.")]
Minutes = Annotated[float, typer.Option("--job-minutes", min=1, help="Work that one job is given.")]


@app.command("plan")
def plan(
    file: File,
    store: Where = None,
    seconds_a_unit: Seconds = None,
    seconds_a_chunk: Chunk = 0.0,
    max_vcpus: Vcpus = batch.MAX_VCPUS,
    job_minutes: Minutes = 20.0,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Run the array on simulated machines as well.")
    ] = False,
    reclaims: Annotated[
        float, typer.Option("--reclaims", min=0, help="Machines taken away, a machine and hour.")
    ] = 0.05,
    seed: Annotated[int, typer.Option("--seed", help="Of the simulation.")] = 20_261_121,
    as_json: Json = False,
) -> None:
    """Say what a sweep takes before it starts: jobs, hours, dollars, time, and what limits it.

    A unit is timed here unless its seconds are given.
    Example: kalshi-alpha sweep plan docs/examples/sweep-shipped.toml --simulate
    """
    from kalshi_alpha.research.costs import list_prices  # noqa: PLC0415
    from kalshi_alpha.research.sweep.simulation import Chances  # noqa: PLC0415
    from kalshi_alpha.research.sweep.simulation import simulate as played  # noqa: PLC0415

    terms = terms_of(max_vcpus, job_minutes)
    found = planned(file, store_at(store), terms, seconds_a_unit, seconds_a_chunk)
    shown = plan_json(found)
    rows = plan_rows(found, terms)
    if simulate:
        chances = Chances(reclaims_an_hour=reclaims, seed=seed)
        came = played(found, list_prices(), terms, chances)
        shown["simulated"] = asdict(came) | {"chances": asdict(chances)}
        rows |= simulated_rows(came, reclaims)
    emit(shown, as_json=as_json, table=pairs(f"{file.name}: what it takes", rows))
    warn(found)


@app.command("run")
def run(
    what: Annotated[
        str | None,
        typer.Argument(help="A sweep file or an id; the environment's KALSHI_ALPHA_SWEEP if not."),
    ] = None,
    store: Where = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes; a job's own number in one.")
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option("--shard", help="K/N plays that share only, from 0; an array's own if not."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Play the units that are not kept yet, and keep each as it is done.

    Run it again after a stop, on the same machine or another: it goes on.
    Example: kalshi-alpha sweep run docs/examples/sweep-shipped.toml --workers 2
    """
    from kalshi_alpha.research.sweep.manifest import shard as share  # noqa: PLC0415
    from kalshi_alpha.research.sweep.running import run_units  # noqa: PLC0415

    named = what or os.environ.get(batch.WHICH_SWEEP)
    if not named:
        raise ConfigurationError(
            f"which sweep? Give its file or id, or set {batch.WHICH_SWEEP} as a job has it"
        )
    registry, shelf = load_registry(), shelf_at(store)
    which, parts = shard_of(shard)
    in_job = batch.WHICH_SWEEP in os.environ
    processes = workers or (batch.SWEEP.vcpus if in_job else 1)
    with tempfile.TemporaryDirectory(prefix="sweep-") as cache, progress("units") as told:
        manifest, files = made_ready(named, shelf, registry, Path(cache))
        mine = share(manifest.units(registry), which, parts)
        files = files or shelf.fetch(manifest, Path(cache), {unit.series for unit in mine})
        ran = run_units(manifest, files, shelf, mine, registry, workers=processes, progress=told)
    answer = {
        "sweep": manifest.sweep_id,
        "shard": f"{which}/{parts}",
        "units": ran.units,
        "played": ran.played,
        "kept_before": ran.units - ran.played,
    }
    emit(answer, as_json=as_json, table=pairs(f"Sweep {manifest.name}", answer))


@app.command("submit")
def submit(
    file: File,
    stage: Annotated[str, typer.Option("--stage", help="Whose queue.")] = "paper",
    store: Where = None,
    seconds_a_unit: Seconds = None,
    seconds_a_chunk: Chunk = 0.0,
    max_vcpus: Vcpus = batch.MAX_VCPUS,
    job_minutes: Minutes = 20.0,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Print the plan, ask, bring the files into the bucket and submit the array of jobs.

    Example: kalshi-alpha sweep submit thresholds.toml --store s3://<the stage's bucket>
    """
    uri = uri_of(store)
    if not uri.startswith("s3:"):
        raise ConfigurationError(
            f"the store is {uri!r}, which no job can reach: give --store s3:// and the bucket of "
            "the stage"
        )
    registry, shelf = load_registry(), shelf_at(store)
    terms = terms_of(max_vcpus, job_minutes)
    with tempfile.TemporaryDirectory(prefix="sweep-") as cache:
        manifest, files = made_ready(str(file), shelf, registry, Path(cache), keep=False)
        files = files or shelf.fetch(manifest, Path(cache), range(len(manifest.series)))
        found = plan_for(manifest, files, registry, terms, seconds_a_unit, seconds_a_chunk)
        left = manifest.count - len(shelf.done(manifest.sweep_id))
        rows = plan_rows(found, terms) | {"Units not kept yet": f"{left:,}"}
        err.print(pairs(f"{file.name}: what it takes", rows))
        warn(found)
        if not left:
            err.print("every unit is kept already: merge it")
            return
        if not yes and not typer.confirm(f"Submit {found.jobs:,} jobs?", err=True):
            raise typer.Exit(3)
        sent = shelf.publish(manifest, files)
    job = batch.submit(
        client("batch"),
        stage=stage,
        job="sweep",
        name=f"sweep-{manifest.sweep_id[:12]}",
        size=found.jobs,
        environment={
            batch.WHICH_SWEEP: manifest.sweep_id,
            "KALSHI_ALPHA_ARTIFACTS": uri,
        },
    )
    answer = {
        "sweep": manifest.sweep_id,
        "job": job,
        "queue": batch.queue_name(stage),
        "jobs": found.jobs,
        "files_sent": sent,
    }
    emit(answer, as_json=as_json, table=pairs(f"Sweep {manifest.name} submitted", answer))


@app.command("merge")
def merge(
    what: What,
    store: Where = None,
    also: Annotated[
        list[str] | None,
        typer.Option("--also", help="Another store that keeps units of it; repeatable."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the result's files into this folder too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Unite all units into one table with a page, and judge every setting among all of them.

    Example: kalshi-alpha sweep merge 5d7fd28c --out out/sweep
    """
    from kalshi_alpha.research.data.store import write_atomically  # noqa: PLC0415
    from kalshi_alpha.research.sweep import merging  # noqa: PLC0415
    from kalshi_alpha.research.sweep.report import COLUMNS, best_first, files_of, line_of  # noqa: PLC0415
    from kalshi_alpha.research.sweep.shelf import Shelf  # noqa: PLC0415

    registry, shelf = load_registry(), shelf_at(store)
    with tempfile.TemporaryDirectory(prefix="sweep-") as cache:
        manifest = manifest_named(what, shelf, registry, Path(cache))
    others = [Shelf(store_at(uri)) for uri in also or []]
    document = merging.merge(manifest, [shelf, *others], registry)
    for name, data in files_of(document).items():
        shelf.write_result(manifest.sweep_id, name, data)
        if out is not None:
            write_atomically(out / name, data)
    lines = [line_of(row) for row in best_first(document)[:20]]
    title = f"Sweep {manifest.sweep_id}: cents a contract, best first"
    emit(document, as_json=as_json, table=table_of(title, COLUMNS, lines))
    err.print(document["sentence"], markup=False, soft_wrap=True)


@app.command("show")
def show(
    what: Annotated[
        str | None, typer.Argument(help="A sweep file or an id; every sweep when not given.")
    ] = None,
    store: Where = None,
    as_json: Json = False,
) -> None:
    """Say how far sweeps are, and what came of those that are merged.

    Example: kalshi-alpha sweep show
    """
    registry, shelf = load_registry(), shelf_at(store)
    if what is None:
        manifests = [shelf.manifest(one) for one in shelf.ids()]
    else:
        with tempfile.TemporaryDirectory(prefix="sweep-") as cache:
            manifests = [manifest_named(what, shelf, registry, Path(cache))]
    found = [_standing(shelf, manifest) for manifest in manifests]
    columns = ("sweep", "name", "series", "settings", "days", "units", "kept", "result")
    rows = [[one[key] for key in columns] for one in found]
    emit(found, as_json=as_json, table=table_of("Sweeps", columns, rows))


def _standing(shelf: Shelf, manifest: Manifest) -> dict[str, Any]:
    result = shelf.result(manifest.sweep_id)
    return {
        "sweep": manifest.sweep_id,
        "name": manifest.name,
        "series": len(manifest.series),
        "settings": len(manifest.points),
        "days": sum(len(days) for days in manifest.chunks),
        "units": manifest.count,
        "kept": len(shelf.done(manifest.sweep_id)),
        "result": "not merged" if result is None else json.loads(result)["sentence"],
    }
