"""Known weaknesses of the pinned versions, asked of whatever service pip-audit is set up for.

No answer is no failure: a laptop on a train must be able to check. It is said that nobody was
asked, so that silence is never taken for a clean bill.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 90


@dataclass(frozen=True, slots=True)
class Asked:
    """What the service said: ``sentence`` for a person, ``found`` one line a weakness."""

    sentence: str
    found: tuple[str, ...] = ()


def ask(requirements: Path, program: str | None = None) -> Asked:
    """Ask about the versions of a requirement file."""
    program = program or shutil.which("pip-audit")
    if program is None:
        return Asked("weaknesses: nobody was asked, for pip-audit is not installed")
    command = [program, "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
    try:
        answer = subprocess.run(
            [*command, "--format", "json", "--requirement", str(requirements)],
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
        listed = json.loads(answer.stdout)["dependencies"]
        found = tuple(
            f"{one['name']} {one['version']}: {hole['id']}, fixed in "
            f"{', '.join(hole.get('fix_versions') or ()) or 'no version yet'}"
            for one in listed
            for hole in one.get("vulns", ())
        )
    except (subprocess.TimeoutExpired, OSError, ValueError, KeyError, TypeError):
        return Asked("weaknesses: nobody was asked, for no vulnerability service answered")
    if not listed:
        return Asked("weaknesses: nobody was asked, for the answer names no package")
    return Asked(f"weaknesses: {len(found)} known in {len(listed)} packages", found)
