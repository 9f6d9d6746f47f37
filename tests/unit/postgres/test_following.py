"""A directory that is made a replica's: what is written, what stays, and where no password is."""

from __future__ import annotations

import stat
from contextlib import suppress
from pathlib import Path

import pytest

from dr.errors import RecoveryFailed
from dr.postgres.connection import parameters
from dr.postgres.following import (
    AUTO,
    PASSWORDS,
    address_of,
    forget_primary,
    lay_standby,
    other_settings,
    put_back_settings,
    server_of,
)
from dr.postgres.own_files import own_files_kept, put_back_own_files, set_aside, take_own_files
from dr.secret import Secret

WORD = "it's: a \\ secret"
PRIMARY = Secret(f"host=db2 port=5433 user=copy password='{WORD}'".replace("\\", "\\\\").replace("it's", "it\\'s"))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """What of a data directory matters here."""
    made = tmp_path / "data"
    made.mkdir(mode=0o700)
    (made / "postgresql.conf").write_text("port = 5432\n")
    (made / "pg_hba.conf").write_text("local all all trust\n")
    (made / AUTO).write_text("# Do not edit\nwork_mem = '4MB'\nprimary_conninfo = 'host=old'\nrestore_command = 'cp'\n")
    return made


def test_the_primary_is_named_once_and_other_settings_stay(directory: Path) -> None:
    """Of two lines with one name PostgreSQL takes the last; nobody should have to know that."""
    lay_standby(directory, PRIMARY, "dr_region", "dr_primary")
    text = (directory / AUTO).read_text()

    assert text.count("primary_conninfo") == 1
    assert "host=db2" in text
    assert "work_mem = '4MB'" in text
    assert "restore_command" not in text
    assert "primary_slot_name = 'dr_region'" in text
    assert (directory / "standby.signal").exists()


def test_the_password_lies_in_a_file_of_the_server_alone(directory: Path) -> None:
    """Nobody who may see settings sees it, and its special characters arrive as they are."""
    lay_standby(directory, PRIMARY, "dr_region", "dr_primary")
    file = directory / PASSWORDS

    assert "secret" not in (directory / AUTO).read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == "db2:5433:*:copy:it's\\: a \\\\ secret\n"
    forget_primary(directory)
    assert not file.exists()


def test_a_directory_that_was_to_be_promoted_follows_instead(directory: Path) -> None:
    """recovery.signal would end in a timeline of its own."""
    (directory / "recovery.signal").touch()
    lay_standby(directory, PRIMARY, "dr_region", "dr_primary")

    assert not (directory / "recovery.signal").exists()


def test_settings_that_an_attempt_has_left_are_put_back_by_the_next(directory: Path, tmp_path: Path) -> None:
    """Also by one that has nothing to replay any more."""
    aside = tmp_path / "data_archive" / "settings.before"
    aside.parent.mkdir()
    before = (directory / AUTO).read_text()
    wanted = {"restore_command": f"cp {aside.parent}/%f %p", "primary_conninfo": ""}
    with other_settings(directory, aside, wanted):
        inside, kept = (directory / AUTO).read_text(), aside.read_text()
    ended = (directory / AUTO).read_text()
    (directory / AUTO).write_text(inside)
    aside.write_text(kept)  # as it lies there when the process is killed within

    assert put_back_settings(directory, aside)
    assert (directory / AUTO).read_text() == ended == before
    assert not aside.exists()


def test_settings_of_another_day_are_not_put_back(directory: Path, tmp_path: Path) -> None:
    """It follows another primary by now: what an attempt of months ago has put aside is no news."""
    aside = tmp_path / "data_archive" / "settings.before"
    aside.parent.mkdir()
    aside.write_text("primary_conninfo = 'host=gone'\n")
    lay_standby(directory, PRIMARY, "dr_region", "dr_primary")
    now = (directory / AUTO).read_text()

    with other_settings(directory, aside, {"restore_command": f"cp {aside.parent}/%f %p"}):
        pass
    assert (directory / AUTO).read_text() == now
    assert not aside.exists()


def test_the_hosts_own_files_are_as_they_were(directory: Path) -> None:
    """What pg_rewind brings from the other host is taken back, also what was not there before."""
    with own_files_kept(directory):
        (directory / "postgresql.conf").write_text("port = 6543\n")
        (directory / "pg_hba.conf").unlink()
        (directory / "server.key").write_text("theirs")

    assert (directory / "postgresql.conf").read_text() == "port = 5432\n"
    assert (directory / "pg_hba.conf").exists()
    assert not (directory / "server.key").exists()


def test_they_are_put_back_after_a_crash_in_the_midst(directory: Path) -> None:
    """The next attempt does not take the other host's files for its own."""
    with suppress(KeyboardInterrupt), own_files_kept(directory):
        (directory / "postgresql.conf").write_text("port = 6543\n")
        raise KeyboardInterrupt
    put_back_own_files(directory)

    assert (directory / "postgresql.conf").read_text() == "port = 5432\n"


def test_they_are_put_back_when_it_fails_in_the_midst(directory: Path, tmp_path: Path) -> None:
    """A base backup takes its place then, and its own files from there: not those of the other host."""
    (tmp_path / "making").mkdir()
    with suppress(RecoveryFailed), own_files_kept(directory):
        (directory / "postgresql.conf").write_text("port = 6543\n")
        raise RecoveryFailed("the line was cut")
    take_own_files(directory, tmp_path / "making")

    assert (tmp_path / "making" / "postgresql.conf").read_text() == "port = 5432\n"
    assert not list(tmp_path.glob("*_own_files"))


def test_a_directory_that_was_set_aside_gives_the_hosts_own_files_too(directory: Path, tmp_path: Path) -> None:
    """Cut off between the two renames, the next attempt finds no directory to take them from."""
    making = tmp_path / "making"
    making.mkdir()
    (making / "postgresql.conf").write_text("port = 6543\n")
    directory.rename(set_aside(directory))
    take_own_files(directory, making)

    assert (making / "postgresql.conf").read_text() == "port = 5432\n"
    assert (making / "pg_hba.conf").exists()


def test_an_address_takes_the_place_of_one_and_the_role_of_another() -> None:
    """Host and port of the server, everything else of the role's address."""
    given = parameters(
        address_of(
            Secret("postgresql://boss:x@db2:5433/postgres"), Secret("postgresql://copy:y@db1/shop?sslmode=require")
        )
    )

    assert given == {
        "host": "db2",
        "port": "5433",
        "user": "copy",
        "password": "y",
        "dbname": "shop",
        "sslmode": "require",
    }


def test_a_lock_file_of_a_dead_server_is_no_server(directory: Path) -> None:
    """SIGKILL leaves it behind."""
    (directory / "postmaster.pid").write_text("4194304\n/somewhere\n")

    assert server_of(directory) == 0
