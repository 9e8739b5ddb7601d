"""The store and the import: what is kept, what is merged, and that nothing half-done stays."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.research.data import store as store_module
from kalshi_alpha.research.data.findings import FileRefused
from kalshi_alpha.research.data.importing import import_files
from kalshi_alpha.research.data.panel import read_panels
from kalshi_alpha.research.data.store import Store, write_atomically
from tests.bar_rows import DAYS, comma_separated, made, parquet

NOW = datetime(2025, 11, 8, 12, 0, tzinfo=UTC)


def kept(folder: Path) -> Store:
    return Store(folder / "store", ManualClock(NOW))


def bring(store: Store, *files: Path, symbol: str = "SPX") -> list[dict[str, object]]:
    return import_files(files, symbol, store, load_registry(), load_sessions())


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_import_can_be_read_as_the_file_it_came_from(tmp_path: Path, form: str) -> None:
    write = comma_separated if form == "csv" else parquet
    file = write(tmp_path / "mine" / f"bars.{form}", made())
    store = kept(tmp_path)

    (entry,) = bring(store, file)
    there = store.bars_file("SPX", 5)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()

    assert there == tmp_path / "store" / "SPX" / "5m" / "bars.parquet"
    assert (read_panels([there], "SPX")[5].close == read_panels([file], "SPX")[5].close).all()
    assert set(pq.read_table(there)["source"].to_pylist()) == {f"mine/bars.{form}"}
    assert (store.folder / "raw" / f"{sha256}.{form}").read_bytes() == file.read_bytes()
    assert (entry["raw"], entry["rows"], entry["symbol"], entry["step"]) == (
        [sha256],
        316,
        "SPX",
        5,
    )


def test_the_manifest_says_what_came_when_and_from_where(tmp_path: Path) -> None:
    store = kept(tmp_path)
    bring(store, parquet(tmp_path / "mine" / "bars.parquet", made()))
    (entry,) = store.manifest()["entries"]
    there = store.bars_file("SPX", 5).read_bytes()

    assert (entry["at"], entry["kind"], entry["from"]) == (
        "2025-11-08T12:00:00Z", "import", "mine/bars.parquet",
    )  # fmt: skip
    assert (entry["first"], entry["last"]) == ("2025-11-04", "2025-11-07")
    assert entry["file"] == "SPX/5m/bars.parquet"
    assert entry["file_sha256"] == hashlib.sha256(there).hexdigest()
    assert (entry["rows"], entry["rows_in_file"], entry["differing"]) == (316, 316, 0)


def test_importing_twice_changes_nothing_but_the_manifest(tmp_path: Path) -> None:
    file, store = parquet(tmp_path / "bars.parquet", made()), kept(tmp_path)
    bring(store, file)
    before = everything(store.folder)
    (again,) = bring(store, file)
    after = everything(store.folder)

    assert again["rows"] == 0
    assert {name for name in after if after[name] != before.get(name)} == {"manifest.json"}
    assert len(store.manifest()["entries"]) == 2


def test_a_later_file_fills_holes_and_leaves_what_is_there(tmp_path: Path) -> None:
    rows, store = made(), kept(tmp_path)
    bring(store, parquet(tmp_path / "one.parquet", [r for k, r in enumerate(rows) if k != 7]))
    other = [dict(each) for each in rows]
    for each in other[79:]:
        for name in ("open", "high", "low", "close"):
            each[name] += 10.0
    (entry,) = bring(store, parquet(tmp_path / "other.parquet", other))

    panel = read_panels([store.bars_file("SPX", 5)], "SPX")[5]
    assert (entry["rows"], entry["differing"]) == (1, 3 * 79)
    assert panel.close[0, 7] == rows[7]["close"]
    assert panel.close[1, 0] == rows[79]["close"]


def test_a_file_of_index_and_fund_goes_to_two_places(tmp_path: Path) -> None:
    both = made(DAYS[:2]) + made(DAYS[:2], symbol="SPY", level=680.0, step=1)
    store = kept(tmp_path)
    entries = bring(store, parquet(tmp_path / "bars.parquet", both))

    assert [entry["file"] for entry in entries] == ["SPX/5m/bars.parquet", "SPY/1m/bars.parquet"]
    assert read_panels([store.bars_file("SPY", 1)], "SPX")[1].source == "SPY"


def test_one_bad_file_stores_nothing(tmp_path: Path) -> None:
    bad = made()
    bad[5]["low"] = 0.0
    files = (parquet(tmp_path / "a.parquet", made()), parquet(tmp_path / "b.parquet", bad))
    store = kept(tmp_path)

    with pytest.raises(FileRefused, match=r"b\.parquet, row 6: .*low is 0"):
        bring(store, *files)
    assert not store.folder.exists()


def test_a_write_that_is_cut_off_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = kept(tmp_path)
    bring(store, parquet(tmp_path / "a.parquet", made(DAYS[:2])))
    before = everything(store.folder)

    def cut_off(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store_module.os, "fsync", cut_off)
    with pytest.raises(KeyboardInterrupt):
        bring(store, parquet(tmp_path / "b.parquet", made(DAYS[2:])))

    assert everything(store.folder) == before


def test_an_atomic_write_that_is_cut_off_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "c.txt"
    write_atomically(file, b"one")

    def cut_off(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store_module.os, "fsync", cut_off)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(file, b"two")

    assert file.read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["c.txt"]  # noqa: PTH208 - hidden files too


def test_an_atomic_write_makes_its_folder_and_is_readable_by_all(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "c.txt"
    write_atomically(file, b"one")
    write_atomically(file, b"two")

    assert file.read_bytes() == b"two"
    assert os.listdir(file.parent) == ["c.txt"]  # noqa: PTH208 - hidden files too
    assert file.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is damaged: move it away and import again"),
        ('{"entries": []}', "is damaged"),
        ('{"schema": 9, "entries": []}', "has the schema 9, this code reads 1"),
    ],
)
def test_a_damaged_manifest_is_refused(tmp_path: Path, text: str, says: str) -> None:
    store = kept(tmp_path)
    write_atomically(store.folder / "manifest.json", text.encode())

    with pytest.raises(DataError, match=says):
        store.manifest()


# --- daily closes -----------------------------------------------------------------------------

CRSP = """\
caldt,vwretd,spindx,sprtrn
20251103,0.001,6851.97,0.001726
20251104,-0.012,6771.55,-0.011737
05NOV2025,0.004,6796.29,0.003654
"""


def write(file: Path, text: str) -> Path:
    file.write_text(text)
    return file


def test_a_crsp_daily_file_becomes_the_closes_of_the_index(tmp_path: Path) -> None:
    store = kept(tmp_path)
    (entry,) = bring(store, write(tmp_path / "dsi.csv", CRSP))
    table = pq.read_table(store.daily_file("SPX"))

    assert (entry["step"], entry["rows"], entry["findings"]) == ("daily", 3, [])
    assert table["date"].to_pylist() == [date(2025, 11, day) for day in (3, 4, 5)]
    assert table["close"].to_pylist() == [6851.97, 6771.55, 6796.29]
    assert set(table["symbol"].to_pylist()) == {"SPX"}


def test_a_plain_daily_file_is_read_by_its_close_and_merged(tmp_path: Path) -> None:
    store = kept(tmp_path)
    bring(store, write(tmp_path / "dsi.csv", CRSP))
    text = "Date,Close\n2025-11-05,6796.29\n2025-11-06,6720.32\n"
    (entry,) = bring(store, write(tmp_path / "plain.csv", text))

    assert (entry["rows"], entry["rows_in_file"], entry["differing"]) == (1, 4, 0)


@pytest.mark.parametrize(
    ("old", "new", "row", "rule", "says"),
    [
        ("6771.55", "0", 2, "price", "spindx is '0'; a level is a number above zero"),
        ("6771.55", "", 2, "price", "a level is a number above zero"),
        ("6771.55", "B", 2, "price", "spindx is 'B'"),
        ("20251104", "20251304", 2, "time", "the day is '20251304', not 2025-11-04, 20251104"),
        ("05NOV2025", "05NOX2025", 3, "time", "the day is '05NOX2025'"),
        ("05NOV2025", "20251103", 3, "contradiction",
         "2025-11-03 closes at 6796.29 here, at 6851.97 in row 1"),
        ("spindx", "level", None, "columns", "a level in spindx or close; it has caldt, vwretd"),
    ],
)  # fmt: skip
def test_a_bad_daily_file_is_refused_with_row_and_rule(
    tmp_path: Path, old: str, new: str, row: int | None, rule: str, says: str
) -> None:
    file, store = write(tmp_path / "dsi.csv", CRSP.replace(old, new)), kept(tmp_path)

    with pytest.raises(FileRefused) as refused:
        bring(store, file)
    assert str(refused.value).startswith(f"{file}" + ("" if row is None else f", row {row}: "))
    assert says in str(refused.value)
    assert refused.value.finding.rule == rule
    assert not store.folder.exists()


def test_oddities_of_a_daily_file_are_noted(tmp_path: Path) -> None:
    head, one, two, three = CRSP.splitlines()
    text = "\n".join(
        (head, two, one, one, three.replace("0.003654", "0.03"), "20251108,0,6796.29,0")
    )
    (entry,) = bring(kept(tmp_path), write(tmp_path / "dsi.csv", text))

    found = {finding["rule"]: finding for finding in entry["findings"]}  # type: ignore[index,union-attr]
    assert sorted(found) == ["duplicate", "no-session", "order", "return"]
    assert (found["order"]["row"], found["duplicate"]["count"]) == (2, 1)
    assert found["return"]["day"] == "2025-11-05"
    assert "(2025-11-08)" in found["no-session"]["sentence"]


def test_the_level_of_one_index_is_not_taken_for_another(tmp_path: Path) -> None:
    file = write(tmp_path / "dsi.csv", CRSP)

    with pytest.raises(FileRefused, match="a level in close; it has caldt"):
        bring(kept(tmp_path), file, symbol="NDX")


def test_rows_of_other_symbols_are_passed_over(tmp_path: Path) -> None:
    text = "date,symbol,close\n2025-11-04,VIX,19.0\n2025-11-04,SPX,6771.55\n"
    (entry,) = bring(kept(tmp_path), write(tmp_path / "daily.csv", text))

    assert entry["rows"] == 1
    with pytest.raises(FileRefused, match="it holds no close of NDX"):
        bring(kept(tmp_path), write(tmp_path / "daily.csv", text), symbol="NDX")
