"""DynamoDB in memory, as far as ``cloud.table`` uses it: the same answers, many times faster.

A campaign makes a million calls. The conditions that guard the money are not simplified: they are
parsed and evaluated as written, and a test holds this against moto's DynamoDB, call by call.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

Item = dict[str, dict[str, str]]
_TOKEN = re.compile(r"\s*([()]|<=|>=|<>|=|<|>|,|[:#]?\w+)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class MemoryTables:
    """A DynamoDB client over tables in memory; one lock makes each call atomic."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, dict[str, Item]]] = defaultdict(lambda: defaultdict(dict))
        self._lock = threading.Lock()

    def forget(self, prefix: str) -> None:
        """Drop the tables whose name starts with ``prefix``."""
        with self._lock:
            for name in [name for name in self._tables if name.startswith(prefix)]:
                del self._tables[name]

    def get_item(self, **asked: Any) -> dict[str, Any]:
        """Return an item under ``Item``, or nothing."""
        with self._lock:
            found = self._find(asked["TableName"], asked["Key"])
        return {"Item": dict(found)} if found is not None else {}

    def put_item(self, **asked: Any) -> dict[str, Any]:
        """Write an item whole when its condition holds."""
        with self._lock:
            if not self._holds(asked, self._find(asked["TableName"], asked["Item"])):
                raise _refusal("PutItem", "ConditionalCheckFailedException")
            self._put(asked["TableName"], dict(asked["Item"]))
        return {}

    def query(self, **asked: Any) -> dict[str, Any]:
        """Return the items of a partition in sort-key order."""
        values = asked["ExpressionAttributeValues"]
        prefix = values.get(":s", {}).get("S", "")
        with self._lock:
            rows = self._tables[asked["TableName"]][values[":p"]["S"]]
            keys = sorted(key for key in rows if key.startswith(prefix))
            if not asked.get("ScanIndexForward", True):
                keys.reverse()
            return {"Items": [dict(rows[key]) for key in keys[: asked.get("Limit")]]}

    def transact_write_items(self, **asked: Any) -> dict[str, Any]:
        """Make every update or none."""
        updates = [entry["Update"] for entry in asked["TransactItems"]]
        with self._lock:
            held = [self._holds(u, self._find(u["TableName"], u["Key"])) for u in updates]
            if not all(held):
                codes = [{"Code": "None" if ok else "ConditionalCheckFailed"} for ok in held]
                raise _refusal("TransactWriteItems", "TransactionCanceledException", codes)
            for update in updates:
                before = self._find(update["TableName"], update["Key"]) or dict(update["Key"])
                self._put(update["TableName"], _updated(update, before))
        return {}

    def _find(self, table: str, key: Mapping[str, Any]) -> Item | None:
        return self._tables[table][key["pk"]["S"]].get(key["sk"]["S"])

    def _put(self, table: str, item: Item) -> None:
        self._tables[table][item["pk"]["S"]][item["sk"]["S"]] = item

    @staticmethod
    def _holds(asked: Mapping[str, Any], item: Item | None) -> bool:
        text = asked.get("ConditionExpression", "")
        return not text or Condition(text, asked).holds(item or {})


class Condition:
    """A condition expression: comparisons, ``attribute_not_exists``, AND, OR and parentheses."""

    def __init__(self, text: str, asked: Mapping[str, Any]) -> None:
        self._tokens = _TOKEN.findall(text)
        self._names = asked.get("ExpressionAttributeNames") or {}
        self._values = asked.get("ExpressionAttributeValues") or {}

    def holds(self, item: Item) -> bool:
        """Say whether an item meets it; an absent attribute meets no comparison."""
        rest = list(self._tokens)
        found = self._either(rest, item)
        if rest:
            raise ValueError(f"a condition goes on with {rest[0]!r}")
        return found

    def _either(self, rest: list[str], item: Item) -> bool:
        found = self._both(rest, item)
        while rest and rest[0].upper() == "OR":
            rest.pop(0)
            found = self._both(rest, item) or found
        return found

    def _both(self, rest: list[str], item: Item) -> bool:
        found = self._one(rest, item)
        while rest and rest[0].upper() == "AND":
            rest.pop(0)
            found = self._one(rest, item) and found
        return found

    def _one(self, rest: list[str], item: Item) -> bool:
        token = rest.pop(0)
        if token == "(":  # noqa: S105 - a parenthesis
            found = self._either(rest, item)
            _expect(rest, ")")
            return found
        if token == "attribute_not_exists":  # noqa: S105 - a function
            _expect(rest, "(")
            name = self._name(rest.pop(0))
            _expect(rest, ")")
            return name not in item
        compare, value = _COMPARE[rest.pop(0)], self._values[rest.pop(0)]
        known = item.get(self._name(token))
        return (
            known is not None and known.keys() == value.keys() and _compared(compare, known, value)
        )

    def _name(self, token: str) -> str:
        return str(self._names[token]) if token.startswith("#") else token


def _compared(
    compare: Callable[[Any, Any], bool], known: Mapping[str, str], value: Mapping[str, str]
) -> bool:
    if "N" in known:
        return compare(int(known["N"]), int(value["N"]))
    return compare(known["S"].encode(), value["S"].encode())


def _expect(rest: list[str], token: str) -> None:
    if not rest or rest.pop(0) != token:
        raise ValueError(f"a condition lacks its {token!r}")


def _updated(update: Mapping[str, Any], before: Item) -> Item:
    """Return an item after ``ADD #a :x, #b :y SET #c = :z``."""
    names, values = update["ExpressionAttributeNames"], update["ExpressionAttributeValues"]
    item, verb = dict(before), ""
    tokens = [t for t in _TOKEN.findall(update["UpdateExpression"]) if t not in {",", "="}]
    while tokens:
        token = tokens.pop(0)
        if token in {"ADD", "SET"}:
            verb = token
            continue
        name, value = str(names[token]), values[tokens.pop(0)]
        if verb == "ADD":
            value = {"N": str(int(item.get(name, {"N": "0"})["N"]) + int(value["N"]))}
        item[name] = dict(value)
    return item


def _refusal(operation: str, code: str, reasons: list[dict[str, str]] | None = None) -> ClientError:
    reply: dict[str, Any] = {"Error": {"Code": code, "Message": code}}
    if reasons is not None:
        reply["CancellationReasons"] = reasons
    return ClientError(reply, operation)
