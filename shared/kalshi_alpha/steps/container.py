"""The door of a container: one session, ended by itself or by being told, its code the error's."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from aws_lambda_powertools import Logger

from kalshi_alpha.errors import KalshiAlphaError
from kalshi_alpha.steps.redaction import redact


def run_until_told(
    logger: Logger, session: Callable[[threading.Event], Coroutine[Any, Any, str]]
) -> int:
    """Run one session, which returns why it ended, and return the exit code.

    SIGTERM and SIGINT set the event that it is given.
    """
    stop = threading.Event()
    for stopping in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stopping, lambda *_: stop.set())
    try:
        logger.info("done", extra={"reason": asyncio.run(session(stop))})
    except KalshiAlphaError as error:
        trouble = {"error": type(error).__name__, "reason": redact(str(error))}
        logger.error("failed", extra=trouble)  # noqa: TRY400 - a trace could carry what must not
        return error.exit_code
    return 0
