"""One window's order path, whole, between tables in memory and a real exchange, for tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from kalshi_alpha.cloud.exposure import ExposureStore
from kalshi_alpha.cloud.layout import LEDGER, STATE
from kalshi_alpha.cloud.ledger import LedgerStore
from kalshi_alpha.cloud.state import StateStore
from kalshi_alpha.cloud.table import Table
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.rehearsal.books import Difference, differences
from kalshi_alpha.rehearsal.campaign.tables import MemoryTables
from kalshi_alpha.rehearsal.exchange.model import Order
from kalshi_alpha.rehearsal.exchange.server import MEMBER
from kalshi_alpha.rehearsal.exchange.views import books_view
from kalshi_alpha.steps import quote, reconcile
from kalshi_alpha.steps.runtime import Runtime, Settings
from kalshi_alpha.trading.plan import QuotePlan, TargetQuote
from kalshi_alpha.venues.kalshi.puller import KalshiPuller
from kalshi_alpha.venues.kalshi.reader import KalshiReader
from kalshi_alpha.venues.kalshi.trader import KalshiTrader
from tests.exchange_host import EVENT, FIXING, Host, hosting
from tests.flaky_venue import Death, FlakyVenue, MortalTable

WINDOW = "20261006-1200-index-hourly"
MARKETS = tuple(f"{EVENT}-T{level - 1}.9999" for level in (6795, 6800, 6805))


@dataclass
class OrderWindow:
    """The window, the exchange it trades on and the network between them."""

    host: Host
    venue: FlakyVenue
    folder: Path
    revision: int = 0
    tables: MemoryTables = field(default_factory=MemoryTables)

    def __post_init__(self) -> None:
        self.runtime = self.start()
        state, now = self.runtime.state, self.host.clock.now()
        state.set_kill_switch(on=False, reason="test", by="test", at=now)
        state.claim_window(WINDOW, "e", now)
        fees = {"fee_type": "quadratic", "fee_multiplier": "1"}
        window = self.runtime.window(WINDOW)
        state.extend_window(WINDOW, go=True, series=dict.fromkeys(window.series, fees))
        self.runtime.ledger.record_cash(WINDOW, "before", self.runtime.reader.balance(), now)

    def start(self, death: Death | None = None) -> Runtime:
        """Start a function afresh: nothing of the one before it is known."""
        self.venue.death = death or Death()
        settings = Settings(
            broker="twin",
            state_table=STATE.name,
            ledger_table=LEDGER.name,
            artifacts=str(self.folder),
            venue_url=self.host.base,
            secret="key",
            read_secret="key",
        )
        kinds = (KalshiReader, KalshiPuller, KalshiTrader)
        host = self.host
        clients = {
            kind.__name__: kind(host.base, host.clock, host.credentials, self.venue)
            for kind in kinds
        }
        runtime = Runtime(settings, host.clock, clients)
        tables = [
            MortalTable(Table(self.tables, spec.name), self.venue.death) for spec in (STATE, LEDGER)
        ]
        vars(runtime).update(
            state=StateStore(tables[0]),
            ledger=LedgerStore(tables[1]),
            exposure=ExposureStore(tables[1], host.clock.sleep),
        )
        self.runtime = runtime
        return runtime

    def plan(self, *targets: TargetQuote) -> dict[str, Any]:
        """Return the window's next plan as a request to the quote step."""
        self.revision += 1
        plan = QuotePlan(WINDOW, self.revision, self.host.clock.now(), targets)
        return {"window_id": WINDOW, "plan": plan.to_json()}

    def quote(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run the quote step in the function that was started last."""
        return quote.run(request, self.runtime)

    def reconcile(self) -> dict[str, Any]:
        """Run the reconcile step in the function that was started last."""
        return reconcile.run({"window_id": WINDOW}, self.runtime)

    def open_group(self) -> None:
        """Have the window's order group open already, so that the next write is an order's."""
        placer = self.runtime.venue_client(KalshiTrader, "key")
        self.runtime.state.put_part(WINDOW, "GROUP", {"group_id": placer.create_group(4)})

    def resting(self) -> list[Order]:
        return self.host.run(lambda: self.host.engine.resting(MEMBER))

    def orders(self) -> list[Order]:
        """Return every order the exchange ever took from us."""
        account = self.host.engine.accounts[MEMBER]
        return self.host.run(lambda: list(account.orders.values()))

    def ledger_orders(self) -> dict[str, dict[str, Any]]:
        return {doc["client_order_id"]: doc for doc in self.runtime.ledger.orders(WINDOW)}

    def take(self, order: Order, size: int) -> None:
        """Have a rival trade with one of our orders, as far as it still rests."""
        if order.remaining:
            self.host.rival(
                order.side.other.value, order.price, min(size, order.remaining), order.ticker
            )

    def close(self) -> dict[str, Any]:
        """Let the window end and its markets settle, then close the books."""
        self.venue.next_writes, self.venue.lagging = [], False
        self.start()
        left = (FIXING - self.host.clock.now()).total_seconds()
        self.host.pass_time(max(0.0, left) + 60)
        self.reconcile()
        self.host.pass_time(600)
        return self.reconcile()

    def differences(self) -> list[Difference]:
        """Compare the ledger with the exchange's own books."""
        books = self.host.run(lambda: books_view(self.host.engine.accounts[MEMBER]))
        return differences(self.runtime.ledger.entries(WINDOW), books)


def target(market: int, side: Side, price: int, size: int = 100) -> TargetQuote:
    """Return a wanted quote in one of ``MARKETS``."""
    return TargetQuote(MARKETS[market], side, price, size, 0, 520_000, 70_000)


def doubled(orders: Sequence[Order]) -> set[tuple[str, str]]:
    """Return the market sides with more than one of the orders."""
    sides = [(order.ticker, order.side.value) for order in orders]
    return {side for side in sides if sides.count(side) > 1}


@contextmanager
def order_window(**options: Any) -> Iterator[OrderWindow]:
    """Open a window at T-4 minutes, with nothing placed."""
    with ExitStack() as stack:
        host = stack.enter_context(hosting(**options))
        host.run(lambda: host.server.list_fixing("KXNASDAQ100U", FIXING, open_at=host.clock.now()))
        host.pass_time((FIXING - timedelta(minutes=4) - host.clock.now()).total_seconds())
        venue = FlakyVenue(host.clock)
        stack.callback(venue.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        yield OrderWindow(host, venue, folder)
