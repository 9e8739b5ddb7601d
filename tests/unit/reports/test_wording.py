from datetime import UTC, datetime

import pytest

from kalshi_alpha.reports import wording


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (wording.cents(5500), "55¢"),
        (wording.cents(5550), "55.5¢"),
        (wording.cents(1), "0.01¢"),
        (wording.cents(None), "\N{EN DASH}"),
        (wording.contracts(100), "1"),
        (wording.contracts(25), "0.25"),
        (wording.signed_dollars(1234.5), "+$1,234.50"),
        (wording.signed_dollars(-0.25), "\N{MINUS SIGN}$0.25"),
        (wording.signed_dollars(0.001), "$0.00"),
        (wording.signed_dollars(-0.001), "$0.00"),
        (wording.signed_dollars(None), "\N{EN DASH}"),
        (wording.signed_cash(-420_000), "\N{MINUS SIGN}$0.42"),
        (wording.ev_cents(0.0625), "+6.2¢"),
        (wording.ev_cents(-0.011), "\N{MINUS SIGN}1.1¢"),
        (wording.percent(0.4821), "48.2%"),
        (wording.relative(-2.1834), "T\N{MINUS SIGN}2.18 s"),
        (wording.relative(-60.0), "T\N{MINUS SIGN}60 s"),
        (wording.relative(127.5), "T+127.5 s"),
        (wording.relative(None), "\N{EN DASH}"),
        (wording.milliseconds(-213.7), "\N{MINUS SIGN}214 ms"),
        (wording.milliseconds(3.2), "+3 ms"),
        (wording.milliseconds(0), "0 ms"),
        (wording.points(6812.5), "6,812.50"),
        (wording.points(None), "\N{EN DASH}"),
        (wording.signed_points(-0.07), "\N{MINUS SIGN}0.07"),
        (wording.signed_points(0.1), "+0.10"),
        (wording.signed_points(None), "\N{EN DASH}"),
        (wording.cell("a|b\nc<d\\"), "a\\|b c&lt;d\\\\"),
    ],
)
def test_numbers_read_as_a_person_writes_them(shown, expected):
    assert shown == expected


def test_instants_are_written_in_new_york():
    instant = datetime(2025, 11, 4, 17, 0, tzinfo=UTC)
    assert wording.new_york(instant) == "Tuesday 4 November 2025, 12:00:00 EST"
