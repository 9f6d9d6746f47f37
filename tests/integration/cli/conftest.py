"""``dr`` with a system around it: a fresh one, or one that has been backed up already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli.command import Dr
from tests.integration.conftest import TestServer, made_database, operator_environment


@pytest.fixture
def dr(system_environment: dict[str, str], tmp_path: Path) -> Dr:
    """The command line of an operator whose system is a small database of its own."""
    return Dr(system_environment, tmp_path)


@pytest.fixture(scope="module")
def _backed_up(server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dr]:
    with made_database(server) as name:
        directory = tmp_path_factory.mktemp("backed-up")
        made = Dr(operator_environment(server, name, directory), directory)
        done = made("backup")
        assert done.code == 0, done.err
        yield made


@pytest.fixture
def backed_up(_backed_up: Dr, tmp_path: Path) -> Dr:
    """The same for a system that has a dump and a base backup; begun in a directory of the test's own."""
    return Dr({**_backed_up.environment, "DR_STATE_DIRECTORY": str(tmp_path / "state")}, tmp_path)
