"""How the hot loops of this room are compiled.

They make no array of their own, so nothing has to be counted: with ``_nrt`` off numba leaves out
its reference counts, which otherwise cost more than the work. A call would copy some hundred words
of array descriptions, so what is called in a loop is put into its caller.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])
_OPTIONS: dict[str, Any] = {"_nrt": False}


def compiled(function: Function) -> Function:
    """Compile a function, and keep what was compiled beside its file."""
    return cast("Function", njit(cache=True, nogil=True, **_OPTIONS)(function))


def inlined(function: Function) -> Function:
    """Compile a function into those that call it."""
    return cast("Function", njit(inline="always", **_OPTIONS)(function))
