"""After a day: grade it, appraise the record, and say what is to be kept and what to be done.

Reads the artifacts of a stage or of rehearsed days and writes nothing itself: whoever calls keeps
the files and carries out a demotion. Everything may be made again and comes out the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from kalshi_alpha.cloud.artifacts import ArtifactStore
from kalshi_alpha.errors import DataError, ParameterError
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.sessions import Sessions
from kalshi_alpha.research.appraisal import Appraisal, Operations, appraise
from kalshi_alpha.research.graded import DayGrade
from kalshi_alpha.research.honesty import RULES
from kalshi_alpha.research.record import Record, grade_key
from kalshi_alpha.trading.fills import FillModel, fill_model_from_json
from kalshi_alpha.trading.honesty import dump_honesty
from kalshi_alpha.trading.standing import StandingRecord
from kalshi_alpha.trading.verification import Verification

HONESTY_KEY = "honesty/index.json"
TUNING_KEY = "parameters/tuning.json"


def close_day(
    store: ArtifactStore,
    registry: Registry,
    sessions: Sessions,
    day: date,
    now: datetime,
    standing: StandingRecord,
    operations: Operations,
) -> tuple[dict[str, bytes], str, dict[str, float]]:
    """Return the files to keep by key, why real orders must stop, and counts for the metrics.

    Raises:
        DataError: when no window ran on the day, or what one left cannot be read.
    """
    record = Record((store,), registry, sessions)
    graded = record.grade(day, again=True)
    others = tuple(record.grade(one) for one in record.days() if one < day)
    days = (*others, graded)
    operations = with_proof(operations, store, graded)
    models, missing = fill_models(store)
    found = appraise(
        days, registry, now, today=day, standing=standing, operations=operations,
        models=models, model_missing=missing,
    )  # fmt: skip
    files = {grade_key(day): graded.to_bytes()} | files_of(found, day)
    return files, found.demotion, counts_of(found, graded)


def files_of(found: Appraisal, day: date) -> dict[str, bytes]:
    """Return the appraisal's files by key: the newest, and a copy under its day."""
    readiness = _json(found.readiness.to_json())
    board = _json(found.scoreboard.to_json())
    files = {
        "readiness/index.json": readiness,
        f"readiness/{day.isoformat()}.json": readiness,
        "scoreboard/index.json": board,
        f"scoreboard/{day.isoformat()}.json": board,
    }
    if found.honesty is not None:
        artifact = dump_honesty(found.honesty)
        files |= {HONESTY_KEY: artifact, f"honesty/{day.isoformat()}.json": artifact}
    return files


def counts_of(found: Appraisal, graded: DayGrade) -> dict[str, float]:
    """Return the day's numbers for metrics: dollars, fills, minutes at risk, incidents."""
    fills = [fill for fill in graded.fills if fill.counted]
    quotes = [quote for grade in graded.grades for quote in grade.quotes]
    alpha = next((row.alpha for row in found.scoreboard.spans[0].rows if not row.series), None)
    return {
        "EvClaimed": round(sum(fill.claimed * fill.contracts for fill in fills), 6),
        "Realised": round(sum((fill.realised or 0.0) * fill.contracts for fill in fills), 6),
        "FillsHad": len(fills),
        "FillsPredicted": round(alpha.predicted, 3) if alpha else 0.0,
        "MinutesAtRisk": round(sum(quote.rested_s for quote in quotes) / 60.0, 3),
        "Incidents": sum(len(w.incidents) + len(w.differences) for w in graded.windows),
        "EvDrift": float(_behind(found)),
        "Ready": float(found.readiness.verdict == "GO"),
        "BinsOff": sum(not b.weight for b in found.honesty.bins.values()) if found.honesty else 0,
    }


def _behind(found: Appraisal) -> bool:
    """Say whether what was earned has run away below what was claimed, in any bin now rolling."""
    return any(
        gap["cusum"] >= RULES.cusum_alarm
        for bins in found.rolling.values()
        for gap in bins.values()
    )


def with_proof(operations: Operations, store: ArtifactStore, graded: DayGrade) -> Operations:
    """Return the operations with what the newest proof of the ledger found, if there is one."""
    keys = store.keys(f"ledger/{graded.source}/verified/")
    if not keys:
        return operations
    proof = Verification.from_json(store.read(keys[-1]))
    said = tuple(found.sentence for found in proof.differences)
    return replace(operations, differences=(*operations.differences, *said))


def fill_models(store: ArtifactStore) -> tuple[Mapping[str, FillModel], str]:
    """Return the fill model of each series that has one, and why there is none at all.

    They are those the scans quote with: of ``parameters/tuning.json``.
    """
    if TUNING_KEY not in store.keys(TUNING_KEY):
        return {}, "no tuning is in use, so no scan predicts a fill"
    try:
        body: Mapping[str, Any] = json.loads(store.read(TUNING_KEY))["body"]
        found = {
            series: fill_model_from_json(entry["fills"])
            for series, entry in body.items()
            if entry["fills"] is not None
        }
    except (ParameterError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"the fill model of the tuning cannot be read: {error}") from None
    return found, "" if found else "the tuning in use holds no fill model"


def _json(doc: Any) -> bytes:
    return (json.dumps(doc, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
