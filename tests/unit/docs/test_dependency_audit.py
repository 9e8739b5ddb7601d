"""The audit of the dependencies finds what it is for, offline, and our own files pass it."""

from __future__ import annotations

import stat

import pytest

from tests.audit import licences, pins, weaknesses
from tests.audit.__main__ import FILES, ROOT, audit

HASH = "--hash=sha256:" + "ab" * 32


def test_our_own_dependencies_have_no_problem():
    lines, problems = audit(ROOT)
    assert problems == []
    assert [line.split(":")[0] for line in lines] == ["pins", "licences", "weaknesses"]


@pytest.mark.parametrize(
    "line",
    [
        f"httpx>=0.28 {HASH}",
        "httpx==0.28.1",
        "httpx==0.28.1 --hash=md5:00",
        f"-e . {HASH}",
        "httpx @ git+ssh://host/x",
        "--index-url elsewhere",
        "./wheels/httpx.whl",
    ],
)
def test_a_requirement_that_is_not_one_hashed_version_is_a_problem(line):
    assert len(list(pins.problems("r.txt", f"{line}\n"))) == 1


def test_a_hashed_version_is_read_over_its_continued_lines():
    text = (
        f"# about\nHttpx[http2]==0.28.1 ; python_version < '3.13' \\\n    {HASH} \\\n    {HASH}\n"
    )
    assert list(pins.problems("r.txt", text)) == []
    assert pins.pins(text) == {"httpx": "0.28.1"}


def test_a_project_pinned_twice_is_a_problem():
    text = f"httpx==1 {HASH}\nHTTPX==2 {HASH}\n"
    assert list(pins.problems("r.txt", text)) == ["r.txt: httpx is pinned twice"]


def test_a_direct_dependency_that_is_not_locked_is_named():
    pyproject = (
        '[project]\ndependencies = ["a>=1", "B_b"]\n[project.optional-dependencies]\nx = ["c"]'
    )
    assert pins.unpinned(pyproject, {"a": "1", "c": "2"}) == ["b-b"]


def test_what_is_deployed_must_be_what_is_tested():
    files = {"dev": {"a": "1", "b": "1"}, "layer": {"a": "2", "c": "3"}}
    assert pins.disagreements(files, "dev") == ["layer pins a 2, dev 1"]


@pytest.mark.parametrize(
    ("licence", "accepted"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-2.0-only", True),
        ("GPL-3.0-only AND MIT", False),
        ("LGPL-3.0", False),
        ("Mozilla Public License 2.0 (MPL 2.0)", True),
        ("", False),
        ("All rights reserved", False),
    ],
)
def test_licences_are_accepted_by_family(licence, accepted):
    assert (licences.problem("anything", licence) == "") is accepted


def test_a_tool_may_be_under_the_licence_it_is_listed_with_and_no_other():
    assert licences.problem("codespell", "GPL-2.0-only") == ""
    assert licences.problem("codespell", "AGPL-3.0") != ""


@pytest.fixture
def program(tmp_path):
    """Return a function that makes a stand-in for pip-audit."""

    def make(script):
        path = tmp_path / "pip-audit"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    return make


def test_without_an_answer_nobody_was_asked_and_nothing_fails(program, monkeypatch):
    requirements = ROOT / FILES[0]
    monkeypatch.setenv("PATH", "")
    for asked in (
        weaknesses.ask(requirements),
        weaknesses.ask(requirements, program("echo no service >&2; exit 1")),
        weaknesses.ask(requirements, program("echo '{\"dependencies\": []}'")),
    ):
        assert asked.sentence.startswith("weaknesses: nobody was asked, for ")
        assert asked.found == ()


def test_a_weakness_that_the_service_names_is_a_problem(program):
    answer = (
        '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "V-1", "fix_versions": '
        '["2"]}]}, {"name": "b", "version": "1", "vulns": []}]}'
    )
    asked = weaknesses.ask(ROOT / FILES[0], program(f"echo '{answer}'; exit 1"))
    assert asked.sentence == "weaknesses: 1 known in 2 packages"
    assert asked.found == ("a 1: V-1, fixed in 2",)
