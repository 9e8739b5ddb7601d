"""A rehearsal as one self-contained HTML page and its Markdown twin."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from kalshi_alpha.clock import iso
from kalshi_alpha.reports import pictures, wording
from kalshi_alpha.reports.model import RehearsalReport, SeriesReport, WindowReport
from kalshi_alpha.reports.summary import Provenance
from kalshi_alpha.reports.verdicts import verdicts

# Longer tables are in the why-records and the ledger; a page is for reading.
MOST_REFUSALS = 12
MOST_QUOTED = 24


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Where a report was written."""

    html: Path
    markdown: Path


@dataclass(frozen=True, slots=True)
class _Part:
    report: SeriesReport
    ladder: Markup
    quotes: Markup


@dataclass(frozen=True, slots=True)
class _Window:
    report: WindowReport
    pull: Markup
    series: tuple[_Part, ...]

    @property
    def states(self) -> list[tuple[str, int]]:
        """Return the states in the order first visited, with how often: loops stay short."""
        return list(Counter(self.report.states_visited).items())


def write_report(report: RehearsalReport, folder: Path) -> ReportFiles:
    """Write ``report.html`` and ``report.md`` into ``folder``, which is made as needed."""
    folder.mkdir(parents=True, exist_ok=True)
    files = ReportFiles(folder / "report.html", folder / "report.md")
    files.html.write_text(render_html(report), encoding="utf-8")
    files.markdown.write_text(render_markdown(report), encoding="utf-8")
    return files


def render_html(report: RehearsalReport) -> str:
    """Return the page: no script, nothing loaded from anywhere, text escaped."""
    windows = [_drawn(window, f"w{i}") for i, window in enumerate(report.windows)]
    return _fill("report.html.j2", report, windows)


def render_markdown(report: RehearsalReport) -> str:
    """Return the twin: the same verdicts and tables without the pictures."""
    nothing = Markup("")
    windows = [
        _Window(window, nothing, tuple(_Part(part, nothing, nothing) for part in window.series))
        for window in report.windows
    ]
    return _fill("report.md.j2", report, windows)


def _drawn(window: WindowReport, key: str) -> _Window:
    pull = pictures.pull_svg(window.pull, window.window_id, f"{key}-pull") if window.pull else ""
    parts = tuple(_drawn_part(part, f"{key}-s{i}") for i, part in enumerate(window.series))
    return _Window(window, _svg(pull), parts)


def _drawn_part(part: SeriesReport, key: str) -> _Part:
    ladder = pictures.ladder_svg(part, f"{key}-ladder") if part.rungs else ""
    shown = part.quotes or part.fills
    quotes = pictures.quotes_svg(part, f"{key}-quotes") if shown else ""
    return _Part(part, _svg(ladder), _svg(quotes))


def _svg(text: str) -> Markup:
    return Markup(text)  # noqa: S704 - our own drawing, its text escaped where it was drawn


def _fill(template: str, report: RehearsalReport, windows: list[_Window]) -> str:
    environment = Environment(
        loader=PackageLoader("kalshi_alpha.reports"),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    names = (
        "cents contracts signed_dollars signed_cash ev_cents percent relative milliseconds points "
        "signed_points new_york cell"
    )
    environment.filters |= {name: getattr(wording, name) for name in names.split()}
    return environment.get_template(template).render(
        report=report,
        windows=windows,
        verdicts=verdicts(report),
        provenance=_provenance(report.provenance),
        most_refusals=MOST_REFUSALS,
        most_quoted=MOST_QUOTED,
    )


def _provenance(made: Provenance) -> list[tuple[str, str]]:
    labels = sorted(made.data_labels.items())
    return [
        ("Code", made.code_version),
        ("Registry, SHA-256", made.registry_hash),
        ("Parameters, checksum", made.parameters_checksum),
        ("Seed", str(made.seed)),
        ("Broker", made.broker),
        *labels,
        ("Inside a minute", made.path_note),
        ("Written", iso(made.generated_at)),
    ]
