"""The same judgements on what a real server makes: its base backup, its dump, its error messages.

One small server for all of them; whole backups and recoveries are tested in tests/integration.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dr.errors import BackupInvalid, RecoveryFailed
from dr.pipeline.process import run
from dr.postgres.backup_manifest import verify_files
from dr.postgres.cluster import Recipe, Server, create_cluster, running
from dr.postgres.connection import client_environment, connected
from dr.postgres.dump_scan import DumpScanner
from dr.postgres.inspection import dumped_tables
from dr.postgres.installations import Installation, installed
from dr.postgres.sql_restore import existing_roles, run_script, without_existing_roles
from tests.unit.postgres.dumps import NASTY, TEXTS
from tests.unit.postgres.manifests import make_backup, peer_verdict, working_peer


@dataclass(frozen=True, slots=True)
class Made:
    """A running server with hostile names and data, its dump, and its base backup."""

    installation: Installation
    server: Server
    dump: bytes
    backup: Path
    peer: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Iterator[Made]:
    """Of a PostgreSQL whose pg_verifybackup works."""
    folder = tmp_path_factory.mktemp("server")
    peer = working_peer(make_backup(folder / "model"))
    installation = next(item for item in installed() if item.directory == peer.parent)
    create_cluster(folder / "data", installation, "--wal-segsize=1")
    with running(folder / "data", installation, Recipe(settings={"fsync": "off"})) as server:
        with connected(server.url, database="postgres") as connection:
            for name in NASTY:
                quoted = name.replace('"', '""')
                connection.execute(f'CREATE TABLE "{quoted}" (value text)'.encode())
                with connection.cursor() as cursor:
                    insert = f'INSERT INTO "{quoted}" VALUES (%s)'.encode()  # noqa: S608 - names are the test
                    cursor.executemany(insert, [(text,) for text in TEXTS])
            connection.execute("CREATE TABLE parent (id int) PARTITION BY RANGE (id)")
            connection.execute("SELECT lo_from_bytea(0, 'x'), lo_from_bytea(0, 'y')")
        environment = client_environment(server.url, "postgres")
        copy = ("--pgdata", folder / "backup", "--checkpoint=fast", "--no-sync")
        ended, _ = run(
            "pg_basebackup",
            (installation.program("pg_basebackup"), *copy),
            environment=environment,
            account=server.account,
        )
        assert ended.ok, str(ended)
        ended, text = run("pg_dump", (installation.program("pg_dump"), "--encoding=UTF8"), environment=environment)
        assert ended.ok, str(ended)
        yield Made(installation, server, text.encode(), folder / "backup", peer)


def test_a_real_base_backup_is_judged_as_pg_verifybackup_judges_it(made, tmp_path):
    """As it was made, and with one bit of one relation flipped."""
    assert peer_verdict(made.peer, made.backup)[0]
    verify_files(made.backup)

    damaged = shutil.copytree(made.backup, tmp_path / "damaged")
    relation = max((damaged / "base").rglob("[0-9]*"), key=lambda file: file.stat().st_size)
    data = bytearray(relation.read_bytes())
    data[len(data) // 2] ^= 1
    relation.write_bytes(data)

    assert not peer_verdict(made.peer, damaged)[0]
    with pytest.raises(BackupInvalid, match="1 files restored into") as caught:
        verify_files(damaged)
    assert f"{relation.relative_to(damaged)} has other content" in caught.value.detail


def test_a_real_dump_is_read_completely_in_whatever_chunks(made):
    """Every table that the server says a dump must hold, with all its rows, whatever its name and data look like."""
    with connected(made.server.url, database="postgres") as connection:
        wanted = {table.name: len(TEXTS) if table.has_rows else 0 for table in dumped_tables(connection)}
    whole = DumpScanner()
    whole.feed(made.dump)

    assert {table.name: table.rows for table in whole.contents().tables} == wanted
    assert len(wanted) == len(NASTY) + 1
    assert whole.contents().large_objects == 2
    assert whole.complete
    for size in (1, 97, 4096):
        scanner = DumpScanner()
        for at in range(0, len(made.dump), size):
            scanner.feed(made.dump[at : at + size])
        assert scanner.contents() == whole.contents()
        assert scanner.complete


def test_globals_run_against_a_real_server_that_has_some_of_the_roles(made):
    """Again and again: what is there already is expected, and left as it is."""
    text = "CREATE ROLE app;\nALTER ROLE app WITH NOLOGIN;\nCREATE ROLE postgres;\n"
    for _ in range(2):
        run_script(made.server.url, made.installation, "postgres", text, "the globals")

    roles = existing_roles(made.server.url, "postgres")
    assert {"app", "postgres"} <= roles
    assert without_existing_roles(text, roles) == ""


@pytest.mark.incident("I13")
def test_a_real_error_among_the_globals_is_told(made):
    """psql goes on and ends with status 0: only its messages tell."""
    text = "CREATE ROLE other;\nGRANT nobody_of_that_name TO other;\n"

    with pytest.raises(RecoveryFailed, match="restoring the globals failed") as caught:
        run_script(made.server.url, made.installation, "postgres", text, "the globals")

    assert "nobody_of_that_name" in caught.value.detail


@pytest.mark.incident("I13")
def test_a_real_server_that_cannot_be_reached_is_told(made):
    """psql's own error has no SQLSTATE; its exit status counts."""
    with pytest.raises(RecoveryFailed):
        run_script(made.server.url, made.installation, "no such database", "SELECT 1;\n", "the globals")
