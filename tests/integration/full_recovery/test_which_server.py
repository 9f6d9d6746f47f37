"""Only the server that was recovered is taken for it: neither another cluster, nor the lost one that is half alive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dr.configuration.model import PostgresSettings, System
from dr.errors import ServerUnreachable
from dr.operations.full_recovery.database import RecoveredDatabase, _identified
from dr.operations.full_recovery.services import another_server
from dr.postgres.cluster import create_cluster
from dr.postgres.installations import Installation
from dr.secret import Secret
from tests.integration.conftest import TestServer, free_port
from tests.unit.operations.places import system


@pytest.fixture
def mine(server: TestServer, tmp_path: Path) -> System:
    """Whose postgres.url leads to the server."""
    return replace(system(tmp_path), postgres=PostgresSettings(Secret(server.url("postgres"))))


def recovered(mine: System, server: TestServer, installation: Installation) -> RecoveredDatabase:
    """As its directory's control file has it."""
    directory = str(server.server.data_directory)
    found = RecoveredDatabase(
        "base", directory, "local", installation.major, "postgres", "postgres", 1, 1, (), None, None, "", (), ()
    )
    return _identified(mine, found)


def test_the_recovered_server_is_told_from_every_other(
    mine: System, server: TestServer, installation: Installation
) -> None:
    """By its identifier, and from the lost one, which has the same, by the timeline that a recovery begins."""
    same = recovered(mine, server, installation)
    restored_anew = replace(same, timeline=(same.timeline or 0) + 1)
    other = replace(same, identifier="7000000000000000000")

    assert same.identifier.isdigit()
    assert another_server(mine, same, must_answer=True) == ""
    assert "timeline" in another_server(mine, restored_anew, must_answer=True)
    assert "system identifier" in another_server(mine, other, must_answer=True)


def test_nobody_there_is_no_other_server_unless_it_was_started_by_us(
    mine: System, server: TestServer, installation: Installation
) -> None:
    """People start it themselves where no service is set."""
    same = recovered(mine, server, installation)
    silent = replace(mine, postgres=PostgresSettings(Secret(f"postgresql://keeper@127.0.0.1:{free_port()}/postgres")))

    assert another_server(silent, same, must_answer=False) == ""
    with pytest.raises(ServerUnreachable):
        another_server(silent, same, must_answer=True)


def test_a_server_that_is_made_for_a_dump_lets_nobody_in_without_proof(
    installation: Installation, tmp_path: Path
) -> None:
    """It goes into service as it is."""
    create_cluster(tmp_path / "data", installation, in_service=True)
    lines = (tmp_path / "data" / "pg_hba.conf").read_text().splitlines()
    methods = {line.split()[-1] for line in lines if line.strip() and not line.startswith("#")}

    assert methods == {"peer", "scram-sha-256"}
