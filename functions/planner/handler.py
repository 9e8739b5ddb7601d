"""Lambda ``planner``: plans the windows of the releases that the venue lists."""

from __future__ import annotations

from kalshi_alpha.steps import planner
from kalshi_alpha.steps.observe import observed

handler = observed("planner", planner.run)
