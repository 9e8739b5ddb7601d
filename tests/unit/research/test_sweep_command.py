"""``kalshi-alpha sweep``: planned, played, submitted, merged and shown from the command line."""

from __future__ import annotations

import json

import boto3
import pytest
from moto import mock_aws

from kalshi_alpha.cloud import batch, services
from kalshi_alpha.errors import ConfigurationError, VenueUnavailable
from tests.sweeps import TRADES, sweep_file

BUCKET = "kalshi-alpha-paper-artifacts"
STORE = f"s3://{BUCKET}"
RESULT = ("sweep.html", "sweep.json", "sweep.md", "sweep.parquet")


@pytest.fixture(autouse=True)
def outside_a_job(monkeypatch):
    for name in (batch.WHICH_SWEEP, batch.INDEX, batch.SIZE, "KALSHI_ALPHA_ARTIFACTS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def aws():
    with mock_aws(config={"batch": {"use_docker": False}}):
        services.client.cache_clear()
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield
    services.client.cache_clear()


@pytest.fixture
def queue(aws):  # noqa: ARG001 - it must be mocked first
    iam, client = boto3.client("iam"), boto3.client("batch")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    made = client.create_compute_environment(
        computeEnvironmentName="spare", type="MANAGED", state="ENABLED", serviceRole=role,
        computeResources={
            "type": "FARGATE_SPOT", "maxvCpus": 64, "subnets": [subnet],
            "securityGroupIds": [group],
        },
    )  # fmt: skip
    client.create_job_queue(
        jobQueueName="kalshi-alpha-paper-research", state="ENABLED", priority=1,
        computeEnvironmentOrder=[
            {"order": 1, "computeEnvironment": made["computeEnvironmentArn"]}
        ],
    )  # fmt: skip
    client.register_job_definition(
        jobDefinitionName="kalshi-alpha-paper-sweep", type="container",
        platformCapabilities=["FARGATE"],
        containerProperties={
            "image": "i", "command": ["sweep", "run"], "executionRoleArn": role,
            "resourceRequirements": [
                {"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "8192"},
            ],
        },
    )  # fmt: skip
    return client


def test_a_sweep_is_run_in_shards_merged_and_shown(run, tmp_path):
    file = sweep_file(tmp_path)
    for k in (1, 0):
        said = run("sweep", "run", file, "--store", "a", "--shard", f"{k}/2", "--json")
        assert said.code == 0, said.err
        assert json.loads(said.out) | {"sweep": ""} == {
            "sweep": "", "shard": f"{k}/2", "units": 4, "played": 4, "kept_before": 0,
        }  # fmt: skip
    sweep_id = json.loads(said.out)["sweep"]
    assert run("sweep", "run", file, "--store", "b", "--workers", 1).code == 0

    shown = json.loads(run("sweep", "show", "--store", "a", "--json").out)
    assert (shown[0]["kept"], shown[0]["units"], shown[0]["result"]) == (8, 8, "not merged")
    first = run("sweep", "merge", sweep_id[:8], "--store", "a", "--out", "o", "--json")
    second = run("sweep", "merge", file, "--store", "b", "--also", "a", "--out", "p")

    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert "4 settings were looked at" in first.err
    for name in RESULT:
        assert (tmp_path / "o" / name).read_bytes() == (tmp_path / "p" / name).read_bytes()
    document = json.loads(first.out)
    assert document["sweep"] == sweep_id
    assert document["looks"] == len(document["rows"]) == 4
    (shown,) = json.loads(run("sweep", "show", sweep_id, "--store", "a", "--json").out)
    assert shown["result"] == document["sentence"]
    assert "<script" not in (tmp_path / "o" / "sweep.html").read_text()


def test_an_array_job_knows_its_sweep_and_its_share_from_its_environment(
    run, tmp_path, monkeypatch
):
    file = sweep_file(tmp_path)
    assert run("sweep", "run", file, "--store", "a", "--shard", "0/8").code == 0
    (manifest,) = (tmp_path / "a").rglob("manifest.json")
    inputs = {each["sha256"]: each for s in json.loads(manifest.read_text())["series"]
              for each in s["inputs"]}  # fmt: skip
    monkeypatch.setenv(batch.WHICH_SWEEP, manifest.parent.name)
    monkeypatch.setenv("KALSHI_ALPHA_ARTIFACTS", str(tmp_path / "a"))
    monkeypatch.setenv(batch.INDEX, "1")
    monkeypatch.setenv(batch.SIZE, "8")

    assert run("sweep", "run", "--workers", 1).code == 4  # its files were not brought here
    for one in inputs.values():
        place = tmp_path / "a" / one["key"]
        place.parent.mkdir(parents=True)
        place.write_bytes(b"other" if one["role"] == "data" else place.name.encode())
    said = run("sweep", "run", "--workers", 1)
    assert said.code == 4
    assert "is not what the sweep was made of" in said.err.replace("\n", " ")
    assert len(list((tmp_path / "a").rglob("units/*.json"))) == 1


def test_submitted_jobs_find_in_the_bucket_all_they_need(run, tmp_path, queue, monkeypatch):
    file = sweep_file(tmp_path)

    said = run(
        "sweep", "submit", file, "--store", STORE, "--yes", "--seconds-a-unit", 600,
        "--job-minutes", 10, "--json",
    )  # fmt: skip

    assert said.code == 0, said.err
    assert "vCPU-hours" in said.err
    answer = json.loads(said.out)
    assert answer["queue"] == "kalshi-alpha-paper-research"
    assert (answer["jobs"], answer["files_sent"]) == (4, 3)
    (job,) = queue.describe_jobs(jobs=[answer["job"]])["jobs"]
    assert job["arrayProperties"]["size"] == 4
    assert "/kalshi-alpha-paper-sweep:" in job["jobDefinition"]
    given = {each["name"]: each["value"] for each in job["container"]["environment"]}
    assert given.items() >= {batch.WHICH_SWEEP: answer["sweep"],
                             "KALSHI_ALPHA_ARTIFACTS": STORE}.items()  # fmt: skip

    # What each container of the array then does, elsewhere and without the files.
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setenv(batch.WHICH_SWEEP, answer["sweep"])
    monkeypatch.setenv("KALSHI_ALPHA_ARTIFACTS", STORE)
    monkeypatch.setenv(batch.SIZE, "4")
    for k in range(4):
        monkeypatch.setenv(batch.INDEX, str(k))
        assert run("sweep", "run", "--workers", 1).code == 0
    monkeypatch.delenv(batch.WHICH_SWEEP)
    here = tmp_path / "here"
    assert run("sweep", "run", file, "--store", here, "--shard", "0/1").code == 0
    for store, out in ((STORE, "o"), (here, "p")):
        said = run("sweep", "merge", file, "--store", store, "--out", tmp_path / out)
        assert said.code == 0, said.err
    for name in RESULT:
        assert (tmp_path / "o" / name).read_bytes() == (tmp_path / "p" / name).read_bytes()
    again = run("sweep", "submit", file, "--store", STORE, "--yes", "--seconds-a-unit", 1)
    assert "every unit is kept already" in again.err


def test_nothing_is_submitted_without_a_yes(run, tmp_path, queue, monkeypatch):
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)

    said = run("sweep", "submit", sweep_file(tmp_path), "--store", STORE, "--seconds-a-unit", 600)

    assert said.code == 3
    assert queue.list_jobs(jobQueue="kalshi-alpha-paper-research")["jobSummaryList"] == []
    assert boto3.client("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


@pytest.mark.usefixtures("aws")
def test_jobs_cannot_reach_a_folder_and_a_stage_without_a_queue_is_said(run, tmp_path):
    file = sweep_file(tmp_path)

    assert "which no job can reach" in run("sweep", "submit", file, "--store", "a").err.replace(
        "\n", " "
    )
    said = run("sweep", "submit", file, "--store", STORE, "--yes", "--seconds-a-unit", 600)
    assert said.code == 5
    assert "is the research stack of this stage deployed" in said.err.replace("\n", " ")


def test_recordings_among_the_artifacts_are_read_from_there(run, tmp_path):
    kept = tmp_path / "a" / "recordings" / "trades.parquet"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(TRADES.read_bytes())
    file = sweep_file(tmp_path, "lots = [1]")
    file.write_text(file.read_text().replace(f'["{TRADES}"]', '"artifacts:recordings/"'))

    assert run("sweep", "run", file, "--store", "a").code == 0
    assert run("sweep", "merge", file, "--store", "a", "--out", "o").code == 0
    provenance = json.loads((tmp_path / "o" / "sweep.json").read_text())["provenance"]
    assert "KXINXU data, trades.parquet" in provenance
    said = run("sweep", "run", file, "--store", "b")
    assert said.code == 2
    assert "there is no artifact artifacts:recordings/" in said.err.replace("\n", " ")


def test_a_plan_needs_no_file_when_the_seconds_are_given(run, tmp_path):
    file = sweep_file(tmp_path, "lots = [1, 2]")
    file.write_text(file.read_text().replace(str(TRADES), "gone.parquet"))

    said = run("sweep", "plan", file, "--seconds-a-unit", 600, "--simulate", "--json")

    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert (found["units"], found["jobs"]) == (4, 1)
    assert found["simulated"]["submissions"] == 1
    assert run("sweep", "plan", file).code == 2


def test_a_plan_times_a_unit_here(run, tmp_path):
    said = run("sweep", "plan", sweep_file(tmp_path), "--json")

    assert said.code == 0, said.err
    assert json.loads(said.out)["timing"]["unit_s"] > 0


def test_what_cannot_be_meant_is_refused(run, tmp_path, monkeypatch):
    file = sweep_file(tmp_path)

    assert "which sweep?" in run("sweep", "run").err
    assert run("sweep", "run", file, "--store", "a", "--shard", "2").code == 2
    assert "0 sweeps here begin with" in run("sweep", "merge", "abcdef12", "--store", "a").err
    monkeypatch.setenv(batch.INDEX, "1")
    assert run("sweep", "run", file, "--store", "a").code == 2


def test_an_array_is_as_large_as_batch_takes_and_one_job_is_none(queue):
    def size_of(job):
        (found,) = queue.describe_jobs(jobs=[job])["jobs"]
        return found.get("arrayProperties", {}).get("size")

    def submit(size, stage="paper"):
        return batch.submit(queue, stage=stage, job="sweep", name="n", size=size, environment={})

    assert size_of(submit(3)) == 3
    assert size_of(submit(1)) is None
    with pytest.raises(ConfigurationError, match="Batch takes 1 to 10000"):
        submit(10_001)
    with pytest.raises(VenueUnavailable, match="kalshi-alpha-live-research"):
        submit(2, stage="live")
