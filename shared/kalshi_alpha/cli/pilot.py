"""``kalshi-alpha pilot``: the operator's acts between paper and real orders."""

from __future__ import annotations

import getpass
import os
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from kalshi_alpha.cli.evidence import Out, source_of
from kalshi_alpha.cli.output import Json, emit, pairs, table_of
from kalshi_alpha.clock import NEW_YORK, from_iso, iso
from kalshi_alpha.cloud.state import arming_expiry
from kalshi_alpha.errors import ArmingError, ConfigurationError, DataError, KillSwitchOn
from kalshi_alpha.research.appraisal import bundle as bundle_of
from kalshi_alpha.research.appraisal import read_bundle
from kalshi_alpha.steps.runtime import Runtime, Settings
from kalshi_alpha.trading.standing import Standing, StandingRecord, demoted, promoted, widened

LONGEST_ARMING_H = 24.0
OLDEST_BUNDLE = timedelta(hours=24)
# What the fills of a bundle must be for the next step: nothing but paper makes a pilot.
SOURCE_FOR = {Standing.PILOT: "paper", Standing.SCALED: "live"}

Bundle = Annotated[
    Path | None, typer.Option("--bundle", help="A folder that `pilot bundle` made, which says GO.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the history.")]

app = typer.Typer(
    no_args_is_help=True,
    help="Research, paper, pilot, scaled: who may place real orders, and on what evidence.",
)


@app.command("status")
def status(as_json: Json = False) -> None:
    """Show where the strategy stands, until when live is armed, and every move.

    Example: kalshi-alpha pilot status
    """
    runtime = _runtime()
    record, until = runtime.standing, arming_expiry(runtime.state.arming())
    history = runtime.state.standing_history()
    armed = until is not None and runtime.clock.now() < until
    moves = [{k: str(m.get(k, "")) for k in ("at", "standing", "by", "reason")} for m in history]
    answer: dict[str, Any] = {
        **record.to_json(),
        "armed": armed,
        "armed_until": iso(until) if until else "",
        "history": moves,
    }
    rows = [tuple(move.values()) for move in moves]
    title = (
        f"Standing: {record.standing} ({record.reason}); "
        + (f"armed until {iso(until)}" if until and armed else "not armed")
    )  # fmt: skip
    emit(answer, as_json=as_json, table=table_of(title, ("At", "Standing", "By", "Reason"), rows))


@app.command("bundle")
def bundle(
    target: Annotated[Path, typer.Option("--to", help="Folder to write, new or empty.")],
    folder: Out = None,
    as_json: Json = False,
) -> None:
    """Write one folder with everything a reviewer needs, and its digest.

    Example: kalshi-alpha pilot bundle --out out --to out/bundle
    """
    if target.exists() and any(target.iterdir()):
        raise ConfigurationError(f"{target} is not empty: a bundle is never written over another")
    source = source_of(folder)
    appraisal, days = source.appraise()
    files = bundle_of(
        appraisal,
        config_hash=source.registry.hash,
        parameters=source.parameters,
        standing=source.standing,
        graded=days,
    )
    target.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (target / name).write_bytes(data)
    cover = read_bundle(files)
    answer = {"folder": str(target), "verdict": cover["verdict"], "digest": cover["digest"]}
    emit(answer, as_json=as_json, table=pairs("The bundle", answer))


@app.command("arm")
def arm(
    hours: Annotated[
        float, typer.Option("--hours", help="For how long, at most 24.", min=0.1)
    ] = 8.0,
    proof: Bundle = None,
    as_json: Json = False,
) -> None:
    """Arm live trading for some hours; from paper it takes a bundle, which makes a pilot first.

    Example: kalshi-alpha pilot arm --bundle out/bundle --hours 8
    """
    if hours > LONGEST_ARMING_H:
        raise ArmingError(f"{hours:g} hours of arming are over {LONGEST_ARMING_H:g}: arm each day")
    runtime = _runtime()
    if proof is not None and runtime.standing.standing is Standing.PAPER:
        _promote(runtime, Standing.PILOT, proof)
    record = runtime.standing
    if not record.standing.may_trade_live:
        raise ArmingError(
            f"the strategy stands at {record.standing}: a pilot needs --bundle with a readiness "
            "that says GO"
        )
    switch = runtime.state.kill_switch()
    if switch.on:
        raise KillSwitchOn(f"the kill-switch is on ({switch.reason}): nothing is armed under it")
    now = runtime.clock.now()
    until = now + timedelta(hours=hours)
    runtime.state.arm(by=getpass.getuser(), at=now, until=until)
    answer = {"standing": record.standing.value, "armed_until": iso(until)}
    emit(answer, as_json=as_json, table=pairs("Armed", answer))


@app.command("disarm")
def disarm(reason: Reason, as_json: Json = False) -> None:
    """End live trading now: the arming runs out, and the strategy is back at paper.

    Orders that rest are the kill-switch's: kalshi-alpha kill on, or cancel-all.
    Example: kalshi-alpha pilot disarm --reason "fills look wrong"
    """
    _require_reason(reason)
    runtime = _runtime()
    now, by = runtime.clock.now(), getpass.getuser()
    moved = demoted(
        runtime.standing, reason=reason, by=by, at=iso(now), today=now.astimezone(NEW_YORK).date()
    )
    if moved is not None:
        runtime.state.move_standing(moved.to_json(), now)
    runtime.state.arm(by=by, at=now, until=now)
    answer = {"standing": runtime.standing.standing.value, "armed_until": iso(now)}
    emit(answer, as_json=as_json, table=pairs("Disarmed", answer))


@app.command("promote")
def promote(
    to: Annotated[Standing, typer.Argument(help="The step just above: paper, pilot or scaled.")],
    proof: Bundle = None,
    as_json: Json = False,
) -> None:
    """Move the strategy one step up; a pilot and a scaled one need a bundle that says GO.

    Example: kalshi-alpha pilot promote pilot --bundle out/bundle
    """
    runtime = _runtime()
    moved = _promote(runtime, to, proof)
    emit(moved.to_json(), as_json=as_json, table=pairs("Promoted", moved.to_json()))


@app.command("widen")
def widen(as_json: Json = False) -> None:
    """Open every fixing to a pilot that has quoted noon alone.

    Example: kalshi-alpha pilot widen
    """
    runtime = _runtime()
    now = runtime.clock.now()
    moved = widened(runtime.standing, by=getpass.getuser(), at=iso(now))
    runtime.state.move_standing(moved.to_json(), now)
    emit(moved.to_json(), as_json=as_json, table=pairs("Widened", moved.to_json()))


def _promote(runtime: Runtime, to: Standing, proof: Path | None) -> StandingRecord:
    now = runtime.clock.now()
    cover = _proven(runtime, to, proof, now) if to in SOURCE_FOR else {}
    moved = promoted(
        runtime.standing,
        to=to,
        verdict=str(cover.get("verdict", "none")),
        digest=str(cover.get("digest", "")),
        by=getpass.getuser(),
        at=iso(now),
        today=now.astimezone(NEW_YORK).date(),
    )
    if to is Standing.SCALED:
        moved = replace(moved, fixings=runtime.standing.fixings)
    runtime.state.move_standing(moved.to_json(), now)
    return moved


def _proven(runtime: Runtime, to: Standing, proof: Path | None, now: datetime) -> dict[str, Any]:
    """Return the cover of a bundle that may promote here and now."""
    if proof is None:
        raise ArmingError(f"{to} needs --bundle: make one with kalshi-alpha pilot bundle")
    if not proof.is_dir():
        raise DataError(f"{proof} is no folder: make a bundle with kalshi-alpha pilot bundle")
    cover = read_bundle({f.name: f.read_bytes() for f in proof.iterdir() if f.is_file()})
    if cover["config_hash"] != runtime.registry.hash:
        raise ArmingError(
            f"the bundle is of the configuration {cover['config_hash'][:12]}, and this is "
            f"{runtime.registry.hash[:12]}: make it again"
        )
    if cover["source"] != SOURCE_FOR[to]:
        raise ArmingError(
            f"the bundle's fills are from {cover['source']}, and {to} needs {SOURCE_FOR[to]} fills"
        )
    if cover["standing"] != runtime.standing.standing.value:
        raise ArmingError(
            f"the bundle was made at {cover['standing']}, and the strategy stands at "
            f"{runtime.standing.standing}: make it again"
        )
    age = now - from_iso(cover["at"])
    if not timedelta(0) <= age <= OLDEST_BUNDLE:
        raise ArmingError(f"the bundle was made at {cover['at']}, not in the last 24 hours")
    return cover


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise ConfigurationError("a disarming needs a reason: --reason is empty")


def _runtime() -> Runtime:
    return Runtime(Settings.from_environment(os.environ))
