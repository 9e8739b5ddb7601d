"""Every page in a real browser: it loads alone, complains of nothing, and each picture is drawn."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.pricing.parameters import load_parameters, shipped_parameters
from kalshi_alpha.reports.kept import read_kept
from kalshi_alpha.reports.model import RehearsalReport
from kalshi_alpha.reports.render import render_html
from kalshi_alpha.reports.shelf import Boards, make_day
from kalshi_alpha.reports.summary import Provenance
from kalshi_alpha.reports.window_view import window_report
from tests.boards import AT, a_readiness, a_scoreboard
from tests.browser import chrome
from tests.kept_day import BANNER, CLOSE, DAY, NOON, leave_day

pytestmark = pytest.mark.xdist_group("browser")

FOLDER = DAY.isoformat()
# Pictures a page must show: the name of the page and how many.
PICTURES = {
    f"{FOLDER}/day": 4,
    f"{FOLDER}/{NOON}": 3,
    f"{FOLDER}/{CLOSE}": 1,
    f"{FOLDER}/scoreboard": 1,
    f"{FOLDER}/readiness": 1,
    f"{FOLDER}/calibration": 8,
    f"{FOLDER}/rehearsal": 3,
    "index": 0,
}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every page of a small day, made as ``report make`` makes them."""
    root = tmp_path_factory.mktemp("shelf")
    store, registry, sessions = leave_day(root / "left"), load_registry(), load_sessions()
    kept = read_kept(store, NOON, registry, sessions)
    made = Provenance(DAY, AT, "0", "0", "0", 1, "twin")
    whole = RehearsalReport(made, (window_report(kept, registry, matches=True),))
    boards = Boards(
        scoreboard=a_scoreboard(),
        readiness=a_readiness(),
        parameters=load_parameters(shipped_parameters(DAY), on=DAY),
        pages={"rehearsal": render_html(whole).encode()},
    )
    make_day(
        DAY, store, FolderStore(root / "reports"), registry, sessions,
        boards=boards, provenance=[("Code", "test")],
    )  # fmt: skip
    return root / "reports"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A running browser."""
    with chrome.browser() as found:
        yield found


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True)], ids=["desk", "phone"])
@pytest.mark.parametrize("page", PICTURES)
def test_a_page_loads_alone_and_every_picture_is_drawn(
    shelf: Path, address: str, page: str, width: int, dark: bool
) -> None:
    file = shelf / f"{page}.html"

    seen = chrome.look(address, file, width=width, dark=dark)

    assert seen.complaints == []
    assert seen.requests == [seen.url]
    assert seen.facts["scripts"] == 0
    assert seen.facts["lang"] == "en"
    assert seen.facts["wide"] <= width
    assert (seen.facts["page"] == "rgb(14, 18, 23)") is dark
    assert len(seen.boxes) == PICTURES[page]
    assert seen.facts["unnamed"] == 0
    assert all(wide > 250 and high > 60 for _, _, wide, high in seen.boxes)
    assert [round(chrome.ink(chart), 4) for chart in seen.charts if chrome.ink(chart) < 0.005] == []
    assert file.stat().st_size < 1_000_000


@pytest.mark.parametrize("page", [name for name in PICTURES if not name.endswith("rehearsal")])
def test_words_stand_beside_each_picture(shelf: Path, address: str, page: str) -> None:
    seen = chrome.look(address, shelf / f"{page}.html")

    assert seen.facts["beside"] == PICTURES[page]


def test_an_empty_picture_and_a_request_outside_would_be_seen(
    shelf: Path, address: str, tmp_path: Path
) -> None:
    text = (shelf / FOLDER / "readiness.html").read_text()
    start, end = text.index("</desc>") + len("</desc>"), text.index("</svg>")
    image = '<img src="http://127.0.0.1:9/x.png" alt="">'
    (tmp_path / "bad.html").write_text(f"{text[:start]}{image}{text[end:]}")

    seen = chrome.look(address, tmp_path / "bad.html")

    assert chrome.ink(seen.charts[0]) < 0.005
    assert "http://127.0.0.1:9/x.png" in seen.requests
    assert seen.complaints != []


def test_links_between_pages_lead_to_pages(shelf: Path, address: str) -> None:
    script = "[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))"
    for page in PICTURES:
        file = shelf / f"{page}.html"
        hrefs = chrome.look(address, file, script=script).facts["asked"]
        broken = [h for h in hrefs if not h.startswith("#") and not (file.parent / h).is_file()]
        assert broken == [], page
    assert {f"{name}.html" for name in PICTURES} - {"index.html"} == set(
        chrome.look(address, shelf / "index.html", script=script).facts["asked"]
    ) - {"#s1", "#provenance"}


def test_a_forced_run_leads_every_page_with_its_banner(tmp_path: Path, address: str) -> None:
    store = leave_day(tmp_path / "left", banner=BANNER)
    pages = make_day(
        DAY, store, FolderStore(tmp_path / "reports"), load_registry(), load_sessions(),
        boards=Boards(scoreboard=a_scoreboard(), readiness=a_readiness()), provenance=[],
    )  # fmt: skip

    script = "document.querySelector('main').firstElementChild.textContent"
    shown = {
        page: chrome.look(address, tmp_path / "reports" / page, script=script).facts["asked"]
        for page in pages
        if page != "index.html"
    }

    assert set(shown.values()) == {BANNER}
    assert len(shown) == 5
    for page in shown:
        for suffix in (".md", ".csv"):
            assert BANNER in (tmp_path / "reports" / page).with_suffix(suffix).read_text()


def test_without_a_browser_the_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(shutil, "which", lambda _: None)

    with pytest.raises(AssertionError, match="install Debian's `chromium`"):
        chrome.chromium()
