"""Licences of what is installed, as each package says, held against the ones we may live with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import metadata

PERMISSIVE = frozenset(
    {"0bsd", "apache", "bsd", "cc0", "cnri", "isc", "llvm", "mit", "ncsa", "psf", "zlib", "mpl"}
)
# Used to check the repository, imported by nothing and shipped with nothing.
TOOLS = {"codespell": "gpl"}
_WORDS = {
    "python software foundation": "psf",
    "mozilla public": "mpl",
    "apache software": "apache",
    "no attribution": "mit",
}
_KNOWN = re.compile(
    r"\b(0bsd|agpl|apache|bsd|cc0|cnri|eupl|gpl|isc|lgpl|llvm|mit|mpl|ncsa|psf|sspl|zlib)"
)


def said(project: str) -> str | None:
    """Return what an installed package says of its licence; None when it is not installed."""
    try:
        about = metadata.metadata(project)
    except metadata.PackageNotFoundError:
        return None
    expression = about.get("License-Expression")
    if expression:
        return str(expression)
    listed = [
        c.split("::")[-1].strip() for c in about.get_all("Classifier") or [] if "License" in c
    ]
    named = [name for name in listed if name != "OSI Approved"]
    return "; ".join(named) or str(about.get("License") or "").split("\n")[0][:80]


def families(text: str) -> set[str]:
    """Return the families of licences named in a text."""
    lower = text.lower()
    for words, family in _WORDS.items():
        lower = lower.replace(words, family)
    return set(_KNOWN.findall(lower))


def problem(project: str, text: str) -> str:
    """Return why a licence cannot be accepted, or an empty text."""
    found = families(text)
    if not found:
        return f"{project} says {text!r} of its licence, which names none that is known"
    # One of two to choose from is enough; of two that hold together both must do.
    alternatives = [families(part) for part in re.split(r"\bOR\b", text)] if " OR " in text else []
    if any(part and part <= PERMISSIVE for part in alternatives) or found <= PERMISSIVE:
        return ""
    if found == {TOOLS.get(project)}:
        return ""
    return f"{project} is under {text!r}: not permissive, and not listed as a tool"


def listed(projects: Iterable[str]) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    """Return (project, licence) of the installed, sentences for problems, and who is absent."""
    rows: list[tuple[str, str]] = []
    problems: list[str] = []
    absent: list[str] = []
    for project in sorted(projects):
        text = said(project)
        if text is None:
            absent.append(project)
            continue
        rows.append((project, text))
        if trouble := problem(project, text):
            problems.append(trouble)
    return rows, problems, absent
