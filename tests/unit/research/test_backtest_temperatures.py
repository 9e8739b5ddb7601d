"""Temperature trades through the replay engine: what fills, what is left out, what is refused."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kalshi_alpha.clock import NEW_YORK

DAYS = (date(2024, 11, 20), date(2024, 11, 21))
STRIKES = {
    "T50": ("less", None, 50.0),
    "B50.5": ("between", 50.0, 51.0),
    "T51": ("greater", 51.0, None),
}


def ticker(day, name):
    return f"KXHIGHNY-{day:%y%b%d}-{name}".upper()


def trade(day, minute, name="B50.5", price=40, count=5, taker_yes=False):
    begin = datetime(day.year, day.month, day.day, 9, 30, tzinfo=NEW_YORK)
    return {
        "event_day": day,
        "ticker": ticker(day, name),
        "ts_utc": (begin + timedelta(minutes=minute)).astimezone(UTC),
        "count": count,
        "yes_price": price,
        "taker_yes": taker_yes,
    }


def trades_file(folder, rows):
    table = pa.Table.from_pylist(rows)
    place = table.schema.get_field_index("ts_utc")
    table = table.set_column(place, "ts_utc", table["ts_utc"].cast(pa.timestamp("us", "UTC")))
    pq.write_table(table, folder / "trades.parquet")
    return folder / "trades.parquet"


def markets_file(folder, days=DAYS):
    rows = [
        {
            "ticker": ticker(day, name),
            "strike_type": kind,
            "floor_strike": low,
            "cap_strike": high,
            "close_time": datetime(2024, 11, 22, 4, 59, tzinfo=UTC),
            "result": "yes" if name == "B50.5" else "no",
        }
        for day in days
        for name, (kind, low, high) in STRIKES.items()
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "markets.parquet")
    return folder / "markets.parquet"


def quiet(day):
    return [trade(day, minute) for minute in range(0, 300, 5)]


def played(run, tmp_path, rows, **options):
    rows = sorted(rows, key=lambda row: (row["event_day"], row["ts_utc"]))
    said = run(
        "backtest", "--series", options.get("series", "KXHIGHNY"), "--data",
        trades_file(tmp_path, rows), "--results", markets_file(tmp_path, options.get("days", DAYS)),
        "--out", "o",
    )  # fmt: skip
    if said.code:
        return said
    return json.loads((tmp_path / "o" / "backtest.json").read_text())


def test_a_trade_through_the_quote_fills_it_and_is_settled(run, tmp_path):
    # The middle stands at 40 cents: one side is quoted, an ask at 43, and somebody buys at 44.
    rows = [*quiet(DAYS[0]), trade(DAYS[0], 62, price=44, taker_yes=True)]

    found = played(run, tmp_path, rows)

    assert found["all"]["fills"] == 1
    (row,) = pq.read_table(tmp_path / "o" / "trades.parquet").to_pylist()
    assert (row["side"], row["price"], row["evidence"]) == ("ask", 4300, "trade_through")
    assert row["ev_claimed"] == pytest.approx(0.03)
    assert row["realised"] == pytest.approx(-0.57)
    assert row["fee"] == 0


def test_a_trade_at_the_quote_is_touched_and_does_not_count(run, tmp_path):
    rows = [*quiet(DAYS[0]), trade(DAYS[0], 62, price=43, taker_yes=True)]
    found = played(run, tmp_path, rows)

    assert found["all"]["fills"] == 0
    assert found["all"]["fills_by_evidence"]["touched"] == 1
    assert found["all"]["verdict"] == "no-fills"


def test_what_is_younger_than_a_minute_is_not_known(run, tmp_path):
    # Eight trades at 60 cents right before the first look, at ten: a strategy that saw them would
    # ask 63, and who buys at 50 two minutes later would not meet it.
    rush = [trade(DAYS[0], 29.5 + 0.05 * k, price=60, taker_yes=True) for k in range(8)]
    buyer = trade(DAYS[0], 32, price=50, taker_yes=True)

    played(run, tmp_path, [*quiet(DAYS[0]), *rush, buyer])

    rows = pq.read_table(tmp_path / "o" / "trades.parquet").to_pylist()
    assert [row["price"] for row in rows if row["placed_s"] < 130.0] == [4300]


def test_an_event_without_results_is_left_out_and_counted(run, tmp_path):
    found = played(run, tmp_path, [*quiet(DAYS[0]), *quiet(DAYS[1])], days=DAYS[:1])

    coverage = found["all"]["coverage"]
    assert (coverage["days_requested"], coverage["days_loaded"]) == (2, 1)
    assert coverage["missing"] == {"no-settlement": 1}


def test_another_series_and_a_missing_list_of_markets_are_refused(run, tmp_path):
    other = played(run, tmp_path, quiet(DAYS[0]), series="KXHIGHCHI")
    without = run(
        "backtest", "--series", "KXHIGHNY", "--data", tmp_path / "trades.parquet", "--out", "o"
    )

    assert other.code == 4
    assert "--series says KXHIGHCHI" in other.err.replace("\n", " ")
    assert without.code == 2
    assert "need --results" in without.err.replace("\n", " ")


@pytest.mark.shared_data
def test_the_recorded_trades_are_played_and_prove_nothing(run, shared_data, tmp_path):
    folder = shared_data / "kalshi_high"
    said = run(
        "backtest", "--series", "KXHIGHDEN", "--data", folder / "trades_kxhighden.parquet",
        "--results", folder / "markets.parquet", "--out", "o",
    )  # fmt: skip

    assert said.code == 0, said.err
    whole = json.loads((tmp_path / "o" / "backtest.json").read_text())["all"]
    assert whole["fills"] > 20
    assert whole["fills_by_evidence"]["queue_cleared"] == 0
    assert whole["verdict"] == "not-established"
    assert "exercise" in (tmp_path / "o" / "backtest.md").read_text()
