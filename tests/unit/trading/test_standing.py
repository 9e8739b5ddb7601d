from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from kalshi_alpha.errors import ArmingError, ConfigurationError
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.trading.gates import ALLOW, Refuse
from kalshi_alpha.trading.standing import (
    Standing,
    StandingRecord,
    demoted,
    pilot_caps,
    pilot_fixing,
    promoted,
    widened,
)

TODAY = date(2026, 1, 9)
AT = "2026-01-09T22:00:00Z"
PILOT = StandingRecord(Standing.PILOT, since=TODAY)
NOON = datetime(2026, 1, 9, 17, tzinfo=UTC)


def up(now=None, **fields):
    given = {
        "to": Standing.PILOT,
        "verdict": "GO",
        "digest": "d" * 64,
        "by": "ann",
        "at": AT,
        "today": TODAY,
    }
    return promoted(now or StandingRecord(), **(given | fields))


def test_only_a_pilot_and_beyond_may_trade_live():
    assert [one.may_trade_live for one in Standing] == [False, False, True, True]
    assert [one.above for one in Standing] == [
        Standing.PAPER, Standing.PILOT, Standing.SCALED, None,
    ]  # fmt: skip


def test_no_record_is_paper_and_a_garbled_one_is_less():
    assert StandingRecord.from_json(None).standing is Standing.PAPER
    assert StandingRecord.from_json({}).standing is Standing.PAPER
    for garbled in (
        {"standing": "boss"},
        {"since": "2026-01-09"},
        {"standing": "pilot", "since": "x"},
    ):
        assert StandingRecord.from_json(garbled).standing is Standing.RESEARCH


def test_a_record_is_read_as_it_was_written():
    assert StandingRecord.from_json(up().to_json()) == up()
    assert StandingRecord.from_json({"standing": "pilot", "fixings": "any"}).fixings == "noon"


def test_a_promotion_keeps_who_when_and_on_which_bundle():
    found = up()

    assert (found.standing, found.by, found.at, found.digest) == (
        Standing.PILOT, "ann", AT, "d" * 64,
    )  # fmt: skip
    assert found.since == TODAY
    assert found.reason == "promoted from paper with the bundle dddddddddddd"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"to": Standing.SCALED}, "from paper the next step is pilot, and scaled was asked for"),
        ({"to": Standing.PAPER}, "the next step is pilot"),
        ({"verdict": "INSUFFICIENT"}, "says GO, and the bundle says INSUFFICIENT"),
        ({"verdict": "NO-GO"}, "the bundle says NO-GO"),
        ({"digest": ""}, "needs the digest of a readiness bundle"),
        ({"by": " "}, "nobody asked for it"),
    ],
)
def test_a_promotion_without_every_part_is_refused(fields, message):
    with pytest.raises(ArmingError, match=message):
        up(**fields)


def test_nothing_lies_above_scaled():
    with pytest.raises(ArmingError, match="the next step is nowhere"):
        up(StandingRecord(Standing.SCALED), to=Standing.SCALED)


def test_research_becomes_paper_without_a_bundle():
    found = up(StandingRecord(Standing.RESEARCH), to=Standing.PAPER, verdict="", digest="")

    assert found.standing is Standing.PAPER


@pytest.mark.parametrize("standing", [Standing.PILOT, Standing.SCALED])
def test_a_demotion_goes_back_to_paper_and_says_why(standing):
    found = demoted(StandingRecord(standing), reason="a loss is proven", by="x", at=AT, today=TODAY)

    assert found is not None
    assert (found.standing, found.reason, found.since) == (
        Standing.PAPER,
        "a loss is proven",
        TODAY,
    )
    assert found.digest == ""


@pytest.mark.parametrize("standing", [Standing.RESEARCH, Standing.PAPER])
def test_nothing_is_taken_from_who_has_no_real_orders(standing):
    assert demoted(StandingRecord(standing), reason="r", by="x", at=AT, today=TODAY) is None


def test_everything_below_scaled_is_held_to_one_contract_in_two_bins():
    caps = replace(load_registry().series["KXINXU"].caps, max_size=1000, max_bins=6)

    assert pilot_caps(caps, StandingRecord(Standing.SCALED)) == caps
    for standing in (Standing.RESEARCH, Standing.PAPER, Standing.PILOT):
        held = pilot_caps(caps, StandingRecord(standing))
        assert (held.max_size, held.max_bins) == (100, 2)
        assert held.max_loss_per_day == caps.max_loss_per_day


def test_pilot_caps_never_widen_what_the_registry_says():
    caps = replace(load_registry().series["KXINXU"].caps, max_size=50, max_bins=1)

    assert pilot_caps(caps, PILOT) == caps


def test_a_pilot_quotes_noon_alone_until_it_is_widened():
    ten = NOON.replace(hour=15)
    refused = pilot_fixing(PILOT, ten)

    assert isinstance(refused, Refuse)
    assert refused.reason.startswith("a pilot quotes noon alone, and this fixing is at 10:00")
    assert pilot_fixing(PILOT, NOON) is ALLOW
    assert pilot_fixing(widened(PILOT, by="ann", at=AT), ten) is ALLOW
    assert pilot_fixing(StandingRecord(Standing.SCALED), ten) is ALLOW
    assert pilot_fixing(StandingRecord(), ten) is ALLOW


def test_only_a_pilot_can_be_widened():
    with pytest.raises(ConfigurationError, match="only a pilot can be widened, and this is paper"):
        widened(StandingRecord(), by="ann", at=AT)
