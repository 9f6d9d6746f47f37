"""The scanner of bundles: whatever arrives must be what was written."""

from __future__ import annotations

import hashlib

import pytest

from dr.catalog.manifest import Item
from dr.components.code.refs import Refs, refs_digest
from dr.components.code.scan import BundleScanner

REFS = {"refs/heads/main": "1" * 40, "refs/heads/refs/heads/main": "2" * 40, "refs/tags/v1": "3" * 40}
ITEM = Item("shop", count=len(REFS), digest=refs_digest(REFS))


def bundle(refs: dict[str, str] = REFS, content: bytes = b"PACK" + bytes(range(256)) * 40) -> bytes:
    """A header and a pack with its checksum."""
    head = Refs(refs, "refs/heads/main", "1" * 40).header()
    return head + content + hashlib.sha1(content, usedforsecurity=False).digest()


def verdict(data: bytes, size: int = 1 << 20, item: Item = ITEM) -> str:
    """What the scanner says when the bytes come in chunks of ``size``."""
    scanner = BundleScanner(item, "refs/heads/main")
    for begin in range(0, len(data), size):
        scanner.feed(data[begin : begin + size])
    return scanner.finish()


@pytest.mark.parametrize("size", [1, 7, 20, 1 << 20])
def test_a_whole_bundle_passes_however_it_is_cut(size: int) -> None:
    """Chunks end in the header, in the pack and in its checksum."""
    assert verdict(bundle(), size) == ""


def test_every_flipped_byte_is_noticed() -> None:
    """Header, pack or checksum: no single byte can change."""
    whole = bundle(content=b"PACK and a little")

    version = whole.index(b"v2") + 1  # a header of version 3 that names no further format means the same
    unnoticed = []
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 0x01
        if not verdict(bytes(changed)):
            unnoticed.append(place)

    assert unnoticed == [version]


def test_every_cut_is_noticed() -> None:
    """A bundle that ends early, wherever, is not whole."""
    whole = bundle(content=b"PACK and a little")

    assert all(verdict(whole[:end]) for end in range(len(whole)))


@pytest.mark.parametrize(
    "data, word",
    [
        (b"<html>not found</html>\n" * 5000, "no git bundle"),
        (b"x" * 100_000, "header"),
        (b"# v2 git bundle\n-" + b"1" * 40 + b" some commit\n\nPACK", "not in it"),
        (bundle({"refs/heads/main": "1" * 40}), "not the 3"),
        (bundle(content=b"JUNK" * 40), "no pack"),
    ],
)
def test_what_is_no_full_bundle_of_these_refs_is_refused(data: bytes, word: str) -> None:
    """The reason is said."""
    assert word in verdict(data)


def test_a_bundle_of_sha256_objects_has_its_own_header() -> None:
    """Its checksum is SHA-256 too."""
    refs = {"refs/heads/main": "a" * 64}
    content = b"PACK" + b"content" * 10
    data = Refs(refs, "refs/heads/main", "a" * 64, "sha256").header() + content + hashlib.sha256(content).digest()

    assert verdict(data, 5, Item("shop", 1, digest=refs_digest(refs))) == ""
