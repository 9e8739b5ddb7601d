"""``kalshi-alpha momentum`` and the temperature rehearsal, as a person would type them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from kalshi_alpha.cli import momentum as momentum_command
from kalshi_alpha.jobs.momentum_tables import write_tables
from kalshi_alpha.momentum.events import Looked
from kalshi_alpha.rehearsal import temperature_report
from kalshi_alpha.rehearsal.clock import ScaledClock, Timeline
from kalshi_alpha.rehearsal.exchange.server import ExchangeServer
from kalshi_alpha.rehearsal.exchange.temperatures import list_temperatures, temperature_terms
from kalshi_alpha.rehearsal.recorded_temperature import recorded_day
from kalshi_alpha.rehearsal.tape_player import TapePlayer, last_by_market
from kalshi_alpha.steps import momentum_sky
from tests.command import Command
from tests.momentum_day import features, leans

NINE = datetime(2024, 12, 3, 14, 0, tzinfo=UTC)  # nine in the morning in New York


@pytest.fixture
def command(monkeypatch, capsys):
    return Command(monkeypatch, capsys)


@pytest.fixture
def folder(tmp_path):
    """Tables of a small day."""
    write_tables(tmp_path, {"features": features(), "leans": leans()})
    return tmp_path


def test_a_question_is_answered_as_a_table_and_as_json(command, folder):
    question = "SELECT action, count(*) AS n FROM leans GROUP BY action ORDER BY action"
    said = command("momentum", "query", question, "--folder", folder)
    assert said.code == 0
    assert "3 rows" in said.out
    assert "withdraw" in said.out
    answer = json.loads(command("momentum", "query", question, "--folder", folder, "--json").out)
    assert answer == [{"action": name, "n": 1} for name in ("quote", "refuse", "withdraw")]


def test_a_list_a_float_and_nothing_are_answered_plainly(command, folder):
    question = (
        "SELECT pros, belief / 3 AS third, size, DATE '2024-12-03' AS day FROM leans "
        "WHERE action = 'refuse'"
    )
    [row] = json.loads(command("momentum", "query", question, "--folder", folder, "--json").out)
    assert row["pros"][1] == "it leads <by far>"
    assert row["third"] == 0.166667
    assert row["size"] is None
    assert row["day"] == "2024-12-03"


def test_a_question_that_is_none_and_a_folder_without_tables_have_their_codes(command, folder):
    said = command("momentum", "query", "SELEC 1", "--folder", folder)
    assert said.code == 4
    assert "cannot be answered" in said.err
    assert command("momentum", "query", "SELECT 1", "--folder", folder / "none").code == 2


@pytest.mark.parametrize(
    ("words", "day"),
    [((), date(2024, 12, 3)), (("--date", "2024-11-21"), date(2024, 11, 21))],
)
def test_rehearse_family_temperature_plays_its_own_day(command, monkeypatch, tmp_path, words, day):
    asked = []

    def made(day, out, *, seed):
        asked.append((day, out, seed))
        summary = {
            "event": "KXHIGHNY", "trades": 1, "signals": 2, "orders": 3, "fills": 4,
            "settled": "", "pnl_dollars": None, "scores": None,
        }  # fmt: skip
        return temperature_report.TemperatureLeft(out / "rehearsal", summary)

    monkeypatch.setattr(temperature_report, "rehearse_temperature", made)
    said = command("rehearse", "--family", "temperature", "--out", tmp_path, "--seed", 7, *words)
    assert said.code == 0, said.err
    assert asked == [(day, tmp_path, 7)]
    assert "KXHIGHNY" in said.out


def test_a_day_that_is_not_recorded_is_refused_with_those_that_are(command, tmp_path):
    said = command("rehearse", "--family", "temperature", "--date", "2024-07-09", "--out", tmp_path)
    assert said.code == 2
    assert "2024-11-21, 2024-12-03" in said.err


class MadeSky:
    """A sky that knows the weather."""

    def look(self, event, now):
        count = len(event.brackets)
        return Looked(now.timestamp(), (1 / count,) * count, 0.01)


@contextmanager
def an_exchange(clock):
    """Serve the recorded day's brackets at nine in the morning, with trades that go on."""
    day = recorded_day(date(2024, 12, 3))
    server = ExchangeServer(
        clock, path_value=lambda *_: 41.0, crowd=False, key_kind="ed25519", maintenance=False
    )
    for market in list_temperatures(day):
        server.engine.list_market(market)
    server.engine.override_fees(day.event, temperature_terms())
    player, trades = TapePlayer(server.engine), list(day.trades())
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def go_on():
        for trade in [t for t in trades if t.at > NINE][:200]:
            player.play(trade)
            await asyncio.sleep(0.02)

    async def begin():
        for trade in last_by_market(t for t in trades if t.at <= NINE):
            player.rest(trade)
        await server.start(0)
        return asyncio.create_task(go_on())

    task = asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(task.cancel)
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def test_shadow_follows_the_venue_decides_and_places_nothing(command, monkeypatch, tmp_path):
    clock = ScaledClock(Timeline(time.time(), NINE))
    with an_exchange(clock) as server:
        ready = server.ready()
        pem = tmp_path / "key.pem"
        pem.write_text(ready["pem"])
        pem.chmod(0o600)
        for name, value in {
            "KALSHI_API_KEY_ID": ready["key_id"],
            "KALSHI_PRIVATE_KEY_PEM_PATH": str(pem),
            "KALSHI_ALPHA_VENUE_URL": ready["rest"],
            "KALSHI_ALPHA_VENUE_WS_URL": ready["ws"],
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(momentum_command, "SystemClock", lambda: clock)
        monkeypatch.setattr(momentum_sky, "open_sky", lambda *_: MadeSky())
        said = command(
            "momentum", "shadow", "--group", "east", "--contact", "desk@example.org",
            "--minutes", 0.06, "--out", tmp_path, "--json",
        )  # fmt: skip
        resting = server.engine.resting("member")

    assert said.code == 0, said.err
    answer = json.loads(said.out)
    assert answer["frames"] > 50
    assert list(answer["counts"]) == ["KXHIGHNY-24DEC03"]
    assert not any(what.startswith("order:") for what in answer["counts"]["KXHIGHNY-24DEC03"])
    assert resting == []
    kept = [path.name for path in Path(tmp_path / "shadow").rglob("*") if path.is_file()]
    assert "snapshot.json" in kept
    assert any(told.startswith("KXHIGHMIA: left alone today") for told in answer["told"])
    assert clock.now() - NINE < timedelta(minutes=2)


def test_shadow_without_keys_or_addresses_says_what_is_missing(command, monkeypatch, tmp_path):
    for name in ("KALSHI_API_KEY_ID", "KALSHI_ALPHA_VENUE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    said = command("momentum", "shadow", "--group", "east", "--contact", "desk@example.org")
    assert said.code == 2
    assert "a secret is missing" in said.err
