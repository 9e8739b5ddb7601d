"""From the rows that the steps write to the entries that are booked. Nothing is decided here.

A row is what ``LedgerStore.entries`` yields: its ``sk`` says what it is. One row may be several
entries: an order's are its intent and each event since, a fill's are the fill and its fee.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from kalshi_alpha.clock import from_iso, iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.trading.accounts import TRANSFERS, Entry, Kind, booking_order
from kalshi_alpha.trading.lifecycle import State

PAPER_ORDER = "paper-"  # how the paper broker's order ids begin

_NEVER_WAS = frozenset({State.INTENDED, State.REJECTED})
_ENDED = frozenset({State.FILLED, State.CANCELED, State.EXPIRED})


def entries_of(window_id: str, rows: Iterable[Mapping[str, Any]], book: str) -> list[Entry]:
    """Return a window's entries, in the order in which they are booked.

    Args:
        window_id: whose rows they are.
        rows: from the ledger table; those that are no event of the account are passed over.
        book: ``paper``, ``twin`` or ``live``.

    Raises:
        DataError: when a row cannot be read, or belongs into another book.
    """
    found: list[Entry] = []
    for row in rows:
        what, _, name = str(row["sk"]).partition("#")
        reader = _READERS.get(what)
        if reader is None:
            continue
        _same_book(row, name, book)
        try:
            found.extend(reader(window_id, name, row))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"the ledger's row {row['sk']} of {window_id} cannot be read: {error!r}"
            ) from error
    if book == "paper":  # its broker keeps no cash
        found = [entry for entry in found if entry.kind is not Kind.BALANCE]
    return sorted(found, key=booking_order)


def transfer_entry(row: Mapping[str, Any]) -> Entry:
    """Return the entry of money that moved outside of any trade."""
    kind, cash = str(row["transfer"]), int(row["cash"])
    if kind not in TRANSFERS:
        raise DataError(f"the transfer {kind!r} is none of {', '.join(TRANSFERS)}")
    at = from_iso(row["at"])
    facts = {"transfer": kind, "cash": cash, "reason": str(row["reason"]), "by": str(row["by"])}
    return Entry(f"transfer/{row['name']}", Kind.TRANSFER, at, facts=facts)


def opening_entry(told: Entry, moved: int) -> Entry:
    """Return the entry that opens a book, from the first balance told and the cash moved before."""
    cash = told.facts["cash"] - moved
    return Entry("opening", Kind.OPENING, told.at, told.window_id, facts={"cash": cash})


def _order(window_id: str, name: str, row: Mapping[str, Any]) -> Iterator[Entry]:
    if "ticker" not in row:
        return  # something was heard of an order that no intent of ours names
    now = _state_at_first(row)
    side, ticker = Side(row["side"]), str(row["ticker"])
    for index, event in enumerate(row["events"]):
        at, status = from_iso(event["at"]), str(event["status"])
        now |= {key: event[key] for key in now if key in event}
        facts = {
            "client_order_id": name,
            "index": index,
            "status": status,
            "side": side.value,
            "price": int(now["price"]),
            "told": _told(status, now),
            "order_id": str(now["order_id"]),
        }
        if index == 0:
            facts |= {"size": int(row["size"]), "expires_at": str(row.get("expires_at", ""))}
        kind = Kind.ORDER if index else Kind.INTENT
        yield Entry(f"order/{name}/{index:04d}", kind, at, window_id, ticker, facts)


def _state_at_first(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return an order as it was intended: its row says what it is now."""
    priced = next((event["price"] for event in row["events"] if "price" in event), row["price"])
    return {"price": priced, "remaining_size": row["size"], "filled_size": 0, "order_id": ""}


def _told(status: str, now: Mapping[str, Any]) -> int:
    if status in _NEVER_WAS:
        return 0
    left = 0 if status in _ENDED else int(now["remaining_size"])
    return left + int(now["filled_size"])


def _fill(window_id: str, name: str, row: Mapping[str, Any]) -> Iterator[Entry]:
    at, ticker, order_id = from_iso(row["at"]), str(row["ticker"]), str(row["order_id"])
    facts = {
        "order_id": order_id,
        "side": Side(row["side"]).value,
        "price": int(row["price"]),
        "size": int(row["size"]),
        "is_taker": bool(row["is_taker"]),
    }
    yield Entry(f"fill/{name}", Kind.FILL, at, window_id, ticker, facts)
    if fee := int(row["fee"]):
        yield Entry(
            f"fee/{name}", Kind.FEE, at, window_id, ticker, {"fee": fee, "order_id": order_id}
        )


def _settlement(window_id: str, name: str, row: Mapping[str, Any]) -> Iterator[Entry]:
    facts = {"result": str(row["result"]), "revenue": int(row["revenue"]), "version": 1}
    at = from_iso(row["at"])
    yield Entry(f"settlement/{name}/1", Kind.SETTLEMENT, at, window_id, name, facts)


def _cash(window_id: str, name: str, row: Mapping[str, Any]) -> Iterator[Entry]:
    at: datetime = from_iso(row["at"])
    facts = {"moment": name, "cash": int(row["cash"])}
    key = f"balance/{window_id}/{name}/{iso(at)}"  # a later one does not replace it
    yield Entry(key, Kind.BALANCE, at, window_id, facts=facts)


_READERS = {"ORDER": _order, "FILL": _fill, "SETTLEMENT": _settlement, "CASH": _cash}


def _same_book(row: Mapping[str, Any], name: str, book: str) -> None:
    order_id = str(row.get("order_id") or "")
    if order_id and order_id.startswith(PAPER_ORDER) != (book == "paper"):
        raise DataError(
            f"{name} is of the order {order_id}, which does not belong into the {book} book: paper "
            "and live are never kept in one"
        )
