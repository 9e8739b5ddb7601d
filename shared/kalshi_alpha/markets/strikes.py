"""What a market pays on, from the listing's numeric strike fields.

====================  ========================  =========================================
``strike_type``       fields                    pays when the settlement value v is
====================  ========================  =========================================
``greater``           ``floor_strike`` f        v > f
``greater_or_equal``  ``floor_strike`` f        v >= f
``less``              ``cap_strike`` c          v < c
``less_or_equal``     ``cap_strike`` c          v <= c
``between``           both                      f <= v <= c
====================  ========================  =========================================

Settlement values lie on a grid of ticks (0.01 point for an index), so each of these is a closed
interval of whole ticks: "above 6844.9999" and "6845 or above" are the same market. The ticker's
label and the sentence of the rules are read only to contradict: over one tick away, the market is
refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

from kalshi_alpha.errors import ContractError
from kalshi_alpha.markets.tickers import MarketTicker


class StrikeType(StrEnum):
    """The venue's strike types that can be priced; every other is refused."""

    GREATER = "greater"
    GREATER_OR_EQUAL = "greater_or_equal"
    LESS = "less"
    LESS_OR_EQUAL = "less_or_equal"
    BETWEEN = "between"


@dataclass(frozen=True, slots=True)
class Payoff:
    """The settlement ticks on which YES pays, both ends included; None is without bound."""

    low: int | None
    high: int | None

    def contains(self, tick: int) -> bool:
        """Say whether YES pays when the settlement value is ``tick``."""
        return (self.low is None or tick >= self.low) and (self.high is None or tick <= self.high)


@dataclass(frozen=True, slots=True)
class Strike:
    """The listing's strike fields, in index points."""

    type: StrikeType
    floor: Decimal | None
    cap: Decimal | None

    def payoff(self, ticks_per_point: int) -> Payoff:
        """Return what it pays on.

        Raises:
            ContractError: ``strike_empty`` when no tick lies in a range.
        """
        low = None if self.floor is None else self.floor * ticks_per_point
        high = None if self.cap is None else self.cap * ticks_per_point
        if self.type is StrikeType.GREATER and low is not None:
            return Payoff(_down(low) + 1, None)
        if self.type is StrikeType.LESS and high is not None:
            return Payoff(None, _up(high) - 1)
        found = Payoff(None if low is None else _up(low), None if high is None else _down(high))
        if found.low is not None and found.high is not None and found.low > found.high:
            raise ContractError(
                f"no settlement value lies between {self.floor} and {self.cap}",
                code="strike_empty",
            )
        return found


def strike_from_fields(
    strike_type: str | None, floor_strike: Decimal | None, cap_strike: Decimal | None
) -> Strike:
    """Read the strike fields of a listing.

    Raises:
        ContractError: ``unknown_strike_type``; ``strike_missing`` when the type's number is not
            there; ``strike_mismatch`` when a one-sided type carries another number too.
    """
    try:
        kind = StrikeType(strike_type or "")
    except ValueError:
        raise ContractError(
            f"the strike type {strike_type!r} cannot be priced; known are {', '.join(StrikeType)}",
            code="unknown_strike_type",
        ) from None
    upward = kind in {StrikeType.GREATER, StrikeType.GREATER_OR_EQUAL}
    needs_floor, needs_cap = upward or kind is StrikeType.BETWEEN, not upward
    for name, needed, number in (
        ("floor_strike", needs_floor, floor_strike),
        ("cap_strike", needs_cap, cap_strike),
    ):
        if needed and (number is None or not number.is_finite()):
            raise ContractError(f"a {kind} market has no {name}", code="strike_missing")
    # Some series repeat the one number in both fields.
    two = None not in (floor_strike, cap_strike) and floor_strike != cap_strike
    if two and kind is not StrikeType.BETWEEN:
        raise ContractError(
            f"a {kind} market carries floor {floor_strike} and cap {cap_strike}, which is a range",
            code="strike_mismatch",
        )
    return Strike(kind, floor_strike if needs_floor else None, cap_strike if needs_cap else None)


def check_label(strike: Strike, ticker: MarketTicker, ticks_per_point: int) -> None:
    """Compare the ticker's label with the fields.

    A threshold's label repeats the number to within a settlement tick; a range's is its middle,
    with decimals cut off.

    Raises:
        ContractError: ``strike_mismatch``.
    """
    tick = Decimal(1) / ticks_per_point
    ranged = strike.type is StrikeType.BETWEEN
    numbers = [number for number in (strike.floor, strike.cap) if number is not None]
    away = sum(numbers, Decimal(0)) / len(numbers) - ticker.number
    close = -tick <= away < 1 if ranged else abs(away) <= tick
    if ranged == (ticker.kind == "B") and close:
        return
    raise ContractError(
        f"the ticker says {ticker.strike} and the listing {strike.type} "
        f"{' to '.join(map(str, numbers))}: they are not the same strike",
        code="strike_mismatch",
    )


def check_rules(payoff: Payoff, rules: str, ticks_per_point: int) -> None:
    """Compare what the sentence of the rules says, where it says a number, with the fields.

    Raises:
        ContractError: ``strike_mismatch`` when they part by more than a settlement tick.
    """
    for said in strikes_in_words(rules):
        worded = said.payoff(ticks_per_point)
        if not (_near(worded.low, payoff.low) and _near(worded.high, payoff.high)):
            numbers = [str(number) for number in (said.floor, said.cap) if number is not None]
            raise ContractError(
                f"the rules say {said.type} {' to '.join(numbers)}, which is not what the strike "
                "fields say",
                code="strike_mismatch",
            )


_NUMBER = r"\$?(-?[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?)"
_WORDS: tuple[tuple[StrikeType, str], ...] = (
    (StrikeType.BETWEEN, rf"\bbetween {_NUMBER}(?: and | to | ?[-\u2013] ?){_NUMBER}"),
    (StrikeType.GREATER, rf"(?<!at or )\b(?:above|greater than|more than) {_NUMBER}"),
    (StrikeType.GREATER_OR_EQUAL, rf"\b(?:at or above|at least) {_NUMBER}"),
    (StrikeType.GREATER_OR_EQUAL, rf"\bgreater than or equal to {_NUMBER}"),
    (StrikeType.GREATER_OR_EQUAL, rf"{_NUMBER} or (?:above|greater|higher|more)\b"),
    (StrikeType.LESS, rf"(?<!at or )\b(?:below|less than|lower than) {_NUMBER}"),
    (StrikeType.LESS_OR_EQUAL, rf"\b(?:at or below|at most) {_NUMBER}"),
    (StrikeType.LESS_OR_EQUAL, rf"\bless than or equal to {_NUMBER}"),
    (StrikeType.LESS_OR_EQUAL, rf"{_NUMBER} or (?:below|less|lower)\b"),
)
_PHRASES = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _WORDS)


def strikes_in_words(rules: str) -> list[Strike]:
    """Return every comparison with a number that a sentence makes, as strikes."""
    found = []
    for kind, phrase in _PHRASES:
        for match in phrase.finditer(rules):
            numbers = [Decimal(text.replace(",", "")) for text in match.groups()]
            upward = kind in {StrikeType.GREATER, StrikeType.GREATER_OR_EQUAL}
            floor = numbers[0] if upward or kind is StrikeType.BETWEEN else None
            found.append(Strike(kind, floor, None if upward else numbers[-1]))
    return found


def _near(one: int | None, other: int | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= 1


def _up(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_CEILING))


def _down(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_FLOOR))
