"""What happens when something dies, fills up or is taken away in the middle: nothing half-made is listed (I12)."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.catalog.labels import DATABASE_KINDS, Kind, Label
from dr.configuration.model import StoreSettings, System
from dr.errors import PipelineError, ServerUnreachable, SourceError, StoreError, StoreFull
from dr.operations.back_up_cluster import back_up_cluster
from dr.operations.back_up_database import back_up_database
from dr.operations.expire import apply_expiry, plan_local_expiry
from dr.operations.find_backup import find_backup
from dr.operations.prove import prove
from dr.operations.publish import publish
from dr.operations.repositories import open_repository
from dr.operations.restore_cluster import restore_cluster
from dr.postgres.connection import connected
from tests.endpoints.serving import moto
from tests.integration.engine.conftest import MAJORS, Site, make_site
from tests.integration.engine.procedures import MAKERS, make

SystemFor = Callable[..., System]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server whose backup takes long enough to be disturbed: about 120 MB that do not compress."""
    for made in make_site(tmp_path_factory.mktemp("large"), MAJORS[-1]):
        with connected(made.url) as connection:
            connection.execute("CREATE TABLE bulk (a int, b bytea)")
            connection.execute("ALTER TABLE bulk ALTER b SET STORAGE EXTERNAL")
            connection.execute(
                "INSERT INTO bulk SELECT i, (SELECT string_agg(sha512((i * 100 + j)::text::bytea), ''::bytea) "
                "FROM generate_series(1, 60) AS j) FROM generate_series(1, 30000) AS i"
            )
        yield made


@contextmanager
def small_disk(directory: Path, megabytes: int) -> Iterator[Path]:
    """A real file system with little room."""
    if os.geteuid() != 0:
        pytest.skip("not applicable: only root can mount a small file system")
    directory.mkdir()
    subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(directory)), check=True)
    try:
        yield directory
    finally:
        subprocess.run(("umount", str(directory)), check=True)


def children(name: str) -> list[int]:
    """Processes below this one whose command is ``name``."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                command = (entry / "comm").read_text().strip()
            except OSError:
                continue
            if command == name and int(fields[1]) == os.getpid():
                found.append(int(entry.name))
    return found


def disturb(name: str, action: Callable[[int], None]) -> threading.Thread:
    """As soon as a child of that name runs, let it work for a moment and then do something to it."""

    def wait() -> None:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            for pid in children(name):
                time.sleep(0.15)
                if pid in children(name):  # and not one that only lists keys
                    action(pid)
                    return
            time.sleep(0.005)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def nothing_is_left(system: System, root: Path) -> None:
    """No backup is listed, no object or partial file lies in the store."""
    assert open_repository(system).list().backups == ()
    assert not [path for path in root.rglob("*") if path.is_file() and {"database", "base"} & set(path.parts)]


@pytest.mark.incident("I12")
@pytest.mark.parametrize("victim", ["pg_dump", "gpg"])
def test_a_killed_stage_fails_the_dump_and_is_named(
    victim: str, large: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """kill -9 of pg_dump or gpg in the middle: an error that lists the stages, and no trace in the store."""
    system = system_for(large.url)
    thread = disturb(victim, lambda pid: os.kill(pid, signal.SIGKILL))
    with pytest.raises(PipelineError) as caught:
        back_up_database(system, run="test", cloud=True)
    thread.join()

    assert "SIGKILL" in caught.value.detail
    assert caught.value.retryable
    nothing_is_left(system, tmp_path / "backups")


@pytest.mark.incident("I12")
def test_a_server_that_dies_in_the_middle_of_a_base_backup_fails_it(system_for: SystemFor, tmp_path: Path) -> None:
    """The connection breaks while bytes flow: an error that may be tried again, and no trace in the store."""
    for doomed in make_site(tmp_path / "doomed", MAJORS[-1]):
        with connected(doomed.url) as connection:
            connection.execute(
                "CREATE TABLE bulk AS SELECT i, sha512(i::text::bytea) FROM generate_series(1, 600000) AS i"
            )
        system = system_for(doomed.url)
        timer = threading.Timer(0.4, doomed.server.process.signal, (signal.SIGQUIT,))
        timer.start()
        with pytest.raises((ServerUnreachable, SourceError)):
            back_up_cluster(system, run="test", cloud=True)
        timer.join()
        nothing_is_left(system, tmp_path / "backups")


@pytest.mark.incident("I12")
@pytest.mark.parametrize("kind", DATABASE_KINDS)
def test_a_full_local_disk_leaves_the_cloud_copy_and_is_reported(
    kind: Kind, large: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """The cloud copy goes on and is published; the local store keeps nothing of it."""
    with moto(tmp_path) as endpoint, small_disk(tmp_path / "disk", 20) as disk:
        local = StoreSettings("local", "local", path=disk)
        system = system_for(large.url, local, endpoint.settings(endpoint.new_bucket()))
        draft = MAKERS[kind](system, run="test", cloud=True)
        published = publish(system, draft, prove(system, draft, run="test"))

        assert published.stores == ("cloud",)
        assert any("local" in problem and "space" in problem for problem in published.problems)
        assert not [path for path in disk.rglob("*") if path.is_file() and path.stat().st_size > 100_000]


@pytest.mark.incident("I12")
def test_a_full_disk_as_the_only_store_is_an_error_with_a_hint(
    large: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """No store is left: the run fails as a full store, not as a broken pipe."""
    with small_disk(tmp_path / "disk", 20) as disk:
        system = system_for(large.url, StoreSettings("local", "local", path=disk))
        with pytest.raises(StoreFull) as caught:
            back_up_cluster(system, run="test", cloud=True)
        assert caught.value.hint
        nothing_is_left(system, disk)


@pytest.mark.incident("I12")
def test_an_endpoint_that_dies_during_the_upload_leaves_the_local_copy(
    large: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """The upload is cut: the local copy is published, the cloud is named as missing."""
    with moto(tmp_path) as endpoint:
        local = StoreSettings("local", "local", path=tmp_path / "backups")
        system = system_for(large.url, local, endpoint.settings(endpoint.new_bucket()))
        timer = threading.Timer(0.8, os.kill, (endpoint.pid, signal.SIGKILL))
        timer.start()
        draft = back_up_cluster(system, run="test", cloud=True)
        published = publish(system, draft, prove(system, draft, run="test"))
        timer.join()

    assert published.stores == ("local",)
    assert any("cloud" in problem for problem in published.problems)


def test_a_restore_target_that_fills_up_is_told_from_a_bad_backup(
    large: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """The error says that the target is full and the backup unharmed; the target is cleared."""
    system = system_for(large.url)
    make(system, Kind.BASE)
    with small_disk(tmp_path / "disk", 40) as disk:
        with pytest.raises(StoreFull, match="no space") as caught:
            restore_cluster(system, find_backup(system, "latest", Kind.BASE), disk / "copy")
        assert "unharmed" in caught.value.hint
        assert not (disk / "copy").exists()


def test_a_backup_killed_outright_is_never_listed_and_is_swept_after_a_day(
    large: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """kill -9 of the whole backup: its children die, objects without manifest stay unseen, and expiry removes them."""
    system = system_for(large.url)
    program = (
        "import sys, pickle; from dr.operations.back_up_cluster import back_up_cluster; "
        "back_up_cluster(pickle.load(sys.stdin.buffer), run='test', cloud=True)"
    )
    process = subprocess.Popen((sys.executable, "-c", program), stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(pickle.dumps(system))
    process.stdin.close()
    root = tmp_path / "backups"
    end = time.monotonic() + 30
    while time.monotonic() < end and not [path for path in root.rglob("*") if path.is_file()]:
        time.sleep(0.02)
    time.sleep(0.2)
    process.kill()
    process.wait()

    assert open_repository(system).list().backups == ()
    finished = Label(datetime(2024, 1, 1, tzinfo=UTC), Kind.BASE)
    orphan = root / "shop" / "base" / str(finished) / "base.tar.zst.gpg"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"left by a killed run")
    plan = plan_local_expiry(system, datetime.now(UTC), retention_days=None, run_succeeded=True)
    assert [item.swept for item in plan] == [(str(finished),)]
    apply_expiry(system, plan)
    assert not orphan.exists()


@pytest.mark.incident("I14")
def test_expiry_keeps_the_newest_proven_copy_however_old(site: Site, system_for: SystemFor) -> None:
    """A year later, with nothing newer, the last proven backup of each kind is still there."""
    system = system_for(site.url)
    for kind in DATABASE_KINDS:
        make(system, kind)
    plan = plan_local_expiry(system, datetime.now(UTC) + timedelta(days=365), retention_days=1, run_succeeded=True)
    apply_expiry(system, plan)
    assert len(open_repository(system).list().backups) == 2


def test_memory_does_not_grow_with_the_database(large: Site, system_for: SystemFor, tmp_path: Path) -> None:
    """Peak memory of our process for 120 MB of incompressible data stays far below 300 MB."""
    system = system_for(large.url)
    program = (
        "import sys, pickle\n"
        "from dr.operations.back_up_cluster import back_up_cluster\n"
        "from dr.operations.back_up_database import back_up_database\n"
        "system = pickle.load(sys.stdin.buffer)\n"
        "back_up_database(system, run='test', cloud=True)\n"
        "back_up_cluster(system, run='test', cloud=True)\n"
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])\n"
    )
    ended = subprocess.run(
        (sys.executable, "-c", program), input=pickle.dumps(system), capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr.decode()
    assert int(ended.stdout) < 200_000


def test_a_store_that_denies_is_named_and_the_other_goes_on(site: Site, system_for: SystemFor, tmp_path: Path) -> None:
    """A bucket that does not exist: the local copy is safe, the error of the cloud store is in the report."""
    with moto(tmp_path) as endpoint:
        local = StoreSettings("local", "local", path=tmp_path / "backups")
        system = system_for(site.url, local, endpoint.settings("no-such-bucket"))
        draft = back_up_database(system, run="test", cloud=True)
        assert draft.manifest.stores == ("local",)
        assert [failure.store for failure in draft.failures] == ["cloud"]
        alone = replace(system, stores=system.stores[1:])
        with pytest.raises(StoreError):
            back_up_database(alone, run="test", cloud=True)


@pytest.mark.incident("I17")
def test_a_broken_archiver_does_not_hold_up_a_base_backup(system_for: SystemFor, tmp_path: Path) -> None:
    """The WAL it needs travels inside, so a backup is still to be had on the day on which archiving fails."""
    broken = {"archive_mode": "on", "archive_command": "false"}
    for made in make_site(tmp_path / "broken", MAJORS[-1], broken):
        begin = time.monotonic()
        published = make(system_for(made.url), Kind.BASE)
        assert time.monotonic() - begin < 20
        assert published.level == "listed"
