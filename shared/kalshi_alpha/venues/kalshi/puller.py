"""The venue, for whoever may look and cancel: this module holds no code that places an order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import httpx

from kalshi_alpha.errors import VenueRejected
from kalshi_alpha.markets.orders import CancelResult
from kalshi_alpha.venues.kalshi import wire
from kalshi_alpha.venues.kalshi.reader import KalshiReader, objects
from kalshi_alpha.venues.kalshi.transport import Transport

_BATCH = "portfolio/events/orders/batched"


class PreparedCancel:
    """A batch cancel that is built, its connection open; ``sign`` late, then ``send``."""

    def __init__(self, http: Transport, request: httpx.Request, items: int) -> None:
        self._http, self._request, self._items = http, request, items
        self._signed = False

    def sign(self, at: datetime) -> None:
        """Sign it; the time that counts is the transport's clock, which ``at`` documents."""
        del at
        self._http.sign(self._request)
        self._signed = True

    def send(self) -> list[CancelResult]:
        """Send it: one round trip."""
        reply = self._http.send(self._request, signed=self._signed, items=self._items)
        return [wire.cancel_from(item) for item in objects(reply, "orders")]


class KalshiPuller(KalshiReader):
    """A reader that can also cancel."""

    def cancel(self, order_id: str) -> CancelResult:
        """Cancel one order; one that is gone already is an answer, not an error."""
        try:
            reply = self._http.write("DELETE", f"portfolio/events/orders/{order_id}")
        except VenueRejected as error:
            if error.status == httpx.codes.NOT_FOUND:
                return CancelResult(order_id, 0, error.code or "not_found")
            raise
        return wire.cancel_from({"order_id": order_id} | reply)

    def cancel_batch(self, order_ids: Sequence[str]) -> list[CancelResult]:
        """Cancel several orders in one request; each has its own answer."""
        if not order_ids:
            return []
        return self._batch(order_ids).send()

    def prepare_cancel_batch(self, order_ids: Sequence[str]) -> PreparedCancel:
        """Build a batch cancel and open the connection it will use."""
        self._http.warm("exchange/status")
        return self._batch(order_ids)

    def trigger_group(self, group_id: str) -> None:
        """Have the venue cancel a group's orders and refuse more until it is reset."""
        self._http.write("PUT", f"portfolio/order_groups/{group_id}/trigger", {})

    def _batch(self, order_ids: Sequence[str]) -> PreparedCancel:
        body = {"orders": [{"order_id": i, "exchange_index": 0} for i in order_ids]}
        request = self._http.build("DELETE", _BATCH, body=body)
        return PreparedCancel(self._http, request, len(order_ids))
