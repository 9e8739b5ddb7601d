"""With macro off nothing of it is imported by the machine that trades indices."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from tests.fresh_interpreter import modules_after

MACRO = (
    "kalshi_alpha.venues.macro",
    "kalshi_alpha.families.macro",
    "kalshi_alpha.families.cpi",
    "kalshi_alpha.families.claims",
    "kalshi_alpha.families.ten_year",
    "kalshi_alpha.families.gas",
    "kalshi_alpha.markets.macro",
    "kalshi_alpha.markets.releases",
    "kalshi_alpha.pricing.print_law",
    "kalshi_alpha.pricing.macro_reading",
)
OF_MACRO = {"figures", "sources"}  # steps and functions that are macro's own
HANDLERS = sorted(
    path.parent.name
    for path in (ROOT / "functions").glob("*/handler.py")
    if path.parent.name not in OF_MACRO
)


def loaded_by(statement: str) -> set[str]:
    """Return the macro modules that a fresh interpreter holds after a statement."""
    return {name for name in modules_after(statement) if name.startswith(MACRO)}


def test_no_handler_imports_anything_of_macro():
    statement = "import " + ", ".join(f"functions.{name}.handler" for name in HANDLERS)
    assert len(HANDLERS) >= 7
    assert loaded_by(statement) == set()


def test_no_step_imports_anything_of_macro():
    steps = sorted(
        f"kalshi_alpha.steps.{path.stem}"
        for path in (ROOT / "shared/kalshi_alpha/steps").glob("[a-z]*.py")
        if path.stem not in OF_MACRO and not path.stem.startswith("momentum")
    )
    assert loaded_by("import " + ", ".join(steps)) == set()


def test_the_names_looked_for_are_those_of_real_modules():
    imported = loaded_by("import " + ", ".join(MACRO))
    assert set(MACRO) <= imported


@pytest.mark.parametrize("name", ["kalshi_alpha.families.catalog", "kalshi_alpha.pricing.ladder"])
def test_what_both_share_leads_to_neither(name):
    assert loaded_by(f"import {name}") == set()
