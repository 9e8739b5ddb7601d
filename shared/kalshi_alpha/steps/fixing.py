"""What all windows at one fixing hold and have resting, from what their scans left and the ledger.

Each scan leaves its window's part: laws, contracts held, orders wanted. Whoever looks at the fixing
takes fills and orders from the ledger, which is newer, and from the part what they pay on. What
cannot be placed counts as lost whatever happens: a fill of a market that no scan spoke of, and all
of an order whose fee nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from kalshi_alpha.clock import from_iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import Fill, Side, worst_loss
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.pricing.fees import fee_terms, maker_fee
from kalshi_alpha.steps.orders import life_from
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.steps.scanning import SeriesScan
from kalshi_alpha.trading.gates import Refuse
from kalshi_alpha.trading.lifecycle import ENDED, OPEN_QUESTIONS, OrderLife
from kalshi_alpha.trading.risk import FixingBook, Holding, SymbolBook, risk_of, together
from kalshi_alpha.trading.risk_book import Fixing, Markets, WindowRisk
from kalshi_alpha.trading.risk_plan import claim_of

PART = "RISK"
UNPLACED = "unplaced"  # the symbol of what no scan spoke of
_NOWHERE = Payoff(None, None)
# A law is as good as the next scan; after three missed ones it is not asked any more.
_LAW_AGE = timedelta(seconds=60)


def read_fixing(runtime: Runtime, window: Window) -> Fixing:
    """Read what a scan of ``window`` has to know: its own fills, and all of the windows beside it.

    Its own orders are left out, for the plan it makes replaces them.

    Raises:
        DataError: when a window's part cannot be read.
        StoreError: when the tables do not answer.
    """
    since = runtime.clock.now() - _LAW_AGE
    mine = read_window(runtime, window, with_orders=False, since=since)
    beside = [
        read_window(runtime, other, with_orders=True, since=since)
        for other in windows_beside(runtime, window)
    ]
    others = together(found.mine for found in beside)
    claims = tuple(claim for found in beside for claim in found.claims)
    return Fixing(mine.mine, others, claims, mine.markets)


def windows_beside(runtime: Runtime, window: Window) -> list[Window]:
    """Return the other windows that the same fixing decides."""
    every = runtime.windows_on(window.day)
    return [w for w in every if w.fixing == window.fixing and w.window_id != window.window_id]


def read_window(
    runtime: Runtime, window: Window, *, with_orders: bool, since: datetime | None = None
) -> Fixing:
    """Return one window's part of its fixing as ``mine``, by the ledger as it is now.

    Raises as ``read_fixing``. For ``since`` see ``placed``.
    """
    doc = runtime.state.part(window.window_id, PART)
    return placed(
        window,
        WindowRisk.from_json(doc) if doc else None,
        runtime.ledger.fills(window.window_id),
        runtime.ledger.orders(window.window_id) if with_orders else None,
        (runtime.state.window(window.window_id) or {}) if with_orders else {},
        since,
    )


def window_risk(
    scans: Iterable[SeriesScan], fixing: Fixing, registry: Registry, at: datetime
) -> WindowRisk:
    """Return what a scan leaves of its window's risk: what it holds, wants, and had no room for."""
    books: list[Mapping[str, SymbolBook]] = []
    claims, markets = [], dict(fixing.markets)
    for scan in scans:
        rules = registry.series[scan.series]
        wanted = []
        for decision in scan.decisions:
            claim = claim_of(rules.symbol, decision)
            if claim is None:
                continue
            if isinstance(decision.verdict, Refuse):
                claims.append(claim)
                continue
            wanted.append(claim.holding)
            markets[claim.holding.ticker] = (rules.symbol, claim.holding.payoff)
        one = SymbolBook(scan.law, (), tuple(wanted), rules.ticks_per_point)
        books.append({rules.symbol: one})
    # Only this scan's own laws: one kept from before would be dated anew and never grow old.
    before = {name: replace(book, law=None) for name, book in fixing.mine.items()}
    mine = together((*books, before))
    book = FixingBook(together((mine, fixing.others)), registry.risk.correlations)
    return WindowRisk(at, mine, tuple(claims), markets, risk_of(book, registry.risk.level))


def placed(
    window: Window,
    left: WindowRisk | None,
    fills: Sequence[Fill],
    orders: Iterable[Mapping[str, Any]] | None,
    record: Mapping[str, Any],
    since: datetime | None = None,
) -> Fixing:
    """Return a window's part of its fixing as ``mine``, with what it had no room for.

    Args:
        window: that is looked at.
        left: by its last scan, None before the first.
        fills: of its ledger.
        orders: entries of its ledger; None to leave orders out.
        record: of the window, with the fee terms of its series.
        since: a law, or a claim, of before that is not taken.
    """
    symbols = {} if left is None else left.symbols
    fresh = left is not None and (since is None or left.at >= since)
    held = [Holding(_NOWHERE, f.side, f.size, -f.cash, f.ticker) for f in fills]
    resting = [] if orders is None else _resting(window, left, orders, fills, record)
    laws = {
        name: SymbolBook(one.law if fresh else None, ticks_per_point=one.ticks_per_point)
        for name, one in symbols.items()
    }
    places: Markets = {} if left is None else left.markets
    found = together(
        (
            laws,
            {name: SymbolBook(None, held=some) for name, some in _by_symbol(held, places)},
            {name: SymbolBook(None, resting=some) for name, some in _by_symbol(resting, places)},
        )
    )
    claims = left.claims if left is not None and fresh else ()
    return Fixing(found, claims=claims, markets=places)


def _by_symbol(
    holdings: Iterable[Holding], places: Markets
) -> list[tuple[str, tuple[Holding, ...]]]:
    """Return the holdings with their payoffs, by symbol; what has no place never pays."""
    found: dict[str, list[Holding]] = {}
    for one in holdings:
        name, payoff = places.get(one.ticker, (UNPLACED, _NOWHERE))
        side = Side.ASK if name == UNPLACED else one.side  # NO of what always pays is worth nothing
        found.setdefault(name, []).append(replace(one, payoff=payoff, side=side))
    return [(name, tuple(group)) for name, group in sorted(found.items())]


def _resting(
    window: Window,
    left: WindowRisk | None,
    orders: Iterable[Mapping[str, Any]],
    fills: Sequence[Fill],
    record: Mapping[str, Any],
) -> list[Holding]:
    """Return what may still fill: open orders, and quotes wanted that the ledger says nothing of.

    An order that was left as it is and the quote that wants it are one: the larger counts.
    """
    wanted = {
        (one.ticker, one.side): one
        for book in (left.symbols if left else {}).values()
        for one in book.resting
    }
    listed: dict[tuple[str, Side], Holding] = {}
    for doc in orders:
        if "ticker" not in doc:
            continue
        name = (str(doc["ticker"]), Side(doc["side"]))
        mine = {f.fill_id: f.size for f in fills if f.order_id == doc.get("order_id", "")}
        life = life_from(doc, window, mine)
        if left is not None and _last_heard(doc) >= left.at:
            wanted.pop(name, None)
        if (size := _may_fill(life)) > 0:
            cost = _cost(*name, life.price, size, record)
            known = listed.get(name)
            listed[name] = Holding(
                _NOWHERE,
                name[1],
                size + (known.size if known else 0),
                cost + (known.cost if known else 0),
                name[0],
            )
    for name, one in wanted.items():
        if name not in listed or listed[name].cost < one.cost:
            listed[name] = one
    return list(listed.values())


def _may_fill(life: OrderLife) -> int:
    """Return the size of an order that may fill yet, or has without being listed."""
    unseen = max(0, life.unlisted)
    if life.state in ENDED:
        return unseen
    if life.state in OPEN_QUESTIONS:
        return max(life.remaining, life.most - life.filled) + unseen
    return life.remaining + unseen


def _cost(ticker: str, side: Side, price: int, size: int, record: Mapping[str, Any]) -> int:
    known = record.get("series", {}).get(ticker.partition("-")[0], {})
    try:
        terms = fee_terms(str(known["fee_type"]), str(known["fee_multiplier"]))
    except (KeyError, DataError):
        return size * PRICE_UNIT
    return worst_loss(side, price, size) + maker_fee(terms, price, size, side)


def _last_heard(doc: Mapping[str, Any]) -> datetime:
    return max(from_iso(str(event["at"])) for event in doc["events"])
