"""What a window leaves in the artifact store, made by hand: a bid that fills, an ask that rests."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.pricing.parameters import shipped_parameters

DAY = date(2025, 11, 4)


def leave_window(
    root: Path,
    day: date = DAY,
    *,
    broker: str = "paper",
    settled: float | None = 6805.0,
    filled: bool = True,
    summary: bool = True,
    config: str = "",
    fill_price: int = 4500,
    **over: Any,
) -> str:
    """Leave the noon window of a day below ``root`` and return its id.

    The bid asks 45 cents for what the law calls 52, fills after 10 s and pays when the index
    settles at 6800 or above; the ask rests from T-240 s to T-200 s.
    """
    store = FolderStore(root)
    name = f"{day:%Y%m%d}-1200-index-hourly"
    folder = f"windows/{name}"
    fixing = datetime(day.year, day.month, day.day, 17, tzinfo=UTC)
    event = f"KXINXU-{day:%y%b%d}H1200".upper()
    bid, ask = f"{event}-T6799.9999", f"{event}-T6804.9999"

    def at(seconds: float) -> str:
        return (fixing - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")

    def order(ticker: str, side: str, price: int, since: float, until: float, end: str) -> Any:
        number = "paper-1" if broker == "paper" else "uuid-1"
        return {
            "sk": f"ORDER#{side}",
            "ticker": ticker,
            "side": side,
            "price": price,
            "size": 100,
            "order_id": f"{number}-{side}",
            "client_order_id": side,
            "status": end,
            "expires_at": at(2),
            "events": [
                {"at": at(since + 1), "status": "intended"},
                {"at": at(since), "status": "resting", "price": price},
                {"at": at(until), "status": end},
            ],
        }

    entries = [
        order(ask, "ask", 3500, 240, 200, "canceled"),
        order(bid, "bid", 4500, 240, 200, "filled" if filled else "canceled"),
    ]
    if filled:
        number = "paper-1" if broker == "paper" else "uuid-1"
        entries.append(
            {
                "sk": f"FILL#{day}",
                "fill_id": f"fill-{day}",
                "order_id": f"{number}-bid",
                "ticker": bid,
                "side": "bid",
                "price": fill_price,
                "size": 100,
                "is_taker": False,
                "fee": 0,
                "at": at(230),
            }
        )
    if settled is not None and filled:
        result = "yes" if settled >= 6800.0 else "no"
        revenue = 1_000_000 if result == "yes" else 0
        entries.append(
            {"sk": f"SETTLEMENT#{bid}", "ticker": bid, "result": result, "revenue": revenue}
        )
    paid = settled is not None and settled >= 6800.0
    pnl = (1_000_000 if paid else 0) - 450_000 if filled and settled is not None else 0

    def ladder(probability: float) -> list[dict[str, Any]]:
        low = {"low": 680_000, "high": None, "ticker": bid, "bid": 4400, "ask": 4800}
        high = {"low": 680_500, "high": None, "ticker": ask, "bid": 2800, "ask": 3400}
        return [low | {"probability": probability}, high | {"probability": 0.25}]

    for revision, (before, probability) in enumerate(((245.0, 0.52), (205.0, 0.5)), 1):
        row = {"at": at(before), "revision": revision, "series": "KXINXU", "decision": "quote",
               "code": "", "reason": "", "bid": 4400, "ask": 4800}  # fmt: skip
        whys = [
            row | {"ticker": bid, "side": "bid", "price": 4500, "probability": probability},
            row | {"ticker": ask, "side": "ask", "price": 3500, "probability": 0.25},
            row | {"series": "KXNASDAQ100U", "ticker": "", "side": "", "decision": "refuse",
                   "code": "feed-silence", "reason": "silent", "probability": None},
        ]  # fmt: skip
        lines = "".join(json.dumps(why) + "\n" for why in whys)
        store.write(f"{folder}/why/{revision:04d}.jsonl", lines.encode())
        spx = {"value": 6801.0, "ladder": ladder(probability)}
        scan = {"at": at(before), "series": {"KXINXU": spx}}
        store.write(f"{folder}/scan/{revision:04d}.json", json.dumps(scan).encode())
        beats = [{"symbol": "SPX", "item": {"lag_s": 0.1, "silence_s": 0.9}}]
        seen = {
            "format": 1,
            "broker": broker,
            "registry": config or load_registry().hash,
            "parameters": shipped_parameters(day).decode(),
            "heartbeats": beats,
        }
        store.write(f"{folder}/seen/{revision:04d}.json.gz", _packed(seen))
    books = {"format": 1, "window_id": name, "entries": entries}
    store.write(f"{folder}/books.json.gz", _packed(books))
    if summary:
        series = {
            "KXINXU": {"settlement_value": settled, "pnl": pnl, "fees": 0},
            "KXNASDAQ100U": {"settlement_value": None, "pnl": 0, "fees": 0},
        }
        whole = {"go": True, "reasons": [], "series": series, "cash_difference": 0,
                 "contradictions": [], "fee_differences": [], "cooling_off": [],
                 "cautions": []} | over  # fmt: skip
        store.write(f"{folder}/summary.json", json.dumps(whole).encode())
    return name


def _packed(doc: object) -> bytes:
    return gzip.compress(json.dumps(doc).encode(), mtime=0)
