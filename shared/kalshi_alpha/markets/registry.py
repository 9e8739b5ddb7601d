"""What is traded, when, and within which limits, read from ``registry.toml``.

The file is the single source of truth: series, symbols, groups of windows, phases and caps. It is
checked whole when read; unknown keys, missing keys and contradictions are refused. ``[caps]``,
``[quoting]`` and ``[phases]`` are defaults that a series or a group may override key by key. The
macro families' own file adds its tables to these when they are on.
"""

from __future__ import annotations

import functools
import hashlib
import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields
from datetime import time
from importlib import resources
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.markets.traded import MACRO_TABLE, trades_macro
from kalshi_alpha.markets.units import cash_from_text, price_from_text, size_from_text

Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Name = Annotated[str, msgspec.Meta(min_length=1)]
# Nearer to one than that there is only one itself, which is looked at anyway.
Correlation = Annotated[float, msgspec.Meta(ge=-0.999, le=0.999)]
T = TypeVar("T")

# The contract terms let an index event refer to these New York times only.
_FIRST_FIXING, _LAST_FIXING = time(9, 30), time(16, 0)
# Out of the book two seconds before the fixing is a law of the house, not a setting.
_LATEST_PULL = 2.0


@dataclass(frozen=True, slots=True)
class Caps:
    """Limits on one series. Money is cash (1/1000000 dollar), ``max_size`` 1/100 contract."""

    max_bins: Count
    max_size: Count
    bankroll: Count
    max_loss_per_strike: Count
    max_loss_per_window: Count
    max_loss_per_day: Count
    max_loss_per_week: Count


@dataclass(frozen=True, slots=True)
class FamilyLimits:
    """Limits on all series of a family together, in cash."""

    max_loss_per_day: Count
    max_loss_per_week: Count


@dataclass(frozen=True, slots=True)
class AllLimits:
    """Limits on everything that is traded together, in cash.

    Attributes:
        max_loss_per_fixing: through all ladders that one instant decides.
        max_loss_per_day: of all families.
        max_loss_per_week: of all families.
        max_drawdown: given back from the highest point of the last days, at which quoting stops.
        drawdown_days: how many days those are.
        accountability: position in one strike from which the venue may ask a member for reasons;
            every cap on a strike lies below it.
    """

    max_loss_per_fixing: Count
    max_loss_per_day: Count
    max_loss_per_week: Count
    max_drawdown: Count
    drawdown_days: Count
    accountability: Count


@dataclass(frozen=True, slots=True)
class Pair:
    """How two symbols hang together: the correlation of their normal copula.

    Attributes:
        symbols: their names, in order.
        measured: the estimate.
        low: how low it may be.
        source: what was measured, and how to do it again.
    """

    symbols: tuple[Name, Name]
    measured: Correlation
    low: Correlation
    source: Name


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """What one fixing may lose under the laws that quote it.

    Attributes:
        level: of value at risk and expected shortfall, such as 0.99.
        max_shortfall: expected shortfall in cash, at most.
        shade_ticks: how many ticks further back a quote rests that adds to what is held, at most.
        pairs: the correlations that are known.
    """

    level: Annotated[float, msgspec.Meta(gt=0.5, lt=1)]
    max_shortfall: Count
    shade_ticks: Annotated[int, msgspec.Meta(ge=0)]
    pairs: tuple[Pair, ...]

    @property
    def correlations(self) -> dict[tuple[str, str], tuple[float, ...]]:
        """Return the correlations to look at, by pair of symbols."""
        return {pair.symbols: (pair.low, pair.measured) for pair in self.pairs}


@dataclass(frozen=True, slots=True)
class DriftLimits:
    """How far the law may drift from what happens before sizes shrink or nothing is quoted.

    Attributes:
        days: calendar days back that laws are looked at.
        fewest_days: with fewer days than this nothing is said, ...
        fewest_laws: ... nor with fewer laws.
        sigmas: half width of the intervals, in errors; what lies inside proves nothing.
        refuse_ratio: refuse when realised over implied variance is proven to be beyond this factor,
            either way.
        refuse_sigmas: refuse when the settlements' places are further off than this.
        fresh_days: parameters that know nothing of more days than this shrink sizes ...
        oldest_days: ... and of more than this refuse.
        least_share: what is left of a size at the least, short of a refusal.
    """

    days: Count
    fewest_days: Annotated[int, msgspec.Meta(ge=2)]
    fewest_laws: Count
    sigmas: Positive
    refuse_ratio: Annotated[float, msgspec.Meta(gt=1)]
    refuse_sigmas: Positive
    fresh_days: Count
    oldest_days: Count
    least_share: Annotated[float, msgspec.Meta(gt=0, le=1)]


@dataclass(frozen=True, slots=True)
class Quoting:
    """When a price is worth quoting.

    Attributes:
        min_ev: expected 1/10000 dollar a contract after fees, at least.
        favor_ticks: how many ticks better or worse than the best price may be joined.
        kelly_fraction: the share of Kelly's stake that is taken, in (0, 1].
    """

    min_ev: Count
    favor_ticks: Annotated[int, msgspec.Meta(ge=0)]
    kelly_fraction: Annotated[float, msgspec.Meta(gt=0, le=1)]


@dataclass(frozen=True, slots=True)
class Phases:
    """The times of a window: seconds before the fixing, and after it for the last two."""

    prep: Positive
    make: Positive
    strict: Positive
    arm: Positive
    pull: Annotated[float, msgspec.Meta(ge=_LATEST_PULL)]
    pull_lead: Positive
    scan_every: Positive
    last_scan: Positive
    reconcile_after: Positive
    thaw: Positive


@dataclass(frozen=True, slots=True)
class Symbol:
    """One index and how fresh its feed must be; the ``early`` limits rule before the last minute.

    Attributes:
        name: our name, such as ``SPX``.
        vendor_ticker: the feed's name, such as ``I:SPX``.
        stand_ins: what is traded on it and may stand in for its returns in research, best first.
        lag_limit_s: receive time less message time, at most, in seconds.
        silence_limit_s: steady seconds since the last message, at most.
        heartbeat_limit_s: age of the sentry's last heartbeat, at most, in seconds.
        early_lag_limit_s: as ``lag_limit_s``, early.
        early_silence_limit_s: as ``silence_limit_s``, early.
        early_heartbeat_limit_s: as ``heartbeat_limit_s``, early.
        jump_limit: a value further from the last than this share of it is not believed.
        basis_close_points: standard deviation, in points, between the venue's print and our feed at
            the session's close.
        basis_points: the same at the other fixings.
        near_strike_points: no quote when a strike is nearer than this, in points, ...
        near_strike_within_s: ... and the fixing nearer than this, in seconds.
    """

    name: Name
    vendor_ticker: Name
    stand_ins: tuple[Name, ...]
    lag_limit_s: Positive
    silence_limit_s: Positive
    heartbeat_limit_s: Positive
    early_lag_limit_s: Positive
    early_silence_limit_s: Positive
    early_heartbeat_limit_s: Positive
    jump_limit: Annotated[float, msgspec.Meta(gt=0, lt=1)]
    basis_close_points: Positive
    basis_points: Positive
    near_strike_points: Positive
    near_strike_within_s: Positive


@dataclass(frozen=True, slots=True)
class Figure:
    """One published figure: how long ago its source may last have said so.

    Attributes:
        name: our name, such as ``cpi-sa``.
        fresh_hours: age of the oldest source that its law needs, at most.
    """

    name: Name
    fresh_hours: Positive


@dataclass(frozen=True, slots=True)
class Series:
    """One series of events, its ladder and its limits.

    Attributes:
        ticker: the venue's name, such as ``KXINXU``.
        symbol: the index or the published figure it settles on.
        family: which family makes its terminal law.
        kind: ``above`` is a nested ladder of thresholds, ``range`` a partition into buckets.
        group: the group of windows it is quoted in.
        ticks_per_point: settlement ticks in one point of the index, or unit of the figure.
        strike_step: points between neighbouring strikes.
        caps: its limits.
        quoting: when its prices are worth quoting.
    """

    ticker: Annotated[str, msgspec.Meta(pattern=r"\A[0-9]*[A-Z][A-Z0-9]*\Z")]
    symbol: Name
    family: Name
    kind: Literal["above", "range"]
    group: Name
    ticks_per_point: Count
    strike_step: Positive
    caps: Caps
    quoting: Quoting


@dataclass(frozen=True, slots=True)
class Group:
    """Series quoted together at the same fixings, which are New York times of day, ascending.

    A group with a ``release``, a kind of the calendar of releases, has no fixings of its own: its
    windows end when the venue's listing says that trading in the release's events does.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z-]*\Z")]
    series: tuple[str, ...]
    fixings: tuple[time, ...]
    phases: Phases
    release: str = ""


@dataclass(frozen=True, slots=True)
class Registry:
    """Everything the registry says; ``hash`` is the SHA-256 of the effective configuration."""

    symbols: Mapping[str, Symbol]
    figures: Mapping[str, Figure]
    series: Mapping[str, Series]
    groups: Mapping[str, Group]
    families: Mapping[str, FamilyLimits]
    all: AllLimits
    risk: RiskLimits
    drift: DriftLimits
    hash: str


def load_registry(path: Path | None = None) -> Registry:
    """Read what this process trades, once, or another file.

    Without a path it is the registry shipped with the package, with the macro families in it where
    ``markets/macro.toml`` or ``traded.trade`` has turned them on.

    Raises:
        ConfigurationError: when the file cannot be read or says something impossible.
    """
    if path is None:
        return _shipped(trades_macro())
    try:
        return parse_registry(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigurationError(
            f"the registry {path} cannot be read: {why}; give a readable TOML file"
        ) from None


def parse_registry(text: str, more: Mapping[str, Mapping[str, Any]] | None = None) -> Registry:
    """Read a registry from TOML, and ``more`` of its tables by name from elsewhere.

    Raises:
        ConfigurationError: when it says something impossible, or a thing twice.
    """
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also a number of a thousand digits
        raise ConfigurationError(f"the registry is not TOML: {str(error)[:200]}") from None
    defaults = ("caps", "quoting", "phases")
    named = ("symbols", "series", "groups", "families")
    _only(tree, (*defaults, "all", "risk", "drift", *named), "the registry")
    caps, quoting, phases = (_table(tree, name, "the registry") for name in defaults)
    named_symbols, named_series, named_groups, named_families = (
        _joined(name, _table(tree, name, "the registry"), (more or {}).get(name, {}))
        for name in named
    )
    figures = {
        name: _build(Figure, {**table, "name": name}, name)
        for name, table in (more or {}).get("figures", {}).items()
    }
    everything = _build(AllLimits, _money(_table(tree, "all", "the registry"), "all"), "all")
    risk = _risk(_table(tree, "risk", "the registry"))
    drift = _drift(_table(tree, "drift", "the registry"))
    symbols = {
        name: _symbol(name, _table(named_symbols, name, "symbols")) for name in named_symbols
    }
    series = {
        name: _series(name, _table(named_series, name, "series"), caps, quoting)
        for name in named_series
    }
    groups = {
        name: _group(name, _table(named_groups, name, "groups"), phases, series)
        for name in named_groups
    }
    families = {
        name: _build(
            FamilyLimits, _money(_table(named_families, name, "families"), name), f"families.{name}"
        )
        for name in named_families
    }
    _cross_check(symbols.keys() | figures.keys(), series, groups, families)
    _check_pairs(risk.pairs, symbols)
    _check_accountability(series, everything)
    effective = {
        "symbols": symbols,
        **({"figures": figures} if figures else {}),
        "series": series,
        "groups": groups,
        "families": families,
        "all": everything,
        "risk": risk,
        "drift": drift,
    }
    return Registry(
        symbols=MappingProxyType(symbols),
        figures=MappingProxyType(figures),
        series=MappingProxyType(series),
        groups=MappingProxyType(groups),
        families=MappingProxyType(families),
        all=everything,
        risk=risk,
        drift=drift,
        hash=hashlib.sha256(msgspec.json.encode(effective, order="sorted")).hexdigest(),
    )


@functools.cache
def _shipped(macro: bool) -> Registry:
    more = None
    if macro:
        from kalshi_alpha.markets.macro import registry_tables  # noqa: PLC0415 - only when it is on

        more = registry_tables(_text(MACRO_TABLE))
    return parse_registry(_text("registry.toml"), more)


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _joined(
    name: str, here: Mapping[str, Any], there: Mapping[str, Any]
) -> Mapping[str, Mapping[str, Any]]:
    twice = sorted(here.keys() & there.keys())
    if twice:
        raise ConfigurationError(f"{name}.{twice[0]} is given twice: keep one of the two")
    return {**here, **there}


def _symbol(name: str, table: Mapping[str, Any]) -> Symbol:
    _underived(table, ("name",), name)
    return _build(Symbol, {**table, "name": name}, name)


def _series(
    name: str, table: Mapping[str, Any], caps: Mapping[str, Any], quoting: Mapping[str, Any]
) -> Series:
    _underived(table, ("ticker",), name)
    own_caps = _money({**caps, **_table(table, "caps", name, optional=True)}, name)
    own_quoting = _money({**quoting, **_table(table, "quoting", name, optional=True)}, name)
    built: dict[str, Any] = {
        **table,
        "ticker": name,
        "caps": _build(Caps, own_caps, f"{name}.caps"),
        "quoting": _build(Quoting, own_quoting, f"{name}.quoting"),
    }
    return _build(Series, built, name)


def _group(
    name: str, table: Mapping[str, Any], phases: Mapping[str, Any], series: Mapping[str, Series]
) -> Group:
    _underived(table, ("name", "series"), name)
    own_phases = {**phases, **_table(table, "phases", name, optional=True)}
    built: dict[str, Any] = {
        "release": "",
        **({"fixings": []} if table.get("release") else {}),
        **table,
        "name": name,
        "series": tuple(s.ticker for s in series.values() if s.group == name),
        "phases": _build(Phases, own_phases, f"{name}.phases"),
    }
    group = _build(Group, built, name)
    _check_phases(group)
    _check_fixings(group)
    return group


def _drift(table: Mapping[str, Any]) -> DriftLimits:
    limits = _build(DriftLimits, table, "drift")
    for first, then in (("sigmas", "refuse_sigmas"), ("fresh_days", "oldest_days")):
        if getattr(limits, first) >= getattr(limits, then):
            raise ConfigurationError(
                f"drift.{first} ({getattr(limits, first)}) must be below drift.{then} "
                f"({getattr(limits, then)}): sizes shrink before nothing is quoted"
            )
    return limits


def _risk(table: Mapping[str, Any]) -> RiskLimits:
    pairs = table.get("pairs", [])
    if not isinstance(pairs, list) or not all(isinstance(pair, dict) for pair in pairs):
        raise ConfigurationError("risk.pairs must be tables: write each as [[risk.pairs]]")
    built = tuple(_build(Pair, pair, f"risk.pairs {k}") for k, pair in enumerate(pairs, start=1))
    return _build(RiskLimits, {**_money(table, "risk"), "pairs": built}, "risk")


_MONEY: Mapping[str, Callable[[str], int]] = MappingProxyType(
    {
        "max_size": size_from_text,
        "bankroll": cash_from_text,
        "max_loss_per_strike": cash_from_text,
        "max_loss_per_window": cash_from_text,
        "max_loss_per_fixing": cash_from_text,
        "max_drawdown": cash_from_text,
        "accountability": cash_from_text,
        "max_shortfall": cash_from_text,
        "max_loss_per_day": cash_from_text,
        "max_loss_per_week": cash_from_text,
        "min_ev": price_from_text,
    }
)


def _money(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Turn the texts of money and size into integers; a bare number is refused as ambiguous."""
    read = dict(table)
    for key in read.keys() & _MONEY.keys():
        if not isinstance(read[key], str):
            raise ConfigurationError(
                f'{where}.{key} is {read[key]!r}: write dollars or contracts as text, as "1.00"'
            )
        try:
            read[key] = _MONEY[key](read[key])
        except DataError as error:
            raise ConfigurationError(f"{where}.{key}: {error}") from None
    return read


def _build(cls: type[T], table: Mapping[str, Any], where: str) -> T:
    """Make a checked record of ``table``, which must hold exactly the fields of ``cls``."""
    names = tuple(field.name for field in fields(cls))  # type: ignore[arg-type]
    _only(table, names, where)
    missing = [name for name in names if name not in table]
    if missing:
        raise ConfigurationError(f"{where} lacks {', '.join(missing)}: add it to the registry")
    endless = [name for name in names if _endless(table[name])]
    if endless:
        raise ConfigurationError(
            f"{where}.{endless[0]} is {table[endless[0]]}: a limit without end guards nothing"
        )
    try:
        return msgspec.convert(table, cls)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{where}: {error}") from None


def _endless(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _underived(table: Mapping[str, Any], names: tuple[str, ...], where: str) -> None:
    given = sorted(table.keys() & set(names))
    if given:
        raise ConfigurationError(
            f"{where} gives {given[0]!r}, which follows from the table's name and from the series"
        )


def _only(table: Mapping[str, Any], names: tuple[str, ...], where: str) -> None:
    unknown = sorted(table.keys() - set(names))
    if unknown:
        raise ConfigurationError(
            f"{where} has the unknown key {unknown[0]!r}; known are {', '.join(names)}"
        )


def _table(
    tree: Mapping[str, Any], key: str, where: str, *, optional: bool = False
) -> Mapping[str, Any]:
    found = tree.get(key, {} if optional else None)
    if not isinstance(found, dict):
        raise ConfigurationError(f"{where} needs a table {key!r}")
    return found


def _check_phases(group: Group) -> None:
    phases = group.phases
    descending = ("prep", "make", "strict", "arm", "last_scan")
    for earlier, later in pairwise(descending):
        if getattr(phases, earlier) <= getattr(phases, later):
            raise ConfigurationError(
                f"{group.name}.phases: {earlier} ({getattr(phases, earlier)} s before the fixing) "
                f"must come before {later} ({getattr(phases, later)} s)"
            )
    if phases.last_scan <= phases.pull + phases.pull_lead:
        raise ConfigurationError(
            f"{group.name}.phases: last_scan ({phases.last_scan} s before the fixing) must come "
            f"before the pull ({phases.pull} + {phases.pull_lead} s)"
        )


def _check_fixings(group: Group) -> None:
    if group.release:
        if group.fixings:
            raise ConfigurationError(
                f"the group {group.name} has fixings and a release: the listing says when trading "
                "in a release ends, so leave the fixings out"
            )
        return
    if not group.fixings:
        raise ConfigurationError(f"the group {group.name} has no fixings")
    for fixing in group.fixings:
        whole = not fixing.second and not fixing.microsecond
        if not whole or fixing.tzinfo or not _FIRST_FIXING <= fixing <= _LAST_FIXING:
            raise ConfigurationError(
                f"the group {group.name} has a fixing at {fixing}: it must be a whole minute of "
                f"New York time from {_FIRST_FIXING:%H:%M} to {_LAST_FIXING:%H:%M}"
            )
    if any(later <= earlier for earlier, later in pairwise(group.fixings)):
        raise ConfigurationError(f"the fixings of the group {group.name} must ascend")


def _cross_check(
    symbols: AbstractSet[str],
    series: Mapping[str, Series],
    groups: Mapping[str, Group],
    families: Mapping[str, FamilyLimits],
) -> None:
    for one in series.values():
        if one.family not in families:
            raise ConfigurationError(
                f"{one.ticker} is of the family {one.family!r}, which has no limits: add "
                f"[families.{one.family}]"
            )
        if one.symbol not in symbols:
            raise ConfigurationError(f"{one.ticker} settles on {one.symbol!r}, not a known symbol")
        if one.group not in groups:
            raise ConfigurationError(f"{one.ticker} is in the group {one.group!r}, not a known one")
    for group in groups.values():
        if not group.series:
            raise ConfigurationError(f"no series is in the group {group.name}: remove it")


def _check_pairs(pairs: Sequence[Pair], symbols: Mapping[str, Symbol]) -> None:
    seen = set()
    for pair in pairs:
        one, other = pair.symbols
        if not one < other or pair.symbols in seen:
            raise ConfigurationError(
                f"risk.pairs names {one} and {other}: two symbols in order, each pair once"
            )
        seen.add(pair.symbols)
        for name in pair.symbols:
            if name not in symbols:
                raise ConfigurationError(f"risk.pairs names {name!r}, not a known symbol")
        if pair.low > pair.measured:
            raise ConfigurationError(
                f"risk.pairs of {one} and {other}: low ({pair.low}) is above measured "
                f"({pair.measured})"
            )


def _check_accountability(series: Mapping[str, Series], everything: AllLimits) -> None:
    for one in series.values():
        if one.caps.max_loss_per_strike >= everything.accountability:
            raise ConfigurationError(
                f"{one.ticker}.caps.max_loss_per_strike reaches all.accountability: the venue asks "
                "a member with such a position for reasons; lower the cap"
            )
