"""Counting what a tar holds while its bytes pass, for the proof that follows a backup. Nothing is unpacked."""

from __future__ import annotations

from dataclasses import dataclass

_BLOCK = 512
_FILE_TYPES = frozenset(b"0\0")
_MEMBER_TYPES = frozenset(b"0\x0025")
_SIZE = slice(124, 136)
_CHECKSUM = slice(148, 156)


@dataclass(frozen=True, slots=True)
class Counted:
    """``members`` are files, directories and links; ``bytes`` are of the files' content."""

    members: int
    files: int
    bytes: int


class TarCount:
    """Walks the headers of a tar of ours: sizes in octal, no file above 8 GiB. A ``Scanner``."""

    def __init__(self, expected: Counted) -> None:
        self._expected = expected
        self._waiting = bytearray()
        self._to_skip = 0
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
        if self._to_skip or len(self._waiting) < _BLOCK:
            return False
        header = bytes(self._waiting[:_BLOCK])
        del self._waiting[:_BLOCK]
        self._header(header)
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
        self._to_skip = -(-size // _BLOCK) * _BLOCK
        self._members += kind in _MEMBER_TYPES
        if kind in _FILE_TYPES:
            self._files += 1
            self._bytes += size

    def finish(self) -> str:
        found = Counted(self._members, self._files, self._bytes)
        if self._wrong:
            return self._wrong
        if self._to_skip or self._ends < 2:
            return "the tar has no end: it is cut off"
        return "" if found == self._expected else f"it holds {found}, and {self._expected} was backed up"


def _octal(field: bytes) -> int | None:
    try:
        return int(field.strip(b" \0") or b"0", 8)
    except ValueError:
        return None
