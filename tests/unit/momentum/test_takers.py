"""Takers of recorded days: what is one event, which hours count, and what the later days say."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.momentum.hawkes import HawkesParameters
from kalshi_alpha.research.temperature.hawkes_fit import simulate
from kalshi_alpha.research.temperature.takers import excited, main, stretch_of
from kalshi_alpha.research.temperature.trades import Event
from tests.made_brackets import made_brackets

pytestmark = pytest.mark.xdist_group("hawkes-kernel")  # compiled once
HOUR = 3600.0


def day(at, bought, number=0) -> Event:
    rows = np.argsort(at, kind="stable")
    at, bought = np.asarray(at, float)[rows], np.asarray(bought, bool)[rows]
    return Event(
        name=f"KXHIGHNY-{number}",
        series="KXHIGHNY",
        day=date(2024, 8, 16) + timedelta(days=number),
        start_s=0.0,
        brackets=made_brackets(),
        winner=0,
        at=at,
        bracket=np.zeros(len(at), np.int64),
        price=np.full(len(at), 0.5),
        count=np.ones(len(at)),
        bought=bought,
    )


def made_days(parameters, count):
    found = []
    for number in range(count):
        made = simulate(parameters, 7 * HOUR, number)
        found.append(day(10 * HOUR + made.at, made.kind == 0, number))
    return found


def test_a_sweep_at_one_instant_is_one_event_of_its_side():
    noon = 12 * HOUR
    found = stretch_of(day([noon, noon, noon, noon + 1], [True, True, False, True]))

    assert found.at.tolist() == [noon, noon, noon + 1]
    assert found.kind.tolist() == [0, 1, 0]


def test_only_the_hours_in_which_the_high_is_made_count():
    found = stretch_of(day([9.9 * HOUR, 10 * HOUR, 16.9 * HOUR, 17 * HOUR], [True] * 4))

    assert found.at.tolist() == [10 * HOUR, 16.9 * HOUR]
    assert (found.since, found.until) == (10 * HOUR, 17 * HOUR)


def test_days_that_excite_are_told_from_constant_rates():
    process = HawkesParameters((0.006, 0.004), ((0.35, 0.2), (0.2, 0.35)), 0.05)
    found = excited("KXHIGHNY", made_days(process, 9))

    assert (found.fitted_days, found.asked_days) == (6, 3)
    assert found.fit.parameters.reproduction == pytest.approx(0.55, abs=0.1)
    assert found.gain > 0.2
    assert found.p > 0.001


def test_days_of_constant_rates_gain_nothing():
    process = HawkesParameters((0.02, 0.02), ((0.0, 0.0), (0.0, 0.0)), 1.0)
    found = excited("KXHIGHNY", made_days(process, 6))

    assert found.gain < 0.005
    assert found.fit.parameters.reproduction < 0.15


@pytest.mark.shared_data
def test_recorded_takers_excite_each_other_in_every_city(shared_data, capsys):
    main(shared_data)
    rows = capsys.readouterr().out.splitlines()[1:]

    assert [row.split()[0] for row in rows] == [
        "KXHIGHAUS", "KXHIGHCHI", "KXHIGHDEN", "KXHIGHMIA", "KXHIGHNY",
    ]  # fmt: skip
    assert all(0.3 < float(row.split()[3]) < 0.9 for row in rows)


def test_a_folder_without_trades_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds no markets"):
        main(tmp_path)
