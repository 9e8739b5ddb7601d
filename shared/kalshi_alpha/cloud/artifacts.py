"""Artifacts by URI: a folder on a laptop, a bucket on AWS, the same four verbs."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlparse

from botocore.exceptions import BotoCoreError, ClientError

from kalshi_alpha.cloud.table import StoreError
from kalshi_alpha.errors import ConfigurationError, DataError


class ArtifactStore(Protocol):
    """Named bytes; keys are relative, with forward slashes."""

    def read(self, key: str) -> bytes:
        """Return the bytes; raise ``DataError`` when there are none."""
        ...

    def write(self, key: str, data: bytes) -> None:
        """Write the bytes whole; a reader never sees half of them."""
        ...

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys that start with ``prefix``, sorted."""
        ...


class FolderStore:
    """Artifacts in a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, key: str) -> bytes:
        """Return the file's bytes."""
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            raise DataError(f"there is no artifact {key} in {self._root}") from None

    def write(self, key: str, data: bytes) -> None:
        """Write beside the file, then rename over it."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.draft")
        draft.write_bytes(data)
        draft.replace(path)

    def keys(self, prefix: str = "") -> list[str]:
        """List the files below the folder by relative name."""
        names = (p.relative_to(self._root).as_posix() for p in self._root.rglob("*") if p.is_file())
        return sorted(name for name in names if name.startswith(prefix))

    def _path(self, key: str) -> Path:
        path = (self._root / key).resolve()
        if not path.is_relative_to(self._root.resolve()):
            raise ConfigurationError(f"the artifact key {key!r} leads out of {self._root}")
        return path


class BucketStore:
    """Artifacts in an S3 bucket below a prefix."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client, self._bucket = client, bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def read(self, key: str) -> bytes:
        """Return the object's bytes."""
        try:
            reply = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise DataError(f"the artifact {key} cannot be read from the bucket: {code}") from error
        except BotoCoreError as error:
            raise DataError(
                f"the artifact {key} cannot be read from the bucket: {type(error).__name__}"
            ) from error
        return bytes(reply["Body"].read())

    def write(self, key: str, data: bytes) -> None:
        """Put the object; raise ``StoreError`` when the bucket does not take it."""
        kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
        try:
            self._client.put_object(
                Bucket=self._bucket, Key=self._prefix + key, Body=data, ContentType=kind
            )
        except (ClientError, BotoCoreError) as error:
            raise StoreError(
                f"the artifact {key} was not taken by the bucket: {type(error).__name__}"
            ) from error

    def keys(self, prefix: str = "") -> list[str]:
        """List the objects below the prefix."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix
        )
        found = (item["Key"] for page in pages for item in page.get("Contents", []))
        return sorted(key.removeprefix(self._prefix) for key in found)

    def link(self, key: str, seconds: int) -> str:
        """Return an address under which anybody may read one object for so many seconds.

        Nothing is asked of the bucket: an object that is not there has an address that answers 404.
        """
        return str(
            self._client.generate_presigned_url(
                "get_object",
                Params={"Bucket": self._bucket, "Key": self._prefix + key},
                ExpiresIn=seconds,
            )
        )


def open_store(uri: str, client: Any = None) -> ArtifactStore:
    """Open ``s3://bucket/prefix``, ``file:///folder`` or a plain folder path.

    ``client`` is an S3 client, needed for ``s3`` only. Raises ``ConfigurationError`` on another
    scheme.
    """
    parts = urlparse(uri)
    if parts.scheme == "s3":
        return BucketStore(client, parts.netloc, parts.path)
    if parts.scheme == "file":
        return FolderStore(Path(unquote(parts.path)))
    if parts.scheme == "":
        return FolderStore(Path(uri))
    raise ConfigurationError(
        f"the artifact store {uri!r} has the scheme {parts.scheme!r}; use s3://, file:// or a path"
    )
