"""Files that must not be read: each is refused in a sentence with file, row and rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.data.bars import read_bars
from kalshi_alpha.research.data.findings import FileRefused, day_of
from kalshi_alpha.research.data.panel import read_panels
from tests.bar_rows import DAYS, Row, comma_separated, made, parquet, row

Break = Callable[[list[Row]], object]


def put(place: int, **values: object) -> Break:
    return lambda rows: rows[place].update(values)


def shift(hours: float) -> Break:
    """Move every row's own time without moving its New York date and minute."""

    def move(rows: list[Row]) -> None:
        for each in rows:
            each["ts_utc"] += timedelta(hours=hours)

    return move


def lay_on_another_clock(hours: int) -> Break:
    """Move whole rows, so that ts_utc, et_date and et_min agree and are all wrong."""

    def move(rows: list[Row]) -> None:
        for k, each in enumerate(rows):
            prices = [each[name] for name in ("open", "high", "low", "close")]
            rows[k] = row(each["et_date"], each["et_min"] + 60 * hours, prices, each["symbol"])

    return move


@pytest.mark.parametrize(
    ("breaking", "at", "rule", "says"),
    [
        (put(6, close=0.0, low=0.0), 7, "price", "low is 0; a price is a number above zero"),
        (put(6, low=-1.0), 7, "price", "low is -1; a price is a number above zero"),
        (put(6, open=float("nan")), 7, "price", "open is nan"),
        (put(6, high=float("inf")), 7, "price", "high is inf"),
        (put(6, high=6000.0), 7, "high-low", "contradict each other"),
        (put(6, low=7000.0), 7, "high-low", "contradict each other"),
        (shift(5), 1, "time-zone", "is 2025-11-04 14:30 in New York"),
        (put(3, et_min=583), 4, "time-zone", "says et_date 2025-11-04 et_min 583 where"),
        (put(3, et_date=date(2025, 11, 5)), 4, "time-zone", "the time zone is wrong"),
        (lay_on_another_clock(-1), 1, "time-zone", "its clock is wrong"),
        (lay_on_another_clock(3), 1, "time-zone", "its clock is wrong"),
        (lambda rows: rows.insert(9, rows[8] | {"close": 6000.0, "low": 6000.0}), 10,
         "contradiction", "given twice and closes at 6000 here, at "),
        (lambda rows: rows.insert(9, row(DAYS[0], 612, (6800, 6801, 6799, 6800))), 10,
         "grid", "starts off the grid of 5 minutes from 09:30"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", [parquet, comma_separated])
def test_a_bad_row_is_refused_with_file_row_and_rule(
    tmp_path: Path,
    form: Callable[[Path, list[Row]], Path],
    breaking: Break,
    at: int,
    rule: str,
    says: str,
) -> None:
    rows = made()
    breaking(rows)
    file = form(tmp_path / f"bars.{'csv' if form is comma_separated else 'parquet'}", rows)

    with pytest.raises(FileRefused) as refused:
        read_panels([file], "SPX")

    sentence = str(refused.value)
    assert sentence.startswith(f"{file}, row {at}: ")
    assert says in sentence
    assert sentence.endswith(f"[rule {rule}]")
    finding = refused.value.finding
    assert (finding.file, finding.row, finding.rule) == (str(file), at, rule)
    assert finding.action == "refuse"
    assert refused.value.exit_code == 4


def test_the_row_of_a_shuffled_file_is_the_row_of_the_file(tmp_path: Path) -> None:
    rows = made()[::-1]
    rows[11]["close"] = -5.0
    rows[11]["low"] = -5.0

    with pytest.raises(FileRefused, match=r"row 12: at 2025-11-07 15:05 low is -5"):
        read_panels([parquet(tmp_path / "bars.parquet", rows)], "SPX")


def test_how_many_rows_are_alike_is_said(tmp_path: Path) -> None:
    rows = made()
    for each in rows[100:]:
        each["high"] = 0.0

    with pytest.raises(FileRefused, match=r"row 101: .* \(216 rows like it\)") as refused:
        read_panels([parquet(tmp_path / "bars.parquet", rows)], "SPX")
    assert refused.value.finding.count == 216


def test_a_time_without_a_zone_is_refused(tmp_path: Path) -> None:
    naive = made()
    for each in naive:
        each["ts_utc"] = each["ts_utc"].replace(tzinfo=None).isoformat()
    mixed = made()
    mixed[4]["ts_utc"] = "2025-11-04T14:50:00"

    for rows, at in ((naive, 1), (mixed, 5)):
        file = comma_separated(tmp_path / "bars.csv", rows)
        with pytest.raises(FileRefused, match=rf"row {at}: ts_utc .*no time zone.*naive-time"):
            read_bars(file)


@pytest.mark.parametrize(
    ("column", "text", "says"),
    [
        ("ts_utc", "noon", "row 3: ts_utc is 'noon', not a time"),
        ("open", "6,800.00", "row 3: open is '6,800.00', not a number"),
        ("close", "", "row 3: at 2025-11-04 09:40 close is nan"),
        ("et_min", "09:40", "et_min is string, not a whole number of minutes"),
        ("et_date", "4.11.2025", "et_date is string, not a date as 2025-11-04"),
        ("et_min", "", "row 3: et_min is empty"),
        ("symbol", "", "row 3: the symbol is empty"),
    ],
)
def test_text_that_is_no_value_is_refused(
    tmp_path: Path, column: str, text: str, says: str
) -> None:
    rows = made()
    rows[2][column] = text

    with pytest.raises(FileRefused) as refused:
        read_panels([comma_separated(tmp_path / "bars.csv", rows)], "SPX")
    assert says in str(refused.value)


@pytest.mark.parametrize("lacking", ["ts_utc", "open", "close", "symbol"])
def test_a_missing_column_is_named(tmp_path: Path, lacking: str) -> None:
    rows = [{k: v for k, v in each.items() if k != lacking} for each in made()]

    for file in (
        parquet(tmp_path / "bars.parquet", rows),
        comma_separated(tmp_path / "bars.csv", rows),
    ):
        with pytest.raises(
            FileRefused, match=rf"the column {lacking} is missing; bars need ts_utc"
        ):
            read_bars(file)


def test_what_is_no_file_of_bars_is_a_sentence(tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    header = tmp_path / "header.csv"
    header.write_text("ts_utc,open,high,low,close,symbol\n")
    prose = tmp_path / "prose.txt"
    prose.write_text("bars, more or less\n")
    ragged = tmp_path / "ragged.csv"
    ragged.write_text("ts_utc,open,high,low,close,symbol\n2025-11-04T14:30:00Z,1\n")
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(parquet(tmp_path / "whole.parquet", made()).read_bytes()[:-700])

    for file, says in (
        (tmp_path / "none.parquet", "there is no such file"),
        (tmp_path, "it cannot be read"),
        (empty, "the file is empty"),
        (header, "the file has columns and no rows"),
        (prose, "it is neither a parquet file nor named .csv"),
        (ragged, "it cannot be read as a table: CSV parse error"),
        (cut, "it cannot be read as a table: Parquet magic bytes not found in footer"),
    ):
        with pytest.raises(FileRefused) as refused:
            read_bars(file)
        assert str(refused.value).startswith(f"{file}: {says}")


def test_a_symbol_that_is_not_in_the_registry_is_refused_with_those_that_are(
    tmp_path: Path,
) -> None:
    file = parquet(tmp_path / "bars.parquet", made())

    with pytest.raises(DataError, match="'RUT' is not in the registry, which knows SPX, NDX"):
        read_panels([file], "RUT")
    with pytest.raises(FileRefused, match="holds SPX and no bar of NDX or QQQ or MNQ_ADJ"):
        read_panels([file], "NDX")


def test_dates_are_worked_out_where_the_file_has_none(tmp_path: Path) -> None:
    rows = [
        {k: v for k, v in each.items() if not k.startswith("et_")}
        for each in made((date(2025, 10, 31), date(2025, 11, 3)))  # the clocks change between
    ]
    bars = read_bars(comma_separated(tmp_path / "bars.csv", rows))

    assert {day_of(n) for n in bars.day} == {date(2025, 10, 31), date(2025, 11, 3)}
    assert sorted(set(bars.minute.tolist())) == [*range(570, 961, 5)]
    assert bars.start[0] == datetime(2025, 10, 31, 13, 30, tzinfo=UTC).timestamp()


def test_nothing_after_the_last_day_is_looked_at(tmp_path: Path) -> None:
    rows = made()
    for each in rows:
        if each["et_date"] == DAYS[-1]:
            each.update(open=-1.0, high=float("nan"), et_min=0)
    file = parquet(tmp_path / "bars.parquet", rows)

    with pytest.raises(FileRefused):
        read_panels([file], "SPX")
    panel = read_panels([file], "SPX", last=DAYS[2])[5]

    assert panel.days == DAYS[:3]
    assert panel.complete.all()
