"""A recorded temperature day, played whole: every trade printed, quotes on paper, books closed."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from kalshi_alpha.clock import ManualClock, from_iso
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.jobs.momentum_tables import ask
from kalshi_alpha.momentum.fitted import HORIZON_KEY, ODDS_KEY, POOL_KEY
from kalshi_alpha.momentum.settled import SettledDay
from kalshi_alpha.rehearsal.campaign.tables import MemoryTables
from kalshi_alpha.rehearsal.exchange.engine import Engine
from kalshi_alpha.rehearsal.exchange.temperatures import list_temperatures, temperature_terms
from kalshi_alpha.rehearsal.recorded_temperature import recorded_day, recorded_days
from kalshi_alpha.rehearsal.tape_player import TapePlayer
from kalshi_alpha.rehearsal.temperature import TemperatureRehearsal
from kalshi_alpha.rehearsal.temperature_report import rehearse_temperature
from kalshi_alpha.research.temperature.readiness import appraise_record
from kalshi_alpha.research.temperature.record import read_lines, rehearsed
from tests.rehearsal.whole_day import DAY, EIGHT, FROM, UNTIL, played

pytestmark = pytest.mark.xdist_group("temperature")


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """The whole day, rehearsed once."""
    return rehearse_temperature(DAY, tmp_path_factory.mktemp("day"), seed=1)


def test_every_recorded_trade_after_midnight_is_heard_and_the_day_settles(left):
    trades = [
        t for t in recorded_day(DAY).trades() if t.at > datetime(2024, 12, 3, 4, 58, tzinfo=UTC)
    ]
    assert left.summary["trades"] == len(trades) == 1529
    kept = read_lines(FolderStore(left.folder / "artifacts"), "KXHIGHNY-24DEC03", "trades")
    told = [(row["ticker"], row["price"], row["size"], row["taker"]) for row in kept]
    assert sorted(told) == sorted((t.ticker, t.price, t.size, t.taker.value) for t in trades)
    assert left.summary["won"] == "41\N{DEGREE SIGN} to 42\N{DEGREE SIGN}"
    assert left.summary["settled"] == "41"
    assert left.summary["scores"]["looks"] > 1_000


def test_what_was_quoted_rested_within_its_hour_and_every_order_was_recorded_first(left):
    rows = pq.read_table(left.folder / "orders.parquet").to_pylist()
    assert len(rows) == left.summary["orders"] > 10
    assert {row["status"] for row in rows} <= {
        "canceled",
        "expired",
        "executed",
        "filled",
        "rejected",
    }
    for row in rows:
        expires = datetime.fromisoformat(row["expires_at"])
        assert expires < recorded_day(DAY).closes
        assert (expires + timedelta(seconds=2)).second == 0


def test_paper_fills_are_proved_by_the_tape_and_the_result_adds_up(left):
    trades = pq.read_table(left.folder / "trades.parquet").to_pylist()
    fills = pq.read_table(left.folder / "fills.parquet").to_pylist()
    assert len(fills) == left.summary["fills"] > 0
    for fill in fills:
        sign = 1 if fill["side"] == "bid" else -1
        assert any(
            trade["ticker"] == fill["ticker"]
            and abs(trade["seconds"] - fill["seconds"]) < 0.001
            and trade["taker"] != fill["side"]
            and (fill["price"] - trade["price"]) * sign > 0
            for trade in trades
        )
    won = recorded_day(DAY)
    paid = {one.ticker: 10_000 if one.won else 0 for one in won.markets}
    expected = sum(
        fill["size"] * (paid[fill["ticker"]] - fill["price"]) * (1 if fill["side"] == "bid" else -1)
        for fill in fills
    )
    assert sum(fill["result"] for fill in fills) == expected
    assert left.summary["pnl_dollars"] == pytest.approx(expected / 1_000_000)


def test_the_filter_is_one_distribution_whenever_it_was_looked_at(left):
    columns, rows = ask(
        left.folder,
        "SELECT max(abs(s - 1)) AS apart, count(*) AS looks, max(n) AS brackets FROM "
        "(SELECT seconds, sum(belief) AS s, count(*) AS n FROM features GROUP BY seconds)",
    )
    assert columns == ["apart", "looks", "brackets"]
    [(apart, looks, brackets)] = rows
    assert apart < 1e-9
    assert looks > 1_000
    assert brackets == 6


def test_every_minute_of_the_day_was_looked_at_once_and_heard(left):
    _, [(minutes, looks, deaf)] = ask(
        left.folder,
        "SELECT count(DISTINCT floor((seconds - 1733202000) / 60)), count(DISTINCT seconds), "
        "count(*) FILTER (WHERE NOT heard) FROM features "
        "WHERE seconds >= 1733202000",  # 05:00 UTC, midnight of New York's standard time
    )
    assert minutes == looks == 1439
    assert deaf == 0


def test_the_day_is_kept_settled_with_the_fills_the_ledger_has(left):
    store = FolderStore(left.folder / "artifacts")
    settled = SettledDay.from_bytes(store.read("momentum/KXHIGHNY-24DEC03/settled.json"))
    fills = pq.read_table(left.folder / "fills.parquet").to_pylist()

    assert (settled.source, settled.degrees, settled.verified) == ("twin", "41", True)
    assert settled.differences == ()
    assert [one.result for one in settled.fills] == [fill["result"] for fill in fills]
    assert [one.fill.order_id for one in settled.fills] == [fill["order_id"] for fill in fills]


def test_the_day_is_judged_insufficient_with_every_criterion_named(left):
    kept = json.loads((left.folder / "readiness.json").read_text())
    found = appraise_record(rehearsed(left.folder), recorded_day(DAY).closes)
    by_name = {one.name: one for one in found.criteria}

    assert left.summary["readiness"] == kept["verdict"] == found.verdict == "INSUFFICIENT"
    assert [one["name"] for one in kept["criteria"]] == [one.name for one in found.criteria]
    assert [one.name for one in found.criteria] == [
        "clean-days", "fills", "mean", "t", "always-valid", "sharpe", "win-rate", "slippage",
        "parameters", "uptime", "drawdown", "fall", "kill-switch", "ledger",
    ]  # fmt: skip
    assert all(one.sentence for one in found.criteria)
    assert (found.source, found.days) == ("twin", 1)
    assert by_name["clean-days"].value == by_name["uptime"].value == 1
    assert by_name["fills"].value == by_name["slippage"].sample == left.summary["fills"]
    assert by_name["ledger"].verdict == by_name["parameters"].verdict == "GO"
    assert "promote nothing" in kept["notes"][0]


def test_reasons_stand_beside_every_decision_and_can_be_asked_for(left):
    _, rows = ask(left.folder, "SELECT action, count(*) FROM leans GROUP BY action ORDER BY action")
    assert [action for action, _ in rows] == ["quote", "refuse", "withdraw"]
    _, [(silent,)] = ask(
        left.folder, "SELECT count(*) FROM leans WHERE action != 'quote' AND reason = ''"
    )
    assert silent == 0


def test_nothing_but_the_tables_can_be_asked(left):
    with pytest.raises(DataError, match="cannot be answered"):
        ask(left.folder, f"SELECT * FROM read_text('{left.folder / 'summary.json'}')")
    with pytest.raises(DataError, match="there are: features, leans, orders, fills, trades"):
        ask(left.folder, "SELECT * FROM nothing")
    with pytest.raises(ConfigurationError, match="holds no table"):
        ask(left.folder / "artifacts", "SELECT 1")


def test_the_page_stands_alone_and_the_index_links_it(left):
    page = (left.folder / "report.html").read_text()
    assert "KXHIGHNY-24DEC03" in page
    assert "<script" not in page
    assert "What is recorded and what is made up" in page
    index = left.folder.parents[1] / "reports" / "index.html"
    assert 'href="2024-12-03/momentum.html"' in index.read_text()
    assert (index.parent / "2024-12-03" / "momentum.html").is_file()


def test_a_morning_played_twice_is_the_same_to_the_last_byte(tmp_path):
    first, second = (played(tmp_path / name) for name in ("one", "two"))
    assert first.orders == second.orders
    assert first.event.fills() == second.event.fills()
    assert first.event.strategy.to_json() == second.event.strategy.to_json()
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_signals_are_asked_which_way_the_minute_goes_and_without_a_horizon_they_are_not(tmp_path):
    def spoil(runtime, exchange):
        del exchange
        runtime.artifacts.write(HORIZON_KEY, b"{}")
        runtime.artifacts.write(POOL_KEY, b"{}")
        runtime.artifacts.write(ODDS_KEY, b"{}")

    whole = played(tmp_path / "whole")
    spoilt = played(tmp_path / "spoilt", happens=spoil)
    asked, silent = (
        read_lines(FolderStore(tmp_path / name), result.event.name, "leans")
        for name, result in (("whole", whole), ("spoilt", spoilt))
    )
    said = "within a minute its share goes that way at"
    # From when it has heard trades for five minutes.
    first = next(trade.at for trade in recorded_day(DAY).trades() if trade.at > FROM)
    since = first.timestamp() + 301.0
    quoted = [row for row in asked if row["action"] == "quote" and row["at"] > since]
    assert quoted
    assert all(any(said in pro for pro in row["pros"]) for row in quoted)
    assert not any(said in pro for row in silent for pro in (*row["pros"], *row["cons"]))
    told = [sentence for _, sentence in spoilt.told]
    assert any("no signal is asked which way the minute goes: the horizon" in one for one in told)
    assert any("fills are taken to cost nothing: the fill model" in one for one in told)
    assert any("beliefs are the filter's alone: the pool cannot be read" in one for one in told)


def test_what_nobody_ever_fitted_is_done_without_and_told(tmp_path):
    def bare(runtime, exchange):
        del runtime, exchange
        for key in (POOL_KEY, HORIZON_KEY, ODDS_KEY):
            (tmp_path / "bare" / key).unlink()

    result = played(tmp_path / "bare", happens=bare)
    told = [sentence for _, sentence in result.told]
    assert [one for one in told if one.endswith("nothing was ever fitted")] == [
        "beliefs are the filter's alone: nothing was ever fitted",
        "no signal is asked which way the minute goes: nothing was ever fitted",
        "fills are taken to cost nothing: nothing was ever fitted",
    ]
    assert result.event.strategy.learned.pool is None


def test_in_shadow_the_same_is_decided_and_nothing_is_placed(tmp_path):
    result = played(tmp_path / "shadow", shadow=True)
    assert result.orders == []
    assert result.event.counts["quote:follower"] > 0
    assert not any(name.startswith("order:") for name in result.event.counts)


def test_once_the_switch_is_thrown_all_is_out_within_two_seconds_and_nothing_is_placed(tmp_path):
    thrown = EIGHT + timedelta(minutes=10)

    def throw(runtime, exchange):
        del exchange
        runtime.clock.at(
            thrown,
            lambda: runtime.state.set_kill_switch(on=True, reason="test", by="test", at=thrown),
        )

    result = played(tmp_path / "killed", happens=throw)
    assert any(span(order)[0] < thrown < span(order)[1] for order in result.orders)
    assert all(span(order)[0] < thrown for order in result.orders)
    assert all(span(order)[1] < thrown + timedelta(seconds=2) for order in result.orders)
    assert result.event.turn.wanted == ()
    assert "kill-switch" in result.event.turn.pull
    looks = read_lines(FolderStore(tmp_path / "killed"), result.event.name, "features")
    begun, off = FROM.timestamp() + 60.0, thrown.timestamp()  # its first look is before its books
    assert {row["heard"] for row in looks if begun <= row["at"] < off} == {True}
    assert {row["heard"] for row in looks if row["at"] > off + 60.0} == {False}


def test_a_frozen_stretch_and_a_series_that_cools_off_end_the_day(tmp_path):
    at = EIGHT + timedelta(minutes=10)

    def freeze(runtime, exchange):
        del exchange
        name = "20241203-0900-temperature-kxhighny"
        runtime.clock.at(at, lambda: runtime.state.freeze(name, "somebody said so", at))

    def cool(runtime, exchange):
        del exchange
        until = at + timedelta(minutes=2)
        runtime.clock.at(
            at, lambda: runtime.state.cool_off("KXHIGHNY", reason="lost", at=at, until=until)
        )

    for name, happens, said in (("a", freeze, "somebody said so"), ("b", cool, "lost")):
        result = played(tmp_path / name, happens=happens)
        assert any(span(order)[0] < at < span(order)[1] for order in result.orders)
        assert all(span(order)[0] < at for order in result.orders)
        assert all(span(order)[1] < at + timedelta(seconds=2) for order in result.orders)
        assert said in result.event.turn.pull


def test_a_series_whose_rules_name_another_station_is_left_alone(tmp_path):
    def moved(runtime, exchange):
        del runtime
        for market in exchange.engine.markets.values():
            rules = market.listed["rules_primary"].replace("CLINYC", "CLILGA")
            market.listed["rules_primary"] = rules

    result = played(tmp_path / "moved", happens=moved)
    assert result.event is None
    assert result.orders == []
    said = [told for _, told in result.told]
    assert any("CLILGA" in told and "left alone today" in told for told in said)
    assert said[-1] == "no event of east on 2024-12-03 can be quoted"


def test_brackets_with_a_hole_are_left_alone(tmp_path):
    def holed(runtime, exchange):
        del runtime
        exchange.engine.markets.pop("KXHIGHNY-24DEC03-B41.5")

    result = played(tmp_path / "holed", happens=holed)
    assert result.event is None
    assert any("KXHIGHNY: left alone today" in told for _, told in result.told)


def test_while_another_process_holds_the_city_group_this_one_leaves_it_alone(tmp_path):
    def held(runtime, exchange):
        del exchange
        runtime.state.hold_watch("another", FROM, UNTIL, "MOMENTUM#east")

    result = played(tmp_path / "held", happens=held)
    assert result.event is None
    assert "another" in result.told[0][1]


def test_a_gap_in_the_books_takes_everything_out_until_snapshots_have_come(tmp_path):
    lost = EIGHT + timedelta(minutes=10)

    def gap(runtime, exchange):
        def now():
            for session in exchange.hub.sessions:
                session.lose = 1

        runtime.clock.at(lost, now)

    result = played(tmp_path / "gap", happens=gap)
    said = [told for _, told in result.told if told.startswith("books: ")]
    assert said
    assert all("stale until their snapshots" in told for told in said)
    resting = [o for o in result.orders if span(o)[0] < lost < span(o)[1]]
    assert resting
    assert not result.event.strategy.pulled


def test_a_lost_socket_takes_everything_out_and_quoting_goes_on_with_fresh_books(tmp_path):
    lost = EIGHT + timedelta(minutes=10)

    def cut(runtime, exchange):
        def now():
            for session in list(exchange.hub.sessions):
                session.cut()

        runtime.clock.at(lost, now)

    result = played(tmp_path / "cut", happens=cut)
    said = [told for at, told in result.told if at >= lost]
    assert any(told.startswith("books: ") for told in said)
    resting = [o for o in result.orders if span(o)[0] < lost < span(o)[1]]
    assert resting
    assert all(span(order)[1] < lost + timedelta(seconds=2) for order in resting)
    assert any(span(order)[0] > lost for order in result.orders)
    assert not result.event.strategy.pulled


def test_a_process_that_begins_again_goes_on_and_keeps_what_it_holds(tmp_path):
    tables, folder = MemoryTables(), tmp_path / "again"
    first = played(folder, tables=tables)
    held = [one.size for one in first.event.held().holdings]
    assert any(held)

    second = played(folder, tables=tables, begins=UNTIL, until=UNTIL + timedelta(seconds=3))

    assert [one.size for one in second.event.held().holdings] == held
    assert second.event.fills() == first.event.fills()
    assert second.event.strategy.filter.at >= first.event.strategy.filter.at
    # Its books were not trusted before they had come again, and the old orders stayed out.
    assert all(order["status"] != "resting" for order in second.orders)


def test_what_is_shipped_are_two_small_days_of_new_york():
    days = recorded_days()
    assert set(days) == {date(2024, 11, 21), date(2024, 12, 3)}
    assert all(sum(one.won for one in day.markets) == 1 for day in days.values())
    folder = Path(__file__).parents[2] / "shared/kalshi_alpha/rehearsal/data/temperature"
    assert sum(file.stat().st_size for file in folder.iterdir()) < 300_000
    with pytest.raises(ConfigurationError, match="2024-11-21, 2024-12-03"):
        recorded_day(date(2024, 12, 4))


@pytest.mark.parametrize("day", [date(2024, 11, 21), date(2024, 12, 3)])
def test_the_twin_prints_each_recorded_trade_and_nothing_else(day):
    recorded = recorded_day(day)
    clock = ManualClock(recorded.opens)
    engine = Engine(clock, lambda _symbol, _at: 1.0, maintenance=False)
    for market in list_temperatures(recorded):
        engine.list_market(market)
    engine.override_fees(recorded.event, temperature_terms())
    printed = []
    engine.listeners.append(
        lambda kind, what: printed.append(what["trade"]) if kind == "trade" else None
    )
    player, trades = TapePlayer(engine), list(recorded.trades())
    for trade in trades:
        clock.sleep_until(trade.at)
        player.play(trade)
    assert [(p.ticker, p.price, p.size, p.taker_side, p.at) for p in printed] == [
        (t.ticker, t.price, t.size, t.taker, t.at) for t in trades
    ]


def test_a_tape_that_breaks_ends_the_rehearsal_with_its_error(tmp_path, monkeypatch):
    def broken(*_):
        raise DataError("the tape is broken")

    monkeypatch.setattr(TapePlayer, "play", broken)
    with pytest.raises(DataError, match="the tape is broken"):
        TemperatureRehearsal(recorded_day(DAY), tmp_path, seed=1, until=UNTIL).run()


def span(order) -> tuple[datetime, datetime]:
    """Return when an order was meant, and when it ended."""
    events = order["events"]
    return from_iso(events[0]["at"]), from_iso(events[-1]["at"])


def contents(folder: Path) -> dict[str, bytes]:
    """Return what was written, but for captures, whose names are drawn."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*.json*"))
        if "momentum" in file.parts
    }
