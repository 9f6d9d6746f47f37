"""Looking at what a tar holds while its bytes pass, for the proof that follows a backup. Nothing is unpacked.

A tar is proven when it holds what was backed up and our own restore would lay it out: not when that would refuse it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_BLOCK = 512
_FILE_TYPES = frozenset(b"0\0")
_DIRECTORY = ord("5")
_MEMBER_TYPES = frozenset(b"0\x0025")
_HEADER_TYPES = frozenset(b"xg")
_NAME = slice(0, 100)
_SIZE = slice(124, 136)
_CHECKSUM = slice(148, 156)
_PREFIX = slice(345, 500)


@dataclass(frozen=True, slots=True)
class Counted:
    """``members`` are files, directories and links; ``bytes`` are of the files' content."""

    members: int
    files: int
    bytes: int


@dataclass(slots=True)
class Places:
    """Whether each member of a tar finds its place free, and inside, when the tar is laid out."""

    _directories: set[bytes] = field(default_factory=set)
    _leaves: set[bytes] = field(default_factory=set)

    def taken(self, name: bytes, *, directory: bool) -> str:
        """Why a restore would refuse this member beside the earlier ones; empty when it would not."""
        parts = name.split(b"/")
        shown = name.decode("utf-8", "backslashreplace")
        if any(part in (b"", b".", b"..") for part in parts):
            return f"a restore would refuse {shown!r}: it would leave the directory"
        above = [b"/".join(parts[:count]) for count in range(1, len(parts))]
        within = next((item for item in above if item in self._leaves), None)
        if within is not None:
            inside = within.decode("utf-8", "backslashreplace")
            return f"a restore would refuse {shown!r}: {inside!r} is a member too, and no directory"
        if name in self._leaves or (not directory and name in self._directories):
            return f"a restore would refuse {shown!r}: two members have that name, or one lies below it"
        self._directories.update(above)
        (self._directories if directory else self._leaves).add(name)
        return ""


class TarCount:
    """Walks the headers of a tar of ours: sizes in octal, no file above 8 GiB. A ``Scanner``."""

    def __init__(self, expected: Counted) -> None:
        self._expected = expected
        self._waiting = bytearray()
        self._to_skip = 0
        self._to_read = 0
        self._name: bytes | None = None
        self._places = Places()
        self._ends = 0
        self._members = self._files = self._bytes = 0
        self._wrong = ""

    def feed(self, data: bytes) -> None:
        if self._to_skip >= len(data) and not self._waiting:
            self._to_skip -= len(data)
            return
        self._waiting += data
        while not self._wrong and self._next_block():
            pass

    def _next_block(self) -> bool:
        skipped = min(self._to_skip, len(self._waiting))
        del self._waiting[:skipped]
        self._to_skip -= skipped
        size = self._to_read or _BLOCK
        if self._to_skip or len(self._waiting) < padded(size):
            return False
        data = bytes(self._waiting[:size])
        del self._waiting[: padded(size)]
        if self._to_read:
            self._to_read = 0
            self._records(data)
        else:
            self._header(data)
        return True

    def _header(self, header: bytes) -> None:
        if not any(header):
            self._ends += 1
            return
        size, stated = _octal(header[_SIZE]), _octal(header[_CHECKSUM])
        total = sum(header) - sum(header[_CHECKSUM]) + 8 * ord(" ")
        if self._ends or size is None or stated != total:
            self._wrong = f"a header after {self._members} members is damaged"
            return
        kind = header[156]
        if kind in _HEADER_TYPES:
            self._to_read = size
            return
        self._to_skip = padded(size)
        if kind not in _MEMBER_TYPES:
            self._wrong = f"the member after {self._members} others is neither file, directory nor link"
            return
        name = self._name if self._name is not None else _name(header)
        # A directory's name ends with a slash.
        self._wrong = self._places.taken(name.removesuffix(b"/"), directory=kind == _DIRECTORY)
        self._name = None
        self._members += 1
        if kind in _FILE_TYPES:
            self._files += 1
            self._bytes += size

    def _records(self, data: bytes) -> None:
        try:
            self._name = pax_records(data).get(b"path", self._name)
        except ValueError as error:
            self._wrong = f"after {self._members} members: {error}"

    def finish(self) -> str:
        found = Counted(self._members, self._files, self._bytes)
        if self._wrong:
            return self._wrong
        if self._to_skip or self._to_read or self._ends < 2:
            return "the tar has no end: it is cut off"
        return "" if found == self._expected else f"it holds {found}, and {self._expected} was backed up"


def padded(size: int) -> int:
    """With what a tar fills its last block with."""
    return -(-size // _BLOCK) * _BLOCK


def pax_records(data: bytes) -> dict[bytes, bytes]:
    """``LENGTH KEY=VALUE`` and a line end, each; raises ValueError."""
    records: dict[bytes, bytes] = {}
    while data:
        length = int(data.partition(b" ")[0])
        if not 0 < length <= len(data):
            raise ValueError("a record of its header is damaged")
        key, _, value = data[:length].partition(b" ")[2].removesuffix(b"\n").partition(b"=")
        records[key] = value
        data = data[length:]
    return records


def _name(header: bytes) -> bytes:
    prefix, name = (header[place].partition(b"\0")[0] for place in (_PREFIX, _NAME))
    return prefix + b"/" + name if prefix else name


def _octal(field: bytes) -> int | None:
    try:
        return int(field.strip(b" \0") or b"0", 8)
    except ValueError:
        return None
