"""The two procedures as a whole, on the plain runner, each run in a process of its own as the CLI does it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dr.catalog.runs import Place, RunFacts, facts_of
from dr.postgres.cluster import Recipe, create_cluster, running
from dr.postgres.connection import connected
from dr.postgres.installations import installed, server_for
from dr.secret import Secret
from tests.integration.flows.host import Host


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secret]:
    """A server with one database and a role that may only read it."""
    directory = tmp_path_factory.mktemp("server")
    installation = server_for(max(item.major for item in installed() if item.has_server))
    create_cluster(directory / "data", installation)
    with running(directory / "data", installation, Recipe({"wal_level": "replica"})) as server:
        with connected(server.url) as connection:
            connection.execute("CREATE DATABASE shop")
            connection.execute("CREATE ROLE reader LOGIN IN ROLE pg_read_all_data")
        with connected(server.url_for("shop")) as connection:
            connection.execute("CREATE TABLE items AS SELECT sha512(i::text::bytea) FROM generate_series(1, 400000) i")
        yield server.url_for("shop")


@pytest.fixture
def host(url: Secret, tmp_path: Path) -> Host:
    """A backup host with an empty repository."""
    return Host(url, tmp_path)


def test_a_backup_run_shows_its_steps_and_a_recovery_its_phases(host: Host, tmp_path: Path) -> None:
    """Backup, then recovery of the latest, with the tables that people see in the run."""
    made = host.run("daily_backup")
    assert made["error"] is None
    assert made["steps"] == [
        "check the source",
        "copy the cluster",
        "read it back",
        "publish the backup",
        "dump the database",
        "read it back",
        "publish the backup",
        "expire local copies",
    ]
    assert [row["proven"] for row in made["artifacts"]["backups"]] == ["listed", "listed"]

    recovered = host.run("recover_database", to=str(tmp_path / "copy"))
    assert recovered["error"] is None
    phases = [row["phase"] for row in recovered["artifacts"]["recovery-phases"]]
    wanted = [
        "RTO",
        "RPO",
        "find",
        "fetch",
        "decrypt",
        "decompress",
        "restore",
        "verify files",
        "replay",
        "boot",
        "check",
    ]
    assert phases == wanted
    assert host.files("run_*.json"), "each run's record is kept in the repository"


@pytest.mark.incident("I25")
def test_of_two_backups_at_once_one_is_refused_and_says_who_is_at_work(host: Host) -> None:
    """The second refuses with LeaseHeld; afterwards the lease is free again."""
    first = host.begin("daily_backup")
    end = time.monotonic() + 30
    while not host.files("base.tar*") and not host.files("*.sql.gz*") and time.monotonic() < end:
        time.sleep(0.01)
    second = host.run("daily_backup")
    assert host.end(first)["error"] is None
    assert second["error"] == "LeaseHeld"
    assert "is held by" in str(second["message"])
    assert host.run("daily_backup", kind="dump")["error"] is None
    (refused,) = [facts for facts in facts_in(host) if facts.refused]
    assert refused.missed == (), "monitoring counts no backup as failed that another run was making"


def facts_in(host: Host) -> list[RunFacts]:
    """What monitoring takes from the records in the repository."""
    return [facts_of(file.read_bytes(), str(file)) for file in host.files("run_*.json")]


def test_without_the_replication_right_the_dump_is_made_and_the_run_says_what_is_missing(host: Host) -> None:
    """PartialBackup: the dump is safe, the base backup is named with the right that it lacks."""
    host.environment["DATABASE_URL"] = host.environment["DATABASE_URL"].replace("user=postgres", "user=reader")
    result = host.run("daily_backup")

    assert result["error"] == "PartialBackup"
    assert "safe: backup_" in str(result["message"])
    assert "REPLICATION" in str(result["detail"])
    assert len(host.files("backup_*.manifest.json")) == 1
    assert not host.files("base.manifest.json")
    (facts,) = facts_in(host)
    assert facts.made == (Place("dump", "local"),)
    assert facts.missed == (Place("base", "local"),)


def test_an_expiry_that_fails_last_hides_nothing_that_failed_before(host: Host) -> None:
    """The dump is safe, no base backup could be made, and the expiry was refused: the end tells all three."""
    host.environment["DATABASE_URL"] = host.environment["DATABASE_URL"].replace("user=postgres", "user=reader")
    result = host.run("daily_backup", retention_days=-1)

    assert result["error"] == "PartialBackup"
    assert "safe: backup_" in str(result["message"])
    assert "REPLICATION" in str(result["detail"])
    assert "expiry: retention of -1 days makes no sense" in str(result["detail"])
    assert [row["kind"] for row in result["artifacts"]["backups"]] == ["dump"]


def test_a_dry_run_stops_after_the_plan(host: Host, tmp_path: Path) -> None:
    """Nothing is made in the target."""
    host.run("daily_backup", kind="base")
    result = host.run("recover_database", to=str(tmp_path / "copy"), dry_run=True)
    assert result["steps"] == ["find the backup", "plan the recovery", "see who is in charge"]
    assert "step 1" in result["artifacts"]["recovery-plan"]
    assert not (tmp_path / "copy").exists()


@pytest.mark.incident("I6")
def test_a_time_without_a_zone_is_refused(host: Host, tmp_path: Path) -> None:
    """Nobody recovers to the wrong hour because a time could be read in two ways."""
    host.run("daily_backup", kind="base")
    result = host.run("recover_database", to=str(tmp_path / "copy"), disaster_at="2026-01-31T02:00:00")
    assert result["error"] == "ConfigurationError"
    assert "zone" in str(result["message"])


def test_an_unreachable_server_fails_the_run_after_its_retries(host: Host) -> None:
    """The step is tried again as often as its policy says, because its error says that this can help."""
    host.environment["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/shop"
    result = host.run("daily_backup")
    assert result["error"] == "ServerUnreachable"
    assert result["steps"] == ["check the source"] * 3


def test_the_scheduled_drills_make_every_drill_that_applies(host: Host) -> None:
    """Without WAL there is nothing to reconcile; the others are green, and one red drill does not stop the next."""
    host.configure('[system.shop.wal]\nmethod = "none"\n')
    assert host.run("daily_backup")["error"] is None

    weekly = host.run("database_recovery_test")

    assert weekly["error"] is None, weekly
    outcomes = {row["drill"]: row["outcome"] for row in weekly["artifacts"]["drills"]}
    assert outcomes["physical"] == outcomes["logical"] == "recoverable"

    (archive,) = (host.directory / "backups").rglob("base.tar.*.gpg")
    archive.unlink()
    monthly = host.run("full_dr_test")

    outcomes = {row["drill"]: row["outcome"] for row in monthly["artifacts"]["drills"]}
    assert monthly["error"] == "RecoveryFailed"
    assert outcomes["physical"] == "RecoveryFailed"
    assert outcomes["logical"] == "recoverable"


def test_a_data_centre_outage_without_another_region_cannot_be_drilled(host: Host) -> None:
    """It says so, and what to add; it is no verdict on the backups."""
    assert host.run("daily_backup")["error"] is None

    outage = host.run("dr_test")

    assert outage["error"] == "DrillInconclusive"
    assert "no store in another region" in str(outage["message"])


def test_the_weekly_verification_goes_through_everything(host: Host) -> None:
    """Copies, keys, the restore of a sample, and how every kind stands afterwards."""
    escrow = host.directory / "escrow"
    escrow.write_text(host.use_passphrase())
    host.configure(f'[system.shop.custody]\npassphrase_file = "{escrow}"\n[system.shop.wal]\nmethod = "none"\n')
    assert host.run("daily_backup")["error"] is None

    weekly = host.run("verification")

    assert weekly["error"] is None, weekly
    shown = weekly["artifacts"]
    assert {row["outcome"] for row in shown["verification-copies"]} == {"passed"}
    assert {row["answer"] for row in shown["verification-keys"]} == {"passed"}
    kinds = {row["what"]: row["proven"] for row in shown["verification-kinds"]}
    assert "queried" in kinds.values()
    assert len(shown["drills"]) == 1

    escrow.write_text("another passphrase altogether")
    assert host.run("verification")["error"] == "KeyUnusable"
