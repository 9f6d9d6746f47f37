"""What makes the demo's second region: a power switch that proves what it says, and names that lead to who answers."""

from __future__ import annotations

import os
import socketserver
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from dr.configuration.procedures.services import ServiceSettings
from dr.demo.doors import door
from dr.services.process import ProcessService
from dr.services.process.files import read_told

ROOT = Path(__file__).resolve().parents[3]


def power(fence: str, primary: Path, standby: Path) -> subprocess.CompletedProcess[str]:
    """The switch, as a failover runs it."""
    return subprocess.run(
        (sys.executable, "-m", "dr.demo.power", str(primary), str(standby)),
        env={**os.environ, "PYTHONPATH": str(ROOT), "DR_FENCE": fence},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """The directories of two supervised commands that run."""
    command = (sys.executable, "-c", "import time; time.sleep(600)")
    both = [ProcessService(ServiceSettings(name, "process", command=command), tmp_path / name) for name in ("1", "2")]
    try:
        for one in both:
            one.start(60)
        yield both[0].place, both[1].place
    finally:
        for one in both:
            one.stop(10)


def test_it_switches_off_one_side_and_says_so_only_when_nothing_of_it_is_left(served: tuple[Path, Path]) -> None:
    """The supervisor first, so that nothing begins it again; the other side is not touched."""
    first, second = (read_told(place) for place in served)
    assert first is not None
    assert first.child is not None
    assert second is not None
    assert second.child is not None

    ended = power("primary", *served)

    assert (ended.returncode, ended.stdout) == (0, "no process of 1 is left\n"), ended.stderr
    assert not first.supervisor.alive
    assert not first.child.alive
    assert second.supervisor.alive
    assert second.child.alive
    assert power("primary", *served).returncode == 0


@pytest.mark.parametrize(("fence", "code"), [("primary", 1), ("", 2), ("both", 2)])
def test_what_was_never_started_there_and_what_nobody_names_prove_nothing(
    tmp_path: Path, fence: str, code: int
) -> None:
    """A switch that is wired to the wrong place must not be believed."""
    assert power(fence, tmp_path / "a", tmp_path / "b").returncode == code


@contextmanager
def region(word: str) -> Iterator[HTTPServer]:
    """A server that says its name."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(word.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def test_a_name_leads_to_the_first_region_while_that_answers_and_to_the_second_then() -> None:
    """With neither the door is shut, and nobody waits."""

    def said(port: int) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
            return str(answer.read().decode())

    def ports(*servers: socketserver.TCPServer) -> tuple[int, ...]:
        return tuple(int(server.server_address[1]) for server in servers)

    with region("second") as second:
        with region("first") as first, door(*ports(first, second)) as port:
            before = said(port)
            gone = ports(first)
        with door(*gone, *ports(second)) as port:
            after = said(port)
        with door(*gone) as port, pytest.raises((urllib.error.URLError, OSError)):
            said(port)

    assert (before, after) == ("first", "second")
