"""Fixtures for tests that need an S3 endpoint: import them in a conftest.

::

    from tests.endpoints.fixtures import lying_endpoint, moto_endpoint, rclone_endpoint  # noqa: F401
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.endpoints.lying import LyingEndpoint
from tests.endpoints.serving import Endpoint, moto, rclone

__all__ = ["lying_endpoint", "moto_endpoint", "rclone_endpoint"]


@pytest.fixture(scope="session")
def moto_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """moto's server in a process of its own."""
    with moto(tmp_path_factory.mktemp("moto")) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def rclone_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """``rclone serve s3`` in a process of its own."""
    with rclone(tmp_path_factory.mktemp("rclone")) as endpoint:
        yield endpoint


@pytest.fixture
def lying_endpoint() -> Iterator[LyingEndpoint]:
    """An endpoint that misbehaves as the test tells it to."""
    with LyingEndpoint() as endpoint:
        yield endpoint
