"""A small momentum day made by hand, for pages and tables."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.markets.orders import Fill, Side
from kalshi_alpha.reports.momentum_page import Bracket, FilledOrder, MomentumDay

DAY = ClimateDay(date(2024, 12, 3), -5)
TICKERS = ("KXHIGHNY-24DEC03-T40", "KXHIGHNY-24DEC03-B40.5", "KXHIGHNY-24DEC03-T41")
NOON = DAY.start + timedelta(hours=12)


def features(hours: int = 6) -> list[dict]:
    """Return looks at three brackets, one an hour, the middle one rising."""
    rows = []
    for hour in range(hours):
        at = (NOON + timedelta(hours=hour)).timestamp()
        beliefs = (0.3 - 0.04 * hour, 0.4 + 0.08 * hour, 0.3 - 0.04 * hour)
        for place, (ticker, belief) in enumerate(zip(TICKERS, beliefs, strict=True)):
            rows.append(
                {
                    "at": at, "event": "KXHIGHNY-24DEC03", "ticker": ticker, "place": place,
                    "mid": belief + 0.01, "spread": 0.02, "velocity": 0.0, "acceleration": 0.0,
                    "below": None, "above": None, "taken": 0.1, "pushed": 0.0, "queue": 0.0,
                    "age_s": 5.0, "belief": belief, "law": None if hour == 0 else 1 / 3,
                    "hazard": 0.02, "centre": 40.5, "held": 0,
                }
            )  # fmt: skip
    return rows


def leans() -> list[dict]:
    """Return a quote, a refusal and a withdrawal."""
    at = NOON.timestamp()
    whole = {
        "at": at, "kind": "leader", "ticker": TICKERS[1], "side": "bid", "price": 4500,
        "size": 500, "belief": 0.5, "mid": 0.46, "edge": 0.05, "hazard": 0.02, "heat": 1.0,
        "pros": ["it moves enough", "it leads <by far>", "order flow presses its way", "room"],
        "cons": [],
    }  # fmt: skip
    refused = {"action": "refuse", "code": "edge", "reason": "it earns too little", "size": None}
    withdrawn = {"action": "withdraw", "code": "over", "reason": "its signal is old", "pros": []}
    return [
        whole | {"action": "quote", "code": "", "reason": ""},
        whole | refused | {"at": at + 60},
        whole | withdrawn | {"at": at + 120},
    ]


def orders() -> list[dict]:
    """Return one order that rested for two minutes and filled in part."""
    since, until = NOON, NOON + timedelta(minutes=2)
    return [
        {
            "window_id": "20241203-1300-temperature-kxhighny", "client_order_id": "ka-1",
            "order_id": "paper-1", "ticker": TICKERS[1], "side": "bid", "price": 4500,
            "size": 500, "filled_size": 200, "remaining_size": 0, "status": "canceled",
            "expires_at": "2024-12-03T17:59:58Z",
            "events": [
                {"at": since.isoformat(), "status": "intended"},
                {"at": until.isoformat(), "status": "canceled"},
            ],
        }
    ]  # fmt: skip


def a_fill(result: int | None) -> FilledOrder:
    """Return two contracts of the middle bracket bought at 45 cents."""
    at = NOON + timedelta(seconds=30)
    fill = Fill("f-1", "paper-1", TICKERS[1], Side.BID, 4500, 200, False, 0, at)
    return FilledOrder(fill, result)


def a_momentum_day(*, settled: bool = True, quiet: bool = False, shadow: bool = False):
    """Return the day: settled or open, busy or without anything heard."""
    values = (0, 10_000, 0) if settled else (None, None, None)
    words = ("39\N{DEGREE SIGN} or below", "40\N{DEGREE SIGN}", "41\N{DEGREE SIGN} or above")
    return MomentumDay(
        event="KXHIGHNY-24DEC03",
        city="New York",
        climate=DAY,
        brackets=[Bracket(*row) for row in zip(TICKERS, words, values, strict=True)],
        features=[] if quiet else features(),
        leans=[] if quiet else leans(),
        orders=[] if quiet or shadow else orders(),
        fills=[] if quiet or shadow else [a_fill(1_100_000 if settled else None)],
        degrees="40" if settled else "",
        played=0 if quiet else 120,
        frames=0 if quiet else 400,
        told=[(datetime(2024, 12, 3, 17, 5, tzinfo=UTC), "books: the connection was lost")],
        labels={"trades": "recorded", "weather": "simulated"},
        provenance=[("Event", "KXHIGHNY-24DEC03")],
        shadow=shadow,
    )
