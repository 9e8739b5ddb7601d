"""The research image: its folder is whole, its steps a script, and every command starts in it."""

from __future__ import annotations

import os
import re
import subprocess
import venv
from pathlib import Path

import pytest

from stacks.bundling import FUNCTIONS, stage_function
from stacks.research import JOBS
from tests.audit.pins import pins, problems

pytestmark = pytest.mark.xdist_group("image")
FOLDER = FUNCTIONS / "research"
# What an image that holds no twin and places no order has no use for.
AT_HOME = {"rehearse", "campaign", "simulate", "doctor"}


@pytest.fixture(scope="session")
def staged(tmp_path_factory) -> Path:
    return stage_function("research", tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="session")
def python(staged, tmp_path_factory) -> Path:
    """A plain environment that holds what the image's own script installs, and nothing else."""
    home = tmp_path_factory.mktemp("plain")
    venv.create(home, with_pip=True)
    found = home / "bin" / "python"
    quicker = os.environ | {"PIP_NO_COMPILE": "1"}  # the image compiles, for it starts often
    install = ["sh", str(staged / "install.sh"), str(found)]
    subprocess.run(install, check=True, timeout=280, env=quicker, capture_output=True)
    return found


def _run(python: Path, staged: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(staged), "NUMBA_CACHE_DIR": str(staged)}
    return subprocess.run(
        [str(python), "-B", "-m", "kalshi_alpha", *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=staged,
    )


def test_the_image_is_built_from_its_folder_alone():
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    copied = {
        word for line in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE) for word in line.split()
    }
    assert copied == {"requirements.txt", "install.sh", "kalshi_alpha"}
    assert {p.name for p in FOLDER.iterdir()} == {"Dockerfile", "requirements.txt", "install.sh"}


@pytest.mark.parametrize("image", ["_task", "research"])
def test_dockerfiles_pin_their_base_drop_root_and_take_only_hashed_wheels(image):
    folder = FUNCTIONS / image
    text = (folder / "Dockerfile").read_text(encoding="utf-8")
    script = folder / "install.sh"
    steps = text + (script.read_text(encoding="utf-8") if script.exists() else "")
    assert re.findall(r"^FROM (\S+)$", text, re.MULTILINE) == [
        "public.ecr.aws/docker/library/python:3.13-slim"
    ]
    assert "--require-hashes" in steps
    assert "--only-binary=:all:" in steps
    last = re.findall(r"^(USER|CMD|ENTRYPOINT) ", text, re.MULTILINE)
    assert last[0] == "USER"  # before anything of ours runs
    assert not re.search(r"^(ADD|ENV .*(KEY|SECRET|TOKEN)|ARG)\b", text, re.MULTILINE)
    known = {"FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "CMD", "ENTRYPOINT"}
    joined = re.sub(r"\\\n", " ", text)
    words = {line.split()[0] for line in joined.splitlines() if line and not line.startswith("#")}
    assert words <= known


def test_what_the_image_installs_is_pinned_and_leaves_the_twin_out():
    text = (FOLDER / "requirements.txt").read_text(encoding="utf-8")
    assert list(problems("research", text)) == []
    assert {"numpy", "numba", "pyarrow", "typer", "boto3"} <= set(pins(text))
    assert not {"moto", "aws-cdk-lib", "pytest", "aiohttp"} & set(pins(text))


@pytest.mark.slow
def test_every_research_command_and_every_job_starts_in_a_plain_environment(python, staged):
    help_page = _run(python, staged, "--help")
    assert help_page.returncode == 0, help_page.stderr
    commands = set(re.findall(r"^│ ([a-z][a-z-]+) ", help_page.stdout, re.MULTILINE)) - AT_HOME
    assert {"calibrate", "score", "backtest", "replay", "fills", "data"} <= commands
    for words in [
        *([name] for name in sorted(commands)),
        *(list(j.command) for j in JOBS.values()),
    ]:
        answer = _run(python, staged, *words, "--help")
        assert answer.returncode == 0, (words, answer.stderr)


@pytest.mark.slow
def test_the_backtest_of_the_shipped_days_runs_in_a_plain_environment(python, staged):
    sample = staged / "kalshi_alpha" / "research" / "sample"
    answer = _run(
        python,
        staged,
        *("backtest", "--series", "KXINXU", "--workers", "1", "--out", str(staged / "out")),
        *("--data", str(sample / "kxinxu-trades.parquet")),
        *("--results", str(sample / "kxinxu-results.parquet")),
        *("--params", str(staged / "kalshi_alpha/pricing/parameters/index-2025-11-03.json")),
    )
    assert answer.returncode == 0, answer.stderr
    assert (staged / "out" / "backtest.json").is_file()
