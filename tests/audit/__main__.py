"""Audit the dependencies: ``python -m tests.audit``. Needs no network.

Prints a line each for pins, licences and known weaknesses; the list of licences goes to
``out/licences.txt``. The exit code is 1 when something must be done.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.audit import licences, pins, weaknesses

ROOT = Path(__file__).resolve().parents[2]
LOCK = "requirements/dev.txt"
DEPLOYED = ("layers/core", "functions/_task", "functions/research")
# What stands apart in an environment of its own need not agree with the rest.
APART = "requirements/emulator.txt"
FILES = (LOCK, *(f"{folder}/requirements.txt" for folder in DEPLOYED), APART)


def audit(root: Path) -> tuple[list[str], list[str]]:
    """Return the lines to print and the problems among them."""
    texts = pins.read(root, FILES)
    locked = {name: pins.pins(text) for name, text in texts.items()}
    bad = [trouble for name, text in texts.items() for trouble in pins.problems(name, text)]
    missing = pins.unpinned((root / "pyproject.toml").read_text(encoding="utf-8"), locked[LOCK])
    bad += [
        f"{name} is a dependency in pyproject.toml and not pinned: make lock" for name in missing
    ]
    bad += pins.disagreements({n: p for n, p in locked.items() if n != APART}, LOCK)
    projects = {project for name, found in locked.items() if name != APART for project in found}
    lines = [f"pins: {len(projects)} projects in {len(FILES)} files, each version with hashes"]
    rows, unlicensed, absent = licences.listed(projects)
    lines.append(
        f"licences: {len(rows)} read, {len(unlicensed)} to look at; {len(absent)} are for other "
        "platforms and not installed here"
    )
    folder = root / "out"
    folder.mkdir(exist_ok=True)
    (folder / "licences.txt").write_text("".join(f"{n}: {t}\n" for n, t in rows), encoding="utf-8")
    asked = weaknesses.ask(root / LOCK)
    lines.append(asked.sentence)
    return lines, [*bad, *unlicensed, *asked.found]


def main() -> int:
    """Print the audit."""
    lines, problems = audit(ROOT)
    sys.stdout.write("\n".join([*lines, *(f"  {problem}" for problem in problems)]) + "\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
