"""The sources step as its schedule runs it: for what is traded, and for nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.traded import trade
from kalshi_alpha.rehearsal.sources import SourceTwin
from kalshi_alpha.steps import sources
from kalshi_alpha.steps.runtime import FIGURE_PARAMETERS_KEY, Runtime, Settings

MORNING = datetime(2025, 12, 31, 13, 0, tzinfo=UTC)


@pytest.fixture
def clock():
    return ManualClock(MORNING)


@pytest.fixture
def twin(clock):
    with SourceTwin(clock) as serving:
        yield serving


@pytest.fixture
def runtime(clock, twin, tmp_path):
    made = Runtime(
        Settings(
            artifacts=str(tmp_path),
            families="macro",
            sources_url=twin.url,
            contact="desk@example.org",
        ),
        clock,
    )
    yield made
    trade()


def test_every_family_that_is_traded_is_read_for(runtime):
    found = sources.run({}, runtime)

    assert set(found["read"]) == {
        "bls", "fred-gasregw", "fred-icsa", "treasury-csv", "treasury-xml", "aaa",
    }  # fmt: skip
    assert found["stale"] == {}
    assert found["metrics"]["SourcesRead"] == 6
    assert found["metrics"]["SourcesStale"] == 0
    assert 0.0 < found["metrics"]["OldestSourceHours"] < 0.1


def test_only_the_families_that_are_asked_for(runtime):
    assert sources.run({"families": ["claims"]}, runtime)["read"] == ["fred-icsa"]
    assert sources.run({"families": ["tea"]}, runtime)["read"] == []


def test_what_is_not_traded_is_not_read(runtime, tmp_path):
    runtime.settings = Settings(artifacts=str(tmp_path))
    trade()
    found = sources.run({"families": ["claims"]}, runtime)

    assert found["read"] == []
    assert found["metrics"] == {"SourcesRead": 0, "SourcesStale": 0, "OldestSourceHours": 0.0}
    assert runtime.artifacts.keys() == []


def test_without_an_address_to_be_reached_at_nobody_is_asked(runtime, twin, tmp_path):
    runtime.settings = Settings(artifacts=str(tmp_path), families="macro", sources_url=twin.url)
    with pytest.raises(ConfigurationError, match="KALSHI_ALPHA_CONTACT is not set"):
        sources.run({}, runtime)


def test_a_nowcast_is_read_only_where_a_law_weighs_it(runtime):
    part = '[one-month]\nprovenance = "made"\nnowcast = {weight}\n'
    dates = "as_of = 2025-12-01\nvalid_until = 2026-06-01\n"
    unused = (dates + part.format(weight=0.0)).encode()
    runtime.artifacts.write(FIGURE_PARAMETERS_KEY, unused)
    assert "nowcast-month" not in sources.run({"families": ["cpi"]}, runtime)["troubles"]

    runtime.clock.advance(7_200)
    runtime.artifacts.write(FIGURE_PARAMETERS_KEY, (dates + part.format(weight=0.3)).encode())
    found = sources.run({"families": ["cpi"]}, runtime)
    assert found["troubles"] == {"nowcast-month": "the nowcast answered 404"}


def test_parameters_that_cannot_be_read_do_not_stop_the_reading(runtime):
    runtime.artifacts.write(FIGURE_PARAMETERS_KEY, b"[")
    assert "bls" in sources.run({"families": ["cpi"]}, runtime)["read"]


def test_keys_come_from_a_secret_and_are_concealed(runtime, twin, tmp_path, monkeypatch):
    key = "eia-key-0123456789"
    monkeypatch.setattr(sources, "read_secret", lambda name: {"eia": key, "named": name})
    runtime.settings = Settings(
        artifacts=str(tmp_path),
        families="macro",
        sources_url=twin.url,
        contact="desk@example.org",
        sources_secret="offices",
    )
    found = sources.run({"families": ["cpi"]}, runtime)

    assert "eia" in found["read"]
    assert key not in str(found)
    kept = runtime.artifacts.keys("macro/")
    assert kept
    assert not any(key.encode() in runtime.artifacts.read(name) for name in kept)
