"""The shelf: every page of every day, written into one store, with an index that links them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from kalshi_alpha.cloud.artifacts import ArtifactStore
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.sessions import Sessions
from kalshi_alpha.pricing.parameters import SymbolParameters
from kalshi_alpha.reports import wording
from kalshi_alpha.reports.calibration_page import calibration_page
from kalshi_alpha.reports.day_page import day_page
from kalshi_alpha.reports.kept import KeptWindow, read_kept, windows_left
from kalshi_alpha.reports.readiness_page import readiness_page
from kalshi_alpha.reports.scoreboard_page import scoreboard_page
from kalshi_alpha.reports.study import Section, Study, render_csv, render_html, render_markdown
from kalshi_alpha.reports.window_page import window_page

INDEX = "index.html"
_PAGE = re.compile(r"^(?:(?P<day>\d{4}-\d{2}-\d{2})/)?(?P<name>[\w-]+)\.html$")
_TITLES = {
    "day": "the day",
    "scoreboard": "scoreboard",
    "readiness": "readiness",
    "calibration": "calibration",
    "momentum": "temperature momentum",
    "rehearsal": "rehearsal, all in one",
    "backtest": "backtest",
    "score": "score of the law",
}
_FIRST = tuple(_TITLES)


@dataclass(frozen=True, slots=True)
class Boards:
    """What a day's pages show that its windows did not leave themselves; each may be missing.

    Attributes:
        scoreboard: The scoreboard as its JSON.
        readiness: The readiness as its JSON.
        ledger: A verification of the ledger as its JSON.
        parameters: The parameters that priced the day, by symbol.
        matches: Whether our books equal the exchange's; None where nobody compared them.
        pages: Pages made elsewhere, by name: ``rehearsal``, ``backtest``, ``score``.
    """

    scoreboard: Mapping[str, Any] | None = None
    readiness: Mapping[str, Any] | None = None
    ledger: Mapping[str, Any] | None = None
    parameters: Mapping[str, SymbolParameters] = field(default_factory=dict)
    matches: bool | None = None
    pages: Mapping[str, bytes] = field(default_factory=dict)


def make_day(
    day: date,
    source: ArtifactStore,
    shelf: ArtifactStore,
    registry: Registry,
    sessions: Sessions,
    *,
    boards: Boards,
    provenance: Sequence[tuple[str, str]],
) -> list[str]:
    """Write every page of a day and the index anew; return the keys of the HTML pages.

    Raises:
        DataError: when no window of that day has left anything.
    """
    names = windows_left(source, day)
    if not names:
        raise DataError(
            f"no window of {day} has left anything: there was no run, or it has not ended"
        )
    windows = [read_kept(source, name, registry, sessions) for name in names]
    banner = next((kept.banner for kept in windows if kept.banner), "")
    pages = _pages(day, windows, registry, boards, provenance, banner)
    written = [_put(shelf, f"{day}/{name}", page) for name, page in pages.items()]
    for name, html in boards.pages.items():
        shelf.write(f"{day}/{name}.html", html)
        written.append(f"{day}/{name}.html")
    return [*written, make_index(shelf)]


def make_index(shelf: ArtifactStore) -> str:
    """Write the index of every page on the shelf, newest day first; return its key."""
    days: dict[str, list[str]] = defaultdict(list)
    for key in shelf.keys(""):
        found = _PAGE.match(key)
        if found is not None and key != INDEX:
            days[found["day"] or ""].append(found["name"])
    sections = [
        Section(
            day or "Not of one day",
            (),
            (),
            (),
            [(_title(name), f"{day}/{name}.html" if day else f"{name}.html") for name in names],
        )
        for day, names in sorted(
            ((day, sorted(names, key=_place)) for day, names in days.items()), reverse=True
        )
    ]
    dated = [day for day in days if day]
    count = sum(len(names) for names in days.values())
    page = Study(
        title="Reports",
        lead=f"{wording.count(count, 'page')} of {wording.count(len(dated), 'day')}, newest first.",
        facts=(),
        sections=sections,
        provenance=[("Pages", f"{count}")],
    )
    return _put(shelf, INDEX.removesuffix(".html"), page)


def _pages(
    day: date,
    windows: Sequence[KeptWindow],
    registry: Registry,
    boards: Boards,
    provenance: Sequence[tuple[str, str]],
    banner: str,
) -> dict[str, Study]:
    present = ["day", *(kept.window.window_id for kept in windows)]
    present += ["scoreboard"] if boards.scoreboard is not None else []
    present += ["readiness"] if boards.readiness is not None else []
    present += ["calibration"] if boards.parameters else []
    present += list(boards.pages)

    def links(but: str) -> list[tuple[str, str]]:
        others = [(_title(name), f"{name}.html") for name in present if name != but]
        return [("all reports", "../index.html"), *others]

    made: dict[str, Study] = {
        "day": day_page(
            day, windows, registry, matches=boards.matches, provenance=provenance,
            banner=banner, links=links("day"), ledger=boards.ledger,
        )
    }  # fmt: skip
    for kept in windows:
        name = kept.window.window_id
        made[name] = window_page(
            kept, registry, matches=boards.matches, provenance=provenance,
            banner=kept.banner, links=links(name),
        )  # fmt: skip
    if boards.scoreboard is not None:
        made["scoreboard"] = scoreboard_page(
            boards.scoreboard, provenance=provenance, banner=banner, links=links("scoreboard")
        )
    if boards.readiness is not None:
        made["readiness"] = readiness_page(
            boards.readiness, provenance=provenance, banner=banner, links=links("readiness")
        )
    if boards.parameters:
        symbols = {name: registry.series[name].symbol for k in windows for name in k.window.series}
        made["calibration"] = calibration_page(
            boards.parameters, day, windows, symbols=symbols, provenance=provenance,
            banner=banner, links=links("calibration"),
        )  # fmt: skip
    return made


def _put(shelf: ArtifactStore, name: str, page: Study) -> str:
    shelf.write(f"{name}.md", render_markdown(page).encode())
    shelf.write(f"{name}.csv", render_csv(page).encode())
    shelf.write(f"{name}.html", render_html(page).encode())
    return f"{name}.html"


def _title(name: str) -> str:
    return _TITLES.get(name, f"window {name}")


def _place(name: str) -> tuple[int, str]:
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)
