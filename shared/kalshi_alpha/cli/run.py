"""``run``, ``scan``, ``monitors``: windows on this machine, and the state of every guard."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from kalshi_alpha.cli.output import Json, emit, err, out, table_of
from kalshi_alpha.clock import NEW_YORK, Clock, SystemClock
from kalshi_alpha.errors import ConfigurationError, DataError, SecretError, WindowClosed
from kalshi_alpha.markets.registry import Registry, load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.traded import INDEX, MACRO, trade
from kalshi_alpha.markets.windows import Window, next_windows
from kalshi_alpha.steps.monitors import Monitor, deployed_monitors, local_monitors
from kalshi_alpha.steps.planner import HORIZON, outlook
from kalshi_alpha.steps.runtime import Runtime, Settings
from kalshi_alpha.venues.kalshi.reader import KalshiReader
from kalshi_alpha.venues.secrets import load_private_key_pem, load_secret

app = typer.Typer(
    no_args_is_help=True, help="Run windows on this machine, on paper, as their time comes."
)

Family = Annotated[
    str, typer.Option(help="Which family's windows: index; macro, or one of its families.")
]
Snap = Annotated[
    str | None,
    typer.Option("--snap-to", help="wait: sleep until the next window; print: name it and stop."),
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Outside a window's time: one scan of a recorded one, labelled."),
]
Out = Annotated[Path, typer.Option("--out", help="Where run/<date>/ is written.")]
_OUT = Path("out")
_NEEDED = {
    "KALSHI_API_KEY_ID": "exchange key id",
    "KALSHI_PRIVATE_KEY_PEM_PATH": "exchange private key",
    "MASSIVE_API_KEY": "index feed key",
}
_PLACES = ("venue_url", "venue_ws_url", "feed_url", "feed_ws_url")


@app.command()
def today(
    family: Family = "index",
    snap_to: Snap = None,
    force: Force = False,
    folder: Out = _OUT,
    as_json: Json = False,
) -> None:
    """Run today's remaining windows with the real venue and feed, and the paper broker.

    A window outside its time ends here with a sentence, unless --snap-to or --force say otherwise.
    Example: kalshi-alpha run today --family index --snap-to wait
    """
    clock = SystemClock()
    day = clock.now().astimezone(NEW_YORK).date()
    _run(clock, day, family, snap_to, force=force, folder=folder, as_json=as_json)


@app.command()
def week(
    family: Family = "index",
    snap_to: Snap = None,
    force: Force = False,
    folder: Out = _OUT,
    as_json: Json = False,
) -> None:
    """Run the windows that are left of this week, until Friday's last.

    Example: kalshi-alpha run week --family index --snap-to wait
    """
    clock = SystemClock()
    day = clock.now().astimezone(NEW_YORK).date()
    friday = day + timedelta(days=(4 - day.weekday()) % 7)
    _run(clock, friday, family, snap_to, force=force, folder=folder, as_json=as_json)


def scan(
    offline: Annotated[
        bool, typer.Option("--offline", help="From the recorded day that is shipped; the default.")
    ] = True,
    group: Annotated[str, typer.Option(help="index-hourly or index-close.")] = "index-hourly",
    report: Annotated[
        bool, typer.Option("--report", help="Make the pages of the scan too.")
    ] = False,
    folder: Annotated[Path, typer.Option("--out", help="Where run/<date>/ is written.")] = Path(
        "out/scan"
    ),
    seed: Annotated[int, typer.Option(help="Seed of path and other traders.")] = 1,
    as_json: Json = False,
) -> None:
    """Scan one recorded window once: what would be quoted and why not. Nothing can be placed.

    Example: kalshi-alpha scan --offline --report --out out/scan
    """
    del offline  # there is no other kind: with the real venue, `run today` scans
    _scan_recorded(group, folder, seed=seed, banner="", report=report, as_json=as_json)


def monitors(as_json: Json = False) -> None:
    """Show the state of each guard now: switch, heartbeats, parameters, limits, arming and more.

    Without a deployed stack it shows what this machine can know. Exits 3 when a guard says stop.
    Example: kalshi-alpha monitors --json
    """
    settings, clock = Settings.from_environment(os.environ), SystemClock()
    found = (
        deployed_monitors(Runtime(settings, clock))
        if settings.state_table
        else local_monitors(clock, load_registry(), load_sessions())
    )
    rows = [(m.guard, m.state, m.value, m.limit, m.sentence) for m in found]
    columns = ("Guard", "State", "Value", "Limit", "What it means")
    answer = {"mode": "deployed" if settings.state_table else "local", "monitors": _json(found)}
    emit(answer, as_json=as_json, table=table_of(f"Guards, {answer['mode']}", columns, rows))
    if any(m.state == "stop" for m in found):
        raise typer.Exit(3)


def _json(found: Sequence[Monitor]) -> list[dict[str, Any]]:
    return [monitor.to_json() for monitor in found]


def _run(
    clock: Clock,
    last: date,
    family: str,
    snap_to: str | None,
    *,
    force: bool,
    folder: Path,
    as_json: bool,
) -> None:
    if snap_to not in {None, "wait", "print"}:
        raise ConfigurationError(f"--snap-to {snap_to!r} is neither wait nor print")
    if family != INDEX:
        _release(clock, family, snap_to, as_json=as_json)
        return
    coming = _coming(clock, load_registry(), family)
    if snap_to == "print":
        _print_next(coming[0], as_json=as_json)
        return
    mine = [window for window in coming if window.day <= last]
    starts = coming[0].opens_at
    if clock.now() < starts and snap_to is None:
        if not force:
            raise WindowClosed(
                f"no {family} window is open: the next, {coming[0].window_id}, may start at "
                f"{starts.astimezone(NEW_YORK):%a %H:%M} New York time; --snap-to wait sleeps "
                "until then, --force scans a recorded one and says so"
            )
        _force(coming[0], folder, as_json=as_json)
        return
    if not mine:
        raise WindowClosed(
            f"no window is left until {last}: the next is {coming[0].window_id}; "
            "`kalshi-alpha run week --snap-to wait` waits until then"
        )
    _play(_one_a_fixing(mine), folder, clock, as_json=as_json)


def _release(clock: Clock, family: str, snap_to: str | None, *, as_json: bool) -> None:
    """Name the next window of a release by the venue's listing; only the stack can run it.

    Raises:
        ConfigurationError: when there is no such family, or anything but its name is asked for.
        WindowClosed: when none is listed.
    """
    trade(INDEX, MACRO)
    registry = load_registry()
    families = sorted({series.family for series in registry.series.values()} | {MACRO})
    if family not in families:
        raise ConfigurationError(
            f"the family {family!r} is not here: there is {', '.join(families)}"
        )
    if snap_to != "print":
        raise ConfigurationError(
            "a release is run by the deployed stack, whose planner and sources it needs; here "
            "--snap-to print names its next window, and `kalshi-alpha rehearse --family "
            f"{family}` plays a recorded one"
        )
    url = Settings.from_environment(os.environ).require("venue_url")
    with contextlib.closing(KalshiReader(url, clock)) as reader:
        listed = outlook(reader, registry, clock.now()).listed.values()
    mine = [
        one.window
        for one in listed
        if family == MACRO or registry.series[one.window.series[0]].family == family
    ]
    if not mine:
        raise WindowClosed(
            f"the venue lists no window of {family} within {HORIZON.days} days; "
            "`kalshi-alpha plan` shows what it lists, and what was left out and why"
        )
    _print_next(mine[0], as_json=as_json)


def _one_a_fixing(windows: Sequence[Window]) -> list[Window]:
    """Leave out a window whose fixing another one has: one process plays one at a time."""
    found: dict[str, Window] = {}
    for window in windows:
        first = found.setdefault(window.fixing.isoformat(), window)
        if first is not window:
            err.print(f"{window.window_id} is left out: {first.window_id} has the same fixing")
    return list(found.values())


def _coming(clock: Clock, registry: Registry, family: str) -> list[Window]:
    families = sorted({series.family for series in registry.series.values()})
    if family not in families:
        raise ConfigurationError(
            f"the family {family!r} is not here: there is {', '.join(families)}"
        )
    found = next_windows(clock.now(), registry, load_sessions(), 64)
    mine = [w for w in found if all(registry.series[s].family == family for s in w.series)]
    open_still = [window for window in mine if clock.now() < window.make_at]
    if not open_still:
        raise WindowClosed(f"the session table has no {family} window any more: generate it again")
    return open_still


def _print_next(window: Window, *, as_json: bool) -> None:
    start = window.opens_at.astimezone(NEW_YORK)
    answer = {
        "window_id": window.window_id,
        "may_start": start.isoformat(),
        "fixing": window.fixing.astimezone(NEW_YORK).isoformat(),
        "series": list(window.series),
    }
    said = f"{window.window_id} may start {start:%A %d %B %H:%M} New York time"
    emit(answer, as_json=as_json, table=said)


def _force(window: Window, folder: Path, *, as_json: bool) -> None:
    from kalshi_alpha.rehearsal.path import recorded_days  # noqa: PLC0415 - reads the recordings

    day = recorded_days()[-1]
    banner = (
        f"FORCED RUN (PAPER): outside every window, instead of {window.window_id}. Scanned on the "
        f"twin from the recorded day {day}; nothing here is today's market and nothing was placed."
    )
    _scan_recorded(window.group, folder, seed=1, banner=banner, report=True, as_json=as_json)


def _scan_recorded(
    group: str, folder: Path, *, seed: int, banner: str, report: bool, as_json: bool
) -> None:
    # moto and the twin take seconds to load: the other commands should not wait for them
    from kalshi_alpha.rehearsal.once import OfflineScan  # noqa: PLC0415
    from kalshi_alpha.rehearsal.path import recorded_days  # noqa: PLC0415

    day = recorded_days()[-1]
    place = folder / "run" / day.isoformat()
    shutil.rmtree(place, ignore_errors=True)
    (place / "artifacts").mkdir(parents=True)
    err.print(f"scanning a recorded window of {group} on the twin; it takes some twenty seconds")
    with (place / "functions.log").open("w") as log, contextlib.redirect_stdout(log):
        scanned = OfflineScan(day, group, place / "artifacts", seed=seed, banner=banner).scan()
    targets = scanned.found["plan"]["targets"]
    answer = {
        "banner": banner,
        "window_id": scanned.window.window_id,
        "day": day.isoformat(),
        "go": scanned.judged["go"],
        "reasons": scanned.judged["reasons"],
        "candidates": scanned.found["candidates"],
        "refused": scanned.found["refused"],
        "targets": targets,
        "folder": str(place),
    }
    rows = [
        (t["ticker"], t["side"], f"{t['price'] / 100:g}c", f"{t['ev'] / 1e4:.1f}c") for t in targets
    ]
    title = (
        f"{banner + ' ' if banner else ''}{scanned.window.window_id}: "
        f"{scanned.found['candidates']} candidates, {scanned.found['refused']} refused"
    )
    emit(answer, as_json=as_json, table=table_of(title, ("Market", "Side", "price", "EV"), rows))
    if report:
        _pages(folder, day, quiet=as_json)


def _play(windows: Sequence[Window], folder: Path, clock: Clock, *, as_json: bool) -> None:
    from kalshi_alpha.rehearsal.laptop import LaptopRun, Places  # noqa: PLC0415 - as above

    places = Places(**_places())
    days = sorted({window.day for window in windows})
    for day in days:
        mine = [window for window in windows if window.day == day]
        place = folder / "run" / day.isoformat()
        (place / "artifacts").mkdir(parents=True, exist_ok=True)
        for window in mine:
            err.print(
                f"{window.window_id} starts {window.prep_at.astimezone(NEW_YORK):%a %H:%M:%S}"
            )
        with (place / "functions.log").open("w") as log, contextlib.redirect_stdout(log):
            run = LaptopRun(mine, place / "artifacts", places, clock, progress=lambda _: None)
            result = run.run()
        rows = [(run.window.window_id, run.status, run.failure) for run in result.runs]
        answer = [dict(zip(("window_id", "status", "failure"), row, strict=True)) for row in rows]
        emit(answer, as_json=as_json, table=table_of(str(day), ("Window", "Status", "Why"), rows))
        _pages(folder, day, quiet=as_json)


def _places() -> dict[str, str]:
    """Return addresses and keys; raise ``ConfigurationError`` naming everything that is missing."""
    settings = Settings.from_environment(os.environ)
    missing = [f"KALSHI_ALPHA_{name.upper()}" for name in _PLACES if not getattr(settings, name)]
    found: dict[str, str] = {}
    readers: dict[str, Callable[[], str]] = {
        "KALSHI_API_KEY_ID": lambda: load_secret("KALSHI_API_KEY_ID").reveal(),
        "KALSHI_PRIVATE_KEY_PEM_PATH": lambda: load_private_key_pem().decode(),
        "MASSIVE_API_KEY": lambda: load_secret("MASSIVE_API_KEY").reveal(),
    }
    for name, read in readers.items():
        try:
            found[name] = read()
        except SecretError:
            missing.append(f"{name} ({_NEEDED[name]})")
    if missing:
        raise ConfigurationError(
            f"a run with the real venue needs {', '.join(missing)}; docs/runbooks/first-live.md "
            "says where each comes from, and `kalshi-alpha rehearse` needs none of them"
        )
    return {
        "venue": settings.venue_url,
        "venue_ws": settings.venue_ws_url,
        "key_id": found["KALSHI_API_KEY_ID"],
        "pem": found["KALSHI_PRIVATE_KEY_PEM_PATH"],
        "feed": settings.feed_url,
        "feed_ws": settings.feed_ws_url,
        "feed_key": found["MASSIVE_API_KEY"],
    }


def _pages(folder: Path, day: date, *, quiet: bool) -> None:
    from kalshi_alpha.cli.report import make_pages  # noqa: PLC0415 - as above

    try:
        pages = make_pages(folder, day)
    except DataError as error:
        err.print(str(error))
        return
    if not quiet:
        out.print(f"report   {folder / 'reports' / pages[0]}")
