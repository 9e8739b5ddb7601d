"""Lambda ``sources``: reads the offices whose figures are traded."""

from __future__ import annotations

from kalshi_alpha.steps import sources
from kalshi_alpha.steps.observe import observed

handler = observed("sources", sources.run)
