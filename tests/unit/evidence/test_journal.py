"""A procedure's journal: what ended is read back, what was torn is cut off, what is damaged is refused."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dr.catalog.lsn import Lsn
from dr.errors import BackupInvalid, ConfigurationError, LeaseHeld, RecoveryFailed, StoreFull, TargetRefused
from dr.evidence.journal import (
    FILE,
    Journal,
    Opening,
    last_work,
    open_journal,
    read_journal,
    require_recent,
    supersede,
    unfinished,
)
from dr.evidence.journal_events import Event, encoded

WANTED = Opening("full-recovery", "shop", {"point": ""})


@dataclass(frozen=True, slots=True)
class Brought:
    """What a step may give."""

    where: Path
    until: Lsn
    at: datetime
    counts: tuple[int, ...]


def opened(parent: Path, opening: Opening = WANTED, *, anew: bool = False) -> Journal:
    """A journal as a procedure opens it."""
    return open_journal(parent, opening, run="a run", anew=anew)


def test_a_step_that_ended_is_read_back_and_not_done_again(tmp_path: Path) -> None:
    """Its result comes back as the type that it had."""
    given = Brought(Path("/srv/data"), Lsn.parse("16/B374D848"), datetime(2026, 1, 2, tzinfo=UTC), (1, 2))
    calls = []

    def action() -> Brought:
        calls.append(1)
        return given

    with opened(tmp_path) as first:
        assert first.do("restore", action, Brought) == given
    with opened(tmp_path) as second:
        found = second.do("restore", action, Brought)

    assert (found, calls, second.resumed) == (given, [1], True)


def test_a_step_that_failed_or_only_began_is_done_again(tmp_path: Path) -> None:
    """Only an end is an end."""
    with opened(tmp_path) as first:
        first.begin("cut off")
        with pytest.raises(RecoveryFailed):
            first.do("fails", _fail, str)
    with opened(tmp_path) as second:
        done = [second.do(name, lambda: "well", str) for name in ("cut off", "fails")]
        begun = [second.was_begun(name) for name in ("cut off", "fails", "never")]

    assert done == ["well", "well"]
    assert begun == [True, True, False]


def _fail() -> str:
    raise RecoveryFailed("it does not answer at postgresql://shop:hush@db/shop")


def test_a_failure_is_kept_without_its_passwords(tmp_path: Path) -> None:
    """What a driver puts into its message is masked."""
    with opened(tmp_path) as journal, pytest.raises(RecoveryFailed):
        journal.do("fails", _fail, str)
    told = next(event.text for event in journal.events if event.what == "fail")

    assert "RecoveryFailed" in told
    assert "hush" not in (journal.directory / FILE).read_text()


def test_a_closed_journal_is_not_gone_on_with(tmp_path: Path) -> None:
    """The next run of the same begins one of its own."""
    with opened(tmp_path) as first:
        first.end("restore", "done")
        first.close()
    with opened(tmp_path) as second:
        fresh = not second.is_done("restore")

    assert fresh
    assert second.name != first.name


def test_another_wish_and_a_new_beginning_are_journals_of_their_own(tmp_path: Path) -> None:
    """Other parameters, or --anew: which closes what lies unfinished, so that nobody goes on with it later."""
    with opened(tmp_path) as first:
        first.end("restore", "done")
    with opened(tmp_path, Opening("full-recovery", "shop", {"point": "point_20260101_000000"})) as other:
        pass
    both = {path.name for path, _ in unfinished(tmp_path, "full-recovery", "shop")}
    with opened(tmp_path, anew=True) as anew:
        pass

    assert len({first.name, other.name, anew.name}) == 3
    assert both == {first.name, other.name}
    assert [path.name for path, _ in unfinished(tmp_path, "full-recovery", "shop")] == [anew.name]
    assert read_journal(first.directory)[-1].text.startswith("superseded: begun anew")
    assert not unfinished(tmp_path, "full-recovery", "another")


def test_a_run_that_nobody_has_worked_on_for_a_day_is_not_gone_on_with(tmp_path: Path) -> None:
    """Its copy is of yesterday: it would replace what was committed since. --anew begins again."""
    with opened(tmp_path) as first:
        first.end("restore", "done")
    old = (first.directory / FILE).read_text().replace(f"{datetime.now(UTC):%Y-}", "2020-")
    (first.directory / FILE).write_text(old)

    with pytest.raises(TargetRefused, match="nobody has worked on it since 2020-") as refused:
        opened(tmp_path)

    assert "--anew" in refused.value.hint
    with opened(tmp_path, anew=True) as anew:
        assert anew.name != first.name
        assert not anew.is_done("restore")


def test_a_day_is_counted_from_the_last_work_and_not_from_the_begin_or_from_opening_it_again(tmp_path: Path) -> None:
    """A restore of thirty hours goes on; one that is merely opened again each morning grows old all the same."""
    now = datetime.now(UTC)
    opening = Event(now - timedelta(hours=40), "open", procedure="full-recovery", system="shop")
    long = (opening, Event(now - timedelta(hours=2), "fail", "restore"), Event(now, "open"))
    stale = (opening, Event(now - timedelta(hours=30), "end", "restore"), Event(now - timedelta(hours=1), "open"))
    for name, events in (("long", long), ("stale", stale), ("bare", (opening, Event(now, "open")))):
        (tmp_path / name).mkdir()
        (tmp_path / name / FILE).write_bytes(b"".join(encoded(event) for event in events))

    require_recent(tmp_path / "long")
    for name in ("stale", "bare"):
        with pytest.raises(TargetRefused, match="nobody has worked on it"):
            require_recent(tmp_path / name)
    assert last_work(long) == long[1].at
    assert last_work(stale) == stale[1].at


def test_a_run_that_ends_closes_what_others_have_left(tmp_path: Path) -> None:
    """By whatever words it was asked for."""
    with opened(tmp_path) as first:
        first.end("restore", "done")

    closed = supersede(tmp_path, "full-recovery", "shop", "by another")

    assert closed == (first.name,)
    assert unfinished(tmp_path, "full-recovery", "shop") == ()
    assert supersede(tmp_path, "full-recovery", "shop", "by another") == ()


def test_a_torn_last_line_is_cut_off_and_the_rest_counts(tmp_path: Path) -> None:
    """What a crash leaves: the next line begins on a line of its own."""
    with opened(tmp_path) as first:
        first.end("restore", "done")
    file = first.directory / FILE
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"at":"2026-01-01T00:00:00Z","what":"end","step":"sta')
    seen_meanwhile = len(read_journal(first.directory))
    with opened(tmp_path) as second:
        second.end("start", "done")
        done = [second.is_done("restore"), second.is_done("start")]

    assert seen_meanwhile == 2
    assert done == [True, True]
    assert [event.what for event in read_journal(second.directory)] == ["open", "end", "open", "end"]


@pytest.mark.parametrize("line", [0, 1, 2], ids=["the first", "one in the midst", "the last"])
def test_a_whole_line_that_is_damaged_is_refused_and_left_as_it_is(tmp_path: Path, line: int) -> None:
    """It was synced, so something else has changed it: nobody may take what was done for not done."""
    with opened(tmp_path) as first:
        first.end("restore", "done")
        first.end("start", "done")
    file = first.directory / FILE
    lines = file.read_bytes().splitlines(keepends=True)
    lines[line] = b"\0" * 7 + lines[line][7:]
    file.write_bytes(b"".join(lines))

    with pytest.raises(BackupInvalid, match=f"line {line + 1} .*damaged"):
        opened(tmp_path)
    assert file.read_bytes() == b"".join(lines)
    with opened(tmp_path, anew=True) as anew:
        assert anew.name != first.name


def test_a_newer_programs_journal_is_refused_also_where_it_looks_quite_different(tmp_path: Path) -> None:
    """Its last line too is never cut off as if a crash had torn it."""
    with opened(tmp_path) as first:
        pass
    file = first.directory / FILE
    newer = file.read_bytes() + b'{"format":2,"at":17,"what":{"kind":"end"}}\n'
    file.write_bytes(newer)

    with pytest.raises(ConfigurationError, match="newer program"):
        opened(tmp_path)
    assert file.read_bytes() == newer


def test_only_one_process_is_at_work_on_a_procedure(tmp_path: Path) -> None:
    """Not on the same journal, nor on another of the same procedure, nor anew."""
    program = (
        "import sys; from pathlib import Path; from dr.evidence.journal import Opening, open_journal\n"
        "open_journal(Path(sys.argv[1]), Opening('full-recovery', 'shop', {'point': ''}), run='other')\n"
        "print('held', flush=True); sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        (sys.executable, "-c", program, str(tmp_path)), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        for anew in (False, True):
            with pytest.raises(LeaseHeld, match="another process"):
                opened(tmp_path, anew=anew)
        with pytest.raises(LeaseHeld):
            opened(tmp_path, Opening("full-recovery", "shop", {"point": "other"}))
        with opened(tmp_path, Opening("recover-app", "shop")) as free:
            assert not free.resumed
    finally:
        other.send_signal(signal.SIGKILL)
        other.communicate()
    with opened(tmp_path) as mine:
        assert mine.resumed


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """A disk that is full, as far as this process can tell: a write takes a part, and the next one fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_full_disk_leaves_no_half_line_and_the_work_goes_on_when_there_is_room(tmp_path: Path) -> None:
    """A part of a line was taken: it is taken back, and said."""
    with opened(tmp_path) as journal:
        file = journal.directory / FILE
        before = file.read_bytes()
        with no_file_longer_than(len(before) + 20), pytest.raises(StoreFull, match="cannot be written"):
            journal.end("restore", "done")
        done_in_vain = journal.is_done("restore")
        left = file.read_bytes()
        journal.end("restore", "done")
    with opened(tmp_path) as second:
        done = second.is_done("restore")

    assert (done_in_vain, left) == (False, before)
    assert done


def test_what_went_wrong_is_told_also_where_it_cannot_be_written_down(tmp_path: Path) -> None:
    """The disk that stopped the step is often the journal's as well."""
    with opened(tmp_path) as journal:
        size = (journal.directory / FILE).stat().st_size
        with pytest.raises(OSError, match=r"limit|large") as caught, no_file_longer_than(size + 150):
            journal.do("restore", lambda: _write_a_lot(tmp_path / "data"), int)

    assert any("journal" in note for note in caught.value.__notes__)


def _write_a_lot(file: Path) -> int:
    with file.open("wb", buffering=0) as stream:
        while stream.write(b"x" * 4096):
            pass
    return file.stat().st_size


def test_a_step_that_is_to_be_done_anew_gives_what_it_gave_last(tmp_path: Path) -> None:
    """What it had seen before may not hold any more."""
    given = iter((1, 2, 3))
    with opened(tmp_path) as first:
        first.do("fence", lambda: next(given), int)
    with opened(tmp_path) as second:
        again = second.do("fence", lambda: next(given), int, anew=True)
        kept = second.do("fence", lambda: next(given), int)

    assert (again, kept) == (2, 2)


def test_threads_that_meet_a_type_for_the_first_time_at_once_read_it_all_the_same() -> None:
    """Parts that were restored side by side are read back side by side; the process must not die of it (SIGSEGV)."""
    ended = subprocess.run((sys.executable, "-m", "tests.unit.evidence.first_met"), capture_output=True, check=False)

    assert ended.returncode == 0, ended.stderr.decode()
