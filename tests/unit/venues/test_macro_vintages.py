"""Vintages: kept for ever, known from their first reading, and never taken for first prints."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.errors import DataError, InvariantBroken
from kalshi_alpha.markets.releases import load_releases
from kalshi_alpha.venues.macro.figures import Figure, Parsed
from kalshi_alpha.venues.macro.vintages import Vintages, first_prints, known_at

THURSDAY = datetime(2026, 1, 15, 13, 31, tzinfo=UTC)  # 08:31 in New York
EARLIER, LAST = date(2026, 1, 3), date(2026, 1, 10)


def week(period, value):
    return Figure("claims", period, value)


@pytest.fixture
def shelf(tmp_path):
    return FolderStore(tmp_path)


@pytest.fixture
def kept(shelf):
    """One week's advance figure, and a week later its revision with the next advance figure."""
    clock = ManualClock(THURSDAY)
    vintages = Vintages(shelf, clock)
    vintages.keep("dol", b"one", Parsed((week(EARLIER, "207000"), week(LAST, "198000")), ()))
    clock.advance(7 * 86_400)
    second = (week(LAST, "199000"), week(date(2026, 1, 17), "200000"))
    vintages.keep("dol", b"two", Parsed(second, ()))
    return vintages


def known(vintages, at):
    found = known_at(vintages.rows("dol"), "claims", at)
    return {row.figure.period: row.figure.value for row in found}


def test_a_revision_is_known_from_its_own_reading_and_the_print_before_it_stays(kept):
    week_later = THURSDAY + timedelta(days=7)

    assert known(kept, THURSDAY) == {EARLIER: "207000", LAST: "198000"}
    assert known(kept, week_later - timedelta(seconds=1))[LAST] == "198000"
    assert known(kept, week_later)[LAST] == "199000"
    assert known(kept, THURSDAY - timedelta(seconds=1)) == {}


def test_nothing_is_overwritten(kept, shelf):
    before = {key: shelf.read(key) for key in shelf.keys("macro/")}
    kept.confirm("dol")
    kept.keep("dol", b"three", Parsed((week(LAST, "199000"),), ()))

    assert before.items() <= {key: shelf.read(key) for key in shelf.keys("macro/")}.items()


def test_a_repeated_vintage_is_stored_once_and_read_many_times(kept, shelf):
    figures = kept.figures("dol", kept.last("dol").vintage)
    kept.keep("dol", b"two", Parsed(figures, ()))

    assert len(shelf.keys("macro/dol/vintages/")) == 2
    assert len(shelf.keys("macro/dol/raw/")) == 2


def test_a_value_that_comes_back_is_a_third_value_and_no_erasure(kept):
    kept._clock.advance(60)
    kept.keep("dol", b"three", Parsed((week(LAST, "198000"),), ()))
    values = [row.figure.value for row in kept.rows("dol") if row.figure.period == LAST]

    assert values == ["198000", "199000", "198000"]


def test_another_text_in_the_place_of_a_payload_is_refused(kept, shelf):
    (key, *_) = shelf.keys("macro/dol/raw/")
    payload = shelf.read(key)
    shelf.write(key, b"changed")

    with pytest.raises(InvariantBroken, match="another content"):
        kept.keep("dol", payload, Parsed((week(LAST, "1"),), ()))


def test_a_vintage_that_was_tampered_with_is_refused(kept, shelf):
    last = kept.last("dol").vintage
    key = f"macro/dol/vintages/{last}.json"
    shelf.write(key, shelf.read(key).replace(b"199000", b"109000"))

    with pytest.raises(DataError, match="not what was written"):
        kept.rows("dol")


def test_a_source_never_read_cannot_stand_in(kept):
    with pytest.raises(DataError, match="nothing has been read of aaa"):
        kept.confirm("aaa")


def test_a_history_read_later_is_no_first_print(kept):
    def released(period):
        return load_releases().of("claims", period).at

    prints, left_out = first_prints(kept.rows("dol"), "claims", released, timedelta(hours=2))

    assert [(row.figure.period, row.figure.value) for row in prints] == [
        (LAST, "198000"),
        (date(2026, 1, 17), "200000"),
    ]
    assert [one.code for one in left_out] == ["revised_history"]
    assert "first read on 2026-01-15" in left_out[0].reason


def test_a_value_before_its_release_is_no_print_of_it(kept):
    def released(period):
        return THURSDAY + timedelta(days=30) if period == EARLIER else None

    prints, left_out = first_prints(kept.rows("dol"), "claims", released, timedelta(hours=2))

    assert prints == ()
    assert [one.code for one in left_out] == ["before_release"] * 3


def test_a_figure_may_be_used_after_its_release_and_after_it_was_read(kept):
    row = kept.rows("dol")[0]

    assert row.usable_from(THURSDAY - timedelta(days=1)) == THURSDAY
    assert row.usable_from(THURSDAY + timedelta(days=1)) == THURSDAY + timedelta(days=1)


def test_what_is_gathered_opens_no_read_again(kept, shelf):
    rows = kept.rows("dol")
    kept.gather("dol")
    opened = []
    read, shelf.read = shelf.read, lambda key: opened.append(key) or read(key)

    assert kept.rows("dol") == rows
    assert opened == ["macro/dol/gathered.json"]


def test_a_gathering_that_cannot_be_read_is_made_anew(kept, shelf):
    rows = kept.rows("dol")
    shelf.write("macro/dol/gathered.json", b"{")
    assert kept.rows("dol") == rows
    kept.gather("dol")
    assert kept.rows("dol") == rows


@given(
    values=st.lists(
        st.tuples(st.sampled_from(["198000", "199000", None]), st.booleans()), max_size=12
    )
)
def test_gathering_now_and_then_changes_nothing(values, tmp_path_factory):
    shelves = [FolderStore(tmp_path_factory.mktemp(name)) for name in ("plain", "gathered")]
    clock = ManualClock(THURSDAY)
    plain, gathered = (Vintages(shelf, clock) for shelf in shelves)
    for value, gather in values:
        clock.advance(60)
        figures = [week(EARLIER, "207000")] + ([week(LAST, value)] if value else [])
        for one in (plain, gathered):
            one.keep("dol", repr(figures).encode(), Parsed(tuple(figures), ()))
        if gather:
            gathered.gather("dol")

    assert gathered.rows("dol") == plain.rows("dol")
