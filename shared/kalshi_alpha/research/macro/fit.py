"""Parameters of the macro families from recorded figures, with what they were fitted on.

Only what could be read by the last day counts: a figure from its release on, and adjusted figures
as they stood at the first save after that day. Widths and laws are those of past forecasts that
knew no later figure; coefficients are of everything known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import DataError
from kalshi_alpha.families import cpi as cpi_family
from kalshi_alpha.families import gas as gas_family
from kalshi_alpha.families import ten_year as yield_family
from kalshi_alpha.research.data.store import sha256_of
from kalshi_alpha.research.macro import claims, cpi, gas, ten_year
from kalshi_alpha.research.macro.holidays import in_holiday_week
from kalshi_alpha.research.macro.recorded import known_from
from kalshi_alpha.research.macro.scoreboard import PANDEMIC
from kalshi_alpha.research.macro.series import Dated, load_saves, load_series
from kalshi_alpha.research.macro.study import FREEDOMS, fitted

VALID_FOR = timedelta(days=183)
HORIZONS = (1, 2, 3, 5, 7, 10, 14, 21, 28, 35)
# Not fitted: no live quote beside the curve is recorded.
BASIS = 0.02
_KINDS: Mapping[str, str] = {
    "CPIAUCSL": "cpi", "CPIAUCNS": "cpi", "CPILFESL": "cpi", "ICSA": "claims",
    "DGS10": "par_yield", "AAA_REGULAR_DAILY": "aaa", "GASREGW": "eia",
}  # fmt: skip
_PARTS = (("one-month", "CPIAUCSL", 1), ("core-one-month", "CPILFESL", 1),
          ("twelve-month", "CPIAUCNS", 12))  # fmt: skip
_LONGEST_WAIT = timedelta(days=150)  # from a period to its release
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the file: parameters, and the releases they are from."""

    name: str
    parameters: Any
    evidence: str


@dataclass(frozen=True, slots=True)
class Fit:
    """A fit of every part.

    Attributes:
        as_of: the last day that counted.
        parts: in the order of the file.
        data: SHA-256 of the recorded figures.
    """

    as_of: date
    parts: tuple[Part, ...]
    data: str

    @property
    def valid_until(self) -> date:
        """Return the last day on which it may price."""
        return self.as_of + VALID_FOR

    def text(self, command: str) -> str:
        """Return the parameter file, which says that ``command`` made it."""
        lines = [
            "# Parameters of the macro families; fitted, not edited by hand.",
            f"as_of = {self.as_of}",
            f"valid_until = {self.valid_until}",
        ]
        for part in self.parts:
            said = f"{command}; recorded figures {self.data[:16]}; {part.evidence}"
            lines += ["", f"[{part.name}]", f'provenance = "{said}"']
            lines += [f"{k} = {_toml(v)}" for k, v in asdict(part.parameters).items()]
        return "\n".join(lines) + "\n"


def fit(folder: Path, as_of: date) -> Fit:
    """Fit every part on what the figures in ``folder`` tell of the time until ``as_of``.

    Raises:
        DataError: when a series is not recorded, or too little of it was known.
    """
    series = known_by(folder, as_of)
    prices = tuple(_prices(series, *one) for one in _PARTS)
    files = "".join(sha256_of(folder / f"{name}.parquet") for name in ("series", "vintages"))
    digest = hashlib.sha256(files.encode()).hexdigest()
    parts = (*prices, _claims(series), _yields(series), _gasoline(series))
    return Fit(as_of, parts, digest)


def known_by(folder: Path, as_of: date) -> Mapping[str, Dated]:
    """Return the recorded figures that could be read by the end of a day.

    Raises:
        DataError: when the files cannot be read.
    """
    series = {name: dict(values) for name, values in load_series(folder).items()}
    saves = [one for day, one in load_saves(folder).items() if day >= as_of]
    for name, values in series.items():
        first = next((one[name] for one in saves if name in one), {})
        values.update({day: value for day, value in first.items() if day in values})
    return {
        name: {day: value for day, value in series[name].items() if _known(kind, day, as_of)}
        for name, kind in _KINDS.items()
        if name in series
    }


def _known(kind: str, period: date, as_of: date) -> bool:
    if period < as_of - _LONGEST_WAIT:
        return True
    return period <= as_of and known_from(kind, period).astimezone(NEW_YORK).date() <= as_of


def _prices(series: Mapping[str, Dated], name: str, index: str, span: Any) -> Part:
    made = cpi.design(series, index)
    if len(made.months) <= 2 * cpi.FIRST_FIT:
        raise DataError(f"{len(made.months)} months of {index} are too few to fit {name}")
    past = slice(cpi.FIRST_FIT, None)
    shape, spread = fitted((made.outcome - cpi.walk(made.rows, made.outcome))[past])
    constant, trend, newest, gasoline, before, *months = (
        _round(one) for one in cpi.weights(made.rows, made.outcome)
    )
    # No one-month nowcast is recorded: it weighs nothing.
    parameters = cpi_family.Parameters(
        span, constant, trend, newest, gasoline, before, tuple(months), 0.0, _round(spread),
        _round(spread), shape.freedom,
    )  # fmt: skip
    first, last = made.months[0], made.months[-1]
    evidence = f"{len(made.months)} months of {index}, {first:%Y-%m} to {last:%Y-%m}"
    return Part(name, parameters, evidence)


def _claims(series: Mapping[str, Dated]) -> Part:
    days, level = claims.weeks_of(series)
    logs = np.log(level)
    best = claims.best_before(logs, len(logs))
    centre, spread = claims.followed_by(logs, best)
    wild = np.array([PANDEMIC[0] <= day <= PANDEMIC[1] for day in days])
    holiday = np.array([in_holiday_week(day) for day in days])
    calm = ~wild & (np.arange(len(days)) >= claims.START)
    z = (np.exp(logs - centre) - 1.0) / spread
    shape, stretch = fitted(z[calm & ~holiday])
    wider = fitted(z[calm & holiday], (shape.freedom,))[1] / stretch
    parameters = replace(
        best, stretch=_round(stretch), holiday=max(1.0, _round(wider)), freedom=shape.freedom
    )
    evidence = (
        f"{calm.sum()} weeks of ICSA, {days[claims.START]} to {days[-1]}, the pandemic left out"
    )
    return Part("weekly", parameters, evidence)


def _yields(series: Mapping[str, Dated]) -> Part:
    known = ten_year.yields_of(series)
    factor = known.factor(len(known.days))
    width = np.sqrt(known.quiet * np.where(known.listed, factor, 1.0))
    shape, stretch = fitted((known.moved / width)[ten_year.START :])
    parameters = yield_family.Parameters(
        ten_year.FAST, ten_year.SLOW, ten_year.FAST_SHARE, _round(stretch), _round(factor), BASIS,
        shape.freedom,
    )  # fmt: skip
    evidence = (
        f"{len(known.days)} days of DGS10, {known.days[0]} to {known.days[-1]}; basis assumed"
    )
    return Part("daily", parameters, evidence)


def _gasoline(series: Mapping[str, Dated]) -> Part:
    known = gas.days_of(series)
    freedom: tuple[float, ...] = FREEDOMS
    horizons = []
    for days in HORIZONS:
        off = known.ahead(days) - gas.walk(known, days, known.features)
        shape, spread = fitted((off / known.spread[:-days])[2 * gas.FIRST_FIT :], freedom)
        freedom = (shape.freedom,)  # that of one day ahead, which is what is traded most
        newest, fast, slow = (_round(one) for one in gas.weights(known, days))
        horizons.append(gas_family.Horizon(days, newest, fast, slow, 0.0, _round(spread)))
    parameters = gas_family.Parameters(gas.FAST, gas.SLOW, gas.SPREAD, tuple(horizons), *freedom)
    first, last = (date.fromordinal(int(known.ordinal[k])) for k in (0, -1))
    evidence = f"{len(known.price)} days of AAA_REGULAR_DAILY, {first} to {last}; without crude"
    return Part("national", parameters, evidence)


def _round(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        inner = [_toml(one) for one in value]
        if any(isinstance(one, dict) for one in value):
            return "[\n" + "".join(f"  {one},\n" for one in inner) + "]"
        return f"[{', '.join(inner)}]"
    return repr(value)
