"""Lambda ``preflight``: may this window be quoted? GO or NO-GO, with reasons."""

from __future__ import annotations

from kalshi_alpha.steps import preflight
from kalshi_alpha.steps.observe import observed

handler = observed("preflight", preflight.run)
