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


def namespace(stage: str) -> str:
    """Return the namespace of a stage's metrics."""
    return f"KalshiAlpha/{stage}"


def unit(name: str) -> str:
    """Return the unit of a metric."""
    return UNITS.get(name, "Count")
