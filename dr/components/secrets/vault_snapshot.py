"""Whether a raft snapshot of Vault is whole: looked at as it streams by, for Vault's answer does not say.

A snapshot is a gzip-compressed tar of ``meta.json``, ``state.bin`` and ``SHA256SUMS``. Vault sends it as it makes it,
with status 200 before anything can fail: what broke on the way simply ends early (hashicorp/vault#12497).
"""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from dataclasses import dataclass, field

_BLOCK = 512
_GZIP = 31
_SUMS = "SHA256SUMS"
_SMALL = 1 << 20
_NEEDED = ("meta.json", "state.bin")
_PIECE = 1 << 20


@dataclass(slots=True)
class _Member:
    """The file of the archive that is coming by; ``text`` of small ones only."""

    name: str
    kind: bytes
    left: int
    padding: int
    hash: hashlib._Hash = field(default_factory=hashlib.sha256)
    text: bytearray = field(default_factory=bytearray)


class SnapshotScanner:
    """Feed it a snapshot's bytes; ``finish`` says what is wrong with it. Memory stays small, whatever the size."""

    def __init__(self) -> None:
        self._gzip = zlib.decompressobj(_GZIP)
        self._plain = bytearray()
        self._member: _Member | None = None
        self._next_size: int | None = None
        self._wrong = ""
        self.hashes: dict[str, str] = {}
        self.sums: dict[str, str] = {}
        self.bytes = 0

    def feed(self, data: bytes) -> None:
        self.bytes += len(data)
        while data and not self._wrong:
            try:
                self._plain += self._gzip.decompress(data, _PIECE)
            except zlib.error as error:
                self._wrong = f"it is no gzip file: {error}"
                return
            data = self._gzip.unconsumed_tail
            self._take()

    def finish(self) -> str:
        """What is wrong, in words; empty when every file in it has the hash that it says."""
        if not self._wrong:
            self._plain += self._gzip.flush()
            self._take()
        if self._wrong:
            return self._wrong
        if not self._gzip.eof:
            return f"it ends early, after {self.bytes} bytes"
        if missing := [name for name in (*_NEEDED, _SUMS) if name not in self.hashes]:
            return f"it holds no {', '.join(missing)}: the server broke off while it made it"
        for name in _NEEDED:
            if self.sums.get(name) != self.hashes[name]:
                return f"{name} in it is not what its {_SUMS} says"
        return ""

    def _take(self) -> None:
        """Consume what is complete of the tar: headers at once, content as it comes."""
        while not self._wrong:
            if self._member is None:
                if len(self._plain) < _BLOCK:
                    return
                block = bytes(self._plain[:_BLOCK])
                del self._plain[:_BLOCK]
                self._begin(block)
                continue
            member = self._member
            if member.left:
                if not self._plain:
                    return
                piece = bytes(self._plain[: member.left])
                del self._plain[: len(piece)]
                member.hash.update(piece)
                member.left -= len(piece)
                if len(member.text) < _SMALL:
                    member.text += piece
            elif len(self._plain) < member.padding:
                return
            else:
                del self._plain[: member.padding]
                self._member = None
                self._end(member)

    def _begin(self, block: bytes) -> None:
        if block == bytes(_BLOCK):
            return
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            self._wrong = f"it is no tar archive inside: {error}"
            return
        size = header.size
        if header.type not in (tarfile.XHDTYPE, tarfile.XGLTYPE) and self._next_size is not None:
            size, self._next_size = self._next_size, None
        self._member = _Member(header.name, header.type, size, -size % _BLOCK)

    def _end(self, member: _Member) -> None:
        if member.kind in (tarfile.XHDTYPE, tarfile.XGLTYPE):
            # A file of 8 GiB and more has its size in an extended header before it.
            for line in bytes(member.text).decode(errors="replace").splitlines():
                _, _, record = line.partition(" ")
                key, _, value = record.partition("=")
                if key == "size" and value.isdecimal():
                    self._next_size = int(value)
            return
        self.hashes[member.name] = member.hash.hexdigest()
        if member.name == _SUMS:
            lines = (line.split() for line in bytes(member.text).decode(errors="replace").splitlines())
            self.sums = {parts[1].lstrip("*"): parts[0] for parts in lines if len(parts) == 2}
