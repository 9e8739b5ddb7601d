"""The metrics by name: what the functions emit and what the alarms and the dashboard read."""

from __future__ import annotations

from collections.abc import Mapping

# CloudWatch's words for the units; whatever is not named here is a count.
UNITS: Mapping[str, str] = {
    "Duration": "Milliseconds",
    "FeedLag": "Seconds",
    "FeedSilence": "Seconds",
    "HeartbeatAge": "Seconds",
    "PullLateness": "Seconds",
}

_CALLED = ("Duration", "Failures")
_QUOTES = (
    "Created", "Amended", "Canceled", "Kept", "Rejected", "Unknown", "Foreign", "Blocked",
    "StalePlans", "OverLimit", "Repeated", "Dropped", "Unsynced",
)  # fmt: skip

# Every metric by who emits it; each is billed, so a new one is added here on purpose.
EMITTED: Mapping[str, tuple[str, ...]] = {
    "start": (*_CALLED, "NoWindow"),
    "rollcall": (*_CALLED, "WindowMissing"),
    "preflight": (*_CALLED, "Go", "Refusals", "Shrunk", "KillSwitch", "LossStop", "ParametersAge"),
    "scan": (*_CALLED, "Candidates", "Refusals", "Targets"),
    "quote": (*_CALLED, *(f"Quotes{what}" for what in _QUOTES)),
    "cancel": (*_CALLED, "PullLateness", "PullAttempts", "RestingAfterPull"),
    "reconcile": (*_CALLED, "Fills", "LedgerDifference", "Contradictions", "FeeDifferences"),
    "planner": (*_CALLED, "Planned", "PlansCancelled", "PlansLeftOut"),
    "sources": (*_CALLED, "SourcesRead", "SourcesStale", "OldestSourceHours"),
    "sentry": ("HeartbeatAge", "FeedLag", "FeedSilence"),
    "day": (
        *_CALLED, "EvClaimed", "Realised", "EvDrift", "FillsPredicted", "FillsHad",
        "MinutesAtRisk", "Incidents", "Ready", "BinsOff", "LedgerLines", "LedgerDifferences",
        "Demoted",
    ),
}  # fmt: skip


# Emitted only where the families that wait for a release are traded.
OF_RELEASES = ("planner", "sources")

# Emitted by the process of a city group alone, where one is deployed.
OF_MOMENTUM = ("MomentumFrames", "MomentumStale", "MomentumWanted", "MomentumPulls")


def namespace(stage: str) -> str:
    """Return the namespace of a stage's metrics."""
    return f"KalshiAlpha/{stage}"


def unit(name: str) -> str:
    """Return the unit of a metric."""
    return UNITS.get(name, "Count")
