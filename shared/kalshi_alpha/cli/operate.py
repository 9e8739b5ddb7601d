"""``preflight``, ``kill``, ``doctor``, ``cancel-all``: the operator's commands."""

from __future__ import annotations

import getpass
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from typing import Annotated, Any

import typer

from kalshi_alpha.cli.output import Json, emit, table_of
from kalshi_alpha.clock import NEW_YORK, SystemClock, iso
from kalshi_alpha.errors import ConfigurationError, KalshiAlphaError, Refusal, VenueError
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.units import price_text, size_text
from kalshi_alpha.markets.windows import next_windows
from kalshi_alpha.pricing.parameters import load_parameters, shipped_parameters
from kalshi_alpha.steps import panic
from kalshi_alpha.steps.preflight import read_listing, series_facts, window_facts
from kalshi_alpha.steps.runtime import Runtime, Settings
from kalshi_alpha.trading.window_gates import judge
from kalshi_alpha.venues.secrets import load_secret

BrokerOption = Annotated[
    str | None,
    typer.Option("--broker", help="paper or live; live also needs a live stage and an arming."),
]

kill = typer.Typer(
    no_args_is_help=True, help="The kill-switch: read before anything is sent to the venue."
)


def _runtime(broker: str | None = None) -> Runtime:
    settings = Settings.from_environment(os.environ)
    return Runtime(settings if broker is None else replace(settings, broker=broker))


def preflight(
    window_id: Annotated[
        str | None, typer.Argument(help="A window, as 20251104-1200-index-hourly; else the next.")
    ] = None,
    broker: BrokerOption = None,
    as_json: Json = False,
) -> None:
    """Judge a window as its first step would, without claiming it. GO exits 0, NO-GO exits 3.

    Needs the deployed stack's names in the environment (see docs/deploy.md).
    Example: kalshi-alpha preflight 20251104-1200-index-hourly
    """
    runtime = _runtime(broker)
    now = runtime.clock.now()
    window = (
        next_windows(now, runtime.registry, runtime.sessions, 1)[0]
        if window_id is None
        else runtime.window(window_id)
    )
    armed = runtime.broker  # an unarmed live broker ends here, before anything is asked
    switch = runtime.state.kill_switch()
    listings = {s: read_listing(runtime, window, s) for s in window.series}
    judged = judge(
        window_facts(runtime, window, switch.on, switch.reason, at_start=True),
        tuple(series_facts(runtime, window, s, listings[s]) for s in window.series),
    )
    reasons = [refusal.to_json() for refusal in judged.window]
    by_series = {s: [r.to_json() for r in judged.series[s]] for s in window.series}
    answer = {
        "window_id": window.window_id,
        "broker": armed.value,
        "at": iso(now),
        "go": judged.go,
        "reasons": reasons,
        "series": by_series,
    }
    rows = [("all", r["reason"]) for r in reasons]
    rows += [(s, r["reason"]) for s, found in by_series.items() for r in found]
    title = f"{window.window_id}: {'GO' if judged.go else 'NO-GO'} ({armed.value})"
    emit(answer, as_json=as_json, table=table_of(title, ("Series", "Against it"), rows))
    if not judged.go:
        raise typer.Exit(Refusal.exit_code)


@kill.command("on")
def kill_on(
    reason: Annotated[str, typer.Option(help="Why; kept in the history.")],
    as_json: Json = False,
) -> None:
    """Stop everything: nothing is placed any more, and the sentry pulls what rests.

    Example: kalshi-alpha kill on --reason "fed statement moved to noon"
    """
    _move(on=True, reason=reason, as_json=as_json)


@kill.command("off")
def kill_off(
    reason: Annotated[str, typer.Option(help="Why; kept in the history.")] = "cleared",
    as_json: Json = False,
) -> None:
    """Allow quoting again. A frozen window stays frozen.

    Example: kalshi-alpha kill off --reason "checked the feed"
    """
    _move(on=False, reason=reason, as_json=as_json)


@kill.command("status")
def kill_status(as_json: Json = False) -> None:
    """Show the switch and its last moves. Exits 0 when off, 3 when on or unreadable.

    Example: kalshi-alpha kill status --json
    """
    state = _runtime().state
    switch = state.kill_switch()
    try:
        history = state.kill_history()[-10:]
    except KalshiAlphaError:
        history = []
    rows = [(h["at"], h["state"], h["by"], h["reason"]) for h in history]
    title = f"The kill-switch is {'ON' if switch.on else 'off'}: {switch.reason}"
    answer = {"on": switch.on, "reason": switch.reason, "by": switch.by, "at": switch.at}
    table = table_of(title, ("At", "State", "By", "Reason"), rows)
    emit(answer | {"history": history}, as_json=as_json, table=table)
    if switch.on:
        raise typer.Exit(Refusal.exit_code)


@kill.command("history")
def kill_history(as_json: Json = False) -> None:
    """Show every move of the switch, oldest first: when, which way, who and why.

    A move made by hand, such as the one-line form from a phone, is shown too.
    Example: kalshi-alpha kill history --json
    """
    history = [
        {name: move.get(name, "") for name in ("at", "state", "by", "reason")}
        for move in _runtime().state.kill_history()
    ]
    rows = [tuple(move.values()) for move in history]
    title = f"{len(history)} moves of the kill-switch"
    table = table_of(title, ("At", "State", "By", "Reason"), rows)
    emit({"history": history}, as_json=as_json, table=table)


def _move(*, on: bool, reason: str, as_json: bool) -> None:
    if not reason.strip():
        raise ConfigurationError("a move of the kill-switch needs a reason: --reason is empty")
    runtime = _runtime()
    by = getpass.getuser()
    runtime.state.set_kill_switch(on=on, reason=reason, by=by, at=runtime.clock.now())
    word = "on" if on else "off"
    emit({"on": on, "by": by, "reason": reason}, as_json=as_json, table=f"kill-switch {word}")


def doctor(as_json: Json = False) -> None:
    """Check everything this machine needs, and say what to do about what is missing.

    Exits 0 when the rehearsal can run; missing keys and AWS names are reported, not failed on.
    Example: kalshi-alpha doctor
    """
    checks = [_check(name, required, probe) for name, required, probe in _PROBES]
    rows = [(c["check"], c["state"], c["detail"]) for c in checks]
    table = table_of("Doctor", ("Check", "State", "Detail"), rows)
    emit(checks, as_json=as_json, table=table)
    if any(c["state"] == "broken" for c in checks):
        raise typer.Exit(ConfigurationError.exit_code)


def _check(name: str, required: bool, probe: Callable[[], str]) -> dict[str, str]:
    try:
        return {"check": name, "state": "ok", "detail": probe()}
    except (KalshiAlphaError, ImportError, OSError) as error:
        state = "broken" if required else "absent"
        return {"check": name, "state": state, "detail": str(error)}


def _python() -> str:
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        raise ConfigurationError(f"Python {platform.python_version()} is not 3.11, 3.12 or 3.13")
    return f"Python {platform.python_version()}, kalshi-alpha {version('kalshi-alpha')}"


def _registry() -> str:
    registry = load_registry()
    return f"{len(registry.series)} series, configuration {registry.hash[:12]}"


def _calendar() -> str:
    now = SystemClock().now()
    following = next_windows(now, load_registry(), load_sessions(), 1)
    if not following:
        raise ConfigurationError("the session table has ended: generate it again")
    return f"the next window is {following[0].window_id}"


def _parameters() -> str:
    today = SystemClock().now().astimezone(NEW_YORK).date()
    fitted = load_parameters(shipped_parameters(today), on=today)
    return f"shipped parameters of {', '.join(sorted(fitted))} hold today"


def _recorded_days() -> str:
    from kalshi_alpha.rehearsal.path import recorded_days  # noqa: PLC0415

    return "recorded days " + ", ".join(day.isoformat() for day in recorded_days())


def _key(name: str) -> Callable[[], str]:
    def probe() -> str:
        load_secret(name)
        return "found"

    return probe


def _stack() -> str:
    settings = Settings.from_environment(os.environ)
    for name in ("state_table", "ledger_table", "artifacts", "venue_url"):
        settings.require(name)
    switch = Runtime(settings).state.kill_switch()
    return f"stage {settings.stage}, kill-switch {'on' if switch.on else 'off'}"


_PROBES: tuple[tuple[str, bool, Callable[[], str]], ...] = (
    ("python", True, _python),
    ("registry", True, _registry),
    ("calendar", True, _calendar),
    ("recorded days", True, _recorded_days),
    ("parameters for today", False, _parameters),
    ("exchange key id", False, _key("KALSHI_API_KEY_ID")),
    ("exchange private key", False, _key("KALSHI_PRIVATE_KEY_PEM_PATH")),
    ("index feed key", False, _key("MASSIVE_API_KEY")),
    ("deployed stack", False, _stack),
)


def cancel_all(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be cancelled and stop.")
    ] = False,
    broker: BrokerOption = None,
    as_json: Json = False,
) -> None:
    """Cancel every order that rests, on every market, now. Safe to repeat.

    Needs no arming: it can only take risk away. Throw the kill-switch first, or the next scan
    quotes again. Says what rests afterwards: exits 0 when nothing does, 5 when something does or
    it cannot be listed. Example: kalshi-alpha cancel-all --dry-run
    """
    runtime = _runtime(broker)
    report = panic.cancel_all(runtime.puller, runtime.clock, dry_run=dry_run)
    shown = report.found if dry_run or not report.left else report.left
    rows = [
        (o.ticker, o.side.value, price_text(o.price), size_text(o.remaining_size), o.order_id)
        for o in shown
    ]
    left = None if report.left is None else len(report.left)
    answer: dict[str, Any] = {
        "found": len(report.found),
        "canceled": report.canceled,
        "still_resting": left,
        "dry_run": dry_run,
        "attempts": report.attempts,
        "troubles": list(report.troubles),
        "orders": [
            dict(zip(("ticker", "side", "price", "size", "id"), r, strict=True)) for r in rows
        ],
    }
    columns = ("Market", "Side", "Price", "Size", "Order")
    after = "what still rests could not be listed" if left is None else f"{left} still resting"
    title = f"{len(report.found)} resting, {report.canceled} cancelled, {after}"
    if dry_run:
        title = f"dry run, nothing cancelled: {after}"
    emit(answer, as_json=as_json, table=table_of(title, columns, rows))
    if not (report.clear or (dry_run and left is not None)):
        raise typer.Exit(VenueError.exit_code)
