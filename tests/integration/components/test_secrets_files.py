"""Secrets in files, and what does not depend on where secrets are kept."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.catalog.manifest import Role
from dr.components.protocol import Laid, PutsBack
from dr.components.registry import BY_KIND
from dr.configuration.components.secrets import SecretsSettings
from dr.errors import BackupNotFound, PrivilegeMissing, SourceBusy, SourceError, SourceInvalid, TargetRefused
from tests.integration.components.shelf import Shelf, failed
from tests.unit.crypto.keyrings import People


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory as an orchestrator mounts secrets: real files behind a link, and one file of odd bytes."""
    real = tmp_path / "etc" / "..2024"
    real.mkdir(parents=True)
    (real / "password").write_text("correct horse")
    (tmp_path / "etc" / "..data").symlink_to("..2024")
    (tmp_path / "etc" / "password").symlink_to("..data/password")
    (tmp_path / "etc" / "key.bin").write_bytes(b"\x00\xff\n\x80")
    (tmp_path / "etc" / "key.bin").chmod(0o440)
    return tmp_path / "etc"


def with_secrets(shelf: Shelf, *paths: Path) -> Shelf:
    """A system that has these files."""
    return shelf.with_components(secrets=SecretsSettings(paths=paths))


def put_back(shelf: Shelf, directory: str, *wanted: str) -> Laid:
    """What lies in a directory, into service."""
    component = BY_KIND[Kind.SECRETS].open(shelf.system)
    assert isinstance(component, PutsBack)
    return component.put_back(shelf.manifest(Kind.SECRETS), Path(directory), wanted)


@pytest.mark.incident("I21")
def test_lost_files_come_back_to_where_they_were(shelf: Shelf, place: Path) -> None:
    """Backed up, removed, put back: bytes and mode; what a link led to is a file then."""
    shelf = with_secrets(shelf, place)
    published = shelf.back_up(Kind.SECRETS)
    shutil.rmtree(place)

    restored = shelf.restore(Kind.SECRETS)
    probes = shelf.question(Kind.SECRETS, restored)
    laid = put_back(shelf, restored.directory)

    assert published.level == "listed"
    assert not failed(probes)
    assert laid.count == 3
    assert (place / "password").read_text() == "correct horse"
    assert (place / "key.bin").read_bytes() == b"\x00\xff\n\x80"
    assert (place / "key.bin").stat().st_mode & 0o777 == 0o440


def test_a_file_with_other_bytes_is_replaced_only_when_it_is_named(shelf: Shelf, place: Path) -> None:
    """Refused as a whole first; named, it is replaced and keeps the mode it has now."""
    shelf = with_secrets(shelf, place)
    shelf.back_up(Kind.SECRETS)
    restored = shelf.restore(Kind.SECRETS)
    file = place / "key.bin"
    file.chmod(0o600)
    file.write_bytes(b"newer")

    with pytest.raises(TargetRefused):
        put_back(shelf, restored.directory)
    untouched = file.read_bytes()
    put_back(shelf, restored.directory, f"files{file}")

    assert untouched == b"newer"
    assert file.read_bytes() == b"\x00\xff\n\x80"
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_is_no_secret_file_is_not_passed_over(shelf: Shelf, place: Path) -> None:
    """A pipe and a link that leads elsewhere are counted as left out; a huge file is refused by name."""
    os.mkfifo(place / "pipe")
    (place / "elsewhere").symlink_to(shelf.directory)
    shelf = with_secrets(shelf, place)
    contents = shelf.draft(Kind.SECRETS).manifest.component
    with (place / "huge").open("wb") as stream:
        stream.truncate(17 << 20)

    assert contents is not None
    assert contents.warnings == ("files: 2 paths left out: neither a file nor a directory",)
    with pytest.raises(SourceInvalid, match="that is no secret"):
        shelf.draft(Kind.SECRETS)


def test_a_file_that_never_has_the_length_it_says_is_busy(shelf: Shelf) -> None:
    """As one does that is written to whenever it is read; the kernel's own files always do."""
    with pytest.raises(SourceBusy, match="written to"):
        with_secrets(shelf, Path("/proc/uptime")).draft(Kind.SECRETS)


def test_a_path_that_is_not_there_is_an_error_and_one_that_is_closed_is_too(shelf: Shelf, place: Path) -> None:
    """Before anything is written."""
    with pytest.raises(SourceError, match="not there"):
        with_secrets(shelf, place / "missing").draft(Kind.SECRETS)
    if os.geteuid() == 0:
        return
    (place / "key.bin").chmod(0)
    with pytest.raises(PrivilegeMissing):
        with_secrets(shelf, place / "key.bin").draft(Kind.SECRETS)


def test_the_manifest_tells_numbers_only(shelf: Shelf, place: Path) -> None:
    """No name and no hash that a guessed value would have; the same values give another digest every time."""
    shelf = with_secrets(shelf, place)
    first = shelf.draft(Kind.SECRETS).manifest
    second = shelf.draft(Kind.SECRETS).manifest

    assert "password" not in repr(first.component)
    assert str(place) not in repr(first)
    assert first.component is not None
    assert second.component is not None
    assert first.component.items[0].digest != second.component.items[0].digest
    assert first.component.facts["index_sha256"] != second.component.facts["index_sha256"]
    assert {item.packed_sha256 for item in first.objects}.isdisjoint(item.packed_sha256 for item in second.objects)


def test_stock_tools_open_the_document(shelf: Shelf, place: Path, people: People) -> None:
    """gpg and zstd give JSON with the value in plain, and an index with its hash."""
    shelf = with_secrets(shelf, place)
    shelf.back_up(Kind.SECRETS)
    stored = {path.name: path for path in shelf.files("local", Kind.SECRETS)}

    def opened(name: str) -> dict[str, list[dict[str, object]]]:
        plain = people.ring.gpg("--decrypt", stored[name])
        return dict(json.loads(subprocess.run(("zstd", "-dc"), input=plain, capture_output=True, check=True).stdout))

    values = {str(entry["path"]): entry["values"] for entry in opened("files.json.zst.gpg")["entries"]}
    hashes = {str(one["path"]): one["sha256"] for one in opened("index.json.zst.gpg")["values"]}
    file = str(place / "password")

    assert values[file][0]["value"] == "correct horse"  # type: ignore[index]
    assert hashes[file] == hashlib.sha256(b"correct horse").hexdigest()
    assert shelf.manifest(Kind.SECRETS).object_of(Role.INDEX) is not None


def test_an_index_of_another_backup_fails_the_question(shelf: Shelf, place: Path) -> None:
    """Values and hashes that were changed together still do not belong to this manifest."""
    shelf = with_secrets(shelf, place)
    shelf.back_up(Kind.SECRETS)
    restored = shelf.restore(Kind.SECRETS)
    index = Path(restored.directory, "index.json")
    file = Path(restored.directory, f"files{place}/key.bin")
    old, new = (hashlib.sha256(value).hexdigest() for value in (file.read_bytes(), b"another"))
    file.write_bytes(b"another")
    index.write_text(index.read_text().replace(old, new))

    assert [probe.name for probe in failed(shelf.question(Kind.SECRETS, restored))] == ["index of secrets"]


def test_a_copy_that_others_can_read_fails_the_question(shelf: Shelf, place: Path) -> None:
    """Secrets that lie open are none."""
    shelf = with_secrets(shelf, place)
    shelf.back_up(Kind.SECRETS)
    restored = shelf.restore(Kind.SECRETS)
    Path(restored.directory, "index.json").chmod(0o644)

    assert [probe.name for probe in failed(shelf.question(Kind.SECRETS, restored))] == ["permissions of secrets"]


def test_a_part_is_restored_by_name_and_an_unknown_name_is_said(shelf: Shelf, place: Path) -> None:
    """Named by what it lies in, or itself."""
    shelf = with_secrets(shelf, place)
    shelf.back_up(Kind.SECRETS)
    part = Path(shelf.restore(Kind.SECRETS, wanted=(f"files{place}/key.bin",)).directory)

    files = [path for path in part.rglob("*") if path.is_file() and "files" in path.relative_to(part).parts[0]]
    assert [path.name for path in files] == ["key.bin"]
    with pytest.raises(BackupNotFound):
        shelf.restore(Kind.SECRETS, wanted=("aws/shop",))


@pytest.mark.incident("I21")
def test_masks_in_a_file_are_no_backup(shelf: Shelf, place: Path) -> None:
    """An environment file that somebody exported with asterisks."""
    file = place.parent / "masked.env"
    file.write_text("# shop\nexport DB_PASSWORD=********\nTOKEN: '<redacted>'\n")

    with pytest.raises(SourceInvalid, match="every value is a mask"):
        with_secrets(shelf, file).draft(Kind.SECRETS)
