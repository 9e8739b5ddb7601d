"""The daily tables: their columns, where they lie, and the questions that are kept ready.

One source for whoever writes them each evening and for the catalog that lets Athena read them. A
table is a folder of parquet files, ``daily/<table>/day=<date>/part.parquet``; the day is its
partition, so that a question about a week reads a week.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

PREFIX = "daily/"

# Columns by table, in order, with the type that Athena knows them by. Money is in 1/1000000
# dollar, prices in 1/10000 dollar, sizes in 1/100 contract, as everywhere.
TABLES: Mapping[str, Mapping[str, str]] = {
    "windows": {
        "window_id": "string",
        "window_group": "string",
        "fixing": "timestamp",
        "go": "boolean",
        "reasons": "string",
        "fills": "bigint",
        "fees": "bigint",
        "pnl": "bigint",
        "cash_difference": "bigint",
        "pull_confirmed_s": "double",
        "resting_after": "bigint",
    },
    "orders": {
        "window_id": "string",
        "client_order_id": "string",
        "order_id": "string",
        "ticker": "string",
        "side": "string",
        "price": "bigint",
        "size": "bigint",
        "status": "string",
        "intended_at": "timestamp",
        "events": "bigint",
    },
    "fills": {
        "window_id": "string",
        "fill_id": "string",
        "order_id": "string",
        "ticker": "string",
        "side": "string",
        "price": "bigint",
        "size": "bigint",
        "is_taker": "boolean",
        "fee": "bigint",
        "at": "timestamp",
    },
    "decisions": {
        "window_id": "string",
        "revision": "bigint",
        "at": "timestamp",
        "series": "string",
        "ticker": "string",
        "side": "string",
        "decision": "string",
        "code": "string",
        "reason": "string",
        "probability": "double",
        "price": "bigint",
        "size": "bigint",
        "ev": "double",
        "bid": "bigint",
        "ask": "bigint",
    },
}

# Of the temperature ladders, where their process is deployed. ``seconds`` are since 1970 UTC.
TABLES_OF_TEMPERATURE: Mapping[str, Mapping[str, str]] = {
    "temperature_features": {
        **dict.fromkeys(("event", "ticker"), "string"),
        **dict.fromkeys(("place", "held"), "bigint"),
        "heard": "boolean",
        **dict.fromkeys(
            (
                "seconds", "mid", "spread", "velocity", "acceleration", "below", "above", "taken",
                "pushed", "queue", "age_s", "belief", "filtered", "law", "hazard", "centre",
            ),
            "double",
        ),
    },
    "temperature_decisions": {
        **dict.fromkeys(("action", "kind", "ticker", "side", "code", "reason"), "string"),
        **dict.fromkeys(("price", "size"), "bigint"),
        **dict.fromkeys(("seconds", "belief", "mid", "edge", "hazard", "heat"), "double"),
    },
    "temperature_trades": {
        "seconds": "double",
        **dict.fromkeys(("ticker", "taker"), "string"),
        **dict.fromkeys(("price", "size"), "bigint"),
    },
    "temperature_fills": {
        "seconds": "double",
        **dict.fromkeys(("event", "window_id", "order_id", "ticker", "side"), "string"),
        **dict.fromkeys(("price", "size", "fee", "result"), "bigint"),
    },
}  # fmt: skip

QUESTIONS_OF_TEMPERATURE: Mapping[str, str] = {
    "temperature-earned": (
        "SELECT day, event, count(*) AS fills, sum(result) / 1e6 AS dollars, "
        "sum(fee) / 1e6 AS fees FROM temperature_fills GROUP BY day, event ORDER BY day DESC, event"
    ),
    "temperature-traded": (
        "SELECT day, ticker, count(*) AS trades, sum(size) / 100 AS contracts, "
        "sum(CASE WHEN taker = 'bid' THEN size ELSE -size END) / 100 AS bought_less_sold "
        "FROM temperature_trades GROUP BY day, ticker ORDER BY day DESC, ticker"
    ),
    "temperature-why": (
        "SELECT day, action, kind, code, count(*) AS times, min(reason) AS one_of_them "
        "FROM temperature_decisions GROUP BY day, action, kind, code "
        "ORDER BY day DESC, times DESC"
    ),
    "temperature-belief": (
        "SELECT day, ticker, count(*) AS looks, avg(belief) AS belief, avg(mid) AS mid, "
        "avg(spread) AS spread FROM temperature_features GROUP BY day, ticker "
        "ORDER BY day DESC, ticker"
    ),
}

QUESTIONS: Mapping[str, str] = {
    "earned-by-day": (
        "SELECT day, count(*) AS windows, sum(fills) AS fills, sum(pnl) / 1e6 AS dollars, "
        "sum(fees) / 1e6 AS fees FROM windows GROUP BY day ORDER BY day DESC"
    ),
    "why-refused": (
        "SELECT day, series, code, count(*) AS times, min(reason) AS one_of_them FROM decisions "
        "WHERE decision = 'refuse' GROUP BY day, series, code ORDER BY day DESC, times DESC"
    ),
    "latest-pulls": (
        "SELECT day, window_id, pull_confirmed_s, resting_after FROM windows "
        "WHERE pull_confirmed_s IS NOT NULL ORDER BY pull_confirmed_s DESC LIMIT 100"
    ),
    "claimed-on-what-filled": (
        "SELECT f.day, count(*) AS fills, avg(d.ev) AS claimed FROM fills f JOIN decisions d "
        "ON f.window_id = d.window_id AND f.ticker = d.ticker AND f.side = d.side "
        "AND f.price = d.price AND d.decision = 'quote' AND d.at <= f.at AND f.day = d.day "
        "GROUP BY f.day ORDER BY f.day DESC"
    ),
}


def key(table: str, day: date) -> str:
    """Return the key of a table's part of one day."""
    return f"{PREFIX}{table}/day={day.isoformat()}/part.parquet"
