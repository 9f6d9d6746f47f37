"""Child processes: how they end is always told, what they know is little, and none is left over."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dr.errors import ConfigurationError, ToolError
from dr.pipeline.process import PIPE_BYTES, SECRET_BYTES, Child, Exit, run, secret_pipe, widen

SECRET_VARIABLES = (
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "BACKUP_ENCRYPTION_KEY",
    "DATABASE_URL",
    "NOTIFICATION_WEBHOOK",
    "ALERT_SMS_WEBHOOK",
)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _soon(condition: Callable[[], bool], seconds: float = 3) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def _descriptors() -> list[str]:
    return [entry.name for entry in Path("/proc/self/fd").iterdir()]


@pytest.mark.parametrize(
    "script, status, told",
    [
        ("exit 0", 0, "step: exit status 0"),
        ("echo 'no such table' >&2; exit 7", 7, "step: exit status 7: no such table"),
        ("kill -TERM $$", -signal.SIGTERM, "step: killed by SIGTERM"),
        ("kill -KILL $$", -signal.SIGKILL, "step: killed by SIGKILL"),
        ("kill -40 $$", -40, "step: killed by signal 40|step: killed by SIG.*"),
    ],
)
def test_how_a_child_ended_is_told_in_words(script, status, told):
    """Status and stderr, or the signal by its name; also a signal that has none."""
    with Child("step", ("sh", "-c", script)) as child:
        ended = child.wait(10)

    assert ended.status == status
    assert ended.ok is (status == 0)
    assert any(str(ended) == one or str(ended).startswith(one.removesuffix(".*")) for one in told.split("|"))


def test_a_program_that_is_missing_is_told_with_a_hint(tmp_path):
    """What to do about it comes along."""
    with pytest.raises(ToolError, match="cannot run") as caught:
        Child("step", (tmp_path / "pg_dump",), directory=tmp_path / "no such directory")

    assert caught.value.hint


def test_the_exit_is_told_again_however_often_it_is_asked_for():
    """A child is reaped once; wait, poll, kill and close stay harmless after that."""
    with Child("step", ("sh", "-c", "exit 4")) as child:
        ended = child.wait()
        assert child.wait() == ended == child.poll()
        child.kill()
        child.signal(signal.SIGKILL)
        child.close()

    assert ended.status == 4
    assert ended.wall_seconds >= 0
    assert ended.cpu_seconds >= 0


def test_a_running_child_has_no_exit_yet():
    """And is gone when the context is left."""
    with Child("step", ("sleep", "60")) as child:
        assert child.poll() is None
        assert _alive(child.process.pid)

    assert not Path(f"/proc/{child.process.pid}").exists()


def test_our_secrets_are_not_in_the_environment_of_children(monkeypatch):
    """A child's environment can be read by whoever runs as the same user, and ends up in its crash reports."""
    token = secrets.token_hex(16)
    for name in SECRET_VARIABLES:
        monkeypatch.setenv(name, token)
    monkeypatch.setenv("PGSERVICEFILE", "/etc/harmless")
    monkeypatch.setenv("LC_MESSAGES", "de_DE.UTF-8")

    ended, text = run("env", ("env",), environment={"PGPASSWORD": "given on purpose"})

    variables = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    assert ended.ok
    assert token not in text
    assert variables["PGSERVICEFILE"] == "/etc/harmless"
    assert variables["PGPASSWORD"] == "given on purpose"
    assert variables["LC_MESSAGES"] == "C", "their messages are parsed"


def test_messages_come_in_english_even_where_one_setting_overrules_all_others(monkeypatch):
    """LC_ALL beats LC_MESSAGES."""
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")

    _, text = run("env", ("env",))

    assert "LC_ALL=de_DE.UTF-8" not in text.splitlines()


def test_a_secret_pipe_hands_a_secret_over_by_descriptor_alone():
    """Not by argument, not by environment, not by file; afterwards both ends are closed."""
    token = secrets.token_hex(16)
    before = set(_descriptors())
    with (
        secret_pipe(token) as descriptor,
        Child(
            "reader",
            ("sh", "-c", f"tr '\\0' ' ' </proc/self/cmdline; env; cat /dev/fd/{descriptor}"),
            stdout=subprocess.PIPE,
            pass_fds=(descriptor,),
        ) as child,
    ):
        said = child.stdout.read().decode()

    assert said.endswith(f"{token}\n")
    assert said.count(token) == 1
    assert set(_descriptors()) == before


def test_a_secret_that_no_pipe_may_hold_is_refused_at_once():
    """Writing it would wait for ever for somebody who reads."""
    with secret_pipe("x" * (SECRET_BYTES - 1)) as descriptor:
        assert len(os.read(descriptor, 2 * SECRET_BYTES)) == SECRET_BYTES

    before = set(_descriptors())
    with pytest.raises(ConfigurationError, match="no passphrase") as caught, secret_pipe("x" * SECRET_BYTES):
        pass
    assert caught.value.hint
    assert set(_descriptors()) == before


def test_a_child_inherits_no_descriptor_of_ours(tmp_path):
    """A store's file or a pipe's end held open in a child would never come to its end."""
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        _, text = run("ls", ("ls", "/proc/self/fd"))

    assert set(map(int, text.split())) <= {0, 1, 2, 3}  # 3 is the directory that ls reads


def test_a_child_does_not_write_to_our_standard_output(capfd):
    """A worker waits for the end of our output; a JSON document must stay one."""
    with Child("step", ("sh", "-c", "echo noise; echo more >&2")) as child:
        child.wait(10)

    assert capfd.readouterr() == ("", "")


def test_each_child_is_in_a_session_of_its_own():
    """Ctrl-C on the terminal reaches us alone, and we decide in which order to stop."""
    with Child("step", ("sleep", "60")) as child:
        assert os.getsid(child.process.pid) == child.process.pid != os.getsid(0)


def test_a_deadline_that_is_not_reached_changes_nothing():
    """The exit is the child's own."""
    with Child("step", ("sh", "-c", "exit 3")) as child:
        assert child.wait(30).status == 3


def test_streams_that_were_not_asked_for_are_not_there():
    """A clear error instead of None."""
    with Child("step", ("true",)) as child:
        with pytest.raises(ValueError, match="without a standard input"):
            _ = child.stdin
        with pytest.raises(ValueError, match="without a standard output"):
            _ = child.stdout


def test_closing_the_input_of_a_dead_child_is_harmless():
    """Its own exit explains what happened."""
    with Child("step", ("true",), stdin=subprocess.PIPE) as child:
        child.wait(10)
        child.stdin.write(b"x")
        child.close_stdin()
        child.close_stdin()


def test_pipes_are_widened_where_they_can_be(tmp_path):
    """What is no pipe costs only speed."""
    with Child("step", ("cat",), stdin=subprocess.PIPE) as child, (tmp_path / "file").open("wb") as file:
        widen(child.stdin)
        widen(file)
        child.stdin.write(bytes(PIPE_BYTES // 4))  # would block in a narrow pipe if nobody read
        child.close_stdin()
        assert child.wait(10).ok


def test_output_of_a_short_command_is_text():
    """With its exit, which the caller judges."""
    ended, text = run("step", ("sh", "-c", "echo out; echo err >&2; exit 2"))

    assert isinstance(ended, Exit)
    assert (ended.status, text, ended.stderr) == (2, "out\n", "err\n")


def test_no_thread_and_no_descriptor_is_left():
    """A worker runs for months."""
    threads, descriptors = set(threading.enumerate()), set(_descriptors())
    for _ in range(3):
        run("step", ("sh", "-c", "echo x; echo y >&2"))

    assert _soon(lambda: set(threading.enumerate()) <= threads)
    assert set(_descriptors()) == descriptors
