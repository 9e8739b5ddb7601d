"""What this process trades: the index, and the macro families where they are on.

They are on by their own file's one line, by the environment of a step, or by ``--family`` of a
command; whoever reads the registry afterwards finds them in it.
"""

from __future__ import annotations

import functools
import tomllib
from importlib import resources

from kalshi_alpha.errors import ConfigurationError

INDEX, MACRO, ALL = "index", "macro", "all"  # the kinds of families, and both
MACRO_TABLE = "macro.toml"
_also: set[str] = set()  # what this process trades besides


def trade(*also: str) -> None:
    """Say what this process trades beside the index: ``macro``, or nothing.

    Raises:
        ConfigurationError: when there is no such kind of family.
    """
    unknown = sorted(set(also) - {INDEX, MACRO})
    if unknown:
        raise ConfigurationError(
            f"there are no families of the kind {unknown[0]!r}; there are: {INDEX}, {MACRO}"
        )
    _also.clear()
    _also.update(also)


def trades_macro() -> bool:
    """Say whether this process trades the macro families."""
    return MACRO in _also or _macro_is_on()


@functools.cache
def _macro_is_on() -> bool:
    text = resources.files(__package__).joinpath(MACRO_TABLE).read_text("utf-8")
    return tomllib.loads(text).get("enabled") is True
