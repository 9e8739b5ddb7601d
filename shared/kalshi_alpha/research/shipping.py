"""The command line of whoever writes recordings that are shipped: where from, and where to."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from kalshi_alpha.errors import KalshiAlphaError


def run_writer(
    command: str,
    about: str | None,
    folder: Path,
    write: Callable[[Path, Path], Iterable[Path]],
    arguments: Sequence[str] | None = None,
) -> int:
    """Write from ``--data`` into ``--out``, print what was written, and return the exit code.

    Args:
        command: as it is typed.
        about: what it does.
        folder: written into without ``--out``.
        write: from a folder of recordings into another; returns the files.
        arguments: of the command line; the process's own when left out.
    """
    parser = argparse.ArgumentParser(prog=command, description=about)
    parser.add_argument("--data", type=Path, required=True, help="folder of recordings")
    parser.add_argument("--out", type=Path, default=folder, help="folder to write into")
    chosen = parser.parse_args(arguments)
    try:
        written = write(chosen.data, chosen.out)
    except KalshiAlphaError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.writelines(f"{file}\n" for file in written)
    return 0
