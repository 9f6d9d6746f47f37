"""What is refused before anything is written or destroyed, and how the refusal reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.configuration.model import System
from dr.errors import (
    AuthenticationFailed,
    IdentityMismatch,
    PrivilegeMissing,
    RecoveryFailed,
    ServerUnreachable,
    TargetRefused,
    ToolError,
)
from dr.operations.back_up_cluster import back_up_cluster
from dr.operations.check_source import check_source
from dr.operations.find_backup import find_backup
from dr.operations.plan_recovery import choose, plan, require_confirmation
from dr.operations.restore import restore
from dr.operations.restore_cluster import restore_cluster
from dr.postgres.cluster import Server, create_cluster, running
from dr.postgres.connection import connected, with_database
from dr.postgres.installations import installed
from dr.secret import Secret
from tests.integration.engine.conftest import DATABASE, MAJORS, Site
from tests.integration.engine.procedures import make

SystemFor = Callable[..., System]


@pytest.mark.incident("I1")
@pytest.mark.parametrize(
    "client, server",
    [(client, server) for client in MAJORS for server in MAJORS if client < server],
    ids=lambda major: f"pg{major}",
)
def test_client_programs_older_than_the_server_are_refused_before_anything_is_written(
    client: int, server: int, system_for: SystemFor, tmp_path: Path
) -> None:
    """Every pair of installed majors: the error names both and what to install, and the store is untouched."""
    from tests.integration.engine.conftest import make_site

    old = next(item.directory for item in installed() if item.major == client)
    for newer in make_site(tmp_path / "site", server):
        system = system_for(newer.url, bin_directories=(old,))
        with pytest.raises(ToolError, match=f"PostgreSQL {server}") as caught:
            check_source(system, cloud=True)
        assert f"postgresql-client-{server}" in caught.value.hint
        assert not list((tmp_path / "backups").rglob("*.*"))


def test_a_wrong_password_and_a_wrong_host_are_told_apart(site: Site, system_for: SystemFor, tmp_path: Path) -> None:
    """One says to check the password, the other that nobody answers; only the second may be tried again."""
    create_cluster(tmp_path / "guarded", site.installation, "--auth-host=scram-sha-256")
    with running(tmp_path / "guarded", site.installation) as guarded:
        with connected(guarded.url) as connection:
            connection.execute("CREATE ROLE nobody_special NOLOGIN")
        denied = Secret(guarded.url.reveal().replace("user=postgres", "user=nobody_special"))
        with pytest.raises(AuthenticationFailed) as refused:
            check_source(system_for(with_database(denied, "postgres")), cloud=True)
    assert not refused.value.retryable
    with pytest.raises(ServerUnreachable) as gone:
        check_source(system_for(Secret("postgresql://x@127.0.0.1:1/db")), cloud=True)
    assert gone.value.retryable


def test_without_the_replication_right_a_dump_is_still_possible_and_the_report_says_so(
    site: Site, system_for: SystemFor
) -> None:
    """The base backup is refused with the statement that grants the right; the dump goes on."""
    with connected(site.url) as connection:
        connection.execute("DROP ROLE IF EXISTS reader_only")
        connection.execute("CREATE ROLE reader_only LOGIN IN ROLE pg_read_all_data")
    url = Secret(site.url.reveal().replace("user=postgres", "user=reader_only"))
    system = system_for(url)
    report = check_source(system, cloud=True)

    assert not report.physical
    assert "REPLICATION" in report.physical_reason
    with pytest.raises(PrivilegeMissing):
        back_up_cluster(system, run="test", cloud=True)


@pytest.mark.incident("I19")
def test_a_second_cluster_under_one_system_name_is_refused(
    site: Site, system_for: SystemFor, other_server: Server
) -> None:
    """The repository belongs to the first cluster; the error shows both identifiers."""
    system = system_for(site.url)
    check_source(system, cloud=True)
    make(system, Kind.DUMP)
    impostor = replace(system, postgres=replace(system.postgres, url=with_database(other_server.url, "postgres")))
    with pytest.raises(IdentityMismatch) as caught:
        check_source(impostor, cloud=True)
    assert "new system name" in caught.value.hint


@pytest.mark.incident("I4")
def test_nothing_is_restored_over_existing_files_or_a_running_server(
    site: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """A directory with files, one with a postmaster, and a file instead of a directory."""
    system = system_for(site.url)
    make(system, Kind.BASE)
    found = find_backup(system, "latest", Kind.BASE)
    with pytest.raises(TargetRefused, match="server runs"):
        restore_cluster(system, found, site.directory / "data")
    occupied = tmp_path / "occupied"
    occupied.mkdir()
    (occupied / "precious").write_text("keep me")
    with pytest.raises(TargetRefused, match="not empty"):
        restore_cluster(system, found, occupied)
    with pytest.raises(TargetRefused, match="is a file"):
        restore_cluster(system, found, occupied / "precious")
    assert (occupied / "precious").read_text() == "keep me"


@pytest.mark.incident("I4")
def test_the_production_cluster_wants_its_name_typed(site: Site, system_for: SystemFor) -> None:
    """A new database on the very cluster that was backed up: the plan says production, and only the name will do."""
    system = system_for(site.url)
    make(system, Kind.DUMP)
    chosen = choose(system, "latest", with_database(site.url, "beside").reveal())
    agreed = plan(system, chosen)

    assert agreed.production
    for typed in ("", "yes", "SHOP"):
        with pytest.raises(TargetRefused, match="production"):
            require_confirmation(system, agreed, typed)
    require_confirmation(system, agreed, "shop")
    require_confirmation(replace(system, auto_confirm=True), agreed, "")
    with pytest.raises(TargetRefused, match="not empty"):
        plan(system, choose(system, "latest", site.url.reveal()))


@pytest.mark.incident("I13")
def test_a_restore_that_meets_one_error_is_no_success_and_leaves_no_database(
    site: Site, system_for: SystemFor, other_server: Server
) -> None:
    """A statement that fails on the target (a role that may not exist there) fails the whole restore."""
    with connected(site.url) as connection:
        connection.execute("CREATE OR REPLACE FUNCTION broken() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        connection.execute("CREATE TABLE guarded (a int CHECK (a < broken() + 10))")
        connection.execute("INSERT INTO guarded VALUES (5)")
        connection.execute("CREATE OR REPLACE FUNCTION broken() RETURNS int LANGUAGE sql AS 'SELECT -100'")
    try:
        system = system_for(site.url)
        make(system, Kind.DUMP)
        chosen = choose(system, "latest", with_database(other_server.url, DATABASE).reveal())
        with pytest.raises(RecoveryFailed, match="failed") as caught:
            restore(system, chosen)
        assert "guarded" in caught.value.detail
        with connected(other_server.url) as connection:
            rows = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchall()
        assert rows == []
    finally:
        with connected(site.url) as connection:
            connection.execute("DROP TABLE guarded")
            connection.execute("DROP FUNCTION broken")
