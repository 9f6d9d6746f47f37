"""A tar of ours: what it counts as its bytes pass, and what is refused when it is unpacked."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.components.tar_scan import Counted, TarCount
from dr.components.tarball import Attributes, TarWriter, unpack
from dr.errors import BackupInvalid
from dr.pipeline.process import Exit

KEPT = Attributes(0o640, 0, 0, "root", "root", 1_700_000_000_123_456_789)
NAMES = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=120)


class Memory:
    """An intake that keeps what it gets."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.data += data

    def ended(self, source: Exit) -> None:
        raise AssertionError(source)


def written(files: dict[str, bytes]) -> bytes:
    """A tar of a directory, these files and a link."""
    memory = Memory()
    with TarWriter(memory) as tar:
        tar.directory("d", KEPT)
        for name, data in files.items():
            tar.file(f"d/{name}", KEPT, data)
        tar.link("d-link", KEPT, "d")
    return bytes(memory.data)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """As a stream brings it."""
    return (data[begin : begin + size] for begin in range(0, len(data), size))


def looked_at(data: bytes, expected: Counted, size: int) -> str:
    """What the scanner says."""
    scanner = TarCount(expected)
    for piece in pieces(data, size):
        scanner.feed(piece)
    return scanner.finish()


@given(st.dictionaries(NAMES, st.binary(max_size=1500), max_size=4), st.integers(1, 3000))
def test_what_was_written_is_counted_however_it_is_cut(files: dict[str, bytes], size: int) -> None:
    """Long and odd names have headers of their own, which count for nothing."""
    expected = Counted(len(files) + 2, len(files), sum(map(len, files.values())))

    assert looked_at(written(files), expected, size) == ""


def test_a_tar_that_is_cut_off_or_holds_something_else_is_seen() -> None:
    """One file less, a damaged header, no end, nothing at all."""
    data = written({"a": b"x" * 2000, "b": b"y"})
    good = Counted(4, 2, 2001)
    damaged = bytearray(data)
    damaged[data.index(b"d/b\0")] ^= 1

    assert looked_at(data, good, 700) == ""
    assert "and Counted(members=4" in looked_at(written({"a": b"x" * 2000}), good, 700)
    assert "is damaged" in looked_at(bytes(damaged), good, 700)
    assert "cut off" in looked_at(data[:3000], good, 700)
    assert "cut off" in looked_at(b"", good, 700)


def test_the_same_files_make_another_tar_each_time() -> None:
    """The manifest has a plain hash of it: whoever knows all but a password could try passwords otherwise."""
    assert written({"a": b"x"}) != written({"a": b"x"})


def foreign(*members: tuple[str, bytes, str]) -> bytes:
    """A tar that somebody else has made."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, target in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            tar.addfile(info, io.BytesIO(b""))
    return stream.getvalue()


@pytest.mark.parametrize(
    "members",
    [
        [("../out", tarfile.REGTYPE, "")],
        [("a/../../out", tarfile.REGTYPE, "")],
        [("/out", tarfile.REGTYPE, "")],
        [("device", tarfile.CHRTYPE, "")],
        [("pipe", tarfile.FIFOTYPE, "")],
        [("hard", tarfile.LNKTYPE, "/etc/passwd")],
        [("twice", tarfile.REGTYPE, ""), ("twice", tarfile.REGTYPE, "")],
    ],
)
def test_a_foreign_member_is_refused(tmp_path: Path, members: list[tuple[str, bytes, str]]) -> None:
    """What leaves the directory, is no file, or comes twice."""
    inside = tmp_path / "inside"
    inside.mkdir()

    with pytest.raises(BackupInvalid):
        unpack(pieces(foreign(*members), 512), inside, "it")

    assert [path.name for path in tmp_path.iterdir()] == ["inside"]


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    """A link to the outside and a file below it: the file is laid inside, and the link finds its place taken."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    data = foreign(("way", tarfile.SYMTYPE, str(outside)), ("way/file", tarfile.REGTYPE, ""))

    with pytest.raises(BackupInvalid, match="two members"):
        unpack(pieces(data, 512), inside, "it")

    assert list(outside.iterdir()) == []


REFUSED_TARS = [
    [("way", tarfile.SYMTYPE, "/"), ("way/file", tarfile.REGTYPE, "")],
    [("way/file", tarfile.REGTYPE, ""), ("way", tarfile.SYMTYPE, "/")],
    [("way", tarfile.REGTYPE, ""), ("way", tarfile.SYMTYPE, "/")],
    [("way", tarfile.REGTYPE, ""), ("way/", tarfile.DIRTYPE, "")],
    [("way", tarfile.REGTYPE, ""), ("way/deep/file", tarfile.REGTYPE, "")],
    [("w\xe4y" * 60, tarfile.REGTYPE, ""), ("w\xe4y" * 60, tarfile.REGTYPE, "")],
    [("../out", tarfile.REGTYPE, "")],
    [("/out", tarfile.REGTYPE, "")],
    [("pipe", tarfile.FIFOTYPE, "")],
]


@pytest.mark.parametrize("members", REFUSED_TARS)
def test_what_a_restore_would_refuse_is_not_proven(tmp_path: Path, members: list[tuple[str, bytes, str]]) -> None:
    """The counts are right all the same; whoever looks at the tar as it is read back says so, and not the restore."""
    data = foreign(*members)
    files = sum(kind == tarfile.REGTYPE for _, kind, _ in members)

    with pytest.raises(BackupInvalid):
        unpack(pieces(data, 700), tmp_path, "it")
    assert looked_at(data, Counted(len(members), files, 0), 700)


def test_a_directory_named_twice_is_no_contradiction(tmp_path: Path) -> None:
    """Before and after what is in it."""
    data = foreign(("d/", tarfile.DIRTYPE, ""), ("d/file", tarfile.REGTYPE, ""), ("d/", tarfile.DIRTYPE, ""))
    unpack(pieces(data, 700), tmp_path, "it")

    assert looked_at(data, Counted(3, 1, 0), 700) == ""


def test_no_tar_at_all_is_refused(tmp_path: Path) -> None:
    """Neither random bytes nor a tar that ends in the midst of a file."""
    for data in (b"x" * 2000, written({"a": b"x" * 5000})[:4000]):
        with pytest.raises(BackupInvalid):
            unpack(pieces(data, 100), tmp_path / "new", "it")
