"""A peer that plays in an interpreter of its own, a round for each line it is sent."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Peer:
    """A running peer."""

    process: subprocess.Popen[str]

    def ask(self, command: str) -> Any:
        """Return (seconds, results) of one round."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"the peer {self.process.args} ended: {command}")
        return json.loads(answer)


@contextmanager
def peer(interpreter: str, module: str) -> Iterator[Peer]:
    """Run ``module serve`` in another interpreter."""
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        [interpreter, "-m", module, "serve"],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Peer(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
