"""Every answer of the simulated exchange against the venue's own published schema."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from kalshi_alpha.clock import from_iso
from kalshi_alpha.rehearsal.exchange.routes import PREFIX
from tests.exchange_host import EVENT, MIDDLE, NOW, RANGES, Host, hosting

pytestmark = pytest.mark.shared_data

ORDERS = "/portfolio/events/orders"
GROUPS = "/portfolio/order_groups"
RANGE_MARKET = f"{RANGES}-B6812"
# In the newest generated client and at the venue, not yet in the schema at hand.
NEWER = frozenset({"settlement_bounds_type", "settlement_floor_dollars"})

checker = jsonschema.FormatChecker(formats=())


@checker.checks("date-time", raises=ValueError)
def is_a_time(value: object) -> bool:
    return not isinstance(value, str) or from_iso(value) is not None


class Contract:
    """The venue's OpenAPI document as JSON Schemas: nullable understood, no field invented."""

    def __init__(self, path: Path) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.document = as_json_schema(yaml.load(path.read_text(), loader))
        self.paths: dict[str, Any] = self.document["paths"]
        self.document["components"]["schemas"]["Market"]["properties"] |= dict.fromkeys(NEWER, True)

    def template_of(self, method: str, path: str) -> str:
        """Return the documented path that a concrete one is an instance of."""
        asked = path.partition("?")[0].strip("/").split("/")
        fits = []
        for template, operations in self.paths.items():
            parts = template.strip("/").split("/")
            same = len(parts) == len(asked) and all(
                p.startswith("{") or p == a for p, a in zip(parts, asked, strict=True)
            )
            if same and method.lower() in operations:
                fits.append((template.count("{"), template))
        assert fits, f"the venue documents no {method} {path}"
        return min(fits)[1]

    def check(self, method: str, template: str, status: int, body: Any) -> None:
        """Validate one answer against the schema of its operation and status."""
        responses = self.paths[template][method.lower()]["responses"]
        assert str(status) in responses, f"{method} {template} documents no {status}: {body}"
        response = responses[str(status)]
        if "$ref" in response:
            name = response["$ref"].rpartition("/")[2]
            response = self.document["components"]["responses"][name]
        if "content" in response:
            schema = response["content"]["application/json"]["schema"]
        elif status >= 400:  # some refusals are documented by their status alone
            schema = {"$ref": "#/components/schemas/ErrorResponse"}
        else:
            assert body is None
            return
        # Its own base makes every reference of the document resolve.
        root = {"components": self.document["components"], "allOf": [schema]}
        jsonschema.Draft202012Validator(root, format_checker=checker).validate(body)


def as_json_schema(node: Any) -> Any:
    """Turn OpenAPI 3.0 into JSON Schema, and close every object whose properties are listed."""
    if isinstance(node, list):
        return [as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: as_json_schema(value) for key, value in node.items() if key != "nullable"}
    # A documented example is data: it must not be read as a schema of its own.
    plain.pop("example", None)
    if isinstance(plain.get("properties"), dict) and plain.get("type") == "object":
        plain.setdefault("additionalProperties", False)
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain


@pytest.fixture(scope="module")
def contract(shared_data: Path) -> Contract:
    return Contract(shared_data.parent / "kalshi" / "openapi.yaml")


@pytest.fixture
def host() -> Iterator[Host]:
    with hosting(envelope="flat") as running:
        yield running


class Talk:
    """Asks, validates what comes back, and remembers which operations were asked."""

    def __init__(self, host: Host, contract: Contract) -> None:
        self.host, self.contract = host, contract
        self.asked: set[tuple[str, str]] = set()

    def __call__(
        self, method: str, path: str, body: Any = None, *, status: int = 200, signed: bool = True
    ) -> Any:
        answer = self.host.ask(method, path, body, signed=signed)
        assert answer.status_code == status, answer.text[:300]
        data = answer.json() if answer.content else None
        template = self.contract.template_of(method, path)
        self.contract.check(method, template, status, data)
        self.asked.add((method, template))
        return data


@pytest.fixture
def talk(host: Host, contract: Contract) -> Talk:
    return Talk(host, contract)


def order(price: str = "0.4000", count: str = "2.00", **more: Any) -> dict[str, Any]:
    return {
        "ticker": MIDDLE,
        "side": "bid",
        "price": price,
        "count": count,
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
    } | more


def ask_everything_there_is_to_read(talk: Talk, order_id: str) -> None:
    start, end = int(NOW.timestamp()) - 7200, int(NOW.timestamp()) + 7200
    span = f"start_ts={start}&end_ts={end}&period_interval=1"
    for path in (
        "/exchange/status",
        "/exchange/schedule",
        "/exchange/user_data_timestamp",
        "/series",
        "/series/fee_changes?show_historical=true",
        "/series/KXINXU",
        f"/series/KXINXU/markets/{MIDDLE}/candlesticks?{span}",
        "/events?with_nested_markets=true",
        "/events/fee_changes",
        f"/events/{EVENT}?with_nested_markets=true",
        f"/events/{RANGES}",
        "/markets?limit=1000",
        "/markets/trades",
        f"/markets/orderbooks?tickers={MIDDLE}&tickers={RANGE_MARKET}",
        f"/markets/candlesticks?market_tickers={MIDDLE}&{span}",
        f"/markets/{MIDDLE}",
        f"/markets/{RANGE_MARKET}",
        f"/markets/{MIDDLE}/orderbook?depth=2",
        "/incentive_programs",
        "/historical/cutoff",
        "/historical/markets",
        "/historical/trades",
        "/historical/fills",
        "/historical/orders",
        "/historical/positions",
        "/account/limits",
        "/account/endpoint_costs",
        "/portfolio/balance",
        "/portfolio/positions",
        "/portfolio/fills",
        "/portfolio/settlements",
        "/portfolio/orders",
        f"/portfolio/orders?event_ticker={EVENT}&status=canceled",
        f"/portfolio/orders/{order_id}",
        "/portfolio/orders/queue_positions",
        "/portfolio/summary/total_resting_order_value",
        GROUPS,
    ):
        talk("GET", path)


def test_every_operation_answers_by_its_schema_through_a_market_s_life(talk, host):
    first = talk("POST", ORDERS, order(), status=201)["order_id"]
    ask_everything_there_is_to_read(talk, first)
    talk("GET", f"/portfolio/orders/{first}/queue_position")

    host.rival("ask", 4500, 150)
    host.rival("ask", 4600, 150)
    taken = talk("POST", ORDERS, order("0.4600", "2.50"), status=201)
    assert taken["fill_count"] == "2.50"
    host.rival("ask", 4000, 50)  # fills half a contract of the first
    amended = talk("POST", f"{ORDERS}/{first}/amend", order("0.4100", "3.00"))
    assert amended["remaining_count"] == "2.50"
    talk("POST", f"{ORDERS}/{first}/decrease", {"reduce_by": "0.50"})
    ask_everything_there_is_to_read(talk, first)
    canceled = talk("DELETE", f"{ORDERS}/{first}?market_ticker={MIDDLE}")
    assert canceled["reduced_by"] == "2.00"

    group = talk("POST", f"{GROUPS}/create", {"contracts_limit": 5}, status=201)["order_group_id"]
    rows = [order("0.1000", order_group_id=group), order("0.1150"), order("0.2000")]
    batch = talk("POST", f"{ORDERS}/batched", {"orders": rows}, status=201)["orders"]
    assert [("error" in row, row.get("remaining_count")) for row in batch] == [
        (False, "2.00"),
        (True, None),
        (False, "2.00"),
    ]
    assert talk("GET", f"{GROUPS}/{group}")["orders"] == [batch[0]["order_id"]]
    talk("GET", GROUPS)
    talk("PUT", f"{GROUPS}/{group}/limit", {"contracts_limit_fp": "7.00"})
    talk("PUT", f"{GROUPS}/{group}/trigger", {})
    talk("PUT", f"{GROUPS}/{group}/reset", {})
    talk("DELETE", f"{GROUPS}/{group}")
    known = [{"order_id": batch[2]["order_id"]}, {"order_id": "unknown"}]
    gone = talk("DELETE", f"{ORDERS}/batched", {"orders": known})["orders"]
    assert ["error" in row for row in gone] == [False, True]

    talk("POST", ORDERS, order("0.3000", ticker=RANGE_MARKET), status=201)
    talk("DELETE", ORDERS, status=204)
    host.pass_time(1800)  # closed
    ask_everything_there_is_to_read(talk, first)
    host.pass_time(100)  # determined
    ask_everything_there_is_to_read(talk, first)
    host.pass_time(60)  # paid
    ask_everything_there_is_to_read(talk, first)
    paid = talk("GET", "/portfolio/settlements")["settlements"]
    assert [row["ticker"] for row in paid] == [MIDDLE]
    kept = {(m, talk.contract.template_of(m, p)) for m, p in host.offered if documented(talk, m, p)}
    assert talk.asked == kept


def documented(talk: Talk, method: str, path: str) -> bool:
    """Say whether the venue still documents an operation; the removed ones answer 410."""
    try:
        talk.contract.template_of(method, path)
    except AssertionError:
        return False
    return True


def test_the_only_undocumented_operations_are_the_removed_ones(talk, host):
    missing = {
        (method, path) for method, path in host.offered if not documented(talk, method, path)
    }

    assert missing == {
        ("POST", "/portfolio/orders"),
        ("POST", "/portfolio/orders/batched"),
        ("DELETE", "/portfolio/orders/batched"),
        ("DELETE", "/portfolio/orders/{order}"),
        ("POST", "/portfolio/orders/{order}/amend"),
        ("POST", "/portfolio/orders/{order}/decrease"),
    }
    for method, path in missing:
        answer = host.ask(method, path.replace("{order}", "x"), {} if method == "POST" else None)
        assert answer.status_code == 410
        assert "V2 endpoints" in answer.json()["details"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", ORDERS, order("0.4050"), 400),
        ("POST", ORDERS, order("0.40", "0"), 400),
        ("POST", ORDERS, {}, 400),
        ("POST", ORDERS, order(expiration_time=1), 400),
        ("POST", f"{ORDERS}/batched", {"orders": []}, 400),
        ("POST", f"{ORDERS}/unknown/amend", order(), 404),
        ("POST", f"{ORDERS}/unknown/decrease", {"reduce_by": "1"}, 404),
        ("POST", f"{ORDERS}/unknown/decrease", {}, 400),
        ("DELETE", f"{ORDERS}/unknown", None, 404),
        ("DELETE", f"{ORDERS}/batched", {}, 400),
        ("GET", "/portfolio/orders/unknown", None, 404),
        ("GET", "/portfolio/orders/unknown/queue_position", None, 404),
        ("GET", "/markets/UNKNOWN", None, 404),
        ("GET", "/markets/UNKNOWN/orderbook", None, 404),
        ("GET", "/markets?status=active", None, 400),
        ("GET", "/markets?limit=0", None, 400),
        ("GET", "/events/UNKNOWN", None, 404),
        ("GET", f"{GROUPS}/unknown", None, 404),
        ("PUT", f"{GROUPS}/unknown/trigger", {}, 404),
        ("PUT", f"{GROUPS}/unknown/limit", {"contracts_limit": 0}, 400),
        ("POST", f"{GROUPS}/create", {"contracts_limit": 1_000_001}, 400),
    ],
)
def test_refusals_have_the_documented_status_and_body(talk, method, path, body, status):
    answer = talk(method, path, body, status=status)

    assert set(answer) == {"code", "message", "details"}
    assert answer["code"]


def test_a_second_use_of_a_client_order_id_is_a_conflict_by_the_schema(talk):
    talk("POST", ORDERS, order(client_order_id="twice"), status=201)

    answer = talk("POST", ORDERS, order(client_order_id="twice"), status=409)

    assert answer["code"] == "order_already_exists"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", ORDERS, order()),
        ("DELETE", ORDERS, None),
        ("DELETE", f"{ORDERS}/batched", {"orders": [{"order_id": "x"}]}),
        ("GET", "/portfolio/balance", None),
        ("GET", "/portfolio/fills", None),
        ("GET", "/account/limits", None),
        ("POST", f"{GROUPS}/create", {"contracts_limit": 1}),
    ],
)
def test_unsigned_requests_are_unauthorised_by_the_schema(talk, method, path, body):
    answer = talk(method, path, body, status=401, signed=False)

    assert answer["code"] == "token_authentication_failure"


def test_the_schema_check_itself_sees_missing_wrong_and_invented_fields(contract):
    good = {"balance": 1, "balance_dollars": "0.0100", "portfolio_value": 0, "updated_ts": 1}
    contract.check("GET", "/portfolio/balance", 200, good)
    for bad in (
        {key: value for key, value in good.items() if key != "balance"},
        good | {"balance": "1"},
        good | {"invented": 1},
    ):
        with pytest.raises(jsonschema.ValidationError):
            contract.check("GET", "/portfolio/balance", 200, bad)


def test_the_prefix_is_the_documented_one(contract):
    assert all(server["url"].endswith(PREFIX) for server in contract.document["servers"])
