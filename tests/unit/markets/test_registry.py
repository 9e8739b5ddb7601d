"""The registry: what it ships, and that nothing impossible is accepted."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import time
from importlib import resources
from pathlib import Path

import pytest

from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.registry import load_registry, parse_registry

SHIPPED = resources.files("kalshi_alpha.markets").joinpath("registry.toml").read_text("utf-8")


def changed(old: str, new: str) -> str:
    assert old in SHIPPED
    return SHIPPED.replace(old, new, 1)


def test_the_four_index_series_and_their_ladders() -> None:
    series = load_registry().series

    assert {
        name: (s.symbol, s.family, s.kind, s.group, s.ticks_per_point, s.strike_step)
        for name, s in series.items()
    } == {
        "KXINXU": ("SPX", "index", "above", "index-hourly", 100, 5),
        "KXNASDAQ100U": ("NDX", "index", "above", "index-hourly", 100, 10),
        "KXINX": ("SPX", "index", "range", "index-close", 100, 25),
        "KXNASDAQ100": ("NDX", "index", "range", "index-close", 100, 100),
    }


def test_the_groups_know_their_series_fixings_and_phases() -> None:
    groups = load_registry().groups
    hourly, close = groups["index-hourly"], groups["index-close"]

    assert hourly.series == ("KXINXU", "KXNASDAQ100U")
    assert hourly.fixings == tuple(time(hour) for hour in range(10, 17))
    assert (close.series, close.fixings) == (("KXINX", "KXNASDAQ100"), (time(16),))
    assert (hourly.phases.prep, hourly.phases.make, hourly.phases.pull) == (600, 300, 2)
    assert (hourly.phases.pull_lead, hourly.phases.last_scan) == (0.25, 15)


def test_the_defaults_are_a_tiny_pilot() -> None:
    series = load_registry().series["KXINXU"]

    assert (series.caps.max_bins, series.caps.max_size) == (2, 100)
    assert series.caps.max_loss_per_strike == 1_000_000
    assert series.caps.max_loss_per_window == 4_000_000
    assert series.caps.max_loss_per_day == 20_000_000
    assert series.caps.max_loss_per_week == series.caps.bankroll == 60_000_000
    assert (series.quoting.min_ev, series.quoting.favor_ticks) == (500, 1)
    assert series.quoting.kelly_fraction == 0.25


def test_the_last_minute_is_never_laxer_than_the_time_before() -> None:
    for symbol in load_registry().symbols.values():
        assert symbol.lag_limit_s == 0.7
        assert symbol.silence_limit_s == 2.5
        assert symbol.lag_limit_s <= symbol.early_lag_limit_s < 900  # a delayed feed lags 15 min
        assert symbol.silence_limit_s <= symbol.early_silence_limit_s
        assert symbol.heartbeat_limit_s <= symbol.early_heartbeat_limit_s


def test_an_index_names_what_may_stand_in_for_it() -> None:
    symbols = load_registry().symbols

    assert symbols["SPX"].stand_ins == ("SPY", "ES")
    assert symbols["NDX"].stand_ins == ("QQQ", "MNQ_ADJ")


def test_a_series_or_group_overrides_defaults_key_by_key() -> None:
    registry = parse_registry(
        SHIPPED
        + """
        [series.KXINX.caps]
        max_size = "5"
        [series.KXINX.quoting]
        min_ev = "0.03"
        [groups.index-close.phases]
        make = 240
        """
    )

    assert registry.series["KXINX"].caps.max_size == 500
    assert registry.series["KXINX"].caps.max_bins == 2
    assert registry.series["KXINX"].quoting.min_ev == 300
    assert registry.series["KXINXU"].caps.max_size == 100
    assert registry.groups["index-close"].phases.make == 240
    assert registry.groups["index-hourly"].phases.make == 300


def test_the_hash_follows_what_is_said_and_not_how() -> None:
    shipped = load_registry().hash

    assert len(shipped) == 64
    assert parse_registry(SHIPPED).hash == shipped
    assert parse_registry("# a remark\n" + SHIPPED).hash == shipped
    assert parse_registry(changed('min_ev = "0.05"', 'min_ev = "0.0500"')).hash == shipped
    assert parse_registry(changed('min_ev = "0.05"', 'min_ev = "0.06"')).hash != shipped


def test_what_was_read_cannot_be_changed() -> None:
    registry = load_registry()

    with pytest.raises(FrozenInstanceError):
        registry.series["KXINX"].caps.max_bins = 9  # type: ignore[misc]
    with pytest.raises(TypeError):
        registry.series["KXBTC"] = registry.series["KXINX"]  # type: ignore[index]
    assert load_registry() is registry


def test_another_file_is_read_from_its_path(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(changed("max_bins = 2", "max_bins = 1"), encoding="utf-8")

    assert load_registry(file).series["KXINX"].caps.max_bins == 1
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_registry(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[caps]", "[cap]", "the registry has the unknown key 'cap'"),
        ("max_bins = 2", "max_bin = 2", "unknown key 'max_bin'"),
        ("max_bins = 2", "", "KXINXU.caps lacks max_bins"),
        ("max_bins = 2", 'max_bins = "2"', "Expected `int`"),
        ("max_bins = 2", "max_bins = 0", "`int` >= 1"),
        ("max_bins = 2", "max_bins = true", "Expected `int`"),
        ('max_size = "1.00"', "max_size = 1.00", "as text"),
        ('max_size = "1.00"', 'max_size = "0.001"', "not a whole multiple of 1/100"),
        ('bankroll = "60.00"', 'bankroll = "-60"', "`int` >= 1"),
        ("kelly_fraction = 0.25", "kelly_fraction = 1.5", "`float` <= 1.0"),
        ("favor_ticks = 1", "favor_ticks = -1", "`int` >= 0"),
        ("lag_limit_s = 0.7", "lag_limit_s = inf", "guards nothing"),
        ("lag_limit_s = 0.7", "lag_limit_s = nan", "guards nothing"),
        ("silence_limit_s = 2.5", "silence_limit_s = 0", "`float` > 0.0"),
        ("silence_limit_s = 2.5", "silence_limits = 2.5", "unknown key 'silence_limits'"),
        ('vendor_ticker = "I:SPX"', 'vendor_ticker = ""', "length >= 1"),
        ('vendor_ticker = "I:SPX"', 'name = "SPY"', "gives 'name'"),
        ('symbol = "SPX"', 'symbol = "RUT"', "'RUT', not a known symbol"),
        ('symbol = "SPX"', 'ticker = "KXRUT"', "gives 'ticker'"),
        ('kind = "above"', 'kind = "below"', "Invalid enum value 'below'"),
        ('group = "index-hourly"', 'group = "noon"', "'noon', not a known one"),
        ("[series.KXINXU]", '[series."kx inxu"]', "matching regex"),
        ("[groups.index-close]", "[groups.Close]", "matching regex"),
        ("fixings = [16:00:00]", "fixings = []", "has no fixings"),
        ("fixings = [16:00:00]", "fixings = [16:00:30]", "whole minute"),
        ("fixings = [16:00:00]", "fixings = [09:00:00]", "whole minute"),
        ("fixings = [16:00:00]", "fixings = [17:00:00]", "whole minute"),
        ("fixings = [16:00:00]", "fixings = [16:00:00, 16:00:00]", "must ascend"),
        ("fixings = [16:00:00]", "fixings = [16:00:00]\nseries = []", "gives 'series'"),
        ("make = 300", "make = 700", "prep .* must come before make"),
        ("last_scan = 15", "last_scan = 2", "must come before the pull"),
        ("last_scan = 15", "last_scan = 30", "arm .* must come before last_scan"),
        ("pull = 2 ", "pull = 1 ", "`float` >= 2.0"),
        ("least_share = 0.1", "least_share = 0", "`float` > 0.0"),
        ("refuse_ratio = 1.5", "refuse_ratio = 1.0", "`float` > 1.0"),
        ("refuse_sigmas = 5.0", "", "drift lacks refuse_sigmas"),
        ("refuse_sigmas = 5.0", "refuse_sigmas = 3.5", "drift.sigmas .* must be below"),
        ("oldest_days = 14", "oldest_days = 9", "drift.fresh_days .* must be below"),
        ('accountability = "25000.00"', 'accountability = "1.00"', "per_strike reaches all.acc"),
        ("level = 0.99", "level = 0.4", "`float` > 0.5"),
        ("max_drawdown = ", "drawdown = ", "all has the unknown key 'drawdown'"),
        ('max_shortfall = "5.00"', "max_shortfall = 5", "write dollars or contracts as text"),
        ("measured = 0.922", "measured = 1.0", "`float` <= 0.999"),
        ("measured = 0.922", "measured = 0.8", r"low \(0.899\) is above measured \(0.8\)"),
        ('symbols = ["NDX", "SPX"]', 'symbols = ["SPX", "NDX"]', "two symbols in order"),
        ('symbols = ["NDX", "SPX"]', 'symbols = ["RUT", "SPX"]', "'RUT', not a known symbol"),
        ("[[risk.pairs]]", "[risk.pairs]", r"write each as \[\[risk.pairs\]\]"),
        ("[caps]", "[caps", "not TOML"),
        ("[symbols.SPX]", "[groups.noon]\nfixings = [12:00:00]\n[symbols.SPX]", "no series is in"),
    ],
)
def test_what_is_unknown_missing_or_impossible_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse_registry(changed(old, new))


def test_a_table_that_is_no_table_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="needs a table 'series'"):
        parse_registry(SHIPPED.split("[series.KXINXU]")[0])
    with pytest.raises(ConfigurationError, match="series needs a table 'KXBTC'"):
        parse_registry("series.KXBTC = 1\n" + SHIPPED)


def test_the_shipped_risk_says_what_its_correlation_rests_on() -> None:
    risk = load_registry().risk

    assert risk.correlations == {("NDX", "SPX"): (0.899, 0.922)}
    assert "kalshi-alpha correlation" in risk.pairs[0].source
    assert (risk.level, risk.max_shortfall) == (0.99, 5_000_000)
