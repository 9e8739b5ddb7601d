from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from kalshi_alpha.cloud.exposure import ExposureStore
from kalshi_alpha.cloud.layout import LEDGER
from kalshi_alpha.cloud.table import StoreError, Table
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.limits import Limit, limits_on, week_of
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.windows import window_from_id
from kalshi_alpha.rehearsal.machine import create_table

MONDAY = date(2025, 11, 3)
DAY = Limit("day", "2025-11-04/KXINXU", 20_000_000)
STRIKE = Limit("strike", "KXINXU-25NOV04H1200-T6774.9999", 1_000_000)
DOLLAR = 1_000_000


class OneAtATime:
    """DynamoDB as its callers see it: each request whole, in some order, some refused.

    The table in this process would interleave inside a request, which the real one never does.
    """

    def __init__(self, client: Any, rng: random.Random | None = None) -> None:
        self._client, self._rng, self._lock = client, rng, threading.Lock()
        self.conflicts = 0

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)

        def call(**arguments: Any) -> Any:
            with self._lock:
                busy = name == "transact_write_items" and self._rng and self._rng.random() < 0.2
                if busy:
                    self.conflicts += 1
                    raise conflict(len(arguments["TransactItems"]))
                return operation(**arguments)

        return call


def conflict(count: int) -> ClientError:
    reasons = [{"Code": "TransactionConflict"}] + [{"Code": "None"}] * (count - 1)
    reply: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": "conflict"},
        "CancellationReasons": reasons,
    }
    return ClientError(reply, "TransactWriteItems")


def no_sleep(seconds: float) -> None:
    assert seconds > 0


@pytest.fixture
def store() -> Iterator[ExposureStore]:
    with mock_aws():
        create_table(LEDGER, LEDGER.name)
        yield ExposureStore(Table(boto3.client("dynamodb"), LEDGER.name), no_sleep)


def test_a_reservation_counts_in_every_limit_and_a_release_gives_it_back(
    store: ExposureStore,
) -> None:
    assert store.reserve(MONDAY, "a", 450_000, (STRIKE, DAY)) is None
    assert store.usages(MONDAY)[STRIKE.key].open == 450_000
    assert store.usages(MONDAY)[DAY.key].room(DAY.cap) == 19_550_000

    store.restate(MONDAY, "a", (STRIKE, DAY), open_risk=0)

    assert {usage.open for usage in store.usages(MONDAY).values()} == {0}


def test_a_reservation_that_one_limit_refuses_is_in_none(store: ExposureStore) -> None:
    store.reserve(MONDAY, "a", 600_000, (STRIKE, DAY))

    refused = store.reserve(MONDAY, "b", 500_000, (STRIKE, DAY))

    assert refused is not None
    assert (refused.limit, refused.asked, refused.room) == (STRIKE, 500_000, 400_000)
    assert store.usage(MONDAY, DAY).open == 600_000
    assert store.hold(MONDAY, "b") is None


def test_exactly_the_cap_fits_and_one_unit_more_does_not(store: ExposureStore) -> None:
    assert store.reserve(MONDAY, "a", DOLLAR + 1, (STRIKE,)) is not None
    assert store.reserve(MONDAY, "a", DOLLAR - 1, (STRIKE,)) is None
    assert store.reserve(MONDAY, "b", 2, (STRIKE,)) is not None
    assert store.reserve(MONDAY, "b", 1, (STRIKE,)) is None


def test_a_reservation_is_made_once_however_often_it_is_asked(store: ExposureStore) -> None:
    for _ in range(3):
        assert store.reserve(MONDAY, "a", 700_000, (STRIKE, DAY)) is None

    assert store.usage(MONDAY, STRIKE).open == 700_000


def test_an_amend_asks_for_the_difference_alone_and_keeps_the_higher_of_the_two(
    store: ExposureStore,
) -> None:
    store.reserve(MONDAY, "a", 700_000, (STRIKE,))
    assert store.reserve(MONDAY, "a", 900_000, (STRIKE,)) is None
    assert store.reserve(MONDAY, "a", 500_000, (STRIKE,)) is None

    assert store.usage(MONDAY, STRIKE).open == 900_000


def test_what_was_lost_narrows_a_limit_and_what_was_won_never_widens_it(
    store: ExposureStore,
) -> None:
    store.reserve(MONDAY, "a", 600_000, (STRIKE,))
    store.restate(MONDAY, "a", (STRIKE,), open_risk=0, lost=600_000)
    narrowed = store.reserve(MONDAY, "b", 500_000, (STRIKE,))
    store.restate(MONDAY, "a", (STRIKE,), open_risk=0, lost=-400_000)

    assert narrowed is not None
    assert narrowed.room == 400_000
    assert store.reserve(MONDAY, "b", DOLLAR + 1, (STRIKE,)) is not None
    assert store.reserve(MONDAY, "b", DOLLAR, (STRIKE,)) is None


def test_what_the_venue_did_is_written_whatever_the_cap_says(store: ExposureStore) -> None:
    store.restate(MONDAY, "a", (STRIKE,), open_risk=3 * DOLLAR)
    store.restate(MONDAY, "a", (STRIKE,), open_risk=3 * DOLLAR)

    assert store.usage(MONDAY, STRIKE).open == 3 * DOLLAR
    assert store.reserve(MONDAY, "b", 1, (STRIKE,)) is not None


def test_a_lost_race_is_run_again_and_one_lost_for_ever_sends_nothing() -> None:
    with mock_aws():
        create_table(LEDGER, LEDGER.name)
        client = OneAtATime(boto3.client("dynamodb"), random.Random(7))
        store = ExposureStore(Table(client, LEDGER.name), no_sleep)
        for number in range(20):
            store.reserve(MONDAY, f"o{number}", 1000, (DAY,))
        assert store.usage(MONDAY, DAY).open == 20_000
        assert client.conflicts > 0

        class Never(random.Random):
            def random(self) -> float:
                return 0.0

        hopeless = OneAtATime(boto3.client("dynamodb"), Never())
        with pytest.raises(StoreError, match="must not be sent"):
            ExposureStore(Table(hopeless, LEDGER.name), no_sleep).reserve(MONDAY, "x", 1000, (DAY,))


def test_a_table_that_is_gone_reserves_nothing() -> None:
    with mock_aws(), pytest.raises(StoreError, match="nowhere"):
        ExposureStore(Table(boto3.client("dynamodb"), "nowhere"), no_sleep).reserve(
            MONDAY, "a", 1, (DAY,)
        )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sixteen_windows_that_race_never_pass_a_cap_and_lose_no_count(seed: int) -> None:
    day = Limit("day", "2025-11-04/KXINXU", 6_000_000)
    family = Limit("family-day", "2025-11-04/index", 8_000_000)
    passed: list[str] = []

    with mock_aws():
        create_table(LEDGER, LEDGER.name)
        client = OneAtATime(boto3.client("dynamodb"), random.Random(seed))
        store = ExposureStore(Table(client, LEDGER.name), no_sleep)

        def race(number: int) -> int:
            rng = random.Random(f"{seed}/{number}")
            window = Limit("window", f"w{number}", 2_000_000)
            limits = (window, day, family) if number % 2 else (window, family)
            granted = 0
            for order in (f"w{number}-o{i}" for i in range(6)):
                risk = rng.randrange(100_000, 900_000, 1000)
                if store.reserve(MONDAY, order, risk, limits) is not None:
                    continue
                granted += 1
                passed.extend(
                    limit.key for limit in limits if store.usage(MONDAY, limit).open > limit.cap
                )
                fate = rng.random()
                if fate < 0.4:
                    store.restate(MONDAY, order, limits, open_risk=0)
                elif fate < 0.7:
                    store.restate(
                        MONDAY, order, limits, open_risk=0, lost=rng.choice((risk, risk - DOLLAR))
                    )
            return granted

        with ThreadPoolExecutor(16) as pool:
            granted = list(pool.map(race, range(16)))

        assert passed == []
        assert sum(granted) > 16
        assert client.conflicts > 0
        holds = store.holds(MONDAY)
        for key, usage in store.usages(MONDAY).items():
            mine = [hold for hold in holds if key in {limit.key for limit in hold.limits}]
            assert usage.open == sum(hold.open for hold in mine)
            assert usage.total == sum(hold.open + hold.lost for hold in mine)


def test_two_writers_of_one_order_leave_the_counters_the_sum_of_the_holds() -> None:
    with mock_aws():
        create_table(LEDGER, LEDGER.name)
        client = OneAtATime(boto3.client("dynamodb"), random.Random(3))
        store = ExposureStore(Table(client, LEDGER.name), no_sleep)

        def restate(amount: int) -> None:
            store.restate(MONDAY, "one", (STRIKE, DAY), open_risk=amount, lost=amount // 2)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(restate, itertools.chain(range(1, 9), range(11, 19))))

        (hold,) = store.holds(MONDAY)
        for usage in store.usages(MONDAY).values():
            assert (usage.open, usage.total) == (hold.open, hold.open + hold.lost)


def test_an_order_counts_against_its_strike_window_day_week_family_and_everything() -> None:
    window = window_from_id("20251104-1200-index-hourly", load_registry(), load_sessions())

    limits = limits_on(load_registry(), window, STRIKE.name)

    assert [(limit.key, limit.cap) for limit in limits] == [
        ("strike#KXINXU-25NOV04H1200-T6774.9999", 1_000_000),
        ("window#20251104-1200-index-hourly/KXINXU", 4_000_000),
        ("day#2025-11-04/KXINXU", 20_000_000),
        ("week#2025-11-03/KXINXU", 60_000_000),
        ("family-day#2025-11-04/index", 40_000_000),
        ("family-week#2025-11-03/index", 120_000_000),
        ("fixing#2025-11-04T17:00:00Z", 12_000_000),
        ("all-day#2025-11-04", 40_000_000),
        ("all-week#2025-11-03", 120_000_000),
    ]
    assert week_of(datetime(2025, 11, 9, 5, tzinfo=UTC).date()) == MONDAY


def test_a_market_of_another_fixing_is_covered_by_no_limit_and_refused() -> None:
    window = window_from_id("20251104-1200-index-hourly", load_registry(), load_sessions())

    with pytest.raises(ConfigurationError, match="no limit covers it"):
        limits_on(load_registry(), window, "KXINXU-25NOV04H1300-T6774.9999")
