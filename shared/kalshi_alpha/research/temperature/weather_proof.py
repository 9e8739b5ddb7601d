"""Whether a thermometer's official highs are those that the venue settled on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.strikes import strike_from_fields
from kalshi_alpha.research.temperature.weather_highs import Highs

FILE = "markets.parquet"
_COLUMNS = ("event_day", "series", "strike_type", "floor_strike", "cap_strike", "result")


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often an official high lay in the bracket that won: ``days`` compared, ``inside``."""

    days: int
    inside: int


def agreement(folder: Path, series: str, highs: Highs) -> Agreement:
    """Compare a series' winning brackets with a thermometer's highs, whole degrees.

    Raises:
        DataError: when the file of markets is not there or not of that form.
    """
    path = folder / FILE
    try:
        table = pq.read_table(path, columns=list(_COLUMNS))
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"the recorded markets in {path} cannot be read: {error}") from None
    known = dict(zip(highs.day.tolist(), highs.degrees.tolist(), strict=True))
    days = inside = 0
    for row in table.to_pylist():
        # The venue's tickers had no KX before the autumn of 2024.
        same = str(row["series"]).removeprefix("KX") == series.removeprefix("KX")
        if not same or row["result"] != "yes":
            continue
        high = known.get(date.fromisoformat(str(row["event_day"])[:10]).toordinal())
        if high is not None:
            days += 1
            floor, cap = (_number(row[name]) for name in ("floor_strike", "cap_strike"))
            inside += (
                strike_from_fields(row["strike_type"], floor, cap).payoff(1).contains(round(high))
            )
    return Agreement(days, inside)


def _number(value: float | None) -> Decimal | None:
    return None if value is None or value != value else Decimal(str(value))  # noqa: PLR0124 - NaN
