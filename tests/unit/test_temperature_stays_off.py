"""With temperature off nothing of it is imported by the machine that trades indices."""

from __future__ import annotations

from datetime import date

import pytest

from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.temperature import load_temperatures
from kalshi_alpha.markets.windows import windows_on
from tests.conftest import ROOT
from tests.fresh_interpreter import modules_after

OF_TEMPERATURE = (
    "kalshi_alpha.momentum",
    "kalshi_alpha.venues.weather",
    "kalshi_alpha.families.temperature",
    "kalshi_alpha.markets.temperature",
    "kalshi_alpha.markets.stations",
    "kalshi_alpha.markets.climate",
    "kalshi_alpha.pricing.high_law",
    "kalshi_alpha.pricing.weather_reading",
    "kalshi_alpha.steps.momentum",
)
HANDLERS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))


def loaded_by(statement: str) -> set[str]:
    """Return the modules of temperature that a fresh interpreter holds after a statement."""
    return {name for name in modules_after(statement) if name.startswith(OF_TEMPERATURE)}


def test_no_handler_and_no_sentry_imports_anything_of_temperature():
    doors = [f"functions.{name}.handler" for name in HANDLERS] + ["functions.sentry.main"]
    assert len(doors) >= 8
    assert loaded_by("import " + ", ".join(doors)) == set()


def test_no_step_of_a_window_imports_anything_of_temperature():
    steps = sorted(
        f"kalshi_alpha.steps.{path.stem}"
        for path in (ROOT / "shared/kalshi_alpha/steps").glob("[a-z]*.py")
        if not path.stem.startswith("momentum")
    )
    assert loaded_by("import " + ", ".join(steps)) == set()


def test_the_names_looked_for_are_those_of_real_modules():
    door = loaded_by("import functions.momentum.main")
    assert all(any(name.startswith(prefix) for name in door) for prefix in OF_TEMPERATURE)


@pytest.mark.parametrize("name", ["parity.run", "jobs.evening"])
def test_a_command_or_job_of_the_index_leads_to_none_of_it(name):
    assert loaded_by(f"import kalshi_alpha.{name}") == set()


def test_what_trades_and_when_is_what_it_was_without_it():
    registry = load_registry()
    assert load_temperatures().enabled is False
    assert not [name for name in registry.series if "HIGH" in name]
    assert not [name for name in registry.groups if "temperature" in name]
    assert "temperature" not in registry.families


def test_no_window_of_any_weekday_is_one_of_temperature():
    whole = load_temperatures().registry(load_registry())
    for day in range(3, 8):
        found = windows_on(date(2025, 11, day), whole, load_sessions())
        assert found == windows_on(date(2025, 11, day), load_registry(), load_sessions())
        assert found
