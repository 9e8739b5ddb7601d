"""The campaign's tables in memory answer as moto's DynamoDB does, call by call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from kalshi_alpha.cloud.layout import STATE
from kalshi_alpha.rehearsal.campaign.tables import Condition, MemoryTables
from kalshi_alpha.rehearsal.machine import REGION, create_table, local_aws
from kalshi_alpha.rehearsal.run import environment

NAME = "tables"
ONCE = "attribute_not_exists(pk)"
ROOM = "attribute_not_exists(#held) OR (#held <= :room AND #holder = :who)"


def key(sk: str) -> dict[str, Any]:
    """Return a key of the one partition that is used."""
    return {"pk": {"S": "P"}, "sk": {"S": sk}}


def put(sk: str, condition: str = "", **values: str) -> tuple[str, dict[str, Any]]:
    """Return a write of a whole item."""
    asked: dict[str, Any] = {"TableName": NAME, "Item": key(sk) | {"holder": {"S": sk}}}
    if condition:
        asked["ConditionExpression"] = condition
    if values:
        asked["ExpressionAttributeValues"] = {f":{k}": {"S": v} for k, v in values.items()}
    return "put_item", asked


def hold(amount: int, room: int, who: str, *sks: str) -> tuple[str, dict[str, Any]]:
    """Return a transaction that adds to every item, if there is room in each."""
    update = {
        "TableName": NAME,
        "UpdateExpression": "ADD #held :add_held SET #holder = :set_holder",
        "ConditionExpression": ROOM,
        "ExpressionAttributeNames": {"#held": "held", "#holder": "holder"},
        "ExpressionAttributeValues": {
            ":add_held": {"N": str(amount)},
            ":set_holder": {"S": who},
            ":room": {"N": str(room)},
            ":who": {"S": who},
        },
    }
    return "transact_write_items", {
        "TransactItems": [{"Update": update | {"Key": key(sk)}} for sk in sks]
    }


def get(sk: str) -> tuple[str, dict[str, Any]]:
    """Return a read of one item."""
    return "get_item", {"TableName": NAME, "Key": key(sk), "ConsistentRead": True}


def query(prefix: str = "", **more: Any) -> tuple[str, dict[str, Any]]:
    """Return a read of the partition, or of what begins so in it."""
    values = {":p": {"S": "P"}} | ({":s": {"S": prefix}} if prefix else {})
    condition = "pk = :p AND begins_with(sk, :s)" if prefix else "pk = :p"
    return "query", {
        "TableName": NAME,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
        "ConsistentRead": True,
    } | more


CALLS = (
    get("A"),
    put("A", ONCE),
    put("A", ONCE),
    put("A#2"),
    put("B", "attribute_not_exists(pk) OR holder < :holder", holder="Z"),
    put("B", "holder < :holder", holder="A"),
    put("B", "holder >= :holder AND holder <= :holder", holder="B"),
    get("B"),
    hold(4, 5, "one", "C", "D"),
    hold(1, 5, "one", "C", "D"),
    hold(1, 4, "one", "C", "D"),
    hold(1, 9, "two", "E", "D"),
    get("E"),
    query(),
    query("A"),
    query("X"),
    query(ScanIndexForward=False, Limit=2),
)


@pytest.fixture
def moto() -> Iterator[Any]:
    """A DynamoDB of moto with one table."""
    with environment(), local_aws():
        create_table(STATE, NAME)
        yield boto3.client("dynamodb", region_name=REGION)


def answer(client: Any, call: tuple[str, dict[str, Any]]) -> Any:
    """Return what matters of an answer, or of a refusal."""
    operation, asked = call
    try:
        reply = getattr(client, operation)(**asked)
    except ClientError as error:
        reasons = [r["Code"] for r in error.response.get("CancellationReasons", [])]
        return error.response["Error"]["Code"], reasons
    return {name: reply[name] for name in ("Item", "Items") if name in reply}


def test_every_call_is_answered_as_moto_answers_it(moto: Any) -> None:
    """Conditions that hold and that do not, transactions whole or not at all, reads in order."""
    memory = MemoryTables()
    for call in CALLS:
        assert answer(memory, call) == answer(moto, call), call


def test_a_condition_that_cannot_be_read_to_its_end_is_an_error() -> None:
    """Half a condition must not guard the money."""
    with pytest.raises(ValueError, match="goes on with"):
        Condition("attribute_not_exists(pk) attribute_not_exists(pk)", {}).holds({})


def test_forgetting_drops_the_tables_of_one_window_only() -> None:
    """Windows of one process share the client."""
    memory = MemoryTables()
    memory.put_item(TableName="w1-state", Item=key("A"))
    memory.put_item(TableName="w2-state", Item=key("A"))
    memory.forget("w1-")
    assert memory.get_item(TableName="w1-state", Key=key("A")) == {}
    assert memory.get_item(TableName="w2-state", Key=key("A")) == {"Item": key("A")}
