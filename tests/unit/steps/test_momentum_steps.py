"""Parts of the momentum process: trades in frames, holdings, and closing a day's books."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest

from kalshi_alpha.clock import ManualClock, iso
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.cloud.exposure import ExposureStore
from kalshi_alpha.cloud.ledger import LedgerStore
from kalshi_alpha.cloud.state import StateStore
from kalshi_alpha.cloud.table import Table
from kalshi_alpha.errors import DataError, VenueUnavailable
from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.markets.orders import Fill, LiveOrder, NewOrder, OrderStatus, Side
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.temperature import load_temperatures, stretches
from kalshi_alpha.momentum.inventory import holdings_of
from kalshi_alpha.momentum.settled import SettledDay
from kalshi_alpha.rehearsal.campaign.tables import MemoryTables
from kalshi_alpha.steps.momentum import trade_in
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
def runtime(tmp_path):
    """Tables, a clock after the settlement, and two fills in the stretch of noon."""
    tables, clock = MemoryTables(), ManualClock(CLOSE + timedelta(hours=10))
    temperatures = load_temperatures()
    made = SimpleNamespace(
        clock=clock,
        artifacts=FolderStore(tmp_path),
        source_of=lambda record: str((record or {}).get("broker", "paper")),
        viewer=None,  # nobody asks the venue of orders whose end is known
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
    assert all("is not closed yet: the venue does not answer" in said for said in told)


def kept(runtime):
    return SettledDay.from_bytes(runtime.artifacts.read("momentum/KXHIGHNY-24DEC03/settled.json"))


def test_a_settled_day_is_kept_as_the_ledger_has_it_and_again_comes_out_the_same(runtime):
    found = settle_day(runtime, "KXHIGHNY", DAY)
    first = runtime.artifacts.read("momentum/KXHIGHNY-24DEC03/settled.json")

    assert kept(runtime) == found
    assert (found.source, found.begins, found.closes) == ("paper", DAY.start, CLOSE)
    assert found.values == {WON: 10_000, LOST: 0}
    assert (found.verified, found.differences) == (True, ())
    runtime.clock.advance(86_400.0)
    settle_day(runtime, "KXHIGHNY", DAY)
    assert runtime.artifacts.read("momentum/KXHIGHNY-24DEC03/settled.json") == first


def test_a_day_without_a_fill_is_kept_too(runtime):
    runtime.ledger = LedgerStore(Table(MemoryTables(), "ledger"))
    settle_day(runtime, "KXHIGHNY", DAY)

    assert kept(runtime).fills == ()
    assert kept(runtime).result == 0
    assert kept(runtime).values == {WON: 10_000, LOST: 0}


@pytest.mark.parametrize(("broker", "source"), [("live", "live"), ("twin", "twin"), ("", "paper")])
def test_the_broker_of_its_stretches_says_whose_a_days_fills_are(runtime, broker, source):
    if broker:
        runtime.state.extend_window(noon_of(runtime).window_id, broker=broker)

    assert settle_day(runtime, "KXHIGHNY", DAY).source == source


def test_a_day_that_was_live_for_an_hour_is_no_paper_day(runtime):
    first, *_, last = stretches(runtime.temperatures, "KXHIGHNY", DAY, CLOSE)
    runtime.state.extend_window(first.window_id, broker="paper")
    runtime.state.extend_window(last.window_id, broker="live")

    assert settle_day(runtime, "KXHIGHNY", DAY).source == "live"


def test_a_store_that_fails_loses_no_settlement_and_the_next_process_tells_and_keeps_it(runtime):
    store, told = runtime.artifacts, []
    runtime.artifacts = SimpleNamespace(write=refused)
    settle_before(runtime, "east", ClimateDay(date(2024, 12, 4), -5), told.append)

    assert runtime.ledger.earned("KXHIGHNY", DAY.date, DAY.date) == 1_900_000
    assert len(told) == 1
    assert "KXHIGHNY on 2024-12-03 is not closed yet: the ledger has KXHIGHNY-24DEC03" in told[0]
    assert "settled.json could not be written, which the next process tries again" in told[0]
    runtime.artifacts = store
    settle_before(runtime, "east", ClimateDay(date(2024, 12, 5), -5), told.append)
    assert kept(runtime).result == 1_900_000
    assert runtime.ledger.earned("KXHIGHNY", DAY.date, DAY.date) == 1_900_000


def refused(key, data):
    del key, data
    raise OSError("no room is left")


def test_an_order_whose_end_nobody_heard_is_asked_after_before_its_books_are_closed(runtime):
    stretch = noon_of(runtime)
    order = NewOrder(WON, Side.BID, 4000, 100, "ka-3", stretch.expires_at)
    runtime.ledger.intend(stretch.window_id, order, HEARD)
    runtime.ledger.mark(stretch.window_id, "ka-3", "resting", HEARD, order_id="paper-3")
    found = a_fill("3", WON, Side.BID, 4000, 100)
    runtime.viewer = MadeViewer(order, found)

    settled = settle_day(runtime, "KXHIGHNY", DAY)

    assert "3" in [one.fill.fill_id for one in settled.fills]
    assert settled.result == 1_900_000 + 600_000
    assert settled.verified


def test_a_day_with_an_order_that_the_venue_still_calls_resting_is_not_verified(runtime):
    stretch = noon_of(runtime)
    order = NewOrder(WON, Side.BID, 4000, 100, "ka-3", stretch.expires_at)
    runtime.ledger.intend(stretch.window_id, order, HEARD)
    runtime.ledger.mark(stretch.window_id, "ka-3", "resting", HEARD, order_id="paper-3")
    runtime.viewer = MadeViewer(order, None)

    assert not settle_day(runtime, "KXHIGHNY", DAY).verified


def test_an_order_that_does_not_add_up_and_one_that_was_contradicted_are_said(runtime):
    stretch = noon_of(runtime)
    order = NewOrder(WON, Side.BID, 4000, 300, "ka-3", stretch.expires_at)
    runtime.ledger.intend(stretch.window_id, order, HEARD)
    runtime.ledger.mark(
        stretch.window_id, "ka-3", "canceled", HEARD, order_id="paper-3", filled_size=300,
        contradiction="it fell out of the book twice",
    )  # fmt: skip
    settled = settle_day(runtime, "KXHIGHNY", DAY)

    assert settled.verified
    assert settled.differences == (
        "ka-3: it fell out of the book twice",
        "ka-3 has 3.00 contracts filled, and the fills listed of it come to 0.00",
    )


class MadeViewer:
    """A venue that knows one order and its fill; without one it rests for ever."""

    def __init__(self, order, fill):
        self.order, self.fill = order, fill

    def orders(self, **_):
        one, filled = self.order, 0 if self.fill is None else self.order.size
        status = OrderStatus.RESTING if self.fill is None else OrderStatus.EXECUTED
        return [
            LiveOrder(
                "paper-3", one.client_order_id, one.ticker, one.side, one.price, one.size, filled,
                one.size - filled, status,
            )
        ]  # fmt: skip

    def fills(self, *, ticker="", min_at=None):
        del min_at
        return [self.fill] if self.fill and ticker == self.fill.ticker else []

    def data_at(self):
        return CLOSE + timedelta(hours=9)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda doc: doc.pop("values"), "a settled day cannot be read"),
        (lambda doc: doc.update(schema="other"), "of schema 'other'"),
        (lambda doc: doc.update(closes="2024-12-03T00:00:00Z"), "not after it begins"),
        (lambda doc: doc.update(begins="2024-12-03T00:00:00"), "carries no time zone"),
        (lambda doc: doc["values"].pop(LOST), "and no value of it"),
        (lambda doc: doc["fills"][0].update(result=-9_000_000), "the record cannot be right"),
        (lambda doc: doc["fills"][0]["fill"].update(side="up"), "a settled day cannot be read"),
    ],
)
def test_a_garbled_settled_day_is_a_sentence(runtime, change, said):
    doc = json.loads(settle_day(runtime, "KXHIGHNY", DAY).to_bytes())
    change(doc)

    with pytest.raises(DataError, match=said):
        SettledDay.from_bytes(json.dumps(doc).encode())
    with pytest.raises(DataError, match="cannot be read"):
        SettledDay.from_bytes(b"[1, 2")
