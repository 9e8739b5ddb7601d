"""Write the recorded figures the rehearsal ships: values, and since when each was to be read.

Run ``python -m kalshi_alpha.research.macro.recorded --data DIR`` on the folder of recorded macro
figures. Only rows that may be shipped are taken, and the same input gives the same bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from kalshi_alpha.clock import NEW_YORK, iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.releases import load_releases
from kalshi_alpha.research.data.store import sha256_of
from kalshi_alpha.research.macro.series import Dated, load_saves, load_series, wanted
from kalshi_alpha.research.shipping import run_writer

COMMAND = "python -m kalshi_alpha.research.macro.recorded --data DIR"
FOLDER = Path(__file__).resolve().parents[2] / "rehearsal" / "data" / "macro"
SAVED = date(2026, 1, 3)  # the save in which claims of December 2025 are an advance figure
_END = date(2025, 12, 31)


@dataclass(frozen=True, slots=True)
class Part:
    """One series of a file.

    Attributes:
        file: it goes to.
        series: our name.
        recorded: theirs.
        first: period taken first.
        digits: after the point, as published.
        kind: of release, which tells since when it was known.
    """

    file: str
    series: str
    recorded: str
    first: date
    digits: int
    kind: str


PARTS = (
    Part("prices.csv", "cpi-sa", "CPIAUCSL", date(2023, 9, 1), 3, "cpi"),
    Part("prices.csv", "cpi-nsa", "CPIAUCNS", date(2023, 9, 1), 3, "cpi"),
    Part("prices.csv", "core-cpi-sa", "CPILFESL", date(2023, 9, 1), 3, "cpi"),
    Part("claims.csv", "claims", "ICSA", date(2023, 1, 7), 0, "claims"),
    Part("yields.csv", "par-yield-10y", "DGS10", date(2023, 11, 1), 2, "par_yield"),
    Part("gasoline.csv", "aaa-regular", "AAA_REGULAR_DAILY", date(2025, 3, 1), 3, "aaa"),
    Part("gasoline.csv", "eia-regular", "GASREGW", date(2025, 7, 7), 3, "eia"),
)
_AT = {  # where the calendar does not reach, or says when the quotes were and not the publication
    "cpi": (44, time(8, 30)),
    "claims": (5, time(8, 30)),
    "par_yield": (0, time(18, 0)),
    "aaa": (0, time(5, 0)),
    "eia": (0, time(17, 0)),
}
_AFTER_THE_LAPSE = date(2025, 11, 20)

_README = """\
# Recorded figures

What macro figures were, and since when each could be read, for the rehearsal: prices to December
2025, claims to the week that ended on 2025-12-27, the 10-year par yield and the weekly gasoline
survey to December 2025, AAA's daily average of regular to 2025-10-25. A fixture, not a feed.

- Prices, claims, yields and the survey are figures of the United States government (Bureau of Labor
  Statistics, Department of Labor, Treasury, Energy Information Administration), in the public
  domain.
- AAA's averages: author: repository `MateoBodon/kalshi-sys`, who recorded them. Licence: MIT,
  Copyright (c) 2025 Kalshi Alpha. The text is that of the project's LICENSE with this line in
  place of ours. The survey behind them is AAA's.
- Columns: our name of the series, the period it speaks of, the value as published, and the UTC time
  from which the twin tells of it: the release by the calendar; 18:00 New York time for a yield,
  05:00 for an average of gasoline.
- Adjusted prices and claims stand as saved on 2026-01-03: the last week is the advance figure, the
  weeks before it have been revised once or more, and adjusted prices of December 2025, which are
  younger, stand as revised in February 2026. The print they give is the same, 0.3 and 0.2.
- October 2025 has no prices: they were not collected.
- Written by `{command}`; not edited by hand.

| file | rows | SHA-256 |
| --- | --- | --- |
{rows}
"""


def known_from(kind: str, period: date) -> datetime:
    """Return since when a period's figure could be read."""
    days, clock = _AT[kind]
    by_rule = datetime.combine(period + timedelta(days=days), clock, NEW_YORK).astimezone(UTC)
    calendar = load_releases()
    if kind in {"par_yield", "aaa"} or period < calendar.first - timedelta(days=31):
        return by_rule
    try:
        release = calendar.of(kind, period)
    except DataError:
        return by_rule
    if release is None:
        return datetime.combine(_AFTER_THE_LAPSE, clock, NEW_YORK).astimezone(UTC)
    return release.at


def lines(part: Part, values: Dated) -> Iterator[str]:
    """Yield a part's rows."""
    for period, value in values.items():
        if part.first <= period <= _END:
            since = iso(known_from(part.kind, period))
            yield f"{part.series},{period},{value:.{part.digits}f},{since}"


def write_recorded(data: Path, folder: Path = FOLDER) -> tuple[Path, ...]:
    """Write every table and the README into ``folder``; return the tables.

    Raises:
        DataError: when a series is not recorded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    series, saved = load_series(data), load_saves(data)[SAVED]
    texts: dict[str, list[str]] = {}
    for part in PARTS:
        values = dict(wanted(series, part.recorded)) | dict(saved.get(part.recorded, {}))
        ordered = dict(sorted(values.items()))
        texts.setdefault(part.file, []).extend(lines(part, ordered))
    rows = []
    for name, found in texts.items():
        text = "\n".join(("series,period,value,known_from", *found)) + "\n"
        (folder / name).write_bytes(text.encode())
        rows.append(f"| {name} | {len(found)} | `{sha256_of(folder / name)}` |")
    readme = _README.format(command=COMMAND, rows="\n".join(rows))
    (folder / "README.md").write_bytes(readme.encode())
    return tuple(folder / name for name in texts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run_writer(COMMAND, __doc__, FOLDER, write_recorded, arguments)


if __name__ == "__main__":
    sys.exit(main())
