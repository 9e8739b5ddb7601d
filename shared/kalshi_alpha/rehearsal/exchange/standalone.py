"""The exchange alone, on wall time, with open and moving markets for as long as it runs."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta

from kalshi_alpha.clock import NEW_YORK, SystemClock
from kalshi_alpha.rehearsal.exchange.server import ExchangeServer
from kalshi_alpha.rehearsal.path import WallPath, load_day, recorded_days

SERIES = ("KXINXU", "KXNASDAQ100U", "KXINX", "KXNASDAQ100")
_AHEAD = 2  # events of each series that are always open
_LOOK_SECONDS = 5.0


async def run_exchange(port: int, *, seed: int, key_kind: str = "rsa") -> None:
    """Serve until cancelled; print one JSON line when ready."""
    clock = SystemClock()
    day = recorded_days()[-1]
    paths = {symbol: WallPath(load_day(symbol, day, seed=seed)) for symbol in ("SPX", "NDX")}
    server = ExchangeServer(
        clock,
        path_value=lambda symbol, at: paths[symbol].value_at(at),
        seed=seed,
        key_kind=key_kind,
        control=False,
        maintenance=False,  # it is there at any hour
        lively=timedelta(hours=_AHEAD + 1),  # whoever connects sees every market move
    )
    _list_ahead(server, clock.now())
    await server.start(port)
    print(json.dumps(server.ready()), flush=True)  # noqa: T201
    try:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            _list_ahead(server, clock.now())
            _forget_old(server, clock.now())
    finally:
        await server.stop()


def next_hours(now: datetime, count: int) -> list[datetime]:
    """Return the next full New York hours that are at least two minutes away."""
    soon = (now + timedelta(minutes=2)).astimezone(NEW_YORK)
    first = soon.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return [first + timedelta(hours=n) for n in range(count)]


def _list_ahead(server: ExchangeServer, now: datetime) -> None:
    listed = {(m.series, m.close_at) for m in server.engine.markets.values()}
    for fixing in next_hours(now, _AHEAD):
        for series in SERIES:
            if (series, fixing) not in listed:
                server.list_fixing(series, fixing, open_at=now)


def _forget_old(server: ExchangeServer, now: datetime) -> None:
    """Drop markets settled an hour ago, as the venue archives them."""
    old = [
        ticker
        for ticker, market in server.engine.markets.items()
        if market.settled_at is not None and market.settled_at < now - timedelta(hours=1)
    ]
    for ticker in old:
        del server.engine.markets[ticker]
