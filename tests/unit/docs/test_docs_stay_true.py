from __future__ import annotations

import re
import socket
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LIBRARY = ROOT / "shared" / "kalshi_alpha"
PAGES = sorted(
    page
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if ".venv" not in page.parts
)
ROW = re.compile(r"^\| ([VLRMW])(\d+) \| (.+?) \| (\w[\w ]*?) \| ?(.*?) ?\|$")
PATH = re.compile(r"`([\w.][\w./-]*/[\w./-]*|[\w-]+\.(?:py|md|toml|json|yml))`")
MADE_BY_COMMANDS = ("out/", "cdk.out/", "summary.json")


def _rows() -> list[tuple[str, int, str, str, str]]:
    lines = (ROOT / "docs" / "coverage.md").read_text().splitlines()
    found = [ROW.match(line) for line in lines]
    return [(m[1], int(m[2]), m[3], m[4], m[5]) for m in found if m]


def _named_paths(text: str) -> list[str]:
    return [p for p in PATH.findall(text) if not p.startswith(MADE_BY_COMMANDS)]


def _exists(path: str) -> bool:
    return any((base / path).exists() for base in (ROOT, LIBRARY))


def test_every_row_of_the_coverage_table_is_read_by_this_test() -> None:
    lines = (ROOT / "docs" / "coverage.md").read_text().splitlines()
    looks_like_a_row = [line for line in lines if re.match(r"^\| [VLRMW]\d", line)]

    assert len(_rows()) == len(looks_like_a_row)
    assert {letter for letter, *_ in _rows()} == set("VLRMW")


def test_coverage_rows_have_unique_numbers_and_known_states() -> None:
    numbers = Counter((letter, number) for letter, number, *_ in _rows())

    assert [name for name, count in numbers.items() if count > 1] == []
    assert {state for *_, state, _ in _rows()} <= {"here", "partly", "not yet", "replaced"}


def test_a_coverage_row_that_claims_something_names_where_it_lives() -> None:
    empty = [
        f"{letter}{number}"
        for letter, number, _, state, where in _rows()
        if state != "not yet" and not where
    ]

    assert empty == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_coverage_says_where_things_really_live() -> None:
    named = {path for *_, where in _rows() for path in _named_paths(where) if not _exists(path)}

    assert sorted(named) == []


@pytest.mark.parametrize("name", ["GUARDS.md", "architecture.md", "math/law.md"])
def test_paths_named_in_a_document_exist(name: str) -> None:
    named = _named_paths((ROOT / "docs" / name).read_text())

    assert sorted({path for path in named if not _exists(path)}) == []


def test_every_guard_names_its_fault_its_code_and_its_test() -> None:
    lines = (ROOT / "docs" / "GUARDS.md").read_text().splitlines()
    guards = [line.split(" | ") for line in lines if re.match(r"^\| \d+ \|", line)]

    assert len(guards) >= 20
    for _, rule, fault, code, test in guards:
        assert len(fault.split()) > 3, rule
        assert "`" in code, rule
        assert "`tests/" in test, rule


def test_every_test_named_as_a_guard_is_there() -> None:
    text = (ROOT / "docs" / "GUARDS.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)

    assert named
    missing = [
        f"{path}::{test}" for path, test in named if f"def {test}(" not in (ROOT / path).read_text()
    ]
    assert missing == []


def test_a_test_cannot_leave_this_machine() -> None:
    with socket.socket() as outward, pytest.raises(AssertionError, match="only loopback"):
        outward.connect(("192.0.2.1", 80))
