"""Take secrets out of anything that is about to be written down.

Our own messages never carry a secret; this is the second lock, for what others put into theirs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

REDACTED = "[redacted]"

_SECRET_NAMES = re.compile(
    r"^pem$|secret|password|token|signature|authorization|api[_-]?key|access[_-]?key|private[_-]?key",
    re.IGNORECASE,
)
_SECRET_TEXTS = (
    # a PEM block, also one that was cut off or has its line ends escaped
    re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
    ),
    re.compile(r"(?<=bearer )\S+", re.IGNORECASE),
    re.compile(r"(?<=kalshi-access-signature: )\S+", re.IGNORECASE),
    re.compile(r"(?<=api[_-]key[=:])[^\s&\"']+", re.IGNORECASE),
    re.compile(r"(?<=apikey[=:])[^\s&\"']+", re.IGNORECASE),
)


# Secrets this process has read: wherever their text turns up, it goes.
_known: set[str] = set()
_SHORTEST = 8  # what is shorter may be a word


def conceal(*secrets: str) -> None:
    """Have every later ``redact`` take out these texts, and each long line of them."""
    for secret in secrets:
        lines = (line.strip() for line in secret.splitlines())
        _known.update(line for line in lines if len(line) >= _SHORTEST and "-----" not in line)


def redact(value: Any) -> Any:
    """Return a copy of ``value`` (JSON-like) with every secret replaced by ``[redacted]``.

    A secret is a value whose name says so, a private key in PEM, a bearer token, a signature
    header, an API key in a query, or whatever was given to ``conceal``.
    """
    if isinstance(value, str):
        return _redact_text(value)
    if isinstance(value, Mapping):
        return {
            name: REDACTED if _SECRET_NAMES.search(str(name)) else redact(inner)
            for name, inner in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [redact(inner) for inner in value]
    return REDACTED if isinstance(value, bytes | bytearray) else value


def _redact_text(text: str) -> str:
    for pattern in _SECRET_TEXTS:
        text = pattern.sub(REDACTED, text)
    for secret in tuple(_known):
        text = text.replace(secret, REDACTED)
    return text
