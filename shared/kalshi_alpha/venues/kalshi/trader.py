"""The venue, for the one step that may place orders."""

from __future__ import annotations

from kalshi_alpha.errors import DataError, InvariantBroken, VenueAmbiguous
from kalshi_alpha.markets.orders import Ack, NewOrder
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.venues.kalshi import wire
from kalshi_alpha.venues.kalshi.budget import RequestBudget, budget_from
from kalshi_alpha.venues.kalshi.puller import KalshiPuller

_ORDERS = "portfolio/events/orders"


class KalshiTrader(KalshiPuller):
    """A puller that can also place: post-only, with an expiry, always."""

    _sharers = 0

    def keep_budget(self, sharers: int = 1) -> RequestBudget:
        """Ask the venue for the account's budget and count every request in it from now on.

        ``sharers`` windows divide it. Asked once; a later number of sharers asks again.

        Raises:
            DataError: when the venue's answer is of no use.
            VenueError: when there is none.
        """
        kept = self._http.budget
        if kept is None or self._sharers != sharers:
            kept = budget_from(self.limits(), self.endpoint_costs(), sharers=sharers)
            self._http.budget, self._sharers = kept, sharers
        return kept

    def create(self, order: NewOrder) -> Ack:
        """Place an order.

        Raises:
            InvariantBroken: for an order that must never leave: no expiry ahead, no whole-second
                expiry, no id, no size, a price outside one dollar.
            VenueRejected: when it was refused; 409 means an order with this id exists.
            VenueAmbiguous: when nobody knows whether it rests.
        """
        self._check(order)
        try:
            return wire.ack_from(self._http.write("POST", _ORDERS, wire.create_body(order)), order)
        except DataError as error:
            raise VenueAmbiguous(f"the answer to a create cannot be read: {error}") from error

    def amend(self, order_id: str, order: NewOrder, filled: int) -> Ack:
        """Move a live order to the price and resting size of ``order``."""
        self._check(order)
        path = f"{_ORDERS}/{order_id}/amend"
        try:
            reply = self._http.write("POST", path, wire.amend_body(order, filled))
            return wire.amended_from(reply, order, filled)
        except DataError as error:
            raise VenueAmbiguous(f"the answer to an amend cannot be read: {error}") from error

    def create_group(self, contracts_limit: int) -> str:
        """Open an order group that cancels itself past that many contracts filled in 15 s."""
        reply = self._http.write(
            "POST", "portfolio/order_groups/create", {"contracts_limit": contracts_limit}
        )
        if not reply.get("order_group_id"):
            raise VenueAmbiguous("the answer to an order group's opening does not name it")
        return str(reply["order_group_id"])

    def _check(self, order: NewOrder) -> None:
        expiry = order.expires_at
        if expiry.tzinfo is None or expiry.microsecond:
            raise InvariantBroken(f"the expiry {expiry} of an order is not a whole second in UTC")
        if expiry <= self._http.now():
            raise InvariantBroken(f"the expiry {expiry} of an order has passed: it is not sent")
        if not order.client_order_id:
            raise InvariantBroken("an order without a client order id is not sent")
        if not 0 < order.price < PRICE_UNIT or order.size <= 0:
            raise InvariantBroken(
                f"an order of {order.size}/100 contracts at {order.price}/10000 dollar is not sent"
            )
