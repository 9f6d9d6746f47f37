"""Uploads: backed up into packs, destroyed, and brought back exactly as they were."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from dr.catalog.file_index import FileEntry
from dr.catalog.labels import Kind
from dr.catalog.manifest import Role
from dr.components.files import list_files
from dr.configuration.components.files import FilesSettings
from dr.crypto.gnupg import opened
from dr.errors import BackupInvalid, BackupNotFound, ConfigurationError, SourceInvalid
from dr.operations.component.source import StoreSource
from dr.operations.prove import prove
from dr.operations.publish import publish
from dr.operations.repositories import open_repository
from tests.integration.components.shelf import Shelf, failed
from tests.integration.components.uploads import LARGE_BYTES, SPARSE_BYTES, make_uploads, seen


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    """Everything that a directory can hold."""
    return make_uploads(tmp_path / "uploads")


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Three files that fill a pack of 1 MiB each."""
    directory = tmp_path / "few"
    directory.mkdir()
    for name in ("one", "two", "three"):
        (directory / name).write_bytes(random.Random(name).randbytes(900_000))
    return directory


def protecting(shelf: Shelf, *directories: Path, **settings: object) -> Shelf:
    """The shelf with these directories to protect."""
    return shelf.with_components(files=FilesSettings(directories=directories, **settings))  # type: ignore[arg-type]


def packs(shelf: Shelf, store: str = "local") -> list[Path]:
    """The packs in one store."""
    return [path for path in shelf.files(store, Kind.FILES) if "-packs" in str(path)]


def spoil(path: Path) -> None:
    """Flip one bit in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def entries(shelf: Shelf, prefix: str = "") -> list[FileEntry]:
    """What the newest backup lists, from the first store."""
    store = open_repository(shelf.system).store("local")
    with opened(shelf.system.encryption) as cipher:
        return list(list_files(StoreSource(store, shelf.manifest(Kind.FILES), cipher), prefix))


def test_a_destroyed_directory_comes_back_exactly_as_it_was(shelf: Shelf, uploads: Path) -> None:
    """Contents, owners, modes, times, links, holes, attributes and odd names; and the copy itself agrees."""
    shelf = protecting(shelf, uploads)
    before = seen(uploads)
    published = shelf.back_up(Kind.FILES)
    shutil.rmtree(uploads)

    restored = shelf.restore(Kind.FILES)

    back = Path(restored.directory) / "uploads"
    assert published.level == "listed"
    assert published.problems == ()
    assert seen(back) == before
    assert (back / "sparse").stat().st_blocks * 512 < SPARSE_BYTES // 10
    assert (back / "nothing but a hole").stat().st_blocks == 0
    assert not failed(shelf.question(Kind.FILES, restored))
    assert any(f"was {uploads}" in note for note in restored.laid.notes)


def test_a_second_backup_stores_only_what_is_new(shelf: Shelf, uploads: Path) -> None:
    """Of a large file that was appended to, only its last piece; the manifest names every pack that is needed."""
    shelf = protecting(shelf, uploads)
    first = shelf.back_up(Kind.FILES)
    with (uploads / "large").open("ab") as stream:
        stream.write(b"more")
    before = seen(uploads)

    second = shelf.back_up(Kind.FILES)

    objects = shelf.manifest(Kind.FILES).objects
    new = [item for item in objects if second.label in item.key and item.role is Role.PACK]
    assert sum(item.plain_bytes or 0 for item in new) < LARGE_BYTES - (16 << 20) + 10_000
    assert any(first.label in item.key for item in objects)
    assert len(packs(shelf)) == 2
    assert sorted(path.name for path in packs(shelf, "second")) == sorted(path.name for path in packs(shelf))
    assert seen(Path(shelf.restore(Kind.FILES).directory) / "uploads") == before
    assert failed(shelf.question(Kind.FILES, shelf.restore(Kind.FILES, label=first.label))) == []


def test_a_file_exchanged_under_its_old_time_and_size_is_read(shelf: Shelf, few: Path) -> None:
    """Whoever sets a file's time back cannot set back when its inode was changed."""
    shelf = protecting(shelf, few)
    shelf.back_up(Kind.FILES)
    status = (few / "one").stat()
    (few / "one").write_bytes(b"x" * status.st_size)
    os.utime(few / "one", ns=(status.st_atime_ns, status.st_mtime_ns))

    shelf.back_up(Kind.FILES)

    restored = Path(shelf.restore(Kind.FILES).directory)
    assert (restored / "few" / "one").read_bytes() == b"x" * status.st_size


def test_one_path_needs_its_own_pack_only(shelf: Shelf, few: Path) -> None:
    """With the other packs gone from every store, it is restored, by its path on the host or in the backup."""
    shelf = protecting(shelf, few, pack_mib=1)
    shelf.back_up(Kind.FILES)
    (one,) = entries(shelf, "few/one")
    content = (few / "one").read_bytes()
    assert len(packs(shelf)) == 3
    for store in ("local", "second"):
        for path in packs(shelf, store):
            if one.pieces[0].pack not in path.name:
                path.unlink()

    restored = [shelf.restore(Kind.FILES, wanted=(name,)) for name in ("few/one", str(few / "one"))]

    for copy in restored:
        back = Path(copy.directory) / "few"
        assert [path.name for path in back.iterdir()] == ["one"]
        assert (back / "one").read_bytes() == content
        assert back.stat().st_mtime_ns == few.stat().st_mtime_ns


def test_what_is_not_in_a_backup_is_said_to_be_missing(shelf: Shelf, few: Path) -> None:
    """Neither an empty directory nor another store's copy is an answer."""
    shelf = protecting(shelf, few)
    shelf.back_up(Kind.FILES)
    target = shelf.directory / "target"

    with pytest.raises(BackupNotFound, match="few/four"):
        shelf.restore(Kind.FILES, target, wanted=("few/one", "few/four"))

    assert not target.exists()


def test_a_damaged_pack_is_taken_from_the_next_store(shelf: Shelf, few: Path) -> None:
    """One pack is bad in each store, another one each: together they are whole, and a note names both."""
    shelf = protecting(shelf, few, pack_mib=1)
    shelf.back_up(Kind.FILES)
    before = seen(few)
    first, second = packs(shelf)[0], packs(shelf, "second")[1]
    spoil(first)
    second.unlink()

    restored = shelf.restore(Kind.FILES)

    assert restored.store == "local"
    assert seen(Path(restored.directory) / "few") == before
    assert any(first.name in note and "local" in note for note in restored.laid.notes)

    spoil(packs(shelf, "second")[0])
    with pytest.raises(BackupInvalid, match=first.name):
        shelf.restore(Kind.FILES, shelf.directory / "target")
    assert not (shelf.directory / "target").exists()


def test_a_store_that_lacks_a_pack_gets_it_from_another(shelf: Shelf, few: Path) -> None:
    """Lost in one store it is copied; lost in both its files are packed anew. Each store alone is enough then."""
    shelf = protecting(shelf, few, pack_mib=1)
    shelf.back_up(Kind.FILES)
    before = seen(few)
    copied, lost = packs(shelf, "second")[0], packs(shelf)[1]
    content = copied.read_bytes()
    copied.unlink()
    for store in ("local", "second"):
        (shelf.directory / store / lost.relative_to(shelf.directory / "local")).unlink()

    published = shelf.back_up(Kind.FILES)

    assert published.problems == ()
    assert copied.read_bytes() == content
    assert not lost.exists()
    shutil.rmtree(shelf.directory / "local")
    assert seen(Path(shelf.restore(Kind.FILES).directory) / "few") == before


def test_a_pack_that_no_store_has_whole_is_not_relied_on(shelf: Shelf, few: Path) -> None:
    """Gone from one store and rotten in the other, with its size unchanged: its files are packed anew for both."""
    shelf = protecting(shelf, few, pack_mib=1)
    shelf.back_up(Kind.FILES)
    bad, gone = packs(shelf)[0], packs(shelf, "second")[0]
    spoil(bad)
    gone.unlink()

    published = shelf.back_up(Kind.FILES)

    assert published.problems == ()
    assert not gone.exists()
    assert not any(bad.name in item.key for item in shelf.manifest(Kind.FILES).objects)
    for store in ("local", "second"):
        restored = shelf.restore(Kind.FILES, shelf.directory / f"from {store}")
        assert restored.store == store
        assert seen(Path(restored.directory) / "few") == seen(few)
        shutil.rmtree(shelf.directory / store)


def test_a_failed_run_removes_nothing_that_earlier_backups_need(shelf: Shelf, few: Path) -> None:
    """Its own objects go; the packs that it referred to stay, and the next run does not rely on what was lost."""
    shelf = protecting(shelf, few)
    first = shelf.back_up(Kind.FILES)
    before = seen(few)
    (few / "four").write_bytes(b"new")
    draft = shelf.draft(Kind.FILES)
    for store in ("local", "second"):
        for path in shelf.files(store, Kind.FILES):
            if draft.manifest.label in path.name:
                spoil(path)

    with pytest.raises(BackupInvalid, match="could be read back"):
        publish(shelf.system, draft, prove(shelf.system, draft, run="run-1"))

    assert seen(Path(shelf.restore(Kind.FILES, label=first.label).directory) / "few") == before
    assert not any(draft.manifest.label in path.name for path in packs(shelf))
    shelf.back_up(Kind.FILES)
    assert (Path(shelf.restore(Kind.FILES).directory) / "few" / "four").read_bytes() == b"new"


@pytest.mark.incident("I7")
def test_an_unmounted_disk_is_no_backup(shelf: Shelf, few: Path) -> None:
    """Missing or suddenly empty it is refused, and half of it is a problem of the run; said to be empty it is taken."""
    shelf = protecting(shelf, few)
    shelf.back_up(Kind.FILES)
    (few / "one").unlink()
    (few / "two").unlink()
    halved = shelf.back_up(Kind.FILES)
    (few / "three").unlink()

    with pytest.raises(SourceInvalid, match="is empty, and had 1 files"):
        shelf.back_up(Kind.FILES)
    (few / "lost+found").mkdir()
    with pytest.raises(SourceInvalid, match="is empty, and had 1 files"):
        shelf.back_up(Kind.FILES)

    assert any("has 1 files; the last backup had 3" in problem for problem in halved.problems)
    assert shelf.manifest(Kind.FILES).label == halved.label
    protecting(shelf, few, allow_empty=True).back_up(Kind.FILES)
    shutil.rmtree(few)
    with pytest.raises(SourceInvalid, match="does not exist"):
        shelf.back_up(Kind.FILES)


def test_a_backup_of_the_backups_is_refused(shelf: Shelf, few: Path) -> None:
    """Stores below a protected directory would be backed up into themselves; so would one directory twice."""
    with pytest.raises(ConfigurationError, match="lies in"):
        protecting(shelf, shelf.directory).back_up(Kind.FILES)
    (few / "below").mkdir()
    with pytest.raises(ConfigurationError, match="backed up too"):
        protecting(shelf, few, few / "below").back_up(Kind.FILES)


def test_two_directories_of_one_name_are_kept_apart(shelf: Shelf, tmp_path: Path) -> None:
    """And what is excluded, by name or by path, is not there."""
    places = [tmp_path / "a" / "media", tmp_path / "b" / "media"]
    for place in places:
        (place / "cache" / "x").mkdir(parents=True)
        (place / "keep").write_text(place.parent.name)
        (place / "half.tmp").write_text("unfinished")
    shelf = protecting(shelf, *places, exclude=("*.tmp", "cache/*"))
    shelf.back_up(Kind.FILES)

    back = Path(shelf.restore(Kind.FILES).directory)

    assert ((back / "media" / "keep").read_text(), (back / "media-2" / "keep").read_text()) == ("a", "b")
    assert sorted(path.name for path in (back / "media").rglob("*")) == ["cache", "keep"]


def test_the_question_finds_whatever_was_changed(shelf: Shelf, few: Path) -> None:
    """A byte, a mode, a file more, a file less: each is a failed answer, by its own name."""
    shelf = protecting(shelf, few)
    shelf.back_up(Kind.FILES)
    restored = shelf.restore(Kind.FILES)
    back = Path(restored.directory) / "few"
    status = (back / "one").stat()
    spoil(back / "one")
    os.utime(back / "one", ns=(status.st_atime_ns, status.st_mtime_ns))
    (back / "two").chmod(0o777)

    assert {probe.name for probe in failed(shelf.question(Kind.FILES, restored))} == {"contents", "modes and times"}
    (back / "three").rename(back / "four")
    (paths,) = [probe for probe in failed(shelf.question(Kind.FILES, restored)) if probe.name == "paths"]
    assert "few/three" in paths.detail
    assert "few/four" in paths.detail
    (Path(restored.directory) / ".dr-index.jsonl").write_text("{}")
    assert failed(shelf.question(Kind.FILES, restored))
