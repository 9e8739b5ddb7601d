"""Two windows at one fixing see each other's risk, through what their scans left and the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.cloud.layout import LEDGER, STATE
from kalshi_alpha.cloud.services import client
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import Fill, NewOrder, Settlement, Side
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.table import student_table
from kalshi_alpha.rehearsal.machine import create_table
from kalshi_alpha.steps.fixing import (
    PART,
    UNPLACED,
    read_fixing,
    read_window,
    window_risk,
    windows_beside,
)
from kalshi_alpha.steps.risk_reading import fixings_of_day, fixings_of_run
from kalshi_alpha.steps.runtime import Runtime, Settings
from kalshi_alpha.steps.scanning import SeriesScan
from kalshi_alpha.trading.risk import Holding, SymbolBook, risk_of
from kalshi_alpha.trading.risk_book import Fixing, WindowRisk
from kalshi_alpha.trading.risk_plan import Claim

T = datetime(2025, 11, 4, 21, tzinfo=UTC)  # 16:00 in New York
NOW = T - timedelta(minutes=4)
HOURLY, CLOSE = "20251104-1600-index-hourly", "20251104-1600-index-close"
ABOVE, RANGE = "KXINXU-25NOV04H1600-T6799.9999", "KXINX-25NOV04H1600-B6812"
PAYOFFS = {ABOVE: Payoff(680_000, None), RANGE: Payoff(680_000, 682_499)}
LAW = TerminalLaw(student_table(4.5), 6800.0, 1e-4, 0.0020)


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    with mock_aws():
        client.cache_clear()
        for spec in (STATE, LEDGER):
            create_table(spec, spec.name)
        runtime = Runtime(
            Settings(state_table=STATE.name, ledger_table=LEDGER.name), ManualClock(NOW)
        )
        fees = {"fee_type": "quadratic_with_maker_fees", "fee_multiplier": "1"}
        for name in (HOURLY, CLOSE):
            runtime.state.claim_window(name, "e", NOW)
            series = dict.fromkeys(runtime.window(name).series, fees)
            runtime.state.extend_window(name, series=series)
        yield runtime
        client.cache_clear()


def wants(ticker: str, price: int, size: int = 100, side: Side = Side.BID) -> Holding:
    return Holding(PAYOFFS[ticker], side, size, price * size, ticker)


def scanned(runtime: Runtime, window: str, *wanted: Holding, **fields: Any) -> WindowRisk:
    """Leave what a scan of the window leaves."""
    left = WindowRisk(
        runtime.clock.now(),
        {"SPX": SymbolBook(LAW, (), wanted)},
        markets={ticker: ("SPX", payoff) for ticker, payoff in PAYOFFS.items()},
    )
    left = replace(left, **fields)
    runtime.state.put_part(window, PART, left.to_json())
    return left


def order(runtime: Runtime, window: str, ticker: str, price: int, **known: Any) -> None:
    name = f"c-{ticker}-{price}"
    new = NewOrder(ticker, Side.BID, price, 100, name, runtime.window(window).expires_at)
    runtime.ledger.intend(window, new, runtime.clock.now())
    status = known.pop("status", "resting")
    runtime.ledger.mark(window, name, status, runtime.clock.now(), order_id=f"v-{name}", **known)


def fill(runtime: Runtime, window: str, ticker: str, price: int, size: int = 100) -> None:
    done = Fill(
        f"f-{ticker}-{size}", f"v-c-{ticker}-{price}", ticker, Side.BID, price, size, False, 1_750,
        runtime.clock.now(),
    )  # fmt: skip
    runtime.ledger.record_fill(window, done)


def test_the_two_windows_of_the_close_stand_beside_each_other_and_noon_stands_alone(
    runtime: Runtime,
) -> None:
    beside = windows_beside(runtime, runtime.window(CLOSE))
    assert [window.window_id for window in beside] == [HOURLY]
    assert windows_beside(runtime, runtime.window("20251104-1200-index-hourly")) == []


def test_before_the_first_scan_there_is_nothing(runtime: Runtime) -> None:
    fixing = read_fixing(runtime, runtime.window(CLOSE))
    assert (fixing.mine, fixing.others, fixing.claims) == ({}, {}, ())


def test_what_the_other_window_wants_rests_here_and_our_own_plan_does_not(
    runtime: Runtime,
) -> None:
    scanned(runtime, HOURLY, wants(ABOVE, 4_500))
    scanned(runtime, CLOSE, wants(RANGE, 3_000))

    fixing = read_fixing(runtime, runtime.window(CLOSE))

    assert fixing.mine["SPX"] == SymbolBook(LAW)
    assert fixing.others["SPX"].resting == (wants(ABOVE, 4_500),)
    assert risk_of(fixing.book({}), 0.99).worst == 450_000


def test_a_fill_is_held_with_its_fee_whoever_looks(runtime: Runtime) -> None:
    scanned(runtime, HOURLY, wants(ABOVE, 4_500))
    runtime.clock.sleep(1)
    order(runtime, HOURLY, ABOVE, 4_500, status="filled", filled_size=100, remaining_size=0)
    fill(runtime, HOURLY, ABOVE, 4_500)
    bought = Holding(PAYOFFS[ABOVE], Side.BID, 100, 451_750, ABOVE)

    theirs = read_fixing(runtime, runtime.window(CLOSE))
    ours = read_fixing(runtime, runtime.window(HOURLY))

    assert theirs.others["SPX"].held == (bought,)
    assert theirs.others["SPX"].resting == ()  # the ledger has heard of it since the scan
    assert ours.mine["SPX"].held == (bought,)


def test_an_order_and_the_quote_that_keeps_it_are_one_and_the_larger_counts(
    runtime: Runtime,
) -> None:
    order(runtime, HOURLY, ABOVE, 4_500)
    runtime.clock.sleep(1)
    scanned(runtime, HOURLY, wants(ABOVE, 4_700))

    (resting,) = read_fixing(runtime, runtime.window(CLOSE)).others["SPX"].resting
    assert resting.cost == 470_000

    runtime.clock.sleep(1)
    order(runtime, HOURLY, ABOVE, 4_600)  # heard of after the scan: the ledger is right
    (resting,) = read_fixing(runtime, runtime.window(CLOSE)).others["SPX"].resting
    assert (resting.size, resting.cost) == (200, 450_000 + 460_000 + 2 * 4_400)


@pytest.mark.parametrize(
    ("known", "size"),
    [
        ({"status": "unknown", "most_size": 300}, 300),
        ({"status": "partly_filled", "remaining_size": 40, "filled_size": 60}, 100),
        ({"status": "canceled", "remaining_size": 0, "filled_size": 30}, 30),
        ({"status": "canceled", "remaining_size": 0}, 0),
    ],
)
def test_an_order_counts_with_all_that_may_have_filled(
    runtime: Runtime, known: dict[str, Any], size: int
) -> None:
    scanned(runtime, HOURLY)
    order(runtime, HOURLY, ABOVE, 4_500, **known)

    found = read_fixing(runtime, runtime.window(CLOSE)).others["SPX"].resting

    assert sum(one.size for one in found) == size


def test_a_fill_of_a_market_that_no_scan_spoke_of_is_lost_whatever_happens(
    runtime: Runtime,
) -> None:
    fill(runtime, HOURLY, ABOVE, 4_500)

    fixing = read_fixing(runtime, runtime.window(CLOSE))

    assert list(fixing.others) == [UNPLACED]
    assert risk_of(fixing.book({}), 0.99).tail.var == 451_750


def test_an_order_whose_fee_nobody_knows_counts_a_dollar_a_contract(runtime: Runtime) -> None:
    runtime.state.extend_window(HOURLY, series={})
    scanned(runtime, HOURLY)
    order(runtime, HOURLY, ABOVE, 4_500)

    (resting,) = read_fixing(runtime, runtime.window(CLOSE)).others["SPX"].resting
    assert resting.cost == 1_000_000


def test_an_old_law_is_not_asked_and_its_symbol_counts_with_the_worst(runtime: Runtime) -> None:
    claim = Claim("SPX", wants(ABOVE, 5_000), 90_000)
    scanned(runtime, HOURLY, wants(ABOVE, 4_500), claims=(claim,))
    fresh = read_fixing(runtime, runtime.window(CLOSE))
    assert (fresh.others["SPX"].law, fresh.claims) == (LAW, (claim,))

    runtime.clock.sleep(61)
    stale = read_fixing(runtime, runtime.window(CLOSE))

    assert (stale.others["SPX"].law, stale.claims) == (None, ())
    assert risk_of(stale.book({}), 0.6).tail.var == 450_000
    shown = read_window(runtime, runtime.window(HOURLY), with_orders=True)
    assert shown.mine["SPX"].law == LAW


def test_a_part_that_cannot_be_read_is_said_so(runtime: Runtime) -> None:
    runtime.state.put_part(HOURLY, PART, {"schema": "another"})
    with pytest.raises(DataError, match="a window's risk is of 'another'"):
        read_fixing(runtime, runtime.window(CLOSE))


def test_a_days_fixings_are_shown_until_their_markets_have_paid(runtime: Runtime) -> None:
    scanned(runtime, HOURLY, wants(ABOVE, 4_500))
    scanned(runtime, CLOSE, wants(RANGE, 3_000))
    fill(runtime, HOURLY, ABOVE, 4_500)

    (seen,) = fixings_of_day(runtime, T.date())
    assert seen.name == "20251104-1600"
    assert set(seen.windows) == {HOURLY, CLOSE}
    assert len(seen.book.symbols["SPX"].held) == 1

    runtime.ledger.record_settlement(HOURLY, Settlement(ABOVE, "yes", 1_000_000, 0))
    (seen,) = fixings_of_day(runtime, T.date())
    assert set(seen.windows) == {CLOSE}


def test_after_the_fixing_only_what_is_held_is_shown(runtime: Runtime) -> None:
    scanned(runtime, HOURLY, wants(ABOVE, 4_500))
    scanned(runtime, CLOSE, wants(RANGE, 3_000))
    fill(runtime, HOURLY, ABOVE, 4_500)
    runtime.clock.sleep(300)

    (seen,) = fixings_of_day(runtime, T.date())

    assert set(seen.windows) == {HOURLY}
    assert [one.cost for one in seen.book.symbols["SPX"].held] == [451_750]
    assert seen.book.symbols["SPX"].resting == ()


def test_a_runs_fixings_are_as_the_last_scan_of_each_window_left_them(
    runtime: Runtime, tmp_path: Path
) -> None:
    store = FolderStore(tmp_path)
    for window, number, price in ((HOURLY, 1, 4_400), (HOURLY, 2, 4_500), (CLOSE, 1, 3_000)):
        ticker = ABOVE if window == HOURLY else RANGE
        left = scanned(runtime, window, wants(ticker, price))
        doc = json.dumps({"risk": left.to_json()}).encode()
        store.write(f"windows/{window}/scan/{number:04d}.json", doc)

    (seen,) = fixings_of_run(store, load_registry())

    assert {one.ticker: one.cost for one in seen.book.symbols["SPX"].resting} == {
        ABOVE: 450_000,
        RANGE: 300_000,
    }


@pytest.mark.parametrize(
    ("data", "words"), [(b"{}", "no scan of this run left its risk"), (b"[", "cannot be read")]
)
def test_a_run_without_risk_is_a_sentence(tmp_path: Path, data: bytes, words: str) -> None:
    store = FolderStore(tmp_path)
    store.write(f"windows/{CLOSE}/scan/0001.json", data)
    with pytest.raises(DataError, match=words):
        fixings_of_run(store, load_registry())


def test_a_symbol_whose_scan_found_no_law_keeps_none_of_before(runtime: Runtime) -> None:
    # Written down again with each scan, it would never grow old.
    fixing = Fixing({"SPX": SymbolBook(LAW)}, {}, (), {})
    silent = SeriesScan("KXINXU", None, (), (), (), "")

    left = window_risk([silent], fixing, runtime.registry, NOW)

    assert left.symbols["SPX"].law is None
