"""What a recovering server is told, how it gets its WAL, and what its messages mean."""

from __future__ import annotations

import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from dr.catalog.lsn import Lsn
from dr.policy.recovery_target import RecoveryTarget, TargetKind
from dr.postgres.recovery_log import parse_reached
from dr.postgres.recovery_settings import planned_list, replay_settings, restore_script

SEGMENT, OTHER = "000000010000000000000005", "000000010000000000000006"
NOON = datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("target", "name", "value"),
    [
        (RecoveryTarget(TargetKind.TIME, time=NOON), "recovery_target_time", "2026-01-31 10:00:00.000000+00"),
        (RecoveryTarget(TargetKind.LSN, lsn=Lsn(0x1_0000_0028)), "recovery_target_lsn", "1/28"),
        (RecoveryTarget(TargetKind.XID, xid=4711), "recovery_target_xid", "4711"),
        (RecoveryTarget(TargetKind.NAME, name="it's; here"), "recovery_target_name", "it's; here"),
        (RecoveryTarget(TargetKind.IMMEDIATE), "recovery_target", "immediate"),
    ],
)
def test_one_target_is_set_and_the_others_are_emptied_before_it(target, name, value):
    """The restored configuration may hold another one, and PostgreSQL refuses two, also an emptied one after it."""
    settings = replay_settings(target, 3, None)
    names = ("recovery_target", *(f"recovery_target_{kind}" for kind in ("time", "lsn", "xid", "name")))

    assert settings[name] == value
    assert [key for key in settings if key in names][-1] == name
    assert [settings[key] for key in names if key != name] == [""] * 4
    assert settings["recovery_target_timeline"] == "3"


def test_a_path_with_a_percent_sign_and_a_space_survives(tmp_path):
    """PostgreSQL replaces %f and %p in restore_command, and a shell reads it."""
    command = replay_settings(RecoveryTarget(), None, tmp_path / "100% sure")["restore_command"]

    assert "100%% sure/restore.sh'" in command
    assert command.endswith(" %f %p")


@pytest.fixture
def spool(tmp_path):
    """A spool that waits for one segment."""
    for name in ("ready", "handed"):
        (tmp_path / name).mkdir()
    (tmp_path / "restore.sh").write_text(restore_script())
    (tmp_path / "planned").write_text(planned_list([SEGMENT]))
    return tmp_path


def ask(spool, name):
    """Run the script as the server does; its exit status."""
    argv = ("sh", str(spool / "restore.sh"), name, str(spool / "target"))
    return subprocess.run(argv, timeout=20, check=False).returncode


def test_what_was_not_planned_is_not_there(spool):
    """At once: the server tries many names."""
    assert ask(spool, OTHER) == 1
    assert ask(spool, "00000002.history") == 1


def test_a_history_file_may_be_asked_for_again_and_again(spool):
    """It stays."""
    (spool / "ready" / "00000002.history").write_text("x")
    assert [ask(spool, "00000002.history") for _ in range(2)] == [0, 0]


def test_a_planned_file_is_waited_for_and_handed_over_once(spool):
    """The second time the server finds it in pg_wal."""

    def arrive():
        time.sleep(0.3)
        (spool / "part").write_text("wal")
        (spool / "part").rename(spool / "ready" / SEGMENT)

    thread = threading.Thread(target=arrive)
    thread.start()
    assert ask(spool, SEGMENT) == 0
    thread.join()
    assert (spool / "target").read_text() == "wal"
    assert not (spool / "ready" / SEGMENT).exists()
    assert ask(spool, SEGMENT) == 1


def test_when_fetching_has_failed_the_server_gives_up(spool):
    """Any status up to 125 would be the end of the WAL to it, and it would open without what is missing."""
    (spool / "failed").write_text("why")
    assert ask(spool, SEGMENT) > 125


def test_the_script_ends_with_the_server_that_asked(spool):
    """It does not wait for a file that nobody wants any more."""
    outer = f"sh {spool / 'restore.sh'} {SEGMENT} {spool / 'target'} & echo $! >{spool / 'pid'}; sleep 0.5"
    subprocess.run(("sh", "-c", outer), timeout=20, check=True)
    pid = int((spool / "pid").read_text())
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        status = Path(f"/proc/{pid}/status")
        if not status.exists() or "\nState:\tZ" in status.read_text():
            return
        time.sleep(0.05)
    pytest.fail("it still waits")


LOG = """\
2026-11-23 22:01:02.345 UTC [1] LOG:  restored log file "000000010000000000000005" from archive
2026-11-23 22:01:02.345 UTC [1] LOG:  restored log file "000000010000000000000006" from archive
2026-11-23 22:01:02.345 UTC [1] LOG:  recovery stopping before commit of transaction 741, time 2026-11-23 22:00:01.5+00
2026-11-23 22:01:02.345 UTC [1] LOG:  redo done at 0/6000098 system usage: CPU: user: 0.00 s
2026-11-23 22:01:02.345 UTC [1] LOG:  last completed transaction was at log time 2026-11-23 22:00:00.25+00
2026-11-23 22:01:02.345 UTC [1] LOG:  selected new timeline ID: 2
"""


def test_the_servers_messages_say_what_was_reached():
    """The target as PostgreSQL met it, the last record, the last transaction, the new timeline."""
    reached = parse_reached(LOG)

    assert reached.stopped.startswith("recovery stopping before commit of transaction 741")
    assert (reached.lsn, reached.last_file, reached.timeline) == (Lsn(0x6000098), OTHER, 2)
    assert reached.commit == datetime(2026, 11, 23, 22, 0, 0, 250000, tzinfo=UTC)
    assert "now on timeline 2" in str(reached)
    assert str(parse_reached("")) == "replayed to the end of the WAL"
