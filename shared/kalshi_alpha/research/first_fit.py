"""Fit the first index parameters from recorded bars, and say what they are worth.

    python -m kalshi_alpha.research.first_fit --data DIR --through 2025-11-03 --out FILE

The scores printed are of the last third of the sessions, with everything fitted on the first two
thirds; the file then holds a fit on all sessions. Nothing after ``--through`` is read. The same
data and arguments give the same bytes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

import kalshi_alpha
from kalshi_alpha.clock import SystemClock, from_iso, iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.pricing.parameters import (
    LIFETIME,
    Basis,
    Drift,
    IndexParameters,
    dump_parameters,
)
from kalshi_alpha.pricing.table import StandardTable, student_table
from kalshi_alpha.pricing.variance import SESSION_MINUTES, VarianceCurve
from kalshi_alpha.research.bars import DAILY, read_daily_closes, read_paths, sha256_of
from kalshi_alpha.research.variance_fit import (
    STEP,
    TRAILING,
    History,
    fit_curve,
    fit_freedom,
    fit_mix,
    fit_momentum,
    forecasts,
    make_cases,
    normal_log_density,
    qlike,
    student_log_density,
)

# Settlement values were compared with official closes on three days only: the differences had a
# size of 0.02 to 0.4 points at 16:00, and nothing is known of the other hours.
SPX_BASIS = Basis(close=0.2, other=0.1)


ASSUMPTIONS = (
    "The basis is not fitted: 0.2 points at 16:00 and 0.1 at other hours for SPX, after three days "
    "of published settlement values; NDX has the same in relation to its level. "
    "NDX is fitted on QQQ: log returns are taken to be those of the index. "
    "Realised variance is of 5-minute returns here and of 1-minute returns live; on recorded "
    "1-minute bars of the funds the two agree on average within about ten per cent. "
    "One Student law serves all horizons from 5 to 30 minutes, and shorter ones, not seen here. "
    "The drift is off: the momentum over ten minutes is recorded with its error and not used."
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a symbol's bars are.

    ``stands_in_for`` names the index that ``symbol`` is a stand-in of, or is empty.
    """

    symbol: str
    fine: str
    coarse: str
    stands_in_for: str = ""


SOURCES = {
    "SPX": Source("SPX", "spx_5m", "spx_30m"),
    "NDX": Source("QQQ", "etf_5m", "qqq_30m", stands_in_for="NDX"),
}


def read_history(data: Path, source: Source, through: date) -> History:
    """Read a symbol's sessions; coarse bars give the level where there are no fine ones yet."""
    # Funds have bars on half days up to 16:00; the index says which days were whole.
    whole = frozenset(read_paths(data, "spx_30m", "SPX", 30, through).days)
    fine = read_paths(data, source.fine, source.symbol, STEP, through).on(whole)
    coarse = read_paths(data, source.coarse, source.symbol, 30, through).on(whole)
    by_day = dict(zip(coarse.days, coarse.squares.sum(axis=1), strict=True))
    by_day |= dict(zip(fine.days, fine.squares.sum(axis=1), strict=True))
    days = sorted(by_day)
    variance = np.array([by_day[day] for day in days])
    before = [days.index(day) for day in fine.days]
    if min(before) < TRAILING:
        raise DataError(
            f"{source.symbol} has fewer than {TRAILING} sessions before its 5-minute bars"
        )
    levels = np.array([variance[k - TRAILING : k].mean() for k in before])
    return History(fine, coarse, variance, levels, float(variance[-TRAILING:].mean()))


def score_table(symbol: str, history: History) -> list[str]:
    """Return the lines that score each step away from constant variance, out of sample."""
    count = len(history.fine.days)
    train, test = slice(0, count * 2 // 3), slice(count * 2 // 3, count)
    # The coarse bars end where the training sessions do, or the curve would look ahead.
    known = sum(day <= history.fine.days[train.stop - 1] for day in history.coarse.days)
    curve = fit_curve(history.fine.squares[train], history.coarse.squares[:known])
    mix = fit_mix(make_cases(history, curve, train))
    freedom = fit_freedom(make_cases(history, curve, train), mix)
    cases = make_cases(history, curve, test)
    flat = cases.level * cases.minutes / SESSION_MINUTES
    live = forecasts(cases, mix)
    tailed = student_log_density(cases.moved / np.sqrt(live), freedom) - np.log(live) / 2
    rows = (
        ("constant variance, normal", flat, normal_log_density(cases.moved, flat)),
        ("curve, normal", cases.typical, normal_log_density(cases.moved, cases.typical)),
        ("curve x regime, normal", live, normal_log_density(cases.moved, live)),
        (f"curve x regime, t({freedom:.2f})", live, tailed),
    )
    head = (
        f"{symbol}: {count - test.start} sessions from {history.fine.days[test.start]}, "
        f"{len(cases.moved)} cases; fitted on the {train.stop} before"
    )
    return [
        head,
        f"  {'model':34}{'QLIKE':>10}{'log score':>11}",
        *(
            f"  {name:34}{qlike(cases.moved, variance):10.4f}{float(scores.mean()):11.4f}"
            for name, variance, scores in rows
        ),
    ]


def fit_symbol(
    symbol: str, history: History, basis: Basis, as_of: date
) -> tuple[IndexParameters, dict[str, Any]]:
    """Fit one symbol on all its sessions; return its parameters and what they rest on."""
    curve = fit_curve(history.fine.squares, history.coarse.squares)
    cases = make_cases(history, curve, slice(None))
    mix = fit_mix(cases)
    freedom = fit_freedom(cases, mix)
    parameters = IndexParameters(
        symbol=symbol,
        as_of=as_of,
        valid_until=as_of + LIFETIME,
        level=float(f"{history.level:.6g}"),
        curve=VarianceCurve(tuple(float(x) for x in curve)),
        mix=mix,
        table=_rounded(student_table(freedom, reach=1000.0, step=0.15)),
        basis=basis,
        drift=Drift(momentum=0.0, max_sd=0.25),
    )
    slope, error = fit_momentum(cases, mix)
    standardised = cases.moved / np.sqrt(forecasts(cases, mix))
    evidence = {
        "files": [history.fine.file, history.coarse.file],
        "cases": len(cases.moved),
        "freedom": freedom,
        "qlike": round(qlike(cases.moved, forecasts(cases, mix)), 4),
        "momentum": round(slope, 4),
        "momentum_error": round(error, 4),
        "mean_square": round(float(np.mean(standardised**2)), 3),
    }
    return parameters, evidence


def fit(data: Path, through: date, command: str, created_at: str) -> tuple[bytes, list[str]]:
    """Return the parameter file of all symbols and the lines of the score table."""
    body: dict[str, IndexParameters] = {}
    evidence: dict[str, Any] = {}
    lines: list[str] = []
    for symbol, source in SOURCES.items():
        history = read_history(data, source, through)
        last = history.fine.days[-1]
        basis, notes = _basis(data, source, history)
        body[symbol], found = fit_symbol(symbol, history, basis, through)
        evidence[symbol] = found | notes | {"trailing_sessions": TRAILING, "level_day": str(last)}
        lines += score_table(symbol, history)
    provenance = {
        "created_at": created_at,
        "code": f"kalshi-alpha {kalshi_alpha.__version__}",
        "command": command,
        "data_through": through.isoformat(),
        "symbols": evidence,
        "assumptions": ASSUMPTIONS,
    }
    return dump_parameters(body, provenance), lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit, write the file and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of recorded bars")
    parser.add_argument("--through", type=date.fromisoformat, required=True, help="last day read")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    parser.add_argument("--created-at", default="", help="time to record; now when not given")
    chosen = parser.parse_args(arguments)
    created = from_iso(chosen.created_at) if chosen.created_at else SystemClock().now()
    command = (
        "python -m kalshi_alpha.research.first_fit --data DIR "
        f"--through {chosen.through} --out {chosen.out.name}"
    )
    content, lines = fit(chosen.data, chosen.through, command, iso(created.replace(microsecond=0)))
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_bytes(content)
    print("\n".join(lines))  # noqa: T201 - the table is what the command is for
    print(f"wrote {chosen.out} ({len(content)} bytes)")  # noqa: T201 - says where it went


def _basis(data: Path, source: Source, history: History) -> tuple[Basis, dict[str, Any]]:
    """Return the basis in points, and for a stand-in how it compares with its index."""
    if not source.stands_in_for:
        return SPX_BASIS, {}
    index = read_daily_closes(data, source.stands_in_for, history.fine.days)
    spx = read_daily_closes(data, "SPX", history.fine.days)
    fund = dict(zip(history.fine.days, np.exp(history.fine.logs[:, -1]), strict=True))
    day = max(index.keys() & spx.keys() & fund.keys())
    ratio = index[day] / spx[day]
    notes = {
        "stands_in": source.symbol,
        "level_ratio": round(float(index[day] / fund[day]), 4),
        "level_over_spx": round(float(ratio), 4),
        "level_ratio_day": day.isoformat(),
        "daily_file": {"file": DAILY, "sha256": sha256_of(data / DAILY)},
    }
    return Basis(round(SPX_BASIS.close * ratio, 2), round(SPX_BASIS.other * ratio, 2)), notes


def _rounded(table: StandardTable) -> StandardTable:
    return StandardTable(
        tuple(round(x, 6) for x in table.knots), tuple(round(x, 6) for x in table.log_odds)
    )


if __name__ == "__main__":
    main()
