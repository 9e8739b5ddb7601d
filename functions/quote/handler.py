"""Lambda ``quote``: bring our orders in line with the plan; the only one that can place."""

from __future__ import annotations

from kalshi_alpha.steps import quote
from kalshi_alpha.steps.observe import observed

handler = observed("quote", quote.run)
