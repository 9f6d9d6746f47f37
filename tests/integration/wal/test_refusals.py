"""What is not what its name says never gets into a store, and nothing that is stored is replaced by something else."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from dr.catalog.labels import wal_key
from dr.catalog.wal_names import Segment
from dr.configuration.model import WalSettings
from dr.errors import LeaseHeld
from dr.operations.repositories import open_repository
from dr.operations.wal.archive_line import archive_line
from dr.operations.wal.level_stores import level_stores
from dr.operations.wal.ship_once import ship_once
from dr.operations.wal.spool import refused
from dr.storage.lease import Holder, hold_all
from tests.endpoints.serving import Endpoint
from tests.integration.wal.plant import NAME, Plant, Site, SiteOf, receiving


@pytest.fixture
def archived(site: Site) -> Site:
    """A system whose spool is filled by hand, with the server's own files."""
    site.wal = WalSettings(method="archive")
    site.spool.mkdir(parents=True)
    return site


def _closed(plant: Plant, count: int) -> list[Path]:
    """Closed segments of the server."""
    plant.execute("ALTER SYSTEM SET wal_keep_size = '1GB'", "SELECT pg_reload_conf()")
    plant.fill(count)
    return sorted(plant.directory.joinpath("pg_wal").glob("00000001" + "?" * 16))[:count]


def _put(site: Site, file: Path, data: bytes | None = None, name: str = "") -> Path:
    place = site.spool / (name or file.name)
    place.write_bytes(file.read_bytes() if data is None else data)
    return place


def test_a_spool_is_shipped_and_emptied(archived: Site) -> None:
    """Once shipped nothing waits, names that are no WAL are left alone, notes of base backups are dropped."""
    files = _closed(archived.plant, 3)
    for file in files:
        _put(archived, file)
    (archived.spool / "README").write_text("not WAL")
    (archived.spool / f"{files[0].name}.00000028.backup").write_text("a note")

    summary = ship_once(archived.system, run="test")

    assert (summary.shipped, summary.waiting, summary.refused, summary.failures) == (3, 0, (), ())
    assert sorted(archived.segments()) == [file.name for file in files]
    assert [file.name for file in archived.spool.iterdir()] == ["README"]
    for file in files:
        assert archived.opened(file.name) == file.read_bytes()


def test_the_same_segment_again_changes_nothing(archived: Site) -> None:
    """PostgreSQL may archive a file twice: it is dropped, and the stored object stays as it is."""
    (file,) = _closed(archived.plant, 1)
    _put(archived, file)
    ship_once(archived.system, run="first")
    before = archived.segments()
    _put(archived, file)

    summary = ship_once(archived.system, run="second")

    assert (summary.shipped, summary.refused) == (0, ())
    assert archived.segments() == before
    assert list(archived.spool.iterdir()) == []


def test_another_content_under_a_stored_name_is_refused(archived: Site) -> None:
    """Two servers write under one name: the stored one is not touched, the other kept aside, and it is told."""
    (file,) = _closed(archived.plant, 1)
    _put(archived, file)
    ship_once(archived.system, run="first")
    before, data = archived.segments(), bytearray(file.read_bytes())
    data[5000] ^= 1
    _put(archived, file, bytes(data))

    summary = ship_once(archived.system, run="second")

    assert len(summary.refused) == 1
    assert "is not the" in summary.refused[0]
    assert refused(archived.spool) == (file.name,)
    assert archived.segments() == before
    assert archived.opened(file.name) == file.read_bytes()


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("what", "damage"),
    [
        ("cut off", lambda data: data[:-8192]),
        ("cut off", lambda data: data[:39]),
        ("cut off", lambda data: b""),
        ("too long", lambda data: data + bytes(8192)),
        ("zeros", lambda data: bytes(len(data))),
        ("magic", lambda data: _flip(data, 0)),
        ("holds the WAL from", lambda data: _flip(data, 11)),
        ("another cluster", lambda data: _flip(data, 24)),
        ("page at 81920", lambda data: _flip(data, 81920 + 9)),
        ("page at 163840", lambda data: data[: 20 * 8192] + bytes(8192) + data[21 * 8192 :]),
    ],
)
def test_a_damaged_segment_is_refused(archived: Site, what: str, damage: object) -> None:
    """Cut off, too long, empty, flipped in a header, a page missing: kept aside, and those behind it are shipped."""
    bad, good = _closed(archived.plant, 2)
    _put(archived, bad, damage(bad.read_bytes()))  # type: ignore[operator]
    _put(archived, good)

    summary = ship_once(archived.system, run="test")

    assert len(summary.refused) == 1
    assert bad.name in summary.refused[0]
    assert refused(archived.spool) == (bad.name,)
    assert sorted(archived.segments()) == [good.name]
    assert what


def test_a_segment_under_another_segments_name_is_refused(archived: Site) -> None:
    """A file that was renamed, or belongs to another place in the WAL."""
    first, second = _closed(archived.plant, 2)
    _put(archived, second, name=first.name)

    assert "holds the WAL from" in ship_once(archived.system, run="test").refused[0]


@pytest.mark.incident("I19")
def test_another_clusters_segment_is_refused(archived: Site, any_plant: Plant) -> None:
    """Its system identifier is in each segment, so a spool that two clusters share harms nobody."""
    (ours,) = _closed(archived.plant, 1)
    _put(archived, ours)
    ship_once(archived.system, run="test")
    theirs = _closed(any_plant, 2)[1]
    _put(archived, theirs)

    summary = ship_once(archived.system, run="test")

    assert "of the cluster" in summary.refused[0]
    assert sorted(archived.segments()) == [ours.name]


def test_a_history_file_that_differs_is_refused(archived: Site) -> None:
    """Two servers were promoted to timeline 2: the first one's history stays."""
    file = archived.spool / "00000002.history"
    ship = lambda: ship_once(archived.system, run="test")  # noqa: E731
    file.write_text("1\t0/3000000\tno recovery target specified\n")
    assert ship().shipped == 1
    file.write_text("1\t0/3000000\tno recovery target specified\n")
    assert ship().refused == ()
    file.write_text("1\t0/4000000\tno recovery target specified\n")
    (archived.spool / "00000003.history").write_text("nonsense")
    refusals = ship().refused

    assert len(refusals) == 2
    assert "1\t0/3000000" in archived.index().histories[2].content
    assert sorted(archived.index().histories) == [2]


def _archive(site: Site, file: Path) -> int:
    """Run the archive_command as PostgreSQL does."""
    given = {"%p": str(file), "%f": file.name, "%%": "%"}
    text = re.sub("%[pf%]", lambda match: given[match[0]], archive_line(site.system))
    return subprocess.run(("/bin/sh", "-c", text), cwd=site.directory, capture_output=True, check=False).returncode


def test_the_archive_command_takes_the_same_file_twice_and_no_other_one(archived: Site) -> None:
    """0 for a file that lies there whole, also again; not 0 for another content; nothing half-copied is left."""
    file, other = _closed(archived.plant, 2)
    assert _archive(archived, file) == 0
    assert _archive(archived, file) == 0
    changed = archived.directory / "elsewhere" / file.name
    changed.parent.mkdir()
    shutil.copy(other, changed)
    assert _archive(archived, changed) != 0
    assert _archive(archived, file.with_name("0000000100000000000000FF")) != 0

    assert [item.name for item in archived.spool.iterdir()] == [file.name]
    assert (archived.spool / file.name).read_bytes() == file.read_bytes()


@pytest.mark.parametrize("name", ["with space", "it's", "100%full", "$HOME `id`"])
def test_the_archive_command_copes_with_any_place(archived: Site, tmp_path: Path, name: str) -> None:
    """Spaces, quotes, per cent and dollar signs in the spool's path."""
    archived.wal = WalSettings(method="archive", spool=tmp_path / name)
    archived.spool.mkdir()
    (file,) = _closed(archived.plant, 1)

    assert _archive(archived, file) == 0
    assert (archived.spool / file.name).read_bytes() == file.read_bytes()


def test_a_server_archives_through_it_and_the_receiver_ships(any_plant: Plant, site_of: SiteOf) -> None:
    """The statements that `dr wal archive-command` prints, given to a real server."""
    site = site_of(any_plant)
    site.wal = WalSettings(method="archive", partial_seconds=1)
    site.spool.mkdir(parents=True)
    site.spool.chmod(0o777)  # the server runs under another account here
    for parent in site.spool.parents[:3]:
        parent.chmod(0o755)
    shown = site.dr()("wal", "archive-command")
    assert shown.code == 0, shown.err
    any_plant.execute(*[line for line in shown.out.splitlines() if line])
    any_plant.end()
    any_plant.begin()
    with receiving(site):
        any_plant.fill(3)
        site.wait_for(site.holdings().geometry.begin(Segment.parse(any_plant.scalar(
            "SELECT pg_walfile_name(pg_current_wal_lsn())"))))  # fmt: skip
    assert any_plant.scalar("SELECT failed_count FROM pg_stat_archiver") == "0"
    assert site.holdings().gaps(1) == ()


def test_levelling_copies_what_a_store_misses_and_counts_while_a_receiver_is_at_work(
    archived: Site, moto_endpoint: Endpoint
) -> None:
    """The same object, the same entry; with the lease in other hands nothing is written."""
    files = _closed(archived.plant, 3)
    for file in files:
        _put(archived, file)
    ship_once(archived.system, run="test")
    site = archived.with_stores(*archived.stores, moto_endpoint.settings(moto_endpoint.new_bucket()))
    repository = open_repository(site.system)
    repository.claim(site.index().blocks[0].system_identifier, site.segments()[files[0].name].stored_at, ["cloud"])

    with hold_all(repository.stores.values(), f"{NAME}/leases/wal/", Holder.here("other", "receive")):
        counted = level_stores(site.system)
        with pytest.raises(LeaseHeld):
            ship_once(site.system, run="test")
    assert (counted.copied, counted.missing) == (0, 3)
    summary = level_stores(site.system)

    assert (summary.copied, summary.missing, summary.failures) == (3, 0, ())
    assert site.segments("cloud") == site.segments("local")
    key = wal_key(NAME, Segment.parse(files[0].name))
    assert repository.store("cloud").read_bytes(key) == repository.store("local").read_bytes(key)
    assert level_stores(site.system).copied == 0


def test_a_damaged_object_is_not_spread(archived: Site, moto_endpoint: Endpoint) -> None:
    """What does not have the index's hash is not copied; the store still misses it, and it is told."""
    (file,) = _closed(archived.plant, 1)
    _put(archived, file)
    ship_once(archived.system, run="test")
    site = archived.with_stores(*archived.stores, moto_endpoint.settings(moto_endpoint.new_bucket()))
    key = wal_key(NAME, Segment.parse(file.name))
    stored = site.directory / "backups" / key
    stored.write_bytes(_flip(stored.read_bytes(), 500))

    summary = level_stores(site.system)

    assert (summary.copied, summary.missing) == (0, 1)
    assert site.segments("cloud") == {}


def test_an_object_without_an_entry_is_written_again(archived: Site) -> None:
    """It is what a killed run left: unfinished, whatever is in it."""
    (file,) = _closed(archived.plant, 1)
    key = wal_key(NAME, Segment.parse(file.name))
    open_repository(archived.system).store("local").put_bytes(key, b"half an object")
    _put(archived, file)

    ship_once(archived.system, run="test")

    assert archived.opened(file.name) == file.read_bytes()


def test_shipping_is_quick_enough(archived: Site) -> None:
    """Far below what the benchmark measures, for other work goes on beside the tests: 20 MB of WAL a second."""
    files = _closed(archived.plant, 12)
    for file in files:
        _put(archived, file)
    begin = time.monotonic()

    summary = ship_once(archived.system, run="test")

    assert summary.shipped == len(files)
    assert len(files) * 16.8 / (time.monotonic() - begin) > 20
