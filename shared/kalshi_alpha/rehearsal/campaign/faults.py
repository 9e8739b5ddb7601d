"""The faults by name: where each strikes, what it does, and how it is armed."""

from __future__ import annotations

from dataclasses import dataclass

from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.rehearsal.campaign import arms, wires

EXPIRY_ONLY = "expiry-only"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that can be broken."""

    name: str
    place: str
    says: str
    arm: arms.Arm


def known() -> dict[str, Fault]:
    """Return every fault by name, in the order of the report."""
    return {fault.name: fault for fault in _all()}


def chosen(names: str) -> tuple[str, ...]:
    """Return the names in ``all``, ``none`` or a list with commas; raise on an unknown one."""
    if names == "none":
        return ()
    found = tuple(known())
    if names == "all":
        return found
    wanted = tuple(name.strip() for name in names.split(","))
    for name in wanted:
        if name not in found:
            raise ConfigurationError(
                f"there is no fault {name!r}; known are all, none, {', '.join(found)}"
            )
    return wanted


def _all() -> tuple[Fault, ...]:
    wire, venue, socket, feed = "wire", "venue", "venue socket", "index feed"
    clock, function, sentry, aws = "our clocks", "functions", "sentry", "AWS"
    codes = (
        (400, "invalid_order"),
        (401, "token_authentication_failure"),
        (403, "insufficient_scope"),
        (409, "order_already_exists"),
        (410, "gone"),
        (429, "too_many_requests"),
        (500, "internal_server_error"),
        (503, "service_unavailable"),
    )
    return (
        Fault("request-lost", wire, "never arrives", arms.wire_always(wires.lost)),
        Fault("reply-lost", wire, "done, but unanswered", arms.wire_always(wires.reply_lost)),
        Fault("cut-after", wire, "done, then the connection is cut", arms.wire_always(wires.cut)),
        Fault("refused", wire, "no connection", arms.wire_always(wires.refused)),
        Fault("doubled", wire, "arrives twice", arms.wire(lambda _, rng: wires.doubled(rng))),
        Fault(
            "delayed", wire, "arrives up to 5 s late, perhaps after we have given up",
            arms.wire(lambda t, rng: wires.delayed(rng, 5.0, t.threads.Thread)),
        ),
        Fault(
            "reordered", wire, "overtaken by what was sent later",
            arms.wire(lambda t, rng: wires.delayed(rng, 1.0, t.threads.Thread)),
        ),
        *(
            Fault(f"answer-{s}", wire, f"answered {s} {c}", arms.wire_always(wires.answered(s, c)))
            for s, c in codes
        ),
        Fault(
            "500-but-done", wire, "answered 500, and done all the same",
            arms.wire_always(wires.answered(500, "internal_server_error", after=True)),
        ),
        Fault("garbled", wire, "its body is cut", arms.wire(lambda _, r: wires.garbled(r))),
        Fault("misordered", wire, "answers in another order", arms.wire_always(wires.misordered)),
        Fault("rest-lags", venue, "orders and fills are listed up to 5 s late", arms.lagging),
        Fault("cancel-raced", venue, "fills just before each cancel and amend", arms.raced),
        Fault("hungry", venue, "almost every quote is taken, whole or in part", arms.hungry),
        Fault("trading-paused", venue, "no orders are taken for a time", arms.halt),
        Fault("exchange-down", venue, "neither orders nor cancels are taken", arms.down),
        Fault("market-paused", venue, "markets pause, and empty when they resume", arms.pause),
        Fault("closed-early", venue, "the markets close before their time", arms.closes_early),
        Fault("grid-changed", venue, "prices are suddenly off the grid", arms.grid),
        Fault("fee-changed", venue, "fees change while orders rest", arms.fees),
        Fault("no-expiry", venue, "the venue forgets expiration_time", arms.no_expiry),
        Fault("socket-cut", socket, "the connection is cut", arms.socket(cut=True)),
        Fault("socket-gap", socket, "messages go missing", arms.socket(lose=10)),
        Fault("socket-overflow", socket, "subscriptions are dropped", arms.socket(overflow=True)),
        Fault("socket-silent", socket, "nothing comes any more", arms.socket(lose=1_000_000)),
        Fault("feed-silent", feed, "no values for a time", arms.feed_off),
        Fault("feed-lagged", feed, "values seconds late", arms.feed_late(0.8, 8.0)),
        Fault("feed-delayed", feed, "the delayed plan: 15 minutes late", arms.feed_late(900, 900)),
        Fault("feed-closed", feed, "closed with 1000, 1001, 1006, 1008 or 1011", arms.feed_closed),
        Fault("index-jumps", feed, "the index jumps, for a second or for good", arms.jump),
        Fault("index-frozen", feed, "the index stands still", arms.frozen),
        Fault("clock-behind", clock, "up to 5 s behind", arms.clock_off(-5.0, -0.3)),
        Fault("clock-ahead", clock, "up to 5 s ahead", arms.clock_off(0.3, 5.0)),
        Fault("clock-steps", clock, "stepped by up to 5 s", arms.clock_steps),
        *(
            Fault(f"{name}-killed", function, "dies before or after a call", arms.killed(name))
            for name in arms.SEAMS
        ),
        *(
            Fault(f"{name}-fails", function, "the platform does not run it", arms.failed(name))
            for name in ("preflight", "scan", "quote", "cancel", "reconcile")
        ),
        Fault("no-sentry", sentry, "never started, or gone for good", arms.no_sentry),
        Fault(
            EXPIRY_ONLY, sentry, "cancel, sentry and network all gone: only the expiry is left",
            arms.expiry_only,
        ),
        Fault("sentry-killed", sentry, "dies and is restarted", arms.sentry_killed),
        Fault("two-sentries", sentry, "a second one is started", arms.two_sentries),
        Fault(
            "table-throttled", aws, "DynamoDB throttles",
            arms.aws("dynamodb", arms.refusal("ProvisionedThroughputExceededException")),
        ),
        Fault("table-silent", aws, "DynamoDB does it and does not answer",
              arms.aws("dynamodb", arms.no_answer, after=True, delay_s=5.0)),
        Fault("table-away", aws, "DynamoDB cannot be reached",
              arms.aws("dynamodb", arms.no_connection, delay_s=2.0)),
        Fault("table-conflict", aws, "transactions are refused for a conflict",
              arms.aws("dynamodb", arms.conflict, operation="transact")),
        Fault("table-repeats", aws, "a write is repeated by the client and finds itself",
              arms.aws("dynamodb", arms.refusal("ConditionalCheckFailedException"), after=True,
                   operation="put_item", once_only=True)),
        Fault("secrets-away", aws, "Secrets Manager is down",
              arms.aws("secretsmanager", arms.refusal("InternalServiceError"))),
        Fault("bucket-away", aws, "S3 is down", arms.aws("s3", arms.bucket)),
        Fault("kill-switch", "operator", "thrown at a random instant", arms.kill_switch),
    )  # fmt: skip
