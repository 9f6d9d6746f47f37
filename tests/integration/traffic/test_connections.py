"""No connection is left to the garbage collector: it warns of it in whatever is at work at that moment."""

from __future__ import annotations

import gc
import threading
import urllib.error
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dr.cli.runners import server_answers
from dr.secret import Secret
from dr.web import prefect
from dr.web.api import Service, WebApi


class _Server(BaseHTTPRequestHandler):
    """Keeps its connections; everything is fine, but for what is POSTed."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(503 if self.path == "/health" else 200)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(500)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    """Its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


def unclosed(server: str) -> list[str]:
    """What the collector says of connections to that server, once all that nobody holds is gone."""
    port = server.rpartition(":")[2]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        gc.collect()
    return [str(item.message) for item in told if item.category is ResourceWarning and port in str(item.message)]


def ask(server: str) -> None:
    """One request of an interface that is then let go of, as when an alert was told or a record switched."""
    api = WebApi(Service("x", "x.url", server, "x.token", Secret("made-up"), "Bearer", lambda _: ""))
    assert api.ask(dict, "GET", "/", "ask") == {}


def test_an_interface_that_is_let_go_of_closes_its_connections(server: str) -> None:
    """Its client has no other end than its own."""
    gc.collect()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        ask(server)
    at_once = [str(item.message) for item in told if item.category is ResourceWarning]

    assert at_once == []
    assert unclosed(server) == []


def test_a_refusal_of_prefect_s_server_is_closed_as_well(server: str) -> None:
    """An HTTP error is an answer, and holds the connection that it came by."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        prefect.ask(server, "deployments/filter", {}, list[str], 5)

    assert refused.value.closed
    assert not server_answers(server)
    assert unclosed(server) == []
