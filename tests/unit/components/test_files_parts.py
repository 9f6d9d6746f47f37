"""The parts of a backup of uploads: tars, reading, walking, the cache, the choice of packs to write anew."""

from __future__ import annotations

import hashlib
import io
import os
import random
import sqlite3
import tarfile
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.file_index import FileEntry, Piece
from dr.components.files.cache import Cache
from dr.components.files.plan import Plan
from dr.components.files.scan import Rules, Tally, walk
from dr.components.files.steady import PIECE, Reading, read_steadily
from dr.components.files.tar_members import END, DamagedTar, MemberReader, member, member_bytes
from dr.components.files.tidy import SMALL_PACKS, PackUse, worth_rewriting

TODAY = datetime(2024, 1, 1, tzinfo=UTC).toordinal()
LATER = 10**12
"""Nanoseconds after which a change is no longer a moment ago."""


_STATEMENTS = {
    "folder": ("SELECT value FROM folder", "UPDATE folder SET value = ?"),
    "piece": ("SELECT value FROM piece", "UPDATE piece SET value = ?"),
}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@given(st.lists(st.binary(max_size=1500), max_size=6), st.integers(1, 700))
def test_a_pack_is_a_tar_for_anybody_and_reads_back_in_any_pieces(contents: list[bytes], step: int) -> None:
    """Python's own tarfile lists the same members; our reader gives them however the bytes arrive."""
    packed = b"".join(member(_digest(data), data) for data in contents) + END
    reader = MemberReader()

    found = [pair for at in range(0, len(packed), step) for pair in reader.feed(packed[at : at + step])]
    reader.finish()

    assert found == [(_digest(data), data) for data in contents]
    assert len(packed) == sum(member_bytes(len(data)) for data in contents) + len(END)
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert [item.name for item in tar] == [_digest(data) for data in contents]


@given(st.integers(0, 2047), st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_found(place: int, bit: int) -> None:
    """Header or content; only the padding, which means nothing, may differ."""
    data = b"x" * 512
    packed = bytearray(member(_digest(data), data) + END)
    packed[place] ^= 1 << bit
    reader = MemberReader()

    found = []
    with suppress(DamagedTar):
        found = reader.feed(bytes(packed))
        reader.finish()
        found.append(("", b""))

    assert found == []


def test_a_cut_off_tar_is_not_whole() -> None:
    """Without its end mark there may have been more."""
    reader = MemberReader()

    assert len(reader.feed(member(_digest(b"a"), b"a"))) == 1
    with pytest.raises(DamagedTar, match="cut off behind member 1"):
        reader.finish()


class Shelf:
    """Keeps the pieces that are read."""

    def __init__(self) -> None:
        self.pieces: dict[str, bytes] = {}

    def keep(self, digest: str, data: bytes) -> str:
        """As a pack would."""
        self.pieces[digest] = data
        return "pack"

    def content(self, reading: Reading) -> bytes:
        """The file that these pieces make."""
        made = bytearray(reading.size)
        for piece in reading.pieces:
            made[piece.offset : piece.offset + piece.length] = self.pieces[piece.sha256]
        return bytes(made)


def _read(path: Path, shelf: Shelf) -> Reading:
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        return read_steadily(path.name, descriptor, shelf.keep)
    finally:
        os.close(descriptor)


def test_pieces_begin_at_multiples_of_their_size_and_holes_are_not_read(tmp_path: Path) -> None:
    """A file of data, a hole over several pieces, data, and a hole at its end."""
    path, shelf = tmp_path / "file", Shelf()
    with path.open("wb") as stream:
        stream.write(random.Random(1).randbytes(100_000))
        stream.seek(3 * PIECE - 50_000)
        stream.write(random.Random(2).randbytes(200_000))
        stream.truncate(4 * PIECE)

    reading = _read(path, shelf)

    assert reading.steady
    assert shelf.content(reading) == path.read_bytes()
    assert sum(piece.length for piece in reading.pieces) < 1_000_000
    assert all(piece.offset // PIECE == (piece.offset + piece.length - 1) // PIECE for piece in reading.pieces)


def test_what_is_no_file_any_more_is_gone(tmp_path: Path) -> None:
    """A pipe or a link put in its place is neither waited for nor followed."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/hostname")

    with pytest.raises(FileNotFoundError):
        _read(tmp_path / "pipe", Shelf())
    with pytest.raises(OSError, match="symbolic links"):
        _read(tmp_path / "link", Shelf())


def test_a_walk_never_leaves_the_directory(tmp_path: Path) -> None:
    """Neither through a link nor, unless asked, into another file system; what is excluded is counted."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x.tmp").touch()
    (tmp_path / "a" / "away").symlink_to("/")
    tally = Tally()

    found = [item.relative for item in walk(os.fsencode(tmp_path), Rules(("*.tmp",)), tally)]

    assert found == [b"", b"a", b"a/away", b"a/b"]
    assert (tally.excluded, tally.vanished, tally.mounts) == (1, 0, 0)


def test_a_mounted_file_system_is_not_entered() -> None:
    """Shared memory is one of its own on any Linux."""
    if not os.path.ismount("/dev/shm"):
        pytest.skip("not applicable: nothing is mounted in /dev")
    tally = Tally()

    below = [item for item in walk(b"/dev", Rules(("[!s]*",)), tally) if item.relative.startswith(b"shm/")]

    assert below == []
    assert tally.mounts == 1


def _status(path: Path) -> os.stat_result:
    return path.lstat()


def _cache(directory: Path, packs: tuple[str, ...] = ("pack",)) -> Cache:
    cache = Cache(directory, reread_days=30)
    cache.use(packs)
    cache.enter(b"/uploads")
    return cache


@pytest.fixture
def remembered(tmp_path: Path) -> tuple[Path, Path, tuple[Piece, ...]]:
    """A cache's directory, a file that it knows, and that file's pieces."""
    path, pieces = tmp_path / "file", (Piece(0, 3, "ab" * 32, "pack"),)
    path.write_bytes(b"abc")
    cache = _cache(tmp_path / "cache")
    cache.remember(b"file", _status(path), pieces, TODAY, _status(path).st_ctime_ns + LATER)
    cache.place("ab" * 32, "pack")
    cache.commit(TODAY)
    return tmp_path / "cache", path, pieces


def test_an_unchanged_file_is_known_and_a_changed_one_is_not(remembered: tuple[Path, Path, tuple[Piece, ...]]) -> None:
    """Also when its time and size were put back: the inode's own time tells."""
    directory, path, pieces = remembered

    with closing(_cache(directory)) as cache:
        assert cache.pieces_of(b"file", _status(path), TODAY + 1) == pieces
        assert cache.pack_with("ab" * 32) == "pack"
        assert cache.pieces_of(b"other", _status(path), TODAY + 1) is None
    before = path.stat()
    time.sleep(0.02)
    path.write_bytes(b"xyz")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with closing(_cache(directory)) as cache:
        assert cache.pieces_of(b"file", _status(path), TODAY + 1) is None


def test_a_file_is_read_again_after_so_many_days(remembered: tuple[Path, Path, tuple[Piece, ...]]) -> None:
    """At the latest after thirty, and never because of a clock that was wrong."""
    directory, path, _ = remembered
    with closing(_cache(directory)) as cache:
        known = [cache.pieces_of(b"file", _status(path), TODAY + day) is not None for day in range(-1, 31)]

    assert known[0] is False
    assert known[1:16] == [True] * 15
    assert known[31] is False


def test_a_file_changed_a_moment_ago_is_not_believed(tmp_path: Path) -> None:
    """A second change in the same tick would leave no trace."""
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    cache = _cache(tmp_path / "cache")
    cache.remember(b"file", _status(path), (), TODAY, _status(path).st_ctime_ns + 1_900_000_000)
    cache.commit(TODAY)

    with closing(_cache(tmp_path / "cache")) as cache:
        assert cache.pieces_of(b"file", _status(path), TODAY) is None


def test_what_lies_in_a_pack_that_is_gone_is_forgotten(remembered: tuple[Path, Path, tuple[Piece, ...]]) -> None:
    """And it stays forgotten when a pack with the same number comes."""
    directory, path, _ = remembered
    cache = _cache(directory, ("another",))
    assert cache.pieces_of(b"file", _status(path), TODAY) is None
    assert cache.pack_with("ab" * 32) is None
    cache.commit(TODAY)

    with closing(_cache(directory, ("another", "pack"))) as cache:
        assert cache.pieces_of(b"file", _status(path), TODAY) is None
        assert cache.pack_with("ab" * 32) is None


@pytest.mark.parametrize("table", ["folder", "piece"])
def test_a_damaged_cache_is_never_believed(remembered: tuple[Path, Path, tuple[Piece, ...]], table: str) -> None:
    """Each byte of a row changed in turn: nothing is known then, rather than something wrong."""
    directory, path, _ = remembered
    with closing(sqlite3.connect(directory / "cache.sqlite", isolation_level=None)) as db:
        select, update = _STATEMENTS[table]
        ((whole,),) = db.execute(select).fetchall()
        for place in range(len(whole)):
            damaged = bytearray(whole)
            damaged[place] ^= 0x10
            db.execute(update, (bytes(damaged),))
            with closing(_cache(directory)) as cache:
                known = (
                    cache.pieces_of(b"file", _status(path), TODAY) if table == "folder" else cache.pack_with("ab" * 32)
                )

            assert known is None, f"byte {place}"


def test_a_file_that_is_no_cache_is_begun_anew(remembered: tuple[Path, Path, tuple[Piece, ...]]) -> None:
    """As after a disk has lost its blocks: the run is told, and knows nothing."""
    directory, path, _ = remembered
    (directory / "cache.sqlite").write_bytes(b"something else" * 1000)

    with closing(_cache(directory)) as cache:
        assert "begun anew" in cache.trouble
        assert cache.pieces_of(b"file", _status(path), TODAY) is None


def test_a_cache_that_cannot_be_written_costs_no_backup(tmp_path: Path) -> None:
    """A file where its directory should be: nothing is known, and the trouble is told."""
    (tmp_path / "cache").write_text("in the way")
    cache = _cache(tmp_path / "cache")

    assert cache.pack_with("ab" * 32) is None
    cache.place("ab" * 32, "pack")
    assert "cannot be used" in cache.commit(TODAY)[0]


def test_a_cache_that_fails_in_the_midst_does_not_mix_up_packs(
    remembered: tuple[Path, Path, tuple[Piece, ...]],
) -> None:
    """What was read of a directory before still names its own pack after a further one has come."""
    directory, path, pieces = remembered
    cache = _cache(directory)
    cache.close()
    cache.place("cd" * 32, "a new pack")

    assert cache.pieces_of(b"file", _status(path), TODAY) == pieces
    assert cache.pack_with("cd" * 32) is None


def test_wasteful_packs_and_many_small_ones_are_written_anew() -> None:
    """Half used is good enough; small ones are left alone until there are many."""
    mib = 1 << 20
    packs = {"good": PackUse(64 * mib, 32 * mib), "waste": PackUse(64 * mib, 31 * mib)}
    small = {f"small {number}": PackUse(mib, mib) for number in range(SMALL_PACKS)}

    assert worth_rewriting({**packs, **small}, 64 * mib) == {"waste"}
    more = {**packs, **small, "one more": PackUse(mib, mib)}
    assert worth_rewriting(more, 64 * mib) == {"waste", "one more", *small}


def test_nothing_is_written_through_a_link_of_the_index(tmp_path: Path) -> None:
    """An index that has a link and something below it is refused, and the place it led to stays as it was."""
    outside, target = tmp_path / "outside", tmp_path / "target"
    outside.mkdir()
    target.mkdir()
    plan = Plan(target)
    status = ("0644", 0, 0, 0)
    plan.add(FileEntry("r", "", "directory", "0755", 0, 0, 0))
    plan.add(FileEntry("r", "a", "symlink", *status, target=str(outside)))
    plan.add(FileEntry("r", "a/b", "file", *status))

    with pytest.raises(FileNotFoundError):
        plan.prepare()
    plan = Plan(target)
    plan.add(FileEntry("r", "a", "directory", "0755", 0, 0, 0))
    plan.add(FileEntry("r", "a", "symlink", *status, target=str(outside)))
    plan.add(FileEntry("r", "a/b", "file", *status))
    plan.prepare()
    with pytest.raises(FileExistsError):
        plan.finish()
    assert list(outside.iterdir()) == []
