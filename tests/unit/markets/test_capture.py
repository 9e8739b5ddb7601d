"""The capture's lines: written cheaply, read back whole, or refused."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.capture import (
    INDEX,
    VENUE,
    Heard,
    Packer,
    capture_key,
    day_prefix,
    line,
    read,
)

AT = datetime(2025, 11, 4, 16, 59, 58, 123456, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def packed(*lines: str) -> bytes:
    packer = Packer()
    for text in lines:
        packer.add(text)
    return packer.finish()


def test_a_line_is_the_time_in_microseconds_the_kind_and_the_body_as_it_came():
    text = line(AT, VENUE, '{"type":"orderbook_delta","sid":1}')

    assert text == '[1762275598123456,"venue",{"type":"orderbook_delta","sid":1}]\n'


def test_what_was_packed_is_read_in_order():
    lines = [line(AT, INDEX, '{"symbol":"SPX"}'), line(AT, VENUE, "[1,2]")]

    assert list(read(packed(*lines))) == [
        Heard(AT, "index", {"symbol": "SPX"}),
        Heard(AT, "venue", [1, 2]),
    ]


def test_any_gzip_reads_it():
    assert gzip.decompress(packed('[1,"note",{}]\n')) == b'[1,"note",{}]\n'


def test_a_frame_with_line_breaks_between_its_values_stays_one_line():
    (heard,) = read(packed(line(AT, VENUE, '{"a":\r\n1,\n"b":"x\\ny"}')))

    assert heard.body == {"a": 1, "b": "x\ny"}


@given(bodies=st.lists(JSON, max_size=20))
def test_every_json_value_comes_back_as_it_was(bodies):
    import json

    lines = [line(AT, VENUE, json.dumps(body)) for body in bodies]

    assert [heard.body for heard in read(packed(*lines))] == bodies


@given(size=st.integers(1, 3000))
def test_a_long_capture_is_read_whole(size):
    data = packed("".join(line(AT, VENUE, f'{{"n":{n},"pad":"{"x" * 90}"}}') for n in range(size)))

    assert [heard.body["n"] for heard in read(data)] == list(range(size))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no gzip", "cannot be unpacked"),
        (packed('[1,"note",{}]\n')[:-9], "cut short"),
        (b"", "cut short"),
        (gzip.compress(b'[1,"note",{}]', mtime=0), "middle of a line"),
        (gzip.compress(b"[1,2]\n", mtime=0), "cannot be read"),
        (gzip.compress(b'["1","note",{}]\n', mtime=0), "cannot be read"),
        (gzip.compress(b'[1,"note",{]\n', mtime=0), "cannot be read"),
        (gzip.compress(b'[99999999999999999999,"note",1]\n', mtime=0), "cannot be read"),
        (gzip.compress(b"[" * 100_000 + b"\n", mtime=0), "cannot be read"),
        (gzip.compress(b"\xff\n", mtime=0), "cannot be read"),
    ],
)
def test_a_broken_capture_is_refused(data, words):
    with pytest.raises(DataError, match=words):
        list(read(data))


def test_keys_sort_by_time_within_their_utc_day():
    assert day_prefix(date(2025, 11, 4)) == "capture/2025-11-04/"
    assert capture_key(AT, "ab12cd34", 7) == "capture/2025-11-04/165958-ab12cd34-00007.jsonl.gz"
