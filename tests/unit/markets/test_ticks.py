"""The grid of prices, from ``price_ranges`` and nothing else."""

from __future__ import annotations

import pytest

from kalshi_alpha.errors import ContractError
from kalshi_alpha.markets.contracts import TickGrid


def ranges(*rows: tuple[str, str, str]) -> list[dict[str, str]]:
    return [{"start": start, "end": end, "step": step} for start, end, step in rows]


CENT = TickGrid.from_price_ranges(ranges(("0.0000", "1.0000", "0.0100")))
TAPERED = TickGrid.from_price_ranges(
    ranges(("0", "0.10", "0.001"), ("0.10", "0.90", "0.01"), ("0.90", "1", "0.001"))
)


def test_the_cent_grid_is_every_whole_cent_inside_the_dollar() -> None:
    assert CENT.levels == tuple(range(100, 10_000, 100))
    assert CENT.contains(5500)
    assert not any(CENT.contains(price) for price in (0, 10_000, 5550, -100))


def test_the_tapered_grid_is_finer_at_both_ends() -> None:
    assert len(TAPERED.levels) == 99 + 81 + 99
    assert TAPERED.contains(990)
    assert not TAPERED.contains(1050)


def test_stepping_follows_the_grid_over_its_seams() -> None:
    assert TAPERED.step_up(990) == 1000
    assert TAPERED.step_up(1000) == 1100
    assert TAPERED.step_down(1000) == 990
    assert TAPERED.step_down(9010, 2) == 8900
    assert CENT.step_up(5000, 0) == 5000
    assert CENT.step_up(5000, 3) == 5300


@pytest.mark.parametrize(("price", "steps"), [(9900, 1), (5000, 50)])
def test_stepping_past_the_end_is_an_error(price: int, steps: int) -> None:
    with pytest.raises(ContractError, match="the grid has ended"):
        CENT.step_up(price, steps)
    with pytest.raises(ContractError, match="the grid has ended"):
        CENT.step_down(10_000 - price, steps)


def test_stepping_from_off_the_grid_is_an_error() -> None:
    with pytest.raises(ContractError, match="not on the market's grid") as error:
        CENT.step_up(5550)
    assert error.value.code == "off_grid"


def test_floor_and_ceil_find_the_neighbours() -> None:
    assert (CENT.floor(5599), CENT.ceil(5501)) == (5500, 5600)
    assert (CENT.floor(5500), CENT.ceil(5500)) == (5500, 5500)
    assert (CENT.floor(10_000), CENT.ceil(0)) == (9900, 100)
    with pytest.raises(ContractError, match=r"at or under 0\.0099"):
        CENT.floor(99)
    with pytest.raises(ContractError, match=r"at or over 0\.9901"):
        CENT.ceil(9901)


def test_ranges_may_leave_a_gap_and_come_in_any_order() -> None:
    grid = TickGrid.from_price_ranges(ranges(("0.90", "0.92", "0.01"), ("0.01", "0.02", "0.01")))

    assert grid.levels == (100, 200, 9000, 9100, 9200)
    assert grid.step_up(200) == 9000


@pytest.mark.parametrize(
    "rows",
    [
        [],
        ranges(("0", "0", "0.01")),
        ranges(("0", "1", "0")),
        ranges(("0", "1", "-0.01")),
        ranges(("0.5", "0.4", "0.01")),
        ranges(("-0.1", "1", "0.01")),
        ranges(("0", "1.01", "0.01")),
        ranges(("0", "0.505", "0.01")),
        ranges(("0.005", "0.995", "0.01")),
        ranges(("0", "0.6", "0.01"), ("0.5", "1", "0.01")),
        ranges(("0", "1", "0.01"), ("0", "1", "0.01")),
        ranges(("0", "one", "0.01")),
        ranges(("0", "1", "0.00001")),
        [{"start": "0", "end": "1"}],
        [{"start": 0.1, "end": "1", "step": "0.01"}],
        ["0..1"],
        [None],
    ],
)
def test_malformed_misaligned_and_overlapping_ranges_are_refused(
    rows: list[dict[str, str]],
) -> None:
    with pytest.raises(ContractError, match="price_ranges") as error:
        TickGrid.from_price_ranges(rows)
    assert error.value.code == "bad_price_ranges"


def test_equal_ranges_share_one_grid() -> None:
    first = TickGrid.from_price_ranges(ranges(("0", "1", "0.01")))
    again = TickGrid.from_price_ranges(ranges(("0.00", "1.00", "0.0100")))

    assert again is first
    assert repr(again) == "TickGrid(ranges=((0, 10000, 100),))"
