"""What reading a copy back proves of uploads: contents are what their names say, the index is the one written."""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import UTC, datetime

import pytest

from dr.catalog.file_index import FileEntry, Header, Piece, Root, to_line
from dr.catalog.labels import Kind
from dr.catalog.manifest import (
    ComponentContents,
    Compression,
    EncryptionRecord,
    Manifest,
    ObjectRecord,
    Role,
)
from dr.components.files import scanner
from dr.components.files.index_writer import LINES, SHA256
from dr.components.files.tar_members import END, member

NOW = datetime(2024, 1, 1, 2, tzinfo=UTC)
LABEL = "files_20240101_020000"


def _record(name: str, role: Role) -> ObjectRecord:
    return ObjectRecord(f"shop/files-packs/{name}.tar.zst.gpg", role, Compression.ZSTD, 1, 1, "", 1, "")


PACK, INDEX = _record("pack", Role.PACK), _record("index", Role.INDEX)
LINES_OF_INDEX = (
    to_line(Header(LABEL, NOW, (Root("uploads", "/srv/uploads"),), "00")),
    to_line(FileEntry("uploads", "a", "file", "0644", 0, 0, 0, size=1, pieces=(Piece(0, 1, "ab", "pack"),))),
)


def _manifest(data: bytes) -> Manifest:
    facts = {SHA256: hashlib.sha256(data).hexdigest(), LINES: str(data.count(b"\n"))}
    return Manifest(
        label=LABEL,
        kind=Kind.FILES,
        system="shop",
        system_identifier="",
        server_version=0,
        begin=NOW,
        end=NOW,
        objects=(INDEX, PACK),
        stores=("local",),
        encryption=EncryptionRecord("passphrase"),
        run="run",
        component=ComponentContents(NOW, facts=facts),
    )


def _verdict(manifest: Manifest, item: ObjectRecord, data: bytes) -> str:
    looking = scanner(manifest, item)
    assert looking is not None
    for at in range(0, len(data), 100):
        looking.feed(data[at : at + 100])
    return looking.finish()


def test_a_whole_copy_has_nothing_wrong() -> None:
    """Both kinds of object, in whatever pieces they come."""
    data = b"".join(LINES_OF_INDEX)

    assert _verdict(_manifest(data), INDEX, data) == ""
    assert _verdict(_manifest(data), PACK, member(hashlib.sha256(b"x").hexdigest(), b"x") + END) == ""


@pytest.mark.parametrize("wrong", [member("0" * 64, b"x") + END, member(hashlib.sha256(b"x").hexdigest(), b"x"), b""])
def test_a_pack_that_holds_something_else_is_told(wrong: bytes) -> None:
    """A content under another's name, a pack without its end, nothing."""
    assert _verdict(_manifest(b""), PACK, wrong)


def test_another_index_is_told() -> None:
    """A line less, one more, half a line, another order, a pack that the manifest does not list."""
    data = b"".join(LINES_OF_INDEX)
    manifest = _manifest(data)

    for wrong in (LINES_OF_INDEX[0], data + LINES_OF_INDEX[1], data[:-5], b"".join(reversed(LINES_OF_INDEX)), b""):
        assert _verdict(manifest, INDEX, wrong)
    assert "does not list" in _verdict(dataclasses.replace(manifest, objects=(INDEX,)), INDEX, data)
