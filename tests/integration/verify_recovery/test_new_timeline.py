"""A server that was promoted: its WAL on the new timeline arrives, it is backed up, and what is wrong is told."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.configuration.model import PostgresSettings, StoreSettings, System
from dr.operations.repositories import open_repository
from dr.operations.verify_recovery.archiving import wal_arrives
from dr.operations.verify_recovery.backup import back_up_recovered
from dr.operations.verify_recovery.expectation import find_expectation
from dr.operations.verify_recovery.verify import verify_recovery
from dr.policy.recovered_state import Said, State
from dr.postgres.connection import connected
from dr.secret import Secret
from tests.integration.engine.procedures import make
from tests.integration.verify_recovery.shop import asked, failed, finding, new_shop, said
from tests.integration.wal.plant import Plant, Site, majors, receiving
from tests.unit.crypto.keyrings import People


def promote(plant: Plant) -> None:
    """End its timeline and begin the next, as every recovery does."""
    plant.end()
    (plant.directory / "standby.signal").touch()
    plant.begin()
    plant.execute("SELECT pg_promote(true, 60)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, people: People) -> Iterator[Site]:
    """A shop that was backed up on timeline 1 and promoted to timeline 2 since, in which an order was written."""
    with new_shop(tmp_path_factory.mktemp("promoted"), majors()[-1], people) as made:
        make(made.system, Kind.DUMP)
        promote(made.plant)
        made.plant.execute("INSERT INTO orders (customer, note) VALUES (1, 'on timeline 2')")
        yield made


@pytest.fixture(scope="module")
def received(site: Site) -> Iterator[Site]:
    """The same, its WAL received."""
    with receiving(site):
        yield site


def test_no_receiver_fails_with_the_command_to_start_it(site: Site) -> None:
    """Nothing is waited for."""
    found = wal_arrives(site.system, 30, run="t")

    assert found.said is Said.FAILED
    assert "dr wal receive --system shop" in found.mend


@pytest.mark.incident("I13")
def test_a_promoted_server_is_verified_with_its_backup_and_its_wal(received: Site) -> None:
    """Green, compared with the backup from before; the base backup and the WAL are of the new timeline, and there."""
    found = verify_recovery(received.system, run="t")
    place = received.directory / "backups" / "shop"

    assert found.judged.state is State.RECOVERED, found.judged.reasons
    assert found.expected.startswith("backup_")
    assert found.backup.startswith("base_")
    assert "timeline 2, 1 was before" in finding(found, "timeline").detail
    assert list((place / "base" / found.backup).glob("base.manifest.json"))
    assert list((place / "wal" / "00000002").glob("00000002*.zst.gpg"))
    assert "timeline 2" in finding(found, "WAL").detail


def test_a_receiver_whose_store_is_away_fails_in_time(received: Site, tmp_path: Path) -> None:
    """A receiver runs, and nothing arrives where this system looks: said so when the limit is over."""
    elsewhere = (StoreSettings("elsewhere", "local", path=tmp_path / "elsewhere"),)
    found = wal_arrives(replace(received.system, stores=elsewhere), 2, run="t")

    assert found.said is Said.FAILED
    assert "came into no store within 2 s" in found.detail


def test_one_store_of_two_that_has_it_not_leaves_it_open(received: Site, tmp_path: Path) -> None:
    """It can be recovered, but not from everywhere."""
    both = (*received.stores, StoreSettings("second", "local", path=tmp_path / "second"))

    found = wal_arrives(replace(received.system, stores=both), 4, run="t")

    assert found.said is Said.UNPROVEN
    assert "not in second" in found.detail


def test_the_expectation_is_a_backup_from_before_the_recovered_moment(site: Site) -> None:
    """Dumps from since the recovery, or from behind the point where timelines part, are passed over."""
    expected = find_expectation(site.system)
    assert expected is not None
    dumped = make(site.system, Kind.DUMP)
    same = find_expectation(site.system)
    assert same is not None
    promote(site.plant)
    newer = find_expectation(site.system)
    assert newer is not None
    behind = make(site.system, Kind.DUMP)
    rewound = _as_if_written_on_timeline(site.system, behind.label, 2)

    assert same.origin == expected.origin
    assert newer.origin == dumped.label
    assert newer.rights is not None
    assert "clerk in office" in newer.rights.memberships
    assert newer.extensions == {"plpgsql": "1.0"}
    after = find_expectation(site.system)
    assert after is not None
    assert after.origin == newer.origin, rewound


def test_what_was_found_wrong_is_not_backed_up_and_wrong_again(site: Site) -> None:
    """Rows are missing: the second verification says so as well, for neither a backup nor WAL was made of that."""
    labels = {backup.label for backup in open_repository(site.system).list().backups}
    site.plant.execute("CREATE TABLE aside AS SELECT * FROM invoices", "DELETE FROM invoices WHERE total > 18")
    try:
        first = verify_recovery(site.system, run="t")
        second = verify_recovery(site.system, run="t")
    finally:
        site.plant.execute("TRUNCATE invoices", "INSERT INTO invoices SELECT * FROM aside", "DROP TABLE aside")

    for found in (first, second):
        assert failed(found) == {"rows"}
        assert (said(found, "backup"), said(found, "WAL")) == (Said.UNPROVEN, Said.UNPROVEN)
        assert "first mend rows" in finding(found, "backup").detail
    assert {backup.label for backup in open_repository(site.system).list().backups} == labels


def test_a_server_that_hangs_after_the_connection_is_not_waited_for(site: Site) -> None:
    """It says neither who it is nor where: nothing to compare with, and that in time."""
    with connected(site.plant.url, autocommit=False) as other:
        other.execute("SET allow_system_table_mods = on")
        other.execute("ALTER VIEW pg_catalog.pg_roles SET (security_barrier = true)")
        begin = time.monotonic()
        expected = find_expectation(site.system, server_seconds=1.0)
        took = time.monotonic() - begin
        other.rollback()

    assert expected is None
    assert took < 5


def test_a_server_that_is_behind_the_stores_is_told(site: Site) -> None:
    """The stores have WAL of a later timeline: another server was promoted after this one."""
    index = site.directory / "backups" / "shop" / "wal-index"
    block = next((index / "00000002").glob("0*.json"))
    later = index / "00000009"
    later.mkdir()
    (later / block.name).write_bytes(block.read_bytes())
    try:
        found = asked(site.system, find_expectation(site.system))
    finally:
        (later / block.name).unlink()
        later.rmdir()

    assert failed(found) == {"timeline"}
    assert "the stores have WAL of timeline 9" in finding(found, "timeline").detail


def test_a_server_in_recovery_is_not_recovered(site: Site) -> None:
    """It answers, and takes no writes."""
    site.plant.end()
    (site.plant.directory / "standby.signal").touch()
    site.plant.begin()
    try:
        found = asked(site.system)
        wal = wal_arrives(site.system, 2, run="t")
    finally:
        site.plant.execute("SELECT pg_promote(true, 60)")

    assert said(found, "database is writable") is Said.FAILED
    assert "pg_promote" in finding(found, "database is writable").mend
    assert wal.said is Said.FAILED


def test_a_backup_that_cannot_be_taken_fails_and_says_why(site: Site, tmp_path: Path) -> None:
    """The repository of another cluster is not written to."""
    other = tmp_path / "backups"
    (other / "shop").mkdir(parents=True)
    (other / "shop" / "system.json").write_text(
        '{"system": "shop", "system_identifier": "1", "created": "2026-01-01T00:00:00+00:00"}'
    )
    stores = (StoreSettings("local", "local", path=other),)

    found, label = back_up_recovered(replace(site.system, stores=stores), run="t")

    assert (found.said, label) == (Said.FAILED, "")
    assert "another cluster" in found.detail or "belongs to" in found.detail


def test_a_role_that_may_only_read_still_proves_that_commits_work(site: Site) -> None:
    """Its canary cannot be written; a message is committed to the WAL, which tells as much of the server."""
    site.plant.execute("CREATE ROLE looker LOGIN", "GRANT pg_read_all_data TO looker")
    url = Secret(f"host=127.0.0.1 port={site.plant.port} user=looker dbname=postgres")
    system = replace(site.system, postgres=PostgresSettings(url))

    found = asked(system)

    assert said(found, "database is writable") is Said.PASSED
    assert "may not write rows" in finding(found, "database is writable").detail
    assert failed(found) == set()


def test_a_table_that_the_role_may_not_read_is_left_open_with_the_grant_that_lacks(site: Site) -> None:
    """Nobody knows how many rows it has: that is no failure of the system, and not green."""
    site.plant.execute("CREATE ROLE stranger LOGIN")
    url = Secret(f"host=127.0.0.1 port={site.plant.port} user=stranger dbname=postgres")

    found = asked(replace(site.system, postgres=PostgresSettings(url)))

    assert said(found, "readable") is Said.UNPROVEN
    assert "pg_read_all_data" in finding(found, "readable").mend
    assert found.judged.state is State.UNPROVEN


def _as_if_written_on_timeline(system: System, label: str, timeline: int) -> str:
    """Change what a manifest says of its place: behind the point where that timeline was left."""
    (store,) = system.stores
    assert store.path is not None
    file = next((store.path / system.name / "database").glob(f"{label}.manifest.json"))
    document = json.loads(file.read_text())
    document["snapshot"]["timeline"] = timeline
    file.write_text(json.dumps(document))
    return label
