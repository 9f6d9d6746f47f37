"""The spool's files are told apart by their names, and ordered as PostgreSQL's own program looks for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dr.errors import ConfigurationError, LeaseHeld
from dr.operations.wal.spool import alone_in, backlog, make_spool, refuse, refused, scan


def _fill(spool: Path, *names: str) -> None:
    for name in names:
        (spool / name).write_bytes(b"x")


def test_every_kind_of_file_is_recognised_and_strangers_are_left_alone(tmp_path: Path) -> None:
    """Notes of base backups go; temporary names are not told; directories and links are no WAL."""
    first, second = "000000010000000000000001", "000000010000000000000002"
    _fill(tmp_path, second, first, "000000010000000000000003.partial", "00000002.history", f"{first}.00000028.backup")
    _fill(tmp_path, "README", "000000020000000000000009.tmp", f"{first}.77.dr-copy", "00000001000000000000000g")
    (tmp_path / "000000010000000000000007").symlink_to("/dev/zero")
    (tmp_path / "refused").mkdir()

    listing = scan(tmp_path)

    assert [file.name for file in listing.segments] == [first, second]
    assert [file.name for file in listing.partials] == ["000000010000000000000003.partial"]
    assert [(file.name, file.timeline) for file in listing.histories] == [("00000002.history", 2)]
    assert listing.others == ("00000001000000000000000g", "README")
    assert not (tmp_path / f"{first}.00000028.backup").exists()


@pytest.mark.parametrize(
    ("names", "newest"),
    [
        (("000000010000000000000001", "000000010000000000000002.partial"), "000000010000000000000002.partial"),
        (("000000010000000000000002", "000000010000000000000002.partial"), "000000010000000000000002"),
        (("000000010000000000000003.partial", "000000020000000000000003.partial"), "000000020000000000000003.partial"),
        (("000000010000000100000000", "0000000100000000000000FF"), "000000010000000100000000"),
    ],
)
def test_the_newest_is_the_one_from_which_pg_receivewal_goes_on(
    tmp_path: Path, names: tuple[str, ...], newest: str
) -> None:
    """By position first, then by timeline, then closed before open."""
    _fill(tmp_path, *names)
    found = scan(tmp_path).newest

    assert found is not None
    assert found.name == newest


def test_what_is_refused_is_kept_whatever_lies_there_already(tmp_path: Path) -> None:
    """Nothing is ever overwritten aside, and nothing deleted."""
    for content in (b"one", b"two"):
        (tmp_path / "000000010000000000000001").write_bytes(content)
        refuse(scan(tmp_path).segments[0])

    assert refused(tmp_path) == ("000000010000000000000001", "000000010000000000000001.1")
    assert scan(tmp_path).segments == ()


def test_only_one_process_is_at_work_on_a_spool(tmp_path: Path) -> None:
    """The second is refused at once, and the first one's end lets it in."""
    with alone_in(tmp_path / "spool"), pytest.raises(LeaseHeld), alone_in(tmp_path / "spool"):
        raise AssertionError("both were let in")
    with alone_in(tmp_path / "spool"):
        assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700


def test_a_place_that_cannot_be_a_directory_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    """Told before anything is received."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError):
        make_spool(tmp_path / "file" / "spool")


def test_the_backlog_of_an_empty_spool_is_nothing(tmp_path: Path) -> None:
    """A spool that was never made is empty too."""
    assert backlog(scan(tmp_path / "absent").segments) == backlog(())
