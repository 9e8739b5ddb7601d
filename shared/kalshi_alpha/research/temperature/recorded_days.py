"""Write the temperature days that are shipped for rehearsal, from the recorded trades and markets.

``python -m kalshi_alpha.research.temperature.recorded_days --data DIR`` makes the same bytes again.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from kalshi_alpha.clock import iso
from kalshi_alpha.errors import DataError

DAYS = (date(2024, 11, 21), date(2024, 12, 3))
SERIES = "KXHIGHNY"
COLUMNS = ("at", "strike", "count", "yes_price", "taker_yes")
_OUT = Path(__file__).resolve().parents[2] / "rehearsal" / "data" / "temperature"
_BEFORE = 2  # days: the last official high that is certain when a climate day begins


def event_name(day: date) -> str:
    """Return the event's ticker."""
    return f"{SERIES}-{day:%y%b%d}".upper()


def trades_csv(source: Path, day: date) -> str:
    """Return a day's trades, in time, as the file that is shipped.

    Raises:
        DataError: when the recording has none.
    """
    table = pq.read_table(source, filters=[("event_day", "=", day)]).sort_by(
        [("ts_utc", "ascending")]
    )
    if not table.num_rows:
        raise DataError(f"{source.name} holds no trade of {day}")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in table.to_pylist():
        strike = str(row["ticker"]).rpartition("-")[2]
        at = row["ts_utc"].astimezone(UTC)
        writer.writerow(
            (at.isoformat(timespec="microseconds").replace("+00:00", "Z"), strike, row["count"],
             row["yes_price"], int(row["taker_yes"]))
        )  # fmt: skip
    return out.getvalue()


def events_json(source: Path, days: Sequence[date]) -> str:
    """Return what the venue listed on those days, with results and the highs known before."""
    table = pq.read_table(source)
    rows = table.filter(pc.match_substring(table["series"], SERIES.removeprefix("KX"))).to_pylist()
    found: list[dict[str, Any]] = []
    for day in days:
        mine = [row for row in rows if row["event_day"] == day]
        before = day - timedelta(days=_BEFORE)
        won = [r for r in rows if r["event_day"] == before and r["result"] == "yes"]
        found.append(
            {
                "event": event_name(day),
                "day": day.isoformat(),
                "opens": iso(mine[0]["open_time"].astimezone(UTC)),
                "closes": iso(mine[0]["close_time"].astimezone(UTC)),
                "past": {"day": before.isoformat(), **_strikes(won[0])} if won else None,
                "markets": [
                    {"strike": r["ticker"].rpartition("-")[2], **_strikes(r), "result": r["result"]}
                    for r in sorted(mine, key=lambda row: str(row["ticker"]))
                ],
            }
        )
    return json.dumps(found, indent=1) + "\n"


def _strikes(row: dict[str, Any]) -> dict[str, Any]:
    floor, cap = row["floor_strike"], row["cap_strike"]
    return {
        "kind": row["strike_type"],
        "floor": None if floor is None or floor != floor else int(floor),  # noqa: PLR0124 - not a number
        "cap": None if cap is None or cap != cap else int(cap),  # noqa: PLR0124
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files and say their checksums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the recorded data")
    parser.add_argument("--out", type=Path, default=_OUT)
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    source = given.data / "kalshi_high"
    files = {
        f"{event_name(day)}.csv": trades_csv(source / f"trades_{SERIES.lower()}.parquet", day)
        for day in DAYS
    }
    files["events.json"] = events_json(source / "markets.parquet", DAYS)
    for name, text in files.items():
        (given.out / name).write_text(text, encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        sys.stdout.write(f"{name}  {len(text)} bytes  {digest}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
