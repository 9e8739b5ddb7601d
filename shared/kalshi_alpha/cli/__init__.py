"""The ``kalshi-alpha`` command.

Exit codes: 0 done, 2 usage or configuration, 3 a rule said no, 4 data unusable, 5 the venue or a
service failed, 6 our own books contradict themselves.
"""

from __future__ import annotations

import sys

from kalshi_alpha.cli.app import app
from kalshi_alpha.cli.output import say_error
from kalshi_alpha.errors import KalshiAlphaError


def main() -> None:
    """Run the command line; every foreseeable failure ends in one sentence and an exit code."""
    try:
        app()
    except KalshiAlphaError as error:
        say_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
