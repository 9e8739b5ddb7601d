"""One DynamoDB table as documents: the only place that knows the attribute types.

An item is its key, a JSON document under ``doc``, and a few plain text attributes that conditions
test or an operator edits by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from kalshi_alpha.errors import KalshiAlphaError


class StoreError(KalshiAlphaError):
    """The table did not answer, or answered that it could not."""

    exit_code = 5


class ConditionFailed(StoreError):
    """A conditional write lost."""


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

    def _call(self, operation: str, **arguments: Any) -> Any:
        try:
            return getattr(self._client, operation)(TableName=self.name, **arguments)
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
    plain = {k: v["S"] for k, v in item.items() if k not in {"pk", "sk", "doc"} and "S" in v}
    return doc | plain
