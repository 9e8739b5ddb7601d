"""What is uploaded: the layer, and one folder a function, made without docker.

``python -m stacks.bundling`` makes everything and prints the sizes; ``app.py`` does the same. The
layer is kept beside the environment under the hash of its recipe, so that it is fetched once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from kalshi_alpha.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "shared" / "kalshi_alpha"
FUNCTIONS = ROOT / "functions"
CORE = ROOT / "layers" / "core" / "requirements.txt"
STAGED = ROOT / "out" / "functions"
LAYERS = Path(sys.prefix) / "layers"

PYTHON = "3.13"
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux2014_aarch64")
# Change it when the recipe below changes: it is part of every asset's hash.
RECIPE = "1"
# AWS: function and layers together, unzipped.
LIMIT_MIB = 250

# Rooms that no function needs; the image of research has them all.
_LEFT_OUT = ("__main__.py", "cli", "jobs", "parity", "rehearsal", "reports", "research")
RESEARCH = "research"
MOMENTUM = "momentum"
# One container serves both: a recipe and pins that stand once; what differs is the code inside.
TASKS = ("sentry", MOMENTUM)
TASK = FUNCTIONS / "_task"
# Built into images by docker, which compiles for itself.
IMAGES = (*TASKS, RESEARCH)
# Whoever may not place does not hold the code that places.
_PLACING = ("steps/desk.py", "steps/placing.py", "steps/quote.py", "venues/kalshi/trader.py")
MAY_PLACE = ("quote", MOMENTUM)
# What the temperature ladders alone need: no window of an index carries it.
_OF_MOMENTUM = (
    "momentum/",
    "venues/weather/",
    "families/temperature",
    "markets/temperature",
    "markets/stations",
    "markets/climate_",
    "markets/observed",
    "pricing/high_law",
    "pricing/weather_reading",
    "steps/momentum",
)


def layer_digest(requirements: Path = CORE) -> str:
    """Return the hash of a layer's recipe: pins, target, and whether it carries bytecode."""
    recipe = f"{RECIPE}|{PYTHON}|{PLATFORMS}|{target_python() is not None}|"
    return hashlib.sha256(recipe.encode() + requirements.read_bytes()).hexdigest()


def build_layer(requirements: Path = CORE) -> Path:
    """Return the folder of a layer, installing it for the target platform when it is not there.

    Only prebuilt wheels whose hashes are pinned are taken. Bytecode is added when an interpreter
    of the target version is at hand; without it the layer works and starts slower.
    """
    folder = LAYERS / f"{requirements.parent.name}-{layer_digest(requirements)[:16]}"
    if folder.is_dir():
        return folder
    draft = folder.with_name(f"{folder.name}.draft-{os.getpid()}")
    packages = draft / "python"
    platforms = [word for name in PLATFORMS for word in ("--platform", name)]
    try:
        _pip(
            *("install", "-qq", "--require-hashes", "--no-compile", "--no-deps"),
            *("--only-binary=:all:", "--implementation", "cp", "--python-version", PYTHON),
            *(*platforms, "--target", str(packages), "--requirement", str(requirements)),
        )
        shutil.rmtree(packages / "bin", ignore_errors=True)
        _compile(packages)
        draft.rename(folder)
    except subprocess.CalledProcessError as error:
        raise ConfigurationError(
            f"the layer of {requirements} could not be installed (pip said {error.returncode}); "
            "its wheels are fetched once, so this needs the package index the first time"
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def stage_function(name: str, target: Path = STAGED) -> Path:
    """Copy a function's door and what it needs of the library to ``target/name``; return it."""
    folder = target / name
    shutil.rmtree(folder, ignore_errors=True)
    for source, inside in function_files(name):
        path = folder / inside
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
    if name not in IMAGES:
        _compile(folder)
    return folder


def function_files(name: str) -> Iterator[tuple[Path, Path]]:
    """Yield each file of a function as (source, path inside), in a fixed order."""
    for folder in (FUNCTIONS / name, *((TASK,) if name in TASKS else ())):
        for source in _files(folder):
            yield source, source.relative_to(folder)
    for source in _files(LIBRARY):
        inside = source.relative_to(LIBRARY)
        held_back = name not in MAY_PLACE and inside.as_posix() in _PLACING
        left_out = name != RESEARCH and inside.parts[0] in _LEFT_OUT
        others = name not in (MOMENTUM, RESEARCH) and inside.as_posix().startswith(_OF_MOMENTUM)
        if not left_out and not held_back and not others:
            yield source, Path("kalshi_alpha") / inside


def function_digest(name: str) -> str:
    """Return the hash of a function's files and recipe; bytecode is not reproducible, so not it."""
    digest = hashlib.sha256(f"{RECIPE}|{PYTHON}|{target_python() is not None}".encode())
    for source, inside in function_files(name):
        digest.update(f"|{inside.as_posix()}|".encode() + source.read_bytes())
    return digest.hexdigest()


@cache
def target_python() -> str | None:
    """Return an interpreter of the Lambda's version that really runs, if there is one."""
    if sys.version_info[:2] == tuple(map(int, PYTHON.split("."))):
        return sys.executable
    found = shutil.which(f"python{PYTHON}")
    if found is None:
        return None
    probe = [found, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    answer = subprocess.run(probe, capture_output=True, text=True, check=False)  # noqa: S603
    return found if answer.stdout.strip() == PYTHON else None


def size_mib(folder: Path) -> float:
    """Return the size of a folder's files in MiB."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("."):
            yield path


def _compile(folder: Path) -> None:
    interpreter = target_python()
    if interpreter is None:
        return
    # Hash-based and unchecked: time stamps in the zip cannot invalidate it, nothing is checked.
    mode = ("--invalidation-mode", "unchecked-hash")
    command = [interpreter, "-m", "compileall", "-q", *mode, "-s", str(folder), str(folder)]
    subprocess.run(command, check=True)  # noqa: S603 - our own interpreter


def _pip(*words: str) -> None:
    command: Sequence[str] = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    subprocess.run(command, check=True)  # noqa: S603 - our own interpreter


def main() -> None:
    """Make the layer and stage every function, and print what they weigh."""
    layer = size_mib(build_layer())
    print(f"layer core     {layer:6.1f} MiB of {LIMIT_MIB}")  # noqa: T201
    for folder in sorted(path for path in FUNCTIONS.iterdir() if path.is_dir()):
        if not folder.name.startswith("_"):
            size = size_mib(stage_function(folder.name))
            print(f"{folder.name:14} {size:6.1f} MiB")  # noqa: T201


if __name__ == "__main__":
    main()
