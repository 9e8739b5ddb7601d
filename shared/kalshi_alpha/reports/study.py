"""A study as one self-contained HTML page and its Markdown twin: facts, charts, tables, sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from kalshi_alpha.reports import wording


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


@dataclass(frozen=True, slots=True)
class Section:
    """Words, then charts as SVG from ``reports.charts``, then tables."""

    heading: str
    paragraphs: Sequence[str] = ()
    charts: Sequence[str] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True, slots=True)
class Study:
    """A page."""

    title: str
    lead: str
    facts: Sequence[Fact]
    sections: Sequence[Section]
    provenance: Sequence[tuple[str, str]]


def render_html(study: Study) -> str:
    """Return the page: no script, nothing loaded from anywhere, text escaped."""
    return _environment().get_template("study.html.j2").render(study=study)


def render_markdown(study: Study) -> str:
    """Return the twin: the same facts and tables without the charts."""
    return _environment().get_template("study.md.j2").render(study=study)


def write_study(study: Study, folder: Path, name: str) -> tuple[Path, Path]:
    """Write ``name``.html and ``name``.md into ``folder``, which is made as needed."""
    folder.mkdir(parents=True, exist_ok=True)
    html, markdown = folder / f"{name}.html", folder / f"{name}.md"
    html.write_text(render_html(study), encoding="utf-8")
    markdown.write_text(render_markdown(study), encoding="utf-8")
    return html, markdown


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("kalshi_alpha.reports"),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"cell": wording.cell, "drawn": _drawn}
    return environment


def _drawn(svg: str) -> Markup:
    return Markup(svg)  # noqa: S704 - our own drawing, its text escaped where it was drawn
