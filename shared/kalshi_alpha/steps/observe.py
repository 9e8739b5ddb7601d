"""Log lines and metrics of the functions: one JSON line a call, and its counts as EMF.

Metrics leave as log lines in CloudWatch's embedded format, so the hot path makes no call for them.
They carry one dimension, the step; the window id travels along as metadata, for a dimension each
window would be billed as a metric each window.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

from kalshi_alpha.cloud.metrics import namespace, unit
from kalshi_alpha.errors import DataError
from kalshi_alpha.steps.redaction import redact
from kalshi_alpha.steps.runtime import Runtime, current

Run = Callable[[Mapping[str, Any], Runtime], dict[str, Any]]
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


class _Output:
    """A text stream that can be pointed elsewhere while loggers hold on to it."""

    def __init__(self) -> None:
        self.target: TextIO | None = None

    def write(self, text: str) -> int:
        """Write to the target, or to what standard output is at this moment."""
        return (self.target or sys.stdout).write(text)

    def flush(self) -> None:
        """Flush the target."""
        (self.target or sys.stdout).flush()


_output = _Output()


def send_to(stream: TextIO | None) -> None:
    """Write log lines and metrics to ``stream`` from now on; None is standard output again."""
    _output.target = stream


def step_logger(step: str) -> Logger:
    """Return the structured logger of a step."""
    return Logger(service=step, stream=_output, utc=True, use_rfc3339=True)  # type: ignore[arg-type]


def emit(step: str, stage: str, values: Mapping[str, float], **metadata: str) -> None:
    """Write ``values`` as one line of CloudWatch's embedded metric format."""
    if not values:
        return
    # The shared Metrics class keeps its values on the class, and two branches may run at once.
    metrics = EphemeralMetrics(namespace=namespace(stage), service=step)
    for name, value in values.items():
        metrics.add_metric(name=name, unit=unit(name), value=value)
    for key, text in metadata.items():
        metrics.add_metadata(key=key, value=text)
    _output.write(json.dumps(metrics.serialize_metric_set()) + "\n")
    _output.flush()


def observed(step: str, run: Run) -> Handler:
    """Return the Lambda handler of a step: call ``run``, log one line, emit its metrics.

    ``run`` may put ``"metrics": {name: number}`` into its result; they are emitted, not returned.
    An error is logged and raised again unchanged: the state machine matches on its class name.
    """
    logger = step_logger(step)

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        runtime = current()
        started = time.perf_counter()
        known = {"window_id": _window_id(event), "request_id": _request_id(context)}
        try:
            result = dict(run(_request(step, event), runtime))
        except Exception as error:
            trouble = {
                "error": type(error).__name__,
                "reason": redact(str(error)),
                "trace": redact(traceback.format_exc()),
            }
            logger.error("failed", extra=known | trouble)  # noqa: TRY400 - its trace is redacted
            emit(step, runtime.settings.stage, {"Failures": 1}, **known)
            raise
        metrics = result.pop("metrics", {}) | {"Duration": _milliseconds_since(started)}
        logger.info("done", extra=known | {"counts": metrics, "result": redact(result)})
        emit(step, runtime.settings.stage, metrics, window_id=known["window_id"])
        return result

    return handler


def _request(step: str, event: Any) -> Mapping[str, Any]:
    if not isinstance(event, Mapping):
        raise DataError(
            f"{step} was called with a {type(event).__name__}; it takes a JSON object as the state "
            "machine and the schedules send it"
        )
    return _Request(step, event)


class _Request(dict[str, Any]):
    """An event that says by name what it lacks."""

    def __init__(self, step: str, event: Mapping[str, Any]) -> None:
        super().__init__(event)
        self._step = step

    def __missing__(self, key: str) -> Any:
        raise DataError(
            f"{self._step} was called without {key!r}; the state machine and the schedules send it"
        )


def _window_id(event: Any) -> str:
    return str(event.get("window_id", "")) if isinstance(event, Mapping) else ""


def _request_id(context: Any) -> str:
    return str(getattr(context, "aws_request_id", ""))


def _milliseconds_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
