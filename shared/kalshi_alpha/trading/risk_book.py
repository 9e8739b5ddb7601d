"""What a scan leaves of a window's risk for whoever else looks at the fixing, as JSON and back.

Prices, sizes and cash travel as whole numbers and the laws as they are, so what is read weighs
exactly as what was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from kalshi_alpha.clock import from_iso, iso
from kalshi_alpha.errors import DataError, ParameterError
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.pricing.laws import law_from_json, law_to_json
from kalshi_alpha.trading.risk import FixingBook, FixingRisk, Holding, SymbolBook, together
from kalshi_alpha.trading.risk_plan import Claim

SCHEMA = "kalshi-alpha/risk/1"
Markets: TypeAlias = Mapping[str, tuple[str, Payoff]]  # symbol and payoff by ticker


@dataclass(frozen=True, slots=True)
class WindowRisk:
    """One window's part in the risk of its fixing, as one scan saw it and decided.

    Attributes:
        at: when.
        symbols: laws, contracts held and orders wanted, by symbol; of this window only.
        claims: quotes that had no room.
        markets: symbol and payoff of each market that any scan of the window wanted to quote.
        fixing: what the whole fixing may lose with them, None when that was not weighed.
    """

    at: datetime
    symbols: Mapping[str, SymbolBook]
    claims: tuple[Claim, ...] = ()
    markets: Markets = field(default_factory=dict)
    fixing: FixingRisk | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready copy."""
        return {
            "schema": SCHEMA,
            "at": iso(self.at),
            "symbols": symbols_to_json(self.symbols),
            "claims": [claim_to_json(claim) for claim in self.claims],
            "markets": markets_to_json(self.markets),
            "fixing": None if self.fixing is None else risk_to_json(self.fixing),
        }

    @classmethod
    def from_json(cls, doc: Mapping[str, Any]) -> WindowRisk:
        """Read what ``to_json`` wrote, but for the numbers, which follow from the rest.

        Raises:
            DataError: for anything else.
        """
        if doc.get("schema") != SCHEMA:
            raise DataError(f"a window's risk is of {str(doc.get('schema'))[:60]!r}, not {SCHEMA}")
        try:
            return cls(
                at=from_iso(str(doc["at"])),
                symbols=symbols_from_json(doc["symbols"]),
                claims=tuple(claim_from_json(claim) for claim in doc["claims"]),
                markets=markets_from_json(doc["markets"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, ParameterError) as error:
            raise DataError(f"a window's risk cannot be read: {repr(error)[:200]}") from None


@dataclass(frozen=True, slots=True)
class Fixing:
    """What is known of a fixing before one of its windows decides.

    Attributes:
        mine: what the window that looks holds, by symbol; its orders only where they count.
        others: what the other windows at the fixing hold and have resting.
        claims: what those had no room for.
        markets: symbol and payoff of each market that the window ever wanted to quote.
    """

    mine: Mapping[str, SymbolBook] = field(default_factory=dict)
    others: Mapping[str, SymbolBook] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    markets: Markets = field(default_factory=dict)

    def book(self, correlations: Mapping[tuple[str, str], tuple[float, ...]]) -> FixingBook:
        """Return all of it as one book; a symbol priced by both is priced as by ``mine``."""
        return FixingBook(together((self.mine, self.others)), correlations)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready copy."""
        return {
            "mine": symbols_to_json(self.mine),
            "others": symbols_to_json(self.others),
            "claims": [claim_to_json(claim) for claim in self.claims],
            "markets": markets_to_json(self.markets),
        }

    @classmethod
    def from_json(cls, doc: Mapping[str, Any]) -> Fixing:
        """Read what ``to_json`` wrote; raise ``DataError`` on anything else."""
        try:
            return cls(
                mine=symbols_from_json(doc["mine"]),
                others=symbols_from_json(doc["others"]),
                claims=tuple(claim_from_json(claim) for claim in doc["claims"]),
                markets=markets_from_json(doc["markets"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, ParameterError) as error:
            raise DataError(f"a fixing's book cannot be read: {repr(error)[:200]}") from None


def risk_to_json(risk: FixingRisk) -> dict[str, Any]:
    """Return the numbers of a risk, ready for JSON; cash in whole units."""
    return {
        "level": risk.tail.level,
        "var": risk.tail.var,
        "shortfall": risk.tail.shortfall,
        "worst": risk.worst,
        "correlation": risk.correlation,
    }


def symbols_to_json(symbols: Mapping[str, SymbolBook]) -> dict[str, Any]:
    """Return books by symbol ready for JSON."""
    return {
        name: {
            "ticks_per_point": one.ticks_per_point,
            "law": None if one.law is None else law_to_json(one.law),
            "held": [_holding_to_json(held) for held in one.held],
            "resting": [_holding_to_json(held) for held in one.resting],
        }
        for name, one in sorted(symbols.items())
    }


def symbols_from_json(doc: Mapping[str, Any]) -> dict[str, SymbolBook]:
    """Read what ``symbols_to_json`` wrote.

    Raises:
        KeyError, TypeError, ValueError, AttributeError, ParameterError, DataError: for anything
            else.
    """
    return {
        str(name): SymbolBook(
            law=None if one["law"] is None else law_from_json(one["law"]),
            held=tuple(map(_holding_from_json, one["held"])),
            resting=tuple(map(_holding_from_json, one["resting"])),
            ticks_per_point=_whole(one["ticks_per_point"], 1),
        )
        for name, one in doc.items()
    }


def markets_to_json(markets: Markets) -> dict[str, Any]:
    """Return what markets pay on, ready for JSON."""
    return {
        ticker: [symbol, payoff.low, payoff.high]
        for ticker, (symbol, payoff) in sorted(markets.items())
    }


def markets_from_json(doc: Mapping[str, Any]) -> dict[str, tuple[str, Payoff]]:
    """Read what ``markets_to_json`` wrote; raises as ``symbols_from_json``."""
    return {
        str(ticker): (str(symbol), _payoff(low, high))
        for ticker, (symbol, low, high) in doc.items()
    }


def claim_to_json(claim: Claim) -> dict[str, Any]:
    """Return a claim ready for JSON."""
    return {"symbol": claim.symbol, "ev": claim.ev, **_holding_to_json(claim.holding)}


def claim_from_json(doc: Mapping[str, Any]) -> Claim:
    """Read what ``claim_to_json`` wrote; raises as ``symbols_from_json``."""
    return Claim(str(doc["symbol"]), _holding_from_json(doc), _whole(doc["ev"]))


def _holding_to_json(held: Holding) -> dict[str, Any]:
    return {
        "ticker": held.ticker,
        "low": held.payoff.low,
        "high": held.payoff.high,
        "side": held.side.value,
        "size": held.size,
        "cost": held.cost,
    }


def _holding_from_json(doc: Mapping[str, Any]) -> Holding:
    return Holding(
        payoff=_payoff(doc["low"], doc["high"]),
        side=Side(doc["side"]),
        size=_whole(doc["size"], 1),
        cost=_whole(doc["cost"]),
        ticker=str(doc["ticker"]),
    )


def _payoff(low: Any, high: Any) -> Payoff:
    return Payoff(None if low is None else _whole(low), None if high is None else _whole(high))


def _whole(value: Any, least: int | None = None) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{str(value)[:40]!r} is not a whole number")
    if least is not None and value < least:
        raise ValueError(f"{value} is below {least}")
    return value
