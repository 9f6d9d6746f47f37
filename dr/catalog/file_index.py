"""What a backup of files knows of each path: one line of JSON, readable without this program.

The first line is the ``Header``, every further one a ``FileEntry``; a directory's line stands before those below it.
Contents lie in packs, cut into pieces that are named by the SHA-256 of their bytes; what no piece covers is a hole.
Times are nanoseconds since 1970, sizes bytes, modes octal.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from datetime import datetime

import msgspec

from dr.errors import BackupInvalid

FORMAT_VERSION = 1
PACK_ENDING = ".tar.zst.gpg"

_NOT_BELOW = re.compile(rb"(?:\A|/)\.{0,2}(?:/|\Z)|\0")

FILE = "file"
DIRECTORY = "directory"
SYMLINK = "symlink"
FIFO = "fifo"
SOCKET = "socket"
CHARACTER_DEVICE = "character-device"
BLOCK_DEVICE = "block-device"


class Piece(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """``length`` bytes of a file from ``offset`` on: the member named ``sha256`` of the tar ``pack``."""

    offset: int
    length: int
    sha256: str
    pack: str


class FileEntry(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One path below a root; the root itself has the path ``""``.

    ``raw`` and ``target_raw`` hold the bytes (base64) of what is no UTF-8; the text beside them is for people. Entries
    of one ``link`` number (not 0) are one file under several names. ``xattrs``: name, percent-escaped, to base64.
    ``unread`` says why the content is missing, ``changed`` that it was written to all the while it was read.
    """

    root: str
    path: str
    type: str
    mode: str
    uid: int
    gid: int
    mtime_ns: int
    user: str = ""
    group: str = ""
    size: int = 0
    pieces: tuple[Piece, ...] = ()
    raw: str = ""
    target: str = ""
    target_raw: str = ""
    link: int = 0
    device: tuple[int, int] = (0, 0)
    xattrs: dict[str, str] = msgspec.field(default_factory=dict)
    unread: str = ""
    changed: bool = False

    @property
    def relative(self) -> bytes:
        """The path below its root, exactly."""
        return _bytes_of(self.path, self.raw)

    @property
    def link_target(self) -> bytes:
        """What a symbolic link points to, exactly."""
        return _bytes_of(self.target, self.target_raw)


class Root(msgspec.Struct, frozen=True):
    """A directory that was backed up: ``name`` is its directory in a restored copy, ``path`` where it was."""

    name: str
    path: str


class Header(msgspec.Struct, frozen=True):
    """The first line. ``salt`` is random, so that the digest of the index tells nobody what is in it."""

    label: str
    taken: datetime
    roots: tuple[Root, ...]
    salt: str
    format_version: int = FORMAT_VERSION


_encoder = msgspec.json.Encoder()
_header_decoder = msgspec.json.Decoder(Header)
_entry_decoder = msgspec.json.Decoder(FileEntry)


def named(data: bytes) -> tuple[str, str]:
    r"""A path as text and, where that does not say it exactly, its bytes in base64.

    >>> named(b"caf\xc3\xa9"), named(b"caf\xe9")
    (('café', ''), ('caf�', 'Y2Fm6Q=='))
    """
    try:
        return data.decode(), ""
    except UnicodeDecodeError:
        return data.decode(errors="replace"), base64.b64encode(data).decode()


def _bytes_of(text: str, raw: str) -> bytes:
    return base64.b64decode(raw, validate=True) if raw else text.encode()


def to_line(value: Header | FileEntry) -> bytes:
    """As it is stored, with its line end."""
    return _encoder.encode(value) + b"\n"


def header_of(line: bytes, origin: str) -> Header:
    """The first line; ``origin`` names the index in errors. Raises ``BackupInvalid``, also on an unknown format."""
    try:
        header = _header_decoder.decode(line)
        if header.format_version != FORMAT_VERSION:
            raise ValueError(f"format {header.format_version}, this program reads format {FORMAT_VERSION}")
        for root in header.roots:
            check_name(root.name.encode())
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError, RecursionError) as error:
        raise BackupInvalid(f"{origin} is no index of files", str(error), "Use another copy or backup.") from error
    return header


def entry_of(line: bytes, origin: str) -> FileEntry:
    """Any other line. Raises ``BackupInvalid``, also on a path that would leave the directory it is restored into."""
    try:
        entry = _entry_decoder.decode(line)
        check_name(entry.root.encode())
        if (entry.path or entry.raw) and _NOT_BELOW.search(entry.relative):
            raise ValueError(f"{entry.path!r} is no path below a directory")
        _check_pieces(entry)
        int(entry.mode, 8)
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError, RecursionError) as error:
        raise BackupInvalid(f"{origin} has a line that cannot be used", str(error), "Use another copy.") from error
    return entry


def check_name(name: bytes) -> None:
    """Raise ValueError unless it can be the name of one thing in a directory."""
    if name in (b"", b".", b"..") or b"/" in name or b"\0" in name:
        raise ValueError(f"{name!r} is no name of a file")


def _check_pieces(entry: FileEntry) -> None:
    if entry.size < 0:
        raise ValueError("a size is negative")
    end = 0
    for piece in entry.pieces:
        if piece.offset < end or piece.length <= 0 or piece.offset + piece.length > entry.size:
            raise ValueError("the pieces of a file do not fit into it")
        end = piece.offset + piece.length


def pack_of(key: str) -> str:
    """The name by which entries refer to a pack.

    >>> pack_of("shop/files-packs/files_20240101_020000-00001-3fa9c2d1.tar.zst.gpg")
    'files_20240101_020000-00001-3fa9c2d1'
    """
    return key.rsplit("/", 1)[-1].removesuffix(PACK_ENDING)


def count_of(entries: Iterable[FileEntry], kind: str) -> int:
    """How many are of this type."""
    return sum(entry.type == kind for entry in entries)
