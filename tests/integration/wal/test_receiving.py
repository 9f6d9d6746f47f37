"""WAL comes in whole, in order, and readable by stock programs."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.configuration.model import StoreSettings, WalSettings
from dr.operations.wal.status import read_status
from dr.secret import Secret
from tests.endpoints.serving import Endpoint
from tests.integration.cli.command import finished, wait_until
from tests.integration.wal.plant import Plant, Site, majors, new_plant, receiving
from tests.unit.crypto.keyrings import People


def test_stored_segments_are_the_servers_own(
    any_plant: Plant, people: People, tmp_path: Path, moto_endpoint: Endpoint
) -> None:
    """`gpg -d | zstd -d` of each stored segment gives, byte for byte, the file in pg_wal, from either store."""
    any_plant.execute("ALTER SYSTEM SET wal_keep_size = '1GB'", "SELECT pg_reload_conf()")
    local = StoreSettings("local", "local", path=tmp_path / "backups")
    site = Site(any_plant, people, tmp_path, (local, moto_endpoint.settings(moto_endpoint.new_bucket())))
    with receiving(site):
        any_plant.fill(3)
        site.wait_for(any_plant.flushed())
        site.wait_for(any_plant.flushed(), "cloud")

    for store in ("local", "cloud"):
        assert len(site.segments(store)) >= 3
        assert site.holdings(store).gaps(1) == ()
        for name in site.segments(store):
            assert site.opened(name, store) == (any_plant.directory / "pg_wal" / name).read_bytes()


def test_segments_of_one_mebibyte_are_shipped_as_well(people: People, tmp_path: Path) -> None:
    """The size of a segment is the cluster's own choice (initdb --wal-segsize)."""
    with new_plant(tmp_path / "server", majors()[0], "--wal-segsize=1", wal_keep_size="512MB") as plant:
        site = Site(plant, people, tmp_path, (StoreSettings("local", "local", path=tmp_path / "backups"),))
        with receiving(site):
            plant.fill(6)
            site.wait_for(plant.flushed())

        assert {block.segment_bytes for block in site.index().blocks} == {1 << 20}
        assert site.holdings().gaps(1) == ()
        for name in site.segments():
            assert site.opened(name) == (plant.directory / "pg_wal" / name).read_bytes()


def test_the_open_segment_is_stored_as_far_as_it_is_written(site: Site) -> None:
    """Commits are in a store within partial_seconds, the index says up to when, and older states are removed."""
    plant = site.plant
    with receiving(site):
        plant.fill(1)
        for _ in range(3):
            plant.execute("INSERT INTO filler (text) VALUES ('x')")
            site.wait_for(plant.flushed(), seconds=10)
        time.sleep(1.5)
        (block,) = site.index().blocks
        rest = block.partials[-1]
        assert rest.server_closed_at is not None
        assert datetime.now(UTC) - rest.server_closed_at < timedelta(seconds=20)
    # For a minute the earlier ones stay, for somebody who has just read the index; then, and at the end, they go.
    objects = list((site.directory / "backups" / "shop" / "wal" / "00000001").glob("*.partial.zst.gpg"))
    assert len(objects) == 1


def test_everything_is_shipped_and_the_lease_released_when_it_is_told_to_end(site: Site) -> None:
    """SIGTERM: exit code 0, the newest commit is stored, and the next receiver begins at once and goes on."""
    with receiving(site):
        site.plant.fill(1)
        site.wait_for(site.plant.flushed())
        site.plant.execute("INSERT INTO filler (text) VALUES ('the last')")
        last = site.plant.flushed()
    assert site.end_of_index() >= last.position

    begin = time.monotonic()
    with receiving(site):
        site.plant.fill(1)
        site.wait_for(site.plant.flushed())
    assert time.monotonic() - begin < 15
    assert site.holdings().gaps(1) == ()


def test_a_second_receiver_is_refused(site: Site, tmp_path: Path) -> None:
    """Exit code 12, whether it uses the same spool or one of its own; the first goes on."""
    with receiving(site):
        site.plant.fill(1)
        site.wait_for(site.plant.flushed())
        same = site.dr()("wal", "receive")
        site.wal = WalSettings(partial_seconds=1, spool=tmp_path / "another spool")
        other = site.dr()("wal", "receive")
        site.wal = WalSettings(partial_seconds=1)
        site.plant.fill(1)
        site.wait_for(site.plant.flushed())

    assert [same.code, other.code] == [12, 12], same.err + other.err


def test_a_wrong_password_is_told_at_once_and_printed_nowhere(site: Site, tmp_path: Path) -> None:
    """Exit code 4 instead of a receiver that tries for ever."""
    (site.plant.directory / "pg_hba.conf").write_text(
        "host all all 127.0.0.1/32 scram-sha-256\nhost replication all 127.0.0.1/32 scram-sha-256\n"
    )
    site.plant.execute("CREATE ROLE keeper LOGIN REPLICATION PASSWORD 'right'", "SELECT pg_reload_conf()")
    wrong = f"postgresql://keeper:wrong-word@127.0.0.1:{site.plant.port}/postgres"
    dr = site.dr()
    toml = Path(dr.environment["DR_CONFIG"])
    (toml.parent / "secrets" / "database_url").write_text(wrong)

    ended = dr("wal", "receive")

    assert ended.code == 4, ended.err
    assert "wrong-word" not in ended.out + ended.err


def test_the_status_tells_how_far_it_is(site: Site) -> None:
    """Received and stored positions, the server's time, and that it is alive; later that it is not."""
    with receiving(site) as process:
        site.plant.fill(1)
        site.wait_for(site.plant.flushed())

        def told() -> bool:
            status = read_status(site.system)
            return status is not None and status.stored_server_time is not None and "base" in status.base_needed

        wait_until(told, "a full status")
        status = read_status(site.system)
        assert status is not None
        assert (status.pid, status.alive, status.synchronous, status.sync_state) == (process.pid, True, False, "async")
        assert status.received_lsn is not None
        assert status.stored_lsn is not None
        assert datetime.now(UTC) - status.updated < timedelta(seconds=3)
        assert status.problems == ()
        shown = site.dr()("wal", "status", "--json").document
        assert shown["receiver"]["alive"] is True

    after = read_status(site.system)
    assert after is not None
    assert not after.alive
    assert site.dr()("wal", "status").code == 0


def test_a_passphrase_encrypts_wal_too(site: Site, tmp_path: Path) -> None:
    """Without recipients the passphrase is used, slower: it is stretched anew for each segment."""
    word = Secret("correct horse battery")
    (tmp_path / "word").write_text(word.reveal())
    dr = site.dr()
    toml = Path(dr.environment["DR_CONFIG"])
    lines = [line for line in toml.read_text().splitlines() if not line.startswith(("recipients", "gnupg_home"))]
    text = "\n".join(lines).replace(
        "[system.shop.encryption]", f'[system.shop.encryption]\npassphrase_file = "{tmp_path}/word"'
    )
    toml.write_text(text)
    (tmp_path / "word").chmod(0o600)
    with dr.begun("wal", "receive") as process:
        site.plant.fill(1)
        site.wait_for(site.plant.flushed())
        process.send_signal(signal.SIGTERM)
        assert finished(process).code == 0

    name = next(iter(site.segments()))
    file = site.directory / "backups" / "shop" / "wal" / "00000001" / f"{name}.zst.gpg"
    packed = site.people.ring.gpg("--pinentry-mode", "loopback", "--passphrase", word.reveal(), "--decrypt", file)
    assert packed[:4] == b"\x28\xb5\x2f\xfd"
    assert site.segments()[name].keys == ()


def test_the_slot_is_dropped_on_request_only(site: Site) -> None:
    """Refused while a receiver uses it; afterwards the server keeps no WAL for us."""
    with receiving(site):
        site.plant.fill(1)
        site.wait_for(site.plant.flushed())
        assert site.dr()("wal", "drop-slot").code == 4
    assert site.plant.scalar("SELECT count(*) FROM pg_replication_slots") == "1"

    assert site.dr()("wal", "drop-slot").code == 0

    assert site.plant.scalar("SELECT count(*) FROM pg_replication_slots") == "0"
    assert site.dr()("wal", "drop-slot", "--json").document["dropped"] is False


@pytest.mark.incident("I19")
def test_the_server_of_another_cluster_under_the_same_name_is_refused(site: Site, tmp_path: Path) -> None:
    """A re-initialised server has another system identifier: exit code 13, and nothing of it is stored."""
    with receiving(site):
        site.plant.fill(1)
        site.wait_for(site.plant.flushed())
    before = site.segments()
    site.plant.end()
    with new_plant(tmp_path / "anew", majors()[-1]) as anew:
        site.plant.port = anew.port
        anew.fill(2)
        ended = site.dr()("wal", "receive")

    assert ended.code == 13, ended.err
    assert site.segments() == before
