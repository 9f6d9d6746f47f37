"""The local install keeps to its own directory and port, and to nobody's production."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from deployments.local import down, main
from deployments.local_parts import MARK
from deployments.local_place import ADDRESS, Place
from dr.configuration.environment import OTHER_VARIABLES, VARIABLES
from dr.errors import ConfigurationError


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A directory that ``up`` has made."""
    made = Place(tmp_path / ".local")
    made.make()
    return made


def test_the_directory_is_its_owners_alone(place: Place) -> None:
    """Also when it was there before with other rights."""
    place.directory.chmod(0o755)

    place.make()

    assert stat.S_IMODE(place.directory.stat().st_mode) == 0o700


def test_a_place_that_cannot_be_made_is_refused_with_a_hint(tmp_path: Path) -> None:
    """A file of that name, or another user's directory."""
    (tmp_path / ".local").write_text("", encoding="ascii")

    with pytest.raises(ConfigurationError, match="cannot be used") as told:
        Place(tmp_path / ".local").make()

    assert "--directory" in told.value.hint


def test_status_tells_what_runs_and_where(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Part by part; 0 only when all of them run, so that scripts can ask."""
    asked = ["status", "--directory", str(place.directory)]
    for part in place.parts:
        assert main(asked) == 1
        assert f"{part.name}: does not run" in capsys.readouterr().out
        part.begin(("sleep", "60"), os.environ, place.directory)
    try:
        place.port_file.write_text("4207", encoding="ascii")

        assert main(asked) == 0
        said = capsys.readouterr().out
        assert [line.partition(":")[0] for line in said.splitlines()] == ["demo", "server", "worker", "Prefect"]
        assert f"http://{ADDRESS}:4207" in said
    finally:
        for part in place.parts:
            part.end()
    assert main(asked) == 1
    assert "http://" not in capsys.readouterr().out


def test_status_of_a_place_that_was_never_made_makes_none(tmp_path: Path) -> None:
    """Looking changes nothing."""
    assert main(["status", "--directory", str(tmp_path / ".local")]) == 1
    assert not (tmp_path / ".local").exists()


def test_a_taken_port_leads_to_the_next_free_one(place: Place) -> None:
    """And later commands know which it was."""
    with socket.create_server((ADDRESS, 0)) as taken:
        port = taken.getsockname()[1]

        chosen = place.choose_port(port)

    assert chosen > port
    assert Place(place.directory).port == chosen


@pytest.mark.parametrize("variable", [*VARIABLES, *OTHER_VARIABLES, "DATABASE_URL_FILE", "AWS_PROFILE", "PGPASSWORD"])
def test_nothing_of_a_real_system_is_handed_on(place: Place, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """Whatever names a server, a bucket, a key or a configuration stays in the operator's shell."""
    monkeypatch.setenv(variable, "production")

    assert "production" not in place.environment({}).values()
    place.remove_temporary()


def test_another_prefect_is_not_spoken_to(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that the shell knows gets no demo registered, and its home no demo's history."""
    monkeypatch.setenv("PREFECT_API_URL", "http://production:4200/api")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")

    environment = place.environment({})

    assert "PREFECT_API_URL" not in environment
    assert Path(environment["PREFECT_HOME"]).is_relative_to(place.directory)
    assert ADDRESS in environment["NO_PROXY"]
    assert environment[MARK] == Place(place.directory).mark
    place.remove_temporary()


def test_the_temporary_directory_is_private_short_and_removed(place: Place) -> None:
    """One for all parts; gone with everything in it, and made anew when it is needed again."""
    first = place.temporary
    (first / "left").write_text("x", encoding="ascii")

    assert first == Place(place.directory).temporary
    assert stat.S_IMODE(first.stat().st_mode) == 0o700
    assert first.stat().st_uid == os.getuid()
    place.remove_temporary()
    assert not first.exists()
    assert place.temporary != first
    place.remove_temporary()


def test_a_tampered_note_removes_nothing_of_others(place: Place, tmp_path: Path) -> None:
    """What is removed bears our name, whatever the note says."""
    other = tmp_path / "precious"
    other.mkdir()
    (place.directory / "run" / "temporary").write_text(str(other), encoding="utf-8")

    place.remove_temporary()

    assert other.is_dir()


def test_down_without_an_install_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And makes no directory."""
    down(Place(tmp_path / ".local"))

    assert "Nothing is running" in capsys.readouterr().out
    assert not (tmp_path / ".local").exists()


def test_two_commands_at_once_are_refused(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """The second is told to wait, with the exit code of a held lease."""
    import fcntl

    with place.lock_file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        assert main(["down", "--directory", str(place.directory)]) == 12

    assert "another `make up` or `make down`" in capsys.readouterr().err
