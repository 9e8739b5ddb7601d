"""Parts of the momentum process: trades in frames, holdings, and closing a day's books."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest

from kalshi_alpha.clock import ManualClock, iso
from kalshi_alpha.cloud.exposure import ExposureStore
from kalshi_alpha.cloud.ledger import LedgerStore
from kalshi_alpha.cloud.state import StateStore
from kalshi_alpha.cloud.table import Table
from kalshi_alpha.errors import DataError, VenueUnavailable
from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.markets.orders import Fill, NewOrder, Side
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.temperature import load_temperatures, stretches
from kalshi_alpha.rehearsal.campaign.tables import MemoryTables
from kalshi_alpha.steps.momentum import trade_in
from kalshi_alpha.steps.momentum_event import holdings_of
from kalshi_alpha.steps.momentum_settle import settle_before, settle_day

HEARD = datetime(2024, 12, 3, 17, 0, tzinfo=UTC)
DAY = ClimateDay(date(2024, 12, 3), -5)
CLOSE = datetime(2024, 12, 4, 4, 59, tzinfo=UTC)
WON, LOST = "KXHIGHNY-24DEC03-B41.5", "KXHIGHNY-24DEC03-B39.5"


def frame(**changed):
    msg = {
        "trade_id": "t-1", "market_ticker": WON, "yes_price_dollars": "0.4500",
        "no_price_dollars": "0.5500", "count_fp": "12.00", "taker_book_side": "bid",
        "taker_outcome_side": "yes", "ts_ms": 1733245199500, "is_block_trade": False,
    }  # fmt: skip
    return {"type": "trade", "sid": 2, "seq": 7, "msg": msg | changed}


def test_a_public_trade_is_read_out_of_its_frame():
    trade = trade_in(frame(), HEARD)
    assert (trade.ticker, trade.price, trade.size, trade.taker_side) == (WON, 4500, 1200, Side.BID)
    assert trade.at == datetime(2024, 12, 3, 16, 59, 59, 500_000, tzinfo=UTC)


def test_an_older_frame_names_the_side_by_its_outcome_and_may_lack_a_time():
    trade = trade_in(frame(taker_book_side="", taker_outcome_side="no", ts_ms=0), HEARD)
    assert trade.taker_side is Side.ASK
    assert trade.at == HEARD


def test_a_trade_agreed_on_elsewhere_is_none_of_the_books():
    assert trade_in(frame(is_block_trade=True), HEARD) is None


def test_a_trade_without_a_side_or_with_a_garbled_price_is_refused():
    with pytest.raises(DataError, match="does not say what its taker bought"):
        trade_in(frame(taker_book_side="both"), HEARD)
    with pytest.raises(DataError):
        trade_in(frame(yes_price_dollars="lots"), HEARD)
    with pytest.raises(DataError, match="cannot be read"):
        trade_in({"type": "trade", "msg": {"trade_id": 1}}, HEARD)


def a_fill(name, ticker, side, price, size, at=HEARD):
    return Fill(name, f"paper-{name}", ticker, side, price, size, False, 0, at)


def test_holdings_are_what_is_left_at_risk_when_yes_and_no_have_met():
    fills = [
        a_fill("1", WON, Side.BID, 4500, 500),
        a_fill("2", WON, Side.ASK, 6000, 200),
        a_fill("3", LOST, Side.ASK, 4000, 300),
    ]
    won, lost, none = holdings_of(fills, (WON, LOST, "OTHER"))
    # 5 YES at 45 and 2 NO at 40 cost 3.05; two pairs pay 2 whatever comes.
    assert (won.size, won.at_risk) == (300, 1_050_000)
    assert (lost.size, lost.at_risk) == (-300, 1_800_000)
    assert (none.size, none.at_risk) == (0, 0)


class MadeReader:
    """A venue whose markets say what they are told to."""

    def __init__(self, results):
        self.results, self.fails = results, False

    def markets(self, event):
        if self.fails:
            raise VenueUnavailable("the venue does not answer")
        if event != "KXHIGHNY-24DEC03":
            return []
        return [
            {"ticker": ticker, "event_ticker": event, "close_time": iso(CLOSE), "result": result,
             "expiration_value": "41", "settlement_value_dollars": "0.6000"}
            for ticker, result in self.results.items()
        ]  # fmt: skip


@pytest.fixture
def runtime():
    """Tables, a clock after the settlement, and two fills in the stretch of noon."""
    tables, clock = MemoryTables(), ManualClock(CLOSE + timedelta(hours=10))
    temperatures = load_temperatures()
    made = SimpleNamespace(
        clock=clock,
        temperatures=temperatures,
        registry=temperatures.registry(load_registry()),
        state=StateStore(Table(tables, "state")),
        ledger=LedgerStore(Table(tables, "ledger")),
        exposure=ExposureStore(Table(tables, "ledger"), clock.sleep),
        reader=MadeReader({WON: "yes", LOST: "no"}),
    )
    stretch = noon_of(made)
    made.state.extend_window(stretch.window_id, series={"KXHIGHNY": {"fee_type": "quadratic"}})
    for name, ticker, side, price in (("1", WON, Side.BID, 4500), ("2", LOST, Side.ASK, 4000)):
        order = NewOrder(ticker, side, price, 200, f"ka-{name}", stretch.expires_at)
        made.ledger.intend(stretch.window_id, order, HEARD)
        made.ledger.mark(
            stretch.window_id, f"ka-{name}", "filled", HEARD, order_id=f"paper-{name}",
            filled_size=200,
        )  # fmt: skip
        made.ledger.record_fill(stretch.window_id, a_fill(name, ticker, side, price, 200))
    return made


def noon_of(runtime):
    return next(
        one
        for one in stretches(runtime.temperatures, "KXHIGHNY", DAY, CLOSE)
        if one.start <= HEARD < one.fixing
    )


def test_a_decided_day_is_paid_recorded_and_counted_and_again_changes_nothing(runtime):
    first = settle_day(runtime, "KXHIGHNY", DAY)
    assert first.degrees == "41"
    assert [one.result for one in first.fills] == [1_100_000, 800_000]
    assert first.result == 1_900_000
    window_id = noon_of(runtime).window_id
    paid = {row["ticker"]: row["revenue"] for row in runtime.ledger.settlements(window_id)}
    assert paid == {WON: 2_000_000, LOST: 2_000_000}
    assert runtime.ledger.earned("KXHIGHNY", DAY.date, DAY.date) == 1_900_000
    assert settle_day(runtime, "KXHIGHNY", DAY) == first
    assert runtime.ledger.earned("KXHIGHNY", DAY.date, DAY.date) == 1_900_000


def test_a_day_is_left_open_until_every_market_is_decided(runtime):
    runtime.reader.results[LOST] = ""
    assert settle_day(runtime, "KXHIGHNY", DAY) is None
    runtime.reader.results = {}
    assert settle_day(runtime, "KXHIGHNY", DAY) is None
    assert runtime.ledger.earned("KXHIGHNY", DAY.date, DAY.date) == 0


def test_a_fair_price_pays_its_share_and_an_unknown_word_is_refused(runtime):
    runtime.reader.results = {WON: "scalar", LOST: "no"}
    assert settle_day(runtime, "KXHIGHNY", DAY).result == 300_000 + 800_000
    runtime.reader.results = {WON: "maybe", LOST: "no"}
    with pytest.raises(DataError, match="has the result 'maybe'"):
        settle_day(runtime, "KXHIGHNY", DAY)


def test_a_day_that_lost_its_limit_pauses_its_series(runtime):
    stretch = noon_of(runtime)
    for k in range(6):
        runtime.ledger.record_fill(
            stretch.window_id, a_fill(f"more-{k}", LOST, Side.BID, 5000, 1000)
        )
    settled = settle_day(runtime, "KXHIGHNY", DAY)
    assert settled.result < -20_000_000
    assert runtime.state.cooling_off("KXHIGHNY", HEARD + timedelta(hours=1)) is not None


def test_yesterdays_books_are_closed_before_today_begins_and_troubles_are_told(runtime):
    told = []
    settle_before(runtime, "east", ClimateDay(date(2024, 12, 4), -5), told.append)
    assert told == ["KXHIGHNY-24DEC03: settled on 41: $1.900000"]
    runtime.reader.fails = True
    told.clear()
    settle_before(runtime, "mountain", ClimateDay(date(2024, 12, 4), -7), told.append)
    assert len(told) == 3
    assert all("its books are not closed yet" in said for said in told)
