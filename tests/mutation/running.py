"""Run a module's nearest tests with one mistake in it, in a process of its own.

No file is touched: the mistake is compiled in place of the module when it is imported. Processes
are forked from one that has imported what is slow to import and nothing of ours.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

from tests.mutation.sites import broken

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "shared"
_MOST_FILES = 6
_OPTIONS = (
    *("-x", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "--hypothesis-profile=unshrunk"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # what was imported before the fork
)
_SLOW = ("bench", "rehearsal", "infra", "fuzz", "audit", "mutation")


class _Broken(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module, and gives it other code."""

    def __init__(self, name: str, path: Path, code: CodeType) -> None:
        self._name, self._path, self._code = name, path, code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)


def module_name(path: Path) -> str:
    """Return the dotted name of a file of the package."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def nearest_tests(path: Path) -> list[Path]:
    """Return the test files that import a module, those named after it and the small ones first."""
    name, room = path.stem, path.parent.name
    dotted = module_name(path)
    imports = (f"from {dotted} import", f"import {dotted}\n", f"from {dotted.rpartition('.')[0]} ")
    found = []
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        if file.relative_to(ROOT / "tests").parts[0] in _SLOW:
            continue
        text = file.read_text(encoding="utf-8")
        direct = imports[0] in text or imports[1] in text
        from_room = any(
            line.startswith(imports[2]) and name in line.replace(",", " ").split()
            for line in text.splitlines()
        )
        if direct or from_room:
            found.append((name not in file.stem, len(text), file))
    if not found:
        return sorted((ROOT / "tests" / "unit" / room).glob("test_*.py"))
    return [file for _, _, file in sorted(found)][:_MOST_FILES]


def survives(path: Path, source: str, number: int | None, tests: list[Path], seconds: float) -> str:
    """Return ``survived``, ``killed`` or ``timeout``; without a number nothing is broken."""
    child = os.fork()
    if child == 0:
        os._exit(_child(path, source, number, tests))
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return "survived" if status == 0 else "killed"
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "timeout"


def _child(path: Path, source: str, number: int | None, tests: list[Path]) -> int:
    os.setpgid(0, 0)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    try:
        if number is not None:
            code = compile(broken(source, number)[0], str(path), "exec")
            sys.meta_path.insert(0, _Broken(module_name(path), path, code))
        run: Callable[..., int] = __import__("pytest").main
        return int(run([*_OPTIONS, *map(str, tests)]))
    except BaseException:  # noqa: BLE001 - a module that cannot be imported has been noticed
        return 1
