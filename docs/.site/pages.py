"""Bring the repository's own pages into the site, the README as the first of them.

A page of the site links to them as a reader of the repository does (``../SECURITY.md``); here they
lie beside the other pages, so the way up is taken off.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("AGENTS", "CHANGELOG", "CONTRIBUTING", "NOTICE", "SECURITY")
PAGES = {"README.md": "index.md", **{f"{name}.md": f"{name}.md" for name in NAMES}}
_UP = re.compile(rf"\]\(((?:\.\./)+)(README|{'|'.join(NAMES)})\.md")


def on_files(files: Files, config: Any) -> Files:
    """Add the repository's pages under the names they have in the site."""
    for source, name in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8").replace("](docs/", "](")
        files.append(File.generated(config, name, content=text))
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    files.append(File.generated(config, "LICENSE", content=licence))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Take one step up off each link to a page of the repository's root."""

    def shorter(found: re.Match[str]) -> str:
        up, name = found[1].removeprefix("../"), found[2]
        return f"]({up}{'index' if name == 'README' else name}.md"

    return _UP.sub(shorter, markdown)
