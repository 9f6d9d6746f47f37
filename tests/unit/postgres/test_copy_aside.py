"""A stopped server's directory is copied aside whole, and what bears the copy's name is on its disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from dr.errors import RecoveryFailed
from dr.postgres.own_files import keep_copy

NOTES = 'for last; do :; done\nls -d "$0.seen"/data_diverged_* 2>/dev/null | sed "s,.*/,," | tr "\\n" " " >>"$0.log"\n'


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with a tablespace."""
    made = tmp_path / "place" / "data"
    (made / "pg_tblspc").mkdir(parents=True)
    (made / "base").write_bytes(os.urandom(5000))
    (tmp_path / "space").mkdir()
    (tmp_path / "space" / "16400").write_bytes(os.urandom(5000))
    (made / "pg_tblspc" / "16385").symlink_to(tmp_path / "space")
    return made


@pytest.fixture
def disk(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The real ``sync``, and in front of it a program that notes which copies have their names already."""
    program = tmp_path / "bin" / "sync"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n{NOTES}echo "$last" >>"$0.log"\nexec {shutil.which("sync")} "$@"\n')
    program.chmod(0o755)
    (program.parent / "sync.seen").symlink_to(data.parent)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return program


def test_a_copy_has_its_name_only_once_it_is_on_the_disk(data: Path, disk: Path) -> None:
    """Both parts of it: a name that outlives a power cut must not stand for half a cluster. Then the name as well."""
    copy = keep_copy(data, "1")
    told = disk.with_name("sync.log").read_text().splitlines()

    assert (copy / "base").read_bytes() == (data / "base").read_bytes()
    spaces = copy.with_name(f"{copy.name}_tablespaces")
    assert (spaces / "16385" / "16400").read_bytes() == (data / "pg_tblspc" / "16385" / "16400").read_bytes()
    before = f"{copy.name}.making {spaces.name} "
    assert told == [
        f"{before}{copy.with_name(f'{copy.name}.making')}",
        f"{before}{spaces}",
        f"{copy.name} {spaces.name} {copy.parent}",
    ]


def test_a_disk_that_cannot_keep_it_leaves_no_copy_of_that_name(data: Path, disk: Path) -> None:
    """The next attempt makes it anew."""
    working = disk.read_text()
    disk.write_text("#!/bin/sh\necho 'Input/output error' >&2\nexit 1\n")
    with pytest.raises(RecoveryFailed, match="is not safe on its disk"):
        keep_copy(data, "1")
    left = [path.name for path in data.parent.glob("data_diverged_1")]
    disk.write_text(working)

    assert left == []
    assert (keep_copy(data, "1") / "base").exists()
