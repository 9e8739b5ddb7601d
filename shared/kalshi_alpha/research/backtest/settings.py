"""What a backtest plays: the strategy's numbers, and the assumptions of the simulation."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.registry import Caps, Phases, Quoting, RiskLimits, Series
from kalshi_alpha.markets.units import CENT, SIZE_UNIT
from kalshi_alpha.trading.fills import FillModel
from kalshi_alpha.trading.honesty import Honesty
from kalshi_alpha.trading.tuning import Tuning
from kalshi_alpha.trading.when import ALWAYS, When

Mode = Literal["maker-only", "mixed"]
Rule = Literal["core", "offset"]
Source = Literal["law", "mid", "random", "never"]

MODES: dict[str, Mode] = {"maker-only": "maker-only", "mixed": "mixed"}
RULES: dict[str, Rule] = {"core": "core", "offset": "offset"}

OFFSET_EVERY = 10.0  # seconds between refreshes of quotes that follow the law
MEMORY = 300.0  # seconds for which a traded price is taken to be quoted still
_LONGEST = 23_400.0  # a whole session


@dataclass(frozen=True, slots=True)
class Settings:
    """One way to play a window. Every assumption of the simulation is a field.

    Attributes:
        source: whose probability is quoted: the law's, the market's mid, a coin's side of that
            mid, or nobody's.
        mode: ``maker-only`` as live, or ``mixed``, which also takes where taking pays.
        rule: ``core`` joins the book as live does; ``offset`` rests ``min_ev`` from the
            probability, whoever else is there.
        max_bins: markets quoted or held at once.
        min_ev: expected 1/10000 dollar a contract after fees, at least.
        lots: whole contracts a side of a market.
        start_s: seconds before the fixing at which quoting starts.
        stop_s: seconds before it at which everything is pulled.
        every_s: seconds from one scan to the next.
        latency_ms: from a decision to its effect at the venue.
        max_age_s: how old the index's level may be; beyond, everything is pulled.
        memory_s: how long a traded price counts as quoted by somebody.
        widen: 1/10000 dollar by which that book is taken to be wider on each side.
        through: 1/10000 dollar by which a trade must go through our price to fill it.
        seed: of the coin.
        fills: chance and cost of a fill, in the strategy's choice of price; off when None.
        when: stretches that are not quoted in.
        honesty: how much of a claim is believed, bin by bin; all of it when None.

    Raises:
        ConfigurationError: when a number is outside its domain.
    """

    source: Source = "law"
    mode: Mode = "maker-only"
    rule: Rule = "core"
    max_bins: int = 2
    min_ev: int = 5 * CENT
    lots: int = 1
    start_s: float = 300.0
    stop_s: float = 2.25
    every_s: float = 20.0
    latency_ms: float = 250.0
    max_age_s: float = 20.0
    memory_s: float = MEMORY
    widen: int = 0
    through: int = 1
    seed: int = 20_260_102
    fills: FillModel | None = None
    when: When = ALWAYS
    honesty: Honesty | None = None

    def __post_init__(self) -> None:
        for name, value, least, most in (
            ("max_bins", self.max_bins, 1, 1000),
            ("min_ev", self.min_ev, 1, 9900),
            ("lots", self.lots, 1, 10_000),
            ("stop_s", self.stop_s, 0.0, self.start_s),
            ("start_s", self.start_s, self.every_s, _LONGEST),
            ("every_s", self.every_s, 1.0, _LONGEST),
            ("latency_ms", self.latency_ms, 0.0, 60_000.0),
            ("max_age_s", self.max_age_s, 1.0, _LONGEST),
            ("memory_s", self.memory_s, 1.0, _LONGEST),
            ("widen", self.widen, 0, 5000),
            ("through", self.through, 1, 5000),
        ):
            if not least <= value <= most:  # also what is not a number
                raise ConfigurationError(f"{name} is {value}: it must be {least} to {most}")

    @property
    def latency_s(self) -> float:
        """Return the latency in seconds."""
        return self.latency_ms / 1000.0

    @property
    def tuning(self) -> Tuning:
        """Return what the strategy is handed as learned."""
        return Tuning(self.when, self.fills)

    def quoting(self, series: Series) -> Quoting:
        """Return the series' rules of quoting with this threshold."""
        return replace(series.quoting, min_ev=self.min_ev)

    def caps(self, series: Series) -> Caps:
        """Return the series' caps for so many bins and lots; loss caps grow with both."""
        caps = series.caps
        window = caps.max_loss_per_window * self.lots * max(self.max_bins, caps.max_bins)
        return replace(
            caps,
            max_bins=self.max_bins,
            max_size=self.lots * SIZE_UNIT,
            bankroll=caps.bankroll * self.lots,
            max_loss_per_strike=caps.max_loss_per_strike * self.lots,
            max_loss_per_window=window // caps.max_bins,
            max_loss_per_day=caps.max_loss_per_day * self.lots * max(1, self.max_bins),
            max_loss_per_week=caps.max_loss_per_week * self.lots * max(1, self.max_bins),
        )

    def risk(self, limits: RiskLimits, series: Series) -> RiskLimits:
        """Return the limits of a fixing; they grow with bins and lots as a window's cap does."""
        usual = series.caps.max_bins
        most = limits.max_shortfall * self.lots * max(self.max_bins, usual) // usual
        return replace(limits, max_shortfall=most)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values; a honesty artifact by its checksum."""
        found = asdict(replace(self, honesty=None))
        return found | {"honesty": None if self.honesty is None else self.honesty.checksum}


def of_phases(phases: Phases) -> dict[str, float]:
    """Return the times of a window as live keeps them."""
    return {
        "start_s": phases.make,
        "stop_s": phases.pull + phases.pull_lead,
        "every_s": phases.scan_every,
    }
