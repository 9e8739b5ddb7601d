"""Plans in the state table: what a window was made of is kept, whatever the calendar says later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from types import MappingProxyType

import boto3
import pytest
from moto import mock_aws

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.cloud.layout import STATE
from kalshi_alpha.cloud.plans import Plan, PlanStore
from kalshi_alpha.cloud.table import Table
from kalshi_alpha.markets.registry import Registry, load_registry
from kalshi_alpha.markets.releases import Release
from kalshi_alpha.markets.traded import trade
from kalshi_alpha.markets.windows import Window, release_window
from kalshi_alpha.rehearsal.machine import create_table

AT = datetime(2025, 10, 19, 11, tzinfo=UTC)


@pytest.fixture
def registry() -> Iterator[Registry]:
    trade("macro")
    yield load_registry()
    trade()


@pytest.fixture
def table() -> Iterator[Table]:
    with mock_aws():
        create_table(STATE, STATE.name)
        yield Table(boto3.client("dynamodb"), STATE.name)


def gasoline(registry: Registry, day: int) -> Window:
    closes = datetime(2025, 10, day, 23, 59, tzinfo=NEW_YORK)
    return release_window(registry.groups["gasoline"], closes)


def test_a_plan_comes_back_as_it_was_kept(table: Table, registry: Registry) -> None:
    store = PlanStore(table, registry)
    plan = Plan(gasoline(registry, 20), ("KXAAAGASD-25OCT21",), AT)
    store.keep(plan)

    assert store.of("20251020-2359-gasoline") == plan
    assert store.of("20251021-2359-gasoline") is None
    assert plan.window.release == Release(
        "aaa", date(2025, 10, 21), datetime(2025, 10, 21, 9, tzinfo=UTC)
    )


def test_the_last_word_on_a_window_is_the_plan(table: Table, registry: Registry) -> None:
    store = PlanStore(table, registry)
    plan = Plan(gasoline(registry, 20), ("KXAAAGASD-25OCT21",), AT)
    store.keep(plan)
    store.keep(replace(plan, cancelled="it is no longer listed"))

    assert [found.cancelled for found in store.on(date(2025, 10, 20))] == ["it is no longer listed"]


def test_a_days_plans_are_those_whose_trading_ends_that_day_in_new_york(
    table: Table, registry: Registry
) -> None:
    store = PlanStore(table, registry)
    for day in (19, 20, 21):
        store.keep(Plan(gasoline(registry, day), (), AT))

    assert [p.window.window_id for p in store.on(date(2025, 10, 20))] == ["20251020-2359-gasoline"]
    assert store.on(date(2025, 10, 22)) == []


def test_a_plan_outlives_a_calendar_that_no_longer_knows_its_release(
    table: Table, registry: Registry
) -> None:
    moved = Release("cpi", date(2025, 10, 1), datetime(2025, 11, 13, 13, 30, tzinfo=UTC))
    group = registry.groups["cpi"]
    closes = datetime(2025, 11, 13, 13, 25, tzinfo=UTC)
    window = Window("cpi", closes, group.series, group.phases, moved)
    store = PlanStore(table, registry)
    store.keep(Plan(window, ("KXCPI-25OCT",), AT))

    assert [plan.window for plan in store.on(date(2025, 11, 13))] == [window]


def test_plans_of_a_group_that_is_traded_no_more_are_left_out(
    table: Table, registry: Registry
) -> None:
    PlanStore(table, registry).keep(Plan(gasoline(registry, 20), (), AT))
    groups = {name: g for name, g in registry.groups.items() if name != "gasoline"}
    store = PlanStore(table, replace(registry, groups=MappingProxyType(groups)))

    assert store.on(date(2025, 10, 20)) == []
    assert store.of("20251020-2359-gasoline") is None
