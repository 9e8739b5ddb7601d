"""A page of facts, charts, tables and sources: self-contained HTML, its Markdown twin, and CSV."""

from __future__ import annotations

import csv
import functools
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from kalshi_alpha.reports import wording

_LONGEST_FIGURE = 24  # letters; a longer cell is a sentence
_WIDE = 700.0  # points; such a chart has a row of its own


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure to read first, with what it means."""

    name: str
    value: str
    advice: str
    status: Literal["good", "bad", "plain"] = "plain"


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose first column is text and whose others are figures, written already."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    @property
    def kinds(self) -> list[str]:
        """Return how each column is set: the first as it is, figures right, sentences as words."""
        later = range(1, len(self.columns))
        wordy = [any(len(row[i]) > _LONGEST_FIGURE for row in self.rows) for i in later]
        return ["", *("words" if words else "n" for words in wordy)]


@dataclass(frozen=True, slots=True)
class Section:
    """Words, then charts as SVG from ``reports.charts``, then tables, then links to pages."""

    heading: str
    paragraphs: Sequence[str] = ()
    charts: Sequence[str] = ()
    tables: Sequence[Table] = ()
    links: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Study:
    """A page.

    ``banner`` is a warning that leads the page and its twins, such as of a forced run. ``links``
    are pages it belongs with: a text and a relative address each.
    """

    title: str
    lead: str
    facts: Sequence[Fact]
    sections: Sequence[Section]
    provenance: Sequence[tuple[str, str]]
    banner: str = ""
    links: Sequence[tuple[str, str]] = ()


def table_or(
    nothing: str, caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> Table:
    """Return a table; without rows, one that says ``nothing`` instead of standing empty."""
    blank = (nothing, *[wording.NOTHING] * (len(columns) - 1))
    return Table(caption, columns, rows or [blank])


def render_html(study: Study) -> str:
    """Return the page: no script, nothing loaded from anywhere, text escaped."""
    return _environment().get_template("study.html.j2").render(study=study)


def render_markdown(study: Study) -> str:
    """Return the twin: the same facts and tables without the charts."""
    return _environment().get_template("study.md.j2").render(study=study)


def render_csv(study: Study) -> str:
    """Return every figure of the page, a line each: section, table, row, column, value."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("section", "table", "row", "column", "value"))
    if study.banner:
        writer.writerow(("", "banner", "", "", study.banner))
    for fact in study.facts:
        writer.writerow(("", "in short", fact.name, "value", fact.value))
    for section in study.sections:
        for table in section.tables:
            for row in table.rows:
                for column, value in zip(table.columns[1:], row[1:], strict=True):
                    writer.writerow((section.heading, table.caption, row[0], column, value))
    for name, value in study.provenance:
        writer.writerow(("Made from", "", name, "value", value))
    return out.getvalue()


def write_page(study: Study, folder: Path, name: str) -> tuple[Path, Path, Path]:
    """Write ``name``.html, ``name``.md and ``name``.csv into ``folder``, made as needed."""
    html, markdown = write_study(study, folder, name)
    table = folder / f"{name}.csv"
    table.write_text(render_csv(study), encoding="utf-8")
    return html, markdown, table


def write_study(study: Study, folder: Path, name: str) -> tuple[Path, Path]:
    """Write ``name``.html and ``name``.md into ``folder``, which is made as needed."""
    folder.mkdir(parents=True, exist_ok=True)
    html, markdown = folder / f"{name}.html", folder / f"{name}.md"
    html.write_text(render_html(study), encoding="utf-8")
    markdown.write_text(render_markdown(study), encoding="utf-8")
    return html, markdown


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("kalshi_alpha.reports"),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "cell": wording.cell,
        "drawn": _drawn,
        "described": _described,
        "wide": _wide,
    }
    return environment


def _drawn(svg: str) -> Markup:
    return Markup(svg)  # noqa: S704 - our own drawing, its text escaped where it was drawn


def _described(svg: str) -> str:
    """Return the words a chart carries for those who cannot see it, to be read beside it."""
    found = re.search(r"<desc[^>]*>(.*?)</desc>", svg, flags=re.DOTALL)
    return unescape(found.group(1)) if found else ""


def _wide(svg: str) -> bool:
    found = re.search(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) ', svg)
    return found is not None and float(found.group(1)) > _WIDE
