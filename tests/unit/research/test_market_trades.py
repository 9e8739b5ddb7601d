"""Reading a file of trades: what a row is, and what is refused in which words."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.market.trades import BOUGHT, SOLD, file_form, read_trades
from tests.market_files import second, trades_file

DAY, NEXT = date(2026, 1, 5), date(2026, 1, 6)
EARLIER = datetime(2026, 1, 5, 14, 0, tzinfo=UTC)


def spx(_series: str) -> str:
    return "spx"


def read(file, **options):
    return read_trades(file, spx, **options)


def rows():
    return [
        second(DAY, "10:00:00", 6899.9999, sold=0.40),
        second(DAY, "10:00:05", 6899.9999, sold=0.42, bought=0.46, spx=6901.0),
        second(NEXT, "15:59:00", 6924.9999, bought=0.07, spx=6890.5),
    ]


def test_a_second_both_sides_traded_in_is_two_rows_at_the_middle(tmp_path):
    found = read(trades_file(tmp_path, rows()))

    assert found.form == "index"
    assert found.row.tolist() == [1, 2, 2, 3]
    assert found.side.tolist() == [SOLD, SOLD, BOUGHT, BOUGHT]
    assert found.price.tolist() == pytest.approx([0.40, 0.44, 0.44, 0.07])
    assert found.level.tolist() == [6900.0, 6901.0, 6901.0, 6890.5]
    assert found.at[0] == datetime(2026, 1, 5, 15, 0, tzinfo=UTC).timestamp()
    assert str(found.tickers[found.market[3]]) == "KXINXU-26JAN06H1600-T6924.9999"


def test_csv_reads_as_parquet_does(tmp_path):
    parquet = trades_file(tmp_path, rows())
    table = pq.read_table(parquet)
    stamps = [each.isoformat() for each in table["ts_utc"].to_pylist()]
    table = table.set_column(0, "ts_utc", pa.array(stamps))
    csv = tmp_path / "trades.csv"
    lines = [",".join(table.column_names)]
    lines += [
        ",".join("" if cell is None else str(cell) for cell in row.values())
        for row in table.to_pylist()
    ]
    csv.write_text("\n".join(lines) + "\n")

    one, other = read(parquet), read(csv)

    for name in ("row", "at", "event", "side", "price", "level"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_events_outside_the_days_asked_for_are_never_looked_at(tmp_path):
    bad = rows()
    bad[2]["buy_px"] = 7.0

    found = read(trades_file(tmp_path, bad), last=DAY)

    assert len(found) == 3
    with pytest.raises(DataError, match="row 3: buy_px is 7"):
        read(trades_file(tmp_path, bad))
    with pytest.raises(DataError, match="no event"):
        read(trades_file(tmp_path, bad), first=date(2026, 2, 1))


def temperature(cents=47, ticker="HIGHNY-24AUG16-B82.5", clock=12):
    return {
        "event_day": date(2024, 8, 16),
        "ticker": ticker,
        "ts_utc": datetime(2024, 8, 16, clock, tzinfo=UTC),
        "yes_price": cents,
        "taker_yes": True,
    }


def test_temperature_trades_are_known_by_their_columns(tmp_path):
    file = trades_file(tmp_path, [temperature()])

    found = read(file)

    assert file_form(file) == "temperature"
    assert (found.price[0], found.side[0]) == (0.47, BOUGHT)
    assert np.isnan(found.level[0])


def changed(name, value, place=1):
    found = rows()
    found[place][name] = value
    return found


def without(name):
    return [{key: value for key, value in row.items() if key != name} for row in rows()]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (without("buy_px"), r"the column buy_px is missing"),
        (without("spx"), r"the column spx is missing"),
        (changed("buy_px", 1.0), r"row 2: buy_px is 1, not strictly between 0 and 1 dollars"),
        (changed("sell_px", 0.0), r"row 2: sell_px is 0, not strictly"),
        (changed("sell_px", None, 0), r"row 1: sell_px and buy_px are both empty"),
        (changed("spx", None), r"row 2: spx is empty or not above 0"),
        (changed("spx", -4.0), r"row 2: spx is empty or not above 0"),
        (changed("strike", 6900.0), r"row 2: strike is 6900.0 and the ticker is KXINXU-26JAN05"),
        (changed("series", "KXINX"), r"row 2: series is 'KXINX' and the ticker is KXINXU"),
        (changed("expiry_et", "12:00"), r"row 2: expiry_et is '12:00' and the ticker is"),
        (changed("event_day", NEXT), r"row 2: event_day is 2026-01-06 and the ticker is"),
        (changed("ticker", "NONSENSE"), r"row 2: 'NONSENSE' is not a market ticker"),
        (changed("ts_utc", EARLIER), r"row 2: the trade is earlier"),
    ],
)
def test_what_is_wrong_is_said_with_file_row_and_rule(tmp_path, bad, words):
    with pytest.raises(DataError, match=words) as caught:
        read(trades_file(tmp_path, bad))

    assert "trades.parquet" in str(caught.value)
    assert "[rule " in str(caught.value)


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("sell_px", ["a", "b", "c"], "sell_px is string, not numbers"),
        ("ts_utc", [1, 2, 3], "ts_utc is int64, not a time"),
        ("ts_utc", [EARLIER.replace(tzinfo=None)] * 3, "ts_utc has no time zone"),
        ("event_day", ["x", "y", "z"], "event_day is string, not a date"),
        ("ticker", [1.0, 2.0, 3.0], "ticker is double, not text"),
        ("ticker", [None, "A", "B"], "row 1: ticker is empty"),
    ],
)
def test_columns_of_another_type_are_refused(tmp_path, name, values, words):
    table = pq.read_table(trades_file(tmp_path, rows()))
    table = table.set_column(table.column_names.index(name), name, pa.array(values))
    pq.write_table(table, tmp_path / "odd.parquet")

    with pytest.raises(DataError, match=words):
        read(tmp_path / "odd.parquet")


def test_files_that_are_no_tables_are_refused(tmp_path):
    empty, cut, text = (tmp_path / name for name in ("a.parquet", "b.parquet", "c.txt"))
    empty.write_bytes(b"")
    cut.write_bytes(trades_file(tmp_path, rows()).read_bytes()[:700])
    text.write_text("hello")

    for file, words in (
        (tmp_path / "none.parquet", "no such file"),
        (empty, "the file is empty"),
        (cut, "cannot be read|cut off or damaged"),
        (text, "neither a parquet file"),
    ):
        with pytest.raises(DataError, match=words):
            read(file)


def test_cents_outside_one_to_99_are_refused(tmp_path):
    with pytest.raises(DataError, match="row 1: yes_price is 100, not strictly between 0 and 100"):
        read(trades_file(tmp_path, [temperature(100)]))


def test_taker_yes_must_be_true_or_false(tmp_path):
    with pytest.raises(DataError, match="taker_yes is int64, not true or false"):
        read(trades_file(tmp_path, [temperature() | {"taker_yes": 1}]))
