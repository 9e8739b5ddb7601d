"""What spoiled recordings are refused for: each was once an error of a library or a wrong value."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.replay.captures import read_captures
from kalshi_alpha.research.replay.frames import read_frames
from kalshi_alpha.research.replay.recorded_books import read_books
from kalshi_alpha.research.replay.recorded_trades import read_recorded
from kalshi_alpha.research.replay.tape import tape_of

TICKER = "KXINXU-26NOV20H1600-T6000.9999"
AT = 1_795_207_441_123


def frame(**more: Any) -> dict[str, Any]:
    msg = {"market_ticker": TICKER, "yes_dollars_fp": [["0.4500", "10.00"]], "ts_ms": AT}
    return {"type": "orderbook_snapshot", "sid": 1, "seq": 1, "msg": msg | more}


def frames(folder: Path, *lines: bytes) -> Path:
    file = folder / "frames.ndjson"
    file.write_bytes(b"\n".join(lines) + b"\n")
    return file


@pytest.mark.parametrize("plain", [True, False])
def test_a_frame_nested_beyond_reason_is_refused_by_row(tmp_path: Path, plain: bool) -> None:
    good = json.dumps(frame()).encode()
    file = frames(tmp_path, b'{"a":' * 3000, good)

    with pytest.raises(DataError, match="row 1: the frame cannot be read"):
        read_frames(file, plain=plain)


@pytest.mark.parametrize("plain", [True, False])
def test_a_number_past_64_bits_is_refused_by_line(tmp_path: Path, plain: bool) -> None:
    file = frames(tmp_path, json.dumps(frame()).encode(), json.dumps(frame(ts_ms=10**14)).encode())

    with pytest.raises(DataError, match="line 2 holds a number that does not fit into 64 bits"):
        read_frames(file, plain=plain)


def test_a_stale_book_of_a_market_without_rows_leaves_the_others_in(tmp_path: Path) -> None:
    lines = [
        [AT * 1000, "note", {"what": "venue socket open"}],
        [AT * 1000 + 1, "venue", frame()],
        [AT * 1000 + 2, "note", {"what": "books stale", "reason": "gap", "tickers": ["ANOTHER"]}],
    ]
    packed = gzip.compress(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    (tmp_path / "150000-aa11bb22-00001.jsonl.gz").write_bytes(packed)

    (tape,), coverage = read_captures(tmp_path)

    assert tape.names == (TICKER,)
    assert [left.name for left in coverage.left_out] == ["ANOTHER"]


CSV = "ts_utc,ticker,event_day,count,yes_price,taker_yes\n"
ROW = "{ts},KXHIGHNY-26JAN05-B40.5,2026-01-05,{count},{price},true\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"ti\x80" + CSV.encode() + ROW.encode(), "the name of a column is not UTF-8"),
        (
            (CSV + ROW.format(ts="2026-01-05T15:00:00Z", count="9" * 40, price=40)).encode(),
            "count is empty or not above 0, or beyond belief",
        ),
        (
            (CSV + ROW.format(ts="2026-01-05T15:00:00Z", count="inf", price=40)).encode(),
            "count is empty or not above 0, or beyond belief",
        ),
        (
            (CSV + ROW.format(ts="2026-01-05T15:00:00Z", count=1, price="9" * 400)).encode(),
            "yes_price is not strictly between 0 and 1 dollar",
        ),
        (
            (CSV + ROW.format(ts="9026-01-05T15:00:00Z", count=1, price=40)).encode(),
            "ts_utc holds a time of another age",
        ),
    ],
)
def test_text_that_no_table_should_hold_is_refused(tmp_path: Path, text: bytes, said: str) -> None:
    file = tmp_path / "trades.csv"
    file.write_bytes(text)

    with pytest.raises(DataError, match=said):
        read_recorded(file)


SNAPSHOT = {
    "segment": "2026-11-20-15-a1", "seq": 1, "recv_ns": AT * 10**6, "ticker": TICKER,
    "is_yes": True, "price_e4": 4500, "qty_e2": 1000,
}  # fmt: skip
DELTA = {
    "segment": "2026-11-20-15-a1", "seq": 2, "recv_ns": AT * 10**6 + 9, "exch_ms": AT,
    "ticker": TICKER, "is_yes": True, "price_e4": 4500, "delta_e2": -300,
}  # fmt: skip
TOP = {
    "segment": "2026-11-20-15-a1", "recv_ns": AT * 10**6 + 10, "exch_ms": AT, "ticker": TICKER,
    "bid_e4": 4500, "ask_e4": 5000,
}  # fmt: skip


def books(folder: Path, **changed: dict[str, Any]) -> Path:
    good = {"snapshots": SNAPSHOT, "deltas": DELTA, "ticker": TOP}
    for name, row in good.items():
        rows = [row | changed.get(name, {})]
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    return folder


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"snapshots": {"qty_e2": -1}}, "row 1: qty_e2 is -1, less than nothing"),
        ({"deltas": {"exch_ms": 2**62}}, "does not fit into 64 bits"),
        ({"deltas": {"exch_ms": None}}, "exch_ms is not whole numbers without a gap"),
    ],
)
def test_books_that_no_venue_has_are_refused(
    tmp_path: Path, changed: dict[str, dict[str, Any]], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        read_books(books(tmp_path, **changed))


def test_a_column_too_large_for_exact_floats_is_refused(tmp_path: Path) -> None:
    folder = books(tmp_path)
    rows = [DELTA, DELTA | {"recv_ns": None}]
    pq.write_table(pa.Table.from_pylist(rows), folder / "deltas.parquet")

    with pytest.raises(DataError, match="recv_ns holds a number past 2 to the 53rd"):
        read_books(folder)


def test_a_tape_does_not_wrap_round() -> None:
    columns = {"recv_ns": [1], "name": [0], "kind": [1], "price": [4500], "size": [2**63]}

    with pytest.raises(DataError, match="does not fit into 64 bits"):
        tape_of(columns, ["M"])
