"""Logs that cannot be read, that are links, and that come too late: none is passed over without a word."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from dr.catalog.labels import Kind
from tests.integration.components.log_files import LINES, day, days_in, files_below, manifests, put, with_logs
from tests.integration.components.shelf import Shelf
from tests.unit.crypto.keyrings import People

ROOT = Path(__file__).parents[3]


def test_many_files_that_cannot_be_read_do_not_keep_the_others_back(
    shelf: Shelf, people: People, tmp_path: Path
) -> None:
    """More of them than a run looks again for rotation, open and closed ones: the rest is shipped, and it warns."""
    place = tmp_path / "var" / "app"
    for number in range(9):
        put(place / f"private{number}.log", LINES, 0).chmod(0)
    put(place / f"private-{day(2)}.log", LINES, 2).chmod(0)
    put(place / "app.log", LINES, 0)
    put(place / f"app-{day(2)}.log", LINES, 2)
    # Root may read everything unless these two rights are taken away from it.
    less = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
    script = Path(__file__).with_name("backing_up_logs.py")
    argv = (sys.executable, script, shelf.directory, people.ring.home, people.ours, place)

    done = subprocess.run((*less, *argv), env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    first = f"{place}/private-{day(2)}.log cannot be read: Permission denied"
    assert done.stdout == f"10 files are not in this backup: {first}; nor can 9 more"
    shelf = with_logs(shelf, tmp_path / "var", audit=())
    restored = files_below(Path(shelf.restore(Kind.LOGS).directory))
    assert [Path(name).name for name in sorted(restored)] == [f"app-{day(2)}.log", "app.log"]


def test_a_log_that_is_configured_by_a_link_is_the_file_it_leads_to(shelf: Shelf, tmp_path: Path) -> None:
    """By its own name; a link that is found below a directory is not followed."""
    real = put(tmp_path / "data" / f"audit-{day(2)}.log", LINES, 2)
    var = tmp_path / "var"
    put(var / "app.log", LINES, 0)
    (var / "audit.log").symlink_to(real)
    shelf = with_logs(shelf, var, application=(var,), audit=(var / "audit.log",))
    application, audit = shelf.back_up_all(Kind.LOGS)

    assert application.problems == audit.problems == ()
    assert days_in(shelf.manifest(Kind.LOGS, application.label)) == []
    assert days_in(shelf.manifest(Kind.LOGS, audit.label)) == [(str(day(2)), 1)]


def test_a_quiet_log_of_an_old_release_is_shipped_and_what_is_too_old_is_told(shelf: Shelf, tmp_path: Path) -> None:
    """The date of a release is not that of its lines; a day that every store has done with is a note."""
    place = tmp_path / "var" / "app"
    put(place / "releases" / f"{day(300):%Y%m%d}103000" / "log" / "app.log", LINES, 2)
    put(place / "releases" / f"{day(300):%Y%m%d}103000" / "log" / "app.log.1", f"one {LINES}", 4)
    for ago in (400, 500):
        put(place / f"app-{day(ago)}.log", LINES, ago)
    shelf = with_logs(shelf, tmp_path / "var", audit=())
    shelf.back_up_all(Kind.LOGS)

    (manifest,) = manifests(shelf)
    assert manifest.component is not None
    assert days_in(manifest) == [(str(day(4)), 1)]
    assert [item.count for item in manifest.component.items] == [1, 1]
    assert manifest.component.warnings == ()
    assert manifest.component.notes == (
        f"2 files of {day(500)} to {day(400)} are not sent: every store's period for such days is over",
    )
