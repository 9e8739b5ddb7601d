"""A small ladder for the tests of this folder."""

from datetime import UTC, datetime
from decimal import Decimal

from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.contracts import Contract, Payoff, TickGrid
from kalshi_alpha.markets.registry import Caps, Quoting
from kalshi_alpha.pricing.fees import fee_terms

FREE = fee_terms("quadratic", Decimal(1))
MAKER = fee_terms("quadratic_with_maker_fees", Decimal(1))
QUOTING = Quoting(min_ev=500, favor_ticks=1, kelly_fraction=0.25)
CAPS = Caps(
    max_bins=2,
    max_size=100,
    bankroll=60_000_000,
    max_loss_per_strike=1_000_000,
    max_loss_per_window=4_000_000,
    max_loss_per_day=20_000_000,
    max_loss_per_week=60_000_000,
)


def top(bid=None, ask=None):
    return Top(bid, 0 if bid is None else 5000, ask, 0 if ask is None else 5000)


def contract(strike=6845):
    """Return the market that pays at ``strike`` points or above, on a grid of whole cents."""
    return Contract(
        ticker=f"KXINXU-25NOV04H1200-T{strike - 0.0001:.4f}",
        event_ticker="KXINXU-25NOV04H1200",
        series="KXINXU",
        payoff=Payoff(strike * 100, None),
        grid=TickGrid.from_price_ranges([{"start": "0.0000", "end": "1.0000", "step": "0.0100"}]),
        open_at=datetime(2025, 11, 3, 21, 0, tzinfo=UTC),
        close_at=datetime(2025, 11, 4, 17, 0, tzinfo=UTC),
        status="active",
    )
