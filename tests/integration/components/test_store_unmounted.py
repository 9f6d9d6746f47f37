"""A store on a disk that is not mounted: refused, and not begun anew in the empty mount point."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.configuration.components.files import FilesSettings
from dr.errors import StoreEmptied
from dr.operations.find_backup import find_backup
from dr.operations.known_stores import begin_anew
from dr.operations.repositories import open_repository
from tests.integration.components.shelf import Shelf


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    """A few files of users."""
    place = tmp_path / "uploads"
    place.mkdir()
    (place / "one").write_text("first")
    return place


@pytest.fixture
def mounted(shelf: Shelf) -> Iterator[Path]:
    """The disk of the store ``local``, mounted; root's business, elsewhere a directory that is moved away."""
    place = shelf.directory / "local"
    place.mkdir(exist_ok=True)
    if os.geteuid() == 0:
        subprocess.run(("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(place)), check=True)
    yield place
    if os.path.ismount(place):
        subprocess.run(("umount", str(place)), check=True)


def unmount(place: Path) -> None:
    """The disk goes, its mount point stays and is empty."""
    if os.path.ismount(place):
        subprocess.run(("umount", str(place)), check=True)
    else:
        place.rename(place.with_name("away"))
        place.mkdir()


def test_an_empty_mount_point_is_not_taken_for_a_new_store(shelf: Shelf, uploads: Path, mounted: Path) -> None:
    """The backup goes into the other store and says what is wrong; nothing is written below the mount point."""
    shelf = shelf.with_components(files=FilesSettings(directories=(uploads,)))
    shelf.back_up(Kind.FILES)
    open_repository(shelf.system)
    unmount(mounted)

    published = shelf.back_up(Kind.FILES)

    assert published.stores == ("second",)
    assert "local has lost what it held" in str(published.problems)
    assert list(mounted.iterdir()) == []
    listing = open_repository(shelf.system).list()
    assert isinstance(listing.failures["local"], StoreEmptied)
    assert "begin-anew local" in listing.failures["local"].hint


@pytest.mark.incident("I18")
def test_a_disk_that_goes_while_a_process_runs_is_not_written_below(shelf: Shelf, uploads: Path, mounted: Path) -> None:
    """A receiver of WAL opens its stores once: what it wrote there would be out of sight with the disk back."""
    shelf = shelf.with_components(files=FilesSettings(directories=(uploads,)))
    shelf.back_up(Kind.FILES)
    opened_once = open_repository(shelf.system).store("local")
    key = f"{shelf.system.name}/wal/written-by-the-receiver"
    opened_once.put_bytes(key, b"first")
    unmount(mounted)

    with pytest.raises(StoreEmptied, match="local has lost what it held"):
        opened_once.put_bytes(key, b"second")
    assert list(mounted.iterdir()) == []
    (mounted / shelf.system.name / "wal").mkdir(parents=True)  # left by somebody else who looked at nothing
    with pytest.raises(StoreEmptied):
        open_repository(shelf.system).store("local").head(key)


def test_a_store_that_was_emptied_on_purpose_is_begun_anew_when_that_is_said(
    shelf: Shelf, uploads: Path, mounted: Path
) -> None:
    """And an older backup is found in the store that still has it, before and after."""
    shelf = shelf.with_components(files=FilesSettings(directories=(uploads,)))
    first = shelf.back_up(Kind.FILES)
    open_repository(shelf.system)
    unmount(mounted)
    assert find_backup(shelf.system, first.label, Kind.FILES).stores == ("second",)

    begin_anew(shelf.system, "local")
    published = shelf.back_up(Kind.FILES)

    assert published.problems == ()
    assert published.stores == ("local", "second")
    assert (mounted / shelf.system.name).is_dir()
