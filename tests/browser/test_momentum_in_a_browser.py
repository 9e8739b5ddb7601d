"""The momentum page in a real browser: it loads alone, complains of nothing, each picture drawn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kalshi_alpha.reports.momentum_page import momentum_page
from kalshi_alpha.reports.study import write_page
from tests.browser import chrome
from tests.momentum_day import a_momentum_day

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A running browser."""
    with chrome.browser() as found:
        yield found


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True)], ids=["desk", "phone"])
@pytest.mark.parametrize(("settled", "pictures"), [(True, 5), (False, 5)], ids=["settled", "open"])
def test_the_momentum_page_loads_alone_and_every_picture_is_drawn(
    tmp_path: Path, address: str, width: int, dark: bool, settled: bool, pictures: int
) -> None:
    page = momentum_page(a_momentum_day(settled=settled))
    file, _, _ = write_page(page, tmp_path, "momentum")

    seen = chrome.look(address, file, width=width, dark=dark)

    assert seen.complaints == []
    assert seen.requests == [seen.url]
    assert seen.facts["scripts"] == 0
    assert seen.facts["unnamed"] == 0
    assert len(seen.charts) == pictures
    assert all(chrome.ink(chart) > 0.005 for chart in seen.charts)
