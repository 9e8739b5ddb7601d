"""Lambda ``reconcile``: close the window's books after the fixing; reads only."""

from __future__ import annotations

from kalshi_alpha.steps import reconcile
from kalshi_alpha.steps.observe import observed

handler = observed("reconcile", reconcile.run)
