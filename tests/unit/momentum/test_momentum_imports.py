"""The room is light, and the machine that trades indices does not know of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.conftest import ROOT

HEAVY = {"numpy", "scipy", "numba", "pandas", "pyarrow", "sklearn", "boto3", "aiohttp"}
ROOM = sorted(
    f"kalshi_alpha.momentum.{path.stem}"
    for path in (ROOT / "shared/kalshi_alpha/momentum").glob("[a-z]*.py")
)
HOT = ("start", "rollcall", "preflight", "scan", "quote", "cancel", "reconcile")


def loaded_by(*modules: str) -> set[str]:
    code = f"import json, sys, {', '.join(modules)}; print(json.dumps(sorted(sys.modules)))"
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
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_room_imports_nothing_heavy():
    loaded = loaded_by(*ROOM)

    assert set(ROOM) <= loaded
    assert not {name.partition(".")[0] for name in loaded} & HEAVY


def test_no_handler_of_the_index_windows_imports_the_room():
    loaded = loaded_by(*(f"functions.{name}.handler" for name in HOT))

    assert not {name for name in loaded if name.startswith("kalshi_alpha.momentum")}
