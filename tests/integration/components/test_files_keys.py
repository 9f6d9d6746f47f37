"""Uploads whose packs are shared from backup to backup, and keys that change in between."""

from __future__ import annotations

import dataclasses
import secrets
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.catalog.manifest import Role
from dr.configuration.components.files import FilesSettings
from dr.configuration.model import EncryptionSettings
from dr.errors import KeyUnusable
from dr.operations.component.listing import listed_files
from dr.secret import Secret
from tests.integration.components.shelf import Shelf, failed
from tests.unit.crypto.keyrings import People


@pytest.fixture
def uploads(shelf: Shelf, tmp_path: Path) -> Shelf:
    """A few files, to be backed up by a passphrase."""
    (tmp_path / "uploads").mkdir()
    for number in range(5):
        (tmp_path / "uploads" / f"{number}.txt").write_text(f"upload {number}")
    return with_passphrase(shelf.with_components(files=FilesSettings(directories=(tmp_path / "uploads",))))


def with_passphrase(shelf: Shelf) -> Shelf:
    """The same under a new passphrase."""
    return with_encryption(shelf, EncryptionSettings(passphrase=Secret(secrets.token_hex(16))))


def with_encryption(shelf: Shelf, encryption: EncryptionSettings) -> Shelf:
    """The same for other eyes."""
    return dataclasses.replace(shelf, system=dataclasses.replace(shelf.system, encryption=encryption))


def packs(shelf: Shelf) -> set[str]:
    """Those that the newest backup needs."""
    return {item.key for item in shelf.manifest(Kind.FILES).objects if item.role is Role.PACK}


@pytest.mark.incident("I22")
@pytest.mark.parametrize("to", ["another passphrase", "a key"])
def test_after_the_keys_have_changed_the_new_one_alone_restores_everything(
    uploads: Shelf, people: People, to: str
) -> None:
    """No pack under the old one is referred to, the run says so, and what was made before opens as before."""
    before = uploads.back_up(Kind.FILES).label
    old = packs(uploads)
    changed = with_passphrase(uploads) if to == "another passphrase" else with_encryption(uploads, people.settings)

    changed.back_up(Kind.FILES)

    assert not packs(changed) & old
    assert any("changed since the last backup" in note for note in changed.contents(Kind.FILES).notes)
    assert not failed(changed.question(Kind.FILES, changed.restore(Kind.FILES)))
    assert uploads.restore(Kind.FILES, label=before).laid.count >= 5


def test_under_the_same_passphrase_packs_are_shared(uploads: Shelf) -> None:
    """Nothing is stored twice, and nothing is said of keys."""
    uploads.back_up(Kind.FILES)
    old = packs(uploads)

    uploads.back_up(Kind.FILES)

    assert packs(uploads) == old
    assert uploads.contents(Kind.FILES).notes == ()


def test_a_list_under_another_passphrase_speaks_of_the_key(uploads: Shelf) -> None:
    """Not of damaged copies: somebody would throw away what is whole."""
    uploads.back_up(Kind.FILES)

    with pytest.raises(KeyUnusable):
        listed_files(with_passphrase(uploads).system, "latest", Kind.FILES)
