"""A damaged, foreign or mislabelled copy is refused with the reason, and the next copy is used instead."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dr.catalog import labels
from dr.catalog.labels import Kind, Label
from dr.configuration.model import StoreSettings, System
from dr.errors import BackupInvalid, BackupNotFound, KeyUnusable, RecoveryFailed
from dr.operations.back_up_database import back_up_database
from dr.operations.check_recovery import check_cluster
from dr.operations.find_backup import find_backup
from dr.operations.prove import prove
from dr.operations.publish import publish
from dr.operations.repositories import open_repository
from dr.operations.restore_cluster import restore_cluster
from dr.postgres.connection import connected
from tests.integration.engine.conftest import Site
from tests.integration.engine.procedures import make
from tests.quick_key import by_passphrase

SystemFor = Callable[..., System]


def archive_file(system: System, label: str, root: Path) -> Path:
    """The stored main archive of a base backup."""
    return next((root / system.name / "base" / label).glob("base.tar.*.gpg"))


def flip(file: Path, offset: int) -> None:
    """Change one bit."""
    data = bytearray(file.read_bytes())
    data[offset] ^= 0x10
    file.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "bit flipped at the beginning": lambda file: flip(file, 3),
    "bit flipped in the middle": lambda file: flip(file, file.stat().st_size // 2),
    "bit flipped at the end": lambda file: flip(file, file.stat().st_size - 2),
    "truncated": lambda file: os.truncate(file, file.stat().st_size - 5000),
    "emptied": lambda file: os.truncate(file, 0),
    "removed": lambda file: file.unlink(),
}


@pytest.fixture
def two_stores(tmp_path: Path) -> tuple[StoreSettings, StoreSettings]:
    """Two directories as two stores; the order is that of the configuration."""
    return (
        StoreSettings("first", "local", path=tmp_path / "first"),
        StoreSettings("second", "local", path=tmp_path / "second"),
    )


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_copy_is_undone_and_the_other_stores_copy_restores(
    damage: str, site: Site, system_for: SystemFor, tmp_path: Path, two_stores: tuple[StoreSettings, StoreSettings]
) -> None:
    """Whatever is wrong with the first copy, the recovery says so and ends well from the second."""
    system = system_for(site.url, *two_stores)
    published = make(system, Kind.BASE)
    DAMAGES[damage](archive_file(system, published.label, tmp_path / "first"))
    found = find_backup(system, "latest", Kind.BASE)
    restored = restore_cluster(system, found, tmp_path / "copy")

    assert restored.store == "second"
    assert any("first" in note for note in restored.notes)
    check_cluster(system, found.manifest, tmp_path / "copy").require(published.label)


def test_when_every_copy_is_damaged_the_target_is_left_empty(
    site: Site, system_for: SystemFor, tmp_path: Path, two_stores: tuple[StoreSettings, StoreSettings]
) -> None:
    """No half-restored directory is left behind for somebody to start at 3 a.m."""
    system = system_for(site.url, *two_stores)
    published = make(system, Kind.BASE)
    for root in ("first", "second"):
        flip(archive_file(system, published.label, tmp_path / root), 100_000)

    with pytest.raises(BackupInvalid, match="sha256") as caught:
        restore_cluster(system, find_backup(system, "latest", Kind.BASE), tmp_path / "copy")
    assert "older backup" in caught.value.hint
    assert not (tmp_path / "copy").exists()


@pytest.mark.incident("I20")
def test_a_stored_object_that_is_plaintext_is_never_published(
    site: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """Read-back notices that what lies in the store is not encrypted, and nothing is listed."""
    system = system_for(site.url)
    draft = back_up_database(system, run="test", cloud=True)
    file = tmp_path / "backups" / draft.manifest.objects[0].key
    file.write_bytes(b"CREATE TABLE users ();\n" * 1000)
    proofs = prove(system, draft, run="test")

    assert [proof.passed for proof in proofs] == [False]
    with pytest.raises(BackupInvalid, match="could be read back"):
        publish(system, draft, proofs)
    assert open_repository(system).list().backups == ()
    assert not file.exists()


@pytest.mark.incident("I12")
def test_an_object_that_changed_between_writing_and_reading_is_never_published(
    site: Site, system_for: SystemFor, tmp_path: Path, two_stores: tuple[StoreSettings, StoreSettings]
) -> None:
    """One bit differs in one store: that copy is not published, the other is, and the run knows."""
    system = system_for(site.url, *two_stores)
    draft = back_up_database(system, run="test", cloud=True)
    flip(tmp_path / "first" / draft.manifest.objects[0].key, 5000)
    published = publish(system, draft, prove(system, draft, run="test"))

    assert published.stores == ("second",)
    assert any("first" in problem for problem in published.problems)
    assert open_repository(system).find(Label.parse(published.label)).stores == ("second",)


def test_a_wrong_passphrase_is_told_from_damage(site: Site, system_for: SystemFor, tmp_path: Path) -> None:
    """The hint names the setting; the target stays clean."""
    system = system_for(site.url, encryption=by_passphrase())
    make(system, Kind.BASE)
    wrong = replace(system, encryption=by_passphrase())
    with pytest.raises(KeyUnusable) as caught:
        restore_cluster(wrong, find_backup(wrong, "latest", Kind.BASE), tmp_path / "copy")
    assert "BACKUP_ENCRYPTION_KEY" in caught.value.hint
    assert not (tmp_path / "copy").exists()


def test_unknown_labels_and_files_that_are_no_backups_say_what_to_do(
    site: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """A label that is not there, nonsense, and a file that is something else."""
    system = system_for(site.url)
    make(system, Kind.DUMP)
    with pytest.raises(BackupNotFound, match="backup_20200101_000000"):
        find_backup(system, "backup_20200101_000000", None)
    with pytest.raises(BackupNotFound, match="neither"):
        find_backup(system, "no-such-thing", None)
    other = tmp_path / "backup_20240101_020000.sql.gz.gpg"
    other.write_bytes(b"\x1f\x8b" + b"not encrypted" * 100)
    with pytest.raises(BackupInvalid, match="not an OpenPGP"):
        find_backup(system, str(other), None)


def test_a_manifest_swapped_with_anothers_is_noticed(site: Site, system_for: SystemFor, tmp_path: Path) -> None:
    """Objects of one backup under the manifest of another do not restore."""
    system = system_for(site.url)
    first, second = make(system, Kind.BASE), make(system, Kind.BASE)
    files = [archive_file(system, item.label, tmp_path / "backups") for item in (first, second)]
    one, two = (file.read_bytes() for file in files)
    files[0].write_bytes(two)
    files[1].write_bytes(one)
    with pytest.raises(BackupInvalid):
        restore_cluster(system, find_backup(system, first.label, None), tmp_path / "copy")


def test_a_backup_without_manifest_is_never_listed(site: Site, system_for: SystemFor, tmp_path: Path) -> None:
    """Objects whose manifest was never written do not exist for anybody."""
    system = system_for(site.url)
    published = make(system, Kind.DUMP)
    manifest = tmp_path / "backups" / labels.manifest_key(system.name, Label.parse(published.label))
    manifest.unlink()
    assert open_repository(system).list().backups == ()
    with pytest.raises(BackupNotFound):
        find_backup(system, "latest", Kind.DUMP)


@pytest.mark.incident("I13", "I29")
@pytest.mark.parametrize("place", ["the table itself", "its long values"])
def test_a_restored_copy_with_a_damaged_page_is_not_passed(
    place: str, site: Site, system_for: SystemFor, tmp_path: Path
) -> None:
    """One page overwritten on the restore host's disk: an index could answer count(*), so every page is read."""
    with connected(site.url) as connection:
        connection.execute("CREATE TABLE long (id int PRIMARY KEY, doc text)")
        connection.execute("ALTER TABLE long ALTER doc SET STORAGE EXTERNAL")
        connection.execute("INSERT INTO long SELECT i, repeat('x', 3000) FROM generate_series(1, 2000) AS i")
        connection.execute("VACUUM (FREEZE, ANALYZE) long")
        relation = "oid" if place == "the table itself" else "reltoastrelid"
        row = connection.execute(
            f"SELECT pg_relation_filepath({relation}) AS path FROM pg_class WHERE relname = 'long'"  # noqa: S608
        ).fetchone()
    assert row is not None
    try:
        system = system_for(site.url)
        make(system, Kind.BASE)
        found = find_backup(system, "latest", Kind.BASE)
        restore_cluster(system, found, tmp_path / "copy")
        with (tmp_path / "copy" / row["path"]).open("r+b") as file:
            file.seek(8192 * 3 + 4000)
            file.write(b"overwritten")
        with pytest.raises(RecoveryFailed, match="does not answer") as caught:
            check_cluster(system, found.manifest, tmp_path / "copy").require("the copy")
        assert "public.long: invalid page" in caught.value.detail
    finally:
        with connected(site.url) as connection:
            connection.execute("DROP TABLE long")
