"""Lambda ``cancel``: be out of the book before T-2 s; it can list and cancel, not place."""

from __future__ import annotations

from kalshi_alpha.steps import cancel
from kalshi_alpha.steps.observe import observed

handler = observed("cancel", cancel.run)
