"""The whole study by its command, on made days and on the recorded ones."""

import hashlib
import json

import pytest
from typer.testing import CliRunner

from kalshi_alpha.cli.app import app
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.research.temperature.figures import block_of
from kalshi_alpha.research.temperature.page import page_of
from kalshi_alpha.research.temperature.played import SIGNALS
from kalshi_alpha.research.temperature.study import Request, artifact, study
from kalshi_alpha.research.temperature.walking import MIDDLES, OURS
from tests.temperature_days import write_days

FILES = {
    "study.json", "pool.json", "horizon.json", "horizons.json", "odds.json", "temperature.html",
    "temperature.md",
}  # fmt: skip


def invoke(*words):
    """Run the command line in this process."""
    return CliRunner().invoke(app, list(map(str, words)))


def proven(data: bytes) -> dict:
    """Return an artifact after its checksum was found to be its own."""
    document = json.loads(data)
    checksum = document.pop("checksum")
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == checksum
    return document


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_days(tmp_path_factory.mktemp("data"), 49, trades=150)


@pytest.fixture(scope="module")
def written(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    found = invoke("temperature", "study", "--data", folder, "--out", out, "--json")
    assert found.exit_code == 0, found.output
    return out, json.loads(found.stdout)


def test_the_command_leaves_its_files_and_prints_what_study_json_holds(written):
    out, printed = written
    assert {file.name for file in out.iterdir()} == FILES
    assert json.loads((out / "study.json").read_text()) == printed
    assert printed["coverage"]["events"] == 98
    assert printed["coverage"]["scored_days"] == 7
    assert printed["provenance"]["Command"].startswith("kalshi-alpha temperature study --data")


def test_artifacts_prove_themselves_and_are_the_ones_the_document_names(written):
    out, printed = written
    for name in ("pool.json", "horizon.json", "horizons.json", "odds.json"):
        data = (out / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == printed["artifacts"][name]
        document = proven(data)
        assert any("trades_kxhighny" in file for file in document["provenance"])
    (window,) = proven((out / "pool.json").read_bytes())["body"]
    assert window["weights"] == printed["filter"]["windows"][0]["weights"]


def test_the_page_has_every_model_and_every_strategy(written):
    out, printed = written
    page = (out / "temperature.md").read_text()
    names = [row["model"] for row in printed["filter"]["models"]]
    assert names[0] == MIDDLES
    assert names[-1] == OURS
    assert all(f"| {name} |" in page for name in names)
    assert f"| {SIGNALS} |" in page


def test_the_same_again_on_two_processes(written, folder):
    _, printed = written
    request = Request(folders=(folder,), workers=2)
    steps = []
    found = study(request, load_stations(), lambda part, done, of: steps.append((part, done, of)))
    again = json.loads(json.dumps(found.document))
    for key in ("filter", "horizons", "played", "artifacts", "coverage"):
        assert again[key] == printed[key]
    assert ("filter", 98, 98) in steps
    assert ("signals", 28, 28) in steps


def test_two_folders_are_one_history_and_only_the_later_days_are_scored(tmp_path):
    from datetime import date

    first = write_days(tmp_path / "a", 45)
    second = write_days(tmp_path / "b", 5, first=date(2024, 10, 16))
    request = Request((first, second), first=date(2024, 10, 16), parts=())
    found = study(request, load_stations()).document
    assert found["coverage"]["scored_from"] == "2024-10-16"
    assert found["coverage"]["scored_days"] == 5
    assert len([name for name in found["provenance"] if "markets" in name]) == 2
    assert "horizons" not in found
    assert [row["half"] for row in found["filter"]["halves"]] == ["earlier", "later"]
    assert page_of(found).title


def test_an_unknown_part_and_an_empty_folder_are_sentences(tmp_path):
    found = invoke("temperature", "study", "--data", tmp_path, "--out", tmp_path, "--only", "luck")
    assert found.exit_code == 2
    assert "luck is no part" in found.output
    with pytest.raises(DataError, match="name another folder"):
        study(Request((tmp_path,)), load_stations())


def test_an_artifact_with_a_changed_number_does_not_prove_itself():
    data = artifact("pool", [{"ridge": 3.0}], {"File a": "SHA-256 b"})
    assert proven(data)["body"] == [{"ridge": 3.0}]
    with pytest.raises(AssertionError):
        proven(data.replace(b"3.0", b"4.0"))


@pytest.mark.shared_data
@pytest.mark.slow
def test_the_filter_is_below_the_middles_on_the_recorded_days(shared_data):
    found = study(Request((shared_data,), parts=()), load_stations()).document
    assert found["coverage"]["events"] == 484
    assert found["coverage"]["left_out"] == {"no-result": 709}
    ours = next(row for row in found["filter"]["models"] if row["model"] == OURS)
    assert ours["brier_less"][2] < 0.0
    assert ours["rps_less"][2] < 0.0


def test_few_days_are_drawn_one_by_one_lest_every_draw_be_the_same():
    assert [block_of(days) for days in (2, 15, 16, 39, 40, 74)] == [1, 1, 2, 4, 5, 5]
