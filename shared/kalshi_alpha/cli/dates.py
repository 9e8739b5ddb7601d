"""Days and instants as a person types them, in New York unless they say otherwise."""

from __future__ import annotations

from datetime import date, datetime

from kalshi_alpha.clock import NEW_YORK, require_aware
from kalshi_alpha.errors import ConfigurationError


def parse_day(text: str) -> date:
    """Parse YYYY-MM-DD; raise ``ConfigurationError`` otherwise."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"the date {text!r} is not YYYY-MM-DD, as in 2025-11-04") from None


def parse_instant(text: str) -> datetime:
    """Parse an ISO date and time; without a zone it is New York's. Returns UTC."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"the time {text!r} is not like 2025-11-04T11:50 (New York) or 2025-11-04T16:50Z"
        ) from None
    return require_aware(instant if instant.tzinfo else instant.replace(tzinfo=NEW_YORK))
