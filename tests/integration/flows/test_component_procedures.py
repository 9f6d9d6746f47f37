"""The backups of what is beside the database, each procedure whole, on the plain runner in a process of its own."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dr.postgres.cluster import Recipe, create_cluster, running
from dr.postgres.connection import connected
from dr.postgres.installations import installed, server_for
from dr.secret import Secret
from tests.integration.flows.host import Host


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secret]:
    """A server whose rows name uploads."""
    directory = tmp_path_factory.mktemp("server")
    installation = server_for(max(item.major for item in installed() if item.has_server))
    create_cluster(directory / "data", installation)
    with running(directory / "data", installation, Recipe({"wal_level": "replica"})) as server:
        with connected(server.url) as connection:
            connection.execute("CREATE DATABASE shop")
        with connected(server.url_for("shop")) as connection:
            connection.execute(
                "CREATE TABLE uploads AS SELECT format('%s.txt', i) AS path FROM generate_series(1, 9) i"
            )
        yield server.url_for("shop")


@pytest.fixture
def host(url: Secret, tmp_path: Path) -> Host:
    """A host with uploads, configuration and a repository of code; the database is dumped and nothing keeps its WAL."""
    for number in range(1, 10):
        (tmp_path / "uploads").mkdir(exist_ok=True)
        (tmp_path / "uploads" / f"{number}.txt").write_text(f"upload {number}")
    (tmp_path / "app.env").write_text("MODE=production\n")
    code = tmp_path / "code"
    git = ("git", "-C", code, "-c", "user.name=tester", "-c", "user.email=tester@example.org")
    subprocess.run(("git", "init", "--quiet", code), check=True)
    subprocess.run((*git, "commit", "--quiet", "--allow-empty", "-m", "Begin"), check=True)
    (tmp_path / "references.sql").write_text("SELECT path FROM uploads")
    host = Host(url, tmp_path)
    host.configure(
        f"""
[system.shop.wal]
method = "none"
[system.shop.files]
directories = ["{tmp_path / "uploads"}"]
[system.shop.config]
paths = ["{tmp_path / "app.env"}"]
[system.shop.code]
repositories = ["{code}"]
[system.shop.point]
references = "{tmp_path / "references.sql"}"
wait_seconds = 1
"""
    )
    return host


def test_an_application_backup_ends_with_one_point_over_everything(host: Host) -> None:
    """Every kind is stored, read back, published; the point names them, and the files that rows speak of are there."""
    assert host.run("daily_backup", kind="dump")["error"] is None

    made = host.run("application_backup")

    assert made["error"] is None, made
    shown = made["artifacts"]
    assert {row["backup"].split("_")[0]: row["proven"] for row in shown["backups"]} == {
        "files": "listed",
        "config": "listed",
        "code": "listed",
        "point": "listed",
    }
    assert {row["part"] for row in shown["recovery-point"]} == {"database", "files", "config", "code"}
    assert "9 of 9 files named by rows are there" in shown["recovery-point-report"]
    assert "no WAL is kept of this server" in shown["recovery-point-report"], "the dump stands in, and that is told"
    assert made["steps"][:2] == ["which components there are", "mark the database's position"]
    assert "back up file uploads" in made["steps"]


def test_a_part_that_fails_does_not_stop_the_others_and_nothing_expires(host: Host) -> None:
    """The run names what is missing, and the point has the part's last good backup."""
    assert host.run("daily_backup", kind="dump")["error"] is None
    host.run("application_backup")
    shutil.rmtree(host.directory / "code")

    made = host.run("application_backup")

    assert made["error"] == "PartialBackup"
    assert "code repositories" in str(made["detail"])
    kinds = [row["backup"].split("_")[0] for row in made["artifacts"]["backups"]]
    assert kinds == ["files", "config", "point"]
    (code,) = [row for row in made["artifacts"]["recovery-point"] if row["part"] == "code"]
    assert "of an earlier run" in code["where"]
    assert len(host.files("code.manifest.json")) == 1


def test_only_what_was_asked_for_is_backed_up(host: Host) -> None:
    """By kind; one that the system has not is an error before anything is done."""
    assert host.run("daily_backup", kind="dump")["error"] is None

    made = host.run("application_backup", only=["files"])
    refused = host.run("application_backup", only=["redis"])

    assert [row["backup"].split("_")[0] for row in made["artifacts"]["backups"]] == ["files", "point"]
    assert refused["error"] == "ConfigurationError"
    assert "has no Redis" in str(refused["message"])


def test_an_infrastructure_backup_without_infrastructure_has_nothing_to_do(host: Host) -> None:
    """The schedule runs for every system; one without servers of ours is no failure."""
    made = host.run("infrastructure_backup")

    assert made["error"] is None


@pytest.mark.incident("I25")
def test_a_killed_run_leaves_nothing_listed_and_the_next_one_works(host: Host) -> None:
    """SIGKILL in the midst: no manifest of what was half made, and the lease is taken over at once."""
    for number in range(3000):
        (host.directory / "uploads" / f"more-{number}.txt").write_bytes(bytes([number % 256]) * 4096)
    assert host.run("daily_backup", kind="dump")["error"] is None
    running_now = host.begin("application_backup")
    end = time.monotonic() + 30
    while not host.files("*.gpg.partial*") and not host.files(".partial-*") and time.monotonic() < end:
        time.sleep(0.005)
    running_now.send_signal(signal.SIGKILL)
    running_now.communicate()

    listed = host.files("files.manifest.json")
    made = host.run("application_backup")

    assert listed == []
    assert made["error"] is None, made
    assert [row["proven"] for row in made["artifacts"]["backups"]] == ["listed"] * 4
