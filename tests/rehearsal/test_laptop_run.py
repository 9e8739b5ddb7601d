"""A window on this machine with the paper broker, venue and feed played by the twin."""

from __future__ import annotations

import time
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.rehearsal.clock import ScaledClock, Timeline
from kalshi_alpha.rehearsal.laptop import LaptopRun, Places
from kalshi_alpha.rehearsal.run import environment, played_windows, timeline, world
from kalshi_alpha.rehearsal.world import WorldPlan
from kalshi_alpha.reports.kept import read_kept

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rehearsal")]

DAY = date(2025, 11, 4)
SETUP_S = 15.0  # of real time, in which the account in process is furnished


def test_a_window_runs_on_paper_and_the_venue_never_sees_an_order(tmp_path: Path) -> None:
    window = played_windows(DAY)[0]
    first = Timeline(time.time(), window.prep_at - timedelta(minutes=10))
    clock = ScaledClock(first)
    plan = WorldPlan(DAY, 1, first, tuple((s, window.fixing) for s in window.series))
    with environment(), world(plan) as twin:
        venue, feed = twin["exchange"], twin["feed"]
        control = venue["rest"].split("/trade-api")[0] + "/twin"
        with httpx.Client(trust_env=False) as operator:
            fresh = timeline(window, time.time() + SETUP_S)
            operator.post(f"{control}/clock", json=fresh.to_json()).raise_for_status()
            clock.relay(fresh)
            operator.post(f"{control}/list").raise_for_status()
            places = Places(
                venue["rest"], venue["ws"], venue["key_id"], venue["pem"],
                feed["rest"], feed["ws"], feed["key"],
            )  # fmt: skip
            run = LaptopRun([window], tmp_path, places, clock, progress=lambda _: None)
            result = run.run()
            books = operator.get(f"{control}/books").raise_for_status().json()

    kept = read_kept(FolderStore(tmp_path), window.window_id, load_registry(), load_sessions())
    assert result.runs[0].status == "SUCCEEDED", result.runs[0].failure
    assert kept.broker == "paper"
    assert kept.record["go"] is True
    assert kept.rows("ORDER")
    assert books["orders"] == []
    assert venue["pem"] not in repr(places)
