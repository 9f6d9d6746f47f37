"""Looking at a bundle as it streams by: the refs it lists, and whether its pack is whole by its own checksum.

``git bundle verify`` needs a repository; a host that reads copies back need not even have git.
"""

from __future__ import annotations

import hashlib
import re

from dr.catalog.manifest import Item, Manifest, ObjectRecord, Role
from dr.components.code.refs import refs_digest

_SIGNATURE = re.compile(rb"# v[23] git bundle")
_LINE = re.compile(rb"(?P<oid>[0-9a-f]{40}|[0-9a-f]{64}) (?P<name>[^\n]+)")
_LONGEST_LINE = 1 << 16


class BundleScanner:
    """Feed it a bundle in chunks of any size. ``head`` is what HEAD was when ``item`` was backed up."""

    def __init__(self, item: Item, head: str) -> None:
        self._item = item
        self._head = head
        self._rest = b""
        self._lines = 0
        self._in_pack = False
        self._wrong = ""
        self._hash = hashlib.sha1(usedforsecurity=False)
        self._begin = b""
        self._refs: dict[str, str] = {}

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next bytes."""
        if self._wrong:
            return
        self._rest += bytes(data)
        while not self._in_pack and not self._wrong:
            line, newline, rest = self._rest.partition(b"\n")
            if not newline:
                if len(line) > _LONGEST_LINE:
                    self._wrong = "its header is not that of a bundle"
                return
            self._rest = rest
            self._header_line(line)
        if self._in_pack:
            self._pack()

    def _header_line(self, line: bytes) -> None:
        self._lines += 1
        if self._lines == 1:
            if not _SIGNATURE.fullmatch(line):
                self._wrong = "it is no git bundle"
        elif not line:
            self._in_pack = True
        elif line.startswith(b"-"):
            self._wrong = f"it needs commits that are not in it: {line[:80].decode(errors='replace')}"
        elif line == b"@object-format=sha256":
            self._hash = hashlib.sha256(usedforsecurity=False)
        elif match := _LINE.fullmatch(line):
            self._refs[match["name"].decode(errors="replace")] = match["oid"].decode()
        elif not line.startswith(b"@"):
            self._wrong = "its header is not that of a bundle"

    def _pack(self) -> None:
        """The pack's last bytes are the hash of all before them: keep as many back."""
        if len(self._begin) < 4:
            self._begin = self._rest[:4]
        size = self._hash.digest_size
        if len(self._rest) > size:
            self._hash.update(self._rest[:-size])
            self._rest = self._rest[-size:]

    def finish(self) -> str:
        """What is wrong with it, in words; empty when it is whole and lists the refs that were backed up."""
        if self._wrong:
            return self._wrong
        if not self._in_pack:
            return "it ends within its header"
        if self._begin != b"PACK":
            return "no pack follows its header"
        if self._hash.digest() != self._rest:
            return "its pack does not have the checksum that it ends with"
        head = self._refs.pop("HEAD", "")
        if refs_digest(self._refs) != self._item.digest:
            return f"it lists {len(self._refs)} refs that are not the {self._item.count} that were backed up"
        expected = self._refs.get(self._head, "") if self._head.startswith("refs/") else self._head
        return "" if head == expected else f"its HEAD is {head or 'missing'}, not {expected or 'without a commit'}"


def scanner(manifest: Manifest, item: ObjectRecord) -> BundleScanner | None:
    """The scanner of a bundle; None for the index."""
    name = item.key.rsplit("/", 1)[-1].removesuffix(".gpg")
    contents = manifest.component
    if item.role is not Role.CONTENT or contents is None:
        return None
    return next(
        (
            BundleScanner(found, contents.facts.get(f"head of {found.name}", ""))
            for found in contents.items
            if f"{found.name}.bundle" == name
        ),
        None,
    )
