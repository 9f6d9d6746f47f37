"""Recovery needs no Prefect: not its server, and not a Prefect that can be imported."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.integration.cli.command import Dr
from tests.integration.conftest import ROOT, free_port


@pytest.fixture
def broken_prefect(tmp_path: Path) -> Path:
    """A directory on whose account every import of Prefect fails, as a broken dependency makes it fail."""
    shims = tmp_path / "shims"
    shims.mkdir()
    (shims / "prefect.py").write_text("raise ImportError('prefect is broken')\n", encoding="utf-8")
    return shims


def runner_of(dr: Dr) -> set[str]:
    """Which runners the kept records of all runs name."""
    files = (dr.directory / "backups").rglob("run_*.json")
    return {json.loads(file.read_text())["runner"] for file in files}


def test_backup_and_recovery_work_when_prefect_cannot_be_imported(dr: Dr, broken_prefect: Path) -> None:
    """The whole way, with ``import prefect`` raising: backed up, listed, recovered, recorded by the plain runner."""
    path = f"{broken_prefect}:{ROOT}"
    made = dr("backup", "--kind", "base", PYTHONPATH=path)
    recovered = dr("recover-db", "--to", "copy", "--yes", PYTHONPATH=path)

    assert (made.code, recovered.code) == (0, 0), made.err + recovered.err
    assert runner_of(dr) == {"plain"}


def test_a_server_that_does_not_answer_is_said_in_one_line_and_done_without(dr: Dr) -> None:
    """PREFECT_API_URL leads nowhere: one line says so, the backup is made, and quickly."""
    made = dr("backup", "--kind", "dump", PREFECT_API_URL=f"http://127.0.0.1:{free_port()}/api")

    assert made.code == 0, made.err
    assert [line for line in made.err.splitlines() if "does not answer" in line and "running without it" in line]
    assert len(made.err.splitlines()) == 1
    assert runner_of(dr) == {"plain"}


@pytest.mark.parametrize("drip", [b"", b"X-Wait: a little\r\n"], ids=["silent", "dripping"])
def test_a_server_that_only_keeps_the_line_open_is_not_waited_for(dr: Dr, drip: bytes) -> None:
    """One that accepts and says nothing, or never comes to an end, costs a second and not the recovery."""
    with dripping_server(drip) as url:
        begin = time.monotonic()
        listed = dr("list", PREFECT_API_URL=url)
        seconds = time.monotonic() - begin

    assert listed.code == 0, listed.err
    assert "does not answer" in listed.err
    assert seconds < 5


def test_a_server_that_answers_and_a_prefect_that_is_broken_still_end_in_a_backup(dr: Dr, broken_prefect: Path) -> None:
    """The server is well, our Prefect is not: the plain runner does it and says why."""
    with healthy_server() as url:
        made = dr("backup", "--kind", "dump", PREFECT_API_URL=url, PYTHONPATH=f"{broken_prefect}:{ROOT}")

    assert made.code == 0, made.err
    assert "prefect is broken" in made.err
    assert runner_of(dr) == {"plain"}


def test_remote_wants_a_server_and_no_password(dr: Dr) -> None:
    """--remote without a server is refused; a password is refused before anything is asked of a server."""
    lonely = dr("backup", "--remote", "--json")
    target = "postgresql://someone:" + "not-for-prefect" + "@127.0.0.1/copy"
    loud = dr("recover-db", "--remote", "--to", target, "--json")

    assert (lonely.code, lonely.document["error"]["type"]) == (3, "ConfigurationError")
    assert "PREFECT_API_URL" in lonely.document["error"]["hint"]
    assert (loud.code, loud.document["error"]["type"]) == (3, "ConfigurationError")
    assert "env:NAME" in loud.document["error"]["hint"]
    assert "not-for-prefect" not in loud.out + loud.err


class _Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"true")

    def log_message(self, *args: object) -> None: ...


@contextmanager
def healthy_server() -> Iterator[str]:
    """Something that says it is well."""
    server = HTTPServer(("127.0.0.1", 0), _Healthy)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def dripping_server(drip: bytes) -> Iterator[str]:
    """Something that begins an answer and then sends ``drip`` ten times a second for half a minute."""
    over = Event()

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\n" if drip else b"")
                for _ in range(300):
                    if over.wait(0.1):
                        return
                    connection.sendall(drip)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/api"
        over.set()
        thread.join(5)
