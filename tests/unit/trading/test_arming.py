from datetime import UTC, datetime, timedelta

import pytest

from kalshi_alpha.errors import ArmingError, ConfigurationError
from kalshi_alpha.trading.arming import Broker, choose_broker, is_loopback
from kalshi_alpha.trading.standing import Standing

NOW = datetime(2025, 11, 4, 16, 50, tzinfo=UTC)
VENUE = "https://external-api.kalshi.com/trade-api/v2"


def choose(requested, *, stage="paper", url=VENUE, until=None, standing=Standing.PILOT):
    return choose_broker(
        requested=requested,
        stage=stage,
        venue_url=url,
        armed_until=until,
        now=NOW,
        standing=standing,
    )


def test_paper_may_always_be_had():
    assert choose("paper") is Broker.PAPER
    assert choose("paper", stage="live", until=NOW + timedelta(hours=1)) is Broker.PAPER


def test_live_needs_the_stage_and_an_arming_that_has_not_run_out():
    assert choose("live", stage="live", until=NOW + timedelta(seconds=1)) is Broker.LIVE


@pytest.mark.parametrize("standing", [Standing.RESEARCH, Standing.PAPER])
def test_live_needs_a_strategy_that_was_promoted(standing):
    with pytest.raises(ArmingError, match=f"stands at {standing}; see kalshi-alpha pilot status"):
        choose("live", stage="live", until=NOW + timedelta(hours=1), standing=standing)


def test_nobody_is_a_pilot_unless_it_is_said():
    with pytest.raises(ArmingError, match="stands at paper"):
        choose_broker(
            requested="live",
            stage="live",
            venue_url=VENUE,
            armed_until=NOW + timedelta(hours=1),
            now=NOW,
        )


@pytest.mark.parametrize(
    ("stage", "until", "url", "message"),
    [
        ("paper", NOW + timedelta(hours=1), VENUE, "stage deployed as 'live'"),
        ("", NOW + timedelta(hours=1), VENUE, "stage deployed as 'live'"),
        ("live", None, VENUE, "not armed"),
        ("live", NOW, VENUE, "armed until 2025-11-04T16:50:00Z, which has passed"),
        ("live", NOW - timedelta(days=1), VENUE, "arm it again"),
        ("live", NOW + timedelta(hours=1), "http://external-api.kalshi.com", "https"),
    ],
)
def test_live_without_every_step_is_refused(stage, until, url, message):
    with pytest.raises(ArmingError, match=message):
        choose("live", stage=stage, url=url, until=until)


@pytest.mark.parametrize("name", ["", "LIVE", "demo", "Paper"])
def test_a_broker_that_does_not_exist_is_refused(name):
    with pytest.raises(ConfigurationError, match="none of paper, twin, live"):
        choose(name)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/trade-api/v2",
        "http://127.8.9.1",
        "http://[::1]:8080",
        "http://localhost:8080",
        "http://LOCALHOST/",
    ],
)
def test_the_twin_may_be_had_on_this_machine(url):
    assert is_loopback(url)
    assert choose("twin", url=url) is Broker.TWIN


@pytest.mark.parametrize(
    "url",
    [
        VENUE,
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        "http://example.com\\@127.0.0.1",
        "http://0.0.0.0:8080",
        "http://10.0.0.1",
        "http://128.0.0.1",
        "http://[::ffff:127.0.0.1]",
        "http://[::1",
        "127.0.0.1:8080",
        "",
    ],
)
def test_the_twin_is_refused_anywhere_else(url):
    with pytest.raises(ArmingError, match="only this machine"):
        choose("twin", url=url)
