"""The account at the start of a window, read from answers as the venue gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from moto import mock_aws

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.layout import LEDGER, STATE
from kalshi_alpha.cloud.services import client
from kalshi_alpha.markets.units import CASH_UNIT
from kalshi_alpha.rehearsal.machine import create_table
from kalshi_alpha.steps.account import read_account, shard_status
from kalshi_alpha.steps.runtime import Runtime, Settings
from kalshi_alpha.venues.kalshi.reader import KalshiReader
from tests.unit.steps.fake_venue import T, the_window

EVENT = the_window().event_ticker("KXINXU")
Answers = dict[str, Any]


def healthy() -> Answers:
    return {
        "portfolio/balance": {
            "balance": 9900,
            "balance_dollars": "99.0000",
            "balance_breakdown": [
                {"exchange_index": 0, "balance": "40.0000"},
                {"exchange_index": 2, "balance": "59.0000"},
            ],
        },
        "portfolio/positions": {
            "market_positions": [
                {"ticker": f"{EVENT}-T6774.9999", "market_exposure_dollars": "1.5000"},
                {"ticker": f"{EVENT}-T6779.9999", "market_exposure_dollars": "0.2500"},
                {"ticker": "KXHIGHNY-25NOV04-B60.5", "market_exposure_dollars": "7.0000"},
            ],
            "cursor": "",
        },
        "exchange/schedule": {"schedule": {"standard_hours": [], "maintenance_windows": []}},
    }


@pytest.fixture
def reading() -> Iterator[Callable[[Answers], Runtime]]:
    with mock_aws():
        client.cache_clear()
        for spec in (STATE, LEDGER):
            create_table(spec, spec.name)

        def make(answers: Answers, broker: str = "twin") -> Runtime:
            def answer(request: httpx.Request) -> httpx.Response:
                path = request.url.path.removeprefix("/trade-api/v2/")
                return httpx.Response(200, json=answers[path]) if path in answers else lost()

            clock = ManualClock(T - timedelta(minutes=9))
            base = "http://127.0.0.1/trade-api/v2"
            settings = Settings(
                broker=broker,
                state_table=STATE.name,
                ledger_table=LEDGER.name,
                venue_url=base,
            )
            runtime = Runtime(settings, clock)
            runtime.__dict__["reader"] = KalshiReader(
                base, clock, transport=httpx.MockTransport(answer)
            )
            return runtime

        yield make
        client.cache_clear()


def lost() -> httpx.Response:
    return httpx.Response(503)


def test_only_the_cash_on_our_shard_and_the_positions_of_our_events_count(
    reading: Callable[..., Runtime],
) -> None:
    account = read_account(reading(healthy()), the_window(), 8 * CASH_UNIT)

    assert (account.balance, account.held, account.paused) == (40_000_000, 1_750_000, "")


def test_cash_on_another_shard_is_none_here(reading: Callable[..., Runtime]) -> None:
    answers = healthy()
    del answers["portfolio/balance"]["balance_breakdown"][0]

    assert read_account(reading(answers), the_window(), 0).balance == 0


def test_a_key_that_is_told_no_shards_counts_the_whole_balance(
    reading: Callable[..., Runtime],
) -> None:
    answers = healthy()
    del answers["portfolio/balance"]["balance_breakdown"]

    assert read_account(reading(answers), the_window(), 0).balance == 99_000_000


def test_what_cannot_be_read_is_none_or_a_sentence(reading: Callable[..., Runtime]) -> None:
    account = read_account(reading({}), the_window(), 0)

    assert (account.balance, account.held) == (None, None)
    assert "cannot be read" in account.paused


@pytest.mark.parametrize(
    "position",
    [{"ticker": f"{EVENT}-T1"}, {"ticker": f"{EVENT}-T1", "market_exposure_dollars": "x"}],
)
def test_a_position_that_cannot_be_read_is_unknown(
    reading: Callable[..., Runtime], position: dict[str, str]
) -> None:
    answers = healthy()
    answers["portfolio/positions"]["market_positions"] = [position]

    assert read_account(reading(answers), the_window(), 0).held is None


def test_paper_holds_nothing_and_still_heeds_a_pause(reading: Callable[..., Runtime]) -> None:
    answers = healthy()
    answers["exchange/schedule"]["schedule"]["maintenance_windows"] = [
        {"start_datetime": "2025-11-04T16:59:00Z", "end_datetime": "2025-11-04T18:00:00Z"}
    ]

    account = read_account(reading(answers, "paper"), the_window(), 5)

    assert (account.balance, account.held) == (5, 0)
    assert "2025-11-04T16:59:00Z" in account.paused


ON = {"exchange_active": True, "trading_active": True}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (ON, (True, True)),
        ({}, (None, None)),
        ({"exchange_active": "yes", "trading_active": True}, (False, True)),
        (ON | {"exchange_index_statuses": [ON | {"exchange_index": 0}]}, (True, True)),
        (
            ON
            | {
                "exchange_index_statuses": [
                    {"exchange_index": 0, "exchange_active": True, "trading_active": False},
                    ON | {"exchange_index": 1},
                ]
            },
            (True, False),
        ),
        (
            ON
            | {
                "exchange_index_statuses": [
                    {"exchange_index": 1, "exchange_active": False, "trading_active": False}
                ]
            },
            (True, True),
        ),
        (ON | {"exchange_index_statuses": [{"exchange_index": 0}]}, (None, None)),
    ],
)
def test_our_shard_decides(status: Answers, said: tuple[bool | None, bool | None]) -> None:
    assert shard_status(status) == said
