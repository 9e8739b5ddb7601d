"""Make a parameter file, part by part: each call fits one kind of fixing of one index.

A file's parts share their last day of data. A part that is fitted again takes the old one's place,
the others stay, and the file is written whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np

import kalshi_alpha
from kalshi_alpha.clock import iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.pricing.blend import MarketBlends, blends_from_json
from kalshi_alpha.pricing.parameters import (
    KINDS,
    LIFETIME,
    SymbolParameters,
    dump_parameters,
    load_parameters,
    provenance_of,
)
from kalshi_alpha.research.data.panel import Panel, read_panels, registered
from kalshi_alpha.research.data.store import write_atomically
from kalshi_alpha.research.model import fit
from kalshi_alpha.research.model.fit import Fit, Kind, fit_part
from kalshi_alpha.research.model.measured import (
    MINUTE,
    UNIT,
    index_minute_ratio,
    of_one_source,
    unit_sessions,
)


@dataclass(frozen=True, slots=True)
class Calibration:
    """One fitted part with all that its file says of it."""

    symbol: str
    kind: Kind
    as_of: date
    fitted: Fit
    provenance: Mapping[str, Any]


def calibrate(
    panels: Mapping[int, Panel],
    kind: Kind,
    registry: Registry,
    *,
    index: Panel | None = None,
    through: date | None,
    bend: bool = False,
    blend: MarketBlends | None = None,
    command: str,
    created_at: datetime,
) -> Calibration:
    """Fit one part.

    Args:
        panels: bars by their minutes.
        kind: ``hourly`` or ``close``.
        registry: where the settlement basis comes from.
        index: the index's own one-minute bars, for panels of what stands in for it: the live meter
            reads the index, and its ranges run lower.
        through: last day used; the last there is when None.
        bend: whether the law is bent to where outcomes fell in it.
        blend: how the market's price is weighed in, or None.
        command: what was typed, for the provenance.
        created_at: aware.

    Raises:
        DataError: when there are no bars of five minutes or less, or too few sessions of them.
    """
    if not panels:
        raise DataError("there is nothing to fit on: give --bars files of this symbol")
    if min(panels) > UNIT:
        raise DataError(
            f"the law is fitted on bars of {UNIT} minutes or less, and the shortest given have "
            f"{min(panels)}: add a --bars file of finer ones"
        )
    if through is not None:
        panels = {step: panel.until(through) for step, panel in panels.items()}
        index = None if index is None else index.until(through)
    fine = {step: panel for step, panel in panels.items() if step <= UNIT and panel.days}
    used = of_one_source(fine)
    if not used:
        raise DataError(f"there are no sessions up to {through}: give earlier --bars files")
    symbol = used[min(used)].symbol
    wanted = registered(registry, symbol)
    basis = wanted.basis_close_points if kind == "close" else wanted.basis_points
    fitted = fit_part(used, kind, basis=basis, bend=bend)
    if used[min(used)].source != symbol:
        fitted = _for_the_index(fitted, index, used)
    if blend is not None:
        late = max(proof.last for proof in blend.evidence)
        if through is not None and late > through:
            raise DataError(
                f"the blend was found on trades to {late}, after {through}: that is looking ahead"
            )
        fitted = Fit(replace(fitted.parameters, blend=blend), fitted.evidence)
    last = max(panel.days[-1] for panel in used.values())
    manifest = [_noted(used[step]) for step in sorted(used)]
    if index is not None and index.days and index.source != used[min(used)].source:
        manifest.append(_noted(index))
    provenance = {
        "command": command,
        "created_at": iso(created_at.replace(microsecond=0)),
        "code": f"kalshi-alpha {kalshi_alpha.__version__}",
        "data": manifest,
        "data_hash": _hash(manifest),
        "config_hash": _hash(fit_settings() | {"registry": registry.hash}),
        "window": [fitted.evidence["first_session"], fitted.evidence["last_session"]],
        "evidence": fitted.evidence,
    }
    return Calibration(symbol, kind, through or last, fitted, provenance)


def index_minutes(files: Sequence[Path], symbol: str, *, last: date | None) -> Panel | None:
    """Return the index's own one-minute bars, None when the files hold none."""
    holding = []
    for file in files:
        with contextlib.suppress(DataError):
            read_panels([file], symbol, last=last, source=symbol)
            holding.append(file)
    return read_panels(holding, symbol, last=last, source=symbol).get(MINUTE) if holding else None


def read_blend(file: Path) -> MarketBlends:
    """Return the blends of a file that ``kalshi-alpha score-market`` wrote.

    Raises:
        DataError: when it cannot be read.
        ParameterError: when it holds no blend.
    """
    try:
        entry = json.loads(file.read_bytes())
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from None
    except ValueError:
        raise DataError(f"{file} is not JSON: give a market-blend.json of score-market") from None
    return blends_from_json(entry)


def write_part(made: Calibration, out: Path) -> bytes:
    """Put a part into the file, keeping its others; return the file's bytes.

    Raises:
        ParameterError: when the file there is not whole.
        DataError: when its other parts know other days.
    """
    parts: dict[str, dict[str, Any]] = {}
    provenance: dict[str, Any] = {}
    if out.exists():
        old = out.read_bytes()
        held = load_parameters(old, on=made.as_of, expired_too=True)
        for symbol, one in held.items():
            parts[symbol] = {kind: getattr(one, kind) for kind in KINDS}
            stays = [
                kind
                for kind in KINDS
                if parts[symbol][kind] is not None and (symbol, kind) != (made.symbol, made.kind)
            ]
            if stays and one.as_of != made.as_of:
                raise DataError(
                    f"{out} holds the {' and '.join(stays)} part of {symbol} through {one.as_of}, "
                    f"and this one is through {made.as_of}: give --through {one.as_of}, or another "
                    "--out"
                )
        provenance = provenance_of(old)
    parts.setdefault(made.symbol, dict.fromkeys(KINDS))[made.kind] = made.fitted.parameters
    provenance[f"{made.symbol} {made.kind}"] = dict(made.provenance)
    body = {
        symbol: SymbolParameters(symbol, made.as_of, made.as_of + LIFETIME, **held_parts)
        for symbol, held_parts in parts.items()
    }
    data = dump_parameters(body, dict(sorted(provenance.items())))
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, data)
    return data


def fit_settings() -> dict[str, Any]:
    """Return the constants a fit is made with, by name."""
    return {
        name: getattr(fit, name)
        for name in sorted(dir(fit))
        if name.isupper() and not name.startswith("_")
    }


def _for_the_index(fitted: Fit, index: Panel | None, panels: Mapping[int, Panel]) -> Fit:
    """Return a fit on a stand-in whose minutes are compared as the index measures them."""
    found = None if index is None else index_minute_ratio(index, unit_sessions(panels))
    ratio, sessions = (fit.ASSUMED_STAND_IN_RATIO, 0) if found is None else found
    evidence = fitted.evidence | {
        "stand_in": panels[min(panels)].source,
        "stand_in_minute_ratio": fitted.parameters.minute_ratio,
        "index_sessions": sessions,
    }
    return Fit(replace(fitted.parameters, minute_ratio=fit.rounded(ratio)), evidence)


def _noted(panel: Panel) -> dict[str, Any]:
    """Return what a panel gave to a fit; its hash is of the rows used, not of their files."""
    content = hashlib.sha256(",".join(map(str, panel.days)).encode())
    for each in (panel.open, panel.high, panel.low, panel.close):
        content.update(np.ascontiguousarray(each).tobytes())
    return {
        "files": sorted(note.name for note in panel.files if note.first <= panel.days[-1]),
        "bars_of": panel.source,
        "minutes_a_bar": panel.step,
        "days": len(panel.days),
        "first": panel.days[0].isoformat(),
        "last": panel.days[-1].isoformat(),
        "rows_sha256": content.hexdigest(),
    }


def _hash(document: Any) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()
