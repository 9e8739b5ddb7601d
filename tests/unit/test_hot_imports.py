from __future__ import annotations

import pytest

from tests.fresh_interpreter import modules_after

HEAVY = {"numpy", "scipy", "pandas", "pyarrow", "numba", "matplotlib", "aiohttp", "moto"}


@pytest.mark.parametrize(
    "name", ["start", "rollcall", "preflight", "scan", "quote", "cancel", "reconcile"]
)
def test_a_hot_handler_imports_nothing_heavy(name: str) -> None:
    held = modules_after(f"import functions.{name}.handler")
    loaded = {module.partition(".")[0] for module in held}

    assert not loaded & HEAVY


@pytest.mark.parametrize(
    "name",
    ["rollcall", "preflight", "scan", "cancel", "reconcile", "start", "planner", "sources"],
)
def test_only_the_quote_handler_holds_code_that_places(name: str) -> None:
    held = modules_after(f"import functions.{name}.handler")

    assert "kalshi_alpha.venues.kalshi.trader" not in held
