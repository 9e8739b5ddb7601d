"""A day appraised: grades, honesty, scoreboard and readiness from one record, and the bundle.

The same function serves the command line, a rehearsal and the step that runs after each day. The
bundle is one folder with everything a reviewer needs, and a digest over all of it: a promotion
names the digest, so what was reviewed is what was promoted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from kalshi_alpha.clock import NEW_YORK, iso
from kalshi_alpha.errors import DataError, InvariantBroken
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.research.graded import DayGrade
from kalshi_alpha.research.honesty import ALL, fit_honesty, rolling
from kalshi_alpha.research.scoreboard import Scoreboard, alpha_of, model_for, scoreboard
from kalshi_alpha.trading.criteria import judge_readiness
from kalshi_alpha.trading.fills import FillModel
from kalshi_alpha.trading.honesty import Honesty, dump_honesty
from kalshi_alpha.trading.readiness import LIMITS, NO_GO, Facts, Limits, Readiness
from kalshi_alpha.trading.standing import StandingRecord

READINESS, HONESTY, SCOREBOARD = "readiness.json", "honesty.json", "scoreboard.json"
DIGEST = "bundle.json"
# A demotion takes what is proven bad; what merely lacks its sample stops a promotion and no more.
DEMOTING = (
    "mean", "always-valid", "slippage", "parameters", "drawdown", "ledger", "heartbeat",
    "freshness",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Operations:
    """What is known beside the windows: the switch, and how the ledger was verified.

    ``kill_switch_on`` is None where there is no switch to read. ``differences`` are sentences;
    ``verified`` days are those on which somebody compared books and venue beyond the windows' own
    balances, and None leaves it at those.
    """

    kill_switch_on: bool | None = None
    kill_switch_reason: str = ""
    differences: tuple[str, ...] = ()
    verified: tuple[date, ...] | None = None


@dataclass(frozen=True, slots=True)
class Appraisal:
    """Everything that follows from a record at one instant."""

    readiness: Readiness
    scoreboard: Scoreboard
    honesty: Honesty | None
    honesty_missing: str
    rolling: dict[str, Any]

    @property
    def demotion(self) -> str:
        """Return why real orders must stop, a sentence a criterion; empty when nothing says so."""
        return " ".join(
            one.sentence
            for one in self.readiness.criteria
            if one.name in DEMOTING and one.verdict == NO_GO
        )


def appraise(
    days: Sequence[DayGrade],
    registry: Registry,
    now: datetime,
    *,
    today: date | None = None,
    standing: StandingRecord | None = None,
    operations: Operations | None = None,
    models: Mapping[str, FillModel] | None = None,
    model_missing: str = "",
    limits: Limits = LIMITS,
) -> Appraisal:
    """Appraise graded days.

    Args:
        days: in any order.
        registry: what trades.
        now: the instant.
        today: New York day it is for; of ``now`` without. A rehearsal's is the day it played.
        standing: of the strategy; paper without.
        operations: what is known beside the windows.
        models: fill model by series for the predicted fills; ``""`` is for all the others.
        model_missing: why there is none, a phrase.
        limits: of the readiness.

    Raises:
        DataError: without a day.
    """
    ordered = sorted(days, key=lambda one: one.day)
    if not ordered:
        raise DataError("no window has run yet: there is nothing to appraise")
    on = today or now.astimezone(NEW_YORK).date()
    facts = facts_of(
        ordered,
        now,
        on,
        standing or StandingRecord(),
        operations or Operations(),
        models or {},
        limits,
        model_missing,
    )
    honesty, missing = _honesty(ordered, registry.hash, on)
    return Appraisal(
        readiness=judge_readiness(facts, limits),
        scoreboard=scoreboard(ordered, registry, now, models=models),
        honesty=honesty,
        honesty_missing=missing,
        rolling={
            span: {key: _plain(gap) for key, gap in bins.items()}
            for span, bins in rolling(ordered).items()
        },
    )


def facts_of(
    days: Sequence[DayGrade],
    now: datetime,
    today: date,
    standing: StandingRecord,
    operations: Operations,
    models: Mapping[str, FillModel],
    limits: Limits = LIMITS,
    model_missing: str = "",
) -> Facts:
    """Return what a readiness is judged on.

    Fills of another broker than the last day's are left out: paper and live are never mixed.
    """
    source = days[-1].source
    mine = [one for one in days if one.source == source and one.day <= today]
    recent = [one for one in mine if (today - one.day).days < limits.days]
    quotes = [q for one in recent for grade in one.grades for q in grade.quotes]
    own_books = tuple(one.day for one in mine if one.verified)
    ages = [one.parameters_as_of for one in mine if one.parameters_as_of]
    given: dict[str, Any] = {"alpha_missing": model_missing} if model_missing else {}
    return Facts(
        now=now,
        today=today,
        source=source,
        standing=standing.standing,
        since=standing.since,
        days=tuple(one.day for one in mine),
        fills=tuple(f for one in mine for f in one.fills),
        ungraded=sum(len(grade.ungraded) for one in recent for grade in one.grades),
        alpha=alpha_of(quotes, models),
        expected_slippage=_expected_slippage(recent, models),
        parameters_as_of=ages[-1] if ages else None,
        scans=sum(grade.scans for one in recent for grade in one.grades),
        scans_feed=sum(grade.scans_feed for one in recent for grade in one.grades),
        scans_heartbeat=sum(grade.scans_heartbeat for one in recent for grade in one.grades),
        kill_switch_on=operations.kill_switch_on,
        kill_switch_reason=operations.kill_switch_reason,
        ledger_verified=own_books if operations.verified is None else operations.verified,
        ledger_differences=(
            *operations.differences,
            *(said for one in recent for w in one.windows for said in w.differences),
        ),
        **given,
    )


def bundle(
    appraisal: Appraisal,
    *,
    config_hash: str,
    parameters: bytes,
    standing: StandingRecord,
    graded: Sequence[DayGrade],
) -> dict[str, bytes]:
    """Return the bundle's files by name; ``bundle.json`` lists each with its SHA-256.

    Args:
        appraisal: of the record.
        config_hash: of the registry.
        parameters: the file in use.
        standing: of the strategy.
        graded: the days it rests on.
    """
    files = {
        READINESS: _json(appraisal.readiness.to_json()),
        SCOREBOARD: _json(appraisal.scoreboard.to_json()),
        "rolling.json": _json(appraisal.rolling),
        "standing.json": _json(standing.to_json()),
        "parameters.json": parameters,
        "ledger.json": _json(_ledger(appraisal.readiness)),
        "calibration.json": _json(_calibration(appraisal.scoreboard)),
        "fills.jsonl": "".join(
            json.dumps(fill.to_json(), sort_keys=True) + "\n"
            for one in graded
            for fill in one.fills
        ).encode(),
        "README.md": _cover(appraisal).encode(),
    }
    if appraisal.honesty is not None:
        files[HONESTY] = dump_honesty(appraisal.honesty)
    sums = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    cover = {
        "schema": "kalshi-alpha/pilot-bundle/1",
        "at": iso(appraisal.readiness.at),
        "verdict": appraisal.readiness.verdict,
        "source": appraisal.readiness.source,
        "standing": appraisal.readiness.standing,
        "config_hash": config_hash,
        "files": sums,
    }
    return files | {DIGEST: _json(cover | {"digest": digest_of(cover)})}


def read_bundle(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the cover of a bundle whose every file is as it was made.

    Raises:
        DataError: when a file is missing, was changed, or the cover is none.
    """
    try:
        cover = json.loads(files[DIGEST])
        digest = cover.pop("digest")
        sums = dict(cover["files"])
    except (KeyError, ValueError, TypeError, AttributeError):
        raise DataError(
            "this is no readiness bundle: make one with kalshi-alpha pilot bundle"
        ) from None
    if digest != digest_of(cover):
        raise DataError("the bundle's cover does not match its digest: make the bundle again")
    for name, expected in sums.items():
        if name not in files:
            raise DataError(f"the bundle lacks {name}: make the bundle again")
        if hashlib.sha256(files[name]).hexdigest() != expected:
            raise DataError(f"{name} of the bundle was changed: make the bundle again")
    if json.loads(files[READINESS])["verdict"] != cover["verdict"]:
        raise InvariantBroken("the bundle's cover and its readiness give different verdicts")
    return dict(cover) | {"digest": digest}


def digest_of(cover: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a bundle's cover in canonical form."""
    return hashlib.sha256(json.dumps(cover, sort_keys=True).encode()).hexdigest()


def _honesty(days: Sequence[DayGrade], config_hash: str, today: date) -> tuple[Honesty | None, str]:
    try:
        return fit_honesty(days, config_hash=config_hash, today=today), ""
    except DataError as error:
        return None, str(error)


def _expected_slippage(days: Sequence[DayGrade], models: Mapping[str, FillModel]) -> float:
    """Return the dollars a contract that filled quotes should give back; 0 without a model."""
    filled = [q for one in days for grade in one.grades for q in grade.quotes if q.filled]
    said = [
        model.expected_loss(quote.place) if (model := model_for(quote, models)) else 0.0
        for quote in filled
    ]
    return sum(said) / len(said) if said else 0.0


def _ledger(readiness: Readiness) -> dict[str, Any]:
    found = next(one for one in readiness.criteria if one.name == "ledger")
    return {"verdict": found.verdict, "sentence": found.sentence, "differences": found.value}


def _calibration(board: Scoreboard) -> list[dict[str, Any]]:
    keys = ("series", "family", "brier_ours", "brier_market", "brier_gain", "crps_ours",
            "crps_market", "crps_gain", "calibration_age_days")  # fmt: skip
    rows = board.to_json()["spans"]
    return [
        {"span": span["span"]} | {key: row[key] for key in keys}
        for span in rows
        for row in span["rows"]
    ]


def _cover(appraisal: Appraisal) -> str:
    readiness = appraisal.readiness
    lines = [
        f"# Readiness: {readiness.verdict}",
        "",
        readiness.sentence,
        "",
        *(f"{note}\n" for note in readiness.notes),
        "| criterion | verdict | value | limit | sample | 95 % |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in readiness.criteria:
        ends = (one.low, one.high)
        within = "" if ends == (None, None) else " to ".join(_number(end) for end in ends)
        lines.append(
            f"| {one.title} | {one.verdict} | {_number(one.value)} | {_number(one.limit)} "
            f"{one.unit} | {one.sample:g} {one.sample_unit} | {within} |"
        )
    off = [key for key, found in appraisal.honesty.bins.items() if not found.weight] if (
        appraisal.honesty) else []  # fmt: skip
    bins = len(appraisal.rolling.get(ALL, {}))
    lines += ["", f"Honesty: {bins} bins with fills, {len(off)} of them off.", ""]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _plain(gap: Any) -> dict[str, float]:
    return {name: getattr(gap, name) for name in ("claimed", "gap", "error", "n", "days", "cusum")}


def _json(doc: Any) -> bytes:
    return (json.dumps(doc, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
