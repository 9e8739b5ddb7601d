"""What every REST answer has in common: the caller, JSON, pages, and the two ways to say no."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from aiohttp import web

from kalshi_alpha.rehearsal.exchange import requests as read
from kalshi_alpha.rehearsal.exchange.engine import Rejected
from kalshi_alpha.rehearsal.exchange.model import Account

ACCOUNT = web.RequestKey("account", Account)

Handler = Callable[[web.Request], Awaitable[web.Response]]
Route = tuple[str, str, Handler]
T = TypeVar("T")


def answer(data: Any, status: int = 200) -> web.Response:
    """Return JSON."""
    return web.json_response(data, status=status)


def words_of(no: Rejected) -> dict[str, str]:
    """Return a refusal as the venue words it."""
    return {"code": no.code, "message": no.code.replace("_", " "), "details": no.details}


def page(
    request: web.Request,
    rows: Sequence[T],
    key: Callable[[T], str],
    *,
    default: int = 100,
    high: int = 1000,
) -> tuple[Sequence[T], str]:
    """Cut one page out of ``rows``; the cursor names the last row that was given.

    So rows that arrive in front meanwhile, in a list with the newest first, repeat nothing.
    """
    limit = read.whole(request, "limit", default, low=1, high=high)
    start, cursor = 0, request.query.get("cursor")
    if cursor:
        names = [key(row) for row in rows]
        if cursor not in names:
            raise read.bad("the cursor is not one of ours")
        start = names.index(cursor) + 1
    chosen = rows[start : start + limit]
    return chosen, key(chosen[-1]) if start + limit < len(rows) else ""
