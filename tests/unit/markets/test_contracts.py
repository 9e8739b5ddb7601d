"""Contracts and ladders from the venue's listing: numeric fields decide, contradictions refuse."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kalshi_alpha.errors import ContractError
from kalshi_alpha.markets.contracts import (
    Ladder,
    Payoff,
    contract_from_listing,
    ladder_from_listing,
)
from kalshi_alpha.markets.registry import load_registry

SERIES = load_registry().series
NOON = datetime(2025, 11, 4, 17, 0, tzinfo=UTC)
CLOSE = datetime(2025, 11, 4, 21, 0, tzinfo=UTC)


def market(event: str, strike: str, **fields: Any) -> dict[str, Any]:
    """Return a market as the venue lists it; None removes a field."""
    listed = {
        "ticker": f"{event}-{strike}",
        "event_ticker": event,
        "market_type": "binary",
        "open_time": "2025-11-03T21:00:00Z",
        "close_time": "2025-11-04T17:00:00Z",
        "status": "active",
        "notional_value_dollars": "1.0000",
        "price_level_structure": "linear_cent",
        "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
        "rules_primary": "",
        "exchange_index": 0,
        "a_field_of_tomorrow": {"x": 1},
    }
    return {key: value for key, value in {**listed, **fields}.items() if value is not None}


def above(strike: str = "T6844.9999", **fields: Any) -> dict[str, Any]:
    given = {"strike_type": "greater", "floor_strike": 6844.9999} | fields
    return market("KXINXU-25NOV04H1200", strike, **given)


def bucket(low: float, high: float, **fields: Any) -> dict[str, Any]:
    given = {"strike_type": "between", "floor_strike": low, "cap_strike": high} | fields
    label = f"B{int((low + high) / 2)}"
    return market("KXINX-25NOV04H1600", label, **({"close_time": "2025-11-04T21:00:00Z"} | given))


def tail(strike: str, **fields: Any) -> dict[str, Any]:
    return market("KXINX-25NOV04H1600", strike, close_time="2025-11-04T21:00:00Z", **fields)


def partition() -> list[dict[str, Any]]:
    return [
        tail("T6874.9999", strike_type="greater", floor_strike=6874.9999),
        bucket(6850, 6874.9999),
        bucket(6825, 6849.9999),
        tail("T6825", strike_type="less", cap_strike=6825),
    ]


def code_of(listed: dict[str, Any], series: str = "KXINXU") -> str:
    with pytest.raises(ContractError) as error:
        contract_from_listing(listed, SERIES[series])
    assert str(error.value).strip()
    return error.value.code


def codes(ladder: Ladder) -> list[tuple[str, str]]:
    return [(refused.ticker.rpartition("H")[2], refused.code) for refused in ladder.refused]


@pytest.mark.parametrize(
    ("series", "listed", "payoff"),
    [
        # the form of autumn 2025: strictly above a number just under the strike
        ("KXINXU", above(), Payoff(684_500, None)),
        # the form of 2026: the strike itself included, the ticker as before
        (
            "KXINXU",
            above("T7224.9999", strike_type="greater_or_equal", floor_strike=7225),
            Payoff(722_500, None),
        ),
        (
            "KXNASDAQ100U",
            market(
                "KXNASDAQ100U-25NOV04H1200",
                "T25959.99",
                strike_type="greater_or_equal",
                floor_strike=25960,
            ),
            Payoff(2_596_000, None),
        ),
        (
            "KXNASDAQ100U",
            market(
                "KXNASDAQ100U-25NOV04H1200",
                "T25959.99",
                strike_type="greater",
                floor_strike=25959.99,
            ),
            Payoff(2_596_000, None),
        ),
        ("KXINX", bucket(6850, 6874.9999), Payoff(685_000, 687_499)),
        ("KXINX", tail("T7075", strike_type="less", cap_strike=7075), Payoff(None, 707_499)),
        (
            "KXINX",
            tail("T7075", strike_type="less_or_equal", cap_strike=7075),
            Payoff(None, 707_500),
        ),
        (
            "KXINX",
            tail("T7974.9999", strike_type="greater", floor_strike=7974.9999),
            Payoff(797_500, None),
        ),
        (
            "KXNASDAQ100",
            market(
                "KXNASDAQ100-25NOV04H1600",
                "B25950",
                strike_type="between",
                floor_strike=25900,
                cap_strike=25999.99,
            ),
            Payoff(2_590_000, 2_599_999),
        ),
    ],
)
def test_what_pays_follows_from_the_numeric_fields(
    series: str, listed: dict[str, Any], payoff: Payoff
) -> None:
    assert contract_from_listing(listed, SERIES[series]).payoff == payoff


def test_a_contract_carries_what_trading_needs() -> None:
    contract = contract_from_listing(above(exchange_index=3), SERIES["KXINXU"])

    assert contract.ticker == "KXINXU-25NOV04H1200-T6844.9999"
    assert (contract.event_ticker, contract.series) == ("KXINXU-25NOV04H1200", "KXINXU")
    assert (contract.open_at, contract.close_at) == (datetime(2025, 11, 3, 21, tzinfo=UTC), NOON)
    assert (contract.status, contract.exchange_index) == ("active", 3)
    assert contract.grid.step_up(5500) == 5600


def test_a_payoff_contains_both_its_ends() -> None:
    payoff = Payoff(685_000, 687_499)

    assert [payoff.contains(t) for t in (684_999, 685_000, 687_499, 687_500)] == [
        False,
        True,
        True,
        False,
    ]
    assert Payoff(None, 5).contains(-(10**9))
    assert Payoff(5, None).contains(10**9)


@pytest.mark.parametrize(
    "rules",
    [
        "If the S&P 500 index value on Nov 4, 2025 at 12pm EST is above 6844.9999, then ... Yes.",
        "If the value is greater than 6,844.9999 then the market resolves to Yes.",
        "If the value is greater than or equal to 6845 ...",
        "If the value is at least 6,845.00 ...",
        "If the value is 6,845 or above, ...",
        "If the value is above 6844.99 ...",
        "If the S&P 500 closes well on November 4, ...",
        "",
    ],
)
def test_rules_that_say_the_same_are_accepted(rules: str) -> None:
    assert contract_from_listing(above(rules_primary=rules), SERIES["KXINXU"]).payoff == Payoff(
        684_500, None
    )


@pytest.mark.parametrize(
    "rules",
    [
        "If the value is above 6849.9999, ...",
        "If the value is below 6844.9999, ...",
        "If the value is at or below 6845, ...",
        "If the value is at most 6,845 ...",
        "If the value is 6,845 or lower ...",
        "If the value is less than or equal to 6845 ...",
        "If the value is between 6,845 and 6,849.9999 ...",
        "If the value is above 6845.02, ...",
        "If the value is above 68,449,999, ...",
    ],
)
def test_rules_that_say_another_number_or_direction_refuse_the_market(rules: str) -> None:
    assert code_of(above(rules_primary=rules)) == "strike_mismatch"


@pytest.mark.parametrize(
    ("rules", "accepted"),
    [
        ("is between 6850 and 6874.9999, then", True),
        ("is between 6,850-6,874.9999, then", True),
        ("is between $6,850 to $6,874.99", True),
        ("is between 6875 and 6899.9999, then", False),
        ("is between 6850 and 6899.9999, then", False),
    ],
)
def test_the_rules_of_a_range_must_name_both_its_ends(rules: str, accepted: bool) -> None:
    listed = bucket(6850, 6874.9999, rules_primary=rules)

    if accepted:
        assert contract_from_listing(listed, SERIES["KXINX"]).payoff == Payoff(685_000, 687_499)
    else:
        assert code_of(listed, "KXINX") == "strike_mismatch"


@pytest.mark.parametrize("kind", ["functional", "custom", "structured", "Greater", "", None])
def test_an_unknown_strike_type_is_refused(kind: str | None) -> None:
    assert code_of(above(strike_type=kind)) == "unknown_strike_type"


@pytest.mark.parametrize(
    "listed",
    [
        above(floor_strike=None),
        above(floor_strike=None, cap_strike=6844.9999),
        above(floor_strike="NaN"),
    ],
)
def test_a_threshold_without_its_number_is_refused(listed: dict[str, Any]) -> None:
    assert code_of(listed) == "strike_missing"


@pytest.mark.parametrize(
    "listed",
    [
        tail("T7075", strike_type="less", floor_strike=7075),
        bucket(6850, 6874.9999, cap_strike=None),
        bucket(6850, 6874.9999, floor_strike=None),
    ],
)
def test_a_range_without_both_its_numbers_is_refused(listed: dict[str, Any]) -> None:
    assert code_of(listed, "KXINX") == "strike_missing"


@pytest.mark.parametrize(
    "listed",
    [
        above("T6845.02"),
        above("T6849.9999"),
        above("TN6844.9999"),
        above("B6844.9999"),
        above(cap_strike=6900),
    ],
)
def test_a_label_that_disagrees_with_a_threshold_is_refused(listed: dict[str, Any]) -> None:
    assert code_of(listed) == "strike_mismatch"


@pytest.mark.parametrize("strike", ["B6863", "B6837", "B6861", "T6862", "6862"])
def test_a_label_that_is_not_the_middle_of_its_range_is_refused(strike: str) -> None:
    listed = bucket(6850, 6874.9999, ticker=f"KXINX-25NOV04H1600-{strike}")

    assert code_of(listed, "KXINX") == "strike_mismatch"


def test_the_one_number_repeated_in_both_fields_is_accepted() -> None:
    listed = above(cap_strike=6844.9999)

    assert contract_from_listing(listed, SERIES["KXINXU"]).payoff == Payoff(684_500, None)


def test_a_range_without_a_settlement_value_is_refused() -> None:
    listed = bucket(6850.001, 6850.009, ticker="KXINX-25NOV04H1600-B6850")

    assert code_of(listed, "KXINX") == "strike_empty"


@pytest.mark.parametrize(
    ("listed", "code"),
    [
        (above(ticker=None), "bad_listing"),
        (above(status=None), "bad_listing"),
        (above(close_time="noon"), "bad_listing"),
        (above(close_time="2025-11-04T17:00:00"), "bad_listing"),
        (above(floor_strike=True), "bad_listing"),
        (above(notional_value_dollars="a dollar"), "bad_listing"),
        (above(ticker="KXINXU"), "bad_ticker"),
        (above(ticker="KXINXU-25FEB30H1200-T6844.9999"), "bad_ticker"),
        (above(event_ticker="KXINXU-25NOV04H1300"), "wrong_event"),
        (above(market_type="scalar"), "not_standard"),
        (above(notional_value_dollars="10.0000"), "not_standard"),
        (above(settlement_bounds_type="floor"), "not_standard"),
        (above(strike_type="less", floor_strike=None, cap_strike=6844.9999), "wrong_kind"),
        (above(price_ranges=[]), "bad_price_ranges"),
        (above(price_ranges=None), "bad_listing"),
        (above(status="initialized"), "not_open"),
        (above(status="inactive"), "not_open"),
        (above(status="finalized"), "not_open"),
        (above(status="a_word_of_tomorrow"), "not_open"),
        (bucket(6850, 6874.9999), "wrong_series"),
    ],
)
def test_what_cannot_be_priced_is_refused_with_its_code(listed: dict[str, Any], code: str) -> None:
    assert code_of(listed) == code


def test_an_hourly_ladder_is_in_ascending_order() -> None:
    markets = [
        above("T6849.9999", floor_strike=6849.9999),
        above("T6839.9999", floor_strike=6839.9999),
        above("T6844.9999"),
    ]

    ladder = ladder_from_listing(markets, SERIES["KXINXU"], NOON)

    assert (ladder.event_ticker, ladder.series) == ("KXINXU-25NOV04H1200", "KXINXU")
    assert ladder.fixing == NOON
    assert [c.payoff.low for c in ladder.contracts] == [684_000, 684_500, 685_000]
    assert ladder.refused == ()


def test_one_bad_market_does_not_take_the_ladder_with_it() -> None:
    markets = [
        above(),
        above("T6849.9999", floor_strike=6849.9999, strike_type="custom"),
        above("T6854.9999", floor_strike=6854.9999, status="inactive"),
        above("T6859.9999", floor_strike=6859.9999, close_time="2025-11-04T18:00:00Z"),
        {},
    ]

    ladder = ladder_from_listing(markets, SERIES["KXINXU"], NOON)

    assert [c.ticker for c in ladder.contracts] == ["KXINXU-25NOV04H1200-T6844.9999"]
    assert codes(ladder) == [
        ("1200-T6849.9999", "unknown_strike_type"),
        ("1200-T6854.9999", "not_open"),
        ("1200-T6859.9999", "close_time_mismatch"),
        ("", "bad_listing"),
    ]
    assert "2025-11-04T18:00:00Z" in ladder.refused[2].reason
    assert "2025-11-04T17:00:00Z" in ladder.refused[2].reason


def test_a_market_of_another_hour_is_of_another_event() -> None:
    ladder = ladder_from_listing([above()], SERIES["KXINXU"], CLOSE)

    assert ladder.contracts == ()
    assert codes(ladder) == [("1200-T6844.9999", "wrong_event")]


def test_two_markets_that_pay_on_the_same_values_are_both_refused() -> None:
    markets = [
        above(),
        above("T6845", strike_type="greater_or_equal", floor_strike=6845),
        above("T6849.9999", floor_strike=6849.9999),
    ]

    ladder = ladder_from_listing(markets, SERIES["KXINXU"], NOON)

    assert [c.payoff.low for c in ladder.contracts] == [685_000]
    assert codes(ladder) == [
        ("1200-T6844.9999", "duplicate_strike"),
        ("1200-T6845", "duplicate_strike"),
    ]


def test_a_close_ladder_covers_every_value_once_in_order() -> None:
    ladder = ladder_from_listing(partition(), SERIES["KXINX"], CLOSE)

    assert [c.payoff for c in ladder.contracts] == [
        Payoff(None, 682_499),
        Payoff(682_500, 684_999),
        Payoff(685_000, 687_499),
        Payoff(687_500, None),
    ]
    assert ladder.refused == ()


@pytest.mark.parametrize(
    ("missing", "word"), [(0, "above"), (1, "do not meet"), (2, "do not meet"), (3, "below")]
)
def test_ranges_with_a_gap_are_all_refused(missing: int, word: str) -> None:
    markets = partition()
    del markets[missing]

    ladder = ladder_from_listing(markets, SERIES["KXINX"], CLOSE)

    assert ladder.contracts == ()
    assert {refused.code for refused in ladder.refused} == {"not_a_partition"}
    assert len(ladder.refused) == 3
    assert word in ladder.refused[0].reason


def test_ranges_that_overlap_are_all_refused() -> None:
    markets = [*partition(), bucket(6860, 6884.9999)]

    ladder = ladder_from_listing(markets, SERIES["KXINX"], CLOSE)

    assert ladder.contracts == ()
    assert [refused.code for refused in ladder.refused] == ["not_a_partition"] * 5


def test_a_paused_range_is_left_alone_and_the_others_stay() -> None:
    markets = partition()
    markets[1]["status"] = "inactive"

    ladder = ladder_from_listing(markets, SERIES["KXINX"], CLOSE)

    assert len(ladder.contracts) == 3
    assert codes(ladder) == [("1600-B6862", "not_open")]


def test_a_range_that_cannot_be_read_leaves_a_gap() -> None:
    markets = partition()
    markets[1]["strike_type"] = "custom"

    ladder = ladder_from_listing(markets, SERIES["KXINX"], CLOSE)

    assert ladder.contracts == ()
    assert [refused.code for refused in ladder.refused] == [
        "unknown_strike_type",
        "not_a_partition",
        "not_a_partition",
        "not_a_partition",
    ]


def test_an_empty_listing_is_an_empty_ladder() -> None:
    for series, fixing in (("KXINXU", NOON), ("KXINX", CLOSE)):
        ladder = ladder_from_listing([], SERIES[series], fixing)
        assert (ladder.contracts, ladder.refused) == ((), ())


def test_a_fixing_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        ladder_from_listing([], SERIES["KXINXU"], datetime(2025, 11, 4, 12))  # noqa: DTZ001
