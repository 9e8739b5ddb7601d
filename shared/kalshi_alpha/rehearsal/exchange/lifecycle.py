"""What time does to markets: opening, closing, pauses, determination, payment, expiry.

``advance`` lets everything happen that is due, each thing at its own instant and in order, whether
or not anybody looked in between. Opening and closing are silent, as at the venue.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta

from kalshi_alpha.clock import NEW_YORK, iso
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.ticks import TickGrid
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.rehearsal.exchange.floor import Floor, Rejected
from kalshi_alpha.rehearsal.exchange.model import Account, Market, Order, SettlementRecord

CLOSE_SWEEP = timedelta(seconds=1)  # the venue cancels what rests shortly after a close
_ASK_AGAIN = timedelta(seconds=30)
_THURSDAY, _PAUSE_FROM, _PAUSE_TO = 3, time(3, 0), time(5, 0)


class Lifecycle(Floor):
    """The floor with a clock."""

    def __post_init__(self) -> None:
        """Start trading, and plan the next pause."""
        super().__post_init__()
        self._halted = False
        self._prints: dict[tuple[str, datetime], float] = {}
        self._scalars: dict[str, int] = {}
        if self.maintenance:
            self._when(next_pause(self.clock.now()), self._weekly_pause)

    def list_market(self, market: Market) -> None:
        """List a market; its opening and closing then happen by the clock."""
        self.markets[market.ticker] = market
        self._plan_close(market)
        self._tell("listed", market=market)

    def advance(self) -> datetime:
        """Let everything happen that is due by now, in order; return now."""
        now = self.clock.now()
        while self._due and self._due[0][0] <= now:
            at, _, action = heapq.heappop(self._due)
            action(at)
        return now

    # --- pauses ------------------------------------------------------------------------------

    @property
    def trading_active(self) -> bool:
        """Say whether orders are taken: not halted, and not in the weekly maintenance."""
        paused = self.maintenance and in_weekly_pause(self.clock.now())
        return self.exchange_active and not self._halted and not paused

    def halt_trading(self) -> None:
        """Pause all trading: no new orders, cancels still work."""
        self._halted = True
        self._cancel_on_pause(self.advance())

    def resume_trading(self) -> None:
        """Take orders again; what rested through the pause still rests."""
        self._halted = False

    def pause(self, market: Market) -> None:
        """Deactivate a market; orders that asked for it are cancelled."""
        now = self.advance()
        market.paused = True
        self._cancel_on_pause(now, [market])
        self._tell("paused", market=market, paused=True)

    def resume(self, market: Market) -> None:
        """Reactivate a market; every resting order is gone, as at the venue."""
        now = self.advance()
        market.paused = False
        self._take_out_all(market.orders(), "HaltCancel", now)
        self._tell("paused", market=market, paused=False)

    def _weekly_pause(self, at: datetime) -> None:
        self._cancel_on_pause(at)
        self._when(next_pause(at), self._weekly_pause)

    def _cancel_on_pause(self, at: datetime, markets: Sequence[Market] | None = None) -> None:
        chosen = list(self.markets.values()) if markets is None else markets
        leaving = [o for market in chosen for o in market.orders() if o.cancel_on_pause]
        self._take_out_all(leaving, "HaltCancel", at)

    # --- expiry and close --------------------------------------------------------------------

    def _plan_expiry(self, order: Order) -> None:
        expiry = order.expires_at
        if expiry is None:
            return

        def expire(at: datetime) -> None:
            if order.expires_at == expiry and order.remaining:
                self._take_out(order, "ExpiryCancel", at)

        self._when(expiry, expire)

    def move_close(self, market: Market, close_at: datetime) -> None:
        """Move a market's close, earlier or later."""
        now = self.advance()
        if close_at <= now or now >= market.close_at:
            raise Rejected(400, "invalid_parameters", "only a close ahead can be moved, to ahead")
        market.close_at = close_at
        market.listed["close_time"] = iso(close_at)
        self._plan_close(market)
        self._tell("close_moved", market=market)

    def regrid(self, market: Market, structure: str, ranges: Sequence[Mapping[str, str]]) -> None:
        """Give a market another price grid; what rests off it keeps resting."""
        market.grid = TickGrid.from_price_ranges(ranges)
        market.listed["price_level_structure"] = structure
        market.listed["price_ranges"] = [dict(entry) for entry in ranges]
        self._tell("regridded", market=market)

    def _plan_close(self, market: Market) -> None:
        close_at = market.close_at

        def sweep(at: datetime) -> None:
            if market.close_at == close_at:
                self._take_out_all(market.orders(), "CloseCancel", at)
                timer = timedelta(seconds=int(market.listed["settlement_timer_seconds"]))
                paid = (market.decided_at or close_at) + self.settlement_delay
                determined = max(at, market.decided_at or at, paid - timer)
                self._when(determined, lambda when: self._determine(market, when, paid))

        self._when(close_at + CLOSE_SWEEP, sweep)

    # --- determination and payment -----------------------------------------------------------

    def print_of(self, symbol: str, at: datetime) -> float | None:
        """Return the venue's own print at a fixing: the index plus a seeded basis, two decimals."""
        key = (symbol, at)
        if key not in self._prints:
            # The last value at or before the instant: one stamped with it is not out yet.
            level = self.value(symbol, at - timedelta(milliseconds=1))
            if level is None:
                return None
            draw = random.Random(f"basis-{self.seed}-{symbol}-{at.isoformat()}")
            basis = draw.gauss(0.0, self.basis_sd.get(symbol, 0.0))
            self._prints[key] = round(level + basis, 2)
        return self._prints[key]

    def _printed(self, market: Market) -> float | None:
        """Return what decides a market: the index's print at its close, or the figure's."""
        if market.decided_at is None:
            return self.print_of(market.symbol, market.close_at)
        return self.value(market.symbol, market.decided_at)

    def settle_at(self, market: Market, yes_value: int) -> None:
        """Have a market settle at a fair price instead of yes or no: YES pays ``yes_value``."""
        if not 0 <= yes_value <= PRICE_UNIT:
            raise Rejected(400, "invalid_parameters", "a fair price lies between 0 and 1")
        self._scalars[market.ticker] = yes_value

    def _determine(self, market: Market, at: datetime, paid: datetime) -> None:
        level = self._printed(market)
        if level is None:
            self._when(at + _ASK_AGAIN, lambda when: self._determine(market, when, paid))
            return
        scalar = self._scalars.get(market.ticker)
        if scalar is not None:
            market.result, market.yes_value = "scalar", scalar
        elif market.payoff.contains(round(level * market.ticks_per_point)):
            market.result, market.yes_value = "yes", PRICE_UNIT
        else:
            market.result, market.yes_value = "no", 0
        market.expiration_value = f"{level:.{_digits(market)}f}"
        market.determined_at = at
        self._tell("determined", market=market, at=at)
        self._when(max(paid, at), lambda when: self._settle(market, when))

    def _settle(self, market: Market, at: datetime) -> None:
        for account in self.accounts.values():
            if market.ticker in account.positions:
                self._pay(account, market, at)
        market.settled_at = at
        market.open_interest = 0
        self._tell("settled", market=market, at=at)

    def _pay(self, account: Account, market: Market, at: datetime) -> None:
        yes_value = market.yes_value or 0
        position = account.positions.pop(market.ticker)
        side = Side.BID if position > 0 else Side.ASK
        revenue = abs(position) * (yes_value if side is Side.BID else PRICE_UNIT - yes_value)
        revenue -= revenue % self.precision  # a fair price pays down to the member's precision
        cost = account.costs.pop(market.ticker, 0)
        account.cash += revenue
        gained = account.realised.get(market.ticker, 0) + revenue - cost
        account.realised[market.ticker] = gained
        if account.keeps_records:
            record = SettlementRecord(
                market.ticker, market.event_ticker, market.result, position, cost, revenue,
                account.fees.get(market.ticker, 0), at, yes_value,
            )  # fmt: skip
            account.settlements.append(record)
        else:
            for sums in (account.traded, account.volumes, account.realised):
                sums.pop(market.ticker, None)


def _digits(market: Market) -> int:
    return len(str(market.ticks_per_point)) - 1


def in_weekly_pause(at: datetime) -> bool:
    """Say whether the venue's weekly maintenance is on: Thursday, 03:00 to 05:00 New York time."""
    local = at.astimezone(NEW_YORK)
    return local.weekday() == _THURSDAY and _PAUSE_FROM <= local.time() < _PAUSE_TO


def next_pause(after: datetime) -> datetime:
    """Return the beginning of the first weekly pause after an instant."""
    local = after.astimezone(NEW_YORK)
    day = local.date() + timedelta(days=(_THURSDAY - local.weekday()) % 7)
    begins = datetime.combine(day, _PAUSE_FROM, NEW_YORK)
    if begins <= local:
        begins = datetime.combine(day + timedelta(days=7), _PAUSE_FROM, NEW_YORK)
    return begins.astimezone(after.tzinfo)
