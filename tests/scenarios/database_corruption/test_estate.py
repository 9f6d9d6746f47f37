"""The estate: reached by password only, two at once, and gone with whoever built it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dr.configuration import load
from dr.demo.endpoint import s3_endpoint
from dr.demo.estate import Estate, estate
from dr.errors import AuthenticationFailed
from dr.pipeline.process import is_running
from dr.postgres.connection import connected
from dr.secret import Secret
from dr.storage.opening import open_store
from tests.scenarios.database_corruption.processes import gone, processes_about

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
BUILD_AND_WAIT = """
import sys, time
from pathlib import Path
from dr.demo.dataset import load_dataset
from dr.demo.estate import estate
from dr.demo.workload import user_count, writing

with estate(Path(sys.argv[1]), with_beside=True) as place:
    load_dataset(place, 0.01)
    with writing(place, user_count(place)) as workload:
        workload.wait_for_commit()
        print(place.system.encryption.gnupg_home, *place.beside.pids, sep="\\n", flush=True)
        time.sleep(600)
"""


def test_nobody_gets_in_without_the_right_password(place: Estate) -> None:
    """Every role, the superuser too, and no method but SCRAM."""
    for role in place.urls:
        wrong = Secret(f"postgresql://{role}:wrong@127.0.0.1:{place.port}/shop")
        with pytest.raises(AuthenticationFailed), connected(wrong):
            pass
        with connected(place.urls[role]) as connection:
            assert connection.execute("SELECT current_user AS me").fetchone() == {"me": role}
    rules = [line.split() for line in (place.production / "pg_hba.conf").read_text().splitlines() if line]
    assert {line[-1] for line in rules} == {"scram-sha-256"}


def test_the_server_is_run_as_a_production_is(place: Estate) -> None:
    """Data checksums, enough WAL for physical backups, commits that are on disk when they are acknowledged."""
    wanted = {
        "data_checksums": "on",
        "wal_level": "replica",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
    }
    with connected(place.superuser_url) as connection:
        found = {
            name: row["value"]
            for name in wanted
            if (row := connection.execute("SELECT current_setting(%s) AS value", (name,)).fetchone())
        }

    assert found == wanted


def test_another_process_finds_the_same_system(place: Estate) -> None:
    """By the file and the variables that the estate hands out; no secret stands in the file itself."""
    file = Path(place.environment["DR_CONFIG"])
    secrets = [path.read_text() for path in (file.parent / "secrets").iterdir()]

    assert load(environ={**os.environ, **place.environment}).system == place.system
    assert len(secrets) >= 5, "database, store, Redis, Secrets Manager, images"
    assert not [secret for secret in secrets if secret in file.read_text()]


@pytest.mark.parametrize("moto", [True, False])
def test_either_endpoint_takes_an_object_and_keeps_it_in_its_directory(tmp_path: Path, moto: bool) -> None:
    """Where moto is not installed, rclone serves; both die with the context."""
    directory = tmp_path / "cloud"
    with s3_endpoint(directory, moto=moto) as endpoint:
        store = open_store(endpoint.wait())
        store.put_bytes("demo/object", b"content" * 100_000)
        content = store.read_bytes("demo/object")
        running = processes_about(directory)

    assert content == b"content" * 100_000
    assert any(("moto" if moto else "rclone") in line for line in running)
    assert gone(directory, within_seconds=5) == []


def test_two_estates_stand_beside_each_other(tmp_path: Path) -> None:
    """Nothing is shared: ports, key rings, endpoints, data."""
    with estate(tmp_path / "one") as one, estate(tmp_path / "two") as two:
        for url in (one.superuser_url, two.superuser_url):
            with connected(url) as connection:
                connection.execute("SELECT 1")

        assert one.port != two.port
        assert one.system.encryption.recipients != two.system.encryption.recipients
        assert one.system.stores[1].endpoint_url != two.system.stores[1].endpoint_url


def test_an_estate_that_fails_to_be_built_leaves_nothing_running(tmp_path: Path) -> None:
    """The first failure after the processes have started takes them along."""
    directory = tmp_path / "here"
    with pytest.raises(ZeroDivisionError), estate(directory):
        _ = 1 / len([line for line in processes_about(directory) if line == "none of this name"])

    assert gone(directory, within_seconds=5) == []


def test_everything_dies_with_a_killed_builder(tmp_path: Path) -> None:
    """SIGKILL leaves no time to clean up; the kernel and the closed pipes tell the children."""
    directory = tmp_path / "here"
    # Short: the agent's socket lies in there, and its path may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="dr-") as temporary:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": temporary}
        with subprocess.Popen(
            (sys.executable, "-c", BUILD_AND_WAIT, str(directory)), stdout=subprocess.PIPE, env=environment, text=True
        ) as builder:
            assert builder.stdout is not None
            told = builder.stdout.readline().strip()
            assert told
            home = Path(told)
            redis = int(builder.stdout.readline())
            running = processes_about(directory, home)
            builder.send_signal(signal.SIGKILL)
            builder.wait(10)
        left = gone(directory, home, within_seconds=15)
        redis_left = is_running(redis)

    assert sum("postgres" in line for line in running) >= 1
    assert any("dr.demo.writer" in line for line in running)
    assert any("gpg-agent" in line for line in running)
    assert left == []
    assert not redis_left
