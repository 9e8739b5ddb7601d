"""Import CPU of each handler's module graph against a bare interpreter."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

HANDLERS = ("start", "preflight", "scan", "quote", "cancel", "reconcile")
ROUNDS = 5


def measure() -> list[tuple[str, str, list[tuple[float, float]]]]:
    """Return CPU milliseconds of a fresh process, handler and bare interpreter in turn."""
    rows: dict[str, list[tuple[float, float]]] = {name: [] for name in HANDLERS}
    for _ in range(ROUNDS):
        for name in HANDLERS:
            ours = _cpu(f"import functions.{name}.handler")
            rows[name].append((ours, _cpu("pass")))
    return [
        (f"import of the {name} handler / bare interpreter", "ms CPU", pairs)
        for name, pairs in rows.items()
    ]


def _cpu(code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        env=os.environ
        | {
            "POWERTOOLS_SERVICE_NAME": "bench",
            "POWERTOOLS_METRICS_NAMESPACE": "bench",
            "AWS_DEFAULT_REGION": "us-east-1",
        },
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return 1000 * used
