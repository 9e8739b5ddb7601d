"""One DynamoDB table as documents: the only place that knows the attribute types.

An item is its key, a JSON document under ``doc``, and a few plain attributes, texts and whole
numbers, that conditions test, transactions count or an operator edits by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from kalshi_alpha.errors import KalshiAlphaError


class StoreError(KalshiAlphaError):
    """The table did not answer, or answered that it could not."""

    exit_code = 5


class ConditionFailed(StoreError):
    """A conditional write lost."""


class TransactionRefused(StoreError):
    """A transaction changed nothing; ``codes`` says why by change, ``NONE`` where it was fine."""

    def __init__(self, message: str, codes: tuple[str, ...]) -> None:
        super().__init__(message)
        self.codes = codes


@dataclass(frozen=True, slots=True)
class Change:
    """One item's part of a transaction: numbers to add to, attributes to set, and a condition.

    In ``condition`` attributes are written ``#name`` and values ``:name``; every name of ``adds``,
    ``sets`` and ``names`` is declared. An absent number counts as 0 in an addition.
    """

    pk: str
    sk: str
    adds: Mapping[str, int] = field(default_factory=dict)
    sets: Mapping[str, int | str] = field(default_factory=dict)
    condition: str = ""
    names: Sequence[str] = ()
    values: Mapping[str, int | str] = field(default_factory=dict)


class Table:
    """Documents by (pk, sk), every read strongly consistent."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self.name = name

    def get(self, pk: str, sk: str) -> dict[str, Any] | None:
        """Return the document with its plain attributes merged in, or None."""
        reply = self._call("get_item", Key=_key(pk, sk), ConsistentRead=True)
        item = reply.get("Item")
        return _document(item) if item else None

    def put(
        self,
        pk: str,
        sk: str,
        doc: Mapping[str, Any],
        *,
        attributes: Mapping[str, str] | None = None,
        condition: str = "",
        values: Mapping[str, str] | None = None,
    ) -> None:
        """Write an item whole; raise ``ConditionFailed`` when ``condition`` does not hold."""
        item = _key(pk, sk) | {"doc": {"S": json.dumps(doc, sort_keys=True)}}
        item |= {name: {"S": value} for name, value in (attributes or {}).items()}
        extra: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
        if values:
            extra["ExpressionAttributeValues"] = {k: {"S": v} for k, v in values.items()}
        self._call("put_item", Item=item, **extra)

    def transact(self, changes: Sequence[Change]) -> None:
        """Make every change or none; raise ``TransactionRefused`` when one cannot be made."""
        try:
            self._call(
                "transact_write_items",
                without_table=True,
                TransactItems=[{"Update": _update(self.name, change)} for change in changes],
            )
        except StoreError as error:
            reply = getattr(error.__cause__, "response", {})
            if "CancellationReasons" not in reply:
                raise
            codes = tuple(str(r.get("Code", "None")) for r in reply["CancellationReasons"])
            raise TransactionRefused(str(error), codes) from error

    def query(self, pk: str, prefix: str = "") -> Iterator[dict[str, Any]]:
        """Yield the documents of a partition in sort-key order, each with its ``sk``."""
        start: dict[str, Any] = {}
        while True:
            reply = self._call(
                "query",
                KeyConditionExpression="pk = :p AND begins_with(sk, :s)" if prefix else "pk = :p",
                ExpressionAttributeValues={":p": {"S": pk}}
                | ({":s": {"S": prefix}} if prefix else {}),
                ConsistentRead=True,
                **start,
            )
            for item in reply["Items"]:
                yield _document(item) | {"sk": item["sk"]["S"]}
            if "LastEvaluatedKey" not in reply:
                return
            start = {"ExclusiveStartKey": reply["LastEvaluatedKey"]}

    def newest(self, pk: str, count: int) -> list[dict[str, Any]]:
        """Return the last ``count`` documents of a partition in sort-key order, the last first.

        One request: what does not fit into an answer's megabyte is left out.
        """
        reply = self._call(
            "query",
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": pk}},
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=count,
        )
        return [_document(item) for item in reply["Items"]]

    def _call(self, operation: str, *, without_table: bool = False, **arguments: Any) -> Any:
        if not without_table:
            arguments["TableName"] = self.name
        try:
            return getattr(self._client, operation)(**arguments)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            kind = ConditionFailed if code == "ConditionalCheckFailedException" else StoreError
            raise kind(f"the table {self.name} refused {operation}: {code}") from error
        except BotoCoreError as error:
            raise StoreError(
                f"the table {self.name} did not answer {operation}: {type(error).__name__}"
            ) from error


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _document(item: Mapping[str, Any]) -> dict[str, Any]:
    doc: dict[str, Any] = json.loads(item["doc"]["S"]) if "doc" in item else {}
    own = {"pk", "sk", "doc"}
    texts = {k: v["S"] for k, v in item.items() if k not in own and "S" in v}
    numbers = {k: int(v["N"]) for k, v in item.items() if k not in own and "N" in v}
    return doc | texts | numbers


def _update(table: str, change: Change) -> dict[str, Any]:
    adds = ", ".join(f"#{name} :add_{name}" for name in change.adds)
    sets = ", ".join(f"#{name} = :set_{name}" for name in change.sets)
    parts = [f"{verb} {text}" for verb, text in (("ADD", adds), ("SET", sets)) if text]
    values = {f":add_{name}": _value(number) for name, number in change.adds.items()}
    values |= {f":set_{name}": _value(value) for name, value in change.sets.items()}
    values |= {f":{name}": _value(value) for name, value in change.values.items()}
    named = {*change.adds, *change.sets, *change.names}
    update = {
        "TableName": table,
        "Key": _key(change.pk, change.sk),
        "UpdateExpression": " ".join(parts),
        "ExpressionAttributeNames": {f"#{name}": name for name in sorted(named)},
        "ExpressionAttributeValues": values,
    }
    return update | ({"ConditionExpression": change.condition} if change.condition else {})


def _value(value: int | str) -> dict[str, str]:
    return {"N": str(value)} if isinstance(value, int) else {"S": value}
