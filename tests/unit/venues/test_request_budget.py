"""The account's two token buckets, counted here as the venue counts them."""

import math
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.errors import DataError, VenueThrottled
from kalshi_alpha.rehearsal.exchange.limits import Limits, cost_of, endpoint_costs
from kalshi_alpha.venues.kalshi.budget import TokenBucket, budget_from
from kalshi_alpha.venues.kalshi.signing import Credentials
from kalshi_alpha.venues.kalshi.trader import KalshiTrader

NOON = datetime(2026, 10, 6, 16, tzinfo=UTC)
ORDERS = "portfolio/events/orders"


def budget(sharers=1):
    return budget_from(Limits().view(), endpoint_costs(), sharers=sharers)


@pytest.mark.parametrize(
    ("method", "path", "cost"),
    [
        ("POST", ORDERS, 10),
        ("POST", f"{ORDERS}/abc/amend", 10),
        ("DELETE", f"{ORDERS}/abc", 2),
        ("DELETE", f"{ORDERS}/batched", 2),
        ("DELETE", f"/trade-api/v2/{ORDERS}/abc?subaccount=0", 2),
        ("PUT", "portfolio/order_groups/g/trigger", 10),
        ("GET", "portfolio/orders", 10),
    ],
)
def test_costs_are_the_venues_by_method_and_path(method, path, cost):
    assert budget().costs.of(method, path) == cost


def test_every_cost_is_what_the_simulator_takes():
    for method in ("GET", "POST", "PUT", "DELETE"):
        for path in (ORDERS, f"{ORDERS}/x", f"{ORDERS}/batched", "portfolio/orders"):
            assert budget().costs.of(method, path) == cost_of(method, f"/{path}")


def test_a_row_with_a_brace_names_an_id_too():
    rows = [{"method": "delete", "path": "/portfolio/orders/{order_id}", "cost": 3}]
    costs = {"default_cost": 7, "endpoint_costs": rows}

    found = budget_from(Limits().view(), costs).costs

    assert found.of("DELETE", "portfolio/orders/7f") == 3
    assert found.of("DELETE", "portfolio/orders/7f/more") == 7


def test_forty_orders_fit_the_smallest_tier_and_a_forty_first_does_not():
    """A create costs 10; a pull of n orders 2 n by name and 10 by group; the bucket holds 100."""
    assert budget().pull_cost(40) == 90
    assert budget().wait_s("create", 0.0, resting=39) == 0.0
    assert budget().wait_s("create", 0.0, resting=40) == math.inf
    assert budget().wait_s("amend", 0.0, resting=40) == 0.0
    assert budget().wait_s("cancel", 0.0, resting=400) == 0.0


def test_writes_wait_until_the_pull_fits_again_and_cancels_do_not():
    spent = budget()
    for _ in range(6):
        spent.sent("POST", ORDERS, 0.0)

    # 40 left; a create beside 10 resting needs 10 + 2 x 11 + 10 = 42.
    assert spent.wait_s("create", 0.0, resting=10) == pytest.approx(0.02)
    assert spent.wait_s("create", 0.02, resting=10) == 0.0
    spent.sent("DELETE", f"{ORDERS}/batched", 0.02, items=10)
    assert spent.wait_s("cancel", 0.02, resting=10) == 0.0
    assert spent.wait_s("create", 0.02, resting=10) == pytest.approx(0.20)


def test_a_429_is_the_venues_own_count_and_empties_ours():
    throttled = budget()
    throttled.throttled("POST", 0.0)

    assert throttled.wait_s("cancel", 0.0, resting=0) == pytest.approx(0.02)
    assert throttled.read_wait_s("portfolio/orders", 0.0) == 0.0
    throttled.throttled("GET", 0.0)
    assert throttled.read_wait_s("portfolio/orders", 0.0) == pytest.approx(0.05)


def test_windows_that_run_together_divide_the_budget():
    assert budget(sharers=2).wait_s("create", 0.0, resting=14) == 0.0
    assert budget(sharers=2).wait_s("create", 0.0, resting=15) == math.inf


@pytest.mark.parametrize(
    ("limits", "costs"),
    [
        ({}, endpoint_costs()),
        ({"read": {"refill_rate": 1, "bucket_capacity": 1}}, endpoint_costs()),
        (Limits().view() | {"write": {"refill_rate": 0, "bucket_capacity": 1}}, endpoint_costs()),
        (Limits().view() | {"write": {"refill_rate": "9", "bucket_capacity": 1}}, endpoint_costs()),
        (Limits().view() | {"read": {"refill_rate": True, "bucket_capacity": 1}}, endpoint_costs()),
        (Limits().view(), {}),
        (Limits().view(), {"default_cost": -1}),
        (Limits().view(), {"default_cost": 10, "endpoint_costs": "none"}),
        (Limits().view(), {"default_cost": 10, "endpoint_costs": [{"method": "GET", "cost": 1}]}),
        (Limits().view(), {"default_cost": 10, "endpoint_costs": [{"path": "/x", "cost": None}]}),
    ],
)
def test_numbers_that_are_missing_or_impossible_are_no_budget(limits, costs):
    with pytest.raises(DataError):
        budget_from(limits, costs)


@given(
    refill=st.integers(1, 500),
    capacity=st.integers(1, 500),
    requests=st.lists(st.tuples(st.floats(0, 3), st.integers(1, 60)), max_size=40),
)
def test_whoever_waits_as_told_is_never_turned_away(refill, capacity, requests):
    """Against the bucket of the simulator: what we let go, it takes."""
    ours, venues = TokenBucket(refill, capacity), Limits().write
    venues.refill, venues.capacity, venues.tokens = refill, capacity, capacity
    now = 0.0
    for passed, cost in requests:
        now += passed
        wait = ours.wait_s(cost, now)
        if math.isinf(wait):
            assert cost > capacity
            continue
        now += wait + 1e-6
        assert ours.wait_s(cost, now) == 0.0
        ours.spend(cost, now)
        assert venues.take(cost, now)


def test_time_that_runs_back_refills_nothing():
    bucket = TokenBucket(10.0, 10.0)
    bucket.spend(10, 5.0)

    assert bucket.wait_s(5, 4.0) == pytest.approx(0.5)
    assert bucket.wait_s(5, 4.5) == 0.0


class Anyone:
    def headers(self, *_):
        return {}


def test_the_client_counts_every_request_and_a_batch_by_the_item():
    asked = []

    def answer(request):
        asked.append((request.method, request.url.path))
        if request.url.path.endswith("account/limits"):
            return httpx.Response(200, json=Limits().view())
        if request.url.path.endswith("endpoint_costs"):
            return httpx.Response(200, json=endpoint_costs())
        if request.method == "DELETE":
            return httpx.Response(429, json={"error": "too many requests"})
        return httpx.Response(200, json={"orders": [], "cursor": ""})

    clock = ManualClock(NOON)
    credentials = Credentials("k", Anyone())
    trader = KalshiTrader(
        "https://venue.test/trade-api/v2", clock, credentials, httpx.MockTransport(answer)
    )
    kept = trader.keep_budget()
    assert trader.keep_budget() is kept  # asked once
    assert len(asked) == 2

    for _ in range(62):
        trader.orders()
    assert (kept.read.tokens, clock.monotonic()) == (0.0, pytest.approx(0.1))
    with pytest.raises(VenueThrottled):
        trader.cancel_batch(["a"])
    assert kept.write.tokens == 0.0
    assert trader.keep_budget(sharers=2) is not kept
