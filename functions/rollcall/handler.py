"""Lambda ``rollcall``: the second schedule's door: has the window begun?"""

from __future__ import annotations

from kalshi_alpha.steps import rollcall
from kalshi_alpha.steps.observe import observed

handler = observed("rollcall", rollcall.run)
