"""Look for key material in whatever a run has written.

A secret rarely leaks as itself: it is wrapped, escaped, encoded or cut. So each is looked for in
the forms in which a log, a repr or a JSON file would show it, a long line at a time.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

# A line of a PEM file has 64 characters; what is cut shorter than this proves nothing.
_SHORTEST = 8
_PART = 24


def marks_of(secrets: Mapping[str, str]) -> dict[bytes, str]:
    """Return the texts to look for, each with the name of the secret that it would give away.

    Args:
        secrets: texts by name: a PEM file whole, a key id, a vendor's key.
    """
    marks = {b"PRIVATE KEY-----": "a private key"}
    for name, secret in secrets.items():
        for line in _lines(secret):
            for form in _forms(line):
                marks[form] = name
    return marks


def leaks_in(data: bytes, marks: Mapping[bytes, str]) -> list[str]:
    """Return the names of the secrets found in ``data``, each once."""
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    return sorted({name for mark, name in marks.items() if mark in data})


def leaks_below(folder: Path, marks: Mapping[bytes, str]) -> list[str]:
    """Return ``file: secret`` for every file below ``folder`` that gives one away."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        f"{path.relative_to(folder)}: {name}"
        for path in files
        for name in leaks_in(path.read_bytes(), marks)
    ]


def _lines(secret: str) -> Iterator[str]:
    for line in secret.splitlines():
        if len(line) >= _SHORTEST and "-----" not in line:
            yield line
            if len(line) > 2 * _PART:  # also when it was cut
                yield line[:_PART]
                yield line[-_PART:]


def _forms(text: str) -> Iterator[bytes]:
    plain = text.encode()
    yield plain
    yield plain.hex().encode()
    yield quote(text, safe="").encode()
    yield base64.b64encode(plain).rstrip(b"=")[:-1]
