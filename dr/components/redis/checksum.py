"""The checksum at the end of an RDB file, which Redis computes over everything before it."""

from __future__ import annotations

from anycrc import Model

from dr.components.redis.rdb_cursor import NotRdb
from dr.components.redis.rdb_types import END

_FOOTER_BYTES = 8
_crc64 = Model("CRC64-REDIS")


def checksum(data: bytes, before: int = 0) -> int:
    """CRC-64 with the polynomial of Jones, continued from ``before``.

    >>> hex(checksum(b"123456789"))
    '0xe9c6d914c4b8d9ca'
    """
    return int(_crc64.calc(data, before))


class Checksum:
    """Compares the end of an RDB file with all of its bytes, whatever they mean."""

    def __init__(self) -> None:
        self._crc = 0
        self._tail = b""
        self.bytes = 0

    def feed(self, data: bytes) -> None:
        self.bytes += len(data)
        data = self._tail + data
        cut = max(0, len(data) - _FOOTER_BYTES - 1)
        self._crc, self._tail = checksum(data[:cut], self._crc), data[cut:]

    def finish(self) -> bool:
        """Whether there is a checksum (``rdbchecksum yes``). Raises ``NotRdb`` when it or the end mark is wrong."""
        if len(self._tail) <= _FOOTER_BYTES or self._tail[0] != END:
            raise NotRdb(f"it stops after {self.bytes} bytes without the end mark of an RDB file")
        written = int.from_bytes(self._tail[1:], "little")
        if written and written != checksum(self._tail[:1], self._crc):
            raise NotRdb(f"its {self.bytes} bytes have not the checksum that Redis wrote at their end")
        return written != 0
