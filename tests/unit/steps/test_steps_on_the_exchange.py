"""The steps against a real exchange over HTTP, with AWS in process: what bad input must not do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from kalshi_alpha.clock import iso
from kalshi_alpha.cloud.layout import LEDGER, STATE
from kalshi_alpha.cloud.services import client
from kalshi_alpha.errors import (
    AlreadyStarted,
    ArmingError,
    ConfigurationError,
    DataError,
    KillSwitchOn,
    SecretError,
    VenueAmbiguous,
    WindowClosed,
)
from kalshi_alpha.markets.orders import Ack, CancelResult, NewOrder, OrderStatus, Side
from kalshi_alpha.pricing.parameters import (
    dump_parameters,
    load_parameters,
    shipped_parameters,
)
from kalshi_alpha.pricing.reading import Reading, Realised
from kalshi_alpha.rehearsal.machine import create_table
from kalshi_alpha.steps import cancel, heartbeat, preflight, quote, reconcile, scan
from kalshi_alpha.steps.runtime import HONESTY_KEY, PARAMETERS_KEY, Runtime, Settings
from kalshi_alpha.trading.honesty import BinWeight, Honesty, dump_honesty
from kalshi_alpha.trading.plan import QuotePlan, TargetQuote
from kalshi_alpha.trading.standing import Standing, StandingRecord
from kalshi_alpha.venues.kalshi.trader import KalshiTrader
from tests.exchange_host import FIXING, MIDDLE, Host, hosting

WINDOW = "20261006-1200-index-hourly"
EXECUTION = {"window_id": WINDOW, "execution": "execution-a"}


@pytest.fixture
def host() -> Iterator[Host]:
    with hosting() as host:
        host.run(lambda: host.server.list_fixing("KXNASDAQ100U", FIXING, open_at=host.clock.now()))
        host.pass_time(21 * 60)  # T-9 min
        yield host


@pytest.fixture
def runtime(host: Host, tmp_path: Path) -> Iterator[Runtime]:
    with mock_aws():
        client.cache_clear()
        for spec in (STATE, LEDGER):
            create_table(spec, spec.name)
        boto3.client("secretsmanager").create_secret(
            Name="key",
            SecretString=json.dumps({"key_id": host.server.key_id, "pem": host.server.pem}),
        )
        settings = Settings(
            broker="twin",
            state_table=STATE.name,
            ledger_table=LEDGER.name,
            artifacts=str(tmp_path),
            venue_url=host.base,
            secret="key",
            read_secret="key",
        )
        runtime = Runtime(settings, host.clock)
        runtime.state.set_kill_switch(on=False, reason="test", by="test", at=host.clock.now())
        runtime.artifacts.write(PARAMETERS_KEY, parameters_as_of(date(2026, 10, 5)))
        beat(runtime)
        yield runtime
        runtime.close()
        client.cache_clear()


def parameters_as_of(day: date, **parts: None) -> bytes:
    """Return a November's parameters as if they were of that day, ``hourly=None`` without one."""
    fitted_on = date(2025, 11, 4)
    fitted = load_parameters(shipped_parameters(fitted_on), on=fitted_on)
    moved = {
        symbol: replace(found, as_of=day, valid_until=day + timedelta(days=14), **parts)
        for symbol, found in fitted.items()
    }
    return dump_parameters(moved, {"made": "for a test"})


def beat(runtime: Runtime, **changes: Any) -> None:
    """Write a healthy heartbeat of both symbols, with ``changes`` to the reading."""
    now = runtime.clock.now()
    delayed = bool(changes.pop("delayed", False))
    for symbol, value in (("SPX", 6800.0), ("NDX", 25_000.0)):
        reading = Reading(symbol, value, now, 0.05, 0.5, Realised(140, 8e-6, 2e-6, 7e-7))
        item = heartbeat.to_item(replace(reading, **changes), now, delayed=delayed)
        runtime.state.put_heartbeat(symbol, item)


def a_plan(runtime: Runtime, *targets: TargetQuote, revision: int = 1) -> dict[str, Any]:
    wanted = targets or (TargetQuote(MIDDLE, Side.BID, 4500, 100, 0, 520_000, 70_000),)
    plan = QuotePlan(WINDOW, revision, runtime.clock.now(), wanted)
    return {"window_id": WINDOW, "plan": plan.to_json()}


def paper_of(runtime: Runtime) -> Runtime:
    """Return the same runtime with the default broker; it shares the open connections."""
    return Runtime(replace(runtime.settings, broker="paper"), runtime.clock, runtime._clients)


def resting(host: Host) -> int:
    return len(host.run(lambda: host.engine.resting("member")))


def make_market(host: Host) -> None:
    """Have the rival quote around 50 cents, so that there is something to be better than."""
    host.rival("bid", 4000)
    host.rival("ask", 6000)


def test_a_healthy_window_goes_and_claims_itself(runtime: Runtime) -> None:
    answer = preflight.run(EXECUTION, runtime)

    assert (answer["go"], answer["reasons"]) == (True, [])
    assert answer["make_at"] == iso(FIXING - timedelta(minutes=5))
    assert answer["arm_at"] == iso(FIXING - timedelta(seconds=25))
    record = runtime.state.window(WINDOW)
    assert record is not None
    assert record["execution"] == "execution-a"


def test_a_window_names_its_broker_and_only_real_cash_is_recorded(runtime: Runtime) -> None:
    preflight.run(EXECUTION, paper_of(runtime))
    on_paper = runtime.ledger.cash(WINDOW, "before")
    preflight.run(EXECUTION, runtime)

    assert on_paper is None
    assert runtime.ledger.cash(WINDOW, "before") == runtime.reader.balance()
    assert (runtime.state.window(WINDOW) or {})["broker"] == "twin"


def test_a_second_start_of_the_same_window_is_refused(runtime: Runtime) -> None:
    preflight.run(EXECUTION, runtime)

    with pytest.raises(AlreadyStarted, match=WINDOW):
        preflight.run(EXECUTION | {"execution": "execution-b"}, runtime)


@pytest.mark.parametrize("minutes", [-20, 12])
def test_a_start_outside_its_window_is_refused(runtime: Runtime, host: Host, minutes: int) -> None:
    host.clock.advance(60 * minutes)

    with pytest.raises(WindowClosed, match="may start between"):
        preflight.run(EXECUTION, runtime)
    assert runtime.state.window(WINDOW) is None


@pytest.mark.parametrize(
    ("window_id", "error", "words"),
    [
        ("20261003-1200-index-hourly", WindowClosed, "Saturday"),
        ("20261126-1200-index-hourly", WindowClosed, "Thanksgiving"),
        ("20261127-1600-index-close", WindowClosed, "13:00"),
        ("20261006-1210-index-hourly", WindowClosed, "1210"),
        ("nonsense", DataError, "nonsense"),
        ("20261006-1200-index-daily", DataError, "index-daily"),
    ],
)
def test_a_closed_day_or_a_malformed_window_is_a_sentence(
    runtime: Runtime, window_id: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        preflight.run({"window_id": window_id, "execution": "x"}, runtime)


def test_a_kill_switch_that_is_on_stops_every_step_and_sends_nothing(
    runtime: Runtime, host: Host
) -> None:
    make_market(host)
    preflight.run(EXECUTION, runtime)
    now = runtime.clock.now()
    runtime.state.set_kill_switch(on=True, reason="fire drill", by="ann", at=now)

    with pytest.raises(KillSwitchOn, match="fire drill"):
        quote.run(a_plan(runtime), runtime)
    assert scan.run(EXECUTION, runtime)["plan"]["targets"] == []
    assert resting(host) == 0


def test_preflight_under_a_kill_switch_is_no_go_with_the_operators_reason(
    runtime: Runtime,
) -> None:
    now = runtime.clock.now()
    runtime.state.set_kill_switch(on=True, reason="fire drill", by="ann", at=now)

    answer = preflight.run(EXECUTION, runtime)

    assert not answer["go"]
    assert any("fire drill" in reason for reason in answer["reasons"])


def test_an_unreadable_kill_switch_sends_nothing(runtime: Runtime, host: Host) -> None:
    preflight.run(EXECUTION, runtime)
    boto3.client("dynamodb").delete_item(
        TableName=STATE.name, Key={"pk": {"S": "SWITCH"}, "sk": {"S": "KILL"}}
    )

    with pytest.raises(KillSwitchOn, match="never been set"):
        quote.run(a_plan(runtime), runtime)
    assert resting(host) == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lag_s": 6.0}, "lags"),
        ({"silence_s": 60.0}, "silent"),
        ({"delayed": True}, "delayed"),
    ],
)
def test_a_feed_that_lags_is_silent_or_delayed_is_no_go(
    runtime: Runtime, changes: dict[str, Any], words: str
) -> None:
    beat(runtime, **changes)

    answer = preflight.run(EXECUTION, runtime)

    assert not answer["go"]
    assert any(words in reason for reason in answer["reasons"])


def test_an_old_heartbeat_is_no_go(runtime: Runtime, host: Host) -> None:
    host.clock.advance(120)

    answer = preflight.run(EXECUTION, runtime)

    assert not answer["go"]
    assert any("heartbeat" in reason for reason in answer["reasons"])


def damaged(data: bytes) -> bytes:
    return data.replace(b'"level": ', b'"level": 1', 1)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (damaged(parameters_as_of(date(2026, 10, 5))), "checksum"),
        (parameters_as_of(date(2026, 9, 1)), "refit"),
        (parameters_as_of(date(2026, 10, 7)), "looking ahead"),
        (b"{}", "schema"),
        (b"not json", "JSON"),
    ],
)
def test_parameters_that_cannot_be_proven_are_no_go(
    runtime: Runtime, data: bytes, words: str
) -> None:
    runtime.artifacts.write(PARAMETERS_KEY, data)

    answer = preflight.run(EXECUTION, runtime)

    assert not answer["go"]
    assert any(words in reason for reason in answer["reasons"])


def test_parameters_without_the_windows_part_are_no_go_with_the_command_that_fits_it(
    runtime: Runtime,
) -> None:
    data = parameters_as_of(date(2026, 10, 5), hourly=None)
    runtime.artifacts.write(PARAMETERS_KEY, data)

    answer = preflight.run(EXECUTION, runtime)

    assert not answer["go"]
    assert answer["reasons"] == [
        f"the parameters of {symbol} cannot be used: the parameters hold no hourly part for "
        f"{symbol}: run kalshi-alpha calibrate hourly --symbol {symbol}"
        for symbol in ("NDX", "SPX")
    ]


def test_a_window_needs_only_the_part_it_is_priced_with(runtime: Runtime) -> None:
    runtime.artifacts.write(PARAMETERS_KEY, parameters_as_of(date(2026, 10, 5), close=None))

    assert preflight.run(EXECUTION, runtime)["go"]


@pytest.mark.parametrize("group", ["index-hourly", "index-close"])
def test_every_window_at_the_sessions_close_needs_the_close_part(
    runtime: Runtime, group: str
) -> None:
    window = runtime.window(f"20261006-1600-{group}")
    unknown = preflight.Listing(None)

    def problems(**parts: None) -> list[str]:
        data = parameters_as_of(date(2026, 10, 5), **parts)
        runtime.artifacts.write(PARAMETERS_KEY, data)
        return [
            preflight.series_facts(runtime, window, series, unknown).parameters.problem
            for series in window.series
        ]

    assert problems(hourly=None) == ["", ""]
    assert all("calibrate close" in problem for problem in problems(close=None))


def test_a_part_that_is_gone_by_the_time_of_a_scan_quotes_nothing(
    runtime: Runtime, host: Host
) -> None:
    make_market(host)
    assert preflight.run(EXECUTION, runtime)["go"]
    runtime.artifacts.write(PARAMETERS_KEY, parameters_as_of(date(2026, 10, 5), hourly=None))

    assert scan.run(EXECUTION, runtime)["plan"]["targets"] == []
    lines = (Path(runtime.settings.artifacts) / f"windows/{WINDOW}/why/0001.jsonl").read_text()
    assert all("calibrate hourly" in json.loads(line)["reason"] for line in lines.splitlines())


def test_an_unknown_fee_type_is_no_go(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    real = runtime.reader.series
    monkeypatch.setattr(
        runtime.reader, "series", lambda name: real(name) | {"fee_type": "brand_new"}
    )

    answer = preflight.run(EXECUTION, runtime)

    assert not answer["go"]
    assert any("brand_new" in reason for reason in answer["reasons"])


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("strike_type", "structured", "unknown_strike_type"),
        ("floor_strike", 6810, "strike_mismatch"),
        ("price_ranges", [{"start": "0", "end": "0.995", "step": "0.01"}], "bad_price_ranges"),
    ],
)
def test_a_market_that_contradicts_itself_is_refused_and_the_others_are_not(
    runtime: Runtime, host: Host, field: str, value: object, code: str
) -> None:
    make_market(host)
    preflight.run(EXECUTION, runtime)

    def spoil() -> None:
        host.engine.markets[MIDDLE].listed[field] = value

    host.run(spoil)
    result = scan.run(EXECUTION, runtime)
    lines = (Path(runtime.settings.artifacts) / f"windows/{WINDOW}/why/0001.jsonl").read_text()
    refused = [json.loads(line) for line in lines.splitlines()]

    assert [r["code"] for r in refused if r["ticker"] == MIDDLE] == [code]
    assert MIDDLE not in {target["ticker"] for target in result["plan"]["targets"]}


def test_a_plan_becomes_orders_that_are_in_the_ledger_and_expire_by_themselves(
    runtime: Runtime, host: Host
) -> None:
    preflight.run(EXECUTION, runtime)

    done = quote.run(a_plan(runtime), runtime)

    assert (done["created"], done["again"]) == (1, True)
    (order,) = host.run(lambda: host.engine.resting("member"))
    assert order.expires_at == FIXING - timedelta(seconds=2)
    (entry,) = runtime.ledger.orders(WINDOW)
    assert (entry["status"], entry["order_id"]) == ("resting", order.order_id)


def test_a_repeated_plan_doubles_nothing(runtime: Runtime, host: Host) -> None:
    preflight.run(EXECUTION, runtime)
    request = a_plan(runtime)

    quote.run(request, runtime)
    again = quote.run(request, runtime)

    assert (again["created"], again["kept"]) == (0, 1)
    assert resting(host) == 1


def test_a_moved_plan_amends_and_a_dropped_one_cancels(runtime: Runtime, host: Host) -> None:
    preflight.run(EXECUTION, runtime)
    quote.run(a_plan(runtime), runtime)
    moved = TargetQuote(MIDDLE, Side.BID, 4400, 100, 0, 520_000, 80_000)

    assert quote.run(a_plan(runtime, moved, revision=2), runtime)["amended"] == 1
    (order,) = host.run(lambda: host.engine.resting("member"))
    assert order.price == 4400
    empty = {"window_id": WINDOW, "plan": QuotePlan(WINDOW, 3, runtime.clock.now(), ()).to_json()}
    assert quote.run(empty, runtime)["canceled"] == 1
    assert resting(host) == 0


def test_a_step_towards_the_other_side_never_takes(runtime: Runtime, host: Host) -> None:
    preflight.run(EXECUTION, runtime)
    quote.run(a_plan(runtime), runtime)
    host.rival("ask", 4600)  # the market has come down to meet us since the scan
    bolder = TargetQuote(MIDDLE, Side.BID, 4600, 100, 0, 520_000, 60_000)

    done = quote.run(a_plan(runtime, bolder, revision=2), runtime)

    assert (done["canceled"], done["rejected"], resting(host)) == (1, 1, 0)
    assert runtime.ledger.fills(WINDOW) == []


def test_a_fill_that_races_a_cancel_is_not_quoted_again_unseen(
    runtime: Runtime, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    preflight.run(EXECUTION, runtime)
    quote.run(a_plan(runtime), runtime)
    real = KalshiTrader.cancel_batch

    def race(self: KalshiTrader, order_ids: list[str]) -> list[CancelResult]:
        host.rival("ask", 4500, 100)
        return real(self, order_ids)

    monkeypatch.setattr(KalshiTrader, "cancel_batch", race)
    bolder = TargetQuote(MIDDLE, Side.BID, 4600, 100, 0, 520_000, 60_000)
    done = quote.run(a_plan(runtime, bolder, revision=2), runtime)

    assert (done["blocked"], done["created"], resting(host)) == (1, 0, 0)
    assert [fill.size for fill in runtime.ledger.fills(WINDOW)] == [100]


def test_what_filled_after_the_scan_counted_is_not_quoted_again_by_its_plan(
    runtime: Runtime, host: Host
) -> None:
    preflight.run(EXECUTION, runtime)
    quote.run(a_plan(runtime), runtime)
    host.rival("ask", 4500, 100)  # takes ours; the scan of the next plan cannot have known
    unaware = quote.run(a_plan(runtime, revision=2), runtime)

    assert (unaware["blocked"], unaware["created"], resting(host)) == (1, 0, 0)
    assert [fill.size for fill in runtime.ledger.fills(WINDOW)] == [100]
    aware = quote.run(a_plan(runtime, revision=3), runtime)
    assert (aware["blocked"], aware["created"]) == (0, 1)


def test_a_lost_answer_is_looked_up_and_never_sent_again(
    runtime: Runtime, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    preflight.run(EXECUTION, runtime)
    real, calls = KalshiTrader.create, []

    def lose(self: KalshiTrader, order: NewOrder) -> Ack:
        calls.append(order.client_order_id)
        real(self, order)
        raise VenueAmbiguous("the answer never came")

    monkeypatch.setattr(KalshiTrader, "create", lose)
    done = quote.run(a_plan(runtime), runtime)

    assert (done["created"], done["unknown"], len(calls)) == (1, 0, 1)
    assert resting(host) == 1


def test_an_order_whose_fate_is_unknown_blocks_its_side_of_the_market(
    runtime: Runtime, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    preflight.run(EXECUTION, runtime)

    def vanish(self: KalshiTrader, order: NewOrder) -> Ack:
        del self, order
        raise VenueAmbiguous("the answer never came")

    monkeypatch.setattr(KalshiTrader, "create", vanish)
    first = quote.run(a_plan(runtime), runtime)
    monkeypatch.undo()
    second = quote.run(a_plan(runtime, revision=2), runtime)

    assert (first["unknown"], second["blocked"], second["created"]) == (1, 1, 0)
    assert resting(host) == 0


def test_a_quote_that_would_cross_is_rejected_and_recorded(runtime: Runtime, host: Host) -> None:
    host.rival("ask", 4400)
    preflight.run(EXECUTION, runtime)

    done = quote.run(a_plan(runtime), runtime)

    assert (done["rejected"], resting(host)) == (1, 0)
    assert [order["status"] for order in runtime.ledger.orders(WINDOW)] == ["rejected"]


def test_an_old_plan_sends_nothing(runtime: Runtime, host: Host) -> None:
    preflight.run(EXECUTION, runtime)
    request = a_plan(runtime)
    host.clock.advance(40)

    assert quote.run(request, runtime)["stale_plans"] == 1
    assert resting(host) == 0


def test_a_pull_empties_the_window_and_freezes_it(runtime: Runtime, host: Host) -> None:
    preflight.run(EXECUTION, runtime)
    quote.run(a_plan(runtime), runtime)

    done = cancel.run({"window_id": WINDOW, "mode": "now"}, runtime)

    assert (done["canceled"], done["resting_after"], resting(host)) == (1, 0, 0)
    with pytest.raises(KillSwitchOn, match="frozen"):
        quote.run(a_plan(runtime, revision=2), runtime)


def test_the_armed_cancel_is_out_before_two_seconds_to_the_fixing(runtime: Runtime) -> None:
    preflight.run(EXECUTION, runtime)
    quote.run(a_plan(runtime), runtime)

    done = cancel.run({"window_id": WINDOW, "mode": "armed"}, runtime)

    assert done["resting_after"] == 0
    assert done["started_s"] == pytest.approx(-2.25, abs=0.01)
    assert done["confirmed_s"] <= -2.0


def test_an_unknown_cancel_mode_is_refused(runtime: Runtime) -> None:
    with pytest.raises(ConfigurationError, match="later"):
        cancel.run({"window_id": WINDOW, "mode": "later"}, runtime)


def test_the_books_close_on_the_settled_fills(runtime: Runtime, host: Host) -> None:
    preflight.run(EXECUTION, runtime)
    quote.run(a_plan(runtime), runtime)
    host.rival("ask", 4500, 100)
    host.pass_time(9 * 60 + 10)
    waiting = reconcile.run({"window_id": WINDOW}, runtime)
    host.pass_time(4 * 60)

    done = reconcile.run({"window_id": WINDOW}, runtime)

    assert (waiting["again"], done["again"]) == (True, False)
    (fill,) = runtime.ledger.fills(WINDOW)
    assert (fill.price, fill.size, fill.is_taker) == (4500, 100, False)
    summary = json.loads(
        (Path(runtime.settings.artifacts) / f"windows/{WINDOW}/summary.json").read_text()
    )
    assert summary["cash_difference"] == 0
    assert summary["pnl"] in {-450_000, 550_000}


def drifted(runtime: Runtime, sizes: float) -> None:
    """Record that the laws of the last twenty days moved so many of their deviations."""
    for back in range(1, 21):
        fixing = FIXING - timedelta(days=back)
        for k in range(4):
            up = (-1) ** k
            move = 1e-3 * sizes * (1 + 0.02 * (back % 3)) * up
            doc = {"day": str(fixing.date()), "implied_sd": 1e-3, "move": move}
            runtime.ledger.record_outcome("SPX", fixing, f"{k}", doc | {"pit": 0.5 + 0.25 * up})


def test_a_window_leaves_how_its_laws_came_out(runtime: Runtime, host: Host) -> None:
    make_market(host)
    preflight.run(EXECUTION, runtime)
    scan.run(EXECUTION, runtime)
    host.pass_time(60)
    beat(runtime)
    scan.run(EXECUTION, runtime)
    host.pass_time(12 * 60)

    reconcile.run({"window_id": WINDOW}, runtime)

    for symbol in ("SPX", "NDX"):
        last, first = runtime.ledger.outcomes(symbol, 10)
        assert last["decided_at"] > first["decided_at"]
        assert last["implied_sd"] < first["implied_sd"]
        assert 0.0 < first["pit"] < 1.0


def test_a_law_that_drifts_shrinks_the_sizes_and_says_so(runtime: Runtime, host: Host) -> None:
    make_market(host)
    drifted(runtime, 1.5)

    answer = preflight.run(EXECUTION, runtime)
    result = scan.run(EXECUTION, runtime)

    spx, ndx = answer["series"]["KXINXU"], answer["series"]["KXNASDAQ100U"]
    assert answer["metrics"]["Shrunk"] == 1
    assert (spx["go"], ndx["go"], ndx["size_share"]) == (True, True, 1.0)
    assert spx["size_share"] == pytest.approx(1 / 2.25, rel=0.05)
    # One contract is all a strike may have, and less than one is none.
    assert not [t for t in result["plan"]["targets"] if t["ticker"].startswith("KXINXU")]
    lines = (Path(runtime.settings.artifacts) / f"windows/{WINDOW}/why/0001.jsonl").read_text()
    shrunk = [record for record in map(json.loads, lines.splitlines()) if "drift" in record["code"]]
    assert shrunk
    assert "times the variance its law says" in shrunk[0]["reason"]
    host.pass_time(12 * 60)
    reconcile.run({"window_id": WINDOW}, runtime)
    summary = json.loads(
        (Path(runtime.settings.artifacts) / f"windows/{WINDOW}/summary.json").read_text()
    )
    assert summary["cautions"] == [spx["caution"]]


def test_a_law_that_drifted_too_far_is_no_go_for_its_series_alone(runtime: Runtime) -> None:
    runtime.artifacts.write(PARAMETERS_KEY, parameters_as_of(date(2026, 9, 22)))
    drifted(runtime, 1.5)

    answer = preflight.run(EXECUTION, runtime)

    assert answer["go"]
    (reason,) = answer["series"]["KXINXU"]["reasons"]
    assert reason["code"] == "drift-variance"
    assert "calibrate again" in reason["reason"]
    assert answer["series"]["KXNASDAQ100U"]["go"]


def test_paper_is_the_default_and_never_reaches_the_venues_orders(
    runtime: Runtime, host: Host
) -> None:
    paper = paper_of(runtime)
    preflight.run(EXECUTION, paper)

    done = quote.run(a_plan(paper), paper)

    assert (Settings().broker, done["created"], resting(host)) == ("paper", 1, 0)
    assert [o.status for o in paper.puller.orders()] == [OrderStatus.RESTING]
    assert cancel.run({"window_id": WINDOW, "mode": "now"}, paper)["canceled"] == 1


def test_a_paper_order_fills_on_a_trade_through_and_not_on_a_touch(
    runtime: Runtime, host: Host
) -> None:
    paper = paper_of(runtime)
    preflight.run(EXECUTION, paper)
    quote.run(a_plan(paper), paper)
    host.run(lambda: host.engine.open_account("other", 10**12))

    def trade(price: int) -> None:
        from kalshi_alpha.rehearsal.exchange.engine import Ticket

        host.engine.create("other", Ticket(MIDDLE, Side.BID, price, 100))
        host.engine.create("rival", Ticket(MIDDLE, Side.ASK, price, 100))

    host.run(lambda: trade(4500))
    touched = paper.viewer.fills()
    host.run(lambda: trade(4400))
    through = paper.viewer.fills()

    assert touched == []
    assert [(fill.price, fill.size, fill.fee) for fill in through] == [(4500, 100, 0)]


def test_live_without_both_steps_is_refused_before_anything_is_sent(
    runtime: Runtime, host: Host
) -> None:
    live = Runtime(replace(runtime.settings, broker="live"), host.clock)
    with pytest.raises(ArmingError, match="stage"):
        quote.run(a_plan(live), live)
    staged = Runtime(replace(runtime.settings, broker="live", stage="live"), host.clock)
    with pytest.raises(ArmingError, match="not armed"):
        quote.run(a_plan(staged), staged)

    assert resting(host) == 0


def test_the_twins_broker_is_refused_off_this_machine(runtime: Runtime) -> None:
    away = replace(runtime.settings, venue_url="https://external-api.kalshi.com/trade-api/v2")

    with pytest.raises(ArmingError, match="this machine"):
        quote.run(a_plan(runtime), Runtime(away, runtime.clock))


@pytest.mark.parametrize("pem", ["", "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END"])
def test_a_missing_or_malformed_key_is_a_sentence_without_the_key(
    runtime: Runtime, host: Host, pem: str
) -> None:
    boto3.client("secretsmanager").put_secret_value(
        SecretId="key", SecretString=json.dumps({"key_id": "k", "pem": pem})
    )
    fresh = Runtime(runtime.settings, host.clock)

    with pytest.raises(SecretError) as caught:
        quote.run(a_plan(fresh), fresh)
    assert "nonsense" not in str(caught.value)
    assert resting(host) == 0


def test_a_series_that_cools_off_is_no_go_with_its_reason_and_its_end(runtime: Runtime) -> None:
    now = runtime.clock.now()
    runtime.state.cool_off(
        "KXINXU", reason="it lost its day", at=now, until=now + timedelta(hours=2)
    )

    answer = preflight.run(EXECUTION, runtime)

    assert (answer["series"]["KXINXU"]["go"], answer["series"]["KXNASDAQ100U"]["go"]) == (
        False,
        True,
    )
    (reason,) = answer["reasons"]
    assert reason == f"KXINXU cools off until {iso(now + timedelta(hours=2))}: it lost its day"


def test_a_series_that_cools_off_during_a_window_is_quoted_no_more(
    runtime: Runtime, host: Host
) -> None:
    make_market(host)
    assert preflight.run(EXECUTION, runtime)["go"]
    now = runtime.clock.now()
    for series in ("KXINXU", "KXNASDAQ100U"):
        runtime.state.cool_off(series, reason="drill", at=now, until=now + timedelta(hours=2))

    assert scan.run(EXECUTION, runtime)["plan"]["targets"] == []


def test_an_order_over_a_limit_is_not_sent_and_says_so_in_the_ledger(
    runtime: Runtime, host: Host
) -> None:
    preflight.run(EXECUTION, runtime)
    large = TargetQuote(MIDDLE, Side.BID, 4500, 300, 0, 520_000, 70_000)

    done = quote.run(a_plan(runtime, large), runtime)

    assert (done["over_limit"], done["created"], resting(host)) == (1, 0, 0)
    (entry,) = runtime.ledger.orders(WINDOW)
    assert entry["status"] == "rejected"
    assert "3.00 contracts is over the 1.00" in entry["events"][-1]["why"]


def test_a_window_leaves_nothing_held_that_did_not_fill(runtime: Runtime, host: Host) -> None:
    preflight.run(EXECUTION, runtime)
    quote.run(a_plan(runtime), runtime)
    week = date(2026, 10, 5)
    placed = {usage.open for usage in runtime.exposure.usages(week).values()}
    host.pass_time(9 * 60 + 10)
    host.pass_time(4 * 60)
    reconcile.run({"window_id": WINDOW}, runtime)

    assert placed == {450_000}
    assert {usage.open for usage in runtime.exposure.usages(week).values()} == {0}


def scan_of(runtime: Runtime, revision: int) -> Any:
    return json.loads(runtime.artifacts.read(f"windows/{WINDOW}/scan/{revision:04d}.json"))


def why_of(runtime: Runtime, revision: int) -> list[dict[str, Any]]:
    lines = runtime.artifacts.read(f"windows/{WINDOW}/why/{revision:04d}.jsonl").decode()
    return [json.loads(line) for line in lines.splitlines()]


def test_a_scan_leaves_what_its_window_may_lose_for_the_others_at_the_fixing(
    runtime: Runtime, host: Host
) -> None:
    make_market(host)
    preflight.run(EXECUTION, runtime)

    (target,) = scan.run(EXECUTION, runtime)["plan"]["targets"]

    left = runtime.state.part(WINDOW, "RISK")
    (resting,) = left["symbols"]["SPX"]["resting"]
    worst = (target["price"] if target["side"] == "bid" else 10_000 - target["price"]) * 100
    assert (resting["ticker"], resting["side"]) == (target["ticker"], target["side"])
    assert worst <= resting["cost"] <= worst + 20_000  # and its fee
    assert left["fixing"]["worst"] == left["fixing"]["shortfall"] == resting["cost"]
    assert scan_of(runtime, 1)["risk"] == left


def test_a_quote_over_the_fixings_shortfall_is_refused_with_its_evidence(
    runtime: Runtime, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_market(host)
    preflight.run(EXECUTION, runtime)
    tight = replace(runtime.registry.risk, max_shortfall=300_000)
    monkeypatch.setattr(runtime, "registry", replace(runtime.registry, risk=tight))

    assert scan.run(EXECUTION, runtime)["plan"]["targets"] == []

    (refused,) = [line for line in why_of(runtime, 1) if line["code"] == "joint-shortfall"]
    assert refused["evidence"]["value"] > refused["evidence"]["limit"] == 300_000
    assert "over its limit of $0.300000" in refused["reason"]
    (claim,) = runtime.state.part(WINDOW, "RISK")["claims"]
    assert claim["ticker"] == refused["ticker"]


def test_a_scan_that_cannot_read_the_fixings_risk_quotes_nothing(
    runtime: Runtime, host: Host
) -> None:
    make_market(host)
    preflight.run(EXECUTION, runtime)
    runtime.state.put_part(WINDOW, "RISK", {"schema": "garbled"})

    assert scan.run(EXECUTION, runtime)["plan"]["targets"] == []
    assert {line["code"] for line in why_of(runtime, 1)} == {"risk-unreadable"}


def test_a_drawdown_at_its_stop_is_no_go(runtime: Runtime) -> None:
    stop = runtime.registry.all.max_drawdown
    for day, earned in ((date(2026, 9, 21), 50_000_000), (date(2026, 9, 28), -stop)):
        runtime.ledger.record_result(day, f"w{day}", {"KXINXU": earned})

    answer = preflight.run(EXECUTION, runtime)

    assert not answer["go"]
    (reason,) = answer["reasons"]
    assert "$160.000000 was given back since the highest point of the last 28 days" in reason


def honesty_of(runtime: Runtime, others: BinWeight, **changes: Any) -> bytes:
    today = runtime.clock.now().date()
    made = Honesty({}, runtime.registry.hash, today, today, {}, others)
    return dump_honesty(replace(made, **changes))


def test_a_bin_that_is_off_is_quoted_no_more_and_says_why(runtime: Runtime, host: Host) -> None:
    make_market(host)
    preflight.run(EXECUTION, runtime)
    off = BinWeight(0.0, None, "of 5.0 cents claimed -2.0 are believed")
    runtime.artifacts.write(HONESTY_KEY, honesty_of(runtime, off))

    assert scan.run(EXECUTION, runtime)["plan"]["targets"] == []
    stopped = [line for line in why_of(runtime, 1) if line["code"] == "honesty"]
    assert stopped
    assert all("of 5.0 cents claimed -2.0 are believed" in line["reason"] for line in stopped)


def test_honesty_of_another_configuration_leaves_paper_a_contract_and_real_orders_none(
    runtime: Runtime, host: Host
) -> None:
    make_market(host)
    preflight.run(EXECUTION, runtime)
    off = BinWeight(0.0, None, "nothing is believed")
    runtime.artifacts.write(HONESTY_KEY, honesty_of(runtime, off, config_hash="d" * 64))
    assert scan.run(EXECUTION, runtime)["plan"]["targets"] != []

    runtime.state.move_standing(StandingRecord(Standing.PILOT).to_json(), runtime.clock.now())
    assert scan.run(EXECUTION, runtime)["plan"]["targets"] == []
    refused = [line for line in why_of(runtime, 2) if line["series"] == "KXINXU"]
    assert {line["code"] for line in refused} == {"unreadable"}
    assert "under the configuration dddddddddddd" in refused[0]["reason"]


def test_a_pilot_without_an_honesty_artifact_quotes_nothing(runtime: Runtime, host: Host) -> None:
    make_market(host)
    preflight.run(EXECUTION, runtime)
    runtime.state.move_standing(StandingRecord(Standing.PILOT).to_json(), runtime.clock.now())

    assert scan.run(EXECUTION, runtime)["plan"]["targets"] == []
    assert any(
        "real orders need a honesty artifact" in line["reason"] for line in why_of(runtime, 1)
    )
