from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.errors import DataError, InvariantBroken
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.research.appraisal import (
    DIGEST,
    Operations,
    appraise,
    bundle,
    digest_of,
    read_bundle,
)
from kalshi_alpha.research.closing import close_day, fill_models, with_proof
from kalshi_alpha.research.record import Record
from kalshi_alpha.steps.ledger import keep
from kalshi_alpha.trading.fills import FEATURES, LOSS_FEATURES, FillModel
from kalshi_alpha.trading.journal import Journal
from kalshi_alpha.trading.ledger_check import verify
from kalshi_alpha.trading.readiness import INSUFFICIENT, NO_GO
from kalshi_alpha.trading.standing import Standing, StandingRecord
from tests.left_windows import DAY, leave_window

NOW = datetime(2025, 11, 4, 22, tzinfo=UTC)
REGISTRY, SESSIONS = load_registry(), load_sessions()
OPEN = Operations(kill_switch_on=False, kill_switch_reason="")
NOTHING = FillModel("trade_through", 5.0, (0.0,) * len(FEATURES), (0.0,) * len(LOSS_FEATURES))
MODEL = NOTHING.to_json()


def graded(root):
    return Record((FolderStore(root),), REGISTRY, SESSIONS).graded()


def appraised(root, **fields):
    return appraise(graded(root), REGISTRY, NOW, **({"operations": OPEN} | fields))


def criterion(found, name):
    return next(one for one in found.readiness.criteria if one.name == name)


def made(root):
    return bundle(
        appraised(root),
        config_hash=REGISTRY.hash,
        parameters=b"{}",
        standing=StandingRecord(),
        graded=graded(root),
    )


def test_one_window_says_how_many_fills_are_missing(tmp_path):
    leave_window(tmp_path)
    found = appraised(tmp_path)

    assert found.readiness.verdict == INSUFFICIENT
    assert "1 graded fill in the last 14 days: 299 of 300 are missing." in found.readiness.sentence
    assert criterion(found, "ledger").verdict == "GO"
    assert found.honesty is not None
    assert found.rolling["7 days"]["index|above|p40-60|m4+|bid"]["n"] == 1
    assert found.demotion == ""


def test_an_empty_record_is_a_sentence():
    with pytest.raises(DataError, match="nothing to appraise"):
        appraise((), REGISTRY, NOW)


def test_paper_and_live_are_never_added_up(tmp_path):
    leave_window(tmp_path, broker="paper")
    leave_window(tmp_path, date(2025, 11, 5), broker="live")
    found = appraised(tmp_path, today=date(2025, 11, 5))

    assert found.readiness.source == "live"
    assert criterion(found, "fills").value == 1


def test_a_demotion_names_what_is_proven_bad_and_not_what_is_missing(tmp_path):
    name = leave_window(tmp_path, cash_difference=-20_000)
    found = appraised(tmp_path)

    assert criterion(found, "ledger").verdict == NO_GO
    assert found.demotion == (
        f"The ledger differs from the venue: {name}: the balance differs by -0.020000 dollars."
    )


def test_parameters_too_old_for_real_orders_demote_a_pilot_alone(tmp_path):
    leave_window(tmp_path)
    later = DAY + timedelta(days=10)
    paper = appraised(tmp_path, today=later)
    pilot = appraised(tmp_path, today=later, standing=StandingRecord(Standing.PILOT))

    assert paper.demotion == ""
    assert "7 are allowed with real orders" in pilot.demotion


def test_a_configuration_without_a_day_has_no_honesty_and_says_why(tmp_path):
    leave_window(tmp_path, config="d" * 64)
    found = appraised(tmp_path)

    assert found.honesty is None
    assert "ran under others" in found.honesty_missing


def test_a_bundle_holds_everything_a_reviewer_needs(tmp_path):
    leave_window(tmp_path)
    files = made(tmp_path)
    cover = read_bundle(files)

    assert set(files) == {
        "readiness.json", "honesty.json", "scoreboard.json", "rolling.json", "standing.json",
        "parameters.json", "ledger.json", "calibration.json", "fills.jsonl", "README.md", DIGEST,
    }  # fmt: skip
    assert (cover["verdict"], cover["source"], cover["standing"]) == (
        INSUFFICIENT, "paper", "paper",
    )  # fmt: skip
    assert cover["config_hash"] == REGISTRY.hash
    assert "| Graded fills | INSUFFICIENT | 1 | 300 fills |" in files["README.md"].decode()
    assert json.loads(files["fills.jsonl"])["fill_id"] == "fill-2025-11-04"


def test_the_same_record_makes_the_same_bundle(tmp_path):
    leave_window(tmp_path)

    assert made(tmp_path) == made(tmp_path)


@pytest.mark.parametrize("name", ["readiness.json", "fills.jsonl", "README.md"])
def test_a_bundle_with_a_changed_or_a_missing_file_is_refused(tmp_path, name):
    leave_window(tmp_path)
    files = made(tmp_path)

    with pytest.raises(DataError, match=f"{name} of the bundle was changed"):
        read_bundle(files | {name: files[name] + b" "})
    with pytest.raises(DataError, match=f"the bundle lacks {name}"):
        read_bundle({key: data for key, data in files.items() if key != name})


def test_a_cover_that_was_edited_is_refused(tmp_path):
    leave_window(tmp_path)
    files = made(tmp_path)
    cover = json.loads(files[DIGEST]) | {"verdict": "GO"}

    with pytest.raises(DataError, match="does not match its digest"):
        read_bundle(files | {DIGEST: json.dumps(cover).encode()})
    del cover["digest"]
    forged = cover | {"digest": digest_of(cover)}
    with pytest.raises(InvariantBroken, match="give different verdicts"):
        read_bundle(files | {DIGEST: json.dumps(forged).encode()})


@pytest.mark.parametrize("files", [{}, {DIGEST: b"x"}, {DIGEST: b"[]"}, {DIGEST: b"{}"}])
def test_what_is_no_bundle_is_a_sentence(files):
    with pytest.raises(DataError, match="no readiness bundle"):
        read_bundle(files)


def test_closing_a_day_gives_every_file_and_the_days_numbers(tmp_path):
    leave_window(tmp_path)
    files, why, counts = close_day(
        FolderStore(tmp_path), REGISTRY, SESSIONS, DAY, NOW, StandingRecord(), OPEN
    )

    assert sorted(files) == [
        "daily/grades/2025-11-04.json", "honesty/2025-11-04.json", "honesty/index.json",
        "readiness/2025-11-04.json", "readiness/index.json", "scoreboard/2025-11-04.json",
        "scoreboard/index.json",
    ]  # fmt: skip
    assert why == ""
    assert (counts["FillsHad"], counts["EvClaimed"], counts["Realised"]) == (1, 0.07, 0.55)
    assert (counts["MinutesAtRisk"], counts["Incidents"], counts["BinsOff"]) == (0.833, 0, 0)


def test_closing_a_day_twice_gives_the_same(tmp_path):
    leave_window(tmp_path)
    store = FolderStore(tmp_path)
    first = close_day(store, REGISTRY, SESSIONS, DAY, NOW, StandingRecord(), OPEN)
    for key, data in first[0].items():
        store.write(key, data)

    assert close_day(store, REGISTRY, SESSIONS, DAY, NOW, StandingRecord(), OPEN) == first


def test_a_proof_of_the_ledger_that_found_a_difference_is_heard(tmp_path):
    leave_window(tmp_path)
    store = FolderStore(tmp_path)
    (day,) = graded(tmp_path)
    assert with_proof(OPEN, store, day) == OPEN
    proof = {
        "schema": 1, "book": "paper", "verified_at": "2025-11-04T22:00:00Z", "lines": 3,
        "head": "h", "balances": {}, "compared": ["fills"],
        "differences": [{"kind": "fill missing", "name": "f9", "ledger": "nothing",
                         "venue": "one", "cash": 1, "sentence": "the fill f9 is not in our books"}],
    }  # fmt: skip
    store.write("ledger/paper/verified/20251104T220000Z.json", json.dumps(proof).encode())

    assert with_proof(OPEN, store, day).differences == ("the fill f9 is not in our books",)


def test_a_paper_proof_that_had_nothing_to_be_held_against_is_no_difference(tmp_path):
    leave_window(tmp_path, broker="paper")
    store = FolderStore(tmp_path)
    (day,) = graded(tmp_path)
    proof = verify(Journal("paper"), None, NOW)
    keep(store, proof)

    operations = with_proof(OPEN, store, day)

    assert (proof.holds, proof.compared, proof.differences) == (False, {}, ())
    assert operations.differences == ()
    assert criterion(appraised(tmp_path, operations=operations), "ledger").verdict == "GO"


def test_the_fill_models_are_those_the_scans_quote_with(tmp_path):
    store = FolderStore(tmp_path)
    assert fill_models(store) == ({}, "no tuning is in use, so no scan predicts a fill")
    body = {"KXINXU": {"fills": MODEL}, "KXINX": {"fills": None}}
    store.write("parameters/tuning.json", json.dumps({"body": body}).encode())
    found, missing = fill_models(store)

    assert (list(found), missing) == (["KXINXU"], "")
    store.write("parameters/tuning.json", json.dumps({"body": {"KXINX": {"fills": None}}}).encode())
    assert fill_models(store) == ({}, "the tuning in use holds no fill model")
    store.write("parameters/tuning.json", b"{}")
    with pytest.raises(DataError, match="the fill model of the tuning cannot be read"):
        fill_models(store)
