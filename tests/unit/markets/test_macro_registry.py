"""The registry of macro series: off as shipped, one line to switch it on."""

from __future__ import annotations

from importlib import resources

import pytest

from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.macro import load_macro, parse_macro

TEXT = resources.files("kalshi_alpha.markets").joinpath("macro.toml").read_text("utf-8")


def test_as_shipped_nothing_of_it_is_active():
    registry = load_macro()

    assert not registry.enabled
    assert dict(registry.active) == {}
    assert len(registry.series) == 8


def test_one_line_turns_it_on():
    on = parse_macro(TEXT.replace("enabled = false", "enabled = true"))

    assert set(on.active) == set(load_macro().series)
    assert on.active["KXCPI"].ticks_per_point == 10


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[families.gas]", "[families.oil]", "add .families.gas"),
        (
            'figure = "claims"\nrelease = "claims"',
            'figure = "claims"\nrelease = "claim"',
            "waits for the release 'claim'",
        ),
        (
            '[groups.claims]\nrelease = "claims"',
            '[groups.claims]\nrelease = "cpi"',
            "its group 'claims' does not",
        ),
        ("ticks_per_point = 100\n", "ticks_per_point = 0\n", "cannot be read"),
        ("enabled = false", "", "cannot be read"),
        ("enabled = false", "enabled = false\nactive = true", "cannot be read"),
        ("[series.KXCPI]", "[series", "cannot be read"),
    ],
)
def test_a_registry_that_contradicts_itself_is_refused(old, new, said):
    assert old in TEXT
    with pytest.raises(ConfigurationError, match=said):
        parse_macro(TEXT.replace(old, new, 1))


def test_a_family_without_a_series_is_refused():
    idle = TEXT + (
        '\n[families.tea]\nmodule = "kalshi_alpha.families.tea"\n'
        'max_loss_per_day = "1.00"\nmax_loss_per_week = "2.00"\n'
    )
    with pytest.raises(ConfigurationError, match="no series is of the family tea"):
        parse_macro(idle)
