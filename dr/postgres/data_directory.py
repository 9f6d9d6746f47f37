"""Laying a physical backup out on disk: the data directory, its tablespaces, and the files that steer recovery."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dr.errors import BackupInvalid, StoreFull, TargetRefused
from dr.pipeline.launch import Account
from dr.pipeline.process import Child, Exit
from dr.postgres.account import make_directory

UNFINISHED = "RECOVERY-UNFINISHED"
"""A file in a directory that a full recovery is filling. Where it is missing, what lies there is somebody's."""

_WITHIN = ".being-made"
_MAP_LINE = re.compile(r"(\d+) (.*)", re.DOTALL)


def read_unfinished(directory: Path) -> str:
    """The run that is filling the directory; empty when none says so."""
    try:
        return (directory / UNFINISHED).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def write_unfinished(directory: Path, run: str) -> None:
    """Nothing without a ``run``."""
    if run:
        file, owner = directory / UNFINISHED, directory.stat()
        file.write_text(f"{run}\n", encoding="utf-8")
        file.chmod(0o600)
        if os.geteuid() == 0:
            os.chown(file, owner.st_uid, owner.st_gid)


@contextmanager
def made_within(directory: Path) -> Iterator[Path]:
    """For a program that wants its directory empty: one in ``directory``, whose content lies in that afterwards.

    What a full recovery says in ``directory`` stays there: killed in here, it is still known as its own.
    """
    inner = directory / _WITHIN
    make_directory(inner, directory)
    yield inner
    for entry in inner.iterdir():
        entry.rename(directory / entry.name)
    inner.rmdir()


def check_target(directory: Path, *, unfinished: bool = False) -> None:
    """Refuse a directory that is not empty, or in which a server runs (I4).

    ``unfinished``: a full recovery that is at work in it may have said so in it.
    """
    if directory.is_symlink() and not directory.exists():
        raise TargetRefused(f"{directory} is a link that leads nowhere", hint="Name a directory that is empty or new.")
    if not directory.exists():
        return
    if not directory.is_dir():
        raise TargetRefused(f"{directory} is a file", hint="Name a directory that is empty or does not exist.")
    if (directory / "postmaster.pid").exists():
        raise TargetRefused(
            f"a PostgreSQL server runs in {directory}, or did not end cleanly there",
            detail="postmaster.pid is present",
            hint="Restore beside it into an empty directory, and switch over when the copy has proven itself.",
        )
    if any(entry.name != UNFINISHED or not unfinished for entry in directory.iterdir()):
        raise TargetRefused(
            f"{directory} is not empty",
            hint="Name an empty or new directory; nothing is ever restored over existing files.",
        )


def untar(directory: Path, name: str, account: Account) -> Child:
    """A running ``tar`` that unpacks its stdin into ``directory`` as the account that will run the server."""
    # In records of 512 blocks: by default tar writes 10 KB at a time, and the calls cost more than the copying.
    options = ("-b512", "--same-permissions", "--no-same-owner", f"--directory={directory}")
    argv = ("tar", "--extract", "--file=-", *options)
    return Child(f"tar {name}", argv, account=account, stdin=subprocess.PIPE)


def is_full(complaint: str) -> bool:
    """Whether a program complains of a disk, or a quota, that takes no more."""
    return "No space left on device" in complaint or "Disk quota exceeded" in complaint


def untar_error(ended: Exit, directory: Path) -> StoreFull | BackupInvalid:
    """A full disk is the target's fault; anything else that tar complains of is the archive's."""
    if is_full(ended.stderr):
        return StoreFull(
            f"no space is left in {directory}", str(ended), "Free space or restore elsewhere; the backup is unharmed."
        )
    return BackupInvalid(
        f"the archive does not unpack into {directory}", str(ended), "Use another copy or an older backup."
    )


def read_tablespace_map(directory: Path) -> dict[int, str]:
    """Tablespaces by OID as the backup recorded them: their paths on the original host."""
    file = directory / "tablespace_map"
    if not file.exists():
        return {}
    # Line breaks and backslashes in a path have a backslash in front, so a line is more than what ends at a newline.
    lines = re.findall(r"((?:[^\\\n]|\\.)*)\n", file.read_bytes().decode(), re.DOTALL)
    found = {}
    for line in lines:
        match = _MAP_LINE.fullmatch(line)
        if match is not None:
            found[int(match[1])] = re.sub(r"\\(.)", r"\1", match[2], flags=re.DOTALL)
    return found


def link_tablespaces(directory: Path, targets: Mapping[int, Path]) -> None:
    """Point ``pg_tblspc`` at the restored tablespaces; the backup's map would lead to the original host's paths."""
    for oid, path in targets.items():
        link = directory / "pg_tblspc" / str(oid)
        link.symlink_to(path)


def write_tablespace_map(directory: Path, targets: Mapping[int, Path]) -> None:
    """Recovery makes the links from this file again, so it has to say the new places, escaped as it expects them."""
    if targets:
        escaped = {oid: re.sub(r"([\n\r\\])", r"\\\1", str(path)) for oid, path in targets.items()}
        content = "".join(f"{oid} {path}\n" for oid, path in escaped.items())
        (directory / "tablespace_map").write_bytes(content.encode())


def offer_history(directory: Path) -> None:
    """Have the newest timeline's history file archived once the copy is put into service.

    The server marks it for its archiver at the end of a recovery, but not in a sandbox, where archiving is off; and
    without it no later recovery finds the way to the copy's own WAL.
    """
    histories = sorted((directory / "pg_wal").glob("*.history"))
    if histories:
        mark = directory / "pg_wal" / "archive_status" / f"{histories[-1].name}.ready"
        mark.touch(mode=0o600)
        owner = histories[-1].stat()
        os.chown(mark, owner.st_uid, owner.st_gid)


def request_recovery(directory: Path, account: Account) -> None:
    """Make the next start an archive recovery to the end of the WAL in place.

    It ends on a timeline of its own, so that the copy can never write WAL under the names of the original's.
    """
    signal_file = directory / "recovery.signal"
    signal_file.touch(mode=0o600)
    if account.uid is not None and not account.namespace:
        os.chown(signal_file, account.uid, account.gid or account.uid)
