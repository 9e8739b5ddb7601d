"""The exchange misbehaving on demand, through its control endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.exchange_host import MIDDLE, Host, hosting

ORDERS = "/portfolio/events/orders"
ORDER = {
    "ticker": MIDDLE,
    "side": "bid",
    "price": "0.4000",
    "count": "1.00",
    "time_in_force": "good_till_canceled",
    "self_trade_prevention_type": "taker_at_cross",
}


@pytest.fixture
def host() -> Iterator[Host]:
    with hosting() as running:
        yield running


def arm(host: Host, **body: Any) -> httpx.Response:
    url = host.base.replace("/trade-api/v2", "/twin/faults")
    return httpx.post(url, json=body, trust_env=False)


def resting(host: Host) -> int:
    return len(host.ask("GET", "/portfolio/orders?status=resting").json()["orders"])


def test_a_status_is_answered_as_often_as_asked_and_the_write_never_happens(host: Host) -> None:
    assert arm(host, rest=[{"method": "POST", "status": 503, "times": 2}]).json()["rest"] == 2
    assert [host.ask("POST", ORDERS, ORDER).status_code for _ in range(3)] == [503, 503, 201]
    assert resting(host) == 1


def test_an_answer_lost_after_the_write_leaves_the_order_resting(host: Host) -> None:
    arm(host, rest=[{"method": "POST", "path": ORDERS, "drop": True, "after": True}])
    with pytest.raises(httpx.TransportError):
        host.ask("POST", ORDERS, ORDER)

    assert resting(host) == 1


def test_an_answer_lost_before_the_write_leaves_nothing(host: Host) -> None:
    arm(host, rest=[{"method": "POST", "drop": True}])
    with pytest.raises(httpx.TransportError):
        host.ask("POST", ORDERS, ORDER)

    assert resting(host) == 0


def test_another_path_is_not_struck_and_arming_anew_replaces_what_was_armed(host: Host) -> None:
    arm(host, rest=[{"path": "/portfolio/balance", "status": 500, "times": 9}])
    assert host.ask("GET", "/portfolio/positions").status_code == 200
    assert host.ask("GET", "/portfolio/balance").status_code == 500

    arm(host, rest=[])
    assert host.ask("GET", "/portfolio/balance").status_code == 200


def test_a_late_answer_is_still_the_true_one(host: Host) -> None:
    arm(host, rest=[{"delay_s": 0.05}])

    assert host.ask("GET", "/portfolio/balance").status_code == 200


@pytest.mark.parametrize("body", [{"rest": [{"colour": "red"}]}, {"everything": True}])
def test_an_unknown_fault_is_refused(host: Host, body: dict[str, Any]) -> None:
    assert arm(host, **body).status_code == 400


def test_without_the_control_there_is_no_way_to_ask() -> None:
    with hosting(control=False) as host:
        assert arm(host, rest=[]).status_code == 404
