from dataclasses import replace

import pytest
from test_window_gates import WINDOW

from kalshi_alpha.trading.gates import ALLOW, Refuse
from kalshi_alpha.trading.risk_stops import drawdown
from kalshi_alpha.trading.window_gates import WINDOW_PREFLIGHT, WINDOW_SCAN, drawdown_stop


@pytest.mark.parametrize(
    ("earned", "given_back"),
    [
        ([], 0),
        ([5, 3], 0),
        ([-4], 4),
        ([10, -3, -4], 7),
        ([10, -7, 20], 0),
        ([10, -7, 2, -1], 6),
        ([-5, 4], 1),
    ],
)
def test_what_was_given_back_is_counted_from_the_highest_point(earned, given_back):
    assert drawdown(earned) == given_back


def test_a_drawdown_at_its_stop_refuses_a_window_and_one_below_does_not():
    facts = replace(WINDOW, drawdown=160_000_000, max_drawdown=160_000_000, drawdown_days=28)

    refused = drawdown_stop(facts)

    assert isinstance(refused, Refuse)
    assert refused.code == "drawdown"
    assert "$160.000000 was given back since the highest point of the last 28 days" in (
        refused.reason
    )
    assert drawdown_stop(replace(facts, drawdown=159_999_999)) is ALLOW
    assert drawdown_stop(WINDOW) is ALLOW


def test_the_drawdown_is_asked_at_the_start_of_a_window():
    assert drawdown_stop in WINDOW_PREFLIGHT
    assert drawdown_stop not in WINDOW_SCAN
