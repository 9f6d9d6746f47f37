"""The tar inside a pack: plain POSIX members, each named by the SHA-256 of its content, and nothing else.

Python's own tarfile takes fifty microseconds for each member, and a pack of thumbnails has a hundred thousand; these
members are all alike, so a header is a template with a name, a size and a check sum.
"""

from __future__ import annotations

import hashlib

BLOCK = 512
END = bytes(2 * BLOCK)

_TEMPLATE = (
    bytes(100)  # name
    + b"0000400\0" + b"0000000\0" + b"0000000\0"  # mode, owner, group
    + b"00000000000\0" + b"00000000000\0"  # size, time
    + b" " * 8 + b"0" + bytes(100) + b"ustar\x0000" + bytes(247)
)  # fmt: skip
_TEMPLATE_SUM = sum(_TEMPLATE) - sum(_TEMPLATE[:100]) - sum(_TEMPLATE[124:136])


def member(name: str, data: bytes) -> bytes:
    """Header, content and padding of one member; ``name`` is 64 hex digits."""
    size = b"%011o\0" % len(data)
    checked = _TEMPLATE_SUM + sum(name.encode()) + sum(size)
    header = b"".join(
        (name.encode().ljust(100, b"\0"), _TEMPLATE[100:124], size, _TEMPLATE[136:148], b"%06o\0 " % checked)
    )
    return b"".join((header, _TEMPLATE[156:], data, bytes(-len(data) % BLOCK)))


def member_bytes(length: int) -> int:
    """How much room a content of that length takes in a pack."""
    return BLOCK + length + -length % BLOCK


class DamagedTar(ValueError):
    """It is no tar of ours; the text says where it ceases to be one."""


class MemberReader:
    """Takes a tar as it streams and gives each member with its content, whole, once its name has proven it.

    Memory is bounded by one member, which is no longer than a piece of a file.
    """

    def __init__(self, limit: int = 64 << 20) -> None:
        self._limit = limit
        self._held = bytearray()
        self._ended = False
        self.members = 0

    def feed(self, data: bytes | memoryview) -> list[tuple[str, bytes]]:
        """The members that are complete now. Raises ``DamagedTar``."""
        if self._ended:
            if any(data):
                raise DamagedTar("there is something behind the end")
            return []
        self._held += data
        found: list[tuple[str, bytes]] = []
        at, held = 0, self._held
        while len(held) - at >= BLOCK:
            if not held[at]:
                if any(held[at : at + BLOCK]):
                    raise DamagedTar(f"a header behind member {self.members} is none")
                self._ended = True
                if any(held[at:]):
                    raise DamagedTar("there is something behind the end")
                at = len(held)
                break
            name, size = self._header(bytes(held[at : at + BLOCK]))
            end = at + member_bytes(size)
            if len(held) < end:
                break
            content = bytes(held[at + BLOCK : at + BLOCK + size])
            if hashlib.sha256(content).hexdigest() != name:
                raise DamagedTar(f"the content of member {name} is not the one that its name says")
            found.append((name, content))
            self.members += 1
            at = end
        del held[:at]
        return found

    def _header(self, header: bytes) -> tuple[str, int]:
        try:
            name, size = header[:64].decode("ascii"), int(header[124:135], 8)
        except (UnicodeDecodeError, ValueError):
            raise DamagedTar(f"the header behind member {self.members} cannot be read") from None
        checked = sum(header) - sum(header[148:156]) + 8 * 32
        if header[148:156] != b"%06o\0 " % checked or not 0 <= size <= self._limit:
            raise DamagedTar(f"the header behind member {self.members} is damaged")
        return name, size

    def finish(self) -> None:
        """Raise ``DamagedTar`` unless the end was seen."""
        if not self._ended:
            raise DamagedTar(f"it is cut off behind member {self.members}")
