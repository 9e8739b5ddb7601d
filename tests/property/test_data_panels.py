"""Laws of panels: order and repeats of rows do not matter, and the future changes nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kalshi_alpha.research.data.faults import frozen_stretches
from kalshi_alpha.research.data.panel import Panel, read_panels
from tests.bar_rows import DAYS, PRICES, Row, made, parquet

# The index is chosen over its stand-in by how many sessions are there; one source keeps that out.
ROWS = made(step=30)
SIZE = len(ROWS)
ARRAYS = (*PRICES, "minutes", "official", "previous", "fomc", "cpi", "complete", "realised")
places = st.integers(0, SIZE - 1)


def read(rows: list[Row], **how: Any) -> Panel:
    with tempfile.TemporaryDirectory() as folder:
        return read_panels([parquet(Path(folder) / "bars.parquet", rows)], "SPX", **how)[30]


def alike(one: Panel, other: Panel) -> bool:
    return one.days == other.days and all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True) for name in ARRAYS
    )


def marred(holes: set[int], leaps: set[int], still: int | None) -> list[Row]:
    """The rows with bars missing, bars that leap away, and a stretch that stands still."""
    rows = [dict(each) for each in ROWS]
    for k in leaps:
        price = rows[k]["close"] * 1.2
        rows[k].update(close=price, high=price)
    if still is not None:
        for each in rows[still + 1 : still + 8]:
            each.update(dict.fromkeys(PRICES, rows[still]["close"]))
    return [each for k, each in enumerate(rows) if k not in holes]


marring = st.builds(
    marred,
    st.sets(places, max_size=5),  # more could leave a day with every second bar only
    st.sets(places, max_size=3),
    st.none() | st.integers(0, SIZE - 9),
)


@given(marring, st.randoms(use_true_random=False), st.lists(places, max_size=20))
@settings(max_examples=60)
def test_order_and_repeats_of_rows_do_not_matter(
    rows: list[Row], random: Random, repeated: list[int]
) -> None:
    disorder = rows + [rows[k % len(rows)] for k in repeated]
    random.shuffle(disorder)

    assert alike(read(rows), read(disorder))


@given(marring, st.integers(1, len(DAYS) - 1))
@settings(max_examples=60)
def test_what_comes_later_never_changes_an_earlier_day(rows: list[Row], count: int) -> None:
    last = DAYS[count - 1]
    whole = read(rows).until(last)
    if not whole.days:
        return
    known_then = [each for each in rows if each["et_date"] <= last]

    assert alike(whole, read(rows, last=last))
    assert alike(whole, read(known_then))


@given(marring)
@settings(max_examples=60)
def test_every_price_that_is_kept_is_one_of_the_file(rows: list[Row]) -> None:
    panel = read(rows)
    given_bars = {(each["et_date"], each["et_min"]): each for each in rows}

    for k, day in enumerate(panel.days):
        for slot in range(panel.close.shape[1]):
            bar = given_bars.get((day, 570 + 30 * slot))
            kept = [getattr(panel, name)[k, slot] for name in PRICES]
            assert np.isnan(kept).all() or kept == [bar[name] for name in PRICES]  # type: ignore[index]
        assert panel.complete[k] == np.isfinite(panel.close[k]).all()


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 3)), max_size=40),
    st.integers(1, 300),
)
@example([(0, 1), (50, 1), (50, 1)], 100)
def test_a_stretch_is_found_exactly_when_one_value_lasts_so_long(
    steps: list[tuple[int, int]], limit: int
) -> None:
    times = np.cumsum([gap for gap, _ in steps]) if steps else np.zeros(0)
    values = np.asarray([float(value) for _, value in steps])
    inside = np.zeros(len(steps), dtype=bool)
    for start, stop in frozen_stretches(times, values, limit):
        inside[start:stop] = True

    for k in range(len(steps)):
        first = k
        while first > 0 and values[first - 1] == values[k]:
            first -= 1
        after = k
        while after + 1 < len(steps) and values[after + 1] == values[k]:
            after += 1
        assert inside[k] == (times[after] - times[first] >= limit)
