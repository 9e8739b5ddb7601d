"""Lambda ``scan``: price the ladders and plan the quotes."""

from __future__ import annotations

from kalshi_alpha.steps import scan
from kalshi_alpha.steps.observe import observed

handler = observed("scan", scan.run)
