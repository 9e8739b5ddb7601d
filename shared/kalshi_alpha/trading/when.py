"""When not to quote: stretches before the fixing, a side, or bins, on which evidence said no.

The default is to quote wherever the window's own times allow. A stretch is closed only by a loss
that was seen on the days it was picked on and again on later ones (``research/backtest/when.py``).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.markets.contracts import Contract
from kalshi_alpha.markets.orders import Side


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where nothing is to be quoted.

    Args:
        start_s: seconds before the fixing at which it begins, above ``stop_s``.
        stop_s: seconds before the fixing at which it ends, >= 0; that instant is no longer in it.
        side: only this side of YES; both when None.
        nearest: only bins up to this far from the money, >= 1; all when None.
        why: the evidence in a sentence.

    Raises:
        ParameterError: for a stretch that holds no time, or no bin.
    """

    start_s: float
    stop_s: float
    side: Side | None = None
    nearest: int | None = None
    why: str = ""

    def __post_init__(self) -> None:
        if not 0.0 <= self.stop_s < self.start_s <= 86_400.0:
            raise ParameterError(
                f"a stretch from {self.start_s} to {self.stop_s} s before the fixing holds no time"
            )
        if self.nearest is not None and self.nearest < 1:
            raise ParameterError(f"a stretch up to bin {self.nearest} holds no bin: 1 is the first")

    @property
    def name(self) -> str:
        """Return it in words."""
        side = "" if self.side is None else f", {self.side.value} only"
        near = "" if self.nearest is None else f", up to bin {self.nearest}"
        return f"{self.start_s:g} to {self.stop_s:g} s{side}{near}"

    def holds(self, seconds_to_fixing: float, side: Side, place: int | None) -> bool:
        """Say whether a quote lies in it; a bin that is not known (None) lies in every one."""
        if not self.stop_s < seconds_to_fixing <= self.start_s:
            return False
        if self.side not in (None, side):
            return False
        return self.nearest is None or place is None or abs(place) <= self.nearest

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "start_s": self.start_s,
            "stop_s": self.stop_s,
            "side": None if self.side is None else self.side.value,
            "nearest": self.nearest,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class When:
    """Every stretch that is closed; none is the default."""

    closed: tuple[Stretch, ...] = ()

    def closing(self, seconds_to_fixing: float, side: Side, place: int | None) -> Stretch | None:
        """Return the first stretch that a quote lies in, None when it may be made."""
        found = (one for one in self.closed if one.holds(seconds_to_fixing, side, place))
        return next(found, None)

    def to_json(self) -> list[dict[str, Any]]:
        """Return plain JSON values."""
        return [one.to_json() for one in self.closed]


ALWAYS = When()


def when_from_json(rows: Iterable[Mapping[str, Any]]) -> When:
    """Return what ``to_json`` wrote.

    Raises:
        ParameterError: for a field that is missing, garbled or outside its domain.
    """
    try:
        return When(
            tuple(
                Stretch(
                    float(row["start_s"]),
                    float(row["stop_s"]),
                    None if row["side"] is None else Side(row["side"]),
                    None if row["nearest"] is None else int(row["nearest"]),
                    str(row["why"]),
                )
                for row in rows
            )
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ParameterError(f"a stretch lacks or garbles a field: {error!r}"[:200]) from None


def places_of(contracts: Iterable[Contract], level: float, ticks_per_point: int) -> dict[str, int]:
    """Return each market's place from the money: 1 is the first strike above ``level``, -1 below.

    There is no 0. A range counts by its lower end; contracts are in ladder order.
    """
    listed = list(contracts)
    lows = [contract.payoff.low or 0 for contract in listed]
    money = bisect_right(lows, level * ticks_per_point)
    return {
        contract.ticker: k - money + 1 if k >= money else k - money
        for k, contract in enumerate(listed)
    }
