"""Write the shipped table of sessions from the ``exchange_calendars`` package.

Run ``python -m kalshi_alpha.research.sessions`` after a new release of that package and look at
the difference; what it does not know yet belongs into the overrides.
"""

from __future__ import annotations

import json
import sys
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any

import exchange_calendars

from kalshi_alpha.markets import sessions

CALENDAR = "XNYS"
# The package's own range ends a year from today, so both ends are said.
FIRST, LAST = date(2019, 1, 1), date(2028, 12, 31)
_SPOKEN = {"July 4th": "Independence Day"}  # it may be kept on the 3rd or the 5th
COMMAND = "python -m kalshi_alpha.research.sessions"


def table(first: date = FIRST, last: date = LAST) -> dict[str, Any]:
    """Return the table: opens and closes in UTC, and the name of each weekday without a session."""
    calendar = exchange_calendars.get_calendar(CALENDAR, start=str(first), end=str(last))
    schedule = calendar.schedule
    days = {day.date() for day in schedule.index}
    named = calendar.regular_holidays.holidays(str(first), str(last), return_name=True)
    return {
        "schema": sessions.SCHEMA,
        "first": first.isoformat(),
        "last": last.isoformat(),
        "provenance": {
            "calendar": CALENDAR,
            "library": f"exchange_calendars {metadata.version('exchange_calendars')}",
            "generated_by": COMMAND,
        },
        "closures": {
            day.date().isoformat(): _SPOKEN.get(name, name)
            for day, name in named.items()
            if day.date() not in days and day.weekday() < 5
        },
        "sessions": [
            [day.date().isoformat(), f"{row.open:%H:%M}", f"{row.close:%H:%M}"]
            for day, row in schedule.iterrows()
        ],
    }


def render(tree: dict[str, Any]) -> str:
    """Return the table as JSON with one session a line, so that a difference reads as days."""
    rows = ",\n".join(f"    {json.dumps(row)}" for row in tree["sessions"])
    head = json.dumps({**tree, "sessions": []}, indent=2)
    return head.replace('"sessions": []', f'"sessions": [\n{rows}\n  ]') + "\n"


def main(path: Path | None = None) -> int:
    """Write the shipped table, or another file."""
    target = path or Path(sessions.__file__).with_name(sessions.TABLE)
    target.write_text(render(table()), encoding="utf-8")
    print(f"wrote {target}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
