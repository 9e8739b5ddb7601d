"""The shipped temperature days: their notice, and what was fitted on the days before them."""

import hashlib
from importlib import resources

import pytest

from kalshi_alpha.momentum.horizon import TRADES, horizons_from_json
from kalshi_alpha.momentum.odds import odds_from_json
from kalshi_alpha.momentum.pool import pool_from_json
from kalshi_alpha.rehearsal.recorded_temperature import (
    recorded_days,
    shipped_horizon,
    shipped_odds,
    shipped_pool,
)


def test_the_notice_names_the_author_and_the_bytes_of_every_file():
    folder = resources.files("kalshi_alpha.rehearsal").joinpath("data", "temperature")
    notice = folder.joinpath("README.md").read_text("utf-8")
    assert "`cpratim/Kalshi-Weather-Trading`" in notice
    files = [one for one in folder.iterdir() if one.name != "README.md"]
    assert len(files) == 6
    for one in files:
        digest = hashlib.sha256(one.read_bytes()).hexdigest()
        (line,) = [row for row in notice.splitlines() if row.startswith(f"| {one.name} | ")]
        assert f"`{digest}`" in line


@pytest.mark.parametrize("day", recorded_days())
def test_what_was_fitted_may_be_used_on_each_day_and_rests_on_trades_alone(day):
    assert pool_from_json(shipped_pool(), day).powers
    found = horizons_from_json(shipped_horizon(), day)
    assert list(found) == [TRADES]
    assert odds_from_json(shipped_odds(), day).evidence == "trade_through"
