"""What a fresh interpreter holds after a statement: imports are judged where nothing else ran."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.conftest import ROOT

_ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "POWERTOOLS_SERVICE_NAME": "test",
    "POWERTOOLS_METRICS_NAMESPACE": "Test",
}


def modules_after(statement: str) -> set[str]:
    """Return the names of all modules that are loaded after ``statement``."""
    code = f"import json, sys; {statement}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | _ENVIRONMENT,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))
