"""A journal's file: what is proved is the very text that is stored, and no edit of it passes."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.errors import DataError, InvariantBroken
from kalshi_alpha.steps import journal_file
from kalshi_alpha.trading.accounts import Account, Entry, Kind
from kalshi_alpha.trading.entries import entries_of
from kalshi_alpha.trading.journal import Journal, Line, content_text, seal
from tests.ledger_rows import WINDOW, day_rows

T0 = datetime(2025, 11, 4, 17, tzinfo=UTC)
NAMES = st.text(max_size=8)
FACTS = st.dictionaries(
    NAMES, st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | NAMES
)
MOVED = st.dictionaries(
    st.sampled_from([account.value for account in Account]),
    st.integers(-(2**62), 2**62).filter(bool),
)


def a_day() -> Journal:
    journal = Journal("live")
    journal.append(entries_of(WINDOW, day_rows(), "live"))
    return journal


def stored(data: bytes, column: str, change: Any) -> bytes:
    """Return a file with one column's values changed."""
    table = pq.read_table(io.BytesIO(data))
    place = table.schema.get_field_index(column)
    values = pa.array(change(table.column(column).to_pylist()), table.schema.field(place).type)
    sink = io.BytesIO()
    pq.write_table(table.set_column(place, table.schema.field(place), values), sink)
    return sink.getvalue()


def proved(data: bytes) -> Journal:
    return Journal.read("live", journal_file.read(data, "f.parquet"))


def test_a_file_gives_back_its_lines_and_holds_the_text_that_was_sealed() -> None:
    journal = a_day()

    read = journal_file.read(journal_file.write(journal.lines, {}), "f.parquet")

    assert read == journal.lines
    assert [line.stored for line in read] == [
        content_text(line.entry.facts, line.moved) for line in journal.lines
    ]
    assert Journal.read("live", read).head == journal.head


@given(NAMES, NAMES, NAMES, FACTS, MOVED, st.integers(0, 10**12), st.sampled_from(list(Kind)))
def test_any_text_is_sealed_as_it_is_stored(
    key: str, window: str, ticker: str, facts: Any, moved: Any, micros: int, kind: Kind
) -> None:
    entry = Entry(key, kind, T0 + timedelta(microseconds=micros), window, ticker, facts)
    line = Line(1, entry, moved, "p", seal("live", 1, entry, moved, "p"))

    (read,) = journal_file.read(journal_file.write([line], {}), "f.parquet")

    assert read == line
    assert read.stored == content_text(facts, moved)
    assert seal("live", 1, read.entry, read.moved, "p") == line.digest


def test_facts_that_were_stored_with_other_spaces_are_still_proved() -> None:
    journal = a_day()
    spaced = stored(
        journal_file.write(journal.lines, {}),
        "facts",
        lambda texts: [json.dumps(json.loads(text), indent=1) for text in texts],
    )

    assert proved(spaced).head == journal.head


def other_price(texts: list[str]) -> list[str]:
    return [text.replace('"price":4000', '"price":4001') for text in texts]


def two_objects(texts: list[str]) -> list[str]:
    return ["{},{}", *texts[1:]]


def over_two_lines(texts: list[str]) -> list[str]:
    return [*texts[:2], '{"a":[', "]}", *texts[4:]]


def not_json(texts: list[str]) -> list[str]:
    return ["{", *texts[1:]]


def first_one_more(amounts: list[int]) -> list[int]:
    return [amounts[0] + 1, *amounts[1:]]


def later(times: list[datetime]) -> list[datetime]:
    return [times[0] + timedelta(microseconds=1), *times[1:]]


@pytest.mark.parametrize(
    ("column", "change", "said"),
    [
        ("facts", other_price, r"line 3 of the live journal .* was edited"),
        ("cash", first_one_more, r"line 1 of the live journal \(opening\) was edited"),
        ("at", later, r"line 1 of the live journal \(opening\) was edited"),
    ],
)
def test_an_edit_of_a_column_is_named(column: str, change: Any, said: str) -> None:
    edited = stored(journal_file.write(a_day().lines, {}), column, change)

    with pytest.raises(InvariantBroken, match=said):
        proved(edited)


@pytest.mark.parametrize("change", [two_objects, over_two_lines, not_json])
def test_facts_that_are_not_one_object_a_line_never_pass(change: Any) -> None:
    broken = stored(journal_file.write(a_day().lines, {}), "facts", change)

    with pytest.raises((DataError, InvariantBroken), match="journal"):
        proved(broken)


def test_a_line_without_a_value_and_a_file_without_a_column_are_no_journal() -> None:
    data = journal_file.write(a_day().lines, {})
    sink = io.BytesIO()
    pq.write_table(pq.read_table(io.BytesIO(data)).drop_columns(["ticker"]), sink)

    with pytest.raises(DataError, match=r"f\.parquet is no journal of ours: a line has no key"):
        journal_file.read(stored(data, "key", lambda keys: [None, *keys[1:]]), "f.parquet")
    with pytest.raises(DataError, match=r"f\.parquet is no journal of ours"):
        journal_file.read(sink.getvalue(), "f.parquet")
    with pytest.raises(DataError, match=r"f\.parquet is no journal of ours"):
        journal_file.read(b"nothing", "f.parquet")


def test_a_line_that_was_changed_since_it_was_read_is_not_proved_by_the_old_text() -> None:
    lines = journal_file.read(journal_file.write(a_day().lines, {}), "f.parquet")
    entry = replace(lines[0].entry, facts={"cash": 1})
    lines[0] = replace(lines[0], entry=entry)

    assert lines[0].stored == ""
    with pytest.raises(InvariantBroken, match=r"line 1 .* was edited"):
        Journal.read("live", lines)
