"""Every answer of the twin's REST side against the venue's published specification."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.rehearsal.exchange.limits import Bucket, Limits
from tests.unit.rehearsal.exchange_client import (
    ABOVE,
    FIXING,
    START,
    Reply,
    Twin,
    order,
    play,
    plenty,
)

pytestmark = pytest.mark.shared_data

# Sent by the venue or by us although the September specification does not name them.
_NOT_IN_SPEC: frozenset[str] = frozenset()
_UNSPECIFIED_STATUS = frozenset({429, 410, 405})


class Specification:
    """The OpenAPI document, asked by method, path and status."""

    def __init__(self, file: Path) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._tree = _nullable(yaml.load(file.read_text(encoding="utf-8"), loader))

    def schema(self, method: str, path: str, status: int) -> tuple[str, Any] | None:
        """Return the operation's name and the schema of that status, None without a body."""
        operation = self._operation(method, path)
        responses = operation["responses"]
        assert str(status) in responses, f"{operation['operationId']} never answers {status}"
        response = self._resolved(responses[str(status)])
        content = response.get("content")
        if not content:
            return None
        (media,) = content.values()
        return operation["operationId"], media["schema"] | {"components": self._tree["components"]}

    def operations(self) -> set[tuple[str, str]]:
        return {
            (method.upper(), path)
            for path, item in self._tree["paths"].items()
            for method in item
            if method in {"get", "post", "put", "delete"}
        }

    def _operation(self, method: str, path: str) -> Any:
        best = [
            template
            for template, item in self._tree["paths"].items()
            if method.lower() in item
            and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path)
        ]
        assert best, f"the venue has no {method} {path}"
        exact = min(best, key=lambda template: template.count("{"))
        return self._tree["paths"][exact][method.lower()]

    def _resolved(self, node: Any) -> Any:
        while "$ref" in node:
            found = self._tree
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def unknown(self, schema: Any, body: Any, at: str = "") -> set[str]:
        """Return the fields of ``body`` that the specification does not name."""
        schema = self._resolved(schema)
        for part in ("allOf", "anyOf"):
            named = [s for s in schema.get(part, []) if s.get("type") != "null"]
            if named:
                schema = self._resolved(named[0])
        if isinstance(body, list):
            return {f for item in body for f in self.unknown(schema.get("items", {}), item, at)}
        if not isinstance(body, dict) or "properties" not in schema:
            return set()
        names = schema["properties"]
        found = {f"{at}{key}" for key in body if key not in names}
        for key, value in body.items():
            if key in names:
                found |= self.unknown(names[key], value, f"{at}{key}.")
        return found


def _nullable(node: Any) -> Any:
    """Turn OpenAPI's ``nullable`` into what JSON Schema knows."""
    if isinstance(node, list):
        return [_nullable(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _nullable(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain


@pytest.fixture(scope="module")
def specification(shared_data: Path) -> Specification:
    return Specification(shared_data.parent / "kalshi" / "openapi.yaml")


def check(specification: Specification, replies: list[tuple[str, str, Reply]]) -> set[str]:
    """Check every answer; return the operations that were seen to succeed."""
    seen = set()
    for method, path, reply in replies:
        if reply.status in _UNSPECIFIED_STATUS:
            continue
        found = specification.schema(method, path, reply.status)
        if found is None:
            assert reply.body is None or reply.status >= 400
            continue
        name, schema = found
        try:
            jsonschema.validate(reply.body, schema, cls=jsonschema.Draft4Validator)
        except jsonschema.ValidationError as error:
            where = ".".join(map(str, error.absolute_path))
            pytest.fail(f"{name} {reply.status} at {where}: {error.message}")
        assert specification.unknown(schema, reply.body) <= _NOT_IN_SPEC, name
        if reply.status < 300:
            seen.add(name)
    return seen


async def public_reads(twin: Twin) -> None:
    """Ask everything that needs no key."""
    window = {"start_ts": int(START.timestamp()), "end_ts": int(FIXING.timestamp())}
    event = ABOVE.rpartition("-")[0]
    for path, params in (
        ("/exchange/status", {}),
        ("/exchange/schedule", {}),
        ("/exchange/user_data_timestamp", {}),
        ("/series", {}),
        ("/series/KXINXU", {}),
        ("/series/fee_changes", {"series_ticker": "KXINXU", "show_historical": "true"}),
        ("/events", {"with_nested_markets": "true"}),
        ("/events", {"series_ticker": "KXINX", "status": "open"}),
        ("/events/fee_changes", {}),
        (f"/events/{event}", {"with_nested_markets": "true"}),
        (f"/events/{event}", {}),
        ("/markets", {"event_ticker": event, "limit": 1000, "mve_filter": "exclude"}),
        (f"/markets/{ABOVE}", {}),
        (f"/markets/{ABOVE}/orderbook", {"depth": 5}),
        ("/markets/orderbooks", {"tickers": ABOVE}),
        ("/markets/trades", {"ticker": ABOVE}),
        ("/markets/candlesticks", window | {"market_tickers": ABOVE, "period_interval": 1}),
        (f"/series/KXINXU/markets/{ABOVE}/candlesticks", window | {"period_interval": 1}),
        ("/incentive_programs", {"status": "active"}),
        ("/historical/cutoff", {}),
        ("/historical/markets", {}),
        ("/historical/trades", {}),
        ("/account/endpoint_costs", {}),
    ):
        reply = await twin.call("GET", path, signed=False, **params)
        assert reply.status == 200, (path, reply)


async def portfolio_reads(twin: Twin, order_id: str) -> None:
    """Ask everything about an account."""
    for path in (
        "/account/limits",
        "/portfolio/balance",
        "/portfolio/positions",
        "/portfolio/fills",
        "/portfolio/settlements",
        "/portfolio/orders",
        f"/portfolio/orders/{order_id}",
        "/portfolio/orders/queue_positions",
        "/portfolio/summary/total_resting_order_value",
        "/portfolio/order_groups",
        "/historical/fills",
        "/historical/orders",
        "/historical/positions",
    ):
        await twin.get(path)


async def a_day(twin: Twin) -> None:
    """Trade, amend, cancel, group, settle: every operation at least once."""
    orders, groups = "/portfolio/events/orders", "/portfolio/order_groups"
    group = (await twin.call("POST", f"{groups}/create", {"contracts_limit": 50})).body
    group_path = f"{groups}/{group['order_group_id']}"
    twin.others(Side.ASK, 45, 3)
    expiry = int(FIXING.timestamp()) - 2
    resting = await twin.placed(
        count="2.00", expiration_time=expiry, post_only=True, cancel_order_on_pause=True,
        order_group_id=group["order_group_id"], client_order_id="one",
    )  # fmt: skip
    await twin.placed(price="0.4500", time_in_force="immediate_or_cancel")
    twin.others(Side.ASK, 40, 0.5)
    await portfolio_reads(twin, resting)
    await twin.get(f"/portfolio/orders/{resting}/queue_position")
    await twin.get(group_path)
    amend = {"ticker": ABOVE, "side": "bid", "price": "0.4100", "count": "3.00"}
    assert (await twin.call("POST", f"{orders}/{resting}/amend", amend)).status == 200
    less = await twin.call("POST", f"{orders}/{resting}/decrease", {"reduce_by": "1.00"})
    assert less.status == 200
    batch = await twin.call(
        "POST", f"{orders}/batched", {"orders": [order(price="0.3900"), order(price="0.4550")]}
    )
    assert [("error" in each) for each in batch.body["orders"]] == [False, True]
    await twin.call("PUT", f"{group_path}/limit", {"contracts_limit_fp": "60.00"})
    await twin.call("PUT", f"{group_path}/trigger", {})
    await twin.call("PUT", f"{group_path}/reset", {})
    await twin.call("DELETE", group_path)
    gone = [{"order_id": batch.body["orders"][0]["order_id"]}, {"order_id": "no-such-order"}]
    await twin.call("DELETE", f"{orders}/batched", {"orders": gone})
    last = await twin.placed(price="0.3000")
    assert (await twin.call("DELETE", f"{orders}/{last}")).status == 200
    assert (await twin.call("DELETE", orders)).status == 204
    await public_reads(twin)
    twin.advance_to(FIXING, 600)
    await portfolio_reads(twin, resting)
    await public_reads(twin)


async def refusals(twin: Twin) -> None:
    """Draw the documented refusals of every kind."""
    orders = "/portfolio/events/orders"
    await twin.call("GET", "/portfolio/balance", signed=False)
    await twin.call("POST", orders, order(), signed=False)
    for path in ("/markets/NO-SUCH-MARKET", "/portfolio/orders/none", "/portfolio/order_groups/no"):
        assert (await twin.call("GET", path)).status == 404
    assert (await twin.call("DELETE", f"{orders}/none")).status == 404
    assert (await twin.create(price="0.4050")).status == 400
    assert (await twin.create(client_order_id="twice")).status == 201
    assert (await twin.create(client_order_id="twice")).status == 409
    assert (await twin.call("GET", "/markets", status="active")).status == 400


def test_every_operation_answers_as_the_specification_says(specification: Specification) -> None:
    async def scenario(twin: Twin) -> None:
        await a_day(twin)
        seen = check(specification, twin.replies)
        assert len(seen) >= 40, sorted(seen)

    play(scenario)


def test_refusals_are_documented_ones_in_the_flat_envelope(specification: Specification) -> None:
    async def scenario(twin: Twin) -> None:
        await refusals(twin)
        check(specification, twin.replies)
        assert [r.status for _, _, r in twin.replies[:2]] == [401, 401]

    play(scenario, envelope="flat")


def test_an_empty_bucket_answers_429_as_documented(specification: Specification) -> None:
    async def scenario(twin: Twin) -> None:
        replies = [await twin.create() for _ in range(3)]
        assert [reply.status for reply in replies] == [201, 201, 429]
        schema = specification.schema("POST", "/portfolio/events/orders", 429)
        assert schema is not None
        jsonschema.validate(replies[2].body, schema[1], cls=jsonschema.Draft4Validator)

    small = plenty()
    play(scenario, envelope="flat", limits=Limits(read=small.read, write=Bucket(1.0, 20.0)))
