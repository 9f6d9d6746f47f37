"""A day's tar and what looks at it as it is read back: every byte counts, however the bytes are cut into pieces."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.manifest import Item
from dr.components.logs.content import Digests, Moved, NotReadable, opened
from dr.components.logs.day_tar import DayScanner, day_digest, pack
from dr.components.logs.scan import LogFile, scan
from dr.configuration.components.logs import LogsSettings
from dr.pipeline.process import Exit

NOW = datetime.now(UTC)


class Kept:
    """An intake that keeps what it is given."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take it."""
        self.data += data

    def ended(self, source: Exit) -> None:
        """No process is behind it."""


def _day(place: Path) -> tuple[bytes, Item]:
    """A tar of every file there, and its item."""
    intake = Kept()
    packed = pack(intake, scan([place], LogsSettings(), NOW).files, growing=True)
    digest = day_digest((item.name, item.sha256) for item in packed)
    return bytes(intake.data), Item("2024-01-05", len(packed), sum(item.bytes for item in packed), digest)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Item]:
    """A few files, one with a name that fits no header and one with a name that is no text."""
    place = tmp_path_factory.mktemp("day")
    for number, name in enumerate(["a.log", "b" * 150 + ".log", "ü.log", os.fsdecode(b"\xff\xfe.log")]):
        (place / name).write_bytes(os.urandom(700 * number + 1))
    return _day(place)


def _told(data: bytes, item: Item, sizes: list[int]) -> str:
    scanner = DayScanner(item)
    position = 0
    for size in sizes:
        scanner.feed(data[position : position + size])
        position += size
    scanner.feed(data[position:])
    return scanner.finish()


@given(st.lists(st.integers(0, 3000), max_size=8))
def test_a_whole_day_passes_however_it_is_cut(day: tuple[bytes, Item], sizes: list[int]) -> None:
    """Long names, names that are no text; stock tar reads the same files."""
    data, item = day

    assert _told(data, item, sizes) == ""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert len(tar.getmembers()) == item.count == 4


@given(st.data())
def test_a_day_with_one_byte_of_a_file_changed_or_cut_off_does_not_pass(day: tuple[bytes, Item], data) -> None:
    """Whatever is not padding is compared."""
    whole, item = day
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        member = data.draw(st.sampled_from(tar.getmembers()))
    at = member.offset_data + data.draw(st.integers(0, member.size - 1))
    changed = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]

    assert "not those that were backed up" in _told(changed, item, [1000])
    assert "cut off" in _told(whole[:at], item, [1000])
    assert _told(whole, dataclasses.replace(item, count=item.count + 1), [])


def _seen(path: Path) -> LogFile:
    (file,) = scan([path], LogsSettings(), NOW).files
    return file


def test_a_file_that_is_no_longer_the_one_that_was_seen_is_not_read_as_that(tmp_path: Path) -> None:
    """Replaced, grown or shrunk; what is still written may have grown and no more."""
    path = tmp_path / "app.log"
    path.write_text("one\ntwo\n")
    grown, replaced, shrunk = (_seen(path) for _ in range(3))
    with path.open("a") as stream:
        stream.write("three\n")
    with opened(grown, growing=True):
        pass
    with pytest.raises(Moved), opened(grown):
        pass
    path.rename(tmp_path / "app.log.1")
    path.write_text("one\ntwo\nthree\n")
    with pytest.raises(Moved), opened(replaced, growing=True):
        pass
    os.truncate(tmp_path / "app.log.1", 2)
    with pytest.raises(Moved), opened(dataclasses.replace(shrunk, path=tmp_path / "app.log.1"), growing=True):
        pass


def test_a_file_truncated_while_it_is_read_is_never_taken_for_whole(tmp_path: Path) -> None:
    """Between one piece and the next, as copytruncate does it."""
    path = tmp_path / "app.log"
    path.write_bytes(b"x" * 100_000)

    class Truncating(Kept):
        def write(self, data: bytes | bytearray | memoryview) -> None:
            super().write(data)
            os.truncate(path, 0)

    with pytest.raises(Moved):
        pack(Truncating(), [_seen(path)], growing=True)


def test_a_file_that_this_account_may_not_read_is_told_by_name(tmp_path: Path) -> None:
    """With the system's own reason."""
    path = tmp_path / "app.log"
    path.write_text("x\n")
    file = _seen(path)
    path.unlink()
    path.symlink_to(path.name)

    with pytest.raises(NotReadable, match=f"{path} cannot be read: "):
        Digests(tmp_path / "digests.json").of(file)


def test_what_was_read_before_is_remembered_and_a_lost_memory_is_no_failure(tmp_path: Path) -> None:
    """By inode, size and times: a changed file is read again."""
    path = tmp_path / "app.log.1"
    path.write_text("one\n")
    first = Digests(tmp_path / "state" / "digests.json")
    digest, whole = first.of(_seen(path))
    first.save()
    path.write_text("two\n")

    again = Digests(tmp_path / "state" / "digests.json")
    assert whole
    assert again.of(_seen(path))[0] != digest
    (tmp_path / "state" / "digests.json").write_text("{")
    assert Digests(tmp_path / "state" / "digests.json").of(_seen(path))[0] != digest


@pytest.mark.parametrize(
    "pattern, found",
    [
        ("", {"a.log", "b/c.log", "b/d/e.log"}),
        ("*.log", {"a.log"}),
        ("*", {"a.log", "b/c.log", "b/d/e.log"}),
        ("b/*.log", {"b/c.log"}),
        ("**/*.log", {"a.log", "b/c.log", "b/d/e.log"}),
        ("*/d/e.log", {"b/d/e.log"}),
        ("a.log", {"a.log"}),
        ("[ab]", {"b/c.log", "b/d/e.log"}),
    ],
)
def test_patterns_find_what_a_shell_would_and_all_below_a_directory(
    tmp_path: Path, pattern: str, found: set[str]
) -> None:
    """Links, empty files and what is to be ignored are left out."""
    for name in ("a.log", "b/c.log", "b/d/e.log", "a.tmp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "empty.log").touch()
    (tmp_path / "link.log").symlink_to("a.log")

    files = scan([tmp_path / pattern], LogsSettings(), NOW).files

    assert {str(file.path.relative_to(tmp_path)) for file in files} == found


def test_a_day_that_a_restore_would_refuse_is_not_proven() -> None:
    """A file and another below it: the digest is right, and nobody could lay them out."""
    stream, names = io.BytesIO(), ("app.log", "app.log/1")
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name), io.BytesIO(b""))
    nothing = hashlib.sha256(b"").hexdigest()
    item = Item("2024-01-05", 2, 0, day_digest((name, nothing) for name in names))

    assert "a restore would refuse" in _told(stream.getvalue(), item, [len(stream.getvalue())])
