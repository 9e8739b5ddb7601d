"""What the venue charges, by rule and by date.

The model fee of C contracts at price P is rate x M x C x P x (1 - P) dollars, the same for YES and
NO, with the rate by fee type and side of the trade and the multiplier M by series (facts of the
venue's fee schedule and fee rounding page, October 2026). All arithmetic is on integers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from types import MappingProxyType

from kalshi_alpha.clock import require_aware
from kalshi_alpha.errors import ContractError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import CASH_UNIT, PRICE_UNIT, SIZE_UNIT

DIRECT = 100  # cash: a direct member's balance is kept to $0.0001
NON_DIRECT = 10_000  # cash: a broker's customer's to $0.01
_CENT = 10_000  # cash

_TAKER = Fraction(7, 100)
_MAKER_RATES = MappingProxyType(
    {
        "quadratic": Fraction(0),
        "quadratic_with_maker_fees": _TAKER / 4,
        "quadratic_with_combo_maker_fees": _TAKER / 2,
    }
)
_CASH = Fraction(CASH_UNIT, SIZE_UNIT * PRICE_UNIT * PRICE_UNIT)


@dataclass(frozen=True, slots=True)
class FeeTerms:
    """What one market charges. Make it with ``fee_terms``, which refuses what it does not know."""

    fee_type: str
    multiplier: Decimal

    def model_fee(self, price: int, size: int, *, is_taker: bool) -> Fraction:
        """Return the unrounded fee in cash, >= 0, of ``size`` at YES ``price``."""
        rate = _TAKER if is_taker else _MAKER_RATES[self.fee_type]
        if not rate:
            return Fraction(0)
        return rate * Fraction(self.multiplier) * (size * price * (PRICE_UNIT - price)) * _CASH


def fee_terms(fee_type: str, multiplier: Decimal | str | float) -> FeeTerms:
    """Return the terms in the venue's words.

    Raises:
        ContractError: when the fee type is unknown or the multiplier is no number of 0 or more.
    """
    if fee_type not in _MAKER_RATES:
        known = ", ".join(_MAKER_RATES)
        raise ContractError(f"the fee type {fee_type!r} is unknown; known are {known}")
    try:
        value = Decimal(str(multiplier))
    except InvalidOperation:
        raise ContractError(f"the fee multiplier {multiplier!r} is not a number") from None
    if not (value.is_finite() and value >= 0):
        raise ContractError(f"the fee multiplier {multiplier!r} is not a number of 0 or more")
    return FeeTerms(fee_type, value)


@dataclass(frozen=True, slots=True)
class FeeRegime:
    """How the venue rounded fees from a day on.

    Args:
        since: first New York day.
        trade_unit: cash unit the trade fee is rounded up to; for a rule by order, the order's.
        rebate_unit: cash unit rebates are paid in; 0 for the member's own precision.
        by_order: the order's fees are rounded once, with nothing kept back and nothing rebated.
        source: where the rule and its date come from.
    """

    since: date
    trade_unit: int
    rebate_unit: int
    by_order: bool
    source: str


# The venue dates only the current wording; the two changes are known to the month.
FEE_REGIMES = (
    FeeRegime(date.min, _CENT, 0, True, "fee schedule to February 2026: up to the next cent"),
    FeeRegime(date(2026, 4, 1), 100, _CENT, False, "fee rounding page, spring to August 2026"),
    FeeRegime(date(2026, 9, 1), 1, 0, False, "fee rounding page, since about September 2026"),
)
CURRENT_REGIME = FEE_REGIMES[-1]


def fee_regime_on(day: date) -> FeeRegime:
    """Return the rounding rule in force on a New York day."""
    return next(regime for regime in reversed(FEE_REGIMES) if regime.since <= day)


@dataclass(slots=True)
class FeeAccumulator:
    """The fees of one order, fill by fill, maker and taker alike.

    Rounding in the member's disfavour is remembered and paid back once it amounts to a whole
    rebate unit, so that many fills cost about what one would. A fill that costs less than a unit
    leaves nothing to pay back from: many such fills cost more than one.

    Args:
        terms: the market's fee terms.
        precision: cash the member's balance is kept to, ``DIRECT`` or ``NON_DIRECT``.
        regime: the rounding rule in force.
    """

    terms: FeeTerms
    precision: int = DIRECT
    regime: FeeRegime = CURRENT_REGIME
    charged: int = field(default=0, init=False)
    _owed: int = field(default=0, init=False, repr=False)
    _model: Fraction = field(default=Fraction(0), init=False, repr=False)

    def fill(self, side: Side, price: int, size: int, *, is_taker: bool) -> int:
        """Return the net fee in cash, >= 0, of the order's next fill.

        Raises:
            ContractError: when the price is not within a dollar or the size not positive.
        """
        if not 0 <= price <= PRICE_UNIT or size <= 0:
            raise ContractError(f"no fee is known for {size} at {price}: the fill is malformed")
        model = self.terms.model_fee(price, size, is_taker=is_taker)
        if self.regime.by_order:
            self._model += model
            fee = _up(self._model, self.regime.trade_unit) - self.charged
        else:
            # Buying NO pays a dollar less the price, which ends in the same odd part as a receipt.
            revenue = -side.sign * price * size
            fee = self._rounded(revenue, _up(model, self.regime.trade_unit))
        self.charged += fee
        return fee

    def _rounded(self, revenue: int, trade_fee: int) -> int:
        rounding = (revenue - trade_fee) % self.precision
        unit = self.regime.rebate_unit or self.precision
        self._owed += rounding
        rebate = min(self._owed, trade_fee + rounding) // unit * unit
        self._owed -= rebate
        return trade_fee + rounding - rebate


def maker_fee(terms: FeeTerms, price: int, size: int, side: Side = Side.BID) -> int:
    """Return the cash a direct member pays today when ``size`` rests and fills in one piece."""
    return FeeAccumulator(terms).fill(side, price, size, is_taker=False)


def taker_fee(terms: FeeTerms, price: int, size: int, side: Side = Side.BID) -> int:
    """Return the cash a direct member pays today when ``size`` takes in one piece."""
    return FeeAccumulator(terms).fill(side, price, size, is_taker=True)


def display_fee(terms: FeeTerms, price: int, size: int, *, is_taker: bool) -> int:
    """Return the fee as the venue's tables print it: up to the next cent, in cash."""
    return _up(terms.model_fee(price, size, is_taker=is_taker), _CENT)


INDEX_SERIES = frozenset({"KXINX", "KXINXU", "KXNASDAQ100", "KXNASDAQ100U"})
# As listed on 2026-10-09; no change of theirs is known.
FIGURE_FEE_TYPES = MappingProxyType(
    {
        "KXCPI": "quadratic_with_maker_fees",
        "KXCPICORE": "quadratic",
        "KXCPIYOY": "quadratic_with_maker_fees",
        "KXJOBLESSCLAIMS": "quadratic",
        "KXUST10AD": "quadratic",
        "KXAAAGASD": "quadratic",
        "KXAAAGASW": "quadratic",
        "KXAAAGASM": "quadratic_with_maker_fees",
    }
)
# The index series' half taker rate ended with the schedule of July 2026.
FULL_INDEX_RATE_SINCE = datetime(2026, 7, 3, 17, tzinfo=UTC)


def series_terms_at(series: str, instant: datetime) -> FeeTerms:
    """Return what a series charged at ``instant``, for replaying; live, ask the venue.

    Raises:
        ContractError: when the series' history is not kept here.
    """
    if series in FIGURE_FEE_TYPES:
        return FeeTerms(FIGURE_FEE_TYPES[series], Decimal(1))
    if series not in INDEX_SERIES:
        raise ContractError(f"the fee history of {series} is not kept here: read it at the venue")
    full = require_aware(instant) >= FULL_INDEX_RATE_SINCE
    return FeeTerms("quadratic", Decimal(1) if full else Decimal("0.5"))


def _up(amount: Fraction, unit: int) -> int:
    return -(-amount // unit) * unit
