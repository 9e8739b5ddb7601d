"""Recordings read in: what is verified, and the sentences about what is not sound."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.capture import Packer, capture_key, line
from kalshi_alpha.research.replay.captures import read_captures
from kalshi_alpha.research.replay.engine import replay
from kalshi_alpha.research.replay.frame_books import frames_tape
from kalshi_alpha.research.replay.frames import Frames, read_frames
from kalshi_alpha.research.replay.importing import read_source, write_source
from kalshi_alpha.research.replay.recorded_books import read_books
from kalshi_alpha.research.replay.recorded_trades import (
    read_recorded,
    read_results,
    require_trades,
)
from kalshi_alpha.research.replay.rules import Rules
from kalshi_alpha.research.replay.tape import (
    ASK,
    BID,
    COLUMNS,
    INDEX_UNIT,
    Kind,
    Tape,
    merged,
    read_tape,
    tape_of,
    write_tape,
)
from kalshi_alpha.research.replay.verify import Coverage, tops
from tests.market_files import second, trades_file
from tests.order_flow import flow_tape

TICKER = "KXINXU-26NOV20H1600-T6000.9999"
OTHER = "KXINXU-26NOV20H1600-T6010.9999"
AT = 1_795_207_441_123  # 2026-11-20, 15:44:01 New York
DAY = "2026-11-20"


def snapshot(
    seq: int, ticker: str = TICKER, yes: Sequence[tuple[str, str]] = (), **more: Any
) -> dict[str, Any]:
    msg = {"market_ticker": ticker, "market_id": "m", "yes_dollars_fp": [list(p) for p in yes]}
    return {"type": "orderbook_snapshot", "sid": 1, "seq": seq, "msg": msg | more}


def delta(
    seq: int, price: str, size: str, side: str = "yes", ticker: str = TICKER, at: int = 0
) -> dict[str, Any]:
    msg = {
        "market_ticker": ticker, "market_id": "m", "price_dollars": price, "delta_fp": size,
        "side": side, "ts": "2026-11-20T20:44:01.123456Z", "ts_ms": AT + at,
    }  # fmt: skip
    return {"type": "orderbook_delta", "sid": 1, "seq": seq, "msg": msg}


def trade(at: int, price: str, size: str, taker: str) -> dict[str, Any]:
    msg = {
        "trade_id": "t", "market_ticker": TICKER, "yes_price_dollars": price, "count_fp": size,
        "taker_book_side": taker, "ts_ms": AT + at,
    }  # fmt: skip
    return {"type": "trade", "sid": 2, "seq": 1, "msg": msg}


def written(folder: Path, *frames: dict[str, Any] | str) -> Path:
    file = folder / "frames.ndjson"
    lines = [f if isinstance(f, str) else json.dumps(f, separators=(",", ":")) for f in frames]
    file.write_text("\n".join(lines) + "\n")
    return file


def rows_of(tape: Tape) -> list[tuple[int, ...]]:
    return list(
        zip(
            tape.kind.tolist(), tape.side.tolist(), tape.price.tolist(), tape.size.tolist(),
            strict=True,
        )
    )  # fmt: skip


# --- the form -----------------------------------------------------------------------------------


def test_a_tape_is_read_as_it_was_written(tmp_path: Path) -> None:
    tape = merged([flow_tape(500, 99, 1, "A"), flow_tape(500, 99, 2, "B")])
    columns = {key: getattr(tape, key) for key in COLUMNS}
    said = tape_of(columns, tape.names, results={"A": "yes"}, source={"a": 1})
    again = read_tape(write_tape(said, tmp_path / "t.parquet"))
    for key in COLUMNS:
        assert np.array_equal(getattr(again, key), getattr(tape, key)), key
    assert (again.names, again.results, again.source) == (("A", "B"), {"A": "yes"}, {"a": 1})


@pytest.mark.parametrize(
    ("column", "row", "value", "rule"),
    [
        ("price", 7, 10_000, "price"),
        ("size", 8, -1, "negative"),
        ("kind", 9, 77, "kind"),
        ("side", 10, 2, "side"),
        ("recv_ns", 11, 5, "order"),
    ],
)
def test_a_tape_that_was_tampered_with_is_refused_by_row(
    tmp_path: Path, column: str, row: int, value: int, rule: str
) -> None:
    file = write_tape(flow_tape(300), tmp_path / "t.parquet")
    table = pq.read_table(file)
    changed = table[column].to_numpy().copy()
    changed[row - 1] = value
    place = table.column_names.index(column)
    pq.write_table(table.set_column(place, column, pa.array(changed)), file)
    with pytest.raises(DataError, match=rf"t\.parquet, row {row}: .*\[rule {rule}\]"):
        read_tape(file)


def test_a_tape_without_a_column_is_refused(tmp_path: Path) -> None:
    file = write_tape(flow_tape(300), tmp_path / "t.parquet")
    pq.write_table(pq.read_table(file).drop_columns(["ref"]), file)
    with pytest.raises(DataError, match="the column ref is missing"):
        read_tape(file)


def test_a_clock_that_steps_back_is_held_and_counted() -> None:
    same = {key: [0, 0, 0] for key in ("name", "kind", "price", "size")}
    columns = {"recv_ns": [5, 3, 9], **same}
    tape = tape_of(columns, ["A"])
    assert tape.recv_ns.tolist() == [5, 5, 9]
    assert tape.source["held"] == 2  # it stands in both times


def test_two_outcomes_for_one_market_cannot_be_merged() -> None:
    nothing: dict[str, list[int]] = {k: [] for k in ("recv_ns", "name", "kind", "price", "size")}
    one, two = (tape_of(nothing, ["A"], results={"A": result}) for result in ("yes", "no"))
    with pytest.raises(DataError, match="A is settled yes in one recording and no in another"):
        merged([one, two])


# --- frames -------------------------------------------------------------------------------------


def test_frames_become_whole_levels(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        snapshot(1, yes=[("0.4500", "10.00")], no_dollars_fp=[["0.5500", "7.25"]]),
        delta(2, "0.4500", "-4.50", at=1),
        delta(3, "0.5500", "1.00", "no", at=2),
        trade(3, "0.4500", "0.37", "ask"),
    )
    tape, coverage = frames_tape(file)
    assert rows_of(tape) == [
        (Kind.CLEAR, BID, 0, 0),
        (Kind.LEVEL, BID, 4500, 1000),
        (Kind.LEVEL, ASK, 5500, 725),
        (Kind.LEVEL, BID, 4500, 550),
        (Kind.LEVEL, ASK, 5500, 825),
        (Kind.TRADE, BID, 4500, 37),
    ]
    assert coverage.sentence() == "1 of 1 market-days used"
    assert tape.exch_ns[0] == (AT + 1) * 10**6  # a snapshot has no time of its own


def test_no_prices_are_turned_where_the_subscription_gave_them(tmp_path: Path) -> None:
    first = snapshot(1, no_dollars_fp=[["0.4000", "1.00"]])
    file = written(tmp_path, first, delta(2, "0.1000", "2.00", "no"))
    tape, _ = frames_tape(file, yes_prices=False)
    assert [row[2] for row in rows_of(tape)] == [0, 6000, 9000]


def test_a_received_time_is_kept_beside_the_exchanges(tmp_path: Path) -> None:
    frame = delta(2, "0.4500", "1.00") | {"recv_ns": AT * 10**6 + 77}
    tape, _ = frames_tape(written(tmp_path, snapshot(1), frame))
    assert (tape.recv_ns[-1] - tape.exch_ns[-1]) == 77


@pytest.mark.parametrize(
    ("frames", "rule", "row"),
    [
        ([snapshot(1), delta(2, "0.45", "1.00"), delta(4, "0.45", "1.00")], "gap", 3),
        ([snapshot(1), delta(2, "0.45", "1.00"), delta(3, "0.45", "-2.00")], "negative", 3),
        ([delta(1, "0.45", "1.00"), snapshot(2)], "no-snapshot", 1),
        (
            [snapshot(1), delta(2, "0.45", "1.00"), delta(3, "0.45", "1.00", "no", at=1)],
            "crossed",
            3,
        ),
        ([snapshot(1), delta(2, "0.45", "1.00"), '{"type":"orderbook_del'], "cut", 3),
    ],
)
def test_an_unsound_market_day_is_left_out_counted_and_named(
    tmp_path: Path, frames: list[Any], rule: str, row: int
) -> None:
    tape, coverage = frames_tape(written(tmp_path, *frames))
    assert len(tape) == 0
    assert coverage.by_rule() == {rule: 1}
    sentence = coverage.left_out[0].sentence
    assert f"frames.ndjson, row {row}: {TICKER} on {DAY}: " in sentence
    assert coverage.sentence() == f"0 of 1 market-days used, left out: 1 {rule}"


def test_a_sound_market_stays_when_its_neighbour_goes(tmp_path: Path) -> None:
    file = written(
        tmp_path, snapshot(1), snapshot(2, OTHER), delta(3, "0.45", "1.00"),
        delta(4, "0.45", "-1.00", ticker=OTHER),
    )  # fmt: skip
    tape, coverage = frames_tape(file)
    assert {tape.names[k] for k in tape.name.tolist()} == {TICKER}
    assert [each.name for each in coverage.left_out] == [OTHER]


def test_a_book_may_cross_within_an_instant(tmp_path: Path) -> None:
    file = written(
        tmp_path, snapshot(1, yes=[("0.44", "1.00")], no_dollars_fp=[["0.46", "1.00"]]),
        delta(2, "0.46", "1.00"), delta(3, "0.46", "-1.00", "no"),
    )  # fmt: skip
    assert frames_tape(file)[1].left_out == []


def odd(**changed: Any) -> str:
    """Return a delta as text, something about it wrong; None leaves a key out."""
    msg = delta(2, "0.45", "1.00")["msg"] | changed
    kept = {key: value for key, value in msg.items() if value is not None}
    return json.dumps({"type": "orderbook_delta", "sid": 1, "seq": 2, "msg": kept})


@pytest.mark.parametrize(
    "text",
    [
        odd(price_dollars=None),
        odd(price_dollars="1.0000"),
        odd(delta_fp="1.005"),
        odd(side="both"),
        "[1]",
        "nonsense",
    ],
)
@pytest.mark.parametrize("plain", [True, False])
def test_a_frame_that_cannot_be_read_is_named_by_its_line(
    tmp_path: Path, text: str, plain: bool
) -> None:
    file = written(tmp_path, snapshot(1), text, delta(3, "0.45", "1.00"))
    with pytest.raises(DataError, match=r"frames\.ndjson, row 2: the frame cannot be read"):
        read_frames(file, plain=plain)


def same(one: Frames, other: Frames) -> bool:
    arrays = [name for name in Frames.__slots__ if isinstance(getattr(one, name), np.ndarray)]
    agree = all(np.array_equal(getattr(one, n), getattr(other, n)) for n in arrays)
    return agree and (one.types, one.cut) == (other.types, other.cut)


@st.composite
def lines(draw: st.DrawFn) -> str:
    """A frame, plain or with everything that makes one unlike the others."""
    amount = st.sampled_from(["1.00", "-3", "0.5", "12.3400", "0.01", "-0.07", "250.00"])
    msg = {
        "market_ticker": draw(st.sampled_from([TICKER, OTHER, "É-1", 'Q"-1', "A\\B-1"])),
        "price_dollars": draw(st.sampled_from(["0.45", "0.4500", "0.4510", "0.9", ".5", "0.0100"])),
        "delta_fp": draw(amount),
        "side": draw(st.sampled_from(["yes", "no"])),
        "ts_ms": draw(st.sampled_from([AT, AT + 1, 12])),
        "extra": draw(st.sampled_from([1, "x", None, [1, {"seq": 9}], {"side": "no"}, -1.5])),
    }
    keys = draw(st.permutations(sorted(msg)))
    keys = [key for key in keys if key != "extra" or draw(st.booleans())]
    frame: dict[str, Any] = {
        "type": draw(st.sampled_from(["orderbook_delta"] * 5 + ["ticker", "ok"])),
        "sid": draw(st.integers(0, 3)),
        "seq": draw(st.integers(0, 10**6)),
        "msg": {key: msg[key] for key in keys},
    }
    if draw(st.booleans()):
        frame["recv_ns"] = draw(st.integers(0, 2 * 10**18))
    order = draw(st.permutations(sorted(frame)))
    return json.dumps(
        {key: frame[key] for key in order},
        separators=draw(st.sampled_from([(",", ":"), (", ", ": ")])),
        ensure_ascii=draw(st.booleans()),
    )


@given(st.lists(lines(), min_size=1, max_size=12))
def test_the_scanner_and_the_decoder_read_the_same(
    tmp_path_factory: pytest.TempPathFactory, text: list[str]
) -> None:
    file = written(tmp_path_factory.mktemp("frames"), *text)
    outcome: list[Any] = []
    for plain in (True, False):
        try:
            outcome.append(read_frames(file, plain=plain))
        except DataError as error:
            outcome.append(str(error))
    if isinstance(outcome[0], Frames) and isinstance(outcome[1], Frames):
        by_name = [_with_names(each) for each in outcome]
        assert by_name[0] == by_name[1]
    else:
        assert outcome[0] == outcome[1]


def _with_names(frames: Frames) -> Any:
    columns = [
        getattr(frames, name).tolist()
        for name in Frames.__slots__
        if isinstance(getattr(frames, name), np.ndarray) and name != "market"
    ]
    return columns, [frames.names[k] for k in frames.market.tolist()], frames.types, frames.cut


def test_plain_frames_are_all_read_by_the_scanner(tmp_path: Path) -> None:
    many = [delta(k, f"0.{k % 99 + 1:02d}00", "1.00") for k in range(1, 200)]
    file = written(tmp_path, *many)
    assert same(read_frames(file), read_frames(file, plain=True))
    from kalshi_alpha.research.replay.scanning import scanned

    found, rest = scanned(file.read_bytes(), {})
    assert (len(found), rest) == (199, [])


# --- captures -----------------------------------------------------------------------------------

BEGUN = datetime(2026, 11, 20, 20, 44, 2, tzinfo=UTC)


def captured(
    folder: Path, *heard: tuple[str, Any], begun: datetime = BEGUN, number: int = 1
) -> Path:
    """Write a capture of lines heard a millisecond apart, as the sentry does."""
    packer = Packer()
    for k, (kind, body) in enumerate(heard):
        packer.add(line(begun + timedelta(milliseconds=k), kind, json.dumps(body)))
    file = folder / capture_key(begun, "aa11bb22", number)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(packer.finish())
    return file


OPENED = ("note", {"what": "venue socket open"})
OWN = {
    "order_id": "o-1", "client_order_id": "c-1", "ticker": TICKER, "book_side": "bid",
    "outcome_side": "yes", "status": "resting", "yes_price_dollars": "0.4400",
    "initial_count_fp": "2.00", "fill_count_fp": "0.00", "remaining_count_fp": "2.00",
    "last_updated_ts_ms": AT,
}  # fmt: skip
FILLED = {
    "trade_id": "t-1", "order_id": "o-1", "market_ticker": TICKER, "is_taker": False,
    "yes_price_dollars": "0.4400", "count_fp": "0.37", "fee_cost": "0.000000", "book_side": "bid",
    "outcome_side": "yes", "ts": 1_795_207_441, "ts_ms": AT + 5,
}  # fmt: skip


def venue(frame: dict[str, Any]) -> tuple[str, Any]:
    return "venue", frame


def test_a_capture_holds_books_levels_of_the_index_and_our_own_orders(tmp_path: Path) -> None:
    captured(
        tmp_path,
        OPENED,
        ("index", {"symbol": "SPX", "value": 6799.81, "t": AT}),
        venue(snapshot(1, yes=[("0.4500", "10.00")])),
        venue(delta(2, "0.4500", "-4.50")),
        venue({"type": "user_order", "sid": 9, "msg": OWN}),
        venue({"type": "fill", "sid": 8, "msg": FILLED}),
        venue({"type": "user_order", "sid": 9, "msg": OWN | {"status": "canceled"}}),
        ("something new", [1]),
    )
    (tape,), coverage = read_captures(tmp_path)
    assert rows_of(tape) == [
        (Kind.INDEX, 0, 0, 67_998_100),
        (Kind.CLEAR, BID, 0, 0),
        (Kind.LEVEL, BID, 4500, 1000),
        (Kind.LEVEL, BID, 4500, 550),
        (Kind.OWN_RESTS, BID, 4400, 200),
        (Kind.OWN_FILL, BID, 4400, 37),
        (Kind.OWN_GONE, BID, 4400, 0),
    ]
    assert tape.source["orders"] == ["o-1"]
    assert coverage.sentence() == "1 of 1 market-days used"
    assert np.array_equal(read_tape(write_tape(tape, tmp_path / "t.parquet")).size, tape.size)
    # A replay sees the index and the book, and takes our past orders for nobody's.
    engine = replay(tape, Rules(0, 0), tick=100)
    engine.advance(int(tape.recv_ns[-1]))
    assert engine.index(tape.names.index("SPX")) == 67_998_100
    assert engine.seen(tape.names.index(TICKER)).bid_size == 550


def test_a_new_connection_counts_from_one_again(tmp_path: Path) -> None:
    captured(tmp_path, OPENED, venue(snapshot(1)), venue(delta(2, "0.45", "1.00")))
    later = BEGUN + timedelta(minutes=1)
    captured(
        tmp_path, OPENED, venue(snapshot(5)), venue(delta(6, "0.45", "1.00")), begun=later, number=2
    )
    assert read_captures(tmp_path)[1].left_out == []


@pytest.mark.parametrize(
    ("heard", "rule", "row"),
    [
        (venue(delta(4, "0.45", "1.00")), "gap", 3),
        (("note", {"what": "lines lost so far", "lines": 3}), "lost", 3),
        (("note", {"what": "books stale", "tickers": [TICKER], "reason": "gap"}), "stale", 3),
    ],
)
def test_what_was_lost_live_leaves_the_market_day_out(
    tmp_path: Path, heard: tuple[str, Any], rule: str, row: int
) -> None:
    captured(tmp_path, OPENED, venue(snapshot(1)), venue(delta(2, "0.45", "1.00")))
    later = BEGUN + timedelta(minutes=1)
    more = [("index", {"symbol": "SPX", "value": 1.0}), ("other", 0), heard]
    file = captured(tmp_path, *more, begun=later, number=2)
    (tape,), coverage = read_captures(tmp_path)
    assert coverage.by_rule() == {rule: 1}
    sentence = coverage.left_out[0].sentence
    assert f"{DAY}/{file.name}, row {row}: {TICKER} on {DAY}: " in sentence
    assert {tape.names[k] for k in tape.name.tolist()} <= {"SPX"}


def test_a_capture_that_is_cut_short_leaves_its_market_days_out(tmp_path: Path) -> None:
    file = captured(tmp_path, OPENED, venue(snapshot(1)), venue(delta(2, "0.45", "1.00")))
    many = [venue(delta(k, "0.45", "1.00")) for k in range(3, 2000)]
    second_file = captured(tmp_path, *many, begun=BEGUN + timedelta(minutes=1), number=2)
    second_file.write_bytes(second_file.read_bytes()[:-200])
    _, coverage = read_captures(tmp_path)
    assert coverage.by_rule() == {"cut": 1}
    assert f"{second_file.name}, row " in coverage.left_out[0].sentence
    assert "a capture is cut short" in coverage.left_out[0].sentence
    assert file.name not in coverage.left_out[0].sentence


def test_a_line_that_is_not_of_its_kind_is_named(tmp_path: Path) -> None:
    captured(tmp_path, OPENED, ("index", {"symbol": "SPX", "value": "none"}))
    with pytest.raises(DataError, match=r"00001\.jsonl\.gz, row 2: a line of kind index"):
        read_captures(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"neither deltas\.parquet nor any"):
        read_source(tmp_path / "empty")


# --- tables -------------------------------------------------------------------------------------

JANUARY = date(2026, 1, 5)


def test_index_trades_arrive_when_their_second_is_over(tmp_path: Path) -> None:
    row = second(JANUARY, "15:50:00", 6899.9999, sold=0.40, bought=0.45, spx=6901.25)
    row |= {"sell_qty": 3, "buy_qty": 7}
    tape, _ = read_recorded(trades_file(tmp_path, [row]))
    assert rows_of(tape) == [
        (Kind.INDEX, 0, 0, round(6901.25 * INDEX_UNIT)),
        (Kind.TRADE, BID, 4000, 300),
        (Kind.TRADE, ASK, 4500, 700),
    ]
    assert set((tape.recv_ns - tape.exch_ns).tolist()) == {10**9}


def temperature(rows: list[dict[str, Any]], folder: Path) -> Path:
    plain = {
        "ticker": "KXHIGHNY-26JAN05-B40.5", "event_day": JANUARY, "count": 1, "yes_price": 40,
        "taker_yes": True, "ts_utc": datetime(2026, 1, 5, 15, tzinfo=UTC),
    }  # fmt: skip
    file = folder / "high.parquet"
    pq.write_table(pa.Table.from_pylist([plain | row for row in rows]), file)
    return file


def test_a_taker_of_yes_meets_an_ask(tmp_path: Path) -> None:
    tape, _ = read_recorded(temperature([{}, {"taker_yes": False, "count": 5}], tmp_path))
    assert rows_of(tape) == [(Kind.TRADE, ASK, 4000, 100), (Kind.TRADE, BID, 4000, 500)]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{}, {"yes_price": 100}], "row 2: yes_price is not strictly between 0 and 1 dollar"),
        ([{}, {"count": 0}], "row 2: count is empty or not above 0"),
        ([{}, {"ts_utc": datetime(2026, 1, 5, 14, tzinfo=UTC)}], "row 2: it is earlier than"),
        ([{"event_day": date(2026, 1, 6)}], "row 1: event_day is not its ticker's"),
        ([{"ts_utc": datetime(2026, 1, 5, 15)}], "not a time with its zone"),  # noqa: DTZ001
    ],
)
def test_a_table_that_contradicts_itself_is_refused_by_row(
    tmp_path: Path, rows: list[dict[str, Any]], said: str
) -> None:
    with pytest.raises(DataError, match=rf"high\.parquet.*{said}"):
        read_recorded(temperature(rows, tmp_path))


def test_a_missing_column_and_mixed_schemas_are_refused(tmp_path: Path) -> None:
    file = temperature([{}], tmp_path)
    pq.write_table(pq.read_table(file).drop_columns(["count"]), file)
    with pytest.raises(DataError, match="the column count is missing"):
        read_recorded(file)
    with pytest.raises(DataError, match="its columns are of several forms at once"):
        read_recorded(temperature([{"yes_bid": 3, "no_bid": 4}], tmp_path))
    pq.write_table(pa.table({"a": [1]}), file)
    with pytest.raises(DataError, match="its columns are of none of these"):
        read_recorded(file)


def test_a_market_without_a_settlement_is_left_out_where_one_is_needed(tmp_path: Path) -> None:
    file = temperature([{}, {"ticker": "KXHIGHNY-26JAN05-B42.5"}], tmp_path)
    results = {"KXHIGHNY-26JAN05-B42.5": "no"}
    tape, coverage = read_recorded(file, results=results, needs_settlement=True)
    assert [tape.names[k] for k in tape.name.tolist()] == ["KXHIGHNY-26JAN05-B42.5"]
    assert coverage.sentence() == "1 of 2 market-days used, left out: 1 no-settlement"
    assert "row 1: KXHIGHNY-26JAN05-B40.5" in coverage.left_out[0].sentence


def test_results_are_yes_or_no(tmp_path: Path) -> None:
    file = tmp_path / "markets.csv"
    file.write_text("ticker,result\nA,yes\nB,\nC,no\n")
    assert read_results(file) == {"A": "yes", "C": "no"}
    file.write_text("ticker,result\nA,maybe\n")
    with pytest.raises(DataError, match=r"markets\.csv, row 1: A is settled 'maybe'"):
        read_results(file)


def quotes(folder: Path, pairs: list[tuple[int, int]]) -> Path:
    rows = [
        {
            "ticker": "KXHIGHNY-26JAN05-B40.5", "event_day": JANUARY, "yes_bid": bid, "no_bid": no,
            "ts_utc": datetime(2026, 1, 5, 15, 0, k, tzinfo=UTC),
        }
        for k, (bid, no) in enumerate(pairs)
    ]  # fmt: skip
    file = folder / "quotes.parquet"
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file


def test_quotes_become_the_tops_they_were(tmp_path: Path) -> None:
    pairs = [(45, 50), (46, 50), (60, 35), (0, 35), (44, 0)]
    tape, coverage = read_recorded(quotes(tmp_path, pairs))
    last = {int(tape.ref[k]): (bid, ask) for k, _, bid, ask in tops(tape)}
    assert list(last.values()) == [(4500, 5000), (4600, 5000), (6000, 6500), (0, 6500), (4400, 0)]
    assert coverage.left_out == []


def test_quotes_that_cross_leave_their_day_out(tmp_path: Path) -> None:
    tape, coverage = read_recorded(quotes(tmp_path, [(45, 50), (52, 50), (45, 50)]))
    assert len(tape) == 0
    assert "quotes.parquet, row 2: " in coverage.left_out[0].sentence
    assert "the bid 0.5200 stands at or above the ask 0.5000" in coverage.left_out[0].sentence


def test_a_day_with_a_feed_and_no_trade_is_left_out(tmp_path: Path) -> None:
    tape, coverage = read_recorded(quotes(tmp_path, [(45, 50)]))
    with pytest.raises(DataError, match="no market-day has a trade"):
        require_trades(tape, "quotes.parquet", coverage)
    assert coverage.by_rule() == {"no-trades": 1}
    both = merged([flow_tape(500, 99, 1, "TRADED"), flow_tape(98, 99, 1, "QUIET")])
    coverage = Coverage()
    assert set(require_trades(both, "f", coverage).name.tolist()) == {0}
    assert [each.name for each in coverage.left_out] == ["QUIET"]


# --- recorded data ------------------------------------------------------------------------------


@pytest.mark.shared_data
def test_snapshot_and_deltas_meet_every_row_of_the_ticker(shared_data: Path) -> None:
    session, ticker = "2026-05-14-67ff29b2", "KXBTC15M-26MAY132215-15"
    books = read_books(shared_data / "kalshi_btc15m_l2", {session})
    # The 165 rows after the first delta, and the one of its own millisecond.
    assert books.met[session, ticker] == (166, 166)
    assert books.met[session, "KXBTC15M-26MAY132230-30"] == (717, 717)
    assert books.coverage.left_out == []


@pytest.mark.shared_data
@pytest.mark.slow
def test_all_recorded_books_are_verified(shared_data: Path) -> None:
    books = read_books(shared_data / "kalshi_btc15m_l2")
    met = sum(each[0] for each in books.met.values())
    compared = sum(each[1] for each in books.met.values())
    assert (met, compared) == (9262, 9265)
    assert books.coverage.by_rule() == {"negative": 1}
    assert books.coverage.used == 22


@pytest.mark.shared_data
def test_ranges_whose_winners_are_missing_are_refused(shared_data: Path) -> None:
    file = shared_data / "kalshi_inx_trades" / "range_losers_only_1s.parquet"
    with pytest.raises(DataError, match=r"24 of its 26 events.*the winners are missing"):
        read_recorded(file)


@pytest.mark.shared_data
def test_recorded_trades_and_quotes_are_read(shared_data: Path, tmp_path: Path) -> None:
    above = read_source(shared_data / "kalshi_inx_trades" / "above_1s.parquet")
    assert (len(above.tapes[0]), above.coverage.sentence()) == (
        42875,
        "255 of 255 market-days used",
    )
    file = write_source(above, tmp_path)[0]
    assert np.array_equal(read_tape(file).size, above.tapes[0].size)
    results = read_results(shared_data / "kalshi_high" / "markets.parquet")
    austin = shared_data / "kalshi_high" / "trades_kxhighaus.parquet"
    high = read_source(austin, results=results, needs_settlement=True)
    assert int((high.tapes[0].kind == Kind.TRADE).sum()) == 98_799
    ny = read_source(shared_data / "kalshi_high_ny_quotes" / "quotes.parquet")
    assert ny.coverage.by_rule() == {"crossed": 7}
