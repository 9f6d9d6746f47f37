"""Configuration that cannot be read, changes while it is, is not there, or can be read by everybody."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dr.catalog.labels import Kind
from dr.configuration.components.config import ConfigSettings
from dr.errors import SourceError, SourceInvalid
from dr.policy.drill_verdict import Answer
from tests.integration.components.etc_shop import PASSWORD, etc, lying_under
from tests.integration.components.shelf import Shelf, failed

__all__ = ["etc"]

WRITER = """
import itertools, pathlib, sys
for number in itertools.count():
    pathlib.Path(sys.argv[1]).write_text(f"number = {number}\\n" * 2000)
"""


@pytest.fixture
def public_place() -> Iterator[Path]:
    """A directory that every user of this host can get to; pytest's own are closed."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_file_that_cannot_be_read_is_said_to_be_absent(shelf: Shelf, etc: Path) -> None:
    """The kernel refuses to give it even to root: the others are kept, and the manifest warns of the one."""
    unreadable = Path("/proc/self/mem")
    shelf = shelf.with_components(config=ConfigSettings(paths=(etc, unreadable)))
    shelf.back_up(Kind.CONFIG)

    restored = shelf.restore(Kind.CONFIG)
    probes = shelf.question(Kind.CONFIG, restored)

    assert len(shelf.contents(Kind.CONFIG).warnings) == 1
    assert f"{unreadable.resolve()} (" in shelf.contents(Kind.CONFIG).warnings[0]
    assert (lying_under(Path(restored.directory), etc) / "app.toml").exists()
    assert [probe.answer for probe in failed(probes)] == [Answer.UNPROVEN]


def test_a_pipe_does_not_hang_the_backup(shelf: Shelf, etc: Path) -> None:
    """Nobody writes into it; it is passed over, without a warning."""
    os.mkfifo(etc / "pipe")
    shelf = shelf.with_components(config=ConfigSettings(paths=(etc,)))
    shelf.back_up(Kind.CONFIG)

    restored = shelf.restore(Kind.CONFIG)

    assert shelf.contents(Kind.CONFIG).warnings == ()
    assert not (lying_under(Path(restored.directory), etc) / "pipe").exists()
    assert failed(shelf.question(Kind.CONFIG, restored)) == []


def test_what_is_configured_and_absent_stops_the_backup(shelf: Shelf, etc: Path) -> None:
    """A path that is not there, a dangling link, and a configuration of which nothing is left."""
    (etc / "dangling").symlink_to("/nowhere")
    for path in (etc / "absent", etc / "dangling"):
        with pytest.raises(SourceError, match="is not there"):
            shelf.with_components(config=ConfigSettings(paths=(path,))).back_up(Kind.CONFIG)
    (etc / "hollow").mkdir()
    with pytest.raises(SourceInvalid, match="no configuration"):
        shelf.with_components(config=ConfigSettings(paths=(etc / "hollow",))).back_up(Kind.CONFIG)

    assert shelf.files("local", Kind.CONFIG) == []


def test_a_variable_that_is_not_set_is_warned_of(shelf: Shelf, etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is kept."""
    monkeypatch.setenv("SHOP_THERE", "1")
    shelf = shelf.with_components(config=ConfigSettings(environment=("SHOP_THERE", "SHOP_ABSENT")))
    shelf.back_up(Kind.CONFIG)

    assert shelf.contents(Kind.CONFIG).warnings == ("the environment variable SHOP_ABSENT is not set in this process",)


def test_a_secret_that_everybody_can_read_is_noted(shelf: Shelf, public_place: Path) -> None:
    """Noted by path, never by value; a closed file, and an open one without secrets, are not."""
    open_file, closed, dull = (public_place / name for name in ("open.env", "closed.env", "dull.toml"))
    open_file.write_text(f'DB_PASSWORD="{PASSWORD}"\n')
    closed.write_text(f'DB_PASSWORD="{PASSWORD}"\n')
    dull.write_text('level = "info"\nport = 80\nhost = "db"\n')
    for path, mode in ((open_file, 0o644), (closed, 0o640), (dull, 0o644)):
        path.chmod(mode)
    shelf = shelf.with_components(config=ConfigSettings(paths=(dull,), environment_files=(open_file, closed)))
    shelf.back_up(Kind.CONFIG)

    notes = shelf.contents(Kind.CONFIG).notes

    assert len(notes) == 1
    assert notes[0].endswith(f": {open_file}")
    assert PASSWORD not in notes[0]


def test_a_file_that_is_written_all_the_while_is_warned_of(shelf: Shelf, etc: Path) -> None:
    """Another process rewrites it without a pause: read again, kept, and said to be doubtful."""
    busy = etc / "busy.toml"
    shelf = shelf.with_components(config=ConfigSettings(paths=(etc,)))
    with subprocess.Popen((sys.executable, "-c", WRITER, busy)) as writer:
        try:
            while not busy.exists():
                assert writer.poll() is None
            shelf.back_up(Kind.CONFIG)
        finally:
            writer.kill()

    assert [text for text in shelf.contents(Kind.CONFIG).warnings if str(busy) in text and "torn" in text]
