"""A small ladder for the tests of this folder."""

from decimal import Decimal

from kalshi_alpha.markets.book import Top
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
