"""The mistakes are the ones meant, each is one, and a test that minds is noticed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutation.running import PACKAGE, module_name, nearest_tests
from tests.mutation.sites import broken, sites

SOURCE = '''
"""A module."""
LIMIT = 3

def gate(x: int, y: int) -> str | None:
    """Say no."""
    if x < LIMIT and not y:
        raise ValueError(f"{x} is under {1 + 1}")
    check(x - 1)
    if y:
        z = -x
    else:
        z = x
    return "fine" if z == y else None
'''


def outcomes() -> list[tuple[str, str]]:
    count = len(sites(ast.parse(SOURCE)))
    return [(broken(SOURCE, n)[1].kind, ast.unparse(broken(SOURCE, n)[0])) for n in range(count)]


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("boundary", "LIMIT = 4"),
        ("comparison", "    if x > LIMIT and (not y):"),
        ("boundary", "    if x <= LIMIT and (not y):"),
        ("junction", "    if x < LIMIT or not y:"),
        ("negation", "    if x < LIMIT and y:"),
        ("guard", "    if False:"),
        ("refusal", "        pass"),
        ("call", "    pass"),
        ("sign", "    check(x + 1)"),
        ("boundary", "    check(x - 2)"),
        ("condition", "    if not y:"),
        ("sign", "        z = x"),
        ("comparison", "    return 'fine' if z != y else None"),
        ("answer", "    return None"),
    ],
)
def test_each_kind_of_mistake_is_made(kind, line):
    assert any(k == kind and line in text.splitlines() for k, text in outcomes()), outcomes()


def test_a_mistake_changes_something_and_only_one_place():
    whole = ast.unparse(ast.parse(SOURCE)).splitlines()
    for kind, text in outcomes():
        lines = text.splitlines()
        changed = [new for old, new in zip(whole, lines, strict=True) if old != new]
        assert len(changed) == 1, (kind, changed)


def test_texts_annotations_and_messages_are_left_alone():
    assert not any("1 + 2" in text or "1 - 1" in text for _, text in outcomes())


def test_the_same_number_is_the_same_mistake():
    assert ast.unparse(broken(SOURCE, 2)[0]) == ast.unparse(broken(SOURCE, 2)[0])


def test_the_nearest_tests_are_those_that_import_the_module_its_own_first():
    path = PACKAGE / "kalshi_alpha" / "trading" / "window_gates.py"
    assert module_name(path) == "kalshi_alpha.trading.window_gates"
    found = nearest_tests(path)
    assert found[0].name == "test_window_gates.py"
    assert all("window_gates" in file.read_text() for file in found)
    assert not any("rehearsal" in Path(file).parts for file in found)
