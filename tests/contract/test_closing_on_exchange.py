"""Which markets of a series close when, asked of the twin's exchange over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from kalshi_alpha.clock import iso
from kalshi_alpha.venues.kalshi.reader import KalshiReader
from tests.exchange_host import EVENT, FIXING, Host, hosting


@pytest.fixture
def host() -> Iterator[Host]:
    with hosting() as host:
        yield host


@pytest.fixture
def reader(host: Host) -> Iterator[KalshiReader]:
    reader = KalshiReader(host.base, host.clock)
    yield reader
    reader.close()


def test_the_markets_of_one_series_that_close_in_a_span(host: Host, reader: KalshiReader) -> None:
    found = reader.closing("KXINXU", host.clock.now(), FIXING)

    assert {market["event_ticker"] for market in found} == {EVENT}
    assert {market["close_time"] for market in found} == {iso(FIXING)}
    assert len(found) == len(reader.markets(EVENT)) > 0


def test_none_that_closes_before_or_after_it(host: Host, reader: KalshiReader) -> None:
    second = timedelta(seconds=1)

    assert reader.closing("KXINXU", host.clock.now(), FIXING - second) == []
    assert reader.closing("KXINXU", FIXING + second, FIXING + timedelta(days=8)) == []
    assert reader.closing("KXCPI", host.clock.now(), FIXING) == []
