"""What is uploaded: small, reproducible, and without what a function must not hold."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest

from kalshi_alpha.errors import ConfigurationError
from stacks import bundling

STEPS = (
    *("start", "rollcall", "preflight", "scan", "quote", "cancel", "reconcile"),
    *("planner", "sources"),
)


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("functions")
    return {name: bundling.stage_function(name, folder) for name in (*STEPS, "sentry")}


@pytest.mark.parametrize("name", [*STEPS, "sentry"])
def test_only_quote_holds_the_code_that_places(staged, name):
    library = staged[name] / "kalshi_alpha"
    placing = [library / part for part in bundling._PLACING]
    assert [path.exists() for path in placing] == [name == "quote"] * 4


@pytest.mark.parametrize("name", [*STEPS, "sentry"])
def test_rooms_that_no_function_needs_stay_at_home(staged, name):
    rooms = {path.name for path in (staged[name] / "kalshi_alpha").iterdir()}
    assert rooms.isdisjoint({"rehearsal", "research", "reports", "cli", "cli.py"})
    assert {"markets", "pricing", "trading", "steps", "venues", "cloud"} <= rooms


@pytest.mark.parametrize("name", [*STEPS, "sentry"])
def test_what_is_uploaded_imports_by_itself(staged, name):
    door = "main" if name == "sentry" else "handler"
    program = f"import kalshi_alpha, {door}; print(kalshi_alpha.__file__)"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(staged[name])}
    answer = subprocess.run(
        [sys.executable, "-B", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=staged[name],
    )
    assert answer.stderr == ""
    assert answer.stdout.startswith(str(staged[name]))


def test_the_sentrys_folder_is_an_images_whole_context(staged):
    inside = {path.name for path in staged["sentry"].iterdir()}
    assert {"Dockerfile", "main.py", "requirements.txt", "kalshi_alpha"} <= inside


@pytest.mark.parametrize("step", STEPS)
def test_handlers_are_doors_not_rooms(step):
    source = (bundling.FUNCTIONS / step / "handler.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) < 60
    assert not [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)]


def test_the_digest_follows_the_files_and_nothing_else(tmp_path, monkeypatch):
    before = {name: bundling.function_digest(name) for name in ("scan", "cancel")}
    assert before == {name: bundling.function_digest(name) for name in ("scan", "cancel")}
    assert before["scan"] != before["cancel"]
    functions = tmp_path / "functions"
    (functions / "scan").mkdir(parents=True)
    (functions / "scan" / "handler.py").write_text("changed = True\n")
    monkeypatch.setattr(bundling, "FUNCTIONS", functions)
    assert bundling.function_digest("scan") != before["scan"]


def test_a_layer_is_installed_once_and_then_found(tmp_path, monkeypatch):
    installs = []

    def install(*words):
        installs.append(words)
        target = words[words.index("--target") + 1]
        (bundling.Path(target) / "bin").mkdir(parents=True)
        (bundling.Path(target) / "found.py").write_text("here = True\n")

    monkeypatch.setattr(bundling, "LAYERS", tmp_path)
    monkeypatch.setattr(bundling, "_pip", install)
    first, again = bundling.build_layer(), bundling.build_layer()
    assert first == again
    assert len(installs) == 1
    assert (first / "python" / "found.py").is_file()
    assert not (first / "python" / "bin").exists()
    words = installs[0]
    assert {"--require-hashes", "--only-binary=:all:", "manylinux_2_28_aarch64"} <= set(words)


def test_a_layer_that_cannot_be_fetched_says_so_and_leaves_nothing_behind(tmp_path, monkeypatch):
    def refuse(*words):
        raise subprocess.CalledProcessError(1, words)

    monkeypatch.setattr(bundling, "LAYERS", tmp_path)
    monkeypatch.setattr(bundling, "_pip", refuse)
    with pytest.raises(ConfigurationError, match="needs the package index the first time"):
        bundling.build_layer()
    assert list(tmp_path.iterdir()) == []


def test_a_layers_digest_follows_its_pins(tmp_path):
    pins = tmp_path / "requirements.txt"
    pins.write_text("httpx==0.28.1\n")
    before = bundling.layer_digest(pins)
    pins.write_text("httpx==0.28.2\n")
    assert bundling.layer_digest(pins) != before


def test_every_package_of_the_layer_is_pinned_with_hashes():
    text = bundling.CORE.read_text(encoding="utf-8")
    pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(pins) >= 10
    assert all("==" in pin and pin.endswith("\\") for pin in pins)


def test_the_sentrys_pins_agree_with_the_layers():
    def pins(path):
        lines = path.read_text(encoding="utf-8").splitlines()
        return dict(line.rstrip(" \\").split("==") for line in lines if "==" in line)

    core = pins(bundling.CORE)
    sentry = pins(bundling.TASK / "requirements.txt")
    assert {name: sentry.get(name) for name in core} == core


@pytest.mark.parametrize("name", STEPS)
def test_a_function_stays_small_for_its_cold_start(staged, name):
    assert bundling.size_mib(staged[name]) < 2.0


def test_the_layer_stays_small_and_carries_what_every_function_imports():
    layer = bundling.build_layer()  # made with the environment, so found and not fetched
    assert bundling.size_mib(layer) < 40.0
    held = {path.name for path in (layer / "python").iterdir()}
    # boto3 is the runtime's own
    assert {"httpx", "cryptography", "msgspec", "aws_lambda_powertools", "tzdata"} <= held
    assert not {"numpy", "scipy", "pandas", "pyarrow"} & held
