"""A real Prefect server and a real worker, as processes of their own that die with the test, in a home of their own."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dr.configuration.environment import OTHER_VARIABLES, VARIABLES
from tests.prefect_template import furnish, keep

ROOT = Path(__file__).parents[2]
_PR_SET_PDEATHSIG = 1
_BOOT_SECONDS = 240


@dataclass(frozen=True, slots=True)
class RealServer:
    """Where it listens and keeps its things. ``log`` is what it said."""

    api: str
    home: Path
    log: Path

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """For a process that is to use it and nothing of this machine's own Prefect or protected systems."""
        foreign = {*VARIABLES, *(f"{name}_FILE" for name in VARIABLES), *OTHER_VARIABLES}
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in foreign and not name.startswith(("PREFECT_", "AWS_"))
        }
        return {
            **kept,
            "PREFECT_HOME": str(self.home),
            "PREFECT_API_URL": self.api,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PYTHONPATH": str(ROOT),
            **extra,
        }

    def processes(self) -> tuple[int, ...]:
        """Its process and that one's children, by what their environment says; no client's, which has another home."""
        home = f"PREFECT_HOME={self.home}".encode()
        found = []
        for process in Path("/proc").iterdir():
            try:
                if process.name.isdigit() and home in (process / "environ").read_bytes().split(b"\0"):
                    found.append(int(process.name))
            except OSError:
                continue
        return tuple(found)


@contextmanager
def real_server(directory: Path, *options: str) -> Iterator[RealServer]:
    """``prefect server start`` on a free port with SQLite; it answers when this is entered."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = directory / "prefect"
    home.mkdir(parents=True)
    furnish(home)
    server = RealServer(f"http://127.0.0.1:{port}/api", home, directory / "server.log")
    argv = ("server", "start", "--host", "127.0.0.1", "--port", str(port), *options)
    # It looks for new schedules once a minute; a test has no minute.
    environment = server.environment({"PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "3"})
    del environment["PREFECT_API_URL"]
    with _prefect(argv, environment, directory, server.log) as process:
        _wait(process, server)
        keep(home)
        yield server


@contextmanager
def real_worker(
    server: RealServer, directory: Path, extra: Mapping[str, str], host: Callable[..., tuple[str, ...]] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """``prefect worker start`` on our pool, begun in ``directory``; its log is ``worker.log`` there.

    ``host`` makes of a command the one that begins it on another machine (``Machine.within``).
    """
    environment = server.environment({"PREFECT_WORKER_QUERY_SECONDS": "1", **extra})
    argv = ("worker", "start", "--pool", "dr", "--name", "of-the-test")
    with _prefect(argv, environment, directory, directory / "worker.log", host) as process:
        yield process


@contextmanager
def _prefect(
    arguments: tuple[str, ...],
    environment: dict[str, str],
    directory: Path,
    log: Path,
    host: Callable[..., tuple[str, ...]] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    argv = (sys.executable, "-m", "prefect", *arguments)
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv if host is None else host(*argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            cwd=directory,
            preexec_fn=die_with_parent,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], server: RealServer) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + _BOOT_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with direct.open(f"{server.api}/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"Prefect's server did not begin:\n{server.log.read_text(errors='replace')[-3000:]}")


def die_with_parent() -> None:
    """A killed test run leaves nothing behind; and where the test ignores SIGINT the worker must not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
