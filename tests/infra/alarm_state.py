"""What CloudWatch would say of an alarm, from its template and the metrics of its last periods.

After the documentation of alarm evaluation: of the last N periods M must breach, a missing one
counts as the alarm says. No emulator does this, so the rule is written out here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_COMPARE = {"GreaterThanThreshold": lambda value, limit: value > limit}
Point = Mapping[str, float]


def read(alarm: Mapping[str, Any]) -> list[str]:
    """Return the names of the metrics that an alarm reads."""
    if "MetricName" in alarm:
        return [alarm["MetricName"]]
    stats = [m for m in alarm["Metrics"] if "MetricStat" in m]
    return [m["MetricStat"]["Metric"]["MetricName"] for m in stats]


def in_alarm(alarm: Mapping[str, Any], points: Sequence[Point]) -> bool:
    """Say whether the alarm rings after ``points``, one a period, each the metrics by name."""
    compare = _COMPARE[alarm["ComparisonOperator"]]
    periods = alarm["EvaluationPeriods"]
    assert len(points) == periods
    breaching = 0
    for point in points:
        value = _value(alarm, point)
        if value is None:
            breaching += alarm["TreatMissingData"] == "breaching"
        else:
            breaching += compare(value, alarm["Threshold"])
    return breaching >= alarm.get("DatapointsToAlarm", periods)


def _value(alarm: Mapping[str, Any], point: Point) -> float | None:
    if "MetricName" in alarm:
        return point.get(alarm["MetricName"])
    stats = {
        m["Id"]: m["MetricStat"]["Metric"]["MetricName"]
        for m in alarm["Metrics"]
        if "MetricStat" in m
    }
    values = {name: point[metric] for name, metric in stats.items() if metric in point}
    expressions = [m["Expression"] for m in alarm["Metrics"] if "Expression" in m]
    if not values:
        return None
    if not expressions:
        (value,) = values.values()
        return value
    (expression,) = expressions
    if expression == "SUM(METRICS())":
        return sum(values.values())
    inner = expression.removeprefix("ABS(").removesuffix(")")
    assert expression == f"ABS({inner})"
    return abs(values[inner])
