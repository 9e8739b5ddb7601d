"""Laws of the market room that hold for every input."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import ContractError, DataError, SequenceGapError, TickerError
from kalshi_alpha.markets.book import Book, book_from_orderbook
from kalshi_alpha.markets.contracts import Payoff, StrikeType, TickGrid, ladder_from_listing
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.strikes import strike_from_fields
from kalshi_alpha.markets.tickers import index_event_ticker, parse_event, parse_market
from kalshi_alpha.markets.units import (
    cash_from_text,
    cash_text,
    price_from_text,
    price_text,
    size_from_text,
    size_text,
)
from kalshi_alpha.markets.windows import next_windows, window_from_id, windows_on

IN_TABLE = datetime(2019, 1, 2, tzinfo=NEW_YORK).astimezone(UTC)
REGISTRY, SESSIONS = load_registry(), load_sessions()

days = st.dates(date(2000, 1, 1), date(2099, 12, 31))
series_names = st.from_regex(r"[0-9]{0,2}[A-Z][A-Z0-9]{0,11}", fullmatch=True)
strikes = st.from_regex(r"[TB]?[N-]?[0-9]{1,6}(\.[0-9]{1,4})?", fullmatch=True)
ticker_like = st.text("KXINU0123456789-THBN.MAYFEB", max_size=40)


@st.composite
def event_texts(draw: st.DrawFn) -> str:
    day = draw(days)
    number = draw(st.sampled_from(["", "2-", "17-"]))
    month = f"{day:%y%b}".upper()
    hour, minute = draw(st.integers(0, 23)), draw(st.integers(0, 59))
    forms = (month, f"{month}{day:%d}", f"{month}{day:%d}{hour:02}")
    period = draw(st.sampled_from((*forms, f"{month}{day:%d}H{hour:02}{minute:02}")))
    tail = draw(st.sampled_from(["", "B", "DIRECNET", "MECNET"]))
    area = draw(st.sampled_from(["", "-US", "-CA"]))
    return f"{draw(series_names)}-{number}{period}{tail}{area}"


@given(event_texts())
def test_every_event_ticker_of_the_grammar_round_trips(text: str) -> None:
    assert str(parse_event(text)) == text


@given(event_texts(), strikes)
def test_every_market_ticker_of_the_grammar_round_trips(event: str, strike: str) -> None:
    market = parse_market(f"{event}-{strike}")

    assert str(market) == f"{event}-{strike}"
    assert str(market.event) == event
    assert market.strike == strike


@given(st.one_of(st.text(max_size=40), ticker_like))
@example("KXINXU-25FEB30H1200")
@example("KXCPI-26SEP--0.4")
def test_any_text_either_parses_and_round_trips_or_is_refused(text: str) -> None:
    for parse in (parse_event, parse_market):
        try:
            parsed = parse(text)
        except TickerError:
            continue
        assert str(parsed) == text


@given(days, st.integers(0, 24 * 60 - 1))
def test_an_index_event_names_the_new_york_minute_it_is_made_of(day: date, minute: int) -> None:
    local = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=NEW_YORK)
    event = parse_event(index_event_ticker("KXINXU", local))

    shown = local.astimezone(NEW_YORK)
    assert (event.day, event.hour) == (shown.date(), shown.time())


@given(st.sampled_from(StrikeType), st.integers(0, 10**9), st.integers(0, 10**6))
def test_a_payoff_contains_exactly_the_ticks_that_its_words_mean(
    kind: StrikeType, ten_thousandths: int, width: int
) -> None:
    low, high = Decimal(ten_thousandths) / 10_000, Decimal(ten_thousandths + width) / 10_000
    try:
        if kind is StrikeType.BETWEEN:
            payoff = strike_from_fields(kind, low, high).payoff(100)
        else:
            payoff = strike_from_fields(kind, low, low).payoff(100)
    except ContractError:
        assume(False)
    meaning = {
        StrikeType.GREATER: lambda v: v > low,
        StrikeType.GREATER_OR_EQUAL: lambda v: v >= low,
        StrikeType.LESS: lambda v: v < low,
        StrikeType.LESS_OR_EQUAL: lambda v: v <= low,
        StrikeType.BETWEEN: lambda v: low <= v <= high,
    }[kind]
    for edge in (ten_thousandths // 100, (ten_thousandths + width) // 100):
        for tick in range(edge - 2, edge + 3):
            assert payoff.contains(tick) == meaning(Decimal(tick) / 100)


@st.composite
def grids(draw: st.DrawFn) -> TickGrid:
    cuts = sorted(draw(st.sets(st.integers(0, 100), min_size=2, max_size=5)))
    return TickGrid.from_price_ranges(
        {
            "start": price_text(start * 100),
            "end": price_text(end * 100),
            "step": price_text(draw(st.sampled_from([1, 2, 5, 10, 20, 25, 50, 100]))),
        }
        for start, end in pairwise(cuts)
    )


@given(grids(), st.integers(-100, 10_100))
def test_floor_and_ceil_bracket_every_price_and_agree_on_the_grid(
    grid: TickGrid, price: int
) -> None:
    under = [level for level in grid.levels if level <= price]
    over = [level for level in grid.levels if level >= price]

    for bracket, find, best in ((under, grid.floor, -1), (over, grid.ceil, 0)):
        if bracket:
            assert find(price) == bracket[best]
        else:
            with pytest.raises(ContractError):
                find(price)
    assert grid.contains(price) == (bool(under) and under[-1] == price)


@given(grids(), st.data())
def test_steps_up_and_down_undo_each_other(grid: TickGrid, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(grid.levels) - 1))
    n = data.draw(st.integers(0, len(grid.levels) - 1 - at))
    price = grid.levels[at]

    assert grid.step_up(price, n) == grid.levels[at + n]
    assert grid.step_down(grid.step_up(price, n), n) == price


levels = st.dictionaries(st.integers(1, 9999), st.integers(1, 10**6), max_size=12)


@given(
    levels,
    levels,
    st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 9999), st.integers(-500, 500))),
)
def test_a_book_is_its_snapshot_plus_its_deltas_and_never_negative(
    yes: dict[int, int], no: dict[int, int], deltas: list[tuple[Side, int, int]]
) -> None:
    book = Book("X")
    book.apply_snapshot(yes.items(), no.items())
    model = {(Side.BID, p): s for p, s in yes.items()}
    model |= {(Side.ASK, 10_000 - p): s for p, s in no.items()}

    for side, price, delta in deltas:
        size = model.get((side, price), 0) + delta
        if size < 0:
            with pytest.raises(SequenceGapError):
                book.apply_delta(side, price, delta)
            continue
        book.apply_delta(side, price, delta)
        model[side, price] = size

    kept = {key: size for key, size in model.items() if size}
    assert {(Side.BID, p): s for p, s in book.bids} | {
        (Side.ASK, p): s for p, s in book.asks
    } == kept
    top = book.top()
    assert top.bid == max((p for s, p in kept if s is Side.BID), default=None)
    assert top.ask == min((p for s, p in kept if s is Side.ASK), default=None)
    assert top.bid_size == kept.get((Side.BID, top.bid or 0), 0)
    assert top.ask_size == kept.get((Side.ASK, top.ask or 0), 0)
    for side in Side:
        assert book.depth(side) == sum(size for (s, _), size in kept.items() if s is side)


@given(levels, levels)
def test_a_book_survives_the_wire(yes: dict[int, int], no: dict[int, int]) -> None:
    direct = Book("X")
    direct.apply_snapshot(yes.items(), no.items())
    wire = book_from_orderbook(
        "X",
        {
            "yes_dollars": [[price_text(p), size_text(s)] for p, s in yes.items()],
            "no_dollars": [[price_text(p), size_text(s)] for p, s in no.items()],
        },
    )

    assert (wire.bids, wire.asks) == (direct.bids, direct.asks)


@given(st.integers(-(10**15), 10**15))
def test_money_and_size_texts_round_trip(value: int) -> None:
    assert price_from_text(price_text(value)) == value
    assert size_from_text(size_text(value)) == value
    assert cash_from_text(cash_text(value)) == value


@given(st.text(max_size=12))
def test_any_text_is_a_price_or_a_data_error(text: str) -> None:
    try:
        price = price_from_text(text)
    except DataError:
        return
    assert price_from_text(price_text(price)) == price


@given(st.dates(date(2019, 1, 1), date(2028, 12, 31)))
def test_windows_lie_in_their_session_and_are_found_by_id(day: date) -> None:
    session = SESSIONS.on(day)
    found = windows_on(day, REGISTRY, SESSIONS)

    assert bool(found) == (session is not None) == (SESSIONS.why_closed(day) == "")
    for window in found:
        assert session is not None
        assert session.open < window.fixing <= session.close
        assert window.prep_at < window.make_at < window.strict_at < window.arm_at
        assert window.arm_at < window.last_scan_at < window.pull_start_at < window.pull_at
        assert window.pull_at <= window.fixing - timedelta(seconds=2)
        assert window_from_id(window.window_id, REGISTRY, SESSIONS) == window


@given(
    st.integers(0, 3620 * 24 * 3600).map(lambda s: IN_TABLE + timedelta(seconds=s)),
    st.integers(1, 20),
)
def test_the_next_windows_are_the_first_ones_after_now(now: datetime, count: int) -> None:
    found = next_windows(now, REGISTRY, SESSIONS, count)

    assert len(found) == count
    assert [w.fixing for w in found] == sorted(w.fixing for w in found)
    assert found[0].fixing > now
    assert next_windows(found[0].fixing, REGISTRY, SESSIONS, 1)[0].fixing > found[0].fixing


CLOSE = windows_on(date(2025, 11, 4), REGISTRY, SESSIONS)[-1]


def _range_markets(cuts: list[int]) -> list[dict[str, object]]:
    """Return a ladder of ranges cut at whole points, as the venue lists one."""
    event = CLOSE.event_ticker("KXINX")
    bottom = {"strike": f"T{cuts[0]}", "strike_type": "less", "cap_strike": cuts[0]}
    top = {
        "strike": f"T{cuts[-1] - 1}.9999",
        "strike_type": "greater",
        "floor_strike": cuts[-1] - 0.0001,
    }
    inner = [
        {
            "strike": f"B{(a + b) // 2}",
            "strike_type": "between",
            "floor_strike": a,
            "cap_strike": b - 0.0001,
        }
        for a, b in pairwise(cuts)
    ]
    common = {
        "event_ticker": event,
        "status": "active",
        "open_time": "2025-11-04T08:10:00Z",
        "close_time": "2025-11-04T21:00:00Z",
        "price_ranges": [{"start": "0", "end": "1", "step": "0.01"}],
    }
    return [{**common, **m, "ticker": f"{event}-{m['strike']}"} for m in (bottom, *inner, top)]


@given(
    st.lists(st.integers(1000, 9000), min_size=1, max_size=12, unique=True).map(sorted),
    st.randoms(use_true_random=False),
    st.integers(0, 1_000_000),
)
def test_a_close_ladder_pays_every_value_once_and_refuses_any_hole(
    cuts: list[int], shuffled: Random, tick: int
) -> None:
    markets = _range_markets(cuts)
    shuffled.shuffle(markets)

    whole = ladder_from_listing(markets, REGISTRY.series["KXINX"], CLOSE.fixing)
    holed = ladder_from_listing(markets[1:], REGISTRY.series["KXINX"], CLOSE.fixing)

    assert whole.refused == ()
    assert sum(contract.payoff.contains(tick) for contract in whole.contracts) == 1
    assert whole.contracts[0].payoff == Payoff(None, cuts[0] * 100 - 1)
    assert holed.contracts == ()
    assert len(holed.refused) == len(markets) - 1
