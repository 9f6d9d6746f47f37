"""A stand-in for Atlassian Statuspage's API in a process of its own: incidents of one page, as documented.

It checks the key and keeps what it was told. What it does not show: the limit of one request a second, mails.

    python -m tests.endpoints.statuspage TOKEN PAGE
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from dr.secret import Secret
from tests.endpoints.serving import running

STAGES = ("investigating", "identified", "monitoring", "resolved")


@dataclass(frozen=True, slots=True)
class Statuspage:
    """A running stand-in; ``url`` is what a configuration gives."""

    url: str
    token: Secret
    page: str

    def incidents(self) -> list[dict[str, Any]]:
        """All of them, resolved ones too, the newest first."""
        answer = httpx.get(
            f"{self.url}/pages/{self.page}/incidents",
            headers={"Authorization": f"OAuth {self.token.reveal()}"},
            trust_env=False,
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        return list(answer.json())


@contextmanager
def statuspage(directory: Path) -> Iterator[Statuspage]:
    """A page without incidents."""
    token, page = Secret(f"key-{id(directory):x}-made-up"), "y73h6tpxk3b8"
    program = (sys.executable, "-m", "tests.endpoints.statuspage", token.reveal(), page)
    where = {"PYTHONPATH": str(Path(__file__).parents[2])}
    with running(program, directory / "statuspage.log", re.compile(rb"at (http://127\.0\.0\.1:\d+)"), where) as (
        at,
        _,
    ):
        yield Statuspage(at + "/v1", token, page)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""

    def _handle(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"{}")
        if self.headers.get("Authorization") != f"OAuth {self.server.token}":
            self._say(401, {"error": "Could not authenticate"})
            return
        place = f"/v1/pages/{self.server.page}/incidents"
        below = self.path.removeprefix(place)
        with self.server.lock:
            found = self.server.incidents
            if not self.path.startswith(place):
                self._say(404, {"error": "not found"})
            elif (self.command, below) == ("GET", ""):
                self._say(200, found)
            elif (self.command, below) == ("GET", "/unresolved"):
                self._say(200, [one for one in found if one["status"] != "resolved"])
            elif (self.command, below) == ("POST", ""):
                self._change({"id": f"inc{len(found) + 1}", "incident_updates": []}, body["incident"], 201)
            elif self.command == "PATCH" and (known := [one for one in found if f"/{one['id']}" == below]):
                self._change(known[0], body["incident"], 200)
            else:
                self._say(404, {"error": "not found"})

    def _change(self, incident: dict[str, Any], told: dict[str, Any], status: int) -> None:
        if told.get("status") not in STAGES or not told.get("name"):
            self._say(422, {"error": ["status is not included in the list"]})
            return
        kept = ("name", "status", "impact_override", "metadata", "components", "deliver_notifications")
        incident |= {key: told[key] for key in kept if key in told}
        incident["shortlink"] = f"https://stspg.example.org/{incident['id']}"
        incident["incident_updates"].insert(0, {"status": told["status"], "body": told.get("body", "")})
        if status == 201:
            self.server.incidents.insert(0, incident)
        self._say(status, incident)

    def _say(self, status: int, answer: object) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_PATCH(self) -> None:
        self._handle()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, token: str, page: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.token, self.page = token, page
        self.incidents: list[dict[str, Any]] = []
        self.lock = threading.Lock()


if __name__ == "__main__":
    server = _Server(*sys.argv[1:3])
    sys.stdout.write(f"at http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
