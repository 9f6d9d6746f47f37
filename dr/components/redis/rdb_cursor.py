"""Moving through the bytes of an RDB file, whether they come in pieces or lie there as a whole.

What needs more bytes than are there is a generator that yields until it got them; what reads a header is a plain method
and relies on ``more`` having been asked for. Layout: the length encoding of redis/src/rdb.h.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from mmap import mmap

LOOK_BYTES = 64
"""More than any header has; what is longer is stepped over."""
Steps = Generator[None, bytes, None]
_INTEGER_BYTES = {0: 1, 1: 2, 2: 4}
_LZF = 3
_LENGTH_32, _LENGTH_64 = 0x80, 0x81
_SPECIAL = 3


class NotRdb(Exception):
    """The bytes are no whole RDB file; the text says why."""


@dataclass(frozen=True, slots=True)
class StringHeader:
    """``stored`` bytes follow; ``size`` is the string's length, None where that takes reading it (a number)."""

    stored: int
    size: int | None
    integer: bool = False

    @property
    def packed(self) -> bool:
        return self.size is not None and not self.integer and self.size != self.stored


class Cursor:
    """A place in the bytes. ``whole``: no more will come. Reading past the end raises IndexError."""

    def __init__(self) -> None:
        self.buffer: bytes | mmap = b""
        self.at = 0
        self.whole = False
        self._before = 0

    @property
    def position(self) -> int:
        """Bytes since the beginning of the file."""
        return self._before + self.at

    def short(self) -> bool:
        """Whether a header might be cut off by the end of what is here."""
        return len(self.buffer) - self.at < LOOK_BYTES

    def more(self, count: int = LOOK_BYTES) -> Steps:
        """See that ``count`` bytes are here, or all that there will ever be."""
        have = len(self.buffer) - self.at
        if self.whole or have >= count:
            return
        pieces = [self.buffer[self.at :]]
        while have < count and not self.whole:
            data = yield
            pieces.append(data)
            have += len(data)
        self._before += self.at
        self.buffer, self.at = b"".join(pieces), 0

    def skip(self, count: int) -> Steps:
        """Step over ``count`` bytes, which need not fit into memory."""
        while self.at + count > len(self.buffer):
            if self.whole:
                raise IndexError
            count -= len(self.buffer) - self.at
            self._before += len(self.buffer)
            self.buffer, self.at = (yield), 0
        self.at += count

    def take(self, count: int) -> bytes:
        """The next bytes."""
        data = self.buffer[self.at : self.at + count]
        if len(data) < count:
            raise IndexError
        self.at += count
        return data

    def number(self, count: int) -> int:
        """A signed little-endian number of so many bytes."""
        return int.from_bytes(self.take(count), "little", signed=True)

    def length(self) -> int:
        """A length: 6, 14, 32 or 64 bits."""
        buffer, at = self.buffer, self.at
        first = buffer[at]
        form = first >> 6
        if form == 0:
            self.at = at + 1
            return first
        if form == 1:
            self.at = at + 2
            return (first & 0x3F) << 8 | buffer[at + 1]
        if first not in (_LENGTH_32, _LENGTH_64):
            raise NotRdb(f"at byte {self.position} is no length")
        self.at = at + 1
        return int.from_bytes(self.take(4 if first == _LENGTH_32 else 8), "big")

    def step(self) -> int:
        """Over a string's header; how many bytes follow it."""
        if self.buffer[self.at] >> 6 != _SPECIAL:
            return self.length()
        return self.string().stored

    def passed_string(self) -> bool:
        """Step over a string that lies here as a whole; False, and nothing done, when it may not."""
        here = self.at
        if len(self.buffer) - here < LOOK_BYTES:
            return False
        end = self.step() + self.at
        if end > len(self.buffer):
            self.at = here
            return False
        self.at = end
        return True

    def string(self) -> StringHeader:
        """A string's header."""
        first = self.buffer[self.at]
        if first >> 6 != _SPECIAL:
            length = self.length()
            return StringHeader(length, length)
        self.at += 1
        encoding = first & 0x3F
        if encoding in _INTEGER_BYTES:
            return StringHeader(_INTEGER_BYTES[encoding], None, integer=True)
        if encoding != _LZF:
            raise NotRdb(f"at byte {self.position} is no string")
        stored = self.length()
        return StringHeader(stored, self.length())

    def text(self, header: StringHeader) -> bytes:
        """The string after its header, as the application sees it; its bytes must be here."""
        if header.integer:
            return b"%d" % self.number(header.stored)
        data = self.take(header.stored)
        return unpacked(data, header.size or 0) if header.packed else data


def unpacked(data: bytes, size: int) -> bytes:
    """What LibLZF packed: literal runs, and references to what came before. Raises ``NotRdb`` on anything else."""
    out = bytearray()
    at = 0
    try:
        while at < len(data):
            control = data[at]
            at += 1
            if control < 1 << 5:
                out += data[at : at + control + 1]
                at += control + 1
                continue
            count = control >> 5
            if count == 7:  # three bits full: the next byte continues
                count += data[at]
                at += 1
            begin = len(out) - ((control & 0x1F) << 8 | data[at]) - 1
            at += 1
            if begin < 0:
                raise IndexError
            for offset in range(count + 2):
                out.append(out[begin + offset])
    except IndexError:
        raise NotRdb("a packed string does not unpack") from None
    if len(out) != size:
        raise NotRdb("a packed string does not unpack to its length")
    return bytes(out)
