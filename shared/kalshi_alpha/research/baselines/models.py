"""Every plain model at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from kalshi_alpha.research.baselines.garch import garch_t
from kalshi_alpha.research.baselines.har import har
from kalshi_alpha.research.baselines.history import CaseGrid, SessionHistory
from kalshi_alpha.research.baselines.seasonal import sqrt_time, tod60
from kalshi_alpha.research.scores.forecasts import Forecasts

Model = Callable[[SessionHistory, CaseGrid], Forecasts]

MODELS: Mapping[str, Model] = MappingProxyType(
    {"sqrt_time": sqrt_time, "tod60": tod60, "garch_t": garch_t, "har": har}
)


def baseline_forecasts(history: SessionHistory, cases: CaseGrid) -> dict[str, Forecasts]:
    """Return the forecasts of every plain model by its name.

    The forecast of a case sees nothing of its own session nor of any later one.

    Raises:
        DataError: when a model has too little history before a case: 20 sessions for the clock's
            models, 40 for ``har``, 31 closes for ``garch_t``.
    """
    return {name: model(history, cases) for name, model in MODELS.items()}
