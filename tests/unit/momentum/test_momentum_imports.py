"""The room is light, and the machine that trades indices does not know of it."""

from __future__ import annotations

from tests.conftest import ROOT
from tests.fresh_interpreter import modules_after

HEAVY = {"numpy", "scipy", "numba", "pandas", "pyarrow", "sklearn", "boto3", "aiohttp"}
ROOM = sorted(
    f"kalshi_alpha.momentum.{path.stem}"
    for path in (ROOT / "shared/kalshi_alpha/momentum").glob("[a-z]*.py")
)
HOT = ("start", "rollcall", "preflight", "scan", "quote", "cancel", "reconcile")


def loaded_by(*modules: str) -> set[str]:
    return modules_after(f"import {', '.join(modules)}")


def test_the_room_imports_nothing_heavy():
    loaded = loaded_by(*ROOM)

    assert set(ROOM) <= loaded
    assert not {name.partition(".")[0] for name in loaded} & HEAVY


def test_no_handler_of_the_index_windows_imports_the_room():
    loaded = loaded_by(*(f"functions.{name}.handler" for name in HOT))

    assert not {name for name in loaded if name.startswith("kalshi_alpha.momentum")}
