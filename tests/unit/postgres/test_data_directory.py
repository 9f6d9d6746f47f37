"""Laying a physical backup out: only into an empty place, tablespaces to new places, no damage passed over."""

from __future__ import annotations

import io
import os
import re
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.errors import BackupInvalid, StoreFull, TargetRefused
from dr.operations.objects_back import feed
from dr.pipeline.launch import Account
from dr.pipeline.process import Exit
from dr.postgres.account import make_directory
from dr.postgres.data_directory import (
    UNFINISHED,
    check_target,
    link_tablespaces,
    made_within,
    read_tablespace_map,
    read_unfinished,
    request_recovery,
    untar,
    untar_error,
    write_tablespace_map,
    write_unfinished,
)

PATHS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12).map(lambda t: f"/{t}")


@pytest.mark.incident("I4")
class TestTargets:
    """Nothing is ever restored over something."""

    def test_an_absent_or_empty_directory_will_do(self, tmp_path):
        """The two places in which nothing can be lost."""
        check_target(tmp_path)
        check_target(tmp_path / "new" / "deeper")

    def test_what_a_full_recovery_has_marked_is_only_its_own_to_fill(self, tmp_path):
        """Whoever restores by hand is refused, and so is it when anything else lies there."""
        write_unfinished(tmp_path, "a run")
        check_target(tmp_path, unfinished=True)
        with pytest.raises(TargetRefused, match="is not empty"):
            check_target(tmp_path)
        (tmp_path / "PG_VERSION").touch()

        with pytest.raises(TargetRefused, match="is not empty"):
            check_target(tmp_path, unfinished=True)

    def test_a_program_that_wants_it_empty_gets_an_empty_one_and_the_mark_stays(self, tmp_path):
        """What it makes lies in the directory afterwards; where it fails, what it has left is still known as ours."""
        write_unfinished(tmp_path, "a run")
        with made_within(tmp_path) as inner:
            within = list(inner.iterdir()), read_unfinished(tmp_path)
            (inner / "base").mkdir()
            (inner / "PG_VERSION").write_text("18")
        after = sorted(path.name for path in tmp_path.iterdir())
        with pytest.raises(OSError, match="full"), made_within(tmp_path):
            raise OSError("full")

        assert within == ([], "a run")
        assert after == ["PG_VERSION", UNFINISHED, "base"]
        assert read_unfinished(tmp_path) == "a run"

    @pytest.mark.parametrize("name", ["PG_VERSION", ".hidden", "a directory/"])
    def test_a_directory_that_holds_anything_is_refused(self, tmp_path, name):
        """Hidden files count; what was there is still there."""
        entry = tmp_path / name
        entry.mkdir() if name.endswith("/") else entry.touch()

        with pytest.raises(TargetRefused, match="is not empty") as caught:
            check_target(tmp_path)

        assert caught.value.hint
        assert entry.exists()

    def test_a_directory_in_which_a_server_runs_is_refused_as_that(self, tmp_path):
        """It is the worst of mistakes, so it is named."""
        (tmp_path / "postmaster.pid").write_text("1\n")

        with pytest.raises(TargetRefused, match="a PostgreSQL server runs in"):
            check_target(tmp_path)

    def test_a_file_is_refused(self, tmp_path):
        """And left alone."""
        file = tmp_path / "file"
        file.write_text("keep me")

        with pytest.raises(TargetRefused, match="is a file"):
            check_target(file)
        assert file.read_text() == "keep me"

    def test_a_link_that_leads_nowhere_is_refused(self, tmp_path):
        """Making a directory there would fail later, and halfway."""
        link = tmp_path / "link"
        link.symlink_to(tmp_path / "nowhere")

        with pytest.raises(TargetRefused):
            check_target(link)


def _as_postgresql_writes(path: str) -> str:
    """From its source: line breaks and backslashes get a backslash in front."""
    return re.sub(r"([\n\r\\])", r"\\\1", path)


@given(st.dictionaries(st.integers(1, 2**32 - 1), PATHS, max_size=3))
def test_the_servers_tablespace_map_is_read_as_it_is_meant(tmp_path_factory, spaces):
    """Whatever a path holds."""
    directory = tmp_path_factory.mktemp("map")
    text = "".join(f"{oid} {_as_postgresql_writes(path)}\n" for oid, path in spaces.items())
    (directory / "tablespace_map").write_bytes(text.encode())

    assert read_tablespace_map(directory) == spaces


@given(st.dictionaries(st.integers(1, 2**32 - 1), PATHS, min_size=1, max_size=3))
def test_our_tablespace_map_is_written_as_the_server_reads_it(tmp_path_factory, spaces):
    """Recovery makes its links from it: a wrong path would open another cluster's files."""
    directory = tmp_path_factory.mktemp("map")
    write_tablespace_map(directory, {oid: Path(path) for oid, path in spaces.items()})

    wanted = "".join(f"{oid} {_as_postgresql_writes(str(Path(path)))}\n" for oid, path in spaces.items())
    assert (directory / "tablespace_map").read_bytes() == wanted.encode()


def test_a_backup_without_tablespaces_has_no_map(tmp_path):
    """None is read, and none is written."""
    assert read_tablespace_map(tmp_path) == {}
    write_tablespace_map(tmp_path, {})
    assert list(tmp_path.iterdir()) == []


def test_links_lead_to_the_new_places(tmp_path):
    """By OID, as PostgreSQL names them."""
    (tmp_path / "pg_tblspc").mkdir()
    link_tablespaces(tmp_path, {16385: tmp_path / "spaces" / "16385"})

    assert (tmp_path / "pg_tblspc" / "16385").readlink() == tmp_path / "spaces" / "16385"


def test_recovery_is_asked_for_by_a_private_file(tmp_path):
    """For the account that runs the server."""
    request_recovery(tmp_path, Account())

    signal_file = tmp_path / "recovery.signal"
    assert signal_file.read_bytes() == b""
    assert signal_file.stat().st_mode & 0o777 == 0o600
    assert signal_file.stat().st_uid == os.geteuid()


def _tar(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o640
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def _unpack(directory: Path, data: bytes, account: Account | None = None) -> Exit:
    with untar(directory, "base.tar", account or Account()) as child:
        feed(child.stdin, data)
        child.close_stdin()
        return child.wait(30)


def test_an_archive_unpacks_with_its_modes(tmp_path):
    """Whatever our own umask: a cluster that lets its group read stays one, a private one stays private."""
    directory = tmp_path / "data"
    account = make_directory(directory)
    before = os.umask(0o077)
    try:
        assert _unpack(directory, _tar(PG_VERSION=b"15\n"), account).ok
    finally:
        os.umask(before)

    assert (directory / "PG_VERSION").read_bytes() == b"15\n"
    assert (directory / "PG_VERSION").stat().st_mode & 0o777 == 0o640


def test_an_archive_cannot_write_outside_its_directory(tmp_path):
    """Whoever could change an archive must not get at other files."""
    inside = tmp_path / "inside"
    inside.mkdir()
    _unpack(inside, _tar(**{"../escaped": b"x", f"{tmp_path}/absolute": b"x"}))

    assert not (tmp_path / "escaped").exists()
    assert not (tmp_path / "absolute").exists()


@pytest.mark.parametrize(
    "data", [b"no archive at all " * 100, _tar(PG_VERSION=b"x" * 20_000)[:9000]], ids=["garbage", "cut"]
)
def test_what_does_not_unpack_is_told_as_an_invalid_backup(tmp_path, data):
    """tar's own words are the detail."""
    ended = _unpack(tmp_path, data)
    error = untar_error(ended, tmp_path)

    assert not ended.ok
    assert isinstance(error, BackupInvalid)
    assert "tar" in error.detail


@pytest.mark.parametrize(
    "said", ["base/5/1: Wrote only 512 of 10240 bytes: No space left on device", "x: Disk quota exceeded"]
)
def test_a_full_disk_is_the_targets_fault(tmp_path, said):
    """The backup is unharmed, and no other copy is tried."""
    error = untar_error(Exit("tar base", 2, f"tar: {said}\ntar: Exiting with failure status", 0, 0), tmp_path)

    assert isinstance(error, StoreFull)
    assert "unharmed" in error.hint
