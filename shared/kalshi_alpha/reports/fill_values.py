"""What each fill was said to be worth, what it came to, and how sure a mean of such is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.units import CASH_UNIT, SIZE_UNIT
from kalshi_alpha.reports.kept import KeptWindow
from kalshi_alpha.reports.series_view import SeriesView
from kalshi_alpha.trading.evidence import student_quantile

_INSIDE = 0.975


@dataclass(frozen=True, slots=True)
class FillValue:
    """One fill, in dollars a contract.

    Attributes:
        series: The series it belongs to.
        claimed: Expected value after fees of the quote that was filled; None when no why-record
            carries its price.
        realised: What it came to after fees; None while unsettled.
        contracts: Its size.
    """

    series: str
    claimed: float | None
    realised: float | None
    contracts: float


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean with the number of values it rests on and its 95 % interval, where it has one."""

    mean: float
    n: int
    low: float | None
    high: float | None

    def __str__(self) -> str:
        """Say the mean in cents, the sample and the interval."""
        if self.low is None or self.high is None:
            return f"{100 * self.mean:+.1f} cents, n = {self.n}, too few for an interval"
        return (
            f"{100 * self.mean:+.1f} cents, n = {self.n}, "
            f"95 % from {100 * self.low:+.1f} to {100 * self.high:+.1f}"
        )


def fill_values(kept: KeptWindow, registry: Registry) -> list[FillValue]:
    """Return the fills of a window, series by series, in time."""
    found = []
    for name in kept.window.series:
        view = SeriesView(kept, registry.series[name])
        event = kept.window.event_ticker(name)
        mine = [r for r in kept.rows("FILL") if str(r["ticker"]).startswith(f"{event}-")]
        for row in sorted(mine, key=lambda row: str(row["at"])):
            pnl, contracts = view.mark(row).pnl, row["size"] / SIZE_UNIT
            realised = None if pnl is None else pnl / CASH_UNIT / contracts
            found.append(FillValue(name, _claimed(row, kept.whys), realised, contracts))
    return found


def spread(values: Iterable[float]) -> Spread | None:
    """Return the mean of ``values`` with Student's interval; None of nothing.

    Values of one window share its news, so the interval of few windows is too narrow: a page that
    shows it says of how many windows it is.
    """
    seen = list(values)
    if not seen:
        return None
    n, mean = len(seen), math.fsum(seen) / len(seen)
    if n < 3:
        return Spread(mean, n, None, None)
    error = math.sqrt(math.fsum((x - mean) ** 2 for x in seen) / (n - 1) / n)
    reach = student_quantile(_INSIDE, n - 1) * error
    return Spread(mean, n, mean - reach, mean + reach)


def _claimed(fill: Mapping[str, Any], whys: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the value in the last why-record that chose the fill's price before it."""
    quoted = [
        why
        for why in whys
        if why["decision"] == "quote"
        and (why["ticker"], why["side"], why["price"])
        == (fill["ticker"], fill["side"], fill["price"])
        and why["at"] <= fill["at"]
    ]
    return max(quoted, key=lambda why: str(why["at"]))["ev"] if quoted else None
