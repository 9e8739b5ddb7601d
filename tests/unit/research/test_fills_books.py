"""Trades that a ticker proves, quotes imagined in a recorded book, and the fit on both."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.fills.imagined import NS, close_of, imagined_in
from kalshi_alpha.research.fills.volume import Told, read_told, with_trades
from kalshi_alpha.research.replay.rules import Cancels, Queue, Rules
from kalshi_alpha.research.replay.tape import ASK, BID, Kind, tape_of
from kalshi_alpha.trading.fills import fill_model_from_json

TICKER = "KXBTC15M-26MAY132030-30"
CLOSE = close_of(TICKER)


def book(rows, left=600.0):
    """Return a tape of (second, side, price, size) levels that begins ``left`` s to the close."""
    begin = CLOSE - int(left * NS)
    at = [begin + int(second * NS) for second, *_ in rows]
    return tape_of(
        {
            "recv_ns": at,
            "name": [0] * len(rows),
            "kind": [int(Kind.CLEAR), *(int(Kind.LEVEL) for _ in rows[1:])],
            "side": [side for _, side, _, _ in rows],
            "price": [price for *_, price, _ in rows],
            "size": [size for *_, size in rows],
        },
        (TICKER,),
    )


OPENING = [
    (0.0, BID, 0, 0), (0.0, BID, 4900, 1000), (0.0, BID, 4800, 5000), (0.0, ASK, 5100, 1000),
]  # fmt: skip


def told(tape, *rows):
    """Return ticker rows of (second, last, volume)."""
    begin = int(tape.exch_ns[0])
    return {TICKER: [Told(begin + int(s * NS), last, volume) for s, last, volume in rows]}


def trades_of(tape):
    traded = tape.kind == Kind.TRADE
    columns = (tape.side, tape.price, tape.size)
    return list(zip(*(column[traded].tolist() for column in columns), strict=True))


def test_a_close_is_read_off_the_ticker_in_new_york():
    assert CLOSE == 1_778_718_600 * NS
    with pytest.raises(DataError, match="does not say when it closes"):
        close_of("KXINXU-26JAN05H1600-T6899.9999")


def test_what_one_level_lost_while_it_was_best_is_what_traded():
    tape = book([*OPENING, (5.0, BID, 4900, 400), (9.0, BID, 4700, 100)])

    found, sums = with_trades(tape, told(tape, (1.0, 5100, 0), (8.0, 4900, 600)))

    assert trades_of(found) == [(BID, 4900, 600)]
    assert (sums.volume, sums.placed, sums.bare) == (600, 600, 0)
    place = int(np.argmax(found.kind == Kind.TRADE))
    assert (found.kind[place + 1], found.size[place + 1]) == (Kind.LEVEL, 400)


def test_a_level_is_given_only_what_the_others_cannot_explain():
    # 600 and 300 were lost and 700 traded: at least 400 there and 100 here.
    tape = book([*OPENING, (5.0, BID, 4900, 400), (6.0, ASK, 5100, 700), (9.0, BID, 4700, 100)])

    found, sums = with_trades(tape, told(tape, (1.0, 5100, 0), (8.0, 5100, 700)))

    assert trades_of(found) == [(BID, 4900, 400), (ASK, 5100, 100)]
    assert sums.placed == 500


def test_without_volume_nothing_traded_and_a_deeper_level_never_does():
    tape = book([*OPENING, (5.0, BID, 4900, 400), (6.0, BID, 4800, 10), (9.0, BID, 4700, 100)])

    quiet, _ = with_trades(tape, told(tape, (1.0, 5100, 50), (8.0, 5100, 50)))
    found, _ = with_trades(tape, told(tape, (1.0, 5100, 50), (8.0, 4900, 650)))

    assert trades_of(quiet) == []
    assert trades_of(found) == [(BID, 4900, 600)]


def test_a_last_price_alone_is_a_trade_of_one_contract():
    tape = book([*OPENING, (5.0, BID, 4900, 400), (6.0, ASK, 5100, 400), (9.0, BID, 4700, 100)])

    found, sums = with_trades(tape, told(tape, (1.0, 5100, 0), (8.0, 4900, 300)))

    assert trades_of(found) == [(BID, 4900, 100)]
    assert (sums.placed, sums.bare) == (0, 1)


def ticker_file(folder: Path, **changed):
    base = {
        "segment": ["2026-05-14T00-a"] * 2,
        "recv_ns": [1, 2],
        "exch_ms": [1, 2],
        "ticker": [TICKER] * 2,
        "bid_e4": [4900, 4900],
        "ask_e4": [5100, 5100],
        "last_e4": [4900, 4900],
        "volume_e2": [10, 20],
    }
    file = folder / "ticker.parquet"
    pq.write_table(pa.table(base | changed), file)
    return file


def test_a_volume_that_falls_is_refused_by_row(tmp_path):
    with pytest.raises(DataError, match=r"ticker\.parquet, row 2.*falls from 10 to 9"):
        read_told(ticker_file(tmp_path, volume_e2=[10, 9]))


def test_a_ticker_without_volume_is_refused(tmp_path):
    file = ticker_file(tmp_path)
    pq.write_table(pq.read_table(file).drop_columns("volume_e2"), file)

    with pytest.raises(DataError, match="volume_e2"):
        read_told(file)


def quotes_at(found, side, cents):
    spells = found.spells
    mine = (spells.side % 2 == side) & np.isclose(spells.offset, cents) & (spells.seconds > 598.0)
    return spells.where(mine), found.evidence[mine]


RULES = Rules(entry_ns=NS // 4)


@pytest.mark.parametrize("plain", [True, False])
def test_a_quote_waits_for_those_ahead_of_it(plain):
    # Ten contracts stand at 49 cents when ours arrives; twelve trade: ten theirs, ours among two.
    rows = [*OPENING, (20.0, BID, 4900, 3000), (30.0, BID, 4900, 2100), (40.0, BID, 4900, 1800),
            (90.0, BID, 4700, 100)]  # fmt: skip
    tape = book(rows)
    full, _ = with_trades(tape, told(tape, (25.0, 4900, 0), (35.0, 4900, 900), (45.0, 4900, 1200)))

    found = imagined_in([full], RULES, plain=plain)

    spells, evidence = quotes_at(found, BID, 1.0)
    assert spells.ahead.tolist() == [10.0]
    assert spells.filled.tolist() == [True]
    assert spells.lasted[0] == pytest.approx(38.75)  # from 1.25 s on: the second trade cleared it
    assert evidence.tolist() == [0]
    behind, _ = quotes_at(found, BID, 2.0)
    assert behind.filled.tolist() == [False]
    assert behind.lasted[0] == pytest.approx(60.0)


def test_the_other_sides_quote_is_no_fill_unless_it_is_taken_for_one():
    rows = [*OPENING, (20.0, BID, 4900, 0), (20.5, ASK, 4900, 500), (90.0, BID, 4700, 100)]
    tape = book(rows)

    censored = imagined_in([tape], RULES)
    counted = imagined_in([tape], RULES, crossed_count=True)

    assert quotes_at(censored, BID, 1.0)[0].filled.tolist() == [False]
    assert quotes_at(censored, BID, 1.0)[0].lasted[0] == pytest.approx(19.25)
    assert quotes_at(counted, BID, 1.0)[0].filled.tolist() == [True]


def test_cancels_before_us_shorten_the_queue_where_they_are_shared():
    rows = [*OPENING, (20.0, BID, 4900, 3000), (25.0, BID, 4900, 1500), (30.0, BID, 4900, 800),
            (90.0, BID, 4700, 100)]  # fmt: skip
    tape = book(rows)
    full, _ = with_trades(tape, told(tape, (27.0, 4900, 0), (35.0, 4900, 700)))

    behind = imagined_in([full], RULES)
    shared = imagined_in([full], Rules(NS // 4, queue=Queue(Cancels.SHARED)))

    assert quotes_at(behind, BID, 1.0)[0].filled.tolist() == [False]
    assert quotes_at(shared, BID, 1.0)[0].filled.tolist() == [True]


def test_nothing_is_imagined_on_an_empty_book():
    with pytest.raises(DataError, match="no quote could be imagined"):
        imagined_in([book([(0.0, BID, 0, 0), (1.0, BID, 4900, 10), (9.0, BID, 4900, 5)])], RULES)


def test_books_and_trades_at_once_are_refused(run, tmp_path):
    both = run("fills", "fit", "--books", tmp_path, "--data", "x", "--series", "K", "--out", "o")
    neither = run("fills", "fit", "--out", "o")

    assert both.code == neither.code == 2
    assert "--books alone" in neither.err.replace("\n", " ")


@pytest.mark.shared_data
def test_the_recorded_books_are_fitted_and_say_what_they_rest_on(run, shared_data, tmp_path):
    said = run("fills", "fit", "--books", shared_data / "kalshi_btc15m_l2", "--out", "o")

    assert said.code == 0, said.err
    found = json.loads((tmp_path / "o" / "fills.json").read_text())
    model = fill_model_from_json(found)
    assert model.evidence == "queue_cleared"
    assert set(found["rests_on"].values()) == {"queue_cleared"}
    assert found["hazard"]["queue"] + 2 * found["hazard_errors"]["queue"] < 0
    assert found["check"]["gain"]["low"] > 0
    assert found["fills_by_evidence"]["crossed"] == 0
    assert found["volume"]["placed"] < found["volume"]["told"]
    names = [row["name"] for row in found["sensitivity"]]
    assert len(names) == 6
    assert "rests on" in (tmp_path / "o" / "fills.md").read_text()
