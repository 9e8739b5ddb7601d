"""Lambda ``start``: the schedules' door: start the window's state machine once."""

from __future__ import annotations

from kalshi_alpha.steps import start
from kalshi_alpha.steps.observe import observed

handler = observed("start", start.run)
