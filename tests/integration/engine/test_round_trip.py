"""Backups come back as they went, on every installed major."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.catalog.manifest import Level
from dr.configuration.model import StoreSettings, System
from dr.operations.check_recovery import check_cluster, check_copy
from dr.operations.find_backup import find_backup
from dr.operations.plan_recovery import choose
from dr.operations.repositories import open_repository
from dr.operations.restore import restore
from dr.operations.restore_cluster import restore_cluster
from dr.postgres.cluster import create_cluster, running
from dr.postgres.connection import connected
from dr.postgres.inspection import scalar
from tests.endpoints.serving import Endpoint
from tests.integration.engine.conftest import DATABASE, Site
from tests.integration.engine.procedures import digests, make

SystemFor = Callable[..., System]


@pytest.mark.incident("I37")
def test_a_dump_restores_every_table_with_its_content_into_a_new_server(
    any_site: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """Large objects, partitions, generated columns, sequences, owners and odd names survive a dump and its restore."""
    system = system_for(any_site.url)
    published = make(system, Kind.DUMP)
    create_cluster(tmp_path / "new", any_site.installation)
    with running(tmp_path / "new", any_site.installation) as new:
        url = new.url_for(DATABASE)
        chosen = choose(system, published.label, url.reveal())
        restored = restore(system, chosen)
        checked = check_copy(system, chosen.found.manifest, chosen.target)
        checked.require(published.label)

        assert restored.store == "local"
        assert published.level == Level.LISTED.name.lower()
        assert digests(url) == digests(any_site.url)
        with connected(url) as connection:
            assert (
                scalar(connection, "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'users'") == "clerk"
            )
            assert scalar(connection, "SELECT last_value FROM numbers") == 500
            assert scalar(connection, "SELECT encode(lo_get(oid), 'escape') FROM pg_largeobject_metadata") is not None
            assert scalar(connection, "SHOW work_mem") == "7MB"
            assert scalar(connection, "SELECT count(*) FROM pg_roles WHERE rolname = 'Frau Müller'") == 1


@pytest.mark.incident("I37")
def test_a_base_backup_restores_the_cluster_with_its_tablespaces(
    any_site: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """The copy boots, is the same cluster, has left recovery, and its tablespace lies in a new place."""
    space = tmp_path / "space"
    space.mkdir()
    space.chmod(0o777)
    with connected(any_site.url) as connection:
        connection.execute(f"CREATE TABLESPACE fast LOCATION '{space}'")
        connection.execute("CREATE TABLE in_space TABLESPACE fast AS SELECT i FROM generate_series(1, 1000) AS i")
    try:
        system = system_for(any_site.url)
        published = make(system, Kind.BASE)
        before = digests(any_site.url)
        found = find_backup(system, published.label, None)
        restored = restore_cluster(system, found, tmp_path / "copy")
        check_cluster(system, found.manifest, tmp_path / "copy").require(published.label)

        (new_place,) = restored.tablespaces.values()
        assert str(space) not in new_place
        with running(tmp_path / "copy", any_site.installation) as copy:
            # Unlogged tables come back empty after recovery; that is PostgreSQL's promise, not a loss.
            kept = [item for item in before if item.table != "public.fleeting"]
            assert [item for item in digests(copy.url_for(DATABASE)) if item.table != "public.fleeting"] == kept
            with connected(copy.url) as connection:
                assert scalar(connection, "SELECT timeline_id FROM pg_control_checkpoint()") == 2
    finally:
        with connected(any_site.url) as connection:
            connection.execute("DROP TABLE in_space")
            connection.execute("DROP TABLESPACE fast")


def test_one_pass_stores_the_same_object_locally_and_in_s3(
    site: Site, system_for: SystemFor, tmp_path: Path, moto_endpoint: Endpoint
) -> None:
    """Both stores hold the backup, the manifest says so, and the cloud copy alone restores."""
    local = StoreSettings("local", "local", path=tmp_path / "backups")
    cloud = moto_endpoint.settings(moto_endpoint.new_bucket(), storage_class="STANDARD_IA")
    system = system_for(site.url, local, cloud)
    published = make(system, Kind.BASE)
    repository = open_repository(system)
    objects = find_backup(system, published.label, None).manifest.objects

    assert set(published.stores) == {"local", "cloud"}
    for item in objects:
        assert repository.store("local").read_bytes(item.key) == repository.store("cloud").read_bytes(item.key)
        assert repository.store("cloud").head(item.key).storage_class == "STANDARD_IA"

    only_cloud = replace(system, stores=(cloud,))
    found = find_backup(only_cloud, "latest", Kind.BASE)
    restore_cluster(only_cloud, found, tmp_path / "copy")
    check_cluster(only_cloud, found.manifest, tmp_path / "copy").require(published.label)
