"""What a member can do: create, amend, decrease and cancel orders, alone, in batches, in groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

from aiohttp import web

from kalshi_alpha.markets.units import size_text
from kalshi_alpha.rehearsal.exchange import requests as read
from kalshi_alpha.rehearsal.exchange import views
from kalshi_alpha.rehearsal.exchange.answers import ACCOUNT, Route, answer, words_of
from kalshi_alpha.rehearsal.exchange.engine import Engine, Rejected
from kalshi_alpha.rehearsal.exchange.limits import CANCEL_COST, DEFAULT_COST
from kalshi_alpha.rehearsal.exchange.model import Group

_ORDERS, _GROUPS, _LEGACY = (
    "/portfolio/events/orders",
    "/portfolio/order_groups",
    "/portfolio/orders",
)

Charge = Callable[[web.Request, int], None]


class OrderRoutes:
    """Handlers that write; ``charge`` takes a whole batch's tokens at once, or refuses it."""

    def __init__(self, engine: Engine, charge: Charge) -> None:
        self._engine, self._charge = engine, charge

    def table(self) -> Sequence[Route]:
        """Return method, path and handler of each."""
        return (
            ("POST", _ORDERS, self._create),
            ("DELETE", _ORDERS, self._cancel_all),
            ("POST", f"{_ORDERS}/batched", self._batch_create),
            ("DELETE", f"{_ORDERS}/batched", self._batch_cancel),
            ("DELETE", f"{_ORDERS}/{{order}}", self._cancel),
            ("POST", f"{_ORDERS}/{{order}}/amend", self._amend),
            ("POST", f"{_ORDERS}/{{order}}/decrease", self._decrease),
            ("GET", _GROUPS, self._groups),
            ("POST", f"{_GROUPS}/create", self._group_create),
            ("GET", f"{_GROUPS}/{{group}}", self._group),
            ("DELETE", f"{_GROUPS}/{{group}}", self._group_delete),
            ("PUT", f"{_GROUPS}/{{group}}/reset", self._group_reset),
            ("PUT", f"{_GROUPS}/{{group}}/trigger", self._group_trigger),
            ("PUT", f"{_GROUPS}/{{group}}/limit", self._group_limit),
            ("POST", _LEGACY, self._gone),
            ("POST", f"{_LEGACY}/batched", self._gone),
            ("DELETE", f"{_LEGACY}/batched", self._gone),
            ("DELETE", f"{_LEGACY}/{{order}}", self._gone),
            ("POST", f"{_LEGACY}/{{order}}/amend", self._gone),
            ("POST", f"{_LEGACY}/{{order}}/decrease", self._gone),
        )

    # --- orders ------------------------------------------------------------------------------

    async def _create(self, request: web.Request) -> web.Response:
        ticket = read.ticket_of(await read.body_of(request))
        order = self._engine.create(request[ACCOUNT].account_id, ticket)
        return answer(views.ack_view(order, self._engine.clock.now()), status=201)

    async def _batch_create(self, request: web.Request) -> web.Response:
        items = read.items_of(await read.body_of(request))
        self._charge(request, len(items) * DEFAULT_COST)
        answers = [self._created(request[ACCOUNT].account_id, item) for item in items]
        return answer({"orders": answers}, status=201)

    def _created(self, account: str, item: dict[str, Any]) -> dict[str, Any]:
        try:
            order = self._engine.create(account, read.ticket_of(item))
        except Rejected as no:
            known = item.get("client_order_id")
            said = known if isinstance(known, str) else None
            return {"client_order_id": said, "error": words_of(no)}
        return views.ack_view(order, self._engine.clock.now())

    async def _cancel(self, request: web.Request) -> web.Response:
        return answer(self._canceled(request, request.match_info["order"]))

    async def _batch_cancel(self, request: web.Request) -> web.Response:
        items = read.items_of(await read.body_of(request))
        self._charge(request, len(items) * CANCEL_COST)
        answers = []
        for item in items:
            order_id = str(item.get("order_id") or "")
            try:
                answers.append(self._canceled(request, order_id))
            except Rejected as no:
                none = {"reduced_by": size_text(0), "ts_ms": None}
                answers.append({"order_id": order_id, "error": words_of(no)} | none)
        return answer({"orders": answers})

    async def _cancel_all(self, request: web.Request) -> web.Response:
        self._engine.cancel_all(request[ACCOUNT].account_id)
        return web.Response(status=204)

    async def _amend(self, request: web.Request) -> web.Response:
        body = await read.body_of(request)
        account, order_id = request[ACCOUNT], request.match_info["order"]
        side, order = read.side_of(body), account.orders.get(order_id)
        if order is None:
            raise Rejected(404, "not_found", "there is no such order")
        if (body.get("ticker"), side) != (order.ticker, order.side):
            raise read.bad("ticker and side must be those of the order")
        expiry: datetime | Literal["keep"] | None = "keep"
        if body.get("expiration_time") is not None:
            expiry = read.expiry_of(body)
        before = views.BeforeAmend(order)
        changed = self._engine.amend(
            account.account_id,
            order_id,
            price=read.price_of(body),
            count=read.count_of(body, "count"),
            expires_at=expiry,
            client_order_id=read.name_of(body, "updated_client_order_id"),
        )
        return answer(before.view(changed, self._engine.clock.now()))

    async def _decrease(self, request: web.Request) -> web.Response:
        body = await read.body_of(request)
        given = [name for name in ("reduce_by", "reduce_to") if body.get(name) is not None]
        if len(given) != 1:
            raise read.bad("exactly one of reduce_by and reduce_to is needed")
        size = read.count_of(body, given[0])
        by, to = (size, None) if given[0] == "reduce_by" else (None, size)
        order = self._engine.decrease(
            request[ACCOUNT].account_id, request.match_info["order"], by=by, to=to
        )
        return answer(
            {
                "order_id": order.order_id,
                "client_order_id": order.client_order_id,
                "remaining_count": size_text(order.remaining),
                "ts_ms": views.millis(self._engine.clock.now()),
            }
        )

    async def _gone(self, request: web.Request) -> web.Response:
        del request
        raise Rejected(410, "endpoint_removed", "Please switch to the V2 endpoints")

    # --- groups ------------------------------------------------------------------------------

    async def _groups(self, request: web.Request) -> web.Response:
        found = request[ACCOUNT].groups.values()
        return answer({"order_groups": [views.group_view(group) for group in found]})

    async def _group_create(self, request: web.Request) -> web.Response:
        limit = read.group_limit_of(await read.body_of(request))
        group = self._engine.create_group(request[ACCOUNT].account_id, limit)
        said = {"order_group_id": group.group_id, "subaccount": 0, "exchange_index": 0}
        return answer(said, status=201)

    async def _group(self, request: web.Request) -> web.Response:
        group = self._known_group(request)
        view = views.group_view(group)
        del view["id"]
        return answer(view | {"orders": [o.order_id for o in self._engine.group_orders(group)]})

    async def _group_delete(self, request: web.Request) -> web.Response:
        self._engine.delete_group(self._known_group(request))
        return answer({})

    async def _group_reset(self, request: web.Request) -> web.Response:
        self._engine.reset_group(self._known_group(request))
        return answer({})

    async def _group_trigger(self, request: web.Request) -> web.Response:
        self._engine.trigger_group(self._known_group(request))
        return answer({})

    async def _group_limit(self, request: web.Request) -> web.Response:
        limit = read.group_limit_of(await read.body_of(request))
        self._engine.limit_group(self._known_group(request), limit)
        return answer({})

    # --- inside ------------------------------------------------------------------------------

    def _known_group(self, request: web.Request) -> Group:
        return self._engine.group(request[ACCOUNT].account_id, request.match_info["group"])

    def _canceled(self, request: web.Request, order_id: str) -> dict[str, Any]:
        order, removed = self._engine.cancel(request[ACCOUNT].account_id, order_id)
        return {
            "order_id": order.order_id,
            "client_order_id": order.client_order_id,
            "reduced_by": size_text(removed),
            "ts_ms": views.millis(self._engine.clock.now()),
        }
