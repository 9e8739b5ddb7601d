"""Laws as JSON and back, and how one came out."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.laws import came_out, law_from_json, law_to_json
from kalshi_alpha.pricing.print_law import Nearest, PercentOfIndex, PrintLaw, student
from kalshi_alpha.pricing.table import normal_table

TENTHS, THOUSANDS = Nearest(1, 10), Nearest(1000, 1)
PERCENT = PercentOfIndex(base=324_050)
LAWS = [
    TerminalLaw(normal_table(), 6800.25, -1e-5, 8e-4),
    PrintLaw(student(5.0), 0.27, 0.09, TENTHS),
    PrintLaw(student(4.0), 214_321.5, 8_000.0, THOUSANDS),
    PrintLaw(student(6.0), 324.9, 0.25, PERCENT),
]


@pytest.mark.parametrize("law", LAWS)
def test_a_law_comes_back_as_it_was(law):
    assert law_from_json(json.loads(json.dumps(law_to_json(law)))) == law


@pytest.mark.parametrize("law", LAWS)
def test_a_rounded_table_moves_no_rank_by_more_than_a_millionth(law):
    rounded = law_from_json(law_to_json(law, 6))

    for p in (0.01, 0.3, 0.5, 0.9):
        assert rounded.quantile(p) == pytest.approx(law.quantile(p), rel=1e-5)


@pytest.mark.parametrize("without", ["knots", "log_odds", "scale", "level"])
def test_another_document_is_no_law(without):
    document = law_to_json(LAWS[0])
    del document[without]

    with pytest.raises(KeyError):
        law_from_json(document)


def test_an_index_comes_out_as_a_log_move_and_its_rank():
    law = TerminalLaw(normal_table(), 100.0, 0.0, 0.01)
    move, rank = came_out(law, 101.0)

    assert move == pytest.approx(math.log(1.01))
    assert rank == pytest.approx(law.cdf(101.0))
    assert came_out(law, 0.0) is None


def test_a_print_comes_out_in_the_middle_of_what_it_may_stand_for():
    law = PrintLaw(student(5.0), 0.30, 0.05, TENTHS)
    move, rank = came_out(law, 0.3)

    assert move == pytest.approx(0.0, abs=1e-12)
    assert rank == pytest.approx(0.5)
    assert came_out(law, -0.1)[1] < 0.001


@given(
    centre=st.floats(-2, 2),
    scale=st.floats(0.01, 0.5),
    settled=st.integers(-30, 30).map(lambda tick: tick / 10),
)
def test_ranks_lie_between_none_and_all_and_rise_with_the_print(centre, scale, settled):
    law = PrintLaw(student(5.0), centre, scale, TENTHS)
    _, rank = came_out(law, settled)
    _, above = came_out(law, settled + 0.1)

    assert 0.0 <= rank <= above <= 1.0


@given(st.sampled_from(LAWS[1:]), st.floats(-6, 6))
def test_what_is_printed_of_a_figure_is_the_step_it_lies_in(law, away):
    figure = law.centre + away * law.scale
    printed = law.printed(figure)
    tick = round(printed * law.rounding.per_unit / law.rounding.step)

    assert law.rounding.edge(tick) <= figure < law.rounding.edge(tick + 1)
