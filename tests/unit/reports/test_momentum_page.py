"""The page of a momentum day: what it says, what it escapes, and what it says of nothing."""

from __future__ import annotations

import pytest

from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.reports.momentum_page import momentum_page, score
from kalshi_alpha.reports.shelf import make_index
from kalshi_alpha.reports.study import render_csv, render_html, render_markdown
from tests.momentum_day import a_momentum_day


def test_it_shows_beliefs_signals_orders_fills_settlement_and_what_is_made_up():
    page = momentum_page(a_momentum_day())
    assert [section.heading for section in page.sections] == [
        "What was believed, and what was traded",
        "Signals and their reasons",
        "Orders",
        "Fills on paper",
        "Settlement",
        "What is recorded and what is made up",
    ]
    assert [len(section.charts) for section in page.sections] == [3, 1, 0, 1, 0, 0]
    text = render_markdown(page)
    assert "| 12:00:00 | leader | buy 40\N{DEGREE SIGN} | 45\N{CENT SIGN} | 50.0% |" in text
    assert "order flow presses its way; room; and 1 more" in text
    assert "| 12:00:30 | buy 40\N{DEGREE SIGN} | 45\N{CENT SIGN} | 2 | traded through |" in text
    assert "The venue paid the bracket of 40 degrees." in text
    assert "| 12:05:00 | books: the connection was lost |" in text
    assert "| weather | simulated |" in text


def test_times_are_standard_time_of_the_station():
    text = render_markdown(momentum_page(a_momentum_day()))
    assert "New York's standard time" in text
    assert "| 12:00:00 | buy" in text
    assert "| 12:59:58 |" in text


def test_what_was_said_is_escaped_and_nothing_is_loaded():
    html = render_html(momentum_page(a_momentum_day()))
    assert "it leads &lt;by far&gt;" in html
    assert "<script" not in html
    assert "http" not in html.replace("http://www.w3.org/", "")


def test_the_score_is_exact_and_only_of_a_settled_day():
    found = score(a_momentum_day())
    assert found is not None
    assert found.looks == 6
    # The first look: 0.3, 0.4, 0.3 against 0, 1, 0.
    first = 0.3**2 + 0.6**2 + 0.3**2
    later = [(0.3 - 0.04 * k) ** 2 * 2 + (0.6 - 0.08 * k) ** 2 for k in range(6)]
    assert later[0] == pytest.approx(first)
    assert found.belief_brier == pytest.approx(sum(later) / 6)
    assert found.belief_rps == pytest.approx(sum(2 * (0.3 - 0.04 * k) ** 2 for k in range(6)) / 6)
    assert found.market_brier > 0
    assert score(a_momentum_day(settled=False)) is None


def test_an_open_day_says_so_and_claims_no_result():
    day = a_momentum_day(settled=False)
    assert day.result is None
    text = render_markdown(momentum_page(day))
    assert "not decided when this page was made" in text
    assert "Brier" not in text


def test_a_day_of_which_nothing_was_heard_is_a_page_all_the_same():
    day = a_momentum_day(quiet=True)
    assert day.result == 0
    text = render_markdown(momentum_page(day))
    for words in ("nothing to show", "no signal stood", "nothing was quoted", "nothing was filled"):
        assert words in text


def test_a_shadow_day_says_that_nothing_was_placed():
    page = momentum_page(a_momentum_day(shadow=True))
    assert "nothing was placed" in page.lead
    assert "nothing was quoted" in render_markdown(page)


def test_every_figure_is_in_the_csv():
    lines = render_csv(momentum_page(a_momentum_day())).splitlines()
    assert ",in short,Fills,value,1" in lines
    assert "Settlement,Brackets,40\N{DEGREE SIGN},one YES paid,100\N{CENT SIGN}" in lines


def test_the_index_links_it_by_its_title(tmp_path):
    shelf = FolderStore(tmp_path)
    page = momentum_page(a_momentum_day(), links=[("all reports", "../index.html")])
    shelf.write("2024-12-03/momentum.html", render_html(page).encode())
    make_index(shelf)
    index = (tmp_path / "index.html").read_text()
    assert '<a href="2024-12-03/momentum.html">temperature momentum</a>' in index
