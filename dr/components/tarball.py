"""Small files as one tar that stock ``tar`` opens, written as it goes and unpacked without trusting what it says.

The manifest, which is not encrypted, has a plain hash of every object. A tar of guessable files would let a password in
it be guessed, so each begins with random bytes: a comment that every ``tar`` passes over.
"""

from __future__ import annotations

import grp
import io
import os
import pwd
import secrets
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO, cast

from dr.components.protocol import Intake
from dr.errors import BackupInvalid

RANDOM_BYTES = 16
_NANOSECONDS = 10**9
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a tar keeps of a file beside its content. ``mode`` is the permission bits."""

    mode: int
    uid: int
    gid: int
    user: str
    group: str
    mtime_ns: int


def attributes(seen: os.stat_result) -> Attributes:
    """What ``stat`` says, with the names of owner and group where this host knows them."""
    return Attributes(
        mode=seen.st_mode & 0o7777,
        uid=seen.st_uid,
        gid=seen.st_gid,
        user=user_name(seen.st_uid),
        group=group_name(seen.st_gid),
        mtime_ns=seen.st_mtime_ns,
    )


def user_name(uid: int) -> str:
    """Empty when nobody here has that number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def group_name(gid: int) -> str:
    """Empty when no group here has that number."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return ""


class TarWriter:
    """Members into one object. A context manager: a clean exit writes the end of the tar."""

    def __init__(self, intake: Intake) -> None:
        self._tar = tarfile.open(  # noqa: SIM115 - closed by __exit__
            fileobj=cast("IO[bytes]", _Into(intake)),
            mode="w|",
            format=tarfile.PAX_FORMAT,
            encoding="utf-8",
            errors="surrogateescape",
            pax_headers={"comment": secrets.token_hex(RANDOM_BYTES)},
        )

    def file(self, name: str, kept: Attributes, data: bytes) -> None:
        info = _info(name, kept, tarfile.REGTYPE)
        info.size = len(data)
        self._tar.addfile(info, io.BytesIO(data))

    def directory(self, name: str, kept: Attributes) -> None:
        self._tar.addfile(_info(name, kept, tarfile.DIRTYPE))

    def link(self, name: str, kept: Attributes, target: str) -> None:
        info = _info(name, kept, tarfile.SYMTYPE)
        info.linkname = target
        self._tar.addfile(info)

    def __enter__(self) -> TarWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self._tar.close()


class _Into(io.RawIOBase):
    """What tarfile writes to."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(cast("bytes", data))
        self._intake.write(bytes(view))
        return view.nbytes


class _From(io.RawIOBase):
    """What tarfile reads from: the chunks of an object."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        while not self._rest:
            following = next(self._chunks, None)
            if following is None:
                return 0
            self._rest = memoryview(following)
        room = memoryview(cast("bytearray", buffer))
        count = min(len(room), len(self._rest))
        room[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _info(name: str, kept: Attributes, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = kind, kept.mode
    info.uid, info.gid, info.uname, info.gname = kept.uid, kept.gid, kept.user, kept.group
    seconds, rest = divmod(kept.mtime_ns, _NANOSECONDS)
    info.mtime = max(seconds, 0)
    # As text: a float, which tarfile would write, has no room for nanoseconds.
    info.pax_headers = {"mtime": f"{Decimal(kept.mtime_ns) / _NANOSECONDS:f}"} if rest or seconds < 0 else {}
    return info


def mtime_ns(info: tarfile.TarInfo) -> int:
    """A member's time, to the nanosecond."""
    try:
        return int(Decimal(info.pax_headers.get("mtime", str(info.mtime))) * _NANOSECONDS)
    except InvalidOperation:
        return int(info.mtime) * _NANOSECONDS


def members(chunks: Iterator[bytes], origin: str) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Every member in order, a regular file with its content. Raises ``BackupInvalid`` on what is no such tar."""
    source = io.BufferedReader(_From(chunks), _CHUNK)
    try:
        with tarfile.open(fileobj=source, mode="r|", encoding="utf-8", errors="surrogateescape") as tar:
            for info in tar:
                _refuse_unsafe(info, origin)
                yield info, tar.extractfile(info) if info.isreg() else None
    except (tarfile.TarError, EOFError) as error:
        raise BackupInvalid(f"{origin} is no tar that can be read", str(error)) from error


def _refuse_unsafe(info: tarfile.TarInfo, origin: str) -> None:
    parts = info.name.split("/")
    if not (info.isreg() or info.isdir() or info.issym()) or any(part in ("", ".", "..") for part in parts):
        raise BackupInvalid(
            f"{origin} has a member that no backup of ours holds",
            detail=f"{info.name!r} would leave the directory, or is neither file, directory nor link",
            hint="Somebody else has written it. Use another copy.",
        )


@dataclass(frozen=True, slots=True)
class Unpacked:
    """``owned``: every owner could be set. ``bytes`` are of the files' content."""

    files: int
    links: int
    bytes: int
    owned: bool


class Unpacking:
    """Members into a new directory. Links come last and directories' times after them: nothing is written through."""

    def __init__(self, directory: Path, origin: str) -> None:
        self._directory = directory
        self._origin = origin
        self._later: list[tarfile.TarInfo] = []
        self._files = self._links = self._bytes = 0
        self._root = os.geteuid() == 0

    def add(self, info: tarfile.TarInfo, content: IO[bytes] | None) -> None:
        path = self._directory / info.name
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if info.isdir():
                path.mkdir(mode=0o700, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise self._twice(info) from None
        if content is None:
            self._later.append(info)
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, 0o600)
        except FileExistsError:
            raise self._twice(info) from None
        with os.fdopen(descriptor, "wb") as stream:
            while data := content.read(_CHUNK):
                stream.write(data)
                self._bytes += len(data)
            stream.flush()
            os.fsync(descriptor)
        self._files += 1
        self._dress(path, info)

    def finish(self) -> Unpacked:
        for info in self._later:
            if info.issym():
                path = self._directory / info.name
                try:
                    path.symlink_to(info.linkname)
                except FileExistsError:
                    raise self._twice(info) from None
                self._links += 1
                self._dress(path, info)
        for info in sorted(self._later, key=lambda item: -item.name.count("/")):
            if info.isdir():
                self._dress(self._directory / info.name, info)
        return Unpacked(self._files, self._links, self._bytes, owned=self._root)

    def _twice(self, info: tarfile.TarInfo) -> BackupInvalid:
        return BackupInvalid(f"{self._origin} has two members named {info.name!r}", hint="Use another copy.")

    def _dress(self, path: Path, info: tarfile.TarInfo) -> None:
        if self._root:
            os.chown(path, owner_here(info.uname, info.uid), group_here(info.gname, info.gid), follow_symlinks=False)
        if not info.issym():
            path.chmod(info.mode & 0o7777)
        os.utime(path, ns=(mtime_ns(info), mtime_ns(info)), follow_symlinks=False)


def owner_here(name: str, number: int) -> int:
    """As ``tar`` does: whoever has that name on this host, else the number."""
    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError):
        return number


def group_here(name: str, number: int) -> int:
    """As ``tar`` does: the group of that name on this host, else the number."""
    try:
        return grp.getgrnam(name).gr_gid
    except (KeyError, ValueError):
        return number


def unpack(
    chunks: Iterator[bytes], directory: Path, origin: str, wanted: Callable[[str], bool] = lambda name: True
) -> Unpacked:
    """Unpack the members that are ``wanted`` by name into ``directory``. Raises ``BackupInvalid``."""
    unpacking = Unpacking(directory, origin)
    for info, content in members(chunks, origin):
        if wanted(info.name):
            unpacking.add(info, content)
    return unpacking.finish()
