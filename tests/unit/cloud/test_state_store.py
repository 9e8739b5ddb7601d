from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import boto3
import pytest
from moto import mock_aws

from kalshi_alpha.cloud.layout import LEDGER, STATE, TableSpec
from kalshi_alpha.cloud.ledger import LedgerStore
from kalshi_alpha.cloud.state import StateStore, arming_expiry
from kalshi_alpha.cloud.table import StoreError, Table
from kalshi_alpha.errors import AlreadyStarted
from kalshi_alpha.markets.orders import Fill, NewOrder, Settlement, Side
from kalshi_alpha.rehearsal.machine import create_table

NOON = datetime(2025, 11, 4, 17, tzinfo=UTC)
WINDOW = "20251104-1200-index-hourly"


def make_table(spec: TableSpec) -> Table:
    create_table(spec, spec.name)
    return Table(boto3.client("dynamodb"), spec.name)


@pytest.fixture
def state() -> Iterator[StateStore]:
    with mock_aws():
        yield StateStore(make_table(STATE))


@pytest.fixture
def ledger() -> Iterator[LedgerStore]:
    with mock_aws():
        yield LedgerStore(make_table(LEDGER))


def an_order(number: int = 1) -> NewOrder:
    return NewOrder("KXINXU-25NOV04H1200-T6774.9999", Side.BID, 4500, 100, f"id-{number}", NOON)


def a_fill(number: int) -> Fill:
    return Fill(f"f{number}", "o1", "M", Side.ASK, 4500, 100, False, 0, NOON)


def test_a_window_is_claimed_by_one_execution_and_may_be_claimed_again_by_it(
    state: StateStore,
) -> None:
    state.claim_window(WINDOW, "execution-a", NOON)
    state.claim_window(WINDOW, "execution-a", NOON)

    with pytest.raises(AlreadyStarted, match=WINDOW):
        state.claim_window(WINDOW, "execution-b", NOON)


def test_extending_a_window_keeps_who_claimed_it(state: StateStore) -> None:
    state.claim_window(WINDOW, "execution-a", NOON)
    state.extend_window(WINDOW, go=True)

    record = state.window(WINDOW)

    assert record is not None
    assert (record["go"], record["execution"]) == (True, "execution-a")
    with pytest.raises(AlreadyStarted):
        state.claim_window(WINDOW, "execution-b", NOON)


def test_a_kill_switch_that_was_never_set_is_on(state: StateStore) -> None:
    switch = state.kill_switch()

    assert switch.on
    assert "kill off" in switch.reason


def test_a_kill_switch_that_cannot_be_read_is_on() -> None:
    with mock_aws():
        missing = StateStore(Table(boto3.client("dynamodb"), "no-such-table"))

        assert missing.kill_switch().on


def test_the_kill_switch_keeps_its_history(state: StateStore) -> None:
    state.set_kill_switch(on=False, reason="open", by="ann", at=NOON)
    state.set_kill_switch(on=True, reason="fire", by="bob", at=NOON.replace(hour=18))

    assert state.kill_switch().on
    assert [(h["by"], h["state"]) for h in state.kill_history()] == [("ann", "off"), ("bob", "on")]


def test_any_word_but_off_in_the_switch_is_on(state: StateStore) -> None:
    boto3.client("dynamodb").put_item(
        TableName=STATE.name,
        Item={"pk": {"S": "SWITCH"}, "sk": {"S": "KILL"}, "state": {"S": "OFF "}},
    )

    assert state.kill_switch().on


def test_the_first_reason_for_a_freeze_stays(state: StateStore) -> None:
    assert state.frozen(WINDOW) == ""
    state.freeze(WINDOW, "lag", NOON)
    state.freeze(WINDOW, "silence", NOON)

    assert state.frozen(WINDOW) == "lag"


def test_arming_holds_until_its_end(state: StateStore) -> None:
    assert arming_expiry(state.arming()) is None
    state.arm(by="ann", at=NOON, until=NOON.replace(hour=21))

    assert arming_expiry(state.arming()) == NOON.replace(hour=21)


def test_an_intent_is_recorded_once(ledger: LedgerStore) -> None:
    assert ledger.intend(WINDOW, an_order(), NOON)
    assert not ledger.intend(WINDOW, an_order(), NOON)

    assert [o["status"] for o in ledger.orders(WINDOW)] == ["intended"]


def test_what_becomes_of_an_order_is_appended_and_never_overwritten(ledger: LedgerStore) -> None:
    ledger.intend(WINDOW, an_order(), NOON)
    ledger.mark(WINDOW, "id-1", "resting", NOON, order_id="v-9")
    ledger.mark(WINDOW, "id-1", "canceled", NOON)

    (order,) = ledger.orders(WINDOW)

    assert (order["status"], order["order_id"], order["price"]) == ("canceled", "v-9", 4500)
    assert [e["status"] for e in order["events"]] == ["intended", "resting", "canceled"]


def test_a_fill_counts_once_however_often_it_is_reported(ledger: LedgerStore) -> None:
    assert ledger.record_fill(WINDOW, a_fill(1))
    assert not ledger.record_fill(WINDOW, a_fill(1))
    ledger.record_fill(WINDOW, a_fill(2))

    assert ledger.fills(WINDOW) == [a_fill(1), a_fill(2)]


def test_a_days_and_a_weeks_result_add_up_by_series(ledger: LedgerStore) -> None:
    monday, tuesday = NOON.date().replace(day=3), NOON.date()
    ledger.record_result(monday, "w1", {"KXINX": -5, "KXINXU": 7})
    ledger.record_result(tuesday, "w2", {"KXINX": -3})

    assert ledger.earned("KXINX", monday, tuesday) == -8
    assert ledger.earned("KXINX", tuesday, tuesday) == -3
    assert ledger.earned("KXINXU", monday, tuesday) == 7
    assert ledger.earned("KXINXU", tuesday, monday) == 0
    assert ledger.earned_by_day(monday.replace(day=2), tuesday) == [0, 2, -3]
    assert ledger.earned_by_day(tuesday, monday) == []


def test_everything_of_a_window_can_be_listed(ledger: LedgerStore) -> None:
    ledger.intend(WINDOW, an_order(), NOON)
    ledger.record_cash(WINDOW, "before", 10_000_000, NOON)
    ledger.record_settlement(WINDOW, Settlement("M", "yes", 100, 0, NOON))

    assert [e["sk"].partition("#")[0] for e in ledger.entries(WINDOW)] == [
        "CASH",
        "ORDER",
        "SETTLEMENT",
    ]
    assert ledger.cash(WINDOW, "before") == 10_000_000
    assert ledger.cash(WINDOW, "after") is None


def test_a_table_that_does_not_answer_is_a_store_error() -> None:
    with mock_aws(), pytest.raises(StoreError, match="no-such-table"):
        Table(boto3.client("dynamodb"), "no-such-table").get("a", "b")
