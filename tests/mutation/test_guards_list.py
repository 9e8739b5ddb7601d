"""The list of removals stays true: each guard's line is where the list says, and there once."""

from __future__ import annotations

import ast

import pytest

from tests.mutation.guards import ROOT, Removal, named_tests, quick, removals

REMOVALS = removals()


@pytest.mark.parametrize("removal", REMOVALS, ids=lambda removal: str(removal.number))
def test_what_stands_for_a_guard_is_there_once_and_its_removal_can_be_read(removal: Removal):
    text = (ROOT / removal.file).read_text(encoding="utf-8")
    moved = f"say in guards.toml what stands for guard {removal.number} in {removal.file} now"
    assert text.count(removal.find) == 1, moved
    without = text.replace(removal.find, removal.replace)
    assert without != text
    if removal.file.endswith(".py"):
        ast.parse(without)


def test_a_guard_is_removed_in_one_way_and_has_a_row_with_tests():
    numbers = [removal.number for removal in REMOVALS]
    named = named_tests()

    assert len(numbers) == len(set(numbers)) > 100
    assert [number for number in numbers if not named.get(number)] == []


def test_rehearsals_are_left_out_where_a_row_names_something_quicker():
    both = ("tests/rehearsal/test_a.py::test_b", "tests/unit/test_c.py::test_d")

    assert quick(both) == both[1:]
    assert quick(both[:1]) == both[:1]
