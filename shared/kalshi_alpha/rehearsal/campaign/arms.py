"""How each fault is armed: what it changes in a trial before it is played.

A fault draws when, how long and what exactly from the trial's own seed, so the same seed breaks the
same things. Times are the venue's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from kalshi_alpha.cloud.table import StoreError
from kalshi_alpha.pricing.fees import fee_terms
from kalshi_alpha.rehearsal.campaign import wires
from kalshi_alpha.rehearsal.campaign.seams import Actor, AwsSpell, Spell
from kalshi_alpha.rehearsal.campaign.trial import Failure, Kill, SentryPlan, Trial

Arm = Callable[[Trial, Random], None]

# How many seams a run of each function passes when nothing is broken, at the most.
SEAMS = {"start": 2, "preflight": 58, "scan": 86, "quote": 160, "cancel": 22, "reconcile": 230}
_WRITES, _LISTS = "/portfolio/events/orders", "/portfolio/orders"
_ROLES = ("start", "preflight", "scan", "quote", "cancel", "reconcile", "sentry")


# --- when ------------------------------------------------------------------------------------


def _after(trial: Trial, seconds: float) -> datetime:
    return trial.window.fixing + timedelta(seconds=seconds)


def _time(trial: Trial, rng: Random) -> tuple[datetime, datetime, float]:
    """Draw when it is broken and for which share: now and then, for a time, or around the pull."""
    phases = trial.window.phases
    early = -phases.prep if rng.random() < 0.15 else -phases.make
    match rng.randrange(4):
        case 0:
            return _after(trial, early), _after(trial, 400), rng.uniform(0.05, 0.4)
        case 1:
            begins = rng.uniform(early, -3)
            return _after(trial, begins), _after(trial, begins + rng.uniform(1, 60)), 1.0
        case 2:
            ends = rng.choice((-2.0, -1.0, 0.5, 30.0, 150.0))
            return _after(trial, rng.uniform(-27, -2.1)), _after(trial, ends), 1.0
        case _:
            begins = rng.uniform(-trial.window.phases.make, 150)
            return _after(trial, begins), _after(trial, begins + rng.uniform(5, 40)), 0.7


def _moment(trial: Trial, rng: Random) -> datetime:
    return _after(trial, rng.uniform(-trial.window.phases.make, -1))


# --- the wire --------------------------------------------------------------------------------


def wire(make: Callable[[Trial, Random], Actor], *, method: str = "", path: str = "") -> Arm:
    """Return what breaks requests for a time: drawn ones, or those of ``method`` and ``path``."""

    def arm(trial: Trial, rng: Random) -> None:
        begins, ends, share = _time(trial, rng)
        where = path or rng.choice(("", "", _WRITES, _LISTS))
        how = method or rng.choice(("", "", "GET", "POST", "DELETE"))
        trial.wire.spells.append(Spell(begins, ends, make(trial, rng), share, how, where))

    return arm


def wire_always(actor: Actor) -> Arm:
    """Return what breaks requests for a time, in the same way each time."""
    return wire(lambda _trial, _rng: actor)


def lagging(trial: Trial, rng: Random) -> None:
    """Let the venue's lists lag."""
    lag = wires.Lagging(rng.uniform(0.3, 5.0))
    trial.world.engine.listeners.append(lag)
    ends = _after(trial, rng.choice((0.0, 90.0, 150.0)))
    trial.wire.spells.append(Spell(_after(trial, -200), ends, lag.act))


def raced(trial: Trial, rng: Random) -> None:
    """Let our quotes be taken just before each cancel and amend."""
    appetite = rng.uniform(0.3, 1.0)

    def hunt() -> None:
        trial.world.hunter.step(appetite)

    act = wires.raced(hunt)
    for method in ("DELETE", "PUT"):
        trial.wire.spells.append(Spell(_after(trial, -200), _after(trial, 60), act, method=method))
    trial.wire.spells.append(
        Spell(_after(trial, -200), _after(trial, 60), act, method="POST", path="/amend")
    )


# --- the venue -------------------------------------------------------------------------------


def halt(trial: Trial, rng: Random) -> None:
    """Stop the taking of orders for a time."""
    begins, ends, _ = _time(trial, rng)
    trial.clock.at(begins, trial.world.engine.halt_trading)
    trial.clock.at(ends, trial.world.engine.resume_trading)


def down(trial: Trial, rng: Random) -> None:
    """Take the exchange down for a time."""
    begins = rng.uniform(-110, -3)
    engine = trial.world.engine

    def turn(*, on: bool) -> Callable[[], None]:
        return lambda: setattr(engine, "exchange_active", on)

    trial.clock.at(_after(trial, begins), turn(on=False))
    trial.clock.at(_after(trial, begins + rng.uniform(2, 90)), turn(on=True))


def pause(trial: Trial, rng: Random) -> None:
    """Pause the markets for a time."""
    begins, ends, _ = _time(trial, rng)
    engine = trial.world.engine

    def each(action: Callable[[Any], None]) -> Callable[[], None]:
        def act() -> None:
            for market in engine.markets.values():
                if engine.clock.now() < market.close_at:
                    action(market)

        return act

    trial.clock.at(begins, each(engine.pause))
    trial.clock.at(ends, each(engine.resume))


def closes_early(trial: Trial, rng: Random) -> None:
    """Move the close ahead, with or without warning."""
    says, closes = sorted(rng.uniform(-110, -1) for _ in range(2))
    engine = trial.world.engine

    def act() -> None:
        for market in engine.markets.values():
            engine.move_close(market, _after(trial, max(closes, says + 0.5)))

    trial.clock.at(_after(trial, says), act)


def grid(trial: Trial, rng: Random) -> None:
    """Change the tick grid at some moment."""
    step = rng.choice(("0.0010", "0.0200", "0.0500"))
    engine = trial.world.engine

    def act() -> None:
        for market in engine.markets.values():
            engine.regrid(market, "changed", [{"start": "0.0000", "end": "1.0000", "step": step}])

    trial.clock.at(_moment(trial, rng), act)


def fees(trial: Trial, rng: Random) -> None:
    """Change the fees at some moment."""
    terms = fee_terms("quadratic_with_maker_fees", rng.choice(("0.5", "2", "4")))
    engine = trial.world.engine

    def act() -> None:
        for event in {market.event_ticker for market in engine.markets.values()}:
            engine.override_fees(event, terms)

    trial.clock.at(_moment(trial, rng), act)


def no_expiry(trial: Trial, rng: Random) -> None:
    """Let the venue forget every expiry."""
    del rng
    setattr(trial.world.engine, "_plan_expiry", lambda _: None)  # noqa: B010 - a venue's lapse


def hungry(trial: Trial, rng: Random) -> None:
    """Let almost every quote be taken."""
    trial.world.hunter.appetite = rng.uniform(0.7, 1.0)


# --- sockets ---------------------------------------------------------------------------------


def socket(**what: Any) -> Arm:
    """Return what strikes the venue's socket at some moments; ``lose`` is drawn up to its value."""

    def arm(trial: Trial, rng: Random) -> None:
        faults = trial.world.exchange.faults
        drawn = {"ws": {k: rng.randint(1, v) if k == "lose" else v for k, v in what.items()}}
        for _ in range(rng.randint(1, 4)):
            trial.clock.at(_moment(trial, rng), lambda: faults.arm(drawn))

    return arm


def feed_off(trial: Trial, rng: Random) -> None:
    """Silence the index feed for a time."""
    begins, ends, _ = _time(trial, rng)
    feed = trial.world.feed
    trial.clock.at(begins, lambda: setattr(feed, "silent", True))
    trial.clock.at(ends, lambda: setattr(feed, "silent", False))


def feed_late(low: float, high: float) -> Arm:
    """Return what makes the index feed late by so many seconds for a time."""

    def arm(trial: Trial, rng: Random) -> None:
        begins, ends, _ = _time(trial, rng)
        feed, late = trial.world.feed, rng.uniform(low, high)
        trial.clock.at(begins, lambda: setattr(feed, "delay_s", late))
        trial.clock.at(ends, lambda: setattr(feed, "delay_s", 0.0))

    return arm


def feed_closed(trial: Trial, rng: Random) -> None:
    """Close the index feed's connections at some moments."""
    for _ in range(rng.randint(1, 3)):
        code = rng.choice((1000, 1001, 1006, 1008, 1011))
        trial.clock.at(_moment(trial, rng), partial(_close, trial, code))


def _close(trial: Trial, code: int) -> None:
    trial.world.begin(trial.world.feed.close_with(code))


def jump(trial: Trial, rng: Random) -> None:
    """Let the index jump."""
    begins = _moment(trial, rng)
    ends = begins + timedelta(seconds=rng.choice((1.0, 5.0, 600.0)))
    factor = 1 + rng.choice((-1, 1)) * rng.choice((0.0005, 0.002, 0.03, 0.5))
    for path in trial.world.paths.values():
        path.factor_from = (begins, ends, factor)


def frozen(trial: Trial, rng: Random) -> None:
    """Let the index stand still from some moment on."""
    begins = _moment(trial, rng)
    for path in trial.world.paths.values():
        path.frozen_from = begins


# --- clocks ----------------------------------------------------------------------------------


def clock_off(low: float, high: float) -> Arm:
    """Return what sets the clocks of some functions wrong by so many seconds."""

    def arm(trial: Trial, rng: Random) -> None:
        roles = rng.choice((_ROLES, ("cancel",), ("sentry",), ("quote",), ("cancel", "sentry")))
        for role in roles:
            trial.skews[role] = (rng.uniform(low, high), ())

    return arm


def clock_steps(trial: Trial, rng: Random) -> None:
    """Step the clock of each function at some moment."""
    for role in _ROLES:
        step = rng.choice((-1, 1)) * rng.uniform(0.3, 5.0)
        trial.skews[role] = (0.0, ((_moment(trial, rng), step),))


# --- functions -------------------------------------------------------------------------------


def killed(function: str) -> Arm:
    """Return what kills a run of a function, or two, at a drawn seam."""

    def arm(trial: Trial, rng: Random) -> None:
        nth = rng.randint(1, 4) if function in {"scan", "quote", "reconcile"} else 1
        for run in range(nth, nth + rng.choice((1, 1, 2))):
            trial.kills.append(Kill(function, run, rng.randint(1, SEAMS[function])))

    return arm


def failed(function: str) -> Arm:
    """Return what keeps a function from being run some times."""

    def arm(trial: Trial, rng: Random) -> None:
        error = rng.choice(
            ("Lambda.ServiceException", "Lambda.TooManyRequestsException", "Lambda.Unknown")
        )
        trial.failures.append(
            Failure(function, error, rng.choice((1, 2, 3, 9)), rng.choice((0, 1)))
        )

    return arm


def no_sentry(trial: Trial, rng: Random) -> None:
    """Start it only in time for preflight to say GO, and kill it for good soon after."""
    if rng.random() < 0.3 or not trial.sentries:
        trial.sentries = []
        return
    dies = _after(trial, rng.uniform(-trial.window.phases.make, -30))
    trial.sentries = [SentryPlan(trial.sentries[0].starts, dies, again=False)]


def sentry_killed(trial: Trial, rng: Random) -> None:
    """Kill the sentry once, if another fault has left one."""
    dies = _after(trial, rng.uniform(-trial.window.phases.prep, -0.5))
    for first in trial.sentries[:1]:
        first.dies = dies


def two_sentries(trial: Trial, rng: Random) -> None:
    """Start a second sentry at some moment."""
    starts = _after(trial, rng.uniform(-trial.window.phases.prep, -5))
    trial.sentries.append(SentryPlan(starts))


# --- AWS -------------------------------------------------------------------------------------


def _refused(code: str, operation: str, **more: Any) -> Exception:
    reply: Any = {"Error": {"Code": code, "Message": code}, **more}
    error: Exception = ClientError(reply, operation)
    return error


def refusal(code: str) -> Callable[[str], Exception]:
    """Return the error of a service that refuses with a code."""
    return partial(_refused, code)


def conflict(operation: str) -> Exception:
    """Return the error of a transaction that met another."""
    reasons = [{"Code": "TransactionConflict"}] * 8
    return _refused("TransactionCanceledException", operation, CancellationReasons=reasons)


def no_answer(operation: str) -> Exception:
    """Return the error of an answer that did not come."""
    error: Exception = ReadTimeoutError(endpoint_url=operation)
    return error


def no_connection(operation: str) -> Exception:
    """Return the error of a service that cannot be reached."""
    error: Exception = ConnectTimeoutError(endpoint_url=operation)
    return error


def aws(service: str, error: Callable[[str], Exception], **more: Any) -> Arm:
    """Return what breaks a service's calls for a time."""

    def arm(trial: Trial, rng: Random) -> None:
        begins, ends, share = _time(trial, rng)
        trial.cloud.spells.append(AwsSpell(begins, ends, service, error, share, **more))

    return arm


def bucket(operation: str) -> Exception:
    """Return the error of a bucket that does not answer."""
    return StoreError(f"the bucket does not answer {operation}")


def kill_switch(trial: Trial, rng: Random) -> None:
    """Throw the kill-switch at some moment."""
    trial.kill_switch_at = _after(trial, rng.uniform(-trial.window.phases.make, -0.5))


def expiry_only(trial: Trial, rng: Random) -> None:
    """Leave nothing of ours at work from the last quotes on until the market has closed."""
    down = _after(trial, rng.uniform(-13.0, -3.0))
    trial.failures.append(Failure("cancel", "Lambda.ServiceException", 99))
    trial.sentries = [SentryPlan(s.starts, down, again=False) for s in trial.sentries[:1]]
    trial.wire.spells.append(Spell(down, _after(trial, 5), wires.refused))
    trial.world.hunter.appetite = 0.05
