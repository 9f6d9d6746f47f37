"""Logs: shipped by day and class, each once, and brought back as they were."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from dr.catalog.labels import Kind, Label
from dr.errors import BackupNotFound, SourceError
from dr.operations.component.restore_logs import restore_logs
from dr.policy.log_days import OPEN
from tests.integration.components.log_files import LINES, day, days_in, files_below, manifests, put, put_logs, with_logs
from tests.integration.components.shelf import Shelf, failed


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Where they lie."""
    put_logs(tmp_path / "var")
    return tmp_path / "var"


def test_lost_logs_come_back_by_class_and_day(shelf: Shelf, logs: Path) -> None:
    """Each class is a backup of its own, kept as its own; every file returns, and says that it is as it was."""
    shelf = with_logs(shelf, logs)
    published = shelf.back_up_all(Kind.LOGS)
    kept = [shelf.manifest(Kind.LOGS, item.label) for item in published]
    before = files_below(logs)
    subprocess.run(("rm", "-r", logs), check=True)

    restored = [shelf.restore(Kind.LOGS, shelf.directory / item.label, item.label) for item in published]

    assert [(item.level, item.stores, item.problems) for item in published] == [("listed", ("local", "second"), ())] * 2
    assert [item.retention_class for item in kept] == ["application-logs", "audit-logs"]
    assert [days_in(item) for item in kept] == [[(str(day(3)), 1), (str(day(2)), 1)], [(str(day(1)), 1)]]
    under = str(logs).lstrip("/")
    assert files_below(shelf.directory / published[0].label) == {
        f"application/{day(3)}/{under}/app/app-{day(3)}.log": before[f"app/app-{day(3)}.log"],
        f"application/{day(2)}/{under}/app/app-{day(2)}.log": before[f"app/app-{day(2)}.log"],
        f"application/{day(0)}.open/{under}/app/app.log": before["app/app.log"],
    }
    assert files_below(shelf.directory / published[1].label) == {
        f"audit/{day(1)}/{under}/audit/audit.log.{day(1)}": before[f"audit/audit.log.{day(1)}"]
    }
    assert not any(failed(shelf.question(Kind.LOGS, item)) for item in restored)
    assert any("not over" in note for note in restored[0].laid.notes)


def test_a_day_is_shipped_once_however_its_files_are_renamed_and_compressed(shelf: Shelf, tmp_path: Path) -> None:
    """A number more, and gzip: the same day again, and it does not travel; the day that is new does."""
    place = tmp_path / "var" / "app"
    put(place / "app.log.1", f"first {LINES}", 3)
    shelf = with_logs(shelf, tmp_path / "var", audit=(), day_from="mtime")
    shelf.back_up_all(Kind.LOGS)
    old = (place / "app.log.1").rename(place / "app.log.3")
    subprocess.run(("gzip", old), check=True)
    put(place / "app.log.2", f"second {LINES}", 2)

    shelf.back_up_all(Kind.LOGS)
    published = shelf.back_up_all(Kind.LOGS)

    assert [days_in(item) for item in manifests(shelf)] == [[(str(day(3)), 1)], [(str(day(2)), 1)], []]
    assert published[0].problems == (), "a run without anything new is no failure"


def test_a_store_that_was_away_gets_the_days_it_missed(shelf: Shelf, logs: Path) -> None:
    """What only one store holds is shipped again while the file is there, and then no more."""
    shelf = with_logs(shelf, logs, audit=(), open_day=False)
    alone = dataclasses.replace(shelf, system=dataclasses.replace(shelf.system, stores=shelf.system.stores[:1]))
    alone.back_up_all(Kind.LOGS)

    shelf.back_up_all(Kind.LOGS)
    shelf.back_up_all(Kind.LOGS)

    both = [(str(day(3)), 1), (str(day(2)), 1)]
    assert [days_in(item) for item in manifests(shelf)] == [both, both, []]


def test_a_day_older_than_its_class_is_kept_is_not_shipped_again_and_again(shelf: Shelf, logs: Path) -> None:
    """Its copy has expired, its file lies there still: that is no reason to send it."""
    put(logs / "app" / f"app-{day(40)}.log", LINES, 40)
    shelf = with_logs(shelf, logs, audit=(), open_day=False)

    shelf.back_up_all(Kind.LOGS)

    assert [name for name, _ in days_in(manifests(shelf)[0])] == [str(day(3)), str(day(2))]


def test_a_late_file_of_a_shipped_day_goes_alone_and_is_told(shelf: Shelf, logs: Path) -> None:
    """Of an audit log it is a warning: late, or somebody changed what had been shipped."""
    shelf = with_logs(shelf, logs)
    shelf.back_up_all(Kind.LOGS)
    late = put(logs / "app" / f"late-{day(2)}.log", f"late {LINES}", 2)
    changed = put(logs / "audit" / f"audit.log.{day(1)}", f"denied {LINES}", 1)
    for path in (late, changed):
        os.utime(path, (1_700_000_000, 1_700_000_000))

    application, audit = shelf.back_up_all(Kind.LOGS)

    assert days_in(shelf.manifest(Kind.LOGS, application.label)) == [(str(day(2)), 1)]
    assert days_in(shelf.manifest(Kind.LOGS, audit.label)) == [(str(day(1)), 1)]
    assert application.problems == ()
    assert [problem for problem in audit.problems if "other content" in problem]


def test_a_busy_day_after_quiet_ones_is_no_size_out_of_band(shelf: Shelf, logs: Path) -> None:
    """Each backup holds what is new, and how much that is says nothing."""
    shelf = with_logs(shelf, logs, audit=(), open_day=False)
    for _ in range(3):
        shelf.back_up_all(Kind.LOGS)
    put(logs / "app" / f"busy-{day(1)}.log", os.urandom(2 << 20).hex(), 1)
    os.utime(logs / "app" / f"busy-{day(1)}.log", (1_700_000_000, 1_700_000_000))

    (published,) = shelf.back_up_all(Kind.LOGS)

    assert published.stored_bytes > 1 << 20
    assert published.problems == ()


def test_what_is_still_written_is_shipped_whole_when_its_day_is_over(shelf: Shelf, tmp_path: Path) -> None:
    """A snapshot of an open file does not count as its day."""
    file = put(tmp_path / "var" / "app" / f"app-{day(1)}.log", f"one {LINES}", 0)
    shelf = with_logs(shelf, tmp_path / "var", audit=())
    shelf.back_up_all(Kind.LOGS)
    put(file, f"one {LINES}two {LINES}", 1)

    shelf.back_up_all(Kind.LOGS)

    first, second = manifests(shelf)
    assert days_in(first) == []
    assert first.component is not None
    assert [item.detail for item in first.component.items] == [OPEN]
    assert second.component is not None
    assert [(item.name, item.bytes) for item in second.component.items] == [(str(day(1)), len(f"one {LINES}") * 2)]


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_shipped(shelf: Shelf, logs: Path) -> None:
    """A link that leads to itself in its place: it cannot even be looked at. A damaged gzip goes as it is."""
    whole = gzip.compress(LINES.encode() * 500)
    damaged = put(logs / "app" / f"broken-{day(2)}.log.gz", "", 2)
    damaged.write_bytes(whole[: len(whole) // 2])
    os.utime(damaged, (1_700_000_000, 1_700_000_000))
    (logs / "loop").symlink_to("loop")
    shelf = with_logs(shelf, logs, audit=(), application=(logs / "app", logs / "loop" / "x.log", logs / "nowhere"))

    (published,) = shelf.back_up_all(Kind.LOGS)

    assert days_in(manifests(shelf)[0]) == [(str(day(3)), 1), (str(day(2)), 2)]
    for words in ("nowhere does not exist", "loop", "cannot be unpacked to its end"):
        assert any(words in problem for problem in published.problems), published.problems


def test_a_class_that_cannot_be_read_at_all_does_not_stop_the_other(shelf: Shelf, logs: Path) -> None:
    """Each is a backup of its own: the application's logs are safe, whatever the audit's end with."""
    shelf = with_logs(shelf, logs, audit=(logs / "nowhere",))

    with pytest.raises(SourceError, match="no audit logs can be read"):
        shelf.back_up(Kind.LOGS, keep_as="audit-logs")
    shelf.back_up(Kind.LOGS, keep_as="application-logs")

    assert [item.retention_class for item in manifests(shelf)] == ["application-logs"]


def test_days_spans_and_classes_can_be_asked_for(shelf: Shelf, logs: Path) -> None:
    """Only these come; what a backup does not hold is an error that names what it holds."""
    shelf = with_logs(shelf, logs)
    application = shelf.back_up_all(Kind.LOGS)[0].label

    def restored(*wanted: str) -> set[str]:
        place = shelf.directory / f"wanted_{len(list(shelf.directory.iterdir()))}"
        shelf.restore(Kind.LOGS, place, application, wanted)
        return {path.name for path in (place / "application").iterdir() if path.is_dir()}

    assert restored(str(day(3))) == {str(day(3))}
    assert restored(f"..{day(2)}") == {str(day(3)), str(day(2))}
    assert restored(f"{day(2)}..") == {str(day(2)), f"{day(0)}.open"}
    assert restored("application") == {str(day(3)), str(day(2)), f"{day(0)}.open"}
    with pytest.raises(BackupNotFound, match="holds nothing of 1999-12-31") as caught:
        restored("1999-12-31")
    assert str(day(3)) in caught.value.detail


def test_a_day_opens_with_stock_tools_and_its_digest_is_what_sha256sum_gives(shelf: Shelf, logs: Path) -> None:
    """tar and sha256sum, as docs/components/logs.md says."""
    put(logs / "app" / f"b-{day(3)}.log", f"b {LINES}", 3)
    shelf = with_logs(shelf, logs, audit=(), open_day=False)
    shelf.back_up_all(Kind.LOGS)
    restored = Path(shelf.restore(Kind.LOGS).directory) / "application" / str(day(3))

    listing = subprocess.run(
        ("sh", "-c", "find * -type f | LC_ALL=C sort | xargs sha256sum"), cwd=restored, capture_output=True, check=True
    ).stdout

    contents = shelf.contents(Kind.LOGS)
    assert hashlib.sha256(listing).hexdigest() == contents.items[0].digest
    assert contents.items[0].count == 2


def test_two_classes_of_one_run_have_labels_of_their_own(shelf: Shelf, logs: Path) -> None:
    """However short the first takes."""
    shelf = with_logs(shelf, logs)

    first, second = (Label.parse(item.label) for item in shelf.back_up_all(Kind.LOGS))

    assert first < second


def test_a_day_is_found_in_whichever_backup_it_lies(shelf: Shelf, logs: Path) -> None:
    """Nobody has to know which night shipped it; what no backup holds is said to be nowhere."""
    shelf = with_logs(shelf, logs)
    first, _ = shelf.back_up_all(Kind.LOGS)
    put(logs / "app" / f"late-{day(1)}.log", LINES, 1)
    os.utime(logs / "app" / f"late-{day(1)}.log", (1_700_000_000, 1_700_000_000))
    shelf.back_up_all(Kind.LOGS)

    (found,) = restore_logs(shelf.system, shelf.directory / "one", (str(day(3)),))
    everything = restore_logs(shelf.system, shelf.directory / "all")

    assert found.manifest.label == first.label
    assert [Path(name).name for name in files_below(Path(found.directory))] == [f"app-{day(3)}.log"]
    names = {Path(name).name for item in everything for name in files_below(Path(item.directory))}
    assert {f"app-{day(3)}.log", f"app-{day(2)}.log", f"audit.log.{day(1)}"} <= names
    with pytest.raises(BackupNotFound, match="no backup of logs holds 1999-01-01"):
        restore_logs(shelf.system, shelf.directory / "none", ("1999-01-01",))
