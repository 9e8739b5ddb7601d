"""Everything the venue sends, as (name, file of the corpus, what reads it)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import pytest

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.errors import (
    DataError,
    KalshiAlphaError,
    SequenceGapError,
    VenueAmbiguous,
    VenueError,
)
from kalshi_alpha.markets.contracts import ladder_from_listing
from kalshi_alpha.markets.orders import NewOrder, Side
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.venues.kalshi.budget import budget_from
from kalshi_alpha.venues.kalshi.reader import KalshiReader
from kalshi_alpha.venues.kalshi.signing import Credentials
from kalshi_alpha.venues.kalshi.stream import BookKeeper
from kalshi_alpha.venues.kalshi.trader import KalshiTrader
from tests.fuzz.judging import judged, sentence, sound

NOW = datetime(2025, 11, 4, 16, 55, tzinfo=UTC)
FIXING = datetime(2025, 11, 4, 17, tzinfo=UTC)
TICKERS = ("KXINXU-25NOV04H1200-T6844.9999", "KXINXU-25NOV04H1200-T6849.9999")
ORDER = NewOrder(TICKERS[0], Side.BID, 4200, 100, "w-1", FIXING)


class Unsigned:
    """Stands where a private key would: nothing is sent anywhere."""

    def headers(self, *_: object) -> dict[str, str]:
        return {}


def trader(body: bytes, status: int = 200) -> KalshiTrader:
    """Return a client whose every request is answered with these bytes."""
    answer = httpx.MockTransport(lambda _: httpx.Response(status, content=body))
    credentials = Credentials("key", Unsigned())  # type: ignore[arg-type]
    return KalshiTrader("https://venue.test/v2", ManualClock(NOW), credentials, answer)


def reading(ask: Callable[[KalshiReader], Any], body: bytes) -> None:
    """Read an answer: a sound value or a sound error."""
    judged(lambda: ask(trader(body)))


def plain(ask: Callable[[KalshiReader], Any], body: bytes) -> None:
    """Read an answer that is handed on as it came: an object."""
    try:
        found = ask(trader(body))
    except KalshiAlphaError as error:
        sentence(error)
    else:
        assert isinstance(found, dict)


def positions(body: bytes) -> None:
    """Positions are handed on as they came, each an object."""
    try:
        found = trader(body).positions()
    except KalshiAlphaError as error:
        sentence(error)
    else:
        assert all(isinstance(item, dict) for item in found)


def orderbooks(body: bytes) -> None:
    books = judged(lambda: trader(body).orderbooks(TICKERS))
    for ticker, book in (books or {}).items():
        assert ticker in TICKERS
        for price, size in (*book.bids, *book.asks):
            assert 0 < price < PRICE_UNIT
            assert 0 < size < 10**18


def listing(body: bytes) -> None:
    """Read the listing, then the ladder: no market of it may raise for its own sake."""
    try:
        markets = trader(body).markets("KXINXU-25NOV04H1200")
    except KalshiAlphaError as error:
        sentence(error)
        return
    ladder = ladder_from_listing(markets, load_registry().series["KXINXU"], FIXING)
    assert len(ladder.contracts) + len(ladder.refused) == len(markets)
    for contract in ladder.contracts:
        assert contract.close_at == FIXING
        assert contract.status == "active"
        low = contract.payoff.low
        assert low is not None
        assert abs(low) < 10**12
    assert all(refused.code and refused.reason for refused in ladder.refused)


def writing(act: Callable[[KalshiTrader], Any], body: bytes) -> None:
    """Read the answer to a write; a cancel's blank id is the caller's to fill in."""
    judged(lambda: act(trader(body)), blank_ids=True)


def creating(body: bytes) -> None:
    """Read the answer to a create: what cannot be read is never a definite no, nor a yes."""
    try:
        ack = trader(body).create(ORDER)
    except VenueAmbiguous as error:
        sentence(error)
    else:
        sound(ack)


def refused(body: bytes) -> None:
    """Read an error body under every status that matters."""
    for status in (301, 400, 401, 409, 429, 500, 503):
        for act in (lambda t: t.exchange_status(), lambda t: t.create(ORDER)):
            with pytest.raises(VenueError) as caught:
                act(trader(body, status))
            sentence(caught.value)
            assert caught.value.status == status


def budget(body: bytes) -> None:
    """Read what the venue says of our budget: buckets that count soundly, or none at all."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return
    if not isinstance(said, dict):
        return

    def answer(request: httpx.Request) -> httpx.Response:
        name = "limits" if request.url.path.endswith("limits") else "costs"
        return httpx.Response(200, content=json.dumps(said.get(name)).encode())

    client = trader(b"")
    client._http._client = httpx.Client(
        base_url="https://venue.test/v2", transport=httpx.MockTransport(answer)
    )
    found = judged(lambda: budget_from(client.limits(), client.endpoint_costs(), sharers=2))
    if found is None:
        return
    for what in ("create", "amend", "cancel"):
        for resting in (0, 40):
            assert found.wait_s(what, 1.0, resting=resting) >= 0
    assert found.pull_cost(40) >= found.pull_cost(0) >= 0
    found.throttled("POST", 2.0)
    found.sent("POST", "/portfolio/events/orders", 3.0)
    assert math.isfinite(found.write.tokens)


def frames(body: bytes) -> None:
    """Feed a keeper: sound books, or a gap after which no book is trusted."""
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        return
    keeper = BookKeeper(TICKERS[:1])
    for frame in sent if isinstance(sent, list) else [sent]:
        if not isinstance(frame, dict):
            continue
        try:
            keeper.apply(frame)
        except SequenceGapError as error:
            sentence(error)
            # After a gap nothing is trusted but the snapshot that may have come behind it.
            assert keeper.stale or frame["type"] == "orderbook_snapshot"
        except DataError as error:
            sentence(error)
            assert keeper.stale, "a broken frame left its book trusted"
        for book in keeper.books.values():
            for price, size in (*book.bids, *book.asks):
                assert 0 < price < PRICE_UNIT
                assert 0 < size < 10**18
            assert book.ticker in TICKERS[:1]


TARGETS: dict[str, tuple[str, Callable[[bytes], None]]] = {
    "orders": ("kalshi_orders.json", partial(reading, lambda v: v.orders())),
    "order": ("kalshi_order.json", partial(reading, lambda v: v.order("o-1"))),
    "fills": ("kalshi_fills.json", partial(reading, lambda v: v.fills())),
    "trades": ("kalshi_trades.json", partial(reading, lambda v: v.trades(TICKERS[0]))),
    "settlements": ("kalshi_settlements.json", partial(reading, lambda v: v.settlements())),
    "balance": ("kalshi_account.json", partial(reading, lambda v: v.balance())),
    "status": ("kalshi_account.json", partial(plain, lambda v: v.exchange_status())),
    "series": ("kalshi_account.json", partial(plain, lambda v: v.series("KXINXU"))),
    "positions": ("kalshi_account.json", positions),
    "listing": ("kalshi_markets.json", listing),
    "orderbooks": ("kalshi_orderbooks.json", orderbooks),
    "create": ("kalshi_acks.json", creating),
    "amend": ("kalshi_acks.json", partial(writing, lambda v: v.amend("o-1", ORDER, 25))),
    "cancel": ("kalshi_acks.json", partial(writing, lambda v: v.cancel("o-1"))),
    "batch-cancel": ("kalshi_acks.json", partial(writing, lambda v: v.cancel_batch(["o-1"]))),
    "group": ("kalshi_acks.json", partial(writing, lambda v: v.create_group(10) and None)),
    "error-bodies": ("kalshi_errors.json", refused),
    "budget": ("kalshi_budget.json", budget),
    "book-frames": ("kalshi_frames.json", frames),
}
