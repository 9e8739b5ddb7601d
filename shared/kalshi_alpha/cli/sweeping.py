"""What the commands of ``sweep`` share: stores, a sweep made ready, plans in words."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kalshi_alpha.cli.output import err
from kalshi_alpha.cloud import batch
from kalshi_alpha.cloud.artifacts import ArtifactStore, open_store
from kalshi_alpha.cloud.services import client
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.registry import Registry, load_registry
from kalshi_alpha.markets.sessions import load_sessions

if TYPE_CHECKING:
    from kalshi_alpha.research.sweep.manifest import Manifest
    from kalshi_alpha.research.sweep.planning import Plan, Terms
    from kalshi_alpha.research.sweep.shelf import Shelf
    from kalshi_alpha.research.sweep.simulation import Simulated

DEFAULT_STORE = "out/artifacts"


def uri_of(said: str | None) -> str:
    """Return which store is meant: as said, the environment's, or a folder of this checkout."""
    return said or os.environ.get("KALSHI_ALPHA_ARTIFACTS") or DEFAULT_STORE


def store_at(said: str | None) -> ArtifactStore:
    """Open the store."""
    uri = uri_of(said)
    return open_store(uri, client("s3") if uri.startswith("s3:") else None)


def shelf_at(said: str | None) -> Shelf:
    """Return the sweeps of the store."""
    # numpy and pyarrow take a second: the other commands should not wait for them
    from kalshi_alpha.research.sweep.shelf import Shelf  # noqa: PLC0415

    return Shelf(store_at(said))


def made_ready(
    named: str, shelf: Shelf, registry: Registry, cache: Path, *, keep: bool = True
) -> tuple[Manifest, dict[str, Path]]:
    """Return a sweep, from its file with the files it names, or from the store by its id alone."""
    from kalshi_alpha.research.sweep.file import read_sweep  # noqa: PLC0415
    from kalshi_alpha.research.sweep.manifest import manifest_of  # noqa: PLC0415

    if not Path(named).is_file():
        manifest = shelf.find(named)
        manifest.require_here(registry)
        return manifest, {}
    wanted = read_sweep(Path(named))
    series, files = shelf.prepare(wanted, cache)
    manifest = manifest_of(wanted, series, registry, load_sessions())
    if keep:
        shelf.keep(manifest)
    return manifest, files


def manifest_named(named: str, shelf: Shelf, registry: Registry, cache: Path) -> Manifest:
    """Return a sweep by its file or id."""
    if not Path(named).is_file():
        return shelf.find(named)
    return made_ready(named, shelf, registry, cache, keep=False)[0]


def shard_of(said: str | None) -> tuple[int, int]:
    """Return (which, of how many) shards is meant: as said, or an array's own."""
    if said is None:
        return batch.shard_from(os.environ)
    which, _, parts = said.partition("/")
    try:
        return int(which), int(parts)
    except ValueError:
        raise ConfigurationError(
            f"--shard is {said!r}: give K/N, as 0/4 for the first of four"
        ) from None


def terms_of(max_vcpus: int, job_minutes: float) -> Terms:
    """Return what a plan takes for granted."""
    from kalshi_alpha.research.sweep.planning import Terms  # noqa: PLC0415

    return Terms(max_vcpus=max_vcpus, job_s=job_minutes * 60.0)


def planned(
    file: Path, store: ArtifactStore, terms: Terms, unit_s: float | None, chunk_s: float
) -> Plan:
    """Return the plan of a sweep file; with the seconds given, none of its recordings is read."""
    from kalshi_alpha.research.costs import list_prices  # noqa: PLC0415
    from kalshi_alpha.research.sweep import planning  # noqa: PLC0415
    from kalshi_alpha.research.sweep.file import chunks_of, read_sweep  # noqa: PLC0415
    from kalshi_alpha.research.sweep.shelf import Shelf  # noqa: PLC0415

    registry = load_registry()
    if unit_s is not None:
        wanted = read_sweep(file)
        chunks = chunks_of(wanted, load_sessions())
        days = sum(map(len, chunks))
        size = planning.Size(len(wanted.series), len(wanted.points), len(chunks), days)
        return planning.plan_of(size, planning.Timing(unit_s, chunk_s), list_prices(), terms)
    with tempfile.TemporaryDirectory(prefix="sweep-") as cache:
        shelf = Shelf(store)
        manifest, files = made_ready(str(file), shelf, registry, Path(cache), keep=False)
        files = files or shelf.fetch(manifest, Path(cache), range(len(manifest.series)))
        return plan_for(manifest, files, registry, terms, None, 0.0)


def plan_for(
    manifest: Manifest,
    files: dict[str, Path],
    registry: Registry,
    terms: Terms,
    unit_s: float | None,
    chunk_s: float,
) -> Plan:
    """Return the plan of a prepared sweep, a unit timed here unless its seconds are given."""
    from kalshi_alpha.research.costs import list_prices  # noqa: PLC0415
    from kalshi_alpha.research.sweep import planning  # noqa: PLC0415
    from kalshi_alpha.research.sweep.playing import Bench  # noqa: PLC0415

    if unit_s is None:
        bench = Bench(manifest, files, registry)
        timing = planning.measure(bench, manifest.units(registry), time.perf_counter)
    else:
        timing = planning.Timing(unit_s, chunk_s)
    return planning.plan_of(planning.size_of(manifest), timing, list_prices(), terms)


def plan_json(found: Plan) -> dict[str, Any]:
    """Return a plan as plain JSON values."""
    return asdict(found) | {
        "units": found.size.units,
        "dollars": found.dollars,
        "bottleneck": found.bottleneck,
    }


def plan_rows(found: Plan, terms: Terms) -> dict[str, str]:
    """Return a plan in words."""
    size, shape = found.size, terms.shape
    return {
        "Looks": f"{size.points:,} settings of {size.series} series",
        "Units": f"{size.units:,}: each a setting over one of {size.chunks} chunks of days",
        "One unit": f"{found.timing.unit_s:.3g} s, and {found.timing.chunk_s:.3g} s a chunk",
        "Jobs": f"{found.jobs:,} of {shape.vcpus} vCPU and {shape.memory_gib} GiB, "
        f"{found.units_a_job:,} units and {found.job_s / 60.0:.1f} min each",
        "Machine hours": f"{found.vcpu_hours:.1f} vCPU-hours",
        "Cost": f"${found.dollars:.2f}: ${found.compute:.2f} jobs, ${found.requests:.2f} requests",
        f"Time at {terms.max_vcpus} vCPU": f"{found.wall_s / 60.0:.1f} min",
        "of it": ", ".join(f"{name} {s / 60.0:.1f}" for name, s in found.parts.items()),
        "Longest part": found.bottleneck,
        f"Here, {shape.vcpus} processes": f"{found.laptop_s / 3600.0:.2f} h",
    }


def simulated_rows(came: Simulated, reclaims: float) -> dict[str, str]:
    """Return what came of a simulation, in words."""
    return {
        "Simulated, machines taken an hour": f"{reclaims:g}",
        "Time, simulated": f"{came.wall_s / 60.0:.1f} min",
        "Machine hours, simulated": f"{came.vcpu_hours:.1f} vCPU-hours, {came.busy:.0%} in units",
        "Cost, simulated": f"${came.dollars:.2f}",
        "Taken away": f"{came.reclaims:,} machines, {came.repeated:,} units played again",
        "Failed": f"{came.failed:,} jobs; {came.submissions} submissions",
        "Writes waited": f"{came.waited_s:.1f} s",
    }


def warn(found: Plan) -> None:
    """Print what limits a plan."""
    for sentence in found.warnings:
        err.print(f"mind: {sentence}", markup=False, soft_wrap=True)
