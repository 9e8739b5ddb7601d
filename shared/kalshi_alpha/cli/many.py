"""Options that take several values after one name: ``--bars a.parquet b.parquet``."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import typer
from typer.core import TyperCommand, TyperOption


class ManyCommand(TyperCommand):
    """A command whose repeatable options may be given once with several values.

    ``--bars a b`` is read as ``--bars a --bars b``; everything up to the next word that begins with
    a dash belongs to the option. A command with arguments of its own puts them before.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the option's name before each of its values."""
        names = {
            name
            for parameter in self.params
            if isinstance(parameter, TyperOption) and parameter.multiple
            for name in parameter.opts
        }
        return super().parse_args(ctx, list(_spelt_out(args, names)))


def _spelt_out(args: list[str], names: set[str]) -> Iterator[str]:
    name, owed = "", False
    for word in args:
        if word in names:
            name, owed = word, True
            yield word
        elif word.startswith("-") and len(word) > 1:
            name = ""
            yield word
        else:
            if name and not owed:
                yield name
            owed = False
            yield word


def command_line(name: str, ctx: typer.Context, without: Collection[str] = ()) -> str:
    """Return a command with its options as typed, files without their folders, for a provenance.

    Options ``without`` are left out: those that say where a job runs and not what it works out.
    """
    words = [f"kalshi-alpha {name}"]
    for parameter in ctx.command.params:
        value: Any = ctx.params.get(parameter.name or "")
        if not isinstance(parameter, TyperOption) or value in (None, (), [], False):
            continue
        if parameter.opts[0] in without:
            continue
        shown = value if isinstance(value, list | tuple) else [value]
        words.append(" ".join([parameter.opts[0], *(_short(each) for each in shown)]))
    return " ".join(words)


def _short(value: Any) -> str:
    text = getattr(value, "parent", None)
    return f"{text.name}/{value.name}" if text is not None and text.name else str(value)
