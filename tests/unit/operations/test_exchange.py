"""Two data directories change places whatever stops us in between, and none is ever removed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from dr.configuration.model import EncryptionSettings, PostgresSettings, System
from dr.errors import IdentityMismatch, TargetRefused
from dr.operations.database.exchange import exchange, require_exchanged
from dr.operations.database.place import (
    Occupied,
    Place,
    identity_of,
    last_ran,
    leftovers,
    look_at,
    require_ours,
    require_stopped,
    set_aside,
)
from dr.operations.database.stage import clear
from dr.secret import Secret

pytestmark = pytest.mark.incident("I4")


def place_in(directory: Path) -> Place:
    """Production's data and a staged copy."""
    made = Place(
        directory / "data", directory / "data.recovered_20260131_020000", directory / "data.before_20260131_020000"
    )
    for path, word in ((made.data, "old"), (made.staged, "new")):
        path.mkdir()
        (path / "PG_VERSION").write_text(word)
    return made


def what_is(path: Path) -> str:
    """Which of the two lies there."""
    return (path / "PG_VERSION").read_text()


def test_the_copy_takes_the_place_and_the_old_one_is_kept(tmp_path: Path) -> None:
    """And a second call finds it done."""
    place = place_in(tmp_path)

    copy = identity_of(place.staged)

    first, again = exchange(place, copy), exchange(place, copy)

    assert (what_is(place.data), what_is(place.aside)) == ("new", "old")
    assert first.aside == again.aside == str(place.aside)
    assert set_aside(place.data) == (place.aside,)
    assert leftovers(place.data) == ()


def test_a_call_that_was_cut_off_between_the_two_is_gone_on_with(tmp_path: Path) -> None:
    """Production's place is empty for that moment."""
    place = place_in(tmp_path)
    place.data.rename(place.aside)

    exchange(place, identity_of(place.staged))

    assert (what_is(place.data), what_is(place.aside)) == ("new", "old")


def test_nothing_moves_when_all_three_are_there(tmp_path: Path) -> None:
    """One of them would be overwritten."""
    place = place_in(tmp_path)
    place.aside.mkdir()

    with pytest.raises(TargetRefused, match="all there"):
        exchange(place, identity_of(place.staged))

    assert (what_is(place.data), what_is(place.staged)) == ("old", "new")


def test_nothing_moves_when_neither_is_there(tmp_path: Path) -> None:
    """Somebody has moved them; that is told and not guessed at."""
    place = place_in(tmp_path)
    copy = identity_of(place.staged)
    place.data.rename(tmp_path / "elsewhere")
    place.staged.rename(tmp_path / "elsewhere too")

    with pytest.raises(TargetRefused, match="neither"):
        exchange(place, copy)


def test_a_copy_that_somebody_has_removed_is_never_taken_for_one_in_service(tmp_path: Path) -> None:
    """Production's place then still holds the damaged directory: to start it would be told as a recovery."""
    place = place_in(tmp_path)
    copy = identity_of(place.staged)
    shutil.rmtree(place.staged)

    with pytest.raises(TargetRefused, match="not the directory that was to take its place") as caught:
        exchange(place, copy)

    assert what_is(place.data) == "old"
    assert "--anew" in caught.value.hint


def test_a_directory_made_by_hand_is_not_the_copy_that_was_questioned(tmp_path: Path) -> None:
    """It may be given the very inode of the one that was removed."""
    place = place_in(tmp_path)
    copy = identity_of(place.staged)
    shutil.rmtree(place.staged)
    place.staged.mkdir()
    (place.staged / "PG_VERSION").write_text("foreign")

    with pytest.raises(TargetRefused, match="is not the directory that was to take"):
        exchange(place, copy)

    assert (what_is(place.data), what_is(place.staged)) == ("old", "foreign")
    shutil.rmtree(place.data)
    place.staged.rename(place.data)
    with pytest.raises(TargetRefused):
        require_exchanged(place.data, copy)


def test_a_directory_without_data_of_postgresql_is_never_set_aside(tmp_path: Path) -> None:
    """A parent of the right one, say, of which the service would know nothing."""
    place = place_in(tmp_path)
    (place.data / "PG_VERSION").unlink()
    system = System("shop", PostgresSettings(Secret("")), (), EncryptionSettings())

    with pytest.raises(TargetRefused, match="no PG_VERSION"):
        look_at(system, place.data, 16)


def test_that_a_server_has_run_is_seen(tmp_path: Path) -> None:
    """By its control file, which each start changes; one that is not there says nothing."""
    place = place_in(tmp_path)
    nothing = last_ran(place.data)
    (place.data / "global").mkdir()
    (place.data / "global" / "pg_control").write_text("")

    assert nothing == 0
    assert last_ran(place.data) > 0


@pytest.mark.parametrize("which", ["data", "staged"])
def test_nothing_moves_from_under_a_server(tmp_path: Path, which: str) -> None:
    """This process stands for it; a file that a dead one has left is no server."""
    place = place_in(tmp_path)
    running = getattr(place, which)
    (running / "postmaster.pid").write_text(f"{os.getpid()}\n{running}\n")

    with pytest.raises(TargetRefused, match="server runs"):
        exchange(place, identity_of(place.staged))

    assert (what_is(place.data), what_is(place.staged)) == ("old", "new")
    (running / "postmaster.pid").write_text("999999999\n")
    require_stopped(running)


def test_an_empty_place_is_taken_and_nothing_is_set_aside(tmp_path: Path) -> None:
    """As on a new host."""
    place = place_in(tmp_path)
    place.data.rename(tmp_path / "elsewhere")

    done = exchange(place, identity_of(place.staged))

    assert what_is(place.data) == "new"
    assert done.aside == ""


def test_todays_configuration_goes_with_it(tmp_path: Path) -> None:
    """What was changed since the backup; what lies elsewhere is nobody's business here."""
    place = place_in(tmp_path)
    (place.data / "postgresql.conf").write_text("port = 5433\n")
    (place.staged / "postgresql.conf").write_text("port = 5432\n")
    for path in (place.data, place.staged):
        (path / "pg_hba.conf").write_text("local all all trust\n")
    (place.staged / "pg_ident.conf").write_text("")

    done = exchange(place, identity_of(place.staged))

    assert done.configured == ("postgresql.conf",)
    assert (place.data / "postgresql.conf").read_text() == "port = 5433\n"
    assert (place.data / "postgresql.conf").stat().st_mode & 0o077 == 0
    assert not list(place.data.glob("*.carried"))


def test_only_what_belongs_to_the_copy_is_cleared(tmp_path: Path) -> None:
    """Production's directory and what was set aside have other names."""
    place = place_in(tmp_path)
    place.aside.mkdir()
    for suffix in ("_wal", "_tablespaces", "_chain", "_mine"):
        place.staged.with_name(place.staged.name + suffix).mkdir()

    clear(place.staged)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "data",
        "data.before_20260131_020000",
        "data.recovered_20260131_020000_mine",
    ]


def test_the_directory_of_another_cluster_is_refused() -> None:
    """By its control file; one that cannot be read is taken for ours, which the plan says."""
    data = Path("/srv/data")

    with pytest.raises(IdentityMismatch, match="another cluster"):
        require_ours(Occupied(True, "7001", ()), data, "7002")

    require_ours(Occupied(True, "7001", ()), data, "7001")
    require_ours(Occupied(True, "", ()), data, "7002")
