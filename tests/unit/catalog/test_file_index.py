"""The index of uploads: any name survives it, and no line leads out of the directory that is restored into."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dr.catalog.file_index import FileEntry, Header, Piece, Root, entry_of, header_of, named, to_line
from dr.errors import BackupInvalid

NAMES = st.binary(min_size=1, max_size=40).filter(
    lambda name: not {b"/"[0], 0} & set(name) and name not in (b".", b"..")
)


def _entry(path: bytes, **more: object) -> FileEntry:
    text, raw = named(path)
    return FileEntry("uploads", text, "file", "0644", 1, 2, 3, raw=raw, **more)  # type: ignore[arg-type]


@given(st.lists(NAMES, min_size=1, max_size=4), st.binary(max_size=60), st.integers(-(2**62), 2**62))
@example([b"line\nbreak", b"\xff\xfe", "\u2028".encode()], b"\xed\xa0\x80", -1)
def test_whatever_bytes_a_path_has_come_back(names: list[bytes], target: bytes, mtime: int) -> None:
    """Through JSON of one line, that any other program can read as well."""
    path, (text, raw) = b"/".join(names), named(target)
    pieces = (Piece(0, 5, "a" * 64, "pack"), Piece(9, 1, "b" * 64, "pack"))
    entry = FileEntry(
        "uploads", *(named(path)[0], "file", "4755", 0, 2**32 - 2, mtime), raw=named(path)[1], size=10, pieces=pieces,
        target=text, target_raw=raw, xattrs={"user.a%00": "AA=="},
    )  # fmt: skip

    line = to_line(entry)

    assert line.count(b"\n") == 1
    assert entry_of(line.rstrip(b"\n"), "x") == entry
    assert entry_of(line.rstrip(b"\n"), "x").relative == path
    assert entry.link_target == target
    assert json.loads(line)["pieces"][1] == [9, 1, "b" * 64, "pack"]


@pytest.mark.parametrize("path", [b"..", b"a/../b", b"/etc", b"a//b", b"a/.", b"./a", b"a/", b"a\0b", b"\xff/.."])
def test_a_path_that_leads_elsewhere_is_refused(path: bytes) -> None:
    """However it is written."""
    with pytest.raises(BackupInvalid):
        entry_of(to_line(_entry(path)), "x")


@pytest.mark.parametrize(
    "pieces",
    [
        (Piece(0, 11, "a", "p"),),
        (Piece(-1, 5, "a", "p"),),
        (Piece(0, 0, "a", "p"),),
        (Piece(0, 6, "a", "p"), Piece(5, 2, "b", "p")),
    ],
)
def test_pieces_that_do_not_fit_are_refused(pieces: tuple[Piece, ...]) -> None:
    """Beyond the end, before the beginning, of no length, one over the other."""
    with pytest.raises(BackupInvalid):
        entry_of(to_line(_entry(b"a", size=10, pieces=pieces)), "x")


def test_a_header_of_another_format_or_with_a_bad_root_is_refused() -> None:
    """The root's name is a directory in the restored copy."""
    header = Header("files_20240101_020000", datetime(2024, 1, 1, tzinfo=UTC), (Root("uploads", "/srv"),), "00")

    assert header_of(to_line(header), "x") == header
    for data in (
        to_line(header).replace(b'"format_version":1', b'"format_version":2'),
        to_line(header).replace(b'"uploads"', b'".."'),
        b"{}",
        b"",
    ):
        with pytest.raises(BackupInvalid):
            header_of(data, "x")
