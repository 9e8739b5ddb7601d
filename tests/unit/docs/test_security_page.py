"""The threat model names tests and code that exist."""

from __future__ import annotations

import re

from tests.unit.docs.test_docs_stay_true import ROOT, _exists, _named_paths

TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_every_defence_names_a_test_that_is_there():
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)
    assert len(named) >= 14
    missing = [f"{p}::{t}" for p, t in named if f"def {t}(" not in (ROOT / p).read_text()]
    assert missing == []


def test_every_piece_of_code_it_names_is_there():
    # What a role is allowed is written in backquotes too, and is no path.
    prose = TEXT.split("<!-- roles:begin -->")[0] + TEXT.split("<!-- roles:end -->")[1]
    paths = [path for path in _named_paths(prose) if not path.startswith(".env")]
    assert len(paths) >= 12
    assert [path for path in paths if not _exists(path)] == []


def test_it_says_what_is_not_defended():
    part = TEXT.split("### What is not defended")[1].split("## Roles")[0]
    assert part.count("\n- ") >= 5


def test_the_mutation_page_names_tests_that_are_there():
    page = (ROOT / "docs" / "mutation.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)
    assert len(named) >= 8
    assert [t for p, t in named if f"def {t}(" not in (ROOT / p).read_text()] == []
