"""Restoring a dump into a running server, above all into the very cluster that the dump came from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dr.postgres.connection import connected
from tests.integration.cli.command import Dr
from tests.integration.conftest import TestServer


@pytest.fixture
def copy_name(backed_up: Dr, server: TestServer) -> Iterator[str]:
    """The name of a database that does not exist yet; whatever a test makes of it is dropped."""
    name = backed_up.environment["DATABASE_URL"].rpartition("/")[2] + "_copy"
    yield name
    with connected(server.admin) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


def exists(server: TestServer, name: str) -> bool:
    """Whether the server has such a database."""
    with connected(server.admin) as connection:
        return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None


def test_a_password_in_the_address_is_told_to_nobody(backed_up: Dr, server: TestServer, copy_name: str) -> None:
    """--to with a password: the dump is loaded, and the password is in no stream and in no record of the run."""
    recovered = backed_up("recover-db", "--to", server.url(copy_name), "--confirm", "coreflow360", "-v")
    with connected(server.server.url_for(copy_name)) as connection:
        row = connection.execute("SELECT count(*) FROM customers").fetchone()
    records = "".join(path.read_text() for path in Path(backed_up.environment["DR_BACKUP_ROOT"]).rglob("run_*.json"))

    assert recovered.code == 0, recovered.err
    assert row == {"count": 2000}
    assert "env:DR_TARGET_URL" in records
    for text in (recovered.out, recovered.err, records):
        assert server.password.reveal() not in text


@pytest.mark.incident("I4")
@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ([], "--confirm coreflow360"),
        (["--yes"], "--confirm coreflow360"),
        (["--confirm", "other"], "--dry-run"),
        (["--yes", "--confirm", "other"], "--dry-run"),
    ],
)
def test_the_production_cluster_wants_its_name(
    backed_up: Dr, server: TestServer, copy_name: str, arguments: list[str], hint: str
) -> None:
    """Neither silence, a plain yes nor another system's name restores into the cluster the backup came from."""
    refused = backed_up("recover-db", "--to", server.url(copy_name), *arguments, "--json")

    assert (refused.code, refused.document["error"]["type"]) == (11, "TargetRefused")
    assert hint in refused.document["error"]["hint"]
    assert not exists(server, copy_name)


@pytest.mark.incident("I4")
@pytest.mark.parametrize(("answer", "code"), [("coreflow360\n", 0), ("yes\n", 11)])
def test_a_person_types_the_name_of_the_production_system(
    backed_up: Dr, server: TestServer, copy_name: str, answer: str, code: int
) -> None:
    """On a terminal the name is asked for, --yes or not, and a plain yes is not the name."""
    ended = backed_up.asked(answer, "recover-db", "--to", server.url(copy_name), "--yes")

    assert ended.code == code, ended.err
    assert "** the production cluster **" in ended.out
    assert exists(server, copy_name) == (code == 0)


def test_auto_confirm_answers_even_for_the_production_cluster(
    backed_up: Dr, server: TestServer, copy_name: str
) -> None:
    """AUTO_CONFIRM=true is the guide's way to recover without a person."""
    recovered = backed_up("recover-db", "--to", server.url(copy_name), AUTO_CONFIRM="true")

    assert recovered.code == 0, recovered.err
    assert exists(server, copy_name)
