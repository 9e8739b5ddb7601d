"""Requirement files: every line one exact version with hashes, and no address of any kind."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

_PIN = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[a-z0-9,_-]+\])?==(?P<version>[0-9][\w.+!-]*)"
    r"(?:\s*;\s*[^\\#]+?)?(?P<hashes>(?:\s+--hash=sha256:[0-9a-f]{64})+)",
    re.ASCII,
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)


def canonical(name: str) -> str:
    """Return a project's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def entries(text: str) -> Iterator[str]:
    """Yield the requirements of a file, each joined to one line, without comments."""
    joined = re.sub(r"\\\n", " ", text)
    for line in joined.splitlines():
        bare = line.partition(" #")[0].strip()
        if bare and not bare.startswith("#"):
            yield bare


def problems(name: str, text: str) -> Iterator[str]:
    """Yield a sentence for each line that is not one exact, hashed version."""
    seen: dict[str, str] = {}
    for entry in entries(text):
        found = _PIN.fullmatch(entry)
        if found is None:
            yield f"{name}: {entry[:60]!r} is not NAME==VERSION with sha256 hashes"
            continue
        project = canonical(found["name"])
        if project in seen and ";" not in entry:
            yield f"{name}: {project} is pinned twice"
        seen[project] = found["version"]


def pins(text: str) -> dict[str, str]:
    """Return the versions of a file by canonical name."""
    found = (_PIN.fullmatch(entry) for entry in entries(text))
    return {canonical(f["name"]): f["version"] for f in found if f is not None}


def unpinned(pyproject: str, locked: Mapping[str, str]) -> list[str]:
    """Return the direct dependencies of ``pyproject.toml`` that the lock does not hold."""
    project = tomllib.loads(pyproject)["project"]
    groups = [project["dependencies"], *project.get("optional-dependencies", {}).values()]
    names = {found[0] for group in groups for text in group if (found := _NAME.match(text))}
    return sorted(name for name in map(canonical, names) if name not in locked)


def disagreements(files: Mapping[str, Mapping[str, str]], first: str) -> list[str]:
    """Return a sentence for each project that another file pins otherwise than ``first`` does.

    What is tested must be what is deployed.
    """
    return [
        f"{name} pins {project} {version}, {first} {files[first][project]}"
        for name, locked in files.items()
        for project, version in sorted(locked.items())
        if project in files[first] and files[first][project] != version
    ]


def read(root: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Return the texts of the requirement files by name."""
    return {name: (root / name).read_text(encoding="utf-8") for name in names}
