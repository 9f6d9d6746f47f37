"""The receivers of all channels, once for all tests of alerts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.endpoints.receivers import Receivers, receivers
from tests.integration.alerts.office import Office, office_at


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receivers]:
    """All providers."""
    with receivers(tmp_path_factory.mktemp("receivers")) as post:
        yield post


@pytest.fixture
def office(running: Receivers, tmp_path: Path) -> Office:
    """Nothing said, everybody well."""
    running.forget()
    return office_at(running, tmp_path)
