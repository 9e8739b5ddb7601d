"""Every Lambda imports this room, so it stays light."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("numpy", "scipy", "pandas", "pyarrow", "exchange_calendars", "boto3", "httpx", "aiohttp")


def test_importing_the_room_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from kalshi_alpha.markets import book, contracts, orders, registry, sessions, windows\n"
        "registry.load_registry(); sessions.load_sessions()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
