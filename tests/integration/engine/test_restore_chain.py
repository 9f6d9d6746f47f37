"""Restoring a chain: every part from a whole copy, in the space there is, or nothing at all."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dr.catalog.manifest import Manifest
from dr.configuration.model import StoreSettings, System
from dr.errors import BackupInvalid, StoreError, StoreFull, TargetRefused
from dr.operations.check_recovery import check_cluster
from dr.operations.find_backup import find_backup
from dr.operations.full_recovery.own import claim, is_free
from dr.operations.full_recovery.places import belonging_to
from dr.operations.repositories import open_repository
from dr.operations.restore_chain import restore_chain
from dr.operations.restore_cluster import restore_cluster
from dr.postgres.connection import connected
from dr.postgres.data_directory import read_unfinished
from dr.storage.protocol import Store
from tests.integration.engine.chains import back_up, bring_back, chain_of, make_accounts
from tests.integration.engine.conftest import MAJORS, Site, make_site
from tests.integration.engine.test_damaged_copies import DAMAGES
from tests.integration.engine.test_mishaps import small_disk

SystemFor = Callable[..., System]


@pytest.fixture(scope="module")
def summarizing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that notes which blocks its WAL changes."""
    for made in make_site(tmp_path_factory.mktemp("summarizing"), MAJORS[-1], {"summarize_wal": "on"}):
        make_accounts(made)
        yield made


def change(site: Site) -> None:
    """Give the next incremental backup something to hold."""
    with connected(site.url) as connection:
        connection.execute("UPDATE accounts SET amount = amount + 1 WHERE id % 50 = 0")


def make_chain(site: Site, system: System, links: int = 3) -> list[Manifest]:
    """A full backup and incremental ones on it."""
    made = []
    for _ in range(links):
        change(site)
        made.append(back_up(system).manifest)
    assert [item.parent for item in made] == [None, *(item.label for item in made[:-1])]
    return made


def left(directory: Path) -> list[str]:
    """What a failed restore has left beside its target."""
    return [path.name for path in directory.iterdir() if path.name.startswith("copy")]


@pytest.mark.parametrize("links", [1, 2])
def test_the_mark_of_a_full_recovery_is_there_from_the_beginning_to_the_end(
    links: int, summarizing: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """Also where the first copy is damaged and undone; by it what a killed run has left is known."""
    names = ("first", "second")
    system = system_for(summarizing.url, *(StoreSettings(name, "local", path=tmp_path / name) for name in names))
    chain = make_chain(summarizing, system, links)
    DAMAGES["truncated"](next((tmp_path / "first" / "shop" / "base" / chain[0].label).glob("base.tar*")))
    copy = tmp_path / "copy"
    copy.mkdir(mode=0o700)
    claim(copy, "a run", others=belonging_to(copy))
    restored = bring_back(system, chain[-1].label, copy)
    ours = is_free(copy)
    check_cluster(system, chain[-1], copy).require(chain[-1].label)

    assert "second" in restored.store
    assert read_unfinished(copy) == "a run"
    assert ours


@pytest.mark.parametrize("damage", ["bit flipped in the middle", "truncated", "removed"])
@pytest.mark.parametrize("place", [0, 1])
def test_a_damaged_part_is_taken_from_the_next_store(
    damage: str, place: int, summarizing: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """Each part on its own: the note names the part and the store, the copy is whole."""
    names = ("first", "second")
    system = system_for(summarizing.url, *(StoreSettings(name, "local", path=tmp_path / name) for name in names))
    chain = make_chain(summarizing, system, 2)
    DAMAGES[damage](next((tmp_path / "first" / "shop" / "base" / chain[place].label).glob("base.tar*")))

    restored = bring_back(system, chain[-1].label, tmp_path / "copy")
    check_cluster(system, chain[-1], tmp_path / "copy").require(chain[-1].label)

    (note,) = restored.notes
    assert note.startswith(f"{chain[place].label}: the copy in first could not be used")
    assert restored.store == ("second and first" if place == 0 else "first and second")


def test_a_part_that_is_damaged_everywhere_leaves_nothing_behind(
    summarizing: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """An older chain or backup has to do; the target is as it was, a directory that was there still is."""
    system = system_for(summarizing.url)
    chain = make_chain(summarizing, system)
    DAMAGES["bit flipped in the middle"](next((tmp_path / "backups/shop/base" / chain[1].label).glob("base.tar*")))
    target = tmp_path / "copy"
    target.mkdir()

    with pytest.raises(BackupInvalid, match="damaged"):
        bring_back(system, chain[-1].label, target)

    assert left(tmp_path) == ["copy"]
    assert not list(target.iterdir())


@pytest.mark.parametrize("was_there", [True, False])
def test_parts_that_do_not_fit_together_are_told_and_taken_back(
    was_there: bool, summarizing: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """A manifest with the wrong parent: PostgreSQL's program finds out, and the target is as it was before."""
    system = system_for(summarizing.url)
    full, _, newest = make_chain(summarizing, system)
    store = open_repository(system).store("local")
    target = tmp_path / "copy"
    if was_there:
        target.mkdir()

    with pytest.raises(BackupInvalid, match="do not make a cluster") as caught:
        restore_chain(system, (full, replace(newest, parent=full.label)), lambda _: (store,), target)

    assert "pg_combinebackup: error" in caught.value.detail
    assert left(tmp_path) == (["copy"] if was_there else [])
    assert not was_there or not list(target.iterdir())


def test_a_disk_that_is_too_small_is_told_before_anything_is_unpacked(
    summarizing: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """The parts lie side by side for a while: how much is needed and how much there is, in words."""
    system = system_for(summarizing.url)
    chain = make_chain(summarizing, system)
    with small_disk(tmp_path / "disk", 60) as disk:
        with pytest.raises(StoreFull, match=r"needs 0\.\d+ GB in .*disk, and 0\.06 are free") as caught:
            bring_back(system, chain[-1].label, disk / "copy")

        assert caught.value.hint
        assert not list(disk.iterdir())


def test_the_space_that_is_asked_for_suffices(summarizing: Site, system_for: SystemFor, tmp_path: Path) -> None:
    """On a disk with a little more than the check wants, the chain is restored; the check is no scare."""
    system = system_for(summarizing.url)
    chain = make_chain(summarizing, system)
    with small_disk(tmp_path / "disk", 60) as disk, pytest.raises(StoreFull) as caught:
        bring_back(system, chain[-1].label, disk / "copy")
    gigabytes = float(caught.value.message.split("needs ")[1].split()[0])
    with small_disk(tmp_path / "enough", int(gigabytes * 1000) + 10) as disk:
        bring_back(system, chain[-1].label, disk / "copy")

        assert (disk / "copy" / "recovery.signal").exists()


def test_a_chain_with_a_part_left_out_is_refused(summarizing: Site, system_for: SystemFor, tmp_path: Path) -> None:
    """Before anything is read, whichever part it is; also one that begins with an incremental backup."""
    system = system_for(summarizing.url)
    make_chain(summarizing, system)
    oldest, middle, newest = chain_of(system, str(open_repository(system).list().backups[0].label))

    def stores_of(_: Manifest) -> tuple[Store, ...]:
        raise StoreError("nothing may be read")

    for wrong in ((oldest, newest), (middle, newest), ()):
        with pytest.raises(BackupInvalid):
            restore_chain(system, wrong, stores_of, tmp_path / "copy")
    assert not left(tmp_path)


def test_an_incremental_backup_alone_is_not_laid_out(summarizing: Site, system_for: SystemFor, tmp_path: Path) -> None:
    """Somebody's copy of its files: refused with what it needs, instead of a directory that does not start."""
    system = system_for(summarizing.url)
    full, increment = make_chain(summarizing, system, 2)
    file = next((tmp_path / "backups" / "shop" / "base" / increment.label).glob("base.tar*"))

    with pytest.raises(BackupInvalid, match=f"only what has changed since {full.label}"):
        restore_cluster(system, find_backup(system, str(file), None), tmp_path / "copy")
    assert not left(tmp_path)


def test_what_lies_beside_the_target_is_not_overwritten(
    summarizing: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """The directory of the parts may hold somebody's files, or those of a restore that was killed."""
    system = system_for(summarizing.url)
    chain = make_chain(summarizing, system, 2)
    (tmp_path / "copy_chain").mkdir()
    (tmp_path / "copy_chain" / "mine").write_text("x")

    with pytest.raises(TargetRefused, match="copy_chain is not empty"):
        bring_back(system, chain[-1].label, tmp_path / "copy")
    assert (tmp_path / "copy_chain" / "mine").exists()


@pytest.mark.incident("I12")
def test_an_incremental_backup_killed_outright_is_never_listed(system_for: SystemFor, tmp_path: Path) -> None:
    """kill -9 in the middle: no manifest, the chain is as it was, and the next incremental one hangs on the same."""
    for site in make_site(tmp_path / "site", MAJORS[-1], {"summarize_wal": "on"}):
        system = system_for(site.url)
        full = back_up(system)
        with connected(site.url) as connection:
            connection.execute(
                "CREATE TABLE bulk AS SELECT i, sha512(i::text::bytea) AS b FROM generate_series(1, 900000) AS i"
            )
        program = (
            "import sys, pickle; from dr.operations.back_up_cluster import back_up_cluster; "
            "back_up_cluster(pickle.load(sys.stdin.buffer), run='test', cloud=True)"
        )
        process = subprocess.Popen((sys.executable, "-c", program), stdin=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write(pickle.dumps(system))
        process.stdin.close()
        root = tmp_path / "backups" / "shop" / "base"
        end = time.monotonic() + 30
        while time.monotonic() < end and not list(root.glob("*_incr/*")) and not list(root.glob("*_incr/.*")):
            time.sleep(0.01)
        process.kill()
        process.wait()

        assert list(root.glob("*_incr")), "it had begun"
        assert [item.manifest for item in open_repository(system).list().backups] == [
            chain_of(system, full.manifest.label)[0]
        ]
        following = back_up(system)
        assert following.manifest.parent == full.manifest.label
