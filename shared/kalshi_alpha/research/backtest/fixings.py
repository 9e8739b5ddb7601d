"""Several series laid out together: their tapes by fixing, and what is told of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.pricing.parameters import SymbolParameters
from kalshi_alpha.research.backtest.loading import Loaded
from kalshi_alpha.research.backtest.tape import Tape
from kalshi_alpha.trading.honesty import Honesty

Events = tuple[tuple[Tape, SymbolParameters], ...]


def at_fixings(loaded: Iterable[Loaded]) -> list[Events]:
    """Return the tapes that share a fixing, each with what prices it, in order of time."""
    found: dict[datetime, list[tuple[Tape, SymbolParameters]]] = {}
    for one in loaded:
        for tape in one.tapes:
            at = found.setdefault(tape.window.fixing, [])
            at.append((tape, one.parameters[tape.window.day]))
    return [tuple(found[fixing]) for fixing in sorted(found)]


def told_together(loaded: Sequence[Loaded]) -> Loaded:
    """Return all of it as one, for what is told of a run.

    A day counts as requested where any series was asked for it. Parameters differ by symbol, so
    there are none here: ``at_fixings`` hands them out.
    """
    tapes = sorted((tape for one in loaded for tape in one.tapes), key=lambda t: t.window.fixing)
    names = [one.tapes[0].series for one in loaded]
    played = {tape.window.day for tape in tapes}
    missing = tuple(
        replace(day, sentence=f"{name}: {day.sentence}")
        for name, one in zip(names, loaded, strict=True)
        for day in one.missing
    )
    return Loaded(
        tapes=tuple(tapes),
        parameters={},
        missing=missing,
        requested=len(played | {day.day for day in missing}),
        rows=(sum(one.rows[0] for one in loaded), sum(one.rows[1] for one in loaded)),
        made_with=_each(names, [one.made_with for one in loaded]),
        level=_each(names, [one.level for one in loaded]),
        provenance=tuple(dict.fromkeys(line for one in loaded for line in one.provenance)),
    )


def require_known_before(honesty: Honesty | None, days: Sequence[date]) -> None:
    """Refuse a honesty artifact that knows one of the days, or that one of them is too late for.

    Raises:
        ParameterError: then.
    """
    if honesty is None or not days:
        return
    first, last = min(days), max(days)
    if first <= honesty.as_of:
        raise ParameterError(
            f"the honesty artifact knows fills to {honesty.as_of}: on {first} that is looking ahead"
        )
    if last > honesty.valid_until:
        raise ParameterError(
            f"the honesty artifact is good until {honesty.valid_until}: play no day after it, and "
            f"{last} is one"
        )


def _each(names: Sequence[str], words: Sequence[str]) -> str:
    if len(set(words)) == 1:
        return words[0]
    return "; ".join(f"{name}: {one}" for name, one in zip(names, words, strict=True))
