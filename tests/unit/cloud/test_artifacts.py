from __future__ import annotations

from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from kalshi_alpha.cloud.artifacts import ArtifactStore, open_store
from kalshi_alpha.errors import ConfigurationError, DataError


def exercise(store: ArtifactStore) -> None:
    store.write("a/b.json", b"1")
    store.write("a/b.json", b"2")
    store.write("c.json", b"3")

    assert store.read("a/b.json") == b"2"
    assert store.keys() == ["a/b.json", "c.json"]
    assert store.keys("a/") == ["a/b.json"]
    with pytest.raises(DataError, match="nothing"):
        store.read("nothing")


def test_a_folder_by_path_and_by_uri_holds_what_is_written(tmp_path: Path) -> None:
    exercise(open_store(str(tmp_path / "one")))
    exercise(open_store((tmp_path / "two with space").as_uri()))


def test_a_bucket_holds_what_is_written() -> None:
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="artifacts")
        exercise(open_store("s3://artifacts/some/prefix", client))


def test_a_key_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="leads out"):
        open_store(str(tmp_path)).write("../escaped", b"")


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="ftp"):
        open_store("ftp://host/x")
