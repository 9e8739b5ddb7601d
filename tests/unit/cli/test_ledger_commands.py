"""The ledger's commands against tables in process and saved answers of the venue."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kalshi_alpha.clock import SystemClock
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.cloud.layout import LEDGER, STATE
from kalshi_alpha.cloud.ledger import LedgerStore
from kalshi_alpha.cloud.state import StateStore
from kalshi_alpha.cloud.table import Table
from kalshi_alpha.markets.orders import Fill, NewOrder, Settlement, Side
from kalshi_alpha.rehearsal.campaign.tables import MemoryTables
from kalshi_alpha.steps import ledger, portfolio, runtime
from tests.command import Command

NOON = datetime(2025, 11, 4, 17, tzinfo=UTC)
WINDOW = "20251104-1200-index-hourly"
YES = "KXINXU-25NOV04H1200-T6844.9999"
FILL = Fill(
    "f1", "o1", YES, Side.BID, 4_000, 100, is_taker=False, fee=0, at=NOON - timedelta(seconds=90)
)


@pytest.fixture
def tables() -> MemoryTables:
    return MemoryTables()


@pytest.fixture
def run(
    tables: MemoryTables,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Command:
    settings = {
        "STATE_TABLE": STATE.name,
        "LEDGER_TABLE": LEDGER.name,
        "ARTIFACTS": str(tmp_path / "artifacts"),
        "VENUE_URL": "http://127.0.0.1:1",
        "BROKER": "twin",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"KALSHI_ALPHA_{name}", value)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(runtime, "client", lambda _: tables)
    monkeypatch.setattr(SystemClock, "now", lambda _: NOON + timedelta(hours=6))
    monkeypatch.setattr(portfolio, "ask", lambda *_: portfolio.load(tmp_path / "portfolio"))
    trade(LedgerStore(Table(tables, LEDGER.name)), tmp_path)
    return Command(monkeypatch, capsys)


def trade(book: LedgerStore, folder: Path) -> None:
    """Record a window that bought one contract at 40 cents and won, and what the venue says."""
    book.record_cash(WINDOW, "before", 50_000_000, NOON - timedelta(minutes=10))
    order = NewOrder(YES, Side.BID, 4_000, 100, "c1", NOON)
    book.intend(WINDOW, order, NOON - timedelta(minutes=4))
    book.mark(WINDOW, "c1", "sent", NOON - timedelta(minutes=3))
    book.mark(WINDOW, "c1", "resting", NOON - timedelta(minutes=2), order_id="o1", price=4_000)
    book.record_fill(WINDOW, FILL)
    book.mark(
        WINDOW, "c1", "filled", NOON - timedelta(minutes=1), filled_size=100, remaining_size=0
    )
    at = NOON + timedelta(minutes=3)
    book.record_settlement(WINDOW, Settlement(YES, "yes", 1_000_000, 0, at))
    answers(folder)


def answers(folder: Path, **changes: Any) -> None:
    fill = {
        "fill_id": "f1", "order_id": "o1", "ticker": YES, "book_side": "bid", "count_fp": "1.00",
        "yes_price_dollars": "0.4000", "is_taker": False, "fee_cost": "0.000000",
        "created_time": "2025-11-04T16:58:30Z",
    }  # fmt: skip
    paid = {
        "ticker": YES, "market_result": "yes", "revenue": 100, "fee_cost": "0",
        "settled_time": "2025-11-04T17:02:00Z",
    }  # fmt: skip
    made = {
        "fills": {"fills": [fill | changes.get("fill", {})]},
        "settlements": {"settlements": [paid]},
        "positions": {"market_positions": [{"ticker": YES, "position_fp": "0.00"}]},
        "balance": {"balance_dollars": changes.get("balance", "50.600000")},
    }
    (folder / "portfolio").mkdir(exist_ok=True)
    for name, doc in made.items():
        (folder / "portfolio" / f"{name}.json").write_text(json.dumps(doc))


def test_a_day_is_closed_once_and_verified(run: Command) -> None:
    first = json.loads(run("ledger", "close", "--date", "2025-11-04", "--json").out)
    again = json.loads(run("ledger", "close", "--date", "2025-11-04", "--json").out)

    assert first["balances"]["cash"] == 50_600_000
    assert first["balances"]["settlement"] == 600_000
    assert (again["head"], first["differences"]) == (first["head"], [])


def test_a_ledger_that_agrees_with_the_venue_exits_0(run: Command, tmp_path: Path) -> None:
    said = run("ledger", "verify", "--portfolio", tmp_path / "portfolio")

    assert said.code == 0
    assert "The twin ledger holds" in said.out
    assert "1 fills, 1 settlements" in said.out


def test_each_difference_is_named_and_the_exit_code_is_1(run: Command, tmp_path: Path) -> None:
    answers(tmp_path, fill={"fee_cost": "0.010000"}, balance="50.590000")

    said = run("ledger", "verify", "--portfolio", tmp_path / "portfolio")

    assert said.code == 1
    assert "the fill f1 cost a fee of $0.000000 by the ledger and $0.010000 by" in said.out
    assert "$0.010000 less, which the other differences explain" in said.out
    proof = ledger.last_verification(FolderStore(tmp_path / "artifacts"), "twin")
    assert proof is not None
    assert [d.kind for d in proof.differences] == ["fee", "balance"]


def test_only_the_days_asked_for_are_compared(run: Command, tmp_path: Path) -> None:
    answers(tmp_path, fill={"fee_cost": "0.010000"}, balance="1")
    folder = tmp_path / "portfolio"

    on_the_day = run("ledger", "verify", "--portfolio", folder, "--to", "2025-11-04", "--json")
    after_it = run(
        "ledger", "verify", "--portfolio", folder, "--from", "2025-11-05", "--to", "2025-11-05"
    )

    assert [d["kind"] for d in json.loads(on_the_day.out)["differences"]] == ["fee"]
    assert (on_the_day.code, after_it.code) == (1, 0)


def test_a_closed_day_is_verified_from_its_folder_alone(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("ledger", "close", "--date", "2025-11-04")
    monkeypatch.delenv("KALSHI_ALPHA_LEDGER_TABLE")

    said = run("ledger", "verify", "--run", tmp_path, "--json")

    assert said.code == 0
    assert json.loads(said.out)["holds"] is True


def test_balances_of_any_moment_are_shown(run: Command) -> None:
    said = run("ledger", "show", "--at", "2025-11-04T11:58:10", "--lines", "2", "--json")

    shown = json.loads(said.out)
    assert shown["balances"]["collateral"] == 400_000
    assert shown["balances"]["cash"] == 49_600_000
    assert [line["key"] for line in shown["last"]] == ["order/c1/0003", f"settlement/{YES}/1"]
    assert "positions" in run("ledger", "show", "--lines", "1").out


def test_closed_positions_are_exported_as_lines_of_a_tax_return(
    run: Command, tmp_path: Path
) -> None:
    file = tmp_path / "lots.csv"
    run("ledger", "export", "--csv", file, "--year", "2025")

    (row,) = csv.DictReader(io.StringIO(file.read_text()))
    assert row == {
        "market": YES,
        "outcome": "yes",
        "contracts": "1.00",
        "acquired": "2025-11-04T11:58:30-05:00",
        "disposed": "2025-11-04T12:03:00-05:00",
        "how": "settlement",
        "proceeds": "1.000000",
        "cost": "0.400000",
        "fees": "0.000000",
        "gain": "0.600000",
    }
    assert len(run("ledger", "export", "--year", "2024").out.splitlines()) == 1


def test_a_reimbursement_is_recorded_once_and_kept_apart(run: Command, tmp_path: Path) -> None:
    words = ("ledger", "record", "reimbursement", "1.25", "--reason", "rebate", "--name", "oct")

    assert "oct is recorded" in run(*words).out
    assert "oct was recorded before" in run(*words).out
    answers(tmp_path, balance="51.850000")
    said = run("ledger", "verify", "--portfolio", tmp_path / "portfolio", "--json")

    assert said.code == 0
    balances = json.loads(said.out)["balances"]
    assert (balances["reimbursements"], balances["settlement"]) == (1_250_000, 600_000)


def test_a_withdrawal_lowers_capital(run: Command) -> None:
    run("ledger", "record", "withdrawal", "10", "--reason", "rent", "--at", "2025-11-04T13:00")

    balances = json.loads(run("ledger", "show", "--json").out)["balances"]
    assert (balances["capital"], balances["cash"]) == (40_000_000, 40_600_000)


@pytest.mark.parametrize(
    "words",
    [
        ("gift", "1", "--reason", "r"),
        ("deposit", "0", "--reason", "r"),
        ("deposit", "1", "--reason", " "),
    ],
)
def test_what_cannot_be_recorded_is_refused(run: Command, words: tuple[str, ...]) -> None:
    said = run("ledger", "record", *words)

    assert said.code == 2
    assert "one of deposit, withdrawal, reimbursement" in said.err


def test_an_edited_line_is_refused_with_its_place(run: Command, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    run("ledger", "close", "--date", "2025-11-04")
    (file,) = (tmp_path / "artifacts/ledger/twin").glob("*.parquet")
    table = pq.read_table(file)
    facts = [text.replace("4000", "3000") for text in table.column("facts").to_pylist()]
    place = table.schema.get_field_index("facts")
    pq.write_table(table.set_column(place, "facts", pa.array(facts)), file)

    said = run("ledger", "verify", "--run", tmp_path)

    assert said.code == 6
    assert "line 3 of the twin journal (order/c1/0000) was edited" in said.err


@pytest.mark.parametrize(
    ("name", "text", "code", "why"),
    [
        ("fills", None, 2, "fills.json is missing"),
        ("fills", "no", 4, "fills.json is no JSON"),
        ("fills", "[]", 4, "holds a list where"),
        ("fills", '{"fills": [{}]}', 4, "ts is nothing"),
        ("positions", '{"market_positions": [{"ticker": "X"}]}', 4, "has no position_fp"),
    ],
)
def test_saved_answers_that_cannot_be_read_are_refused(
    run: Command, tmp_path: Path, name: str, text: str | None, code: int, why: str
) -> None:
    path = tmp_path / "portfolio" / f"{name}.json"
    path.unlink()
    if text is not None:
        path.write_text(text)

    said = run("ledger", "verify", "--portfolio", tmp_path / "portfolio")

    assert said.code == code
    assert why in said.err


def test_a_folder_without_artifacts_is_refused(run: Command, tmp_path: Path) -> None:
    said = run("ledger", "verify", "--run", tmp_path / "portfolio")

    assert said.code == 2
    assert "holds no artifacts/" in said.err


def test_a_file_that_is_no_journal_is_refused(run: Command, tmp_path: Path) -> None:
    run("ledger", "close", "--date", "2025-11-04")
    (file,) = (tmp_path / "artifacts/ledger/twin").glob("*.parquet")
    file.write_bytes(b"PAR1 nothing")

    said = run("ledger", "verify", "--run", tmp_path)

    assert said.code == 4
    assert "is no journal of ours" in said.err


def test_a_day_whose_close_is_missing_is_noticed(run: Command, tmp_path: Path) -> None:
    run("ledger", "close", "--date", "2025-11-03")
    run("ledger", "close", "--date", "2025-11-04")
    folder = tmp_path / "artifacts/ledger/twin"
    assert run("ledger", "verify", "--run", tmp_path).code == 0
    doc = json.loads((folder / "2025-11-04.json").read_text())
    (folder / "2025-11-04.json").write_text(json.dumps(doc | {"previous": "a" * 64}))

    said = run("ledger", "verify", "--run", tmp_path)

    assert said.code == 6
    assert "a close of the twin journal is missing" in said.err


def test_what_was_traded_elsewhere_does_not_enter_the_paper_book(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KALSHI_ALPHA_BROKER", "paper")

    said = run("ledger", "verify")

    assert said.code == 4
    assert "does not belong into the paper book" in said.err


def test_windows_of_another_book_are_left_alone(
    run: Command, tables: MemoryTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    StateStore(Table(tables, STATE.name)).extend_window(WINDOW, broker="twin")
    monkeypatch.setenv("KALSHI_ALPHA_BROKER", "paper")

    said = run("ledger", "verify", "--json")

    assert said.code == 0
    found = json.loads(said.out)
    assert (found["book"], found["lines"], found["holds"]) == ("paper", 0, False)


def test_closing_waits_for_the_day(run: Command) -> None:
    said = run("ledger", "close", "--date", str(date(2025, 11, 5)))

    assert said.code == 3
    assert "2025-11-05 has not begun" in said.err
