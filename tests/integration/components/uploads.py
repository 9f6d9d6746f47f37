"""A directory of uploads with everything that a directory can hold, and what it looks like."""

from __future__ import annotations

import hashlib
import os
import random
import stat
from pathlib import Path

SPARSE_BYTES = 48 << 20
LARGE_BYTES = (16 << 20) + 300_000
ODD_NAMES = (
    b"line\nbreak",
    b"caf\xe9 in latin-1",
    b"-rf",
    b" blank ",
    b"quote\"'`$()",
    "Grüße 🎉".encode(),
    b"a" * 255,
)


def make_uploads(directory: Path) -> Path:
    """Odd names, modes, owners, times, links, holes, attributes."""
    directory.mkdir()
    base = os.fsencode(directory)
    for number, name in enumerate(ODD_NAMES):
        Path(os.fsdecode(base + b"/" + name)).write_bytes(b"odd %d\n" % number)
    deep = directory / "2024" / "01" / "deep"
    deep.mkdir(parents=True)
    (directory / "empty directory").mkdir()
    (directory / "empty").touch()
    (deep / "photo").write_bytes(random.Random(1).randbytes(50_000))
    (deep / "the same photo").write_bytes(random.Random(1).randbytes(50_000))
    (directory / "large").write_bytes(random.Random(2).randbytes(LARGE_BYTES))
    with (directory / "sparse").open("wb") as stream:
        stream.truncate(SPARSE_BYTES)
        stream.seek(SPARSE_BYTES // 2)
        stream.write(b"in the middle")
    with (directory / "nothing but a hole").open("wb") as stream:
        stream.truncate(1 << 20)
    (directory / "linked").write_bytes(b"two names")
    (deep / "also linked").hardlink_to(directory / "linked")
    (directory / "relative").symlink_to("2024/01/deep")
    (directory / "dangling").symlink_to("/nowhere//at/./all/")
    Path(os.fsdecode(base + b"/odd target")).symlink_to(os.fsdecode(b"t\xe9\n"))
    os.mkfifo(directory / "pipe", 0o620)
    os.setxattr(directory / "large", "user.mime", b"image/\xff")
    os.setxattr(deep, "user.of a directory", b"yes")
    _dress(directory)
    return directory


def _dress(directory: Path) -> None:
    """Owners that are not ours where we may, modes, and times to the nanosecond."""
    deep = directory / "2024" / "01" / "deep"
    if os.geteuid() == 0:
        os.chown(deep / "photo", 12345, 23456)
        os.chown(directory / "dangling", 12345, 23456, follow_symlinks=False)
        os.chown(deep, 12345, 0)
    (directory / "linked").chmod(0o4711)
    (deep / "photo").chmod(0o600)
    (directory / "empty directory").chmod(0o2750)
    os.utime(deep / "photo", ns=(1, 1_234_567_890_123_456_789))
    os.utime(directory / "dangling", ns=(1, 999_999_999_000_000_001), follow_symlinks=False)
    os.utime(deep, ns=(1, 1_000_000_000_000_000_007))
    deep.chmod(0o555)
    os.utime(directory, ns=(1, -1_000_000_001))


def seen(directory: Path) -> dict[bytes, tuple[object, ...]]:
    """Everything that can be seen of each path."""
    base = os.fsencode(directory)
    inodes: dict[int, bytes] = {}
    found: dict[bytes, tuple[object, ...]] = {}
    for path in sorted(_paths(base)):
        status = os.lstat(path)
        key = path[len(base) :]
        kind = stat.S_IFMT(status.st_mode)
        content: object = None
        if stat.S_ISREG(status.st_mode):
            content = (status.st_size, hashlib.sha256(Path(os.fsdecode(path)).read_bytes()).hexdigest())
            content = (*content, status.st_nlink, inodes.setdefault(status.st_ino, key))
        elif stat.S_ISLNK(status.st_mode):
            content = os.readlink(path)  # noqa: PTH115 - a Path would tidy up what the link says
        names = os.listxattr(path, follow_symlinks=False)
        xattrs = {name: os.getxattr(path, name, follow_symlinks=False) for name in names}
        owner = (status.st_uid, status.st_gid)
        found[key] = (kind, stat.S_IMODE(status.st_mode), owner, status.st_mtime_ns, content, tuple(xattrs.items()))
    return found


def _paths(base: bytes) -> list[bytes]:
    found = [base]
    for directory, below, files in os.walk(base):
        found += [directory + b"/" + name for name in (*below, *files)]
    return found
