"""The evening: seal and prove the ledger, grade the day, roll it up, make its pages.

Each part is tried even when one before it failed, for none needs another's success; the first
failure is then the job's own. Everything may be repeated and comes out the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import kalshi_alpha
from kalshi_alpha.clock import iso
from kalshi_alpha.cloud.artifacts import ArtifactStore, open_store
from kalshi_alpha.cloud.services import client
from kalshi_alpha.errors import DataError, KalshiAlphaError, ParameterError
from kalshi_alpha.pricing.parameters import load_parameters, parameters_checksum
from kalshi_alpha.reports.shelf import Boards, make_day
from kalshi_alpha.research.appraisal import Operations
from kalshi_alpha.research.closing import close_day as appraise_day
from kalshi_alpha.steps import close_day, grade_day
from kalshi_alpha.steps.rollup import roll_up
from kalshi_alpha.steps.runtime import Runtime


def run(request: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Do the evening of ``{"day": "2025-11-04"}``; return what each part did, and the metrics.

    ``"pages": False`` leaves the pages out.

    Raises:
        KalshiAlphaError: the first failure, when all parts have been tried.
    """
    day = date.fromisoformat(str(request["day"]))
    answer: dict[str, Any] = {"day": day.isoformat()}
    metrics: dict[str, float] = {}
    failures: list[KalshiAlphaError] = []

    def part(name: str, do: Callable[[], Mapping[str, Any]]) -> None:
        try:
            found = dict(do())
        except KalshiAlphaError as error:
            failures.append(error)
            return
        metrics.update(found.pop("metrics", {}))
        answer[name] = found

    part("ledger", lambda: close_day.run({"date": day.isoformat()}, runtime))
    part("grade", lambda: grade_day.run({"day": day.isoformat()}, runtime, appraised))
    part("tables", lambda: roll_up(runtime, day))
    if runtime.settings.cities:
        from kalshi_alpha.jobs import (  # noqa: PLC0415 - where it is deployed
            momentum_tables,
            temperature_evidence,
        )

        part("temperature", lambda: momentum_tables.roll_up(runtime, day))
        part("temperature_readiness", lambda: temperature_evidence.keep(runtime, day))
    if request.get("pages", True):
        part("pages", lambda: {"made": _pages(day, runtime)})
    if failures:
        raise failures[0]
    return answer | {"metrics": metrics}


def appraised(asked: grade_day.Question) -> grade_day.Answer:
    """Return what research says of a day, for the step that acts on it."""
    switch = Operations(asked.kill_switch.on, asked.kill_switch.reason)
    return appraise_day(
        asked.store, asked.registry, asked.sessions, asked.day, asked.now, asked.standing, switch
    )


def _pages(day: date, runtime: Runtime) -> list[str]:
    store = runtime.artifacts
    data = runtime.parameters()
    try:
        fitted = load_parameters(data, on=day)
    except ParameterError:
        fitted = {}  # the pages say that there were none
    proofs = [key for key in store.keys("ledger/") if "/verified/" in key]
    boards = Boards(
        scoreboard=_document(store, f"scoreboard/{day.isoformat()}.json"),
        readiness=_document(store, f"readiness/{day.isoformat()}.json"),
        ledger=_document(store, max(proofs)) if proofs else None,
        parameters=fitted,
    )
    provenance = [
        ("Code", f"kalshi-alpha {kalshi_alpha.__version__}"),
        ("Registry, SHA-256", runtime.registry.hash),
        ("Parameters, checksum", parameters_checksum(data)),
        ("Written", iso(runtime.clock.now().replace(microsecond=0))),
    ]
    return make_day(
        day,
        store,
        _shelf(runtime),
        runtime.registry,
        runtime.sessions,
        boards=boards,
        provenance=provenance,
    )


def _shelf(runtime: Runtime) -> ArtifactStore:
    uri = runtime.settings.require("artifacts").rstrip("/")
    return open_store(f"{uri}/reports", client("s3") if uri.startswith("s3:") else None)


def _document(store: ArtifactStore, key: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(store.read(key))
    except DataError:
        return None
    return found
