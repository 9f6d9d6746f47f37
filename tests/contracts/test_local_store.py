"""What only a directory promises: private files, full and forbidden disks, sweeping, no skeletons."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from dr.configuration.model import StoreSettings
from dr.errors import StoreDenied, StoreError, StoreFull
from dr.storage.keys import PARTIAL_PREFIX
from dr.storage.lease import CLAIM_AND_WAIT, Holder, acquire
from dr.storage.local import LocalStore
from dr.storage.protocol import ConditionalWritesMissing
from tests.contracts.children import child, said

KEY = "system/database/backup_20240101_020000.sql.gz.gpg"
IS_ROOT = os.geteuid() == 0


@contextmanager
def _small_disk(directory: Path, options: str) -> Iterator[Path]:
    """A real file system of a few MiB."""
    if not IS_ROOT:
        pytest.skip("not applicable: mounting a file system needs root (a file size limit is tested instead)")
    directory.mkdir()
    mounted = subprocess.run(
        ("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory)), capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"not applicable: this container may not mount ({mounted.stderr.strip()})")
    try:
        yield directory
    finally:
        subprocess.run(("umount", "-l", str(directory)), check=True)


@pytest.mark.incident("I12")
def test_a_full_disk_is_told_and_nothing_stays_behind(tmp_path: Path) -> None:
    """ENOSPC on a real small disk: StoreFull with the path and a hint, the old object kept, the space given back."""
    with _small_disk(tmp_path / "disk", "size=4m,mode=0700") as disk:
        store = LocalStore("local", disk / "store")
        store.put_bytes(KEY, b"old")
        free = store.free_bytes()

        def fill() -> None:
            with store.writer(KEY) as writer:
                for _ in range(64):
                    writer.write(os.urandom(1 << 17))

        with pytest.raises(StoreFull) as failure:
            fill()
        assert str(disk) in failure.value.detail
        assert "Free space" in failure.value.hint
        assert store.read_bytes(KEY) == b"old"
        assert [path.name for path in disk.rglob("*") if path.is_file()] == [Path(KEY).name]
        assert store.free_bytes() == free


@pytest.mark.incident("I12")
def test_a_disk_without_inodes_is_full_too(tmp_path: Path) -> None:
    """No inode left is ENOSPC as well."""
    with _small_disk(tmp_path / "disk", "size=4m,nr_inodes=6,mode=0700") as disk:
        store = LocalStore("local", disk)

        def fill() -> None:
            for number in range(10):
                store.put_bytes(f"{number}", b"")

        with pytest.raises(StoreFull):
            fill()


@pytest.mark.incident("I12")
def test_a_file_size_limit_is_told_as_full(tmp_path: Path) -> None:
    """A limit of the system (ulimit, a file system's largest file) is StoreFull, with nothing left behind."""
    with child(StoreSettings("local", "local", path=tmp_path), "overflow", KEY, str(1 << 20)) as process:
        name, hint, left = json.loads(said(process))
    assert name == "StoreFull"
    assert "file size limits" in hint
    assert left == []


def test_a_read_only_disk_is_denied(tmp_path: Path) -> None:
    """EROFS on a real read-only mount."""
    with _small_disk(tmp_path / "disk", "size=1m,ro") as disk, pytest.raises(StoreDenied, match="permission denied"):
        LocalStore("local", disk / "store").put_bytes(KEY, b"x")


def test_a_directory_of_somebody_else_is_denied() -> None:
    """EACCES: neither written, read nor listed as if it were empty."""
    with tempfile.TemporaryDirectory() as place:
        outer = Path(place)
        store = LocalStore("local", outer / "store")
        store.put_bytes(KEY, b"x")
        outer.chmod(0o711)
        with _forbidden(outer / "store"):
            for call in (
                lambda: store.put_bytes(KEY, b"y"),
                lambda: store.read_bytes(KEY),
                lambda: store.head(KEY),
                lambda: list(store.list("")),
                lambda: store.delete(KEY),
            ):
                with pytest.raises(StoreDenied) as failure:
                    call()
                assert "own" in failure.value.hint
        assert store.read_bytes(KEY) == b"x"


@contextmanager
def _forbidden(directory: Path) -> Iterator[None]:
    """Keep this process out of ``directory``: root becomes nobody for a while, others lose the right."""
    directory.chmod(0o000)
    if IS_ROOT:
        os.seteuid(65534)
    try:
        yield
    finally:
        if IS_ROOT:
            os.seteuid(0)
        directory.chmod(0o700)


def test_files_and_directories_are_private(tmp_path: Path) -> None:
    """0600 and 0700 down to the last directory, whatever the umask."""
    old = os.umask(0)
    try:
        store = LocalStore("local", tmp_path / "a" / "store")
        store.put_bytes(KEY, b"x")
        store.create("system/system.json", b"{}")
    finally:
        os.umask(old)
    for path in (tmp_path / "a").rglob("*"):
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


def test_a_sweep_takes_only_what_is_old(tmp_path: Path) -> None:
    """A writer at work keeps its temporary file; one that was left long ago is removed."""
    store = LocalStore("local", tmp_path)
    old, fresh = store.writer("a/old"), store.writer("b/fresh")
    (partial,) = (tmp_path / "a").glob(f"{PARTIAL_PREFIX}*")
    os.utime(partial, (0, 0))

    assert store.sweep_partials(timedelta(hours=1)) == 1
    assert not partial.exists()
    assert fresh.commit().size == 0
    with pytest.raises(StoreError):
        old.commit()


def test_deleting_the_last_object_removes_its_directories(tmp_path: Path) -> None:
    """Expired backups leave no skeleton; the root itself stays."""
    store = LocalStore("local", tmp_path / "store")
    store.put_bytes("system/base/one/base.tar", b"x")
    store.put_bytes("system/base/two/base.tar", b"x")
    store.delete("system/base/one/base.tar")
    assert sorted(path.name for path in (tmp_path / "store").rglob("*")) == ["base", "base.tar", "system", "two"]
    store.delete("system/base/two/base.tar")
    assert list((tmp_path / "store").iterdir()) == []


def test_writers_and_deletes_in_one_directory_do_not_disturb_one_another(tmp_path: Path) -> None:
    """Removing an emptied directory races with a writer that is just entering it: neither fails."""
    store = LocalStore("local", tmp_path)

    def churn(number: int) -> None:
        for _ in range(100):
            store.put_bytes(f"deep/er/{number}", b"x")
            store.delete(f"deep/er/{number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(churn, range(4)))
    assert list(store.list("")) == []


def test_links_to_directories_are_followed_but_not_in_a_circle(tmp_path: Path) -> None:
    """An operator may put part of the tree on another disk; a link that leads back is an error, not an endless list."""
    store = LocalStore("local", tmp_path / "store")
    store.put_bytes("system/base/one", b"x")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "two").write_bytes(b"y")
    (tmp_path / "store" / "system" / "linked").symlink_to(elsewhere)
    assert [entry.key for entry in store.list("")] == ["system/base/one", "system/linked/two"]

    (elsewhere / "back").symlink_to(elsewhere)
    with pytest.raises(StoreError, match="circle"):
        list(store.list(""))


def test_a_file_where_a_directory_is_needed_is_told(tmp_path: Path) -> None:
    """Neither "missing" nor "full": the hint says what stands in the way."""
    store = LocalStore("local", tmp_path)
    store.put_bytes("system", b"x")
    store.put_bytes("other/base", b"x")
    for key in ("system/base", "other"):
        with pytest.raises(StoreError, match="cannot write") as failure:
            store.put_bytes(key, b"y")
        assert "stands where" in failure.value.hint
    assert not list(tmp_path.rglob(f"{PARTIAL_PREFIX}*"))


def test_a_lost_answer_of_a_file_server_does_not_hide_who_created_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NFS may make the link, lose the answer, and say EEXIST when asked again: the link count tells that it is ours."""
    link = os.link

    def link_and_lose_the_answer(source: object, target: object) -> None:
        link(source, target)  # type: ignore[arg-type]
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))

    monkeypatch.setattr(os, "link", link_and_lose_the_answer)
    store = LocalStore("local", tmp_path)
    assert store.create(KEY, b"ours") is True
    with pytest.raises(FileExistsError):
        link(store.path(KEY), store.path(KEY))
    assert store.read_bytes(KEY) == b"ours"


def test_a_file_system_without_hard_links_is_told_and_leases_take_the_slow_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What FAT answers to link(): no exclusive create is pretended, and nothing stays behind."""

    def no_links(source: object, target: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_links)
    store = LocalStore("local", tmp_path)
    with pytest.raises(ConditionalWritesMissing, match="exclusively"):
        store.create(KEY, b"x")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    holder = Holder.here("run", "backup")
    with acquire(store, "system/leases/backup/", holder, settle=timedelta(seconds=0.2)) as lease:
        assert lease.method == CLAIM_AND_WAIT
