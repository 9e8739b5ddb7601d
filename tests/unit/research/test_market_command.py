"""``score-market`` from files to files, on made-up recordings and on the real ones."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kalshi_alpha.pricing.blend import blends_from_json
from kalshi_alpha.pricing.parameters import dump_parameters
from tests.made_parameters import made_parameters, made_part
from tests.market_files import bars_file, second, trades_file, walked_levels

DAYS = [date(2026, 1, day) for day in (5, 6, 7)]
LEVELS = {day: walked_levels(k) for k, day in enumerate(DAYS)}


@pytest.fixture
def files(tmp_path):
    """Three days of bars, three seconds of trades a day, and parameters from before them."""
    rows = []
    for day, levels in LEVELS.items():
        won, lost = levels[390] - 3.0, levels[390] + 3.0
        rows += [
            second(day, "11:00:00", won, sold=0.7, spx=levels[90]),
            second(day, "15:50:00", won, bought=0.8, spx=levels[380]),
            second(day, "15:58:00", lost, sold=0.3, bought=0.5, spx=levels[388]),
        ]
    parameters = tmp_path / "params.json"
    one = made_parameters(made_part(), made_part())
    parameters.write_bytes(dump_parameters({"SPX": one}, {}))
    return {
        "trades": trades_file(tmp_path, rows),
        "bars": bars_file(tmp_path, LEVELS),
        "params": parameters,
    }


def words(files, *more):
    return (
        "score-market", "--trades", files["trades"], "--bars", files["bars"],
        "--params", files["params"], "--out", "out", *more,
    )  # fmt: skip


def test_the_briers_of_the_price_are_those_worked_out_by_hand(run, files, tmp_path):
    said = run(*words(files))

    assert said.code == 0, said.err
    document = json.loads((tmp_path / "out" / "market.json").read_text())
    whole = document["rows"][0]
    # A day: 0.3 squared, 0.2 squared, and twice 0.4 squared for the second both sides traded in.
    assert (whole["n"], whole["days"]) == (12, 3)
    assert whole["brier_market"] == pytest.approx((0.09 + 0.04 + 2 * 0.16) / 4)
    late = next(r for r in document["rows"] if (r["minutes_from"], r["minutes_to"]) == (0, 15))
    assert late["n"] == 9
    assert late["brier_market"] == pytest.approx((0.04 + 2 * 0.16) / 3)
    assert whole["diff"] == pytest.approx(whole["brier_ours"] - whole["brier_market"])
    assert whole["low"] <= whole["diff"] <= whole["high"]


def test_all_files_are_written_and_the_page_stands_alone(run, files, tmp_path):
    run(*words(files))

    out = tmp_path / "out"
    page, text = (out / "market.html").read_text(), (out / "market.md").read_text()
    assert page.count("<svg") == 3
    assert "<script" not in page
    assert "src=" not in page
    assert "ours less traded" in text
    blends = blends_from_json(json.loads((out / "market-blend.json").read_text()))
    assert [band.minutes_to for band in blends.bands] == [15, 390]
    assert blends.evidence[0].rows == 9
    assert blends.evidence[0].days == 3


def test_the_same_files_give_the_same_bytes(run, files, tmp_path):
    run(*words(files))
    first = (tmp_path / "out" / "market.json").read_bytes()

    run(*words(files))

    assert (tmp_path / "out" / "market.json").read_bytes() == first


def test_json_on_request_is_the_file(run, files, tmp_path):
    said = run(*words(files, "--json"))

    assert json.loads(said.out) == json.loads((tmp_path / "out" / "market.json").read_text())


def test_a_refused_file_leaves_no_output(run, files, tmp_path):
    table = pq.read_table(files["trades"])
    pq.write_table(table.drop_columns(["buy_px"]), files["trades"])

    said = run(*words(files))

    assert said.code == 4
    assert "trades.parquet: the column buy_px is missing" in said.err.replace("\n", " ")
    assert not (tmp_path / "out").exists()


def test_parameters_that_know_the_day_are_refused(run, files):
    one = made_parameters(made_part(), made_part(), as_of=date(2026, 1, 6))
    files["params"].write_bytes(dump_parameters({"SPX": one}, {}))

    said = run(*words(files))

    assert said.code == 4
    assert "would look ahead" in said.err.replace("\n", " ")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--symbol", "NDX"), "holds trades on SPX, and --symbol says NDX"),
        (("--markets", "m.parquet"), "--markets is for temperatures"),
        (("--from", "2026-02-01"), "no event from 2026-02-01"),
        (("--from", "soon"), "is not YYYY-MM-DD"),
    ],
)
def test_what_does_not_fit_together_is_said(run, files, more, sentence):
    said = run(*words(files, *more))

    assert said.code in (2, 4)
    assert sentence in said.err.replace("\n", " ")


def test_index_trades_need_bars(run, files):
    said = run("score-market", "--trades", files["trades"], "--out", "out")

    assert said.code == 2
    assert "need --bars" in said.err


def highs(tmp_path):
    """Two event days of two brackets, one of which wins, and one trade too late."""
    markets, rows = [], []
    for day in (16, 17):
        closed = datetime(2024, 8, day + 1, 4, 0, tzinfo=UTC)
        for label, result, cents in (("B82.5", "yes", 60), ("B84.5", "no", 30)):
            ticker = f"HIGHNY-24AUG{day}-{label}"
            markets.append({"ticker": ticker, "result": result, "close_time": closed})
            rows.append(
                {
                    "event_day": date(2024, 8, day),
                    "ticker": ticker,
                    "ts_utc": datetime(2024, 8, day, 20, len(rows), tzinfo=UTC),
                    "yes_price": cents,
                    "taker_yes": True,
                }
            )
    rows.append(rows[-1] | {"ts_utc": datetime(2024, 8, 18, 5, tzinfo=UTC)})
    rows.append(rows[-1] | {"ticker": "HIGHNY-24AUG17-T90"})
    pq.write_table(pa.Table.from_pylist(markets), tmp_path / "markets.parquet")
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "highs.parquet")
    return tmp_path / "highs.parquet", tmp_path / "markets.parquet"


def test_temperatures_are_scored_without_a_law_of_ours(run, tmp_path):
    trades, markets = highs(tmp_path)

    said = run("score-market", "--trades", trades, "--markets", markets, "--out", "out")

    assert said.code == 0, said.err
    document = json.loads((tmp_path / "out" / "market.json").read_text())
    whole = document["rows"][0]
    assert whole["n"] == 4
    assert whole["brier_market"] == pytest.approx((0.16 + 0.09) / 2)
    assert whole["brier_ours"] is None
    assert whole["brier_blend"] is None
    assert document["blend"] is None
    assert "no law of temperatures" in document["notes"][0]
    assert {each["rule"]: each["rows"] for each in document["excluded"]} == {
        "after-close": 1,
        "no-result": 1,
    }
    assert not (tmp_path / "out" / "market-blend.json").exists()


def test_temperatures_need_results_and_no_bars(run, tmp_path):
    trades, markets = highs(tmp_path)

    said = run("score-market", "--trades", trades, "--out", "out")
    assert (said.code, "--markets FILE" in said.err) == (2, True)
    said = run(
        "score-market", "--trades", trades, "--markets", markets, "--bars", "b", "--out", "out"
    )
    assert (said.code, "leave --bars" in said.err) == (2, True)


def test_a_market_named_twice_is_refused(run, tmp_path):
    trades, markets = highs(tmp_path)
    table = pq.read_table(markets)
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), markets)

    said = run("score-market", "--trades", trades, "--markets", markets, "--out", "out")

    assert said.code == 4
    assert "row 5: HIGHNY-24AUG16-B82.5 is there a second time" in said.err.replace("\n", " ")


@pytest.mark.shared_data
def test_the_recorded_trades_are_scored_walk_forward(run, shared_data, tmp_path):
    bars = [shared_data / name / "bars.parquet" for name in ("spx_1m", "spx_5m")]
    trades = shared_data / "kalshi_inx_trades" / "above_1s.parquet"

    said = run("score-market", "--trades", trades, "--bars", *bars, "--out", "out")

    assert said.code == 0, said.err
    document = json.loads((tmp_path / "out" / "market.json").read_text())
    whole = document["rows"][0]
    assert whole["days"] == 26
    assert whole["n"] + sum(each["rows"] for each in document["excluded"]) == 21_960
    late = next(r for r in document["rows"] if (r["minutes_from"], r["minutes_to"]) == (0, 15))
    assert late["brier_blend"] < min(late["brier_sharp"], late["brier_market"])


@pytest.mark.shared_data
def test_recorded_temperature_trades_are_scored(run, shared_data, tmp_path):
    folder = shared_data / "kalshi_high"
    trades, markets = folder / "trades_kxhighden.parquet", folder / "markets.parquet"

    said = run("score-market", "--trades", trades, "--markets", markets, "--out", "out")

    assert said.code == 0, said.err
    document = json.loads((tmp_path / "out" / "market.json").read_text())
    whole = document["rows"][0]
    assert whole["n"] + sum(each["rows"] for each in document["excluded"]) == 42_831
    assert 0.0 < whole["brier_market"] < 0.25
    assert whole["brier_ours"] is None


@pytest.mark.shared_data
def test_the_recording_without_winners_is_refused(run, shared_data, tmp_path):
    bars = [shared_data / name / "bars.parquet" for name in ("spx_1m", "spx_5m")]
    trades = shared_data / "kalshi_inx_trades" / "range_losers_only_1s.parquet"

    said = run("score-market", "--trades", trades, "--bars", *bars, "--out", "out")

    assert said.code == 4
    assert "markets won" in said.err
    assert not (tmp_path / "out").exists()
