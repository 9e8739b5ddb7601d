"""Compare the ledger with the twin's own books: orders, fills and cash, to the last unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# Statuses of an intent that never became an order at the venue.
_NEVER_SENT = frozenset({"rejected"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing the two books do not agree on."""

    what: str
    name: str
    ledger: Any
    exchange: Any

    def __str__(self) -> str:
        """Say it in a sentence."""
        return (
            f"{self.what} {self.name}: the ledger says {self.ledger}, the exchange {self.exchange}"
        )


def differences(entries: Iterable[Mapping[str, Any]], books: Mapping[str, Any]) -> list[Difference]:
    """Return every difference between the ledger's entries of a day and the twin's books."""
    rows = list(entries)
    ours_orders = {
        row["client_order_id"]: (row["ticker"], row["side"], row.get("filled_size", 0))
        for row in rows
        if row["sk"].startswith("ORDER#") and row["status"] not in _NEVER_SENT
    }
    their_orders = {
        order["client_order_id"]: (order["ticker"], order["side"], order["filled_size"])
        for order in books["orders"]
    }
    keys = ("order_id", "ticker", "side", "price", "size", "fee")
    ours_fills = {
        row["fill_id"]: tuple(row[key] for key in keys)
        for row in rows
        if row["sk"].startswith("FILL#")
    }
    their_fills = {fill["fill_id"]: tuple(fill[key] for key in keys) for fill in books["fills"]}
    found = _compare("order", ours_orders, their_orders)
    found += _compare("fill", ours_fills, their_fills)
    expected = books["initial_cash"] + ledger_cash(rows)
    if expected != books["cash"]:
        found.append(Difference("cash", "of the account", expected, books["cash"]))
    return found


def ledger_cash(entries: Iterable[Mapping[str, Any]]) -> int:
    """Return the cash the ledger says has moved: fills and settlements, fees included."""
    total = 0
    for row in entries:
        if row["sk"].startswith("FILL#"):
            paid = row["price"] if row["side"] == "bid" else 10_000 - row["price"]
            total -= paid * row["size"] + row["fee"]
        elif row["sk"].startswith("SETTLEMENT#"):
            total += row["revenue"]
    return total


def _compare(what: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[Difference]:
    return [
        Difference(what, name, ours.get(name, "nothing"), theirs.get(name, "nothing"))
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    ]
