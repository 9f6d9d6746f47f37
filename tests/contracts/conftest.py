"""The stores that the contract is held against, each in a fresh place."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dr.configuration.model import StoreSettings
from dr.storage.faults import FaultyStore
from dr.storage.keys import PARTIAL_PREFIX
from dr.storage.opening import open_store
from dr.storage.protocol import Store
from tests.endpoints.fixtures import lying_endpoint, moto_endpoint, rclone_endpoint
from tests.endpoints.serving import Endpoint

__all__ = ["lying_endpoint", "moto_endpoint", "rclone_endpoint"]


@dataclass(frozen=True, slots=True)
class Subject:
    """A store under test. ``leftovers`` tells what unfinished writes have left there."""

    kind: str
    store: Store
    settings: StoreSettings
    leftovers: Callable[[], list[str]]

    @property
    def exclusive(self) -> bool:
        """rclone ignores If-None-Match, so the store must refuse to create there."""
        return self.kind != "rclone"

    def again(self) -> Store:
        """Another store object on the same place, as another process would have it."""
        return open_store(self.settings)


def _local(path: Path, *, faulty: bool = False) -> Subject:
    settings = StoreSettings("local", "local", path=path / "store")
    store = open_store(settings)

    def leftovers() -> list[str]:
        return [str(partial) for partial in path.rglob(f"{PARTIAL_PREFIX}*")]

    return Subject("faulty" if faulty else "local", FaultyStore(store) if faulty else store, settings, leftovers)


def _s3(kind: str, endpoint: Endpoint) -> Subject:
    bucket = endpoint.new_bucket()
    settings = endpoint.settings(bucket, prefix="nightly/copies")

    def leftovers() -> list[str]:
        client = endpoint.client()
        try:
            return [upload["Key"] for upload in client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])]
        except client.exceptions.NoSuchUpload:  # rclone's answer where there never was an upload
            return []

    return Subject(kind, open_store(settings), settings, leftovers)


@pytest.fixture(params=["local", "moto", "rclone", "faulty"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    """Each store in turn: a directory, S3 on two independent endpoints, and the fault wrapper with no fault armed."""
    if request.param in ("local", "faulty"):
        return _local(tmp_path, faulty=request.param == "faulty")
    return _s3(request.param, request.getfixturevalue(f"{request.param}_endpoint"))


@pytest.fixture(params=["local", "moto", "rclone"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    """As ``subject``, without the wrapper: where leases are kept."""
    if request.param == "local":
        return _local(tmp_path)
    return _s3(request.param, request.getfixturevalue(f"{request.param}_endpoint"))


@pytest.fixture(scope="session")
def random_bytes() -> bytes:
    """40 MiB that do not compress."""
    return os.urandom(40 << 20)
