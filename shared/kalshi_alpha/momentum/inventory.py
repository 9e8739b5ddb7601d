"""How much to hold of each bracket, and when to hold nothing in the book.

Mass that moves by d ticks changes the probability of bracket k by p_k (c_k - m) / s^2 * d in first
order, with c its centre, m and s^2 mean and variance of the distribution: its exponential tilt.
These changes sum to nothing, so a target made of them buys what the mass moves into and sells what
it leaves. What may be lost caps it, and the chance of a new high throttles it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.orders import Fill, Side, worst_loss
from kalshi_alpha.markets.units import PRICE_UNIT, SIZE_UNIT, cash_text
from kalshi_alpha.trading.gates import ALLOW, Allow, Refuse, Verdict, refuse


@dataclass(frozen=True, slots=True)
class InventoryTerms:
    """Limits on what is held; chosen by the operator, so they have no defaults.

    Attributes:
        horizon_s: seconds that a movement is taken to go on.
        contracts_per_dollar: held for each dollar that a bracket is expected to move.
        bracket_loss: cash that one bracket may lose.
        event_loss: cash that all brackets of an event may lose together.
        day_loss: cash that a day may lose, over all events.
        calm: chance of a new high up to which sizes are whole.
        storm: chance of a new high from which nothing is added.
        silence_s: seconds without a message after which nothing may rest.

    Raises:
        ConfigurationError: when a limit is below 0, or ``storm`` not above ``calm``.
    """

    horizon_s: float
    contracts_per_dollar: float
    bracket_loss: int
    event_loss: int
    day_loss: int
    calm: float
    storm: float
    silence_s: float

    def __post_init__(self) -> None:
        least = (self.horizon_s, self.contracts_per_dollar, self.silence_s, self.calm)
        caps = (self.bracket_loss, self.event_loss, self.day_loss)
        if not (all(x >= 0 for x in (*least, *caps)) and self.calm < self.storm):
            raise ConfigurationError(
                f"{self} has a limit below 0, or its storm is not above its calm"
            )


@dataclass(frozen=True, slots=True)
class Holding:
    """One bracket's position and what rests in it.

    Attributes:
        size: 1/100 contract, above 0 for YES, below for NO.
        at_risk: cash, >= 0, lost when everything held and resting settles the wrong way.
    """

    size: int = 0
    at_risk: int = 0


@dataclass(frozen=True, slots=True)
class Feed:
    """How the stream is.

    Attributes:
        connected: whether it stands.
        silent_s: seconds since its last message, heartbeats included.
        gap: whether its sequence lost messages since the books were last whole.
        ahead_s: seconds by which the venue's stamps are ahead of our clock.
    """

    connected: bool
    silent_s: float
    gap: bool = False
    ahead_s: float = 0.0


def holdings_of(fills: Sequence[Fill], tickers: Sequence[str]) -> tuple[Holding, ...]:
    """Return the position in each market and what it may lose; markets are not netted."""
    found = []
    for ticker in tickers:
        mine = [fill for fill in fills if fill.ticker == ticker]
        yes, no = (sum(fill.size for fill in mine if fill.side is side) for side in Side)
        paid = -sum(fill.cash for fill in mine)
        # One YES and one NO pay a dollar whatever comes.
        found.append(Holding(yes - no, max(0, paid - min(yes, no) * PRICE_UNIT)))
    return tuple(found)


def targets(
    centres: Sequence[float], beliefs: Sequence[float], velocity: float, terms: InventoryTerms
) -> tuple[int, ...]:
    """Return the position to aim at in each bracket, in 1/100 contract, whole contracts only.

    Args:
        centres: of the brackets, ticks.
        beliefs: their probabilities, summing to one.
        velocity: of the centre of mass, ticks a second.
        terms: limits.
    """
    mean = sum(p * c for p, c in zip(beliefs, centres, strict=True))
    variance = sum(p * (c - mean) ** 2 for p, c in zip(beliefs, centres, strict=True))
    if variance <= 0.0:
        return (0,) * len(centres)
    per_tick = terms.contracts_per_dollar * velocity * terms.horizon_s / variance
    wanted = [p * (c - mean) * per_tick for p, c in zip(beliefs, centres, strict=True)]
    return tuple(
        _capped(int(contracts) * SIZE_UNIT, belief, terms)
        for contracts, belief in zip(wanted, beliefs, strict=True)
    )


def room(
    holdings: Sequence[Holding], place: int, side: Side, price: int, terms: InventoryTerms
) -> int:
    """Return how much more, in 1/100 contract and whole contracts, may be bid or asked.

    The bracket's and the event's caps both hold; fees come on top and are the caller's to leave
    room for.
    """
    held = sum(holding.at_risk for holding in holdings)
    left = min(terms.bracket_loss - holdings[place].at_risk, terms.event_loss - held)
    each = worst_loss(side, price, SIZE_UNIT)
    return max(0, left // each) * SIZE_UNIT if each > 0 else 0


def hazard_share(hazard: float, terms: InventoryTerms) -> Verdict:
    """Return how much of a size the chance of a new high leaves: all, some, or none."""
    if not hazard >= 0.0 or hazard >= terms.storm:
        return refuse(
            "hazard",
            f"a new high is likely at {hazard:.3f}, and {terms.storm:.3f} is where nothing is "
            "added: wait until it has printed",
            hazard=hazard,
            limit=terms.storm,
        )
    if hazard <= terms.calm:
        return ALLOW
    share = (terms.storm - hazard) / (terms.storm - terms.calm)
    reason = f"a new high is likely at {hazard:.3f}: {share:.0%} of the size is left"
    return Allow(share, reason, {"hazard": hazard})


def day_allows(result: int, at_risk: int, terms: InventoryTerms) -> Verdict:
    """Say whether a day may risk more.

    Args:
        result: cash won, or below 0 lost, on the day.
        at_risk: cash, >= 0, that everything held and resting may still lose.
        terms: limits.
    """
    lost = max(0, -result) + at_risk
    if lost < terms.day_loss:
        return ALLOW
    return refuse(
        "daily_loss",
        f"${cash_text(lost)} of the day is lost or at risk, and ${cash_text(terms.day_loss)} is "
        "the most: nothing is added until tomorrow",
        lost=lost,
        limit=terms.day_loss,
    )


def reasons_to_pull(feed: Feed, terms: InventoryTerms) -> tuple[Refuse, ...]:
    """Return every reason for which no order of ours may rest now; none is a quiet feed."""
    found = []
    if not feed.connected:
        found.append(refuse("disconnected", "the stream is down: what rests cannot be watched"))
    if not feed.silent_s <= terms.silence_s:
        found.append(
            refuse(
                "silent",
                f"the stream has said nothing for {feed.silent_s:.1f} s, and {terms.silence_s:.1f} "
                "s is the most",
                silent_s=feed.silent_s,
                limit=terms.silence_s,
            )
        )
    if feed.gap:
        found.append(refuse("gap", "the stream lost messages: take new snapshots first"))
    if not abs(feed.ahead_s) <= terms.silence_s:
        found.append(
            refuse(
                "clock",
                f"our clock is {feed.ahead_s:+.1f} s from the venue's stamps, and "
                f"{terms.silence_s:.1f} s is the most: ages cannot be told",
                ahead_s=feed.ahead_s,
                limit=terms.silence_s,
            )
        )
    return tuple(found)


def _capped(size: int, belief: float, terms: InventoryTerms) -> int:
    """Return a position whose loss at its fair price the bracket's cap bears."""
    side = Side.BID if size > 0 else Side.ASK
    price = round(min(max(belief, 0.0), 1.0) * PRICE_UNIT)
    each = worst_loss(side, price, SIZE_UNIT)
    most = terms.bracket_loss // each * SIZE_UNIT if each > 0 else abs(size)
    return max(-most, min(most, size))
