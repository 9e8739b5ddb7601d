"""The measurement of trades: known sizes, rates and spreads are found again."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from importlib import resources

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.research import participants
from kalshi_alpha.research.participants import (
    LEVELS,
    MINUTES,
    PRICES,
    calibrate,
    rates,
    read_trades,
    sizes,
    spreads,
)

DAY = date(2026, 1, 5)
FIXING = datetime(2026, 1, 5, 21, tzinfo=UTC)


def row(seconds, sold=None, bought=None, size=10, strike=6899.9999, **more):
    """Return one second's trades, so long before the fixing."""
    return {
        "ts_utc": FIXING - timedelta(seconds=seconds),
        "ticker": f"KXINXU-26JAN05H1600-T{strike}",
        "event_day": DAY,
        "strike": strike,
        "sell_px": sold,
        "sell_qty": size if sold is not None else 0,
        "buy_px": bought,
        "buy_qty": size if bought is not None else 0,
    } | more


def write(folder, rows):
    """Write rows as the recorded file."""
    file = folder / "trades.parquet"
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file


def test_sizes_are_those_of_either_side(tmp_path):
    rows = [row(100 - k, bought=0.5, size=k + 1) for k in range(99)]

    markets, _ = read_trades(write(tmp_path, rows))

    assert dict(zip(LEVELS, sizes(markets), strict=True))[0.5] == 50.0
    assert sizes(markets)[-1] == 99.0


def test_rates_are_trades_over_the_time_a_price_stood(tmp_path):
    # Four trades at 50 cents from 4 to 1 minutes before, then the price stands until the fixing.
    rows = [row(seconds, bought=0.5) for seconds in (240, 180, 120, 60)]

    markets, _ = read_trades(write(tmp_path, rows))
    table = rates(markets)

    middle = PRICES.index(0.25)
    assert table[MINUTES.index(2.0)][middle] == 1.0  # two trades in the two minutes from 4 to 2
    assert table[MINUTES.index(1.0)][middle] == 1.0
    assert table[MINUTES.index(0.0)][middle] == 1.0
    assert sum(map(sum, table)) == 3.0


def test_spreads_pair_a_sale_with_the_nearest_purchase(tmp_path):
    rows = [
        row(100, sold=0.48),
        row(98, bought=0.52),
        row(95, bought=0.60),  # further away: not the pair of the sale at 100
        row(50, sold=0.05, strike=6950.0),
        row(40, bought=0.09, strike=6950.0),  # ten seconds later: no pair
        row(30, sold=0.92, bought=0.91, strike=6850.0),  # the price had moved: one tick at least
    ]

    markets, _ = read_trades(write(tmp_path, rows))
    found, counts = spreads(markets)

    assert counts == [0, 0, 0, 1, 0, 1, 0]
    assert found[3] == [0.04] * len(LEVELS)
    assert found[5] == [0.01] * len(LEVELS)


def test_only_the_last_session_of_the_series_counts(tmp_path):
    rows = [
        row(60, bought=0.5),
        row(0, bought=0.5),
        row(7 * 3600, bought=0.5),
        row(50, bought=0.5) | {"ticker": "KXINX-26JAN05H1600-B6912"},
    ]

    markets, read = read_trades(write(tmp_path, rows))

    assert (len(markets), read["rows"], read["days"]) == (1, 1, 1)


def test_the_distance_between_strikes_is_measured(tmp_path):
    rows = [row(60, bought=0.5, strike=strike) for strike in (6850.0, 6875.0, 6900.0)]

    _, read = read_trades(write(tmp_path, rows))

    assert (read["strike_step"], read["strike_median"]) == (25.0, 6875.0)


def test_index_levels_are_not_read(tmp_path):
    rows = [row(60, bought=0.5) | {"spx": 6123.45, "vix": 15.0, "spy": 690.0}]

    content = calibrate(write(tmp_path, rows), "out.json").decode()

    assert not {"spx", "vix", "spy"} & set(participants.COLUMNS)
    assert "6123.45" not in content


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([row(-60, bought=0.5)], "holds no trade"),
        ([{"ticker": "KXINXU-26JAN05H1600-T6899.9999"}], "lacks the columns buy_px"),
    ],
)
def test_a_file_without_what_is_needed_is_refused(tmp_path, rows, words):
    with pytest.raises(DataError, match=words):
        read_trades(write(tmp_path, rows))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="point --trades"):
        read_trades(tmp_path / "nothing.parquet")


@pytest.mark.shared_data
def test_the_shipped_file_is_written_again_byte_for_byte(shared_data, tmp_path, capsys):
    recorded = shared_data / "kalshi_inx_trades" / "above_1s.parquet"
    out = tmp_path / "participants.json"

    participants.main(["--trades", str(recorded), "--out", str(out)])

    shipped = resources.files("kalshi_alpha.rehearsal").joinpath("data", "participants.json")
    assert out.read_bytes() == shipped.read_bytes()
    assert json.loads(out.read_bytes())["provenance"]["licence"] == "MIT"
    assert "wrote" in capsys.readouterr().out
