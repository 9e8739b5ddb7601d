"""Small recorded windows made by hand: a few markets around 6900, a level that stands or moves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from kalshi_alpha.markets.contracts import Ladder
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.tickers import parse_market
from kalshi_alpha.markets.windows import windows_on
from kalshi_alpha.research.backtest.loading import contract_of
from kalshi_alpha.research.backtest.pricing import Pricer, pricer
from kalshi_alpha.research.backtest.tape import Seconds, Tape
from tests.made_parameters import made_parameters, made_part

DAY = date(2026, 1, 5)
STRIKES = (6890, 6895, 6900, 6905, 6910)


def tape_of(
    trades: Sequence[dict[str, Any]],
    *,
    paid: Sequence[bool | None] = (True, True, False, False, False),
    day: date = DAY,
    level: float = 6899.0,
) -> Tape:
    """Return the window at 16:00; a trade has ``left`` seconds, ``market``, prices and sizes."""
    registry, sessions = load_registry(), load_sessions()
    series = registry.series["KXINXU"]
    window = next(w for w in windows_on(day, registry, sessions) if w.fixing.hour == 21)
    session = sessions.on(day)
    assert session is not None
    event = f"KXINXU-{day:%y%b%d}H1600".upper()
    contracts = tuple(
        contract_of(parse_market(f"{event}-T{k - 1}.9999"), series, session, window.fixing)
        for k in STRIKES
    )
    fixing = window.fixing.timestamp()
    rows = sorted(trades, key=lambda row: -row["left"])
    return Tape(
        window=window,
        series="KXINXU",
        symbol="SPX",
        session=session,
        ladder=Ladder(event, "KXINXU", window.fixing, contracts, ()),
        seconds=Seconds(
            at=[int(fixing - row["left"]) for row in rows],
            market=[row.get("market", 2) for row in rows],
            sold=[row.get("sold", 0) for row in rows],
            sold_size=[row.get("size", 500) if row.get("sold") else 0 for row in rows],
            bought=[row.get("bought", 0) for row in rows],
            bought_size=[row.get("size", 500) if row.get("bought") else 0 for row in rows],
            level=[row.get("level", level + 0.01 * k) for k, row in enumerate(rows)],
        ),
        bars=(),
        paid=tuple(paid),
    )


def pricer_of(tape: Tape) -> Pricer:
    """Return its pricer with round parameters: a variance of 1e-7 a minute, a basis of 0.1."""
    return pricer(tape, load_registry(), made_parameters(made_part(), made_part()))


def quiet(every: float = 10.0, start: float = 320.0) -> list[dict[str, Any]]:
    """Return trades at both sides of every market near the money, wide apart, all the while."""
    prices = {1: (6000, 8800), 2: (2500, 6500), 3: (600, 4000)}
    return [
        {"left": start - every * k, "market": market, "sold": low, "bought": high}
        for k in range(int(start // every))
        for market, (low, high) in prices.items()
    ]
