from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

HEAVY = {"numpy", "scipy", "pandas", "pyarrow", "numba", "matplotlib", "aiohttp", "moto"}


@pytest.mark.parametrize(
    "name", ["start", "rollcall", "preflight", "scan", "quote", "cancel", "reconcile"]
)
def test_a_hot_handler_imports_nothing_heavy(name: str) -> None:
    code = f"import json, sys, functions.{name}.handler; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ
        | {
            "AWS_DEFAULT_REGION": "us-east-1",
            "POWERTOOLS_SERVICE_NAME": "test",
            "POWERTOOLS_METRICS_NAMESPACE": "Test",
        },
    )
    loaded = {module.partition(".")[0] for module in json.loads(done.stdout.splitlines()[-1])}

    assert not loaded & HEAVY


@pytest.mark.parametrize(
    "name",
    ["rollcall", "preflight", "scan", "cancel", "reconcile", "start", "planner", "sources"],
)
def test_only_the_quote_handler_holds_code_that_places(name: str) -> None:
    code = (
        f"import sys, functions.{name}.handler; "
        "print('kalshi_alpha.venues.kalshi.trader' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"AWS_DEFAULT_REGION": "us-east-1"},
    )

    assert done.stdout.splitlines()[-1] == "False"
