"""``python -m tests.mutation --minutes 10 trading steps/pull``: break, test, and report.

Arguments name rooms or modules of the package. Mistakes are drawn in a seeded order, so that a
short run looks at all of the modules and two runs look at the same ones. The report goes to
``--out`` (``out/mutation.json``) and as text to standard output.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.mutation.running import PACKAGE, ROOT, nearest_tests, survives
from tests.mutation.sites import sites

SEED = 20251104
_FACTOR, _LEAST = 4.0, 15.0  # a mistake may make the tests this much slower before it is killed


@dataclass(frozen=True, slots=True)
class Outcome:
    """One mistake and what became of it."""

    module: str
    line: int
    kind: str
    what: str
    outcome: str


def modules(names: list[str]) -> list[Path]:
    """Return the files of rooms and modules, such as ``trading`` and ``steps/pull``."""
    found: list[Path] = []
    for name in names:
        place = PACKAGE / "kalshi_alpha" / name
        files = sorted(place.glob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
        missing = [file for file in files if not file.is_file()]
        if missing or not files:
            raise SystemExit(f"there is no room or module {name!r}")
        found += [file for file in files if file.name != "__init__.py"]
    return found


def look(files: list[Path], minutes: float) -> tuple[list[Outcome], int]:
    """Return what became of the mistakes there was time for, and how many there are in all."""
    import_slow_things()
    stop = time.monotonic() + 60 * minutes
    plans: dict[Path, tuple[list[Path], float]] = {}
    drawn: list[tuple[Path, int]] = []
    sources = {file: file.read_text(encoding="utf-8") for file in files}
    for file, source in sources.items():
        drawn += [(file, number) for number in range(len(sites(ast.parse(source))))]
    random.Random(SEED).shuffle(drawn)
    outcomes: list[Outcome] = []
    for file, number in drawn:
        if time.monotonic() > stop:
            break
        if file not in plans:
            plans[file] = _baseline(file)
        tests, seconds = plans[file]
        site = sites(ast.parse(sources[file]))[number]
        tried = survives(file, sources[file], number, tests, seconds) if tests else "no tests"
        name = f"{file.parent.name}/{file.stem}"
        outcomes.append(Outcome(name, site.line, site.kind, site.what, tried))
        if tried == "survived":
            sys.stdout.write(f"{name}:{site.line} {site.kind}: {site.what}\n")
            sys.stdout.flush()
    return outcomes, len(drawn)


def import_slow_things() -> None:
    """Import once, for all the processes, what is not ours."""
    for name in ("pytest", "hypothesis", "httpx", "msgspec", "cryptography", "boto3", "moto"):
        __import__(name)


def _baseline(file: Path) -> tuple[list[Path], float]:
    """Return a module's tests, found to pass as things are, and how long they may take."""
    tests = nearest_tests(file)
    started = time.monotonic()
    if tests and survives(file, "", None, tests, 300) != "survived":
        sys.stdout.write(f"{file.stem}: its own tests fail, so nothing can be said of it\n")
        return [], 0.0
    return tests, max(_LEAST, _FACTOR * (time.monotonic() - started))


def report(outcomes: list[Outcome], total: int) -> str:
    """Return the figures by module."""
    by_module: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        by_module.setdefault(outcome.module, Counter())[outcome.outcome] += 1
    lines = [f"{'module':28} {'tried':>6} {'killed':>7} {'survived':>9} {'share':>7}"]
    whole: Counter[str] = Counter()
    for name, counts in [*sorted(by_module.items()), ("all", whole)]:
        tried = sum(counts.values())
        killed = counts["killed"] + counts["timeout"]
        share = f"{killed / tried:.1%}" if tried else "-"
        lines.append(f"{name:28} {tried:6} {killed:7} {counts['survived']:9} {share:>7}")
        whole += counts
    return "\n".join([*lines, f"{len(outcomes)} of {total} possible mistakes were tried"])


def main() -> int:
    """Break, test, report."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("names", nargs="+", help="rooms or modules, as trading or steps/pull")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "mutation.json")
    chosen = parser.parse_args()
    outcomes, total = look(modules(chosen.names), chosen.minutes)
    out: Path = chosen.out
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps([asdict(o) for o in outcomes], indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(report(outcomes, total) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
