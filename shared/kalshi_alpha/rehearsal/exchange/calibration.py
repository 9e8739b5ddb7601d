"""How much, how often and how tightly the crowd trades, as measured on recorded trades.

The shipped file is written by ``python -m kalshi_alpha.research.participants``; its provenance
names author, licence and what was not recorded.
"""

from __future__ import annotations

import functools
from bisect import bisect_left
from dataclasses import dataclass
from importlib import resources

import msgspec

from kalshi_alpha.errors import ConfigurationError

FILE = "participants.json"
SCHEMA = 1


class Provenance(msgspec.Struct, frozen=True):
    """Where the numbers come from; the file says more."""

    author: str
    licence: str
    days: int
    rows: int
    limitations: str
    strike_step: float  # points between the recorded thresholds
    strike_median: float  # points


class _Read(msgspec.Struct, frozen=True):
    schema: int
    provenance: Provenance
    levels: tuple[float, ...]
    minutes: tuple[float, ...]
    prices: tuple[float, ...]
    sizes: tuple[float, ...]
    rates: tuple[tuple[float, ...], ...]
    spreads: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Recorded trading of one series.

    Attributes:
        provenance: author, licence, extent.
        levels: the probabilities, ascending, at which quantiles are given.
        minutes: edges of the rows of ``rates``, minutes to the fixing.
        prices: edges of the bands of price, in dollars.
        sizes: quantiles of contracts in one trade.
        rates: trades a minute in one market, by minutes and price.
        spreads: quantiles of the spread in dollars, by price.
    """

    provenance: Provenance
    levels: tuple[float, ...]
    minutes: tuple[float, ...]
    prices: tuple[float, ...]
    sizes: tuple[float, ...]
    rates: tuple[tuple[float, ...], ...]
    spreads: tuple[tuple[float, ...], ...]

    @property
    def spacing(self) -> float:
        """Return the recorded thresholds' distance as a share of the level."""
        return self.provenance.strike_step / self.provenance.strike_median

    def band(self, price: float) -> int:
        """Return the band of a price in dollars."""
        return _bin(self.prices, price)

    def rates_at(self, minutes: float) -> tuple[float, ...]:
        """Return trades a minute in one market by band, ``minutes`` before the fixing."""
        return self.rates[_bin(self.minutes, minutes)]

    def size(self, chance: float) -> float:
        """Return the contracts of a trade at a probability in [0, 1]."""
        return self._quantile(self.sizes, chance)

    def spread(self, band: int, chance: float) -> float:
        """Return the spread in dollars in a band of price at a probability in [0, 1]."""
        return self._quantile(self.spreads[band], chance)

    def _quantile(self, values: tuple[float, ...], chance: float) -> float:
        at = bisect_left(self.levels, chance)
        if at == 0:
            return values[0]
        if at == len(self.levels):
            return values[-1]
        low, high = self.levels[at - 1], self.levels[at]
        return values[at - 1] + (values[at] - values[at - 1]) * (chance - low) / (high - low)


def parse_calibration(content: bytes) -> Calibration:
    """Read a calibration file.

    Raises:
        ConfigurationError: when it is of another schema, or its tables do not fit each other.
    """
    try:
        read = msgspec.json.decode(content, type=_Read)
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"the participants' calibration cannot be read: {error}") from None
    if read.schema != SCHEMA:
        raise ConfigurationError(
            f"the participants' calibration has the schema {read.schema}, this code reads {SCHEMA}"
        )
    bands = len(read.prices) - 1
    quantiles = (read.sizes, *read.spreads)
    fits = (
        all(len(row) == len(read.levels) > 0 for row in quantiles)
        and all(list(row) == sorted(row) and row[0] > 0 for row in quantiles)
        and len(read.spreads) == bands > 0
        and len(read.rates) == len(read.minutes) - 1 > 0
        and all(len(row) == bands and min(row) >= 0 for row in read.rates)
        and all(list(e) == sorted(set(e)) for e in (read.levels, read.minutes, read.prices))
        and min(read.provenance.strike_step, read.provenance.strike_median) > 0
    )
    if not fits:
        raise ConfigurationError(
            "the participants' calibration contradicts itself: its tables must fit its edges, "
            "quantiles must ascend from above 0 and rates must not be negative"
        )
    return Calibration(
        read.provenance, read.levels, read.minutes, read.prices, read.sizes, read.rates,
        read.spreads,
    )  # fmt: skip


@functools.cache
def shipped_calibration() -> Calibration:
    """Return the calibration that comes with the package; read once."""
    data = resources.files("kalshi_alpha.rehearsal").joinpath("data", FILE)
    return parse_calibration(data.read_bytes())


def _bin(edges: tuple[float, ...], value: float) -> int:
    return min(max(bisect_left(edges, value) - 1, 0), len(edges) - 2)
