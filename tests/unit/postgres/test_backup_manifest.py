"""Restored files against PostgreSQL's own manifest: the verdict is that of pg_verifybackup."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.errors import BackupInvalid
from dr.postgres.backup_manifest import differences, read_manifest, verify_files
from tests.unit.postgres.manifests import listing, make_backup, manifest_of, peer_verdict, working_peer


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A backup to make copies of."""
    return make_backup(tmp_path_factory.mktemp("backup"))


@pytest.fixture(scope="module")
def peer(model) -> Path:
    """PostgreSQL's own program."""
    return working_peer(model)


@pytest.fixture
def backup(model, tmp_path) -> Path:
    """A copy that may be damaged."""
    return shutil.copytree(model, tmp_path / "copy")


def _verdict(directory: Path) -> tuple[bool, str]:
    try:
        verify_files(directory)
    except BackupInvalid as error:
        return False, str(error)
    return True, ""


def _flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def _tablespace_behind_a_link(directory: Path) -> None:
    elsewhere = directory.with_name("space")
    shutil.move(directory / "pg_tblspc" / "16385", elsewhere)
    (directory / "pg_tblspc" / "16385").symlink_to(elsewhere)


def _no_manifest_of_its_own(directory: Path) -> None:
    (directory / "backup_manifest").write_bytes(manifest_of([]))


def _directory_for_file(directory: Path) -> None:
    (directory / "base/5/empty").unlink()
    (directory / "base/5/empty").mkdir()


def _deeper_pg_wal(directory: Path) -> None:
    (directory / "base/pg_wal").mkdir()
    (directory / "base/pg_wal/x").touch()


MISHAPS: dict[str, Callable[[Path], object]] = {
    "nothing happened": lambda d: None,
    "a relation is missing": lambda d: (d / "base/5/1259").unlink(),
    "a relation is shorter": lambda d: os.truncate(d / "base/5/1259", 4096),
    "a relation is longer": lambda d: os.truncate(d / "base/5/1259", 16384),
    "a relation has a flipped bit": lambda d: _flip(d / "base/5/1259"),
    "pg_control has a flipped bit": lambda d: _flip(d / "global/pg_control"),
    "an empty file is missing": lambda d: (d / "base/5/empty").unlink(),
    "an empty file is not empty": lambda d: (d / "base/5/empty").write_text("x"),
    "there is a file too many": lambda d: (d / "base/5/9999").write_text("x"),
    "there is an empty file too many": lambda d: (d / "base/5/9999").touch(),
    "there is a directory too many": lambda d: (d / "base/6").mkdir(),
    "an empty directory is missing": lambda d: (d / "pg_notify").rmdir(),
    "a directory stands where a file was": _directory_for_file,
    "a configuration was changed": lambda d: (d / "postgresql.conf").write_text("port = 1\n"),
    "ALTER SYSTEM was used": lambda d: (d / "postgresql.auto.conf").write_text("port = '1'\n"),
    "postgresql.auto.conf is missing": lambda d: (d / "postgresql.auto.conf").unlink(),
    "recovery was asked for": lambda d: (d / "recovery.signal").touch(),
    "a standby was asked for": lambda d: (d / "standby.signal").touch(),
    "a standby was asked for in the wrong place": lambda d: (d / "base/standby.signal").touch(),
    "WAL was added": lambda d: (d / "pg_wal/000000010000000000000003").write_text("x"),
    "WAL was changed": lambda d: _flip(d / "pg_wal/000000010000000000000002"),
    "WAL is missing": lambda d: shutil.rmtree(d / "pg_wal"),
    "a relation's directory is called pg_wal": _deeper_pg_wal,
    "a file's name begins like one that is ignored": lambda d: (d / "pg_wal_old").touch(),
    "a tablespace's file has a flipped bit": lambda d: _flip(d / "pg_tblspc/16385/PG_15_202209061/5/16400"),
    "a tablespace's file is missing": lambda d: (d / "pg_tblspc/16385/PG_15_202209061/5/16400").unlink(),
    "a tablespace has a file too many": lambda d: (d / "pg_tblspc/16385/PG_15_202209061/5/1").write_text("x"),
    "a tablespace lies behind a link": _tablespace_behind_a_link,
    "a link leads nowhere": lambda d: (d / "base/5/9999").symlink_to("/nowhere"),
    "a manifest of nothing": _no_manifest_of_its_own,
}


@pytest.mark.parametrize("mishap", MISHAPS)
def test_our_verdict_is_that_of_pg_verifybackup(backup, peer, mishap):
    """For every kind of damage, and for what is none."""
    MISHAPS[mishap](backup)

    theirs, said = peer_verdict(peer, backup)
    ours, why = _verdict(backup)

    assert ours == theirs, f"pg_verifybackup: {said}; we: {why or 'fine'}"


def test_the_first_differences_are_named(backup):
    """A person sees which files, and how many more."""
    for number in range(12):
        (backup / f"base/5/9{number:03}").touch()
    _flip(backup / "base/5/1259")

    with pytest.raises(BackupInvalid, match="13 files restored into") as caught:
        verify_files(backup)

    assert caught.value.detail.startswith("base/5/1259 has other content; base/5/9000 is not in the manifest")
    assert caught.value.detail.endswith("and 3 more")
    assert caught.value.hint


def test_a_path_that_is_no_text_is_read_as_postgresql_writes_it(backup):
    """Names in another encoding come in hex."""
    name = b"base/5/caf\xe9"
    Path(os.fsdecode(os.fsencode(backup) + b"/" + name)).write_bytes(b"latin")
    files = [item for item in listing(backup) if not item["Path"].startswith(("pg_wal/", "backup_manifest"))]
    for item in files:
        if os.fsencode(item["Path"]) == name:
            del item["Path"]
            item["Encoded-Path"] = name.hex()
    (backup / "backup_manifest").write_bytes(manifest_of(files))

    assert _verdict(backup) == (True, "")


def test_files_without_checksums_are_compared_by_size(tmp_path):
    """MANIFEST_CHECKSUMS 'NONE' leaves no more to compare."""
    (tmp_path / "PG_VERSION").write_text("15\n")
    listed = read_manifest(manifest_of([{"Path": "PG_VERSION", "Size": 3}]))

    assert differences(tmp_path, listed) == []
    (tmp_path / "PG_VERSION").write_text("15\n\n")
    assert differences(tmp_path, listed) == ["PG_VERSION has 4 bytes instead of 3"]


def test_other_checksums_are_refused_and_not_passed_over():
    """What cannot be compared is not called equal."""
    files = [{"Path": "PG_VERSION", "Size": 3, "Checksum-Algorithm": "SHA256", "Checksum": "00" * 32}]

    with pytest.raises(BackupInvalid, match="SHA256"):
        read_manifest(manifest_of(files))


def test_a_changed_manifest_is_refused(model):
    """It guards itself: nobody takes a file out of it, nor a byte of one."""
    data = (model / "backup_manifest").read_bytes()

    with pytest.raises(BackupInvalid, match="does not match its own checksum"):
        read_manifest(data.replace(b'"Size": 8192', b'"Size": 8191', 1))
    with pytest.raises(BackupInvalid):
        read_manifest(data[: len(data) // 2])


@given(st.binary(max_size=60))
def test_garbage_is_refused(data):
    """Whatever lies there: an error that can be told, and no other."""
    with pytest.raises(BackupInvalid):
        read_manifest(data)


@pytest.mark.parametrize(
    "item",
    [
        1,
        None,
        [],
        {},
        {"Path": "x"},
        {"Path": "x", "Size": "many"},
        {"Encoded-Path": "zz", "Size": 1},
        {"Path": 3, "Size": 1},
    ],
    ids=json.dumps,
)
def test_a_manifest_with_senseless_entries_is_refused(item):
    """With a good checksum around them."""
    with pytest.raises(BackupInvalid):
        read_manifest(manifest_of([item]))
