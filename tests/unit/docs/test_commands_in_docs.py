"""Every command a document names is one the command line has, with options it takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from kalshi_alpha.cli.app import app

ROOT = Path(__file__).parents[3]
RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *RUNBOOKS]
NEEDED = ("hourly.md", "eod.md", "incident.md", "first-live.md")
TREE: Any = typer.main.get_command(app)
_INLINE = re.compile(r"`(?:\.venv/bin/)?kalshi-alpha( [^`]*)?`")
_LINE = re.compile(r"^\s*(?:\$ )?(?:\.venv/bin/)?kalshi-alpha( [^\n]*)$", re.MULTILINE)


def commands_of(text: str) -> list[str]:
    """Return what follows the program's name, in the order found, lines continued."""
    joined = text.replace("\\\n", " ")
    found = [m[1] or "" for m in _INLINE.finditer(joined)]
    return [one.strip() for one in [*found, *(m[1] for m in _LINE.finditer(joined))] if one.strip()]


def complaint(words: list[str]) -> str:
    """Say what is wrong with a command, or nothing."""
    command, rest = TREE, list(words)
    while rest and hasattr(command, "commands") and not rest[0].startswith("-"):
        name = rest.pop(0)
        if name not in command.commands:
            return f"there is no command {name!r} in {command.name}"
        command = command.commands[name]
    options = {"--help"} | {o for p in command.params for o in [*p.opts, *p.secondary_opts]}
    unknown = [w for w in rest if w.startswith("-") and w.split("=")[0] not in options]
    return f"{command.name} has no option {unknown[0]}" if unknown else ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_in_a_document_exists(page: Path) -> None:
    wrong = []
    for said in commands_of(page.read_text()):
        clean = re.sub(r"\\\|\S+", "", said.split(" #")[0].split(" | ")[0])  # one of a choice
        clean = clean.replace("[", "").replace("]", "")
        found = complaint([w for w in shlex.split(clean) if w not in {"...", "…"}])
        if found:
            wrong.append(f"{said}: {found}")

    assert wrong == []


@pytest.mark.parametrize("name", NEEDED)
def test_a_runbook_names_exact_commands_before_during_and_after(name: str) -> None:
    text = (ROOT / "docs" / "runbooks" / name).read_text()
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]

    for phase in ("Before", "During", "After"):
        mine = " ".join(part for part in parts if part.startswith(phase))
        assert commands_of(mine), f"{name} names no command {phase.lower()}"
        assert "- [ ]" in mine


def test_a_command_or_an_option_that_is_not_there_would_be_found() -> None:
    assert complaint(["kill", "on", "--reason", "x"]) == ""
    assert "no command 'kil'" in complaint(["kil", "on"])
    assert "--raeson" in complaint(["kill", "on", "--raeson", "x"])
    assert commands_of(
        "a `kalshi-alpha kill on` b\n    kalshi-alpha windows \\\n  --count 3\n"
    ) == [
        "kill on",
        "windows    --count 3",
    ]
