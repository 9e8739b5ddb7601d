"""The ticker grammar, on tickers the venue has really printed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest

from kalshi_alpha.errors import TickerError
from kalshi_alpha.markets.tickers import index_event_ticker, parse_event, parse_market

EVENTS = [
    ("KXINXU-25NOV04H1200", "KXINXU", date(2025, 11, 4), time(12, 0)),
    ("KXNASDAQ100U-25NOV03H1200", "KXNASDAQ100U", date(2025, 11, 3), time(12, 0)),
    ("KXINX-25NOV03H1600", "KXINX", date(2025, 11, 3), time(16, 0)),
    ("INXI-24APR01H1000", "INXI", date(2024, 4, 1), time(10, 0)),
    ("NASDAQ100I-25JAN31H1600", "NASDAQ100I", date(2025, 1, 31), time(16, 0)),
    ("10Y2Y-23DEC29", "10Y2Y", date(2023, 12, 29), None),
    ("10Y3M-23DEC29", "10Y3M", date(2023, 12, 29), None),
    ("HIGHAUS-23DEC20", "HIGHAUS", date(2023, 12, 20), None),
    ("KXHIGHNY-26SEP15", "KXHIGHNY", date(2026, 9, 15), None),
    ("TNOTEW-24SEP20", "TNOTEW", date(2024, 9, 20), None),
    ("CPI-23DEC", "CPI", None, None),
    ("KXCPIYOY-25MAR", "KXCPIYOY", None, None),
    ("AAAGASM-23DEC31-US", "AAAGASM", date(2023, 12, 31), None),
    ("KXAAAGASW-25JAN27-US", "KXAAAGASW", date(2025, 1, 27), None),
    ("INX-24AUG05B", "INX", date(2024, 8, 5), None),
    ("NASDAQ100U-24AUG16B", "NASDAQ100U", date(2024, 8, 16), None),
    ("HIGHCHI-2-24FEB28", "HIGHCHI", date(2024, 2, 28), None),
    ("NASDAQ100-2-24FEB22", "NASDAQ100", date(2024, 2, 22), None),
    ("INXU-24DEC26DIRECNET", "INXU", date(2024, 12, 26), None),
    ("KXBTC-26AUG0317", "KXBTC", date(2026, 8, 3), time(17, 0)),
    ("KXHIGHNY-28FEB29", "KXHIGHNY", date(2028, 2, 29), None),
]

MARKETS = [
    ("KXINXU-26AUG03H1600-T7224.9999", "KXINXU-26AUG03H1600", "T", "7224.9999"),
    ("KXNASDAQ100U-25NOV03H1200-T25959.99", "KXNASDAQ100U-25NOV03H1200", "T", "25959.99"),
    ("KXINX-25NOV03H1600-B6862", "KXINX-25NOV03H1600", "B", "6862"),
    ("KXHIGHNY-26SEP15-B84.5", "KXHIGHNY-26SEP15", "B", "84.5"),
    ("HIGHCHI-2-24FEB28-T40", "HIGHCHI-2-24FEB28", "T", "40"),
    ("KXCPI-26AUG-TN0.4", "KXCPI-26AUG", "T", "-0.4"),
    ("KXCPI-26SEP-T-0.4", "KXCPI-26SEP", "T", "-0.4"),
    ("KXCPI-26SEP--0.4", "KXCPI-26SEP", "", "-0.4"),
    ("KXAAAGASW-26AUG03-4.090", "KXAAAGASW-26AUG03", "", "4.090"),
    ("AAAGASM-23DEC31-US-3.25", "AAAGASM-23DEC31-US", "", "3.25"),
    ("KXJOBLESSCLAIMS-26MAY07-235000", "KXJOBLESSCLAIMS-26MAY07", "", "235000"),
]


@pytest.mark.parametrize(("text", "series", "day", "hour"), EVENTS)
def test_an_event_ticker_is_read_and_printed_back(
    text: str, series: str, day: date | None, hour: time | None
) -> None:
    event = parse_event(text)

    assert (event.series, event.day, event.hour, str(event)) == (series, day, hour, text)


@pytest.mark.parametrize(("text", "event", "kind", "number"), MARKETS)
def test_a_market_ticker_is_read_and_printed_back(
    text: str, event: str, kind: str, number: str
) -> None:
    market = parse_market(text)

    assert (str(market.event), market.kind, market.number) == (event, kind, Decimal(number))
    assert str(market) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "KXINXU",
        "KXINXU-",
        "-25NOV04H1200",
        "kxinxu-25NOV04H1200",
        "KXINXU-25nov04H1200",
        "KXINXU-25NOV04H120",
        "KXINXU-25NOV04H12000",
        "KXINXU-25NOV04H",
        "KXINXU-25NOVO4H1200",
        "KXINXU_25NOV04H1200",
        "KXINXU-25NOV04H1200\n",
        " KXINXU-25NOV04H1200",
        "KXINXU-25NOV04H1200-T6844.9999",
        "KXINXU-25NOV0\u0664H1200",
        "100-25NOV04",
        "AAAGASM-23DEC31-USA",
    ],
)
def test_an_event_ticker_outside_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(TickerError, match="is not an event ticker"):
        parse_event(text)


@pytest.mark.parametrize(
    "text",
    [
        "KXINXU-25FEB30H1200",
        "KXINXU-25FEB29H1200",
        "KXINXU-25NOV00",
        "KXINXU-25NOV31",
        "KXINXU-25NOV04H2400",
        "KXINXU-25NOV04H1260",
        "KXBTC-26AUG0324",
    ],
)
def test_a_date_or_hour_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(TickerError, match="no real date and time"):
        parse_event(text)


@pytest.mark.parametrize(
    "text",
    [
        "KXINXU-25NOV04H1200",
        "KXINXU-25NOV04H1200-",
        "KXINXU-25NOV04H1200-T",
        "KXINXU-25NOV04H1200-X6844",
        "KXINXU-25NOV04H1200-T6844.",
        "KXINXU-25NOV04H1200-T.5",
        "KXINXU-25NOV04H1200-T--5",
        "KXINXU-25NOV04H1200-T6,844",
        "KXINXU-25FEB30H1200-T6844",
        "AAAGASM-23DEC31-US",
    ],
)
def test_a_market_ticker_outside_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(TickerError):
        parse_market(text)


def test_an_index_event_is_named_by_its_new_york_hour_in_winter_and_summer() -> None:
    winter = index_event_ticker("KXINXU", datetime(2025, 11, 4, 17, 0, tzinfo=UTC))
    summer = index_event_ticker("KXINX", datetime(2026, 8, 3, 20, 0, tzinfo=UTC))

    assert winter == "KXINXU-25NOV04H1200"
    assert summer == "KXINX-26AUG03H1600"


def test_an_index_event_off_the_minute_or_of_a_malformed_series_is_refused() -> None:
    with pytest.raises(TickerError, match="whole minute"):
        index_event_ticker("KXINXU", datetime(2025, 11, 4, 17, 0, 1, tzinfo=UTC))
    with pytest.raises(TickerError, match="is not an event ticker"):
        index_event_ticker("inx", datetime(2025, 11, 4, 17, 0, tzinfo=UTC))
    with pytest.raises(ValueError, match="no time zone"):
        index_event_ticker("KXINXU", datetime(2025, 11, 4, 17, 0))  # noqa: DTZ001


@pytest.mark.shared_data
def test_every_recorded_event_ticker_parses_and_prints_back(shared_data: Path) -> None:
    from pyarrow import parquet

    rows = parquet.read_table(shared_data / "kalshi_tickers" / "event_tickers.parquet").to_pylist()
    wrong = [
        row["event_ticker"]
        for row in rows
        if str(event := parse_event(row["event_ticker"])) != row["event_ticker"]
        or event.series != row["series"]
    ]

    assert len(rows) == 5126
    assert wrong == []
