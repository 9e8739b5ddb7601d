from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from kalshi_alpha.pricing.parameters import load_parameters, shipped_parameters
from kalshi_alpha.research import walk


def test_a_days_parameters_are_fitted_to_the_day_before_and_no_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    day = date(2025, 11, 4)
    part = load_parameters(shipped_parameters(day), day)["SPX"].hourly
    asked = []

    def fit(_: Any, kind: str, **how: Any) -> Any:
        asked.append((kind, how["through"]))
        return SimpleNamespace(parameters=part)

    monkeypatch.setattr(walk, "fit_part", fit)

    found = walk.fit_before({1: SimpleNamespace(symbol="SPX")}, day)  # type: ignore[dict-item]

    assert asked == [("hourly", date(2025, 11, 3)), ("close", date(2025, 11, 3))]
    assert found.as_of == date(2025, 11, 3)
