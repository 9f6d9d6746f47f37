"""Child processes that never outlive us and whose end is always explained.

Every child runs in its own process group, inherits no terminal and no standard output of ours (a worker that waits for
the end of our output would otherwise hang on it), and is told by the kernel when we die. ``setpriv`` arms that signal
because Python code between fork and exec is unsafe in a program with threads.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dr.errors import ConfigurationError, Interrupted, PipelineError, ToolError
from dr.pipeline.launch import Account, child_environment, prefix
from dr.pipeline.messages import Tail

PIPE_BYTES = 1 << 20
SECRET_BYTES = 4096
"""The least that every pipe takes at once."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a child ended. ``status`` is negative for a signal; times are seconds."""

    name: str
    status: int
    stderr: str
    cpu_seconds: float
    wall_seconds: float

    @property
    def ok(self) -> bool:
        return self.status == 0

    def __str__(self) -> str:
        how = f"killed by {_signal_name(-self.status)}" if self.status < 0 else f"exit status {self.status}"
        text = self.stderr.strip()
        return f"{self.name}: {how}" + (f": {text}" if text else "")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


_living: weakref.WeakSet[Child] = weakref.WeakSet()
_threads_ended = threading.Event()


def end_children_of_threads() -> None:
    """Kill every child that another thread than the main one began, and let those threads begin no more.

    For an interruption: threads cannot be cut off, but what they wait for can.
    """
    _threads_ended.set()
    for child in tuple(_living):
        if child.thread != threading.main_thread().ident:
            child.kill_group()


class Child:
    """A started process with piped standard streams. Use as a context manager: it is dead and reaped afterwards.

    With a file for ``stderr`` that gets what it says, and its exit has nothing of it.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        account: Account | None = None,
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = subprocess.DEVNULL,
        stderr: IO[bytes] | None = None,
        pass_fds: Sequence[int] = (),
        directory: Path | None = None,
        death_signal: str = "KILL",
    ) -> None:
        account = account or Account()
        self.name = name
        self.thread = threading.get_ident()
        if _threads_ended.is_set() and threading.current_thread() is not threading.main_thread():
            raise Interrupted(f"{name} is not begun: this run was interrupted")
        self._begin = time.monotonic()
        switch = account.uid is not None and not account.namespace
        try:
            self.process = subprocess.Popen(
                [*prefix(account, death_signal), *map(str, argv)],
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.PIPE if stderr is None else stderr,
                env=child_environment(environment or {}),
                start_new_session=True,
                pass_fds=tuple(pass_fds),
                cwd=directory,
                user=account.uid if switch else None,
                group=account.gid if switch else None,
                extra_groups=() if switch else None,
            )
        except OSError as error:
            raise ToolError(
                f"cannot run {argv[0]}", detail=str(error), hint="Install it, or correct the path in the configuration."
            ) from error
        self._stderr = Tail(self.process.stderr) if self.process.stderr is not None else None
        self._exit: Exit | None = None
        # From its reaping on the pid may be a stranger's: whoever signals or reaps holds this, for an instant only.
        self._lock = threading.RLock()
        self._reaped: tuple[int, float, float] | None = None
        _living.add(self)

    @property
    def stdin(self) -> IO[bytes]:
        if self.process.stdin is None:
            raise ValueError(f"{self.name} was started without a standard input")
        return self.process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        if self.process.stdout is None:
            raise ValueError(f"{self.name} was started without a standard output")
        return self.process.stdout

    def close_stdin(self) -> None:
        """Tell the child that nothing more comes; one that has gone already explains itself by its exit."""
        with contextlib.suppress(BrokenPipeError, ValueError):
            self.stdin.close()

    def stderr_so_far(self) -> str:
        """What it has written to its standard error, while it may still be running."""
        return self._stderr.so_far() if self._stderr is not None else ""

    def poll(self) -> Exit | None:
        """How it ended, or None while it runs."""
        return self._reap(os.WNOHANG)

    def wait(self, deadline_seconds: float | None = None) -> Exit:
        """Wait for the end; after ``deadline_seconds`` the whole group is killed and the exit shows the signal."""
        if deadline_seconds is not None:
            end = time.monotonic() + deadline_seconds
            pause = 0.001
            while self.poll() is None and time.monotonic() < end:
                time.sleep(pause)
                pause = min(pause * 2, 0.05)
            if self._exit is None:
                self.kill()
        result = self._reap(0)
        if result is None:
            raise PipelineError(f"{self.name} cannot be waited for", hint="Run the step again.")
        return result

    def _reap(self, options: int) -> Exit | None:
        if self._exit is not None:
            return self._exit
        try:
            # It stays a zombie, and its pid its own, until what it left running has been killed.
            ended = os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT | options)
            if ended is None:
                return None
            status, cpu_seconds, wall_seconds = self._end_group()
        except ChildProcessError as error:
            with self._lock:  # another thread of ours may be about to note what it has reaped
                reaped = self._reaped
            if reaped is None:
                raise PipelineError(f"{self.name} was reaped by somebody else", hint="Run the step again.") from error
            status, cpu_seconds, wall_seconds = reaped
        said = self._stderr.text() if self._stderr is not None else ""
        self._exit = Exit(self.name, status, said, cpu_seconds, wall_seconds)
        return self._exit

    def _end_group(self) -> tuple[int, float, float]:
        """Kill what an ended child has left behind, then reap it: its status, processor and wall seconds."""
        with self._lock:
            if self._reaped is None:
                self.kill_group()
                _, status, usage = os.wait4(self.process.pid, 0)
                self.process.returncode = os.waitstatus_to_exitcode(status)
                wall_seconds = time.monotonic() - self._begin
                self._reaped = (self.process.returncode, usage.ru_utime + usage.ru_stime, wall_seconds)
            return self._reaped

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the child alone; a dead one is left in peace."""
        with self._lock:
            if self._is_ours():
                os.kill(self.process.pid, number)

    def kill_group(self) -> None:
        """Send SIGKILL to the child's process group unless it was reaped; safe from any thread, reaps nothing."""
        with self._lock, contextlib.suppress(ProcessLookupError, PermissionError):
            if self._is_ours():
                os.killpg(self.process.pid, signal.SIGKILL)

    def _is_ours(self) -> bool:
        """Whether the pid is still that of our child, running or not yet reaped."""
        if self._reaped is not None:
            return False
        try:
            os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return True

    def kill(self) -> None:
        """End the child and whatever it started, also what a child that ended well has left behind."""
        self.kill_group()
        self._reap(0)

    def close(self) -> None:
        """Kill if still running, and let go of the pipes."""
        self.kill()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def run(
    name: str,
    argv: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    account: Account | None = None,
    deadline_seconds: float = 600,
    directory: Path | None = None,
) -> tuple[Exit, str]:
    """Run a short command to its end; its exit and its standard output as text. The caller judges the status."""
    with Child(
        name, argv, environment=environment, account=account, stdout=subprocess.PIPE, directory=directory
    ) as child:
        timer = threading.Timer(deadline_seconds, child.kill_group)
        timer.daemon = True
        timer.start()
        try:
            output = child.stdout.read().decode(errors="replace")
            return child.wait(deadline_seconds), output
        finally:
            timer.cancel()


@contextlib.contextmanager
def secret_pipe(value: str) -> Iterator[int]:
    """A file descriptor from which a child reads a short secret; it never reaches argv or a file.

    Raises ``ConfigurationError`` above ``SECRET_BYTES``: a pipe that nobody reads yet takes no more than its buffer.
    """
    data = value.encode() + b"\n"
    if len(data) > SECRET_BYTES:
        raise ConfigurationError(
            f"a secret of {len(data)} bytes is no passphrase",
            hint=f"Give one of less than {SECRET_BYTES} bytes; a file of keys belongs into secret_key_file.",
        )
    read_end, write_end = os.pipe()
    try:
        os.write(write_end, data)
        os.close(write_end)
        write_end = -1
        yield read_end
    finally:
        os.close(read_end)
        if write_end >= 0:
            os.close(write_end)


def widen(stream: IO[bytes]) -> None:
    """Ask for a larger pipe buffer: fewer switches between the stages. A refusal costs only speed."""
    with contextlib.suppress(OSError):
        fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def is_running(pid: int) -> bool:
    """Whether there is a process of that number on this host, whoever's it is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
