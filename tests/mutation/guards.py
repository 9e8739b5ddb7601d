"""``python -m tests.mutation.guards``: remove each guard of docs/GUARDS.md and see its test fail.

Each removal of ``guards.toml`` is made in a copy of the checkout, whatever the file, and the tests
that the guard's row names are run there: without it they must fail, and with it pass. A rehearsal
takes minutes, so it is run only where a row names nothing else. The exit code is 1 when a guard
went unmissed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REMOVALS = Path(__file__).with_name("guards.toml")
PAGE = ROOT / "docs" / "GUARDS.md"
_LEFT = (".git", ".venv", "out", "cdk.out", "__pycache__", ".*_cache", ".hypothesis")
_TEST = re.compile(r"`(tests/[\w/]+\.py::\w+)`")
_ROW = re.compile(r"^\| (\d+) \| (.+?) \|")
_SECONDS = 240.0


@dataclass(frozen=True, slots=True)
class Removal:
    """One guard gone: what stands for it in ``file``, and what is left."""

    number: int
    file: str
    find: str
    replace: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What its tests said without a guard: ``failed``, ``timeout``, ``passed`` or ``broken``."""

    number: int
    outcome: str
    tests: tuple[str, ...]
    seconds: float


def removals() -> tuple[Removal, ...]:
    """Return the list, by number."""
    found = tomllib.loads(REMOVALS.read_text(encoding="utf-8"))["guard"]
    return tuple(sorted((Removal(**entry) for entry in found), key=lambda one: one.number))


def named_tests() -> dict[int, tuple[str, ...]]:
    """Return the tests that each row names."""
    rows = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if found := _ROW.match(line):
            rows[int(found[1])] = tuple(_TEST.findall(line))
    return rows


def quick(tests: Sequence[str]) -> tuple[str, ...]:
    """Leave rehearsals out where there is something else."""
    short = tuple(test for test in tests if not test.startswith("tests/rehearsal/"))
    return short or tuple(tests)


@contextmanager
def copied() -> Iterator[Path]:
    """Copy the checkout to where it may be broken."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*_LEFT))
        yield copy


def seen(copy: Path, removal: Removal, tests: Sequence[str]) -> Seen:
    """Remove one guard, run its tests, and put it back."""
    file = copy / removal.file
    whole = file.read_text(encoding="utf-8")
    file.write_text(whole.replace(removal.find, removal.replace), encoding="utf-8")
    started = time.monotonic()
    try:
        outcome = run(copy, tests)
    finally:
        file.write_text(whole, encoding="utf-8")
    return Seen(removal.number, outcome, tuple(tests), round(time.monotonic() - started, 1))


def run(copy: Path, tests: Sequence[str]) -> str:
    """Run tests of the copy and say how it went."""
    data = os.environ.get("KALSHI_ALPHA_DATA", str(ROOT.parent / "shared" / "data"))
    environment = os.environ | {
        "PYTHONPATH": str(copy / "shared"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "KALSHI_ALPHA_DATA": data,
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:xdist"]
    command += ["-p", "no:cacheprovider", "--hypothesis-profile=unshrunk", *tests]
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "timeout"
    return {0: "passed", 1: "failed"}.get(done.returncode, "broken")


def main() -> int:
    """Remove, test, report."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.guards")
    parser.add_argument("numbers", nargs="*", type=int, help="guards; all when none is named")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "guards.json")
    chosen = parser.parse_args()
    named, found = named_tests(), []
    with copied() as copy:
        for removal in removals():
            if chosen.numbers and removal.number not in chosen.numbers:
                continue
            found.append(seen(copy, removal, quick(named[removal.number])))
            sys.stdout.write(f"{found[-1].number:4} {found[-1].outcome:8} {found[-1].seconds}\n")
            sys.stdout.flush()
        whole = run(copy, sorted({test for one in found for test in one.tests}))
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    document = {"whole": whole, "removed": [asdict(one) for one in found]}
    chosen.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    unmissed = [one.number for one in found if one.outcome not in {"failed", "timeout"}]
    left = sorted(named.keys() - {removal.number for removal in removals()})
    sys.stdout.write(
        f"{len(found)} guards removed, {len(found) - len(unmissed)} missed by their tests; with "
        f"all in place the tests {whole}; no removal is listed for {left or 'no other'}\n"
    )
    return int(bool(unmissed) or whole != "passed")


if __name__ == "__main__":
    sys.exit(main())
