"""``kalshi-alpha risk`` on what a run left, and on the tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from moto import mock_aws

from kalshi_alpha.cli import main
from kalshi_alpha.cloud.layout import LEDGER, STATE
from kalshi_alpha.cloud.ledger import LedgerStore
from kalshi_alpha.cloud.services import client
from kalshi_alpha.cloud.state import StateStore
from kalshi_alpha.cloud.table import Table
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import Fill, Side
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.table import normal_table
from kalshi_alpha.rehearsal.machine import create_table
from kalshi_alpha.trading.risk import Holding, SymbolBook
from kalshi_alpha.trading.risk_book import WindowRisk

AT = datetime(2025, 11, 4, 16, 59, 40, tzinfo=UTC)
NOON, CLOSE = "20251104-1200-index-hourly", "20251104-1600-index-close"
EVEN = TerminalLaw(normal_table(), 6799.995, 0.0, 0.001)
ABOVE = "KXINXU-25NOV04H1200-T6799.9999"

Said = tuple[int, str, str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    def run(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["kalshi-alpha", "risk", *words])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def left(held: int, resting: int) -> WindowRisk:
    payoff = Payoff(680_000, None)
    book = SymbolBook(
        EVEN,
        (Holding(payoff, Side.BID, 100, held, ABOVE),),
        (Holding(payoff, Side.BID, 100, resting, ABOVE),),
    )
    return WindowRisk(AT, {"SPX": book}, markets={ABOVE: ("SPX", payoff)})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for window, risk in ((NOON, left(450_000, 440_000)), (CLOSE, left(300_000, 200_000))):
        place = tmp_path / "artifacts" / "windows" / window / "scan"
        place.mkdir(parents=True)
        (place / "0001.json").write_text(json.dumps({"risk": risk.to_json()}))
    return tmp_path


def test_a_runs_risk_as_a_table_shows_each_fixing_and_their_sum(
    run: Callable[..., Said], folder: Path
) -> None:
    code, out, _ = run("--out", str(folder))

    assert code == 0
    assert "Fixing 20251104-1200" in out
    assert "Fixing 20251104-1600" in out
    assert ABOVE in out
    assert "$0.890000" in out  # both of noon lose
    assert "shortfall $1.390000, worst case $1.390000" in out


def test_a_runs_risk_as_json_has_the_whole_law(run: Callable[..., Said], folder: Path) -> None:
    code, out, _ = run("--out", str(folder), "--window", NOON, "--json")
    answer = json.loads(out)

    assert code == 0
    (view,) = answer["fixings"]
    assert view["fixing"] == "20251104-1200"
    assert {name: one["shortfall"] for name, one in view["risk"].items()} == {
        "none": 450_000,
        "all": 890_000,
        "adverse": 890_000,
    }
    assert view["losses"]["loss"] == [-550_000, 890_000]
    assert view["losses"]["probability"] == pytest.approx([0.5, 0.5])
    assert answer["together"]["worst"] == 890_000


def test_a_folder_without_a_run_is_a_sentence(run: Callable[..., Said], tmp_path: Path) -> None:
    code, _, err = run("--out", str(tmp_path))

    assert code == 2
    assert "holds no windows: name a run's folder" in err


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[StateStore]:
    with mock_aws():
        client.cache_clear()
        for spec in (STATE, LEDGER):
            create_table(spec, spec.name)
        monkeypatch.setenv("KALSHI_ALPHA_STATE_TABLE", STATE.name)
        monkeypatch.setenv("KALSHI_ALPHA_LEDGER_TABLE", LEDGER.name)
        yield StateStore(Table(client("dynamodb"), STATE.name))
        client.cache_clear()


def test_the_tables_risk_is_of_the_windows_fixing(
    run: Callable[..., Said], tables: StateStore
) -> None:
    tables.put_part(NOON, "RISK", left(450_000, 440_000).to_json())
    bought = Fill("f1", "v1", ABOVE, Side.BID, 4_500, 100, False, 1_750, AT)
    LedgerStore(Table(client("dynamodb"), LEDGER.name)).record_fill(NOON, bought)

    code, out, _ = run("--window", NOON, "--json")

    (view,) = json.loads(out)["fixings"]
    assert code == 0
    assert view["risk"]["adverse"]["worst"] == 451_750  # by the ledger, with its fee
    assert view["symbols"]["SPX"]["resting"] == []  # the fixing has passed


def test_with_nothing_scanned_it_says_so(run: Callable[..., Said], tables: StateStore) -> None:
    del tables
    code, out, _ = run("--window", NOON)

    assert code == 0
    assert "Nothing is held and nothing rests" in out
