"""The plainest market maker, to compare engines by: rest at both touches, be second to nobody."""

from __future__ import annotations

from dataclasses import dataclass

from kalshi_alpha.research.replay.engine import Replay
from kalshi_alpha.research.replay.rules import State
from kalshi_alpha.research.replay.tape import ASK, BID


@dataclass(frozen=True, slots=True)
class Touched:
    """What came of it; ``cash`` is before fees, in 1/1000000 dollar, and ``position`` 1/100 YES."""

    steps: int
    requests: int
    fills: int
    position: int
    cash: int


def quote_touches(engine: Replay, step_ns: int, size: int, most: int) -> Touched:
    """Rest ``size`` at the best price of both sides of every market, decided each ``step_ns``.

    A quote that is no longer best, or that would pass ``most`` held, is cancelled, and sent anew
    once that is confirmed. Runs to the end of the recording.
    """
    own = [[-1, -1] for _ in engine.tape.names]
    at, steps = engine.now + step_ns, 0
    while True:
        engine.advance(at)
        if not engine.more:
            return touched(engine, steps)
        at, steps = at + step_ns, steps + 1
        for market, orders in enumerate(own):
            _decide(engine, market, orders, size, most)


def touched(engine: Replay, steps: int) -> Touched:
    """Return the result of an engine that has come to its end."""
    signed = [(1 - 2 * fill.side, fill) for fill in engine.fills]
    return Touched(
        steps=steps,
        requests=engine.requests,
        fills=len(signed),
        position=sum(sign * fill.size for sign, fill in signed),
        cash=-sum(sign * fill.size * fill.price for sign, fill in signed),
    )


def _decide(engine: Replay, market: int, own: list[int], size: int, most: int) -> None:
    seen = engine.seen(market)
    if not seen.bid or not seen.ask or seen.bid >= seen.ask:
        return
    held = engine.position(market)
    for side, best in ((BID, seen.bid), (ASK, seen.ask)):
        wanted = (held if side == BID else -held) < most
        order = engine.order(own[side]) if own[side] >= 0 else None
        if order is None or order.state > State.RESTING:
            if wanted:
                own[side] = engine.submit(market, side, best, size)
        elif (
            order.state is State.RESTING
            and not order.pending
            and (order.price != best or not wanted)
        ):
            engine.cancel(order.number)
