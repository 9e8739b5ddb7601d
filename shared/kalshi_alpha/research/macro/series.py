"""The recorded macro series, from one file of (series, date, value) rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kalshi_alpha.errors import DataError

Dated = Mapping[date, float]


def load_series(folder: Path) -> Mapping[str, Dated]:
    """Return each series of ``series.parquet`` in ``folder`` as values by date, ascending.

    Raises:
        DataError: when the file is not there or not of that form.
    """
    path = folder / "series.parquet"
    try:
        table = pq.read_table(path, columns=["series", "date", "value"])
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"the recorded series in {path} cannot be read: {error}") from None
    found: dict[str, dict[date, float]] = {}
    for row in table.sort_by([("date", "ascending")]).to_pylist():
        found.setdefault(row["series"], {})[row["date"]] = row["value"]
    return found


def load_saves(folder: Path) -> Mapping[date, Mapping[str, Dated]]:
    """Return the series of ``vintages.parquet`` in ``folder``, by the day they were saved.

    Raises:
        DataError: when the file is not there or not of that form.
    """
    path = folder / "vintages.parquet"
    try:
        table = pq.read_table(path, columns=["series", "date", "value", "source"])
        rows = table.sort_by([("date", "ascending")]).to_pylist()
        saves: dict[date, dict[str, dict[date, float]]] = {}
        for row in rows:
            saved = date.fromisoformat(row["source"].rpartition("_")[2])
            saves.setdefault(saved, {}).setdefault(row["series"], {})[row["date"]] = row["value"]
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"the saved series in {path} cannot be read: {error}") from None
    return dict(sorted(saves.items()))


def wanted(series: Mapping[str, Dated], name: str) -> Dated:
    """Return one series.

    Raises:
        DataError: when it is not recorded.
    """
    if name not in series:
        raise DataError(f"the series {name} is not recorded; there is: {', '.join(sorted(series))}")
    return series[name]
