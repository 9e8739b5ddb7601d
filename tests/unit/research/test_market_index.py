"""Index trades: which count, what they paid, and what the law would have said at that second."""

from __future__ import annotations

import math
from datetime import date
from statistics import NormalDist

import numpy as np
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.research.data.panel import read_panels
from kalshi_alpha.research.market.index import index_cases
from kalshi_alpha.research.market.trades import read_trades
from kalshi_alpha.research.model.measured import measure
from tests.made_parameters import made_parameters, made_part
from tests.market_files import bars_file, second, trades_file, walked_levels

DAY, NEXT = date(2026, 1, 5), date(2026, 1, 6)
LEVELS = walked_levels(1)
REGISTRY = load_registry()


class Made:
    """The same round parameters for every day: a variance of 1e-7 a minute, a basis of 0.1."""

    def parameters_on(self, _day):
        return made_parameters(made_part(), made_part())


def spx_at(clock, levels=LEVELS):
    """Return the last level known at a time of day."""
    hour, minute, _ = (int(part) for part in clock.split(":"))
    return levels[hour * 60 + minute - 570]


def at(clock, strike, *, day=DAY, levels=LEVELS, **prices):
    prices.setdefault("spx", spx_at(clock, levels))
    return second(day, clock, strike, **prices)


def cases(tmp_path, rows, days=None, **options):
    panel = read_panels([bars_file(tmp_path, days or {DAY: LEVELS})], "SPX", source="SPX")[1]
    trades = read_trades(trades_file(tmp_path, rows), lambda _series: "spx")
    return index_cases(trades, panel, measure(panel), Made(), REGISTRY, **options)


def test_the_law_speaks_from_the_seconds_level_and_time(tmp_path):
    level = spx_at("15:50:00")

    found = cases(tmp_path, [at("15:50:30", level + 5.0, bought=0.3)])

    scale = math.hypot(math.sqrt(9.5e-7), 0.1 / level)
    expected = NormalDist().cdf(-math.log((level + 5.0) / level) / scale)
    assert found.cases.ours.tolist() == pytest.approx([expected], rel=1e-6)
    assert found.cases.minutes.tolist() == pytest.approx([9.5])
    assert found.cases.price.tolist() == [0.3]


def test_a_trade_pays_when_the_last_bar_before_the_fixing_closes_above(tmp_path):
    last = LEVELS[390]
    rows = [
        at("12:00:00", round(last - 0.01, 4), sold=0.5),
        at("12:00:01", last, sold=0.5),
        at("12:00:02", round(last + 0.01, 4), sold=0.5),
    ]

    found = cases(tmp_path, rows)

    assert found.cases.happened.tolist() == [1.0, 0.0, 0.0]
    assert found.distance.tolist() == pytest.approx([0.01, 0.0, 0.01])
    assert np.isnan(found.official).all()


def test_the_official_close_is_told_apart(tmp_path):
    days = {DAY: [*LEVELS, round(LEVELS[390] + 2.0, 2)]}

    found = cases(tmp_path, [at("12:00:00", LEVELS[390] + 1.0, sold=0.5)], days)

    assert found.cases.happened.tolist() == [0.0]
    assert found.official.tolist() == [1.0]


def test_what_happens_after_a_trade_does_not_change_what_we_said(tmp_path):
    rows = [at("10:15:20", LEVELS[45] + 4.0, bought=0.3), at("14:00:40", 6890.0, sold=0.3)]
    later = [*LEVELS[:271], *(level + 30.0 for level in LEVELS[271:])]

    one, other = cases(tmp_path, rows), cases(tmp_path, rows, {DAY: later})

    assert one.cases.ours.tolist() == other.cases.ours.tolist()
    assert one.stale.tolist() == other.stale.tolist()


def test_the_stale_reading_uses_the_last_complete_bar(tmp_path):
    level = spx_at("15:50:00")

    found = cases(tmp_path, [at("15:50:30", 6900.0, bought=0.3, spx=LEVELS[381])])

    scale = math.hypot(math.sqrt(9.5e-7), 0.1 / level)
    expected = NormalDist().cdf(-math.log(6900.0 / level) / scale)
    assert found.stale.tolist() == pytest.approx([expected], rel=1e-6)


def rules(found):
    return {each.rule: each.rows for each in found.excluded}


def test_trades_outside_the_session_are_left_out_and_counted(tmp_path):
    rows = [
        at("09:29:59", 6900.0, sold=0.5, spx=6899.0),
        at("09:30:00", 6900.0, sold=0.5),
        at("15:59:59", 6900.0, sold=0.5),
        at("16:00:00", 6900.0, sold=0.5),
    ]

    found = cases(tmp_path, rows)

    assert len(found.cases) == 2
    assert rules(found) == {"outside-session": 2}
    assert "row 1: it traded outside the regular session" in found.excluded[0].sentence


def test_a_level_that_stands_still_for_a_minute_is_left_out_but_for_its_first_second(tmp_path):
    frozen = spx_at("11:00:00")
    rows = [
        at("11:00:01", 6900.0, sold=0.5, spx=frozen),
        at("11:00:31", 6900.0, sold=0.5, spx=frozen),
        at("11:01:01", 6900.0, sold=0.5, spx=frozen),
        at("11:02:00", 6900.0, sold=0.5),
        at("11:02:30", 6900.0, sold=0.5),
    ]

    found = cases(tmp_path, rows)

    assert rules(found) == {"frozen-index": 2}
    assert found.cases.minutes.tolist() == pytest.approx([300 - 1 / 60, 298.0, 297.5])


def test_a_day_that_stands_still_since_the_night_is_left_out_whole(tmp_path):
    still = LEVELS[390]
    frozen = [
        second(NEXT, clock, 6900.0, sold=0.5, spx=still)
        for clock in ("04:00:00", "10:00:00", "12:00:00", "15:30:00")
    ]
    rows = [at("15:00:00", 6900.0, sold=0.5), *frozen]

    found = cases(tmp_path, rows, {DAY: LEVELS, NEXT: walked_levels(2, still)})

    assert len(found.cases) == 1
    assert rules(found) == {"outside-session": 1, "frozen-index": 3}


def test_a_level_far_from_its_minutes_bar_is_left_out(tmp_path):
    rows = [
        at("11:00:10", 6900.0, sold=0.5, spx=spx_at("11:00:00") + 8.0),
        at("11:00:20", 6900.0, sold=0.5, spx=spx_at("11:00:00") + 1.0),
    ]

    found = cases(tmp_path, rows)

    assert rules(found) == {"index-off-bars": 1}
    assert "over 5 basis points outside its minute's bar" in found.excluded[0].sentence


def test_days_without_bars_or_without_parameters_are_left_out(tmp_path):
    third = date(2026, 1, 7)
    rows = [
        at("11:00:00", 6900.0, sold=0.5),
        at("11:00:00", 6900.0, sold=0.5, day=NEXT, levels=walked_levels(2)),
        second(third, "11:00:00", 6900.0, sold=0.5, spx=6903.0),
    ]

    found = cases(tmp_path, rows, {DAY: LEVELS, NEXT: walked_levels(2)}, priced=[NEXT])

    assert rules(found) == {"no-whole-session": 1, "too-early": 1}
    assert len(found.cases) == 1


def test_nothing_left_is_a_sentence_with_the_reasons(tmp_path):
    with pytest.raises(DataError, match=r"no trade is left.*outside the regular session"):
        cases(tmp_path, [second(DAY, "16:30:00", 6900.0, sold=0.5)])


def ranged(clock, label, **prices):
    row = at(clock, 6900.0, **prices)
    row |= {"series": "KXINX", "strike_kind": label[0], "strike": float(label[1:])}
    return row | {"ticker": f"KXINX-26JAN05H1600-{label}"}


def test_a_range_pays_inside_and_has_the_difference_of_two_thresholds(tmp_path):
    level = spx_at("15:50:00")
    low = LEVELS[390] // 25 * 25
    inside, above = f"B{low + 12:.0f}", f"B{low + 37:.0f}"
    rows = [
        ranged("15:50:00", inside, sold=0.5),
        ranged("15:50:01", above, sold=0.5),
        ranged("15:50:02", "T6700", sold=0.5),
    ]

    found = cases(tmp_path, rows)

    scale = math.hypot(1e-3, 0.1 / level)
    law = NormalDist()
    edges = [law.cdf(-math.log((edge - 1e-4) / level) / scale) for edge in (low, low + 25)]
    assert found.cases.happened.tolist() == [1.0, 0.0]
    assert found.cases.ours[0] == pytest.approx(edges[0] - edges[1], rel=1e-6)
    assert rules(found) == {"direction": 1}


def test_a_file_in_which_nobody_won_is_refused(tmp_path):
    days = [date(2026, 1, day) for day in (5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 20, 21)]
    rows = [
        at("12:00:00", max(LEVELS) + 1.0, day=day, bought=0.6, spx=spx_at("12:00:00") + k / 100)
        for k, day in enumerate(days)
    ]

    with pytest.raises(DataError, match="not one of its 12 markets won"):
        cases(tmp_path, rows, dict.fromkeys(days, LEVELS))
