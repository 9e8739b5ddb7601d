"""The listed ladders: the venue's form by series and year, and nothing that pricing refuses."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.errors import DataError, WindowClosed
from kalshi_alpha.markets.contracts import ladder_from_listing
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.strikes import Payoff
from kalshi_alpha.rehearsal.exchange.engine import Engine
from kalshi_alpha.rehearsal.exchange.listing import event_info, list_event, series_info
from kalshi_alpha.rehearsal.exchange.views import market_view

NOON_2025 = datetime(2025, 11, 4, 17, tzinfo=UTC)
CLOSE_2025 = datetime(2025, 11, 4, 21, tzinfo=UTC)
NOON_2026 = datetime(2026, 8, 3, 16, tzinfo=UTC)
CLOSE_2026 = datetime(2026, 8, 3, 20, tzinfo=UTC)
SERIES = {"KXINXU": 6774.3, "KXNASDAQ100U": 25963.2, "KXINX": 6774.3, "KXNASDAQ100": 25963.2}


def fields(series, fixing, level, ticker):
    """Return the static fields of one listed market."""
    return next(m.listed for m in list_event(series, fixing, level) if m.ticker == ticker)


def ladder_of(series, fixing, level, **options):
    """Return the ladder as a client reads it, five minutes before the fixing."""
    markets = list_event(series, fixing, level, **options)
    now = fixing - timedelta(minutes=5)
    wire = json.loads(json.dumps([market_view(market, now) for market in markets]))
    return ladder_from_listing(wire, load_registry().series[series], fixing)


@pytest.mark.parametrize("fixing", [CLOSE_2025, CLOSE_2026])
@pytest.mark.parametrize(("series", "level"), SERIES.items())
def test_pricing_refuses_no_listed_market(series, level, fixing):
    ladder = ladder_of(series, fixing, level)

    assert ladder.refused == ()
    assert len(ladder.contracts) == (41 if series.endswith("U") else 30)


@given(
    series=st.sampled_from(sorted(SERIES)),
    level=st.floats(min_value=5_000, max_value=40_000),
    strikes=st.integers(min_value=1, max_value=200),
    fixing=st.sampled_from([CLOSE_2025, CLOSE_2026]),
)
def test_pricing_refuses_no_market_at_any_level(series, level, strikes, fixing):
    ladder = ladder_of(series, fixing, level, strikes=strikes)

    assert ladder.refused == ()
    settled = round(level * 100)
    paying = [contract for contract in ladder.contracts if contract.payoff.contains(settled)]
    if series.endswith("U"):
        assert len(ladder.contracts) == strikes
        assert len(paying) <= strikes // 2 + 1
    else:
        assert len(paying) == 1


def test_the_engine_settles_what_the_listing_says():
    for market in list_event("KXINX", CLOSE_2025, 6774.3):
        payoff = next(
            contract.payoff
            for contract in ladder_of("KXINX", CLOSE_2025, 6774.3).contracts
            if contract.ticker == market.ticker
        )
        assert market.payoff == payoff


def test_thresholds_of_2025_are_listed_with_the_number_of_the_ticker():
    listed = fields("KXINXU", NOON_2025, 6774.3, "KXINXU-25NOV04H1200-T6774.9999")

    assert listed["strike_type"] == "greater"
    assert listed["floor_strike"] == 6774.9999
    assert "cap_strike" not in listed
    assert listed["yes_sub_title"] == "6,775 or above"
    assert listed["rules_primary"] == (
        "YES is paid if the S&P 500 index value on Nov 4, 2025 at 12:00 EST is above 6774.9999."
    )


def test_thresholds_since_2026_are_listed_with_the_level_itself():
    listed = fields("KXINXU", NOON_2026, 7224.0, "KXINXU-26AUG03H1200-T7224.9999")

    assert listed["strike_type"] == "greater_or_equal"
    assert listed["floor_strike"] == 7225
    assert listed["rules_primary"].endswith("at 12:00 EDT is above 7224.9999.")


def test_nasdaq_thresholds_end_on_99_hundredths():
    listed = fields("KXNASDAQ100U", NOON_2025, 25963.2, "KXNASDAQ100U-25NOV04H1200-T25959.99")

    assert listed["floor_strike"] == 25959.99
    assert listed["yes_sub_title"] == "25,960 or above"


def test_thresholds_stand_one_step_apart_around_the_level():
    markets = list_event("KXINXU", NOON_2025, 6774.3, strikes=5)

    assert [market.payoff.low for market in markets] == [676500, 677000, 677500, 678000, 678500]
    assert all(market.payoff.high is None for market in markets)


def test_ranges_are_named_by_their_middle_with_decimals_cut_off():
    listed = fields("KXINX", CLOSE_2025, 6862.0, "KXINX-25NOV04H1600-B6862")

    assert listed["strike_type"] == "between"
    assert (listed["floor_strike"], listed["cap_strike"]) == (6850, 6874.9999)
    nasdaq = fields("KXNASDAQ100", CLOSE_2025, 25963.2, "KXNASDAQ100-25NOV04H1600-B25950")
    assert (nasdaq["floor_strike"], nasdaq["cap_strike"]) == (25900, 25999.99)


def test_tails_lie_below_and_above_28_ranges():
    lowest, *ranges, highest = list_event("KXINX", CLOSE_2026, 7430.0)

    assert len(ranges) == 28
    assert lowest.ticker == "KXINX-26AUG03H1600-T7075"
    assert (lowest.listed["strike_type"], lowest.listed["cap_strike"]) == ("less", 7075)
    assert lowest.payoff == Payoff(None, 707499)
    assert highest.ticker == "KXINX-26AUG03H1600-T7774.9999"
    assert (highest.listed["strike_type"], highest.listed["floor_strike"]) == (
        "greater",
        7774.9999,
    )
    assert highest.payoff == Payoff(777500, None)


def test_hourly_events_open_at_16_00_of_the_session_before():
    monday = datetime(2025, 11, 3, 17, tzinfo=UTC)

    markets = list_event("KXINXU", monday, 6850.0, strikes=1)

    assert markets[0].open_at == datetime(2025, 10, 31, 20, tzinfo=UTC)  # Friday, still summer time
    assert markets[0].listed["open_time"] == "2025-10-31T20:00:00Z"


def test_events_of_16_00_open_on_their_own_morning():
    market = list_event("KXINX", CLOSE_2025, 6850.0)[0]

    assert market.open_at == datetime(2025, 11, 4, 8, 10, tzinfo=UTC)
    assert market.close_at == CLOSE_2025
    assert market.listed["close_time"] == "2025-11-04T21:00:00Z"
    assert market.listed["latest_expiration_time"] == "2025-11-11T21:00:00Z"


def test_an_opening_can_be_given_where_the_calendar_has_none():
    far = datetime(2040, 1, 3, 17, tzinfo=UTC)

    with pytest.raises(WindowClosed, match="give open_at"):
        list_event("KXINXU", far, 6850.0)
    opened = list_event("KXINXU", far, 6850.0, open_at=far - timedelta(hours=1), strikes=1)
    assert opened[0].open_at == far - timedelta(hours=1)


@pytest.mark.parametrize(
    ("series", "level", "strikes"), [("KXHIGHNY", 50.0, 6), ("KXINXU", 0.0, 6), ("KXINXU", 9.0, 0)]
)
def test_what_cannot_be_listed_is_refused(series, level, strikes):
    with pytest.raises(DataError):
        list_event(series, NOON_2025, level, strikes=strikes)


def test_the_engine_takes_a_listed_event_from_trading_to_settlement():
    clock = ManualClock(NOON_2025 - timedelta(minutes=1))
    engine = Engine(clock, lambda _symbol, _at: 6774.3, basis_sd={})
    for market in list_event("KXINXU", NOON_2025, 6774.3, strikes=3):
        engine.list_market(market)
    assert {market.status_at(clock.now()) for market in engine.markets.values()} == {"active"}

    clock.advance(600)
    engine.advance()

    results = {market.ticker: market.result for market in engine.markets.values()}
    assert results == {
        "KXINXU-25NOV04H1200-T6769.9999": "yes",
        "KXINXU-25NOV04H1200-T6774.9999": "no",
        "KXINXU-25NOV04H1200-T6779.9999": "no",
    }


def test_ranges_exclude_each_other_and_thresholds_are_nested():
    assert event_info("KXINX", CLOSE_2025)["collateral_return_type"] == "MECNET"
    assert event_info("KXINX", CLOSE_2025)["mutually_exclusive"] is True
    hourly = event_info("KXINXU", NOON_2025)
    assert (hourly["collateral_return_type"], hourly["mutually_exclusive"]) == ("DIRECNET", False)
    assert hourly["event_ticker"] == "KXINXU-25NOV04H1200"
    assert hourly["strike_date"] == "2025-11-04T17:00:00Z"


def test_a_series_charges_what_it_charged_then():
    before, since = series_info("KXINXU", NOON_2025), series_info("KXINXU", NOON_2026)

    assert (before["fee_type"], before["fee_multiplier"]) == ("quadratic", 0.5)
    assert (since["fee_type"], since["fee_multiplier"]) == ("quadratic", 1.0)


@pytest.mark.shared_data
def test_what_is_listed_has_the_venues_schema(shared_data):
    jsonschema = pytest.importorskip("jsonschema")
    yaml = pytest.importorskip("yaml")
    text = (shared_data.parent / "kalshi" / "openapi.yaml").read_text(encoding="utf-8")
    components = _nullable(yaml.load(text, Loader=yaml.CSafeLoader)["components"])

    def check(instance, name):
        schema = {"$ref": f"#/components/schemas/{name}", "components": components}
        jsonschema.Draft202012Validator(schema).validate(instance)

    for series, level in SERIES.items():
        check(series_info(series, CLOSE_2025), "Series")
        check(event_info(series, CLOSE_2025), "EventData")
        for market in list_event(series, CLOSE_2025, level, strikes=3):
            check(market_view(market, CLOSE_2025 - timedelta(minutes=1)), "Market")


def _nullable(node):
    """Say OpenAPI's ``nullable`` in the words of JSON schema."""
    if isinstance(node, list):
        return [_nullable(each) for each in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _nullable(each) for key, each in node.items()}
    if plain.pop("nullable", False) is True and isinstance(plain.get("type"), str):
        plain["type"] = [plain["type"], "null"]
    return plain


def test_numbers_of_the_listing_are_exact_on_the_wire():
    for market in list_event("KXNASDAQ100", CLOSE_2025, 25963.2):
        wire = json.loads(json.dumps(market.listed), parse_float=Decimal)
        for name in ("floor_strike", "cap_strike"):
            if name in wire:
                assert Decimal(wire[name]) * 100 % 1 == 0


def test_a_holiday_between_sessions_is_skipped():
    after_christmas = datetime(2025, 12, 26, 15, tzinfo=UTC)
    assert after_christmas.date() == date(2025, 12, 26)

    opened = list_event("KXINXU", after_christmas, 6900.0, strikes=1)[0].open_at

    assert opened == datetime(
        2025, 12, 24, 21, tzinfo=UTC
    )  # a half day; the listing opens at 16:00
