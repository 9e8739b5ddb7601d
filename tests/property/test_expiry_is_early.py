"""The expiry at the venue, in its whole seconds, is never after the instant it stands for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.errors import InvariantBroken
from kalshi_alpha.markets.orders import NewOrder, Side
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.windows import Window, windows_on
from kalshi_alpha.venues.kalshi.trader import KalshiTrader
from kalshi_alpha.venues.kalshi.wire import create_body

TWO = timedelta(seconds=2)
DAYS = [date(2024, 1, 2) + timedelta(days=n) for n in range(5 * 365 - 5)]
PULLS = st.floats(2.0, 14.0, allow_nan=False) | st.integers(2_000_000, 14_000_000).map(
    lambda micro: micro / 1e6
)


def pulled_at(window: Window, seconds: float) -> Window:
    return replace(window, phases=replace(window.phases, pull=seconds))


def an_order(expires_at: datetime) -> NewOrder:
    return NewOrder("M", Side.BID, 4500, 100, "id-1", expires_at)


def sent(order: NewOrder) -> int:
    found = create_body(order)["expiration_time"]
    assert isinstance(found, int)
    return found


@given(st.sampled_from(DAYS), PULLS, st.integers(0, 20))
def test_the_second_that_is_sent_is_at_or_before_the_pull_and_t_minus_2(
    day: date, pull: float, index: int
) -> None:
    windows = windows_on(day, load_registry(), load_sessions())
    if not windows:
        return
    window = pulled_at(windows[index % len(windows)], pull)

    second = datetime.fromtimestamp(sent(an_order(window.expires_at)), UTC)

    assert second == window.expires_at
    assert second <= window.pull_at <= window.fixing - TWO
    assert window.pull_at - second < timedelta(seconds=1)


@given(
    st.datetimes(
        datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
        datetime(2100, 1, 1),  # noqa: DTZ001
        timezones=st.timezones() | st.just(UTC),
    )
)
def test_whatever_instant_an_order_names_the_wire_never_says_a_later_one(instant: datetime) -> None:
    at = instant.astimezone(UTC)

    second = datetime.fromtimestamp(sent(an_order(at)), UTC)

    assert at - timedelta(seconds=1) < second <= at


@given(st.integers(1, 999_999))
def test_an_expiry_inside_a_second_is_not_even_sent(micro: int) -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(500)

    now = datetime(2025, 11, 4, 16, tzinfo=UTC)
    trader = KalshiTrader(
        "http://127.0.0.1", ManualClock(now), transport=httpx.MockTransport(answer)
    )

    with pytest.raises(InvariantBroken, match="whole second"):
        trader.create(an_order(now + timedelta(hours=1, microseconds=micro)))
    assert requests == []
