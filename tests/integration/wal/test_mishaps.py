"""Whatever is killed, lost, full or away: no WAL is missing, none is there twice, and what cannot be had is told."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dr.catalog import labels
from dr.catalog.lsn import Lsn
from dr.catalog.timelines import Section
from dr.configuration.model import WalSettings
from dr.operations.wal.status import read_status
from tests.endpoints.serving import moto
from tests.integration.cli.command import descendants, wait_until
from tests.integration.conftest import free_port
from tests.integration.wal.plant import Load, Plant, Site, SiteOf, committed, receiving


def _wal_receiver(process: subprocess.Popen[str]) -> int | None:
    for pid, argv in descendants(process.pid).items():
        if argv and argv[0].endswith("pg_receivewal"):
            return pid
    return None


def _check_whole(site: Site, tmp_path: Path, acknowledged: list[int], store: str = "local") -> None:
    """No hole, each object once, and every acknowledged transaction in it."""
    assert site.holdings(store).gaps(1) == ()
    names = [item.name for block in site.index(store).blocks for item in block.segments]
    assert len(names) == len(set(names))
    missing = set(acknowledged) - committed(site, store, tmp_path / "opened")
    assert not missing, f"{len(missing)} of {len(acknowledged)} acknowledged commits are not stored"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_receiver_killed_at_any_moment_leaves_no_hole(site: Site, tmp_path: Path, seed: int) -> None:
    """kill -9 at random moments under write load, begun again: everything acknowledged is stored, nothing twice."""
    chance = random.Random(seed)
    with Load(site.plant) as load:
        for _ in range(4):
            with site.dr().begun("wal", "receive") as process:
                time.sleep(chance.uniform(0.3, 6))
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
                time.sleep(chance.uniform(0, 1))
    with receiving(site):
        site.wait_for(site.plant.flushed(), seconds=90)
    assert len(load.acknowledged) > 100
    _check_whole(site, tmp_path, load.acknowledged)


@pytest.mark.slow
def test_a_killed_pg_receivewal_is_begun_again(site: Site, tmp_path: Path) -> None:
    """It is our child; when it dies, what it wrote is shipped at once and it goes on where it was."""
    with receiving(site) as process, Load(site.plant) as load:
        for _ in range(3):
            wait_until(lambda: _wal_receiver(process) is not None, "a pg_receivewal")
            time.sleep(1)
            _kill_wal_receiver(process)
            wait_until(lambda: _wal_receiver(process) is not None, "the next pg_receivewal")
        load.__exit__()
        site.wait_for(site.plant.flushed())
    _check_whole(site, tmp_path, load.acknowledged)


def _kill_wal_receiver(process: subprocess.Popen[str]) -> None:
    """The one that runs now; one that has just failed by itself has none in its place for an instant."""
    found: list[int] = []

    def seen() -> bool:
        pid = _wal_receiver(process)
        found.extend([pid] if pid else [])
        return bool(found)

    wait_until(seen, "a pg_receivewal to kill")
    os.kill(found[0], signal.SIGKILL)  # never 0: that would be the group of this very process


def test_nothing_outlives_a_killed_receiver(site: Site) -> None:
    """The kernel ends pg_receivewal with it: the slot is free for the next one."""
    with site.dr().begun("wal", "receive") as process:
        wait_until(lambda: _wal_receiver(process) is not None, "a pg_receivewal")
        child = _wal_receiver(process)
        os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: not Path(f"/proc/{child}").exists(), "the end of pg_receivewal", 10)


def test_a_server_that_is_restarted_is_received_from_again(any_plant: Plant, site_of: SiteOf, tmp_path: Path) -> None:
    """Stopped, killed, away for a while: the receiver waits, tells it, and goes on."""
    site = site_of(any_plant)
    with receiving(site):
        any_plant.fill(1)
        site.wait_for(any_plant.flushed())
        any_plant.kill()

        def told() -> bool:
            status = read_status(site.system)
            return status is not None and any("no WAL is received" in text for text in status.problems)

        wait_until(told, "the receiver says that nothing is received")
        any_plant.begin()
        any_plant.fill(2)
        site.wait_for(any_plant.flushed())
    assert site.holdings().gaps(1) == ()


@contextmanager
def _standby(plant: Plant, directory: Path, port: int) -> Iterator[Plant]:
    """A streaming standby of a server."""
    argv = (plant.installation.program("pg_basebackup"), "-D", directory, "-R", "-X", "stream", "-c", "fast",
            "-d", plant.url.reveal())  # fmt: skip
    subprocess.run(argv, check=True, capture_output=True)
    standby = Plant(directory, plant.installation, port, {"hot_standby": "on"})
    standby.begin()
    try:
        yield standby
    finally:
        standby.end()


@pytest.mark.slow
def test_a_promoted_standby_is_followed_onto_its_timeline(any_plant: Plant, site_of: SiteOf, tmp_path: Path) -> None:
    """At the same address: the history file is stored, timeline 1 ends as a partial, timeline 2 has no hole."""
    site = site_of(any_plant)
    with _standby(any_plant, tmp_path / "standby", free_port()) as standby, receiving(site):
        any_plant.fill(2)
        any_plant.execute("INSERT INTO filler (text) VALUES ('before')")
        end = any_plant.flushed()
        site.wait_for(end)
        wait_until(
            lambda: standby.scalar(f"SELECT pg_last_wal_replay_lsn() >= '{end}'") == "True", "the standby to catch up"
        )
        any_plant.end()
        standby.execute("SELECT pg_promote()")
        standby.end()
        standby.port = any_plant.port
        standby.begin()
        standby.fill(2)
        site.wait_for(standby.flushed(), timeline=2)
        standby.end()

    index = site.index()
    history = index.histories[2]
    assert history.ancestors[0].timeline == 1
    assert history.ancestors[0].switch >= end
    assert site.holdings().gaps(2) == ()
    assert site.end_of_index(timeline=1) >= end.position
    stored = site.opened_key(labels.wal_history_key("shop", 2)).decode()
    assert stored == (tmp_path / "standby" / "pg_wal" / "00000002.history").read_text()
    assert list(site.spool.glob("00000001*")) == []


@pytest.mark.slow
def test_a_standby_that_was_behind_when_it_was_promoted_is_followed_too(site: Site, tmp_path: Path) -> None:
    """An asynchronous standby has less WAL than we received: its timeline branches off before the end of ours."""
    plant = site.plant
    with _standby(plant, tmp_path / "standby", free_port()) as standby:
        with receiving(site):
            plant.fill(1)
            behind = plant.flushed()
            wait_until(
                lambda: standby.scalar(f"SELECT pg_last_wal_replay_lsn() >= '{behind}'") == "True", "it to catch up"
            )
            standby.end()
            plant.fill(3)
            site.wait_for(plant.flushed())
            plant.end()
            standby.begin(primary_conninfo="")
            standby.execute("SELECT pg_promote()")
            standby.end()
            standby.port = plant.port
            standby.begin()
            standby.fill(2)
            site.wait_for(standby.flushed(), timeline=2, seconds=60)

        history = site.index().histories[2]
        assert site.holdings().gaps(2) == ()
        first = min(name for name in site.segments() if name.startswith("00000002"))
        assert first == str(site.holdings().geometry.at(2, history.ancestors[0].switch))


@pytest.mark.incident("I18")
@pytest.mark.parametrize("how", ["dropped", "lost"])
def test_wal_that_the_server_dropped_is_a_break_and_told(any_plant: Plant, site_of: SiteOf, how: str) -> None:
    """The slot was dropped, or lost by max_slot_wal_keep_size, and the WAL recycled: a base backup is asked for."""
    site = site_of(any_plant)
    with receiving(site):
        any_plant.fill(1)
        site.wait_for(any_plant.flushed())
    before = site.end_of_index()
    if how == "dropped":
        assert site.dr()("wal", "drop-slot").code == 0
    else:
        any_plant.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '16MB'", "SELECT pg_reload_conf()")
    any_plant.execute("ALTER SYSTEM SET max_wal_size = '32MB'", "ALTER SYSTEM SET min_wal_size = '32MB'",
                      "SELECT pg_reload_conf()")  # fmt: skip
    for _ in range(4):
        any_plant.fill(2)
        any_plant.execute("CHECKPOINT")
    any_plant.execute("ALTER SYSTEM RESET max_slot_wal_keep_size", "SELECT pg_reload_conf()")

    with receiving(site):
        any_plant.fill(2)
        site.wait_for(any_plant.flushed())

        def told() -> bool:
            status = read_status(site.system)
            return status is not None and "lost" in status.base_needed

        wait_until(told, "the receiver asks for a base backup")

    (gone,) = [item for block in site.index().blocks for item in block.breaks]
    assert gone.begin.position >= before - (16 << 20)
    (gap,) = site.holdings().gaps(1)
    assert gap.reason == gone.reason
    # What was shipped of the segment in which it broke is still there to be replayed.
    until_break = site.holdings().stretches((Section(1, Lsn(0), None),))[0]
    assert until_break.end.position == gone.begin.position >= before
    assert any_plant.scalar("SELECT wal_status FROM pg_replication_slots") in ("reserved", "extended")


def test_a_lost_spool_leaves_no_hole_while_the_server_has_the_wal(site: Site) -> None:
    """The index says where to go on, not the slot: a new host takes over without losing a segment."""
    site.plant.execute("ALTER SYSTEM SET wal_keep_size = '1GB'", "SELECT pg_reload_conf()")
    with receiving(site):
        site.plant.fill(2)
        site.wait_for(site.plant.flushed())
    site.plant.fill(2)
    shutil.rmtree(site.spool)
    site.plant.execute("SELECT pg_drop_replication_slot('dr_shop')", "CHECKPOINT")
    site.plant.fill(2)
    with receiving(site):
        site.plant.fill(1)
        site.wait_for(site.plant.flushed())
    assert site.holdings().gaps(1) == ()


@pytest.mark.slow
def test_a_full_spool_loses_nothing_and_goes_on_when_there_is_room(site: Site, tmp_path: Path) -> None:
    """pg_receivewal ends for want of room, the server keeps the WAL, and when there is room it comes."""
    if os.geteuid() != 0:
        pytest.skip("not applicable: only root can mount a small file system")
    spool = tmp_path / "small"
    spool.mkdir()
    subprocess.run(("mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", spool), check=True)
    try:
        site.wal = WalSettings(partial_seconds=1, spool=spool / "wal")
        (spool / "ballast").write_bytes(bytes(30 << 20))
        with receiving(site), Load(site.plant, pause=0.05) as load:

            def told() -> bool:
                status = read_status(site.system)
                return status is not None and any("No space left" in text for text in status.problems)

            wait_until(told, "the receiver says that the spool is full")
            (spool / "ballast").unlink()
            time.sleep(2)
            load.__exit__()
            site.wait_for(site.plant.flushed(), seconds=60)
        _check_whole(site, tmp_path, load.acknowledged)
    finally:
        subprocess.run(("umount", "-l", spool), check=True)


@pytest.mark.slow
def test_a_store_that_was_away_is_levelled(site: Site, tmp_path: Path) -> None:
    """The other store goes on; when it is back it gets what it missed, the same objects."""
    (tmp_path / "moto").mkdir()
    with moto(tmp_path / "moto") as endpoint:
        cloud = endpoint.settings(endpoint.new_bucket())
        site = site.with_stores(*site.stores, cloud)
        with receiving(site):
            site.plant.fill(2)
            site.wait_for(site.plant.flushed(), "cloud")
            os.kill(endpoint.pid, signal.SIGSTOP)
            site.plant.fill(3)
            site.wait_for(site.plant.flushed(), "local", seconds=120)

            def told() -> bool:
                status = read_status(site.system)
                return status is not None and any("store cloud" in text for text in status.problems)

            wait_until(told, "the receiver names the store that is away", 60)
            os.kill(endpoint.pid, signal.SIGCONT)
            site.wait_for(site.plant.flushed(), "cloud", seconds=120)
            wait_until(lambda: len(site.segments("cloud")) == len(site.segments("local")), "levelled stores", 120)

        assert site.holdings("cloud").gaps(1) == ()
        for name in site.segments("local"):
            assert site.opened(name, "cloud") == site.opened(name, "local")


@pytest.mark.slow
@pytest.mark.incident("I18")
def test_no_acknowledged_commit_is_lost_with_a_synchronous_receiver(
    any_plant: Plant, site_of: SiteOf, tmp_path: Path
) -> None:
    """kill -9 of the primary under load, its disk gone: every acknowledged commit's WAL is in the store."""
    site = site_of(any_plant)
    any_plant.execute("CREATE TABLE IF NOT EXISTS load (id bigserial, text text)")
    with receiving(site, "--synchronous"):
        wait_until(
            lambda: any_plant.scalar("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == "1",
            "the stream",
        )
        any_plant.execute("ALTER SYSTEM SET synchronous_standby_names = 'dr_shop'", "SELECT pg_reload_conf()")

        def synchronous() -> bool:
            status = read_status(site.system)
            return status is not None and status.sync_state == "sync" and status.problems == ()

        wait_until(synchronous, "a synchronous receiver")
        with Load(any_plant, connections=4) as load:
            time.sleep(4)
            any_plant.kill()
            count = len(load.acknowledged)
        shutil.rmtree(any_plant.directory)
        begin = time.monotonic()
        wait_until(lambda: not set(load.acknowledged) - committed(site, "local", tmp_path / f"c{time.monotonic_ns()}"),
                   "every acknowledged commit in the store", 20)  # fmt: skip
    assert count > 200
    assert time.monotonic() - begin < 20


def test_a_synchronous_receiver_says_when_the_server_does_not_wait_for_it(site: Site) -> None:
    """--synchronous without synchronous_standby_names promises nothing: it is told."""
    with receiving(site, "--synchronous"):

        def told() -> bool:
            status = read_status(site.system)
            return status is not None and any("synchronous_standby_names" in text for text in status.problems)

        wait_until(told, "the receiver says that commits do not wait")
